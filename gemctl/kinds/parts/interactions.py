"""Defines what an interaction may be asked, as the Interactions API of the Gemini Developer API takes it.

Names are the API's in camelCase; it writes them in snake_case, and its words in small letters. Fields and words follow
the types of google-genai 3.6.1. The API has changed: forms of its older documents, and those of generateContent, are
refused with the form of today. Used by Interaction.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from gemctl.kinds.api_types import VERTEX, FileRef, reachable
from gemctl.schema.scalars import Number, Object, ResourceName, Whole
from gemctl.schema.shape import Shape, branch, complain, optional, refused

_SCHEMAS = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})  # types of JSON Schema


def old(form: str) -> str:
    """Why a field of an older form is refused, with the form of today."""
    return f"E282 {form}"


def _small(*words: str) -> BeforeValidator:
    """Refuses one of these words in the API's older spelling: in capitals, or with the name of its enum before it."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and value not in words:
            meant = re.sub(r"[\s-]", "_", value).lower()
            found = next((word for word in words if meant == word.lower() or meant.endswith(f"_{word.lower()}")), None)
            if found:
                raise complain("E282", f"{value} is an older spelling.", hint=f"Write {found}.")
        return value

    return BeforeValidator(check)


# What is asked.


class TextFile(Shape):
    """A text that stands in a file."""

    model_config = ConfigDict(json_schema_extra=refused({"textFile": "E206 Write file: with its path."}))

    file: str = Field(description="A text file, relative to the folder of this manifest.", min_length=1)


def _one_text(value: Any) -> Any:
    if len(value.model_fields_set & {"text", "file"}) != 1:
        both = "text" in value.model_fields_set
        raise complain("E285", "text and file are both set." if both else "There is neither text nor file.")
    return value


_ROLES = {
    "role": old("Write what is said now under `input`, and name the turn before with previousRef."),
    "parts": old("A piece of input is {type: text, text: …}, or {type: image, uri: …}."),
    "content": old("A piece of input is {type: text, text: …}, or {type: image, uri: …}."),
    "inlineData": old("Write {type: image, fileRef: {name}}, and declare a File of that name."),
    "fileData": old("Write {type: image, uri: …}; or audio, document, video."),
    "textFile": "E206 Write {type: text, file: path}.",
}


class TextInput(Shape):
    """A piece of text."""

    model_config = ConfigDict(json_schema_extra=refused(_ROLES))

    type: Annotated[Literal["text"], _small("text")] = Field(description="What it is.")
    text: str = optional("The text itself.")
    file: str = optional("A text file, relative to the folder of this manifest.", min_length=1)


MEDIA = ("image", "audio", "document", "video")


