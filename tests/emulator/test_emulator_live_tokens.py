"""Ephemeral tokens at the door of a Live session: who may open one, how often and until when, and what is locked."""

import json
import random

import pytest
from live_client import LIVE, NATIVE, Place, audio, brief, said, text

from gemctl.emulator.app import App, Request
from gemctl.emulator.clock import ManualClock
from gemctl.emulator.live import locks
from gemctl.emulator.store import FileStore
from gemctl.emulator.world import World

MODEL = f"models/{LIVE}"
SETUP = {"setup": {"model": MODEL}}
NO_CALLER = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form"
    " of API consumer identity to call this API."
)
NO_CREDENTIAL = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid"
    " authentication credential."
)


@pytest.fixture
def place():
    return Place()


# Credentials.


def forms(token):
    """How clients send a token."""
    return {
        "in the query": {"query": (("access_token", token),)},
        "as the key in the query": {"query": (("key", token),)},
        "by the official Python SDK": {
            "query": (), "headers": {"x-goog-api-key": token, "authorization": f"Token {token}"},
        },
        "as the key": {"query": (), "headers": {"x-goog-api-key": token}},
        "as Token": {"query": (), "headers": {"authorization": f"token {token}"}},
    }  # fmt: skip


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
@pytest.mark.parametrize("form", forms(""))
def test_a_token_opens_the_constrained_method_alone(place, form, version):
    how = forms(place.mint(uses=0))[form]
    client = place.connect(constrained=True, version=version, **how)
    assert client.say(SETUP) == [{"setupComplete": {}}]
    client = place.connect(version=version, **how)
    assert client.say(SETUP) == []
    assert client.end == (1008, NO_CALLER[:123])


REFUSED = {
    "no key": ({"query": ()}, 1008, "Method doesn't allow unregistered callers"),
    "a wrong key": ({"query": (("key", "wrong"),)}, 1007, "API key not valid. Please pass a valid API key."),
    "a Bearer": ({"query": (), "headers": {"authorization": "Bearer ya29"}}, 1008, NO_CREDENTIAL),
    "a key on the constrained method": ({"constrained": True}, 1008, NO_CREDENTIAL),
    "no token": ({"query": (), "constrained": True}, 1008, NO_CREDENTIAL),
    "an unknown token": ({"query": (("access_token", "auth_tokens/ab"),), "constrained": True}, 1008, NO_CREDENTIAL),
}


@pytest.mark.parametrize("case", REFUSED)
def test_who_may_not_open_a_session_is_told_after_the_setup(place, case):
    how, code, reason = REFUSED[case]
    place.app.turn(keys=["k"])
    client = place.connect(**how)
    assert client.wait(5) == []
    assert client.say(SETUP) == []
    assert client.close.code == code
    assert client.close.reason.startswith(reason[:123])
    assert place.app.sessions == []


def test_slashes_before_the_path_do_not_matter(place):
    path = "//ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent"
    assert place.connect(path=path).say(SETUP) == [{"setupComplete": {}}]


def test_a_quota_counts_sessions(place):
    place.app.turn(requests_per_minute=1)
    place.open()
    client = place.connect()
    client.say(SETUP)
    assert client.close.code == 1011


def test_a_real_key_is_not_taken(place):
    client = place.connect((("key", "AIza" + "x" * 35),))
    client.say(SETUP)
    assert client.close.code == 1007
    assert client.close.reason.startswith("API key not valid. This is an emulator")


# Uses and deadlines.

SPENT = (1011, "Token has been used too many times")
CLOSED = (1011, "new_session_expire_time deadline exceeded")
EXPIRED = (1011, "Token has expired")
EXPIRES = (1011, "auth token has expired")


def test_a_token_opens_as_many_sessions_as_it_says(place):
    token = place.mint(uses=2)
    assert [place.with_token(token).end for _ in range(3)] == [None, None, SPENT]
    token = place.mint(uses=0)
    assert [place.with_token(token).end for _ in range(3)] == [None] * 3


