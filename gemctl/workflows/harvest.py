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

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from gemctl.api.client import Client
from gemctl.core.errors import GemctlError
from gemctl.core.event import Saved
from gemctl.core.kind import Kind, run_kind
from gemctl.core.mark import attempt_tag
from gemctl.core.record import Record
from gemctl.core.resource import Attachment, Desired, Harvest, Resource
from gemctl.core.source import Json
from gemctl.engine.machine import Reap
from gemctl.plan.decisions import edited
from gemctl.workflows.harvest_files import Saving
from gemctl.workflows.harvest_source import Source
from gemctl.workflows.harvest_spool import Spool, line_of


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
        with Spool(self._root, self._spool) as spool:
            for result in Source(client, runs, command.name).read(_sent(same, record, keys)):
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
        with Spool(self._root, self._spool) as spool:
            for command in commands:
                try:
                    for result in Source(client, runs, command.name).read(_sent(same, command.record, keys)):
                        spool.add(result) if command is newest else spool.add_earlier(result, line_of(result))
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

    def _saving(self, command: Reap, same: Resource | None, keys: tuple[str, ...] | None) -> Saving:
        source = _input(same, self._desired) if same and keys is None else None
        return Saving(self._root, self._stack, self._now(), command, same, source)


def _sent(resource: Resource | None, record: Record, keys: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The keys of the requests that this attempt was of, in their order."""
    receipt = resource.receipt if resource else None
    if keys is not None and record.attempt > 1 and receipt and receipt.attempt < record.attempt and receipt.without:
        without = frozenset(receipt.without)
        return tuple(key for key in keys if key in without)
    return keys


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
