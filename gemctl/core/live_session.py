"""Holds what was seen of a token that was tried: what came of each connect, what the model answered, and what follows
for each thing that a policy promises.

Made by workflows/verify.py, shown by render and cli. Apart from `live`, which is about objects that are managed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from types import MappingProxyType

from gemctl.core.frozen import dataclass
from gemctl.core.money import Money
from gemctl.core.record import MintedToken


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """What a model answered in one turn.

    speech      seconds of it. `said` is its transcript, `text` what it wrote.
    calls       the functions that it asked for.
    whole       whether the turn came to its end.
    sent, made  tokens by modality, as the service counted them: of what it was sent, and of what it answered.
    """

    speech: float = 0.0
    said: str = ""
    text: str = ""
    calls: tuple[str, ...] = ()
    whole: bool = False
    sent: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    made: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def anything(self) -> bool:
        return bool(self.speech or self.said or self.text or self.calls)


@dataclass(frozen=True, slots=True)
class Tried:
    """One connect with a token.

    model      the one that was asked for; `elsewhere`: there is none of that name. `contrary`: what was asked for
               besides contradicts the policy.
    opened     whether the setup was accepted.
    code, reason   how the service ended it before anybody wanted that; code 0 for not at all.
    in_url     whether the token stood in the URL, and not in a header.
    """

    model: str
    elsewhere: bool = False
    contrary: bool = False
    opened: bool = False
    code: int = 0
    reason: str = ""
    answer: LiveAnswer | None = None
    in_url: bool = False


class Finding(StrEnum):
    """What is known about one promise of a policy."""

    HELD = "held"
    BROKEN = "broken"
    OPEN = "open"  # the policy leaves it to clients
    UNSEEN = "unseen"  # can't be seen from outside, or was not tried


@dataclass(frozen=True, slots=True)
class Checked:
    """One promise, and what was seen of it, for people. `hint` says what to do where it is broken."""

    what: str
    finding: Finding
    said: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class TokenTrial:
    """All that was tried with a token, and what follows.

    cost       of what was said and answered; None where nothing was. `unpriced` names what is not in it.
    """

    token: MintedToken
    model: str
    tried: tuple[Tried, ...] = ()
    checks: tuple[Checked, ...] = ()
    cost: Money | None = None
    unpriced: tuple[str, ...] = ()

    @property
    def answer(self) -> LiveAnswer | None:
        return next((one.answer for one in self.tried if one.answer and one.answer.anything), None)

    @property
    def sessions(self) -> int:
        return sum(one.opened for one in self.tried)

    @property
    def broken(self) -> tuple[Checked, ...]:
        return tuple(one for one in self.checks if one.finding is Finding.BROKEN)
