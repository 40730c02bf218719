"""Lists what an interaction is made from, as tables: tools, settings, forms of the answer, and the body of a create.

Read by `gaos`; named by the surface. Separate because it is data: the names are those of the official SDKs' types
(google-genai 3.6.1) but for what the Gemini Developer API refuses, which is Vertex AI's: safety settings, retrieval,
BigQuery. What is said in an interaction is in `interaction_contents`.
"""

from typing import Any

from gemctl.emulator.agent_messages import CONFIGURATION, ENVIRONMENT
from gemctl.emulator.exact import (
    ANYTHING,
    FLAG,
    NUMBER,
    OBJECT,
    TEXT,
    WHOLE,
    Array,
    Choice,
    Either,
    Fields,
    Table,
    Tagged,
    Typed,
)
from gemctl.emulator.interaction_contents import INPUT
from gemctl.emulator.scalars import Kind, Violation

_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:8", "8:1", "1:4", "4:1")
_SIZES = ("512", "1K", "2K", "4K")
_SUMMARIES = ("auto", "none")


# Tools

_MODES = Choice("auto", "any", "none", "validated")
ALLOWED_TOOLS = Fields("AllowedTools", lambda: {"mode": _MODES, "tools": Array(TEXT)})
TOOL = Typed(
    function=Tagged(
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
    google_search=Tagged(
        "GoogleSearch", {"searchTypes": Array(Choice("web_search", "image_search", "enterprise_web_search"))}
    ),
    url_context=Tagged("URLContext", {}),
    code_execution=Tagged("CodeExecution", {}),
    file_search=Tagged("FileSearch", {"fileSearchStoreNames": Array(TEXT), "topK": WHOLE, "metadataFilter": TEXT}),
    mcp_server=Tagged(
        "MCPServer",
        {
            "name": TEXT,
            "url": TEXT,
            "headers": Table(TEXT),
            "allowedTools": Array(ALLOWED_TOOLS),
            "deferLoading": FLAG,
        },
    ),
    computer_use=Tagged(
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
    google_maps=Tagged("GoogleMaps", {"latitude": NUMBER, "longitude": NUMBER, "enableWidget": FLAG}),
    tool_search=Tagged(
        "ToolSearch",
        {"name": TEXT, "description": TEXT, "parameters": ANYTHING, "execution": Choice("server", "client")},
    ),
)


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
SMART = Tagged("SmartTranscriptionMode", {"sourceText": TEXT})
VERBATIM = Tagged("VerbatimTranscriptionMode", _VERBATIM)
TRANSCRIPTION = Fields(
    "TranscriptionConfig",
    lambda: {
        "languageCodes": Array(TEXT),
        "languageHints": Array(TEXT),
        "adaptationPhrases": Array(TEXT),
        "customVocabulary": Array(TEXT),
        **_VERBATIM,
        "mode": Either(Choice("smart", "verbatim"), Typed(smart=SMART, verbatim=VERBATIM)),
    },
)
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
        "toolChoice": Either(_MODES, TOOL_CHOICE),
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
    text=Tagged("TextResponseFormat", {"mimeType": Choice("application/json", "text/plain"), "schema": OBJECT}),
    image=Tagged(
        "ImageResponseFormat",
        {
            "aspectRatio": Choice(*_RATIOS),
            "imageSize": Choice(*_SIZES),
            "mimeType": Choice("image/jpeg"),
            "delivery": _DELIVERY,
        },
    ),
    audio=Tagged(
        "AudioResponseFormat",
        {"mimeType": TEXT, "sampleRate": WHOLE, "bitRate": WHOLE, "delivery": _DELIVERY},
    ),
    video=Tagged(
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


class _Schema:
    """A form of the answer, or a JSON schema: what has no such type is one."""

    kind = "form"

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        named = value.get("type") if isinstance(value, dict) else None
        kind: Kind = FORMAT if isinstance(named, str) and named in FORMAT.messages else OBJECT
        return kind.read(value, path, wrong)


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
        "responseFormat": Either(OBJECT, _Schema(), Array(FORMAT)),
        "responseModalities": Array(Choice("text", "image", "audio", "video", "document")),
        "responseMimeType": TEXT,
        "agentConfig": CONFIGURATION,
        "environment": Either(TEXT, ENVIRONMENT),
        "serviceTier": Choice("flex", "standard", "priority", "deferred"),
        "labels": Table(TEXT),
        "webhookConfig": WEBHOOK_CONFIG,
        "continuationToken": TEXT,
    },
)
