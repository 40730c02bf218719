"""TLS at the emulator's port: the certificate and whom it convinces, both schemes at once, and who says nothing."""

import asyncio
import contextlib
import socket
import ssl
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect as dial  # the other one is not safe within TLS, before Python 3.13
from websockets.exceptions import ConnectionClosed

from gemctl.emulator.app import App
from gemctl.emulator.certificate import LIFE, kept
from gemctl.emulator.faults import Fault
from gemctl.emulator.folder import StoreDamaged
from gemctl.emulator.live.channel import Close, Frame
from gemctl.emulator.server import running
from gemctl.emulator.websocket import LARGEST_FRAME

NOW = datetime(2026, 11, 30, tzinfo=UTC)
KEY = {"x-goog-api-key": "k"}
DAY = timedelta(days=1)
FILE = {"file": {"mimeType": "text/plain"}}


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog):
    """Not by asyncio either, which reports there what its callbacks raise."""
    yield
    assert caplog.records == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return kept(tmp_path_factory.mktemp("state") / "gemctl/emulator", datetime.now(UTC))


@pytest.fixture(scope="module")
def trusting(certificate):
    return ssl.create_default_context(cafile=certificate.authority)


class Echo:
    def take(self, frame):
        return [Close(1000, "bye")] if frame == b"bye" else [Frame(frame)]

    def wake(self):
        return ()

    def gone(self):
        pass


class Live(App):
    def connect(self, request):
        self.asked = request
        return Echo()


@pytest.fixture(scope="module")
def app():
    return Live()


@pytest.fixture(scope="module")
def url(app, certificate):
    with running(app, tls=certificate.context()) as url:
        yield url


@pytest.fixture
def ask(trusting):
    with httpx.Client(headers=KEY, trust_env=False, verify=trusting) as client:
        yield client.request


