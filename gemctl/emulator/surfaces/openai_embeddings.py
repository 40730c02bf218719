"""Serves vectors of the OpenAI-compatible surface (ai.google.dev, "OpenAI compatibility").

Called by `app` through the table of `surfaces`. Separate as every kind is. A text or a list of texts is embedded as
embedContent does it; lists of tokens are not taken, by Google's discovery document. The words for more than a hundred
texts, and for an empty one, are published ones. That the usage is told is an assumption.
"""

from gemctl.emulator import openai_answers, openai_requests, usage
from gemctl.emulator.openai_shapes import EMBEDDINGS
from gemctl.emulator.routing import Call, Surface
from gemctl.emulator.surfaces.generation import embed
from gemctl.emulator.surfaces.openai_chat import VERSION, route
from gemctl.emulator.wire import invalid

_MOST = 100


def _embed(call: Call) -> dict[str, object]:
    body = call.json(EMBEDDINGS)
    model = call.catalogue.find(openai_requests.resource(body), version=VERSION, method="embedContent")
    requests = openai_requests.embeddings(body)
    if len(requests) > _MOST:
        raise invalid(f"* BatchEmbedContentsRequest.requests: at most {_MOST} requests can be in one batch\n")
    made = [embed(call, model, request) for request in requests]
    used = usage.total(usage.of_input(counts) for _, counts in made)
    call.world.use(call.project, "embedding", model.name, used)
    vectors = [embedding for embedding, _ in made]
    tokens = sum(sum(counts.values()) for _, counts in made)
    return openai_answers.embeddings(vectors, body["model"], tokens, packed=body.get("encodingFormat") == "base64")


SURFACE = Surface(
    "openai_embeddings", (route("POST", "openai/embeddings", _embed), route("POST", "embeddings", _embed))
)
