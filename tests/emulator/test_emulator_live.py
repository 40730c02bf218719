"""Sessions of the Live API: what is sent in which order, and how sessions end. Channels are driven directly."""

import base64
import gc
import json
import weakref
from datetime import timedelta
from decimal import Decimal

import pytest
from live_client import (
    LIVE,
    METHOD,
    NATIVE,
    SILENCE,
    TEXT,
    THINKS,
    THREE,
    Place,
    audio,
    brief,
    pcm,
    said,
    seconds,
    text,
)

from gemctl.emulator import knobs
from gemctl.emulator.faults import Fault
from gemctl.emulator.live.channel import Close
from gemctl.emulator.live.terms import Utterance
from gemctl.emulator.scripted import Rule

DONE = "generationComplete", "turnComplete"
FUNCTION = {"functionDeclarations": [{"name": "look_up", "parameters": {"type": "OBJECT", "properties": {}}}]}
CALL = '[[emulator: call look_up {"key": "a"}]]'
INVALID = (1007, "Request contains an invalid argument.")


@pytest.fixture
def place():
    return Place()


# Turns.


def test_a_turn_of_text_is_answered_in_speech(place):
    client = place.open(outputAudioTranscription={})
    came = client.say(text("Good morning"))
    assert brief(came) == ["outputTranscription", "audio", "outputTranscription", "audio", "outputTranscription",
                           "audio", *DONE]  # fmt: skip
    assert said(came).endswith(": Good morning")
    assert seconds(came) == pytest.approx(len(said(came)) / 15, abs=0.2)
    usage = came[-1]["usageMetadata"]
    assert usage["promptTokensDetails"] == [{"modality": "TEXT", "tokenCount": 3}]
    (response,) = usage["responseTokensDetails"]
    assert response == {"modality": "AUDIO", "tokenCount": usage["responseTokenCount"]}
    assert response["tokenCount"] == pytest.approx(25 * seconds(came), abs=1)
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["responseTokenCount"]
    assert all("usageMetadata" not in message for message in came[:-1])


def test_without_a_transcription_there_is_speech_alone(place):
    assert brief(place.open().say(text("a"))) == ["audio", *DONE]


def test_some_models_begin_with_an_empty_message_and_write_beside_speech(place):
    came = place.open(THREE, outputAudioTranscription={}).say(text("Good morning"))
    assert came[0] == {"serverContent": {}}
    assert came[1]["serverContent"].keys() == {"modelTurn", "outputTranscription"}
    assert said(came).endswith(": Good morning") and seconds(came) > 3


def test_text_where_a_model_has_it(place):
    client = place.open(TEXT, generationConfig={"responseModalities": ["TEXT"]})
    came = client.say(text("Good morning"))
    assert brief(came) == ["text", *DONE]
    assert said(came, "text").endswith(": Good morning")
    assert came[-1]["usageMetadata"]["responseTokensDetails"][0]["modality"] == "TEXT"


def test_the_conversation_so_far_is_asked_about_and_billed(place):
    client = place.open(outputAudioTranscription={}, systemInstruction={"parts": [{"text": "x" * 400}]})
    first, second = client.say(text("one")), client.say(text("two"))
    assert "read 1 part," in said(first) and "read 3 parts," in said(second)
    counts = [came[-1]["usageMetadata"]["promptTokenCount"] for came in (first, second)]
    assert counts[0] == 101
    assert counts[1] > counts[0] + 1
    lines = place.app.bill()["lines"]
    assert [(line["kind"], line["model"], line["tokens"]["input"]) for line in lines] == [
        ("live", LIVE, counts[0]), ("live", LIVE, counts[1])]  # fmt: skip


def test_speech_is_paid_at_prices_of_its_own(place):
    client = place.open()
    client.say(audio(4), audio(0.6, SILENCE))
    usage = client.got[-1]["usageMetadata"]
    (line,) = place.app.bill()["lines"]
    heard, spoken, thought = 100, usage["responseTokenCount"], usage["thoughtsTokenCount"]
    assert line["tokens"] == {"input": heard, "audioInput": heard, "output": spoken + thought, "audioOutput": spoken}
    assert Decimal(line["usd"]) == (heard * 3 + spoken * 12 + thought * Decimal("4.5")) / 1_000_000


def test_a_turn_is_complete_when_the_client_says_so(place):
    client = place.open(outputAudioTranscription={})
    assert client.say(text("a", complete=False)) == []
    history = {"client_content": {"turns": [{"parts": [{"text": "b"}]}, {"role": "model", "parts": [{"text": "c"}]}]}}
    assert client.say(history) == []
    assert "read 3 parts" in said(client.say({"clientContent": {"turnComplete": True}}))


def test_an_initial_history_is_not_answered(place):
    client = place.open(historyConfig={"initialHistoryInClientContent": True}, outputAudioTranscription={})
    assert client.say(text("a")) == []
    assert "read 2 parts" in said(client.say({"realtimeInput": {"text": "b"}}))


