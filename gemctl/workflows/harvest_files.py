"""The files of a harvest: results, their receipt, the requests without a response, and what is put aside for them.

Each file changes as a whole. The receipt comes last.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import IO

from gemctl.core.errors import GemctlError, Stale
from gemctl.core.event import Saved
from gemctl.core.mark import attempt_tag, spec_tag
from gemctl.core.record import Record
from gemctl.core.resource import Attachment, Harvest, Receipt, Resource
from gemctl.core.source import JsonObject
from gemctl.engine.machine import Reap
from gemctl.manifest.envelope import RECEIPT, WITHOUT
from gemctl.manifest.read import open_binary
from gemctl.manifest.receipts import Damaged, Paper, beside, from_bytes, receipt_path, to_bytes
from gemctl.workflows.files import Fresh, fresh, place, write_whole
from gemctl.workflows.harvest_account import Tally
from gemctl.workflows.harvest_spool import Spool, key_digest

DOUBTFUL = ".doubtful"
MOST_DOUBTFUL = 3  # different ones that are kept


@dataclass(frozen=True, slots=True)
class _Written:
    """What was written: the digest of the file, and what is in it."""

    digest: str
    succeeded: int
    failed: int
    without: tuple[str, ...]


class Saving:
    """One harvest, from the spool to its place.

    resource   what is declared, if that is what was run.
    source     the file of its requests, if they stand in one.
    """

    def __init__(
        self,
        root: Path,
        stack: str,
        now: datetime,
        command: Reap,
        resource: Resource | None,
        source: Attachment | None,
    ) -> None:
        self._root, self._stack, self._now = root, stack, now
        self._address, self._job, self._record = command.address, command.name, command.record
        self._declaration = resource.spec_tag if resource else _declaration(command.record)
        self._source = source

    def tally(self, spool: Spool, asked: tuple[str, ...] | None) -> Tally:
        """What came, held against the keys that this attempt was of. `asked` are those, where they are known so far:
        those of a first attempt may stand in a file.
        """
        if asked is not None or self._record.attempt > 1:
            return spool.tally(asked)
        try:
            return spool.tally(self._order(None))
        except Stale:  # the file of requests is not what was sent
            self._source = None
            return spool.tally(None)

    def set_apart(self, results: str, spool: Spool, *, apart: bool) -> str | None:
        """Keep what came and can't be the results for somebody to look at; where, from the project root. None where
        nothing came, or enough is kept. What lies there is never overwritten.
        """
        digest = hashlib.sha256()
        for line, _ in spool.lines(None):
            digest.update(line)
        if digest.digest() == hashlib.sha256().digest():
            return None
        relative = (self._apart(results) if apart else results) + DOUBTFUL
        for name in (f"{relative}{number if number > 1 else ''}" for number in range(1, MOST_DOUBTFUL + 1)):
            path = self._place(name)
            there = _file_digest(path)
            if there == f"sha256:{digest.hexdigest()}":
                return name
            if there is None:
                with fresh(path) as new:
                    new.file.writelines(line for line, _ in spool.lines(None))
                    new.put()
                return name
        return None

    def save(self, results: str, keys: tuple[str, ...] | None, spool: Spool, *, apart: bool) -> Saved:
        """What is not declared now is saved `apart` from what is, unless its results are there already."""
        relative = self._apart(results) if apart else results
        path = self._place(relative)
        here = self._ours(relative)
        earlier, file = here, relative
        if here is None:  # it may have been declared before, and its results put beside those of something else
            file = beside(results, self._declaration)
            earlier = self._ours(file)
        if earlier:
            for result, line in _saved_before(self._place(file)):
                spool.add_earlier(result, line)
        written = self._write(path, relative, spool, keys, known=here is not None)
        rest = self._rest(relative, written.without)
        if rest is None and not written.without and earlier:
            rest = earlier.receipt.rest  # what was run again stays on record; the file goes
        receipt = self._receipt(written, rest, earlier)
        if here is None or here.receipt != receipt:
            self._put_receipt(relative, receipt)
        if not written.without:
            self._place(relative + WITHOUT).unlink(missing_ok=True)
        return Saved(self._address, self._job, relative, receipt.harvest)

    def save_again(self, relative: str, keys: tuple[str, ...] | None, spool: Spool, harvest: Harvest) -> Saved:
        """Put the file back that is gone, if it comes out as it was. Raises GemctlError if it doesn't."""
        path = self._place(relative)
        with fresh(path) as new:
            written = self._poured(new, spool, keys)
            if written.digest != harvest.digest:
                counts = f"{written.succeeded} of {harvest.succeeded} responses"
                raise GemctlError(f"What the service has of it now is not what was saved: {counts}.", code="E537")
            new.put()
        if self._paper(relative) is None:
            rest = self._rest(relative, written.without)
            self._put_receipt(relative, replace(self._receipt(written, rest, None), harvest=harvest))
        return Saved(self._address, self._job, relative, harvest)

    def _put_receipt(self, relative: str, receipt: Receipt) -> None:
        paper = Paper(receipt, self._stack, self._declaration)
        write_whole(self._place(receipt_path(relative)), to_bytes(paper, self._address))

    def _apart(self, results: str) -> str:
        return results if self._ours(results) else beside(results, self._declaration)

    def _place(self, relative: str) -> Path:
        hint = "Name a plain file of the project in run.results."
        path = place(self._root, relative, code="E245", hint=hint)
        if path.exists() and not path.is_file():
            raise GemctlError(f"{relative} is not a regular file.", code="E245", hint=hint)
        return path

    def _paper(self, relative: str) -> Paper | None:
        """The receipt that lies there, of whatever it is."""
        path = self._place(receipt_path(relative))
        try:
            return from_bytes(path.read_bytes())
        except (FileNotFoundError, Damaged):
            return None

    def _ours(self, relative: str) -> Paper | None:
        """The receipt that lies there, if it is of this very declaration."""
        paper = self._paper(relative)
        ours = paper is not None and (paper.stack, paper.declaration) == (self._stack, self._declaration)
        return paper if ours else None

    def _write(self, path: Path, relative: str, spool: Spool, keys: tuple[str, ...] | None, *, known: bool) -> _Written:
        """`known` says that what lies there is of the same declaration, and in the spool by now."""
        with fresh(path) as new:
            written = self._poured(new, spool, keys)
            before = _file_digest(path)
            if before != written.digest:
                if before is not None and not known:
                    self._put_aside(path, relative)
                new.put()
        return written

    def _poured(self, new: Fresh, spool: Spool, keys: tuple[str, ...] | None) -> _Written:
        try:
            return _pour(new.file, spool, self._order(keys))
        except Stale:  # the file of requests is not what was sent: its order says nothing
            self._source = None
            new.file.seek(0)
            new.file.truncate()
            return _pour(new.file, spool, None)

    def _order(self, keys: tuple[str, ...] | None) -> Iterable[str] | None:
        if keys is not None or self._source is None:
            return keys
        return (key for key, _ in _requests(self._root, self._source) if key is not None)

    def _put_aside(self, path: Path, relative: str) -> None:
        """Keep what is of another declaration, or of somebody else, under a name of its own; it stays where it is."""
        paper = self._paper(relative)
        if paper and paper.stack == self._stack:
            names = (beside(relative, paper.declaration, number) for number in count(1))
        else:
            paper = None
            names = (f"{relative}.aside{number if number > 1 else ''}" for number in count(1))
        digest = _file_digest(path)
        for name in names:
            aside = self._place(name)
            there = _file_digest(aside)
            if there in (None, digest):
                if paper:
                    for end in (RECEIPT, WITHOUT):
                        _link(self._place(relative + end), self._place(name + end))
                _link(path, aside)
                return

    def _rest(self, relative: str, without: tuple[str, ...]) -> Attachment | None:
        """The requests without a response, in a file of their own."""
        if self._source is None or not without:
            return None
        name, wanted = relative + WITHOUT, {key_digest(key) for key in without}
        path, digest, size = self._place(name), hashlib.sha256(), 0
        with fresh(path) as new:
            try:
                for key, line in _requests(self._root, self._source):
                    if key is not None and key_digest(key) in wanted:
                        line = line if line.endswith(b"\n") else line + b"\n"
                        new.file.write(line)
                        digest.update(line)
                        size += len(line)
            except Stale:
                return None
            shown = f"sha256:{digest.hexdigest()}"
            if _file_digest(path) != shown:
                new.put()
        return Attachment(shown, size, path=name, binary=True)

    def _receipt(self, written: _Written, rest: Attachment | None, earlier: Paper | None) -> Receipt:
        """That of a later attempt stays one of that attempt; what is not new keeps its time."""
        spec, attempt, job = self._record.spec, self._record.attempt, self._job
        if earlier and earlier.receipt.attempt > attempt:
            spec, attempt, job = earlier.receipt.spec, earlier.receipt.attempt, earlier.receipt.job
        harvest = Harvest(written.digest, self._now, written.succeeded, written.failed)
        if earlier and earlier.receipt.harvest == replace(harvest, at=earlier.receipt.harvest.at):
            harvest = earlier.receipt.harvest
        return Receipt(spec, attempt, job, harvest, written.without, rest)