def test_a_setup_that_is_refused_is_no_use(place):
    token = place.mint()
    assert place.with_token(token, {"model": "models/none"}).close.code == 1008
    assert place.with_token(token).end is None
    assert place.with_token(token).end == SPENT


def test_going_on_is_no_use_and_has_the_same_deadline(place):
    setup = {"model": MODEL, "sessionResumption": {}}
    token = place.mint(newSessionExpireTime="2025-12-01T00:10:00Z")
    client = place.with_token(token, setup)
    for _ in range(3):
        handle = client.say(text("a"))[-1]["sessionResumptionUpdate"]["newHandle"]
        client = place.with_token(token, {**setup, "sessionResumption": {"handle": handle}})
        assert client.end is None
    place.clock.advance(601)
    assert place.with_token(token, {**setup, "sessionResumption": {"handle": handle}}).end == CLOSED
    # A fresh token takes the same session on.
    assert place.with_token(place.mint(), {**setup, "sessionResumption": {"handle": handle}}).end is None


def test_a_token_closes_after_a_minute_and_ends_after_half_an_hour(place):
    token = place.mint(uses=0)
    place.clock.advance(60)
    client = place.with_token(token, {"model": MODEL, "contextWindowCompression": {}})
    assert client.end is None
    place.clock.advance(0.001)
    assert place.with_token(token).end == CLOSED
    ((at, _),) = [*client.wait(1), (0, None)]
    assert client.end is None and at == 0
    client.wait(1_800, step=1)
    assert client.end == EXPIRES
    assert place.clock().minute == 30 and place.clock().second <= 1
    assert place.with_token(token).end == EXPIRED


def test_a_token_that_expires_before_the_setup_comes_is_expired(place):
    token = place.mint()
    client = place.connect((("access_token", token),), constrained=True)
    place.clock.advance(1_801)
    assert client.say(SETUP) == []
    assert client.end == EXPIRED


def test_a_token_that_expires_before_it_closes_is_expired(place):
    token = place.mint(expireTime="2025-12-01T00:00:30Z")
    place.clock.advance(31)
    assert place.with_token(token).end == EXPIRED


def test_tokens_outlive_a_restart(tmp_path):
    clock = ManualClock()

    def place():
        return Place(World(FileStore(tmp_path), now=clock, ids=random.Random()), clock)

    token = place().mint(uses=2, bidiGenerateContentSetup={"model": MODEL, "sessionResumption": {}})
    client = place().with_token(token, {})
    handle = client.say(text("a"))[-1]["sessionResumptionUpdate"]["newHandle"]
    other = place()
    assert other.with_token(token, {"sessionResumption": {"handle": handle}}).end is None
    assert [place().with_token(token, {}).end for _ in range(2)] == [None, SPENT]
    kept = "".join(path.read_text("latin-1") for path in tmp_path.rglob("*") if path.is_file())
    assert token not in kept and token.partition("/")[2] not in kept and handle not in kept


def test_a_token_is_nowhere_but_in_its_answer(place):
    token = place.mint()
    place.with_token(token).say(text("a"))
    seen = json.dumps(place.app.sessions) + repr(place.app.requests) + repr(place.app.effects) + repr(place.app.bill())
    assert token.partition("/")[2] not in seen
    assert place.app.sessions[0]["token"] in repr(place.app.effects)


def test_a_token_is_no_key(place):
    token = place.mint()
    for headers, query in (({"x-goog-api-key": token}, ()), ({}, (("key", token),))):
        assert place.app.handle(Request("GET", "/v1beta/models", query, headers)).status == 403


# Locks.

