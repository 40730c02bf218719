"""What lists are held against: what would be made again, run again or forgotten if it were not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from plan_cases import KINDS as LISTED
from values import START

from gemctl.core.address import Address
from gemctl.core.live import Expected
from gemctl.core.mark import attempt_tag
from gemctl.core.record import Generation, Handed, Intent, Ledger, Op, Origin, Record, row
from gemctl.core.resource import Declared, Desired, Harvest, Lifecycle, Receipt, Resource, Run
from gemctl.core.source import Positions, Span
from gemctl.kinds import CATALOGUE
from gemctl.plan.asks import asks

KINDS = {**LISTED, "FileSearchDocument": CATALOGUE["FileSearchDocument"]}
CACHE, FILE, JOB = (Address(kind, "x") for kind in ("CachedContent", "File", "BatchJob"))
SETTLE, END = timedelta(seconds=60), START + timedelta(hours=1)
HARVEST = Harvest("sha256:0", START, 1, 0)


def declared(at: Address, run: Run | None = None) -> Resource:
    positions = Positions(Span("x.yaml", 1, 1, 1, 1))
    return Resource(at, Declared({"model": "models/m"}), Lifecycle(), (), {}, {}, positions, run=run)


def record(at: Address, attempt: int = 1, **more) -> Record:
    spec = attempt_tag(declared(at).spec_tag, attempt)
    return Record("live", spec, Origin.CREATED, "m", deadline=END, attempt=attempt, **more)


SAVING = declared(JOB, Run(results="out"))
RECEIPT = Receipt(SAVING.spec_tag, 1, "live", HARVEST)
BOUND = {  # what is declared and recorded; the names that are expected
    "a cache": (declared(CACHE), record(CACHE), {"live": END}),
    "a cache that nobody declares": (None, record(CACHE), {"live": END}),
    "a file": (declared(FILE), record(FILE), {"live": END}),
    "a job, which has no end of its own": (SAVING, record(JOB), {"live": None}),
    "a job that is saved": (SAVING, record(JOB, harvest=HARVEST), {}),
    "a job that is saved, by its receipt": (replace(SAVING, receipt=RECEIPT), record(JOB), {}),
    "a later attempt than the receipt knows": (replace(SAVING, receipt=RECEIPT), record(JOB, 2), {"live": None}),
    "a job whose results nobody wants": (declared(JOB, Run()), record(JOB), {}),
    "a job that is saved and that nobody declares": (None, record(JOB, harvest=HARVEST), {"live": None}),
    "a job of another declaration": (SAVING, replace(record(JOB), spec_tag="other"), {"live": None}),
    "a job of another declaration, with a receipt of this one": (
        replace(SAVING, receipt=RECEIPT),
        replace(record(JOB), spec_tag="other"),
        {"live": None},
    ),
    "a job of another declaration that is saved": (SAVING, replace(record(JOB, harvest=HARVEST), spec_tag="other"), {}),
}
KIND = {"cache": CACHE, "file": FILE}


def test_what_is_bound():
    for name, (resource, bound, names) in BOUND.items():
        at = resource.address if resource else KIND.get(name.split()[1], JOB)
        desired = Desired({at: resource} if resource else {})
        ledger = Ledger("lineage", records={at: bound})
        assert asks(desired, ledger, CATALOGUE, SETTLE) == {at.kind: Expected(names, final=at is FILE)}, name


def test_what_is_watched_until_it_is_gone():
    handed = {"given": Handed("given", FILE, "prod")}
    old = {"old": Generation(CACHE, "m", END), "run": Generation(JOB, "m", END, None, record(JOB, harvest=HARVEST))}
    found = asks(Desired({FILE: declared(FILE)}), Ledger("lineage", handed=handed, retiring=old), CATALOGUE, SETTLE)
    assert {kind: one.names for kind, one in found.items()} == {
        "BatchJob": {"run": None},
        "CachedContent": {"old": END},
        "File": {"given": None},
    }


def test_what_was_sent_and_never_answered():
    """Decided when the newest of all creates can't surface any more."""
    sent = [
        Intent("1", Op.CREATE, CACHE, START, "m", "s"),
        Intent("2", Op.CREATE, JOB, END, "n", "t"),
        Intent("3", Op.DELETE, FILE, END, name="files/x"),
    ]
    found = asks(Desired(), Ledger("lineage", intents={one.id: one for one in sent}), CATALOGUE, SETTLE)
    assert {kind: (one.unheard, one.decided) for kind, one in found.items()} == {
        "BatchJob": ({("n", "t")}, END + SETTLE),
        "CachedContent": ({("m", "s")}, END + SETTLE),
        "File": (set(), END + SETTLE),
    }


