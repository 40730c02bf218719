"""Lists the models, what they can do, and when they end or are answered by another.

Called by the surfaces and by the bill; given to the application, so a test can bring its own models. Separate because
it is data that ages. The field names are the REST reference's; limits, versions, descriptions and sampling defaults
are commonly known ones and were not read from the live service: treat them as examples.

The days on which models end or are redirected, and the names that `...-latest` stand for, are those of the
deprecations page and the changelog on ai.google.dev as they were in November 2026, and of price tables of that month.
That such a day begins at midnight in UTC is an assumption, as is that a `...-latest` has moved on the day when its
model came out. When models came out otherwise does not count: one that has not come yet is there all the same.
"""

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from gemctl.emulator import times
from gemctl.emulator.wire import Refusal, invalid

_IMPLICIT = ("generateContent", "countTokens", "batchGenerateContent")
_GENERATE = ("generateContent", "countTokens", "createCachedContent", "batchGenerateContent")
_LIVE = ("bidiGenerateContent", "countTokens")
_EMBED = ("embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent")


@dataclass(frozen=True)
class Redirect:
    """From the day `at` (UTC) on, the model `to` answers instead, at its own price."""

    to: str
    at: date


@dataclass(frozen=True)
class Model:
    """One model. `name` is without `models/`. `modalities` are those that generateContent can answer in,
    `dimensions` the length of its vectors, `least_cache` the fewest tokens of a cache for it. From the day `ends`
    (UTC) on it is not there. A model with a redirect goes on to be listed, under its own name."""

    name: str
    version: str
    display_name: str
    description: str
    input_token_limit: int = 1_048_576
    output_token_limit: int = 65_536
    methods: tuple[str, ...] = _GENERATE
    temperature: float | None = 1.0
    top_p: float | None = 0.95
    top_k: int | None = 64
    thinking: bool = True
    modalities: tuple[str, ...] = ("TEXT",)
    dimensions: int = 768
    least_cache: int = 1_024
    ends: date | None = None
    redirect: Redirect | None = None

    def shown(self) -> dict[str, object]:
        """As the service lists it, without unset fields."""
        fields: dict[str, object] = {
            "name": f"models/{self.name}",
            "version": self.version,
            "displayName": self.display_name,
            "description": self.description,
            "inputTokenLimit": self.input_token_limit,
            "outputTokenLimit": self.output_token_limit,
            "supportedGenerationMethods": list(self.methods),
            "temperature": self.temperature,
            "topP": self.top_p,
            "topK": self.top_k,
            "maxTemperature": None if self.temperature is None else 2,
            "thinking": self.thinking or None,
        }
        return {name: value for name, value in fields.items() if value is not None}


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _to(name: str, at: str) -> Redirect:
    return Redirect(name, _day(at))


def _image(name: str, version: str, title: str, **more: Any) -> Model:
    fields = {"input_token_limit": 131_072, "output_token_limit": 32_768, "methods": _IMPLICIT, **more}
    return Model(name, version, title, "Makes and edits images.", modalities=("TEXT", "IMAGE"), **fields)


def _speech(name: str, version: str, title: str, ends: date | None = None) -> Model:
    return Model(
        name,
        version,
        title,
        "Text to speech.",
        input_token_limit=8_192,
        output_token_limit=16_384,
        methods=_IMPLICIT,
        thinking=False,
        modalities=("AUDIO",),
        ends=ends,
    )


def _live(name: str, version: str, title: str, description: str = "Speech in, speech out.", **more: Any) -> Model:
    return Model(name, version, title, description, input_token_limit=131_072, methods=_LIVE, **more)


def _second(name: str, title: str, description: str, ends: str = "2026-06-01", **more: Any) -> Model:
    fields = {"output_token_limit": 8_192, "top_k": 40, "thinking": False, **more}
    return Model(name, "2.0", title, description, ends=_day(ends), **fields)


def _fourth(name: str, title: str) -> Model:
    """Gemini 4 caches by itself, and takes no cached contents."""
    return Model(name, "4.0", title, "Of the 4 series.", methods=_IMPLICIT)


