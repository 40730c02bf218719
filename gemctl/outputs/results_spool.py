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
from pathlib import Path
from typing import IO

from gemctl.core.json_text import to_bytes
from gemctl.core.resource import NOTHING_USED, TokenUsage
from gemctl.core.source import JsonObject
from gemctl.files.disk import Files
from gemctl.outputs.results_account import Tally

_NOTHING = {"message": "no result"}


class Spool:
    """Results in the order in which they come, in a file without a name, and the best one for each key.

    The first response wins, then the last error. Memory holds 16 bytes for each key, and where its line begins. Results
    without a key may be alike, and are as many as came.

    used, used_long   what the responses that are kept have used so far, as in a Harvest.
    """

    def __init__(
        self, root: Path, folder: Path, usage: Callable[[JsonObject], tuple[TokenUsage, bool] | None] | None
    ) -> None:
        """Make the file in `folder`, which lies under the project's `root` and is made if missing: the state may be
        kept elsewhere. `usage` is as in Once.
        """
        self._usage = usage
        self.used = NOTHING_USED if usage else None
        self.used_long: TokenUsage | None = None
        files = Files(root)
        files.make_folder(folder)
        handle, name = files.create(folder / "results")
        files.remove(name)
        self._file: IO[bytes] = os.fdopen(handle, "w+b")
        self._numbers: dict[bytes, int] = {}
        self._starts = array("Q")
        self._answered = bytearray()
        self._stray: set[int] = set()
        self._end = 0
        self._alike, self._alike_earlier = Counter[bytes](), Counter[bytes]()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, result: JsonObject) -> None:
        line, answered = line_of(result), "response" in result
        name = _name(result, line, self._alike)
        number = self._numbers.get(name)
        if number is None:
            if not answered and "key" not in result:
                self._stray.add(len(self._starts))
            self._append(name, result, line)
        elif not self._answered[number]:
            self._put(number, result, line)

    def add_earlier(self, result: JsonObject, line: bytes) -> None:
        """Add a line that was saved before: it counts where nothing better has come since."""
        answered, name = "response" in result, _name(result, line, self._alike_earlier)
        number = self._numbers.get(name)
        if number is None:
            self._append(name, result, line)
        elif answered and not self._answered[number]:
            self._put(number, result, line)

    def _append(self, name: bytes, result: JsonObject, line: bytes) -> None:
        self._numbers[name] = len(self._starts)
        self._starts.append(0)
        self._answered.append(False)
        self._put(len(self._starts) - 1, result, line)

    def _put(self, number: int, result: JsonObject, line: bytes) -> None:
        self._starts[number], self._answered[number] = self._end, "response" in result
        self._file.write(line)  # at its end: nothing is read before the last line has come
        self._end += len(line)
        if self._usage and (found := self._usage(result)):  # a response is never replaced: each is counted once
            used, long = found
            if long:
                self.used_long = used + (self.used_long or NOTHING_USED)
            else:
                self.used = used + (self.used or NOTHING_USED)

    def tally(self, keys: Iterable[str] | None) -> Tally:
        """Count what has come, by the keys of the requests where they are known."""
        if keys is None:
            found = len(self._starts) - len(self._stray)
            return Tally(found, sum(self._answered), None, len(self._stray))
        taken = bytearray(len(self._starts))
        missing = 0
        for key in keys:
            number = self._numbers.get(key_digest(key))
            if number is None:
                missing += 1
            else:
                taken[number] = 1
        answered = sum(one and here for one, here in zip(taken, self._answered, strict=True))
        return Tally(sum(taken), answered, missing, len(self._stray))

    def lines(self, keys: Iterable[str] | None) -> Iterator[tuple[bytes, bool]]:
        """(line, whether it is a response): one for each of the keys in their order, then what else there is."""
        taken = bytearray(len(self._starts))
        for key in keys or ():
            number = self._numbers.get(key_digest(key))
            if number is None:
                yield line_of({"key": key, "error": _NOTHING}), False
            elif not taken[number]:
                taken[number] = 1
                yield self._read(number), bool(self._answered[number])
        for number in range(len(self._starts)):
            if not taken[number]:
                yield self._read(number), bool(self._answered[number])

    def _read(self, number: int) -> bytes:
        self._file.seek(self._starts[number])
        return self._file.readline()


def _name(result: JsonObject, line: bytes, alike: Counter[bytes]) -> bytes:
    """The digest that names a result: of its key; without a key, of itself, with the number of those `alike` so far."""
    key = result.get("key")
    if isinstance(key, str):
        return key_digest(key)
    itself = hashlib.blake2b(line, digest_size=20).digest()
    alike[itself] += 1
    return itself + alike[itself].to_bytes(4)


def key_digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def line_of(result: JsonObject) -> bytes:
    text = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
    return to_bytes(text) + b"\n"
