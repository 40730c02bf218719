"""The socket door itself: who may come in, who waits for whom, and how it ends."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading

import httpx
import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from gemctl.emulator.app import App
from gemctl.emulator.faults import Fault
from gemctl.emulator.server import running, serve

KEY = {"x-goog-api-key": "k"}


@pytest.fixture(scope="module")
def app():
    return App()


@pytest.fixture(scope="module")
def http(app):
    with running(app) as url, httpx.Client(base_url=url, headers=KEY, trust_env=False, verify=False) as client:
        yield client


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[", "10.0.0.1", ""])
def test_a_foreign_host_is_refused(http, host):
    assert http.get("/v1/models", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:1234", "127.0.0.1", "[::1]:80"])
def test_a_local_host_is_answered(http, host):
    assert http.get("/v1/models", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(("origin", "status"), [("https://evil.example", 403), ("null", 403), ("http://[", 403),
                                                ("http://localhost:3000", 200)])  # fmt: skip
def test_web_pages_stay_outside(http, origin, status):
    assert http.get("/v1/models", headers={"origin": origin}).status_code == status


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "::"])
def test_it_listens_on_loopback_only(app, host):
    with pytest.raises(ValueError, match="loopback"):
        serve(app, host=host)


@pytest.mark.parametrize(("host", "said"), [("evil.example", "no address"), ("", "no address"), ("::", "")])
def test_it_listens_elsewhere_where_it_is_told(app, host, said, monkeypatch):
    monkeypatch.setattr("gemctl.emulator.server._Server.run", lambda server, sockets: addresses.append(sockets[0]))
    addresses = []
    if said:
        with pytest.raises(ValueError, match=said):
            serve(app, host=host, hosts=())
    else:
        serve(app, host=host, hosts=())
        assert len(addresses) == 1


def test_a_slow_answer_holds_up_nobody(app, http):
    app.set_faults([Fault("slow", path="cachedContents", delay=60)])
    seen = len(app.requests)
    done, soon = threading.Event(), httpx.Timeout(60, read=0.3)

    def wait():
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{http.base_url}/v1/cachedContents", headers=KEY, timeout=soon, trust_env=False, verify=False)
        done.set()

    thread = threading.Thread(target=wait)
    thread.start()
    while len(app.requests) == seen:
        pass
    assert not done.is_set()
    assert http.get("/v1/models").status_code == 200
    assert not done.is_set()
    thread.join()
    app.set_faults([])


def test_many_at_once(http):
    results = []

    def ask():
        results.append(httpx.get(f"{http.base_url}/v1/models", headers=KEY, trust_env=False, verify=False).status_code)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [200] * 20


def test_what_is_no_http_does_not_end_it(http, capfd):
    with socket.create_connection((http.base_url.host, http.base_url.port)) as line:
        line.sendall(b"\x00\xff nonsense\r\n\r\n")
        assert line.recv(1000).startswith(b"HTTP/1.1 400")
    assert http.get("/v1/models").status_code == 200
    assert capfd.readouterr() == ("", "")


_TARGETS = st.one_of(
    st.sampled_from(["/v1/models", "/emulator", "/emulator/clock", "/v1beta/files", "/upload/v1/files", "*", "//"]),
    st.sampled_from(["http://a/b", "/%zz", "/v1/models?key=%ff&%zz=%", "/v1/cachedContents/%C3%28", "/emulator?x"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=20),
)
_LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ["host: localhost", "host: a\xff", "x-goog-api-key: k\xff", "origin: \xe9", "a: b\x00", ": x", "x"]
        ),
        st.sampled_from(
            ["content-length: 3", "content-length: -1", "transfer-encoding: chunked", "expect: 100-continue"]
        ),
    ),
    max_size=4,
)


def test_any_bytes_on_the_line(app, http, capfd):
    @settings(max_examples=examples(80), deadline=None)
    @given(st.sampled_from(["GET", "POST", "PATCH", "OPTIONS", "G T", ""]), _TARGETS, _LINES, st.binary(max_size=8))
    def answered_or_hung_up(method, target, lines, body):
        head = "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""]).encode("latin-1")
        with socket.create_connection((http.base_url.host, http.base_url.port), timeout=60) as line:
            line.sendall(head + body)
            line.shutdown(socket.SHUT_WR)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while piece := line.recv(65536):
                    answer += piece
        assert b"HTTP/1.1 5" not in answer

    answered_or_hung_up()
    assert http.get("/v1/models").status_code == 200
    assert not app.bugs
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly(number):
    program = (
        "from gemctl.emulator.app import App\n"
        "from gemctl.emulator.server import serve\n"
        "serve(App(), on_ready=lambda url: print(url, flush=True))\n"
        "print('ended')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    with process:
        url = process.stdout.readline().strip()
        assert httpx.get(f"{url}/v1/models", headers=KEY, trust_env=False, verify=False).status_code == 200
        process.send_signal(number)
        out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (0, "ended\n", "")


def test_the_application_is_cheap_to_import():
    program = (
        "import sys, gemctl.emulator.app\n"
        "heavy = {'httpx', 'starlette', 'uvicorn', 'asyncio', 'pydantic', 'logging', 'socket'}\n"
        "others = {m for m in sys.modules if m.startswith('gemctl.') and not m.startswith('gemctl.emulator')}\n"
        "print(sorted(heavy & set(sys.modules)) + sorted(others))\n"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out == "[]\n"
