"""A client of Live sessions for tests: it drives a channel directly, with a clock that it moves."""

import base64
import json
import random
from datetime import UTC, datetime

from gemctl.emulator.app import App, Request
from gemctl.emulator.clock import ManualClock
from gemctl.emulator.live.channel import Close
from gemctl.emulator.wire import Response
from gemctl.emulator.world import World

LIVE, NATIVE, THREE = (
    "gemini-3.8-live",
    "gemini-2.5-flash-native-audio-preview-12-2025",
    "gemini-3.1-flash-live-preview",
)
TEXT = "gemini-live-2.5-flash-preview"
THINKS = "gemini-3.8-live-extended-thinking"
METHOD = "/ws/google.ai.generativelanguage.{}.GenerativeService.BidiGenerateContent{}"
SILENCE, LOUD = b"\0\0", (8_000).to_bytes(2, "little") + (-8_000).to_bytes(2, "little", signed=True)


def pcm(seconds, sample=LOUD, rate=16_000):
    """Audio of that length, loud unless another sample is given."""
    return sample * round(seconds * rate * 2 / len(sample))


def audio(seconds, sample=LOUD, mime_type="audio/pcm;rate=16000"):
    """A message with audio, as the official Python SDK writes it."""
    data = base64.urlsafe_b64encode(pcm(seconds, sample)).decode()
    return {"realtime_input": {"audio": {"data": data, "mime_type": mime_type}}}


def text(said, complete=True):
    """A message with one turn of the user."""
    return {"client_content": {"turns": [{"role": "user", "parts": [{"text": said}]}], "turnComplete": complete}}


class Place:
    """An application whose clock stands until it is moved. It is a day on which all models are there."""

    def __init__(self, world=None, clock=None, **knobs):
        self.clock = clock or ManualClock(datetime(2025, 12, 1, tzinfo=UTC))
        self.app = App(world or World(now=self.clock, ids=random.Random(3)), **{"live_pacing": False, **knobs})

    def post(self, path, body):
        answer = self.app.handle(Request("POST", path, (), {"x-goog-api-key": "k"}, json.dumps(body).encode()))
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def mint(self, **body):
        return self.post("/v1alpha/auth_tokens", body)["name"]

    def connect(self, query=(("key", "k"),), headers=None, version="v1beta", constrained=False, path=None):
        path = path or METHOD.format(version, "Constrained" if constrained else "")
        opened = self.app.connect(Request("GET", path, tuple(query), headers or {}))
        return opened if isinstance(opened, Response) else Client(self, opened)

    def with_token(self, token, setup=None, **how):
        """The session that a token opens, and how it ended, if it did."""
        client = self.connect((("access_token", token),), constrained=True, version="v1alpha", **how)
        client.say({"setup": {"model": f"models/{LIVE}"} if setup is None else setup})
        return client

    def open(self, model=LIVE, version="v1beta", **setup):
        client = self.connect(version=version)
        assert client.say({"setup": {"model": f"models/{model}", **setup}})[0] == {"setupComplete": {}}
        return client


class Client:
    """One session: `got` are all messages that came, `close` is its end."""

    def __init__(self, place, channel):
        self.place, self.channel = place, channel
        self.got, self.close = [], None

    def say(self, *messages):
        """Send messages; gives what came for all of them."""
        return [each for message in messages for each in self._keep(self.channel.take(json.dumps(message).encode()))]

    def raw(self, frame):
        return self._keep(self.channel.take(frame))

    def wait(self, seconds, step=0.05):
        """Let time pass; gives what came meanwhile, with when: seconds after the beginning."""
        came, passed = [], 0.0
        while passed < seconds and self.close is None:
            self.place.clock.advance(step)
            passed = round(passed + step, 6)
            came += [(passed, each) for each in self._keep(self.channel.wake())]
        return came

    def _keep(self, sent):
        assert self.close is None, "nothing is asked after the end"
        messages = []
        for each in sent:
            assert self.close is None, "nothing comes after the end"
            if isinstance(each, Close):
                self.close = each
                assert len(each.reason.encode()) <= 123
            else:
                messages.append(json.loads(each.data))
        assert not self.place.app.bugs
        self.got += messages
        return messages

    @property
    def end(self):
        return self.close and (self.close.code, self.close.reason)


def brief(messages):
    """What messages are, in short, equal ones that follow each other once."""
    words = []
    for message in messages:
        word = _word(message)
        if not words or words[-1] != word:
            words.append(word)
    return words


def _word(message):
    (name,) = message.keys() - {"usageMetadata"}
    if name != "serverContent":
        return name
    content = message[name]
    if "modelTurn" in content:
        (part,) = content["modelTurn"]["parts"]
        return "thought" if part.get("thought") else "audio" if "inlineData" in part else next(iter(part))
    return "+".join(content)


def said(messages, name="outputTranscription"):
    """The text of transcriptions, or of parts."""
    if name == "text":
        turns = [each["serverContent"]["modelTurn"]["parts"][0] for each in messages if _word(each) == "text"]
        return "".join(part["text"] for part in turns)
    return "".join(each["serverContent"][name]["text"] for each in messages if name in each.get("serverContent", {}))


def seconds(messages):
    """How long the audio plays."""
    parts = [each["serverContent"]["modelTurn"]["parts"][0] for each in messages if _word(each) == "audio"]
    return sum(len(base64.b64decode(part["inlineData"]["data"])) for part in parts) / 48_000
