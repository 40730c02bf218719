"""Holds the quantities that a resource uses, as far as they are known before it is made. Never money.

Kinds state them, `facts` checks their models, `cost` makes money of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from gemctl.core.address import Address
from gemctl.core.frozen import dataclass
from gemctl.core.source import Path

BAND = 15  # per cent by which an estimate of text may be wrong either way (measured on texts of thirteen sorts)


@dataclass(frozen=True, slots=True)
class Tokens:
    """A number of tokens: the likeliest, and the bounds between which it lies. `high` is None for no known bound."""

    likely: int
    low: int
    high: int | None

    @classmethod
    def exactly(cls, count: int) -> Tokens:
        """A number that was counted."""
        return cls(count, count, count)

    @classmethod
    def about(cls, count: int) -> Tokens:
        """Our own estimate of a text."""
        return cls(count, count * (100 - BAND) // 100, -(-count * (100 + BAND) // 100))

    @property
    def exact(self) -> bool:
        return self.low == self.high

    def __add__(self, other: Tokens) -> Tokens:
        high = None if self.high is None or other.high is None else self.high + other.high
        return Tokens(self.likely + other.likely, self.low + other.low, high)

    def times(self, count: int) -> Tokens:
        """As many of each."""
        if not count:
            return NO_TOKENS
        return Tokens(self.likely * count, self.low * count, None if self.high is None else self.high * count)


NO_TOKENS = Tokens.exactly(0)
UNKNOWN_TOKENS = Tokens(0, 0, None)


def all_of(many: Sequence[Tokens]) -> Tokens:
    """Their sum."""
    high = [one.high for one in many if one.high is not None]
    likely, low = sum(one.likely for one in many), sum(one.low for one in many)
    return Tokens(likely, low, sum(high) if len(high) == len(many) else None)


class Tier(StrEnum):
    """The way in which the service is asked for answers; each has prices of its own."""

    STANDARD = "standard"
    BATCH = "batch"


class Medium(StrEnum):
    """Sorts of media that are counted each in their own way."""

    IMAGE = "image"
    DOCUMENT = "document"
    AUDIO = "audio"
    VIDEO = "video"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Media:
    """Things that are not text, and alike in all that is known of them. Their tokens depend on the model; None for a
    measure that isn't known.

    pixels    width and height of a picture.
    pages     of a document. `seconds` of a recording.
    count     how many there are.
    """

    medium: Medium
    pixels: tuple[int, int] | None = None
    pages: int | None = None
    seconds: int | None = None
    count: int = 1


class Feature(StrEnum):
    """What may be asked for of the Live API, and is not had of each model, or of none."""

    TEXT_OUTPUT = "textOutput"
    THINKING_LEVEL = "thinkingLevel"
    AFFECTIVE_DIALOG = "affectiveDialog"
    PROACTIVITY = "proactivity"
    PROACTIVE_AUDIO_OFF = "proactiveAudioOff"  # that it answers whatever it hears, also what is not meant for it
    BLOCKING_FUNCTIONS = "blockingFunctions"  # functions for whose results the conversation waits
    LOCKED_INSTRUCTION = "lockedInstruction"  # an instruction in the mask of a token


@dataclass(frozen=True, slots=True)
class ModelUse:
    """The model that a resource is for, without `models/`, and the method that the model must support: one of the
    service's `supportedGenerationMethods`. `at` is the place in the spec that names it.

    features   what is asked of it besides, and where.
    settled    whether nothing more can be asked of it later: what is not among `features` is not there.
    """

    model: str
    method: str
    at: Path
    features: tuple[tuple[Feature, Path], ...] = ()
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Quantities:
    """The quantities of one resource.

    stored      tokens that the service keeps as long as the object lives; without those of `media`.
    input       tokens that are sent with all requests together; without those of `media` and of what is `reused`.
    output      tokens of all answers together, thoughts included.
    longest     the `input` of the largest single request.
    media       what is kept or sent besides, and is no text.
    reused      the resources whose stored tokens go along with requests, and with how many of them.
    requests    how many are run; None for unknown. `tier` is the way in which they are.
    indexed     tokens of documents that are indexed. `documents` is how many there are, `bytes` how many are uploaded.
    """

    stored: Tokens = NO_TOKENS
    input: Tokens = NO_TOKENS
    output: Tokens = NO_TOKENS
    longest: Tokens = NO_TOKENS
    media: tuple[Media, ...] = ()
    reused: tuple[tuple[Address, int], ...] = ()
    requests: int | None = 0
    tier: Tier = Tier.STANDARD
    indexed: Tokens = NO_TOKENS
    documents: int = 0
    bytes: int = 0


NO_QUANTITIES = Quantities()
