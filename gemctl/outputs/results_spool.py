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
from collections.abc import Iterable, Iterator
from pathlib import Path

from gemctl.core.resource import NOTHING_USED, TokenUsage
from gemctl.files.disk import Files
from gemctl.files.whole import nameless
from gemctl.outputs.results_account import Tally
from gemctl.outputs.results_keys import Keys, key_digest
from gemctl.outputs.results_line import BLOCKED, ERROR, Counts, Judge, Judged, line_of

NO_RESULT = {"message": "no result"}  # the error of a request that nothing came of
_PIECE = 1 << 18  # bytes that are written, or read, at once
_LACKING = (1 << 32) - 1  # stands for a key without a result, in an array of numbers


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

    def __init__(self, root: Path, folder: Path, judge: Judge) -> None:
        """Make the file in `folder`, which lies under the project's `root` and is made if missing: the state may be
        kept elsewhere. `judge` is the one that judged the results.
        """
        self.judge = judge
        self._counts: list[Counts] = []  # that are not in the sums yet: many are summed up together
        self._sums = NOTHING_USED, NOTHING_USED
        files = Files(root)
        self._files = files
        self._handle = nameless(files, folder / "results")
        self._keys = Keys()
        self._starts, self._sizes = array("Q"), array("I")
        self._came = bytearray()
        self._stray: set[int] = set()
        self._held = bytearray()
        self._end = 0
        self._piece, self._piece_at, self._last = b"", 0, 0
        self._alike, self._alike_earlier = Counter[bytes](), Counter[bytes]()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close(self._handle)

    @property
    def used(self) -> TokenUsage | None:
        """What the responses that are kept have used so far, as in a Harvest; `used_long` likewise."""
        return self._summed()[0] if self.judge.sums else None

    @property
    def used_long(self) -> TokenUsage | None:
        return long if (long := self._summed()[1]) != NOTHING_USED else None

    def add(self, result: Judged) -> None:
        """Add a result that came."""
        line, name, came, counts = result
        number = self._keys.add(_name(line, self._alike) if name is None else name)
        if number is None:
            if name is None and came == ERROR:
                self._stray.add(len(self._starts))
            self._append(came, line, counts)
        elif came > self._came[number] or came == self._came[number] == ERROR:
            self._replace(number, came, line, counts)

    def add_earlier(self, result: Judged) -> None:
        """Add a result that was saved before: it counts where nothing as good has come since."""
        line, name, came, counts = result
        number = self._keys.add(_name(line, self._alike_earlier) if name is None else name)
        if number is None:
            self._append(came, line, counts)
        elif came > self._came[number]:
            self._replace(number, came, line, counts)

    def _append(self, came: int, line: bytes, counts: Counts | None) -> None:
        self._starts.append(self._end)
        self._sizes.append(len(line))
        self._came.append(came)
        self._write(line, counts)

    def _replace(self, number: int, came: int, line: bytes, counts: Counts | None) -> None:
        if self._came[number] == BLOCKED:  # its counts go with it: what is kept for each key is counted once
            self._take_back(self.judge.counts(json.loads(self._read(number))))
        self._starts[number], self._sizes[number], self._came[number] = self._end, len(line), came
        self._write(line, counts)

    def _write(self, line: bytes, counts: Counts | None) -> None:
        if counts is not None:
            self._counts.append(counts)
        self._end += len(line)
        self._held += line
        if len(self._held) >= _PIECE:
            self._flush()
            self._summed()

    def _summed(self) -> tuple[TokenUsage, TokenUsage]:
        if self.judge.sums:
            used, long = self.judge.sums(self._counts)
            self._sums = self._sums[0] + used, self._sums[1] + long
        self._counts.clear()
        return self._sums

    def _take_back(self, counts: Counts | None) -> None:
        if counts is not None and self.judge.sums:
            used, long = self.judge.sums((counts,))
            self._sums = self._sums[0] - used, self._sums[1] - long

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
            return Tally(found, len(self._came) - self._came.count(ERROR), None, stray)
        taken = bytearray(len(self._starts))
        for number in order.numbers:
            if number != _LACKING:
                taken[number] = 1
        answered = sum(one and bool(came) for one, came in zip(taken, self._came, strict=True))
        return Tally(sum(taken), answered, len(order.lacking), stray)

    def lines(self, order: Order | None) -> Iterator[tuple[bytes, int]]:
        """(line, the number of the `Came`): one for each key of the order, then what else there is."""
        self._flush()
        taken = bytearray(len(self._starts))
        lacking = iter(order.lacking if order else ())
        for number in order.numbers if order else ():
            if number == _LACKING:
                key = next(lacking)
                found = self._keys.find(key_digest(key))  # an earlier attempt may have brought it since
                if found is None:
                    yield line_of({"key": key, "error": NO_RESULT}), ERROR
                    continue
                number = found
            if not taken[number]:
                taken[number] = 1
                yield self._read(number), self._came[number]
        number = taken.find(0)
        while number >= 0:
            yield self._read(number), self._came[number]
            number = taken.find(0, number + 1)

    def _flush(self) -> None:
        if self._held:
            self._files.write(self._handle, bytes(self._held))
            self._held.clear()

    def _read(self, number: int) -> bytes:
        """The line of a result. Those that lie near each other in the file are read in large pieces."""
        start, size = self._starts[number], self._sizes[number]
        at = start - self._piece_at
        if at < 0 or at + size > len(self._piece):
            self._flush()
            at = start % _PIECE
            near, self._last = abs(start - self._last) < _PIECE, start
            if not near or at + size > _PIECE:
                return _read_at(self._handle, size, start)
            self._piece_at = start - at
            self._piece = _read_at(self._handle, _PIECE, self._piece_at)
        self._last = start
        return self._piece[at : at + size]


def _read_at(handle: int, size: int, start: int) -> bytes:
    """So many bytes, or as many as there are. One read gives up to 2 GiB of a plain file."""
    return os.pread(handle, size, start)


def _name(line: bytes, alike: Counter[bytes]) -> bytes:
    """What names a result without a key: the digest of itself, with the number of those `alike` so far."""
    itself = hashlib.blake2b(line, digest_size=20).digest()
    alike[itself] += 1
    return hashlib.blake2b(itself + alike[itself].to_bytes(4), digest_size=16, person=b"no key").digest()
