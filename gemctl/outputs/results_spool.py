"""Keeps the results of a run on their way from the service to their file: the best one for each key, in little memory.
What they used is summed up on the way.

results.py fills it, and results_files.py empties it.
"""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from pathlib import Path

from gemctl.core.json_text import to_bytes
from gemctl.core.resource import NOTHING_USED, TokenUsage
from gemctl.core.source import Json, JsonObject
from gemctl.files.disk import Files
from gemctl.outputs.results_account import Tally
from gemctl.outputs.results_keys import Keys, key_digest

NO_RESULT = {"message": "no result"}  # the error of a request that nothing came of
_PIECE = 1 << 18  # bytes that are written, or read, at once
_LACKING = (1 << 32) - 1  # stands for a key without a result, in an array of numbers

Usage = Callable[[JsonObject], tuple[TokenUsage, bool] | None]
Answered = Callable[[Json], bool]


class Came(IntEnum):
    """Says what came of a request, the better the higher: an error, a response that is no answer, or an answer."""

    ERROR = 0
    BLOCKED = 1
    ANSWER = 2


_CAME = tuple(Came)
_ERROR, _BLOCKED, _ANSWER = map(int, Came)  # as they are kept


class Order:
    """The numbers of the results of some keys, in the order of these; `lacking` are the keys without a result."""

    def __init__(self) -> None:
        self.numbers = array("I")
        self.lacking: list[str] = []


class Spool:
    """Results in the order in which they come, in a file without a name, and the best one for each key.

    An answer is kept rather than a response that is none, and that rather than an error; the first one of responses,
    the last one of errors. Memory holds some 35 bytes for each key. Results without a key may be alike, and are as many
    as came.
    """

    def __init__(self, root: Path, folder: Path, usage: Usage | None, answered: Answered = lambda _: True) -> None:
        """Make the file in `folder`, which lies under the project's `root` and is made if missing: the state may be
        kept elsewhere. `usage` and `answered` are as in Once.
        """
        self._usage, self._answered = usage, answered
        self._sum, self._long = _Sum(), _Sum()
        files = Files(root)
        files.make_folder(folder)
        self._files = files
        self._handle, name = files.create(folder / "results")
        files.remove(name)
        self._keys = Keys()
        self._starts, self._sizes = array("Q"), array("I")
        self._came = bytearray()
        self._stray: set[int] = set()
        self._held = bytearray()
        self._end = 0
        self._piece, self._piece_at, self._next = b"", 0, 0
        self._alike, self._alike_earlier = Counter[bytes](), Counter[bytes]()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close(self._handle)

    @property
    def used(self) -> TokenUsage | None:
        """What the responses that are kept have used so far, as in a Harvest; `used_long` likewise."""
        return self._sum.usage if self._usage else None

    @property
    def used_long(self) -> TokenUsage | None:
        return self._long.usage if self._usage and self._long.usage != NOTHING_USED else None

    def add(self, result: JsonObject, line: bytes | None = None) -> None:
        """Add a result that came; `line` is its line where it is known."""
        line = line_of(result) if line is None else line
        came, name = self._what(result), _name(result, line, self._alike)
        number = self._keys.add(name)
        if number is None:
            if came == _ERROR and "key" not in result:
                self._stray.add(len(self._starts))
            self._append(came, result, line)
        elif came > self._came[number] or came == self._came[number] == _ERROR:
            self._replace(number, came, result, line)

    def add_earlier(self, result: JsonObject, line: bytes) -> None:
        """Add a line that was saved before: it counts where nothing as good has come since."""
        came, name = self._what(result), _name(result, line, self._alike_earlier)
        number = self._keys.add(name)
        if number is None:
            self._append(came, result, line)
        elif came > self._came[number]:
            self._replace(number, came, result, line)

    def _what(self, result: JsonObject) -> int:
        if "response" not in result:
            return _ERROR
        return _ANSWER if self._answered(result["response"]) else _BLOCKED

    def _append(self, came: int, result: JsonObject, line: bytes) -> None:
        self._starts.append(self._end)
        self._sizes.append(len(line))
        self._came.append(came)
        self._write(came, result, line)

    def _replace(self, number: int, came: int, result: JsonObject, line: bytes) -> None:
        if self._came[number] == _BLOCKED:  # its counts go with it: what is kept for each key is counted once
            self._count(json.loads(self._read(number)), -1)
        self._starts[number], self._sizes[number], self._came[number] = self._end, len(line), came
        self._write(came, result, line)

    def _write(self, came: int, result: JsonObject, line: bytes) -> None:
        if came != _ERROR:
            self._count(result, 1)
        self._end += len(line)
        self._held += line
        if len(self._held) >= _PIECE:
            self._flush()

    def _count(self, result: JsonObject, times: int) -> None:
        if self._usage and (found := self._usage(result)):
            (self._long if found[1] else self._sum).add(found[0], times)

    def order(self, keys: Iterable[str]) -> Order:
        """Find the results of these keys."""
        order, find = Order(), self._keys.find
        for key in keys:
            number = find(key_digest(key))
            if number is None:
                order.numbers.append(_LACKING)
                order.lacking.append(key)
            else:
                order.numbers.append(number)
        return order

    def tally(self, order: Order | None) -> Tally:
        """Count what has come, by the keys of the requests where they are known."""
        stray = len(self._stray)
        if order is None:
            found = len(self._starts) - stray
            return Tally(found, len(self._came) - self._came.count(Came.ERROR), None, stray)
        taken = bytearray(len(self._starts))
        for number in order.numbers:
            if number != _LACKING:
                taken[number] = 1
        answered = sum(one and bool(came) for one, came in zip(taken, self._came, strict=True))
        return Tally(sum(taken), answered, len(order.lacking), stray)

    def lines(self, order: Order | None) -> Iterator[tuple[bytes, Came]]:
        """(line, what came): one for each key of the order, then what else there is."""
        self._flush()
        taken = bytearray(len(self._starts))
        lacking = iter(order.lacking if order else ())
        for number in order.numbers if order else ():
            if number == _LACKING:
                key = next(lacking)
                found = self._keys.find(key_digest(key))  # an earlier attempt may have brought it since
                if found is None:
                    yield line_of({"key": key, "error": NO_RESULT}), Came.ERROR
                    continue
                number = found
            if not taken[number]:
                taken[number] = 1
                yield self._read(number), _CAME[self._came[number]]
        number = taken.find(0)
        while number >= 0:
            yield self._read(number), _CAME[self._came[number]]
            number = taken.find(0, number + 1)

    def _flush(self) -> None:
        if self._held:
            self._files.write(self._handle, bytes(self._held))
            self._held.clear()

    def _read(self, number: int) -> bytes:
        """The line of a result. Those that follow each other in the file are read in large pieces."""
        start, size = self._starts[number], self._sizes[number]
        at = start - self._piece_at
        if at < 0 or at + size > len(self._piece):
            self._flush()
            self._piece = _read_at(self._handle, max(size, _PIECE) if start == self._next else size, start)
            self._piece_at, at = start, 0
        self._next = start + size
        return self._piece[at : at + size]


