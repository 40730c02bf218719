"""`gemctl token verify`: on the embedded emulator, on a served one, and on services that do something else."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import sys
from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from values import ManualClock

from gemctl.cli.main import run
from gemctl.core.secret import Secret
from gemctl.emulator import certificate
from gemctl.emulator.app import App, Response
from gemctl.emulator.live.channel import Close, Frame, Sent
from gemctl.emulator.server import running
from gemctl.emulator.world import World

PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: shop, id: abcd1234}
defaultStack: local
stacks: {live: {}, local: {endpoint: emulator}}
timing: {requestDeadline: 5s, settle: 1s}
"""
POLICY = """\
apiVersion: gemctl/v1
kind: TokenPolicy
metadata: {name: %s}
spec: %s
---
"""
LOCKED = (
    "{liveConnectConstraints: {model: gemini-3.8-live, config: {outputAudioTranscription: {}, systemInstruction: Hi}}}"
)
POLICIES = {
    "one": LOCKED,
    "two": "{uses: 2, liveConnectConstraints: {model: gemini-3.8-live}}",
    "masked": "{uses: 0, allowUnlimited: true, liveConnectConstraints: {model: gemini-3.8-live, config: {topK: 3}},"
    " lockAdditionalFields: []}",
    "free": "{uses: 1}",
    "deep": "{liveConnectConstraints: {model: gemini-3.8-live-extended-thinking}, lockAdditionalFields: []}",
}


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "gemctl.yaml").write_text(PROJECT)
    (tmp_path / "policy.yaml").write_text("".join(POLICY % one for one in POLICIES.items()))
    return tmp_path


@pytest.fixture
def tokens(monkeypatch):
    """The values of all tokens that were minted, without what stands before them."""
    found = []

    class Watched(Secret):
        def __init__(self, text):
            super().__init__(text)
            found.append(text.removeprefix("auth_tokens/"))

    monkeypatch.setattr("gemctl.engine.execute.Secret", Watched)
    return found


@pytest.fixture
def shell(folder, clock, capfd, monkeypatch, tokens):
    """Runs command lines in the project. Nothing that was ever said, or is kept in files, has a token in it."""
    log = logging.getLogger("gemctl")
    before = list(log.handlers), log.level
    told = []

    def call(*words, status=0):
        capfd.readouterr()
        log.handlers.clear()
        found = run(words, clock=clock)
        out, err = capfd.readouterr()
        told.append(out + err)
        assert found == status, (words, found, out, err)
        return SimpleNamespace(out=out, err=err)

    monkeypatch.chdir(folder)
    monkeypatch.setenv("GEMINI_API_KEY", "a-key")
    yield call
    log.handlers[:] = before[0]
    log.setLevel(before[1])
    kept = [path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()]
    assert not [text for text in (*told, *kept) if any(token in text for token in tokens)]


@pytest.fixture
def applied(shell):
    shell("apply", "--yes")
    return shell


def signs(text: str) -> dict[str, str]:
    """What was checked, with its sign."""
    return {line[2:17].strip(): line[0] for line in text.splitlines() if line[:1] in "✓✗-?"}


# The embedded emulator.


def test_a_token_is_tried_without_a_word(applied):
    said = applied("token", "verify", "one")
    assert signs(said.out) == {
        "opens": "✓", "model": "✓", "modality": "?", "transcript": "?", "uses": "✓", "other locks": "?",
    }  # fmt: skip
    assert "systemInstruction" in said.out
    assert said.out.endswith("1 token, 2 connects, 1 session; nothing was said, so nothing was generated.\n")
    assert len(json.loads(applied("state", "list", "--json").out)["mintedTokens"]) == 1


def test_what_is_answered_is_shown(applied):
    said = applied("token", "verify", "TokenPolicy/one", "--say", "Buon giorno")
    assert signs(said.out) == {
        "opens": "✓", "model": "?", "answers": "✓", "modality": "✓", "transcript": "✓", "uses": "✓", "other locks": "?",
    }  # fmt: skip
    assert "Buon giorno" in said.out and "s of speech" in said.out and "tokens, $0." in said.out


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("two", "--say", "a"), {"model": "✓", "answers": "✓", "modality": "✓", "transcript": "✓", "uses": "✓"}),
        (("masked", "--say", "a"), {"model": "✓", "answers": "✓", "modality": "-", "transcript": "-", "uses": "-"}),
        (("free", "--model", "gemini-3.8-live"), {"model": "-", "modality": "-", "uses": "✓", "configuration": "-"}),
        (("deep",), {"opens": "✓", "model": "✓"}),
        (("deep", "--say", "a"), {"opens": "✓", "answers": "✓"}),
    ],
)
def test_by_what_the_policy_leaves_open(applied, words, found):
    said = signs(applied("token", "verify", *words).out)
    assert {what: said[what] for what in found} == found


