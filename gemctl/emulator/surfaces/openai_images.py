"""Serves images of the OpenAI-compatible surface (ai.google.dev, "OpenAI compatibility").

Called by `app` through the table of `surfaces`. Separate as every kind is. Fields that are not listed are ignored, as
the page says; `size` is, too, as the emulator's images are of one pixel. Assumptions: images come in base64 unless a
URL is asked for, which is refused, and at most eight at once; the model must be named.
"""

from gemctl.emulator import openai_answers, openai_requests, usage
from gemctl.emulator.openai_shapes import IMAGES
from gemctl.emulator.routing import Call, Surface, parse
from gemctl.emulator.scalars import Violation
from gemctl.emulator.shapes import refuse
from gemctl.emulator.surfaces.generation import generate
from gemctl.emulator.surfaces.openai_chat import VERSION, route, seconds
from gemctl.emulator.wire import invalid

_MOST = 8


def _make(call: Call) -> dict[str, object]:
    given = parse(call.request.body, loose=True)
    wrong: list[Violation] = []
    body = IMAGES.read({name: value for name, value in given.items() if IMAGES.field(name)}, "", wrong)
    if wrong:
        raise refuse(wrong)
    if not body.get("prompt"):
        raise invalid("prompt is not specified")
    if body.get("responseFormat", "b64_json") != "b64_json":
        raise invalid("Invalid response_format: images are given as b64_json only.")
    count = body.get("n", 1)
    if not 1 <= count <= _MOST:
        raise invalid(f"n must be in [1, {_MOST}]")
    model = call.catalogue.find(openai_requests.resource(body), version=VERSION, method="generateContent")
    request = openai_requests.image(body)
    answers = [generate(call, model, request) for _ in range(count)]
    for answer in answers:
        call.world.use(call.project, "generateContent", model.name, usage.of_answer(answer["usageMetadata"]))
    return openai_answers.images(answers, seconds(call))


SURFACE = Surface("openai_images", (route("POST", "openai/images/generations", _make),))
