"""Writes plans, outcomes and listings as JSON documents for programs: versioned, and stable within a version. Called by
commands, and by other renderers for their parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, MemberCounts
from gemctl.core.diagnostic import Diagnostic, errors, in_reading_order
from gemctl.core.event import Event, Outcome, Saved, Status, Syncing, Transfer, Waiting, Working
from gemctl.core.graph import Graph
from gemctl.core.help import CodeHelp, FieldHelp, Help
from gemctl.core.live import LiveObject
from gemctl.core.moment import show_instant, wire_duration
from gemctl.core.plan import Plan
from gemctl.core.record import Ledger, MintedToken, Op, Record, has_failed, id_of, tag_of
from gemctl.core.resource import Harvest, TokenUsage, Ttl, Until
from gemctl.core.schedule import Upcoming
from gemctl.core.source import show_path
from gemctl.render import money

FORMAT = "1"


def text(document: Mapping[str, Any], *, indent: int | None = 2) -> str:
    """One JSON document of gemctl's, which says its format."""
    return foreign({"formatVersion": FORMAT, **document}, indent=indent)


def foreign(document: Any, *, indent: int | None = 2) -> str:
    """A document that has a format of its own. Escaped to ASCII, so that nothing in it can talk to a terminal."""
    return json.dumps(document, indent=indent, ensure_ascii=True)


def plan(plan: Plan, problems: Iterable[Diagnostic] = ()) -> dict[str, Any]:
    header = plan.header
    after = {step.address: [] for step in plan.steps}  # type: dict[Address, list[str]]
    owner = {step.id: step.address for step in plan.steps}
    for step in plan.steps:
        after[step.address] += [str(owner[i]) for i in step.after if i in owner and owner[i] != step.address]
    return {
        "formatVersion": FORMAT,
        "project": header.project,
        "stack": header.stack,
        "endpoint": header.endpoint,
        "lineage": header.lineage,
        "serial": header.serial,
        "madeAt": show_instant(header.made_at),
        "validUntil": _instant(header.valid_until),
        "nextDue": _instant(header.next_due),
        "summary": _summary(plan),
        **({"moved": [{"from": str(old), "to": str(new)} for old, new in plan.moved]} if plan.moved else {}),
        "cost": money.plan_document(plan.cost),
        "changes": [change(one, sorted(set(after.get(one.address, ())))) for one in plan.changes],
        "diagnostics": diagnostics([*plan.diagnostics, *problems]),
    }


def _summary(plan: Plan) -> dict[str, int]:
    """How many changes of each action, zeros too; the action of `--refresh-only` is there only if a change has it."""
    counts = plan.summary
    actions = (action.value for action in Action if action is not Action.REFRESH or counts.get(action.value))
    return {action: counts.get(action, 0) for action in actions}


def change(change: Change, after: Sequence[str] = ()) -> dict[str, Any]:
    """One change of a plan, and the addresses that are done before it."""
    return {
        "address": str(change.address),
        "action": change.action.value,
        "reason": change.reason.value,
        "name": change.name,
        "fields": [
            {"path": show_path(field.path), "before": field.before, "after": field.after} for field in change.fields
        ],
        "after": list(after),
        "until": _instant(change.valid_until),
        "harvestBefore": _instant(change.harvest_before),
        "tokens": change.tokens,
        "tokensEstimated": change.estimated,
        "tokenHours": round(change.tokens * change.hours, 3) if change.tokens and change.hours is not None else None,
        "cost": money.change_document(change),
        "note": change.note or None,
        **({"runs": upcoming(change.runs)} if change.runs else {}),
        **({"members": _members(change.members)} if change.members else {}),
        **({"partOf": str(change.part_of)} if change.part_of else {}),
    }


def upcoming(runs: Upcoming) -> dict[str, Any]:
    """The next times at which the service starts something: by the clocks of the zone, and in UTC."""
    at = [{"at": show_instant(one), "local": one.isoformat()} for one in runs.at]
    return {"timeZone": runs.zone, "next": at}


def _members(counts: MemberCounts) -> dict[str, Any]:
    indexed = counts.indexed
    return {
        "add": counts.add,
        "replace": counts.replace,
        "delete": counts.delete,
        "keep": counts.keep,
        "failed": counts.failed,
        "lost": counts.lost,
        "bytes": counts.bytes,
        "indexed": {"likely": indexed.likely, "low": indexed.low, "high": indexed.high},
    }


