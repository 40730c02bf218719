"""Makes manifests for orphans, as far as the service shows what they were made of. Called by `gemctl import
--from-live`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path as File

from gemctl.core.address import Address
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import GemctlError, Usage
from gemctl.core.frozen import dataclass
from gemctl.core.generated_manifest import GeneratedManifest
from gemctl.core.kind import Kind, Rule, remote
from gemctl.core.live import LiveObject
from gemctl.core.moment import show_instant
from gemctl.core.source import Json, Path
from gemctl.files.disk import Files, Unfit
from gemctl.files.whole import write_new, write_whole
from gemctl.manifest.envelope import API_VERSION
from gemctl.manifest.load import written_addresses
from gemctl.manifest.origins import literal
from gemctl.manifest.refs import FILL
from gemctl.workflows.adopt import not_ours
from gemctl.workflows.naming import kind_named
from gemctl.workflows.orphans import Guess, Orphan, orphans
from gemctl.workflows.others import holders
from gemctl.workflows.wiring import Connection, Session

LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class GeneratedManifests:
    """The manifests that were made. `passed` are objects that were not asked for by name and are left out, each with
    the reason; `unread` is about stacks whose state could not be read.
    """

    manifests: tuple[GeneratedManifest, ...]
    passed: tuple[tuple[LiveObject, str], ...]
    unread: tuple[Diagnostic, ...]


def generate(
    session: Session, connection: Connection, kind_name: str, names: Collection[str], *, every: bool, take_over: bool
) -> GeneratedManifests:
    """Make manifests for these objects, or for `every` orphan. Raises Usage for objects that can't be imported."""
    kind = _importable(session, kind_name)
    found, unread = orphans(session, connection, kind.name)
    if not names and not every:
        hint = f"There {'is' if len(found) == 1 else 'are'} {len(found)}; `gemctl orphans {kind.name}` lists them."
        raise Usage("Which of them? Name them, or give --all.", code="E009", hint=hint)
    chosen = list(found) if every else _named(session, names, found, kind)
    taken: list[Orphan] = []
    passed: list[tuple[LiveObject, str]] = []
    for one in chosen:
        if one.guess is Guess.STRANGER or (take_over and not one.awaited):
            taken.append(one)
        elif every:
            way = one.advice if one.awaited or one.guess is Guess.OURS else "--take-over takes it in"
            passed.append((one.item, f"it carries the mark of {_maker(one)} ({way})"))
        elif take_over:
            detail = f"{one.item.name} carries the mark of {_maker(one)}, which finds it again: {one.advice}."
            raise Usage(detail, code="E564", hint="Let it go there first, or hand it over.")
        else:
            raise not_ours(one.item.name, _maker(one))
    addresses = {at.name for at in written_addresses(session.loaded) if at.kind == kind.name}
    made = []
    for one in sorted(taken, key=lambda one: (one.item.display_name, one.item.created or _FIRST, one.item.name)):
        name = _free_name(one.item, addresses)
        addresses.add(name)
        made.append(_sketch(Address(kind.name, name), one.item, kind))
    return GeneratedManifests(tuple(made), tuple(passed), unread)


_FIRST = datetime.min.replace(tzinfo=UTC)


def _maker(one: Orphan) -> str:
    return one.owner if one.guess is not Guess.OURS else f"this stack, for {one.owner}"


def _importable(session: Session, name: str) -> Kind:
    kinds = sorted(kind.name for kind in session.catalogue.values() if kind.remote and kind.remote.listed)
    name = kind_named(name, session.catalogue)
    if name not in kinds:
        detail = f"Of kind {name} there is no list of what is live."
        if session.catalogue[name].remote is None:
            detail = f"A {name} is only recorded: there is nothing live to import."
        else:
            detail += f" `gemctl import {name}/NAME LIVE_NAME` binds one that a manifest declares."
        raise Usage(detail, code="E562", hint=f"Kinds that can be imported: {', '.join(kinds)}.")
    return session.catalogue[name]


