"""Holds what was said in a session, and counts it.

Called by `session`. Separate because it is a value: a session that is resumed goes on with it. What was spoken is held
as what it meant, with the tokens of its audio, so that a conversation stays small.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gemctl.emulator import tokens

_TRIGGER, _WHOLE = 80, 100
"""A context is cut when it is that part of the window, in per cent, unless a setup says when (guide on sessions)."""


@dataclass(frozen=True)
class Said:
    """One message, and its tokens by modality."""

    content: Mapping[str, Any]
    counts: Mapping[str, int]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Said":
        return cls(content, tokens.estimate({"contents": [content]}))


@dataclass(frozen=True)
class Conversation:
    """All that was said up to now."""

    said: tuple[Said, ...] = ()

    def __add__(self, said: Said) -> "Conversation":
        return replace(self, said=(*self.said, said))

    @property
    def contents(self) -> list[Mapping[str, Any]]:
        return [each.content for each in self.said]

    def counts(self, setup: Mapping[str, Any]) -> dict[str, int]:
        """The tokens by modality of all of it, with the setup's own."""
        own = {name: setup[name] for name in ("systemInstruction", "tools") if setup.get(name)}
        sums = tokens.estimate(own) if own else {}
        for each in self.said:
            for modality, count in each.counts.items():
                sums[modality] = sums.get(modality, 0) + count
        return sums

    def compressed(self, setup: Mapping[str, Any], window: int) -> "Conversation":
        """Without its oldest messages, if the setup asks for that and it has grown too long. It begins with a message
        of the user then."""
        config = setup.get("contextWindowCompression")
        if config is None:
            return self
        trigger = config.get("triggerTokens") or window * _TRIGGER // _WHOLE
        target = config.get("slidingWindow", {}).get("targetTokens") or trigger // 2
        if sum(self.counts(setup).values()) <= trigger:
            return self
        kept = self
        while len(kept.said) > 1 and sum(kept.counts(setup).values()) > target:
            kept = Conversation(kept.said[1:])
        while kept.said and not _begins(kept.said[0].content):
            kept = Conversation(kept.said[1:])
        return kept

    def to_json(self) -> list[Any]:
        """What is kept of it under a handle: pictures only by their tokens."""
        return [[_without_media(each.content), each.counts] for each in self.said]

    @classmethod
    def from_json(cls, value: list[Any]) -> "Conversation":
        return cls(tuple(Said(content, counts) for content, counts in value))


def _without_media(content: Mapping[str, Any]) -> dict[str, Any]:
    parts = [
        {**part, "inlineData": {**part["inlineData"], "data": ""}} if "inlineData" in part else part
        for part in content["parts"]
    ]
    return {**content, "parts": parts}


def _begins(content: Mapping[str, Any]) -> bool:
    """Whether a conversation may begin with it: results of functions follow their calls."""
    return content.get("role", "") != "model" and not any("functionResponse" in part for part in content["parts"])


def user(text: str, counts: Mapping[str, int] | None = None) -> Said:
    """What a user says. `counts`, if it is not the text that counts."""
    content = {"role": "user", "parts": [{"text": text}]}
    return Said.of(content) if counts is None else Said(content, counts)