def _embedding(name: str, version: str, title: str, *, limit: int, ends: date | None = None) -> Model:
    return Model(
        name,
        version,
        title,
        "Text to vectors.",
        input_token_limit=limit,
        output_token_limit=1,
        methods=_EMBED,
        temperature=None,
        top_p=None,
        top_k=None,
        thinking=False,
        dimensions=3_072,
        ends=ends,
    )


_NATIVE_AUDIO_ENDS = _day("2026-11-17")  # known of the last preview; that the others went with it is an assumption
_FIRST_LIVE_ENDS = _day("2025-12-09")

# The models of the service at the end of 2026, and those that older guides and examples name.
MODELS: tuple[Model, ...] = (
    _fourth("gemini-4-argon", "Gemini 4 Argon"),
    _fourth("gemini-4-carbon", "Gemini 4 Carbon"),
    _fourth("gemini-4-hydrogen", "Gemini 4 Hydrogen"),
    _fourth("gemini-4-neon", "Gemini 4 Neon"),
    Model("gemini-3.8-flash", "3.8", "Gemini 3.8 Flash", "Fast, of the 3.8 series."),
    Model(
        "gemini-3.7-flash",
        "3.7",
        "Gemini 3.7 Flash",
        "Fast, of the 3.7 series.",
        redirect=_to("gemini-3.8-flash", "2026-10-08"),
    ),
    Model("gemini-3.6-flash", "3.6", "Gemini 3.6 Flash", "Fast, of the 3.6 series."),
    Model(
        "gemini-3.5-flash",
        "3.5",
        "Gemini 3.5 Flash",
        "Fast, of the 3.5 series.",
        redirect=_to("gemini-3.6-flash", "2026-10-08"),
    ),
    Model("gemini-3.5-flash-lite", "3.5", "Gemini 3.5 Flash-Lite", "The cheapest of the 3.5 series."),
    Model(
        "gemini-3.1-flash-lite",
        "3.1",
        "Gemini 3.1 Flash-Lite",
        "The cheapest of the 3.1 series.",
        ends=_day("2027-05-07"),
    ),
    Model(
        "gemini-3.1-flash-lite-preview",
        "3.1-preview",
        "Gemini 3.1 Flash-Lite Preview",
        "The preview of Gemini 3.1 Flash-Lite.",
        ends=_day("2026-05-25"),
    ),
    Model("gemini-3.1-pro-preview", "3.1-pro-preview", "Gemini 3.1 Pro Preview", "For agents and long tasks."),
    Model("gemini-3-flash-preview", "3-flash-preview-12-2025", "Gemini 3 Flash Preview", "Fast, of the 3 series."),
    Model(
        "gemini-3-pro-preview",
        "3-pro-preview-11-2025",
        "Gemini 3 Pro Preview",
        "First of the 3 series.",
        ends=_day("2026-03-09"),
    ),
    Model(
        "gemini-2.5-pro",
        "2.5",
        "Gemini 2.5 Pro",
        "Thinking model for hard problems in code and science.",
        redirect=_to("gemini-3.8-flash", "2026-12-01"),
    ),
    Model(
        "gemini-2.5-flash",
        "001",
        "Gemini 2.5 Flash",
        "Fast model with thinking, for work at scale.",
        redirect=_to("gemini-3.5-flash-lite", "2026-12-01"),
    ),
    Model("gemini-2.5-flash-lite", "001", "Gemini 2.5 Flash-Lite", "The cheapest and fastest of the 2.5 models."),
    _second("gemini-2.0-flash", "Gemini 2.0 Flash", "Second-generation workhorse."),
    _second("gemini-2.0-flash-001", "Gemini 2.0 Flash 001", "Fixed version of Gemini 2.0 Flash."),
    _second("gemini-2.0-flash-lite", "Gemini 2.0 Flash-Lite", "The cheapest of the 2.0 models."),
    _second(
        "gemini-2.0-flash-exp",
        "Gemini 2.0 Flash Experimental",
        "The experiment before Gemini 2.0 Flash.",
        ends="2025-12-09",
        methods=(*_GENERATE, "bidiGenerateContent"),
    ),
    _image(
        "gemini-2.0-flash-preview-image-generation",
        "2.0",
        "Gemini 2.0 Flash Preview Image Generation",
        input_token_limit=32_768,
        output_token_limit=8_192,
        thinking=False,
        ends=_day("2026-06-01"),  # an assumption: with the others of its series
    ),
    Model(
        "gemini-flash-latest",
        "latest",
        "Gemini Flash Latest",
        "Whichever Flash is the newest.",
        redirect=_to("gemini-3.8-flash", "2026-09-02"),
    ),
    Model(
        "gemini-flash-lite-latest",
        "latest",
        "Gemini Flash-Lite Latest",
        "Whichever Flash-Lite is the newest.",
        redirect=_to("gemini-3.5-flash-lite", "2026-07-21"),
    ),
    Model(
        "gemini-pro-latest",
        "latest",
        "Gemini Pro Latest",
        "Whichever Pro is the newest.",
        redirect=_to("gemini-3.1-pro-preview", "2026-02-19"),
    ),
    Model(
        "gemini-omni-1.2-flash",
        "1.2",
        "Gemini Omni 1.2 Flash",
        "Any medium in; here it answers in text only.",
        methods=_IMPLICIT,
    ),
    Model(
        "gemini-omni-1.1-flash",
        "1.1",
        "Gemini Omni 1.1 Flash",
        "Any medium in; here it answers in text only.",
        methods=_IMPLICIT,
        ends=_day("2026-12-03"),
    ),
    Model(
        "gemini-robotics-er-2-preview", "2-preview", "Gemini Robotics-ER 2 Preview", "For robots.", methods=_IMPLICIT
    ),
    Model(
        "gemini-2.5-computer-use-preview-10-2025",
        "2.5-preview-10-2025",
        "Gemini 2.5 Computer Use Preview 10-2025",
        "For agents that use a browser.",
        input_token_limit=131_072,
        methods=_IMPLICIT,
    ),
    Model("gemini-3.5-transcribe", "3.5", "Gemini 3.5 Transcribe", "Speech in, text out.", methods=_IMPLICIT),
    _speech("gemini-3.8-flash-tts", "3.8", "Gemini 3.8 Flash TTS"),
    _speech("gemini-3.8-flash-lite-tts", "3.8", "Gemini 3.8 Flash-Lite TTS"),
    _speech("gemini-3.1-flash-tts-preview", "3.1-preview", "Gemini 3.1 Flash TTS Preview"),
    _speech("gemini-2.5-pro-preview-tts", "2.5-preview", "Gemini 2.5 Pro Preview TTS", _day("2026-11-17")),
    _speech("gemini-2.5-flash-preview-tts", "2.5-preview", "Gemini 2.5 Flash Preview TTS", _day("2026-11-17")),
    _image("gemini-nano-banana-2.1", "2.1", "Gemini Nano Banana 2.1"),
    _image("gemini-3.1-flash-image", "3.1", "Gemini 3.1 Flash Image"),
    _image("gemini-3.1-flash-image-preview", "3.1", "Gemini 3.1 Flash Image Preview", ends=_day("2026-06-25")),
    _image("gemini-3.1-flash-lite-image", "3.1", "Gemini 3.1 Flash-Lite Image"),
    _image("gemini-3-pro-image", "3.0", "Gemini 3 Pro Image"),
    _image("gemini-3-pro-image-preview", "3.0", "Gemini 3 Pro Image Preview", ends=_day("2026-06-25")),
    _image(
        "gemini-2.5-flash-image",
        "2.0",
        "Gemini 2.5 Flash Image",
        input_token_limit=32_768,
        thinking=False,
        ends=_day("2026-10-02"),  # one price table has 2027-03-15
    ),
    _live("gemini-3.8-live", "3.8", "Gemini 3.8 Live"),
    _live("gemini-3.8-live-extended-thinking", "3.8", "Gemini 3.8 Live Extended Thinking"),
    _live("gemini-3.5-transcribe-live", "3.5", "Gemini 3.5 Transcribe Live", "Speech in, text out."),
    _live("gemini-3.5-live-translate-preview", "3.5-preview", "Gemini 3.5 Live Translate Preview"),
    _live("gemini-3.1-flash-live-preview", "3.1-preview", "Gemini 3.1 Flash Live Preview", ends=_day("2026-11-17")),
    _live(
        "gemini-2.5-flash-native-audio-latest",
        "2.5",
        "Gemini 2.5 Flash Native Audio",
        output_token_limit=8_192,
        ends=_NATIVE_AUDIO_ENDS,
    ),
    *(
        _live(
            f"gemini-2.5-flash-native-audio-preview-{month}",
            f"2.5-preview-{month}",
            f"Gemini 2.5 Flash Native Audio Preview {month}",
            output_token_limit=8_192,
            ends=_NATIVE_AUDIO_ENDS,
        )
        for month in ("09-2025", "12-2025")
    ),
    _live(
        "gemini-live-2.5-flash-preview",
        "2.5-preview",
        "Gemini 2.5 Flash Live Preview",
        output_token_limit=8_192,
        ends=_FIRST_LIVE_ENDS,
    ),
    _live(
        "gemini-2.0-flash-live-001",
        "2.0",
        "Gemini 2.0 Flash Live 001",
        output_token_limit=8_192,
        thinking=False,
        ends=_FIRST_LIVE_ENDS,
    ),
    _embedding("gemini-embedding-2", "2", "Gemini Embedding 2", limit=8_192),
    _embedding(
        "gemini-embedding-2-preview", "2-preview", "Gemini Embedding 2 Preview", limit=8_192, ends=_day("2026-11-06")
    ),
    _embedding("gemini-embedding-001", "001", "Gemini Embedding 001", limit=2_048, ends=_day("2028-05-14")),
)


