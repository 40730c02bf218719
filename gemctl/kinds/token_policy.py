"""Defines TokenPolicy: what the ephemeral tokens of the Live API may do, and for how long.

The API can only create tokens (`POST auth_tokens`): none can be read back, listed or revoked, and a token's name is the
secret itself. So the policy is declared, and it is LOCAL: applying it makes no call and records it, and `gemctl token
mint` makes tokens by it (workflows/token.py), with the body that `mint_body` describes. Imported by the catalogue in
kinds/__init__.py; all common rooms call it through `Kind`.

THE CANONICAL FORM g1. `Declared.fields` is hashed, and a token is minted only by a policy whose hash is the recorded
one. tests/core/golden_digests.json pins the form. It is

* a JSON object with those of uses, expireAfter, newSessionExpireAfter, liveConnectConstraints and lockAdditionalFields
  that the user set, and nothing that gemctl or the service would fill in. `allowUnlimited` is not in it: it permits
  `uses: 0`, and is no property of a token;
* durations in seconds, as the API writes them: 30m is `1800s`;
* `model` with its `models/`;
* in `config` the fields of `generationConfig` beside the others, wherever they were written; a `config` that sets
  nothing is left out;
* `systemInstruction` as a Content: a bare text or a single part as `{"parts": […]}`, files as texts, each text as
  `sha256:` and the hex digest of its UTF-8 bytes; `role` only where the user set it;
* `lockAdditionalFields` sorted, each name once and without `generationConfig.`: their order has no meaning;
* names of the API's enums in capitals, and numbers that are whole as integers;
* everything else as written, under the API's camelCase names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, JsonValue

from gemctl.core.call import Call, Fill
from gemctl.core.codes import problem
from gemctl.core.kind import Act, FileNeed, Files, Kind, Rule
from gemctl.core.lifetime import Forever
from gemctl.core.moment import exact_duration, parse_duration, parse_instant, wire_duration
from gemctl.core.quantities import ModelUse
from gemctl.core.record import MintedToken
from gemctl.core.resource import Declared, Resource, relocate
from gemctl.core.source import Json, JsonObject, Path
from gemctl.kinds.api_types import VERTEX, Instruction, Model, Tool, WireDuration
from gemctl.kinds.parts.contents import Draft, text_needs, whole
from gemctl.kinds.parts.generation import (
    AudioTranscriptionConfig,
    SafetySetting,
    SpeechConfig,
    ThinkingConfig,
    TranslationConfig,
)
from gemctl.kinds.parts.live_rules import CONFIG, about_mask, about_resuming, features
from gemctl.schema.scalars import Enum, Whole, Whole64
from gemctl.schema.shape import Shape, complain, optional, refused

COLLECTION = "auth_tokens"
METHOD = "bidiGenerateContent"  # what a model must support to open sessions
_VALUE = re.compile(r"(?<=auth_tokens/)[^\s\"'<>]+")
API_VERSION = "v1alpha"  # where the documentation has auth_tokens; the other kinds live at v1beta (API guide)
DEFAULT_USES = 1
DEFAULT_LIFE = timedelta(minutes=30)
DEFAULT_OPENING = timedelta(seconds=60)
LONGEST = timedelta(hours=20)  # shorter than this (the official SDK's documentation of expire_time)
_VALUE = re.compile(r"auth_tokens/[!-~]{1,4096}")
_SETUP = "bidiGenerateContentSetup"


def _one_modality(value: list[str]) -> list[str]:
    if len(value) != 1:
        raise complain("E261", f"There are {len(value)} modalities.", hint="Write [AUDIO] or [TEXT].")
    return value


def _lifetime(value: timedelta) -> timedelta:
    if not timedelta(0) < value < LONGEST:
        shown = exact_duration(value)
        raise complain("E262", f"It is {shown}, and must be more than nothing and less than {exact_duration(LONGEST)}.")
    return value


# The Live API's configuration, flat as the official SDK has it. Names and types are those of google-genai 3.4 and of
# the REST reference of BidiGenerateContentSetup.

_NO_BYTES = "Recordings and pictures can't be declared yet."
_UNSUPPORTED: Mapping[str, str] = MappingProxyType(
    {
        "responseLogprobs": "The Live API gives no probabilities of tokens.",
        "logprobs": "The Live API gives no probabilities of tokens.",
        "responseMimeType": "The Live API answers with speech or plain text, and has no structured output.",
        "responseSchema": "The Live API has no structured output; let the model call a function instead.",
        "responseJsonSchema": "The Live API has no structured output; let the model call a function instead.",
        "stopSequence": "The Live API has no stop sequences; say in systemInstruction when to stop.",
        "stopSequences": "The Live API has no stop sequences; say in systemInstruction when to stop.",
        "routingConfig": "The Live API doesn't choose among models; name one in liveConnectConstraints.model.",
        "audioTimestamp": "The Live API knows no timestamps of audio.",
    }
)


class LiveGenerationConfig(Shape):
    """How answers are made: what the Live API takes of the API's GenerationConfig."""

    model_config = ConfigDict(
        json_schema_extra=refused({field: f"E260 {sentence}" for field, sentence in _UNSUPPORTED.items()})
    )

    response_modalities: Annotated[
        list[Annotated[Literal["MODALITY_UNSPECIFIED", "TEXT", "AUDIO"], Enum()]], AfterValidator(_one_modality)
    ] = optional("[AUDIO] or [TEXT]; speech where nothing is said. A session has exactly one.")
    temperature: float = optional("How freely it answers, from 0 to 2.", ge=0, le=2)
    top_p: float = optional("Tokens are taken from the likeliest, up to this sum of probabilities.", ge=0, le=1)
    top_k: Whole = optional("Tokens are taken from so many of the likeliest.", ge=1)
    max_output_tokens: Whole = optional("The longest answer, in tokens.", ge=1)
    media_resolution: Annotated[
        Literal[
            "MEDIA_RESOLUTION_UNSPECIFIED", "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"
        ],
        Enum(),
    ] = optional("How finely pictures are looked at.")
    seed: Whole = optional("The same seed makes the same answer likelier.")
    speech_config: SpeechConfig = optional("How answers sound.")
    thinking_config: ThinkingConfig = optional("Whether and how much the model thinks first.")
    enable_affective_dialog: bool = optional("Whether it hears feelings, and answers to them.")
    translation_config: TranslationConfig = optional("To translate speech.")
    presence_penalty: float = optional("Against words that were said already.", ge=-2, le=2)
    frequency_penalty: float = optional("Against words that were said often.", ge=-2, le=2)