def test_for_programs(applied):
    told = json.loads(applied("token", "verify", "one", "--say", "Ciao", "--json").out)
    assert (told["address"], told["model"], told["verified"]) == ("TokenPolicy/one", "gemini-3.8-live", True)
    assert {one["what"]: one["finding"] for one in told["checks"]}["transcript"] == "held"
    first, second = told["connects"]
    assert first["opened"] and first["answer"]["whole"] and "Ciao" in first["answer"]["transcript"]
    assert second["end"] == {"code": 1011, "reason": "Token has been used too many times"}
    assert told["cost"]["low"] == told["cost"]["high"] and told["diagnostics"] == []
    assert re.fullmatch("[0-9a-f]{16}", told["token"]["digest"]) and told["sessions"] == 1


def test_the_mint_is_recorded_as_any_other(applied):
    applied("token", "verify", "one")
    assert "digest" in applied("state", "show", "TokenPolicy/one").out


def test_only_by_an_applied_policy(shell):
    assert "error[E540]" in shell("token", "verify", "one", status=1).err
    shell("token", "verify", "one", "--unapplied")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("one", "--model", "gemini-3.1-flash-live-preview"), "is for gemini-3.8-live"),
        (("free",), "gemini-3.8-live"),  # in the hint
        (("nobody",), "No TokenPolicy is called nobody"),
        (("one", "--timeout", "soon"), "soon"),
    ],
)
def test_what_can_not_be_tried_mints_nothing(applied, words, says):
    said = applied("token", "verify", *words, status=64)
    assert says in said.err
    assert json.loads(applied("state", "list", "--json").out)["mintedTokens"] == []


def test_an_answer_that_takes_longer_is_not_waited_for(applied):
    """3.5 seconds of speech come at the speed at which they are heard."""
    said = applied("token", "verify", "one", "--say", "Ciao", "--timeout", "1s", status=0)
    assert "the turn had not ended in time" in said.out
    assert signs(said.out)["transcript"] == "?"


# A served emulator.


