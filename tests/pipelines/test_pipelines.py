"""The files in docs/ci, and action.yml, which one of them uses, run: their own shell steps, in order, against a served
emulator and a forge on loopback.

Two things are not as in a real pipeline. What only GitHub and GitLab interpret (conditions, checkouts, caches,
artefacts) is done by a few lines here, which know what our files use and fail at anything else. And the step that
installs a released gemctl finds a `pip` that installs nothing: `gemctl` on PATH is this checkout's.
"""

from __future__ import annotations

import shutil
import sys

import pytest
from conformance.served import serving
from forge import Forge
from forge import serving as serving_forge
from github_runner import ACTION, ROOT, GitHub
from gitlab_runner import GitLab
from machine import Machine
from quick_gemctl import quick_gemctl
from servers import postgres
from story import TEXT, Auditor, commit, declare, merge, propose, start, statuses

DOCS = ROOT / "docs/ci"
KEY, TOKEN = "canary-key-5f1", "canary-token-8c2"
PRODUCTS = {
    "github": (GitHub, "github-actions.yml", ("Authorization", f"Bearer {TOKEN}", "github-actions[bot]")),
    "gitlab": (GitLab, "gitlab-ci.yml", ("PRIVATE-TOKEN", TOKEN, "project_7_bot")),
}
STACKS = {"cache": "{}", "postgres": "{state: {postgres: {env: GEMCTL_STATE_DSN}}}", "none": "{}"}


@pytest.fixture(scope="module")
def command(request):
    """`gemctl`; None, and one line that says so, where the steps can't be run."""
    if missing := [tool for tool in ("bash", "git", "curl", "jq") if not shutil.which(tool)]:
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"pipelines: docs/ci was not run, there is no {' and no '.join(missing)}", file=sys.stderr)
        yield None
        return
    yield quick_gemctl()


@pytest.fixture(scope="module")
def served():
    with serving("--clock", "2026-01-01T00:00:00Z", "--seed", "7") as emulator:
        yield emulator


@pytest.fixture
def emulator(served):
    served.reset()
    yield served
    assert served.state()["bugs"] == 0


@pytest.fixture
def pipeline(request, command, emulator, tmp_path):
    """(product, state) → its pipeline, over a repository with two caches; None where its steps can't be run."""
    if command is None:
        yield None
        return
    product, state = request.param
    kind, file, who = PRODUCTS[product]
    with serving_forge(Forge(*who)) as forge:
        dsn = postgres(f"ci_{tmp_path.name}") if state == "postgres" else ""
        machine = Machine(tmp_path / "ci", command, emulator.url, forge, KEY, TOKEN, dsn)
        start(machine, STACKS[state])
        yield kind.read(machine, DOCS / file, "shared" if state == "postgres" else state)
    said = "".join(file.read_bytes().decode("utf-8", "replace") for file in tmp_path.rglob("*") if file.is_file())
    assert KEY not in said and TOKEN not in said, "secrets are in no file"


QUICK = [("github", "cache"), ("gitlab", "none")]
EVERY = [
    pytest.param((product, state), marks=[] if (product, state) in QUICK else pytest.mark.slow, id=f"{product}-{state}")
    for product in PRODUCTS
    for state in STACKS
]


@pytest.mark.parametrize("pipeline", EVERY, indirect=True)
def test_from_pull_request_to_renewal(pipeline, emulator):
    if pipeline is None:
        return
    machine, forge, audit = pipeline.machine, pipeline.machine.forge, Auditor(emulator)

    jobs = pipeline.merged()
    assert statuses(jobs) == {"plan": "success", "apply": "success"}, jobs
    assert audit.since() == ["created", "created"]

    propose(machine)
    jobs = pipeline.proposed("winter")
    assert statuses(jobs) == {"validate": "success", "propose": "success"}, jobs
    (comment,) = forge.by_me()
    assert comment.startswith("<!-- gemctl plan 7d8kq2wx/prod -->\n")
    assert "1 to create, 1 to replace" in comment and "`CachedContent/opening`" in comment
    assert comment.endswith(f"Of {machine.sha('winter')}.\n")
    assert audit.since() == []

    merge(machine)
    jobs = pipeline.merged()
    assert statuses(jobs) == {"plan": "success", "apply": "success"}, jobs
    assert audit.since() == ["created", "created", "patched"]  # the old handbook is given ten minutes more

    emulator.advance(2.5 * 3600)
    jobs = pipeline.scheduled()
    assert statuses(jobs) == {"renew": "success"}, jobs
    assert audit.since() == ["patched"] * 3, "a renewal makes nothing anew"
    jobs = pipeline.scheduled()
    assert statuses(jobs) == {"renew": "success"}
    assert "Next due: 2026-01-01T04:" in jobs["renew"].said + jobs["renew"].summary
    assert audit.since() == []
    assert audit.live(KEY) == ["handbook", "opening", "prices"]

    kept_here = (jobs["renew"].place / ".gemctl/prod/state.json").exists()
    assert (kept_here, bool(pipeline.caches)) == {"cache": (True, True), "none": (True, False)}.get(
        pipeline.state, (False, False)
    )
    asked = (machine.home / "installed").read_text()
    if isinstance(pipeline, GitHub):  # what stands beside action.yml, and nothing of an index
        assert set(asked.splitlines()) == {f"pip install --constraint {ROOT}/constraints.txt gemctl @ file://{ROOT}"}
    else:
        assert "pip install gemctl @ git+https://git.example.com/you/gemctl@v0.1.0\n" in asked
    said = "".join(job.said for job in jobs.values())
    assert KEY not in said and TOKEN not in said


