"""Serves models: list, get, countTokens (ai.google.dev REST reference, "Models" and "Tokens").

Called by `app` through the table of `surfaces`. Separate as every kind is. Nothing can be tuned here, so the list of
tuned models, which clients ask for beside the other, is empty.
"""

import re
from collections.abc import Mapping
from typing import Any

from gemctl.emulator import paging, tokens
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.surfaces import files
from gemctl.emulator.tool_messages import COUNT_TOKENS
from gemctl.emulator.wire import Refusal, invalid

COLLECTION = "models"
_CACHE = re.compile(r"cachedContents/[^/\s]+")


def _list(call: Call) -> dict[str, object]:
    """In the catalogue's order; 50 a page unless asked otherwise, at most 1,000."""
    query = call.request.query
    size = paging.page_size(query, default=50, most=1000)
    position = paging.decode(query, COLLECTION, 1)
    start = position[0] if position else 0
    models = call.catalogue.models
    page: dict[str, object] = {}
    if models[start : start + size]:
        page["models"] = [model.shown() for model in models[start : start + size]]
    if start + size < len(models):
        page["nextPageToken"] = paging.encode(COLLECTION, (start + size,))
    return page


def _list_tuned(call: Call) -> dict[str, object]:
    paging.page_size(call.request.query, default=10, most=1000)
    return {}


def _get(call: Call) -> dict[str, object]:
    name = f"models/{call.params['id']}"
    return call.catalogue.find(name, version=call.version, method="getModel").shown()


def _count_tokens(call: Call) -> dict[str, object]:
    """Of bare contents, or of a whole request: then `contents` beside it is ignored, as the reference says."""
    name = f"models/{call.params['id']}"
    call.catalogue.find(name, version=call.version, method="countTokens")
    body = call.json(COUNT_TOKENS)
    whole = body.get("generateContentRequest")
    if whole is not None:
        if not whole.get("model"):
            raise invalid("* CountTokensRequest.generate_content_request.model: the model is required.")
        call.catalogue.find(whole["model"], version=call.version, method="countTokens")
        body = whole
    if not body.get("contents"):
        raise invalid("* CountTokensRequest.contents: contents is not specified")
    counts = tokens.estimate(body, files.referred(call.world, call.project, body))
    answer: dict[str, object] = {"totalTokens": sum(counts.values())}
    if body.get("cachedContent"):
        cached = cached_tokens(used_cache(call, body, body.get("model")))
        answer = {
            "totalTokens": sum(counts.values()) + sum(cached.values()),
            "cachedContentTokenCount": sum(cached.values()),
            "cacheTokensDetails": tokens.details(cached),
        }
    answer["promptTokensDetails"] = tokens.details(counts)
    return answer


def used_cache(call: Call, body: Mapping[str, object], model: object) -> Mapping[str, Any]:
    """What is kept of the cache that a request to this model uses, or the service's refusal of such a use."""
    if body.keys() & {"systemInstruction", "tools", "toolConfig"}:
        raise invalid(
            "CachedContent can not be used with GenerateContent request setting system_instruction, tools or"
            " tool_config."
        )
    if _CACHE.fullmatch(str(body["cachedContent"])) is None:  # the sentence is an assumption
        raise invalid("* GenerateContentRequest.cached_content: it must be of the form cachedContents/{id}.")
    row = call.world.get("cachedContents", call.project, str(body["cachedContent"]))
    if row is None:
        raise Refusal(403, "CachedContent not found (or permission denied)")
    if row.body["model"] != model:
        raise invalid("The model of the request and of its CachedContent must be the same.")
    return row.body


def cached_tokens(cache: Mapping[str, Any]) -> Mapping[str, int]:
    """The tokens of a cache by modality."""
    counts: Mapping[str, int] = cache.get("counts", {"TEXT": cache["tokens"]})  # older caches have no counts
    return counts


SURFACE = Surface(
    COLLECTION,
    (
        Route("GET", "models", _list),
        Route("GET", "models/{id}", _get),
        Route("GET", "tunedModels", _list_tuned),
        Route("POST", "models/{id}:countTokens", _count_tokens),
    ),
)
