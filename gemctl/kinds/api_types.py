"""Defines the shapes that several kinds share, as the Gemini Developer API has them.

Field names and types follow the google-genai types of version 3.4 and the REST reference; descriptions are ours. Fields
that only Vertex AI has are refused by name. The kinds, and the forms of requests in `parts/`, are made of these.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from gemctl.schema.scalars import (
    Base64,
    Base64Lines,
    Duration,
    Enum,
    Number,
    Object,
    ResourceName,
    Whole,
    Whole64,
    Word,
    printable,
)
from gemctl.schema.shape import Shape, branch, complain, optional, refused

_MODEL = re.compile(r"models/[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def reachable(value: str) -> str:
    if value.startswith("gs://"):
        hint = "Upload the file with the Files API, or register it there with files:register, and name its uri."
        raise complain("E224", "Files in Cloud Storage can be named on Vertex AI only.", hint=hint)
    return value


@lru_cache(maxsize=64)
def _model(value: str) -> str:
    name = value if value.startswith("models/") else f"models/{value}"
    if re.match(r"(?:publishers|projects)/", value):
        hint = "Write the model's plain name, such as gemini-3.8-flash."
        raise complain("E224", "Model paths with publishers or projects belong to Vertex AI.", hint=hint)
    if not _MODEL.fullmatch(name):
        raise complain("E209", f"{value!r} is not a model.", hint="Write a name such as gemini-3.8-flash.")
    return name


def _display_name(value: str) -> str:
    if not value or not printable(value):
        raise complain("E209", "A display name is not empty and has no line breaks or control characters.")
    if "~g1." in value:
        raise complain("E230", "The display name has ~g1. in it.", hint="Choose another name; gemctl adds the mark.")
    return value


Model = Annotated[str, AfterValidator(_model)]
DisplayName = Annotated[str, AfterValidator(_display_name)]
# A duration that people may also copy from the API, which writes all of them in seconds.
WireDuration = Annotated[
    Duration, WithJsonSchema({"type": "string", "examples": ["90s", "5m", "1h30m", "2d", "3600s"]})
]
VERTEX = "E224 This belongs to Vertex AI; the Gemini Developer API doesn't have it."

# The contents of parts.


class Blob(Shape):
    """Bytes inside the request."""

    mime_type: str = Field(description="The media type, such as image/png.", min_length=1)
    data: Base64Lines = Field(description="The bytes as standard base64.")
    display_name: str = optional("A label for the bytes.")


class FileData(Shape):
    """A file that the service can reach by its address."""

    file_uri: Annotated[str, AfterValidator(reachable)] = Field(
        description="The uri of a file of the Files API, or a public YouTube address."
    )
    mime_type: str = optional("The media type.", min_length=1)
    display_name: str = optional("A label for the file.")


class FileRef(Shape):
    """A File of this project, by its name."""

    name: ResourceName = Field(description="The name in the File's metadata.")
    mime_type: str = optional("The media type; that of the File where nothing is said.", min_length=1)


class FunctionCall(Shape):
    """A call that the model asked for, as part of a recorded conversation."""

    model_config = ConfigDict(json_schema_extra=refused({"partialArgs": VERTEX, "willContinue": VERTEX}))

    name: str = Field(description="The function's name, as declared.", min_length=1)
    args: Object = optional("The arguments.")
    id: str = optional("Ties the response to the call.")


_OFFSET = r"^[0-9]+(\.[0-9]{1,9})?s$"


class VideoMetadata(Shape):
    """Which part of a video counts, and how densely it is looked at."""

    start_offset: str = optional("Where to begin, in seconds, such as 12.5s.", pattern=_OFFSET)
    end_offset: str = optional("Where to end, in seconds.", pattern=_OFFSET)
    fps: float = optional("Frames a second; above 0, at most 24. The service's default is 1.", gt=0, le=24)
    content_layers: list[Annotated[Literal["CONTENT_LAYER_UNSPECIFIED", "FRAMES", "AUDIO", "TRANSCRIPT"], Enum()]] = (
        optional("What of the video counts.")
    )


class AudioMetadata(Shape):
    """Which part of a recording counts."""

    start_offset: str = optional("Where to begin, in seconds, such as 12.5s.", pattern=_OFFSET)
    end_offset: str = optional("Where to end, in seconds.", pattern=_OFFSET)


class DocumentMetadata(Shape):
    """Which pages of a document count, and what of them."""

    start_page: Whole = optional("The first page that counts; pages are numbered from 1.", ge=1)
    end_page: Whole = optional("The last page that counts.", ge=1)
    content_layers: list[Annotated[Literal["CONTENT_LAYER_UNSPECIFIED", "PAGE_IMAGE", "PAGE_TEXT"], Enum()]] = optional(
        "What of a page counts: the image, the text."
    )


class SpreadsheetMetadata(Shape):
    """Which cells of a spreadsheet count, and what of them."""

    visible_cells: str = optional("A range of cells, such as A1:D10; without it, all that is occupied.")
    sheet_index: Whole = optional("The sheet, numbered from 1; without it, the first.", ge=1)
    content_layers: list[Annotated[Literal["CONTENT_LAYER_UNSPECIFIED", "DATA", "FORMULAS", "VISUAL"], Enum()]] = (
        optional("What of a cell counts.")
    )


class SpeechMetadata(Shape):
    """How a piece of text is to be spoken."""

    speaker: str = optional("Who speaks: a name in speechConfig's list of voices.", min_length=1)
    style: str = optional("How it is spoken, in words.")


class MediaResolution(Shape):
    """How finely media are turned into tokens."""

    level: Annotated[
        Literal[
            "MEDIA_RESOLUTION_UNSPECIFIED",
            "MEDIA_RESOLUTION_LOW",
            "MEDIA_RESOLUTION_MEDIUM",
            "MEDIA_RESOLUTION_HIGH",
            "MEDIA_RESOLUTION_ULTRA_HIGH",
        ],
        Enum(),
    ] = optional("The fineness.")
    num_tokens: Whole = optional("The number of tokens to use.", ge=1)


MediaProcessing = Annotated[Literal["MEDIA_PROCESSING_UNSPECIFIED", "STATIC", "AGENTIC"], Enum()]


class FunctionResponsePart(Shape):
    """Media that a function returned."""

    inline_data: Blob = optional("Bytes.")
    file_data: FileData = optional("A file of the Files API.")
    video_metadata: VideoMetadata = optional("Which part of a video counts.")
    audio_metadata: AudioMetadata = optional("Which part of a recording counts.")
    document_metadata: DocumentMetadata = optional("Which pages of a document count.")
    spreadsheet_metadata: SpreadsheetMetadata = optional("Which cells of a spreadsheet count.")
    media_resolution: MediaResolution = optional("How finely the media are looked at.")
    media_processing: MediaProcessing = optional("Whether the model looks at the media step by step.")


class FunctionResponse(Shape):
    """The return value of a function."""

    name: str = Field(description="The function's name, as declared.", min_length=1)
    response: Object = Field(description="The result, by custom under `output` or `error`.")
    id: str = optional("The id of the call that this answers.")
    parts: list[FunctionResponsePart] = optional("Media that belong to the result.")
    scheduling: Annotated[Literal["SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT"], Enum()] = optional(
        "When a late response is taken up."
    )
    will_continue: bool = optional("Whether more responses to this call follow.")


class ExecutableCode(Shape):
    """Code that the model wrote to be executed."""

    language: Annotated[Literal["LANGUAGE_UNSPECIFIED", "PYTHON"], Enum()] = Field(
        description="The programming language."
    )
    code: str = Field(description="The source.")
    id: str = optional("Ties the result to the code.")


class CodeExecutionResult(Shape):
    """The result of executing code."""

    outcome: Annotated[
        Literal["OUTCOME_UNSPECIFIED", "OUTCOME_OK", "OUTCOME_FAILED", "OUTCOME_DEADLINE_EXCEEDED"], Enum()
    ] = Field(description="How it ended.")
    output: str = optional("Standard output, or what went wrong.")
    id: str = optional("The id of the code.")


class ToolCall(Shape):
    """A call of one of the service's own tools."""

    tool_type: Word = Field(description="The tool, such as GOOGLE_SEARCH_WEB.", min_length=1)
    id: str = optional("Ties the response to the call.")
    args: Object = optional("The arguments.")