def event(event: Event) -> dict[str, Any]:
    """One line of `apply --json`."""
    if isinstance(event, Waiting):
        return {"type": "waiting", "why": event.why, "until": show_instant(event.until)}
    if isinstance(event, Transfer):
        return {"type": "transfer", "address": str(event.address), "done": event.done, "total": event.total}
    if isinstance(event, Syncing):
        return {"type": "members", "address": str(event.address), **_synced(event)}
    if isinstance(event, Working):
        return {"type": "run", **run(event)}
    return {
        "type": "step",
        "address": str(event.address),
        "operation": event.op.value,
        "status": event.status.value,
        "name": event.name,
        **({"members": _synced(event.members)} if event.members else {}),
        "diagnostic": diagnostics([event.diagnostic])[0] if event.diagnostic else None,
    }


def _synced(members: Syncing) -> dict[str, int]:
    return {"done": members.done, "failed": members.failed, "total": members.total}


def run(working: Working) -> dict[str, Any]:
    """How far a run is: as a line of `apply --wait --json` and `wait --json`, and at the end of the latter."""
    return {
        "address": str(working.address),
        "name": working.name or None,
        "state": working.state,
        "ended": working.ended,
        "requests": working.total,
        "done": working.done,
        "failed": working.failed,
        **({"parts": {"ended": working.parts[0], "count": working.parts[1]}} if working.parts else {}),
    }


def saved(one: Saved) -> dict[str, Any]:
    """Results that were saved: as a line of `apply --json`, and in `results --json`."""
    return {
        "address": str(one.address),
        "name": one.job,
        "file": one.path,
        "digest": one.harvest.digest,
        "at": show_instant(one.harvest.at),
        "succeeded": one.harvest.succeeded,
        "failed": one.harvest.failed,
        "blocked": one.harvest.blocked,
        "usage": usage(one.harvest),
        "cost": money.actual_document(one.cost),
    }


def usage(harvest: Harvest) -> dict[str, Any] | None:
    """The tokens that results used: of all requests but those with long prompts, which stand apart (see Harvest). None
    where they weren't counted.
    """
    if harvest.usage is None:
        return None
    return {**_tokens(harvest.usage), "longPrompt": _tokens(harvest.long) if harvest.long else None}


def _tokens(used: TokenUsage) -> dict[str, int]:
    return {
        "requests": used.requests,
        "promptTokens": used.prompt,
        "cachedTokens": used.cached,
        "outputTokens": used.output,
        "thoughtsTokens": used.thoughts,
        "uncounted": used.uncounted,
    }


def outcome(result: Outcome, next_due: datetime | None, problems: Iterable[Diagnostic] = ()) -> dict[str, Any]:
    """The last line of `apply --json`. `problems` are those of the run; a step's own are in its event."""
    return {
        "type": "outcome",
        "summary": {status.value: result.count(status) for status in Status if status is not Status.STARTED},
        "nextDue": _instant(next_due),
        "stoppedBy": result.stopped_by,
        "diagnostics": diagnostics(problems),
    }


def version(number: str) -> dict[str, Any]:
    """The version of gemctl."""
    return {"formatVersion": FORMAT, "version": number}


def exports(variables: Mapping[str, str]) -> dict[str, Any]:
    """What is to be in the environment of programs."""
    return {"formatVersion": FORMAT, "variables": dict(variables)}


def valid(found: Iterable[Diagnostic]) -> dict[str, Any]:
    found = tuple(found)
    return {"formatVersion": FORMAT, "valid": not errors(found), "diagnostics": diagnostics(found)}


def formatted(files: Iterable[str], problems: Iterable[Diagnostic], *, written: bool) -> dict[str, Any]:
    """The files that are, or would be, laid out anew."""
    return {"formatVersion": FORMAT, "files": list(files), "written": written, "diagnostics": diagnostics(problems)}


