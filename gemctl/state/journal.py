"""Writes and reads the journal: one checksummed JSON record a line, so that any death leaves a readable beginning.
Called by join.py, local.py and shared.py.

    1f0c9a3b5d7e2f46 {"seq":0,"lineage":"…","serial":4}
    90ab12cd34ef56aa {"seq":1,"op":"intended","intent":{…}}

Pure: bytes in, values out. The head says which snapshot the entries build upon.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from gemctl.core.frozen import dataclass
from gemctl.core.record import Entry
from gemctl.state.codec import entry_from_json, entry_to_json

_to_text = json.JSONEncoder(separators=(",", ":")).encode  # made once: `json.dumps` would make one for each line


@dataclass(frozen=True, slots=True)
class Head:
    """Line 0: the snapshot that the entries build upon."""

    lineage: str
    serial: int


@dataclass(frozen=True, slots=True)
class Journal:
    """The part of a journal that could be read.

    length    bytes of the longest valid beginning; those behind it are torn or damaged.
    damaged   True when whole lines lie behind the valid beginning: that is not how a dying writer leaves a file.
    """

    head: Head | None
    entries: tuple[Entry, ...]
    length: int
    damaged: bool


def head_line(head: Head) -> bytes:
    return _line({"seq": 0, "lineage": head.lineage, "serial": head.serial})


def entry_line(seq: int, entry: Entry) -> bytes:
    return _line({"seq": seq, **entry_to_json(entry)})


def read(data: bytes) -> Journal:
    """The longest valid beginning. Never raises."""
    head: Head | None = None
    entries: list[Entry] = []
    length = 0
    while (end := data.find(b"\n", length)) >= 0:
        try:
            record = _record(data[length:end], 0 if head is None else len(entries) + 1)
            if head is None:
                head = Head(str(record["lineage"]), int(record["serial"]))
            else:
                entries.append(entry_from_json(record))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            break
        length = end + 1
    rest = data[length:]
    # A writer that dies leaves the beginning of its text: never bytes behind a newline that is not right, never a whole
    # line with something else in its newline's place.
    return Journal(head, tuple(entries), length, damaged=b"\n" in rest or _whole(rest[:-1]))


def _whole(line: bytes) -> bool:
    check, _, body = line.partition(b" ")
    return check == _check(body)


def _line(record: dict[str, Any]) -> bytes:
    body = _to_text(record).encode()
    return _check(body) + b" " + body + b"\n"


def _record(line: bytes, seq: int) -> dict[str, Any]:
    check, _, body = line.partition(b" ")
    if check != _check(body):
        raise ValueError("another checksum")
    record = json.loads(body)
    if not isinstance(record, dict) or record.pop("seq") != seq:
        raise ValueError("not the line that follows")
    return record


def _check(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:16].encode()
