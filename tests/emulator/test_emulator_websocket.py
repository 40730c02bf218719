"""What carries Live sessions: frames, ends and refusals of a WebSocket, with a channel of the tests behind it."""

import contextlib
import itertools
import json
import queue
import signal
import struct
import subprocess
import sys
import threading
from socket import SHUT_WR, SO_LINGER, SOL_SOCKET, create_connection
from urllib.parse import urlsplit

import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.sync.client import connect as dial

from gemctl.emulator.live.channel import Close, Frame
from gemctl.emulator.server import running
from gemctl.emulator.websocket import LARGEST_FRAME
from gemctl.emulator.wire import Refusal, Response

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


class Channel:
    """Answers with what each frame asks for; what is put into `due` is sent because of the clock."""

    def __init__(self):
        self.took, self.due, self.left, self.ended = [], queue.SimpleQueue(), threading.Event(), False

    def take(self, frame):
        self.took.append(frame)
        ask = json.loads(frame) if frame.startswith(b"{") else {}
        self.ended = "close" in ask
        sent = [Frame(text.encode(), text=ask.get("text", False)) for text in ask.get("say", ())]
        return [*sent, Close(*ask["close"])] if "close" in ask else sent

    def wake(self):
        assert not self.left.is_set() and not self.ended
        return [] if self.due.empty() else [self.due.get()]

    def gone(self):
        assert not self.left.is_set() and not self.ended
        self.left.set()


class Service:
    """Stands where the App stands."""

    def __init__(self):
        self.requests, self.answers = [], queue.SimpleQueue()

    def connect(self, request):
        self.requests.append(request)
        return self.answers.get()


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog):
    """Not by asyncio either, which reports there what its callbacks raise."""
    yield
    assert caplog.records == []


@pytest.fixture(scope="module")
def service():
    return Service()


@pytest.fixture(scope="module")
def url(service):
    with running(service) as url:
        yield url


@pytest.fixture
def channel(service):
    channel = Channel()
    service.answers.put(channel)
    return channel


UPGRADE = (
    f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
).encode()


def line(url):
    """A bare connection."""
    return create_connection(urlsplit(url).netloc.split(":"), timeout=60)


def open_(url, path=PATH, **how):
    return dial(url.replace("http", "ws", 1) + path, proxy=None, **how)


def test_frames_go_both_ways(url, channel):
    with open_(url) as socket:
        socket.send('{"say": ["{\\"a\\": 1}", "é"]}')
        assert [socket.recv(), socket.recv()] == [b'{"a": 1}', "é".encode()]
        socket.send(b'{"say": ["\xc3\xa9"], "text": true}')
        assert socket.recv() == "é"
    assert channel.left.wait(60)
    assert channel.took == [b'{"say": ["{\\"a\\": 1}", "\\u00e9"]}'.replace(b"\\u00e9", "é".encode()),
                            b'{"say": ["\xc3\xa9"], "text": true}']  # fmt: skip


def test_a_client_that_does_wrong_while_something_is_sent_to_it_has_left(url, service):
    asked, wrong = threading.Event(), threading.Event()

    class Slow(Channel):
        def wake(self):
            asked.set()
            wrong.wait(60)
            return [Frame(b"{}")]

    service.answers.put(channel := Slow())
    with line(url) as socket:
        socket.sendall(UPGRADE)
        assert asked.wait(60)
        socket.sendall(b"\x82\x01a")  # without a mask
        came = b""
        while b"\x88" not in came:  # a close frame
            came += socket.recv(1_000)
        wrong.set()
        assert channel.left.wait(60)


def test_what_the_clock_says_is_sent_unasked(url, channel):
    with open_(url) as socket:
        channel.due.put(Frame(b'{"goAway": {}}'))
        assert socket.recv() == b'{"goAway": {}}'
        channel.due.put(Close(1008, "late"))
        with pytest.raises(ConnectionClosed) as ended:
            socket.recv()
    assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (1008, "late")
    assert not channel.left.is_set()


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [(1000, "", ""), (1011, "x" * 200, "x" * 123), (1007, "é" * 100, "é" * 61), (1008, "a" * 123, "a" * 123)],
)
def test_an_end_has_its_code_and_reason(url, channel, code, reason, told):
    with open_(url) as socket:
        socket.send(json.dumps({"say": ["1"], "close": [code, reason]}))
        assert socket.recv() == b"1"
        with pytest.raises(ConnectionClosed) as ended:
            socket.recv()
    assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (code, told)


