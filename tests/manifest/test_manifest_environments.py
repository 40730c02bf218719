"""Stacks that differ: overlays, lists, variables from outside, and what it all resolves to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from manifest_workspace import NOW, Workspace

from gemctl.core.address import Address
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import Rejected, Usage
from gemctl.core.kind import FileNeed
from gemctl.core.origin import ResolvedManifest
from gemctl.core.project import JobLimits, Project, Stack
from gemctl.core.resource import Attachment, Desired
from gemctl.core.source import Json, JsonObject, SourceFile, show_path
from gemctl.kinds import CATALOGUE
from gemctl.manifest.bind import bind
from gemctl.manifest.find import find
from gemctl.manifest.layers import LayeredManifest, merged, overlay
from gemctl.manifest.load import load, load_drafts
from gemctl.manifest.origins import resolved
from gemctl.manifest.root import load_project
from gemctl.manifest.schema import document_schema
from gemctl.manifest.stack import choose_stack, with_variables
from gemctl.manifest.yaml import Document, parse
from gemctl.render import manifests

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "cases" / "environments.yaml").read_text(encoding="utf-8")
)
HEAD = "apiVersion: gemctl/v1\nkind: Project\nmetadata: {name: test, id: abcd}\n"
PROJECT = """\
stacks:
  local: {endpoint: emulator, vars: {name: Ada, word: w, ttl: 2h}}
  prod: {overlays: [env/prod]}
defaultStack: local
"""
BASE = """\
apiVersion: gemctl/v1
kind: CachedContent
metadata: {name: faq}
spec:
  model: m
  ttl: 1h
  contents: a
"""


def loaded(
    workspace: Workspace, stack: str = "prod", given: tuple[str, ...] = (), env: Mapping[str, str] | None = None
) -> tuple[Desired, dict[str, ResolvedManifest]]:
    project = load_project(str(workspace.root))
    chosen = with_variables(choose_stack(project.project, stack), given, env or {})
    desired, drafts = load_drafts(project, chosen, CATALOGUE, (), now=NOW)
    return desired, {
        str(address): resolved(address, draft, desired.resources[address], CATALOGUE[address.kind], chosen,
                               project.positions)
        for address, draft in drafts.items()
    }  # fmt: skip


def own(one: ResolvedManifest) -> dict[str, Json]:
    rest = {key: value for key, value in one.value.items() if key not in ("apiVersion", "kind", "metadata")}
    metadata = {key: value for key, value in one.value["metadata"].items() if key != "name"}
    return {"metadata": metadata, **rest} if metadata else rest


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_environments(case: dict[str, Any], workspace: Workspace) -> None:
    files = {name: BASE if text == "BASE" else text for name, text in case["files"].items()}
    project = case.get("project", PROJECT)
    workspace.write({"gemctl.yaml": f"{HEAD}{project}\n", **files})
    said: tuple[Diagnostic, ...]
    found: dict[str, ResolvedManifest] = {}
    try:
        desired, found = loaded(workspace, case.get("stack", "prod"), tuple(case.get("vars", ())), case.get("env"))
        said = desired.warnings
    except Rejected as rejected:
        said = rejected.diagnostics
    assert [f"{one.span or '-'} {one.code}" for one in said] == case["expect"]
    for address, value in case.get("gives", {}).items():
        assert own(found[address]) == value
    if "from" in case:
        notes = {
            show_path(path): manifests.note(origin) for one in found.values() for path, origin in one.origins.items()
        }
        assert notes == case["from"]
    if not case["expect"]:
        check_rendering(workspace, case, found)


def check_rendering(workspace: Workspace, case: dict[str, Any], found: dict[str, ResolvedManifest]) -> None:
    """What is rendered is read again as what it was rendered from, by a project that has nothing but it."""
    text = manifests.text(list(found.values()), "test", "x")
    documents = parse(SourceFile("rendered.yaml", text))
    assert [document.value for document in documents] == [one.value for one in found.values()]
    before, _ = loaded(workspace, case.get("stack", "prod"), tuple(case.get("vars", ())), case.get("env"))
    other = Workspace(workspace.root.parent / "other")
    texts = list(workspace.root.rglob("*.md"))
    other.write({str(path.relative_to(workspace.root)): path.read_bytes() for path in texts})
    other.write({"gemctl.yaml": f"{HEAD}stacks: {{prod: {{}}}}\n", "rendered.yaml": text})
    after, again = loaded(other)
    assert after.digest == before.digest
    assert {address: one.value for address, one in again.items()} == {a: one.value for a, one in found.items()}


# Laws of merging.

NAMES = st.sampled_from("abcd")
LEAVES = st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x"]) | st.lists(st.integers(0, 2), max_size=2)
VALUES = st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=8)
MAPPINGS = st.dictionaries(NAMES, VALUES, max_size=4)
PATCHES = st.dictionaries(
    NAMES, st.none() | st.recursive(st.none() | LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=3)),
    max_size=4,
)  # fmt: skip
# What has one shape: a path is a mapping in all of them, or in none.
SHAPED = st.fixed_dictionaries(
    {}, optional={"a": LEAVES, "b": st.fixed_dictionaries({}, optional={"c": LEAVES, "d": LEAVES}), "e": LEAVES}
)


def same(one: Json, other: Json) -> bool:
    """Equal, also in that true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@given(MAPPINGS)
