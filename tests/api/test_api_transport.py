import contextlib
import socket
import ssl
import threading
import time
from datetime import UTC, datetime

import pytest
from api_world import CANARY, CREATE, DELETE, GET, PATCH, FakeClock, client_for, listening, receive, refused_port

from gemctl.api._httpx import httpx
from gemctl.api.auth import Key
from gemctl.api.client import Client
from gemctl.api.server_clock import ServerClock
from gemctl.api.transport import Trust, Wire, Wiring, proxy_for
from gemctl.core.call import Call
from gemctl.core.errors import GemctlError, Refused, Temporary, Unknown
from gemctl.core.project import Timing
from gemctl.emulator.certificate import kept

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
POST = Call("POST", "cachedContents/x:repeat", body={})
DEADLINE = 0.2


class RealTime(FakeClock):
    """Real time passes, and a sleep is none."""

    def monotonic(self):
        return time.monotonic() + self.at


@pytest.fixture
def wire():
    with contextlib.closing(Wire(Trust({}))) as wire:
        yield wire


def on(url, wire, **more):
    return client_for(wire, RealTime(), base_url=url, **more)


def send(data):
    return lambda connection, _: connection.sendall(data)


PATIENCE = 60  # seconds for which servers go on whose clients should have left long before


def drip(head, endless, stop, outlasted=None):
    """A server that sends `head`, then something small every few milliseconds, until `stop` is set. Where nobody does
    that for much longer than anyone waits, `outlasted` is told."""

    def serve(connection, _):
        connection.sendall(head)
        for _ in range(PATIENCE * 100):
            if stop.wait(0.01):
                return
            connection.sendall(endless)
        if outlasted:
            outlasted.set()

    return serve


@pytest.mark.parametrize(
    ("head", "endless"),
    [
        (b"", b""),  # silence
        (b"HTTP/1.1 200 OK\r\nx: ", b"y"),  # a header that doesn't end
        (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),  # headers that don't end
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),  # more to come, for ever
        (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1", b";"),  # a chunk's extension
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n"),  # trailers
    ],
)
def test_nothing_outlasts_the_deadline(wire, head, endless):
    stop, outlasted = threading.Event(), threading.Event()
    with listening(drip(head, endless, stop, outlasted)) as (url, seen):
        with pytest.raises(Unknown):
            on(url, wire, deadline=DEADLINE).perform(CREATE)
        assert not outlasted.is_set(), "it left when the server did, and not by its deadline"
        stop.set()
    assert len(seen) == 1


def test_a_refusal_whose_words_drip_is_a_refusal(wire):
    stop = threading.Event()
    with listening(drip(b"HTTP/1.1 400 Bad\r\ncontent-length: 100000\r\n\r\n", b" ", stop)) as (url, _):
        with pytest.raises(Refused):
            on(url, wire, deadline=DEADLINE).perform(CREATE)
        stop.set()


