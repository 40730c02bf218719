"""Refuses interactions of the right shape as the service does: what excludes what, and what needs what.

Called by `interaction_life`. Separate because these are sentences and no states. Those in quotation marks in the guide
on ai.google.dev, or published by users of the live service in 2026, are theirs; where none was published the check is
an assumption, as that a function's call must be answered by a result. Agents for research are refused without
`background`; the others are taken in both ways, though one client's page says that those refuse it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gemctl.emulator.gaos import invalid
from gemctl.emulator.interaction_contents import LEGACY
from gemctl.emulator.wire import Request

_OLD_SDK = re.compile(r"\bgoogle-genai-sdk/1\.")
_LABEL = re.compile(r"[a-z0-9_-]{0,63}")
_LABEL_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_MOST_LABELS = 64  # as in other APIs of Google; an assumption


def check_age(request: Request) -> None:
    """Refuse the SDKs that know only the schema of before June 2026."""
    if _OLD_SDK.search(request.headers.get("user-agent", "")):
        raise invalid(LEGACY)


def check(body: Mapping[str, Any]) -> None:
    """Check what needs nothing but the body, which has been through its table; an input that is taken from before is in
    it."""
    agent = "agent" in body
    for refused in _exclusions(body):
        raise invalid(refused)
    if agent == ("model" in body):
        raise invalid(
            f"Exactly one of 'model' and 'agent' is required, and {'both are' if agent else 'none is'} given."
        )
    if not body.get("input"):
        raise invalid("Missing required parameter 'input'.")
    _check_labels(body.get("labels", {}))
    _check_media(body["input"])
    _check_formats(body)
    _check_speakers(body.get("generation_config", {}).get("speech_config", ()))
    _check_tools(body)


def _exclusions(body: Mapping[str, Any]) -> Iterator[str]:
    background, stored = body.get("background", False), body.get("store", True)
    if background and not stored:
        yield "'background' requires 'store' to be true."
    if "agent" in body and "generation_config" in body:
        yield "Parameter 'generation_config' is not supported with 'agent'; it has 'agent_config'."
    if "model" in body and "agent_config" in body:
        yield "Parameter 'agent_config' is not supported with 'model'."
    if "webhook_config" in body and not background:
        yield "'webhook_config' requires 'background' to be true."
    if "response_mime_type" in body and "response_format" not in body:
        yield "responseFormat must be set when responseMimeType is set"
    if "continuation_token" in body and (background or "agent" in body):
        yield "'continuation_token' is for models that answer at once."


def check_agent(origin: str, *, background: bool) -> None:
    """Check that an agent whose work is long is not to answer at once. `origin` is the agent of the service that it is,
    or is based on; nothing for a model."""
    if origin.startswith("deep-research-") and not background:
        raise invalid("An interaction with an agent requires 'background' to be true.")


def _check_labels(labels: Mapping[str, str]) -> None:
    if len(labels) > _MOST_LABELS:
        raise invalid(f"The value is invalid for 'labels'. At most {_MOST_LABELS} labels are allowed.")
    for name, value in labels.items():
        if not _LABEL_NAME.fullmatch(name) or not _LABEL.fullmatch(value):
            raise invalid(
                f"The value is invalid for 'labels.{name[:80]}'. Names and values are of at most 63 characters out of"
                " [a-z0-9_-], and a name begins with a letter."
            )


def _check_media(steps: Iterable[Mapping[str, Any]]) -> None:
    """Each medium has bytes or an address."""
    for index, step in enumerate(steps):
        for number, content in enumerate(step.get("content", ())):
            if content["type"] != "text" and ("data" in content) == ("uri" in content):
                raise invalid(f"Exactly one of 'data' and 'uri' is required in 'input[{index}].content[{number}]'.")
            if content.get("uri", "").lower().startswith("gs://"):
                raise invalid(f"Cloud Storage URIs are not supported in 'input[{index}].content[{number}].uri'.")
            if content["type"] != "text" and "data" in content and "mime_type" not in content:
                raise invalid(f"Missing required parameter 'input[{index}].content[{number}].mime_type'.")


def formats(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The forms of the answer that are asked for. A JSON schema alone is the form of a text."""
    given = body.get("response_format", [])
    listed = given if isinstance(given, list) else [given]
    return [
        each if each.get("type") in ("text", "image", "audio", "video") else {"type": "text", "schema": each}
        for each in listed
    ]


def _check_formats(body: Mapping[str, Any]) -> None:
    given = body.get("response_format")
    if isinstance(given, dict) and formats(body)[0] is not given and "response_mime_type" not in body:
        raise invalid("The value is invalid for 'response_format'. A JSON schema requires 'response_mime_type'.")
    for form in formats(body):
        if form["type"] == "audio" and "mime_type" in form:
            raise invalid("Audio mime_type is not supported in response_format.")
        if form["type"] in ("image", "audio") and "delivery" in form:
            raise invalid(f"{form['type'].title()} delivery is not supported in response_format.")


def _check_speakers(speakers: Sequence[Mapping[str, Any]]) -> None:
    for index, one in enumerate(speakers):
        for name in ("voice", "language", *(("speaker",) if len(speakers) > 1 else ())):
            if not one.get(name):
                raise invalid(f"Missing required parameter 'generation_config.speech_config[{index}].{name}'.")


def _check_tools(body: Mapping[str, Any]) -> None:
    names = [tool["name"] for tool in body.get("tools", ()) if tool["type"] == "function"]
    twice = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if twice is not None:
        raise invalid(f"The value is invalid for 'tools'. The function '{twice[:80]}' is declared twice.")
    mode, allowed = choice(body)
    if mode in ("any", "validated") and not body.get("tools"):
        raise invalid("The value is invalid for 'generation_config.tool_choice'. It requires 'tools'.")
    unknown = next((name for name in allowed if name not in names), None)
    if unknown is not None:
        raise invalid(f"'generation_config.tool_choice.allowed_tools' names '{unknown[:80]}', which is no function.")


def choice(body: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The mode of calling functions, and the names of those that are allowed; none for all of them."""
    given = body.get("generation_config", {}).get("tool_choice", "auto")
    if isinstance(given, str):
        return given, []
    allowed = given.get("allowed_tools", {})
    return allowed.get("mode", "auto"), list(allowed.get("tools", ()))


def check_calls(before: Sequence[Mapping[str, Any]], given: Sequence[Mapping[str, Any]]) -> None:
    """Check that each call of a function has one result, and each result a call: of the steps `before`, which are
    stored, and those that are `given` now. A call that is sent back needs its signature."""
    for index, step in enumerate(given):
        if step["type"] == "function_call" and not step.get("signature"):
            raise invalid(f"Missing required parameter 'input[{index}].signature'.")
    waiting = {step["id"]: step["name"] for step in before if step["type"] == "function_call"}
    for step in before:
        if step["type"] == "function_result":
            waiting.pop(step["call_id"], None)
    for index, step in enumerate(given):
        if step["type"] == "function_call":
            waiting[step["id"]] = step["name"]
        elif step["type"] == "function_result" and waiting.pop(step["call_id"], None) is None:
            raise invalid(f"'input[{index}].call_id' is not the id of a function call that waits for its result.")
    if waiting:
        names = ", ".join(f"'{call}' ({name})" for call, name in list(waiting.items())[:10])
        raise invalid(f"Each function call requires a function_result. There is none for {names}.")