def test_the_empty_overlay_changes_nothing(base: JsonObject) -> None:
    assert same(merged(base, {}), base)
    assert same(merged({}, base), base)


@given(MAPPINGS, PATCHES)
def test_laid_on_twice_is_laid_on_once(base: JsonObject, patch: JsonObject) -> None:
    once = merged(base, patch)
    assert same(merged(once, patch), once)


@given(SHAPED, SHAPED, SHAPED)
def test_overlays_may_be_merged_first(base: JsonObject, one: JsonObject, two: JsonObject) -> None:
    assert same(merged(merged(base, one), two), merged(base, merged(one, two)))


@given(MAPPINGS, PATCHES)
def test_every_null_removes_and_nothing_else_does(base: JsonObject, patch: JsonObject) -> None:
    def check(under: Json, over: JsonObject, result: JsonObject) -> None:
        for key, value in over.items():
            if value is None:
                assert key not in result
            elif isinstance(value, dict):
                inner = under.get(key) if isinstance(under, dict) else None
                check(inner, value, result[key])
            else:
                assert same(result[key], value)
        if isinstance(under, dict):
            for key in under.keys() - over.keys():
                assert same(result[key], under[key])

    check(base, patch, merged(base, patch))


def draft(file: str, body: JsonObject) -> LayeredManifest:
    (document,) = parse(SourceFile(file, json.dumps({"metadata": {"name": "x"}, "spec": body}, indent=1)))
    return LayeredManifest(document.value, document.positions)


@given(MAPPINGS, PATCHES, PATCHES)
def test_each_value_is_where_it_says(base: JsonObject, one: JsonObject, two: JsonObject) -> None:
    """What stands at the place that a value claims for itself is that value."""
    texts = {"base": base, "one": one, "two": two}
    result = overlay(overlay(draft("base", base), draft("one", one)), draft("two", two))
    sources = {
        file: json.dumps({"metadata": {"name": "x"}, "spec": body}, indent=1).split("\n")
        for file, body in texts.items()
    }

    def check(value: Json, path: tuple[str | int, ...]) -> None:
        span = result.positions.value(path)
        last = next((body for body in (two, one, base) if _has(body, path[1:])), None)
        if isinstance(value, dict):
            for key, item in value.items():
                assert sources[result.positions.key((*path, key)).file]
                check(item, (*path, key))
        elif path != ("metadata", "name") and path[0] == "spec":
            assert texts[span.file] is last
            lines = sources[span.file][span.line - 1 : span.end_line]
            lines[-1] = lines[-1][: span.end_column - 1]
            lines[0] = lines[0][span.column - 1 :]
            assert same(json.loads("\n".join(lines)), value)

    check(result.value, ())
    assert len(result.positions.values) == len(list(result.positions.values))


def _has(body: Json, path: tuple[str | int, ...]) -> bool:
    for step in path:
        if not isinstance(body, dict) or step not in body:
            return False
        body = body[step]
    return True


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x", "1h", "${var.a}", "${var.x}", "faq"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["name", "model", "contents", "ttl", "parts", "text", "labels", "x", "kind", "items"]), inner,
        max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip
PARTS = st.dictionaries(
    st.sampled_from(["metadata", "spec", "lifecycle", "publish", "run", "kind", "apiVersion", "items", "x"]), ODD
)


