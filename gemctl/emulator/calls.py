"""Decides which functions the emulated model calls.

Called by `answers`. Separate because it is pure, and the one thing for which an answer is not made of text. A request
gets calls in place of a text where its functions are declared, and

* the last message asks for them by marks: `[[emulator: call look_up {"key": "a"}]]`, without arguments for those that
  fit the declaration; several marks are several calls at once;
* or its words seem to ask for them (`wording`): all whose names have a word in it, in the order of these words;
* or the mode of function calling is ANY: one call of the first function that is allowed. After results it is the first
  that has not been called since the user spoke, or the last one again: in this mode the service's models go on calling
  (README of the official Python SDK), and programs end the loop.

A message with results of functions is answered by a text in every other mode: else no loop of tools would end. A mark
for a function that is not declared is none; `[[emulator: no call]]` keeps words from being read. Nothing is called in
the mode NONE. In the mode VALIDATED, as in AUTO, a model may also answer with a text. A scripted answer calls what it
says. Calls have ids from Gemini 3 on, as the service's have.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gemctl.emulator import instances, marks
from gemctl.emulator.wording import Values, Wording

_MARK = re.compile(r"\[\[emulator: call ([A-Za-z_][\w.:-]{0,63}) ?")
_NO_CALL = "[[emulator: no call]]"
_END = "]]"
_ID = 8
_MOST_READ = 10_000  # characters of a text in which words are looked for
_MOST = 5  # functions that words ask for at once
_Call = tuple[str, dict[str, Any]]


def wanted(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The calls, each with a name and arguments, that answer a GenerateContentRequest which has been through `shapes`;
    none of them for one that is answered otherwise."""
    settings = request.get("toolConfig", {}).get("functionCallingConfig", {})
    mode, allowed = settings.get("mode", "AUTO"), settings.get("allowedFunctionNames")
    declared = {
        name: function
        for name, function in _declared(request.get("tools", ())).items()
        if not allowed or name in allowed
    }
    if not declared or mode == "NONE":
        return []
    said, called = _turn(request["contents"])
    asked = [] if called is not None else list(_marked(said, declared)) or list(_worded(said, declared))
    if not asked and mode == "ANY":
        order = [name for name in allowed or declared if name in declared]
        name = next((each for each in order if each not in (called or ())), order[-1])
        asked = [(name, _fitting(declared[name], _wording(said).values(0)))]
    return [{"name": name, "args": arguments} for name, arguments in asked]


def _turn(contents: Sequence[Mapping[str, Any]]) -> tuple[str, frozenset[str] | None]:
    """What the user has said last; and, where the last message has results of functions, the ones called since."""
    if not any("functionResponse" in part for part in contents[-1]["parts"]):
        return _said(contents[-1]), None
    called: set[str] = set()
    for content in reversed(contents):
        parts = content.get("parts", ())
        called |= {part["functionCall"].get("name", "") for part in parts if "functionCall" in part}
        if content.get("role") != "model" and not any("functionResponse" in part for part in parts):
            return _said(content), frozenset(called)
    return "", frozenset(called)


def _said(content: Mapping[str, Any]) -> str:
    return "\n".join(part["text"] for part in content.get("parts", ()) if part.get("text"))


def parts(called: Sequence[Mapping[str, Any]], digest: bytes, *, with_ids: bool) -> list[dict[str, Any]]:
    """The parts with these calls. Their ids are of the digest, where they have none and are to have one."""
    made = digest.hex()
    return [
        {"functionCall": {**({"id": made[index : index + _ID]} if with_ids else {}), "args": {}, **each}}
        for index, each in enumerate(called[: len(made) - _ID])
    ]


def results(contents: Sequence[Mapping[str, Any]]) -> str:
    """The results of functions in the last message, with the calls that they answer; "" without any."""
    before = [part for content in contents[:-1] for part in content.get("parts", ())]
    called = {part["functionCall"].get("name"): part["functionCall"] for part in before if "functionCall" in part}
    told = []
    for part in contents[-1].get("parts", ()):
        if "functionResponse" in part:
            name = part["functionResponse"].get("name", "")
            arguments = json.dumps(called.get(name, {}).get("args", {}), ensure_ascii=False)
            response = json.dumps(part["functionResponse"].get("response", {}), ensure_ascii=False)
            told.append(f"{name}({arguments}) gave {response}")
    return "; ".join(told)


def _declared(tools: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {function.get("name", ""): function for tool in tools for function in tool.get("functionDeclarations", ())}


def _worded(said: str, declared: Mapping[str, Mapping[str, Any]]) -> Iterator[_Call]:
    if _NO_CALL in said:
        return
    wording = _wording(said)
    places = [(place, name) for name, each in declared.items() if (place := wording.asks_for(each)) is not None]
    for place, name in sorted(places)[:_MOST]:
        yield name, _fitting(declared[name], wording.values(place))


def _wording(said: str) -> Wording:
    return Wording(marks.without(said)[-_MOST_READ:])


def _fitting(function: Mapping[str, Any], values: Values | None = None) -> dict[str, Any]:
    value = instances.instance(function.get("parameters") or function.get("parametersJsonSchema") or {}, values)
    return value if isinstance(value, dict) else {}


def _marked(text: str, declared: Mapping[str, Mapping[str, Any]]) -> Iterator[_Call]:
    """The functions that a text asks for by marks, with their arguments."""
    for found in _MARK.finditer(text):
        name, at = found[1], found.end()
        if name not in declared:
            continue
        if text.startswith(_END, at):
            yield name, _fitting(declared[name])
            continue
        try:
            arguments, end = json.JSONDecoder().raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        if isinstance(arguments, dict) and text.startswith(_END, end):
            yield name, arguments
