"""`--all-stacks` of validate and apply: one stack after the other."""

from __future__ import annotations

import json

import pytest
from cli_world import PROJECT, here, make_project

STACKS = """\
  local: {endpoint: emulator, vars: {life: 24h}}
  second: {endpoint: emulator, vars: {life: 24h}}
  third: {endpoint: emulator, vars: {life: 24h}}
"""


@pytest.fixture
def project(tmp_path):
    folder = make_project(tmp_path)
    (folder / "gemctl.yaml").write_text(
        PROJECT.replace("  local: {endpoint: emulator}\n  live: {}\n", STACKS).replace("ttl: 24h", 'ttl: "${var.life}"')
    )
    return folder


def with_life(folder, stack, life):
    text, line = (folder / "gemctl.yaml").read_text(), "%s: {endpoint: emulator, vars: {life: %s}}"
    (folder / "gemctl.yaml").write_text(text.replace(line % (stack, "24h"), line % (stack, life)))


def test_all_stacks_are_checked_each_with_its_variables(project):
    done = here(project, "validate", "--all-stacks")
    assert done.returncode == 0 and done.stdout.count("Valid: 1 resource.") == 3
    with_life(project, "second", "a day")
    done = here(project, "validate", "--all-stacks")
    assert done.returncode == 1 and done.stdout.count("Valid: 1 resource.") == 2 and done.stderr.count("E215") == 1
    document = json.loads(here(project, "validate", "--all-stacks", "--json").stdout)
    assert (document["formatVersion"], document["valid"]) == ("1", False)
    assert [(one["stack"], one["valid"]) for one in document["stacks"]] == [
        ("local", True), ("second", False), ("third", True),
    ]  # fmt: skip
    (line,) = here(project, "validate", "--all-stacks", "--format", "github").stdout.splitlines()
    assert "In second: " in line


def test_a_problem_of_all_stacks_is_told_to_a_program_once(project):
    (project / "caches.yaml").write_text((project / "caches.yaml").read_text().replace("contents:", "contentz:"))
    lines = here(project, "validate", "--all-stacks", "--format", "github").stdout.splitlines()
    assert len(lines) == len(set(lines)) and not any("In local" in line for line in lines)


def test_all_stacks_are_applied_in_their_order(project):
    done = here(project, "apply", "--all-stacks", "--yes")
    assert done.returncode == 0
    assert [line for line in done.stdout.splitlines() if line.startswith("Stack")] == [
        "Stack local", "Stack second", "Stack third",
    ]  # fmt: skip
    assert done.stdout.count("Applied: 1 done.") == 3
    assert here(project, "plan", "--all-stacks", "--detailed-exitcode").returncode == 0
    lines = [json.loads(line) for line in here(project, "apply", "--all-stacks", "--yes", "--json").stdout.splitlines()]
    assert [line["stack"] for line in lines if line["type"] == "stack"] == ["local", "second", "third"]
    assert lines[-1] == {
        "formatVersion": "1",
        "type": "stacks",
        "done": ["local", "second", "third"],
        "stopped": None,
        "left": [],
    }


def test_what_is_wrong_in_one_stack_is_found_before_anything_is_done(project):
    with_life(project, "third", "a day")
    done = here(project, "apply", "--all-stacks", "--yes")
    assert done.returncode == 1 and done.stdout == "" and "E215" in done.stderr and "declared for third" in done.stderr
    assert not (project / ".gemctl/local").exists()


def test_the_first_stack_that_fails_ends_it(project):
    """The second one has no key: those after it are left alone, and those before it are done."""
    text = (project / "gemctl.yaml").read_text()
    (project / "gemctl.yaml").write_text(text.replace("second: {endpoint: emulator, ", "second: {"))
    done = here(project, "apply", "--all-stacks", "--yes")
    assert done.returncode == 1 and "Stopped at stack second; left alone: third." in done.stderr
    assert "Applied: 1 done." in done.stdout and "Stack third" not in done.stdout
    lines = here(project, "apply", "--all-stacks", "--yes", "--json").stdout.splitlines()
    last = json.loads(lines[-1])
    assert last == {"formatVersion": "1", "type": "stacks", "done": ["local"], "stopped": "second", "left": ["third"]}


def test_what_is_for_one_stack_is_refused(project):
    assert here(project, "plan", "--out", "one.plan").returncode == 0
    for words in (
        ["apply", "--yes", "--stack", "local"],
        ["apply", "--yes", "one.plan"],
        ["validate", "--stack", "local"],
    ):
        done = here(project, *words, "--all-stacks")
        assert done.returncode == 64 and "--all-stacks" in done.stderr, words
    nobody = here(project, "apply", "--all-stacks", "--json")
    assert nobody.returncode == 64 and "nobody to ask" in nobody.stdout
