"""Sessions of the Live API as this side sees them: frames of any carrier, waits that end, and what an end means."""

from __future__ import annotations

from typing import Any

import pytest
from values import ManualClock

from gemctl.api.live import End, LiveSession, SessionEnded, meaning, path_for
from gemctl.api.transport import proxy_url
from gemctl.core.errors import Refused
from gemctl.core.secret import Secret
from gemctl.emulator.live import closes

TOKEN = Secret("auth_tokens/abc")


class Fake:
    """A carrier with what it will give; it takes time when it has nothing."""

    def __init__(self, clock: ManualClock, *gives: Any) -> None:
        self.clock, self.gives = clock, list(gives)
        self.sent: list[bytes] = []
        self.closed = 0

    def send(self, frame: bytes) -> None:
        self.sent.append(frame)

    def receive(self, within: float) -> bytes | tuple[int, str] | None:
        if self.gives:
            return self.gives.pop(0)
        self.clock.sleep(within)
        return None

    def close(self) -> None:
        self.closed += 1


def opened(carrier: Any, clock: ManualClock, **how: Any) -> tuple[LiveSession, list[Any]]:
    asked: list[Any] = []

    def opener(path, headers, query):
        asked.append((path, headers, query))
        return carrier

    return LiveSession.open(opener, "v1alpha", TOKEN, clock, **how), asked


def test_a_token_goes_into_a_header_or_into_the_url() -> None:
    clock = ManualClock()
    path = "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained"
    _, asked = opened(Fake(clock), clock)
    assert asked == [(path, (("Authorization", "Token auth_tokens/abc"),), "")]
    _, asked = opened(Fake(clock), clock, in_url=True)
    assert asked == [(path, (), "access_token=auth_tokens/abc")]
    assert path_for("v1beta") != path_for("v1alpha")


def test_messages_come_until_the_end() -> None:
    clock = ManualClock()
    fake = Fake(clock, b'{"setupComplete": {}}', (1011, "Token has expired"))
    session, _ = opened(fake, clock)
    with session:
        session.send({"setup": {"model": "models/é"}})
        assert fake.sent == ['{"setup": {"model": "models/é"}}'.encode()]
        assert session.read(clock.monotonic() + 5) == {"setupComplete": {}}
        with pytest.raises(SessionEnded) as ended:
            session.read(clock.monotonic() + 5)
    assert ended.value.end == End(1011, "Token has expired")
    assert fake.closed == 1


def test_nothing_is_waited_for_without_an_end() -> None:
    clock = ManualClock()
    session, _ = opened(Fake(clock), clock)
    until = clock.monotonic() + 5
    assert session.read(until) is None
    assert until <= clock.monotonic() < until + 0.5


def test_a_run_that_is_to_stop_waits_no_longer() -> None:
    clock = ManualClock()
    session, _ = opened(Fake(clock, b"{}"), clock, stopping=lambda: True)
    assert session.read(clock.monotonic() + 5) is None


@pytest.mark.parametrize("frame", [b"", b"\xff\xfe", b"[]", b"3", b"[" * 100_000])
def test_what_is_no_message_is_refused(frame: bytes) -> None:
    clock = ManualClock()
    session, _ = opened(Fake(clock, frame), clock)
    with pytest.raises(Refused) as refused:
        session.read(clock.monotonic() + 5)
    assert refused.value.code == "E304"


def test_an_answer_that_is_no_websocket_is_an_end() -> None:
    with pytest.raises(SessionEnded) as ended:
        opened((404, "Not Found"), ManualClock())
    assert ended.value.end == End(404, "Not Found")
    assert "auth_tokens" not in repr(ended.value)


SENTENCES = {
    name: value
    for name, value in vars(closes).items()
    if isinstance(value, tuple) and len(value) == 2 and name.isupper()
}
KNOWN_BY_CODE = {"ORDER", "MEDIA_CHUNKS", "SCHEDULING", "BAD_HANDLE", "NO_SESSION", "IGNORED_GO_AWAY"}
"""Ends of what a verification never does: a second setup, results of functions, handles."""


@pytest.mark.parametrize("name", sorted(SENTENCES))
def test_each_reason_of_the_service_is_explained(name: str) -> None:
    code, reason = SENTENCES[name]
    said, _ = meaning(End(code, reason))
    by_code, _ = meaning(End(code, ""))
    assert (said == by_code) == (name in KNOWN_BY_CODE), said


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (End(1011, "Token has been used too many times"), "all uses of the token are spent"),
        (End(1011, "auth token has expired"), "the token has expired"),
        (End(1007, "API key not valid. Please pass a valid API key."), "the API key is not accepted"),
        (End(1006, ""), "the connection broke"),
        (End(403, "Forbidden"), "no WebSocket was opened, the answer was HTTP 403"),
        (End(4000, "odd"), "the session was ended"),
    ],
)
def test_what_an_end_means(end: End, said: str) -> None:
    assert meaning(end)[0] == said


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "http://proxy.example:3128"),
        ({"HTTPS_PROXY": "http://a%40b:p%2Fw@proxy.example"}, "http://a%40b:p%2Fw@proxy.example:80"),
        ({"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": "api.example"}, None),
    ],
)
def test_a_proxy_as_one_text(env: dict[str, str], expected: str | None) -> None:
    assert proxy_url("https://api.example", env) == expected


def test_text_that_is_no_unicode_is_sent_as_near_to_it_as_can_be() -> None:
    clock = ManualClock()
    carrier = Fake(clock)
    opened(carrier, clock)[0].send({"text": "a\udcff"})  # a byte of a command line that is no UTF-8
    assert carrier.sent == [b'{"text": "a?"}']
