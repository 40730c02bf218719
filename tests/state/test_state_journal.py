"""The journal's form, which older versions leave behind, and what is made of one that is not as it was written."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest

from gemctl.core.address import Address
from gemctl.core.record import Bound, Intended, Intent, Op, Origin, Record
from gemctl.state import journal

HEAD = journal.Head("2b1f", 4)
A = Address("CachedContent", "a")
INTENT = Intent("i1", Op.CREATE, A, datetime(2026, 11, 21, 9, tzinfo=UTC), "mark", "spec")
ENTRIES = (Intended(INTENT), Bound(A, Record("cachedContents/1", "spec", Origin.CREATED, "mark"), "i1"))
# What a run left that died in 2026. Never to be changed: it must be readable, and is still what is written.
WRITTEN = b"""\
eaec1e7e797ea6f4 {"seq":0,"lineage":"2b1f","serial":4}
5d2537ef688b0757 {"seq":1,"op":"intended","intent":{"id":"i1","op":"create",\
"address":{"kind":"CachedContent","name":"a"},"at":"2026-11-21T09:00:00Z","marked":"mark","spec":"spec"}}
5cbb9bdddf0f1734 {"seq":2,"op":"bound","address":{"kind":"CachedContent","name":"a"},\
"record":{"name":"cachedContents/1","spec":"spec","origin":"created","marked":"mark"},"intent":"i1"}
"""
HEAD_LINE, FIRST, SECOND = WRITTEN.splitlines(keepends=True)


def line(text):
    """A line with the right checksum, whatever it says."""
    body = text.encode()
    return hashlib.sha256(body).hexdigest()[:16].encode() + b" " + body + b"\n"


def test_what_was_written_once_can_be_read_for_ever():
    assert journal.read(WRITTEN) == journal.Journal(HEAD, ENTRIES, len(WRITTEN), damaged=False)
    lines = (journal.head_line(HEAD), *(journal.entry_line(i + 1, entry) for i, entry in enumerate(ENTRIES)))
    assert b"".join(lines) == WRITTEN


def test_nothing_is_an_empty_journal():
    assert journal.read(b"") == journal.Journal(None, (), 0, damaged=False)


@pytest.mark.parametrize("text", ["\n", "\r\n", "\u2028\u2029\x85", "\ud800", "\x00", "🗝", "\x7f\x1b[2J"])
def test_any_text_stays_on_one_line_of_ascii(text):
    """A lone surrogate as well: the service may send one, and UTF-8 has no bytes for it."""
    entry = Bound(A, Record("cachedContents/1", "s", Origin.CREATED, "m", outputs={"displayName": text}))
    written = journal.entry_line(1, entry)
    assert written.endswith(b"\n") and all(32 <= byte <= 127 for byte in written[:-1])
    assert journal.read(HEAD_LINE + written).entries == (entry,)


@pytest.mark.parametrize("at", range(len(SECOND)))
def test_a_torn_line_is_what_a_dying_writer_leaves(at):
    whole = HEAD_LINE + FIRST
    assert journal.read(whole + SECOND[:at]) == journal.Journal(HEAD, ENTRIES[:1], len(whole), damaged=False)


@pytest.mark.parametrize(
    ("data", "readable"),
    [
        (HEAD_LINE + FIRST + SECOND[:-1] + b"x", 2),
        (HEAD_LINE + FIRST + SECOND[:-1] + b"\x8a", 2),
        (HEAD_LINE[:-1] + b"\x00", 0),
        (b"\n", 0),
        (b"\n" + WRITTEN, 0),
        (HEAD_LINE + b"\n" + FIRST, 1),
        (FIRST + SECOND, 0),
        (HEAD_LINE + SECOND, 1),
        (HEAD_LINE + FIRST + FIRST, 2),
        (HEAD_LINE + SECOND + FIRST, 1),
        (HEAD_LINE + HEAD_LINE, 1),
        (WRITTEN.replace(b'"i1"', b'"i2"'), 1),
        (FIRST[:16] + HEAD_LINE[16:] + FIRST, 0),
    ],
    ids=[
        "another byte for the last newline",
        "a bit of the last newline",
        "the head's newline",
        "an empty line alone",
        "an empty line first",
        "an empty line between",
        "no head",
        "a line is missing",
        "a line twice",
        "two lines in the wrong order",
        "a head twice",
        "another text under the same checksum",
        "another checksum",
    ],
)
def test_what_no_dying_writer_leaves_is_damage(data, readable):
    found = journal.read(data)
    assert found.damaged
    assert found.length == sum(map(len, data.splitlines(keepends=True)[:readable]))
    assert len(found.entries) == max(readable - 1, 0) and (found.head is not None) == (readable > 0)


OTHERS = [
    "", "{", "null", "1", '"seq"', "[]", "{}", '{"seq":"1"}', '{"seq":1}', '{"seq":1,"op":"?"}', "[" * 100_000,
    '{"seq":0,"lineage":"2b1f","serial":Infinity}', '{"seq":0,"lineage":"2b1f","serial":1e999}',
]  # fmt: skip


@pytest.mark.parametrize("text", OTHERS)
@pytest.mark.parametrize("before", [b"", HEAD_LINE])
def test_a_line_that_says_something_else_ends_what_can_be_read(text, before):
    """Right by its checksum, and not an entry: of another program, or of a version that is yet to come."""
    found = journal.read(before + line(text) + FIRST)
    assert found == journal.Journal(HEAD if before else None, (), len(before), damaged=True)


@pytest.mark.parametrize("lacks", ["seq", "lineage", "serial"])
@pytest.mark.parametrize("value", [None, "what", []])
def test_a_head_that_lacks_something_is_none(lacks, value):
    whole = {"seq": 0, "lineage": "2b1f", "serial": 4}
    assert journal.read(line(json.dumps(whole))).head == HEAD
    without = {key: kept for key, kept in whole.items() if key != lacks}
    assert journal.read(line(json.dumps(without))).head is None
    if lacks != "lineage":  # any text is one
        assert journal.read(line(json.dumps({**whole, lacks: value}))).head is None