def _named(session: Session, names: Collection[str], found: Iterable[Orphan], kind: Kind) -> list[Orphan]:
    free = {one.item.name: one for one in found}
    held = holders(session).held
    for name in names:
        if name in free:
            continue
        if name in held:
            detail = f"{name} is {held[name].address} of stack {held[name].stack}."
            raise Usage(detail, code="E564", hint="See `gemctl handover`.")
        raise Usage(f"No live {kind.name} is called {name}.", code="E562", hint=f"See `gemctl orphans {kind.name}`.")
    return [free[name] for name in dict.fromkeys(names)]


def _free_name(item: LiveObject, taken: Collection[str]) -> str:
    """A name that a manifest can have, made of the display name; of the live name where that gives none."""
    own = item.name.rpartition("/")[2]
    plain = re.sub(r"[^a-z0-9]+", "-", item.display_name.lower() if item.display_name != item.name else "").strip("-")
    base = plain or re.sub(r"[^a-z0-9]+", "-", f"{item.kind.lower()}-{own[:8].lower()}").strip("-")
    base = base[:LONGEST_NAME].strip("-")
    number, name = 1, base
    while name in taken:
        number += 1
        end = f"-{number}"
        name = f"{base[: LONGEST_NAME - len(end)].strip('-')}{end}"
    return name


_NOTHING: tuple[Json, ...] = (None, "", [], {})


def _sketch(address: Address, item: LiveObject, kind: Kind) -> GeneratedManifest:
    spec: dict[str, Json] = {}
    notes: dict[Path, str] = {}
    blanks = {**kind.blanks, **(kind.blanks_of(item.fields) if kind.blanks_of else {})}
    for field, rule in kind.rules.items():
        at: Path = ("spec", field)
        if field in blanks:
            spec[field] = f"{FILL}{blanks[field]}}}"
            shown = item.fields.get(field)
            notes[at] = f"it has the digest {shown}" if shown else "not shown by the service"
        elif field == "displayName" and item.display_name and item.display_name.isprintable():
            spec[field] = literal(item.display_name)
        elif field == "expireTime" and item.deadline:
            spec[field] = show_instant(item.deadline)
            notes[at] = "as it is now; with ttl: 24h instead it is renewed"
        elif rule in (Rule.IMMUTABLE, Rule.UPDATABLE) and item.fields.get(field) not in _NOTHING:
            spec[field] = literal(_written(item.fields[field], item.texts))
    value = {"apiVersion": API_VERSION, "kind": kind.name, "metadata": {"name": address.name}, "spec": spec}
    rest = tuple(field for field, rule in kind.rules.items() if rule is Rule.INPUT_ONLY and field not in blanks)
    below = remote(kind.members).collection.what if kind.members else ""
    return GeneratedManifest(address, item, value, notes, rest, below)


def _written(value: Json, texts: Mapping[str, str]) -> Json:
    """The value with the texts in place of their digests, as far as the service shows them."""
    match value:
        case str():
            return texts.get(value, value)
        case dict():
            return {key: _written(item, texts) for key, item in value.items()}
        case list():
            return [_written(item, texts) for item in value]
        case _:
            return value


def write(session: Session, relative: str, text: str, *, overwrite: bool) -> None:
    """Put the manifests into a file of the project. Raises Usage where there is one, GemctlError for another place."""
    if not relative.endswith((".yaml", ".yml")) or File(relative).name in ("gemctl.yaml", "gemctl.yml"):
        raise Usage(f"{relative} is no manifest.", code="E562", hint="Name a new file that ends in .yaml.")
    try:
        inside = str((File.cwd() / relative).resolve().relative_to(session.root.resolve()))
    except ValueError:
        hint = f"Its folder is {session.root}."
        raise GemctlError(f"{relative} is not in the project.", code="E562", hint=hint) from None
    files, there = Files(session.root, private=False), session.root / inside
    try:
        if overwrite:
            write_whole(files, there, text.encode())
            return
        written = write_new(files, there, text.encode())
    except Unfit as unfit:
        raise GemctlError(str(unfit), code="E562", hint="Name a plain file of the project.") from None
    if not written:
        raise Usage(f"{relative} is there already.", code="E566", hint="Name another file, or give --overwrite.")
