"""Saves the results of runs: one JSON object a line, in the order of the requests, errors included; then a receipt.

    out/nightly.jsonl                   what is declared now
    out/nightly.jsonl.run.json          its receipt: which run it came from, and what it lacks
    out/nightly.jsonl.without.jsonl     the requests without a response, if there are any and they came from a file
    out/nightly.k2v4qz7.jsonl           of another declaration, by the beginning of its spec tag; with its receipt

Results come in any order and may be large: they go through a file without a name, and what is held of them is where
the line of each key begins. Each file changes as a whole. The receipt comes last, and the journal after it: who dies
between finds the job still to be harvested, and the second time gives the same bytes. Nothing that was saved before is
lost: a further attempt adds to it, and what came from somewhere else is put aside.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import IO, NoReturn

from gemctl.api.client import Client
from gemctl.api.errors import TOO_LARGE
from gemctl.core.errors import ApiError, GemctlError, Refused, Stale, Temporary
from gemctl.core.event import Saved
from gemctl.core.kind import Kind, RunKind, run_kind
from gemctl.core.mark import attempt_tag, spec_tag
from gemctl.core.record import Record
from gemctl.core.resource import Attachment, Desired, Harvest, Receipt, Resource
from gemctl.core.source import Json, JsonObject
from gemctl.engine.machine import Reap
from gemctl.manifest.envelope import RECEIPT, WITHOUT
from gemctl.manifest.read import open_binary
from gemctl.manifest.receipts import Damaged, Paper, beside, from_bytes, receipt_path, to_bytes
from gemctl.plan.decisions import edited
from gemctl.workflows.files import Fresh, fresh, place, write_whole

LONGEST_LINE = 256 << 20  # bytes of one result; pictures stand in it
_IN_A_FILE = (
    "Results of requests that stand in the manifest come in one piece. Name a file of them with input: {jsonl: path}, "
    "and results come in a file too, of any size. Until then another tool must fetch these, within two days."
)
_SHAPE = (KeyError, TypeError, ValueError, AttributeError)
_HUGE = re.compile(r"[0-9][eE][+]?[0-9]{3}|[0-9]{309}")
_NOTHING = {"message": "no result"}


class Reaper:
    """Saves what the engine asks for; called by its workers, several at a time.

    stack   the project tag.
    spool   a folder for what is under way.
    now     the service's time.
    """

    def __init__(self, root: Path, desired: Desired, stack: str, spool: Path, now: Callable[[], datetime]) -> None:
        self._root, self._desired, self._stack, self._spool, self._now = root, desired, stack, spool, now
        self._turn = threading.Lock()  # two attempts may be saved in one file
        self.saved: list[Saved] = []

    def __call__(self, client: Client, kind: Kind, command: Reap) -> Harvest:
        """Raises ApiError, GemctlError, OSError; what was saved before is then as it was."""
        record, resource = command.record, self._desired.resources.get(command.address)
        same = self._same(command)
        # What differs in ignored fields only is not run anew: its results are those of what is declared.
        wanted = same or (resource if resource and record.fields and not edited(resource, record) else None)
        rules = wanted.run if wanted else record.run
        if rules is None or rules.results is None:
            raise GemctlError(f"{command.address} doesn't say where results are saved.", code="E245")
        runs = run_kind(kind)
        keys = runs.keys(same) if same else None
        with _Spool(self._spool) as spool:
            for result in _Source(client, runs, command.name).read(_sent(same, record, keys)):
                spool.add(result)
            with self._turn:
                saved = self._saving(command, same, keys).save(rules.results, keys, spool, apart=wanted is None)
        self.saved.append(saved)
        return saved.harvest

    def again(self, client: Client, kind: Kind, commands: Sequence[Reap], file: str, harvest: Harvest) -> None:
        """Put a file of results back that is gone, from the runs that it came from, the last attempt first.

        Raises ApiError, GemctlError, OSError, and leaves everything as it was, unless it comes out as it was saved.
        """
        newest, runs = commands[0], run_kind(kind)
        same = self._same(newest)
        keys = runs.keys(same) if same else None
        gone = ""
        with _Spool(self._spool) as spool:
            for command in commands:
                try:
                    for result in _Source(client, runs, command.name).read(_sent(same, command.record, keys)):
                        spool.add(result) if command is newest else spool.add_earlier(result, _line(result))
                except GemctlError as error:  # what a later attempt brought may be all there was
                    if command is newest:
                        raise
                    gone = f" {error}"
            with self._turn:
                try:
                    self.saved.append(self._saving(newest, same, keys).save_again(file, keys, spool, harvest))
                except GemctlError as error:
                    raise GemctlError(f"{error}{gone}", code=error.code, hint=error.hint) from None

    def _same(self, command: Reap) -> Resource | None:
        """What is declared, if that is what was run."""
        record, resource = command.record, self._desired.resources.get(command.address)
        return resource if resource and record.spec == attempt_tag(resource.spec_tag, record.attempt) else None

    def _saving(self, command: Reap, same: Resource | None, keys: tuple[str, ...] | None) -> _Saving:
        source = _input(same, self._desired) if same and keys is None else None
        return _Saving(self._root, self._stack, self._now(), command, same, source)


def _sent(resource: Resource | None, record: Record, keys: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The keys of the requests that this attempt was of, in their order."""
    receipt = resource.receipt if resource else None
    if keys is not None and record.attempt > 1 and receipt and receipt.attempt < record.attempt and receipt.without:
        without = frozenset(receipt.without)
        return tuple(key for key in keys if key in without)
    return keys


