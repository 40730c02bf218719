"""Lists what is said in an interaction, as tables: contents, steps, and the forms of an input.

Read by `gaos` as a part of `interaction_messages`. Separate because it is data: the names are those of the official
SDKs' types (google-genai 3.6.1). Results of functions are taken among the contents of what a user says too, as
@ai-sdk/google 4 sends them.
"""

from collections.abc import Iterator
from typing import Any

from gemctl.emulator.exact import (
    ANYTHING,
    DATA,
    FLAG,
    NUMBER,
    OBJECT,
    TEXT,
    WHOLE,
    Array,
    Choice,
    Either,
    Fields,
    Tagged,
    Typed,
    wrong_type,
)
from gemctl.emulator.gaos import Words
from gemctl.emulator.scalars import Kind, Violation

LEGACY = (
    "The legacy Interactions API schema is no longer supported. Please upgrade to the steps schema: google-genai 2.0.0"
    " or newer for Python, @google/genai 2.0.0 or newer for JavaScript."
)

# Content

_RESOLUTION = Choice("low", "medium", "high", "ultra_high")
_STATIC = Tagged(
    "StaticMediaProcessing",
    {
        "contentLayers": Array(Choice("frames", "audio", "transcript")),
        "startOffset": TEXT,
        "endOffset": TEXT,
        "fps": NUMBER,
    },
)
_PAGES = Tagged(
    "DocumentStaticMediaProcessing",
    {
        "pageOptions": Fields(
            "PageProcessingOptions",
            lambda: {
                "contentLayers": Array(Choice("page_image", "page_text")),
                "startPage": WHOLE,
                "endPage": WHOLE,
            },
        ),
        "spreadsheetOptions": Fields(
            "SpreadsheetProcessingOptions",
            lambda: {
                "contentLayers": Array(Choice("visual", "data", "formulas")),
                "sheetIndex": WHOLE,
                "visibleCells": TEXT,
            },
        ),
    },
)
_HEARD = Tagged("AudioStaticMediaProcessing", {"startOffset": TEXT, "endOffset": TEXT})


def _processed(settings: Words, *words: str) -> Kind:
    return Either(Choice(*words), Typed(static=settings))


def _media(called: str, **more: Kind) -> Words:
    return Tagged(called, {"data": DATA, "uri": TEXT, "mimeType": TEXT, **more})


_ANNOTATIONS = Array(OBJECT)  # of answers that are sent back
CONTENT = Typed(
    text=Tagged("TextContent", {"text": TEXT, "annotations": _ANNOTATIONS}, "text"),
    image=_media("ImageContent", resolution=_RESOLUTION),
    document=_media("DocumentContent", resolution=_RESOLUTION, processing=_processed(_PAGES, "static")),
    audio=_media("AudioContent", channels=WHOLE, sampleRate=WHOLE, processing=_processed(_HEARD, "static")),
    video=_media(
        "VideoContent", name=TEXT, resolution=_RESOLUTION, processing=_processed(_STATIC, "static", "agentic")
    ),
)

# Steps


