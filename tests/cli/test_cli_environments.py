"""--var, --all-stacks and render, as far as the journey doesn't show them."""

from __future__ import annotations

import json
import shlex

import pytest
from cli_world import cache, here, make_project

from gemctl.cli.all_stacks import worst

STACKS = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: shop, id: abcd1234}
defaultStack: local
stacks:
  local: {endpoint: emulator, vars: {ttl: 2h}}
  live: {}
  other: {endpoint: emulator, vars: {ttl: 3h}}
defaults:
  CachedContent: {spec: {model: gemini-3.8-flash, ttl: "${var.ttl}"}}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    folder = make_project(tmp_path / "shop")
    (folder / "gemctl.yaml").write_text(STACKS, encoding="utf-8")
    return folder


def test_variables_before_and_after_the_command(project):
    done = here(project, "--var", "ttl=4h", "render", "--var", "ttl=5h", "--json")
    assert json.loads(done.stdout)["documents"][0]["spec"]["ttl"] == "5h"
    done = here(project, "--var", "ttl=4h", "render", "--json")
    assert json.loads(done.stdout)["documents"][0]["spec"]["ttl"] == "4h"


def test_every_command_that_reads_manifests_takes_variables(project):
    for words in ("validate", "plan", "apply --yes", "get", "wait CachedContent/one", "results", "graph", "render"):
        done = here(project, *words.split(), "--var", "tll=4h")
        if "get" not in words and "wait" not in words:
            assert (done.returncode, "E023" in done.stderr) == (1, True), words
        assert "No such option" not in done.stderr


def test_one_stack_that_fails_leaves_the_others(project):
    done = here(project, "plan", "--all-stacks", "--detailed-exitcode")
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if line.startswith(("Stack", "Plan", "There"))] == [
        "Stack local",
        "Plan: 1 to create.",
        "Stack live",
        "There is no plan: see the errors.",
        "Stack other",
        "Plan: 1 to create.",
    ]
    document = json.loads(here(project, "plan", "--all-stacks", "--json").stdout)
    assert [(one["stack"], one["status"], one["plan"] is None) for one in document["stacks"]] == [
        ("local", 0, False),
        ("live", 1, True),
        ("other", 0, False),
    ]
    assert document["stacks"][1]["diagnostics"][0]["code"].startswith("E")
    assert here(project, "plan", "--all-stacks", "--detailed-exitcode", "--var", "ttl=1h").returncode == 1


def test_all_stacks_by_the_environment_too(project, monkeypatch):
    monkeypatch.setenv("GEMCTL_STACK", "nowhere")
    assert here(project, "plan", "--all-stacks", "--json").stdout.count('"status"') == 3


@pytest.mark.parametrize("words", ["--stack local", "--out x.plan", "--format html"])
def test_what_is_for_one_stack_only(project, words):
    done = here(project, "plan", "--all-stacks", *words.split())
    assert (done.returncode, done.stdout) == (64, "")
    assert "exclude each other" in done.stderr


def test_one_comment_for_all_stacks(project):
    done = here(project, "plan", "--all-stacks", "--format", "markdown", "--detailed-exitcode")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[:2] == ["<!-- gemctl plan abcd1234 -->", "### gemctl plan: `shop`, 3 stacks"]
    assert [line for line in lines if line.startswith("#### ")] == ["#### `local`", "#### `live`", "#### `other`"]
    table = [line for line in lines if line.startswith(("| `local", "| `live", "| `other"))]
    assert table[0].startswith("| `local` | 1 to create. About ") and table[0].endswith(" token-hours of storage. |  |")
    assert table[1] == "| `live` | There is no plan. | 2 |"
    assert "| `E212` | `gemctl.yaml:10:" in done.stdout and "error[E212]" in done.stderr


def test_a_broken_project_file_is_said_once(project):
    (project / "gemctl.yaml").write_text("kind: [", encoding="utf-8")
    done = here(project, "plan", "--all-stacks")
    assert (done.returncode, done.stdout, done.stderr.count("E101")) == (1, "", 1)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [([], 0), ([0, 0], 0), ([0, 2], 2), ([2, 1, 0], 1), ([1, 6, 2], 6), ([64, 1], 64), ([2, 3], 3)],
)
def test_the_worst_of_several_statuses(statuses, expected):
    assert worst(statuses) == expected


def test_render_prints_nothing_that_is_wrong(project):
    (project / "more.yaml").write_text(cache("two").replace("contents:", "contens:"), encoding="utf-8")
    done = here(project, "render")
    assert (done.returncode, done.stdout) == (1, "")
    assert "E206" in done.stderr
    only = here(project, "render", "caches.yaml")
    assert (only.returncode, only.stdout.count("kind: CachedContent")) == (0, 1)


def test_render_makes_nothing(project):
    before = {path for path in project.rglob("*") if ".gemctl" not in path.parts}
    assert here(project, "render").returncode == 0
    assert {path for path in project.rglob("*") if ".gemctl" not in path.parts} == before
    assert not (project / ".gemctl" / "local").exists()


def test_the_line_that_says_how_to_apply_a_saved_plan_is_one_that_does(project):
    done = here(project, "--stack", "other", "plan", "--out", "a b.plan", "--var", "ttl=4h")
    said = done.stdout.splitlines()[-1].removeprefix("Saved. To apply exactly this: gemctl ")
    assert said == "apply 'a b.plan' --stack other --var ttl=4h"
    assert here(project, *shlex.split(said), "--yes").returncode == 0


def test_a_saved_plan_notices_other_variables(project, monkeypatch):
    assert here(project, "plan", "--out", "a.plan", "--var", "ttl=4h").returncode == 0
    stale = here(project, "apply", "--yes", "a.plan")
    assert (stale.returncode, "variables" in stale.stderr) == (4, True)
    monkeypatch.setenv("GEMCTL_VAR_ttl", "5h")
    assert here(project, "apply", "--yes", "a.plan").returncode == 4
    assert here(project, "apply", "--yes", "a.plan", "--var", "ttl=4h").returncode == 0
