"""Begins interactions, moves those in the background on, and ends them.

Called by the surface, and by others whose work is an interaction of an agent: `start` begins one, `outcome` says how it
ended, `stop` cancels it. Separate because the surface is about requests and replies, this about rows.

The answer is made when an interaction is created, and time reveals it (`interaction_events`). In the foreground it ends
at that instant. In the background it is queued, then in progress, for as long as the knobs say; then it is what the
answer is: completed, or it waits for results of functions, was cut off, or has failed. A text may ask for another end
(`markers`).

Assumptions: a refusal that a text asks for is the answer of a call in the foreground, and the end of one in the
background, which has failed then; what was written before it was cancelled is paid for; one that is deleted while it
runs is not seen any more, goes on, and is paid for, and its end is announced to nobody.

In the world: the collection `interactions`; input and answer are a blob beside it. One that is not stored is gone at
the instant in which it is made.
"""

import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gemctl.emulator import (
    agents,
    deliveries,
    gaos,
    interaction_answers,
    interaction_events,
    interaction_hops,
    interaction_rules,
    markers,
    times,
)
from gemctl.emulator.catalogue import Model
from gemctl.emulator.gaos import Refused
from gemctl.emulator.interaction_answers import Answer
from gemctl.emulator.interaction_events import COLLECTION, IN_PROGRESS
from gemctl.emulator.interaction_messages import CREATE
from gemctl.emulator.routing import Call
from gemctl.emulator.rows import Row

_EVENTS = {
    "completed": "interaction.completed",
    "failed": "interaction.failed",
    "requires_action": "interaction.requires_action",
}
_ID_LETTERS = string.ascii_letters + string.digits + "-_"
_ID = 62
_ENVIRONMENT_LETTERS = string.digits + "abcdef"
_ECHOED = ("labels", "system_instruction", "webhook_config", "previous_interaction_id")


def begin(call: Call, body: Mapping[str, Any]) -> Row:
    """Make the interaction of a body that has been read, or refuse it. It has ended already, unless it is in the
    background."""
    hop = _hop(call, body)
    body = {**body, "input": hop.given}
    interaction_rules.check(body)
    model, origin, whole = _answering(call, body)
    interaction_rules.check_agent(origin, background=body.get("background", False))
    before = _before(call, hop.previous)
    interaction_rules.check_calls(before, hop.given)
    answer = _answer(call, model, whole, before, origin)
    rest: Sequence[Mapping[str, Any]] = ()
    if hop.named:
        interaction_hops.check(hop.named, model.name, hop.given)
        _, answer = interaction_hops.hops(answer, hop.rest)
    elif interaction_hops.is_asked(hop.given) and not body.get("background"):
        answer, second = interaction_hops.hops(answer)
        rest = second.steps
    return _make(call, body, hop, answer, rest)


def start(call: Call, given: Mapping[str, Any]) -> str:
    """Begin the interaction of an agent in the background, from a body as it would be sent; gives its id. Raises the
    refusal that a create would be answered with."""
    return interaction_events.shown_id(begin(call, gaos.checked({**given, "background": True, "store": True}, CREATE)))


@dataclass(frozen=True)
class _Hop:
    """What an interaction is to answer: the input that is `given`, now or before, after the interaction `previous`.
    `kept` is what it has of that itself, `named` the token of the hop before, and `rest` what that left to say, where
    it is stored."""

    given: list[dict[str, Any]]
    kept: list[dict[str, Any]]
    previous: str | None
    named: str = ""
    rest: list[dict[str, Any]] | None = None


def _hop(call: Call, body: Mapping[str, Any]) -> _Hop:
    given, previous = body.get("input", []), body.get("previous_interaction_id")
    named = body.get("continuation_token", "")
    if not named or given or not previous:
        return _Hop(given, given, previous, named)
    row = _found(call, previous)
    kept = _read(call, row)
    return _Hop(kept["given"], [], row.body["previous"], named, kept["rest"])