def test_without_a_state_everything_is_listed_and_nothing_is_known():
    found = asks(Desired(), Ledger("lineage", known=False), CATALOGUE, SETTLE)
    assert found == {
        "Agent": Expected(blind=True),
        "BatchJob": Expected(blind=True),
        "CachedContent": Expected(blind=True),
        "Credential": Expected(blind=True),
        "File": Expected(blind=True, final=True),
        "FileSearchDocument": Expected(blind=True),
        "FileSearchStore": Expected(blind=True),
        "Interaction": Expected(blind=True),
        "Trigger": Expected(blind=True),
        "Webhook": Expected(blind=True),
    }


# What lies under parents.

STORE, DOCUMENT = Address("FileSearchStore", "x"), Address("FileSearchDocument", "x/a.txt")
RUN = Address("FakeRun", "x")
OWNER = "p" * 10
ROWS = {"a.txt": row("t" * 13, "1"), "b.txt": row("u" * 13, "2")}


def stored(**more) -> Record:
    return Record("fileSearchStores/s", "s", Origin.CREATED, "m", **{"children": "2 documents", **more})


def test_what_comes_with_a_kind_is_listed_with_it():
    found = asks(Desired({STORE: declared(STORE)}), Ledger("lineage"), KINDS, SETTLE, OWNER)
    assert found == {"FileSearchDocument": Expected(owner=OWNER), "FileSearchStore": Expected(owner=OWNER)}
    sent = Ledger("lineage", intents={"1": Intent("1", Op.CREATE, DOCUMENT, START, "m", "s")})
    assert list(asks(Desired(), sent, KINDS, SETTLE, OWNER)) == ["FileSearchDocument", "FileSearchStore"]


def test_every_kind_that_the_ledger_knows_of_is_listed():
    intent = Intent("1", Op.DELETE, CACHE, START, name="x")
    ledgers = (
        Ledger("lineage", records={CACHE: record(CACHE)}),
        Ledger("lineage", retiring={"old": Generation(CACHE, "m", END)}),
        Ledger("lineage", intents={"1": intent}),
    )
    for ledger in ledgers:
        assert list(asks(Desired(), ledger, KINDS, SETTLE)) == ["CachedContent"]
    assert asks(Desired(), Ledger("lineage"), KINDS, SETTLE) == {}
    unknown, policy = Address("Later", "x"), Address("TokenPolicy", "x")
    records = {unknown: record(CACHE), policy: record(CACHE)}
    assert asks(Desired(), Ledger("lineage", records=records), KINDS, SETTLE) == {}
    lost = asks(Desired(), Ledger("lineage", known=False), KINDS, SETTLE, OWNER)
    assert set(lost) == set(KINDS) - {"TokenPolicy"}
    assert lost["FileSearchDocument"] == Expected(blind=True, owner=OWNER)


