"""What a watch does about jobs in parts: it feeds those that a person has begun, and begins none."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def parts(place):
    """Six requests in three parts, of which one may be in the service at a time."""
    lines = ({"key": f"k{n}", "request": {"contents": [{"parts": [{"text": f"row {n}"}]}]}} for n in range(6))
    place.write("rows.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    spec = {"model": "gemini-3.8-flash", "input": {"jsonl": "rows.jsonl"}, "split": {"requests": 2}}
    head = {"apiVersion": "gemctl/v1", "kind": "BatchJob", "metadata": {"name": "bulk"}}
    place.write("bulk.yaml", json.dumps({**head, "spec": spec, "run": {"results": "out/bulk.jsonl"}}))
    project = (place.folder / "gemctl.yaml").read_text(encoding="utf-8")
    place.write("gemctl.yaml", project + "limits: {jobs: 1}\n")
    return place


def keys(place):
    return [json.loads(line)["key"] for line in (place.folder / "out/bulk.jsonl").read_text().splitlines()]


def test_what_waits_is_fed_saved_and_merged_without_a_person(parts):
    parts.applied()
    assert parts.watch("--interval", "10m", until="30m") == 143
    made = [step for step in parts.steps() if "BatchJob" in step]
    assert sorted(made) == sorted(
        [*(f"create BatchJob/bulk.000{n}" for n in (2, 3)), *(f"harvest BatchJob/bulk.000{n}" for n in (1, 2, 3))]
    )
    assert keys(parts) == [f"k{n}" for n in range(6)]
    assert parts.told("error") == []
    ticks = [minute for tick in parts.told("tick") if (minute := round((tick["going"] or {}).get("create", 0)))]
    assert len(ticks) == 2, "one after the other"


def test_it_looks_soon_again_for_what_waits(parts):
    parts.applied()
    parts.watch("--interval", "10m", until="5m")
    assert len(parts.told("tick")) >= 3, "a job may end at any time"


def test_a_job_that_nobody_has_begun_is_not(parts):
    assert parts.watch("--interval", "10m", until="30m") == 143
    assert parts.steps() == []
    (needs,) = {json.dumps(line["changes"], sort_keys=True) for line in parts.told("needs")}
    assert "BatchJob/bulk.0001" in needs
    assert not (parts.folder / "out").exists()


def test_nor_is_one_that_was_edited_run_again(parts):
    parts.applied()
    parts.at("15m", parts.write, "rows.jsonl", (parts.folder / "rows.jsonl").read_text().replace("row", "line"))
    assert parts.watch("--interval", "10m", until="60m") == 143
    assert sorted(step for step in parts.steps() if "create BatchJob" in step) == [
        "create BatchJob/bulk.0002",
        "create BatchJob/bulk.0003",
    ]
