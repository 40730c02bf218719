"""Edits of what a job refers to, by `run.onEdit`: for files of lines, cut into parts or not, saved or running."""

from __future__ import annotations

import json

import pytest


def declare(shop, split, **rules) -> None:
    spec = {"input": {"jsonl": "rows.jsonl"}, "request": {"cachedContentRef": {"name": "handbook"}}}
    spec |= {"split": {"requests": split}} if split else {}
    shop.declare("nightly", spec, results="out/nightly.jsonl", **rules)


def runs(shop) -> list[str]:
    return [line for line in shop.plan() if line.startswith("create BatchJob/")]


@pytest.fixture(params=[None, 2], ids=["whole", "parts"])
def split(request, shop):
    """Three requests over a handbook; by two, in two parts."""
    shop.cache()
    asked = ({"contents": [{"parts": [{"text": f"What is {number}?"}]}]} for number in range(3))
    lines = [{"key": f"k{number}", "request": request} for number, request in enumerate(asked)]
    shop.write("rows.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    declare(shop, request.param)
    return request.param


@pytest.mark.parametrize("saved", [True, False])
@pytest.mark.parametrize(("rule", "times"), [("report", 0), ("rerun", 1)])
def test_an_edited_reference_runs_a_job_again_only_where_it_is_said(shop, split, saved, rule, times):
    shop.apply(*["--wait"] if saved else [])
    shop.write(
        "handbook.yaml", (shop.folder / "handbook.yaml").read_text("utf-8").replace("All there is", "Much of what is")
    )
    declare(shop, split, onEdit={"references": rule})
    assert {line.split(" · ")[1] for line in runs(shop)} <= {"references"}
    assert len(runs(shop)) == times * (2 if split else 1)
    if saved and not times:
        shop.lose_state()
        shop.forget_jobs()
        assert not runs(shop), "the receipt says what the run referred to"
