"""Serves batches of the OpenAI-compatible surface (ai.google.dev, "OpenAI compatibility", with its cookbook).

Called by `app` through the table of `surfaces`. Separate as every kind is. A batch that is made here is one of the
native API, shown in OpenAI's shape, and either surface shows the batches of the other. Its file is one of the native
API, in lines of OpenAI's shape, and so is its output: uploads and downloads are not served here, as the page says.

The names of batch and files are resource names, `batches/...` and `files/...`, as the cookbook passes them on. It waits
while a status is `in_progress`, from the create on; so there is no `validating`. Assumptions: all lines call the model
by one name; the completion window is a day; metadata is shown again, and its `display_name` is that of the native
batch; lists have `limit` and `after`; what a batch has not got is left out.
"""

from collections.abc import Mapping
from typing import Any

from gemctl.emulator import batch_life, batch_work, openai_requests, paging, times
from gemctl.emulator.openai_shapes import BATCH
from gemctl.emulator.routing import Call, Surface, parse
from gemctl.emulator.rows import Row
from gemctl.emulator.surfaces import files
from gemctl.emulator.surfaces.openai_chat import VERSION, route
from gemctl.emulator.wire import Refusal, invalid

_STATUSES = {"SUCCEEDED": "completed", "FAILED": "failed", "CANCELLED": "cancelled", "EXPIRED": "expired"}
_METHODS = {url: method for method, url in openai_requests.ENDPOINTS.items()}
_WINDOW = "24h"
_MOST = 100


def _create(call: Call) -> dict[str, object]:
    body = call.json(BATCH)
    method = _METHODS.get(body.get("endpoint", ""))
    if method is None:
        raise invalid(f"endpoint must be {' or '.join(_METHODS)}.")
    if body.get("completionWindow") != _WINDOW:
        raise invalid(f"completion_window must be {_WINDOW}.")
    name = f"files/{body.get('inputFileId', '').removeprefix('files/')}"
    blob = files.usable(call.world, call.project, name).body["blob"]
    asked = _first_model(call, blob)
    model = call.catalogue.find(
        openai_requests.resource({"model": asked}), version=VERSION, method=batch_work.METHODS[method]
    )
    tokens = batch_work.check(call, method, blob, asked)
    metadata = body.get("metadata", {})
    shown_name = metadata.get("display_name") or ""
    made = batch_life.enqueue(
        call, method, f"models/{model.name}", tokens, file=name, display_name=shown_name, metadata=metadata
    )
    return _shown(call, made)


def _first_model(call: Call, blob: str) -> str:
    """The model of the first line; empty if it has none."""
    for number, line in enumerate(call.blobs.lines(blob), start=1):
        if line.strip():
            try:
                body = parse(line).get("body")
            except Refusal as refusal:
                raise invalid(f"Error on line {number}: invalid JSON: {refusal.message}") from None
            model = body.get("model") if isinstance(body, Mapping) else None
            return model if isinstance(model, str) else ""
    raise invalid("The input file is not in the JSON Lines format: it has no request.")


def _list(call: Call) -> dict[str, object]:
    query = call.request.query
    size = paging.page_size([("pageSize", value) for name, value in query if name == "limit"], default=20, most=_MOST)
    last = paging.first(query, "after").removeprefix("batches/")
    row = call.world.get(batch_life.COLLECTION, call.project, f"batches/{last}") if last else None
    if last and row is None:
        raise Refusal(404, "Requested entity was not found.")
    after = None if row is None else row.place
    rows, more = call.world.page(batch_life.COLLECTION, call.project, size=size, after=after)
    page: dict[str, object] = {"object": "list", "data": [_shown(call, each) for each in rows]}
    ends = {"first_id": rows[0].name, "last_id": rows[-1].name} if rows else {}
    return {**page, **ends, "has_more": more is not None}


def _get(call: Call) -> dict[str, object]:
    return _shown(call, batch_life.find(call))


def _cancel(call: Call) -> dict[str, object]:
    row = batch_life.find(call)
    batch_life.cancel(call, row)
    return _shown(call, call.world.get(row.collection, row.project, row.name) or row)


def _shown(call: Call, row: Row) -> dict[str, object]:
    status = _STATUSES.get(row.body["state"].partition("_STATE_")[2], "in_progress")
    total, succeeded, failed, _ = batch_life.counts(call, row)
    output, error = batch_life.output(call, row) or {}, row.body.get("error")
    shown: dict[str, Any] = {
        "id": row.name,
        "object": "batch",
        "endpoint": openai_requests.ENDPOINTS[row.body["method"]],
        "model": row.body["model"].removeprefix("models/"),
        "input_file_id": row.body["file"],
        "completion_window": _WINDOW,
        "status": status,
        "created_at": row.created // times.SECOND,
        "expires_at": (row.created + times.span(call.pace.patience)) // times.SECOND,
        "in_progress_at": _seconds(row.body.get("began")),
        **({f"{status}_at": _seconds(row.body["ended"])} if "ended" in row.body else {}),
        "output_file_id": output.get("responsesFile"),
        "request_counts": {"total": total, "completed": succeeded, "failed": failed},
        "errors": error and {"object": "list", "data": [{"code": str(error["code"]), "message": error["message"]}]},
        "metadata": row.body.get("metadata"),
    }
    return {name: value for name, value in shown.items() if value}


def _seconds(instant: int | None) -> int | None:
    return None if instant is None else instant // times.SECOND


SURFACE = Surface(
    "openai_batches",
    (
        route("POST", "openai/batches", _create),
        route("GET", "openai/batches", _list),
        *(route("GET", f"openai/{batch}", _get) for batch in ("batches/{id}", "batches/batches/{id}")),
        *(route("POST", f"openai/{batch}/cancel", _cancel) for batch in ("batches/{id}", "batches/batches/{id}")),
    ),
)