def test_thoughts_come_first(place):
    client = place.open(generationConfig={"thinkingConfig": {"includeThoughts": True}}, outputAudioTranscription={})
    came = client.say(text("a"))
    assert brief(came)[:3] == ["thought", "outputTranscription", "audio"]
    assert came[0]["serverContent"]["modelTurn"]["parts"][0].keys() == {"text", "thought"}
    usage = came[-1]["usageMetadata"]
    assert usage["thoughtsTokenCount"] > 0
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["responseTokenCount"]


def test_an_answer_that_is_blocked_says_why(place):
    came = place.open().say(text("[[emulator: block]]"))
    assert brief(came) == ["turnComplete+turnCompleteReason"]
    assert came[0]["serverContent"]["turnCompleteReason"] == "PROHIBITED_INPUT_CONTENT"


def test_answers_are_scripted_as_they_are_over_http(place):
    answers = [
        Rule(prompt="lights", results=False, calls=[{"name": "look_up", "args": {"key": "b"}}]),
        Rule(results=True, text="It is on."),
        Rule(prompt="speech of", text="I heard you.", sources=[{"uri": "https://a.b/", "title": "A"}]),
        Rule(prompt="rude", finish_reason="SAFETY"),
        Rule(prompt="busy", status=503, message="The service is currently unavailable."),
    ]
    place.app.turn(answers=answers)
    client = place.open(NATIVE, tools=[FUNCTION], outputAudioTranscription={})
    came = client.say(text("Turn on the lights"))
    assert came[0]["toolCall"]["functionCalls"][0]["args"] == {"key": "b"}
    assert said(client.say(response(*called(came)))) == "It is on."
    came = client.say(audio(0.3), audio(0.6, SILENCE))
    assert said(came) == "I heard you."
    assert came[-1]["serverContent"]["groundingMetadata"]["groundingChunks"][0]["web"]["title"] == "A"
    assert client.say(text("rude"))[-1]["serverContent"]["turnCompleteReason"] == "RESPONSE_REJECTED"
    client.say(text("busy"))
    assert client.end == (1011, "The service is currently unavailable.")


# Pacing and interruption.


def test_a_turn_ends_when_it_would_have_been_heard(place):
    place.app.turn(live_pacing=True)
    client = place.open()
    begun = client.say(text("Good morning"))
    assert brief(begun) == ["audio"]
    came = client.wait(20)
    length = seconds(client.got)
    ends = {word: at for at, message in came for word in brief([message])}
    assert ends["generationComplete"] == pytest.approx(length / 4, abs=0.1)
    assert ends["turnComplete"] == pytest.approx(length, abs=0.06)
    assert client.wait(20) == []


@pytest.mark.parametrize(("after", "sent"), [(0.3, "modelTurn"), (2.0, "generationComplete")])
@pytest.mark.parametrize("how", ["typed", "spoken", "content"])
def test_who_speaks_meanwhile_interrupts(place, how, after, sent):
    place.app.turn(live_pacing=True)
    client = place.open(outputAudioTranscription={})
    client.say(text("Good morning to all of you"))
    client.wait(after)
    assert list(client.got[-1]["serverContent"]) == [sent]
    came = client.say({"typed": {"realtimeInput": {"text": "b"}}, "spoken": audio(0.2), "content": text("b")}[how])
    assert brief(came[:2]) == ["interrupted", "turnComplete"]
    assert said(came[2:]) == ("" if how == "spoken" else "gemini-3.8-live read 3 p")
    rest = [message for _, message in client.wait(20)]
    assert brief(rest)[-2:] == [*DONE]
    assert "read 3 parts" in said(came + rest)


def test_what_was_not_sent_was_not_said(place):
    place.app.turn(live_pacing=True)
    client = place.open(outputAudioTranscription={})
    client.say(text("x" * 40))
    client.wait(0.1)
    assert said(client.got) == "gemini-3.8-live read 1 p"
    _, end, *_ = client.say(text("x" * 4))
    assert end["usageMetadata"]["responseTokenCount"] == 5  # of a fifth of a second, where 100 ms have passed
    client.wait(30)
    assert client.got[-1]["usageMetadata"]["promptTokenCount"] == 10 + 6 + 1