class AutomaticActivityDetection(Shape):
    """How the beginning and end of speech are detected."""

    disabled: bool = optional("Whether the client says so itself.")
    start_of_speech_sensitivity: Annotated[
        Literal["START_SENSITIVITY_UNSPECIFIED", "START_SENSITIVITY_HIGH", "START_SENSITIVITY_LOW"], Enum()
    ] = optional("How readily speech is noticed.")
    end_of_speech_sensitivity: Annotated[
        Literal["END_SENSITIVITY_UNSPECIFIED", "END_SENSITIVITY_HIGH", "END_SENSITIVITY_LOW"], Enum()
    ] = optional("How readily its end is noticed.")
    prefix_padding_ms: Whole = optional("Milliseconds of speech before it counts.", ge=0)
    silence_duration_ms: Whole = optional("Milliseconds of silence before it has ended.", ge=0)


class RealtimeInputConfig(Shape):
    """How arriving speech and video are treated."""

    automatic_activity_detection: AutomaticActivityDetection = optional(
        "How the beginning and end of speech are detected."
    )
    activity_handling: Annotated[
        Literal["ACTIVITY_HANDLING_UNSPECIFIED", "START_OF_ACTIVITY_INTERRUPTS", "NO_INTERRUPTION"], Enum()
    ] = optional("Whether speaking interrupts the answer.")
    turn_coverage: Annotated[
        Literal[
            "TURN_COVERAGE_UNSPECIFIED",
            "TURN_INCLUDES_ONLY_ACTIVITY",
            "TURN_INCLUDES_ALL_INPUT",
            "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
        ],
        Enum(),
    ] = optional("What of the input belongs to a turn.")
    interim_transcript_timestamp_enabled: bool = optional("Whether interim transcripts carry times.")


class SessionResumption(Shape):
    """Sessions that can be taken up again after the connection was lost."""

    model_config = ConfigDict(json_schema_extra=refused({"transparent": VERTEX}))

    handle: str = optional("The session to take up again; without it a new one begins.", min_length=1)