class MediaInput(Shape):
    """A picture, recording, document or video: a File of this project, or what the service can reach by an address."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            {
                **_ROLES,
                "data": "E285 Declare a File, and name it with fileRef.",
                "file": "E285 Declare a File, and name it with fileRef.",
                "fileUri": old("Write uri."),
            }
        )
    )

    type: Annotated[Literal["image", "audio", "document", "video"], _small(*MEDIA)] = Field(description="What it is.")
    uri: Annotated[str, AfterValidator(reachable)] = optional(
        "The address of a file of the Files API, or a public one."
    )
    file_ref: FileRef = optional("A File of this project.")
    mime_type: str = optional("The media type.", min_length=1)
    resolution: Annotated[Literal["low", "medium", "high", "ultra_high"], _small("low", "medium", "high")] = optional(
        "How finely it is looked at."
    )


def _one_place(value: Any) -> Any:
    given = value.model_fields_set & {"uri", "file_ref"}
    if len(given) != 1:
        detail = "uri and fileRef are both set." if given else "There is neither uri nor fileRef."
        raise complain("E285", detail, hint="Write one of the two.")
    if "file_ref" in given and "mime_type" in value.file_ref.model_fields_set:
        raise complain("E285", "The media type stands beside fileRef here.", at=("fileRef", "mimeType"))
    return value


class FunctionResult(Shape):
    """What a function returned that the interaction before has asked for."""

    model_config = ConfigDict(json_schema_extra=refused({"id": old("Write callId."), "response": old("Write result.")}))

    type: Annotated[Literal["function_result"], _small("function_result")] = Field(description="What it is.")
    call_id: str = Field(description="The id of the call.", min_length=1)
    result: Any = Field(description="A text, or an object.")
    name: str = optional("The function's name.", min_length=1)
    is_error: bool = optional("Whether it went wrong.")

    @model_validator(mode="after")
    def _form(self) -> FunctionResult:
        if not isinstance(self.result, str | dict):
            raise complain("E208", "A result is a text, or an object.", at=("result",))
        return self


def _piece(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    word = kind.lower() if isinstance(kind, str) else ""
    if word in MEDIA:
        return _MEDIA
    return _RESULT if word == "function_result" else _TEXT


_TEXT, _MEDIA, _RESULT = branch(TextInput.__name__), branch(MediaInput.__name__), branch(FunctionResult.__name__)
Piece = Annotated[
    Annotated[TextInput, AfterValidator(_one_text), Tag(_TEXT)]
    | Annotated[MediaInput, AfterValidator(_one_place), Tag(_MEDIA)]
    | Annotated[FunctionResult, Tag(_RESULT)],
    Discriminator(_piece),
]


def _alike(value: list[Any]) -> list[Any]:
    results = [isinstance(one, FunctionResult) for one in value]
    if any(results) and not all(results):
        detail = "Results of functions come alone."
        raise complain("E285", detail, hint="Say the rest in the interaction after it.", at=(results.index(False),))
    return value


def _one_piece(value: Any) -> str:
    if isinstance(value, list):
        return branch("list")
    return branch("text") if isinstance(value, str) else _FILE


_FILE = branch(TextFile.__name__)
_Words = Annotated[str, Field(min_length=1), Tag(branch("text"))]
Input = Annotated[
    _Words
    | Annotated[TextFile, Tag(_FILE)]
    | Annotated[list[Piece], AfterValidator(_alike), Field(min_length=1), Tag(branch("list"))],
    Discriminator(_one_piece),
]
Instruction = Annotated[_Words | Annotated[TextFile, Tag(_FILE)], Discriminator(_one_piece)]


# Tools.


class StoreName(Shape):
    """A FileSearchStore of this project, by its name."""

    name: ResourceName = Field(description="The name in the FileSearchStore's metadata.")


_OLD_TOOLS = {
    "functionDeclarations": old("A function is a tool of its own: {type: function, name: …, parameters: …}."),
    "googleSearch": old("Write {type: google_search}."),
    "googleSearchRetrieval": old("Write {type: google_search}."),
    "codeExecution": old("Write {type: code_execution}."),
    "urlContext": old("Write {type: url_context}."),
    "googleMaps": old("Write {type: google_maps}."),
    "fileSearch": old("Write {type: file_search, fileSearchStoreRefs: [{name: …}]}."),
    "computerUse": old("Write {type: computer_use}."),
}
_ONLY = {
    "name": ("function", "mcp_server", "tool_search"),
    "description": ("function", "tool_search"),
    "parameters": ("function", "tool_search"),
    "deferLoading": ("function", "mcp_server"),
    "searchTypes": ("google_search",),
    "fileSearchStoreNames": ("file_search",),
    "fileSearchStoreRefs": ("file_search",),
    "topK": ("file_search",),
    "metadataFilter": ("file_search",),
    "url": ("mcp_server",),
    "allowedTools": ("mcp_server",),
    "environment": ("computer_use",),
    "excludedPredefinedFunctions": ("computer_use",),
    "latitude": ("google_maps",),
    "longitude": ("google_maps",),
    "enableWidget": ("google_maps",),
}
TOOLS = (
    "function",
    "google_search",
    "url_context",
    "code_execution",
    "file_search",
    "mcp_server",
    "computer_use",
    "google_maps",
    "tool_search",
)


class AllowedTools(Shape):
    """Tools that may be called."""

    mode: Annotated[Literal["auto", "any", "none", "validated"], _small("auto", "any", "none", "validated")] = optional(
        "Whether one must be called."
    )
    tools: list[str] = optional("Their names.")


class ToolShape(Shape):
    """Something that the model or agent may use; the other fields belong to the one or the other `type`."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            {
                **_OLD_TOOLS,
                "headers": "E283 Headers of an MCP server carry secrets, which have no place in a manifest. Give them "
                "to an agent, by a Credential in its environment.",
                "parametersJsonSchema": old("Write parameters: it is JSON Schema here."),
            }
        )
    )

    type: Annotated[
        Literal[
            "function",
            "google_search",
            "url_context",
            "code_execution",
            "file_search",
            "mcp_server",
            "computer_use",
            "google_maps",
            "tool_search",
        ],
        _small(*TOOLS),
    ] = Field(description="Which tool.")
    name: str = optional("The name of a function or of an MCP server.", min_length=1)
    description: str = optional("What a function is for, in words.")
    parameters: Object = optional("What a function takes, as JSON Schema.")
    defer_loading: bool = optional("Whether it is looked up only when it is needed.")
    search_types: list[
        Annotated[
            Literal["web_search", "image_search", "enterprise_web_search"],
            _small("web_search", "image_search", "enterprise_web_search"),
        ]
    ] = optional("What google_search looks for.", min_length=1)
    file_search_store_names: list[str] = optional("Live names of stores that file_search looks into.", min_length=1)
    file_search_store_refs: list[StoreName] = optional("FileSearchStores of this project, likewise.", min_length=1)
    top_k: Whole = optional("How many chunks file_search gives.", ge=1)
    metadata_filter: str = optional("Which documents file_search looks at.", min_length=1)
    url: str = optional("The address of an MCP server.", pattern=r"^https?://")
    allowed_tools: list[AllowedTools] = optional("Which of its tools may be called.")
    environment: Annotated[Literal["browser", "mobile", "desktop"], _small("browser", "mobile", "desktop")] = optional(
        "What computer_use works on."
    )
    excluded_predefined_functions: list[str] = optional("What computer_use may not do.")
    latitude: Number = optional("Where google_maps looks.", ge=-90, le=90)
    longitude: Number = optional("Likewise.", ge=-180, le=180)
    enable_widget: bool = optional("Whether google_maps gives a widget.")

    @model_validator(mode="after")
    def _of_its_type(self) -> ToolShape:
        for name in sorted(self.model_fields_set - {"type"}):
            alias = type(self).model_fields[name].alias or name
            if self.type not in _ONLY[alias]:
                owner = " and ".join(_ONLY[alias])
                raise complain("E283", f"{alias} belongs to {owner}, and not to {self.type}.", at=(alias,))
        if self.type == "function" and "name" not in self.model_fields_set:
            raise complain("E207", "A function has a name.", hint="Write name: with it.")
        if self.type == "mcp_server" and "url" not in self.model_fields_set:
            raise complain("E207", "An MCP server has an address.", hint="Write url: with it.")
        return self