CLIENT = {
    "model": "a",
    "generationConfig": {"temperature": 1, "topK": 3},
    "tools": [{}],
    "outputAudioTranscription": {},
}
TOKEN = {"model": "b", "generationConfig": {"temperature": 2}, "systemInstruction": {"parts": []}}
HOLDS = {
    "nothing": (None, [], CLIENT),
    "a setup": (TOKEN, [], TOKEN),
    "a setup without a model": ({"tools": []}, [], {"model": "a", "tools": []}),
    "an empty setup": ({}, [], {"model": "a"}),
    "a masked model": (TOKEN, ["model"], {**CLIENT, "model": "b"}),
    "a masked setting": (TOKEN, ["generationConfig.temperature"],
                         {**CLIENT, "generationConfig": {"temperature": 2, "topK": 3}}),
    "masked fields that the token has not": (TOKEN, ["tools", "generationConfig.topK", "outputAudioTranscription"],
                                             {"model": "a", "generationConfig": {"temperature": 1}}),
    "a mask alone": (None, ["generationConfig", "tools"], {"model": "a", "outputAudioTranscription": {}}),
    "all settings": (TOKEN, ["generationConfig"], {**CLIENT, "generationConfig": {"temperature": 2}}),
    "a field that the client has not": (TOKEN, ["systemInstruction"], {**CLIENT, "systemInstruction": {"parts": []}}),
}  # fmt: skip


@pytest.mark.parametrize("case", HOLDS)
def test_the_setup_that_holds(case):
    setup, mask, expected = HOLDS[case]
    before = json.dumps([CLIENT, setup])
    assert locks.effective(CLIENT, setup, mask) == expected
    assert json.dumps([CLIENT, setup]) == before


def test_a_setup_without_a_mask_replaces_the_clients_silently(place):
    token = place.mint(bidiGenerateContentSetup={"model": MODEL, "outputAudioTranscription": {}})
    asked = {"model": "models/none", "generationConfig": {"responseModalities": ["TEXT"]}, "sessionResumption": {},
             "tools": [{"functionDeclarations": [{"name": "f"}]}]}  # fmt: skip
    client = place.with_token(token, asked)
    came = client.say(text("[[emulator: call f {}]]"))
    assert brief(came)[0] == "outputTranscription" and "toolCall" not in brief(came)
    assert brief(came)[-1] == "turnComplete"
    assert place.app.sessions[0]["setup"] == {"model": MODEL, "outputAudioTranscription": {}}


def test_a_mask_takes_the_rest_from_the_client(place):
    setup = {"model": MODEL, "generationConfig": {"temperature": 0.5}}
    token = place.mint(bidiGenerateContentSetup=setup, fieldMask="model,generationConfig.temperature,tools")
    asked = {"model": "models/none", "generationConfig": {"temperature": 1, "topK": 5}, "tools": [{"googleSearch": {}}],
             "outputAudioTranscription": {}}  # fmt: skip
    client = place.with_token(token, asked)
    assert said(client.say(text("a"))) != ""
    assert place.app.sessions[0]["setup"] == {
        "model": MODEL, "generationConfig": {"temperature": 0.5, "topK": 5.0}, "outputAudioTranscription": {},
    }  # fmt: skip


def test_a_handle_is_the_clients_whatever_is_locked(place):
    token = place.mint(uses=0, bidiGenerateContentSetup={"model": MODEL, "sessionResumption": {}})
    handle = place.with_token(token).say(text("a"))[-1]["sessionResumptionUpdate"]["newHandle"]
    client = place.with_token(token, {"sessionResumption": {"handle": handle}})
    assert client.say(text("b"))[-1]["sessionResumptionUpdate"]["resumable"]
    assert place.app.sessions[-1]["resumed"]


def test_a_setup_without_any_model_is_refused(place):
    client = place.with_token(place.mint(), {})
    assert client.end == (1007, "token-based requests cannot use project-scoped features such as tuned models")


def test_what_the_client_sends_is_still_read(place):
    token = place.mint(bidiGenerateContentSetup={"model": MODEL})
    client = place.with_token(token, {"model": MODEL, "voice": "Kore"})
    assert client.close.code == 1007


def test_nobody_sees_what_is_secret_in_a_setup(place):
    server = {"name": "s", "streamableHttpTransport": {"url": "https://a.b/", "headers": {"Authorization": "Bearer x"}}}
    place.open(NATIVE, tools=[{"mcpServers": [server]}])
    assert "Bearer" not in json.dumps(place.app.sessions)


# What users ran into, as they reported it.