def test_a_server_that_does_not_read(wire):
    """The request is larger than the buffers in between, and nobody takes it."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    server.bind(("127.0.0.1", 0))
    server.listen()
    with server:
        big = Call("POST", "cachedContents", body={"x": "y" * 16_000_000}, repeatable=False)
        hung = threading.Timer(PATIENCE, server.close)  # drops the connection, which is another failure
        hung.start()
        with pytest.raises(Unknown, match="not taken in time"):
            on(f"http://127.0.0.1:{server.getsockname()[1]}", wire, deadline=0.3).perform(big)
        hung.cancel()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\1\2garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n{}",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 500_000,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        b"SSH-2.0-OpenSSH_9\r\n",
    ],
    ids=lambda data: str(data)[:40],
)
def test_answers_that_are_cut_or_garbage(wire, data):
    with listening(send(data)) as (url, seen):
        with pytest.raises(Unknown):
            on(url, wire, deadline=2).perform(CREATE)
        assert len(seen) == 1
        with pytest.raises(Temporary):
            on(url, wire, deadline=2).perform(GET)


def test_no_connection_is_not_sent_and_a_dropped_one_is_unknown(wire):
    url = f"http://127.0.0.1:{refused_port()}"
    with pytest.raises(Temporary, match="was not sent: connection refused") as caught:
        on(url, wire, deadline=5).perform(CREATE)
    assert caught.value.code == "E302"

    def drop(connection, _):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, not a farewell

    with listening(drop) as (url, seen):
        with pytest.raises(Unknown):
            on(url, wire, deadline=5).perform(CREATE)
        with pytest.raises(Temporary):
            on(url, wire, deadline=10).perform(GET)
        assert len(seen) == 1 + 6


def test_a_name_that_does_not_exist_is_not_sent(wire, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Temporary, match="was not sent: name or service not known"):
        on("http://gemini.invalid", wire, deadline=5).perform(CREATE)


def test_a_resolver_that_hangs_is_left_behind(wire, monkeypatch):
    hung = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: hung.wait(PATIENCE) and [])
    with pytest.raises(Temporary, match="was not sent: the host's name could not be resolved in time"):
        on("http://gemini.invalid", wire, deadline=0.1).perform(CREATE)
    hung.set()


def test_the_next_address_is_tried(wire, monkeypatch):
    with listening(send(OK)) as (url, _):
        port = int(url.rpartition(":")[2])
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", refused_port())),
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
        assert on("http://gemini.test", wire, deadline=5).perform(CREATE).body == {}


def test_a_handshake_that_fails_is_not_sent(wire):
    for serve in (send(b"HTTP/1.1 400 This is no TLS\r\n\r\n"), lambda *_: None):
        with listening(serve) as (url, _), pytest.raises(Temporary, match="was not sent"):
            on(url.replace("http:", "https:"), wire, deadline=5).perform(CREATE)
    stop = threading.Event()
    with listening(lambda *_: stop.wait(PATIENCE)) as (url, _):
        with pytest.raises(Temporary, match="was not sent: the TLS handshake took too long"):
            on(url.replace("http:", "https:"), wire, deadline=DEADLINE).perform(CREATE)
        stop.set()


def test_a_certificate_that_is_not_trusted_is_not_tried_again():
    class Distrustful(httpx.BaseTransport):
        calls = 0

        def handle_request(self, request):
            self.calls += 1
            raise httpx.ConnectError("the certificate is not trusted") from ssl.SSLCertVerificationError(
                1, "self-signed"
            )

    transport = Distrustful()
    with pytest.raises(Temporary) as caught:
        client_for(transport).perform(GET)
    assert transport.calls == 1
    assert "SSL_CERT_FILE" in caught.value.hint


def test_a_connection_is_kept_and_a_closed_one_is_noticed(wire):
    connections = []

    def twice(connection, _):
        connections.append(connection)
        connection.sendall(OK)
        if connection.recv(65536):
            connection.sendall(OK)

    with listening(twice) as (url, seen):
        client = on(url, wire, deadline=5)
        client.perform(DELETE)
        client.perform(DELETE)
        assert len(connections) == 1
        connections[0].close()
        client.perform(Call("POST", "cachedContents", repeatable=False))  # on a new connection: not lost on the old one
        assert len(seen) == 2
        client.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "call", [GET, POST, PATCH, DELETE, CREATE], ids=lambda call: f"{call.method}-{call.repeatable}"
)
def test_the_key_does_not_follow_a_redirect(wire, status, call):
    with listening(send(OK), "127.0.0.2") as (there, seen_there):
        head = f"HTTP/1.1 {status} Moved\r\nlocation: {there}/v1beta/x?key=s3cret#f\r\ncontent-length: 0\r\n\r\n"
        with (
            listening(send(head.encode())) as (url, seen_here),
            pytest.raises(Refused if call.repeatable else Unknown) as caught,
        ):
            on(url, wire, deadline=5).perform(call)
        assert seen_there == []
        with socket.create_connection(("127.0.0.2", int(there.rpartition(":")[2]))) as probe:
            probe.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert probe.recv(12) == OK[:12]  # it was there to be found
    assert len(seen_here) == 1
    assert CANARY.encode() in seen_here[0]
    assert caught.value.status == status
    assert "s3cret" not in str(caught.value)
    if call.repeatable:
        assert caught.value.code == "E305"
        assert "127.0.0.2" in str(caught.value)


def test_a_cookie_is_not_kept_and_the_key_is_in_one_header_only(wire):
    with listening(send(OK.replace(b"\r\n\r\n", b"\r\nset-cookie: a=b\r\nconnection: close\r\n\r\n"))) as (url, seen):
        client = on(url, wire, deadline=5)
        client.perform(CREATE)
        client.perform(GET)
    for request in seen:
        assert request.count(CANARY.encode()) == 1
        assert b"cookie" not in request.lower()
        assert b"authorization" not in request.lower()


@pytest.mark.parametrize(
    ("env", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, ("proxy", 3128)),
        ({"https_proxy": "http://proxy:3128/"}, ("proxy", 3128)),
        ({"ALL_PROXY": "proxy:3128"}, ("proxy", 3128)),
        ({"HTTPS_PROXY": "http://proxy"}, ("proxy", 80)),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "api.test"}, None),
        ({"HTTPS_PROXY": "http://proxy:1", "no_proxy": "other, .test"}, None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "other"}, ("proxy", 1)),
    ],
)
def test_proxies(env, proxy):
    got = proxy_for("https://api.test", env)
    assert ((got.host, got.port) if got else None) == proxy
    assert proxy_for("http://127.0.0.1:8080", env) is None
    assert proxy_for("http://localhost:8080", env) is None


def test_a_proxy_with_a_password():
    proxy = proxy_for("https://api.test", {"HTTPS_PROXY": "http://us%40er:p%3Aw@proxy:1"})
    assert proxy.auth == (b"us@er", b"p:w")


@pytest.mark.parametrize(
    "text", ["https://proxy:1", "socks5://secret@proxy:1", "http://", "http://proxy:99999", "http://[::1"]
)
def test_proxies_that_can_t_be_used(text):
    with pytest.raises(GemctlError) as caught:
        Wiring("https://api.test", {"HTTPS_PROXY": text})
    assert caught.value.code == "E315"
    assert "secret" not in str(caught.value)


def test_through_a_proxy_the_key_waits_for_the_tunnel():
    with listening(send(b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n")) as (url, seen):
        wiring = Wiring("https://api.test", {"HTTPS_PROXY": url.replace("http://", "http://u:p@")})
        with contextlib.closing(wiring()) as wire, pytest.raises(Temporary, match="was not sent: 407"):
            on("https://api.test", wire, deadline=5).perform(CREATE)
    assert seen
    for request in seen:
        assert request.startswith(b"CONNECT api.test:443 ")
        assert b"proxy-authorization: basic" in request.lower()
        assert CANARY.encode() not in request
        assert b"x-goog-api-key" not in request.lower()


def test_a_request_goes_through_the_tunnel_by_tls(tmp_path):
    made = kept(tmp_path, datetime.now(UTC), names=["api.test"])
    inside = []

    def proxy(connection, _):
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with made.context().wrap_socket(connection, server_side=True) as secure:
            for _ in range(2):
                inside.append(receive(secure))
                secure.sendall(OK)

    with listening(proxy) as (url, seen):
        wiring = Wiring("https://api.test", {"HTTPS_PROXY": url, "SSL_CERT_FILE": str(made.authority)})
        with contextlib.closing(wiring()) as wire:
            client = on("https://api.test", wire, deadline=5)
            assert [client.perform(CREATE).body, client.perform(GET).body] == [{}, {}]
    assert len(seen) == 1
    assert [CANARY.encode() in request for request in inside] == [True, True]


def test_netrc_is_not_read(wire, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login u password p\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with listening(send(OK)) as (url, seen):
        on(url, wire, deadline=5).perform(GET)
    assert b"authorization" not in seen[0].lower()


def test_trust_is_made_once_and_checked(tmp_path):
    trust = Trust({})
    made = []
    threads = [threading.Thread(target=lambda: made.append(trust.context())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(context) for context in made}) == 1
    assert made[0].verify_mode is ssl.CERT_REQUIRED
    assert made[0].check_hostname
    for name in ("none", "bad"):
        (tmp_path / "bad").write_text("no certificate")
        with pytest.raises(GemctlError) as caught:
            Trust({"SSL_CERT_FILE": str(tmp_path / name)}).context()
        assert caught.value.code == "E315"
    assert Trust({"SSL_CERT_DIR": str(tmp_path)}).context().cert_store_stats()["x509_ca"] == 0


def test_a_client_of_a_phone_s_default_wiring(monkeypatch):
    with listening(send(OK)) as (url, _):
        clock = RealTime()
        wire = Wiring(url, {"HTTPS_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"})()
        client = Client(url, "v1beta", Key(CANARY), clock, Timing(), wire, ServerClock(clock))
        assert client.perform(GET).body == {}
        client.close()
        client.close()
