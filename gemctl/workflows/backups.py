"""Takes the state out as one document, puts it back, and moves it to the place that gemctl.yaml names. Called by
`gemctl state pull`, `push` and `migrate`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from gemctl.core.errors import StateError, Usage
from gemctl.core.place import HasPassword, Keeper, StatePlace, read_place
from gemctl.core.project import Endpoint
from gemctl.core.record import Ledger
from gemctl.files.disk import read_given
from gemctl.state.codec import Identity, snapshot_from_bytes, snapshot_to_bytes
from gemctl.state.local import MOST
from gemctl.state.store import Loaded, Store
from gemctl.workflows.ledger import SOUND, sure
from gemctl.workflows.wiring import Session, check_identity, check_kinds, load_state, open_store


def pull(session: Session) -> bytes:
    """The state with its journal folded in, as `push` takes it. Takes no lock. Raises Usage when there is none."""
    loaded = session.store.load()
    if loaded.identity is None:
        raise Usage(f"There is no state in {session.store.place} yet.", code="E007")
    sure(loaded)
    return snapshot_to_bytes(loaded.identity, loaded.ledger)


def read_backup(path: str) -> tuple[Identity, Ledger]:
    """Read a file that `pull` has written. Raises Usage, StateError."""
    try:
        return snapshot_from_bytes(read_given(Path(path), MOST), path)
    except StateError as error:
        if error.code == "E404":
            raise
        raise Usage(str(error), code="E417", hint="Give what `gemctl state pull` has written.") from None


def push(session: Session, identity: Identity, ledger: Ledger, *, force: bool) -> Ledger:
    """Make this the state, with a serial above all earlier ones. The caller holds the lock. Raises Usage."""
    _same(session, Loaded(identity, ledger), "the file")
    check_kinds(ledger, session.catalogue, "The file")
    store = session.store
    try:
        loaded = load_state(session)
        _same(session, loaded, store.place)
        sure(loaded)
    except StateError as error:
        if error.code in SOUND or not force:
            raise
        loaded, anew = store.nothing(), True
    else:
        if not force:
            _newer(ledger, loaded, store.place)
        anew = loaded.identity is not None and loaded.ledger.lineage != ledger.lineage
    if anew:  # the stored state is no ancestor of the new one
        store.set_aside()
    if anew or loaded.identity is None:
        return _write(store, identity, replace(ledger, serial=max(ledger.serial, loaded.ledger.serial)))
    store.begin(loaded.identity, loaded.ledger)
    store.finish(identity, ledger)
    return store.load().ledger


def _newer(ledger: Ledger, loaded: Loaded, place: str) -> None:
    """Raises Usage unless the ledger is a successor of the stored one."""
    there = loaded.ledger
    if loaded.identity is None:
        return
    if ledger.lineage != there.lineage:
        why = f"it is of lineage {ledger.lineage}, and what is in {place} is of {there.lineage}"
    elif ledger.serial < there.serial:
        why = f"it has serial {ledger.serial}, and what is in {place} has {there.serial}"
    elif ledger.serial == there.serial and ledger != there:
        why = f"what is in {place} has the same serial, {there.serial}, and other entries"
    else:
        return
    hint = "--force replaces it all the same; what only the state there knows is forgotten then."
    raise Usage(f"The state is not replaced: {why}.", code="E416", hint=hint)


def migrate(session: Session, source: Store) -> Ledger:
    """Move the state from `source` to where gemctl.yaml says. The caller holds both locks. Raises Usage, StateError."""
    loaded = source.load()
    if loaded.identity is None:
        raise Usage(f"There is no state in {source.place}.", code="E418")
    sure(loaded)
    _same(session, loaded, source.place)
    check_kinds(loaded.ledger, session.catalogue, source.place)
    target = session.store
    try:
        there = target.load()
    except StateError as error:
        if error.code != "E419":
            raise
        target.set_aside()  # the state was kept here before, and comes back
    else:
        if there.identity is not None:
            hint = "Move that away first, if it is not the one that counts."
            raise Usage(f"There is a state in {target.place} already.", code="E418", hint=hint)
    ledger = _write(target, loaded.identity, loaded.ledger)
    source.set_aside(target.place)
    return ledger


def earlier_store(session: Session, text: str) -> Store:
    """The store where the state was before: `local`, a DSN without a password, a URL; `env:NAME` for a DSN in a
    variable.

    Raises Usage.
    """
    name = text.removeprefix("env:")
    try:
        place = StatePlace(Keeper.POSTGRES, env=name) if name != text else read_place(text)
    except ValueError as error:
        code = "E061" if isinstance(error, HasPassword) else "E418"
        hint = "Write --from local, --from postgresql://host/db, --from env:NAME or --from s3://bucket/prefix."
        raise Usage(f"--from: {error}", code=code, hint=hint) from None
    if place == session.stack.state:
        raise Usage("That is where gemctl.yaml says that the state is kept.", code="E418")
    return open_store(place, session.project, session.stack, session.root, session.settings)


def _write(store: Store, identity: Identity, ledger: Ledger) -> Ledger:
    """Write the first snapshot of a store."""
    store.begin(identity, replace(ledger, known=False))
    store.finish(identity, ledger)
    return store.load().ledger


def _same(session: Session, loaded: Loaded, where: str) -> None:
    """Raises StateError for a state of another project, stack or endpoint. Needs no key."""
    from gemctl.api.auth import base_url

    base = base_url(session.settings.env) if session.stack.endpoint is Endpoint.GEMINI else None
    endpoint = "emulator" if base is None else urlsplit(base).hostname or base
    check_identity(loaded, Identity(session.project.identity, session.stack.name, endpoint), where)
