"""Serves batches: two creates, list, get, cancel, delete (ai.google.dev REST reference, "Batch API").

Called by `app` through the table of `surfaces`, also when a batch is due to move on. Separate as every kind is.
A batch is a long-running operation: PENDING, RUNNING, then one of SUCCEEDED, FAILED, CANCELLED and EXPIRED. Where
the reference is silent, the behaviour follows published answers of the live service:

* States are spelt BATCH_STATE_..., and the types of metadata and output are of the package v1main.
* A cancel ends a pending batch as CANCELLED with error 13. A running one SUCCEEDS at once with its finished items; the
  rest have error 1. A batch that has ended is not changed, and the answer is `{}` all the same.
* SUCCEEDED says nothing of the items: they may all have failed.

Assumptions: a missing batch is a 404, as other operations are. A delete removes the record in any state and is no
cancel: there will be no output, and work that the service still does is not visible. The record of an ended batch
stays for `Pace.retention`. A batch with more tokens than may be enqueued for its model is refused as one that comes
when there is no room. Inline input is bounded by the size of a request's body. Priority is shown and has no
effect, since nothing here has to wait for anything; webhooks are not shown. `deliveries` tells them of its end.
"""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

from gemctl.emulator import batch_lines, batch_work, deliveries, markers, paging, times
from gemctl.emulator.batch_messages import CREATE_EMBED, CREATE_GENERATE
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.surfaces import files
from gemctl.emulator.wire import Refusal, invalid

COLLECTION = "batches"

_DEFAULT_PAGE = 50  # the reference leaves it to the server; an assumption
_ID = 36
_JSONL = "application/jsonl"
_PACKAGE = "type.googleapis.com/google.ai.generativelanguage.v1main."
_TYPES = {"generate": "GenerateContentBatch", "embed": "EmbedContentBatch"}
_PENDING, _RUNNING, _SUCCEEDED = "BATCH_STATE_PENDING", "BATCH_STATE_RUNNING", "BATCH_STATE_SUCCEEDED"
_CANCELLED, _FAILED, _EXPIRED = "BATCH_STATE_CANCELLED", "BATCH_STATE_FAILED", "BATCH_STATE_EXPIRED"
_EVENTS = {_SUCCEEDED: "batch.succeeded", _FAILED: "batch.failed", _EXPIRED: "batch.expired"}
_WITHOUT_OUTPUT = {"CANCELLED": 13, "FAILED": 13, "EXPIRED": 4}  # by default with these codes of google.rpc.Code


def _create_generate(call: Call) -> dict[str, object]:
    return _create(call, "generate")


def _create_embed(call: Call) -> dict[str, object]:
    return _create(call, "embed")


def _create(call: Call, method: str) -> dict[str, object]:
    """Requests are checked for their shape here, inline or in a file, and for their sense when they run. One line of
    the wrong shape, and the whole file is refused (inspect_ai#3257, #5100)."""
    name = f"models/{call.params['id']}"
    call.catalogue.find(name, version=call.version, method=batch_work.METHODS[method])
    batch = call.json(CREATE_EMBED if method == "embed" else CREATE_GENERATE).get("batch")
    if batch is None:
        raise invalid("* batch: the batch is required.")
    source = batch.get("inputConfig", {})
    requests = source.get("requests", {}).get("requests", [])
    file = source.get("fileName", "")
    if not requests and not file:
        raise invalid("* batch.input_config: either requests or file_name is required.")
    if file:
        tokens = batch_work.check(call, method, files.usable(call.world, call.project, file).body["blob"])
    else:
        tokens = sum(batch_lines.own_tokens(method, item.get("request", {})) for item in requests)
    _check_room(call, name, tokens)
    body = {
        "model": name,
        "displayName": batch.get("displayName", ""),
        "method": method,
        "state": _PENDING,
        "file": file,
        "input": batch_work.keep(call, requests) if requests else "",
        "results": "",
        "count": len(requests),
        "tokens": tokens,
        "priority": batch.get("priority", 0),
        "hooks": batch.get("webhookConfig"),
    }
    now = call.world.instant
    starts = None if markers.fate(body["displayName"]).stays == _PENDING else now + times.span(call.pace.pending)
    due = _at_most(call, now, starts)
    fresh = call.world.new_name(COLLECTION, _ID)
    return _shown(call, call.world.create(COLLECTION, call.project, body, due=due, name=fresh))


def _check_room(call: Call, model: str, tokens: int) -> None:
    """429 where the project has as many unfinished batches, or as many tokens in those of the model, as it may have.
    The answer says neither which of them nor when there is room, as published answers of the live service to creates.
    """
    unfinished = [row.body for row in call.world.rows(COLLECTION, call.project) if "ended" not in row.body]
    most = call.pace.most_tokens(model.removeprefix("models/"))
    enqueued = sum(body.get("tokens", 0) for body in unfinished if body["model"] == model)
    if len(unfinished) >= call.pace.at_once or (most is not None and enqueued + tokens > most):
        raise Refusal(429, "Resource has been exhausted (e.g. check quota).")