# Settings.


class SpeechConfigShape(Shape):
    """One voice."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            {
                "voiceConfig": old("Write voice: with its name, such as Kore."),
                "voiceName": old("Write voice."),
                "prebuiltVoiceConfig": old("Write voice: with its name, such as Kore."),
                "languageCode": old("Write language."),
                "multiSpeakerVoiceConfig": old("Write one entry of speechConfig for each speaker."),
                "speakerVoiceConfigs": old("Write one entry of speechConfig for each speaker."),
            }
        )
    )

    voice: str = optional("The name of the voice, such as Kore.", min_length=1)
    language: str = Field(description="The language, such as en-US; the service asks for it.", min_length=1)
    speaker: str = optional("Who speaks with it, by the name in the text, where several do.", min_length=1)


def _voices(value: Any) -> Any:
    if isinstance(value, dict):
        hint = "Write a list, with one entry for each voice: [{voice: Kore, language: en-US}]."
        raise complain("E282", "speechConfig is a list of voices now.", hint=hint)
    return value


class AllowedChoice(Shape):
    """Which tools may be called."""

    allowed_tools: AllowedTools = Field(description="Their names, and whether one must be called.")


_CHOICES = ("auto", "any", "none", "validated")
_CHOICE = branch(AllowedChoice.__name__)


def _choice(value: Any) -> str:
    return branch("text") if isinstance(value, str) else _CHOICE


class VideoConfig(Shape):
    """What is done to make a video."""

    task: str = optional("Such as text_to_video.", min_length=1)


class TranscriptionConfig(Shape):
    """How speech is written down."""

    mode: Annotated[Literal["verbatim", "smart"], _small("verbatim", "smart")] = optional("How closely.")
    language_codes: list[str] = optional("Languages that are spoken.")
    language_hints: list[str] = optional("Languages that may be spoken.")
    diarization_mode: str = optional("Whether speakers are told apart.")
    timestamp_granularities: list[str] = optional("What has a time.")
    adaptation_phrases: list[str] = optional("Phrases that are likely.")
    custom_vocabulary: list[str] = optional("Words that are likely.")


_FORMAT = old("Write responseFormat, beside generationConfig: {type: text, mimeType: application/json, schema: …}.")


class GenerationConfigShape(Shape):
    """Settings of a model."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            {
                "topK": old("Interactions have no topK."),
                "candidateCount": old("An interaction has one answer."),
                "thinkingConfig": old("Write thinkingLevel and thinkingSummaries."),
                "thinkingBudget": old("Write thinkingLevel."),
                "imageConfig": old("Write responseFormat: {type: image, aspectRatio: …, imageSize: …}."),
                "responseModalities": old("Write responseFormat: {type: image}, or audio, beside generationConfig."),
                "responseMimeType": _FORMAT,
                "responseSchema": _FORMAT,
                "responseJsonSchema": _FORMAT,
                "presencePenalty": old("Interactions have no penalties."),
                "frequencyPenalty": old("Interactions have no penalties."),
            }
        )
    )

    temperature: Number = optional("How freely it chooses.", ge=0, le=2)
    top_p: Number = optional("From how much of what is likely it chooses.", ge=0, le=1)
    seed: Whole = optional("Makes choices repeatable.")
    stop_sequences: list[str] = optional("Texts that end the answer.", min_length=1)
    max_output_tokens: Whole = optional("How many tokens the answer may have.", ge=1)
    thinking_level: Annotated[
        Literal["minimal", "low", "medium", "high", "xhigh"], _small("minimal", "low", "medium", "xhigh", "high")
    ] = optional("How deeply it thinks.")
    thinking_summaries: Annotated[Literal["auto", "none"], _small("auto", "none")] = optional(
        "Whether its thoughts are summed up."
    )
    tool_choice: Annotated[
        Annotated[Literal["auto", "any", "none", "validated"], _small(*_CHOICES), Tag(branch("text"))]
        | Annotated[AllowedChoice, Tag(_CHOICE)],
        Discriminator(_choice),
    ] = optional("Whether a tool must be used.")
    speech_config: Annotated[list[SpeechConfigShape], BeforeValidator(_voices)] = optional(
        "The voices of a model that speaks.", min_length=1
    )
    video_config: VideoConfig = optional("What a model that makes videos does.")
    transcription_config: TranscriptionConfig = optional("How a model that listens writes it down.")


