"""Writes all that is known of one address: as text for people, and as a document. Called by `gemctl describe`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from gemctl.core.change import Change
from gemctl.core.description import Description
from gemctl.core.live import LiveObject
from gemctl.core.moment import show_duration, show_instant
from gemctl.core.record import Record
from gemctl.core.resource import Resource, Ttl, Until
from gemctl.render import human, json, money
from gemctl.render.paint import Paint
from gemctl.render.safe import safe

Line = tuple[str, str]  # what it is about, and what is said


def text(one: Description, paint: Paint) -> str:
    """Sections with a title each; what says nothing is left out."""
    sections: list[tuple[str, list[Line]]] = [
        ("declared", [line for resource in one.resources for line in _declared(resource)]),
        *(("live", list(_live(item, one.now))) for item in one.live),
        *(("recorded", list(_recorded(record))) for record in one.records.values()),
        ("recorded besides", list(_besides(one))),
        *(("next apply", list(_change(change, one.now))) for change in one.changes),
        ("refers to", [("", str(address)) for address in one.needs]),
        ("referred to by", [("", str(address)) for address in one.needed_by]),
    ]
    if not one.live:
        sections.insert(1, ("live", [("", "nothing")]))
    width = max(len(title) for _, lines in sections for title, _ in lines) + 2
    shown = [paint(str(one.address), "bold")]
    for title, lines in sections:
        if lines:
            shown += ["", title.capitalize()]
            shown += [f"  {about:<{width if about else 0}}{safe(said)}" for about, said in lines]
    return "\n".join(shown)


def _declared(resource: Resource) -> Iterator[Line]:
    root, lifecycle = resource.positions.root, resource.lifecycle
    yield "in", f"{root.file}:{root.line}"
    if resource.generated_by:
        yield "comes with", str(resource.generated_by)
    for title, pairs in (("labels", resource.labels), ("annotations", resource.annotations)):
        if pairs:
            yield title, ", ".join(f"{name}={value}" for name, value in sorted(pairs.items()))
    yield from (("publish", " ".join(filter(None, (one.form, one.file, one.key)))) for one in resource.publish)
    if lifecycle.renew_before is not None:
        yield "renewBefore", show_duration(lifecycle.renew_before)
    if lifecycle.on_demand:
        yield "made", "when something that refers to it is"
    if lifecycle.prevent_destroy:
        yield "preventDestroy", "true"


def _live(item: LiveObject, now: datetime) -> Iterator[Line]:
    yield "name", item.name
    counts = item.counts
    said = {
        "display name": human.readable(item),
        "model": str(item.fields.get("model") or item.model).removeprefix("models/"),
        "state": item.state.lower().replace("_", " "),
        "why": item.why or item.halted,
        "requests": f"{counts.total:,}, {counts.succeeded:,} succeeded, {counts.failed:,} failed" if counts else "",
        "tokens": f"{item.tokens:,}" if item.tokens is not None else "",
        "holds": f"{item.held:,}" if item.held is not None else "",
        "created": _instant(item.created) if item.created else "",
        "expires": _due(item.deadline, now) if item.deadline else "",
    }
    yield from ((about, value) for about, value in said.items() if value)


def _recorded(record: Record) -> Iterator[Line]:
    yield "name", record.name
    yield "origin", record.origin.value
    if isinstance(record.expiry, Ttl):
        yield "ttl", show_duration(record.expiry.ttl)
    if isinstance(record.expiry, Until):
        yield "expireTime", show_instant(record.expiry.expire_time)
    if record.run:
        yield "attempt", str(record.attempt)
        yield "results", record.run.results or "in the receipt"
    if record.harvest:
        yield "saved", f"{_instant(record.harvest.at)}, {record.harvest.succeeded:,} responses"


def _besides(one: Description) -> Iterator[Line]:
    for name, old in sorted(one.retiring.items()):
        end = f" until {_instant(old.deadline)}" if old.deadline else ""
        yield ("earlier run" if old.record else "retiring"), f"{name}{end}"
    yield from ((f"open {intent.op.value}", f"since {_instant(intent.at)}") for intent in one.intents)


def _change(change: Change, now: datetime) -> Iterator[Line]:
    name = f", {change.name}" if change.name else ""
    yield change.action.value, f"{change.reason.value.replace('_', ' ')}{name}"
    if change.next_due:
        yield "due next", _due(change.next_due, now)
    if change.valid_until and change.valid_until != change.next_due:
        yield "decided until", _due(change.valid_until, now)
    if change.runs:
        yield "started next", human.runs(change.runs)
    yield from (("money", line) for line in money.change(change.cost, verbose=True))
    if change.note:
        yield "note", change.note


def _due(at: datetime, now: datetime) -> str:
    return f"{_instant(at)} (in {show_duration(at - now)})" if at > now else f"{_instant(at)} (now)"


def _instant(at: datetime) -> str:
    return show_instant(at.replace(microsecond=0))


def document(one: Description) -> dict[str, Any]:
    """The same, for programs: parts as in `plan --json`, `get --json` and `state show`."""
    return {
        "formatVersion": json.FORMAT,
        "address": str(one.address),
        "at": show_instant(one.now),
        "declared": [_place(resource) for resource in one.resources],
        "live": [
            {
                **json.owned(
                    item, str(one.address), (item.deadline - one.now).total_seconds() if item.deadline else None
                ),
                "state": item.state or None,
            }
            for item in one.live
        ],
        "recorded": [json.recorded(address, record) for address, record in one.records.items()],
        "retiring": [{"name": name, "address": str(old.address)} for name, old in sorted(one.retiring.items())],
        "intents": [
            {"operation": intent.op.value, "at": show_instant(intent.at), "name": intent.name} for intent in one.intents
        ],
        "changes": [
            {**json.change(change), "nextDue": show_instant(change.next_due) if change.next_due else None}
            for change in one.changes
        ],
        "refersTo": [str(address) for address in one.needs],
        "referredToBy": [str(address) for address in one.needed_by],
        "diagnostics": json.diagnostics(one.diagnostics),
    }


def _place(resource: Resource) -> dict[str, Any]:
    root, lifecycle = resource.positions.root, resource.lifecycle
    before = lifecycle.renew_before
    return {
        "address": str(resource.address),
        "file": root.file,
        "line": root.line,
        "column": root.column,
        "labels": dict(resource.labels),
        "annotations": dict(resource.annotations),
        "comesWith": str(resource.generated_by) if resource.generated_by else None,
        "renewBefore": show_duration(before) if before is not None else None,
        "preventDestroy": lifecycle.prevent_destroy,
        "publish": [{"form": one.form, "file": one.file, "key": one.key} for one in resource.publish],
    }
