"""Runs that count as they were run, although something was edited since."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from values import START

from gemctl.core.address import Address
from gemctl.core.call import Reference, put, put_all
from gemctl.core.mark import attempt_tag, spec_tag
from gemctl.core.record import Intent, Ledger, Op, Origin, Record
from gemctl.core.resource import Declared, Desired, Edit, Lifecycle, Resource, Run
from gemctl.core.source import Positions, Span
from gemctl.plan.held import hold, only_references

AT = Address("BatchJob", "nightly")
CACHE, FILM = Address("CachedContent", "handbook"), Address("File", "film")
NOTHING = MappingProxyType[str, str]({})


def fields(cache: str = "c1", film: str = "f1", text: str = "x", **more: Any) -> dict[str, Any]:
    return {"model": "m", "input": {"request": {"cachedContent": cache}, "films": [film, film], "text": text}, **more}


def job(now: dict[str, Any], **rules: Any) -> Resource:
    references = (
        Reference(("input", "request", "cachedContent"), CACHE, "name"),
        Reference(("input", "films", 0), FILM, "uri"),
        Reference(("input", "films", 1), FILM, "uri"),
        Reference(("input", "fileName"), Address("File", "nightly.input"), "name", digested=False),
    )
    where = Positions(Span("a.yaml", 1, 1, 1, 1))
    declared = Declared(now, references=references)
    return Resource(AT, declared, Lifecycle(), (), NOTHING, NOTHING, where, Run(**rules))


def held(now: dict[str, Any], ran: dict[str, Any], attempt: int = 1, **rules: Any) -> Resource:
    tag = attempt_tag(spec_tag(ran), attempt)
    record = Record("batches/a", tag, Origin.CREATED, "", ran, attempt=attempt, run=Run())
    ledger = Ledger("l", records=MappingProxyType({AT: record}))
    return hold(Desired(MappingProxyType({AT: job(now, **rules)})), ledger).resources[AT]


@pytest.mark.parametrize(
    ("now", "ran", "rules", "edited"),
    [
        (fields(), fields(), {}, ()),
        (fields("c2"), fields(), {}, (CACHE,)),
        (fields(film="f2"), fields(), {}, (FILM,)),
        (fields("c2", "f2"), fields(), {}, (CACHE, FILM)),
        (fields(text="y"), fields(), {}, None),
        (fields("c2", text="y"), fields(), {}, None),
        (fields("c2"), fields(), {"on_edited_references": Edit.RERUN}, None),
        (fields(text="y"), fields(), {"on_own_edit": Edit.REPORT}, (AT,)),
        (fields("c2", text="y"), fields(), {"on_own_edit": Edit.REPORT}, (AT, CACHE)),
        (fields("c2"), fields(), {"on_own_edit": Edit.REPORT, "on_edited_references": Edit.RERUN}, None),
        (fields("c2", run={"key": "b"}), fields(run={"key": "a"}), {"on_own_edit": Edit.REPORT}, None),
        (fields("c2", run={"key": "a"}), fields(run={"key": "a"}), {}, (CACHE,)),
    ],
)
def test_what_counts_and_what_was_edited(
    now: dict[str, Any], ran: dict[str, Any], rules: dict[str, Any], edited: tuple[Address, ...] | None
) -> None:
    """`edited` is None where it is run again."""
    for attempt in (1, 2):
        found = held(now, ran, attempt, **rules)
        assert found.declared.fields == (now if edited is None else ran)
        assert found.edited_since == (edited or ())
        assert found.spec_tag == spec_tag(now if edited is None else ran)
        desired = Desired(MappingProxyType({AT: found}))
        again = hold(desired, Ledger("l", records=MappingProxyType({AT: Record(
            "batches/a", attempt_tag(spec_tag(ran), attempt), Origin.CREATED, "", ran, attempt=attempt, run=Run()
        )})))  # fmt: skip
        assert again.resources[AT] == found, "once is enough"


def test_a_run_that_is_not_known_is_not_held() -> None:
    unknown = Record("batches/a", spec_tag(fields("c2")), Origin.ADOPTED, "", None, run=Run())
    for records in ({}, {AT: unknown}, {AT: replace(unknown, fields=fields("c3"))}):
        desired = Desired(MappingProxyType({AT: job(fields())}))
        assert hold(desired, Ledger("l", records=MappingProxyType(records))) is desired


def test_where_references_differ_and_nothing_else() -> None:
    now = job(fields())
    assert only_references(now, fields("c9", "f9"))
    assert not only_references(now, fields("c9", text="y"))
    assert not only_references(now, {"model": "m"})
    torn = fields()
    torn["input"]["films"] = ["f1", "f2"]
    assert not only_references(now, torn), "one resource has one declaration"
    assert not only_references(replace(now, declared=replace(now.declared, references=())), fields())


PATHS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.sampled_from("xyz")), unique=True)


@given(PATHS, st.integers())
def test_many_values_are_put_as_one_after_the_other(paths: list[tuple[str, int, str]], value: int) -> None:
    body = {name: [dict.fromkeys("xyz") for _ in range(3)] for name in "abc"}
    expected: Any = body
    for path in paths:
        expected = put(expected, path, value)
    assert put_all(body, dict.fromkeys(paths, value)) == expected
    assert put_all(body, {(): value}) == value


def test_a_create_that_was_not_answered_counts_as_it_was_sent() -> None:
    """What it referred to is known by the ledger, which has it as it was."""
    cache = Record("cachedContents/a", "c1", Origin.CREATED, "")
    film = Record("files/a", "f1", Origin.CREATED, "")
    sent = Intent("i", Op.CREATE, AT, START, spec_tag=spec_tag(fields()))
    mark = Record("batches/a", attempt_tag(spec_tag(fields()), 2), Origin.ADOPTED, "", None, run=Run())
    known = {CACHE: cache, FILM: film}
    for ledger in (
        Ledger("l", records=MappingProxyType(known), intents=MappingProxyType({"i": sent})),
        Ledger("l", records=MappingProxyType({**known, AT: mark})),
    ):
        for now, expected in ((fields("c2"), fields()), (fields("c2", text="y"), None), (fields(), None)):
            found = hold(Desired(MappingProxyType({AT: job(now)})), ledger).resources[AT]
            assert found.declared.fields == (expected or now)
        again = job(fields("c2"), on_edited_references=Edit.RERUN)
        assert hold(Desired(MappingProxyType({AT: again})), ledger).resources[AT] == again


def test_one_that_was_made_of_the_declaration_in_place_of_what_counts_stays() -> None:
    """A run that refers to the declared tag of one that counts as it was run, as earlier versions had it."""
    after = Address("BatchJob", "after")

    def follows(tag: str) -> Resource:
        rules = Run(on_edited_references=Edit.RERUN)
        refers = (Reference(("input", "of"), AT, "name"),)
        declared = Declared({"input": {"of": tag}}, references=refers)
        return replace(job(fields()), address=after, declared=declared, run=rules)

    first = job(fields("c2"))
    ran = Record("batches/a", spec_tag(fields()), Origin.CREATED, "", fields(), run=Run())
    for tag, expected in ((first.spec_tag, first.spec_tag), (spec_tag(fields()), spec_tag(fields())), ("x", None)):
        form = follows(tag).declared.fields
        second = Record("batches/b", spec_tag(form), Origin.CREATED, "", form, run=Run())
        desired = Desired(MappingProxyType({after: follows(first.spec_tag), AT: first}))
        found = hold(desired, Ledger("l", records=MappingProxyType({AT: ran, after: second})))
        assert found.resources[after].referred[AT] == (expected or spec_tag(fields()))
        assert (found.resources[after].spec_tag == second.spec_tag) is (expected is not None)
        assert found.resources[after].edited_since == ()
        assert hold(found, Ledger("l", records=MappingProxyType({AT: ran, after: second}))) is found
