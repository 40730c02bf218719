"""The files in docs/ci, read: what their products take, and what they may do and see."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement

import gemctl
from gemctl.workflows.init import init

DOCS = Path(__file__).parent.parent.parent / "docs/ci"
GITHUB = yaml.safe_load((DOCS / "github-actions.yml").read_text(encoding="utf-8"))
GITLAB = yaml.safe_load((DOCS / "gitlab-ci.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("schema", "file"), [("github-workflows", "github-actions.yml"), ("gitlab-ci", "gitlab-ci.yml")]
)
def test_they_are_what_the_published_schemas_ask_for(schema, file):
    text = (resources.files("check_jsonschema") / f"builtin_schemas/vendor/{schema}.json").read_text(encoding="utf-8")
    document = yaml.safe_load((DOCS / file).read_text(encoding="utf-8"))
    words = {word if isinstance(word, str) else "on": value for word, value in document.items()}  # YAML 1.1's `on`
    kind = jsonschema.validators.validator_for(json.loads(text))
    assert [f"{error.json_path}: {error.message}" for error in kind(json.loads(text)).iter_errors(words)] == []


@pytest.mark.parametrize("file", ["github-actions.yml", "gitlab-ci.yml"])
def test_one_variable_says_where_gemctl_comes_from(file):
    """A requirement that pip can install without a release: a git URL at the tag of this version."""
    text = (DOCS / file).read_text(encoding="utf-8")
    (named,) = re.findall(r"^  GEMCTL_PACKAGE: (.*)$", text, re.MULTILINE)
    asked = Requirement(named)
    assert asked.name == "gemctl" and asked.url.startswith("git+https://")
    assert asked.url.endswith(f"@v{gemctl.__version__}")
    assert set(re.findall(r"pip install (.*)", text)) == {'"$GEMCTL_PACKAGE"'}


def test_the_stack_is_one_that_a_new_project_has(tmp_path):
    init(str(tmp_path))
    stacks = yaml.safe_load((tmp_path / "gemctl.yaml").read_text(encoding="utf-8"))["stacks"]
    assert GITHUB["env"]["GEMCTL_STACK"] in stacks and GITLAB["variables"]["GEMCTL_STACK"] in stacks


def test_each_job_may_do_no_more_than_it_has_to():
    assert GITHUB["permissions"] == {}
    more = {"propose": {"pull-requests": "write"}}
    for name, job in GITHUB["jobs"].items():
        assert job["permissions"] == {"contents": "read", **more.get(name, {})}, name


def test_secrets_are_seen_by_gemctl_and_nothing_else():
    """They come from environments, into steps that call gemctl; and nothing from outside is put into a script."""
    for name, job in GITHUB["jobs"].items():
        for step in job["steps"]:
            secrets = [value for value in step.get("env", {}).values() if "secrets." in value]
            assert bool(secrets) == bool(re.search(r"gemctl (plan|apply)", step.get("run", ""))), (name, step)
            assert not secrets or "environment" in job
            assert "${{" not in step.get("run", "")
            assert "secrets." not in str(step.get("with", ""))
    for name, job in GITLAB.items():
        if any(word in str(job) for word in ("gemctl plan", "gemctl apply")):
            assert "environment" in job, name


def test_what_writes_runs_one_after_the_other():
    one = {"group": "gemctl-prod", "cancel-in-progress": False}
    assert GITHUB["jobs"]["apply"]["concurrency"] == GITHUB["jobs"]["renew"]["concurrency"] == one
    assert GITLAB["apply"]["resource_group"] == GITLAB["renew"]["resource_group"]
