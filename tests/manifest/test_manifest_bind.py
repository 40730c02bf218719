"""Documents to resources: defaults, lifecycles, variables, references, and the digest that a plan is bound to."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from manifest_workspace import HEAD, NOW, Workspace, manifest, short
from pydantic import BaseModel

from gemctl.core.address import Address
from gemctl.core.call import Reference
from gemctl.core.digest import sha256
from gemctl.core.errors import Rejected, Usage
from gemctl.core.kind import FileNeed
from gemctl.core.lifetime import LIFETIMES, Renewable
from gemctl.core.mark import Mark
from gemctl.core.project import Project, Stack
from gemctl.core.quantities import Tokens
from gemctl.core.resource import Attachment, Declared, Desired, Expect, Lifecycle, Publish, Resource, Ttl, Until
from gemctl.core.source import Positions, SourceFile, Span
from gemctl.kinds import CATALOGUE
from gemctl.kinds.parts.lines import EmbedLine, GenerateLine
from gemctl.kinds.parts.token_count import count
from gemctl.manifest.bind import bind
from gemctl.manifest.envelope import envelope_of, resource_schema
from gemctl.manifest.project import ProjectShape
from gemctl.manifest.refs import Substitution, check_references, scope
from gemctl.manifest.root import load_project
from gemctl.manifest.stack import choose_stack
from gemctl.manifest.yaml import parse
from gemctl.schema.shape import branch

FAQ = Address("CachedContent", "faq")
STACK = Stack("local", vars={"name": "Ada", "tier": "dev"})
PROJECT = Project("test", "abcd", "local", {"local": STACK})


def no_files(need: FileNeed, named_in: str) -> tuple[Attachment, ...]:
    raise AssertionError((need, named_in))


def bound(*texts: str, project: Project = PROJECT, stack: Stack = STACK) -> Desired:
    documents = [d for n, text in enumerate(texts) for d in parse(SourceFile(f"{n}.yaml", text))]
    return bind(documents, project, stack, CATALOGUE, no_files, now=NOW)


def faq(spec: str, after: str = "") -> Resource:
    return bound(manifest(spec) + after).resources[FAQ]


def test_a_resource_in_full() -> None:
    text = """\
apiVersion: gemctl/v1
kind: CachedContent
metadata: {name: faq, labels: {team: a}, annotations: {note: b}}
spec:
  model: gemini-2.5-flash
  contents: Hello ${var.name}, that is $${var.name}.
  ttl: 6h
