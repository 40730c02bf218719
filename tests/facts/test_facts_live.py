"""What the book of facts says of sessions of the Live API: what models refuse, lack and need, and at which line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from cli.cli_world import here

from gemctl.core.quantities import Feature
from gemctl.manifest.facts import ModelShape, RulesShape
from gemctl.schema.shape import Shape

PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: shop, id: abcd1234}
defaultStack: local
stacks: {local: {endpoint: emulator}}
"""
POLICY = """\
apiVersion: gemctl/v1
kind: TokenPolicy
metadata: {name: demo}
spec:
  liveConnectConstraints:
    model: %s
    config: %s
"""
DAY = "2026-11-01T00:00:00Z"
SAID = re.compile(r"policy\.yaml:(\d+:\d+): (?:error|warning)\[(\w+)\]")


@pytest.fixture
def told(tmp_path: Path, monkeypatch):
    """What `validate` says of a policy, as "line:column code", and its whole output."""
    monkeypatch.setenv("GEMCTL_EMULATOR_CLOCK", DAY)

    def look(model: str, config: str, more: str = "", facts: str = ""):
        (tmp_path / "gemctl.yaml").write_text(PROJECT + ("facts: facts.yaml\n" if facts else ""))
        (tmp_path / "facts.yaml").write_text(f"apiVersion: gemctl/v1\nkind: Facts\n{facts}")
        (tmp_path / "policy.yaml").write_text(POLICY % (model, config) + more)
        if not facts:
            (tmp_path / "facts.yaml").unlink()
        done = here(tmp_path, "validate")
        found = [f"{place} {code}" for place, code in SAID.findall(done.stderr)]
        assert done.returncode == any(" E" in one for one in found), done.stderr
        return found, done.stderr

    return look


TALKS, THINKS, OLDER, NATIVE = (
    "gemini-3.8-live",
    "gemini-3.8-live-extended-thinking",
    "gemini-3.1-flash-live-preview",
    "gemini-2.5-flash-native-audio-latest",
)
LOW = "thinkingConfig: {thinkingLevel: low}"


@pytest.mark.parametrize(
    ("model", "config", "more", "expected"),
    [
        (TALKS, "{responseModalities: [AUDIO], outputAudioTranscription: {}}", "", []),
        (TALKS, "{responseModalities: [TEXT]}", "", ["7:34 E288"]),
        (TALKS, "{generationConfig: {responseModalities: [text]}}", "", ["7:53 E288"]),
        (THINKS, f"{{responseModalities: [TEXT], {LOW}}}", "", ["7:34 E288"]),
        ("gemini-of-tomorrow", "{responseModalities: [TEXT]}", "", ["6:12 W242"]),
        ("gemini-3.5-transcribe-live", "{responseModalities: [TEXT]}", "", []),
        (TALKS, f"{{{LOW}}}", "", ["7:46 W579"]),
        (TALKS, "{thinkingConfig: {includeThoughts: true}}", "", []),
        (THINKS, f"{{{LOW}}}", "", []),
        (THINKS, "{topK: 1}", "", ["6:12 E289"]),
        (THINKS, "{thinkingConfig: {thinkingLevel: THINKING_LEVEL_UNSPECIFIED}}", "", ["6:12 E289"]),
        (THINKS, "{topK: 1}", "  lockAdditionalFields: []\n", []),
        (THINKS, "{topK: 1}", "  lockAdditionalFields: [thinkingConfig]\n", ["6:12 E289"]),
        (TALKS, "{enableAffectiveDialog: true}", "", ["7:37 W579"]),
        (TALKS, "{enableAffectiveDialog: false}", "", []),
        (NATIVE, "{enableAffectiveDialog: true, proactivity: {proactiveAudio: true}}", "", []),
        (OLDER, "{enableAffectiveDialog: true, proactivity: {proactiveAudio: true}}", "", ["7:37 W579", "7:56 W579"]),
        (TALKS, "{proactivity: {proactiveAudio: true}}", "", []),
        (TALKS, "{proactivity: {proactiveAudio: false}}", "", ["7:44 W579"]),
        (TALKS, "{tools: [{functionDeclarations: [{name: f, behavior: BLOCKING}]}]}", "", []),
        (
            THINKS,
            f"{{{LOW}, tools: [{{googleSearch: {{}}}}, {{functionDeclarations: [{{name: f, behavior: BLOCKING}}]}}]}}",
            "",
            ["7:124 W579"],
        ),
        (TALKS, "{systemInstruction: Be kind.}", "", []),
        (TALKS, "{systemInstruction: Be kind.}", "  lockAdditionalFields: []\n", ["8:25 E287"]),
        ("gemini-of-tomorrow", "{systemInstruction: a}", "  lockAdditionalFields: []\n", ["6:12 W242", "8:25 E287"]),
    ],
)
def test_what_is_said_of_a_policy(told, model, config, more, expected) -> None:
    found, text = told(model, config, more)
    assert [one for one in found if not re.search(r"W2[14][0-1]", one)] == expected, text


