"""Reads the planner's cases: what is declared, recorded and live, in a few words each, as the values that travel.

A spec in a case is laid over `{model: gemini-2.5-flash, contents: some text, ttl: 24h}`; times are relative to the
case's `now` (`+20h`, `-3m`) or RFC 3339. See cases/README.md for every word.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

import yaml
from fakes.kinds import KINDS as FAKES

from gemctl.core.address import Address
from gemctl.core.digest import sha256
from gemctl.core.kind import Chosen
from gemctl.core.live import Cause, Counts, LiveObject, LiveState, Phase
from gemctl.core.mark import Mark, address_tag, attempt_tag, owner_tag, write, write_id
from gemctl.core.moment import parse_duration, parse_instant, show_instant
from gemctl.core.neighbours import Neighbours, neighbours
from gemctl.core.project import Endpoint, Project, Stack
from gemctl.core.record import (
    UNHEARD,
    Bound,
    Closed,
    Doubted,
    Generation,
    Gone,
    Handed,
    Intent,
    Ledger,
    Op,
    Origin,
    Record,
    Retiring,
)
from gemctl.core.resource import Attachment, Desired, Harvest, Receipt, Resource, Run
from gemctl.core.source import SourceFile
from gemctl.kinds import CATALOGUE
from gemctl.manifest.bind import bind
from gemctl.manifest.yaml import parse
from gemctl.plan.held import hold
from gemctl.plan.make import Scope, make
from gemctl.plan.ownership import own

KINDS = {**CATALOGUE, **{name: import_module(module).KIND for name, module in FAKES.items()}}
CASES = Path(__file__).parent / "cases"
STACK = Stack("local", Endpoint.EMULATOR)
PATCHED = {*FAKES, "Agent", "Credential", "Interaction", "Trigger", "Webhook"}  # what is live of these is made here
SEEN = ("immutable", "updatable")  # fields with these rules can be read back, but of
SHOWN = {"Credential": ("immutable",)}
PROJECT = Project("shop", "abcd1234", "local", {"local": STACK})
TAG = owner_tag("abcd1234", "local")
SETTLE = timedelta(seconds=120)
_PROJECTS = {"ours": TAG, "prod": owner_tag("abcd1234", "prod"), "other": owner_tag("other", "local")}
NOW = "2026-11-21T09:00:00Z"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where there is one: there are many cases
BASE = {"model": "gemini-2.5-flash", "contents": "some text"}


def cases():
    """(file: name, case) of every case."""
    for path in sorted(CASES.glob("*.yaml")):
        for case in yaml.load(path.read_text(encoding="utf-8"), _LOADER):
            yield f"{path.stem}: {case['case']}", case


def moment(text, now):
    """`+20h` and `-3m` from now, or an instant."""
    if text is None:
        return None
    if text[0] in "+-":
        return now + parse_duration(text[1:]) * (1 if text[0] == "+" else -1)
    return parse_instant(text)


def at(name) -> Address:
    """`handbook` is a cache; `File/handbook` says of which kind it is."""
    kind, _, rest = name.rpartition("/")
    return Address(kind or "CachedContent", rest)


def _base(address, given) -> dict:
    """What a spec in a case is laid over."""
    match address.kind:
        case "CachedContent":
            return {**BASE, **({} if "expireTime" in given.get("spec", {}) else {"ttl": "24h"})}
        case "File":
            return {"source": f"{address.name}.txt"}
        case "BatchJob":
            requests = {"requests": [{"key": "one", "request": {"contents": "some text"}}]}
            return {"model": BASE["model"], **({} if "input" in given.get("spec", {}) else requests)}
        case "FakeRun":
            return {"model": "m", "input": "do it"}
        case "Interaction":
            return {"model": BASE["model"], "input": "do it"}
        case "FakeAgent":
            return {"id": address.name, "model": "m"}
        case "FakeTrigger":
            return {"schedule": "0 0 * * *", "prompt": "go on", "agentRef": {"name": "clerk"}}
        case "Agent":
            return {"baseAgent": "antigravity-preview-09-2026"}
        case "Trigger":
            return {"schedule": "0 0 * * *", "timeZone": "UTC", "interaction": {"agent": "clerk", "input": "go on"}}
        case "Webhook":
            return {"uri": "https://x.invalid", "subscribedEvents": ["batch.failed"], "secret": {"file": "s"}}
        case "Credential":
            token = {"type": "bearer_token", "token": {"valueFrom": {"env": "TOKEN"}}}
            return {} if "type" in given.get("spec", {}) else token
        case "FakeWebhook":
            return {"uri": "https://x.invalid", "subscribedEvents": ["done"], "secret": {"file": "s"}}
    return {}


def _bytes(need, named_in):
    """Files hold their own names: another path is another content."""
    data = need.pattern.encode()
    return (Attachment(sha256(data), len(data), path=need.pattern, binary=need.binary),)


def declared(resources, project=PROJECT, stack=STACK, files=None) -> Desired:
    """Through the front door: as YAML documents, parsed and bound."""
    documents = []
    for name, given in (resources or {}).items():
        given, address = given or {}, at(name)
        spec = {**_base(address, given), **given.get("spec", {})}
        rest = {key: value for key, value in given.items() if key not in ("spec", "receipt")}
        envelope = {"apiVersion": "gemctl/v1", "kind": address.kind, "metadata": {"name": address.name}, "spec": spec}
        documents += parse(SourceFile(f"{address}.yaml", json.dumps({**envelope, **rest})))
    return bind(documents, project, stack, KINDS, files or _bytes)


def like(name, given) -> Resource:
    """What this name would be if it were declared so: `like` is its spec, `run` the rest of it. What it refers to is
    declared beside it, as it is by default, or as it says itself."""
    address, spec, run = at(name), given.get("like") or {}, given.get("run")
    whole = {name: {"spec": spec, **({"run": run} if run else {})}}
    beside = given.get("beside", ())
    whole |= beside if isinstance(beside, dict) else {other: {} for other in beside}
    return _declared(json.dumps(whole)).resources[address]


@cache
def _declared(resources) -> Desired:
    """Of JSON, which many cases have in common."""
    return declared(json.loads(resources))


def item(given, now) -> LiveObject:
    resource = like(given.get("of", "other"), given)
    address = given.get("marked as", given.get("of"))
    tag = _PROJECTS[given.get("project", "ours")]
    attempt = given.get("attempt", 1)
    spec = resource.spec_tag
    kind = resource.address.kind
    mark = Mark(tag, address_tag(at(address or "nobody")), attempt_tag(spec, attempt) if kind == "BatchJob" else spec)
    display = write(resource.display_name, mark) if address else "somebody else's"
    if kind in PATCHED:
        return _fake(given, resource, mark if address else None, now)
    created = show_instant(moment(given.get("created", "-4h"), now))
    match kind:
        case "File":
            digest = given.get("digest") or resource.declared.fields["source"].removeprefix("sha256:")
            reply = {
                "name": f"files/{write_id(mark, attempt) if address else given['name']}",
                "mimeType": resource.declared.fields["mimeType"],
                "sizeBytes": "10",
                "sha256Hash": base64.b64encode(digest.encode()).decode(),
                "createTime": created,
                "updateTime": created,
                "expirationTime": show_instant(moment(given.get("expires", "+44h"), now)),
                "uri": f"https://example.invalid/{given['name']}",
                "state": given.get("state", "ACTIVE"),
            }
        case "BatchJob":
            metadata = {
                "model": given.get("model", resource.declared.fields["model"]),
                "displayName": display,
                "createTime": created,
                "updateTime": created,
                "state": f"BATCH_STATE_{given.get('state', 'SUCCEEDED')}",
            }
            if "ended" in given:
                metadata["endTime"] = show_instant(moment(given["ended"], now))
            if "inline" in given:
                metadata["output"] = {"inlinedResponses": {"inlinedResponses": []}}
            if "failed" in given:
                metadata["batchStats"] = {"requestCount": "9", "failedRequestCount": str(given["failed"])}
            reply = {"name": f"batches/{given['name']}", "metadata": metadata}
        case _:
            reply = {
                "name": f"cachedContents/{given['name']}",
                "model": given.get("model", resource.declared.fields["model"]),
                "displayName": display,
                "createTime": created,
                "updateTime": created,
                "usageMetadata": {"totalTokenCount": given.get("tokens", 5000)},
                **(
                    {"expireTime": show_instant(expires)}
                    if (expires := moment(given.get("expires", "+20h"), now))
                    else {}
                ),
            }
    return CATALOGUE[kind].remote.read(reply)


def _fake(given, resource, mark, now) -> LiveObject:
    """Of a fake kind: as its own fields would be shown; or as `shows` says, in place of some of them."""
    kind, phase = KINDS[resource.address.kind], Phase(given.get("phase", "ready"))
    fields = {**resource.declared.fields, **given.get("shows", {})}
    name = live_name(str(resource.address), given)
    ends = moment(given.get("expires"), now)
    return LiveObject(
        kind.name,
        name,
        "",
        "",
        mark if kind.remote.marked else None,
        {key: value for key, value in fields.items() if kind.rules.get(key) in SHOWN.get(kind.name, SEEN)},
        {"name": name},
        created=moment(given.get("created", "-4h"), now),
        updated=moment(given.get("updated", given.get("ended")), now),
        deadline=ends,
        tokens=given.get("tokens"),
        phase=phase,
        why=given.get("why", ""),
        counts=Counts(*given["counts"]) if "counts" in given else None,
        state=given.get("state", ""),
        ended=moment(given.get("ended"), now),
        cause=Cause(given["cause"]) if "cause" in given else None,
        carries_results=kind.once is not None,
        schedule=_schedule(resource, fields.get("status")),
        halted=given.get("halted", ""),
    )


def _schedule(resource, status):
    """What the service would start for it, in this status."""
    declared = resource.declared.schedule
    return declared and replace(declared, starts=None, paused=status not in (None, "active"))


def live_name(name, given) -> str:
    """The live name of what a case calls so: that of a file is its mark."""
    address, resource = at(name), like(name, given)
    if address.kind == "TokenPolicy":
        return str(address)
    if address.kind == "File":
        mark = Mark(TAG, address_tag(at(given.get("marked as", name))), resource.spec_tag)
        return f"files/{write_id(mark, given.get('attempt', 1))}"
    if isinstance(KINDS[address.kind].remote.identity, Chosen):
        return KINDS[address.kind].remote.identity.name(resource)
    return f"{KINDS[address.kind].collection}/{given['name']}"


def record(name, given, now) -> Record:
    resource, attempt = like(name, given), given.get("attempt", 1)
    kind, job = KINDS[resource.address.kind], KINDS[resource.address.kind].once
    fake, marked = kind.name in PATCHED, kind.remote is None or kind.remote.marked
    harvest = Harvest("sha256:0", now, *given["harvested"]) if "harvested" in given else None
    return Record(
        name=live_name(given["names"], {}) if "names" in given else live_name(name, given),
        spec_tag=attempt_tag(resource.spec_tag, attempt) if job else resource.spec_tag,
        origin=Origin(given.get("origin", "created")),
        address_tag=address_tag(at(given.get("marked as", name))) if marked and not given.get("unmarked") else "",
        fields=None if given.get("inputs") == "unknown" else resource.declared.fields,
        expiry=resource.declared.expiry,
        created=moment(given.get("created", "-4h"), now),
        deadline=None if job else moment(given.get("expires", None if fake else "+20h"), now),
        tokens=given.get("tokens") if fake else 5000,
        echoed=given.get("echoed", True),
        prevent_destroy=given.get("preventDestroy", False),
        retire=parse_duration(given.get("retire", "10m")),
        attempt=attempt,
        run=(resource.run or Run()) if job else None,
        uses=tuple(given.get("uses", ())),
        harvest=harvest,
        stopped=given.get("stopped", False),
        shown=given.get("shown"),
        undelivered=given.get("undelivered", False),
        updated=moment(given.get("updated"), now),
    )


def intent(given, now) -> Intent:
    address, resource = at(given["for"]), like(given["for"], given)
    return Intent(
        id=f"{UNHEARD if given.get('unheard') else ''}{given.get('id', 'intent')}-{given['for']}",
        op=Op(given.get("op", "create")),
        address=address,
        at=moment(given["at"], now),
        address_tag=address_tag(at(given.get("marked as", given["for"]))),
        spec_tag=attempt_tag(resource.spec_tag, given.get("attempt", 1)),
        name=live_name(given["for"], given) if "takes" in given else None,
        shows={
            key: resource.declared.fields[key]
            for key in given.get("shows", ["model"])
            if key in resource.declared.fields
        },
    )


def world_of(case) -> tuple[Desired, Ledger, LiveState, datetime]:
    now = parse_instant(case.get("now", NOW))
    recorded, retiring, intents = case.get("recorded"), case.get("retiring", []), case.get("open", [])
    ledger = Ledger(
        lineage="lineage",
        serial=case.get("serial", 3),
        known=case.get("state", "known") == "known",
        records=MappingProxyType({at(name): record(name, given, now) for name, given in (recorded or {}).items()}),
        retiring=MappingProxyType(
            {
                live_name(given["of"], given): Generation(
                    at(given["of"]),
                    "" if given.get("unmarked") else address_tag(at(given.get("marked as", given["of"]))),
                    moment(given.get("expires"), now),
                    record=record(given["of"], given, now) if KINDS[at(given["of"]).kind].once else None,
                    origin=Origin(given.get("origin", "created")),
                    created=moment(given.get("created", "-4h"), now),
                    echoed=given.get("echoed", True),
                )
                for given in retiring
            }
        ),
        intents=MappingProxyType({made.id: made for made in (intent(given, now) for given in intents)}),
        sent=MappingProxyType({made.id: made for made in (intent(given, now) for given in case.get("sent", []))}),
        handed=MappingProxyType(
            {live_name(g["of"], g): Handed(live_name(g["of"], g), at(g["of"]), "prod") for g in case.get("handed", [])}
        ),
    )
    items = [item(given, now) for given in case.get("live", [])]
    listings = {
        kind.name: tuple(one for one in items if one.kind == kind.name)
        for kind in KINDS.values()
        if kind.remote and kind.name in case.get("listed", KINDS)
    }
    desired = _declared(json.dumps(case.get("declared")))
    receipts = {
        at(name): _receipt(given["receipt"], desired.resources[at(name)], now)
        for name, given in (case.get("declared") or {}).items()
        if given and "receipt" in given
    }
    resources = {address: replace(one, receipt=receipts.get(address)) for address, one in desired.resources.items()}
    moved = {at(old): at(new) for old, new in case.get("moved", {}).items()}
    while any(new in moved for new in moved.values()):  # as the project file is read: each with its last name
        moved = {old: moved.get(new, new) for old, new in moved.items()}
    desired = replace(desired, resources=MappingProxyType(resources), moved=MappingProxyType(moved))
    return desired, ledger, LiveState(listings, now), now


def _receipt(given, resource, now) -> Receipt:
    attempt = given.get("attempt", 1)
    without = tuple(given.get("without", ()))
    harvest = Harvest("sha256:0", now, given.get("succeeded", 1), len(without))
    return Receipt(attempt_tag(resource.spec_tag, attempt), attempt, given.get("job", "batches/old"), harvest, without)


def neighbours_of(case) -> Neighbours:
    """What gemctl.yaml says in this case of what belongs to whom: for all stacks, for this one, and for `prod`."""

    def given(word):
        return {at(name): live for name, live in case.get(word, {}).items()}

    stacks = {
        "local": replace(STACK, imports=given("own imports")),
        "prod": Stack("prod", imports=given("prod imports")),
    }
    return neighbours(replace(PROJECT, imports=given("imports"), stacks=stacks), stacks["local"])


def planned(case):
    """(plan, ownership) of a case."""
    desired, ledger, world, _ = world_of(case)
    desired = hold(desired, ledger)
    ownership = own(desired, ledger, world, TAG, SETTLE, KINDS, neighbours_of(case))
    targets = tuple(at(name) for name in case.get("targets", ()))
    paths = ("guide.yaml",) if case.get("partial") else ()
    anew = tuple(at(name) for name in case.get("anew", ()))
    scope = Scope(
        "abcd1234", "local", "emulator", "test", targets, paths, refresh=case.get("refresh", False), anew=anew
    )
    return make(desired, ownership, world, KINDS, scope), ownership


def short(name) -> str:
    """A live name as cases write it: of a file, the number of its attempt."""
    if name.startswith("files/g1-"):
        return f"@{name.rpartition('-')[2]}"
    return name.partition("/")[2]


def shown(address) -> str:
    return address.name if address.kind == "CachedContent" else str(address)


def lines(plan):
    """`replace handbook · edited a`, one a change."""
    return [
        f"{change.action.value} {shown(change.address)} · {change.reason.value}"
        + (f" {short(change.name)}" if change.name else "")
        for change in plan.changes
    ]


def written(entry, wanted, now) -> str:
    """A ledger entry as cases write it: all that it holds, in words. `wanted` is what is declared at its address."""
    match entry:
        case Bound(address, record, intent):
            what = f"bind {shown(address)} {short(record.name)}: {', '.join(_facts(address, record, wanted, now))}"
            return f"{what}; {intent}" if intent else what
        case Retiring(name, old):
            words = [_when(old.deadline, now), f"{old.tokens} tokens" if old.tokens else "", _marked(old, old.address)]
            words += [f"it was {', '.join(_facts(old.address, old.record, wanted, now))}"] if old.record else []
            return f"retire {shown(old.address)} {short(name)}: {', '.join(filter(None, words))}"
        case Gone(address, name):
            return f"gone {shown(address)} {short(name)}"
        case Closed(intent):
            return f"close {intent}"
        case Doubted(intent):
            return f"doubt {intent.id}"
    raise AssertionError(entry)


def _facts(address, record, wanted, now) -> list[str]:
    attempts = [attempt_tag(wanted.spec_tag, record.attempt)] if wanted else []
    words = [
        record.origin.value,
        "as declared" if record.spec_tag in attempts else "of another declaration" if record.spec_tag else "of none",
        f"attempt {record.attempt}" if record.attempt > 1 else "",
        "" if record.fields else "inputs unknown",
        "with an expiry" if record.expiry else "",
        f"made {_when(record.created, now)}" if record.created else "",
        f"until {_when(record.deadline, now)}" if record.deadline else "",
        f"{record.tokens} tokens" if record.tokens else "",
        _marked(record, address),
        "" if record.outputs.get("name") == record.name else "no facts",
        "prevent destroy" if record.prevent_destroy else "",
        f"retire {_when(now + record.retire, now)}",
        "run" if record.run else "",
        "stopped" if record.stopped else "",
        "undelivered" if record.undelivered else "",
    ]
    return [word for word in words if word]


def _marked(holder, address) -> str:
    return (
        "" if holder.address_tag == address_tag(address) else "marked as another" if holder.address_tag else "unmarked"
    )


def _when(moment, now) -> str:
    minutes = round((moment - now).total_seconds() / 60) if moment else None
    return "" if minutes is None else f"{minutes // 60:+}h" if minutes % 60 == 0 else f"{minutes:+}m"
