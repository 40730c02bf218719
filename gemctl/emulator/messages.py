"""Lists the messages that requests are made of, as tables.

Read by `shapes`; named by the surfaces. Separate because it is data: the field names follow the REST reference
on ai.google.dev and the types of the official Python SDK (those for the Gemini Developer API; fields
that exist only on Vertex AI are unknown here, as they are there).
"""

from gemctl.emulator.scalars import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT32,
    INT64,
    STRING,
    STRUCT,
    VALUE,
    enum,
)
from gemctl.emulator.shapes import STRINGS, ListOf, MapOf, Message

_TYPE = enum("Type", "TYPE_UNSPECIFIED STRING NUMBER INTEGER BOOLEAN ARRAY OBJECT NULL")
_LEVEL = enum(
    "PartMediaResolution.Level",
    "MEDIA_RESOLUTION_UNSPECIFIED MEDIA_RESOLUTION_LOW MEDIA_RESOLUTION_MEDIUM MEDIA_RESOLUTION_HIGH"
    " MEDIA_RESOLUTION_ULTRA_HIGH",
)
_TOOL_TYPE = enum(
    "ToolType",
    "TOOL_TYPE_UNSPECIFIED GOOGLE_SEARCH GOOGLE_SEARCH_WEB GOOGLE_SEARCH_IMAGE URL_CONTEXT GOOGLE_MAPS FILE_SEARCH"
    " MEDIA_PROCESSING",
)
_MEDIA_PROCESSING = enum("MediaProcessing", "MEDIA_PROCESSING_UNSPECIFIED STATIC AGENTIC")
_LANGUAGE = enum("ExecutableCode.Language", "LANGUAGE_UNSPECIFIED PYTHON")
_OUTCOME = enum(
    "CodeExecutionResult.Outcome",
    "OUTCOME_UNSPECIFIED OUTCOME_OK OUTCOME_FAILED OUTCOME_DEADLINE_EXCEEDED",
)
_SCHEDULING = enum("FunctionResponse.Scheduling", "SCHEDULING_UNSPECIFIED SILENT WHEN_IDLE INTERRUPT")

BLOB = Message("Blob", lambda: {"mimeType": STRING, "data": BYTES, "displayName": STRING})
_FILE_DATA = Message("FileData", lambda: {"mimeType": STRING, "fileUri": STRING, "displayName": STRING})
_MEDIA_RESOLUTION = Message("PartMediaResolution", lambda: {"level": _LEVEL, "numTokens": INT32})
_VIDEO = Message(
    "VideoMetadata",
    lambda: {
        "startOffset": DURATION,
        "endOffset": DURATION,
        "fps": DOUBLE,
        "contentLayers": ListOf(
            enum("VideoMetadata.ContentLayer", "CONTENT_LAYER_UNSPECIFIED FRAMES AUDIO TRANSCRIPT")
        ),
    },
)
_AUDIO = Message("AudioMetadata", lambda: {"startOffset": DURATION, "endOffset": DURATION})
_DOCUMENT = Message(
    "DocumentMetadata",
    lambda: {
        "startPage": INT32,
        "endPage": INT32,
        "contentLayers": ListOf(
            enum("DocumentMetadata.ContentLayer", "CONTENT_LAYER_UNSPECIFIED PAGE_IMAGE PAGE_TEXT")
        ),
    },
)
_SPREADSHEET = Message(
    "SpreadsheetMetadata",
    lambda: {
        "visibleCells": STRING,
        "sheetIndex": INT32,
        "contentLayers": ListOf(
            enum("SpreadsheetMetadata.ContentLayer", "CONTENT_LAYER_UNSPECIFIED DATA FORMULAS VISUAL")
        ),
    },
)
_WORD = Message("WordInfo", lambda: {"word": STRING, "startOffset": DURATION, "endOffset": DURATION})
_TRANSCRIPTION = Message(
    "Transcription",
    lambda: {
        "text": STRING,
        "finished": BOOL,
        "languageCode": STRING,
        "speakerLabel": STRING,
        "words": ListOf(_WORD),
        "startOffset": DURATION,
        "endOffset": DURATION,
    },
)
FUNCTION_RESPONSE = Message(
    "FunctionResponse",
    lambda: {
        "id": STRING,
        "name": STRING,
        "response": STRUCT,
        "willContinue": BOOL,
        "scheduling": _SCHEDULING,
        "parts": ListOf(_FUNCTION_RESPONSE_PART),
    },
)
_FUNCTION_RESPONSE_PART: Message = Message(
    "FunctionResponsePart",
    lambda: {
        "inlineData": BLOB,
        "fileData": _FILE_DATA,
        "mediaProcessing": _MEDIA_PROCESSING,
        "mediaResolution": _MEDIA_RESOLUTION,
        "videoMetadata": _VIDEO,
        "documentMetadata": _DOCUMENT,
        "spreadsheetMetadata": _SPREADSHEET,
        "audioMetadata": _AUDIO,
    },
    data=("inlineData", "fileData"),
)

PART_DATA = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
    "audioTranscription",
)
"""The oneof of a part: exactly one of these says what the part is."""

PART = Message(
    "Part",
    lambda: {
        "text": STRING,
        "inlineData": BLOB,
        "fileData": _FILE_DATA,
        "functionCall": Message("FunctionCall", lambda: {"id": STRING, "name": STRING, "args": STRUCT}),
        "functionResponse": FUNCTION_RESPONSE,
        "executableCode": Message("ExecutableCode", lambda: {"id": STRING, "language": _LANGUAGE, "code": STRING}),
        "codeExecutionResult": Message(
            "CodeExecutionResult", lambda: {"id": STRING, "outcome": _OUTCOME, "output": STRING}
        ),
        "toolCall": Message("ToolCall", lambda: {"id": STRING, "toolType": _TOOL_TYPE, "args": STRUCT}),
        "toolResponse": Message("ToolResponse", lambda: {"id": STRING, "toolType": _TOOL_TYPE, "response": STRUCT}),
        "audioTranscription": _TRANSCRIPTION,
        "thought": BOOL,
        "thoughtSignature": BYTES,
        "partMetadata": STRUCT,
        "videoMetadata": _VIDEO,
        "mediaResolution": _MEDIA_RESOLUTION,
        "mediaProcessing": _MEDIA_PROCESSING,
        "speechMetadata": Message("SpeechMetadata", lambda: {"speaker": STRING, "style": STRING}),
        "documentMetadata": _DOCUMENT,
        "spreadsheetMetadata": _SPREADSHEET,
        "audioMetadata": _AUDIO,
    },
    data=PART_DATA,
)
CONTENT = Message("Content", lambda: {"role": STRING, "parts": ListOf(PART)})

SCHEMA: Message = Message(
    "Schema",
    lambda: {
        "type": _TYPE,
        "format": STRING,
        "title": STRING,
        "description": STRING,
        "nullable": BOOL,
        "enum": STRINGS,
        "items": SCHEMA,
        "maxItems": INT64,
        "minItems": INT64,
        "properties": MapOf(SCHEMA),
        "required": STRINGS,
        "minProperties": INT64,
        "maxProperties": INT64,
        "minLength": INT64,
        "maxLength": INT64,
        "pattern": STRING,
        "example": VALUE,
        "anyOf": ListOf(SCHEMA),
        "propertyOrdering": STRINGS,
        "default": VALUE,
        "minimum": DOUBLE,
        "maximum": DOUBLE,
        "additionalProperties": VALUE,
        "defs": MapOf(SCHEMA),
        "ref": STRING,
    },
)
