"""Decides which functions the emulated model calls.

Called by `answers`. Separate because it is pure, and the one thing for which an answer is not made of text. A request
gets calls in place of a text where its functions are declared, and

* the last message asks for them by marks: `[[emulator: call look_up {"key": "a"}]]`, without arguments for those that
  fit the declaration; several marks are several calls at once;
* or the mode of function calling is ANY: one call of the first function that is allowed.

A message with results of functions is answered by a text, whatever the mode: else no loop of tools would end. A mark
for a function that is not declared is none. Nothing is called in the mode NONE. In the mode VALIDATED, as in AUTO, a
model may also answer with a text, and does. A scripted answer calls what it says.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gemctl.emulator import instances

_MARK = re.compile(r"\[\[emulator: call ([A-Za-z_][\w.:-]{0,63}) ?")
_END = "]]"
_ID = 8


def wanted(request: Mapping[str, Any], digest: bytes) -> list[dict[str, Any]]:
    """The parts with calls that answer a GenerateContentRequest which has been through `shapes`; none of them for one
    that is answered otherwise. Their ids are of the digest."""
    declared = _declared(request.get("tools", ()))
    settings = request.get("toolConfig", {}).get("functionCallingConfig", {})
    mode, allowed = settings.get("mode", "AUTO"), settings.get("allowedFunctionNames") or list(declared)
    last = request["contents"][-1]["parts"]
    if not declared or mode == "NONE" or any("functionResponse" in part for part in last):
        return []
    asked: list[tuple[str, dict[str, Any] | None]] = [
        call for part in last for call in _marks(part.get("text", "")) if call[0] in allowed and call[0] in declared
    ]
    if not asked and mode == "ANY":
        asked += [(name, None) for name in allowed if name in declared][:1]
    return of(
        [
            {"name": name, "args": _fitting(declared[name]) if arguments is None else arguments}
            for name, arguments in asked
        ],
        digest,
    )


def of(called: Sequence[Mapping[str, Any]], digest: bytes) -> list[dict[str, Any]]:
    """The parts with these calls. Their ids are of the digest, where they have none."""
    made = digest.hex()
    return [
        {"functionCall": {"id": made[index : index + _ID], "args": {}, **each}}
        for index, each in enumerate(called[: len(made) - _ID])
    ]


def _declared(tools: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {function.get("name", ""): function for tool in tools for function in tool.get("functionDeclarations", ())}


def _fitting(function: Mapping[str, Any]) -> dict[str, Any]:
    value = instances.instance(function.get("parameters") or function.get("parametersJsonSchema") or {})
    return value if isinstance(value, dict) else {}


def _marks(text: str) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """The functions that a text asks for, with their arguments."""
    for found in _MARK.finditer(text):
        rest = text[found.end() :]
        if rest.startswith(_END):
            yield found[1], None
            continue
        try:
            arguments, end = json.JSONDecoder().raw_decode(rest)
        except (ValueError, RecursionError):
            continue
        if isinstance(arguments, dict) and rest.startswith(_END, end):
            yield found[1], arguments