class SlidingWindow(Shape):
    """The oldest turns go first."""

    target_tokens: Whole64 = optional("How many tokens stay.", ge=0)


class ContextWindowCompression(Shape):
    """What happens when a long session fills the model's window; without it the session ends."""

    trigger_tokens: Whole64 = optional("At how many tokens; the service's default is 80 % of the window.", ge=0)
    sliding_window: SlidingWindow = optional("Drop the oldest turns: {} is enough.")


class Proactivity(Shape):
    """Whether the model chooses when to speak."""

    proactive_audio: bool = optional("Whether it may leave unanswered what is not meant for it.")
    proactive_video: bool = optional("Whether a picture alone may make it speak; needs proactiveAudio.")


class HistoryConfig(Shape):
    """How earlier turns come into a session."""

    initial_history_in_client_content: bool = optional("Whether the client begins with turns of the past.")


class AvatarConfig(Shape):
    """A face for the voice."""

    model_config = ConfigDict(json_schema_extra=refused({"customizedAvatar": f"E225 {_NO_BYTES}"}))

    avatar_name: str = optional("A prebuilt avatar.", min_length=1)
    audio_bitrate_bps: Whole = optional("Bits of sound a second.", ge=1)
    video_bitrate_bps: Whole = optional("Bits of picture a second.", ge=1)


class LiveConfig(LiveGenerationConfig):
    """The setup of a session of the Live API."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            {
                **{field: f"E260 {sentence}" for field, sentence in _UNSUPPORTED.items()},
                "explicitVadSignal": VERTEX,
                "labels": VERTEX,
                "httpOptions": "E206 This is an option of the SDKs, and not of a session.",
                "model": "E206 The model stands beside config, in liveConnectConstraints.",
            }
        )
    )

    generation_config: LiveGenerationConfig = optional(
        "As the REST reference groups them: the fields above may as well stand in here, each once."
    )
    system_instruction: Instruction = optional("What the model is told: text, {textFile: path}, or a message of texts.")
    tools: list[Tool] = optional("Tools that the model may use.", min_length=1)
    session_resumption: SessionResumption = optional("Let sessions be taken up again: {} is enough.")
    realtime_input_config: RealtimeInputConfig = optional("How arriving speech and video are treated.")
    context_window_compression: ContextWindowCompression = optional("What happens when the window is full.")
    input_audio_transcription: AudioTranscriptionConfig = optional("A transcript of what is said to the model: {}.")
    output_audio_transcription: AudioTranscriptionConfig = optional("A transcript of what the model says: {}.")
    proactivity: Proactivity = optional("Whether the model chooses when to speak.")
    history_config: HistoryConfig = optional("How earlier turns come into a session.")
    avatar_config: AvatarConfig = optional("A face for the voice.")
    safety_settings: list[SafetySetting] = optional("From where on answers are withheld.", min_length=1)


class LiveConnectConstraints(Shape):
    """The model and the configuration of every session that a token opens."""

    model: Model = Field(description="The model, such as gemini-3.8-live. Tokens are for the Live API only.")
    config: LiveConfig = optional("The configuration of the sessions.")


def _names(shape: type[Shape]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in shape.model_fields.items())


GENERATION = _names(LiveGenerationConfig)  # on the wire these stand in generationConfig
LOCKABLE = ("model", *(name for name in _names(LiveConfig) if name != "generationConfig"))


def _lockable(value: str) -> str:
    name = value.removeprefix("generationConfig.")
    if name in LOCKABLE and (name == value or name in GENERATION):
        return name
    if sentence := _UNSUPPORTED.get(name):
        raise complain("E264", f"{value} can't be locked: {sentence[0].lower()}{sentence[1:]}")
    plain_names = {each.lower(): each for each in LOCKABLE}
    near = get_close_matches(name.replace("_", "").replace("-", "").lower(), plain_names, n=1, cutoff=0.65)
    hint = f"Did you mean {plain_names[near[0]]}?" if near else f"There are {', '.join(LOCKABLE)}."
    raise complain("E264", f"{value!r} is not a field of the Live API's configuration.", hint=hint)


_LOCKS: list[JsonValue] = [*LOCKABLE]


class TokenPolicySpec(Shape):
    """What tokens of this policy may do, and for how long. They open sessions of the Live API, and nothing else."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            {
                "name": "E231 The service names each token, and the name is its secret.",
                "expireTime": "E206 A policy has no date: write expireAfter, such as 30m, counted from each mint.",
                "newSessionExpireTime": "E206 A policy has no date: write newSessionExpireAfter.",
                "bidiGenerateContentSetup": "E206 Write liveConnectConstraints: {model, config}.",
                "fieldMask": "E206 Write lockAdditionalFields, a list of names; the mask is made of it.",
                "model": "E206 The model stands in liveConnectConstraints.",
                "config": "E206 The configuration stands in liveConnectConstraints.",
            }
        )
    )

    uses: int = optional(
        "How many sessions a token may start; 1 where nothing is said. To resume a session is not a use. "
        "0 is any number, and needs allowUnlimited.",
        ge=0,
        lt=2**31,
    )
    allow_unlimited: bool = optional("Whether uses: 0 is meant. It is no part of the policy's digest.")
    expire_after: Annotated[WireDuration, AfterValidator(_lifetime)] = optional(
        "How long a token lives, its sessions included: less than 20h; 30m where nothing is said."
    )
    new_session_expire_after: Annotated[WireDuration, AfterValidator(_lifetime)] = optional(
        "How long sessions can be started with it; 60s where nothing is said, and never longer than expireAfter."
    )
    live_connect_constraints: LiveConnectConstraints = optional(
        "What holds for every session. Without it whoever holds a token chooses model and configuration."
    )
    lock_additional_fields: list[Annotated[str, AfterValidator(_lockable)]] = optional(
        "What a client can't change. Absent: everything, also what the constraints don't set. []: only what they set. "
        "[a, b]: that, and a and b at their defaults.",
        json_schema_extra={"items": {"type": "string", "examples": _LOCKS}},
    )