_CONTENTS = Array(CONTENT)
_RESULT = Either(TEXT, OBJECT, _CONTENTS)
_SIGNED: dict[str, Kind] = {"signature": DATA}
_CALL: dict[str, Kind] = {"id": TEXT, **_SIGNED}
_ANSWER: dict[str, Kind] = {"callId": TEXT, "isError": FLAG, **_SIGNED}
_SEARCHED = Fields("GoogleSearchCallArguments", lambda: {"queries": Array(TEXT)})
_LOCATED = Fields("GoogleMapsCallArguments", lambda: {"queries": Array(TEXT)})
STEP = Typed(
    user_input=Tagged("UserInputStep", {"content": _CONTENTS}, "content"),
    model_output=Tagged("ModelOutputStep", {"content": _CONTENTS, "error": OBJECT}),
    thought=Tagged("ThoughtStep", {**_SIGNED, "summary": _CONTENTS}),
    function_call=Tagged("FunctionCallStep", {**_CALL, "name": TEXT, "arguments": OBJECT}, "id", "name", "arguments"),
    function_result=Tagged(
        "FunctionResultStep", {"callId": TEXT, "isError": FLAG, "name": TEXT, "result": _RESULT}, "call_id", "result"
    ),
    code_execution_call=Tagged(
        "CodeExecutionCallStep",
        {
            **_CALL,
            "arguments": Fields(
                "CodeExecutionCallArguments", lambda: {"code": TEXT, "language": Choice("python", "bash")}
            ),
        },
        "id",
    ),
    code_execution_result=Tagged("CodeExecutionResultStep", {**_ANSWER, "result": ANYTHING}, "call_id"),
    google_search_call=Tagged("GoogleSearchCallStep", {**_CALL, "arguments": _SEARCHED, "searchType": TEXT}, "id"),
    google_search_result=Tagged("GoogleSearchResultStep", {**_ANSWER, "result": Array(OBJECT)}, "call_id"),
    google_maps_call=Tagged("GoogleMapsCallStep", {**_CALL, "arguments": _LOCATED}, "id"),
    google_maps_result=Tagged("GoogleMapsResultStep", {"callId": TEXT, **_SIGNED, "result": Array(OBJECT)}, "call_id"),
    url_context_call=Tagged(
        "URLContextCallStep",
        {**_CALL, "arguments": Fields("URLContextCallArguments", lambda: {"urls": Array(TEXT)})},
        "id",
    ),
    url_context_result=Tagged("URLContextResultStep", {**_ANSWER, "result": Array(OBJECT)}, "call_id"),
    file_search_call=Tagged("FileSearchCallStep", _CALL, "id"),
    file_search_result=Tagged("FileSearchResultStep", {"callId": TEXT, **_SIGNED}, "call_id"),
    mcp_server_tool_call=Tagged(
        "MCPServerToolCallStep", {"id": TEXT, "name": TEXT, "serverName": TEXT, "arguments": OBJECT}, "id", "name"
    ),
    mcp_server_tool_result=Tagged(
        "MCPServerToolResultStep", {"callId": TEXT, "name": TEXT, "serverName": TEXT, "result": _RESULT}, "call_id"
    ),
    processing_call=Tagged("ProcessingCallStep", _CALL, "id"),
    processing_result=Tagged("ProcessingResultStep", {"callId": TEXT, **_SIGNED}, "call_id"),
    tool_search_call=Tagged(
        "ToolSearchCallStep",
        {
            **_CALL,
            "arguments": Fields("ToolSearchCallStepArguments", lambda: {"functionNames": Array(TEXT)}),
        },
        "id",
    ),
    tool_search_result=Tagged("ToolSearchResultStep", {"callId": TEXT, **_SIGNED, "result": Array(OBJECT)}, "call_id"),
)


_RESULT_STEP = "function_result"


class _Input:
    """A text, contents or steps, one or a list of them; it becomes a list of steps. Turns with a role are of the schema
    of before June 2026, and are refused. Results of functions that are among the contents of a step are steps."""

    kind = "input"

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        if isinstance(value, str):
            found = TEXT.read(value, path, wrong)
            return [_said([{"type": "text", "text": found}])] if found else []
        if not isinstance(value, list | dict):
            wrong.append(wrong_type(value, path, "string, object or array"))
            return None
        alone = isinstance(value, dict)
        given = [value] if isinstance(value, dict) else value
        if any(isinstance(each, dict) and "role" in each and "type" not in each for each in given):
            wrong.insert(0, Violation(path, LEGACY))
            return None
        kinds = {CONTENT if _type(each) in CONTENT.messages else STEP for each in given}
        if len(kinds) > 1:
            wrong.append(Violation(path, f"The value is invalid for '{path}'. It holds either contents or steps."))
            return None
        kind = kinds.pop() if kinds else STEP
        if any(_type(each) not in (*CONTENT.messages, *STEP.messages) for each in given):
            kind = Typed(**CONTENT.messages, **STEP.messages)  # which refuses it
        at = ((path if alone else f"{path}[{index}]", each) for index, each in enumerate(given))
        read = [kind.read(each, place, wrong) for whole in at for place, each in _apart(*whole)]
        return [_said(read)] if kind is CONTENT else read


def _apart(path: str, step: object) -> Iterator[tuple[str, object]]:
    """The step with its path; the results of functions that are among its contents are steps of their own."""
    contents = step.get("content") if isinstance(step, dict) and _type(step) == "user_input" else None
    results = [each for each in contents if _type(each) == _RESULT_STEP] if isinstance(contents, list) else []
    if not isinstance(step, dict) or not isinstance(contents, list) or not results:
        yield path, step
        return
    for index, each in enumerate(contents):
        if each in results:
            yield f"{path}.content[{index}]", {name: value for name, value in each.items() if name != "signature"}
    if rest := [each for each in contents if each not in results]:
        yield path, {**step, "content": rest}


def _type(value: object) -> object:
    named = value.get("type") if isinstance(value, dict) else None
    return named if isinstance(named, str) else None


def _said(contents: list[Any]) -> dict[str, Any]:
    return {"type": "user_input", "content": contents}


INPUT = _Input()