@pytest.fixture
def serve(monkeypatch):
    """Serves an App at this machine, as the endpoint of the stack `live`."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def at(app, **how):
            url = stack.enter_context(running(app, **how))
            monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url.replace("http:", "https:") if how else url)
            monkeypatch.setenv("GEMCTL_STACK", "live")
            return app

        yield at


def test_over_a_socket(shell, serve, clock, tokens):
    app = serve(App(World(now=clock.now), live_pacing=False))
    shell("apply", "--yes")
    said = shell("token", "verify", "two", "--say", "Ciao", "-vv")
    assert signs(said.out)["model"] == signs(said.out)["answers"] == signs(said.out)["uses"] == "✓"
    assert not app.bugs
    assert len(tokens) == 1 and tokens[0] not in repr(app.requests)


def test_with_tls_and_a_certificate_of_its_own(shell, serve, clock, tmp_path_factory, monkeypatch):
    made = certificate.kept(tmp_path_factory.mktemp("ca"), clock.now())
    serve(App(World(now=clock.now), live_pacing=False), tls=made.context())
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    shell("apply", "--yes")
    assert signs(shell("token", "verify", "one").out)["opens"] == "✓"


def test_the_real_service_only_if_it_is_meant(shell, serve, monkeypatch):
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "https://api.invalid")
    monkeypatch.setenv("GEMCTL_STACK", "live")
    said = shell("token", "verify", "one", "--unapplied", status=64)
    assert "--live" in said.err and "Nothing was minted" in said.err


def test_without_the_library_nothing_is_minted(shell, serve, clock, monkeypatch):
    app = serve(App(World(now=clock.now)))
    monkeypatch.setitem(sys.modules, "websockets.asyncio.client", None)
    said = shell("token", "verify", "one", "--unapplied", status=1)
    assert "error[E020]" in said.err and "pip install websockets" in said.err
    assert not [one for one in app.requests if one.method == "POST"]


# Services that do something else.


class Scripted:
    """A channel that answers a setup, and what is said, with what it is told to."""

    def __init__(self, first: Sequence[Sent], then: Sequence[Sent] = ()) -> None:
        self._first, self._then = first, then

    def take(self, frame: bytes) -> Sequence[Sent]:
        return self._first if b'"setup"' in frame else self._then

    def wake(self) -> Sequence[Sent]:
        return ()

    def gone(self) -> None:
        pass


class Odd(App):
    """Opens WebSockets with what `answer` makes of the request; a mint is answered as always."""

    def __init__(self, clock, *answers) -> None:
        super().__init__(World(now=clock.now))
        self._each = list(answers)
        self.asked = []

    def connect(self, request):
        self.asked.append(request)
        return self._each[min(len(self.asked), len(self._each)) - 1]


def frame(message: object) -> Frame:
    return Frame(json.dumps(message).encode())


UP = [frame({"setupComplete": {}})]
SPENT = Scripted([Close(1011, "Token has been used too many times")])
TURN = {"turnComplete": True}
WRITES = [frame({"serverContent": {"modelTurn": {"parts": [{"text": "Hello"}]}, **TURN}})]


@pytest.fixture
def odd(shell, serve, clock):
    """Verifies a policy against a service with such channels."""

    def verify(*answers, status, words=("one",)):
        app = serve(Odd(clock, *answers))
        said = shell("token", "verify", *words, "--unapplied", status=status)
        said.asked = app.asked
        return said

    return verify


@pytest.mark.parametrize(
    ("code", "reason", "says"),
    [
        (1011, "Token has been used too many times", "all uses of the token are spent"),
        (1011, "new_session_expire_time deadline exceeded", "a longer newSessionExpireAfter"),
        (1011, "Token has expired", "a longer expireAfter"),
        (1008, "models/x is not found for API version v1alpha, or", "gemctl models --live"),
        (
            1007,
            "The requested combination of response modalities (TEXT) is not supported",
            "responseModalities: [AUDIO]",
        ),
        (1008, "Something \u202e new", "\\u{202e}"),
    ],
)
def test_a_token_that_opens_nothing(odd, code, reason, says):
    said = odd(Scripted([Close(code, reason)]), status=2)
    assert says in said.out + said.err
    assert "error[E545]" in said.err and "policy.yaml:4" in said.err
    assert signs(said.out) == {"opens": "✗"}


def test_a_token_that_locks_nothing(odd):
    """The model is that of the client, and so is how it is answered."""
    lost = Scripted([Close(1008, "models/gemctl-verify-no-such-model is not found for API version v1alpha")])
    said = odd(lost, Scripted(UP), SPENT, status=2)
    assert signs(said.out)["model"] == "✗"
    said = odd(Scripted(UP, WRITES), SPENT, status=2, words=("one", "--say", "Hi"))
    assert signs(said.out)["modality"] == "✗"
    assert "TEXT was answered, as the client asked" in said.err


def test_a_token_with_too_many_uses(odd):
    said = odd(Scripted(UP), status=2)
    assert signs(said.out)["uses"] == "✗"
    assert "2 sessions came up, and the policy has 1" in said.err
    assert json.loads(odd(Scripted(UP), status=2, words=("one", "--json")).out)["diagnostics"][0]["code"] == "E545"


def test_a_service_that_takes_tokens_in_the_url_only(odd):
    said = odd(
        Scripted([Close(1008, "Request had invalid authentication credentials. Expected OAuth 2 access token,")]),
        Scripted(UP),
        SPENT,
        status=0,
    )
    assert "in the URL only" in said.out and signs(said.out)["model"] == "✓"
    first, second, third = said.asked
    assert first.headers["authorization"].startswith("Token auth_tokens/") and not first.query
    assert "authorization" not in second.headers and [name for name, _ in third.query] == ["access_token"]


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (Response(404), 2, "HTTP 404"),
        (Response(503), 5, "Try again later"),
        (Response(429), 5, "error[E546]"),
        (Response(302, headers={"Location": "/elsewhere"}), 2, "HTTP 302"),
        (Response(0, drop=True), 5, "error[E546]"),
        (Scripted([Frame(b"what?")]), 5, "no message of the Live API"),
        (Scripted(UP, [frame({"serverContent": {"modelTurn": 3}})]), 5, "not of the API's shape"),
        (Scripted(UP, [Close(1011, "Internal error encountered.")]), 5, 'the service failed (1011 "Internal error'),
        (Scripted([Close(1011, "You exceeded your current quota, please check your plan")]), 5, "quota is used up"),
        (Scripted([Close(1011, "Boo")]), 5, "error[E546]"),
        (Scripted([Close(1006)]), 5, "the connection broke"),
        (Scripted([Close(1011, "Token has expired")]), 2, "error[E545]"),
        (Scripted(UP, [Close(1008, "The operation was aborted.")]), 2, "the session ended before an answer"),
    ],
)
def test_what_is_no_session(odd, answer, status, says):
    said = odd(answer, status=status, words=("two", "--say", "Hi"))
    assert says in said.err


def test_a_mint_that_fails_ends_it(shell, serve, clock):
    app = serve(Odd(clock, Scripted(UP)))
    app.handle = lambda request, ask=app.handle: Response(400) if request.method == "POST" else ask(request)
    shell("token", "verify", "one", "--unapplied", status=1)
    assert not app.asked


def test_stopped_by_a_signal(odd):
    class Slow(Scripted):
        def take(self, frame):
            os.kill(os.getpid(), signal.SIGINT)
            return ()

    said = odd(Slow(()), status=130)
    assert "Stopped: a token was minted" in said.err
    assert len(said.asked) == 1
