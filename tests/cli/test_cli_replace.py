"""`--replace ADDRESS`: a new object although nothing was edited, once each time that it is asked for."""

from __future__ import annotations

import json

import pytest
from cli_world import cache, here, make_project

POLICY = "apiVersion: gemctl/v1\nkind: TokenPolicy\nmetadata: {name: demo}\nspec: {uses: 1, expireAfter: 30m}\n"
JOB = """\
apiVersion: gemctl/v1
kind: BatchJob
metadata: {name: nightly}
spec: {model: gemini-3.8-flash, requests: [{key: a, request: {contents: Why?}}]}
"""


@pytest.fixture
def project(tmp_path):
    folder = make_project(tmp_path, "one", "two")
    assert here(folder, "apply", "--yes").returncode == 0
    return folder


def bound(folder, name="one"):
    return json.loads(here(folder, "output", "--json").stdout)["outputs"][f"CachedContent/{name}"]["name"]


def test_a_new_one_is_made_and_the_old_one_retired(project):
    before = bound(project), bound(project, "two")
    planned = json.loads(here(project, "plan", "--replace", "cachedcontents/one", "--json").stdout)
    (change,) = (one for one in planned["changes"] if one["action"] != "keep")
    assert (change["address"], change["action"], change["reason"]) == ("CachedContent/one", "replace", "requested")
    done = here(project, "apply", "--yes", "--wait", "--replace", "CachedContent/one")
    assert (done.returncode, done.stdout.count("✓ create"), done.stdout.count("✓ retire")) == (0, 1, 1)
    after = bound(project), bound(project, "two")
    assert before[0] != after[0] and before[1] == after[1]
    again = here(project, "plan", "--detailed-exitcode")
    assert again.returncode == 0 and "1 superseded" in again.stdout


def test_a_saved_plan_has_it_and_is_applied_once(project):
    before = bound(project)
    assert here(project, "plan", "--replace", "CachedContent/one", "--out", "new.plan").returncode == 0
    assert "requested" in here(project, "show", "new.plan").stdout
    refused = here(project, "apply", "--yes", "--replace", "CachedContent/one", "new.plan")
    assert refused.returncode == 64 and "--replace" in refused.stderr
    assert here(project, "apply", "--yes", "new.plan").returncode == 0
    assert bound(project) != before
    assert here(project, "apply", "--yes", "new.plan").returncode == 4


def test_what_must_not_be_destroyed_is_not_replaced(project):
    kept = cache("one").removesuffix("---\n") + "lifecycle: {preventDestroy: true}\n---\n" + cache("two")
    (project / "caches.yaml").write_text(kept.removesuffix("---\n"))
    done = here(project, "apply", "--yes", "--replace", "CachedContent/one")
    assert done.returncode == 1 and "E502" in done.stderr


def test_what_cannot_be_replaced_is_an_error(project):
    (project / "more.yaml").write_text(POLICY + "---\n" + JOB)
    for words, status, said in [
        (["CachedContent/three"], 64, "CachedContent/three is not declared"),
        (["TokenPolicy/demo"], 64, "only recorded"),
        (["BatchJob/nightly"], 64, "run.key"),
        (["Cache"], 64, "E009"),
        (["CachedContent/one", "--target", "CachedContent/two"], 64, "--target leaves that out"),
        (["CachedContent/one", "--refresh-only"], 64, "--refresh-only and --replace exclude each other"),
    ]:
        done = here(project, "plan", "--replace", *words)
        assert done.returncode == status and said in done.stderr, (words, done.stderr)
    assert "gemctl apply --replace ADDRESS" in here(project, "taint", "CachedContent/one").stderr