@given(PARTS, PARTS, PARTS, st.booleans(), st.booleans())
def test_no_overlay_raises_anything_but_rejected(
    base: JsonObject, one: JsonObject, two: JsonObject, listed: bool, partial: bool
) -> None:
    head = {"apiVersion": "gemctl/v1", "kind": "CachedContent", "metadata": {"name": "faq"}}

    def documents(file: str, body: JsonObject) -> tuple[Document, ...]:
        value = {**head, **body}
        value = {"apiVersion": "gemctl/v1", "kind": "List", "items": [value, value]} if listed else value
        return parse(SourceFile(file, json.dumps(value)))

    stack = Stack("s", vars={"a": "5"}, given={"a": "--var"})
    project = Project("p", None, "s", {"s": stack}, defaults={"CachedContent": {"spec": {"model": "m"}}})
    overlays = [documents("one.yaml", one), documents("two.yaml", two)]

    def attach(need: FileNeed, named_in: str) -> tuple[Attachment, ...]:
        return (Attachment("sha256:0", 1, path="x"),)

    try:
        bind(documents("m.yaml", base), project, stack, CATALOGUE, attach, overlays=overlays, partial=partial)
    except Rejected as rejected:
        assert all(found.span or found.code == "E023" for found in rejected.diagnostics)


# What stacks overwrite for each other.

JOB = """\
apiVersion: gemctl/v1
kind: BatchJob
metadata: {name: job}
spec: {model: m, requests: [{key: a, request: {contents: a}}]}
"""
THREE = """\
stacks:
  local: {endpoint: emulator, vars: {env: local}}
  prod: {vars: {env: prod}, overlays: [env/prod]}
  test: {vars: {env: local}}
defaultStack: local
defaults: {BatchJob: {run: {results: out/results.jsonl}}}
"""


def test_what_two_stacks_write_to_the_same_place_is_said(workspace: Workspace) -> None:
    both, two = "stacks prod, test overwrite each other.", "stack test overwrite each other."
    item = {**yaml.safe_load(BASE), "publish": [{"file": "a", "key": "b"}]}
    cases: dict[str, list[tuple[str, str]]] = {
        f"{BASE}publish: [{{file: out/a.json, key: a}}]": [
            ("m.yaml:8:11", f"In out/a.json, a of this stack and of {both}")
        ],
        f"{BASE}publish: [{{dotenv: ./.env, name: A}}]": [("m.yaml:8:11", f"In .env, A of this stack and of {both}")],
        f"{BASE}publish: [{{file: 'out/${{var.env}}.json', key: a}}]": [
            ("m.yaml:8:11", f"In out/local.json, a of this stack and of {two}")
        ],
        f"{BASE}publish: [{{file: 'out/${{stack}}.json', key: a}}]": [],
        f"{BASE}publish: [{{file: out/a.json, key: '${{stack}}'}}]": [],
        f"{BASE}publish: [{{githubOutput: A}}]": [],
        f"{JOB}run: {{results: 'out/${{stack}}.jsonl'}}": [],
        JOB: [("gemctl.yaml:9:38", f"In out/results.jsonl, the results of this stack and of {both}")],
        f"apiVersion: gemctl/v1\nkind: List\nitems: [{json.dumps(item)}]": [
            ("m.yaml:3:157", f"In a, b of this stack and of {both}")
        ],
        BASE: [],
    }
    overlay_text = f"{BASE.split('spec')[0]}lifecycle: {{preventDestroy: true}}\n"
    workspace.write({"gemctl.yaml": HEAD + THREE, "env/prod/faq.yaml": overlay_text})
    project = load_project(str(workspace.root))
    for text, expected in cases.items():
        workspace.write({"m.yaml": text})
        warnings = load(project, choose_stack(project.project, None), CATALOGUE, others=True).warnings
        found = [(str(each.span), each.detail) for each in warnings if each.code == "W220"]
        assert found == expected, text
    workspace.write({"m.yaml": f"{BASE}publish: [{{file: out/a.json, key: a}}]"})
    workspace.write({"env/prod/faq.yaml": f"{overlay_text}publish: [{{file: out/prod.json, key: a}}]\n"})
    warnings = load(project, choose_stack(project.project, "test"), CATALOGUE, others=True).warnings
    (found,) = [each for each in warnings if each.code == "W220"]
    assert found.detail == "In out/a.json, a of this stack and of stack local overwrite each other."
    assert found.hint == "Put the stack into the path, as in 'out/${stack}/a.json'."


