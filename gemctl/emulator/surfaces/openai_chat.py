"""Serves chat completions of the OpenAI-compatible surface, also as streams (ai.google.dev, "OpenAI compatibility").

Called by `app` through the table of `surfaces`. Separate as every kind is: `openai_requests` and `openai_answers`
translate, `generation` answers. The key is a bearer, and a refusal is a list of one error, as users of the live service
have published both. Besides `openai/chat/completions` there are the paths `chat/completions`, which the page has in an
example, and `:chatCompletions`, which the API's reference has. That they are there in all versions is an assumption.

A stream is of server-sent events that end with a line feed, and its last one is `[DONE]`, as recorded.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gemctl.emulator import openai_answers, openai_requests, times, usage
from gemctl.emulator.openai_shapes import CHAT
from gemctl.emulator.routing import Call, Handler, Route, Surface
from gemctl.emulator.surfaces.generation import generate
from gemctl.emulator.wire import Response, Stream, encoded

_SSE = {"Content-Type": "text/event-stream"}
VERSION = "v1main"
"""The version in a refusal of a model: it was seen here in place of the path's own."""


def route(method: str, template: str, handler: Handler) -> Route:
    """A method of this surface."""
    return Route(method, template, handler, bearer=True, listed=True)


def seconds(call: Call) -> int:
    """The time of an answer."""
    return call.world.instant // times.SECOND


def _complete(call: Call) -> Mapping[str, object] | Response:
    body = call.json(CHAT)
    model = call.catalogue.find(openai_requests.resource(body), version=VERSION, method="generateContent")
    answer = generate(call, model, openai_requests.chat(body))
    call.world.use(call.project, "generateContent", model.name, usage.of_answer(answer["usageMetadata"]))
    if not body.get("stream"):
        return openai_answers.completion(answer, body["model"], seconds(call))
    with_usage = body.get("streamOptions", {}).get("includeUsage", False)
    said = openai_answers.stream(answer, body["model"], seconds(call), with_usage=with_usage)
    return Response(200, _SSE, stream=Stream(None, _events(said)))


def _events(said: Iterable[Mapping[str, Any]]) -> Iterator[bytes | float]:
    for chunk in said:
        yield b"data: " + encoded(chunk) + b"\n\n"
    yield b"data: [DONE]\n\n"


SURFACE = Surface(
    "openai_chat",
    (
        route("POST", "openai/chat/completions", _complete),
        route("POST", "chat/completions", _complete),
        route("POST", ":chatCompletions", _complete),
    ),
)
