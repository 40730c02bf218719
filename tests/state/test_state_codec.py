"""Whatever is written can be read, and a journal is readable from its beginning however it ends."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from values import entries

from gemctl.core.address import Address
from gemctl.core.errors import StateError
from gemctl.core.record import Handed, Joined, Ledger, Members, Parted, fold, row
from gemctl.state import codec, journal
from gemctl.state.codec import Identity, entry_from_json, entry_to_json, snapshot_from_bytes, snapshot_to_bytes

OWNER = Identity("shop", "local", "emulator", "00ff", "12345678")


@given(entries)
def test_entries_survive_json(entry):
    assert entry_from_json(json.loads(json.dumps(entry_to_json(entry)))) == entry


@given(st.lists(entries, max_size=8))
def test_a_snapshot_is_a_compacted_journal(history):
    ledger = fold(Ledger("lineage", serial=7), history)
    assert snapshot_from_bytes(snapshot_to_bytes(OWNER, ledger), "state.json") == (OWNER, ledger)


@given(st.lists(entries, max_size=6))
def test_folding_twice_is_folding_once(history):
    once = fold(Ledger("lineage"), history)
    assert fold(fold(Ledger("lineage"), history[:3]), history[3:]) == once
    for entry in history[-1:]:
        assert fold(once, [entry]) == once


@given(st.lists(entries, max_size=8), st.sampled_from([None, 1, 2]), st.booleans())
def test_a_snapshot_is_read_in_any_layout(history, indent, sort):
    """The checksum is of its values."""
    ledger = fold(Ledger("lineage", serial=7), history)
    data = snapshot_to_bytes(OWNER, ledger)
    other = json.dumps(json.loads(data), indent=indent, sort_keys=sort, ensure_ascii=sort)
    other_bytes = other.encode("utf-8", "surrogatepass")
    for same in (other_bytes, data.replace(b"\n", b"\r\n"), data.replace(b"\n", b"")):
        assert snapshot_from_bytes(same, "state.json") == (OWNER, ledger)


@given(st.lists(entries, max_size=8))
def test_many_entries_are_read_as_each_of_them(history):
    told = [json.loads(json.dumps(entry_to_json(entry))) for entry in history]
    assert [*codec.entries_from_json(told)] == [*map(entry_from_json, told)] == history


@pytest.mark.parametrize(
    "wrong", [None, [], {}, {"op": "none"}, {"op": []}, {"op": "bound"}, {"op": "closed", "why": 1}]
)
def test_what_is_no_entry_is_refused_among_others_as_alone(wrong):
    other = {"op": "closed", "intent": "a", "why": "b"}
    with pytest.raises(ValueError) as alone:
        entry_from_json(wrong)
    for told in ([wrong], [other, wrong], [wrong, other]):
        with pytest.raises(ValueError) as among:
            list(codec.entries_from_json(told))
        assert type(among.value) is type(alone.value)


def _written(history):
    lines = [journal.head_line(journal.Head("lineage", 3))]
    return lines + [journal.entry_line(i + 1, entry) for i, entry in enumerate(history)]


@given(st.lists(entries, min_size=1, max_size=4), st.data())
def test_a_journal_cut_anywhere_gives_the_whole_lines_before_the_cut(history, data):
    lines = _written(history)
    whole = b"".join(lines)
    cut = data.draw(st.integers(0, len(whole)))
    found = journal.read(whole[:cut])
    complete = sum(len(b"".join(lines[: n + 1])) <= cut for n in range(len(lines)))
    assert (found.head is not None) == (complete > 0)
    assert list(found.entries) == history[: max(complete - 1, 0)]
    assert not found.damaged


@given(st.lists(entries, min_size=2, max_size=4), st.data())
def test_a_flipped_bit_ends_the_readable_part_and_is_noticed(history, data):
    lines = _written(history)
    whole = bytearray(b"".join(lines))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    found = journal.read(bytes(whole))
    line = next(n for n in range(len(lines)) if at < len(b"".join(lines[: n + 1])))
    assert list(found.entries) == history[: max(line - 1, 0)]
    assert found.damaged or line == len(lines) - 1  # the last newline itself may be what was flipped


@given(st.binary(max_size=200))
def test_reading_a_journal_never_raises(data):
    journal.read(data)


@given(st.integers(0, 5_000), st.integers(0, 7), st.lists(entries, max_size=2))
def test_a_damaged_snapshot_is_refused_and_never_empty(position, bit, history):
    data = bytearray(snapshot_to_bytes(OWNER, fold(Ledger("lineage", 1), history)))
    data[position % len(data)] ^= 1 << bit
    try:
        owner, ledger = snapshot_from_bytes(bytes(data), "state.json")
    except StateError as error:
        assert error.code in ("E402", "E403", "E404")
    else:  # white space between two values is all that may differ
        assert snapshot_to_bytes(owner, ledger) == snapshot_to_bytes(OWNER, fold(Ledger("lineage", 1), history))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "E402"),
        (b" \n", "E402"),
        (b"{", "E403"),
        (b"[]", "E403"),
        (b'{"format":1}', "E403"),
        (b'{"format":4,"new":true}', "E404"),
        (b"\xff\xfe", "E403"),
        (b"[" * 100_000, "E403"),
    ],
)
def test_each_kind_of_unusable_snapshot_has_its_own_error(data, code):
    with pytest.raises(StateError) as caught:
        snapshot_from_bytes(data, "state.json")
    assert caught.value.code == code and caught.value.hint


def test_only_a_state_with_something_that_was_handed_over_needs_a_newer_gemctl():
    record = Handed("cachedContents/a", Address("CachedContent", "a"), "prod")
    plain = json.loads(snapshot_to_bytes(OWNER, Ledger("lineage")))
    handed = json.loads(snapshot_to_bytes(OWNER, fold(Ledger("lineage"), [record])))
    assert (plain["format"], handed["format"]) == (1, 2)


STORE = Address("FileSearchStore", "s")
JOINED = Joined(STORE, "docs/a.txt", row("t" * 13, "1"))


def test_a_state_with_what_lies_in_stores_needs_a_newer_gemctl_still():
    handed = Handed("cachedContents/a", Address("CachedContent", "a"), "prod")
    for history in ([JOINED], [JOINED, handed]):
        assert json.loads(snapshot_to_bytes(OWNER, fold(Ledger("lineage"), history)))["format"] == 3
    gone = fold(Ledger("lineage"), [JOINED, Parted(STORE, "docs/a.txt", "1")])
    assert json.loads(snapshot_to_bytes(OWNER, gone))["format"] == 1


def test_rows_are_written_and_read_as_they_are():
    rows = {f"docs/{number}.txt": row("t" * 13, str(number), failed=number == 7) for number in range(50)}
    ledger = fold(Ledger("lineage", 3), [Members(STORE, rows)])
    data = snapshot_to_bytes(OWNER, ledger)
    assert snapshot_from_bytes(data, "state.json") == (OWNER, ledger)
    assert len(data) < 50 * 60 + 1000, "ten thousand of them are a few hundred kilobytes"