# Rendering.

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30) | st.sampled_from(
    ["null", "true", "No", "1", "1e5", "24h", "- a", "a: b", "a #b", "", " ", "a\n b\n", "a\n", "a\n\n", "\na\nb",
     "a\tb", "a \nb ", "🙂", "\u202e", "\u0085", "~", "|", "${var.x}", "$$${x}", "1e", "012",
     "0x1F", "+7", "1_000", "12h 0b1", "1e2e", "TRUE", "2027-01-31T18:00:00Z", "a\r\nb"]
)  # fmt: skip
JSON_VALUES = st.recursive(
    st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(TEXTS, JSON_VALUES, min_size=1, max_size=4))
def test_whatever_is_rendered_is_read_as_the_same(value: JsonObject) -> None:
    (document,) = parse(SourceFile("x.yaml", manifests.yaml(value)))
    assert same(document.value, value)


def test_rendered_projects_are_for_people(workspace: Workspace) -> None:
    overlay_text = "apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {name: faq}\nspec: {ttl: '${var.ttl}'}\n"
    workspace.write({"gemctl.yaml": HEAD + PROJECT, "m.yaml": BASE, "env/prod/faq.yaml": overlay_text})
    _, found = loaded(workspace, given=("ttl=9h",))
    assert (
        manifests.text(list(found.values()), "test", "prod")
        == """\
# test / prod, resolved: variables put in, overlays and defaults merged.
# Paths are from the project root.
---
# m.yaml:1
apiVersion: gemctl/v1
kind: CachedContent
metadata:
  name: faq
spec:
  model: m
  ttl: 9h  # overlay env/prod/faq.yaml:4, var ttl from --var
  contents: a
"""
    )
    document = manifests.document(found.values(), "test", "prod")
    assert document["origins"]["CachedContent/faq"] == {
        "": {"layer": "manifest", "file": "m.yaml", "line": 1, "column": 1},
        "spec.ttl": {
            "layer": "overlay",
            "file": "env/prod/faq.yaml",
            "line": 4,
            "column": 13,
            "variables": [{"name": "ttl", "from": "--var"}],
        },
    }


EXAMPLES = sorted(path.parent for path in (Path(__file__).parents[2] / "manifests").rglob("gemctl.yaml"))


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_what_examples_come_to_means_the_same_by_itself(folder: Path, tmp_path: Path) -> None:
    project = load_project(str(folder))
    limits = {key: value for key, value in project.document.value.items() if key == "safety"}
    stacks = {"defaultStack": "x", "stacks": {"x": {}}, **limits}
    for stack in project.project.stacks.values():
        desired, drafts = load_drafts(project, stack, CATALOGUE, (), now=NOW)
        wholes = {part.of: one for one in desired.resources.values() if one.run and (part := one.run.part)}
        found = [
            resolved(address, draft, {**wholes, **desired.resources}[address], kind, stack, project.positions)
            for address, draft in drafts.items()
            if (kind := CATALOGUE[address.kind])
        ]
        alone = Workspace(tmp_path / stack.name)
        shutil.copytree(folder, alone.root, ignore=shutil.ignore_patterns("*.yaml", ".gemctl", "out"))
        head = {"apiVersion": "gemctl/v1", "kind": "Project", "metadata": {"name": "a"}}
        alone.write({"gemctl.yaml": json.dumps({**head, **stacks}), "all.yaml": manifests.text(found, "a", "x")})
        assert alone.load().digest == desired.digest


# Variables from outside.


def test_variables_that_cannot_be_given() -> None:
    stack = Stack("x", vars={"a": "1"})
    assert with_variables(stack, (), {"HOME": "/"}) is stack
    for given_, env in (
        (("a",), {}),
        (("=x",), {}),
        (("a.b=x",), {}),
        (("a=\udcff",), {}),
        ((), {"GEMCTL_VAR_a": "\udcff"}),
    ):
        with pytest.raises(Usage) as caught:
            with_variables(stack, given_, env)
        assert caught.value.code == "E023"


