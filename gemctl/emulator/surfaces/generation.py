"""Serves models: generateContent, also as a stream, embedContent, batchEmbedContents (ai.google.dev REST reference,
"Generating content" and "Embeddings"), and answers one request, which a batch does many times.

Called by `app` through the table of `surfaces`, and by `batch_work`. Separate from `models`, which only lists models.
`answers` makes the answers, `chunks` divides them; here a request is checked as the service would.

A stream comes as server-sent events where `alt=sse` asks for it, with the service's line ends, and else as an array of
JSON that grows. A refusal in place of the latter is an array, too, as users of the live service have published it.
"""

import string
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from gemctl.emulator import answers, chunks, embeddings, generation_rules, markers, paging, rules, tokens, usage
from gemctl.emulator.catalogue import Model
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.shapes import ListOf, Message
from gemctl.emulator.surfaces import file_search_stores, files
from gemctl.emulator.surfaces.models import cached_tokens, used_cache
from gemctl.emulator.tool_messages import EMBED_REQUEST, GENERATE_REQUEST
from gemctl.emulator.wire import JSON_TYPE, Refusal, Response, Stream, encoded, invalid

_EMBED_REQUESTS = Message("BatchEmbedContentsRequest", lambda: {"requests": ListOf(EMBED_REQUEST)})
_SSE = {"Content-Type": "text/event-stream", "Content-Disposition": "attachment"}
_ID_LETTERS = string.ascii_letters + string.digits + "-_"
_ID = 23
_MOST_EMBEDDED = 100  # an assumption: the reference gives no number


def generate(call: Call, model: Model, request: Mapping[str, Any], by: str = "") -> dict[str, Any]:
    """The model's answer to a request that has been through `shapes`, or a refusal. `by`: the batch it is in."""
    _check_model(model, request, "GenerateContentRequest")
    contents = request.get("contents")
    if not contents:
        raise invalid("* GenerateContentRequest.contents: contents is not specified")
    for index, content in enumerate(contents):
        rules.check_content(content, f"GenerateContentRequest.contents[{index}]", model.name)
    rules.check_places(contents, "GenerateContentRequest.contents")
    rules.check_schemas(request, "GenerateContentRequest")
    rules.check_settings(request, "GenerateContentRequest")
    generation_rules.check(model, call.catalogue.answering(model.name), request)
    _check_stores(call, request)
    counts = tokens.estimate(request, files.referred(call.world, call.project, request))
    cached: Mapping[str, int] = {}
    if request.get("cachedContent"):
        cache = used_cache(call, request, f"models/{model.name}")
        cached = cached_tokens(cache)
        request = {**request, **{name: cache[name] for name in ("tools", "toolConfig") if name in cache}}
    check_length(model, counts, cached)
    end = markers.obey(call.world, call.project, model.name, request, by)
    answer = say(call, model, request, counts, cached, end)
    return {**answer, "responseId": call.world.draw(_ID_LETTERS, _ID)}


def check_length(model: Model, counts: Mapping[str, int], cached: Mapping[str, int]) -> None:
    """Refuse a prompt that is longer than the model takes."""
    prompt = sum(counts.values()) + sum(cached.values())
    if prompt > model.input_token_limit:
        raise invalid(
            f"The input token count ({prompt}) exceeds the maximum number of tokens allowed"
            f" ({model.input_token_limit})."
        )


def say(
    call: Call,
    model: Model,
    request: Mapping[str, Any],
    counts: Mapping[str, int],
    cached: Mapping[str, int],
    end: str,
) -> dict[str, Any]:
    """What the model says to a request that has been checked and counted: a scripted answer, if there is one. Raises
    the error that is scripted. What is said here, every surface says in its own form."""
    rule = call.scripted.pick(model.name, request)
    if rule is not None and (refusal := rule.refusal()) is not None:
        raise markers.Asked(refusal.code, refusal.message, details=refusal.details)
    return answers.generate(model, request, counts, cached, call.catalogue.answering(model.name), end, rule)


