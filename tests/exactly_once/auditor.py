"""Judges a world by what the service did (the emulator's effect log) and what is declared: never by gemctl's state."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gemctl.core.address import Address
from gemctl.core.lifetime import Expires
from gemctl.core.mark import Mark, address_tag, attempt_tag, owner_tag, read, read_id
from gemctl.core.resource import Desired, Resource, Run
from gemctl.emulator.app import App
from gemctl.emulator.records import Effect
from gemctl.kinds import CATALOGUE

RESULTS = "files/batch-"  # the service's own file with the results of a job
COLLECTIONS = {kind.collection for kind in CATALOGUE.values()}
_NOTHING: Mapping[Address, AbstractSet[str]] = MappingProxyType({})


@dataclass(frozen=True)
class Verdict:
    """What is wrong, in words; empty for nothing."""

    problems: tuple[str, ...]
    live: int


def mark_of(effect: Effect) -> Mark | None:
    """The mark in the display name, or in an id that was chosen."""
    chosen = read_id(effect.name.partition("/")[2])
    return chosen[0] if chosen else read(effect.display_name)[1]


def live_objects(app: App) -> dict[str, Effect]:
    """What the log says is there: the last effect on each object, unless it ended it. Without files of results, which
    are the service's own, under the display names of their jobs.
    """
    live: dict[str, Effect] = {}
    for effect in app.effects:
        if effect.collection not in COLLECTIONS or effect.name.startswith(RESULTS):
            continue
        if effect.kind in ("deleted", "expired"):
            live.pop(effect.name, None)
        else:
            live[effect.name] = effect
    return live


def audit(
    app: App,
    desired: Desired,
    project: str,
    stack: str,
    now: datetime,
    ran: Mapping[Address, AbstractSet[str]] = _NOTHING,
) -> Verdict:
    """Exactly one live object for each declared resource, made from what is declared; nothing else of ours.

    An older generation may live on while it is being retired: no longer than its resource's `lifecycle.retire`. What
    was run counts under other spec tags as well, `ran`: those that it had before something that it refers to was
    edited.
    """
    ours = owner_tag(project, stack)
    problems: list[str] = []
    by_tag: dict[str, list[Effect]] = {}
    for effect in live_objects(app).values():
        mark = mark_of(effect)
        if mark and mark.owner == ours:
            by_tag.setdefault(mark.address_tag, []).append(effect)
    for address, resource in desired.resources.items():
        kind = CATALOGUE[address.kind]
        if kind.remote is None:
            continue
        found = by_tag.pop(address_tag(address), [])
        current = [effect for effect in found if mark_of(effect).of(resource.spec_tag)]
        if kind.remote.patch and not current:  # what shows all that is declared is not patched for its mark's sake
            bodies = {row.name: row.body for row in app.world.objects(kind.remote.collection.path)}
            current = [one for one in found if _shows(bodies.get(one.name, {}), resource.declared.fields)]
        if kind.once:
            problems += _runs(app, address, resource, found, {resource.spec_tag, *ran.get(address, ())})
            continue
        if isinstance(kind.lifetime, Expires):  # what was made before ends by itself, and is left to do so
            if not current and not resource.lifecycle.on_demand:
                problems.append(f"lost: nothing live for {address}")
            continue
        leaving = now + resource.lifecycle.retire + timedelta(seconds=1)
        lasting = [effect for effect in current if _end(effect) > leaving] or current[:1]
        if not current:
            problems.append(f"lost: nothing live for {address}")
        if len(lasting) > 1:
            problems.append(f"duplicate: {address} has {', '.join(effect.name for effect in lasting)}")
        for effect in found:
            if effect not in current and _end(effect) > leaving:
                problems.append(f"orphan: {effect.name} is an old generation of {address} and is not being retired")
    for found in by_tag.values():
        problems += [f"orphan: {effect.name} ({effect.display_name}) is declared by nobody" for effect in found]
    return Verdict(tuple(problems), len(live_objects(app)))


def undelivered(app: App, desired: Desired, secrets: Mapping[Address, str]) -> list[str]:
    """Webhooks whose signing secret is not the one that their sink has."""
    found = []
    with app.world.turn():
        rows = {address_tag_of(row.body["displayName"]): row for row in app.world.objects("webhooks")}
    for address in desired.resources:
        made = CATALOGUE[address.kind].remote
        row = rows.get(address_tag(address)) if made and made.secret else None
        if row and row.body["secrets"][0]["secret"] != secrets.get(address):
            found.append(f"undelivered: the secret of {row.name} is not with {address}")
    return found


def address_tag_of(display_name: str) -> str:
    mark = read(display_name)[1]
    return mark.address_tag if mark else ""


def _runs(app: App, address: Address, resource: Resource, found: list[Effect], specs: AbstractSet[str]) -> list[str]:
    """What is declared was run, and of its last attempt there are not two; what was run before is left in peace."""
    rules = resource.run or Run()
    problems = []
    for attempt in range(rules.max_resubmits + 1, 0, -1):
        runs: dict[str, list[str]] = {attempt_tag(spec, attempt): [] for spec in specs}
        for effect in found:
            runs.get(mark_of(effect).spec_tag, []).append(effect.name)
        twice = (names for names in runs.values() if len(names) > 1)
        problems += [f"duplicate: {address} runs as {', '.join(names)}" for names in twice]
        if any(runs.values()):
            break
    made = [mark_of(effect) for effect in app.effects if effect.kind == "created" and effect.collection == "batches"]
    mine = [mark for mark in made if mark and mark.address_tag == address_tag(address)]
    if not any(mark.of(spec) for mark in mine for spec in specs):
        problems.append(f"lost: {address} was never run")
    return problems


def paid(app: App) -> Counter[int]:
    """How often jobs of the service have read each key of a file, by the key's hash: as often it is paid for. All jobs
    must be there still.
    """
    found: Counter[int] = Counter()
    world = app.world
    with world.turn():
        files = {row.name: row.body["blob"] for row in world.objects("files") if "blob" in row.body}
        for row in world.objects("batches"):
            if row.body["file"]:
                found.update(hash(json.loads(line)["key"]) for line in world.blobs.lines(files[row.body["file"]]))
    return found


def parts(app: App, root: Path, desired: Desired, again: Container[str] = ()) -> list[str]:
    """What is wrong with jobs in parts once all is done: each key of their files has one response, in the order of the
    file, and was paid for once; or twice, where it was to be run `again`.
    """
    wholes = {one.run.part.of: one for one in desired.resources.values() if one.run and one.run.part}
    if not wholes:
        return []
    times = paid(app)
    found = [f"deleted: {one.name}" for one in app.effects if (one.collection, one.kind) == ("batches", "deleted")]
    for of, part in wholes.items():
        results = root / part.run.part.results
        if not results.exists():
            found.append(f"lost: there are no results of {of}")
            continue
        with (root / _source(part, desired)).open("rb") as asked, results.open("rb") as came:
            for line, result in zip_longest(asked, came):
                key, answer = (json.loads(one) if one else {} for one in (line, result))
                key = key.get("key")
                if answer.get("key") != key or "response" not in answer:
                    found.append(f"unlike: {of} has {str(result)[:100]} for {key}")
                if times[hash(key)] != (2 if key in again else 1):
                    found.append(f"paid: {of} has paid {times[hash(key)]} times for {key}")
    return found


def _source(part: Resource, desired: Desired) -> str:
    """The path of the file that it is a part of."""
    inputs = (one for one in desired.resources.values() if one.generated_by == part.address)
    return next(one.path for generated in inputs for one in generated.declared.attachments if one.binary)


def touched_strangers(app: App, project: str, stack: str) -> list[str]:
    """Objects without our mark that somebody with our key changed; `strangers` are made with another key."""
    ours = owner_tag(project, stack)
    makers = {effect.name: effect.key for effect in app.effects if effect.kind == "created"}
    return [
        f"{effect.kind} {effect.name}"
        for effect in app.effects
        if effect.kind in ("patched", "deleted")
        and ((mark := mark_of(effect)) is None or mark.owner != ours)
        and makers.get(effect.name) != effect.key
    ]


def _end(effect: Effect) -> datetime:
    return effect.expire_time or datetime.max.replace(tzinfo=UTC)


def _shows(body: Mapping[str, Any], declared: Mapping[str, Any]) -> bool:
    """Whether a live object has the declared fields, lists in whatever order."""
    return all(
        sorted(body.get(name, ())) == sorted(value) if isinstance(value, list) else body.get(name) == value
        for name, value in declared.items()
    )
