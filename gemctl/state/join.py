"""Joins a snapshot and a journal into what a store holds, in the same way for every place. Pure. Called by local.py and
shared.py.
"""

from __future__ import annotations

from dataclasses import replace

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.digest import sha256
from gemctl.core.errors import StateError
from gemctl.core.frozen import dataclass
from gemctl.core.record import fold
from gemctl.state import journal
from gemctl.state.codec import snapshot_from_bytes
from gemctl.state.store import Loaded


@dataclass(frozen=True, slots=True)
class Names:
    """The names of snapshot and journal in messages, and of the copy of a damaged journal that the next apply keeps."""

    snapshot: str
    journal: str
    damaged: str


NOTHING = sha256(b"")


def stamp_of(snapshot: bytes | None, lines: bytes) -> str:
    """See `Reader.stamp`."""
    return "" if snapshot is None else f"{sha256(snapshot)} {sha256(lines)}"


def join(snapshot: bytes | None, lines: bytes, nothing: Loaded, names: Names, *, torn: bool = True) -> Loaded:
    """Raises StateError when the two don't fit together, or the snapshot can't be used.

    torn   whether the end of the journal may be torn, as where a writer dies in the middle of a line.
    """
    if snapshot is None:
        if lines:
            raise StateError(
                f"{names.snapshot} is missing, although its journal is there.",
                code="E401",
                hint="Put back a copy of it, or run `gemctl state rebuild` to find what is live by its marks.",
            )
        return nothing
    identity, ledger = snapshot_from_bytes(snapshot, names.snapshot)
    history = journal.read(lines)
    if history.head and history.head.lineage != ledger.lineage:
        raise StateError(
            f"{names.journal} belongs to another state (lineage {history.head.lineage}, not {ledger.lineage}).",
            code="E407",
            hint="Put back the state.json that belongs to it, or run `gemctl state rebuild`.",
        )
    if history.head and history.head.serial > ledger.serial:
        raise StateError(
            f"{names.snapshot} is older than its journal (serial {ledger.serial}, "
            f"journal from {history.head.serial}): an old copy was put back.",
            code="E408",
            hint="Put back the newest copy, or run `gemctl state rebuild` to find what is live by its marks.",
        )
    warnings: tuple[Diagnostic, ...] = ()
    spent = history.head is not None and history.head.serial < ledger.serial
    if (history.damaged or (history.length < len(lines) and not torn)) and not spent:
        warnings = (_damage_report(history, names),)
        ledger = replace(ledger, known=False)  # an intent may be among the lost entries
    if history.head and history.head.serial == ledger.serial:
        ledger = fold(ledger, history.entries)
    return Loaded(identity, ledger, warnings)


def _damage_report(history: journal.Journal, names: Names) -> Diagnostic:
    return problem(
        "W401",
        f"{names.journal} can be read only up to byte {history.length}. What lies behind is not used; the next "
        f"apply keeps it aside as {names.damaged}, finds what is live by its marks, and waits before it creates.",
    )
