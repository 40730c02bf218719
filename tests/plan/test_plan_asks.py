"""What lists are held against: what would be made again, run again or forgotten if it were not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from values import START

from gemctl.core.address import Address
from gemctl.core.live import Expected
from gemctl.core.mark import attempt_tag
from gemctl.core.record import Generation, Handed, Intent, Ledger, Op, Origin, Record
from gemctl.core.resource import Declared, Desired, Harvest, Lifecycle, Receipt, Resource, Run
from gemctl.core.source import Positions, Span
from gemctl.kinds import CATALOGUE
from gemctl.plan.asks import asks

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
        "BatchJob": Expected(blind=True),
        "CachedContent": Expected(blind=True),
        "File": Expected(blind=True, final=True),
    }
