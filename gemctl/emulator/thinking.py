"""Decides how much the emulated model thinks, what is shown of it, and what is signed.

Called by `answers`, and by `generation_rules` for what a model can be told. Separate because it is pure, and what
thinking means differs from family to family: some can't be told not to think, and small ones don't think unless they
are told to (guides on thinking and on thought signatures; refusals of the live service that users published in 2026).
That those of the Flash models which refuse the level MINIMAL take a budget of 0 is an assumption.

How many tokens a thought takes is made up, of the question alone. Signatures are made up, too. From Gemini 3 on the
first function call of an answer has one, or else its last text; those models refuse a call that comes back without.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gemctl.emulator.catalogue import Model
from gemctl.emulator.wire import Refusal, invalid

MINIMAL = "MINIMAL"
_UNSPECIFIED = "THINKING_LEVEL_UNSPECIFIED"
_LEAST = 16
_PARTS = {"LOW": 4, "MEDIUM": 2}  # a level's part of what is thought without one
_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?-")
_SAID = "**Reading the request**\n\nThe emulated model does not think. This stands where a summary would."


def version(model: str) -> tuple[int, int]:
    """The series of a model, such as (2, 5); (0, 0) for a name without one."""
    found = _VERSION.match(model.removeprefix("models/"))
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)


def signs(model: str) -> bool:
    """Whether it is of a series whose answers are signed: from Gemini 3 on."""
    return version(model) >= (3, 0)


def has_levels(model: str) -> bool:
    """Whether it is of a series that is told levels; the ones before have budgets alone."""
    return version(model) >= (3, 0)


def _is_lite(model: str) -> bool:
    return "flash-lite" in model


def _is_pro(model: str) -> bool:
    return "-pro" in model and "image" not in model


def _always_thinks(model: str) -> bool:
    series = version(model)
    return _is_pro(model) or series >= (4, 0) or (series >= (3, 7) and not _is_lite(model))


def least_level(model: str) -> str:
    """The lowest level that it can be told."""
    return "LOW" if _always_thinks(model) else MINIMAL


def check(model: Model, name: str, config: Mapping[str, Any]) -> None:
    """Refuse settings that the model can't have. `name` is that of the model that answers."""
    settings = config.get("thinkingConfig", {})
    level = settings.get("thinkingLevel", _UNSPECIFIED)
    budget = settings.get("thinkingBudget")
    if budget is not None and level != _UNSPECIFIED:
        raise invalid("You can only set only one of thinking budget and thinking level.")
    if level != _UNSPECIFIED and not model.thinking:
        raise invalid("Thinking level is not supported for this model.")
    if budget == 0 and model.thinking and _is_pro(name):
        raise invalid("Budget 0 is invalid. This model only works in thinking mode.")
    if level == MINIMAL and _always_thinks(name):
        raise invalid("Thinking level MINIMAL is not supported for this model.")
    if budget and not model.thinking:  # an assumption
        raise invalid("Thinking budget is not supported for this model.")


def count(model: Model, name: str, config: Mapping[str, Any], digest: bytes) -> int:
    """How many tokens it thinks: by chance, within the budget, and at most half of what it may write, which thoughts
    count for."""
    settings = config.get("thinkingConfig", {})
    budget, level = settings.get("thinkingBudget", -1), settings.get("thinkingLevel", _UNSPECIFIED)
    idle = _is_lite(name) and level == _UNSPECIFIED and "thinkingBudget" not in settings
    if not model.thinking or budget == 0 or level == MINIMAL or idle:
        return 0
    thought = max(_LEAST, (_LEAST + digest[-1]) // _PARTS.get(level, 1))
    if most := config.get("maxOutputTokens", 0):
        thought = min(thought, most // 2)
    return min(thought, budget) if budget > 0 else thought


def parts(config: Mapping[str, Any], thought: int, said: str = "") -> list[dict[str, Any]]:
    """The parts that show what was thought, if anything was and they are asked for: `said`, or words of our own."""
    if not thought or not config.get("thinkingConfig", {}).get("includeThoughts"):
        return []
    return [{"text": said or _SAID, "thought": True}]


def signed(model: Model, name: str, made: list[dict[str, Any]], digest: bytes) -> list[dict[str, Any]]:
    """The parts of an answer, with its signature where its model signs."""
    if not model.thinking or not signs(name):
        return made
    at = next((number for number, part in enumerate(made) if "functionCall" in part), None)
    if at is None:
        texts = [number for number, part in enumerate(made) if part.get("text") and not part.get("thought")]
        at = texts[-1] if texts else None
    if at is None:
        return made
    signature = base64.b64encode(hashlib.sha512(b"signed " + digest).digest()).decode()
    return [{**part, "thoughtSignature": signature} if number == at else part for number, part in enumerate(made)]


@dataclass(frozen=True)
class Turn:
    """What one side says before the other does; `position` is the number of its first message, from 1."""

    position: int
    is_model: bool
    parts: list[Mapping[str, Any]]


def check_signatures(name: str, turns: Sequence[Turn]) -> None:
    """Refuse a call that comes back without its signature: the first one of each turn since the user spoke last. What
    the signature is does not count, as there are words that the service takes in its place."""
    if not signs(name):
        return
    for turn in reversed(turns):
        if not turn.is_model:
            if not any("functionResponse" in part for part in turn.parts):
                return
            continue
        first = next((part for part in turn.parts if "functionCall" in part), None)
        if first is not None and not first.get("thoughtSignature"):
            raise _unsigned(first["functionCall"].get("name", ""), turn.position)


def _unsigned(function: str, position: int) -> Refusal:
    return invalid(
        "Function call is missing a thought_signature in functionCall parts. This is required for tools to work"
        " correctly, and missing thought_signature may lead to degraded model performance. Additional data, function"
        f" call `default_api:{function}` , position {position}. Please refer to"
        " https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
    )