def where(url):
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host.strip("[]"), int(port)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_port_takes_both_schemes_and_gives_urls_of_the_one_that_was_used(url, ask, scheme, host):
    base = f"{scheme}://{host}:{where(url)[1]}"
    start = {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start"}
    started = ask("POST", f"{base}/upload/v1beta/files", headers=start, json=FILE)
    there = started.headers["x-goog-upload-url"]
    assert there.startswith(f"{base}/")
    finish = {"X-Goog-Upload-Command": "upload, finalize", "X-Goog-Upload-Offset": "0"}
    file = ask("POST", there, headers=finish, content=b"hello").json()["file"]
    assert file["sizeBytes"] == "5"


def test_ipv6_is_this_machine_too(certificate, ask):
    with contextlib.ExitStack() as stack:
        try:
            url = stack.enter_context(running(App(), host="::1", tls=certificate.context()))
        except OSError:
            return  # this machine has no IPv6
        assert ask("GET", f"{url.replace('http', 'https')}/v1beta/models").status_code == 200


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_websockets_come_by_both_schemes(app, url, trusting, scheme):
    there = f"{scheme}{url.removeprefix('http')}"

    async def play():
        async with dial(f"{there}/ws/x", proxy=None, ssl=trusting if scheme == "wss" else None) as socket:
            await socket.send("1")
            assert await socket.recv() == b"1"
            assert app.asked.origin == there.replace("ws", "http")
            await socket.send("bye")
            await socket.recv()

    with pytest.raises(ConnectionClosed) as ended:
        asyncio.run(play())
    assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (1000, "bye")


def test_what_is_too_large_is_told_over_tls_too(url, trusting):
    async def play():
        there = f"wss{url.removeprefix('http')}/ws/x"
        async with dial(there, proxy=None, ssl=trusting, compression=None) as socket:
            with contextlib.suppress(ConnectionClosed):
                await socket.send(b"x" * (LARGEST_FRAME + 1))
            await socket.recv()

    with pytest.raises(ConnectionClosed) as ended:
        asyncio.run(play())
    assert ended.value.rcvd.code == 1009


@pytest.mark.parametrize("fault", [Fault("cut", at_bytes=10), Fault("before")])
def test_what_breaks_on_purpose_breaks_within_tls_too(app, url, ask, fault):
    app.set_faults([fault])
    try:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            ask("GET", f"{url.replace('http', 'https')}/v1beta/models")
    finally:
        app.set_faults([])


def test_who_does_not_trust_it_is_not_served(app, url, ask, capfd):
    seen = len(app.requests)
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{url.replace('http', 'https')}/v1beta/models", headers=KEY, trust_env=False)
    assert len(app.requests) == seen
    with socket.create_connection(where(url), timeout=60) as line:
        line.sendall(b"\x16\x03\x01\x00\x05nonsense")
        while line.recv(1000):
            pass
    assert ask("GET", f"{url}/v1beta/models").status_code == 200
    assert capfd.readouterr() == ("", "")


def test_without_a_certificate_nobody_gets_tls(ask):
    with running(App()) as url:
        with pytest.raises(httpx.ConnectError):
            ask("GET", f"{url.replace('http', 'https')}/v1beta/models")
        assert ask("GET", f"{url}/v1beta/models").status_code == 200


def begun(url, trusting, said):
    """A client that has said that much, and now says nothing."""
    line = socket.create_connection(where(url), timeout=60)
    if said == "a handshake":
        return trusting.wrap_socket(line, server_hostname="localhost")
    line.sendall({"nothing": b"", "the beginning of a handshake": b"\x16\x03"}[said])
    return line


SAID = ["nothing", "the beginning of a handshake", "a handshake"]


@pytest.mark.parametrize("said", SAID)
def test_who_says_nothing_is_dropped(certificate, trusting, said):
    with running(App(), tls=certificate.context(), patience=0.2) as url, begun(url, trusting, said) as line:
        with contextlib.suppress(ConnectionResetError):
            assert line.recv(1) == b""


def test_who_says_nothing_holds_up_nobody_and_not_the_end(certificate, trusting, ask):
    with contextlib.ExitStack() as stack:
        with running(App(), tls=certificate.context(), patience=86_400) as url:
            lines = [stack.enter_context(begun(url, trusting, said)) for said in SAID for _ in range(20)]
            for scheme in ("http", "https"):
                assert ask("GET", f"{url.replace('http', scheme)}/v1beta/models").status_code == 200
        for line in lines:
            with contextlib.suppress(ConnectionResetError):
                assert line.recv(1) == b""


def test_many_connections_come_at_once(url, trusting):
    answers = []

    def get(scheme):
        base = url.replace("http", scheme)
        answers.append(httpx.get(f"{base}/v1beta/models", headers=KEY, trust_env=False, verify=trusting).status_code)

    threads = [threading.Thread(target=get, args=(scheme,)) for scheme in ["http", "https"] * 20]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 40


def test_any_bytes_instead_of_a_handshake(url, ask, capfd):
    @settings(max_examples=examples(40), deadline=None)
    @given(st.binary(max_size=40))
    def ends(data):
        with socket.create_connection(where(url), timeout=60) as line:
            line.sendall(b"\x16" + data)
            line.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                while line.recv(1000):
                    pass

    ends()
    assert ask("GET", f"{url}/v1beta/models").status_code == 200
    assert capfd.readouterr() == ("", "")


# The certificate itself


def files(folder: Path):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}


def test_it_is_kept_and_its_key_is_private(tmp_path):
    first = kept(tmp_path / "a/b", NOW)
    assert {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "a/b").iterdir()} == {
        "ca.pem": 0o644, "roots.pem": 0o644, "server.pem": 0o600, "lock": 0o600}  # fmt: skip
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o700
    before = files(tmp_path / "a/b")
    assert kept(tmp_path / "a/b", NOW + 300 * DAY) == first
    assert files(tmp_path / "a/b") == before
    assert b"PRIVATE" not in before["ca.pem"] + before["roots.pem"]
    assert before["server.pem"].count(b"PRIVATE KEY-----\n") == 2  # its beginning and its end: there is one key


@pytest.mark.parametrize("later", [-2 * DAY, LIFE - 29 * DAY, 2 * LIFE])
def test_one_that_ends_soon_or_has_not_begun_is_made_anew(tmp_path, later):
    kept(tmp_path, NOW)
    before = files(tmp_path)
    kept(tmp_path, NOW + later)
    after = files(tmp_path)
    assert before["ca.pem"] != after["ca.pem"] and before["server.pem"] != after["server.pem"]
    assert after["server.pem"].endswith(after["ca.pem"])


