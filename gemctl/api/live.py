"""Speaks with the Live API: messages as JSON, in the frames of one WebSocket, until one side ends it.

Called by workflows/verify.py. Separate from what carries the frames: a socket (`_websockets.py`), or the embedded
emulator, of which this room knows nothing. Nothing here waits without an end, and each wait looks whether the run is to
stop.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple, Protocol

from gemctl.core.clock import Clock
from gemctl.core.errors import Refused
from gemctl.core.secret import Secret
from gemctl.core.source import JsonObject

_GLANCE = 0.25  # seconds between two looks at `stopping`
_METHOD = "google.ai.generativelanguage.{}.GenerativeService.BidiGenerateContentConstrained"


class End(NamedTuple):
    """How a session was ended by the service: the code and the reason of the close frame. Code 1006 is none: the
    connection broke. A code below 1000 is the HTTP status of an answer that opened no WebSocket.
    """

    code: int
    reason: str


class Carrier(Protocol):
    """One open WebSocket. It raises nothing: what breaks is an end."""

    def send(self, frame: bytes) -> None:
        """Send one message."""

    def receive(self, within: float) -> bytes | tuple[int, str] | None:
        """The next message of the service; the code and the reason of its end; None when nothing came in that time."""

    def close(self) -> None:
        """End it from this side. May be called again, and after its end."""


class Opener(Protocol):
    """Opens a WebSocket with a token, at `path` of the endpoint."""

    def __call__(self, path: str, headers: tuple[tuple[str, str], ...], query: str) -> Carrier | tuple[int, str]:
        """Raises GemctlError where the service can't be reached. Headers and query hold secrets."""


class SessionEnded(Exception):
    """The service ended the session."""

    def __init__(self, end: End) -> None:
        super().__init__(end.code)
        self.end = end


def path_for(version: str) -> str:
    """Where sessions are opened with a token."""
    return f"/ws/{_METHOD.format(version)}"


class LiveSession:
    """One session. Use it in `with`: it is closed at the end."""

    def __init__(self, carrier: Carrier, clock: Clock, stopping: Callable[[], bool]) -> None:
        self._carrier = carrier
        self._clock = clock
        self._stopping = stopping

    @classmethod
    def open(
        cls,
        opener: Opener,
        version: str,
        token: Secret,
        clock: Clock,
        *,
        in_url: bool = False,
        stopping: Callable[[], bool] = lambda: False,
    ) -> LiveSession:
        """Open one with a token: in a header, or (as browsers do, which can set none) in the URL, which is less well
        kept secret. Raises SessionEnded where the answer is another one; GemctlError where there is none.
        """
        headers = () if in_url else (("Authorization", f"Token {token.reveal()}"),)
        query = f"access_token={token.reveal()}" if in_url else ""
        carrier = opener(path_for(version), headers, query)
        if isinstance(carrier, tuple):
            raise SessionEnded(End(*carrier))
        return cls(carrier, clock, stopping)

    def __enter__(self) -> LiveSession:
        return self

    def __exit__(self, *_: object) -> None:
        self._carrier.close()

    def send(self, message: JsonObject) -> None:
        """Send one message."""
        self._carrier.send(json.dumps(message, ensure_ascii=False).encode("utf-8", "replace"))

    def read(self, until: float) -> JsonObject | None:
        """The next message; None when none has come by then (of the clock's monotonic time), or when it is to stop.
        Raises SessionEnded; Refused for what is no message.
        """
        while not self._stopping() and (left := until - self._clock.monotonic()) > 0:
            found = self._carrier.receive(min(left, _GLANCE))
            if isinstance(found, tuple):
                raise SessionEnded(End(*found))
            if found is not None:
                return _message(found)
        return None


def _message(frame: bytes) -> JsonObject:
    try:
        found = json.loads(frame)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused("What came over the WebSocket is no message of the Live API.", code="E304")
    return found


class _Meaning(NamedTuple):
    stem: str  # words of the service that are the same each time
    meaning: str
    hint: str