LOST = [("github", "none"), ("gitlab", "cache"), ("github", "postgres")]
BOTH = pytest.mark.parametrize("pipeline", [(product, "cache") for product in PRODUCTS], indirect=True, ids="-".join)


@BOTH
def test_each_push_replaces_our_own_comment(pipeline):
    if pipeline is None:
        return
    machine, forge = pipeline.machine, pipeline.machine.forge
    theirs = "<!-- gemctl plan 7d8kq2wx/prod -->\nNot from the pipeline."
    forge.add("mallory", theirs)
    for number in range(100):
        forge.add("ada", f"Remark {number}.")
    propose(machine)
    pipeline.proposed("winter")
    (before,) = forge.by_me()
    declare(machine.admin, "closing", TEXT)
    commit(machine, "winter")
    jobs = pipeline.proposed("winter")
    assert statuses(jobs) == {"validate": "success", "propose": "success"}, jobs
    (after,) = forge.by_me()
    assert "3 to create" in before and "4 to create" in after
    assert forge.comments[1] == ["mallory", theirs]
    assert sum(call.startswith("POST") for call in forge.calls) == 1


@BOTH
def test_what_can_not_be_read_is_not_planned(pipeline):
    if pipeline is None:
        return
    machine, forge = pipeline.machine, pipeline.machine.forge
    (machine.admin / "handbook.yaml").write_text("apiVersion: gemctl/v1\nkind: CachedContents\n")
    commit(machine, "winter")
    jobs = pipeline.proposed("winter")
    assert statuses(jobs) == {"validate": "failure"}
    shown = "handbook.yaml:2:7: error[E203]"
    if isinstance(pipeline, GitHub):  # beside the line, among the changes of the pull request
        shown = "::error file=handbook.yaml,line=2,col=7,"
    assert shown in jobs["validate"].said
    assert forge.calls == []