def _files(spec: TokenPolicySpec) -> tuple[FileNeed, ...]:
    """Every textFile and textFiles of the system instruction."""
    given = spec.written.get("liveConnectConstraints", {}).get("config", {})
    return tuple(text_needs(given.get("systemInstruction"), _INSTRUCTION))


def _declare(spec: TokenPolicySpec, files: Files) -> Declared:
    """The canonical form g1; see the module's docstring."""
    return _Declaration(spec.written, files).finish()


# Minting by a policy in its canonical form.


def _mint(resource: Resource, name: str | None) -> Call:
    """POST auth_tokens, sent once: a token whose answer is lost can neither be found again nor revoked."""
    declared = resource.declared
    life, opening = _spans(declared.fields)
    places = {CONFIG: (_SETUP,)}
    return Call(
        "POST",
        COLLECTION,
        body=mint_body(declared.fields),
        fills=tuple(Fill(relocate(fill.at, places), fill.digest) for fill in declared.fills),
        times=((("expireTime",), life), (("newSessionExpireTime",), opening)),
        repeatable=False,
        version=API_VERSION,
    )


def mint_body(fields: JsonObject) -> dict[str, Json]:
    """The body to send for a token, as the official SDKs would; texts stand in it as digests, and its ends are put in
    when it is sent (`Call.times`).

    Ends and uses are always sent, so that the recorded values hold. The mask has camelCase names.
    """
    body: dict[str, Json] = {"uses": uses(fields)}
    if setup := _setup(fields):
        body[_SETUP] = setup
    if mask := _mask(fields):
        body["fieldMask"] = ",".join(mask)
    return body


def _token(body: JsonObject, at: datetime, digest: str) -> MintedToken:
    expires, opens = parse_instant(body["expireTime"]), parse_instant(body["newSessionExpireTime"])
    return MintedToken(digest, at, expires, opens, body["uses"])


def _source(resource: Resource, call: Call, at: Path) -> Path:
    """The body is the AuthToken (the official SDKs' create); its mask is made of all locked fields."""
    match at[1:] if at[:1] == ("authToken",) else at:
        case ("expireTime", *_):
            return ("expireAfter",)
        case ("newSessionExpireTime", *_):
            return ("newSessionExpireAfter",)
        case ("fieldMask", *_):
            return ("lockAdditionalFields",)
        case (setup, "model", *rest) if setup == _SETUP:
            return ("liveConnectConstraints", "model", *rest)
        case (setup, "generationConfig", *rest) if setup == _SETUP:
            return resource.declared.written((*CONFIG, *rest))
        case (setup, *rest) if setup == _SETUP and rest:
            return resource.declared.written((*CONFIG, *rest))
        case (setup, *_) if setup == _SETUP:
            return ("liveConnectConstraints",)
        case inner:
            return inner