@pytest.mark.parametrize("text", [b"", b"nonsense", b"\xff", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END"])
def test_a_file_that_is_none_is_made_anew(tmp_path, text):
    tmp_path.joinpath("server.pem").write_bytes(text)
    made = kept(tmp_path, NOW)
    made.context()
    ssl.create_default_context(cafile=made.authority)


def test_one_whose_key_is_another_is_made_anew(tmp_path):
    made = kept(tmp_path / "a", NOW)
    before, other = made.server.read_bytes(), kept(tmp_path / "b", NOW).server.read_bytes()
    begin = b"-----BEGIN CERTIFICATE"
    made.server.write_bytes(other[: other.index(begin)] + before[before.index(begin) :])
    kept(tmp_path / "a", NOW).context()


def test_it_can_speak_for_this_machine_alone(tmp_path):
    text = kept(tmp_path, NOW).server.read_bytes()
    leaf, authority = ends = x509.load_pem_x509_certificates(text[text.index(b"-----BEGIN CERTIFICATE") :])
    leaf.verify_directly_issued_by(authority)
    limits = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical and [str(each.value) for each in limits.value.permitted_subtrees] == [
        "localhost", "127.0.0.1/32", "::1/128"]  # fmt: skip
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each.value) for each in names] == ["localhost", "127.0.0.1", "::1"]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert all(each.not_valid_after_utc == NOW + LIFE for each in ends)


@pytest.mark.parametrize("name", ["emulator", "gemini.test", "127.0.0.2"])
def test_others_may_call_it_by_a_name_of_their_own(tmp_path, ask, name):
    made = kept(tmp_path, datetime.now(UTC), names=[name])
    before = files(tmp_path)
    kept(tmp_path, datetime.now(UTC))
    assert files(tmp_path) == before  # which holds for an emulator without that name as well
    client = ssl.create_default_context(cafile=made.authority)
    with running(App(), tls=made.context()) as url:
        for named in (name, "localhost"):
            with socket.create_connection(where(url)) as line, client.wrap_socket(line, server_hostname=named):
                pass
        with socket.create_connection(where(url)) as line, pytest.raises(ssl.SSLCertVerificationError):
            client.wrap_socket(line, server_hostname="other.test")
    kept(tmp_path, datetime.now(UTC), names=["b"])
    assert files(tmp_path)["server.pem"].startswith(
        f"# localhost 127.0.0.1 ::1 {' '.join(sorted(['b', name]))}\n".encode()
    )


@pytest.mark.parametrize("name", ["näme", "a\nb", "a b", "", "*", ".a"])
def test_what_is_no_name_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="name"):
        kept(tmp_path, NOW, names=[name])
    assert not (tmp_path / "server.pem").exists()


def test_strict_clients_are_content(certificate):
    """Python checks so from 3.13 on."""
    strict = ssl.create_default_context(cafile=certificate.authority)
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    with running(App(), tls=certificate.context()) as url:
        with socket.create_connection(where(url)) as line, strict.wrap_socket(line, server_hostname="127.0.0.1") as tls:
            assert tls.version() == "TLSv1.3"


def test_the_roots_are_those_of_before_and_ours(tmp_path):
    others = tmp_path / "others.pem"
    others.write_bytes(b"others")
    made = kept(tmp_path / "a", NOW, others)
    ours = made.authority.read_bytes()
    assert made.roots.read_bytes().startswith(b"others\n#") and made.roots.read_bytes().endswith(ours)
    again = kept(tmp_path / "a", NOW + LIFE, made.roots)  # where SSL_CERT_FILE names what was made here
    assert again.roots.read_bytes().startswith(b"others\n#") and ours not in again.roots.read_bytes()
    assert again.roots.read_bytes().endswith(again.authority.read_bytes())
    gone = kept(tmp_path / "a", NOW + LIFE, tmp_path / "gone.pem")
    assert gone.roots.read_bytes().endswith(gone.authority.read_bytes())


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/server.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreDamaged, match="another certificate is made"):
        kept(tmp_path / "a", NOW)
    assert not (tmp_path / "elsewhere").exists()


def test_two_that_start_at_once_have_the_same(tmp_path):
    made = []
    threads = [threading.Thread(target=lambda: made.append(kept(tmp_path / "a", NOW))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4 and len(set(made)) == 1
    text = files(tmp_path / "a")
    assert text["server.pem"].endswith(text["ca.pem"]) and text["roots.pem"].endswith(text["ca.pem"])


def test_nothing_heavy_is_imported_where_there_is_one(tmp_path):
    kept(tmp_path, datetime.now(UTC))
    program = (
        "import sys; from datetime import UTC, datetime; from pathlib import Path\n"
        "from gemctl.emulator.certificate import kept\n"
        "kept(Path(sys.argv[1]), datetime.now(UTC)).context()\n"
        "print('cryptography' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
