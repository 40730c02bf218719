"""Writes and reads entries and snapshots as JSON. Called by the other modules of this room and workflows/backups.py.

The only importer of pydantic in this room: a hand-written pair of functions drifts apart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from functools import cache
from itertools import groupby, islice
from types import GenericAlias, MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

from gemctl.core.digest import sha256_of
from gemctl.core.errors import StateError
from gemctl.core.frozen import dataclass
from gemctl.core.record import Bound, Doubted, Entry, GoneObject, Intended, Ledger, Members, Retiring, fold

if TYPE_CHECKING:
    from pydantic import TypeAdapter

# Of a state that has members; one that knows of objects which were handed to other stacks is 2, and any other is 1.
FORMAT = 3
ROWS = 256  # a mapping of more has a line for each; and so many entries are read at once


@dataclass(frozen=True, slots=True)
class Identity:
    """The owner of a state: the project's identity, the stack, the endpoint's host, and which key was used last.

    `key_print` is the first 8 digits of an HMAC of the key with `key_salt`: enough to notice another key, nothing more.
    """

    project: str
    stack: str
    endpoint: str
    key_salt: str = ""
    key_print: str = ""


_ENDED = dict[str, GoneObject]
_ENTRIES: dict[str, Any] = {entry.__dataclass_fields__["op"].default: entry for entry in get_args(Entry)}


@cache
def _adapter(form: Any) -> TypeAdapter[Any]:
    """Made when it is first needed: most states have entries of one sort, and a plan that is remembered reads none."""
    from pydantic import TypeAdapter

    return TypeAdapter(form)


# Fields of records and intents that have other names in states, which keep those of their format.
_IN_STATES = {"outputs": "facts", "spec_tag": "spec", "address_tag": "marked"}
_IN_CODE = {name: ours for ours, name in _IN_STATES.items()}


def entry_to_json(entry: Entry) -> dict[str, Any]:
    """`{"op": …, …}`; fields with their defaults are left out."""
    data = _adapter(_ENTRIES[entry.op]).dump_python(entry, mode="json", exclude_defaults=True)
    return {"op": entry.op, **_renamed(data, _IN_STATES)}


def entry_from_json(data: dict[str, Any]) -> Entry:
    """Raises ValueError (pydantic's is one) when the data is not an entry."""
    if not isinstance(data, dict) or (form := _ENTRIES.get(str(data.get("op")))) is None:
        raise ValueError("There is no such entry.")
    entry: Entry = _adapter(form).validate_python(_renamed(data, _IN_CODE))
    return entry


def entries_from_json(told: Iterable[Any]) -> Iterator[Entry]:
    """The same of many, hundreds of one sort at once. Raises ValueError where one is not an entry."""
    for op, some in groupby(told, lambda data: str(data.get("op")) if isinstance(data, dict) else ""):
        if (form := _ENTRIES.get(op)) is None:
            raise ValueError("There is no such entry.")
        while many := [_renamed(data, _IN_CODE) for data in islice(some, ROWS)]:
            yield from _adapter(GenericAlias(list, form)).validate_python(many)


def _renamed(data: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The entry with other names for the fields of its record, generation or intent."""
    found = dict(data)
    for part in ("record", "generation", "intent"):
        if isinstance(inner := found.get(part), dict):
            if not names.keys().isdisjoint(inner):
                inner = {names.get(field, field): value for field, value in inner.items()}
            found[part] = _renamed(inner, names) if part == "generation" else inner
    return found


def entries_of(ledger: Ledger) -> Iterable[Entry]:
    """The shortest journal that folds to this ledger, but for the accounts of objects that are gone: a snapshot is a
    compacted journal.
    """
    yield from (Bound(address, record) for address, record in sorted(ledger.records.items()))
    yield from (Members(of, rows) for of, rows in sorted(ledger.members.items()))
    yield from (Retiring(name, generation) for name, generation in sorted(ledger.retiring.items()))
    yield from (Intended(intent) for _, intent in sorted(ledger.intents.items()))
    yield from (Doubted(intent) for _, intent in sorted(ledger.sent.items()))
    yield from (minted for _, minted in sorted(ledger.tokens.items()))
    yield from (handed for _, handed in sorted(ledger.handed.items()))


def snapshot_to_bytes(identity: Identity, ledger: Ledger) -> bytes:
    """The document kept in state.json, with a line for each entry. The checksum covers everything else in it."""
    document = {
        "format": FORMAT if ledger.members else 2 if ledger.handed else 1,
        "lineage": ledger.lineage,
        "serial": ledger.serial,
        **asdict(identity),
        "records": [entry_to_json(entry) for entry in entries_of(ledger)],
        **({"ended": _adapter(_ENDED).dump_python(dict(ledger.ended), mode="json")} if ledger.ended else {}),
    }
    lines = _lines({**document, "checksum": _checksum(document)}, _text)
    return b"".join(line.encode("utf-8", "surrogatepass") + b"\n" for line in lines)


def moved_to_bytes(place: str) -> bytes:
    """The document in place of a state that has been moved: no gemctl takes it for a state, nor for none."""
    return json.dumps({"format": FORMAT, "moved": place}, indent=1).encode() + b"\n"  # a path may be of any bytes


def snapshot_from_bytes(data: bytes, where: str) -> tuple[Identity, Ledger]:
    """Raises StateError, which tells an empty, a damaged and a newer document apart."""
    rebuild = "Put back a copy of it, or run `gemctl state rebuild` to find what is live by its marks."
    if not data.strip():
        raise StateError(f"{where} is empty. An empty file is not the same as no state.", code="E402", hint=rebuild)
    try:
        document = json.loads(data)
        if moved := document.get("moved"):
            raise StateError(
                f"{where} has been moved to {moved}.",
                code="E419",
                hint="Use the gemctl.yaml whose `state` says so; or bring it back with `gemctl state migrate`.",
            )
        if int(document["format"]) > FORMAT:
            raise StateError(
                f"{where} was written by a newer gemctl (format {document['format']}, this one reads {FORMAT}).",
                code="E404",
                hint="Upgrade gemctl. The file was not touched.",
            )
        if _checksum({k: v for k, v in document.items() if k != "checksum"}) != document["checksum"]:
            raise ValueError("checksum")
        ended = _adapter(_ENDED).validate_python(document["ended"]) if "ended" in document else {}
        ledger = Ledger(lineage=document["lineage"], serial=document["serial"], ended=MappingProxyType(ended))
        identity = Identity(*(str(document[field.name]) for field in fields(Identity)))
        return identity, fold(ledger, entries_from_json(document["records"]))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise StateError(
            f"{where} is damaged: {type(error).__name__} while reading it.", code="E403", hint=rebuild
        ) from None


def _checksum(document: dict[str, Any]) -> str:
    """The digest of its shortest JSON with sorted keys. All of that text at once would double the state in memory."""
    return sha256_of(line.encode() for line in _lines(document, _sorted_text))


def _lines(value: Any, text: Callable[[Any], str], depth: int = 2, before: str = "", after: str = "") -> Iterator[str]:
    """Its JSON in lines: one for each part of its parts, and for each row of an entry with many."""
    if not value or not isinstance(value, dict | list) or not (depth or _has_rows(value)):
        yield f"{before}{text(value)}{after}"
        return
    if isinstance(value, dict):
        keys = sorted(value) if text is _sorted_text else value
        parts = [(f"{text(key)}:", value[key]) for key in keys]
    else:
        parts = [("", each) for each in value]
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    yield before + opened
    for number, (name, each) in enumerate(parts, 1):
        yield from _lines(each, text, max(depth - 1, 0), name, "," if number < len(parts) else "")
    yield closed + after


_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_sorted_text = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def _has_rows(value: Any) -> bool:
    return isinstance(value, dict) and any(
        isinstance(each, dict) and len(each) > ROWS for each in (value, *value.values())
    )