def test_a_hint_stands_with_it(told) -> None:
    _, text = told(TALKS, "{responseModalities: [TEXT]}")
    assert "outputAudioTranscription" in text
    assert "gemini-3.8-live only speaks" in text
    _, text = told(TALKS, "{systemInstruction: a}", "  lockAdditionalFields: []\n")
    assert "Remove lockAdditionalFields" in text


def test_of_a_model_that_is_over_only_that_is_said(told, monkeypatch) -> None:
    monkeypatch.setenv("GEMCTL_EMULATOR_CLOCK", "2026-12-01T00:00:00Z")
    found, _ = told(OLDER, "{responseModalities: [TEXT]}")
    assert found == ["6:12 W210"]


def test_the_projects_own_facts_count_more(told) -> None:
    text, lock = "{responseModalities: [TEXT], systemInstruction: a}", "  lockAdditionalFields: []\n"
    found, _ = told(TALKS, text, lock, "models: {gemini-3.8-live: {refuses: []}}\nrules: {refuses: []}\n")
    assert found == []
    found, _ = told("ours", "{responseModalities: [TEXT]}", "", "models: {ours: {refuses: [textOutput]}}\n")
    assert found == ["7:34 E288"]
    found, _ = told("ours", "{}", "", "models: {ours: {needs: [thinkingLevel], lacks: [proactivity]}}\n")
    assert found == ["6:12 E289"]


def test_a_plan_is_stopped_where_the_policy_is_new_or_edited(told, tmp_path) -> None:
    """What is applied already stops nothing: an upgrade of the facts must not keep others from being renewed."""
    told(TALKS, "{responseModalities: [TEXT]}", "", "models: {gemini-3.8-live: {refuses: []}}\n")
    assert here(tmp_path, "apply", "--yes").returncode == 0
    (tmp_path / "facts.yaml").unlink()
    (tmp_path / "gemctl.yaml").write_text(PROJECT)
    done = here(tmp_path, "plan")
    assert (done.returncode, "E288" in done.stderr + done.stdout) == (0, False), done.stderr
    (tmp_path / "policy.yaml").write_text(POLICY % (TALKS, "{responseModalities: [TEXT], topK: 2}"))
    for command in (("plan",), ("apply", "--yes")):
        done = here(tmp_path, *command)
        assert done.returncode == 1
        assert "policy.yaml:7:34: error[E288]" in done.stderr
    (tmp_path / "policy.yaml").write_text(POLICY.replace("demo", "other") % (TALKS, "{responseModalities: [TEXT]}"))
    assert "error[E288]" in here(tmp_path, "plan").stderr


def test_the_shapes_name_each_feature() -> None:
    def named(shape: type[Shape], field: str) -> set[str]:
        (inner,) = get_args(shape.model_fields[field].annotation)
        return set(get_args(inner))

    of_all = named(RulesShape, "refuses")
    assert of_all == {Feature.LOCKED_INSTRUCTION}
    for field in ("refuses", "lacks", "needs"):
        assert named(ModelShape, field) == set(Feature) - of_all
