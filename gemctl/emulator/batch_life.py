"""Says how a batch lives: how it is made, moves on by the clock, is cancelled, ends, and what there is of it.

Called by the surfaces that serve batches, native and in OpenAI's shape. Separate because both show the same rows, and
because this is about states and times, while `batch_work` answers the requests. A batch is PENDING, then RUNNING, then
one of SUCCEEDED, FAILED, CANCELLED and EXPIRED. Where the reference is silent, the behaviour follows published answers
of the live service:

* A cancel ends a pending batch as CANCELLED with error 13. A running one SUCCEEDS at once with its finished items; the
  rest have error 1. A batch that has ended is not changed.
* SUCCEEDED says nothing of the items: they may all have failed.

Assumptions: a missing batch is a 404, as other operations are. A delete removes the record in any state and is no
cancel: there will be no output, and work that the service still does is not visible. The record of an ended batch
stays for `Pace.retention`. A batch with more tokens than may be enqueued for its model is refused as one that comes
when there is no room. `deliveries` tells webhooks of its end.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from gemctl.emulator import batch_work, deliveries, markers, times
from gemctl.emulator.routing import Call
from gemctl.emulator.rows import Row
from gemctl.emulator.surfaces import files
from gemctl.emulator.wire import Refusal

COLLECTION = "batches"

_ID = 36
_JSONL = "application/jsonl"
_PENDING, _RUNNING, _SUCCEEDED = "BATCH_STATE_PENDING", "BATCH_STATE_RUNNING", "BATCH_STATE_SUCCEEDED"
_CANCELLED, _FAILED, _EXPIRED = "BATCH_STATE_CANCELLED", "BATCH_STATE_FAILED", "BATCH_STATE_EXPIRED"
_EVENTS = {_SUCCEEDED: "batch.succeeded", _FAILED: "batch.failed", _EXPIRED: "batch.expired"}
_WITHOUT_OUTPUT = {"CANCELLED": 13, "FAILED": 13, "EXPIRED": 4}  # by default with these codes of google.rpc.Code


def enqueue(
    call: Call,
    method: str,
    model: str,
    tokens: int,
    *,
    file: str = "",
    requests: Sequence[Mapping[str, Any]] = (),
    display_name: str = "",
    **more: Any,
) -> Row:
    """A new batch of requests that were checked: those of a file, or those that are given. `more` is for the row."""
    _check_room(call, model, tokens)
    body = {
        "model": model,
        "displayName": display_name,
        "method": method,
        "state": _PENDING,
        "file": file,
        "input": batch_work.keep(call, requests) if requests else "",
        "results": "",
        "count": len(requests),
        "tokens": tokens,
        **more,
    }
    now = call.world.instant
    starts = None if markers.fate(display_name).stays == _PENDING else now + times.span(call.pace.pending)
    due = _at_most(call, now, starts)
    fresh = call.world.new_name(COLLECTION, _ID)
    return call.world.create(COLLECTION, call.project, body, due=due, name=fresh)


def find(call: Call) -> Row:
    """The batch that the path's `id` names, or the 404."""
    own = call.params["id"].removeprefix(f"{COLLECTION}/")
    row = call.world.get(COLLECTION, call.project, f"{COLLECTION}/{own}")
    if row is None:
        raise Refusal(404, "Requested entity was not found.")
    return row


def cancel(call: Call, row: Row) -> None:
    """End it with what is finished, if it has not ended."""
    if "ended" in row.body:
        return
    if "began" in row.body:
        _end(call, row, _SUCCEEDED, done=_finished(row, call.world.instant))
    else:
        _end(call, row, _CANCELLED, error={"code": 13, "message": "The batch could not be completed."})


def delete(call: Call, row: Row) -> None:
    """Remove it, with its bytes."""
    call.world.delete(row)
    _discard(call, row, {})


def counts(call: Call, row: Row) -> tuple[int, int, int, int]:
    """How many requests it has, how many of them succeeded, failed, and are pending. Those that a cancel left
    unfinished failed."""
    total, done = row.body["count"], _finished(row, shown_instant(call))
    failed = bisect_left(row.body.get("failed", ()), done)
    if "ended" in row.body and row.body["error"] is None:
        return total, done - failed, failed + total - done, 0
    return total, done - failed, failed, total - done


def output(call: Call, row: Row) -> dict[str, Any] | None:
    """The output, or None while none is shown."""
    if "ended" not in row.body or row.body["error"] is not None:
        return None
    if shown_instant(call) < row.body["ended"] + times.span(call.pace.output_lag):
        return None
    if row.body["file"]:
        return {"responsesFile": row.body["output"]}
    try:
        return {"inlinedResponses": {"inlinedResponses": batch_work.inline(call, row)}}
    except FileNotFoundError:  # a stale read of a batch that has been deleted since
        return None


