"""Makes the events of an interaction's life: what a stream says of it, and when.

Called by `interaction_life`, which shows the steps that have ended, and by the surface, which streams. Separate because
it is pure: all that an interaction will say is known when it is made, and time reveals it. So a stream that is opened
late, or again, says what it would have said, and what is read without one agrees with it.

The order of events, and what is in them, follow records of the live service that were published in 2026. Only
interactions in the background number their events, and of these not the updates of the status. Assumptions: the events
of an answer come evenly over its time; one that was cancelled, or has failed, ends with `interaction.completed` and
that status, after an `error` for one that failed.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gemctl.emulator import chunks, times
from gemctl.emulator.rows import Row

DONE = b"event: done\ndata: [DONE]\n\n"
IN_PROGRESS, QUEUED = "in_progress", "queued"
COLLECTION = "interactions"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class Event:
    """One event: its name, when it comes, and what it says. `id` is empty for one without a number; `closes` is the
    number of the steps that have ended with it."""

    name: str
    at: int
    data: Mapping[str, Any]
    id: str = ""
    closes: int = 0

    def sent(self) -> bytes:
        """As it is sent."""
        numbered = {"event_id": self.id} if self.id else {}
        text = _encode({"event_type": self.name, **self.data, **numbered})
        return f"event: {self.name}\ndata: {text}\n\n".encode("utf-8", "replace")


def of(row: Row, steps: Sequence[Mapping[str, Any]]) -> list[Event]:
    """All events of an interaction that it had or will have, if it is left alone. `steps` are those of its answer."""
    body, inner = row.body, list(_of_steps(steps))
    start, over = row.created + body["queued"], body["ended"] is not None
    end = body["ended"] if over else start + body["length"]
    first = IN_PROGRESS if start == row.created else QUEUED
    events = [Event("interaction.created", row.created, {"interaction": brief(row, first)})]
    if start <= end:
        said = {"interaction_id": shown_id(row), "status": IN_PROGRESS}
        events.append(Event("interaction.status_update", start, said))
    most = len(inner) // 2 if body["stays"] else len(inner)
    closed = 0
    for number, (name, data) in enumerate(inner[:most], start=1):
        at = start + body["length"] * number // (len(inner) + 1)
        if at > end:
            break
        closed += name == "step.stop"
        events.append(Event(name, at, data, closes=closed))
    if over or not body["stays"]:
        final = body["state"] if over else body["ends"]
        events += (Event("error", end, {"error": error}) for error in body["errors"] if final == "failed")
        events.append(Event("interaction.completed", end, {"interaction": brief(row, final)}, closes=closed))
    return _numbered(row, events)


def status(row: Row, now: int) -> str:
    """The status at that instant."""
    if row.body["ended"] is not None:
        return str(row.body["state"])
    return QUEUED if now < row.created + row.body["queued"] else IN_PROGRESS


def ended_steps(row: Row, steps: Sequence[Mapping[str, Any]], now: int) -> list[Mapping[str, Any]]:
    """The steps of the answer that have ended by that instant."""
    closed = max((event.closes for event in of(row, steps) if event.at <= now), default=0)
    return list(steps[:closed])


def shown_id(row: Row) -> str:
    return row.name.removeprefix(f"{COLLECTION}/")


def brief(row: Row, state: str) -> dict[str, Any]:
    """The interaction as events show it: without steps."""
    over = state not in (IN_PROGRESS, QUEUED)
    answering = {"agent": row.body["agent"]} if row.body["agent"] else {"model": row.body["model"]}
    return {
        "id": shown_id(row),
        "status": state,
        "object": "interaction",
        **answering,
        **({"continuation_token": row.body["token"]} if row.body["token"] else {}),
        **(
            {
                "created": times.format_timestamp(row.created, 0),
                "updated": times.format_timestamp(row.updated, 0),
                "service_tier": row.body["tier"],
                "usage": row.body["usage"],
            }
            if over
            else {}
        ),
    }


def after(events: Sequence[Event], event_id: str) -> int | None:
    """How many events a reader has had that names the last one; None where none of them has that id."""
    found = [number for number, event in enumerate(events, start=1) if event.id == event_id]
    return found[0] if found else None


def _numbered(row: Row, events: list[Event]) -> list[Event]:
    if not row.body["background"]:
        return events
    return [
        Event(event.name, event.at, event.data, "" if _is_bare(event) else _id(number, event), event.closes)
        for number, event in enumerate(events)
    ]


def _is_bare(event: Event) -> bool:
    return event.name in ("interaction.status_update", "error")


def _id(number: int, event: Event) -> str:
    text = f"{event.data.get('index', 0)}_{event.name.rpartition('.')[2]}_{number}"
    return "v1_" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


# Steps


def _of_steps(steps: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for index, step in enumerate(steps):
        first, deltas = _parts(step)
        yield "step.start", {"index": index, "step": first}
        for delta in deltas:
            yield "step.delta", {"index": index, "delta": delta}
        yield "step.stop", {"index": index}


def _parts(step: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    """How a step begins, and what comes to it."""
    match step["type"]:
        case "thought":
            summaries = [{"type": "thought_summary", "content": each} for each in step.get("summary", ())]
            return {"type": "thought"}, [*summaries, {"type": "thought_signature", "signature": step["signature"]}]
        case "model_output":
            return {"type": "model_output"}, [delta for content in step["content"] for delta in _content(content)]
        case "function_call":
            text = json.dumps(step["arguments"], ensure_ascii=False)
            pieces = [{"type": "arguments_delta", "arguments": piece} for piece in chunks.pieces(text)]
            return {**step, "arguments": {}}, pieces
        case _:
            return step, []


def _content(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if content["type"] == "text":
        yield from ({"type": "text", "text": piece} for piece in chunks.pieces(content["text"]))
    else:
        yield dict(content)