def _declaration(record: Record) -> str:
    """The spec tag of what was declared; that of the attempt where it isn't known."""
    if record.fields is not None:
        tag = spec_tag(record.fields)
        if attempt_tag(tag, record.attempt) == record.spec:
            return tag
    return record.spec


def _requests(root: Path, attachment: Attachment) -> Iterator[tuple[str | None, bytes]]:
    """(key, line) of a file of requests. Raises Stale, at the latest at its end, if it is not the one that was sent."""
    digest = hashlib.sha256()
    with open_binary(str(root), attachment) as file:
        for line in file:
            digest.update(line)
            if line.strip():
                yield _key(line), line
    if f"sha256:{digest.hexdigest()}" != attachment.digest:
        raise Stale(f"{attachment.path} has changed.", code="E133")


def _key(line: bytes) -> str | None:
    try:
        key = json.loads(line)["key"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return key if isinstance(key, str) else None


def _saved_before(path: Path) -> Iterator[tuple[JsonObject, bytes]]:
    """The results in a file of ours; what somebody has made of it meanwhile is passed over."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                result = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(result, dict) and ("response" in result or "error" in result) and line.endswith(b"\n"):
                yield result, line


def _pour(file: IO[bytes], spool: Spool, keys: Iterable[str] | None) -> _Written:
    digest = hashlib.sha256()
    succeeded = failed = 0
    without: list[str] = []
    for line, answered in spool.lines(keys):
        file.write(line)
        digest.update(line)
        succeeded, failed = succeeded + answered, failed + (not answered)
        if not answered and (key := _key(line)) is not None:
            without.append(key)
    return _Written(f"sha256:{digest.hexdigest()}", succeeded, failed, tuple(without))


def _file_digest(path: Path) -> str | None:
    """None where there is no file."""
    try:
        with path.open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except FileNotFoundError:
        return None


def _link(path: Path, other: Path) -> None:
    """Another name for the same file, or where that can't be a copy of it. Does nothing where there is no file, or one
    of the other name already.
    """
    import shutil

    if not path.exists() or other.exists():
        return
    try:
        os.link(path, other, follow_symlinks=False)
    except OSError:
        shutil.copyfile(path, other, follow_symlinks=False)
