"""Whole projects, right and wrong, as data: what is said, and at which line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from manifest_workspace import Workspace, manifest, short

from gemctl.core.codes import CODES, summary
from gemctl.render.diagnostics import render

CASES = Path(__file__).parent / "cases"
SPECS: list[dict[str, Any]] = yaml.safe_load((CASES / "specs.yaml").read_text(encoding="utf-8"))
PROJECTS: list[dict[str, Any]] = yaml.safe_load((CASES / "projects.yaml").read_text(encoding="utf-8"))
POLICIES: list[dict[str, Any]] = yaml.safe_load((CASES / "token_policies.yaml").read_text(encoding="utf-8"))
JOBS: list[dict[str, Any]] = yaml.safe_load((CASES / "jobs.yaml").read_text(encoding="utf-8"))
ENVIRONMENTS: list[dict[str, Any]] = yaml.safe_load((CASES / "environments.yaml").read_text(encoding="utf-8"))
STORES: list[dict[str, Any]] = yaml.safe_load((CASES / "stores.yaml").read_text(encoding="utf-8"))
AGENTS: list[dict[str, Any]] = yaml.safe_load((CASES / "agents.yaml").read_text(encoding="utf-8"))
TRIGGERS: list[dict[str, Any]] = yaml.safe_load((CASES / "triggers.yaml").read_text(encoding="utf-8"))
WEBHOOKS: list[dict[str, Any]] = yaml.safe_load((CASES / "webhooks.yaml").read_text(encoding="utf-8"))
CREDENTIALS: list[dict[str, Any]] = yaml.safe_load((CASES / "credentials.yaml").read_text(encoding="utf-8"))
INTERACTIONS: list[dict[str, Any]] = yaml.safe_load((CASES / "interactions.yaml").read_text(encoding="utf-8"))
POLICY_HEAD = "apiVersion: gemctl/v1\nkind: TokenPolicy\nmetadata: {name: demo}\nspec:\n"
WEBHOOK_HEAD = POLICY_HEAD.replace("TokenPolicy", "Webhook")
TRIGGER_HEAD = POLICY_HEAD.replace("TokenPolicy", "Trigger")
AGENT_HEAD = POLICY_HEAD.replace("TokenPolicy", "Agent")
INTERACTION_HEAD = POLICY_HEAD.replace("TokenPolicy", "Interaction")
STORE_HEAD = POLICY_HEAD.replace("TokenPolicy", "FileSearchStore")
CREDENTIAL_HEAD = POLICY_HEAD.replace("TokenPolicy", "Credential")
PROJECT_HEAD = "apiVersion: gemctl/v1\nkind: Project\nmetadata: {name: test}\n"


@pytest.mark.parametrize("case", SPECS, ids=lambda case: case["name"])
def test_specs(case: dict[str, Any], workspace: Workspace) -> None:
    workspace.write({"m.yaml": manifest(case["spec"])})
    check(workspace, case["expect"])


@pytest.mark.parametrize("case", POLICIES, ids=lambda case: case["name"])
def test_policies(case: dict[str, Any], workspace: Workspace) -> None:
    workspace.write({"m.yaml": manifest(case["spec"], POLICY_HEAD) + case.get("after", ""), **case.get("files", {})})
    check(workspace, case["expect"])


@pytest.mark.parametrize("case", WEBHOOKS, ids=lambda case: case["name"])
def test_webhooks(case: dict[str, Any], workspace: Workspace) -> None:
    workspace.write({"m.yaml": manifest(case["spec"], WEBHOOK_HEAD) + case.get("after", "")})
    check(workspace, case["expect"])


@pytest.mark.parametrize("case", AGENTS, ids=lambda case: case["name"])
def test_agents(case: dict[str, Any], workspace: Workspace) -> None:
    head = AGENT_HEAD.replace("demo", case.get("head", "demo"))
    workspace.write({"m.yaml": manifest(case["spec"], head), **case.get("files", {})})
    check(workspace, case["expect"])


@pytest.mark.parametrize("case", TRIGGERS, ids=lambda case: case["name"])
def test_triggers(case: dict[str, Any], workspace: Workspace) -> None:
    workspace.write({"m.yaml": manifest(case["spec"], TRIGGER_HEAD) + case.get("after", ""), **case.get("files", {})})
    check(workspace, case["expect"])


@pytest.mark.parametrize("case", CREDENTIALS, ids=lambda case: case["name"])
def test_credentials(case: dict[str, Any], workspace: Workspace) -> None:
    workspace.write({"m.yaml": manifest(case["spec"], CREDENTIAL_HEAD) + case.get("after", "")})
    check(workspace, case["expect"])
    file = (workspace.root / "m.yaml").read_text(encoding="utf-8")
    shown = render(workspace.problems(), {"m.yaml": file}.get, color=False)
    assert "hunter" not in shown and "12345" not in shown


@pytest.mark.parametrize("case", STORES, ids=lambda case: case["name"])
def test_stores(case: dict[str, Any], workspace: Workspace) -> None:
    after = f"\n{case['after']}" if "after" in case else ""
    workspace.write({"m.yaml": manifest(case["spec"], STORE_HEAD) + after, **case.get("files", {})})
    check(workspace, case["expect"])


@pytest.mark.parametrize("case", INTERACTIONS, ids=lambda case: case["name"])
def test_interactions(case: dict[str, Any], workspace: Workspace) -> None:
    after = f"\n{case['after']}" if "after" in case else ""
    workspace.write({"m.yaml": manifest(case["spec"], INTERACTION_HEAD) + after, **case.get("files", {})})
    check(workspace, case["expect"])


@pytest.mark.parametrize("case", PROJECTS, ids=lambda case: case["name"])
def test_projects(case: dict[str, Any], workspace: Workspace) -> None:
    if "project" in case:
        workspace.write({"gemctl.yaml": f"{PROJECT_HEAD}{case['project']}\n"})
    workspace.write(case.get("files", {}))
    if "spec" in case:
        workspace.write({"m.yaml": manifest(case["spec"].rstrip("\n")) + case.get("after", "") + "\n"})
    for link, target in case.get("links", {}).items():
        (workspace.root / link).symlink_to(target)
    check(workspace, case["expect"])


def check(workspace: Workspace, expected: list[str]) -> None:
    problems = workspace.problems()
    assert short(problems) == expected

    def source(path: str) -> str | None:
        file = workspace.root / path
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None

    for problem in problems:
        assert problem.summary == summary(problem.code)
        assert problem.detail.endswith((".", "…"))
        assert problem.span is not None
        shown = render([problem], source, color=False)
        assert shown.splitlines()[0].startswith(f"{problem.span}: {problem.severity}[{problem.code}]: ")


def test_there_are_enough_cases_for_every_code() -> None:
    broken = yaml.safe_load((CASES / "yaml.yaml").read_text(encoding="utf-8"))
    expected = [
        line
        for case in (
            *broken,
            *SPECS,
            *POLICIES,
            *WEBHOOKS,
            *CREDENTIALS,
            *AGENTS,
            *TRIGGERS,
            *STORES,
            *INTERACTIONS,
            *JOBS,
            *PROJECTS,
            *ENVIRONMENTS,
        )
        for line in case["expect"]
    ]
    assert len(broken) + len(SPECS) + len(PROJECTS) > 300
    seen = {line.split(" ")[-1] for line in expected}
    elsewhere = {"E018", "E111", "E124", "E128", "E132", "E134", "E142", "E214", "E243", "E255", "E273"}  # limits
    elsewhere |= {"E254"}  # where a library is missing
    elsewhere |= {"E274"}  # what is in the environment, and not in a manifest: tests/cli/test_cli_credential.py
    elsewhere |= {"E249"}  # what only the fake kinds have: tests/fakes/test_fake_kinds.py
    elsewhere |= {"E254"}  # where a library is missing: tests/jobs/test_jobs_parts.py
    elsewhere |= {
        "E133",
        "W201",
        "W205",
        "W206",
        "W220",
    }  # what happens meanwhile or afterwards, and what no kind can do
    elsewhere |= {"W210", "W240", "W241", "W242", "W243"}  # by the facts about models: tests/facts
    elsewhere |= {"E287", "E288", "E289"}  # by the facts about models, too
    ours = {code for code in CODES if code[:2] in ("E1", "E2", "W2") or "E010" <= code <= "E018"}
    assert ours - seen == elsewhere


def test_codes_are_explained() -> None:
    for code, text in CODES.items():
        assert len(summary(code)) <= 60, code
        assert text.startswith(summary(code)), code
        assert text.endswith("."), code
        assert text.count(". ") >= 1, f"{code} says what, and not what to do"
