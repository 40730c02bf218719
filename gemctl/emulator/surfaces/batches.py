"""Serves batches: two creates, list, get, cancel, delete (ai.google.dev REST reference, "Batch API").

Called by `app` through the table of `surfaces`, also when a batch is due to move on, which `batch_life` does. Separate
as every kind is. A batch is a long-running operation. States are spelt BATCH_STATE_..., and the types of metadata and
output are of the package v1main, as published answers have them. The answer to a cancel is `{}`, also where there is
nothing to cancel.

Inline input is bounded by the size of a request's body. Priority is shown and has no effect, since nothing here has to
wait for anything; webhooks are not shown.
"""

from gemctl.emulator import batch_life, batch_lines, batch_work, paging, times
from gemctl.emulator.batch_life import COLLECTION
from gemctl.emulator.batch_messages import CREATE_EMBED, CREATE_GENERATE
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.surfaces import files
from gemctl.emulator.wire import Refusal, invalid

_DEFAULT_PAGE = 50  # the reference leaves it to the server; an assumption
_PACKAGE = "type.googleapis.com/google.ai.generativelanguage.v1main."
_TYPES = {"generate": "GenerateContentBatch", "embed": "EmbedContentBatch"}


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
    row = batch_life.enqueue(
        call,
        method,
        name,
        tokens,
        file=file,
        requests=requests,
        display_name=batch.get("displayName", ""),
        priority=batch.get("priority", 0),
        hooks=batch.get("webhookConfig"),
    )
    return _shown(call, row)


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
    return _shown(call, batch_life.find(call))


def _cancel(call: Call) -> dict[str, object]:
    batch_life.cancel(call, batch_life.find(call))
    return {}


def _delete(call: Call) -> dict[str, object]:
    batch_life.delete(call, batch_life.find(call))
    return {}


def _patch(call: Call) -> dict[str, object]:  # noqa: ARG001
    """Not served: in the reference, but in no SDK, and its behaviour was not published."""
    raise Refusal(501, "The emulator cannot update a batch: nothing is known of what the service does then.")


def _shown(call: Call, row: Row) -> dict[str, object]:
    """The operation. Its `response` is the output that its metadata has as well; the SDKs read only the latter."""
    kind = _TYPES[row.body["method"]]
    produced = batch_life.output(call, row)
    metadata: dict[str, object | None] = {
        "@type": f"{_PACKAGE}{kind}",
        "model": row.body["model"],
        "displayName": row.body["displayName"] or None,
        "inputConfig": {"fileName": row.body["file"]} if row.body["file"] else None,
        "output": produced,
        "createTime": times.format_timestamp(row.created, 9),
        "endTime": times.format_timestamp(row.body["ended"], 9) if "ended" in row.body else None,
        "updateTime": times.format_timestamp(row.updated, 9),
        "batchStats": _stats(call, row) or None,
        "state": row.body["state"],
        "name": row.name,
        "priority": str(row.body["priority"]) if row.body.get("priority") else None,
    }
    operation: dict[str, object] = {
        "name": row.name,
        "metadata": {name: value for name, value in metadata.items() if value is not None},
    }
    if "ended" in row.body:
        operation["done"] = True
        if row.body["error"] is not None:
            operation["error"] = row.body["error"]
        elif produced is not None:
            operation["response"] = {"@type": f"{_PACKAGE}{kind}Output", **produced}
    return operation


def _stats(call: Call, row: Row) -> dict[str, str]:
    """Counters as texts, without zeros."""
    names = ("requestCount", "successfulRequestCount", "failedRequestCount", "pendingRequestCount")
    return {name: str(count) for name, count in zip(names, batch_life.counts(call, row), strict=True) if count}


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
    batch_life.wake,
)