class ToolResponse(Shape):
    """The answer of one of the service's own tools."""

    tool_type: Word = Field(description="The tool, such as GOOGLE_SEARCH_WEB.", min_length=1)
    id: str = optional("The id of the call that this answers.")
    response: Object = optional("The result.")


DATA_FIELDS = (
    "text",
    "textFile",
    "textFiles",
    "inlineData",
    "fileData",
    "fileRef",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)  # a part holds exactly one of these
_TEXT_ALONE = {"text"}


def one_kind_of_data(part: Any) -> Any:
    given = part.model_fields_set
    if given == _TEXT_ALONE:
        return part
    fields = type(part).model_fields
    data = [alias for name in fields if name in given and (alias := fields[name].alias) in DATA_FIELDS]
    if not data:
        hint = "Write text, or name a file with textFile." if "text_file" in fields else "Write text."
        raise complain("E228", "The part holds no data.", hint=hint)
    if len(data) > 1:
        raise complain("E228", f"The part holds {' and '.join(data)}.", hint="Make a part of each.", at=(data[1],))
    return part


class TextPartShape(Shape):
    """A piece of text: written here, or in files."""

    text: str = optional("The text itself.")
    text_file: str = optional("A text file, relative to the folder of this manifest; its text is the part's.")
    text_files: str = optional("A pattern such as docs/*.md; each file becomes a part, sorted by path.")


