"""Lists the messages that interactions are made of, as tables: what is created, its input, tools and settings.

Read by `gaos`; named by `interaction_rules` and the surface. Separate because it is data: the names are those of the
official SDKs' types (google-genai 3.6.1) but for what the Gemini Developer API refuses, which is Vertex AI's: safety
settings, retrieval, BigQuery.
"""

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
    Fields,
    Table,
    Typed,
    wrong_type,
)
from gemctl.emulator.gaos import Words
from gemctl.emulator.scalars import Kind, Violation

LEGACY = (
    "The legacy Interactions API schema is no longer supported. Please upgrade to the steps schema: google-genai 2.0.0"
    " or newer for Python, @google/genai 2.0.0 or newer for JavaScript."
)
_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:8", "8:1", "1:4", "4:1")
_SIZES = ("512", "1K", "2K", "4K")
_SUMMARIES = ("auto", "none")


class _Tagged(Fields):
    """A message with a `type`, which has been looked at."""

    def __init__(self, name: str, fields: dict[str, Kind], *required: str) -> None:
        super().__init__(name, lambda: {"type": TEXT, **fields}, *required)


# Content

_RESOLUTION = Choice("low", "medium", "high", "ultra_high")
_STATIC = _Tagged(
    "StaticMediaProcessing",
    {
        "contentLayers": Array(Choice("frames", "audio", "transcript")),
        "startOffset": TEXT,
        "endOffset": TEXT,
        "fps": NUMBER,
    },
)
_PAGES = _Tagged(
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
_HEARD = _Tagged("AudioStaticMediaProcessing", {"startOffset": TEXT, "endOffset": TEXT})


class _Processing:
    """How media are processed: a word, or the settings of it."""

    def __init__(self, settings: Words, *words: str) -> None:
        self.settings, self._words = settings, Choice(*words)
        self.kind = "processing"

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        kind: Kind = self._words if isinstance(value, str) else Typed(static=self.settings)
        return kind.read(value, path, wrong)


def _media(called: str, **more: Kind) -> Words:
    return _Tagged(called, {"data": DATA, "uri": TEXT, "mimeType": TEXT, **more})


_ANNOTATIONS = Array(OBJECT)  # of answers that are sent back
CONTENT = Typed(
    text=_Tagged("TextContent", {"text": TEXT, "annotations": _ANNOTATIONS}, "text"),
    image=_media("ImageContent", resolution=_RESOLUTION),
    document=_media("DocumentContent", resolution=_RESOLUTION, processing=_Processing(_PAGES, "static")),
    audio=_media("AudioContent", channels=WHOLE, sampleRate=WHOLE, processing=_Processing(_HEARD, "static")),
    video=_media(
        "VideoContent", name=TEXT, resolution=_RESOLUTION, processing=_Processing(_STATIC, "static", "agentic")
    ),
)

# Steps


class _Result:
    """What a function has answered: a text, an object, or contents."""

    kind = "result"

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        if isinstance(value, list):
            return Array(CONTENT).read(value, path, wrong)
        if isinstance(value, str):
            return TEXT.read(value, path, wrong)
        return OBJECT.read(value, path, wrong)


_CONTENTS = Array(CONTENT)
_SIGNED: dict[str, Kind] = {"signature": DATA}
_CALL: dict[str, Kind] = {"id": TEXT, **_SIGNED}
_ANSWER: dict[str, Kind] = {"callId": TEXT, "isError": FLAG, **_SIGNED}
_QUERIES = Fields("GoogleSearchCallArguments", lambda: {"queries": Array(TEXT)})
STEP = Typed(
    user_input=_Tagged("UserInputStep", {"content": _CONTENTS}, "content"),
    model_output=_Tagged("ModelOutputStep", {"content": _CONTENTS, "error": OBJECT}),
    thought=_Tagged("ThoughtStep", {**_SIGNED, "summary": _CONTENTS}),
    function_call=_Tagged("FunctionCallStep", {**_CALL, "name": TEXT, "arguments": OBJECT}, "id", "name", "arguments"),
    function_result=_Tagged(
        "FunctionResultStep", {"callId": TEXT, "isError": FLAG, "name": TEXT, "result": _Result()}, "call_id", "result"
    ),
    code_execution_call=_Tagged(
        "CodeExecutionCallStep",
        {
            **_CALL,
            "arguments": Fields(
                "CodeExecutionCallArguments", lambda: {"code": TEXT, "language": Choice("python", "bash")}
            ),
        },
        "id",
    ),
    code_execution_result=_Tagged("CodeExecutionResultStep", {**_ANSWER, "result": ANYTHING}, "call_id"),
    google_search_call=_Tagged("GoogleSearchCallStep", {**_CALL, "arguments": _QUERIES, "searchType": TEXT}, "id"),
    google_search_result=_Tagged("GoogleSearchResultStep", {**_ANSWER, "result": Array(OBJECT)}, "call_id"),
    google_maps_call=_Tagged("GoogleMapsCallStep", {**_CALL, "arguments": _QUERIES}, "id"),
    google_maps_result=_Tagged("GoogleMapsResultStep", {"callId": TEXT, **_SIGNED, "result": Array(OBJECT)}, "call_id"),
    url_context_call=_Tagged(
        "URLContextCallStep",
        {**_CALL, "arguments": Fields("URLContextCallArguments", lambda: {"urls": Array(TEXT)})},
        "id",
    ),
    url_context_result=_Tagged("URLContextResultStep", {**_ANSWER, "result": Array(OBJECT)}, "call_id"),
    file_search_call=_Tagged("FileSearchCallStep", _CALL, "id"),
    file_search_result=_Tagged("FileSearchResultStep", {"callId": TEXT, **_SIGNED}, "call_id"),
    mcp_server_tool_call=_Tagged(
        "MCPServerToolCallStep", {**_CALL, "name": TEXT, "serverName": TEXT, "arguments": OBJECT}, "id", "name"
    ),
    mcp_server_tool_result=_Tagged(
        "MCPServerToolResultStep", {"callId": TEXT, "name": TEXT, "serverName": TEXT, "result": _Result()}, "call_id"
    ),
    processing_call=_Tagged("ProcessingCallStep", _CALL, "id"),
    processing_result=_Tagged("ProcessingResultStep", {"callId": TEXT, **_SIGNED}, "call_id"),
    tool_search_call=_Tagged(
        "ToolSearchCallStep",
        {
            **_CALL,
            "arguments": Fields("ToolSearchCallStepArguments", lambda: {"functionNames": Array(TEXT)}),
        },
        "id",
    ),
    tool_search_result=_Tagged("ToolSearchResultStep", {"callId": TEXT, **_SIGNED, "result": Array(OBJECT)}, "call_id"),
)


class _Input:
    """A text, contents or steps, one or a list of them; it becomes a list of steps. Turns with a role are of the schema
    of before June 2026, and are refused."""

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
        read = [kind.read(each, path if alone else f"{path}[{index}]", wrong) for index, each in enumerate(given)]
        return [_said(read)] if kind is CONTENT else read


def _type(value: object) -> object:
    named = value.get("type") if isinstance(value, dict) else None
    return named if isinstance(named, str) else None


def _said(contents: list[Any]) -> dict[str, Any]:
    return {"type": "user_input", "content": contents}


INPUT = _Input()

# Tools

ALLOWED_TOOLS = Fields(
    "AllowedTools", lambda: {"mode": Choice("auto", "any", "none", "validated"), "tools": Array(TEXT)}
)
TOOL = Typed(
    function=_Tagged(
        "Function",
        {
            "name": TEXT,
            "description": TEXT,
            "shortDescription": TEXT,
            "parameters": ANYTHING,
            "deferLoading": FLAG,
        },
        "name",
    ),
    google_search=_Tagged(
        "GoogleSearch", {"searchTypes": Array(Choice("web_search", "image_search", "enterprise_web_search"))}
    ),
    url_context=_Tagged("URLContext", {}),
    code_execution=_Tagged("CodeExecution", {}),
    file_search=_Tagged("FileSearch", {"fileSearchStoreNames": Array(TEXT), "topK": WHOLE, "metadataFilter": TEXT}),
    mcp_server=_Tagged(
        "MCPServer",
        {
            "name": TEXT,
            "url": TEXT,
            "headers": Table(TEXT),
            "allowedTools": Array(ALLOWED_TOOLS),
            "deferLoading": FLAG,
        },
    ),
    computer_use=_Tagged(
        "ComputerUse",
        {
            "environment": Choice("browser", "mobile", "desktop"),
            "excludedPredefinedFunctions": Array(TEXT),
            "disabledSafetyPolicies": Array(
                Choice(
                    "financial_transactions",
                    "sensitive_data_modification",
                    "communication_tool",
                    "account_creation",
                    "data_modification",
                    "user_consent_management",
                    "legal_terms_and_agreements",
                )
            ),
            "enablePromptInjectionDetection": FLAG,
        },
    ),
    google_maps=_Tagged("GoogleMaps", {"latitude": NUMBER, "longitude": NUMBER, "enableWidget": FLAG}),
    tool_search=_Tagged(
        "ToolSearch",
        {"name": TEXT, "description": TEXT, "parameters": ANYTHING, "execution": Choice("server", "client")},
    ),
)


class _ToolChoice:
    """A word, or the tools that are allowed."""

    kind = "tool choice"

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        if isinstance(value, str):
            return Choice("auto", "any", "none", "validated").read(value, path, wrong)
        return TOOL_CHOICE.read(value, path, wrong)


TOOL_CHOICE = Fields("ToolChoiceConfig", lambda: {"allowedTools": ALLOWED_TOOLS})

# Settings


class _Speaker(Fields):
    """One voice. What is not known in it is refused in other words than elsewhere, as the service was seen to do."""

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        unknown = [name for name in value if name not in self._fields] if isinstance(value, dict) else []
        if unknown:
            wrong.append(Violation(path, f"no such field: '{unknown[0]}'"))
            return None
        return super().read(value, path, wrong)


SPEAKER = _Speaker("SpeechConfig", lambda: {"voice": TEXT, "language": TEXT, "speaker": TEXT})
_VERBATIM: dict[str, Kind] = {"diarizationMode": TEXT, "timestampGranularities": Array(TEXT)}
TRANSCRIPTION = Fields(
    "TranscriptionConfig",
    lambda: {
        "languageCodes": Array(TEXT),
        "languageHints": Array(TEXT),
        "adaptationPhrases": Array(TEXT),
        "customVocabulary": Array(TEXT),
        **_VERBATIM,
        "mode": _Mode(),
    },
)
SMART = _Tagged("SmartTranscriptionMode", {"sourceText": TEXT})
VERBATIM = _Tagged("VerbatimTranscriptionMode", _VERBATIM)


class _Mode:
    """A word, or the settings of a mode."""

    kind = "mode"

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        kind: Kind = Choice("smart", "verbatim") if isinstance(value, str) else Typed(smart=SMART, verbatim=VERBATIM)
        return kind.read(value, path, wrong)


GENERATION_CONFIG = Fields(
    "GenerationConfig",
    lambda: {
        "temperature": NUMBER,
        "topP": NUMBER,
        "seed": WHOLE,
        "stopSequences": Array(TEXT),
        "maxOutputTokens": WHOLE,
        "thinkingLevel": Choice("minimal", "low", "medium", "high", "xhigh"),
        "thinkingSummaries": Choice(*_SUMMARIES),
        "toolChoice": _ToolChoice(),
        "speechConfig": Array(SPEAKER),
        "imageConfig": Fields("ImageConfig", lambda: {"aspectRatio": Choice(*_RATIOS), "imageSize": Choice(*_SIZES)}),
        "videoConfig": Fields(
            "VideoConfig",
            lambda: {
                "task": Choice("text_to_video", "image_to_video", "reference_to_video", "edit", "extend", "upscale")
            },
        ),
        "transcriptionConfig": TRANSCRIPTION,
    },
)
_DELIVERY = Choice("inline", "uri")
FORMAT = Typed(
    text=_Tagged("TextResponseFormat", {"mimeType": Choice("application/json", "text/plain"), "schema": OBJECT}),
    image=_Tagged(
        "ImageResponseFormat",
        {
            "aspectRatio": Choice(*_RATIOS),
            "imageSize": Choice(*_SIZES),
            "mimeType": Choice("image/jpeg"),
            "delivery": _DELIVERY,
        },
    ),
    audio=_Tagged(
        "AudioResponseFormat",
        {"mimeType": TEXT, "sampleRate": WHOLE, "bitRate": WHOLE, "delivery": _DELIVERY},
    ),
    video=_Tagged(
        "VideoResponseFormat",
        {
            "aspectRatio": Choice("16:9", "9:16"),
            "resolution": Choice("360p", "720p", "1080p", "4k"),
            "duration": TEXT,
            "delivery": _DELIVERY,
            "gcsUri": TEXT,
        },
    ),
)


class _Format:
    """One form of the answer, or a list of them. An object without such a type is a JSON schema."""

    kind = "response format"

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        if isinstance(value, list):
            return Array(FORMAT).read(value, path, wrong)
        if isinstance(value, dict) and (_type(value) in FORMAT.messages):
            return FORMAT.read(value, path, wrong)
        return OBJECT.read(value, path, wrong)


_SOURCE = Fields(
    "Source",
    lambda: {
        "type": Choice("gcs", "inline", "repository", "skill_registry"),
        "source": TEXT,
        "content": TEXT,
        "encoding": TEXT,
        "target": TEXT,
    },
)
ENVIRONMENT = _Tagged(
    "Environment",
    {
        "environmentId": TEXT,
        "sources": Array(_SOURCE),
        "network": ANYTHING,
        "env": OBJECT,
        "mode": Choice("on_demand", "self_hosted"),
        "customConfig": OBJECT,
    },
)


class _Environment:
    """`remote`, the id of one, or what a new one has."""

    kind = "environment"

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        return (TEXT if isinstance(value, str) else ENVIRONMENT).read(value, path, wrong)


class _Dynamic(Fields):
    """The settings of an agent of a kind that is not known."""

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        return OBJECT.read(value, path, wrong)


AGENT_CONFIG = Typed(
    **{
        "deep-research": _Tagged(
            "DeepResearchAgentConfig",
            {
                "thinkingSummaries": Choice(*_SUMMARIES),
                "visualization": Choice("off", "auto"),
                "collaborativePlanning": FLAG,
            },
        ),
        "antigravity": _Tagged("AntigravityAgentConfig", {"model": TEXT, "maxTotalTokens": WHOLE}),
        "code-mender": _Tagged(
            "CodeMenderAgentConfig",
            {
                "model": TEXT,
                "findRequest": OBJECT,
                "fixRequest": OBJECT,
                "sessionConfig": OBJECT,
                "sessionId": TEXT,
            },
        ),
        "dynamic": _Dynamic("DynamicAgentConfig", dict),
    }
)
WEBHOOK_CONFIG = Fields("WebhookConfig", lambda: {"uris": Array(TEXT), "userMetadata": OBJECT})
CREATE = Fields(
    "CreateInteractionRequest",
    lambda: {
        "model": TEXT,
        "agent": TEXT,
        "input": INPUT,
        "previousInteractionId": TEXT,
        "store": FLAG,
        "background": FLAG,
        "stream": FLAG,
        "systemInstruction": TEXT,
        "tools": Array(TOOL),
        "generationConfig": GENERATION_CONFIG,
        "responseFormat": _Format(),
        "responseModalities": Array(Choice("text", "image", "audio", "video", "document")),
        "responseMimeType": TEXT,
        "agentConfig": AGENT_CONFIG,
        "environment": _Environment(),
        "serviceTier": Choice("flex", "standard", "priority", "deferred"),
        "labels": Table(TEXT),
        "webhookConfig": WEBHOOK_CONFIG,
        "continuationToken": TEXT,
    },
)