def test_no_interruption_means_that_the_answer_comes_later(place):
    place.app.turn(live_pacing=True)
    client = place.open(realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"})
    client.say(text("Good morning"))
    assert client.say(audio(0.5), audio(0.6, SILENCE)) == []
    words = brief(message for _, message in client.wait(30))
    assert words == ["audio", "generationComplete", "turnComplete", "audio", "generationComplete", "turnComplete"]


def test_what_is_said_meanwhile_comes_after_what_the_model_says(place):
    place.app.turn(live_pacing=True)
    client = place.open(tools=[FUNCTION], realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"})
    client.say(text("Good morning"))
    assert client.say({"realtimeInput": {"text": CALL}}) == []
    words = brief(message for _, message in client.wait(30))
    assert words == ["audio", *DONE, "toolCall", *DONE]


# Spoken input.


def test_silence_ends_what_is_said(place):
    client = place.open(inputAudioTranscription={})
    came = [client.say(audio(0.1, sample)) for sample in [SILENCE] * 3 + [b"\x40\x1f"] * 12 + [SILENCE] * 5]
    assert came[:-1] == [[]] * 19
    assert brief(came[-1]) == ["inputTranscription", "audio", *DONE]
    assert said(came[-1], "inputTranscription") == "(speech of 1.2 s)"
    assert came[-1][-1]["usageMetadata"]["promptTokensDetails"] == [{"modality": "AUDIO", "tokenCount": 30}]
    assert client.say(*[audio(0.5, SILENCE)] * 10) == []


def test_a_microphone_that_is_off_ends_what_is_said(place):
    client = place.open(inputAudioTranscription={})
    client.say(audio(0.4))
    assert said(client.say({"realtimeInput": {"audioStreamEnd": True}}), "inputTranscription") == "(speech of 0.4 s)"
    client.say(audio(0.6))
    ((at, first), *_) = client.wait(2)
    assert at == 1.0
    assert said([first], "inputTranscription") == "(speech of 0.6 s)"


def test_detection_without_any_patience(place):
    detection = {"prefixPaddingMs": 0, "silenceDurationMs": 0}
    client = place.open(realtimeInputConfig={"automaticActivityDetection": detection}, inputAudioTranscription={})
    assert client.say(audio(0.1)) == []
    assert said(client.say(audio(0.1, SILENCE)), "inputTranscription") == "(speech of 0.1 s)"


def test_the_settings_of_detection_hold(place):
    detection = {"prefixPaddingMs": 300, "silenceDurationMs": 100}
    client = place.open(realtimeInputConfig={"automaticActivityDetection": detection}, inputAudioTranscription={})
    assert client.say(audio(0.2), audio(0.5, SILENCE)) == []
    assert said(client.say(audio(0.4), audio(0.1, SILENCE)), "inputTranscription") == "(speech of 0.4 s)"


def test_two_things_in_one_frame_are_two_turns(place):
    client = place.open(inputAudioTranscription={})
    both = pcm(0.4) + pcm(0.6, SILENCE) + pcm(0.2) + pcm(0.6, SILENCE)
    frame = audio(0)
    frame["realtime_input"]["audio"]["data"] = base64.b64encode(both).decode()
    words = brief(client.say(frame))
    assert words == ["inputTranscription", "audio", *DONE] * 2


def test_a_client_may_say_itself_who_speaks(place):
    manual = {"automaticActivityDetection": {"disabled": True}}
    client = place.open(realtimeInputConfig=manual, inputAudioTranscription={})
    assert client.say(audio(1), {"realtimeInput": {"activityStart": {}}}, audio(0.5, SILENCE), audio(0.5)) == []
    came = client.say({"realtimeInput": {"activityEnd": {}}})
    assert said(came, "inputTranscription") == "(speech of 1.0 s)"
    assert client.say({"realtimeInput": {"activityEnd": {}}}) == []


SCRIPT = [Utterance("What time is it?"), Utterance("And now?", after=0.5)]


def test_a_script_says_what_audio_means(place):
    place.app.turn(live_speech=SCRIPT)
    client = place.open(inputAudioTranscription={}, outputAudioTranscription={})
    came = client.say(audio(0.3), audio(0.5, SILENCE))
    assert said(came, "inputTranscription") == "What time is it?"
    assert said(came).endswith(": What time is it?")
    assert client.say(audio(0.4, SILENCE)) == []
    came = client.say(audio(0.1, SILENCE))
    assert said(came, "inputTranscription") == "And now?"
    assert said(client.say(audio(0.3), audio(0.5, SILENCE)), "inputTranscription") == "(speech of 0.3 s)"


def test_transcriptions_come_in_pieces_with_older_models(place):
    place.app.turn(live_speech=[Utterance("a word or two " * 3)])
    counts = {}
    for model in (NATIVE, LIVE):
        came = place.open(model, inputAudioTranscription={}).say(audio(0.3), audio(0.5, SILENCE))
        counts[model] = sum("inputTranscription" in each.get("serverContent", {}) for each in came)
        assert said(came, "inputTranscription") == "a word or two " * 3
    assert counts == {NATIVE: 2, LIVE: 1}


FRAME = {"realtimeInput": {"video": {"data": "aGk", "mimeType": "image/jpeg"}}}


@pytest.mark.parametrize(
    ("model", "coverage", "tokens"),
    [(NATIVE, None, 258), (LIVE, None, 516), (LIVE, "TURN_INCLUDES_ONLY_ACTIVITY", 258),
     (NATIVE, "TURN_INCLUDES_ALL_INPUT", 516)],
)  # fmt: skip
def test_video_counts_as_the_coverage_says(place, model, coverage, tokens):
    config = {"realtimeInputConfig": {"turnCoverage": coverage}} if coverage else {}
    client = place.open(model, **config)
    assert client.say(FRAME, audio(0.2), FRAME) == []
    details = client.say(audio(0.6, SILENCE))[-1]["usageMetadata"]["promptTokensDetails"]
    assert {"modality": "VIDEO", "tokenCount": tokens} in details


def test_old_media_are_taken_by_old_models_alone(place):
    media = {"realtime_input": {"media_chunks": [{"data": "", "mime_type": "audio/pcm"}]}}
    assert place.open(NATIVE).say(media) == []
    client = place.open(THREE)
    client.say(media)
    assert client.end == (
        1007, "realtime_input.media_chunks is deprecated. Use audio, video, or text instead.",
    )  # fmt: skip


# Functions.


def response(call, **more):
    return {"tool_response": {"functionResponses": [{"id": call, "name": "look_up", "response": {"a": 1}, **more}]}}


def called(came):
    (message,) = [each for each in came if "toolCall" in each]
    return [each["id"] for each in message["toolCall"]["functionCalls"]]


def test_a_blocking_call_is_a_part_of_the_turn(place):
    client = place.open(NATIVE, tools=[FUNCTION], outputAudioTranscription={})
    came = client.say(text(CALL))
    assert brief(came) == ["toolCall"]
    (call,) = came[0]["toolCall"]["functionCalls"]
    assert (call["name"], call["args"]) == ("look_up", {"key": "a"})
    assert call["id"].startswith("function-call-") and len(call["id"]) == 33
    assert client.wait(30) == []
    came = client.say(response(call["id"]))
    assert brief(came)[-2:] == [*DONE] and "audio" in brief(came)
    assert brief(client.got).count("turnComplete") == 1
    assert "read 3 parts" in said(came)


def test_several_calls_are_waited_for_together(place):
    client = place.open(NATIVE, tools=[FUNCTION])
    first, second = called(client.say(text(CALL * 2)))
    assert client.say(response(second)) == []
    assert brief(client.say(response(first))) == ["audio", *DONE]


def test_calls_that_nothing_waits_for_end_the_turn(place):
    client = place.open(tools=[FUNCTION])
    came = client.say(text(CALL))
    assert brief(came) == ["toolCall", *DONE]
    assert called(came)[0].startswith("fc_")
    assert brief(client.say(text("Go on"))) == ["audio", *DONE]
    assert client.say(response(*called(came), scheduling="SILENT", willContinue=True)) == []
    assert brief(client.say(response(*called(came)))) == ["audio", *DONE]
    assert client.say(response(*called(came))) == [], "no result is expected any more"


@pytest.mark.parametrize(
    ("scheduling", "words"),
    [("SILENT", []), ("INTERRUPT", ["interrupted", "turnComplete", "audio"]), ("WHEN_IDLE", []),
     ("SCHEDULING_UNSPECIFIED", [])],
)  # fmt: skip
def test_a_result_says_when_it_is_spoken_of(place, scheduling, words):
    place.app.turn(live_pacing=True)
    client = place.open(tools=[FUNCTION])
    calls = called(client.say(text(CALL)))
    client.say(text("Meanwhile"))
    client.wait(0.1)
    assert brief(client.say(response(*calls, scheduling=scheduling))) == words
    turns = brief(message for _, message in client.wait(60)).count("turnComplete")
    assert turns == (1 if scheduling in ("SILENT", "INTERRUPT") else 2)


def test_speech_cancels_a_call_that_is_waited_for(place):
    client = place.open(THREE, tools=[FUNCTION])
    calls = called(client.say(text(CALL)))
    came = client.say(text("Never mind"))
    assert came[0] == {"toolCallCancellation": {"ids": calls}}
    assert brief(came)[:3] == ["toolCallCancellation", "interrupted", "turnComplete"]
    assert client.say(response(*calls)) == []
    assert client.close is None


def test_nothing_is_said_to_the_first_models_during_a_call(place):
    client = place.open(NATIVE, tools=[FUNCTION])
    client.say(text(CALL), audio(0.1))
    assert client.end == (1008, "Operation is not implemented, or supported, or enabled.")


def test_a_declaration_says_whether_it_is_waited_for(place):
    apart = {"functionDeclarations": [{"name": "look_up", "behavior": "NON_BLOCKING"}]}
    assert brief(place.open(NATIVE, tools=[apart]).say(text(CALL))) == ["toolCall", *DONE]
    together = {"functionDeclarations": [{"name": "look_up", "behavior": "BLOCKING"}]}
    assert brief(place.open(LIVE, tools=[together]).say(text(CALL))) == ["toolCall"]


def test_the_thinking_model_says_whether_it_goes_on(place):
    client = place.open(THINKS, tools=[FUNCTION], generationConfig={"thinkingConfig": {"thinkingLevel": "HIGH"}})
    came = client.say(text(CALL))
    assert came[-1]["serverContent"] == {"turnComplete": True, "interactionStatus": "REQUIRES_ACTION"}
    assert client.say(response(*called(came)))[-1]["serverContent"]["interactionStatus"] == "IDLE"


def test_tools_and_instruction_can_be_changed(place):
    client = place.open(systemInstruction={"parts": [{"text": "x" * 400}]})
    update = {"contextUpdate": {"systemInstruction": {"parts": [{"text": "y"}]}, "tools": {"tools": [FUNCTION]}}}
    assert client.say(update) == []
    assert brief(client.say(text(CALL))) == ["toolCall", *DONE]
    assert client.say(text("a"))[-1]["usageMetadata"]["promptTokenCount"] < 100
    assert place.app.sessions[-1]["setup"]["tools"] == [FUNCTION]


# How sessions end.

BAD_SETUPS = {
    "text of a native model": (NATIVE, {"generationConfig": {"responseModalities": ["TEXT"]}}, 1007,
                               "Text output is not supported for native audio output model."),
    "text": (LIVE, {"generationConfig": {"responseModalities": ["TEXT"]}}, 1007,
             "The requested combination of response modalities (TEXT) is not supported by the model."),
    "two modalities": (LIVE, {"generation_config": {"response_modalities": ["TEXT", "AUDIO"]}}, *INVALID),
    "pictures": (LIVE, {"generationConfig": {"responseModalities": ["IMAGE"]}}, *INVALID),
    "voice": (LIVE, {"generationConfig": {"speechConfig": {"voiceConfig": {
        "prebuiltVoiceConfig": {"voiceName": "Caruso"}}}}}, 1007, "No matching speaker voice found for name: Caruso"),
    "two voices": (LIVE, {"generationConfig": {"speechConfig": {"multiSpeakerVoiceConfig": {}}}}, *INVALID),
    "thinking": (THINKS, {}, 1007, "Thinking level must be specified for this model"),
    "waiting for functions": (THINKS, {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}, "tools": [
        {"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]}]}, *INVALID),
    "an unknown field": (LIVE, {"transparent": True}, 1007,
                         "Invalid JSON payload received. Unknown name \"transparent\" at 'setup': Cannot find field."),
    "a field of the first version": (NATIVE, {"proactivity": {"proactiveAudio": True}}, 1007,
                                     "Invalid JSON payload received. Unknown name \"proactivity\" at 'setup': "
                                     "Cannot find field."),
    "feelings": (NATIVE, {"generationConfig": {"enableAffectiveDialog": True}}, 1007,
                 "Invalid JSON payload received. Unknown name \"enableAffectiveDialog\" at 'setup.generation_config': "
                 "Cannot find field."),
    "JSON": (LIVE, {"generationConfig": {"responseMimeType": "application/json"}}, *INVALID),
    "a picture as instruction": (LIVE, {"systemInstruction": {"parts": [{"inlineData": {}}]}}, *INVALID),
    "a bad handle": (LIVE, {"sessionResumption": {"handle": "mine"}}, 1007, "Invalid session handle"),
    "an old handle": (LIVE, {"sessionResumption": {"handle": "12345678-1234-1234-1234-123456789abc"}}, 1008,
                      "BidiGenerateContent session not found"),
    "no model": ("", {"model": ""}, *INVALID),
    "an unknown model": ("gemini-9", {}, 1008, "models/gemini-9 is not found for API version v1beta, or is not "
                         "supported for bidiGenerateContent. Call ListModels to see the list"),
    "another model": ("gemini-2.5-flash", {}, 1008, "models/gemini-2.5-flash is not found for API version v1beta, or "
                      "is not supported for bidiGenerateContent. Call ListModels to see"),
    "no time": (LIVE, {"realtimeInputConfig": {"automaticActivityDetection": {"silenceDurationMs": -1}}}, *INVALID),
    "too hot": (LIVE, {"generationConfig": {"temperature": 9}}, 1007,
                "* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0]."),
    "a bad schema": (LIVE, {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "ARRAY"}}]}]},
                     1007, "* BidiGenerateContentSetup.tools[0].function_declarations[0].parameters.items: missing "
                     "field."),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_SETUPS)
