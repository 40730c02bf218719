"""A session within one process: frames as they come, waits by the given clock, and ends."""

import json

import pytest
from values import ManualClock

from gemctl.emulator.app import App, Response
from gemctl.emulator.live.channel import Close, Frame
from gemctl.emulator.local_socket import connect
from gemctl.emulator.world import World

KEY = (("X-Goog-Api-Key", "a-key"),)
PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
SETUP = json.dumps({"setup": {"model": "models/gemini-3.8-live", "outputAudioTranscription": {}}}).encode()
TURN = json.dumps(
    {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "Hi"}]}], "turnComplete": True}}
).encode()


@pytest.fixture
def clock():
    return ManualClock()


def test_a_turn_takes_the_time_of_its_speech(clock):
    app = App(World(now=clock.now))
    socket = connect(app, PATH, KEY, "", sleep=clock.sleep)
    socket.send(SETUP)
    assert json.loads(socket.receive(0)) == {"setupComplete": {}}
    assert socket.receive(1) is None
    began = clock.monotonic()
    socket.send(TURN)
    while "turnComplete" not in json.loads(socket.receive(60)).get("serverContent", {}):
        pass
    assert 1 < clock.monotonic() - began < 60
    socket.close()
    socket.close()
    assert not app.bugs


def test_a_key_in_the_query(clock):
    socket = connect(App(World(now=clock.now)), PATH, (), "key=a-key", sleep=clock.sleep)
    socket.send(SETUP)
    assert json.loads(socket.receive(0)) == {"setupComplete": {}}


def test_who_has_no_key_is_told_by_the_end(clock):
    socket = connect(App(World(now=clock.now)), PATH, (), "", sleep=clock.sleep)
    socket.send(SETUP)
    code, reason = socket.receive(0)
    assert code == 1008 and "unregistered callers" in reason
    socket.send(TURN)
    assert socket.receive(5) == (1006, ""), "nothing comes after the end"


class Odd(App):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def connect(self, request):
        return self.answer


class Once:
    """Says two things at once; nothing may be asked of it after its end."""

    def __init__(self):
        self.left = 0

    def take(self, frame):
        return [Frame(b"{}"), Close(1000)]

    def wake(self):
        raise AssertionError

    def gone(self):
        self.left += 1


def test_what_came_before_the_end_is_read_first(clock):
    channel = Once()
    socket = connect(Odd(channel), PATH, (), "", sleep=clock.sleep)
    socket.send(b"{}")
    assert [socket.receive(0), socket.receive(0)] == [b"{}", (1000, "")]
    socket.close()
    assert channel.left == 0


class Quiet(Once):
    def wake(self):
        return ()


def test_leaving_is_said_once(clock):
    channel = Quiet()
    socket = connect(Odd(channel), PATH, (), "", sleep=clock.sleep)
    assert socket.receive(0) is None
    socket.close()
    socket.close()
    assert (channel.left, socket.receive(0)) == (1, (1006, ""))


@pytest.mark.parametrize(
    ("answer", "end", "waited"),
    [(Response(404), (404, ""), 0), (Response(503, delay=2.0), (503, ""), 2), (Response(0, drop=True), (1006, ""), 0)],
)
def test_a_refusal_to_open_one(clock, answer, end, waited):
    began = clock.monotonic()
    assert connect(Odd(answer), PATH, (), "", sleep=clock.sleep) == end
    assert clock.monotonic() - began == waited