def uses(fields: JsonObject) -> int:
    """The number of sessions that a token may start; 0 for any number."""
    return int(fields.get("uses", DEFAULT_USES))


def _spans(fields: JsonObject) -> tuple[timedelta, timedelta]:
    """The life of a token, and the time in which sessions can be started with it."""
    life, opening = (
        parse_duration(fields[name]) if name in fields else default
        for name, default in (("expireAfter", DEFAULT_LIFE), ("newSessionExpireAfter", DEFAULT_OPENING))
    )
    return life, min(opening, life)


def effective_lock(fields: JsonObject) -> tuple[str, ...] | Literal["all"] | None:
    """The paths of the setup that a client can't change: these, all of them, or (None) none.

    Set fields are named as google-genai 3.4 does it: the fields of generationConfig, systemInstruction and
    sessionResumption one by one, all others whole.
    """
    setup = _setup(fields)
    if not setup:
        return None
    if "lockAdditionalFields" not in fields:
        return "all"
    paths: list[str] = []
    for name, value in setup.items():
        one_by_one = name in ("generationConfig", "systemInstruction", "sessionResumption") and value
        paths += [f"{name}.{inner}" for inner in value] if one_by_one else [name]
    paths += [f"generationConfig.{name}" if name in GENERATION else name for name in fields["lockAdditionalFields"]]
    return tuple(dict.fromkeys(paths))


def _mask(fields: JsonObject) -> tuple[str, ...]:
    """The mask that is sent; empty for none, where all is locked or nothing."""
    locks = effective_lock(fields)
    return locks if isinstance(locks, tuple) else ()


def lock_sentence(fields: JsonObject) -> str:
    """The effective lock for people."""
    match effective_lock(fields):
        case None:
            return "locks nothing: whoever holds a token chooses model and configuration"
        case "all":
            return "locks everything: a client's own configuration is ignored"
        case paths:
            return f"locks {', '.join(paths)}"


def _value(reply: Json) -> str:
    """The token in the answer to a mint. Raises TypeError or ValueError, without a word of the answer."""
    name = reply.get("name") if isinstance(reply, Mapping) else None
    if not isinstance(name, str):
        raise TypeError("The answer has no name.")
    if not _VALUE.fullmatch(name):
        raise ValueError("The name in the answer is not that of a token.")
    return name


def _setup(fields: JsonObject) -> dict[str, Json]:
    """The message that a session begins with; empty without constraints."""
    constraints = fields.get("liveConnectConstraints")
    if constraints is None:
        return {}
    config = constraints.get("config", {})
    setup: dict[str, Json] = {"model": constraints["model"]}
    if generation := {name: config[name] for name in GENERATION if name in config}:
        setup["generationConfig"] = generation
    setup.update({name: config[name] for name in LOCKABLE if name in config and name not in GENERATION})
    if "systemInstruction" in setup:
        setup["systemInstruction"] = {"role": "user", **setup["systemInstruction"]}
    return setup


# Making the canonical form.

_INSTRUCTION: Path = (*CONFIG, "systemInstruction")


