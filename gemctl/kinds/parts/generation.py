"""Defines requests to models, as generateContent and embedContent of the Gemini Developer API take them.

Each request comes in two spellings. Manifests use the plain one: texts in files, a bare text where a message stands,
references to other resources. Files of requests use the `Wire` one: what the service itself takes, and references,
which are replaced by live names before the file is sent. Rules about several fields look at a line together with what
is put under it, which comes in as the context of its validation (`under`).
Field names and types follow the google-genai types of version 3.4 and the REST reference; descriptions are ours. Fields
that only Vertex AI has are refused by name. Used by BatchJob, TokenPolicy and `lines`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NoReturn

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, ValidationInfo

from gemctl.core.diagnostic import Diagnostic, Severity
from gemctl.core.source import JsonObject, Path
from gemctl.kinds.api_types import (
    VERTEX,
    Content,
    Contents,
    Instruction,
    Part,
    PartShape,
    Schema,
    Tool,
    ToolConfig,
    WirePart,
    one_kind_of_data,
)
from gemctl.kinds.parts import rules
from gemctl.schema.scalars import Base64, Enum, Number, Object, ResourceName, Whole, ZeroIsValue
from gemctl.schema.shape import Shape, branch, complain, optional, plain, refused

_CACHE = re.compile(r"cachedContents/[A-Za-z0-9_-]{1,128}")
CACHES = ("cachedContent", "cachedContentRef")  # two spellings of what a request may have once


# Settings of a model's answer.


class SafetySetting(Shape):
    """From where on an answer is withheld, for one sort of harm."""

    model_config = ConfigDict(json_schema_extra=refused({"method": VERTEX}))

    category: Annotated[
        Literal[
            "HARM_CATEGORY_UNSPECIFIED",
            "HARM_CATEGORY_HARASSMENT",
            "HARM_CATEGORY_HATE_SPEECH",
            "HARM_CATEGORY_SEXUALLY_EXPLICIT",
            "HARM_CATEGORY_DANGEROUS_CONTENT",
            "HARM_CATEGORY_CIVIC_INTEGRITY",
            "HARM_CATEGORY_JAILBREAK",
        ],
        Enum(first=7),  # those of PaLM come before
    ] = Field(description="The sort of harm.")
    threshold: Annotated[
        Literal[
            "HARM_BLOCK_THRESHOLD_UNSPECIFIED",
            "BLOCK_LOW_AND_ABOVE",
            "BLOCK_MEDIUM_AND_ABOVE",
            "BLOCK_ONLY_HIGH",
            "BLOCK_NONE",
            "OFF",
        ],
        Enum(),
    ] = Field(description="How likely it must be.")


class ThinkingConfig(Shape):
    """How much the model thinks before it answers."""

    include_thoughts: bool = optional("Whether the answer shows its thoughts.")
    thinking_budget: Whole = optional("How many tokens it may think; 0 for none, -1 to leave it to the model.", ge=-1)
    thinking_level: Annotated[
        Literal["THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"], Enum()
    ] = optional("How deeply it thinks, for models that know levels.")


def _budget_or_level(value: ThinkingConfig) -> ThinkingConfig:
    """generateContent takes one of them; how the Live API treats both was not published."""
    both = {"thinking_budget", "thinking_level"} <= value.model_fields_set
    if both and value.thinking_level != "THINKING_LEVEL_UNSPECIFIED":
        detail = "thinkingBudget and thinkingLevel are both set."
        raise complain("E251", detail, hint="Keep one of the two; Gemini 3 has levels.", at=("thinkingLevel",))
    return value


class PrebuiltVoiceConfig(Shape):
    """One of the service's voices."""

    voice_name: str = optional("Its name, such as Kore.", min_length=1)


class VoiceConsentSignature(Shape):
    """Proof that consent to use a voice was given."""

    signature: str = optional("What the service gave for it.")