class TextFormat(Shape):
    """An answer as text, or as JSON by a schema."""

    type: Annotated[Literal["text"], _small("text")] = Field(description="What is answered.")
    mime_type: Literal["application/json", "text/plain"] = optional("The media type; application/json with a schema.")
    schema_: Object = optional("JSON Schema of the answer.", alias="schema")


_DELIVERED = "E224 The Gemini Developer API sends media with the answer."


class ImageFormat(Shape):
    """A picture."""

    model_config = ConfigDict(json_schema_extra=refused({"delivery": _DELIVERED}))

    type: Annotated[Literal["image"], _small("image")] = Field(description="What is answered.")
    aspect_ratio: Literal[
        "1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:8", "8:1", "1:4", "4:1"
    ] = optional("Width to height.")
    image_size: Annotated[Literal["512", "1K", "2K", "4K"], _small("512", "1K", "2K", "4K")] = optional(
        "How large it is, with a capital K."
    )
    mime_type: Literal["image/jpeg"] = optional("The media type.")


class AudioFormat(Shape):
    """Speech or music."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            {
                "delivery": _DELIVERED,
                "mimeType": old("The service chooses the media type of audio itself, and refuses this."),
                "bitRate": old("The service chooses the media type of audio itself, and refuses this."),
            }
        )
    )

    type: Annotated[Literal["audio"], _small("audio")] = Field(description="What is answered.")
    sample_rate: Whole = optional("Samples a second.", ge=1)


class VideoFormat(Shape):
    """A video."""

    model_config = ConfigDict(json_schema_extra=refused({"gcsUri": VERTEX, "delivery": _DELIVERED}))

    type: Annotated[Literal["video"], _small("video")] = Field(description="What is answered.")
    aspect_ratio: Literal["16:9", "9:16"] = optional("Width to height.")
    duration: str = optional("How long it is, in seconds, such as 8s.", pattern=r"^[0-9]+(\.[0-9]+)?s$")
    resolution: Literal["360p", "720p", "1080p", "4k"] = optional("How fine it is.")


_FORMATS: dict[str, type[Shape]] = {
    "text": TextFormat,
    "image": ImageFormat,
    "audio": AudioFormat,
    "video": VideoFormat,
}


def _format(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    word = kind.lower() if isinstance(kind, str) else ""
    return branch(_FORMATS.get(word, TextFormat).__name__)


def _no_schema(value: Any) -> Any:
    """A bare schema was the form of the older API, together with responseMimeType."""
    if isinstance(value, dict) and (value.get("type") in _SCHEMAS or ("properties" in value and "type" not in value)):
        hint = "Write {type: text, mimeType: application/json, schema: …}, with this as the schema."
        raise complain("E282", "That is a schema, and no format.", hint=hint)
    return value


_Format = Annotated[
    Annotated[TextFormat, Tag(branch(TextFormat.__name__))]
    | Annotated[ImageFormat, Tag(branch(ImageFormat.__name__))]
    | Annotated[AudioFormat, Tag(branch(AudioFormat.__name__))]
    | Annotated[VideoFormat, Tag(branch(VideoFormat.__name__))],
    Discriminator(_format),
    BeforeValidator(_no_schema),
]


def _format_or_list(value: Any) -> str:
    return branch("list") if isinstance(value, list) else branch("format")


ResponseFormat = Annotated[
    Annotated[_Format, Tag(branch("format"))] | Annotated[list[_Format], Field(min_length=1), Tag(branch("list"))],
    Discriminator(_format_or_list),
]


class AgentConfig(Shape):
    """Settings of an agent; which there are depends on its `type`."""

    model_config = ConfigDict(json_schema_extra=refused({"enableBigqueryTool": VERTEX}))

    type: Annotated[Literal["deep-research", "antigravity", "dynamic"], _small("antigravity", "dynamic")] = Field(
        description="The sort of agent."
    )
    thinking_summaries: Annotated[Literal["auto", "none"], _small("auto", "none")] = optional(
        "Of deep-research: whether its thoughts are summed up."
    )
    visualization: Annotated[Literal["off", "auto"], _small("off", "auto")] = optional(
        "Of deep-research: whether it draws."
    )
    collaborative_planning: bool = optional("Of deep-research: whether it shows its plan first, and waits.")
    max_total_tokens: Whole = optional("Of antigravity: how many tokens it may use.", ge=1)
    model: str = optional("Of antigravity: the model that it uses.", min_length=1)

    @model_validator(mode="after")
    def _of_its_type(self) -> AgentConfig:
        owns = {
            "deep-research": {"thinking_summaries", "visualization", "collaborative_planning"},
            "antigravity": {"max_total_tokens", "model"},
        }.get(self.type, set())
        for name in sorted(self.model_fields_set - {"type"} - owns):
            alias = type(self).model_fields[name].alias or name
            raise complain("E283", f"{alias} is no setting of {self.type}.", at=(alias,))
        return self


_LABEL = re.compile(r"[a-z0-9_-]{1,63}")


def _labels(value: dict[str, str]) -> dict[str, str]:
    """Keys begin with a letter, values may be empty (google-genai 3.6.1); both of up to 63 characters."""
    hint = "Use a-z, 0-9, _ and -, at most 63 characters; a key begins with a letter."
    for key, text in value.items():
        if not _LABEL.fullmatch(key) or not key[0].isalpha():
            raise complain("E284", f"{key!r} can't be the key of a label.", hint=hint, at=(key,))
        if text and not _LABEL.fullmatch(text):
            raise complain("E284", f"{text!r} can't be the value of a label.", hint=hint, at=(key,))
    return value


Labels = Annotated[dict[str, str], AfterValidator(_labels), Field(min_length=1, max_length=63)]
