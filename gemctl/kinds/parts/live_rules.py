"""Finds what the Live API would refuse of a token's policy, or of the sessions that it opens, beyond what shapes say.

Called by token_policy.py with a policy in its canonical form. Separate because these rules are reports about a service
that changes, and not its documented form: each says where it is from, and what is only reported is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.moment import exact_duration
from gemctl.core.quantities import Feature
from gemctl.core.source import JsonObject, Path

CONFIG: Path = ("liveConnectConstraints", "config")
CONNECTION = timedelta(hours=1)  # 58 minutes is the longest that was reported (gemini-3.8-live, 2026-10)
LOCK: Path = ("lockAdditionalFields",)
_INSTRUCTION = "systemInstruction"
_NO_LEVEL = "THINKING_LEVEL_UNSPECIFIED"
_TAKEN = ("model", "generationConfig", "sessionResumption")
"""What the masks have that were seen to be taken (the official guide to ephemeral tokens has such a one)."""

Found = tuple[Path, Diagnostic]


def features(config: JsonObject, mask: tuple[str, ...]) -> Iterator[tuple[Feature, Path]]:
    """What a configuration, and the mask of what it locks, ask for that is not had everywhere, and where they do."""
    if instructs(mask):
        yield Feature.LOCKED_INSTRUCTION, LOCK
    if config.get("responseModalities") == ["TEXT"]:
        yield Feature.TEXT_OUTPUT, (*CONFIG, "responseModalities")
    if config.get("thinkingConfig", {}).get("thinkingLevel", _NO_LEVEL) != _NO_LEVEL:
        yield Feature.THINKING_LEVEL, (*CONFIG, "thinkingConfig", "thinkingLevel")
    if config.get("enableAffectiveDialog"):
        yield Feature.AFFECTIVE_DIALOG, (*CONFIG, "enableAffectiveDialog")
    if proactivity := config.get("proactivity"):
        yield Feature.PROACTIVITY, (*CONFIG, "proactivity")
        if proactivity.get("proactiveAudio") is False:
            yield Feature.PROACTIVE_AUDIO_OFF, (*CONFIG, "proactivity", "proactiveAudio")
    for index, tool in enumerate(config.get("tools", ())):
        for number, function in enumerate(tool.get("functionDeclarations", ())):
            if function.get("behavior") == "BLOCKING":
                at = (*CONFIG, "tools", index, "functionDeclarations", number, "behavior")
                yield Feature.BLOCKING_FUNCTIONS, at


def about_mask(mask: tuple[str, ...]) -> Iterator[Found]:
    """What some models refuse when a token is minted: 400 "field_mask is invalid for BidiGenerateContentSetup". What
    all of them refuse is a `Feature`.
    """
    doubtful = [path for path in mask if path.partition(".")[0] not in (*_TAKEN, _INSTRUCTION)]
    if doubtful and not instructs(mask):
        detail = f"The service is reported to mint no token with {', '.join(doubtful)} among the locked fields."
        hint = (
            "Remove lockAdditionalFields: then everything is locked. `gemctl token verify` shows whether it is taken."
        )
        yield LOCK, problem("W576", detail, hint=hint)


def instructs(mask: tuple[str, ...]) -> bool:
    """Whether a mask has an instruction in it, part by part, as the official SDKs write it."""
    return any(path.startswith(f"{_INSTRUCTION}.") for path in mask)


def about_resuming(
    config: JsonObject, life: timedelta, opening: timedelta, at: Path, *, all_locked: bool
) -> Iterator[Found]:
    """Whether sessions can outlive their connection. `opening` is how long sessions can be started, `at` where that is
    written, if it is.

    Each connect is refused once newSessionExpireTime has passed, also one that takes up a session again: seen in long
    runs against the service in 2026; the documentation says it of new sessions only.
    """
    if "sessionResumption" in config:
        if opening < life:
            detail = f"Sessions can be taken up again for {exact_duration(opening)} after the mint, and no longer."
            hint = f"Write newSessionExpireAfter: {exact_duration(life)}; or let clients take them up with new tokens."
            yield at or (*CONFIG, "sessionResumption"), problem("W578", detail, hint=hint)
    elif all_locked and life - opening > CONNECTION:
        detail = f"Sessions may go on for {exact_duration(life - opening)}, and end with their first connection."
        hint = "Write `sessionResumption: {}` in config: as everything is locked, no client can."
        yield CONFIG[:1], problem("W578", detail, hint=hint)