class ReplicatedVoiceConfig(Shape):
    """A copy of a person's voice."""

    mime_type: str = optional("The media type of the sample: audio/wav.", min_length=1)
    voice_sample_audio: Base64 = optional("The sample as base64.")
    consent_audio: Base64 = optional("The recorded consent as base64.")
    voice_consent_signature: VoiceConsentSignature = optional("The proof from an earlier request, in its place.")


def _one_voice(value: Any) -> Any:
    given = [name for name in type(value).model_fields if name in value.model_fields_set]
    if len(given) > 1:
        raise complain("E209", "There is more than one voice.", hint="Keep one of them.")
    return value


class VoiceConfigShape(Shape):
    """A voice: one of these."""

    prebuilt_voice_config: PrebuiltVoiceConfig = optional("One of the service's voices.")
    replicated_voice_config: ReplicatedVoiceConfig = optional("A copy of a person's voice.")
    voice: str = optional("The voice's identifier.", min_length=1)


VoiceConfig = Annotated[VoiceConfigShape, AfterValidator(_one_voice)]


class SpeakerVoiceConfig(Shape):
    """Who speaks with which voice."""

    speaker: str = Field(description="The name, as in the prompt.", min_length=1)
    voice_config: VoiceConfig = Field(description="The voice.")


class MultiSpeakerVoiceConfig(Shape):
    """Voices of a conversation."""

    speaker_voice_configs: list[SpeakerVoiceConfig] = Field(description="One for each speaker.", min_length=1)


class SpeechConfig(Shape):
    """How speech sounds."""

    voice_config: VoiceConfig = optional("The voice, where there is one speaker.")
    multi_speaker_voice_config: MultiSpeakerVoiceConfig = optional("The voices, where there are several.")
    language_code: str = optional("The language, such as en-GB.", min_length=1)


class ImageConfig(Shape):
    """The form of images in the answer."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            dict.fromkeys(
                (
                    "personGeneration",
                    "prominentPeople",
                    "outputMimeType",
                    "outputCompressionQuality",
                    "imageOutputOptions",
                ),
                VERTEX,
            )
        )
    )

    aspect_ratio: str = optional("Width to height, such as 16:9.", pattern=r"^[0-9]{1,2}:[0-9]{1,2}$")
    image_size: str = optional("The size, such as 1K, 2K or 4K.", min_length=1)


class TranslationConfig(Shape):
    """Into which language is translated."""

    echo_target_language: bool = optional("Whether what is in that language already is repeated.")
    target_language_code: str = optional("The language, such as en.", min_length=1)


class AudioTranscriptionConfig(Shape):
    """How speech becomes text."""

    language_codes: list[str] = optional("The languages that may be heard.")
    custom_vocabulary: list[str] = optional("Words that are likely.")
    word_timestamp: bool = optional("Whether each word gets its time.")
    diarization: bool = optional("Whether speakers are told apart.")
    mode: Annotated[Literal["MODE_UNSPECIFIED", "VERBATIM", "SMART"], Enum()] = optional(
        "Whether everything is written down, or what is meant."
    )
    source_text: str = optional("With SMART: the text that is being dictated into.")


Modality = Annotated[Literal["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO"], Enum()]


class GenerationConfig(Shape):
    """How the model is to answer."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            dict.fromkeys(("routingConfig", "modelSelectionConfig", "audioTimestamp", "modelArmorConfig"), VERTEX)
        )
    )

    temperature: float = optional("How free the choice of words is, from 0 to 2.", ge=0, le=2)
    top_p: float = optional("Words are chosen from the likeliest that make up this share.", ge=0, le=1)
    top_k: Whole = optional("Words are chosen from this many.", ge=1)
    # Both are refused with zero (tests of the official SDKs that were recorded from the service).
    candidate_count: Annotated[Whole, ZeroIsValue()] = optional("How many answers.", ge=1)
    max_output_tokens: Annotated[Whole, ZeroIsValue()] = optional("The longest answer, in tokens.", ge=1)
    stop_sequences: list[str] = optional("Texts at which the answer ends.", max_length=5)
    seed: Whole = optional("The same number for answers that are as alike as the model can make them.")
    presence_penalty: Number = optional("Above 0 for less of what was there already.")
    frequency_penalty: Number = optional("Above 0 for less of what was there often.")
    response_mime_type: str = optional("text/plain, application/json or text/x.enum.", min_length=1)
    response_schema: Schema = optional("What JSON comes out, as the API's schema.")
    response_json_schema: Any = optional("What JSON comes out, as JSON Schema.")
    response_modalities: list[Modality] = optional("What comes out: text, images, speech.")
    response_format: list[Object] = optional("What comes out, in the newer form.")
    response_logprobs: bool = optional("Whether the answer shows how likely its words were.")
    logprobs: Whole = optional("For how many candidates a word.", ge=0)
    thinking_config: Annotated[ThinkingConfig, AfterValidator(_budget_or_level)] = optional("How much it thinks.")
    speech_config: SpeechConfig = optional("How speech sounds.")
    image_config: ImageConfig = optional("The form of images in the answer.")
    media_resolution: Annotated[
        Literal[
            "MEDIA_RESOLUTION_UNSPECIFIED", "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"
        ],
        Enum(),
    ] = optional("How finely all media are looked at.")
    enable_enhanced_civic_answers: bool = optional("Whether answers about elections are enhanced.")
    enable_affective_dialog: bool = optional("Whether it hears and answers feelings (Live API).")
    translation_config: TranslationConfig = optional("Into which language is translated.")
    audio_transcription_config: AudioTranscriptionConfig = optional("How speech becomes text.")


