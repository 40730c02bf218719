"""Writes the files that a run leaves: its results, their receipt, the requests that may be run again; and puts other
files of these names aside. Called by results.py, for one run at a time.

Each file changes as a whole. The receipt comes last.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from gemctl.core.address import Address
from gemctl.core.cost import ActualCost
from gemctl.core.errors import GemctlError, Stale
from gemctl.core.event import Saved
from gemctl.core.frozen import dataclass
from gemctl.core.mark import attempt_tag, spec_tag
from gemctl.core.record import Record
from gemctl.core.resource import WITHOUT, Attachment, Harvest, Receipt, Resource, TokenUsage
from gemctl.files.attached import lines_of
from gemctl.files.disk import Files
from gemctl.files.whole import Fresh, fresh
from gemctl.outputs import receipts
from gemctl.outputs.receipts import ReceiptFile, beside
from gemctl.outputs.results_account import Tally
from gemctl.outputs.results_keys import key_digest
from gemctl.outputs.results_line import ANSWER, Judge, Judged
from gemctl.outputs.results_place import MOST, Place, placing
from gemctl.outputs.results_source import LONGEST_LINE
from gemctl.outputs.results_spool import Order, Spool

DOUBTFUL = ".doubtful"
_PIECE = 1 << 18  # bytes that are written at once
MOST_DOUBTFUL = 3  # different ones that are kept
_FIRST = re.compile(rb'\s*\{\s*"key"\s*:\s*"([ !#-\[\]-~]*)"\s*,')  # a key in plain letters before all else

Price = Callable[[Address, Record | None, Harvest], ActualCost | None]


class EndedRun(Protocol):
    """A run whose results are to be saved, such as the command by which the engine asks for it (`machine.Collect`).

    name     its live object.
    address  the resource that was run.
    record   its record.
    """

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> Address: ...

    @property
    def record(self) -> Record: ...


@dataclass(frozen=True, slots=True)
class _Written:
    """A file of results that was written: its digest, what is in it, and what that used (see Harvest, Receipt)."""

    digest: str
    succeeded: int
    failed: int
    blocked: int
    without: tuple[str, ...]
    blocked_keys: tuple[str, ...]
    usage: TokenUsage | None
    long: TokenUsage | None


class Saving:
    """Brings the results of one run from the spool to their place.

    resource   the declared resource, if this is a run of it.
    source     the file of its requests, if they stand in one.
    price      says what the run has cost.
    """

    def __init__(
        self,
        root: Path,
        stack: str,
        now: datetime,
        run: EndedRun,
        resource: Resource | None,
        source: Attachment | None,
        price: Price,
    ) -> None:
        self._root, self._stack, self._now = root, stack, now
        self._files = Files(root, private=False)
        self._place = Place(self._files, root, stack)
        self._address, self._job, self._record = run.address, run.name, run.record
        self._declaration = resource.spec_tag if resource else _declaration(run.record)
        self._references = resource.referred if resource else {}
        self._source, self._price = source, price
        rules = resource.run if resource else run.record.run
        self._retry_blocked = bool(rules and rules.retry_blocked)
        self._found: Order | None = None  # of all requests in the file, once they were looked for

    def tally(self, spool: Spool, asked: tuple[str, ...] | None) -> Tally:
        """Count what came, by the keys of this attempt. `asked` are those, where they are known so far: those of a
        first attempt may stand in a file.
        """
        if asked is not None or self._record.attempt > 1:
            return spool.tally(None if asked is None else spool.order(asked))
        return spool.tally(self._order(spool, None))

    def set_apart(self, results: str, spool: Spool, *, apart: bool) -> str | None:
        """Keep what came and can't be the results, for a person to look at. Returns its path from the project root;
        None where nothing came, or enough is kept. Never overwrites a file.
        """
        digest = hashlib.sha256()
        for line, _ in spool.lines(None):
            digest.update(line)
        if digest.digest() == hashlib.sha256().digest():
            return None
        with placing():
            relative = (self._apart(results) if apart else results) + DOUBTFUL
            for name in (f"{relative}{number if number > 1 else ''}" for number in range(1, MOST_DOUBTFUL + 1)):
                there = self._place.digest(name)
                if there == f"sha256:{digest.hexdigest()}":
                    return name
                if there is None:
                    with fresh(self._files, self._root / name) as new:
                        for line, _ in spool.lines(None):
                            new.write(line)
                        new.put()
                    return name
        return None

    def save(self, results: str, keys: tuple[str, ...] | None, spool: Spool, *, apart: bool) -> Saved:
        """Save results. Those of what is not declared now go `apart` from what is, unless they are there already.

        Raises GemctlError E245 where it can't be saved, OSError.
        """
        with placing():
            return self._save(results, keys, spool, apart=apart)

    def _save(self, results: str, keys: tuple[str, ...] | None, spool: Spool, *, apart: bool) -> Saved:
        relative = self._apart(results) if apart else results
        here = self._ours(relative)
        earlier, file = here, relative
        if here is None:  # it may have been declared before, and its results put beside those of something else
            file = beside(results, self._declaration)
            earlier = self._ours(file)
        if earlier:
            for result in _saved_before(self._files, self._root / file, spool.judge):
                spool.add_earlier(result)
        written = self._write(relative, spool, keys, known=here is not None)
        lacking = self._lacking(written)
        rest = self._rest(relative, lacking)
        if rest is None and not lacking and earlier:
            rest = earlier.receipt.rest  # what was run again stays on record; the file goes
        receipt = self._receipt(written, rest, earlier)
        if here is None or here.receipt != receipt:
            self._put_receipt(relative, receipt)
        if not lacking:
            self._files.remove(self._root / (relative + WITHOUT))
        return Saved(self._address, self._job, relative, receipt.harvest, self._cost(receipt.harvest))

    def save_again(self, relative: str, keys: tuple[str, ...] | None, spool: Spool, harvest: Harvest) -> Saved:
        """Write a missing file again, if it comes out as it was. Raises GemctlError if it doesn't."""
        with placing(), fresh(self._files, self._root / relative) as new:
            written = _pour(new, spool, self._order(spool, keys))
            if written.digest != harvest.digest:
                counts = f"{written.succeeded} of {harvest.succeeded} responses"
                raise GemctlError(f"What the service has of it now is not what was saved: {counts}.", code="E537")
            new.put()
        harvest = replace(harvest, usage=written.usage, long=written.long, blocked=written.blocked)
        with placing():
            if self._there(relative) is None:
                rest = self._rest(relative, self._lacking(written))
                self._put_receipt(relative, replace(self._receipt(written, rest, None), harvest=harvest))
        return Saved(self._address, self._job, relative, harvest, self._cost(harvest))

    def lacking_anew(self, relative: str) -> None:
        """Write the file of the requests that may be run again as the rules are now, if that differs from what they
        were when the results were saved.
        """
        with placing():
            here = self._ours(relative)
            if here is None or not here.receipt.blocked or here.receipt.rest_blocked is self._retry_blocked:
                return
            receipt = here.receipt
            blocked = receipt.blocked if self._retry_blocked else ()
            rest = self._rest(relative, (*receipt.without, *blocked))
            if rest or not (receipt.without or blocked):
                in_rest = rest is not None and self._retry_blocked
                self._put_receipt(relative, replace(receipt, rest=rest or receipt.rest, rest_blocked=in_rest))

    def _put_receipt(self, relative: str, receipt: Receipt) -> None:
        rules = self._record.run
        file = ReceiptFile(
            receipt,
            self._stack,
            self._declaration,
            self._cost(receipt.harvest),
            rules.whole if rules else "",
            self._references,
            rules.key if rules else None,
        )
        receipts.write(self._files, self._root / relative, file, self._address)

    def _cost(self, harvest: Harvest) -> ActualCost | None:
        return self._price(self._address, self._record, harvest)

    def _apart(self, results: str) -> str:
        return results if self._ours(results) else beside(results, self._declaration)

    def _there(self, relative: str) -> ReceiptFile | None:
        """The receipt beside these results, of whatever declaration."""
        return receipts.read(self._files, self._root / relative)

    def _ours(self, relative: str) -> ReceiptFile | None:
        """The receipt beside these results, if it is of this very declaration."""
        file = self._there(relative)
        ours = file is not None and (file.stack, file.declaration) == (self._stack, self._declaration)
        return file if ours else None

    def _write(self, relative: str, spool: Spool, keys: tuple[str, ...] | None, *, known: bool) -> _Written:
        """Write the file. `known`: the file there is of the same declaration, and in the spool by now."""
        with fresh(self._files, self._root / relative) as new:
            written = _pour(new, spool, self._order(spool, keys))
            before = self._place.digest(relative)
            if before != written.digest:
                if before is not None and not known:
                    self._place.put_aside(relative)
                new.put()
        return written

    def _order(self, spool: Spool, keys: tuple[str, ...] | None) -> Order | None:
        """The results in the order of the requests; None where it isn't known."""
        if keys is not None:
            return spool.order(keys)
        if self._found is None and self._source is not None:
            try:
                self._found = spool.order(key for key, _ in requests_in(self._root, self._source) if key is not None)
            except Stale:  # the file of requests is not what was sent: its order says nothing
                self._source = None
        return self._found

    def _lacking(self, written: _Written) -> tuple[str, ...]:
        """The keys of the requests that may be run again."""
        return (*written.without, *(written.blocked_keys if self._retry_blocked else ()))

    def _rest(self, relative: str, lacking: tuple[str, ...]) -> Attachment | None:
        """Write the requests that may be run again into a file of their own."""
        if self._source is None or not lacking:
            return None
        name, wanted = relative + WITHOUT, {key_digest(key) for key in lacking}
        digest, size = hashlib.sha256(), 0
        with fresh(self._files, self._root / name) as new:
            try:
                for key, line in requests_in(self._root, self._source):
                    if key is not None and key_digest(key) in wanted:
                        line = line if line.endswith(b"\n") else line + b"\n"
                        new.write(line)
                        digest.update(line)
                        size += len(line)
            except Stale:
                return None
            shown = f"sha256:{digest.hexdigest()}"
            if self._place.digest(name) != shown:
                new.put()
        return Attachment(shown, size, path=name, binary=True)

    def _receipt(self, written: _Written, rest: Attachment | None, earlier: ReceiptFile | None) -> Receipt:
        """The new receipt. One of a later attempt stays one of that attempt; results that are not new keep their
        time.
        """
        spec, attempt, job = self._record.spec_tag, self._record.attempt, self._job
        if earlier and earlier.receipt.attempt > attempt:
            spec, attempt, job = earlier.receipt.spec_tag, earlier.receipt.attempt, earlier.receipt.job
        before = earlier.receipt.harvest if earlier else None
        at = before.at if before and before.digest == written.digest else self._now
        harvest = Harvest(
            written.digest, at, written.succeeded, written.failed, written.usage, written.long, written.blocked
        )
        in_rest = self._retry_blocked and bool(written.blocked_keys) and rest is not None
        return Receipt(
            spec, attempt, job, harvest, written.without, rest, blocked=written.blocked_keys, rest_blocked=in_rest
        )