@pytest.mark.parametrize("pipeline", [("gitlab", "cache")], indirect=True, ids="-".join)
def test_a_plan_that_a_guard_stops_is_shown_and_fails(pipeline, emulator):
    if pipeline is None:
        return
    machine, forge = pipeline.machine, pipeline.machine.forge
    pipeline.merged()
    for name in ("handbook", "prices"):
        (machine.admin / f"{name}.yaml").unlink()
    commit(machine, "winter")
    jobs = pipeline.proposed("winter")
    assert statuses(jobs) == {"validate": "success", "propose": "failure"}
    (comment,) = forge.by_me()
    assert "| `E503` |" in comment
    assert (jobs["propose"].place / "plan.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("pipeline", [("github", "cache")], indirect=True, ids="-".join)
def test_a_plan_that_went_stale_is_not_applied(pipeline, emulator):
    if pipeline is None:
        return
    machine, audit = pipeline.machine, Auditor(emulator)
    pipeline.merged()
    propose(machine)
    merge(machine)
    audit.since()
    jobs = pipeline.merged(before_apply=lambda: emulator.advance(2.5 * 3600))
    assert statuses(jobs) == {"plan": "success", "apply": "failure"}
    assert list(jobs["apply"].exits.values()) == [4]
    assert "plan is stale" in jobs["apply"].said
    assert audit.since() == []
    jobs = pipeline.merged()
    assert statuses(jobs) == {"plan": "success", "apply": "success"}, jobs
    assert audit.since() == ["created", "created", "patched", "patched"]


@pytest.mark.parametrize("pipeline", LOST, indirect=True, ids="-".join)
def test_a_lost_answer_makes_nothing_twice(pipeline, emulator):
    if pipeline is None:
        return
    emulator.turn(faults=[{"kind": "status_after", "method": "POST", "path": "cachedContents", "nth": 1}])
    audit = Auditor(emulator)
    jobs = pipeline.merged()
    assert list(jobs["apply"].exits.values()) == [5], jobs
    assert "Applied in part" in jobs["apply"].said
    jobs = pipeline.scheduled()
    assert statuses(jobs) == {"renew": "success"}, jobs
    assert audit.since() == ["created", "created"]
    assert audit.live(KEY) == ["handbook", "prices"]


@BOTH
@pytest.mark.parametrize(("status", "becomes"), [(3, "success"), (5, "failure")])
def test_a_schedule_that_meets_another_run_has_not_failed(pipeline, status, becomes):
    if pipeline is None:
        return
    gemctl = pipeline.machine.home / "bin/gemctl"
    gemctl.unlink()
    gemctl.write_text(f"#!/bin/sh\nexit {status}\n")
    gemctl.chmod(0o755)
    jobs = pipeline.scheduled()
    assert statuses(jobs) == {"renew": becomes}
    assert ("Another run is at work" in jobs["renew"].said) is (status == 3)


@pytest.mark.parametrize("pipeline", [("github", "cache")], indirect=True, ids="-".join)
def test_a_fork_is_checked_and_given_no_secrets(pipeline):
    if pipeline is None:
        return
    propose(pipeline.machine)
    jobs = pipeline.proposed("winter", repository="mallory/r")
    assert statuses(jobs) == {"validate": "success"}
    assert pipeline.machine.forge.calls == []


@pytest.mark.parametrize("pipeline", [("github", "cache")], indirect=True, ids="-".join)
def test_the_action_takes_a_project_in_a_folder(pipeline, emulator):
    if pipeline is None:
        return
    machine = pipeline.machine
    (machine.admin / "infra").mkdir()
    for name in ("gemctl.yaml", "handbook.yaml", "prices.yaml", "texts"):
        (machine.admin / name).rename(machine.admin / "infra" / name)
    commit(machine, "main")
    for step in (step for job in pipeline.workflow["jobs"].values() for step in job["steps"]):
        step["with"] |= {"working-directory": "infra"} if "gemctl@" in step["uses"] else {}
    pipeline.workflow["jobs"]["plan"]["outputs"]["plan"] = "${{ steps.plan.outputs.plan }}"
    jobs = pipeline.merged()
    assert statuses(jobs) == {"plan": "success", "apply": "success"}, jobs
    assert jobs["plan"].outputs == {"changes": "true", "plan": "infra/gemctl.plan"}
    assert (jobs["plan"].place / "infra/gemctl.plan").exists()
    jobs = pipeline.merged()
    assert jobs["plan"].outputs["changes"] == "false", "the state that apply has left in the cache was read"
    assert statuses(jobs) == {"plan": "success"}


@pytest.mark.parametrize(
    ("version", "extras", "asked"),
    [
        ("", "postgres,objects", "--constraint /action/constraints.txt gemctl[postgres,objects] @ file:///action"),
        ("0.1.0", "", "gemctl==0.1.0"),
        ("0.1.0", "objects", "gemctl[objects]==0.1.0"),
        ("gemctl[objects] @ git+https://git.example.com/you/gemctl@v1", "", None),
    ],
)
def test_what_the_action_installs(version, extras, asked, command, tmp_path):
    if command is None:
        return
    machine = Machine(tmp_path / "ci", command, "", None, KEY, TOKEN)
    (install,) = (step for step in ACTION["runs"]["steps"] if step.get("name") == "Install")
    env = {"VERSION": version, "EXTRAS": extras, "GITHUB_ACTION_PATH": "/action"}
    assert machine.bash(tmp_path, install["run"], env) == (0, "")
    assert (machine.home / "installed").read_text() == f"pip install {asked or version}\n"


def test_the_action_knows_three_commands(command, tmp_path):
    if command is None:
        return
    machine = Machine(tmp_path / "ci", command, "", None, KEY, TOKEN)
    (step,) = (step for step in ACTION["runs"]["steps"] if step.get("id") == "gemctl")
    status, said = machine.bash(tmp_path, step["run"], {"COMMAND": "destroy", "GITHUB_OUTPUT": str(tmp_path / "out")})
    assert (status, said) == (64, "::error::There is no command destroy here: plan, apply or validate.\n")
