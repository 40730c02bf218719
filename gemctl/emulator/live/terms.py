"""Says how fast sessions of the Live API go, how long they last and what they hear, as data.

Given to `app` by its knobs, read by `session`. Separate because these are a test's knobs: the service's own numbers are
their defaults, by the guide on sessions (ai.google.dev, "Session management").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class Utterance:
    """What one piece of spoken input means. It ends as `session` hears it end, or, with `after`, when that many seconds
    of audio have come since the last turn, whatever is in them."""

    says: str
    after: float | None = None

    @classmethod
    def from_json(cls, value: object) -> "Utterance":
        """From a text, or an object with these fields. ValueError says what is wrong."""
        if isinstance(value, str):
            return cls(value)
        if not isinstance(value, Mapping) or value.keys() - {"says", "after"} or not isinstance(value.get("says"), str):
            raise ValueError('each is a text, or an object such as {"says": "Hello", "after": 1.5}')
        after: Any = value.get("after")
        if after is not None and (isinstance(after, bool) or not isinstance(after, int | float) or not after > 0):
            raise ValueError("after is a positive number of seconds")
        return cls(value["says"], None if after is None else float(after))

    def to_json(self) -> object:
        return self.says if self.after is None else {"says": self.says, "after": self.after}


@dataclass(frozen=True)
class Terms:
    """`pacing`: speech is sent at a multiple of the speed at which it plays, and a turn ends when it would have been
    heard; without it all of a turn comes at once. `text_frames`: frames go out as text. `text_answers`: every model
    answers in text if it is asked to. `strict`: a model that takes clientContent as its first history alone, by the
    guide, takes it then only. `at_once`: how many sessions a project may have; None for no limit.
    `connection`: how long one lasts; None, as long as the model's. `audio` and `video`: how long a session lasts
    that has no compression of its context. `notice`: how long before the end goAway comes. `speech`: what the first,
    the second, ... piece of spoken input of a session means; after the last one, and where there is none, it is said
    how long somebody spoke."""

    pacing: bool = True
    text_frames: bool = False
    text_answers: bool = False
    strict: bool = False
    at_once: int | None = None
    connection: timedelta | None = None
    audio: timedelta = timedelta(minutes=15)
    video: timedelta = timedelta(minutes=2)
    notice: timedelta = timedelta(seconds=60)
    speech: tuple[Utterance, ...] = ()

    def __post_init__(self) -> None:
        lengths = [each for each in (self.audio, self.video, self.connection) if each is not None]
        if min(lengths) <= timedelta(0) or self.notice < timedelta(0):
            raise ValueError("a session of the Live API lasts some time, and its notice is not negative")
        if self.at_once is not None and self.at_once < 1:
            raise ValueError("a project may have at least one session of the Live API")