class _Sum:
    """A sum of TokenUsage. A million of these would take a second to make, and numbers take none."""

    def __init__(self) -> None:
        self._counts = [0] * 6

    def add(self, used: TokenUsage, times: int) -> None:
        counts = self._counts
        counts[0] += used.requests * times
        counts[1] += used.prompt * times
        counts[2] += used.cached * times
        counts[3] += used.output * times
        counts[4] += used.thoughts * times
        counts[5] += used.uncounted * times

    @property
    def usage(self) -> TokenUsage:
        return TokenUsage(*self._counts)


def _read_at(handle: int, size: int, start: int) -> bytes:
    """So many bytes, or as many as there are. One read gives up to 2 GiB of a plain file."""
    return os.pread(handle, size, start)


def _name(result: JsonObject, line: bytes, alike: Counter[bytes]) -> bytes:
    """The digest that names a result: of its key; without a key, of itself, with the number of those `alike` so far."""
    key = result.get("key")
    if isinstance(key, str):
        return key_digest(key)
    itself = hashlib.blake2b(line, digest_size=20).digest()
    alike[itself] += 1
    return hashlib.blake2b(itself + alike[itself].to_bytes(4), digest_size=16, person=b"no key").digest()


def _encoder(*, strict: bool) -> Callable[[JsonObject], str]:
    """An encoder of objects, as json.dumps uses one. That makes its inner part anew for each call, which takes as long
    as a fifth of the encoding; here it is made once, where Python has it.
    """
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False, allow_nan=not strict)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encoder.encode
    text = json.encoder.encode_basestring
    pieces = make(None, encoder.default, text, None, ":", ",", False, False, not strict)
    return lambda value: "".join(pieces(value, 0))


_encode, _encode_strictly = _encoder(strict=False), _encoder(strict=True)


def line_of(result: JsonObject, *, strict: bool = False) -> bytes:
    """The line of a result as it is saved. `strict`: raises ValueError where a number is none in JSON."""
    return to_bytes((_encode_strictly if strict else _encode)(result)) + b"\n"
