"""Merges the results of the parts of a job into one file, in the order of its requests. Called by results.py, after the
results of a part were saved, and for a merged file that is gone.

    out/nightly.jsonl.parts/0001.jsonl        the results of a part, with a receipt and all else that a run leaves
    out/nightly.jsonl                         those of all parts, one after the other
    out/nightly.jsonl.run.json                which parts they are, and their sums (receipts.WholeFile)

Memory holds a piece of one file at a time. The file changes as a whole, and comes before what lies beside it: after a
kill in between, the second time gives the same bytes. Whether it was merged of the parts as they are now is told by
what lies beside it (`Merge.due`): the results of the last part may be saved, and the run be killed before they are
merged.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from gemctl.core.address import Address
from gemctl.core.cost import ActualCost, all_of
from gemctl.core.errors import GemctlError
from gemctl.core.event import Saved
from gemctl.core.frozen import dataclass
from gemctl.core.lifetime import Once
from gemctl.core.record import Record
from gemctl.core.resource import Desired, Harvest, Part, Resource, is_document, is_table, merged
from gemctl.files.disk import Files
from gemctl.files.whole import fresh
from gemctl.outputs import receipts, results_parquet
from gemctl.outputs import results_document as document
from gemctl.outputs.receipts import ReceiptFile, WholeFile, beside
from gemctl.outputs.results_line import line_of
from gemctl.outputs.results_place import MOST, Place, placing
from gemctl.outputs.results_source import lines_in
from gemctl.outputs.results_spool import NO_RESULT

_PIECE = 1 << 20  # bytes

Price = Callable[[Address, Record | None, Harvest], ActualCost | None]
Keys = Callable[[Resource], Iterable[str]]


@dataclass(frozen=True, slots=True)
class _Saved:
    """A part, and its results, if they were saved: `path` from the project root, and their receipt."""

    resource: Resource
    path: str
    file: ReceiptFile | None


class Merge:
    """Merges the results of the parts of jobs of a stack (its owner tag).

    keys    the keys of the requests of a part, in their order; none where they aren't known.
    price   says what a part has cost.
    """

    def __init__(self, root: Path, desired: Desired, stack: str, keys: Keys, price: Price) -> None:
        self._root, self._desired, self._stack, self._keys, self._price = root, desired, stack, keys, price
        self._files = Files(root, private=False)
        self._place = Place(self._files, root, stack)

    def __call__(self, of: Address, runs: Once, *, as_is: bool = False) -> Saved | None:
        """Merge the results of all parts of a job; None where those of a part are not saved, unless it is to be done
        `as_is`: then the requests of that part have an error for a result.

        Raises GemctlError E245 where it can't be saved, E537 where the results of a part are not what was saved.
        """
        parts = parts_of(self._desired, of)
        part = parts[0].run.part if parts and parts[0].run else None
        if part is None or part.results is None:
            return None
        with placing():
            saved = [self._saved(one) for one in parts]
            known = sum(one.file is not None for one in saved)
            if not known or (known < len(saved) and not as_is):
                return None
            return self._merged(of, part, part.results, saved, runs)

    def lies(self, of: Address, runs: Once) -> bool:
        """Whether the merged results of this job lie where they should, with all that lies beside them, and are of the
        runs that its parts have now.
        """
        parts = parts_of(self._desired, of)
        part = parts[0].run.part if parts and parts[0].run else None
        if part is None or part.results is None or not (self._root / part.results).exists():
            return False
        whole = receipts.origin(self._files, self._root / part.results)
        saved = [self._saved(one) for one in parts]
        files = [one.file for one in saved]
        if runs.document and is_document(part.results) and files[0]:
            line = b"".join(self._pieces(saved, [0]))
            if not all((self._root / one).exists() for one in document.beside(part.results, line, runs.document)):
                return False
        return not isinstance(whole, WholeFile) or whole.jobs == tuple(
            one.receipt.job if one else None for one in files
        )

    def due(self, of: Address) -> bool:
        """Whether the results of all parts of a job are there, and were not merged as they are now. Raises GemctlError
        E245, OSError.
        """
        parts = parts_of(self._desired, of)
        part = parts[0].run.part if parts and parts[0].run else None
        if part is None or part.results is None:
            return False
        with placing():
            saved = [self._saved(one) for one in parts]
            files = [one.file for one in saved if one.file and (self._root / one.path).exists()]
            if len(files) < len(parts):
                return False
            whole = receipts.read_whole_file(self._files, self._root / part.results)
        if whole is None or (whole.stack, whole.address) != (self._stack, of):
            return True
        harvest = merged(whole.harvest.digest, [one.receipt.harvest for one in files])
        told = (whole.jobs, whole.declarations, whole.harvest)
        return told != (tuple(one.receipt.job for one in files), tuple(one.spec_tag for one in parts), harvest)

    def _saved(self, resource: Resource) -> _Saved:
        results = (resource.run.results if resource.run else None) or ""
        for path in (results, beside(results, resource.spec_tag)):
            file = receipts.read(self._files, self._root / path)
            if file and (file.stack, file.declaration) == (self._stack, resource.spec_tag):
                return _Saved(resource, path, file)
        return _Saved(resource, results, None)

    def _merged(self, of: Address, part: Part, relative: str, saved: list[_Saved], runs: Once) -> Saved:
        digest, lost = hashlib.sha256(), [0]
        path = self._root / relative
        shown = runs.document if is_document(relative) else None
        sides: Mapping[str, bytes] = {}
        with fresh(self._files, path) as new:

            def put(piece: bytes) -> None:
                digest.update(piece)
                new.write(piece)

            if is_table(relative):
                vectors = runs.vectors(saved[0].resource)
                results_parquet.write(put, lines_in(self._pieces(saved, lost)), runs, vectors=vectors)
            elif shown:
                put(document.main(relative, line := b"".join(self._pieces(saved, lost)), shown))
                sides = document.beside(relative, line, shown)
            else:
                for piece in self._pieces(saved, lost):
                    put(piece)
            parts = [one.file.receipt.harvest for one in saved if one.file]
            harvest = merged(f"sha256:{digest.hexdigest()}", parts)
            harvest = replace(harvest, failed=harvest.failed + lost[0])
            jobs = tuple(one.file.receipt.job if one.file else None for one in saved)
            declarations = tuple(one.resource.spec_tag for one in saved)
            rules = saved[0].resource.run
            tag = rules.whole if rules else ""
            refers = saved[0].resource.referred
            whole = WholeFile(
                of,
                self._stack,
                jobs,
                declarations,
                harvest,
                self._cost(saved),
                tag,
                refers,
                rules.key if rules else None,
            )
            there = receipts.origin(self._files, path)
            document.write_beside(self._files, self._root, self._place, sides, like=relative, ours=_same(there, whole))
            before = self._place.digest(relative)
            if before != harvest.digest:
                if before is not None and not _same(there, whole):
                    self._place.put_aside(relative)
                new.put()
        if there != whole:
            receipts.write_whole_file(self._files, path, whole)
        return Saved(of, "", relative, harvest, whole.cost)

    def _pieces(self, saved: list[_Saved], lost: list[int]) -> Iterator[bytes]:
        """The bytes of all results; `lost` counts the requests that have none."""
        for one in saved:
            if one.file is None:
                yield from self._no_results(one.resource, lost)
            else:
                yield from self._bytes(one.path, one.file)

    def _bytes(self, relative: str, file: ReceiptFile) -> Iterator[bytes]:
        digest = hashlib.sha256()
        handle = self._files.open(self._root / relative, MOST)
        if handle is None:
            raise _not_there(relative, "is gone")
        with os.fdopen(handle, "rb", buffering=0) as results:
            while piece := results.read(_PIECE):
                digest.update(piece)
                yield piece
        if f"sha256:{digest.hexdigest()}" != file.receipt.harvest.digest:
            raise _not_there(relative, "is not what was saved")

    def _no_results(self, resource: Resource, lost: list[int]) -> Iterator[bytes]:
        for key in self._keys(resource):
            lost[0] += 1
            yield line_of({"key": key, "error": NO_RESULT})

    def _cost(self, saved: list[_Saved]) -> ActualCost | None:
        costs = [self._price(one.resource.address, None, one.file.receipt.harvest) for one in saved if one.file]
        known = [one for one in costs if one]
        if not known or len(known) < len(costs):
            return None
        return all_of(known)


def parts_of(desired: Desired, of: Address) -> list[Resource]:
    """All parts of a job, in their order; none unless all are declared."""
    found: dict[int, Resource] = {}
    count = 0
    for resource in desired.resources.values():
        part = resource.run.part if resource.run else None
        if part and part.of == of:
            found[part.number], count = resource, part.count
    return [found[number] for number in range(1, count + 1)] if set(found) == set(range(1, count + 1)) else []


def _same(there: ReceiptFile | WholeFile | None, whole: WholeFile) -> bool:
    """Whether the file that lies there is of the same parts."""
    if not isinstance(there, WholeFile):
        return False
    return (there.stack, there.address, there.declarations) == (whole.stack, whole.address, whole.declarations)


def _not_there(relative: str, why: str) -> GemctlError:
    return GemctlError(
        f"{relative} {why}.",
        code="E537",
        hint="Put back a copy of it; or remove it, if the service still has it: it is fetched again.",
    )