# Requests.


def _cache_name(value: str) -> str:
    if not _CACHE.fullmatch(value):
        raise complain("E209", f"{value!r} is not the name of a cache.", hint="Names are cachedContents/….")
    return value


def _no_clash(request: Any) -> Any:
    """The service refuses a request that uses a cache and has fields that the cache holds for all."""
    given = request.model_fields_set
    if given.isdisjoint(("cached_content", "cached_content_ref")):
        return request
    if "cached_content" in given and "cached_content_ref" in given:
        detail = "cachedContent and cachedContentRef are both set."
        raise complain("E244", detail, hint="Keep one of the two.", at=("cachedContentRef",))
    cache = "cachedContent" if "cached_content" in given else "cachedContentRef"
    for name in ("system_instruction", "tools", "tool_config"):
        if name in given and getattr(request, name):
            field = type(request).model_fields[name].alias
            raise complain(
                "E244", f"{cache} and {field} are both set.", hint=f"Put {field} into the cache.", at=(field,)
            )
    return request


def _calls_functions(request: Any) -> Any:
    """Raise what the service refuses about function calling; warnings have no place among the errors of a shape."""
    if "tool_config" in request.model_fields_set:
        _raise_first(rules.calling(plain(request)))
    return request


def _holds_texts(request: Any) -> Any:
    _raise_first(rules.vectors(plain(request)))
    return request


def _raise_first(problems: Iterable[tuple[Path, Diagnostic]]) -> None:
    for at, found in problems:
        if found.severity is Severity.ERROR:
            raise complain(found.code, found.detail, hint=found.hint, at=at)


_ONCE_FOR_ALL = "E206 The model is said once for the whole job, beside requests."
_OF_THE_SDK = "E206 `config` belongs to the SDKs; the API has generationConfig, tools and so on beside contents."
_IS_GENERATING = "E206 This is a request of embedContent; write `method: embedContent` beside requests."
_IS_EMBEDDING = "E206 This is a request of generateContent, and `method` says embedContent."
_NOT_EMBEDDING = "E206 embedContent doesn't have this; it takes content, taskType, title and outputDimensionality."
_GENERATING = (
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
    "cachedContent",
    "cachedContentRef",
)
_FOREIGN_TO_GENERATING = {
    "config": _OF_THE_SDK,
    **dict.fromkeys(("content", "taskType", "title", "outputDimensionality"), _IS_GENERATING),
}
_FOREIGN_TO_EMBEDDING = {
    "config": "E206 `config` belongs to the SDKs; the API has taskType and outputDimensionality beside content.",
    "contents": _IS_EMBEDDING,
    **dict.fromkeys(_GENERATING, _NOT_EMBEDDING),
    **dict.fromkeys(("mimeType", "autoTruncate", "documentOcr", "audioTrackExtraction"), VERTEX),
}