def _declaration(record: Record) -> str:
    """The spec tag of the declaration; that of the attempt where it isn't known."""
    if record.fields is not None:
        tag = spec_tag(record.fields)
        if attempt_tag(tag, record.attempt) == record.spec_tag:
            return tag
    return record.spec_tag


def requests_in(root: Path, attachment: Attachment) -> Iterator[tuple[str | None, bytes]]:
    """(key, line) of the requests in a file. Raises Stale, at the latest at its end, if it is not the one that was
    sent.
    """
    for line in lines_of(str(root), attachment):
        if not line.isspace():
            yield _key(line), line


def _key(line: bytes) -> str | None:
    """The key of a request, or a result."""
    found = _FIRST.match(line)
    if found and line.count(b'"key"') == 1 and (b"\\" not in line or b"\\u00" not in line):
        return found[1].decode()
    try:
        key = json.loads(line)["key"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return key if isinstance(key, str) else None


def _saved_before(files: Files, path: Path, judge: Judge) -> Iterator[Judged]:
    """The results in a file that gemctl wrote; lines that were edited into something else are passed over."""
    handle = files.open(path, MOST)
    if handle is None:
        return
    with os.fdopen(handle, "rb") as file:
        while line := file.readline(LONGEST_LINE):
            try:
                result = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(result, dict) and ("response" in result or "error" in result) and line.endswith(b"\n"):
                yield judge(result, line)


def _pour(file: Fresh, spool: Spool, order: Order | None) -> _Written:
    digest, counts = hashlib.sha256(), [0, 0, 0]
    lacking: tuple[list[str], list[str]] = ([], [])  # by what came: errors, responses that are no answer
    held: list[bytes] = []  # to be written together
    size = 0
    for line, came in spool.lines(order):
        held.append(line)
        size += len(line)
        if size >= _PIECE:
            file.write(piece := b"".join(held))
            digest.update(piece)
            held.clear()
            size = 0
        counts[came] += 1
        if came != ANSWER and (key := _key(line)) is not None:
            lacking[came].append(key)
    file.write(piece := b"".join(held))
    digest.update(piece)
    failed, blocked, succeeded = counts
    shown = f"sha256:{digest.hexdigest()}"
    without, blocked_keys = (tuple(keys) for keys in lacking)
    return _Written(shown, succeeded, failed, blocked, without, blocked_keys, spool.used, spool.used_long)
