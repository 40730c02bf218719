"""The ledger as the sum of its entries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gemctl.core.address import Address
from gemctl.core.record import (
    Agreed,
    Bound,
    Closed,
    Entry,
    Generation,
    Gone,
    Handed,
    Intended,
    Intent,
    Joined,
    Ledger,
    Members,
    Minted,
    MintedToken,
    Op,
    Origin,
    Parted,
    Record,
    Retiring,
    fold,
    forget_ended,
    has_failed,
    id_of,
    row,
    tag_of,
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
PATHS = st.sampled_from(["a.txt", "docs/b.txt"])
ROWS = st.builds(row, st.sampled_from(["t" * 13, "u" * 13]), st.sampled_from("12"), failed=st.booleans())
ENTRIES: st.SearchStrategy[Entry] = st.one_of(
    st.builds(Intended, INTENTS),
    st.builds(Bound, ADDRESSES, RECORDS, st.none() | IDS),
    st.builds(Retiring, NAMES, GENERATIONS, st.none() | IDS),
    st.builds(Gone, ADDRESSES, NAMES, st.none() | IDS),
    st.builds(Closed, IDS, st.just("why")),
    st.builds(Minted, ADDRESSES, TOKENS, st.none() | IDS),
    st.builds(Handed, NAMES, ADDRESSES, st.sampled_from(["dev", "prod"])),
    st.builds(Joined, ADDRESSES, PATHS, ROWS, st.none() | IDS),
    st.builds(Parted, ADDRESSES, PATHS, st.sampled_from("12"), st.none() | IDS),
    st.builds(Members, ADDRESSES, st.dictionaries(PATHS, ROWS, max_size=2)),
    st.builds(Agreed, ADDRESSES, NAMES, st.sampled_from(["1 document", "2 documents"])),
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


STORE, OTHER = Address("FileSearchStore", "s"), Address("FileSearchStore", "t")
STORED = Record("fileSearchStores/1", "x", Origin.CREATED, "m")


@given(st.text(min_size=13, max_size=13), st.text(max_size=20), st.booleans())
def test_a_row_says_what_was_put_into_it(tag: str, id_: str, failed: bool) -> None:
    known = row(tag, id_, failed=failed)
    assert (tag_of(known), id_of(known), has_failed(known)) == (tag, id_, failed)


def test_the_life_of_documents() -> None:
    one, two, again = row("t" * 13, "1"), row("u" * 13, "2"), row("v" * 13, "3")
    intent = Intent("i1", Op.CREATE, Address("FileSearchDocument", "s/a.txt"), START)
    ledger = fold(EMPTY, [Bound(STORE, STORED), Intended(intent), Joined(STORE, "a.txt", one, "i1")])
    assert ledger.members == {STORE: {"a.txt": one}} and ledger.intents == {}
    ledger = fold(ledger, [Joined(STORE, "b.txt", two), Joined(OTHER, "a.txt", two)])
    assert ledger.members == {STORE: {"a.txt": one, "b.txt": two}, OTHER: {"a.txt": two}}
    ledger = fold(ledger, [Joined(STORE, "a.txt", again), Parted(STORE, "a.txt", "1")])
    assert ledger.members[STORE]["a.txt"] == again, "the new one stands in its place before the old one goes"
    ledger = fold(ledger, [Parted(STORE, "a.txt", "3"), Parted(STORE, "never.txt", "3")])
    assert ledger.members[STORE] == {"b.txt": two}
    assert fold(ledger, [Parted(STORE, "b.txt", "2")]).members == {OTHER: {"a.txt": two}}, "of none nothing is kept"
    assert fold(ledger, [Members(STORE, {"c.txt": one})]).members[STORE] == {"c.txt": one}
    assert STORE not in fold(ledger, [Members(STORE, {})]).members
    listed = fold(ledger, [Members(STORE, {"c.txt": one}), Joined(STORE, "d.txt", two)])
    assert listed.members[STORE] == {"c.txt": one, "d.txt": two}


def test_documents_go_with_their_store() -> None:
    ledger = fold(EMPTY, [Bound(STORE, STORED), Joined(STORE, "a.txt", row("t" * 13, "1"))])
    same = Record("fileSearchStores/1", "y", Origin.CREATED, "m")
    assert fold(ledger, [Bound(STORE, same)]).members == ledger.members
    other = Record("fileSearchStores/2", "x", Origin.CREATED, "m")
    replaced = fold(ledger, [Bound(STORE, other)])
    assert replaced.members == {} and set(replaced.retiring) == {"fileSearchStores/1"}
    filled = fold(replaced, [Joined(STORE, "a.txt", row("t" * 13, "2"))])
    assert fold(filled, [Gone(STORE, "fileSearchStores/1")]).members == filled.members, "the old store is gone"
    assert fold(filled, [Gone(STORE, "fileSearchStores/2")]).members == {}


def test_what_a_store_shows_is_held_for_the_one_that_showed_it() -> None:
    ledger = fold(EMPTY, [Bound(STORE, STORED), Agreed(STORE, "fileSearchStores/1", "1 document")])
    assert ledger.records[STORE].children == "1 document"
    assert fold(ledger, [Agreed(STORE, "fileSearchStores/2", "2 documents")]) == ledger
    assert fold(ledger, [Agreed(OTHER, "fileSearchStores/1", "2 documents")]) == ledger


def test_nothing_given_to_a_fold_is_changed() -> None:
    rows = {"a.txt": row("t" * 13, "1")}
    ledger = Ledger("lineage", members={STORE: rows})
    fold(ledger, [Joined(STORE, "b.txt", row("t" * 13, "2")), Parted(STORE, "a.txt", "1")])
    entry = Members(STORE, rows)
    fold(EMPTY, [entry, Joined(STORE, "b.txt", row("t" * 13, "2"))])
    assert rows == {"a.txt": row("t" * 13, "1")}
