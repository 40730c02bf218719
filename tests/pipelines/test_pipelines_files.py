"""The files in docs/ci and the action that one of them uses, read: what their products take, and what they may do and
see.
"""

from __future__ import annotations

import json
import re
from importlib import resources

import jsonschema
import pytest
import yaml
from github_runner import ACTION, ROOT
from packaging.requirements import Requirement

import gemctl
from gemctl.workflows.init import init

DOCS = ROOT / "docs/ci"
GITHUB = yaml.safe_load((DOCS / "github-actions.yml").read_text(encoding="utf-8"))
GITLAB = yaml.safe_load((DOCS / "gitlab-ci.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("github-workflows", DOCS / "github-actions.yml"),
        ("github-actions", ROOT / "action.yml"),
        ("gitlab-ci", DOCS / "gitlab-ci.yml"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_they_are_what_the_published_schemas_ask_for(schema, file):
    text = (resources.files("check_jsonschema") / f"builtin_schemas/vendor/{schema}.json").read_text(encoding="utf-8")
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    words = {word if isinstance(word, str) else "on": value for word, value in document.items()}  # YAML 1.1's `on`
    kind = jsonschema.validators.validator_for(json.loads(text))
    assert [f"{error.json_path}: {error.message}" for error in kind(json.loads(text)).iter_errors(words)] == []


def test_one_variable_says_where_gemctl_comes_from_on_gitlab():
    """A requirement that pip can install without a release: a git URL at the tag of this version."""
    text = (DOCS / "gitlab-ci.yml").read_text(encoding="utf-8")
    (named,) = re.findall(r"^  GEMCTL_PACKAGE: (.*)$", text, re.MULTILINE)
    asked = Requirement(named)
    assert asked.name == "gemctl" and asked.url.startswith("git+https://")
    assert asked.url.endswith(f"@v{gemctl.__version__}")
    assert set(re.findall(r"pip install (.*)", text)) == {'"$GEMCTL_PACKAGE"'}


def _uses():
    return [(name, step) for name, job in GITHUB["jobs"].items() for step in job["steps"] if "gemctl@" in step["uses"]]


def test_on_github_the_action_of_this_version_is_used_and_given_what_it_takes():
    assert {step["uses"] for _, step in _uses()} == {f"you/gemctl@v{gemctl.__version__}"}
    for name, step in _uses():
        assert set(step["with"]) <= set(ACTION["inputs"]), name


def test_the_page_knows_what_the_action_takes_and_gives():
    page = (ROOT / "docs/gitops.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(- uses: you/gemctl@.*?)```", page, re.DOTALL)
    assert set(yaml.safe_load(shown)[0]["with"]) <= set(ACTION["inputs"])
    tables = page.partition("## The action")[2].partition("\n## ")[0]
    first = re.findall(r"^\| (`.*?) \|", tables, re.MULTILINE)
    named = {word for cell in first for word in re.findall(r"`([\w-]+)`", cell)}
    assert named == (set(ACTION["inputs"]) | set(ACTION["outputs"])) - {"github-token"}


def test_the_action_names_others_by_commit_and_puts_nothing_into_a_script():
    for step in ACTION["runs"]["steps"]:
        assert "run" in step or re.fullmatch(r"actions/[\w/-]+@[0-9a-f]{40}", step["uses"])
        assert "${{" not in step.get("run", "")


def test_the_stack_is_one_that_a_new_project_has(tmp_path):
    init(str(tmp_path))
    stacks = yaml.safe_load((tmp_path / "gemctl.yaml").read_text(encoding="utf-8"))["stacks"]
    named = {step["with"]["stack"] for _, step in _uses() if step["with"]["command"] != "validate"}
    assert named <= set(stacks) and GITLAB["variables"]["GEMCTL_STACK"] in stacks


def test_each_job_may_do_no_more_than_it_has_to():
    assert GITHUB["permissions"] == {}
    more = {"propose": {"pull-requests": "write"}}
    for name, job in GITHUB["jobs"].items():
        assert job["permissions"] == {"contents": "read", **more.get(name, {})}, name


def test_secrets_are_seen_by_gemctl_and_nothing_else():
    """They come from environments, into steps that call gemctl; and nothing from outside is put into a script."""
    for name, job in GITHUB["jobs"].items():
        for step in job["steps"]:
            secret = {key for key, value in step.get("with", {}).items() if "secrets." in str(value)}
            acts = "gemctl@" in step["uses"] and step["with"]["command"] in ("plan", "apply")
            assert secret == ({"api-key", "state-dsn"} if acts else set()), (name, step)
            assert not secret or "environment" in job
            assert set(step) <= {"uses", "id", "with"}, "no script, and no variable that all steps of an action see"
    for step in ACTION["runs"]["steps"]:
        sees = "inputs.api-key" in str(step) or "inputs.state-dsn" in str(step)
        assert sees == bool(re.search(r"gemctl (plan|apply)", step.get("run", ""))), step
        assert "secrets." not in str(step)
    for name, job in GITLAB.items():
        if any(word in str(job) for word in ("gemctl plan", "gemctl apply")):
            assert "environment" in job, name


def test_what_writes_runs_one_after_the_other():
    one = {"group": "gemctl-prod", "cancel-in-progress": False}
    assert GITHUB["jobs"]["apply"]["concurrency"] == GITHUB["jobs"]["renew"]["concurrency"] == one
    assert GITLAB["apply"]["resource_group"] == GITLAB["renew"]["resource_group"]