class _Source:
    """The results as the service gives them."""

    def __init__(self, client: Client, kind: RunKind, name: str) -> None:
        self._client, self._kind, self._name = client, kind, name

    def read(self, keys: tuple[str, ...] | None) -> Iterator[JsonObject]:
        """One after the other; those that come without a key, in the order of these."""
        try:
            results = self._kind.results(self._client.fetch(self._kind.get(self._name)).body)
        except _SHAPE as error:
            raise Refused(f"The reply is not of the API's shape: {error}.", code="E304") from None
        except ApiError as error:
            if error.code == TOO_LARGE:
                raise GemctlError(str(error), code=TOO_LARGE, hint=_IN_A_FILE) from None
            raise self._gone(error, self._name) from None
        if results.inline is not None:
            known = keys if keys is not None and len(keys) == len(results.inline) else None
            for number, item in enumerate(results.inline):
                result = self._result(item)
                yield {"key": known[number], **result} if known and "key" not in result else result
        elif results.file is not None:
            try:
                for line in _lines(self._client.download(results.file)):
                    yield self._line(line)
            except ApiError as error:
                raise self._gone(error, results.file) from None
        else:
            raise Temporary(
                f"{self._name} has ended, and its results are not there yet.",
                code="E538",
                hint="They may come a little later: apply again.",
            )

    def _gone(self, error: ApiError, what: str) -> GemctlError:
        if not error.missing:
            return error
        hint = "Remove run.results to go without them; then it can be run again with another run.key."
        return GemctlError(f"The service no longer has {what}: {error}", code="E537", hint=hint)

    def _line(self, line: bytes) -> JsonObject:
        try:
            value = _read(line)
        except (ValueError, RecursionError):
            return _unread("it is not JSON", line.decode("utf-8", "replace"))
        if not isinstance(value, dict):
            return _unread("it is not an object", line.decode("utf-8", "replace"))
        return self._result(value)

    def _result(self, value: JsonObject) -> JsonObject:
        try:
            return self._kind.result(value)
        except _SHAPE as error:
            return _unread(str(error), json.dumps(value, ensure_ascii=False))


def _read(line: bytes) -> Json:
    """JSON, with half characters where the model has written some: they are kept. Raises ValueError."""
    text = line.decode("utf-8", "surrogatepass")
    if _HUGE.search(text):  # vectors are a thousand numbers each: they are looked at one by one only where need be
        return json.loads(text, parse_constant=_no_number, parse_float=_finite)
    return json.loads(text, parse_constant=_no_number)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _finite(text: str) -> float:
    return value if not math.isinf(value := float(text)) else _no_number(text)


def _unread(why: str, line: str) -> JsonObject:
    """What can't be understood is saved as it came: it was paid for."""
    return {"error": {"message": f"this is not a result: {why}"}, "line": line.strip()}


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines that are not blank."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        for part in io.BytesIO(piece):  # at line feeds, and at nothing else
            held.append(part)
            size += len(part)
            if size > LONGEST_LINE:
                raise GemctlError("A line of the results is longer than 256 MiB.", code="E308")
            if part.endswith(b"\n"):
                line = b"".join(held)
                held.clear()
                size = 0
                if line.strip():
                    yield line
    if (line := b"".join(held)).strip():
        yield line


