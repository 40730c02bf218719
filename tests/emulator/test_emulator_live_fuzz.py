"""Whatever a client of a Live session sends, and however long it takes, the session goes on or ends with a reason."""

import json
from datetime import timedelta

from effort import examples
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from live_client import LIVE, NATIVE, SILENCE, TEXT, THINKS, THREE, Place, audio, text
from test_emulator_fuzz import _almost

from gemctl.emulator.app import Request
from gemctl.emulator.faults import Fault
from gemctl.emulator.live.terms import Utterance
from gemctl.emulator.live_messages import CLIENT_MESSAGE, SETUP

FUNCTION = {"functionDeclarations": [{"name": "f"}, {"name": "g", "behavior": "NON_BLOCKING"}]}
MARKS = ["hi", "[[emulator: call f {}]]", "[[emulator: call g {}]][[emulator: call f {}]]", "[[emulator: block]]",
         "[[emulator: cut]]", "[[emulator: fail 503]]", "[[emulator: close 1008 b]]", "[[emulator: go away 3]]",
         "[[emulator: close 1005]]", "\ud800", "x" * 2_000]  # fmt: skip
DETECTION = {"automaticActivityDetection": {"disabled": True}}
SETTINGS = st.fixed_dictionaries(
    {"tools": st.just([FUNCTION])},
    optional={
        "outputAudioTranscription": st.just({}),
        "inputAudioTranscription": st.just({}),
        "sessionResumption": st.just({}),
        "realtimeInputConfig": st.sampled_from([DETECTION, {"activityHandling": "NO_INTERRUPTION"}]),
        "contextWindowCompression": st.just({"triggerTokens": 100, "slidingWindow": {}}),
        "historyConfig": st.just({"initialHistoryInClientContent": True}),
        "generationConfig": st.sampled_from(
            [{"responseModalities": ["TEXT"]}, {"thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True}}]
        ),
    },
)
MODELS = st.sampled_from([LIVE, NATIVE, THREE, TEXT, THINKS])
GOOD = st.one_of(
    st.builds(text, st.sampled_from(MARKS), st.booleans()),
    st.sampled_from(MARKS).map(lambda said: {"realtimeInput": {"text": said}}),
    st.sampled_from([audio(0.4), audio(0.7, SILENCE), audio(0.1, SILENCE, "audio/pcm;rate=48000")]),
    st.sampled_from(
        [{"activityStart": {}}, {"activityEnd": {}}, {"audioStreamEnd": True},
         {"video": {"data": "", "mimeType": "image/png"}}, {"mediaChunks": [{"data": "", "mimeType": "audio/pcm"}]}]
    ).map(lambda given: {"realtimeInput": given}),
    st.fixed_dictionaries(
        {"response": st.just({"a": 1})},
        optional={"scheduling": st.sampled_from(["SILENT", "WHEN_IDLE", "INTERRUPT"]), "willContinue": st.booleans()},
    ),
)  # fmt: skip
STEPS = st.lists(
    st.one_of(
        GOOD, GOOD, GOOD, _almost(CLIENT_MESSAGE), st.binary(max_size=10), st.sampled_from([0.05, 0.5, 5.0, 700.0])
    ),
    max_size=8,
)
FAULTS = st.lists(
    st.sampled_from(
        [
            Fault("cut", at_bytes=500),
            Fault("closes", at_events=3),
            Fault("closes", delay=2),
            Fault("goes_away", delay=1),
        ]
    ),
    max_size=1,
)
TERMS = st.fixed_dictionaries(
    {},
    optional={
        "live_pacing": st.booleans(),
        "live_strict": st.booleans(),
        "live_text_answers": st.just(True),
        "live_connection": st.just(timedelta(seconds=5)),
        "live_speech": st.just((Utterance("[[emulator: call f]]", after=0.5), Utterance("b"))),
    },
)


def with_ids(step, client):
    """A result as the message that answers the last call."""
    if not isinstance(step, dict) or "response" not in step:
        return step
    calls = [call["id"] for message in client.got for call in message.get("toolCall", {}).get("functionCalls", ())]
    return {"toolResponse": {"functionResponses": [{"id": calls[-1] if calls else "a", **step}]}}


def play(place, client, steps):
    for step in steps:
        if client.close is not None:
            break
        if isinstance(step, float):
            client.wait(step, step=step / 4)
        elif isinstance(step, bytes):
            client.raw(step)
        else:
            client.say(with_ids(step, client))
    for message in client.got:
        assert len(message.keys() - {"usageMetadata"}) == 1
        usage = message.get("usageMetadata")
        assert usage is None or usage["totalTokenCount"] == usage["promptTokenCount"] + usage["responseTokenCount"]
    assert len(json.dumps(place.app.sessions)) > 0


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MODELS, SETTINGS, TERMS, FAULTS, STEPS)
def test_any_frames_of_a_session(model, setup, terms, faults, steps):
    place = Place(**terms)
    place.app.set_faults(faults)
    client = place.connect()
    client.say({"setup": {"model": f"models/{model}", **setup}})
    play(place, client, steps)
    event("ended" if client.close else "open")
    if client.close is None:  # it ends by itself
        client.wait(3_600, step=900)
        assert client.close is not None
    handles = [
        message["sessionResumptionUpdate"].get("newHandle")
        for message in client.got
        if "sessionResumptionUpdate" in message
    ]
    if handles[-1:] not in ([], [None]):
        place.app.set_faults([])
        other = place.connect()
        other.say({"setup": {"model": f"models/{model}", **setup, "sessionResumption": {"handle": handles[-1]}}})
        play(place, other, steps)
    assert place.app.bill()["currency"] == "USD"


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    _almost(SETUP),
    st.booleans(),
    st.sampled_from(["", "model", "tools,generationConfig.topK", "sessionResumption"]),
    MODELS,
)
def test_any_setup_with_and_without_a_token(setup, locked, mask, model):
    place = Place(live_text_answers=True)
    if isinstance(setup, dict) and model:
        setup = {**setup, "model": f"models/{model}"}
    if locked:
        body = {"bidiGenerateContentSetup": setup, "fieldMask": mask}
        asked = json.dumps(body).encode()
        answer = place.app.handle(Request("POST", "/v1alpha/auth_tokens", (), {"x-goog-api-key": "k"}, asked))
        assert not place.app.bugs
        token = json.loads(answer.body).get("name", place.mint())
        client = place.with_token(token, {"model": f"models/{model}"})
    else:
        client = place.connect()
        client.say({"setup": setup})
    if client.close is None:
        client.say(text("hi"))
    event("ended" if client.close else "open")
    json.dumps(place.app.sessions)
