"""Reads the planner's cases: what is declared, recorded and live, in a few words each, as the values that travel.

A spec in a case is laid over `{model: gemini-2.5-flash, contents: some text, ttl: 24h}`; times are relative to the
case's `now` (`+20h`, `-3m`) or RFC 3339. See cases/README.md for every word.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import yaml

from gemctl.core.address import Address
from gemctl.core.live import Item, World
from gemctl.core.mark import Mark, address_tag, project_tag, write
from gemctl.core.moment import parse_duration, parse_instant
from gemctl.core.project import Endpoint, Project, Stack
from gemctl.core.record import Generation, Intent, Ledger, Op, Origin, Record
from gemctl.core.resource import Desired
from gemctl.core.source import SourceFile
from gemctl.kinds import CATALOGUE
from gemctl.manifest.bind import bind
from gemctl.manifest.yaml import parse
from gemctl.plan.claim import claim
from gemctl.plan.make import Scope, make

CASES = Path(__file__).parent / "cases"
STACK = Stack("local", Endpoint.EMULATOR)
PROJECT = Project("shop", "abcd1234", "local", {"local": STACK})
TAG = project_tag("abcd1234", "local")
SETTLE = timedelta(seconds=120)
NOW = "2026-11-21T09:00:00Z"
BASE = {"model": "gemini-2.5-flash", "contents": "some text"}


def cases():
    """(file: name, case) of every case."""
    for path in sorted(CASES.glob("*.yaml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield f"{path.stem}: {case['case']}", case


def moment(text, now):
    """`+20h` and `-3m` from now, or an instant."""
    if text is None:
        return None
    if text[0] in "+-":
        return now + parse_duration(text[1:]) * (1 if text[0] == "+" else -1)
    return parse_instant(text)


def declared(resources, project=PROJECT, stack=STACK, files=None) -> Desired:
    """Through the front door: as YAML documents, parsed and bound."""
    documents = []
    for name, given in (resources or {}).items():
        given = given or {}
        spec = {**BASE, **({} if "expireTime" in given.get("spec", {}) else {"ttl": "24h"}), **given.get("spec", {})}
        rest = {key: value for key, value in given.items() if key != "spec"}
        envelope = {"apiVersion": "gemctl/v1", "kind": "CachedContent", "metadata": {"name": name}, "spec": spec}
        documents += parse(SourceFile(f"{name}.yaml", json.dumps({**envelope, **rest})))
    return bind(documents, project, stack, CATALOGUE, files or (lambda need, file: ()))


def like(name, spec):
    """What this name would be if it were declared so."""
    return declared({name: {"spec": spec or {}}}).resources[Address("CachedContent", name)]


def item(given, now) -> Item:
    resource = like(given.get("of", "other"), given.get("like"))
    address = given.get("marked as", given.get("of"))
    display = "somebody else's"
    if address:
        tag = TAG if given.get("project", "ours") == "ours" else project_tag("other", "local")
        display = write(resource.human, Mark(tag, address_tag(Address("CachedContent", address)), resource.spec_tag))
    deadline = moment(given.get("expires", "+20h"), now)
    reply = {
        "name": f"cachedContents/{given['name']}",
        "model": given.get("model", resource.declared.fields["model"]),
        "displayName": display,
        "createTime": moment(given.get("created", "-4h"), now).isoformat().replace("+00:00", "Z"),
        "updateTime": moment(given.get("created", "-4h"), now).isoformat().replace("+00:00", "Z"),
        "expireTime": deadline.isoformat().replace("+00:00", "Z"),
        "usageMetadata": {"totalTokenCount": 5000},
    }
    return CATALOGUE["CachedContent"].item(reply)


def record(name, given, now) -> Record:
    resource = like(name, given.get("like"))
    return Record(
        name=f"cachedContents/{given['name']}",
        spec=resource.spec_tag,
        origin=Origin(given.get("origin", "created")),
        marked=address_tag(Address("CachedContent", given.get("marked as", name))),
        fields=None if given.get("inputs") == "unknown" else resource.declared.fields,
        expiry=resource.declared.expiry,
        created=moment(given.get("created", "-4h"), now),
        deadline=moment(given.get("expires", "+20h"), now),
        tokens=5000,
        echoed=given.get("echoed", True),
        prevent_destroy=given.get("preventDestroy", False),
        retire=parse_duration(given.get("retire", "10m")),
    )


def intent(given, now) -> Intent:
    address = Address("CachedContent", given["for"])
    return Intent(
        id=f"intent-{given['for']}",
        op=Op(given.get("op", "create")),
        address=address,
        at=moment(given["at"], now),
        marked=address_tag(address),
        spec=like(given["for"], given.get("like")).spec_tag,
    )


def world_of(case) -> tuple[Desired, Ledger, World, datetime]:
    now = parse_instant(case.get("now", NOW))
    recorded, retiring, intents = case.get("recorded"), case.get("retiring", []), case.get("open", [])
    ledger = Ledger(
        lineage="lineage",
        serial=case.get("serial", 3),
        known=case.get("state", "known") == "known",
        records=MappingProxyType(
            {Address("CachedContent", name): record(name, given, now) for name, given in (recorded or {}).items()}
        ),
        retiring=MappingProxyType(
            {
                f"cachedContents/{given['name']}": Generation(
                    Address("CachedContent", given["of"]),
                    address_tag(Address("CachedContent", given["of"])),
                    moment(given.get("expires"), now),
                )
                for given in retiring
            }
        ),
        intents=MappingProxyType({made.id: made for made in (intent(given, now) for given in intents)}),
        sent=MappingProxyType({made.id: made for made in (intent(given, now) for given in case.get("sent", []))}),
    )
    items = tuple(item(given, now) for given in case.get("live", []))
    return declared(case.get("declared")), ledger, World({"CachedContent": items}, now), now


def planned(case):
    """(plan, claims) of a case."""
    desired, ledger, world, _ = world_of(case)
    imports = {Address("CachedContent", at): name for at, name in case.get("imports", {}).items()}
    claims = claim(desired, ledger, world, TAG, SETTLE, CATALOGUE, imports)
    targets = tuple(Address("CachedContent", name) for name in case.get("targets", ()))
    scope = Scope("abcd1234", "local", "emulator", "test", targets, ("guide.yaml",) if case.get("partial") else ())
    return make(desired, claims, world, CATALOGUE, scope), claims


def lines(plan):
    """`replace handbook · edited cachedContents/a`, one a change."""
    return [
        f"{change.action.value} {change.address.name} · {change.reason.value}"
        + (f" {change.name.removeprefix('cachedContents/')}" if change.name else "")
        for change in plan.changes
    ]