class CachedContentRef(Shape):
    """A CachedContent of this project, by its name."""

    name: ResourceName = Field(description="The name in the CachedContent's metadata.")


class _Generating(Shape):
    """What both spellings of a request of generateContent have alike."""

    tools: list[Tool] = optional("Tools that the model may use.")
    tool_config: ToolConfig = optional("What holds for all of these tools.")
    safety_settings: list[SafetySetting] = optional("From where on an answer is withheld.")
    generation_config: GenerationConfig = optional("How the model is to answer.")
    cached_content: Annotated[str, AfterValidator(_cache_name)] = optional(
        "The server's name of a cache, cachedContents/…, of the same model."
    )
    labels: dict[str, str] = optional("Labels for billing.")
    service_tier: str = optional("The tier of service.", min_length=1)
    store: bool = optional("Whether the service may log the request.")


class GenerateRequestShape(_Generating):
    """One request of generateContent."""

    model_config = ConfigDict(json_schema_extra=refused({"model": _ONCE_FOR_ALL, **_FOREIGN_TO_GENERATING}))

    contents: Contents = Field(description="What is asked: a text, a message, or a list of both.")
    system_instruction: Instruction = optional("What the model is told before everything else.")
    cached_content_ref: CachedContentRef = optional("A CachedContent of this project, in place of cachedContent.")


_TASKS = Literal[
    "TASK_TYPE_UNSPECIFIED",
    "RETRIEVAL_QUERY",
    "RETRIEVAL_DOCUMENT",
    "SEMANTIC_SIMILARITY",
    "CLASSIFICATION",
    "CLUSTERING",
    "QUESTION_ANSWERING",
    "FACT_VERIFICATION",
    "CODE_RETRIEVAL_QUERY",
]


class _Embedding(Shape):
    """What both spellings of a request of embedContent have alike."""

    task_type: Annotated[_TASKS, Enum()] = optional("What the vector is for.")
    title: str = optional("A title; with RETRIEVAL_DOCUMENT only.")
    output_dimensionality: Whole = optional("How many numbers the vector has.", ge=1)


def _form_of_content(value: Any) -> str:
    if isinstance(value, str):
        return branch("text")
    return branch("content") if not isinstance(value, dict) or "parts" in value or "role" in value else branch("part")


class EmbedRequest(_Embedding):
    """One request of embedContent."""

    model_config = ConfigDict(json_schema_extra=refused({"model": _ONCE_FOR_ALL, **_FOREIGN_TO_EMBEDDING}))

    content: Annotated[
        Annotated[str, Tag(branch("text"))]
        | Annotated[PartShape, AfterValidator(one_kind_of_data), Tag(branch("part"))]
        | Annotated[Content, Tag(branch("content"))],
        Discriminator(_form_of_content),
    ] = Field(description="What becomes a vector: a text, a part such as {textFile: path}, or a message.")


GenerateRequest = Annotated[GenerateRequestShape, AfterValidator(_no_clash), AfterValidator(_calls_functions)]


# What is put under each line of a file of requests.


class _Around(Shape):
    """Parts that are put around those of a line."""

    parts_before: list[Part] = optional("Parts that are put before those of each line's first message.", min_length=1)
    parts_after: list[Part] = optional("Parts that are put after those of each line's last message.", min_length=1)


_OF_THE_LINES = "E206 What is asked stands in the lines; partsBefore and partsAfter are put around it."