class Catalogue:
    """The models of one application, as they are at an instant (see `at`; without it all of them are there).
    `min_cache_tokens` is one number for all, or numbers by model name, and goes before a model's own."""

    def __init__(
        self, models: Iterable[Model] = MODELS, min_cache_tokens: int | Mapping[str, int] | None = None
    ) -> None:
        self._by_name = {model.name: model for model in models}
        self._least = min_cache_tokens
        self._today = date.min

    def at(self, instant: int) -> "Catalogue":
        """The same models, as they are then."""
        other = copy.copy(self)
        other._today = times.to_day(instant)
        return other

    @property
    def models(self) -> tuple[Model, ...]:
        """Those that have not ended."""
        return tuple(model for model in self._by_name.values() if not self._has_ended(model))

    def _has_ended(self, model: Model) -> bool:
        return model.ends is not None and model.ends <= self._today

    def answering(self, name: str) -> str:
        """The name of the model that answers those who ask for this one: another after a redirect."""
        passed = {name}
        while (model := self._by_name.get(name)) is not None:
            redirect = model.redirect
            if redirect is None or self._today < redirect.at or redirect.to in passed:
                break
            name = redirect.to
            passed.add(name)
        return name

    def redirects(self) -> list[date]:
        """The days on which a redirect begins."""
        return [model.redirect.at for model in self._by_name.values() if model.redirect is not None]

    def least_cache(self, model: Model) -> int:
        """The fewest tokens that a cache for this model may have."""
        if isinstance(self._least, int):
            return self._least
        return (self._least or {}).get(model.name, model.least_cache)

    def find(self, resource: str, *, version: str, method: str, field: str = "model") -> Model:
        """The model with that resource name, if it supports the method; otherwise the service's refusal.

        A model that has ended is refused as one that never was. A bare name is refused as malformed: on the wire it
        is `models/...`, and it is the SDKs that add it. A name of another family (Vertex AI's
        `publishers/google/models/...`) is not found.
        """
        prefix, slash, name = resource.partition("/")
        if not slash:
            raise invalid(f"* {field}: unexpected model name format: it must be models/{{model}}.")
        known = self._by_name.get(name) if prefix == "models" else None
        if known is None or self._has_ended(known) or (method not in known.methods and method != "getModel"):
            shown = re.sub(r"[^\x20-\x7e]", "?", resource[:120])
            raise Refusal(
                404,
                f"{shown} is not found for API version {version}, or is not supported for {method}."
                " The list of models shows which there are and which methods they support.",
            )
        return known
