"""Checks the setup of a session, and says what the session is by it.

Called by `session` with the setup that holds (see `locks`). Separate because it is pure, and most of what goes wrong
with the Live API goes wrong here. The refusals are those that users published; for what the guide calls unsupported
without a published refusal, the service's words for any bad value are taken.
"""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gemctl.emulator import generation_rules, rules
from gemctl.emulator.catalogue import Catalogue, Model
from gemctl.emulator.live import closes, profiles
from gemctl.emulator.live.closes import Closing
from gemctl.emulator.live.profiles import Profile
from gemctl.emulator.live.terms import Terms
from gemctl.emulator.wire import Refusal

_NO_CONFIG = "responseMimeType responseSchema responseJsonSchema responseLogprobs logprobs stopSequences candidateCount"
_FIRST_VERSION = "v1alpha"
_HANDLE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Setup:
    """What a session is. `fields` are the setup that holds, in camelCase; `handle` is that of the session which goes
    on, or empty. `text`: it answers in text and not in speech."""

    model: Model
    profile: Profile
    fields: Mapping[str, Any]
    handle: str = ""
    text: bool = False

    @property
    def config(self) -> Mapping[str, Any]:
        config: Mapping[str, Any] = self.fields.get("generationConfig", {})
        return config

    @property
    def _realtime(self) -> Mapping[str, Any]:
        config: Mapping[str, Any] = self.fields.get("realtimeInputConfig", {})
        return config

    @property
    def detection(self) -> Mapping[str, Any]:
        """The settings of what tells speech from silence."""
        detection: Mapping[str, Any] = self._realtime.get("automaticActivityDetection", {})
        return detection

    @property
    def manual(self) -> bool:
        """Whether the client says when somebody speaks."""
        return bool(self.detection.get("disabled", False))

    @property
    def interrupts(self) -> bool:
        """Whether speech ends the answer before."""
        return bool(self._realtime.get("activityHandling") != "NO_INTERRUPTION")

    @property
    def counts_all(self) -> bool:
        """Whether audio counts in which nobody speaks."""
        return bool(self._realtime.get("turnCoverage") == "TURN_INCLUDES_ALL_INPUT")

    @property
    def counts_video(self) -> bool:
        """Whether video counts while nobody speaks."""
        coverage = self._realtime.get("turnCoverage", "TURN_COVERAGE_UNSPECIFIED")
        return self.profile.all_video if coverage == "TURN_COVERAGE_UNSPECIFIED" else "ALL" in coverage

    @property
    def hears(self) -> bool:
        """Whether it writes down what was said to it."""
        return "inputAudioTranscription" in self.fields

    @property
    def writes(self) -> bool:
        """Whether it writes down what it says."""
        return "outputAudioTranscription" in self.fields

    @property
    def gives_handles(self) -> bool:
        return "sessionResumption" in self.fields or self.profile.handles_unasked

    def blocking(self, function: str) -> bool:
        """Whether the session waits for the result of a function."""
        for tool in self.fields.get("tools", ()):
            for each in tool.get("functionDeclarations", ()):
                if each.get("name") == function and each.get("behavior", "UNSPECIFIED") != "UNSPECIFIED":
                    return bool(each["behavior"] == "BLOCKING")
        return self.profile.waits


def check(
    fields: Mapping[str, Any],
    client: Mapping[str, Any],
    catalogue: Catalogue,
    version: str,
    terms: Terms,
    *,
    token: bool,
) -> Setup:
    """The session of a setup that holds. `client` is the setup that was sent, whose handle counts whatever a token
    locks; `token`: one has opened the session. Raises Closing."""
    model = _model(fields.get("model", ""), catalogue, version, token=token)
    profile = profiles.of(model.name)
    _check_version(fields, profile, version)
    config = fields.get("generationConfig", {})
    if any(name in config for name in _NO_CONFIG.split()):
        raise Closing(*closes.INVALID)
    text = _modality(config, profile, terms) == "TEXT"
    _check_voice(config.get("speechConfig", {}))
    thinking = config.get("thinkingConfig", {})
    if profile.needs_level and thinking.get("thinkingLevel", "THINKING_LEVEL_UNSPECIFIED").endswith("UNSPECIFIED"):
        raise Closing(*closes.THINKING)
    if any(part.keys() - {"text"} for part in fields.get("systemInstruction", {}).get("parts", ())):
        raise Closing(*closes.INVALID)
    setup = Setup(model, profile, fields, _handle(client), text)
    check_tools(setup)
    if min(setup.detection.get("prefixPaddingMs", 0), setup.detection.get("silenceDurationMs", 0)) < 0:
        raise Closing(*closes.INVALID)
    try:
        rules.check_settings(fields, "BidiGenerateContentSetup")
        generation_rules.check(model, catalogue.answering(model.name), {"generationConfig": config})
    except Refusal as refusal:
        raise closes.of(refusal) from None
    return setup