def test_a_connection_that_breaks_has_no_close_frame(url, channel):
    with open_(url) as socket:
        socket.send(json.dumps({"say": ["1"], "close": [1006, ""]}))
        assert socket.recv() == b"1"
        with pytest.raises(ConnectionClosed) as ended:
            socket.recv()
    assert ended.value.rcvd is None
    assert not channel.left.is_set()


def test_the_request_is_the_one_that_was_sent(url, service, channel):
    headers = {"X-Goog-Api-Key": "k", "Origin": "http://localhost:3000"}
    with open_(url, f"{PATH}?key=a%20b&key=c", additional_headers=headers):
        pass
    asked = service.requests[-1]
    assert (asked.method, asked.path, asked.query) == ("GET", PATH, (("key", "a b"), ("key", "c")))
    assert (asked.headers["x-goog-api-key"], asked.body, asked.origin) == ("k", b"", url)


def test_the_path_is_the_one_that_was_sent(url, service, channel):
    """Two slashes at the beginning, too, which the JavaScript SDK sends."""
    with open_(url, "//ws/a//b%2F"):
        assert service.requests[-1].path == "//ws/a//b%2F"


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (Refusal(404, "no such method").response(), 404, b"no such method"),
        (Response(429, {"Retry-After": "1"}, b"later", delay=0.01), 429, b"later"),
    ],
)
def test_a_response_refuses_the_upgrade(url, service, answer, status, body):
    service.answers.put(answer)
    with pytest.raises(InvalidStatus) as refused:
        open_(url)
    assert refused.value.response.status_code == status
    assert body in refused.value.response.body
    assert all(refused.value.response.headers[name] == value for name, value in answer.headers.items())


def test_an_upgrade_that_is_dropped_has_no_answer(url, service):
    service.answers.put(Response(0, drop=True))
    with pytest.raises((InvalidMessage, OSError)):
        open_(url)


@pytest.mark.parametrize(
    ("host", "headers"),
    [("evil.example", {}), ("localhost", {"Origin": "https://evil.example"}), ("localhost", {"Origin": "null"})],
)
def test_web_pages_of_others_open_nothing(url, service, host, headers):
    before = len(service.requests)
    with pytest.raises(InvalidStatus) as refused:
        dial(f"ws://{host}{PATH}", sock=line(url), additional_headers=headers)
    assert refused.value.response.status_code == 403
    assert len(service.requests) == before


def test_pings_are_answered(url, channel):
    with open_(url) as socket:
        assert socket.ping(b"there?").wait(60)


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_a_message_may_be_large_and_not_larger(url, channel, compression):
    with open_(url, compression=compression, max_size=None) as socket:
        socket.send('{"say": ["1"]}'.ljust(LARGEST_FRAME).encode())
        assert socket.recv() == b"1"
        with contextlib.suppress(ConnectionClosed):  # it may be told before all was sent
            socket.send(b"x" * (LARGEST_FRAME + 1))
        with pytest.raises(ConnectionClosed) as ended:
            socket.recv()
    assert ended.value.rcvd.code == 1009
    assert channel.left.wait(60)
    assert [len(frame) for frame in channel.took] == [LARGEST_FRAME]


def test_pieces_of_a_message_are_counted_together(url, channel):
    with open_(url) as socket:
        with contextlib.suppress(ConnectionClosed):
            socket.send(itertools.repeat(b"x" * (1 << 20), 17))
        with pytest.raises(ConnectionClosed) as ended:
            socket.recv()
    assert ended.value.rcvd.code == 1009
    assert channel.took == []