def _answering(call: Call, body: Mapping[str, Any]) -> tuple[Model, str, Mapping[str, Any]]:
    """Who answers: a model, and the agent of the service that it is taken for; and the body with what an agent of the
    project adds to it. The body's own settings go before."""
    agent = body.get("agent", "")
    if not agent:
        name = body["model"] if body["model"].startswith("models/") else f"models/{body['model']}"
        return call.catalogue.find(name, version=call.version, method="generateContent"), "", body
    passed: set[str] = set()
    origin = agent
    while origin not in agents.BUILT_IN:
        row = agents.own(call, origin)
        if row is None or origin in passed:
            raise Refused(404, f"Agent '{agent[:80]}' not found.")
        passed.add(origin)
        added = {name: row.body[name] for name in ("system_instruction", "tools", "agent_config") if row.body.get(name)}
        body = {**added, **body}
        origin = str(row.body["base_agent"])
    return Model(agent, "", agent, ""), origin, body


def _answer(
    call: Call, model: Model, body: Mapping[str, Any], before: Sequence[Mapping[str, Any]], origin: str
) -> Answer:
    try:
        return interaction_answers.answer(call, model, body, before, origin)
    except markers.Asked as refusal:
        if not body.get("background"):
            raise
        return Answer([], "failed", {}, errors=(gaos.told(refusal),))


def _before(call: Call, previous: str | None) -> list[Mapping[str, Any]]:
    """The steps of all interactions that this one follows, the oldest first. Where the first of them are gone, it goes
    on from those that are left."""
    turns: list[list[Mapping[str, Any]]] = []
    while previous and (not turns or _get(call, previous) is not None):
        row = _found(call, previous)
        if row.body["ended"] is None:
            raise Refused(400, f"Interaction '{previous[:80]}' is still in progress.")
        given, made = timeline(call, row)
        turns.append([*given, *interaction_events.ended_steps(row, made, call.world.instant)])
        previous = row.body["previous"]
    return [step for turn in reversed(turns) for step in turn]


def _get(call: Call, interaction: str) -> Row | None:
    return call.world.get(COLLECTION, call.project, f"{COLLECTION}/{interaction}")


def _found(call: Call, interaction: str) -> Row:
    row = _get(call, interaction)
    if row is None:
        raise Refused(404, f"Interaction '{interaction[:80]}' not found.")
    return row


def _make(call: Call, body: Mapping[str, Any], hop: _Hop, answer: Answer, rest: Sequence[Mapping[str, Any]]) -> Row:
    now, background = call.world.instant, body.get("background", False)
    fate = markers.interaction_fate(interaction_answers.texts(hop.given))
    stays = fate.stays if background else ""
    queued = times.span(call.interacting.queued) if background else 0
    length = times.span(call.interacting.running) if background else 0
    errors = list(answer.errors)
    if fate.ends == "failed" and not errors:
        errors = [{"code": "internal", "message": "This end was asked for by the input: failed."}]
    kept = {
        "model": body.get("agent") or body["model"].removeprefix("models/"),
        "agent": body.get("agent", ""),
        "displayName": "",
        "state": IN_PROGRESS,
        "background": background,
        "queued": queued,
        "length": length,
        "stays": stays,
        "ends": fate.ends or answer.status,
        "errors": errors,
        "usage": answer.usage,
        "used": answer.used,
        "tier": body.get("service_tier", "standard"),
        "previous": body.get("previous_interaction_id", ""),
        "environment": _environment(call, body),
        "echo": {field: body[field] for field in _ECHOED if body.get(field)},
        "timeline": _keep(call, hop.kept, answer.steps, rest),
        "ended": None,
    }
    kept["token"] = interaction_hops.token(kept["model"], hop.given) if answer.status == interaction_hops.WAITS else ""
    stored = body.get("store", True)
    expires = now + times.span(call.interacting.retention) if stored else now
    if not background:
        kept |= {"state": kept["ends"], "ended": now}
    due = None if stays or not background else now + queued + length
    fresh = f"{COLLECTION}/v1_{call.world.draw(_ID_LETTERS, _ID)}"
    row = call.world.create(COLLECTION, call.project, kept, name=fresh, expires=expires, due=due)
    if not background:
        _bill(call, row)
    return row