def check_tools(setup: Setup) -> None:
    """Check the tools of a setup, or those that an update has given it. Raises Closing."""
    try:
        rules.check_schemas(setup.fields, "BidiGenerateContentSetup")
    except Refusal as refusal:
        raise closes.of(refusal) from None
    for tool in setup.fields.get("tools", ()):
        for function in tool.get("functionDeclarations", ()):
            if setup.profile.only_apart and setup.blocking(function.get("name", "")):
                raise Closing(*closes.INVALID)


def _model(resource: str, catalogue: Catalogue, version: str, *, token: bool) -> Model:
    if not resource:
        raise Closing(*(closes.TOKEN_MODEL if token else closes.INVALID))
    try:
        return catalogue.find(resource, version=version, method="bidiGenerateContent")
    except Refusal:
        shown = re.sub(r"[^\x20-\x7e]", "?", resource)
        raise Closing(*closes.NO_MODEL, name=shown, version=version) from None


def _check_version(fields: Mapping[str, Any], profile: Profile, version: str) -> None:
    """Fields that only the first version has are unknown in the others, as users found out (js-genai#696). What a model
    has not is a bad value: an assumption."""
    config, proactivity = fields.get("generationConfig", {}), fields.get("proactivity")
    for name, where, given in (
        ("proactivity", "setup", proactivity is not None),
        ("enableAffectiveDialog", "setup.generation_config", "enableAffectiveDialog" in config),
    ):
        if given and version != _FIRST_VERSION:
            raise Closing(*closes.UNKNOWN_FIELD, name=name, where=where)
    asked = (proactivity or {}).get("proactiveAudio")
    if (
        (config.get("enableAffectiveDialog") and not profile.affective)
        or (asked and not profile.proactive)
        or (asked is False and profile.always)
    ):
        raise Closing(*closes.INVALID)


def _modality(config: Mapping[str, Any], profile: Profile, terms: Terms) -> str:
    asked = [each for each in config.get("responseModalities", ()) if each != "MODALITY_UNSPECIFIED"]
    if len(asked) > 1:
        raise Closing(*closes.INVALID)
    modality: str = asked[0] if asked else "AUDIO"
    if modality == "TEXT" and not profile.text and not terms.text_answers:
        raise Closing(*(closes.NO_TEXT_NATIVE if profile.native else closes.NO_TEXT))
    if modality not in ("TEXT", "AUDIO"):
        raise Closing(*closes.INVALID)
    return modality


def _check_voice(speech: Mapping[str, Any]) -> None:
    if "multiSpeakerVoiceConfig" in speech:
        raise Closing(*closes.INVALID)
    voice = speech.get("voiceConfig", {})
    name = voice.get("prebuiltVoiceConfig", {}).get("voiceName", "") or voice.get("voice", "")
    if name and name.lower() not in profiles.VOICES:
        raise Closing(*closes.VOICE, name=name)


def _handle(client: Mapping[str, Any]) -> str:
    handle: str = client.get("sessionResumption", {}).get("handle", "")
    if handle and not _HANDLE.fullmatch(handle):
        raise Closing(*closes.BAD_HANDLE)
    return handle


def changed(setup: Setup, changes: Mapping[str, Any]) -> Setup:
    """The setup after an update of its context. Raises Closing."""
    setup = replace(setup, fields={**setup.fields, **changes})
    check_tools(setup)
    return setup


def without_secrets(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A setup as it may be shown: without the handle, and without headers for servers of tools."""
    shown = copy.deepcopy(dict(fields))
    shown.get("sessionResumption", {}).pop("handle", None)
    for tool in shown.get("tools", ()):
        for server in tool.get("mcpServers", ()):
            server.get("streamableHttpTransport", {}).pop("headers", None)
    return shown