def shown_instant(call: Call) -> int:
    """The instant that is shown: now, or that of a stale read."""
    return call.world.instant if call.world.shown_instant is None else call.world.shown_instant


def wake(call: Call, row: Row) -> None:
    """Start, end, or give up, whichever this instant is for. A step that cannot be done fails the batch: it must not be
    tried again and again."""
    try:
        _move(call, row)
    except Refusal as refusal:
        _end(call, row, _FAILED, error=batch_work.error(refusal))
    except FileNotFoundError:
        _end(call, row, _FAILED, error={"code": 13, "message": "The emulator has lost the batch's bytes."})


def _move(call: Call, row: Row) -> None:
    fate = markers.fate(row.body["displayName"])
    if call.world.instant >= row.created + times.span(call.pace.patience):
        _end(call, row, _EXPIRED, error={"code": 4, "message": "The batch was not finished in time."})
    elif "began" not in row.body:
        _start(call, row, fate)
    else:
        code = _WITHOUT_OUTPUT.get(fate.ends.partition("_STATE_")[2])
        if code is None:
            _end(call, row, fate.ends, done=row.body["count"])
        else:
            message = f"This end was asked for by the display name: {fate.ends}."
            _end(call, row, fate.ends, error={"code": code if fate.code is None else fate.code, "message": message})


def _start(call: Call, row: Row, fate: markers.Fate) -> None:
    blob = row.body["input"] or files.usable(call.world, call.project, row.body["file"]).body["blob"]
    work = batch_work.run(call, row, blob)
    now, length = call.world.instant, times.span(call.pace.running)
    body = {
        **row.body,
        "state": fate.stays or _RUNNING,
        "input": "",
        "results": work.results,
        "count": work.count,
        "failed": work.failed,
        "used": work.used,
        "began": now,
        "length": length,
        "most": work.count // 2 if fate.stays else work.count,
    }
    ends = None if fate.stays else now + length
    call.world.patch(row, "started", body=body, due=_at_most(call, row.created, ends))
    _discard(call, row, body)


def _end(call: Call, row: Row, state: str, *, done: int = 0, error: Mapping[str, object] | None = None) -> None:
    """End the batch. The output file comes first: after a kill in between the next run finds it and makes no other."""
    now = call.world.instant
    body = {**row.body, "input": "", "state": state, "done": done, "ended": now, "error": error}
    if 0 < done < row.body["count"]:
        body["used"] = batch_work.used_by_first(call, row, done)
    elif not done:
        body["used"] = {}
    if row.body["file"] or error is not None:
        body["results"] = ""
    if row.body["file"] and error is None:
        name = f"files/batch-{row.name.removeprefix(f'{COLLECTION}/')}"
        if call.world.get("files", call.project, name) is None:
            blob = batch_work.write_file(call, row, done)
            files.make_generated(call.world, call.blobs, call.project, name, blob, _JSONL, row.body["displayName"])
        body["output"] = name
    call.world.patch(row, "ended", body=body, due=None, expires=now + times.span(call.pace.retention))
    _discard(call, row, body)
    if state in _EVENTS:
        output = {"output_file_uri": body["output"]} if "output" in body else {}
        why = {"error_code": error["code"], "error_message": error["message"]} if error and state == _FAILED else {}
        deliveries.announce(call, _EVENTS[state], {"id": row.name, **output, **why}, row.body.get("hooks"))


def _discard(call: Call, row: Row, body: Mapping[str, Any]) -> None:
    """Remove the bytes that the row named and that its new body does not name."""
    for name in ("input", "results"):
        if row.body[name] and row.body[name] != body.get(name):
            call.blobs.discard(row.body[name])


def _at_most(call: Call, created: int, instant: int | None) -> int:
    """That instant, unless the batch expires before."""
    end = created + times.span(call.pace.patience)
    return end if instant is None else min(instant, end)


def _finished(row: Row, now: int) -> int:
    """The number of finished requests: they end one by one, evenly."""
    if "done" in row.body:
        return int(row.body["done"])
    if "began" not in row.body:
        return 0
    since, length = now - row.body["began"], row.body["length"]
    count = row.body["count"] if since >= length else row.body["count"] * since // length
    return int(min(count, row.body["most"]))


def _check_room(call: Call, model: str, tokens: int) -> None:
    """429 where the project has as many unfinished batches, or as many tokens in those of the model, as it may have.
    The answer says neither which of them nor when there is room, as published answers of the live service to creates.
    """
    unfinished = [row.body for row in call.world.rows(COLLECTION, call.project) if "ended" not in row.body]
    most = call.pace.most_tokens(model.removeprefix("models/"))
    enqueued = sum(body.get("tokens", 0) for body in unfinished if body["model"] == model)
    if len(unfinished) >= call.pace.at_once or (most is not None and enqueued + tokens > most):
        raise Refusal(429, "Resource has been exhausted (e.g. check quota).")
