"""Makes the messages of one turn of the model from its answer.

Called by `session`. Separate because it is pure: what a turn says in which order, and when, is a table of values. The
order is that of frames which users recorded of the service: thoughts, then pieces of the transcription among pieces of
audio, then generationComplete; turnComplete comes when all of it would have been heard. Speech is sent four times as
fast as it plays, which is an assumption: it is known that it comes faster.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gemctl.emulator import chunks
from gemctl.emulator.live import speech
from gemctl.emulator.live.setup import Setup

_AHEAD = 4
_ENDS = ("STOP", "MAX_TOKENS")


@dataclass(frozen=True)
class Step:
    """A message, how long after the turn's beginning it is sent, and what has been said once it was."""

    after: int
    message: Mapping[str, Any]
    said: str = ""


@dataclass(frozen=True)
class Spoken:
    """What the model says and wants in one go. `heard`: how long it takes to be heard. `calls` are functions that it
    calls. `rest`: what the end of the turn says beside its end."""

    steps: tuple[Step, ...]
    heard: int = 0
    text: str = ""
    calls: tuple[Mapping[str, Any], ...] = ()
    rest: Mapping[str, Any] | None = None

    @property
    def sent(self) -> int:
        """How long after its beginning the last of it is sent."""
        return self.steps[-1].after if self.steps else 0


def content(**fields: Any) -> dict[str, Any]:
    """A message with serverContent."""
    return {"serverContent": fields}


def spoken(answer: Mapping[str, Any], setup: Setup) -> Spoken:
    """What a GenerateContentResponse is in a session. One without candidates was blocked."""
    candidates = answer.get("candidates", ())
    if not candidates:
        return Spoken((), rest={"turnCompleteReason": "PROHIBITED_INPUT_CONTENT"})
    parts = candidates[0].get("content", {}).get("parts", ())
    text = "".join(part.get("text", "") for part in parts if not part.get("thought"))
    steps = [Step(0, content(modelTurn={"parts": [_unsigned(part)]})) for part in parts if _is_shown(part)]
    heard = 0
    if text and setup.text:
        said = ""
        for piece in chunks.pieces(text):
            said += piece
            steps.append(Step(0, content(modelTurn={"parts": [{"text": piece}]}), said))
    elif text:
        steps += [Step(0, content())] if setup.profile.empty_first else []
        steps += _speech(text, written=setup.writes, together=setup.profile.empty_first)
        heard = speech.chunks(text) * speech.CHUNK
    calls = tuple(part["functionCall"] for part in parts if "functionCall" in part)
    found = {name: candidates[0][name] for name in ("groundingMetadata", "urlContextMetadata") if name in candidates[0]}
    reason = candidates[0].get("finishReason", "STOP")
    if reason not in _ENDS:
        found["turnCompleteReason"] = _REASONS.get(reason, "RESPONSE_REJECTED")
    return Spoken(tuple(steps), heard, text, calls, found or None)


_REASONS = {"MALFORMED_FUNCTION_CALL": "MALFORMED_FUNCTION_CALL"}


def _unsigned(part: Mapping[str, Any]) -> dict[str, Any]:
    """A part without its signature, which recorded sessions don't have."""
    return {name: value for name, value in part.items() if name != "thoughtSignature"}


def _is_shown(part: Mapping[str, Any]) -> bool:
    """Whether a part comes as it is: thoughts, and code with its result."""
    return bool(part.get("thought")) or bool(part.keys() & {"executableCode", "codeExecutionResult"})


def _speech(text: str, *, written: bool, together: bool) -> Iterator[Step]:
    """Audio, and what it says among it or `together` with it, if that is `written`."""
    count = speech.chunks(text)
    audio = {"modelTurn": {"parts": [{"inlineData": {"mimeType": speech.MIME_TYPE, "data": speech.chunk()}}]}}
    words = chunks.pieces(text)  # longer than a piece of audio each
    shown = 0
    for number in range(count):
        after = number * speech.CHUNK // _AHEAD
        beside: dict[str, Any] = {}
        if shown < len(words) and shown * count <= number * len(words):
            beside = {"outputTranscription": {"text": words[shown]}} if written else {}
            shown += 1
        said = "".join(words[:shown])
        if beside and not together:
            yield Step(after, content(**beside), said)
            beside = {}
        yield Step(after, content(**audio, **beside), said)