_TRANSCRIBED = {"audioTranscription": "E231 The service writes this; it can't be declared."}


def _not_in_lines(name: str) -> dict[str, str]:
    """Why a field that names texts can't stand in a file of requests, in both spellings that the service knows."""
    snake = re.sub(r"([A-Z])", r"_\1", name).lower()
    return {
        spelling: f"E241 A file of requests holds its texts itself, and has no {spelling}; write the text into it."
        for spelling in (name, snake)
    }


class WirePartShape(Shape):
    """A piece of a message as the service takes it, in a file of requests; or one with a reference, which is replaced
    before the file is sent.
    """

    model_config = ConfigDict(
        json_schema_extra=refused(
            {
                **_TRANSCRIBED,
                **_not_in_lines("textFile"),
                **_not_in_lines("textFiles"),
            }
        )
    )

    text: str = optional("The text itself.")
    inline_data: Blob = optional("Bytes inside the request.")
    file_data: FileData = optional("A file of the Files API, or a public YouTube address.")
    function_call: FunctionCall = optional("A call that the model asked for.")
    function_response: FunctionResponse = optional("The return value of a function.")
    executable_code: ExecutableCode = optional("Code that the model wrote to be executed.")
    code_execution_result: CodeExecutionResult = optional("The result of executing code.")
    tool_call: ToolCall = optional("A call of one of the service's own tools.")
    tool_response: ToolResponse = optional("The answer of one of the service's own tools.")
    thought: bool = optional("Whether this is the model's reasoning.")
    thought_signature: Base64 = optional("The seal on a piece of reasoning, as base64.")
    video_metadata: VideoMetadata = optional("Which part of a video counts.")
    audio_metadata: AudioMetadata = optional("Which part of a recording counts.")
    document_metadata: DocumentMetadata = optional("Which pages of a document count.")
    spreadsheet_metadata: SpreadsheetMetadata = optional("Which cells of a spreadsheet count.")
    speech_metadata: SpeechMetadata = optional("How a piece of text is to be spoken.")
    media_resolution: MediaResolution = optional("How finely the media are looked at.")
    media_processing: MediaProcessing = optional("Whether the model looks at the media step by step.")
    part_metadata: Object = optional("Free data that goes with the part.")
    file_ref: FileRef = optional("A File of this project, in place of fileData.")


class PartShape(WirePartShape, TextPartShape):
    """A piece of a message: exactly one kind of data, and what describes it."""

    model_config = ConfigDict(json_schema_extra=refused(_TRANSCRIBED))


TextPart = Annotated[TextPartShape, AfterValidator(one_kind_of_data)]
WirePart = Annotated[WirePartShape, AfterValidator(one_kind_of_data)]
Part = Annotated[PartShape, AfterValidator(one_kind_of_data)]