def diagnostics(found: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    return [
        {
            "severity": diagnostic.severity.value,
            "code": diagnostic.code,
            "summary": diagnostic.summary,
            "detail": diagnostic.detail,
            "hint": diagnostic.hint,
            "address": str(diagnostic.address) if diagnostic.address else None,
            "file": diagnostic.span.file if diagnostic.span else None,
            "line": diagnostic.span.line if diagnostic.span else None,
            "column": diagnostic.span.column if diagnostic.span else None,
        }
        for diagnostic in in_reading_order(found)
    ]


def graph(graph: Graph) -> dict[str, Any]:
    """The declared resources, and what each needs."""
    return {
        "formatVersion": FORMAT,
        "nodes": [str(node) for node in graph.nodes],
        "edges": [{"from": str(above), "to": str(below)} for above, below in graph.edges],
    }


def help(help: Help) -> dict[str, Any]:  # noqa: A001, A002  the word for it
    """A field, and the fields below it."""
    below = [_field_help(field) for field in help.below]
    return {"formatVersion": FORMAT, **_field_help(help.field), "fields": below}


def code(code: CodeHelp) -> dict[str, Any]:
    """What the code of a diagnostic means."""
    return {
        "formatVersion": FORMAT,
        "code": code.code,
        "severity": code.severity.value,
        "summary": code.summary,
        "about": code.about,
        "description": code.text,
    }


def _field_help(field: FieldHelp) -> dict[str, Any]:
    return {
        "name": field.name,
        "type": field.type,
        "required": field.required,
        "default": field.default,
        "limits": list(field.limits),
        "description": field.description,
    }


def outputs(records: Mapping[Address, Record]) -> dict[str, Any]:
    """Names and outputs of bound resources, by their addresses."""
    found = {str(at): {"kind": at.kind, **record.outputs, "name": record.name} for at, record in records.items()}
    return {"formatVersion": FORMAT, "outputs": found}


def recorded(address: Address, record: Record) -> dict[str, Any]:
    """All that is recorded of one resource."""
    return {
        "address": str(address),
        "name": record.name,
        "origin": record.origin.value,
        "specTag": record.spec_tag,
        "markedAs": record.address_tag,
        "displayNameEchoed": record.echoed,
        "sent": record.fields,
        "ttl": wire_duration(record.expiry.ttl) if isinstance(record.expiry, Ttl) else None,
        "expireTime": _instant(record.expiry.expire_time) if isinstance(record.expiry, Until) else None,
        "createTime": _instant(record.created),
        "deadline": _instant(record.deadline),
        "tokens": record.tokens,
        "facts": record.outputs,
        "preventDestroy": record.prevent_destroy,
        "retire": wire_duration(record.retire),
        **(_ran(record) if record.run else {}),
    }


def members(rows: Mapping[str, str]) -> dict[str, Any]:
    """What is recorded of the many objects that lie under one, by their paths."""
    return {path: {"id": id_of(row), "specTag": tag_of(row), "failed": has_failed(row)} for path, row in rows.items()}


def _ran(record: Record) -> dict[str, Any]:
    """The fields that the record of a run has besides."""
    harvest = record.harvest
    return {
        "attempt": record.attempt,
        "uses": list(record.uses),
        "results": record.run.results if record.run else None,
        "harvest": {
            "digest": harvest.digest,
            "at": show_instant(harvest.at),
            "succeeded": harvest.succeeded,
            "failed": harvest.failed,
            "blocked": harvest.blocked,
            "usage": usage(harvest),
        }
        if harvest
        else None,
    }


def ledger(ledger: Ledger) -> dict[str, Any]:
    """Bindings, older generations, creates whose outcome is open, and tokens that may be in use."""
    return {
        "formatVersion": FORMAT,
        "lineage": ledger.lineage,
        "serial": ledger.serial,
        "records": [recorded(address, record) for address, record in sorted(ledger.records.items())],
        "retiring": [
            {"address": str(old.address), "name": name, "deadline": _instant(old.deadline)}
            for name, old in sorted(ledger.retiring.items())
        ],
        "handedOver": [
            {"address": str(one.address), "name": name, "to": one.to} for name, one in sorted(ledger.handed.items())
        ],
        "intents": [
            {"address": str(intent.address), "operation": intent.op.value, "at": _instant(intent.at)}
            for intent in ledger.intents.values()
            if intent.op is not Op.MINT
        ],
        **mints(ledger),
    }


def mints(ledger: Ledger, address: Address | None = None) -> dict[str, Any]:
    """Tokens that may be in use, of one policy or all: minted ones, and those of mints that were never answered."""
    return {
        "mintedTokens": [
            {"address": str(minted.address), **token(minted.token)}
            for minted in sorted(ledger.tokens.values(), key=lambda minted: minted.token.at)
            if address in (None, minted.address)
        ],
        "unknownTokens": [
            {"address": str(intent.address), "at": _instant(intent.at), "expireTime": _instant(intent.deadline)}
            for intent in ledger.open_mints
            if address in (None, intent.address)
        ],
    }


def token(token: MintedToken) -> dict[str, Any]:
    """A token without its value."""
    return {
        "digest": token.digest,
        "mintTime": show_instant(token.at),
        "expireTime": show_instant(token.expires),
        "newSessionExpireTime": show_instant(token.new_session_expires),
        "uses": token.uses,
    }


def owned(item: LiveObject, owner: str, remaining: float | None) -> dict[str, Any]:
    """A live object, as `get` shows it."""
    return {
        "kind": item.kind,
        "name": item.name,
        "owner": owner or None,
        "displayName": item.shown_name,
        **item.fields,
        "createTime": _instant(item.created),
        "expireTime": _instant(item.deadline),
        "remainingSeconds": round(remaining, 3) if remaining is not None else None,
        "totalTokenCount": item.tokens,
    }


def _instant(instant: datetime | None) -> str | None:
    return show_instant(instant) if instant else None