def test_a_setup_is_refused_by_the_reason_of_the_close(place, case):
    model, setup, code, reason = BAD_SETUPS[case]
    client = place.connect()
    assert client.say({"setup": {"model": f"models/{model}", **setup}}) == []
    assert client.end == (code, reason[:123])


@pytest.mark.parametrize(
    ("model", "affective", "proactive", "end"),
    [
        (NATIVE, True, True, None),
        (NATIVE, False, False, None),
        (LIVE, True, True, INVALID),
        (LIVE, False, True, None),
        (LIVE, False, False, INVALID),
        (THREE, False, True, INVALID),
        (THREE, False, False, None),
    ],
)
def test_which_models_have_feelings(place, model, affective, proactive, end):
    setup = {"proactivity": {"proactiveAudio": proactive}, "generationConfig": {"enableAffectiveDialog": affective}}
    client = place.connect(version="v1alpha")
    client.say({"setup": {"model": f"models/{model}", **setup}})
    assert client.end == end


ORDER = (1007, "setup must be the first message and only the first")
BAD_MESSAGES = {
    "a second setup": ({"setup": {"model": f"models/{LIVE}"}}, *ORDER),
    "nothing": ({}, *INVALID),
    "an unknown message": ({"music": {}}, 1007, 'Invalid JSON payload received. Unknown name "music": Cannot find '
                           "field."),
    "a misspelled field": ({"clientContent": {"turn": []}}, 1007, "Invalid JSON payload received. Unknown name "
                           "\"turn\" at 'client_content': Cannot find field."),
    "no contents": ({"clientContent": {"turnComplete": True}}, *INVALID),
    "a role": ({"clientContent": {"turns": [{"role": "boss", "parts": [{"text": "a"}]}]}}, 1007,
               "* BidiGenerateContentClientContent.turns[0].role: Please use a valid role: user, model."),
    "a string as turns": ({"clientContent": {"turns": "hello"}}, 1007, "Invalid value at 'client_content.turns' "
                          "(type.googleapis.com/google.ai.generativelanguage.v1beta.Content), \"hello\""),
    "a result that is a text": ({"toolResponse": {"functionResponses": [{"id": "a", "response": "b"}]}}, 1007,
                                "Invalid value at 'tool_response.function_responses[0].response' "
                                "(type.googleapis.com/google.protobuf.Struct), \"b\""),
    "a result of nothing": (response("fc_1"), *INVALID),
    "a result without an id": ({"toolResponse": {"functionResponses": [{"name": "f", "response": {}}]}}, *INVALID),
    "a manual beginning": ({"realtimeInput": {"activityStart": {}}}, *INVALID),
    "a song": ({"realtimeInput": {"audio": {"data": "", "mimeType": "audio/mp3"}}}, *INVALID),
    "a rate": ({"realtimeInput": {"audio": {"data": "", "mimeType": "audio/pcm;rate=1"}}}, *INVALID),
    "no video": ({"realtimeInput": {"video": {"data": "", "mimeType": "text/plain"}}}, *INVALID),
    "bad base64": ({"realtimeInput": {"audio": {"data": "%", "mimeType": "audio/pcm"}}}, 1007,
                   "Invalid value at 'realtime_input.audio.data' (TYPE_BYTES), \"%\""),
    "an error that was asked for": (text("[[emulator: fail 429]]"), 1011,
                                    "This failure was asked for by the text [[emulator: fail 429]]."),
    "an end that was asked for": (text("[[emulator: close 1008 The operation was aborted.]]"), 1008,
                                  "The operation was aborted."),
    "a cut": ({"realtimeInput": {"text": "[[emulator: close 1006]]"}}, 1006, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_MESSAGES)
def test_a_message_is_refused_by_the_reason_of_the_close(place, case):
    message, code, reason = BAD_MESSAGES[case]
    client = place.open()
    client.say(message)
    assert client.end == (code, reason[:123])


@pytest.mark.parametrize("frame", [b"", b"{", b"[]", b"\xff", b"null", b'{"setup": {"model": NaN}}', b"1" * 5_000])
def test_what_is_no_message_ends_the_session(place, frame):
    client = place.connect()
    client.raw(frame)
    assert client.close.code == 1007


def test_the_setup_comes_first(place):
    client = place.connect()
    client.say(text("hello"))
    assert client.end == ORDER


def test_some_messages_are_refused_by_the_setup(place):
    manual = place.open(realtimeInputConfig={"automaticActivityDetection": {"disabled": True}})
    manual.say({"realtimeInput": {"audioStreamEnd": True}})
    older = place.open(NATIVE)
    older.say({"contextUpdate": {"tools": {"tools": []}}})
    assert [manual.end, older.end] == [INVALID, INVALID]


def test_a_mistake_of_the_emulator_ends_the_session(place, monkeypatch):
    def fails(*_):
        raise RuntimeError("on purpose")

    client = place.open()
    monkeypatch.setattr("gemctl.emulator.surfaces.generation.say", fails)
    assert client.channel.take(json.dumps(text("a")).encode()) == (Close(1011, "Internal error encountered."),)
    assert [str(bug) for bug in place.app.bugs] == ["on purpose"]
    assert place.app.sessions[0]["state"] == "ended"


def test_old_history_is_refused_where_one_is_strict(place):
    client = place.open(THREE)
    assert brief(client.say(text("a"), text("b"))) != []
    place.app.turn(live_strict=True)
    client = place.open(THREE)
    assert client.say(text("a", complete=False)) == []
    client.say({"realtimeInput": {"text": "b"}})
    client.say(text("c"))
    assert client.end == INVALID


def test_the_schedule_of_a_result_is_refused_by_some_models(place):
    client = place.open(THREE, tools=[FUNCTION])
    calls = called(client.say(text(CALL)))
    client.say(response(*calls, scheduling="INTERRUPT"))
    assert client.end == (1007, "Function response scheduling is not supported for this model")


def test_a_permissive_emulator_answers_in_text(place):
    place.app.turn(live_text_answers=True)
    client = place.open(NATIVE, generationConfig={"responseModalities": ["TEXT"]})
    assert brief(client.say(text("a"))) == ["text", *DONE]


# Clocks and limits.

ABORTED = (
    1008,
    "Connection aborted because the client failed to close the connection after receiving a GoAway signal once the"
    " session duration limit was reached.",
)


def minutes(client, most):
    """When goAway came and when the end, in minutes."""
    came = client.wait(most * 60, step=5)
    return [at / 60 for at, message in came if "goAway" in message]


@pytest.mark.parametrize(
    ("model", "messages", "setup", "told", "after"),
    [
        (NATIVE, [audio(0.1, SILENCE)], {}, 9, 10),
        (NATIVE, [audio(0.1, SILENCE), FRAME], {}, 1, 2),
        (NATIVE, [FRAME], {"contextWindowCompression": {"slidingWindow": {}}}, 9, 10),
        (LIVE, [], {}, 14, 15),
        (LIVE, [], {"contextWindowCompression": {}}, 57, 58),
    ],
)
def test_a_session_goes_away_by_the_clock(place, model, messages, setup, told, after):
    client = place.open(model, **setup)
    client.say(*messages)
    assert minutes(client, 60) == [told]
    assert client.got[-1] == {"goAway": {"timeLeft": "60s"}}
    assert place.clock().minute == after
    expected = (1011, "Deadline expired before operation could complete.") if after == 58 else ABORTED
    assert client.end == (expected[0], expected[1][:123])


def test_the_times_are_knobs_and_so_is_the_number(place):
    place.app.turn(live_connection=timedelta(seconds=30), live_at_once=1, live_notice=timedelta(0))
    client, other = place.open(), place.connect()
    other.say({"setup": {"model": f"models/{LIVE}"}})
    assert other.end == (1011, "Resource has been exhausted (e.g. check quota).")
    assert client.wait(60) == []
    assert client.close.code == 1011
    place.open().channel.gone()
    assert place.open().close is None


KNOBS = {
    "live_speech": ["Hello", {"says": "Bye", "after": 1.5}],
    "live_connection": 30,
    "live_at_once": 2,
    "live_pacing": True,
}


def test_knobs_are_read_from_json():
    read = knobs.read({**KNOBS, "live_audio": 1.5})
    assert read["live_speech"] == (Utterance("Hello"), Utterance("Bye", 1.5))
    shown = knobs.write(knobs.Knobs(**read), str)
    assert {name: shown[name] for name in KNOBS} == KNOBS
    assert (shown["live_audio"], shown["live_video"]) == (1.5, 120)


@pytest.mark.parametrize(
    "value",
    [{"live_speech": "a"}, {"live_speech": [1]}, {"live_speech": [{"says": "a", "after": 0}]},
     {"live_speech": [{"says": "a", "when": 1}]}, {"live_at_once": 0}, {"live_audio": 0}, {"live_connection": 0},
     {"live_pacing": 1}],
)  # fmt: skip
def test_knobs_that_make_no_sense_are_refused(value):
    with pytest.raises(ValueError, match=f"{next(iter(value))}|session of the Live API"):
        knobs.read(value)


def test_a_clock_that_jumps_tells_everything_in_order(place):
    client = place.open(NATIVE)
    place.clock.advance(3_600)
    sent = client.channel.wake()
    assert json.loads(sent[0].data) == {"goAway": {"timeLeft": "60s"}}
    assert isinstance(sent[1], Close) and len(sent) == 2


def test_a_long_conversation_loses_its_beginning(place):
    config = {"triggerTokens": "300", "slidingWindow": {"targetTokens": "200"}}
    client = place.open(contextWindowCompression=config)
    counts = [client.say(text("x" * 400))[-1]["usageMetadata"]["promptTokenCount"] for _ in range(6)]
    assert counts[:2] == sorted(counts[:2]) and max(counts) < 600


def test_what_is_left_of_a_conversation_begins_with_the_user(place):
    config = {"triggerTokens": 60, "slidingWindow": {"targetTokens": 30}}
    client = place.open(tools=[FUNCTION], contextWindowCompression=config, outputAudioTranscription={})
    calls = called(client.say(text(CALL)))
    client.say(response(*calls), text("x" * 400))
    assert "read 1 part" in said(client.say(text("b")))


# Going on.


def handle(came):
    (update,) = [
        each["sessionResumptionUpdate"] for each in came if "newHandle" in each.get("sessionResumptionUpdate", {})
    ]
    assert update["resumable"] is True
    return update["newHandle"]


def resumed(place, given, model=LIVE, **setup):
    client = place.connect()
    client.say({"setup": {"model": f"models/{model}", "sessionResumption": {"handle": given}, **setup}})
    return client


def test_a_session_goes_on_under_its_handle(place):
    client = place.open(sessionResumption={})
    came = client.say(text("one"))
    assert brief(came) == ["sessionResumptionUpdate", "audio", *DONE, "sessionResumptionUpdate"]
    assert came[0] == {"sessionResumptionUpdate": {"resumable": False}}
    client.channel.gone()
    place.clock.advance(2 * 3_600 - 1)
    other = resumed(place, handle(came), outputAudioTranscription={})
    assert other.got == [{"setupComplete": {}}]
    assert "read 3 parts" in said(other.say(text("two")))
    place.clock.advance(2)
    assert resumed(place, handle(came)).end == (1008, "BidiGenerateContent session not found")


def test_handles_come_to_those_who_ask_and_from_one_model_to_all(place):
    assert "sessionResumptionUpdate" not in brief(place.open().say(text("a")))
    assert brief(place.open(THREE).say(text("a")))[-1] == "sessionResumptionUpdate"


def test_a_handle_is_of_its_model_and_its_project(place):
    given = handle(place.open(sessionResumption={}).say(text("one")))
    assert resumed(place, given, NATIVE).end == INVALID
    place.app.turn(keys={"k": "mine", "other": "theirs"})
    assert resumed(place, given).end == (1008, "BidiGenerateContent session not found")


def test_connections_of_one_session_are_counted_together(place):
    client = place.open(NATIVE, sessionResumption={})
    client.wait(9 * 60, step=60)
    given = handle(client.say(text("one")))
    client.channel.gone()
    other = resumed(place, given, NATIVE)
    assert minutes(other, 20) == [5]
    assert other.end[0] == 1008


def test_pictures_are_kept_under_a_handle_by_their_tokens_alone(place):
    client = place.open(sessionResumption={})
    picture = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
    came = client.say(
        {"clientContent": {"turns": [{"parts": [picture, {"text": "What is it?"}]}], "turnComplete": True}}
    )
    with place.app.world.turn():
        (row,) = place.app.world.objects("emulator/liveHandles")
    assert "iVBOR" not in json.dumps(row.body)
    other = resumed(place, handle(came))
    details = other.say(text("And now?"))[-2]["usageMetadata"]["promptTokensDetails"]
    assert {"modality": "IMAGE", "tokenCount": 258} in details


def test_a_handle_is_nowhere_but_in_its_message(place):
    client = place.open(sessionResumption={})
    given = handle(client.say(text("one")))
    other = resumed(place, given)
    assert other.close is None
    assert given not in repr(place.app.effects) + repr(place.app.requests) + json.dumps(place.app.sessions)


# Faults, and what tests see.


@pytest.mark.parametrize(
    ("fault", "words", "end"),
    [
        (Fault("closes"), [], (1011, "")),
        (Fault("closes", code=1008, message="no", at_events=1), ["setupComplete"], (1008, "no")),
        (Fault("closes", code=1006, at_events=2), ["setupComplete", "audio"], (1006, "")),
        (Fault("cut", at_bytes=100), ["setupComplete"], (1006, "")),
        (Fault("closes", delay=1), ["setupComplete", "audio", *DONE], (1011, "")),
        (Fault("goes_away", delay=1, time_left=2.5), ["setupComplete", "audio", *DONE, "goAway"], None),
    ],
)
def test_faults_strike_sessions(place, fault, words, end):
    place.app.set_faults([fault])
    client = place.connect()
    for message in ({"setup": {"model": f"models/{LIVE}"}}, text("a")):
        if client.close is None:
            client.say(message)
    if client.close is None:
        client.wait(1.5)
    assert brief(client.got) == words
    assert client.end == end
    if end is None:
        assert client.got[-1] == {"goAway": {"timeLeft": "2.5s"}}
        client.wait(2.5)
        assert client.close.code == 1008


@pytest.mark.parametrize("notice", [0, 60])
def test_a_text_can_send_a_session_away(place, notice):
    place.app.turn(live_notice=timedelta(seconds=notice))
    client = place.open()
    came = client.say(text("[[emulator: go away 100]]"))
    assert sorted(brief(came)) == sorted(["goAway", "audio", *DONE])
    assert {"goAway": {"timeLeft": "100s"}} in came
    assert client.wait(99, step=1) == []
    client.wait(1, step=1)
    assert client.close.code == 1008


@pytest.mark.parametrize(("fault", "status"), [(Fault("before"), 0), (Fault("status_before", status=503), 503)])
def test_faults_strike_the_request_for_a_session(place, fault, status):
    place.app.set_faults([fault])
    assert place.connect().status == status


@pytest.mark.parametrize("path", ["/v1beta/models", "/ws/x", METHOD.format("v2", ""), METHOD.format("v1", "Music")])
def test_there_is_no_other_socket(place, path):
    assert place.connect(path=path).status == 404


def test_what_tests_see_of_sessions(place):
    place.app.turn(live_pacing=True)
    client = place.open(sessionResumption={}, tools=[FUNCTION])
    (shown,) = place.app.sessions
    assert (shown["model"], shown["state"], shown["turns"]) == (f"models/{LIVE}", "listening", 0)
    assert shown["setup"]["tools"] == [FUNCTION]
    client.say(text("a"))
    assert place.app.sessions[0]["state"] == "speaking"
    client.wait(10)
    client.say({"setup": {}})
    (shown,) = place.app.sessions
    assert (shown["state"], shown["turns"], shown["closed"]) == ("ended", 1, {"code": 1007, "reason": ORDER[1]})
    assert [(seen.path, seen.status) for seen in place.app.requests] == [(METHOD.format("v1beta", ""), 101)]


def test_a_reset_ends_all_sessions(place):
    client = place.open()
    place.app.reset()
    assert client.wait(1) == []
    assert client.end == (1006, "")
    assert place.app.sessions == []


def test_frames_are_binary_unless_a_knob_says_otherwise(place):
    client = place.connect()
    (frame,) = client.channel.take(json.dumps({"setup": {"model": f"models/{LIVE}"}}).encode())
    assert not frame.text
    place.app.turn(live_text_frames=True)
    (frame,) = place.connect().channel.take(json.dumps({"setup": {"model": f"models/{LIVE}"}}).encode())
    assert frame.text


def test_a_session_that_has_ended_is_shown_and_not_kept(place):
    client = place.open()
    client.say(text("what was said"))
    session = weakref.ref(client.channel._session)
    client.channel.gone()
    del client
    other = place.open()
    gc.collect()
    assert session() is None
    assert [(each["state"], each["turns"]) for each in place.app.sessions] == [("ended", 1), ("listening", 0)]
    other.channel.gone()