class _Declaration:
    """The canonical form in the making."""

    def __init__(self, spec: Mapping[str, Any], files: Files) -> None:
        self._spec = spec
        self._draft = Draft(files)

    def finish(self) -> Declared:
        spec = self._spec
        fields: dict[str, Json] = {}
        if "uses" in spec:
            fields["uses"] = spec["uses"]
        for name in ("expireAfter", "newSessionExpireAfter"):
            if name in spec:
                fields[name] = wire_duration(spec[name])
        if "liveConnectConstraints" in spec:
            fields["liveConnectConstraints"] = self._constraints(spec["liveConnectConstraints"])
        if "lockAdditionalFields" in spec:
            fields["lockAdditionalFields"] = sorted(set(spec["lockAdditionalFields"]))
        self._check(fields)
        return Declared(
            fields=fields,
            attachments=self._draft.attachments,
            sources=self._draft.sources,
            implied=self._draft.implied,
            model=self._model(fields),
            problems=self._draft.problems,
            note=lock_sentence(fields),
        )

    def _constraints(self, constraints: dict[str, Any]) -> JsonObject:
        given = dict(constraints.get("config", {}))
        generation = given.pop("generationConfig", {})
        for name in generation:
            if name in given:
                detail = f"{name} stands in generationConfig and beside it."
                self._report((*CONFIG, "generationConfig", name), "E265", detail, "Keep one of the two.")
            self._draft.came((*CONFIG, name), (*CONFIG, "generationConfig", name))
        instruction = given.get("systemInstruction")
        config = whole({**given, **generation})
        if instruction is not None:
            config["systemInstruction"] = self._draft.content(instruction, _INSTRUCTION, _INSTRUCTION)
        for at in _voices(config.get("speechConfig", {})):
            below = ("generationConfig",) if "speechConfig" in generation else ()
            self._report((*CONFIG, *below, "speechConfig", *at), "E225", _NO_BYTES, "Name a prebuilt voice.")
        return {"model": constraints["model"], **({"config": config} if config else {})}

    def _model(self, fields: JsonObject) -> ModelUse | None:
        """The model of the sessions, and what is asked of it; None for tokens that are for any."""
        constraints = fields.get("liveConnectConstraints")
        if constraints is None:
            return None
        mask = _mask(fields)
        asked = features(constraints.get("config", {}), mask)
        return ModelUse(
            constraints["model"].removeprefix("models/"),
            METHOD,
            ("liveConnectConstraints", "model"),
            features=tuple((feature, relocate(at, self._draft.sources)) for feature, at in asked),
            settled=not mask or "generationConfig.thinkingConfig" in mask,
        )

    def _check(self, fields: JsonObject) -> None:
        if uses(fields) == 0 and self._spec.get("allowUnlimited") is not True:
            detail = "With uses: 0 a token starts any number of sessions until it expires."
            self._report(("uses",), "E263", detail, "Write how many, or allowUnlimited: true if it is meant.")
        life = self._spec.get("expireAfter", DEFAULT_LIFE)
        wanted = self._spec.get("newSessionExpireAfter", timedelta(0))
        if wanted > life:
            whose = "expireAfter" if "expireAfter" in self._spec else "the default of expireAfter"
            detail = f"newSessionExpireAfter is {exact_duration(wanted)}, longer than {whose}, {exact_duration(life)}."
            self._report(("newSessionExpireAfter",), "E262", detail, "A token that has expired starts no session.")
        constraints = fields.get("liveConnectConstraints")
        if constraints is None and "lockAdditionalFields" in fields:
            detail = "There are no liveConnectConstraints, so nothing is locked."
            hint = "Declare liveConnectConstraints: {model, config}, or remove lockAdditionalFields."
            self._report(("lockAdditionalFields",), "E264", detail, hint)
        if constraints is None:
            return
        for found in about_mask(_mask(fields)):
            self._draft.report(*found)
        at: Path = ("newSessionExpireAfter",) if "newSessionExpireAfter" in self._spec else ()
        _, opening = _spans(fields)
        config = constraints.get("config", {})
        for found in about_resuming(config, life, opening, at, all_locked=not _mask(fields)):
            self._draft.report(*found)

    def _report(self, at: Path, code: str, detail: str, hint: str) -> None:
        self._draft.report(at, problem(code, detail, hint=hint))


def _voices(speech: JsonObject) -> Iterator[Path]:
    """The paths of voices that are copies of a person's voice."""
    speakers = speech.get("multiSpeakerVoiceConfig", {}).get("speakerVoiceConfigs", [])
    places: list[tuple[Path, JsonObject]] = [(("voiceConfig",), speech.get("voiceConfig", {}))]
    for index, speaker in enumerate(speakers):
        at: Path = ("multiSpeakerVoiceConfig", "speakerVoiceConfigs", index, "voiceConfig")
        places.append((at, speaker["voiceConfig"]))
    yield from ((*at, "replicatedVoiceConfig") for at, voice in places if "replicatedVoiceConfig" in voice)


KIND = Kind(
    name="TokenPolicy",
    spec=TokenPolicySpec,
    rules=MappingProxyType(dict.fromkeys(_names(TokenPolicySpec), Rule.UPDATABLE)),
    lifetime=Forever(),
    files=_files,
    declare=_declare,
    called=COLLECTION,
    acts=MappingProxyType({"mint": Act(_mint, secret=_value, source=_source, token=_token, hidden=_VALUE)}),
)