class UnderGenerateShape(_Generating, _Around):
    """What each request of generateContent in a file gets besides; what a line says itself wins."""

    model_config = ConfigDict(
        json_schema_extra=refused({"model": _ONCE_FOR_ALL, "contents": _OF_THE_LINES, **_FOREIGN_TO_GENERATING})
    )

    system_instruction: Instruction = optional("What the model is told before everything else.")
    cached_content_ref: CachedContentRef = optional("A CachedContent of this project, in place of cachedContent.")


class UnderEmbed(_Embedding, _Around):
    """What each request of embedContent in a file gets besides; what a line says itself wins."""

    model_config = ConfigDict(
        json_schema_extra=refused({"model": _ONCE_FOR_ALL, "content": _OF_THE_LINES, **_FOREIGN_TO_EMBEDDING})
    )


UnderGenerate = Annotated[UnderGenerateShape, AfterValidator(_no_clash)]  # functions may stand in the lines


# As the service takes them.


class WireContent(Shape):
    """One message, as the service takes it."""

    role: Literal["user", "model"] = optional("Who speaks.")
    parts: list[WirePart] = Field(description="The pieces of the message.", min_length=1)


class WireInstruction(Shape):
    """A system instruction, as the service takes it."""

    role: str = optional("Without meaning.")
    parts: list[WirePart] = Field(description="The texts.", min_length=1)


class WireGenerateRequestShape(_Generating):
    """One request of generateContent, as the service takes it."""

    model_config = ConfigDict(json_schema_extra=refused(_FOREIGN_TO_GENERATING))

    model: str = optional("The model.", min_length=1)
    contents: list[WireContent] = Field(description="The conversation.", min_length=1)
    system_instruction: WireInstruction = optional("What the model is told before everything else.")
    continuation_token: str = optional("Where an earlier answer stopped.")
    cached_content_ref: CachedContentRef = optional("A CachedContent of this project, in place of cachedContent.")


class WireEmbedRequestShape(_Embedding):
    """One request of embedContent, as the service takes it."""

    model_config = ConfigDict(json_schema_extra=refused(_FOREIGN_TO_EMBEDDING))

    model: str = optional("The model.", min_length=1)
    content: WireContent = Field(description="What becomes a vector.")


_TOGETHER = ("system_instruction", "tools", "tool_config", "cached_content", "cached_content_ref")


def _fits_together(request: Any, info: ValidationInfo) -> Any:
    """Raise what the service refuses in a line and what is put under it, taken together."""
    _no_clash(request)
    under: JsonObject = info.context or {}
    given, fields = request.model_fields_set, type(request).model_fields
    own = {fields[name].alias or name: plain(getattr(request, name)) for name in _TOGETHER if name in given}
    whole = put_under(own, under)
    if any(field in whole for field in CACHES):
        for field in ("systemInstruction", "tools", "toolConfig"):
            if whole.get(field) and (field in own) != any(cache in own for cache in CACHES):
                _raise_clash(own, whole, field)
    if "toolConfig" in whole and ("toolConfig" in own or "tools" in own):
        problems = rules.calling(whole)
        _raise_first((at if at[0] in own else ("tools",), found) for at, found in problems)
    return request


def _raise_clash(own: JsonObject, whole: JsonObject, field: str) -> NoReturn:
    """One of the two stands in the line, and the other in what is put under it."""
    cache = next(name for name in CACHES if name in whole)
    mine, theirs = (field, cache) if field in own else (cache, field)
    detail = f"{mine} stands in the line, and {theirs} in what is put under each line."
    raise complain("E244", detail, hint=f"Remove one of the two, or put {field} into the cache.", at=(mine,))


def put_under(line: JsonObject, under: JsonObject) -> dict[str, Any]:
    """The fields of a request, with those that are put under it. Its own win; a cache is one field in two spellings."""
    own_cache = any(cache in line for cache in CACHES)
    return {**{field: value for field, value in under.items() if not (own_cache and field in CACHES)}, **line}


WireGenerateRequest = Annotated[WireGenerateRequestShape, AfterValidator(_fits_together)]
WireEmbedRequest = Annotated[WireEmbedRequestShape, AfterValidator(_holds_texts)]
