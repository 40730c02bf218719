"""Reads a seed: a document that says, in the API's own words, which objects are there at the start.

    files:
      - {$as: manual, $path: manual.pdf, name: files/manual}
    cachedContents:
      - $as: handbook
        $age: 30m
        model: models/gemini-3.8-flash
        contents: [{role: user, parts: [{fileData: {fileUri: {$ref: manual.uri}, mimeType: application/pdf}}]}]

Called by `admin`; `seed_work` makes what is read here. Separate because it is pure: of the API it knows the names of
collections only. An object is the body of its create, with words of ours that begin with a dollar.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from gemctl.emulator.pace import Pace
from gemctl.emulator.seed_text import Place, SeedText

DOCUMENTS = "documents"
COLLECTIONS = (
    "files",
    "cachedContents",
    "fileSearchStores",
    "credentials",
    "agents",
    "webhooks",
    "batches",
    "triggers",
    "interactions",
    "auth_tokens",
)
"""In this order they are made, where their ages are the same."""
OWN = ("$as", "$age")
BYTES = ("$text", "$path", "$base64")
_OWN = {
    "files": (*OWN, *BYTES),
    DOCUMENTS: (*OWN, *BYTES),
    "batches": (*OWN, "$state", "$method"),
}
METHODS = ("batchGenerateContent", "asyncBatchEmbedContent")
_AGE = re.compile(r"(?:(\d{1,5})d)?(?:(\d{1,6})h)?(?:(\d{1,8})m)?(?:(\d{1,9})s)?", re.ASCII)
_NAME = re.compile(r"[A-Za-z][\w-]*", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """One object of a seed: its collection, its place in the document, the body of its create without our words, these
    words, how long ago it is made, and its bytes, if it has any. `inside` is the entry of the store of a document."""

    collection: str
    place: Place
    body: Mapping[str, Any]
    own: Mapping[str, Any]
    age: timedelta
    data: bytes | None = None
    inside: "Entry | None" = None


def read(seed: SeedText, pace: Pace) -> list[Entry]:
    """The objects of a seed in the order in which they are made. Raises SeedError."""
    value = {} if seed.value is None else seed.value
    if not isinstance(value, Mapping):
        raise seed.wrong((), f"a seed has collections: {', '.join(COLLECTIONS)}")
    entries: list[Entry] = []
    for collection, items in value.items():
        if collection not in COLLECTIONS:
            raise seed.wrong((collection,), f"there is no such collection; there are {', '.join(COLLECTIONS)}")
        entries += _listed(seed, collection, (collection,), items, pace, None)
    names: set[str] = set()
    for entry in entries:
        name = entry.own.get("$as")
        if name is not None and (not isinstance(name, str) or not _NAME.fullmatch(name) or name in names):
            raise seed.wrong((*entry.place, "$as"), "it is a name of letters, digits and dashes, and no other has it")
        names.add(name or "")
    order = (*COLLECTIONS, DOCUMENTS)
    return sorted(entries, key=lambda entry: (-entry.age, order.index(entry.collection)))


def _listed(
    seed: SeedText,
    collection: str,
    place: Place,
    items: object,
    pace: Pace,
    store: Entry | None,
) -> Iterator[Entry]:
    if not isinstance(items, list):
        raise seed.wrong(place, "it is a list of objects")
    for number, item in enumerate(items):
        here = (*place, number)
        if not isinstance(item, Mapping):
            raise seed.wrong(here, "it is an object, as its create has it")
        own = {name: given for name, given in item.items() if name.startswith("$")}
        known = _OWN.get(collection, OWN)
        for name in own:
            if name not in known:
                raise seed.wrong((*here, name), f"there is no such word; there are {', '.join(known)}")
        inner = item.get(DOCUMENTS, []) if collection == "fileSearchStores" else []
        body = {name: given for name, given in item.items() if name not in own and given is not inner}
        least = _least_age(seed, here, own, pace) if collection == "batches" else timedelta(0)
        age = _age(seed, here, own, (store.age if store else least))
        if age < least:
            raise seed.wrong((*here, "$age"), f"a batch in that state is {least.total_seconds():g} s old at least")
        if store and age > store.age:
            raise seed.wrong((*here, "$age"), "a document is no older than its store")
        entry = Entry(collection, here, body, own, age, _bytes(seed, here, own), store)
        yield entry
        if inner != []:
            yield from _listed(seed, DOCUMENTS, (*here, DOCUMENTS), inner, pace, entry)


def _least_age(seed: SeedText, here: Place, own: Mapping[str, Any], pace: Pace) -> timedelta:
    """How old a batch is that has come to its state."""
    if own.get("$method", METHODS[0]) not in METHODS:
        raise seed.wrong((*here, "$method"), f"it is {' or '.join(METHODS)}")
    match own.get("$state", "PENDING"):
        case "PENDING" | "CANCELLED":
            return timedelta(0)
        case "RUNNING":
            return pace.pending
        case "SUCCEEDED":
            return pace.pending + pace.running
    words = "it is one of PENDING, RUNNING, SUCCEEDED and CANCELLED; a mark in the displayName asks for others"
    raise seed.wrong((*here, "$state"), words)


def _age(seed: SeedText, here: Place, own: Mapping[str, Any], usual: timedelta) -> timedelta:
    try:
        return span(own["$age"]) if "$age" in own else usual
    except ValueError as error:
        raise seed.wrong((*here, "$age"), str(error)) from None


def span(value: object) -> timedelta:
    """A length of time: `1d12h`, `90m`, `30s`, or a number of seconds. Raises ValueError."""
    text = f"{value}s" if isinstance(value, int) and not isinstance(value, bool) else value
    found = _AGE.fullmatch(text) if isinstance(text, str) and text else None
    if found is None:
        raise ValueError("it is a length of time such as 1d12h, 90m or 30s, or a number of seconds")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if length > timedelta(days=3660):
        raise ValueError("it is ten years at most")
    return length


def _bytes(seed: SeedText, here: Place, own: Mapping[str, Any]) -> bytes | None:
    given = [name for name in BYTES if name in own]
    if not given:
        return None
    name, value = given[0], own[given[0]]
    if len(given) > 1:
        raise seed.wrong((*here, given[1]), f"it has {name} already")
    if not isinstance(value, str):
        raise seed.wrong((*here, name), "it is text")
    try:
        match name:
            case "$text":
                return value.encode("utf-8", "replace")
            case "$path":
                return seed.load(value)
            case _:
                return base64.b64decode("".join(value.split()), validate=True)
    except binascii.Error:
        raise seed.wrong((*here, name), "it is no base64") from None
    except ValueError as error:
        raise seed.wrong((*here, name), str(error)) from None
