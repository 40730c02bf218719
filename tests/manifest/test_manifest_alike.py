"""What is done once for all that are alike comes out as if it had been done for each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifest_workspace import NOW, manifest

from gemctl.core.address import Address
from gemctl.core.digest import canonical, sha256
from gemctl.core.errors import Rejected
from gemctl.core.mark import spec_tag
from gemctl.core.moment import show_instant, wire_duration
from gemctl.core.project import Project, Stack
from gemctl.core.resource import Edit, Ending, Expiry, Lifecycle, Member, Publish, Resource, Run, Ttl, Until
from gemctl.core.source import Json, SourceFile
from gemctl.kinds import CATALOGUE
from gemctl.manifest import around, drafts
from gemctl.manifest.bind import bind
from gemctl.manifest.desired_digest import digest
from gemctl.manifest.load import load
from gemctl.manifest.refs import may_have_expression
from gemctl.manifest.root import load_project
from gemctl.manifest.yaml import parse

EXAMPLES = sorted(path.parent for path in (Path(__file__).parents[2] / "manifests").rglob("gemctl.yaml"))
STACK = Stack("local", vars={"name": "Ada", "on": "true"})
DEFAULTS = {"CachedContent": {"lifecycle": {"renewBefore": "2m"}, "metadata": {"labels": {"team": "default"}}}}
PLAIN = Project("test", "abcd", "local", {"local": STACK})


def said(documents: list[Json], project: Project) -> tuple[object, ...]:
    """Everything that binding these documents has to say."""
    text = "---\n".join(f"{json.dumps(one)}\n" for one in documents)
    try:
        desired = bind(parse(SourceFile("m.yaml", text)), project, STACK, CATALOGUE, lambda *_: (), now=NOW)
    except Rejected as rejected:
        return rejected.diagnostics
    values = [(one, one.labels, one.annotations) for one in desired.resources.values()]
    return (*values, desired.warnings, desired.digest)


@contextmanager
def each_by_itself() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(around, "_MOST_ALIKE", 0)
        patch.setattr(drafts, "may_have_expression", lambda _: True)
        yield


ANY = st.sampled_from([None, True, 1, 1.0, "1", "true", "${var.on}", [], {}, "8h", "2m", "1s", {"a": "1"}, ["tools"]])
LIFECYCLES = st.dictionaries(st.sampled_from(["renewBefore", "preventDestroy", "ignoreChanges", "keep", "x"]), ANY)
LABELS = st.one_of(ANY, st.dictionaries(st.sampled_from("ab"), st.sampled_from(["1", 1, "${var.name}"])))
METADATA = st.fixed_dictionaries({"name": st.sampled_from(["a", "b", "c", "No", 1])}, optional={"labels": LABELS})
SPECS = st.fixed_dictionaries(
    {"model": st.just("gemini-2.5-flash"), "contents": st.just("Hello")},
    optional={"ttl": st.sampled_from(["3s", "90s", "24h", "30d"]), "expireTime": st.just("2026-05-01T00:00:00Z")},
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "apiVersion": st.just("gemctl/v1"),
        "kind": st.sampled_from(["CachedContent", "TokenPolicy", "File", "Nothing"]),
        "metadata": METADATA,
    },
    optional={
        "spec": SPECS | ANY,
        "lifecycle": LIFECYCLES | ANY,
        "publish": st.just([{"githubOutput": "a"}]),
        "expect": st.sampled_from([{}, {"readsPerHour": 1}, {"outputTokens": 1}]),
        "more": st.just(1),
    },
)


@given(st.lists(DOCUMENTS, max_size=6), st.sampled_from([PLAIN, replace(PLAIN, defaults=DEFAULTS)]))
def test_documents_that_are_alike(documents: list[Json], project: Project) -> None:
    together = said(documents, project)
    with each_by_itself():
        assert said(documents, project) == together


@given(SPECS, LIFECYCLES, st.sampled_from([PLAIN, replace(PLAIN, defaults=DEFAULTS)]))
def test_many_that_are_alike(spec: Json, lifecycle: Json, project: Project) -> None:
    head = {"apiVersion": "gemctl/v1", "kind": "CachedContent", "spec": spec, "lifecycle": lifecycle}
    documents: list[Json] = [{**head, "metadata": {"name": name, "labels": {"a": "1"}}} for name in "abc"]
    documents.append({**documents[0], "metadata": {"name": "d", "labels": {"a": 1}}})
    together = said(documents, project)
    with each_by_itself():
        assert said(documents, project) == together


def test_what_is_right_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[Address] = []
    lifecycle = around.lifecycle

    def counted(*of: object) -> object:
        checked.append(of[5])  # type: ignore[arg-type]
        return lifecycle(*of)  # type: ignore[arg-type]

    monkeypatch.setattr(around, "lifecycle", counted)
    texts = [manifest("contents: a").replace("name: faq", f"name: {name}") for name in "abc"]
    other = texts[0].replace("name: a", "name: d") + "lifecycle: {preventDestroy: true}\n"
    wrong = [one.replace("name: ", "name: x") + "lifecycle: {renewBefore: 1s}\n" for one in texts[:2]]
    documents = parse(SourceFile("m.yaml", "---\n".join((*texts, other, *wrong))))
    with pytest.raises(Rejected) as rejected:
        bind(documents, PLAIN, STACK, CATALOGUE, lambda *_: (), now=NOW)
    assert [one.name for one in checked] == ["a", "d", "xa", "xb"]
    assert [one.address.name for one in rejected.value.diagnostics if one.address] == ["xa", "xb"]


@pytest.mark.parametrize(
    "written",
    [
        "${var.name}",
        "'${var.name}'",
        '"${var.name}"',
        r'"\x24{var.name}"',
        r'"\u0024{var.name}"',
        r'"$\x7bvar.name}"',
        '"$\\\n      {var.name}"',
        "|-\n      ${var.name}",
        ">-\n      ${var.name}",
    ],
)
def test_a_variable_in_any_writing(written: str) -> None:
    text = manifest("contents: a") + f"  displayName: {written}\n"
    assert may_have_expression(text)
    (resource,) = bind(
        parse(SourceFile("m.yaml", text)), PLAIN, STACK, CATALOGUE, lambda *_: (), now=NOW
    ).resources.values()
    assert resource.display_name == "Ada"


@given(st.text(alphabet="${}\\'\"x24: \n|>-", max_size=30))
def test_a_text_without_expressions_has_none_in_its_values(text: str) -> None:
    try:
        documents = parse(SourceFile("m.yaml", f"a: {text}"))
    except Rejected:
        return
    if any("${" in json.dumps(one.value, ensure_ascii=False) for one in documents):
        assert may_have_expression(text)


# The digest.


def whole_form(one: Resource) -> Json:
    """The form of a resource of which the digest is made, all of it at once."""
    rules, how, declared = one.lifecycle, one.run, one.declared
    more: dict[str, Json] = {}
    if declared.extras:
        more["extras"] = dict(declared.extras)
    if rules.on_demand:
        more["onDemand"] = True
    if declared.members:
        more["members"] = sha256(canonical({path: member.tag for path, member in declared.members.items()}))
    if how is not None:
        more["run"] = {
            "results": how.results,
            "deadline": None if how.deadline is None else wire_duration(how.deadline),
            "onExpired": how.on_expired,
            "onFailed": how.on_failed,
            "maxResubmits": how.max_resubmits,
            "clean": how.clean,
            **({"retryBlocked": True} if how.retry_blocked else {}),
        }
        if (how.on_own_edit, how.on_edited_references) != (Edit.RERUN, Edit.REPORT):
            more["onEdit"] = [how.on_own_edit, how.on_edited_references]
    expiry = declared.expiry
    return {
        "address": str(one.address),
        "fields": declared.fields,
        "expiry": {"ttl": wire_duration(expiry.ttl)}
        if isinstance(expiry, Ttl)
        else {"expireTime": show_instant(expiry.expire_time)}
        if expiry
        else None,
        "display": one.display_name,
        "lifecycle": {
            "renewBefore": None if rules.renew_before is None else wire_duration(rules.renew_before),
            "preventDestroy": rules.prevent_destroy,
            "createFirst": rules.create_first,
            "retire": wire_duration(rules.retire),
            "ignoreChanges": [list(path) for path in rules.ignore_changes],
        },
        "publish": [[entry.form, entry.file, entry.key] for entry in one.publish],
        **more,
    }


def whole_digest(resources: Mapping[Address, Resource]) -> str:
    return sha256(canonical([whole_form(resources[address]) for address in sorted(resources)]))


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_the_digest_of_an_example(folder: Path) -> None:
    loaded = load_project(str(folder))
    for stack in loaded.project.stacks.values():
        desired = load(loaded, stack, CATALOGUE)
        assert desired.digest == whole_digest(desired.resources)
        assert all(one.spec_tag == spec_tag(one.declared.fields) for one in desired.resources.values())


TEXTS = st.text(max_size=5)
FIELDS = st.recursive(TEXTS | st.booleans() | st.integers(), lambda of: st.lists(of) | st.dictionaries(TEXTS, of))
DURATIONS = st.none() | st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9))
EXPIRIES: st.SearchStrategy[Expiry | None] = st.one_of(
    st.none(),
    st.builds(Ttl, st.sampled_from([timedelta(hours=1), timedelta(seconds=1.5)])),
    st.builds(Until, st.datetimes(min_value=datetime(2026, 1, 1), timezones=st.just(UTC))),
)
LIFECYCLE_RULES = st.builds(
    Lifecycle,
    DURATIONS,
    st.booleans(),
    st.booleans(),
    st.sampled_from([timedelta(0), timedelta(minutes=10)]),
    st.sampled_from([(), (("tools",), ("contents", 0))]),
    st.booleans(),
)
RUNS = st.none() | st.builds(
    Run,
    results=st.none() | TEXTS,
    deadline=DURATIONS,
    on_failed=st.sampled_from(Ending),
    clean=st.booleans(),
    retry_blocked=st.booleans(),
    on_own_edit=st.sampled_from(Edit),
    on_edited_references=st.sampled_from(Edit),
)
((_, PATTERN),) = bind(
    parse(SourceFile("m.yaml", manifest("contents: a"))), PLAIN, STACK, CATALOGUE, lambda *_: ()
).resources.items()


@st.composite
def resources(draw: st.DrawFn) -> Mapping[Address, Resource]:
    found: dict[Address, Resource] = {}
    kinds = st.sampled_from(["File", "CachedContent"])
    for kind, name in draw(st.lists(st.tuples(kinds, st.sampled_from("abc")), unique=True)):
        declared = replace(
            PATTERN.declared,
            fields=draw(st.dictionaries(TEXTS, FIELDS)),
            expiry=draw(EXPIRIES),
            display_name=draw(st.none() | TEXTS),
            extras=draw(st.dictionaries(TEXTS, FIELDS, max_size=1)),
            members=draw(st.dictionaries(TEXTS, st.builds(Member, TEXTS, st.just({}), st.just(())), max_size=2)),
        )
        found[Address(kind, name)] = replace(
            PATTERN,
            address=Address(kind, name),
            declared=declared,
            lifecycle=draw(LIFECYCLE_RULES),
            publish=tuple(draw(st.lists(st.builds(Publish, TEXTS, st.none() | TEXTS, TEXTS), max_size=2))),
            run=draw(RUNS),
        )
    return found


@given(resources())
def test_the_digest_of_anything(found: Mapping[Address, Resource]) -> None:
    assert digest(found) == whole_digest(found)
    assert all(one.spec_tag == spec_tag(one.declared.fields) for one in found.values())
