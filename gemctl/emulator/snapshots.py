"""Takes a world as a document, and puts it back: a suite of tests returns to a state in a moment.

Called by `admin`. Separate because the document outlives the process. It is what a world is made of: its records, the
bytes of its files, the time, and where the source of names stands; so names go on after it as they would have. Knobs
and faults are not in it, nor what was asked.

Without secrets, unless they are asked for: credentials have no values then, and webhooks sign with secrets that anybody
can make. A digest shows whether a document was changed: a state that never was is made by a seed (`seeds`).
"""

import base64
import hashlib
import json
import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gemctl.emulator import redaction, times
from gemctl.emulator.app import App
from gemctl.emulator.clock import SettableClock
from gemctl.emulator.surfaces import serving

LARGEST = 48 * 1024 * 1024
"""The most bytes of a document, without the blanks that it is sent with."""

_LARGEST_FILES = LARGEST // 2
_FORMAT = 1
_NO_SNAPSHOT = "this is no snapshot of an emulator, or one that was changed"
_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


def take(app: App, clock: SettableClock | None, seed: int | None, *, secrets: bool) -> dict[str, Any]:
    """The world as it is now. Raises ValueError where it is too large."""
    with app.held() as world:
        records, held = world.records(), world.held()
        blobs, size = {}, 0
        for blob in sorted(held):
            try:
                size += world.blobs.size(blob)
            except FileNotFoundError:
                continue  # any other text
            if size > _LARGEST_FILES:
                raise ValueError(
                    f"its files are too large for a snapshot: they have more than {_LARGEST_FILES >> 20} MiB together;"
                    " with --store DIR the emulator keeps them in a folder, which can be copied"
                )
            blobs[blob] = base64.b64encode(b"".join(world.blobs.read(blob))).decode()
        document = {
            "snapshot": _FORMAT,
            "now": times.format_timestamp(world.instant, 9),
            "still": clock is not None and clock.still,
            "seed": seed,
            "names": _position(world.ids),
            "secrets": secrets,
            "records": list(records) if secrets else [redaction.of_record(record, serving) for record in records],
            "blobs": blobs,
        }
    whole = _encode(document)
    if len(whole) > LARGEST:
        raise ValueError(f"the state is too large for a snapshot: {len(whole)} bytes, and at most {LARGEST}")
    return {**document, "digest": _digest(whole)}


def read(document: object) -> Mapping[str, Any]:
    """The document, if it is whole. Raises ValueError."""
    if not isinstance(document, Mapping) or document.get("snapshot") != _FORMAT:
        raise ValueError(_NO_SNAPSHOT)
    rest = {name: item for name, item in document.items() if name != "digest"}
    try:
        whole = _digest(_encode(rest)) == document.get("digest")
    except RecursionError:
        whole = False
    if not whole:
        raise ValueError(_NO_SNAPSHOT)
    return rest


def restore(app: App, clock: SettableClock | None, document: object) -> int | None:
    """Be what the document says; gives the seed of the names. Raises ValueError, and changes nothing, if it can't."""
    given = read(document)
    try:
        blobs = {blob: (base64.b64decode(data, validate=True),) for blob, data in given["blobs"].items()}
        moment, still = _moment(given["now"]), bool(given["still"])
        seed = None if given["seed"] is None else int(given["seed"])
        records, names = list(given["records"]), _source(given["names"])
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):  # of another hand
        raise ValueError(_NO_SNAPSHOT) from None
    if clock is not None:
        clock.still = still
        clock.move_to(moment)
    app.restore(records, names, blobs)
    return seed


def _moment(text: str) -> datetime:
    return times.to_datetime(times.parse_timestamp(text))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _position(ids: random.Random) -> list[Any] | None:
    """Where the source of names stands; None for one that stands nowhere."""
    if isinstance(ids, random.SystemRandom):
        return None
    version, numbers, rest = ids.getstate()
    return [version, list(numbers), rest]


def _source(position: list[Any] | None) -> random.Random:
    if position is None:
        return random.SystemRandom()
    version, numbers, rest = position
    source = random.Random()  # noqa: S311
    source.setstate((version, tuple(numbers), rest))
    return source
