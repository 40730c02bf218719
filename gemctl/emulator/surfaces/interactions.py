"""Serves interactions: create, get, cancel, delete, and what is streamed of them (types and requests of the official
SDKs; the guide on ai.google.dev; bodies and refusals that users of the live service have published in 2026).

Called by `app` through the table of `surfaces`, also when one in the background is due to end. Separate as every kind
is; `interaction_life` has what becomes of an interaction. There is one revision, that of steps: a call of the time
before, with turns or by an SDK of then, is told to upgrade. There is no list. A create shows the steps of the answer
alone, a read all of them, those that were given first, whatever `include_input` says; settings are never shown.

Assumptions, as nothing was published: one that is not there, was deleted or has expired is a 404, also as
`previous_interaction_id`; one that has ended, or was not in the background, cannot be cancelled (400); a
`last_event_id` of no event is a 400; a stream whose interaction is deleted ends with an error.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gemctl.emulator import gaos, interaction_events, interaction_life, interaction_rules, paging, times
from gemctl.emulator.interaction_events import COLLECTION, DONE, Event
from gemctl.emulator.interaction_messages import CREATE
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.wire import Response, Stream

_LEAST_PAUSE, _LONGEST_PAUSE = 0.001, 0.1  # seconds between two looks at one that runs
_SSE = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}


def _create(call: Call) -> Mapping[str, Any] | Response:
    interaction_rules.check_age(call.request)
    body = gaos.read(call, CREATE)
    row = interaction_life.begin(call, body)
    if body.get("stream"):
        return _streamed(call, row, 0)
    return _shown(call, row, with_input=False)


def _get(call: Call) -> Mapping[str, Any] | Response:
    interaction_rules.check_age(call.request)
    row = gaos.found(call, COLLECTION, "Interaction")
    if not _flag(call, "stream"):
        return _shown(call, row, with_input=True)
    last = paging.first(call.request.query, "last_event_id")
    had = interaction_events.after(_events(call, row), last) if last else 0
    if had is None:
        raise gaos.invalid("The value is invalid for 'last_event_id'. The interaction has no such event.")
    return _streamed(call, row, had)


def _cancel(call: Call) -> Mapping[str, Any]:
    row = interaction_life.cancel(call, gaos.found(call, COLLECTION, "Interaction"))
    return _shown(call, row, with_input=True)


def _delete(call: Call) -> Mapping[str, Any]:
    interaction_life.remove(call, gaos.found(call, COLLECTION, "Interaction"))
    return {}


def _flag(call: Call, name: str) -> bool:
    text = paging.first(call.request.query, name) or "false"
    if text not in ("true", "false"):
        raise gaos.invalid(f"The value is invalid for '{name}'. Expected a boolean, got string.")
    return text == "true"


# Replies


def _shown(call: Call, row: Row, *, with_input: bool) -> dict[str, Any]:
    now = call.world.instant if call.world.shown_instant is None else call.world.shown_instant
    given, made = interaction_life.timeline(call, row)
    state = interaction_events.status(row, now)
    over = row.body["ended"] is not None
    shown = {
        **interaction_events.brief(row, state),
        "created": times.format_timestamp(row.created, 0),
        "updated": times.format_timestamp(row.updated, 0),
        "service_tier": row.body["tier"],
        "steps": [*(given if with_input else ()), *interaction_events.ended_steps(row, made, now)],
        **row.body["echo"],
    }
    if row.body["environment"]:
        shown["environment_id"] = row.body["environment"]
    if over and row.body["errors"] and state == "failed":
        shown["errors"] = row.body["errors"]
    return shown


def _events(call: Call, row: Row) -> list[Event]:
    return interaction_events.of(row, interaction_life.timeline(call, row)[1])


def _streamed(call: Call, row: Row, had: int) -> Response:
    steps = interaction_life.timeline(call, row)[1]
    return Response(200, _SSE, stream=Stream(None, _following(call, row, steps, had)))


def _following(call: Call, row: Row, steps: Sequence[Mapping[str, Any]], had: int) -> Iterator[bytes | float]:
    """The events after the first `had`, as they come, and pauses between them. Each is asked for within a turn."""
    while True:
        events = interaction_events.of(row, steps)
        due = [event for event in events[had:] if event.at <= call.world.instant]
        for event in due:
            yield event.sent()
        had += len(due)
        if had == len(events) and row.body["ended"] is not None:
            yield DONE
            return
        upcoming = events[had].at - call.world.instant if had < len(events) else times.SECOND
        yield min(max(upcoming / times.SECOND, _LEAST_PAUSE), _LONGEST_PAUSE)
        current = call.world.get(COLLECTION, row.project, row.name)
        if current is None:
            yield Event("error", 0, {"error": {"code": "not_found", "message": "Interaction not found."}}).sent()
            return
        row = current


SURFACE = Surface(
    COLLECTION,
    tuple(
        Route(method, template, gaos.speaking(handler))
        for method, template, handler in (
            ("POST", "interactions", _create),
            ("GET", "interactions/{id}", _get),
            ("POST", "interactions/{id}/cancel", _cancel),
            ("DELETE", "interactions/{id}", _delete),
        )
    ),
    interaction_life.wake,
)