def embed(
    call: Call, model: Model, request: Mapping[str, Any], by: str = ""
) -> tuple[dict[str, object], dict[str, int]]:
    """The ContentEmbedding for such a request and how many tokens it took by modality, or a refusal."""
    _check_model(model, request, "EmbedContentRequest")
    content = request.get("content", {})
    rules.check_content(content, "EmbedContentRequest.content", model.name)
    rules.check_texts(content)
    markers.obey(call.world, call.project, model.name, request, by)
    values, counts = embeddings.embed(model, request)
    return {"values": values}, counts


def _generate(call: Call) -> dict[str, object]:
    model = _model(call, "generateContent")
    answer = generate(call, model, call.json(GENERATE_REQUEST))
    call.world.use(call.project, "generateContent", model.name, usage.of_answer(answer["usageMetadata"]))
    return answer


def _stream(call: Call) -> Response:
    if paging.first(call.request.query, "alt", "$alt") == "sse":
        pieces = _events(call, chunks.split(_generate(call)))
        return Response(200, _SSE, stream=Stream(None, pieces))
    try:
        pieces = _array(call, chunks.split(_generate(call)))
    except Refusal as refusal:
        refused = refusal.response()
        return replace(refused, body=b"[" + refused.body.strip() + b"]\n")
    return Response(200, {"Content-Type": JSON_TYPE}, stream=Stream(None, pieces))


def _events(call: Call, said: list[dict[str, Any]]) -> Iterator[bytes | float]:
    for number, chunk in enumerate(said):
        yield from _pause(call, number)
        yield b"data: " + encoded(chunk) + b"\r\n\r\n"


def _array(call: Call, said: list[dict[str, Any]]) -> Iterator[bytes | float]:
    for number, chunk in enumerate(said):
        yield from _pause(call, number)
        yield (b",\r\n" if number else b"[") + encoded(chunk) + b"\n"
    yield b"]"  # and nothing behind it: generated clients of Google's read on for the beginning of an array


def _pause(call: Call, number: int) -> Iterator[float]:
    """What there is to wait before the chunk of that number."""
    if number and call.stream_pause:
        yield call.stream_pause


def _embed(call: Call) -> dict[str, object]:
    model = _model(call, "embedContent")
    embedding, counts = embed(call, model, call.json(EMBED_REQUEST))
    call.world.use(call.project, "embedding", model.name, usage.of_input(counts))
    return {"embedding": embedding}


def _embed_all(call: Call) -> dict[str, object]:
    """Answer batchEmbedContents, which the official Python SDK sends for embedContent."""
    model = _model(call, "embedContent")
    requests = call.json(_EMBED_REQUESTS).get("requests", ())
    if not 1 <= len(requests) <= _MOST_EMBEDDED:
        raise invalid(f"* BatchEmbedContentsRequest.requests: between 1 and {_MOST_EMBEDDED} requests are allowed.")
    made = [embed(call, model, request) for request in requests]
    used = usage.total(usage.of_input(counts) for _, counts in made)
    call.world.use(call.project, "embedding", model.name, used)
    return {"embeddings": [embedding for embedding, _ in made]}


def _model(call: Call, method: str) -> Model:
    return call.catalogue.find(f"models/{call.params['id']}", version=call.version, method=method)


def _check_model(model: Model, request: Mapping[str, Any], where: str) -> None:
    """The path names the model; that the request may not name another one is an assumption."""
    if request.get("model", "") not in ("", f"models/{model.name}"):
        raise invalid(f"* {where}.model: the request is sent to models/{model.name} and names another model.")


def _check_stores(call: Call, request: Mapping[str, Any]) -> None:
    """The stores that are to be searched are there. That nothing is searched is another matter."""
    for tool in request.get("tools", ()):
        for name in tool.get("fileSearch", {}).get("fileSearchStoreNames", ()):
            file_search_stores.find(call, name.removeprefix("fileSearchStores/"))


SURFACE = Surface(
    "generation",
    (
        Route("POST", "models/{id}:generateContent", _generate),
        Route("POST", "models/{id}:streamGenerateContent", _stream),
        Route("POST", "models/{id}:embedContent", _embed),
        Route("POST", "models/{id}:batchEmbedContents", _embed_all),
    ),
)