def _list(call: Call) -> dict[str, object]:
    query = call.request.query
    if paging.first(query, "filter"):
        raise Refusal(501, "The emulator cannot filter batches.")
    size = paging.page_size(query, default=_DEFAULT_PAGE, most=1000)
    position = paging.decode(query, COLLECTION, 2)
    after = (position[0], position[1]) if position else None
    rows, more = call.world.page(COLLECTION, call.project, size=size, after=after)
    page: dict[str, object] = {}
    if rows:
        page["operations"] = [_shown(call, row) for row in rows]
    if more is not None:
        page["nextPageToken"] = paging.encode(COLLECTION, more)
    return page


def _get(call: Call) -> dict[str, object]:
    return _shown(call, _find(call))


def _cancel(call: Call) -> dict[str, object]:
    row = _find(call)
    if "ended" in row.body:
        return {}
    if "began" in row.body:
        _end(call, row, _SUCCEEDED, done=_finished(row, call.world.instant))
    else:
        _end(call, row, _CANCELLED, error={"code": 13, "message": "The batch could not be completed."})
    return {}


def _delete(call: Call) -> dict[str, object]:
    row = _find(call)
    call.world.delete(row)
    _discard(call, row, {})
    return {}


def _patch(call: Call) -> dict[str, object]:  # noqa: ARG001
    """Not served: in the reference, but in no SDK, and its behaviour was not published."""
    raise Refusal(501, "The emulator cannot update a batch: nothing is known of what the service does then.")


def _find(call: Call) -> Row:
    name = f"{COLLECTION}/{call.params['id']}"
    row = call.world.get(COLLECTION, call.project, name)
    if row is None:
        raise Refusal(404, "Requested entity was not found.")
    return row


# Time


def _wake(call: Call, row: Row) -> None:
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


# Replies


def _shown(call: Call, row: Row) -> dict[str, object]:
    """The operation. Its `response` is the output that its metadata has as well; the SDKs read only the latter."""
    kind = _TYPES[row.body["method"]]
    now = call.world.instant if call.world.shown_instant is None else call.world.shown_instant
    output = _output(call, row, now)
    metadata: dict[str, object | None] = {
        "@type": f"{_PACKAGE}{kind}",
        "model": row.body["model"],
        "displayName": row.body["displayName"] or None,
        "inputConfig": {"fileName": row.body["file"]} if row.body["file"] else None,
        "output": output,
        "createTime": times.format_timestamp(row.created, 9),
        "endTime": times.format_timestamp(row.body["ended"], 9) if "ended" in row.body else None,
        "updateTime": times.format_timestamp(row.updated, 9),
        "batchStats": _stats(row, now) or None,
        "state": row.body["state"],
        "name": row.name,
        "priority": str(row.body["priority"]) if row.body["priority"] else None,
    }
    operation: dict[str, object] = {
        "name": row.name,
        "metadata": {name: value for name, value in metadata.items() if value is not None},
    }
    if "ended" in row.body:
        operation["done"] = True
        if row.body["error"] is not None:
            operation["error"] = row.body["error"]
        elif output is not None:
            operation["response"] = {"@type": f"{_PACKAGE}{kind}Output", **output}
    return operation


def _stats(row: Row, now: int) -> dict[str, str]:
    """Counters as texts, without zeros. Requests that a cancel left unfinished failed; others are pending."""
    total, done = row.body["count"], _finished(row, now)
    failed = bisect_left(row.body.get("failed", ()), done)
    succeeded, pending = done - failed, total - done
    if "ended" in row.body and row.body["error"] is None:
        failed, pending = failed + pending, 0
    counts = {
        "requestCount": total,
        "successfulRequestCount": succeeded,
        "failedRequestCount": failed,
        "pendingRequestCount": pending,
    }
    return {name: str(count) for name, count in counts.items() if count}


def _output(call: Call, row: Row, now: int) -> dict[str, Any] | None:
    """The output, or None while none is shown."""
    if "ended" not in row.body or row.body["error"] is not None:
        return None
    if now < row.body["ended"] + times.span(call.pace.output_lag):
        return None
    if row.body["file"]:
        return {"responsesFile": row.body["output"]}
    try:
        return {"inlinedResponses": {"inlinedResponses": batch_work.inline(call, row)}}
    except FileNotFoundError:  # a stale read of a batch that has been deleted since
        return None


SURFACE = Surface(
    COLLECTION,
    (
        Route("POST", "models/{id}:batchGenerateContent", _create_generate),
        Route("POST", "models/{id}:asyncBatchEmbedContent", _create_embed),
        Route("GET", "batches", _list),
        Route("GET", "batches/{id}", _get),
        Route("POST", "batches/{id}:cancel", _cancel),
        Route("DELETE", "batches/{id}", _delete),
        Route("PATCH", "batches/{id}:updateGenerateContentBatch", _patch),
        Route("PATCH", "batches/{id}:updateEmbedContentBatch", _patch),
    ),
    _wake,
)
