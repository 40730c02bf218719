"""What is recorded of one address, recorded of another: nothing is lost, and nothing else is touched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from values import entries

from gemctl.core.address import Address
from gemctl.core.record import Ledger, addresses, fold
from gemctl.kinds import CATALOGUE
from gemctl.plan.moves import moved

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
