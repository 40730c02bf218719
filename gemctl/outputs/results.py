"""Saves the results of runs: one JSON object a line, in the order of the requests, errors included; then a receipt.

    out/nightly.jsonl                   what is declared now
    out/nightly.jsonl.run.json          its receipt: which run it came from, and what it lacks
    out/nightly.jsonl.without.jsonl     the requests that may be run again, if there are any and they came from a file
    out/nightly.k2v4qz7.jsonl           of another declaration, by the beginning of its spec tag; with its receipt
    out/nightly.jsonl.parts/0001.jsonl  where the job is cut into parts: the results of one (results_parts.py)
    out/nightly.jsonl.doubtful          what came and can't be the results (results_account.py), for a person to see

Results come in any order and may be large: they go through a file without a name, and memory holds only where the line
of each key begins. Each file changes as a whole. The receipt comes last, and the journal after it: after a kill in
between the job still has to be harvested, and the second time gives the same bytes. Results that were saved before are
never lost: a further attempt adds to them, and a file from elsewhere is put aside.

workflows/apply.py gives it to the engine; workflows/jobs.py calls `again` for results whose file is gone.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from gemctl.api.client import Client
from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import GemctlError, Stale, Temporary
from gemctl.core.event import Saved
from gemctl.core.kind import Kind, once
from gemctl.core.mark import attempt_tag
from gemctl.core.record import Record
from gemctl.core.resource import Attachment, Desired, Harvest, Resource
from gemctl.core.source import Json, JsonObject
from gemctl.outputs.results_account import doubt
from gemctl.outputs.results_files import EndedRun, Price, Saving, requests_in
from gemctl.outputs.results_line import Judge
from gemctl.outputs.results_parts import Merge
from gemctl.outputs.results_source import Source
from gemctl.outputs.results_spool import Spool


class SaveResults:
    """Saves the results of a run when it is called, which the engine's workers do, several at a time.

    stack   the owner tag.
    spool   a folder for results that are under way.
    now     the service's time.
    price   says what a run has cost, from its address, its record and its results; for the receipt and for people.
    as_is   save whatever comes: a person has looked at it.
    """

    def __init__(
        self,
        root: Path,
        desired: Desired,
        stack: str,
        spool: Path,
        now: Callable[[], datetime],
        *,
        price: Price = lambda *_: None,
        as_is: bool = False,
    ) -> None:
        self._root, self._desired, self._stack, self._spool, self._now = root, desired, stack, spool, now
        self._price, self._as_is = price, as_is
        self._turn = threading.Lock()  # two attempts may be saved in one file, and the parts of a job are merged in one
        self._merge = Merge(root, desired, stack, self._keys, price)
        self.saved: list[Saved] = []
        self._unmerged: dict[Address, Diagnostic] = {}

    @property
    def problems(self) -> tuple[Diagnostic, ...]:
        """Why the results of jobs in parts could not be merged, although those of the parts are saved."""
        return tuple(self._unmerged.values())

    def __call__(self, client: Client, kind: Kind, run: EndedRun) -> Harvest:
        """Save the results of one run. Raises ApiError, GemctlError, OSError; files saved before are then as they were.

        Raises Temporary E538 where what came can't be all that there is. Where the results of all parts can't be merged
        after that, `problems` says so.
        """
        record, resource = run.record, self._desired.resources.get(run.address)
        same = self._same(run)
        # A declaration that differs in ignored fields only is not run anew: its results are those of this run.
        wanted = same or (resource if resource and record.fields and _is_of(resource, record.fields) else None)
        rules = wanted.run if wanted else record.run
        if rules is None or rules.results is None:
            raise GemctlError(f"{run.address} doesn't say where results are saved.", code="E245")
        keys = once(kind).keys(same) if same else None
        judge = _judge(kind)
        with Spool(self._root, self._spool, judge) as spool:
            source = Source(client, kind, run.name, judge)
            for result in source.read(_sent(same, record, keys)):
                spool.add(result)
            saving, apart = self._saving(run, same, keys), wanted is None
            why = None if self._as_is else doubt(saving.tally(spool, _asked(same, record, keys)), source.counts)
            with self._turn:
                if why is not None:
                    raise _doubtful(run, why, saving.set_apart(rules.results, spool, apart=apart))
                saved = saving.save(rules.results, keys, spool, apart=apart)
                self.saved.append(saved)
                if wanted and wanted.run and wanted.run.part:
                    self._put_together(kind, wanted.run.part.of)
        return saved.harvest

    def together(self, kind: Kind, of: Address) -> bool:
        """Merge the results of the parts of a job where the merged file is gone, is not of what is saved now, or was
        never made and is to be made as it is. True if it lies there now; what went wrong is in `problems`.
        """
        with self._turn:
            return (self._merge.lies(of, once(kind)) and not self._merge.due(of)) or self._put_together(kind, of)

    def left(self, kind: Kind, of: Address) -> None:
        """Merge the results of the parts of a job where a run was killed, or failed, between the last part and that.

        What went wrong is in `problems`. Raises GemctlError E245, OSError where it can't be told what is saved.
        """
        with self._turn:
            if self._merge.due(of):
                self._put_together(kind, of)

    def _put_together(self, kind: Kind, of: Address) -> bool:
        """Merge what is saved. A part counts as harvested although this fails: its own file is in its place."""
        self._unmerged.pop(of, None)
        try:
            merged = self._merge(of, once(kind), as_is=self._as_is)
        except (GemctlError, OSError) as error:
            code, hint = (error.code, error.hint) if isinstance(error, GemctlError) else ("E536", None)
            again = f"Then `gemctl results {of}` puts them together."
            why = f"The results of all parts can't be put together: {error}"
            self._unmerged[of] = problem(code, why, address=of, hint=f"{hint} {again}" if hint else again)
            return False
        if merged:
            self.saved = [*(one for one in self.saved if one.address != of), merged]
        return merged is not None

    def _keys(self, resource: Resource) -> Iterable[str]:
        """The keys of the requests in the file of a resource; none where it isn't what was declared any more."""
        source = _input(resource, self._desired)
        if source is None:
            return
        try:
            deque(requests_in(self._root, source), maxlen=0)
        except Stale:
            return
        yield from (key for key, _ in requests_in(self._root, source) if key is not None)

    def again(self, client: Client, kind: Kind, ended: Sequence[EndedRun], file: str, harvest: Harvest) -> None:
        """Write a missing file of results again, from the runs that it came from, the last attempt first.

        Raises ApiError, GemctlError, OSError, and leaves everything as it was, unless it comes out as it was saved.
        """
        newest = ended[0]
        same = self._same(newest)
        keys = once(kind).keys(same) if same else None
        gone, judge = "", _judge(kind)
        with Spool(self._root, self._spool, judge) as spool:
            for run in ended:
                try:
                    for result in Source(client, kind, run.name, judge).read(_sent(same, run.record, keys)):
                        spool.add(result) if run is newest else spool.add_earlier(result)
                except GemctlError as error:  # a later attempt may have brought all results
                    if run is newest:
                        raise
                    gone = f" {error}"
            with self._turn:
                try:
                    self.saved.append(self._saving(newest, same, keys).save_again(file, keys, spool, harvest))
                except GemctlError as error:
                    raise GemctlError(f"{error}{gone}", code=error.code, hint=error.hint) from None

    def lacking_anew(self, kind: Kind, run: EndedRun, file: str) -> None:
        """Write the file of the requests that may be run again anew, where `run.retryBlocked` was changed since.

        Raises GemctlError, OSError.
        """
        if (same := self._same(run)) and once(kind).keys(same) is None:
            self._saving(run, same, None).lacking_anew(file)

    def _same(self, run: EndedRun) -> Resource | None:
        """The declared resource, if this is a run of it."""
        record, resource = run.record, self._desired.resources.get(run.address)
        return resource if resource and record.spec_tag == attempt_tag(resource.spec_tag, record.attempt) else None

    def _saving(self, run: EndedRun, same: Resource | None, keys: tuple[str, ...] | None) -> Saving:
        source = _input(same, self._desired) if same and keys is None else None
        return Saving(self._root, self._stack, self._now(), run, same, source, self._price)