# What the service says when it ends a session, as published by users; in the order in which they are looked for.
_MEANINGS = (
    _Meaning(
        "token has been used too many times",
        "all uses of the token are spent",
        "Mint another one; `uses` of the policy says how many sessions a token starts.",
    ),
    _Meaning(
        "new_session_expire_time",
        "newSessionExpireAfter has passed since the token was minted",
        "Use a token sooner, or give the policy a longer newSessionExpireAfter.",
    ),
    _Meaning(
        "token has expired", "the token has expired", "Mint another one, or give the policy a longer expireAfter."
    ),
    _Meaning(
        "unregistered callers",
        "the service has not taken the token for one",
        "Tokens open sessions of BidiGenerateContentConstrained only, in v1alpha or v1beta.",
    ),
    _Meaning(
        "invalid authentication credentials",
        "the service does not know the token, or does not take it like this",
        "Was it minted by the service that GOOGLE_GEMINI_BASE_URL names now?",
    ),
    _Meaning("api key", "the API key is not accepted", "Look at the key that the token was minted with."),
    _Meaning(
        "is not found for api version",
        "the service has no such model for sessions",
        "`gemctl models --live` shows which have bidiGenerateContent.",
    ),
    _Meaning(
        "not supported in the live api",
        "the model opens no sessions",
        "`gemctl models --live` shows which have bidiGenerateContent.",
    ),
    _Meaning(
        "token-based requests cannot use",
        "the service can't find the model for a token",
        "Tuned models open no sessions with tokens, and neither do names that it doesn't know.",
    ),
    _Meaning(
        "response modalities",
        "the model does not answer in this modality",
        "Write `responseModalities: [AUDIO]`, and `outputAudioTranscription: {}` for the text.",
    ),
    _Meaning(
        "text output is not supported",
        "the model only speaks",
        "Write `responseModalities: [AUDIO]`, and `outputAudioTranscription: {}` for the text.",
    ),
    _Meaning("audio content type", "the model takes no speech in this configuration", "Send text, or another model."),
    _Meaning("no matching speaker voice", "there is no such voice", "Correct voiceName in speechConfig."),
    _Meaning(
        "thinking level must be specified",
        "the model opens no session without a thinkingLevel",
        "Write `thinkingConfig: {thinkingLevel: low}` in config.",
    ),
    _Meaning("unknown name", "this version of the API has no such field", "Remove the field from config."),
    _Meaning(
        "invalid argument",
        "a value, or several together, are not accepted",
        "The service doesn't say which: leave fields of config out one by one.",
    ),
    _Meaning("user location", "the service is not offered where this machine is", "See where the API is available."),
    _Meaning("denied access", "the project is blocked", "Only the service's support can help."),
    _Meaning("exceeded your current quota", "the quota is used up", "Wait, or raise the tier of the project."),
    _Meaning("resource has been exhausted", "the quota is used up", "Wait, or raise the tier of the project."),
    _Meaning("prepayment credits", "the prepaid credit is used up", "Add credit to the project."),
    _Meaning("not implemented, or supported", "the session has something that the service doesn't offer", ""),
    _Meaning("deadline expired", "the service took too long", "Try again later."),
    _Meaning("internal error", "the service failed", "Try again later."),
    _Meaning("currently unavailable", "the service is not available now", "Try again later."),
)
_BY_CODE = {
    1000: ("the service ended the session", ""),
    1006: ("the connection broke", "Try again; look at the network between."),
    1007: ("the service did not accept what was sent", ""),
    1008: ("the service does not allow it", ""),
    1011: ("the service failed, or the token or the quota is spent", "Try again later."),
}


_OF_THE_TOKEN = ("token", "new_session")
_OWN_CODES = frozenset({1006, 1011, 1012, 1013, 429, *range(500, 600)})  # of WebSocket, and of HTTP in its place


def is_own_fault(end: End) -> bool:
    """Whether the service ended it for a reason of its own, such as a quota: not for what the token or the setup is.
    Refusals of tokens have the code of such faults, too (published closes of 2026)."""
    return end.code in _OWN_CODES and not any(stem in end.reason.lower() for stem in _OF_THE_TOKEN)


def meaning(end: End) -> tuple[str, str]:
    """What an end means, in a phrase, and what to do about it (may be empty)."""
    said = end.reason.lower()
    for one in _MEANINGS:
        if one.stem in said:
            return one.meaning, one.hint
    if end.code < 1000:
        hint = "Try again later." if end.code in _OWN_CODES else "Is this an address of the API?"
        return f"no WebSocket was opened, the answer was HTTP {end.code}", hint
    return _BY_CODE.get(end.code, ("the session was ended", ""))
