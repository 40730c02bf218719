"""Resources that are called otherwise from one apply to the next."""

from __future__ import annotations

import json

import httpx
import pytest
from cli_world import cache, here, make_project

from gemctl.emulator.transport import EmulatorTransport

JOB = """\
apiVersion: gemctl/v1
kind: BatchJob
metadata: {name: NAME}
spec: {model: gemini-3.8-flash, input: {jsonl: requests.jsonl}}
run: {results: out/results.jsonl}
"""


def declared(shop, *texts):
    (shop / "caches.yaml").write_text("".join(texts).removesuffix("---\n"))


def bound(shop):
    ledger = json.loads(here(shop, "state", "list", "--json").stdout)
    return {one["address"]: one["name"] for one in ledger["records"]}


@pytest.fixture
def refusing(monkeypatch):
    """Creates are refused as long as this says so."""
    plain, on = EmulatorTransport.handle_request, [False]

    def handle(transport, request):
        if on[0] and request.method == "POST":
            return httpx.Response(400, json={"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}})
        return plain(transport, request)

    monkeypatch.setattr(EmulatorTransport, "handle_request", handle)
    return on


def test_what_was_renamed_stays_while_the_new_one_can_not_be_made(tmp_path, refusing):
    """And what goes for another reason is not kept by that for ever."""
    shop = make_project(tmp_path / "shop", "one", "two")
    assert here(shop, "apply", "--yes").returncode == 0
    before = bound(shop)
    declared(shop, cache("three").replace("three: ", "one: "))
    refusing[0] = True
    done = here(shop, "apply", "--yes", "--allow-deletes", "2")
    assert done.returncode == 5 and "W566" in done.stderr, done.stderr
    assert bound(shop) == {"CachedContent/one": before["CachedContent/one"]}, "the other one is gone"
    refusing[0] = False
    assert here(shop, "apply", "--yes").returncode == 0
    assert list(bound(shop)) == ["CachedContent/three"]


def test_a_job_keeps_its_file_and_is_not_run_again(tmp_path):
    for how in ("mv", "moved"):
        shop = make_project(tmp_path / how)
        line = {"key": "a", "request": {"contents": [{"parts": [{"text": "Hello"}]}]}}
        (shop / "requests.jsonl").write_text(json.dumps(line) + "\n")
        declared(shop, JOB.replace("NAME", "night"))
        assert here(shop, "apply", "--yes").returncode == 0
        before = bound(shop)
        assert set(before) == {"BatchJob/night", "File/night.input"}
        declared(shop, JOB.replace("NAME", "evening"))
        if how == "mv":
            assert here(shop, "state", "mv", "BatchJob/night", "BatchJob/evening").returncode == 0
        else:
            project = (shop / "gemctl.yaml").read_text()
            (shop / "gemctl.yaml").write_text(f"{project}moved: [{{from: BatchJob/night, to: BatchJob/evening}}]\n")
            plan = json.loads(here(shop, "plan", "--json").stdout)
            moved = {(one["from"], one["to"]) for one in plan["moved"]}
            assert moved == {("BatchJob/night", "BatchJob/evening"), ("File/night.input", "File/evening.input")}
            assert here(shop, "plan", "--detailed-exitcode").returncode == 2, "it is to be written down"
            assert here(shop, "apply", "--yes").returncode == 0
        after = bound(shop)
        assert after == {name.replace("night", "evening"): live for name, live in before.items()}, how
        plan = json.loads(here(shop, "plan", "--json").stdout)
        made = {
            action: count for action, count in plan["summary"].items() if count and action not in ("keep", "harvest")
        }
        assert not made and "moved" not in plan, (how, made)


def test_a_lost_state_and_a_renamed_resource(tmp_path):
    """Rebuilt, adopted again, told apart from orphans, and taken over by its old mark."""
    shop = make_project(tmp_path / "shop")
    assert here(shop, "apply", "--yes").returncode == 0
    (name,) = bound(shop).values()
    text = (shop / "caches.yaml").read_text()
    (shop / "caches.yaml").write_text(text.replace("{name: one}", "{name: other}"))
    project = (shop / "gemctl.yaml").read_text()
    (shop / "gemctl.yaml").write_text(f"{project}moved: [{{from: CachedContent/one, to: CachedContent/other}}]\n")
    (shop / ".gemctl/local/state.json").unlink()
    (orphan,) = json.loads(here(shop, "orphans", "--json").stdout)["orphans"]
    assert "CachedContent/other" in json.dumps(orphan), orphan
    assert "CachedContent/other" in (shown := here(shop, "get").stdout) and "not bound" in shown
    assert here(shop, "state", "rebuild").returncode == 0
    assert bound(shop) == {"CachedContent/other": name}
    assert here(shop, "plan", "--detailed-exitcode").returncode == 0
