"""The official Python SDK's Live client against a served emulator, over TLS: what the guides and its README show."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google import genai
from google.genai import errors, types
from served import KEY, START, serving

pytestmark = pytest.mark.filterwarnings("ignore::google.genai._common.ExperimentalWarning")

LIVE, NATIVE = "gemini-3.8-live", "gemini-2.5-flash-native-audio-preview-12-2025"
SPEECH, SILENCE = b"\x40\x1f" * 1_600, bytes(3_200)  # 100 ms each, as the guides send it
RATE = "audio/pcm;rate=16000"


@pytest.fixture(scope="module")
def _served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    with serving("--clock", START, "--still", "--seed", "7", "--certificate", str(folder)) as emulator:
        emulator.authority = next(path for path in Path(folder).rglob("ca.pem"))
        yield emulator


@pytest.fixture
def emulator(_served, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(_served.authority))
    _served.reset()
    _served.turn(live_pacing=False)
    yield _served
    assert _served.state()["bugs"] == 0


@pytest.fixture
def client(emulator):
    return made(emulator)


def made(emulator, key=KEY, **options):
    url = emulator.url.replace("http", "https")
    return genai.Client(api_key=key, http_options={"base_url": url, **options})


def sessions(emulator):
    return emulator._ask("GET", "/sessions")["sessions"]


async def turn(session):
    """The messages of one turn."""
    return [message async for message in session.receive()]


def heard(messages):
    return b"".join(message.data for message in messages if message.data)


def written(messages):
    contents = [message.server_content for message in messages if message.server_content]
    return "".join(each.output_transcription.text for each in contents if each.output_transcription)


def run(play):
    return asyncio.run(asyncio.wait_for(play(), 60))


CONFIG = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}, "input_audio_transcription": {}}


@pytest.mark.parametrize("version", [None, "v1beta", "v1alpha"])
def test_turns_of_text(emulator, version):
    client = made(emulator, **({"api_version": version} if version else {}))

    async def play():
        async with client.aio.live.connect(model=LIVE, config=CONFIG) as session:
            for said in ("Hello, how are you?", "And now?"):
                await session.send_client_content(turns={"role": "user", "parts": [{"text": said}]})
                messages = await turn(session)
                assert written(messages).endswith(said)
                assert len(heard(messages)) / 48_000 == pytest.approx(len(written(messages)) / 15, abs=0.2)
                assert messages[-1].server_content.turn_complete
                usage = messages[-1].usage_metadata
                assert usage.total_token_count == usage.prompt_token_count + usage.response_token_count
                assert [each.modality for each in usage.response_tokens_details] == ["AUDIO"]

    run(play)


def test_the_oldest_model_and_the_oldest_method(emulator, client):
    emulator.turn(models=[{"name": "gemini-2.0-flash-exp", "ends": None}])

    async def play():
        config = {"response_modalities": ["TEXT"]}
        async with client.aio.live.connect(model="gemini-2.0-flash-exp", config=config) as session:
            with pytest.deprecated_call():
                await session.send(input="Hello", end_of_turn=True)
            assert "".join(message.text for message in await turn(session) if message.text).endswith(": Hello")

    run(play)


def test_a_history_and_a_stream_of_text(client):
    async def play():
        async with client.aio.live.connect(model=LIVE, config=CONFIG) as session:
            turns = [types.Content(role="user", parts=[types.Part(text="What is the capital of France?")]),
                     types.Content(role="model", parts=[types.Part(text="Paris")])]  # fmt: skip
            await session.send_client_content(turns=turns, turn_complete=False)
            await session.send_realtime_input(text="And of Germany?")
            assert "read 3 parts" in written(await turn(session))

    run(play)


def test_a_microphone(emulator, client):
    emulator.turn(live_speech=["What time is it?"])

    async def play():
        async with client.aio.live.connect(model=LIVE, config=CONFIG) as session:
            for chunk in [SILENCE] * 2 + [SPEECH] * 5 + [SILENCE] * 6:
                await session.send_realtime_input(audio=types.Blob(data=chunk, mime_type=RATE))
            messages = await turn(session)
            contents = [message.server_content for message in messages if message.server_content]
            said = "".join(each.input_transcription.text for each in contents if each.input_transcription)
            assert said == "What time is it?"
            assert written(messages).endswith(said)
            await session.send_realtime_input(audio=types.Blob(data=SPEECH, mime_type=RATE))
            await session.send_realtime_input(audio_stream_end=True)
            assert written(await turn(session)).endswith("(speech of 0.1 s)")

    run(play)


def test_a_client_that_says_who_speaks(client):
    manual = {"automatic_activity_detection": {"disabled": True}}

    async def play():
        config = {**CONFIG, "realtime_input_config": manual}
        async with client.aio.live.connect(model=LIVE, config=config) as session:
            await session.send_realtime_input(activity_start=types.ActivityStart())
            await session.send_realtime_input(audio=types.Blob(data=SPEECH, mime_type=RATE))
            await session.send_realtime_input(video=types.Blob(data=b"jpeg", mime_type="image/jpeg"))
            await session.send_realtime_input(activity_end=types.ActivityEnd())
            assert written(await turn(session)).endswith("(speech of 0.1 s)")

    run(play)


def test_an_interruption(emulator, client):
    emulator.turn(live_pacing=True)

    async def play():
        async with client.aio.live.connect(model=LIVE, config=CONFIG) as session:
            await session.send_client_content(turns={"parts": [{"text": "Tell me a long story"}]})
            messages = []
            async for message in session.receive():
                messages.append(message)
                if len(messages) == 1:  # it speaks
                    await session.send_realtime_input(audio=types.Blob(data=SPEECH, mime_type=RATE))
            assert [message.server_content.interrupted for message in messages[-2:]] == [True, None]

    run(play)


TOOL = {"function_declarations": [{"name": "turn_on_the_lights", "behavior": "NON_BLOCKING"}]}


@pytest.mark.parametrize(
    ("model", "tool"), [(LIVE, TOOL), (NATIVE, {"function_declarations": [{"name": "turn_on_the_lights"}]})]
)
def test_functions(client, model, tool):
    async def play():
        config = {**CONFIG, "tools": [{"google_search": {}}, tool]}
        async with client.aio.live.connect(model=model, config=config) as session:
            ask = "[[emulator: call turn_on_the_lights {}]]"
            await session.send_client_content(turns={"parts": [{"text": ask}]})
            async for message in session.receive():
                if message.tool_call:
                    break
            (call,) = message.tool_call.function_calls
            response = types.FunctionResponse(
                id=call.id, name=call.name, response={"result": "ok", "scheduling": "INTERRUPT"}
            )
            await session.send_tool_response(function_responses=[response])
            messages = await turn(session)
            if model == LIVE:  # the turn with the call was over
                messages = await turn(session)
            assert "read 3 parts" in written(messages)

    run(play)


def test_text_is_refused_and_can_be_had(emulator, client):
    async def play():
        async with client.aio.live.connect(model=LIVE, config={"response_modalities": ["TEXT"]}) as session:
            await session.send_client_content(turns={"parts": [{"text": "Hello"}]})
            messages = await turn(session)
            return "".join(message.text for message in messages if message.text)

    with pytest.raises(errors.APIError) as ended:
        run(play)
    assert "1007 None. The requested combination of response modalities (TEXT)" in str(ended.value)
    emulator.turn(live_text_answers=True)
    assert run(play).endswith(": Hello")


def test_a_session_goes_on(emulator, client):
    async def play():
        config = {**CONFIG, "session_resumption": {}}
        async with client.aio.live.connect(model=LIVE, config=config) as session:
            await session.send_client_content(turns={"parts": [{"text": "one"}]})
            await turn(session)
            async for message in session.receive():  # the handle comes after the turn
                update = message.session_resumption_update
                assert update.resumable
                break
        config["session_resumption"] = types.SessionResumptionConfig(handle=update.new_handle)
        async with client.aio.live.connect(model=LIVE, config=config) as session:
            await session.send_client_content(turns={"parts": [{"text": "two"}]})
            assert "read 3 parts" in written(await turn(session))

    run(play)
    assert [each["resumed"] for each in sessions(emulator)] == [False, True]


def test_a_token_with_its_locks(emulator, client):
    until = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
    minter = made(emulator, api_version="v1alpha")
    token = minter.auth_tokens.create(
        config={
            "uses": 1,
            "expire_time": until,
            "new_session_expire_time": until - timedelta(minutes=1),
            "live_connect_constraints": {"model": LIVE, "config": CONFIG},
        }
    )
    holder = made(emulator, token.name, api_version="v1alpha")

    async def play():
        async with holder.aio.live.connect(model="models/another", config={"response_modalities": ["TEXT"]}) as session:
            await session.send_client_content(turns={"parts": [{"text": "Hello"}]})
            assert written(await turn(session)).endswith(": Hello")

    run(play)
    with pytest.raises(errors.APIError, match=r"1011 None\. Token has been used too many times"):
        run(play)
    assert token.name.partition("/")[2] not in str(sessions(emulator)) + str(emulator.requests())


BAD = {
    "a wrong key": ({}, "wrong", "1007 None. API key not valid. Please pass a valid API key."),
    "an unknown token": ({}, "auth_tokens/none", "1008 None. Request had invalid authentication credentials."),
    "an unknown voice": ({"speech_config": {"voice_config": {"prebuilt_voice_config": {"voice_name": "Caruso"}}}}, KEY,
                         "1007 None. No matching speaker voice found for name: Caruso"),
    "two modalities": ({"response_modalities": ["TEXT", "AUDIO"]}, KEY,
                       "1007 None. Request contains an invalid argument."),
    "an unknown handle": ({"session_resumption": {"handle": "12345678-1234-1234-1234-123456789abc"}}, KEY,
                          "1008 None. BidiGenerateContent session not found"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_refusals_reach_the_client(emulator, case):
    config, key, said = BAD[case]
    emulator.turn(keys=[KEY])

    async def play():
        async with made(emulator, key).aio.live.connect(model=LIVE, config=config):
            pass

    with pytest.raises(errors.APIError) as ended:
        run(play)
    assert str(ended.value).startswith(said)


def test_a_long_session_is_sent_away(emulator, client):
    async def play():
        async with client.aio.live.connect(model=NATIVE, config=CONFIG) as session:
            emulator.advance(9 * 60)
            async for message in session.receive():
                assert message.go_away.time_left == "60s"
                break
            emulator.advance(60)
            async for message in session.receive():
                raise AssertionError(message)

    with pytest.raises(errors.APIError, match=r"1008 None\. Connection aborted because the client failed to close"):
        run(play)


@pytest.mark.parametrize("fault", [{"kind": "closes", "code": 1006, "at_events": 1}, {"kind": "cut", "at_bytes": 60}])
def test_a_session_breaks_without_a_word(emulator, client, fault):
    emulator.turn(faults=[fault])

    async def play():
        async with client.aio.live.connect(model=LIVE, config=CONFIG) as session:
            with contextlib.suppress(Exception):
                await session.send_client_content(turns={"parts": [{"text": "Hello"}]})
            await turn(session)

    with pytest.raises(errors.APIError, match="1006 None"):
        run(play)


def test_the_emulator_ends_while_a_client_is_about_to_close(_served):
    """A client that has sent its close frame, and not yet ended TLS, is as good as gone."""
    trusting = ssl.create_default_context(cafile=_served.authority)
    with serving("--certificate", str(_served.authority.parent)) as emulator:
        port = int(emulator.url.rpartition(":")[2])
        line = trusting.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="127.0.0.1")
        line.sendall(
            b"GET /ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent HTTP/1.1\r\n"
            b"Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert line.recv(1000).startswith(b"HTTP/1.1 101")
        line.sendall(b"\x88\x82" + bytes(4) + b"\x03\xe8")
        assert line.recv(1000) == b"\x88\x02\x03\xe8"
    line.close()


def test_the_context_can_be_changed(emulator, client):
    async def play():
        async with client.aio.live.connect(model=LIVE, config=CONFIG) as session:
            await session.send_context_update(system_instruction="Be short.")
            await session.send_client_content(turns={"parts": [{"text": "Hello"}]})
            await turn(session)

    run(play)
    assert sessions(emulator)[0]["setup"]["systemInstruction"]["parts"] == [{"text": "Be short."}]
