"""Serves the list of models on the OpenAI-compatible surface (ai.google.dev, "OpenAI compatibility").

Called by `app` through the table of `surfaces`. Separate as every kind is. All models are listed at once, under their
resource names and without the day when they were made, as published lists have them. One is got by either name.
"""

from gemctl.emulator.catalogue import Model
from gemctl.emulator.openai_requests import resource
from gemctl.emulator.routing import Call, Surface
from gemctl.emulator.surfaces.openai_chat import VERSION, route


def _list(call: Call) -> dict[str, object]:
    return {"object": "list", "data": [_shown(model) for model in call.catalogue.models]}


def _get(call: Call) -> dict[str, object]:
    name = resource({"model": call.params["id"]})
    return _shown(call.catalogue.find(name, version=VERSION, method="getModel"))


def _shown(model: Model) -> dict[str, object]:
    return {
        "id": f"models/{model.name}",
        "object": "model",
        "owned_by": "google",
        "display_name": model.display_name,
    }


SURFACE = Surface(
    "openai_models",
    (
        route("GET", "openai/models", _list),
        route("GET", "openai/models/{id}", _get),
        route("GET", "openai/models/models/{id}", _get),
    ),
)