def test_a_token_on_the_plain_method_is_told_so(place):
    """js-genai#1257 and #691, cookbook#821: a connection that never opened."""
    token = place.mint()
    client = place.connect((("key", token),))
    client.say(SETUP)
    assert client.end == (1008, NO_CALLER[:123])


def test_masks_are_refused_when_a_token_is_minted(place):
    """js-genai#1492."""
    body = {"fieldMask": "model,systemInstruction.parts", "bidiGenerateContentSetup": {"model": MODEL}}
    asked = Request("POST", "/v1alpha/auth_tokens", (), {"x-goog-api-key": "k"}, json.dumps(body).encode())
    assert place.app.handle(asked).status == 400


def test_a_field_of_another_version_ends_the_session_with_a_reason(place):
    """js-genai#696."""
    for version, closes in (("v1beta", True), ("v1alpha", False)):
        client = place.connect(version=version)
        client.say({"setup": {"model": f"models/{NATIVE}", "proactivity": {"proactiveAudio": True}}})
        assert (client.close is not None) == closes
    assert place.connect(version="v1").say(SETUP)


def test_minting_and_connecting_in_different_versions(place):
    """A forum thread of 2025; the service of 2026 takes it."""
    token = place.post("/v1alpha/auth_tokens", {})["name"]
    assert place.connect((("access_token", token),), version="v1beta", constrained=True).say(SETUP)


def test_a_result_of_a_function_is_an_object(place):
    """vercel/ai#20695."""
    client = place.open(tools=[{"functionDeclarations": [{"name": "f"}]}])
    call = client.say(text("[[emulator: call f {}]]"))[0]["toolCall"]["functionCalls"][0]
    client.say({"toolResponse": {"functionResponses": [{"id": call["id"], "response": ["a"]}]}})
    assert client.close.code == 1007


def test_an_end_during_setup_can_be_tried_out(place):
    """mastra#23721: a close that nobody noticed."""
    from gemctl.emulator.faults import Fault

    place.app.set_faults([Fault("closes", code=1011, message="Internal error encountered.")])
    client = place.connect()
    assert client.say(SETUP) == []
    assert client.end == (1011, "Internal error encountered.")


def test_a_long_session_is_told_to_go_away(place):
    """firebase-android-sdk#7648: a crash, as no test had seen one."""
    client = place.open(NATIVE)
    came = client.wait(600, step=10)
    assert came[-1][1] == {"goAway": {"timeLeft": "60s"}}


def test_input_during_a_call_ends_the_session(place):
    """A forum thread of 2025, adk-python#3918."""
    client = place.open(NATIVE, tools=[{"functionDeclarations": [{"name": "f"}]}])
    client.say(text("[[emulator: call f {}]]"), audio(0.1))
    assert client.close.code == 1008


def test_a_client_that_waits_for_more_turns_gets_them(place):
    """python-genai#1224: a client that stopped after one."""
    client = place.open()
    assert [brief(client.say(text(str(number))))[-1] for number in range(3)] == ["turnComplete"] * 3


def test_a_session_with_audio_and_video_goes_on(place):
    """python-genai#2290."""
    client = place.open(sessionResumption={})
    client.say(audio(0.3), {"realtimeInput": {"video": {"data": "aGk", "mimeType": "image/jpeg"}}})
    came = client.say({"realtimeInput": {"audioStreamEnd": True}})
    handle = came[-1]["sessionResumptionUpdate"]["newHandle"]
    other = place.connect()
    assert other.say({"setup": {"model": MODEL, "sessionResumption": {"handle": handle}}})
    assert other.say(text("and?"))[-2]["usageMetadata"]["promptTokensDetails"][0]["modality"] == "AUDIO"


def test_noise_does_not_interrupt(place):
    """python-genai#2333: interruptions by nobody."""
    place.app.turn(live_pacing=True)
    client = place.open()
    client.say(text("a"))
    noise = (300).to_bytes(2, "little") + (-300).to_bytes(2, "little", signed=True)
    assert "interrupted" not in brief(client.say(audio(0.5, noise)))


def test_an_app_without_sessions_has_none():
    assert App().sessions == []