def _judge(kind: Kind) -> Judge:
    return Judge(once(kind))


def _doubtful(run: EndedRun, why: str, kept: str | None) -> Temporary:
    where = f" It is kept in {kept}, to be looked at." if kept else ""
    return Temporary(
        f"What came as the results of {run.name} does not add up, and is not taken for them: {why}.{where}",
        code="E538",
        hint="Apply again: the job stays to be harvested as long as the service keeps it. If nothing better comes, "
        f"`gemctl results {run.address} --as-is` saves what there is.",
    )


def _is_of(resource: Resource, fields: JsonObject) -> bool:
    """Whether these fields are those of this declaration, but for ignored ones."""
    return resource.heeded(fields) == resource.heeded(resource.declared.fields)


def _asked(resource: Resource | None, record: Record, keys: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The keys of the requests of this attempt, as far as they are known: a further attempt has only some."""
    if record.attempt == 1:
        return keys
    receipt = resource.receipt if resource else None
    lacking = receipt.lacking(record.run) if receipt and receipt.attempt < record.attempt else ()
    return lacking or None


def _sent(resource: Resource | None, record: Record, keys: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The keys of the requests of this attempt, in their order; all keys where those aren't known."""
    if keys is not None and record.attempt > 1 and (asked := _asked(resource, record, keys)):
        lacking = frozenset(asked)
        return tuple(key for key in keys if key in lacking)
    return keys


def _input(resource: Resource, desired: Desired) -> Attachment | None:
    """The file with its requests. The canonical form names it, also while the resource refers to a generated file."""
    if own := next((one for one in resource.declared.attachments if one.binary), None):
        return own
    for reference in resource.declared.references:
        tag: Json = resource.declared.fields
        for step in reference.at:
            tag = tag[step]
        for other in desired.resources.values():
            if other.address.kind == reference.target.kind and other.spec_tag == tag:
                return next((one for one in other.declared.attachments if one.binary), None)
    return None