def test_what_lies_under_a_parent_is_known_where_the_ledger_agreed_with_it():
    other, lone = Address("FileSearchStore", "other"), Address("FileSearchStore", "lone")
    records = {
        STORE: stored(),
        other: replace(stored(), name="fileSearchStores/other", children=""),
        CACHE: replace(record(CACHE), children="no parent"),
    }
    ledger = Ledger("lineage", records=records, members={STORE: ROWS, other: {"c.txt": "x"}, lone: {"d.txt": "y"}})

    def known(ledger, **more):
        return asks(Desired(), ledger, KINDS, SETTLE, OWNER, **more)["FileSearchDocument"]

    assert known(ledger).settled == {"fileSearchStores/s": "2 documents"}
    assert known(ledger).below == {"fileSearchStores/s": ROWS, "fileSearchStores/other": {"c.txt": "x"}}
    assert known(ledger).names == {}
    above = asks(Desired(), ledger, KINDS, SETTLE, OWNER)["FileSearchStore"]
    assert (above.settled, above.below) == ({}, {})
    assert known(ledger, everything=True).settled == {}
    assert known(ledger, everything=True).below == known(ledger).below
    quiet = replace(ledger, records={**records, other: replace(records[other], children="1 document")})
    assert known(quiet).settled == {"fileSearchStores/other": "1 document", "fileSearchStores/s": "2 documents"}
    told = (
        {"intents": {"1": Intent("1", Op.DELETE, DOCUMENT, START, name="x")}},
        {"intents": {"1": Intent("1", Op.CREATE, DOCUMENT, START, "m", "s")}},
        {"known": False},
    )
    for more in told:
        assert known(replace(ledger, **more)).settled == {}, more
    for more in (
        {"retiring": {"old": Generation(STORE, "m")}},
        {"intents": {"1": Intent("1", Op.DELETE, CACHE, START, name="x")}},
    ):
        assert known(replace(ledger, **more)).settled == {"fileSearchStores/s": "2 documents"}


def test_a_run_that_cannot_be_listed_is_asked_for_until_it_is_cleaned_up():
    bound = Record("fakeRuns/r", declared(RUN).spec_tag, Origin.CREATED, "", harvest=HARVEST)
    for run, names in ((Run(results="out"), {}), (Run(results="out", clean=True), {"fakeRuns/r": None}), (None, {})):
        desired, ledger = Desired({RUN: declared(RUN, run)}), Ledger("lineage", records={RUN: bound})
        assert asks(desired, ledger, KINDS, SETTLE)["FakeRun"].names == names, run
    cleaned, ledger = (
        Desired({JOB: declared(JOB, Run(results="out", clean=True))}),
        Ledger("lineage", records={JOB: record(JOB, harvest=HARVEST)}),
    )
    assert asks(cleaned, ledger, KINDS, SETTLE)["BatchJob"].names == {}


def test_names_are_in_order_and_what_is_bound_counts_for_most():
    records = {CACHE: replace(record(CACHE), name="b"), Address("CachedContent", "y"): replace(record(CACHE), name="a")}
    handed = {"b": Handed("b", CACHE, "prod"), "c": Handed("c", CACHE, "prod"), "f": Handed("f", FILE, "prod")}
    retiring = {"c": Generation(CACHE, "m", START), "d": Generation(FILE, "m", START)}
    ledger = Ledger("lineage", records=records, handed=handed, retiring=retiring)
    found = asks(Desired(), ledger, CATALOGUE, SETTLE)
    assert list(found["CachedContent"].names.items()) == [("a", END), ("b", END), ("c", START)]
    assert found["File"].names == {"d": START, "f": None}


def test_names_that_are_given_are_asked_for_where_nothing_can_be_listed():
    given = {RUN: "fakeRuns/g", Address("FakeRun", "y"): "no name", CACHE: "cachedContents/c", FILE: "fakeRuns/f"}
    desired = Desired({RUN: declared(RUN), CACHE: declared(CACHE)})
    found = asks(desired, Ledger("lineage"), KINDS, SETTLE, given=given)
    assert {kind: one.names for kind, one in found.items()} == {"CachedContent": {}, "FakeRun": {"fakeRuns/g": None}}


def test_kinds_are_in_order():
    lost = asks(Desired(), Ledger("lineage", known=False), KINDS, SETTLE)
    assert list(lost) == sorted(lost)
