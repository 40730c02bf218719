"""`gemctl emulator env`: what programs need, in the words of a shell; and the emulator that can speak no TLS."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading

import pytest
from cli_world import GEMCTL, environment, here

from gemctl.core.errors import GemctlError
from gemctl.emulator.admin import Admin
from gemctl.emulator.app import App
from gemctl.emulator.server import running
from gemctl.render import shell
from gemctl.workflows.exports import exports


@pytest.fixture(scope="module")
def app():
    return App()


@pytest.fixture(scope="module")
def trusted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a b")
    files = {name: folder / f"{name}.pem" for name in ("authority", "roots")}
    for path in files.values():
        path.touch()
    return files


@pytest.fixture(scope="module")
def tls(trusted):
    roots = dict.fromkeys(("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), str(trusted["roots"]))
    return roots | {"NODE_EXTRA_CA_CERTS": str(trusted["authority"])}


@pytest.fixture(scope="module")
def port(app, trusted):
    with running(app, admin=Admin(app, tls={name: str(path) for name, path in trusted.items()})) as url:
        yield int(url.rpartition(":")[2])


@pytest.fixture(scope="module")
def plain(app):
    """The port of one that speaks no TLS."""
    with running(app) as url:
        yield int(url.rpartition(":")[2])


def addresses(port, scheme="http"):
    base = f"{scheme}://127.0.0.1:{port}"
    return {
        "GOOGLE_GEMINI_BASE_URL": base,
        "GEMINI_API_KEY": "any-word",
        "OPENAI_BASE_URL": f"{base}/v1beta/openai",
        "OPENAI_API_KEY": "any-word",
    }


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_there_is_all_that_programs_need(port, tls, scheme):
    assert exports(port, {}, https=scheme == "https").variables == addresses(port, scheme) | tls


BOTH = ("NO_PROXY", "no_proxy")


@pytest.mark.parametrize(
    ("env", "more"),
    [
        ({"GEMINI_API_KEY": "AIzaReal", "OPENAI_API_KEY": "sk-real"}, {}),
        ({"GOOGLE_API_KEY": "AIzaReal"}, {"GOOGLE_API_KEY": "any-word"}),
        ({"GOOGLE_GENAI_USE_VERTEXAI": "1"}, {"GOOGLE_GENAI_USE_VERTEXAI": "false"}),
        ({"GOOGLE_GENAI_USE_ENTERPRISE": "true"}, {"GOOGLE_GENAI_USE_ENTERPRISE": "false"}),
        ({"https_proxy": "", "NO_PROXY": "x"}, {}),
        ({"HTTPS_PROXY": "http://p"}, dict.fromkeys(BOTH, "localhost,127.0.0.1,::1")),
        ({"all_proxy": "p", "no_proxy": "a.b, ::1"}, dict.fromkeys(BOTH, "a.b,::1,localhost,127.0.0.1")),
    ],
)  # fmt: skip
def test_what_would_lead_elsewhere_is_set_too(port, tls, env, more):
    assert exports(port, env, https=False).variables == addresses(port) | tls | more


def test_node_keeps_what_it_trusted_besides(port, tls, trusted):
    for before, after in [("/etc/company.pem", trusted["roots"]), (str(trusted["authority"]), trusted["authority"])]:
        found = exports(port, {"NODE_EXTRA_CA_CERTS": before}, https=False).variables
        assert found == addresses(port) | tls | {"NODE_EXTRA_CA_CERTS": str(after)}


def test_one_without_tls_gives_no_certificate(plain):
    assert exports(plain, {}, https=False).variables == addresses(plain)
    with pytest.raises(GemctlError, match="speaks no TLS"):
        exports(plain, {}, https=True)


@pytest.mark.parametrize("file", ["authority", "roots"])
def test_files_of_other_users_are_not_trusted(port, trusted, monkeypatch, file):
    if root := os.getuid() == 0:
        os.chown(trusted[file], 4711, -1)
    else:
        monkeypatch.setattr(os, "getuid", lambda: 4711)
    try:
        found = exports(port, {}, https=False)
        with pytest.raises(GemctlError, match="another user"):
            exports(port, {}, https=True)
    finally:
        if root:
            os.chown(trusted[file], 0, -1)
    assert found.variables == addresses(port)
    assert "belongs to another user" in found.notes[0]


@pytest.mark.parametrize("tls", [{}, {"authority": "/gone/ca.pem", "roots": "/gone/roots.pem"}, {"roots": "\0"}])
def test_files_that_are_not_here_are_not_trusted(app, tls):
    """Such as those of an emulator in a container."""
    with running(app, admin=Admin(app, tls=tls)) as url:
        port = int(url.rpartition(":")[2])
        found = exports(port, {}, https=False)
    assert found.variables == addresses(port)
    assert "there is no file" in found.notes[0]


def test_an_emulator_that_takes_some_keys_only_is_one_to_be_told_of(app, port, tmp_path):
    app.turn(keys=["one", "two"])
    try:
        done = here(tmp_path, "emulator", "env", "--port", str(port))
    finally:
        app.turn(keys=None)
    assert done.returncode == 0
    assert (
        done.stderr == "This emulator takes some keys only (its knob `keys`): put one of them in place of any-word.\n"
    )


def test_the_command_prints_lines_or_a_document(port, tmp_path, monkeypatch):
    monkeypatch.delenv("NODE_EXTRA_CA_CERTS", raising=False)
    document = here(tmp_path, "emulator", "env", "--port", str(port), "--json")
    assert json.loads(document.stdout) == {"formatVersion": "1", "variables": exports(port, {}, https=False).variables}
    # The port may stand before the word too, as in the command that has started it.
    done = here(tmp_path, "emulator", "--port", str(port), "env", "--https")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == f"export GOOGLE_GEMINI_BASE_URL=https://127.0.0.1:{port}"


def test_no_emulator_there_is_an_error_and_nothing_to_evaluate(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        done = here(tmp_path, "emulator", "env", "--port", str(taken.getsockname()[1]))
    assert (done.returncode, done.stdout) == (1, "")
    assert "error[E092]" in done.stderr and "gemctl emulator --port" in done.stderr


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n<html>",
        b'HTTP/1.0 404 Not Found\r\n\r\n{"detail": "Not Found"}',
        b"HTTP/1.0 200 OK\r\n\r\n[]",
        b'HTTP/1.0 200 OK\r\n\r\n{"knobs": 1}',
        b"HTTP/1.0 200 OK\r\n\r\n" + b"[" * 100_000,
    ],
)
def test_what_answers_may_be_no_emulator(answer):
    def serve(listener):
        line, _ = listener.accept()
        with line:
            line.recv(10_000)
            line.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        with pytest.raises(GemctlError) as raised:
            exports(listener.getsockname()[1], {}, https=False)
        thread.join()
    assert raised.value.code == "E092"


HARD = 'it\'s "a" $b \\c `d` # e'


@pytest.mark.parametrize(
    ("which", "line"),
    [
        ("sh", "export A='it'\"'\"'s \"a\" $b \\c `d` # e'"),
        ("fish", "set -gx A 'it\\'s \"a\" $b \\\\c `d` # e'"),
        ("powershell", "$env:A = 'it''s \"a\" $b \\c `d` # e'"),
        ("dotenv", "A='it'\"'\"'s \"a\" $b \\c `d` # e'"),
    ],
)
def test_a_shell_gets_the_very_value(which, line):
    assert shell.lines({"A": HARD}, which) == [line]


def test_a_shell_that_evaluates_it_has_it(port, trusted, tmp_path, monkeypatch):
    monkeypatch.delenv("NODE_EXTRA_CA_CERTS", raising=False)
    lines = here(tmp_path, "emulator", "env", "--port", str(port)).stdout
    script = f'{lines}\nprintf "%s\\n" "$GOOGLE_GEMINI_BASE_URL" "$NODE_EXTRA_CA_CERTS"'
    done = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True)
    assert done.stdout == f"http://127.0.0.1:{port}\n{trusted['authority']}\n"


@contextlib.contextmanager
def started(folder, *options, **env):
    """`gemctl emulator`, and its process; what it said on standard error is in the list afterwards."""
    said = []
    command = [*GEMCTL, "emulator", "--port", "0", *options]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=folder, env=environment(**env), **streams) as process:
        try:
            yield process.stdout.readline().strip().removeprefix("Emulator on "), said
        finally:
            process.send_signal(signal.SIGTERM)
            said += process.communicate(timeout=300)[1].splitlines()
    assert process.returncode == 0


def test_the_certificate_is_in_the_folder_that_is_named(tmp_path):
    with started(tmp_path, "--certificate", "c d", "--allow-host", "gemini.test") as (url, said):
        port = int(url.rpartition(":")[2])
        assert exports(port, {}, https=False).variables["NODE_EXTRA_CA_CERTS"] == str(tmp_path / "c d/ca.pem")
    assert said == [
        f"export GOOGLE_GEMINI_BASE_URL={url} GEMINI_API_KEY=any-word",
        f'Also https://127.0.0.1:{port}: eval "$(gemctl emulator env --port {port})" exports what programs need.',
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["c d"]
    assert (tmp_path / "c d/server.pem").read_text().startswith("# localhost 127.0.0.1 ::1 gemini.test\n")


def test_a_program_that_starts_it_gets_a_document(tmp_path):
    with started(tmp_path, "--json") as (line, said):
        told = json.loads(line)
    assert told["url"].startswith("http://127.0.0.1:") and told == {
        "formatVersion": "1", "url": told["url"], "httpsUrl": told["url"].replace("http", "https", 1)
    }  # fmt: skip
    assert said == []


def test_where_none_can_be_kept_there_is_no_tls(tmp_path):
    (tmp_path / "file").touch()
    with started(tmp_path, XDG_STATE_HOME=str(tmp_path / "file")) as (url, said):
        assert exports(int(url.rpartition(":")[2]), {}, https=False).variables.get("SSL_CERT_FILE") is None
    assert said[1].startswith(
        "Without TLS, which Live sessions of Python clients need: its certificate can't be kept: "
    )
    done = here(tmp_path, "emulator", "--port", "0", "--certificate", str(tmp_path / "file"))
    assert done.returncode == 1
    assert "error[E090]" in done.stderr and f"The certificate can't be kept in {tmp_path / 'file'}" in done.stderr
