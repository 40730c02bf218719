"""Checks what gemctl needs before it can work: versions, project, key, endpoint, clock, state, facts. Called by `gemctl
doctor`.

No finding shows a secret: a key is told by its source, and what the service says has passed `Key`'s redaction.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib import metadata

from gemctl import __version__
from gemctl.core.call import Call
from gemctl.core.clock import Clock
from gemctl.core.cost import OLD
from gemctl.core.errors import ApiError, GemctlError, Locked, Rejected
from gemctl.core.frozen import dataclass
from gemctl.core.moment import show_duration
from gemctl.workflows import facts
from gemctl.workflows.wiring import (
    Connection,
    Session,
    Settings,
    check_identity,
    connect,
    identity,
    key_changed,
    load_state,
    open_session,
)

PATIENCE = timedelta(seconds=10)  # for the one call, repetitions included
_ENDPOINT_CODES = ("E314", "E315")  # of a connection that can't be made, for another reason than the key
_KEY_REFUSED = "E307"


class Verdict(StrEnum):
    """What came of one check."""

    OK = "ok"
    WARN = "warn"  # gemctl works, and something should be known
    FAIL = "fail"  # gemctl can't work


@dataclass(frozen=True, slots=True)
class Checkup:
    """The result of one check. `hint` says what to do; None where there is nothing to do."""

    check: str
    verdict: Verdict
    said: str
    hint: str | None = None


def doctor(settings: Settings) -> Iterator[Checkup]:
    """Each finding as soon as it is there. Raises nothing that a check is about.

    Takes the lock of the stack for a moment, where there is a state; changes nothing else.
    """
    yield from _versions()
    try:
        session = open_session(settings)
    except GemctlError as error:
        yield _failed("project", error)
        yield _facts(None, settings.clock)
        return
    yield Checkup("project", Verdict.OK, f"{session.project.name} in {session.root}, stack {session.stack.name}")
    connection: Connection | None = None
    try:
        connection = connect(_patient(session))
    except GemctlError as error:
        yield _failed("endpoint" if error.code in _ENDPOINT_CODES else "key", error)
    if connection:
        yield from _service(session, connection)
    yield from _state(session, connection)
    yield _facts(session, settings.clock)


def _failed(check: str, error: GemctlError) -> Checkup:
    if isinstance(error, Rejected):
        first, more = error.diagnostics[0], len(error.diagnostics) - 1
        said = f"{first.span}: {first.detail}" + (f" And {more} more." if more else "")
        return Checkup(check, Verdict.FAIL, said, first.hint or "`gemctl validate` shows it.")
    return Checkup(check, Verdict.FAIL, str(error), error.hint or f"`gemctl explain {error.code}` says more.")


def _versions() -> Iterator[Checkup]:
    yield Checkup("gemctl", Verdict.OK, __version__)
    yield Checkup("python", Verdict.OK, ".".join(map(str, sys.version_info[:3])))
    try:
        needed = metadata.requires("gemctl") or []
    except metadata.PackageNotFoundError:
        hint = "Install it, so that the libraries that it needs come with it."
        yield Checkup("libraries", Verdict.WARN, "gemctl runs from its source, and is not installed.", hint)
        return
    names = [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in needed if "extra ==" not in line]
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        yield Checkup("libraries", Verdict.FAIL, f"not installed: {', '.join(missing)}", "Install gemctl anew.")
    else:
        yield Checkup("libraries", Verdict.OK, ", ".join(found))


def _patient(session: Session) -> Session:
    """The session, with a call that is given up soon: a person waits."""
    project = session.project
    timing = replace(project.timing, request_deadline=min(project.timing.request_deadline, PATIENCE))
    return replace(session, loaded=replace(session.loaded, project=replace(project, timing=timing)))


def _service(session: Session, connection: Connection) -> Iterator[Checkup]:
    """Key, endpoint and clock, by one call that lists one model."""
    refused: ApiError | None = None
    try:
        with closing(connection.new_client()) as client:
            client.fetch(Call("GET", "models", query=((facts.MODELS.size, "1"),)))
    except ApiError as error:
        refused = error
    yield _key(connection, refused)
    reached = refused is None or refused.code == _KEY_REFUSED
    if refused is not None and not reached:
        yield _failed("endpoint", refused)
        return
    yield Checkup("endpoint", Verdict.OK, f"{connection.endpoint} answers")
    if connection.key is not None:
        yield _clock(session, connection)


def _key(connection: Connection, refused: ApiError | None) -> Checkup:
    if connection.key is None:
        return Checkup("key", Verdict.OK, "the embedded emulator needs none")
    source, told = connection.key.source, connection.key.warnings
    if refused is not None and refused.code == _KEY_REFUSED:
        return _failed("key", refused)
    if refused is not None:
        return Checkup("key", Verdict.WARN, f"from {source}; not tried, as no answer came")
    if told:
        said = " ".join(one.detail for one in told)
        return Checkup("key", Verdict.WARN, f"from {source}, accepted. {said}", told[0].hint)
    return Checkup("key", Verdict.OK, f"from {source}, accepted")


def _clock(session: Session, connection: Connection) -> Checkup:
    skew = connection.server_now() - session.clock.now()
    off = next((one for one in connection.warnings() if one.code == "W302"), None)
    if off:
        return Checkup("clock", Verdict.WARN, off.detail, off.hint)
    return Checkup("clock", Verdict.OK, f"{max(abs(skew.total_seconds()), 1):.0f} s or less from the service's")


def _state(session: Session, connection: Connection | None) -> Iterator[Checkup]:
    place = session.store.place
    try:
        loaded = load_state(session)
        if connection:
            check_identity(loaded, identity(session, connection, loaded.identity), place)
    except (GemctlError, OSError) as error:
        known = error if isinstance(error, GemctlError) else GemctlError(f"{place}: {error}", hint="Look at that file.")
        yield _failed("state", known)
        return
    if not loaded.ledger.known:
        yield Checkup("state", Verdict.OK, f"none yet; it will be in {place}")
        return
    said = f"{place}: {len(loaded.ledger.records):,} recorded"
    if loaded.warnings:
        yield Checkup("state", Verdict.WARN, f"{said}. {loaded.warnings[0].detail}", loaded.warnings[0].hint)
    elif connection and key_changed(loaded, connection):
        hint = "The next plan says what that means for what is recorded."
        yield Checkup("state", Verdict.WARN, f"{said}, and the last run had another key", hint)
    else:
        yield Checkup("state", Verdict.OK, said)
    yield _lock(session)


def _lock(session: Session) -> Checkup:
    try:
        with session.store.lock("doctor", 0.0):
            return Checkup("lock", Verdict.OK, "free")
    except Locked as error:
        return Checkup("lock", Verdict.WARN, str(error), error.hint)
    except (GemctlError, OSError) as error:
        known = error if isinstance(error, GemctlError) else GemctlError(str(error), hint="Look at that folder.")
        return _failed("lock", known)


def _facts(session: Session | None, clock: Clock) -> Checkup:
    book, wrong = facts.book_of(session) if session else (facts.shipped(), ())
    if wrong:
        return Checkup("facts", Verdict.FAIL, wrong[0].detail, wrong[0].hint or "`gemctl validate` shows where.")
    age = clock.now() - datetime(book.as_of.year, book.as_of.month, book.as_of.day, tzinfo=UTC)
    said = f"prices and models as of {book.as_of}"
    if age > OLD:
        hint = "Upgrade gemctl, or write what has changed since into a file that `facts` in gemctl.yaml names."
        return Checkup("facts", Verdict.WARN, f"{said}, {show_duration(age)} ago", hint)
    return Checkup("facts", Verdict.OK, said)