lifecycle: {preventDestroy: true, replace: deleteFirst, retire: 0s, ignoreChanges: [spec.tools, "contents[0].role"]}
publish: [{file: ./out//caches.json, key: a.b}, {dotenv: .env, name: FAQ}, {githubOutput: faq}]
"""
    resource = bound(text).resources[FAQ]
    assert resource.labels == {"team": "a"}
    assert resource.annotations == {"note": "b"}
    assert resource.lifecycle == Lifecycle(
        renew_before=timedelta(hours=2),
        prevent_destroy=True,
        create_first=False,
        retire=timedelta(0),
        ignore_changes=(("tools",), ("contents", 0, "role")),
    )
    assert resource.publish == (
        Publish("file", "out/caches.json", "a.b"),
        Publish("dotenv", ".env", "FAQ"),
        Publish("githubOutput", None, "faq"),
    )
    (text_of_it,) = resource.declared.attachments
    assert text_of_it.text == "Hello Ada, that is ${var.name}."
    assert str(resource.positions.value(("spec", "ttl"))) == "0.yaml:7:8"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("contents: a", timedelta(minutes=20)),
        ("contents: a\nttl: 24h", timedelta(hours=8)),
        ("contents: a\nttl: 3m", timedelta(minutes=1)),
        ("contents: a\nttl: 150s", timedelta(minutes=1)),
        ("contents: a\nttl: 90s", timedelta(seconds=45)),
        ("contents: a\nttl: 60s", timedelta(seconds=20)),
        ("contents: a\nttl: 3s", timedelta(seconds=1)),
        ("contents: a\nexpireTime: 2026-06-02T00:00:00Z", None),
    ],
)
def test_when_it_is_renewed(spec: str, expected: timedelta | None) -> None:
    assert faq(spec).lifecycle.renew_before == expected


@given(st.integers(1, 7 * 86_400))
def test_the_default_renewal_is_always_within_the_ttl(seconds: int) -> None:
    before = faq(f"contents: a\nttl: {seconds}s").lifecycle.renew_before
    assert before is not None
    assert timedelta(0) < before < timedelta(seconds=seconds)


def test_no_ttl_means_an_hour() -> None:
    assert faq("contents: a").declared.expiry == Ttl(timedelta(hours=1))
    assert isinstance(faq("contents: a\nexpireTime: 2026-06-02T00:00:00Z").declared.expiry, Until)


DEFAULTS: Mapping[str, Any] = {
    "CachedContent": {
        "metadata": {"labels": {"team": "a", "tier": "${var.tier}"}},
        "spec": {"model": "gemini-2.5-pro", "ttl": "24h", "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
        "lifecycle": {"renewBefore": "6h", "preventDestroy": True},
        "publish": [{"githubOutput": "x"}],
    }
}


def test_defaults_lie_under_a_resource() -> None:
    project = dataclasses.replace(PROJECT, defaults=DEFAULTS)
    text = """\
apiVersion: gemctl/v1
kind: CachedContent
metadata: {name: faq, labels: {team: b}}
spec:
  contents: a
  toolConfig: {functionCallingConfig: {allowedFunctionNames: [f]}}
lifecycle: {preventDestroy: false}
"""
    resource = bound(text, project=project).resources[FAQ]
    assert resource.labels == {"team": "b", "tier": "dev"}
    assert resource.declared.fields["model"] == "models/gemini-2.5-pro"
    config = resource.declared.fields["toolConfig"]["functionCallingConfig"]
    assert config == {"mode": "ANY", "allowedFunctionNames": ["f"]}
    assert resource.declared.expiry == Ttl(timedelta(hours=24))
    assert resource.lifecycle.renew_before == timedelta(hours=6)
    assert not resource.lifecycle.prevent_destroy
    assert resource.publish == (Publish("githubOutput", None, "x"),)
    assert DEFAULTS["CachedContent"]["spec"]["ttl"] == "24h"

    instead = bound(text.replace("  contents: a", "  contents: a\n  expireTime: 2026-06-02T00:00:00Z"), project=project)
    assert isinstance(instead.resources[FAQ].declared.expiry, Until)
    assert instead.resources[FAQ].lifecycle.renew_before is None


def test_places_of_what_is_inherited(workspace: Workspace) -> None:
    project = (workspace.root / "gemctl.yaml").read_text()
    workspace.write(
        {
            "gemctl.yaml": project + "defaults:\n  CachedContent:\n    spec: {model: gemini-2.5-flash, ttl: 2h}\n",
            "m.yaml": "apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {name: faq}\nspec: {contents: a}\n",
        }
    )
    positions = workspace.load().resources[FAQ].positions
    assert str(positions.value(("spec", "ttl"))) == "gemctl.yaml:8:42"
    assert str(positions.key(("spec", "ttl"))) == "gemctl.yaml:8:37"
    assert str(positions.value(("spec", "contents"))) == "m.yaml:4:18"
    assert str(positions.value(("spec",))) == "m.yaml:4:7"
    assert str(positions.value(("spec", "contents", 0, "parts"))) == "m.yaml:4:18"
    assert {("spec", "ttl"), ("spec", "model"), ("spec", "contents")} <= set(positions.values)
    assert len(positions.values) == len(list(positions.values))


def test_variables_are_what_was_typed(workspace: Workspace) -> None:
    head = "apiVersion: gemctl/v1\nkind: Project\nmetadata: {name: test}\nstacks:\n  a:\n    vars:\n"
    lines = {
        "n": "+.5",
        "x": "0x1F",
        "on": "true",
        "f": "1.50",
        "big": "9007199254740993",
        "s": "'x: y'",
        "no": "no",
        "z": "''",
    }
    workspace.write({"gemctl.yaml": head + "".join(f"      {name}: {text}\n" for name, text in lines.items())})
    variables = load_project(str(workspace.root)).project.stacks["a"].vars
    assert variables == {**lines, "s": "x: y", "z": ""}


def test_no_branch_of_a_shape_can_be_taken_for_a_key() -> None:
    def tags(schema: Any) -> Iterator[str]:
        if isinstance(schema, dict):
            if schema.get("type") == "tagged-union":
                yield from schema["choices"]
            schema = list(schema.values())
        if isinstance(schema, list):
            for inner in schema:
                yield from tags(inner)

    shapes = [GenerateLine, EmbedLine, ProjectShape, *(envelope_of(life) for life in LIFETIMES)]
    found = {
        tag for shape in (*shapes, *(kind.spec for kind in CATALOGUE.values())) for tag in tags(core_schema(shape))
    }
    assert len(found) >= 5
    assert all(tag.startswith(branch("")) and tag != branch("") for tag in found)
    with pytest.raises(Rejected):
        parse(SourceFile("m.yaml", f"{json.dumps(branch('content'))}: 1\n"))


def core_schema(shape: type[BaseModel]) -> Any:
    shape.model_rebuild()
    return shape.__pydantic_core_schema__


def test_messages_about_paths_say_where_they_are_seen_from(workspace: Workspace) -> None:
    run = "apiVersion: gemctl/v1\nkind: BatchJob\nmetadata: {name: job}\n"
    run += "spec: {model: m, requests: [{key: a, request: {contents: a}}]}\n"
    own = "Such a path is seen from the project root. (Those in `spec` are seen from the file that names them.)"
    cases = {
        manifest("contents: {parts: [{textFile: none.md}]}"): ("E120", "'none.md' is seen from d, where"),
        manifest("contents: {parts: [{textFile: ../../x.md}]}"): ("E121", "'../../x.md' is seen from d, where"),
        f"{run}run: {{results: ../../r.jsonl}}": ("E245", own),
        manifest("contents: a") + "publish: [{file: ../x.json, key: a}]": ("E219", own),
        manifest("contents: a") + "publish: [{dotenv: /x, name: a}]": ("E219", own),
    }
    for text, (code, hint) in cases.items():
        workspace.write({"d/m.yaml": text})
        (found,) = [each for each in workspace.problems() if each.code == code]
        assert (found.hint or "").startswith(hint), text


def test_hints_about_form_say_what_to_write(workspace: Workspace) -> None:
    job = "apiVersion: gemctl/v1\nkind: BatchJob\nmetadata: {name: job}\nspec: {model: m, requests: "
    foreign = "A file that is not for gemctl belongs outside the project"
    cases = {
        "kind: CachedContent\nmetadata: {name: a}\nspec: {}": ("E207", "Write apiVersion: gemctl/v1."),
        "apiVersion: gemctl/v2\nkind: File": ("E202", "Write apiVersion: gemctl/v1."),
        "apiVersion: v1\nkind: ConfigMap": ("E202", f"Write apiVersion: gemctl/v1. {foreign}"),
        "services: {}": ("E201", foreign),
        f"{job}{{key: a, request: {{contents: a}}}}}}": ("E208", "Put it into a list"),
        f"{job}[{{key: a, request: {{contents: a, cachedContentRef: faq}}}}]}}": ("E208", "Write {name: faq}."),
        f"{job}[{{key: a, request: {{contents: a, cachedContentRef: {'x' * 999}}}}}]}}": ("E208", "Write {name: …}."),
    }
    for text, (code, hint) in cases.items():
        workspace.write({"d/m.yaml": text})
        found = next(each for each in workspace.problems() if each.code == code)
        assert (found.hint or "").startswith(hint) and (foreign in hint) == (foreign in str(found.hint)), text


def test_a_name_that_is_only_misspelt_is_not_missing_as_well(workspace: Workspace) -> None:
    workspace.write({"d/m.yaml": "apiVersion: gemctl/v1\nkind: File\nmetadata: {name: a}\nspec: {sourc: a.md}\n"})
    assert [(each.code, each.hint) for each in workspace.problems()] == [("E206", "Did you mean source?")]
    workspace.write({"d/m.yaml": "apiVersion: gemctl/v1\nkind: File\nmetadata: {name: a}\nspec: {path: a.md}\n"})
    assert sorted(each.code for each in workspace.problems()) == ["E206", "E207"]


def test_a_duration_is_shown_as_it_was_written(workspace: Workspace) -> None:
    cases = {
        "ttl: 0.5s": "The ttl is 0.5s.",
        "ttl: 604801s": "The ttl is 7d1s, and the limit 7d.",
        "ttl: 1h\nlifecycle: {renewBefore: 0.5s}": "renewBefore is 0.5s, and must be at least 1m.",
        "ttl: 3600.5s\nlifecycle: {renewBefore: 1h1s}": "renewBefore is 1h1s, not less than the ttl of 3600.5s.",
    }
    for text, said in cases.items():
        spec, *after = text.split("\n")
        workspace.write({"m.yaml": manifest(f"contents: a\n{spec}") + "".join(after)})
        assert said in [each.detail for each in workspace.problems()], text


def test_choosing_a_stack(workspace: Workspace) -> None:
    project = load_project(str(workspace.root)).project
    assert project.default_stack == "local"
    assert choose_stack(project, None) is choose_stack(project, "local") is project.stacks["local"]
    with pytest.raises(Usage) as caught:
        choose_stack(project, "locl")
    assert (caught.value.code, caught.value.hint) == ("E017", "Did you mean local?")


PLACE = Positions(Span("m.yaml", 1, 1, 1, 1))


def substitution(**variables: str) -> Substitution:
    return Substitution(scope("bot", "prod", variables))


def test_substitution() -> None:
    cases = {
        "${var.a}${var.b}": "A${var.a}",  # not a second time
        "$${var.a}": "${var.a}",
        "$$${var.a}": "$${var.a}",
        "$ $$ $${} $${a} $var.a {var.a}": "$ $$ ${} ${a} $var.a {var.a}",
        "$${HOME:-/root} `$${x}`": "${HOME:-/root} `${x}`",
        "a ${var.a}\n${var.a}": "a A\nA",
        "${project}/${stack}.json": "bot/prod.json",
        "${var.stack}": "S",
    }
    for text, expected in cases.items():
        value = {"${var.a}": [text, 1, None, {"x": text}]}
        replaced, problems, _ = substitution(a="A", b="${var.a}", stack="S").fill(value, PLACE)
        assert replaced == {"${var.a}": [expected, 1, None, {"x": expected}]}, text
        assert problems == ()


def test_what_has_no_variables_is_not_copied() -> None:
    plain = {"a": [1, "x", {"b": ["y"]}], "c": {"d": "$z"}}
    value = {"plain": plain, "other": [plain, "${stack}"]}
    replaced, _, uses = substitution().fill(value, PLACE)
    assert replaced == {"plain": plain, "other": [plain, "prod"]}
    assert replaced["plain"] is replaced["other"][0] is plain
    assert list(replaced) == ["plain", "other"]
    assert uses == {}


NO_VARIABLE = "Known here: tier. Or add it to `vars` of the stack in gemctl.yaml, or give it with --var"
MISSPELT = f"Did you mean tier?{NO_VARIABLE[17:]} tire=value."
LITERAL = "For the characters ${ write $${."
UNKNOWN = f"Known are ${{var.NAME}}, ${{stack}} and ${{project}}. {LITERAL}"


def test_what_cannot_be_substituted() -> None:
    cases = {
        "${var.x}": [("E212", "This stack has no variable x.", f"{NO_VARIABLE} x=value.")],
        "${var.tire}": [("E212", "This stack has no variable tire.", MISSPELT)],
        "${var.x} ${var.y} ${var.x}": [
            ("E212", "This stack has no variable x.", f"{NO_VARIABLE} x=value."),
            ("E212", "This stack has no variable y.", f"{NO_VARIABLE} y=value."),
        ],
        "${tier}": [("E213", "${tier} stands for nothing.", f"Did you mean ${{var.tier}}? {LITERAL}")],
        "${env.TIER}": [("E213", "${env.TIER} stands for nothing.", f"Did you mean ${{var.tier}}? {LITERAL}")],
        "${var. tier}": [("E213", "${var. tier} stands for nothing.", f"Did you mean ${{var.tier}}? {LITERAL}")],
        "${Stack}": [("E213", "${Stack} stands for nothing.", f"Did you mean ${{stack}}? {LITERAL}")],
        "${var.tier": [("E213", "${var.tier stands for nothing.", f"Did you mean ${{var.tier}}? {LITERAL}")],
        "echo ${HOME:-/root}": [("E213", "${HOME:-/root} stands for nothing.", UNKNOWN)],
        "${} ${1.5}": [("E213", "${} and ${1.5} stand for nothing.", UNKNOWN)],
        "${var.a.b}": [("E213", "${var.a.b} stands for nothing.", UNKNOWN)],
        "${file:a.txt} ${a}\n${b": [("E213", "${file:a.txt}, ${a} and ${b stand for nothing.", UNKNOWN)],
        "${a}${b}${a}${c}${d}${e}": [("E213", "${a}, ${b}, ${c} and 2 more stand for nothing.", UNKNOWN)],
    }
    for text, expected in cases.items():
        replaced, problems, _ = substitution(tier="A").fill(text, PLACE)
        assert replaced == text
        assert [(found.code, found.detail, found.hint) for found in problems] == expected, text


def test_nothing_is_replaced_in_text_files_and_all_in_paths(workspace: Workspace) -> None:
    script = "echo ${HOME} ${var.name} $${x}\n"
    paths = "publish: [{file: 'out/${stack}/$${x}.json', key: '${project}'}]\n"
    files = {"Ada.md": script, "m.yaml": manifest("contents: {parts: [{textFile: '${var.name}.md'}]}") + paths}
    workspace.write(files)
    (resource,) = workspace.load().resources.values()
    assert [text.digest for text in resource.declared.attachments] == [sha256(script.encode())]
    assert [(entry.file, entry.key) for entry in resource.publish] == [("out/local/${x}.json", "test")]


def test_variables_are_no_bomb() -> None:
    everywhere = substitution(x="y" * 100_000)
    text = "${var.x}" * 500
    assert everywhere.fill([text], PLACE)[1] == ()  # 50 MB
    assert [found.code for found in everywhere.fill([text, text], PLACE)[1]] == ["E214"]  # in another document
    assert everywhere.fill([text], PLACE)[1] == ()  # is said once


def test_the_digest_covers_what_matters_and_nothing_else() -> None:
    base = bound(manifest("contents: a\nttl: 2h")).digest
    same = """\
# moved, quoted and turned round
kind: CachedContent
spec: {"ttl": 7200s, contents: [{parts: [{text: 'a'}]}], "model": "models/gemini-2.5-flash"}
metadata:
  name: "faq"
  labels: {a: b}
apiVersion: gemctl/v1
lifecycle: {renewBefore: 2400s, retire: 600s}
"""
    assert bound("", same).digest == base
    for spec, after in {
        ("contents: b\nttl: 2h", ""),
        ("contents: a\nttl: 3h", ""),
        ("contents: a\nexpireTime: 2026-06-02T00:00:00Z", ""),
        ("contents: a\nttl: 2h\ndisplayName: x", ""),
        ("contents: a\nttl: 2h\ndisplayName: faq", ""),
        ("contents: a\nttl: 2h", "lifecycle: {retire: 1h}"),
        ("contents: a\nttl: 2h", "lifecycle: {renewBefore: 1h}"),
        ("contents: a\nttl: 2h", "lifecycle: {preventDestroy: true}"),
        ("contents: a\nttl: 2h", "lifecycle: {ignoreChanges: [tools]}"),
        ("contents: a\nttl: 2h", "publish: [{githubOutput: x}]"),
    }:
        assert bound(manifest(spec) + after + "\n").digest != base, (spec, after)
    assert bound().digest == bound("# nothing").digest != base


def test_all_texts_are_at_hand() -> None:
    two = manifest("contents: [a, b, a]") + "---\n" + manifest("contents: b").replace("faq", "other")
    desired = bound(two)
    assert set(desired.attachments) == {sha256(b"a"), sha256(b"b")}
    for resource in desired.resources.values():
        assert {fill.digest for fill in resource.declared.fills} <= set(desired.attachments)
    assert list(desired.resources) == [FAQ, Address("CachedContent", "other")]


def test_a_text_in_defaults_lies_beside_the_project_file(workspace: Workspace) -> None:
    project = (workspace.root / "gemctl.yaml").read_text()
    workspace.write(
        {
            "gemctl.yaml": project + "defaults: {CachedContent: {spec: {systemInstruction: {textFile: p.md}}}}\n",
            "p.md": "of the project",
            "d/p.md": "of the folder",
            "d/m.yaml": manifest("contents: {parts: [{textFile: p.md}]}"),
        }
    )
    fields = workspace.load().resources[FAQ].declared.fields
    assert fields["systemInstruction"]["parts"] == [{"text": sha256(b"of the project")}]
    assert fields["contents"][0]["parts"] == [{"text": sha256(b"of the folder")}]


def test_warnings_ride_along_in_reading_order(workspace: Workspace) -> None:
    workspace.write(
        {"b.yaml": manifest("contents: a\nttl: 30s"), "a.yaml": manifest("contents: b\nttl: 30s").replace("faq", "x")}
    )
    assert short(workspace.load().warnings) == ["a.yaml:7:8 W202", "b.yaml:7:8 W202"]
    workspace.write({"c.yaml": "a: [\n"})
    assert [found.code for found in workspace.problems()] == ["W202", "W202", "E101"]


def test_only_the_files_that_were_named(workspace: Workspace) -> None:
    workspace.write({"a.yaml": manifest("contents: a"), "b.yaml": "wrong\n"})
    assert list(workspace.load("a.yaml").resources) == [FAQ]


# References. No kind has any yet, so these are made by hand.


def resource(name: str, *targets: str) -> Resource:
    references = tuple(Reference(("contents",), Address("CachedContent", target), "name") for target in targets)
    spot = Positions(Span(f"{name}.yaml", 1, 1, 1, 1))
    return Resource(Address("CachedContent", name), Declared({}, references=references), Lifecycle(), (), {}, {}, spot)


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ({"a": ["b", "c"], "b": ["c"], "c": []}, []),
        ({"a": ["a"]}, ["CachedContent/a → CachedContent/a."]),
        ({"a": ["b"], "b": ["a"]}, ["CachedContent/a → CachedContent/b → CachedContent/a."]),
        ({"x": ["b"], "b": ["c"], "c": ["b"]}, ["CachedContent/b → CachedContent/c → CachedContent/b."]),
        ({"a": ["none"]}, ["CachedContent/none is not declared."]),
    ],
)
def test_references(edges: dict[str, list[str]], expected: list[str]) -> None:
    found = check_references([resource(name, *targets) for name, targets in edges.items()], CATALOGUE)
    assert [problem.detail for problem in found] == expected


def test_long_chains_of_references_are_no_problem() -> None:
    chain = [resource(f"n{n}", f"n{n + 1}") for n in range(5000)]
    assert check_references([*chain, resource("n5000")], CATALOGUE) == ()
    (found,) = check_references([*chain, resource("n5000", "n0")], CATALOGUE)
    assert found.code == "E223"


def test_a_reference_to_an_unknown_kind() -> None:
    base = resource("a")
    wrong = dataclasses.replace(
        base, declared=Declared({}, references=(Reference(("x",), Address("CachedContnt", "b"), "name"),))
    )
    (found,) = check_references([wrong], CATALOGUE)
    assert (found.code, found.hint) == ("E222", "Did you mean CachedContent?")


def test_the_schema_for_editors() -> None:
    schema = resource_schema("CachedContent", CATALOGUE["CachedContent"].spec, Renewable)
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    cases = yaml.safe_load((Path(__file__).parent / "cases" / "specs.yaml").read_text(encoding="utf-8"))
    for case in cases:
        if not case["expect"]:
            (document,) = parse(SourceFile("m.yaml", manifest(case["spec"])))
            assert list(validator.iter_errors(document.value)) == [], case["name"]
    for wrong in ("contens: a", "contents: a\nttl: [1]", "contents: {parts: []}", "tools: [{foo: 1}]"):
        (document,) = parse(SourceFile("m.yaml", manifest(wrong)))
        assert list(validator.iter_errors(document.value)), wrong

    def described(node: Any) -> None:
        for value in node.get("properties", {}).values():
            assert "description" in value or "$ref" in value, value

    for definition in (schema, *schema["$defs"].values()):
        described(definition)


LEAVES = st.sampled_from(["", "x", "1h", "${var.name}", "${var.x}", "a.md"])
FIELDS = st.sampled_from(
    ("parts", "text", "textFile", "role", "inlineData", "data", "mimeType", "fileRef", "functionDeclarations", "name")
) | st.sampled_from(("type", "$ref", "properties", "x"))
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)


@given(
    spec=st.dictionaries(st.sampled_from(["model", "contents", "systemInstruction", "tools", "toolConfig", "ttl",
                                          "expireTime", "displayName", "x"]), TREES),
    around=st.dictionaries(st.sampled_from(["lifecycle", "publish", "metadata", "run", "kind", "x"]), TREES),
)  # fmt: skip
def test_no_manifest_raises_anything_but_rejected(spec: Any, around: Any) -> None:
    base = {"apiVersion": "gemctl/v1", "kind": "CachedContent", "metadata": {"name": "faq"}, "spec": spec}
    source = SourceFile("m.yaml", json.dumps({**base, **around}, ensure_ascii=False))

    def attach(need: FileNeed, named_in: str) -> tuple[Attachment, ...]:
        return (Attachment(sha256(b"x"), 1, path="x"),)

    try:
        desired = bind(parse(source), PROJECT, STACK, CATALOGUE, attach, now=NOW)
    except Rejected as rejected:
        assert all(found.span for found in rejected.diagnostics)
    else:
        for one in desired.resources.values():
            call = CATALOGUE["CachedContent"].remote.create(one, Mark("a" * 10, "b" * 13, "c" * 13), 1)
            for fill in call.fills:
                value: Any = call.body
                for step in fill.at:
                    value = value[step]
                assert value == fill.digest
                assert fill.digest in desired.attachments


def test_the_head_of_the_cases_is_right() -> None:
    assert bound(HEAD + "  contents: a\n").resources


@pytest.mark.parametrize(
    ("written", "reads"),
    [("", None), ("0.1", Decimal("0.1")), ("3", Decimal(3)), ("3.0", Decimal(3)), ("1e-3", Decimal("0.001"))],
)
def test_what_is_expected_changes_nothing_else(workspace: Workspace, written: str, reads: Decimal | None) -> None:
    workspace.write({"m.yaml": manifest("contents: a")})
    plain = workspace.load()
    if written:
        workspace.write({"m.yaml": manifest("contents: a") + f"expect: {{readsPerHour: {written}}}\n"})
    found = workspace.load()
    assert found.resources[FAQ].expect == Expect(reads_per_hour=reads)
    assert found.digest == plain.digest
    assert found.resources[FAQ].declared == plain.resources[FAQ].declared


def test_what_is_expected_of_a_job(workspace: Workspace) -> None:
    job = "apiVersion: gemctl/v1\nkind: BatchJob\nmetadata: {name: job}\nexpect: {outputTokens: 400}\n"
    workspace.write({"m.yaml": f"{job}spec: {{model: m, input: {{jsonl: a.jsonl}}}}\n"})
    lines = [{"key": str(number), "request": {"contents": [{"parts": [{"text": "one two"}]}]}} for number in range(3)]
    workspace.write({"a.jsonl": "".join(f"{json.dumps(line)}\n" for line in lines)})
    resources = workspace.load().resources
    used = resources[Address("BatchJob", "job")].quantities
    assert (used.requests, used.input, used.output) == (3, Tokens.about(9), Tokens.exactly(1200))
    assert resources[Address("File", "job.input")].quantities.bytes == (workspace.root / "a.jsonl").stat().st_size


def test_texts_in_files_are_counted_as_those_in_manifests(workspace: Workspace) -> None:
    text = "What a text has in tokens doesn't depend on where it lies.\n" * 9
    workspace.write({"a.md": text, "m.yaml": manifest("systemInstruction: {textFile: a.md}")})
    (attached,) = workspace.load().attachments.values()
    assert attached.tokens == count(text)
    in_file = workspace.load().resources[FAQ].quantities
    workspace.write({"m.yaml": manifest(f"systemInstruction: {json.dumps(text)}")})
    assert workspace.load().resources[FAQ].quantities == in_file