def test_a_plan_is_bound_to_what_its_variables_made(workspace: Workspace) -> None:
    text = BASE.replace("ttl: 1h", "ttl: ${var.ttl}")
    workspace.write({"gemctl.yaml": HEAD + PROJECT, "m.yaml": text})
    plain = loaded(workspace, "local")[0].digest
    assert loaded(workspace, "local", ("ttl=3h",))[0].digest != plain
    assert loaded(workspace, "local", (), {"GEMCTL_VAR_ttl": "3h"})[0].digest != plain
    assert loaded(workspace, "local", ("ttl=2h", "word=other"))[0].digest == plain


# Paths.


def test_overlays_are_no_manifests(workspace: Workspace) -> None:
    overlay_text = "apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {name: faq}\nspec: {ttl: 2h}\n"
    new = BASE.replace("faq", "new")
    workspace.write({"gemctl.yaml": HEAD + PROJECT, "a/m.yaml": BASE, "b/n.yaml": BASE.replace("faq", "other"),
                     "env/prod/faq.yaml": overlay_text, "env/prod/new.yaml": new, "env/x.yaml": "#"})  # fmt: skip
    root = str(workspace.root)
    skip = load_project(root).project.overlays
    assert find(root, overlays=skip) == ("a/m.yaml", "b/n.yaml", "env/x.yaml")
    assert find(root, ("env",), base=root, overlays=skip) == ("env/x.yaml",)
    for path in ("env/prod", "env/prod/faq.yaml"):
        with pytest.raises(Rejected) as caught:
            find(root, (path,), base=root, overlays=skip)
        assert [one.code for one in caught.value.diagnostics] == ["E127"]
    # Of a part of the manifests: overlays for the other part, and what overlays add, are left alone.
    assert set(workspace.load("b", stack="prod").resources) == {Address("CachedContent", "other")}
    assert set(workspace.load("a", stack="prod").resources) == {Address("CachedContent", "faq")}
    assert len(workspace.load(stack="prod").resources) == 3


def test_editors_know_lists() -> None:
    import jsonschema

    validator = jsonschema.Draft202012Validator(document_schema(CATALOGUE))
    item = {"apiVersion": "gemctl/v1", "kind": "CachedContent", "metadata": {"name": "a"}, "spec": {"model": "m"}}
    whole = {"apiVersion": "gemctl/v1", "kind": "List", "items": [item]}
    assert list(validator.iter_errors(whole)) == []
    assert list(validator.iter_errors({**whole, "items": [whole]}))
    assert list(validator.iter_errors(item)) == []


# JobLimits of what is in the service.


@pytest.mark.parametrize(
    ("whole", "own", "expected"),
    [
        ("", "", JobLimits()),
        ("{jobs: 10}", "", JobLimits(10)),
        ("{jobs: 10}", "{jobs: 3}", JobLimits(3)),
        ("{jobs: 2k}", "{enqueuedTokens: {a: 1}}", JobLimits(2000, {"a": 1})),
        (
            "{enqueuedTokens: {models/a: 3M, b: 250k}}",
            "{enqueuedTokens: {a: 1G}}",
            JobLimits(None, {"a": 10**9, "b": 250_000}),
        ),
        ("", "{jobs: '7', enqueuedTokens: {c: 3000000}}", JobLimits(7, {"c": 3_000_000})),
    ],
)
def test_limits_of_a_stack_lie_over_those_of_the_project(tmp_path, whole, own, expected) -> None:
    project = "apiVersion: gemctl/v1\nkind: Project\nmetadata: {name: demo}\n"
    project += f"limits: {whole}\n" if whole else ""
    project += f"stacks: {{a: {{endpoint: emulator{f', limits: {own}' if own else ''}}}}}\n"
    (tmp_path / "gemctl.yaml").write_text(project)
    assert choose_stack(load_project(str(tmp_path)).project, "a").limits == expected


def test_the_requests_of_a_plan_are_limited_unless_the_project_says_otherwise(tmp_path) -> None:
    head = "apiVersion: gemctl/v1\nkind: Project\nmetadata: {name: demo}\nstacks: {a: {}}\n"
    found = []
    for more in ("", "safety: {maxRequests: 0}\n", "safety: {maxRequests: 1000000}\n"):
        (tmp_path / "gemctl.yaml").write_text(head + more)
        found.append(load_project(str(tmp_path)).project.safety.max_requests)
    assert found == [10_000, 0, 1_000_000]