def test_a_client_that_breaks_off_is_gone(url, channel):
    with line(url) as raw:
        raw.sendall(UPGRADE)
        assert raw.recv(1000).startswith(b"HTTP/1.1 101")
        raw.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))  # closing is a reset
    assert channel.left.wait(60)


def test_who_reads_nothing_holds_up_nobody(url, service):
    slow, quick = Channel(), Channel()
    service.answers.put(slow)
    with line(url) as raw:
        raw.sendall(UPGRADE)
        assert raw.recv(1000).startswith(b"HTTP/1.1 101")
        ask = json.dumps({"say": ["x" * 1_000_000] * 12}).encode()
        raw.sendall(b"\x81\xff" + struct.pack(">QI", len(ask), 0) + ask)
        service.answers.put(quick)
        with open_(url) as socket:
            socket.send('{"say": ["1"]}')
            assert socket.recv() == b"1"
        assert quick.left.wait(60)
        assert not slow.left.is_set()
    assert slow.left.wait(60)


def test_many_at_once(url, service):
    channels = [Channel() for _ in range(50)]
    with contextlib.ExitStack() as stack:
        sockets = []
        for channel in channels:
            service.answers.put(channel)
            sockets.append(stack.enter_context(open_(url)))
        for number, socket in enumerate(sockets):
            socket.send(json.dumps({"say": [str(number)]}))
        assert [socket.recv() for socket in sockets] == [str(number).encode() for number in range(50)]
    assert all(channel.left.wait(60) for channel in channels)


def test_nothing_is_said_of_what_is_in_frames(url, service, capfd):
    service.answers.put(Channel())
    with open_(url) as socket:
        socket.send('{"say": ["secret"]}')
        socket.recv()
    service.answers.put(Channel())
    with line(url) as raw:
        raw.sendall(UPGRADE)
        assert raw.recv(1000).startswith(b"HTTP/1.1 101")
        raw.sendall(b"\x81\x86\0\0\0\0secre\xff")  # no UTF-8
        assert raw.recv(1000)[:4] == b"\x88\x02\x03\xef"  # a close frame with 1007
        raw.sendall(b"\x89\x80\0\0\0\0" * 2)  # pings
        assert raw.recv(1000) == b""
    assert capfd.readouterr() == ("", "")


FRAMES = st.builds(
    lambda first, length, mask, data: bytes([first, mask | length]) + data,
    st.sampled_from([0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x83, 0x88, 0x89, 0x8A, 0xC1, 0xF1]),
    st.sampled_from([0, 1, 2, 5, 125, 126, 127]),
    st.sampled_from([0, 0x80]),
    st.binary(max_size=12),
)


def test_any_bytes_after_an_upgrade(url, service, capfd):
    @settings(max_examples=examples(60), deadline=None)
    @given(st.lists(FRAMES, max_size=4).map(b"".join) | st.binary(max_size=40))
    def ends(data):
        channel = Channel()
        service.answers.put(channel)
        with line(url) as raw:
            raw.sendall(UPGRADE)
            assert raw.recv(1000).startswith(b"HTTP/1.1 101")
            with contextlib.suppress(OSError):
                raw.sendall(data)
                raw.shutdown(SHUT_WR)
                while raw.recv(65536):
                    pass
        assert channel.left.wait(60)

    ends()
    assert capfd.readouterr() == ("", "")


PROGRAM = """
import sys
from gemctl.emulator.server import serve

class Channel:
    def take(self, frame): return ()
    def wake(self): return ()
    def gone(self): sys.stdout.write("gone\\n")

class Service:
    def connect(self, request): return Channel()
    def catch_up(self): pass

serve(Service(), on_ready=lambda url: print(url, flush=True))
print("ended")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_although_sessions_are_open(number):
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        with open_(url) as socket, line(url), line(url) as raw:
            raw.sendall(UPGRADE)  # and then it answers no close frame
            assert raw.recv(1000).startswith(b"HTTP/1.1 101")
            process.send_signal(number)
            with pytest.raises(ConnectionClosed) as ended:
                socket.recv()
            assert ended.value.rcvd.code == 1012
            out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (0, "gone\ngone\nended\n", "")