class Content(Shape):
    """One message of a conversation."""

    role: Literal["user", "model"] = optional("Who speaks; user where nothing is said.")
    parts: list[Part] = Field(description="The pieces of the message, in order.", min_length=1)


class TextContent(Shape):
    """A message of texts alone."""

    role: Literal["user", "model", "system"] = optional("Without meaning in a system instruction.")
    parts: list[TextPart] = Field(description="The texts, in order.", min_length=1)


_TEXT, _PART, _CONTENT, _LIST = map(branch, ("text", "part", "content", "list"))


def _form_of_content(value: Any) -> str:
    return _TEXT if isinstance(value, str) else _CONTENT


def _form_of_contents(value: Any) -> str:
    return _LIST if isinstance(value, list) else _form_of_content(value)


def _form_of_instruction(value: Any) -> str:
    if isinstance(value, dict) and "parts" not in value and value.keys() & {"text", "textFile", "textFiles"}:
        return _PART
    return _form_of_content(value)


_Text = Annotated[str, Tag(_TEXT)]
ContentOrText = Annotated[_Text | Annotated[Content, Tag(_CONTENT)], Discriminator(_form_of_content)]
Contents = Annotated[
    _Text | Annotated[Content, Tag(_CONTENT)] | Annotated[list[ContentOrText], Field(min_length=1), Tag(_LIST)],
    Discriminator(_form_of_contents),
]
Instruction = Annotated[
    _Text | Annotated[TextPart, Tag(_PART)] | Annotated[TextContent, Tag(_CONTENT)],
    Discriminator(_form_of_instruction),
]


# Tools.

_IN_JSON_SCHEMA = "write JSON Schema, in parametersJsonSchema or responseJsonSchema"


def _one_type(value: Any) -> Any:
    """JSON Schema has lists of types; here a schema has one."""
    if not isinstance(value, list):
        return value
    others = [each for each in value if not (isinstance(each, str) and each.lower() == "null")]
    if len(others) == 1 < len(value):
        hint = f"Write `type: {others[0]}` and `nullable: true`."
    else:
        hint = f"Write one schema for each under anyOf, or {_IN_JSON_SCHEMA}."
    raise complain("E208", "A schema has one type, not a list of them.", hint=hint)


