"""The ledger as the sum of its entries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gemctl.core.address import Address
from gemctl.core.record import (
    Bound,
    Closed,
    Entry,
    Generation,
    Gone,
    Handed,
    Intended,
    Intent,
    Ledger,
    Minted,
    MintedToken,
    Op,
    Origin,
    Record,
    Retiring,
    fold,
    forget_ended,
)

START = datetime(2026, 11, 21, 9, tzinfo=UTC)
ADDRESSES = st.builds(Address, st.just("CachedContent"), st.sampled_from("abc"))
NAMES = st.sampled_from(["cachedContents/1", "cachedContents/2", "cachedContents/3"])
IDS = st.sampled_from(["i1", "i2", "i3"])
RECORDS = st.builds(Record, NAMES, st.sampled_from("xy"), st.sampled_from(Origin), st.just("m"))
GENERATIONS = st.builds(Generation, ADDRESSES, st.just("m"))
INTENTS = st.builds(Intent, IDS, st.sampled_from(Op), ADDRESSES, st.just(START))
TOKENS = st.builds(
    MintedToken, st.sampled_from(["d1", "d2"]), st.just(START), st.just(START), st.just(START), st.just(1)
)
ENTRIES: st.SearchStrategy[Entry] = st.one_of(
    st.builds(Intended, INTENTS),
    st.builds(Bound, ADDRESSES, RECORDS, st.none() | IDS),
    st.builds(Retiring, NAMES, GENERATIONS, st.none() | IDS),
    st.builds(Gone, ADDRESSES, NAMES, st.none() | IDS),
    st.builds(Closed, IDS, st.just("why")),
    st.builds(Minted, ADDRESSES, TOKENS, st.none() | IDS),
    st.builds(Handed, NAMES, ADDRESSES, st.sampled_from(["dev", "prod"])),
)
EMPTY = Ledger("lineage")


@given(st.lists(ENTRIES, max_size=8), ENTRIES)
def test_an_entry_twice_is_an_entry_once(before: list[Entry], entry: Entry) -> None:
    once = fold(EMPTY, [*before, entry])
    assert fold(once, [entry]) == once


@given(st.lists(ENTRIES, max_size=8), st.integers(0, 8))
def test_folding_in_steps_is_folding_at_once(entries: list[Entry], at: int) -> None:
    assert fold(fold(EMPTY, entries[:at]), entries[at:]) == fold(EMPTY, entries)


@given(st.lists(ENTRIES, max_size=8))
def test_a_bound_object_is_not_retiring_too(entries: list[Entry]) -> None:
    ledger = fold(EMPTY, entries)
    for entry in reversed(entries):
        if isinstance(entry, Bound):
            assert entry.record.name not in fold(ledger, [entry]).retiring
    assert fold(EMPTY, []) == EMPTY


def test_the_life_of_a_cache() -> None:
    address = Address("CachedContent", "faq")
    one = Record("cachedContents/1", "x", Origin.CREATED, "m", deadline=START, tokens=5)
    two = Record("cachedContents/2", "y", Origin.CREATED, "m")
    intent = Intent("i1", Op.CREATE, address, START)
    ledger = fold(EMPTY, [Intended(intent)])
    assert ledger.open_creates == (intent,)
    ledger = fold(ledger, [Bound(address, one, "i1")])
    assert ledger.open_creates == ()
    ledger = fold(ledger, [Bound(address, two)])
    assert ledger.records == {address: two}
    assert ledger.retiring == {"cachedContents/1": Generation(address, "m", START, 5)}
    ledger = fold(ledger, [Gone(address, "cachedContents/1")])
    assert ledger.retiring == {}
    assert ledger.records == {address: two}
    assert fold(ledger, [Gone(address, "cachedContents/2")]).records == {}
    assert ledger.marks_trusted
    unechoed = Record("cachedContents/3", "x", Origin.CREATED, "m", echoed=False, retire=timedelta(0))
    assert not fold(ledger, [Bound(address, unechoed)]).marks_trusted


def test_the_life_of_a_token() -> None:
    address, hour = Address("TokenPolicy", "demo"), timedelta(hours=1)
    lost = Intent("i1", Op.MINT, address, START, deadline=START + 2 * hour)
    answered = Intent("i2", Op.MINT, address, START, deadline=START + hour)
    token = MintedToken("00ff00ff00ff00ff", START, START + hour, START + timedelta(minutes=1), 1)
    ledger = fold(EMPTY, [Intended(lost), Intended(answered), Minted(address, token, "i2")])
    assert ledger.open_mints == (lost,) and ledger.open_creates == ()
    assert ledger.tokens == {token.digest: Minted(address, token)}
    assert forget_ended(ledger, START) is ledger
    after = forget_ended(ledger, START + hour)
    assert after.tokens == {} and after.open_mints == (lost,), "not a moment longer, and not a moment less"
    assert forget_ended(after, START + 2 * hour) == EMPTY
