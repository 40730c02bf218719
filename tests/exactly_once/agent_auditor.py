"""Judges a world with agents by what the service did and holds, and by what is declared: never by gemctl's state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from agent_wishes import told
from pydantic.alias_generators import to_camel

from gemctl.core.address import Address
from gemctl.core.digest import sha256
from gemctl.core.mark import Mark, address_tag, owner_tag, read
from gemctl.core.resource import Desired, Ending, Resource
from gemctl.emulator.app import App
from gemctl.emulator.records import Effect, fingerprint
from gemctl.emulator.rows import Row

MARKED = {"webhooks": "Webhook", "triggers": "Trigger"}
CHOSEN = {"agents": "Agent", "credentials": "Credential"}


def live(app: App, collection: str) -> list[Row]:
    """What there is now, oldest first."""
    _ = app.effects  # brings the world up to the present
    return app.world.objects(collection)


def made(app: App, collection: str) -> list[Effect]:
    """Every create that was carried out, oldest first, whether or not its answer was heard."""
    return [effect for effect in app.effects if effect.kind == "created" and effect.collection == collection]


def asked(app: App) -> list[Effect]:
    """Every interaction that a request began: the others were started by triggers."""
    return [effect for effect in made(app, "interactions") if effect.digest]


def mark_of(row: Row) -> Mark | None:
    """The mark in the display name."""
    return read(row.body.get("displayName", ""))[1]


def named(resource: Resource) -> str:
    """The live name of what has a name that its user chose."""
    return f"{resource.address.kind.lower()}s/{resource.declared.fields['id']}"


def audit(
    app: App,
    desired: Desired,
    project: str,
    stack: str,
    secrets: Mapping[Address, str] | None,
    key: str,
    values: Mapping[str, str],
) -> list[str]:
    """Exactly one live object for each declared resource, made from what is declared, its secret in its sink; nothing
    else of ours. `secrets` are what the sinks have, None where they can't be told; `values` what the sources of secrets
    have now, by their names.
    """
    ours = owner_tag(project, stack)
    by_tag: dict[str, list[Row]] = {}
    for row in (row for collection in MARKED for row in live(app, collection)):
        mark = mark_of(row)
        if mark and mark.owner == ours:
            by_tag.setdefault(mark.address_tag, []).append(row)
    chosen = {row.name: row for collection in CHOSEN for row in live(app, collection)}
    problems: list[str] = []
    for address, resource in desired.resources.items():
        if address.kind in CHOSEN.values():
            found = [chosen.pop(named(resource))] if named(resource) in chosen else []
        elif address.kind in MARKED.values():
            found = by_tag.pop(address_tag(address), [])
        else:
            continue
        problems += _as_declared(found, address, resource, secrets, values)
    problems += [f"orphan: {row.name}" for found in by_tag.values() for row in found]
    created = [effect for collection in CHOSEN for effect in made(app, collection)]
    mine = {effect.name for effect in created if effect.key == fingerprint(key)}
    theirs = {effect.name for effect in created if effect.key != fingerprint(key)}
    problems += [f"orphan: {name}" for name in sorted(chosen) if name in mine - theirs]
    return problems


def _as_declared(
    found: list[Row],
    address: Address,
    resource: Resource,
    secrets: Mapping[Address, str] | None,
    values: Mapping[str, str],
) -> list[str]:
    if len(found) != 1:
        names = ", ".join(row.name for row in found)
        return [f"{'duplicate' if found else 'lost'}: {address} is {names or 'nowhere'}"]
    (row,) = found
    shown, wanted = _SHOWN[address.kind](row.body, resource), _wanted(resource, values)
    differs = sorted(name for name in wanted if shown.get(name) != wanted[name])
    if differs:
        return [f"stale: {row.name} has other {', '.join(differs)} than {address}"]
    if address.kind == "Webhook" and secrets is not None and row.body["secrets"][0]["secret"] != secrets.get(address):
        return [f"undelivered: the secret of {row.name} is not with {address}"]
    return []


def _wanted(resource: Resource, values: Mapping[str, str]) -> dict[str, Any]:
    """The declared fields, with the values of secrets as they are now."""
    declared = resource.declared
    return {**declared.fields, **{str(one.at[0]): values.get(one.target) for one in declared.secrets}}


def _webhook(body: Mapping[str, Any], resource: Resource) -> dict[str, Any]:
    return {**body, "subscribedEvents": sorted(body["subscribedEvents"])}


def _trigger(body: Mapping[str, Any], resource: Resource) -> dict[str, Any]:
    started = body["interaction"]
    return {**body, "interaction": {**started, "input": sha256(started["input"].encode())}}


def _agent(body: Mapping[str, Any], resource: Resource) -> dict[str, Any]:
    return {
        "id": resource.declared.fields["id"],
        "baseAgent": body["base_agent"],
        "systemInstruction": sha256(body["system_instruction"].encode()),
        **({"baseEnvironment": body["base_environment"]} if "base_environment" in body else {}),
    }


def _credential(body: Mapping[str, Any], resource: Resource) -> dict[str, Any]:
    return {"id": resource.declared.fields["id"], **{to_camel(name): value for name, value in body.items()}}


_SHOWN = {"Webhook": _webhook, "Trigger": _trigger, "Agent": _agent, "Credential": _credential}


def paid_twice(app: App, runs: Mapping[str, Resource]) -> list[str]:
    """Interactions that were paid more often than was asked for: `runs` are all that were ever declared, by their
    inputs. One that carries on another one is paid again if that is run again; and one by an agent that is to have
    another id is another one.
    """
    bodies = {seen.digest: seen.json for seen in app.requests if seen.path.endswith("/interactions")}
    paid = Counter(_said(bodies[effect.digest]) for effect in asked(app))
    problems = []
    for (text, *how), times in paid.items():
        rules = runs[text].run
        most = 1 + (rules.max_resubmits if rules and Ending.RESUBMIT in (rules.on_failed, rules.on_expired) else 0)
        if times > most:
            problems.append(f"paid {times} times: {runs[text].address} with {text!r} {how}")
    return problems


def _said(body: Mapping[str, Any]) -> tuple[str, ...]:
    return body["input"], body.get("previous_interaction_id", ""), body.get("agent", "")


def two_at_once(app: App) -> list[str]:
    """Objects that were made while another one with the same mark was there: of schedules both would be paid for."""
    shown: dict[str, str] = {}
    problems = []
    for effect in (one for one in app.effects if one.collection in MARKED):
        if effect.kind == "deleted":
            shown.pop(effect.name, None)
            continue
        mark = read(effect.display_name)[1]
        same = [name for name, other in shown.items() if mark and name != effect.name and other == effect.display_name]
        if effect.kind == "created" and same:
            problems.append(f"two at once: {effect.name} was made beside {', '.join(same)}")
        shown[effect.name] = effect.display_name
    return problems


def touched_strangers(app: App, key: str) -> list[str]:
    """What somebody else made and our key changed or deleted."""
    mine = fingerprint(key)
    makers: dict[str, str] = {}
    problems = []
    for effect in app.effects:
        if effect.kind == "created":
            makers[effect.name] = effect.key
        theirs = effect.kind in ("patched", "deleted") and makers.get(effect.name, mine) != mine
        if theirs and effect.key == mine:
            problems.append(f"{effect.kind} {effect.name}")
    return problems


def inputs(resources: Iterable[Resource]) -> dict[str, Resource]:
    """The interactions among these, by what they ask."""
    return {told(one): one for one in resources if one.address.kind == "Interaction"}