def _enum_word(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        hint = f"For other values {_IN_JSON_SCHEMA}; or make the type STRING and the values texts."
        raise complain("E208", f"The values of an enum are texts, and {shown} is none.", hint=hint)
    return value


SchemaType = Annotated[
    Literal["TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"],
    Enum(),
    BeforeValidator(_one_type),
]

# The words of JSON Schema, from draft 3 to 2020-12, that the API's schemas don't have.
_WORDS_OF_JSON_SCHEMA = (
    "$anchor", "$comment", "$defs", "$dynamicAnchor", "$dynamicRef", "$id", "$recursiveAnchor", "$recursiveRef",
    "$ref", "$schema", "$vocabulary", "additionalItems", "additionalProperties", "allOf", "const", "contains",
    "contentEncoding", "contentMediaType", "contentSchema", "definitions", "defs", "dependencies",
    "dependentRequired", "dependentSchemas", "deprecated", "disallow", "divisibleBy", "else", "examples",
    "exclusiveMaximum", "exclusiveMinimum", "extends", "id", "if", "maxContains", "minContains", "multipleOf",
    "not", "oneOf", "patternProperties", "prefixItems", "propertyNames", "readOnly", "ref", "then",
    "unevaluatedItems", "unevaluatedProperties", "uniqueItems", "writeOnly",
)  # fmt: skip


_FIELDS_OF_ONE_TYPE = (
    ("items", "ARRAY", f"Make the type ARRAY, or remove items. Where it may be both, {_IN_JSON_SCHEMA}."),
    ("properties", "OBJECT", f"Make the type OBJECT, or remove properties. Where it may be both, {_IN_JSON_SCHEMA}."),
    ("enum", "STRING", f"Make the type STRING and the values texts. For other values {_IN_JSON_SCHEMA}."),
)


class Schema(Shape):
    """The API's subset of OpenAPI 3.0 schemas, for parameters and results."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            {word: f"E206 Schema has no {word}; {_IN_JSON_SCHEMA}." for word in _WORDS_OF_JSON_SCHEMA}
        )
    )

    type: SchemaType = optional("The type of the value.")
    format: str = optional("A narrower form, such as date-time, int32 or enum.")
    title: str = optional("A title.")
    description: str = optional("What the value means; the model reads this.")
    nullable: bool = optional("Whether null is allowed.")
    enum: list[Annotated[str, BeforeValidator(_enum_word)]] = optional("The texts that are allowed.")
    items: Schema = optional("What the items of an array are.")
    min_items: Whole64 = optional("The least number of items.", ge=0)
    max_items: Whole64 = optional("The greatest number of items.", ge=0)
    properties: dict[str, Schema] = optional("The properties of an object.")
    required: list[str] = optional("The properties that can't be left out.")
    property_ordering: list[str] = optional("The order in which the model writes the properties.")
    min_properties: Whole64 = optional("The least number of properties.", ge=0)
    max_properties: Whole64 = optional("The greatest number of properties.", ge=0)
    minimum: float = optional("The smallest number.")
    maximum: float = optional("The greatest number.")
    min_length: Whole64 = optional("The shortest text.", ge=0)
    max_length: Whole64 = optional("The longest text.", ge=0)
    pattern: str = optional("A regular expression that the text matches.")
    any_of: list[Schema] = optional("The value matches at least one of these.")
    default: Any = optional("The value when none is given.")
    example: Any = optional("An example.")

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        """The service's rules about a schema's fields together (its refusals of 2026, as users published them)."""
        given = self.model_fields_set
        kind = self.type if "type" in given else "TYPE_UNSPECIFIED"
        for field, alone, way_out in _FIELDS_OF_ONE_TYPE:
            if field in given and getattr(self, field) and kind not in (alone, "TYPE_UNSPECIFIED"):
                detail = f"Only {alone} has {field}, and the type is {kind}."
                raise complain("E250", detail, hint=way_out, at=(field,))
        if kind == "ARRAY" and "items" not in given:
            hint = "Say what they are, such as `items: {type: STRING}`."
            raise complain("E250", "An ARRAY needs items, and there are none.", hint=hint, at=("type",))
        if "enum" in given and "" in self.enum:
            hint = "Remove it; `nullable: true` says that there may be no value."
            raise complain("E250", "A value of the enum is empty.", hint=hint, at=("enum", self.enum.index("")))
        known = self.properties if "properties" in given else {}
        for index, name in enumerate(self.required if "required" in given else ()):
            if name not in known:
                hint = "Declare it under properties, or remove it here."
                detail = f"{name!r} is required, and not among the properties."
                raise complain("E250", detail, hint=hint, at=("required", index))
        return self


class FunctionDeclaration(Shape):
    """A function that the model may ask for."""

    name: str = Field(
        description="The name: letters, digits, _, ., : and -, up to 128, beginning with a letter or _.",
        pattern=r"^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$",
    )
    description: str = optional("What it does and when to call it; the model reads this.")
    parameters: Schema = optional("The parameters, as an object schema.")
    parameters_json_schema: Object = optional("The parameters, as JSON Schema.")
    response: Schema = optional("The result.")
    response_json_schema: Object = optional("The result, as JSON Schema.")
    behavior: Annotated[Literal["UNSPECIFIED", "BLOCKING", "NON_BLOCKING"], Enum()] = optional(
        "Whether the model waits for the result (Live API)."
    )


class Interval(Shape):
    """A stretch of time."""

    start_time: str = Field(description="The first instant, RFC 3339.")
    end_time: str = Field(description="The first instant after it, RFC 3339.")


class SearchTypes(Shape):
    """The things to search."""

    web_search: Object = optional("The web: {}.")
    image_search: Object = optional("Images: {}.")


class GoogleSearch(Shape):
    """Answers grounded on Google Search."""

    model_config = ConfigDict(json_schema_extra=refused({"excludeDomains": VERTEX, "blockingConfidence": VERTEX}))

    search_types: SearchTypes = optional("The things to search; the web where none is set.")
    time_range_filter: Interval = optional("Results of this time only.")


class DynamicRetrievalConfig(Shape):
    """When to search."""

    mode: Annotated[Literal["MODE_UNSPECIFIED", "MODE_DYNAMIC"], Enum()] = optional("Whether the model decides.")
    dynamic_threshold: Number = optional("How sure it must be.")


class GoogleSearchRetrieval(Shape):
    """The search tool of older models."""

    dynamic_retrieval_config: DynamicRetrievalConfig = optional("When to search.")


class GoogleMaps(Shape):
    """Answers grounded on Google Maps."""

    model_config = ConfigDict(json_schema_extra=refused({"groundingTypes": VERTEX}))

    enable_widget: bool = optional("Whether to return a token for the map widget.")


class FileSearch(Shape):
    """Answers grounded on file search stores."""

    file_search_store_names: list[str] = Field(description="The stores, as fileSearchStores/….", min_length=1)
    top_k: Whole = optional("How many chunks to retrieve.", ge=1)
    metadata_filter: str = optional("Which documents count.")


class ComputerUse(Shape):
    """The model operates a computer."""

    environment: Word = optional("What is operated, such as ENVIRONMENT_BROWSER.", min_length=1)
    excluded_predefined_functions: list[str] = optional("Functions that it may not use.")
    enable_prompt_injection_detection: bool = optional("Whether to look for injected prompts.")
    disabled_safety_policies: list[Word] = optional("Policies to switch off.")


class StreamableHttpTransport(Shape):
    """How to reach an MCP server."""

    url: str = Field(description="The server's address.", min_length=1)
    headers: dict[str, str] = optional("Headers to send. They are stored with the cache: no secrets.")
    timeout: str = optional("The limit of one request, in seconds, such as 30s.")
    sse_read_timeout: str = optional("The limit of waiting for an event, in seconds.")
    terminate_on_close: bool = optional("Whether to end the session with the connection.")


class McpServer(Shape):
    """A server of the Model Context Protocol that the service calls."""

    name: str = optional("A name.")
    streamable_http_transport: StreamableHttpTransport = optional("How to reach it.")


class Tool(Shape):
    """Tools that the model may use: usually one of these a tool."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            dict.fromkeys(("retrieval", "enterpriseWebSearch", "parallelAiSearch", "exaAiSearch"), VERTEX)
        )
    )

    function_declarations: list[FunctionDeclaration] = optional("Functions of the caller.", min_length=1)
    google_search: GoogleSearch = optional("Google Search.")
    google_search_retrieval: GoogleSearchRetrieval = optional("Google Search, for older models.")
    google_maps: GoogleMaps = optional("Google Maps.")
    url_context: Object = optional("Reading the pages that a request names: {}.")
    code_execution: Object = optional("Executing code: {}.")
    file_search: FileSearch = optional("Search in file search stores.")
    computer_use: ComputerUse = optional("Operating a computer.")
    mcp_servers: list[McpServer] = optional("Servers of the Model Context Protocol.")


class FunctionCallingConfig(Shape):
    """Whether and what the model may call."""

    model_config = ConfigDict(json_schema_extra=refused({"streamFunctionCallArguments": VERTEX}))

    mode: Annotated[Literal["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"], Enum()] = optional(
        "How freely it calls."
    )
    allowed_function_names: list[str] = optional("With ANY or VALIDATED: only these.")


class LatLng(Shape):
    """A place on earth, in degrees."""

    latitude: float = optional("From -90 to 90.", ge=-90, le=90)
    longitude: float = optional("From -180 to 180.", ge=-180, le=180)


class RetrievalConfig(Shape):
    """Where and in which language the user is."""

    lat_lng: LatLng = optional("The user's place.")
    language_code: str = optional("The user's language, such as en-GB.")


class ToolConfig(Shape):
    """Settings for all tools of a request."""

    function_calling_config: FunctionCallingConfig = optional("Whether and what the model may call.")
    retrieval_config: RetrievalConfig = optional("Where and in which language the user is.")
    include_server_side_tool_invocations: bool = optional("Whether replies show the service's own tool calls.")