def _environment(call: Call, body: Mapping[str, Any]) -> str:
    """The id of the environment that it runs in; a new one's is a UUID."""
    given = body.get("environment")
    if given is None:
        return ""
    named = given if isinstance(given, str) else given.get("environment_id", "remote")
    if named != "remote":
        return str(named)
    made = call.world.draw(_ENVIRONMENT_LETTERS, 32)
    return "-".join((made[:8], made[8:12], f"4{made[13:16]}", f"8{made[17:20]}", made[20:]))


def wake(call: Call, row: Row) -> None:
    """End one whose time has come."""
    _end(call, row, row.body["ends"])


def cancel(call: Call, row: Row) -> Row:
    """End one that runs in the background before its time, and keep the steps that have ended."""
    if row.body["ended"] is not None or not row.body["background"]:
        state = row.body["state"] if row.body["background"] else "no background interaction"
        raise Refused(400, f"Interaction cannot be cancelled: it is {state}.")
    return _end(call, row, "cancelled")


def _end(call: Call, row: Row, state: str) -> Row:
    body = {**row.body, "state": state, "ended": call.world.instant}
    if state == "cancelled":
        body |= _part(call, row)
    ended = call.world.patch(row, "ended", body=body, due=None)
    _bill(call, ended)
    if state in _EVENTS:
        why = body["errors"][0] if state == "failed" and body["errors"] else None
        told = {"error_code": why["code"], "error_message": why["message"]} if why else {}
        own = row.body["echo"].get("webhook_config", {})
        hooks = {"uris": own.get("uris"), "userMetadata": own.get("user_metadata")}
        deliveries.announce(call, _EVENTS[state], {"id": interaction_events.shown_id(row), **told}, hooks)
    return ended


def _part(call: Call, row: Row) -> dict[str, Any]:
    """The tokens of one that was cancelled: its input, and of its output as much as its part of the time."""
    used, usage = row.body["used"], row.body["usage"]
    if not used:
        return {}
    since = max(0, call.world.instant - row.created - row.body["queued"])
    length = row.body["length"] or 1
    wrote, thought = (
        usage[name] * min(since, length) // length for name in ("total_output_tokens", "total_thought_tokens")
    )
    usage = {
        **{name: value for name, value in usage.items() if name != "output_tokens_by_modality"},
        "total_output_tokens": wrote,
        "total_thought_tokens": thought,
        "total_tokens": usage["total_input_tokens"] + wrote + thought,
    }
    return {"usage": usage, "used": {**used, "output": wrote + thought}}


def remove(call: Call, row: Row) -> None:
    """Delete one, whether or not it runs."""
    call.world.delete(row)
    if row.body["ended"] is None:
        _bill(call, row)
    call.blobs.discard(row.body["timeline"])


def outcome(call: Call, interaction: str) -> tuple[str, list[Mapping[str, str]]] | None:
    """The status of an interaction, and its errors; None if it is not there."""
    row = _get(call, interaction)
    return None if row is None else (interaction_events.status(row, call.world.instant), row.body["errors"])


def stop(call: Call, interaction: str) -> None:
    """Cancel an interaction, if it is there and runs."""
    row = _get(call, interaction)
    if row is not None and row.body["ended"] is None:
        cancel(call, row)


def timeline(call: Call, row: Row) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The steps that were given, and those of the answer, however much of it has come. Raises a 404 for one whose
    bytes are gone: a stale read of one that has been deleted since."""
    kept = _read(call, row)
    return kept["given"], kept["made"]


def _read(call: Call, row: Row) -> dict[str, Any]:
    try:
        kept: dict[str, Any] = json.loads(b"".join(call.blobs.read(row.body["timeline"])))
    except FileNotFoundError:
        raise Refused(404, "Interaction not found.") from None
    return kept


def _keep(call: Call, given: Sequence[Any], made: Sequence[Any], rest: Sequence[Any]) -> str:
    blob = call.blobs.new()
    call.blobs.append(blob, json.dumps({"given": given, "made": made, "rest": rest}).encode())
    return blob


def _bill(call: Call, row: Row) -> None:
    if row.body["used"]:
        call.world.use(call.project, "interaction", row.body["model"], row.body["used"])