class _Spool:
    """Results in the order in which they come, in a file without a name, and the best one for each key.

    The first response wins, then the last error. Held are 16 bytes for each key, and where its line begins.
    """

    def __init__(self, folder: Path) -> None:
        from tempfile import TemporaryFile  # only where there is something to save

        self._file: IO[bytes] = TemporaryFile(dir=folder)  # noqa: SIM115  closed by __exit__
        self._numbers: dict[bytes, int] = {}
        self._starts = array("Q")
        self._answered = bytearray()
        self._end = 0

    def __enter__(self) -> _Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, result: JsonObject) -> None:
        line, answered = _line(result), "response" in result
        name = _name(result, line)
        number = self._numbers.get(name)
        if number is None:
            self._append(name, line, answered)
        elif not self._answered[number]:
            self._put(number, line, answered)

    def add_earlier(self, result: JsonObject, line: bytes) -> None:
        """A line that was saved before: it counts where nothing better has come since."""
        answered, name = "response" in result, _name(result, line)
        number = self._numbers.get(name)
        if number is None:
            self._append(name, line, answered)
        elif answered and not self._answered[number]:
            self._put(number, line, answered)

    def _append(self, name: bytes, line: bytes, answered: bool) -> None:
        self._numbers[name] = len(self._starts)
        self._starts.append(0)
        self._answered.append(False)
        self._put(len(self._starts) - 1, line, answered)

    def _put(self, number: int, line: bytes, answered: bool) -> None:
        self._starts[number], self._answered[number] = self._end, answered
        self._file.write(line)  # at its end: nothing is read before the last line has come
        self._end += len(line)

    def lines(self, keys: Iterable[str] | None) -> Iterator[tuple[bytes, bool]]:
        """(line, whether it is a response): one for each of the keys in their order, then what else there is."""
        taken = bytearray(len(self._starts))
        for key in keys or ():
            number = self._numbers.get(_digest(key))
            if number is None:
                yield _line({"key": key, "error": _NOTHING}), False
            elif not taken[number]:
                taken[number] = 1
                yield self._read(number), bool(self._answered[number])
        for number in range(len(self._starts)):
            if not taken[number]:
                yield self._read(number), bool(self._answered[number])

    def _read(self, number: int) -> bytes:
        self._file.seek(self._starts[number])
        return self._file.readline()


def _name(result: JsonObject, line: bytes) -> bytes:
    """What a result is known by: its key, or for want of one itself."""
    key = result.get("key")
    return _digest(key) if isinstance(key, str) else hashlib.blake2b(line, digest_size=20).digest()


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _line(result: JsonObject) -> bytes:
    text = json.dumps(result, ensure_ascii=False, separators=(",", ":")) + "\n"
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a character: as an escape
        return json.dumps(result, separators=(",", ":")).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class _Written:
    """What was written: the digest of the file, and what is in it."""

    digest: str
    succeeded: int
    failed: int
    without: tuple[str, ...]


class _Saving:
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

    def save(self, results: str, keys: tuple[str, ...] | None, spool: _Spool, *, apart: bool) -> Saved:
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

    def save_again(self, relative: str, keys: tuple[str, ...] | None, spool: _Spool, harvest: Harvest) -> Saved:
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

    def _write(
        self, path: Path, relative: str, spool: _Spool, keys: tuple[str, ...] | None, *, known: bool
    ) -> _Written:
        """`known` says that what lies there is of the same declaration, and in the spool by now."""
        with fresh(path) as new:
            written = self._poured(new, spool, keys)
            before = _file_digest(path)
            if before != written.digest:
                if before is not None and not known:
                    self._put_aside(path, relative)
                new.put()
        return written

    def _poured(self, new: Fresh, spool: _Spool, keys: tuple[str, ...] | None) -> _Written:
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
        name, wanted = relative + WITHOUT, {_digest(key) for key in without}
        path, digest, size = self._place(name), hashlib.sha256(), 0
        with fresh(path) as new:
            try:
                for key, line in _requests(self._root, self._source):
                    if key is not None and _digest(key) in wanted:
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


def _input(resource: Resource, desired: Desired) -> Attachment | None:
    """The file that its requests stand in. Its form tells, also when it refers to something else for a while."""
    for reference in resource.declared.references:
        tag: Json = resource.declared.fields
        for step in reference.at:
            tag = tag[step]
        for other in desired.resources.values():
            if other.address.kind == reference.target.kind and other.spec_tag == tag:
                return next((one for one in other.declared.attachments if one.binary), None)
    return None


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


def _pour(file: IO[bytes], spool: _Spool, keys: Iterable[str] | None) -> _Written:
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
