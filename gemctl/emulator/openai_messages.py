"""Translates the messages of a chat into contents of the Gemini API.

Called by `openai_requests`. Separate because it is the longest part of a translation that is pure, and can be read
alone. The roles and parts are those of the page "OpenAI compatibility" on ai.google.dev, and of its examples for
thought signatures, which call the assistant `model`. These refusals users have published: a part of another type than
those that the role may have, and a result of a function whose call is not among the messages. Fields that a message has
beyond these are ignored, since clients send back what they were given.

Assumptions: an address of an image that is no `data:` is one of a file; a result that is not the JSON of an object is
told as `result`; arguments that are not the JSON of an object are refused.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gemctl.emulator.wire import invalid

Parts = list[dict[str, Any]]

_SYSTEM = frozenset({"system", "developer"})
_MODEL = frozenset({"assistant", "model"})
_RESULTS = frozenset({"tool", "function"})
_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?:;[\w=.+-]+)*;base64,(.*)", re.DOTALL)


def contents(messages: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], Parts]:
    """The contents of a chat, and the parts of its system instruction. Raises the service's refusal."""
    said: list[dict[str, Any]] = []
    instruction: Parts = []
    called: dict[str, str] = {}  # names of functions, by the ids of calls
    after_result = False
    for number, message in enumerate(messages):
        role = str(message.get("role", ""))
        if role in _SYSTEM:
            instruction += _parts(message.get("content"))
        elif role in _RESULTS:
            if not after_result:  # the results of calls that were made at once are one content
                said.append({"role": "user", "parts": []})
            parts = said[-1]["parts"]
            where = f"GenerateContentRequest.contents[{len(said) - 1}].parts[{len(parts)}]"
            parts.append(_result(message, called, where))
        elif role in _MODEL:
            said.append({"role": "model", "parts": _answer(message, called)})
        elif role == "user":
            said.append({"role": "user", "parts": _parts(message.get("content"), _MEDIA)})
        else:
            raise invalid(
                f"messages[{number}].role: Please use a valid role: system, developer, user, assistant, tool."
            )
        after_result = role in _RESULTS
    return said, instruction


def _parts(content: object, media: Collection[str] = ()) -> Parts:
    """The parts of a message: its text, or a list of texts and of `media`."""
    if isinstance(content, str):
        return [{"text": content}]
    parts: Parts = []
    for part in content if isinstance(content, list) else ():
        kind = str(part.get("type")) if isinstance(part, Mapping) else type(part).__name__
        if kind == "text" and isinstance(part.get("text"), str):
            parts.append({"text": part["text"]})
        elif kind in media and isinstance(part.get(kind), Mapping):
            parts.append(_MEDIA[kind](part[kind]))
        else:
            raise invalid(f"Invalid content part type: {kind}")
    return parts


def _image(image: Mapping[str, Any]) -> dict[str, Any]:
    url = str(image.get("url", ""))
    if not url.startswith("data:"):
        return {"fileData": {"fileUri": url, "mimeType": "image/jpeg"}}
    found = _DATA.fullmatch(url)
    if found is None:
        raise invalid("Invalid image_url: a data URL has a MIME type and is in base64.")
    return {"inlineData": {"mimeType": found[1], "data": found[2]}}


def _audio(audio: Mapping[str, Any]) -> dict[str, Any]:
    return {"inlineData": {"mimeType": f"audio/{audio.get('format', '')}", "data": audio.get("data", "")}}


_MEDIA = {"image_url": _image, "input_audio": _audio}


def _answer(message: Mapping[str, Any], called: dict[str, str]) -> Parts:
    """What the model has said: its text, then its calls, whose ids are remembered."""
    parts = _parts(message.get("content"))
    for call in _calls(message):
        function = call.get("function")
        function = function if isinstance(function, Mapping) else {}
        name, own = str(function.get("name", "")), str(call.get("id", ""))
        called[own] = name
        part: dict[str, Any] = {"functionCall": {"name": name, "args": _arguments(function.get("arguments"))}}
        if own:
            part["functionCall"]["id"] = own
        parts.append(part | _signed(call))
    return parts


def _calls(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return []
    return [call for call in calls if isinstance(call, Mapping)]


def _signed(call: Mapping[str, Any]) -> dict[str, Any]:
    """The signature of the thought that led to a call, if it came back with it."""
    place: Any = call
    for name in ("extra_content", "google", "thought_signature"):
        place = place.get(name) if isinstance(place, Mapping) else None
    return {"thoughtSignature": place} if place else {}


def _arguments(text: object) -> dict[str, Any]:
    value = _object(text) if text else {}
    if value is None:
        raise invalid("Invalid function call: its arguments must be the JSON of an object.")
    return value


def _result(message: Mapping[str, Any], called: Mapping[str, str], where: str) -> dict[str, Any]:
    own = str(message.get("tool_call_id", ""))
    name = message.get("name") or called.get(own)
    if not isinstance(name, str) or not name:
        raise invalid(f"* {where}.function_response.name: Name cannot be empty.\n")
    said = "".join(part["text"] for part in _parts(message.get("content")))
    value = _object(said)
    response: dict[str, Any] = {"name": name, "response": {"result": said} if value is None else value}
    return {"functionResponse": response | ({"id": own} if own else {})}


def _object(text: object) -> dict[str, Any] | None:
    """The object that the text is the JSON of, or None."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
