"""Judges a world of fake kinds by what the service did and holds, and by what is declared: never by gemctl's state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from fake_wishes import CATALOGUE
from fakes.fake_emulator import live, made
from fakes.surfaces.fake_webhooks import _truncated

from gemctl.core.address import Address
from gemctl.core.mark import Mark, address_tag, owner_tag, read
from gemctl.core.resource import Desired, Ending, Resource
from gemctl.emulator.app import App
from gemctl.emulator.records import fingerprint
from gemctl.emulator.rows import Row

MARKED = {"fakeWebhooks": "FakeWebhook", "fakeTriggers": "FakeTrigger"}


def mark_of(row: Row) -> Mark | None:
    """The mark in the display name."""
    return read(row.body.get("displayName", ""))[1]


def audit(
    app: App, desired: Desired, project: str, stack: str, secrets: Mapping[Address, str] | None, key: str
) -> list[str]:
    """Exactly one live object for each declared resource, made from what is declared, its secret in its sink; nothing
    else of ours. `secrets` are what the sinks have; None where they can't be told.
    """
    ours = owner_tag(project, stack)
    rows = [row for collection in MARKED for row in live(app, collection)]
    by_tag: dict[str, list[Row]] = {}
    for row in rows:
        mark = mark_of(row)
        if mark and mark.owner == ours:
            by_tag.setdefault(mark.address_tag, []).append(row)
    agents = {row.name: row for row in live(app, "fakeAgents")}
    problems: list[str] = []
    for address, resource in desired.resources.items():
        if address.kind == "FakeAgent":
            problems += _agent(agents.pop(f"fakeAgents/{resource.declared.fields['id']}", None), address, resource)
        elif address.kind != "FakeRun":
            problems += _marked(by_tag.pop(address_tag(address), []), address, resource, secrets)
    problems += [f"orphan: {row.name}" for found in by_tag.values() for row in found]
    mine = {effect.name for effect in made(app, "fakeAgents") if effect.key == fingerprint(key)}
    theirs = {effect.name for effect in made(app, "fakeAgents") if effect.key != fingerprint(key)}
    problems += [f"orphan: {name}" for name in sorted(agents) if name in mine - theirs]
    return problems


def _marked(found: list[Row], address: Address, resource: Resource, secrets: Mapping[Address, str] | None) -> list[str]:
    names = ", ".join(row.name for row in found)
    if len(found) != 1:
        return [f"{'duplicate' if found else 'lost'}: {address} is {names or 'nowhere'}"]
    (row,), kind = found, CATALOGUE[address.kind]
    patched = kind.remote and kind.remote.patch
    if not patched and not mark_of(row).of(resource.spec_tag):
        return [f"stale: {names} is not what {address} declares"]
    sink = None if secrets is None or address.kind != "FakeWebhook" else secrets.get(address, "")
    if sink is not None and _truncated(sink) != row.body["secret"]:
        return [f"undelivered: the secret of {names} is not with {address}"]
    told = {name: value for name, value in resource.declared.fields.items() if name in row.body and name != "agent"}
    differs = {name for name, value in told.items() if row.body[name] != value and name != "displayName"}
    return [f"stale: {names} has other {', '.join(sorted(differs))} than {address}"] if differs else []


def _agent(row: Row | None, address: Address, resource: Resource) -> list[str]:
    if row is None:
        return [f"lost: {address} is nowhere"]
    differs = {name for name, value in resource.declared.fields.items() if name != "id" and row.body[name] != value}
    return [f"stale: {row.name} has other {', '.join(sorted(differs))} than {address}"] if differs else []


def paid_twice(app: App, runs: Mapping[str, Resource]) -> list[str]:
    """Runs that were paid more often than was asked for. `runs` are all that were ever declared, by their inputs."""
    inputs = {seen.digest: seen.json["input"] for seen in app.requests if seen.path.endswith("/fakeRuns")}
    paid = Counter(inputs[effect.digest] for effect in made(app, "fakeRuns"))
    problems = []
    for text, resource in runs.items():
        rules = resource.run
        most = 1 + (rules.max_resubmits if rules and Ending.RESUBMIT in (rules.on_failed, rules.on_expired) else 0)
        if paid[text] > most:
            problems.append(f"paid {paid[text]} times: {resource.address} with {text!r}")
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
