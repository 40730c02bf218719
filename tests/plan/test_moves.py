"""What is recorded of one address, recorded of another: nothing is lost, and nothing else is touched."""

from __future__ import annotations

from effort import calls
from hypothesis import given
from hypothesis import strategies as st
from values import entries

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, Reason
from gemctl.core.ownership import Ownership
from gemctl.core.record import Ledger, Op, Origin, Record, addresses, fold
from gemctl.core.resource import Declared, Desired, Lifecycle, Resource
from gemctl.core.source import Positions, Span
from gemctl.kinds import CATALOGUE
from gemctl.plan.moves import moved, seem_renamed
from gemctl.plan.order import order

NEW = Address("CachedContent", "0-nobody-has-this-name")


def told(ledger):
    """All that the ledger says, by what it says it of."""
    said = [("record", at, repr(record)) for at, record in ledger.records.items()]
    for what in ("retiring", "intents", "sent", "tokens", "handed"):
        for name, one in getattr(ledger, what).items():
            said.append((what, one.address, f"{name} {one!r}".replace(repr(one.address), "it")))
    return sorted(said)


@given(st.lists(entries, max_size=12), st.integers())
def test_moving_an_address(history, choice):
    ledger = fold(Ledger("lineage"), history)
    known = sorted(addresses(ledger))
    old = known[choice % len(known)] if known else Address("CachedContent", "never-made")
    found = moved(ledger, old, NEW, CATALOGUE)
    after = fold(ledger, found)
    assert bool(found) is (old in known)
    assert told(after) == sorted((what, NEW if at == old else at, said) for what, at, said in told(ledger))
    assert fold(after, found) == after, "written down twice is written down once"
    assert moved(after, old, NEW, CATALOGUE) == ()


def named(count, prefix, *, alike=False):
    """Caches of different contents, or of the same."""
    place = Positions(Span("m.yaml", 1, 1, 1, 1))
    addresses = [Address("CachedContent", f"{prefix}{number}") for number in range(count)]
    fields = [
        {"model": "models/m", "contents": [{"parts": [], "n": 0 if alike else number}]} for number in range(count)
    ]
    return {
        at: Resource(at, Declared(one), Lifecycle(), (), {}, {}, place)
        for at, one in zip(addresses, fields, strict=True)
    }


def renaming(count, *, alike=False):
    """What is declared, and the state, where each of so many caches has got another name."""
    old = named(count, "old-", alike=alike)
    records = {at: Record(f"cachedContents/{at.name}", one.spec_tag, Origin.CREATED, "") for at, one in old.items()}
    return Desired(named(count, "new-", alike=alike)), Ledger("lineage", records=records)


def test_each_of_many_that_seem_renamed_has_its_own_new_name():
    for alike in (False, True):
        found = seem_renamed(*renaming(5, alike=alike))
        assert {str(old): str(new) for old, new in found.items()} == {
            f"CachedContent/old-{number}": f"CachedContent/new-{number}" for number in range(5)
        }, alike


def test_to_rename_many_is_no_more_work_for_each():
    def planned(count):
        desired, ledger = renaming(count)
        changes = [Change(at, Action.CREATE, Reason.DECLARED) for at in desired.resources]
        changes += [Change(at, Action.DELETE, Reason.UNDECLARED, one.name) for at, one in ledger.records.items()]
        return order(changes, desired, Ownership(ledger, {}), {}, CATALOGUE, "p" * 10)

    steps = planned(40)
    assert all(step.last for step in steps if step.op is Op.DELETE)
    assert sum(len(step.after) for step in steps) == 40, "each delete names its own create, and no other"
    assert calls(lambda: planned(80)) < 2.5 * calls(lambda: planned(40))
