"""`gemctl token mint`: by an applied policy only, each token once, to one place, and its value nowhere else."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import re
import shlex
import stat
import subprocess
import sys
from datetime import timedelta
from types import SimpleNamespace

import pytest
from cli_world import environment, gemctl
from quick_gemctl import quick_gemctl
from values import ManualClock

from gemctl.cli.main import run
from gemctl.core.errors import GemctlError
from gemctl.core.record import Minted, MintedToken
from gemctl.core.secret import Secret
from gemctl.emulator.app import App, Response
from gemctl.emulator.faults import Fault
from gemctl.emulator.server import running
from gemctl.emulator.world import World
from gemctl.files.disk import Files
from gemctl.outputs.sinks import FileSink
from gemctl.state.local import LocalStore

PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: shop, id: abcd1234}
defaultStack: live
stacks: {live: {}, local: {endpoint: emulator}}
timing: {requestDeadline: 5s, settle: 1s}
"""
POLICY = """\
apiVersion: gemctl/v1
kind: TokenPolicy
metadata: {name: demo}
spec:
  uses: 2
  expireAfter: 1h
  liveConnectConstraints:
    model: gemini-3.8-live
    config: {systemInstruction: {textFile: prompt.md}}
"""
TOKEN = re.compile(r"auth_tokens/[0-9a-f]{64}")
_HEAR = 'import sys; open("heard", "a").write(sys.stdin.read() + "|")'
PARROT = shlex.join([sys.executable, "-c", _HEAR])


class Odd(App):
    """Answers mints with the same thing, once it is told to."""

    answer: Response | None = None

    def handle(self, request):
        reply = super().handle(request)
        return self.answer if self.answer and request.method == "POST" else reply


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def app(clock):
    one = Odd(World(now=clock.now))
    yield one
    assert not one.bugs


@pytest.fixture
def folder(tmp_path):
    for name, text in (("gemctl.yaml", PROJECT), ("policy.yaml", POLICY), ("prompt.md", "Be brief.\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def shell(app, folder, clock, capfd, monkeypatch):
    """Runs command lines in the project, against the served emulator. Everything that was ever said is in `told`."""
    log = logging.getLogger("gemctl")
    before = list(log.handlers), log.level
    told = []

    def call(*words, status=0):
        capfd.readouterr()
        log.handlers.clear()
        found = run(words, clock=clock)
        out, err = capfd.readouterr()
        told.append((out, err))
        assert found == status, (words, found, out, err)
        return SimpleNamespace(out=out, err=err)

    call.told = told
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GEMINI_API_KEY", "a-key")
    with running(app) as url:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        yield call
    log.handlers[:] = before[0]
    log.setLevel(before[1])


@pytest.fixture
def applied(shell):
    shell("apply", "--yes")
    return shell


def mints(app):
    return [request for request in app.requests if request.method == "POST"]


def recorded(folder):
    """Digests and open intents, as `state list --json` has them."""
    from gemctl.core.record import Ledger

    ledger: Ledger = LocalStore(folder / ".gemctl/live", clock=ManualClock()).load().ledger
    return list(ledger.tokens), [intent.deadline for intent in ledger.open_mints]


def digest(token):
    return hashlib.sha256(token.encode()).hexdigest()[:16]


# By which policy.


def test_only_by_a_policy_that_was_applied_and_not_changed_since(shell, app, folder):
    said = shell("token", "mint", "demo", status=1)
    assert "error[E540]" in said.err and "never applied" in said.err and said.out == ""
    shell("apply", "--yes")
    assert TOKEN.fullmatch(shell("token", "mint", "demo").out.strip())
    assert TOKEN.fullmatch(shell("token", "mint", "TokenPolicy/demo").out.strip())
    (folder / "prompt.md").write_text("Be long.\n")
    said = shell("token", "mint", "demo", status=1)
    assert "error[E540]" in said.err and "changed since" in said.err
    assert len(mints(app)) == 2
    shell("token", "mint", "demo", "--unapplied")
    text = mints(app)[-1].json["bidiGenerateContentSetup"]["systemInstruction"]["parts"][0]["text"]
    assert text == "Be long.\n", "as it is declared"
    shell("apply", "--yes")
    shell("token", "mint", "demo")


def test_applying_makes_no_call_and_is_soon_done(shell, app):
    assert "locks everything" in shell("plan").out
    shell("apply", "--yes")
    assert "Nothing to do" in shell("plan", "--detailed-exitcode").out
    shell("token", "mint", "demo")
    shell("plan", "--detailed-exitcode")
    assert [request.path for request in mints(app)] == ["/v1alpha/auth_tokens"]


def test_an_unknown_policy(shell, app):
    said = shell("token", "mint", "dmo", status=64)
    assert "error[E004]" in said.err and "Declared: demo." in said.err
    shell("token", "mint", "demo", "--to-file", "a", "--to-command", "b", status=64)
    shell("token", "mint", "demo", "--overwrite", status=64)
    shell("token", "mint", "demo", "--count", "0", status=64)
    assert not app.requests


def test_without_any_state(shell, app, folder):
    """The first state must not pass for one that knows what is live: caches that are not found are waited for."""
    (folder / "cache.yaml").write_text(
        "apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {name: one}\n"
        f"spec: {{model: gemini-3.8-flash, contents: {'x ' * 3000}}}\n"
    )
    shell("token", "mint", "demo", "--unapplied")
    ledger = LocalStore(folder / ".gemctl/live", clock=ManualClock()).load().ledger
    assert [str(intent.address) for intent in ledger.open_creates] == ["CachedContent/one"]
    assert len(ledger.tokens) == 1
    shell("apply", "--yes")
    assert len(recorded(folder)[0]) == 1


def test_one_run_at_a_time(shell, app, folder):
    shell("token", "mint", "demo", "--unapplied")
    with (folder / ".gemctl/live/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "E410" in shell("token", "mint", "demo", "--unapplied", status=3).err


def test_a_damaged_journal_is_not_built_upon(applied, app, folder):
    (folder / ".gemctl/live/journal").write_text("not a journal\n")
    said = applied("token", "mint", "demo", status=6)
    assert "error[E403]" in said.err and not mints(app)


# Where it goes.


def test_standard_output_has_the_token_alone(shell, app, folder, clock):
    said = shell("token", "mint", "demo", "--unapplied")
    token = said.out.removesuffix("\n")
    assert TOKEN.fullmatch(token)
    assert f"digest {digest(token)}" in said.err and "2 sessions, begun before 2026-11-21T09:01:00Z" in said.err
    (effect,) = app.effects
    assert effect.name.endswith(digest(token)[:12])
    assert effect.expire_time - effect.at == timedelta(hours=1)
    assert recorded(folder) == ([digest(token)], [])
    shown = json.loads(shell("state", "show", "TokenPolicy/demo").out)
    assert shown["mintedTokens"] == [
        {
            "address": "TokenPolicy/demo",
            "digest": digest(token),
            "mintTime": "2026-11-21T09:00:00Z",
            "expireTime": "2026-11-21T10:00:00Z",
            "newSessionExpireTime": "2026-11-21T09:01:00Z",
            "uses": 2,
        }
    ]
    assert f"sha256 {digest(token)}  minted  2026-11-21T10:00:00Z" in shell("state", "list").out


def test_json_is_a_document_a_line(shell):
    lines = shell("token", "mint", "demo", "--unapplied", "--json", "--count", "3").out.splitlines()
    found = [json.loads(line) for line in lines]
    assert [one["digest"] for one in found] == [digest(one["token"]) for one in found]
    assert {one["expireTime"] for one in found} == {"2026-11-21T10:00:00Z"}
    (line,) = shell("token", "mint", "demo", "--unapplied", "--json", "--to-file", "t").out.splitlines()
    assert "token" not in json.loads(line) and json.loads(line)["address"] == "TokenPolicy/demo"


def test_a_file_of_ones_own(shell, folder):
    before = os.umask(0)
    try:
        said = shell("token", "mint", "demo", "--unapplied", "--to-file", "out.txt", "--count", "3")
    finally:
        os.umask(before)
    path = folder / "out.txt"
    assert said.out == "" and said.err.count("Minted by") == 3
    lines = path.read_text().splitlines()
    assert len(lines) == 3 and all(map(TOKEN.fullmatch, lines)) and path.read_text().endswith("\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.stat().st_nlink == 1
    assert sorted(recorded(folder)[0]) == sorted(map(digest, lines))
    said = shell("token", "mint", "demo", "--unapplied", "--to-file", "out.txt", status=1)
    assert "error[E541]" in said.err and "--overwrite" in said.err
    path.chmod(0o644)
    shell("token", "mint", "demo", "--unapplied", "--to-file", "out.txt", "--overwrite")
    (line,) = path.read_text().splitlines()
    assert line not in lines and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {each.name for each in folder.iterdir()} == {
        ".gemctl", "gemctl.yaml", "out.txt", "policy.yaml", "prompt.md"
    }  # fmt: skip


def test_a_file_that_cant_be_written_is_noticed_before_anything_is_minted(shell, app, folder, tmp_path_factory):
    shell("token", "mint", "demo", "--unapplied")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "theirs").write_text("theirs")
    (folder / "link").symlink_to(elsewhere / "theirs")
    (folder / "dangling").symlink_to(elsewhere / "gone")
    (folder / "state").symlink_to(folder / ".gemctl")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    for name in ("link", "dangling", "folder", "pipe", "", "-", "folder/", "gone/t", ".gemctl/t", "state/live/t", "."):
        said = shell("token", "mint", "demo", "--unapplied", f"--to-file={name}", "--overwrite", status=1)
        assert "error[E541]" in said.err and "Nothing was minted." in said.err, name
    assert len(mints(app)) == 1
    assert (elsewhere / "theirs").read_text() == "theirs" and len(list(elsewhere.iterdir())) == 1
    assert not list(folder.rglob("*.new"))
    shell("token", "mint", "demo", "--unapplied", "--to-file", str(elsewhere / "t"))  # their own command line may


def test_a_file_that_appears_meanwhile_is_left_alone(tmp_path):
    path = tmp_path / "t"
    sink = FileSink(str(path), overwrite=False, reserved=tmp_path / ".gemctl")
    sink.prepare()
    path.write_text("theirs")
    with pytest.raises(GemctlError) as caught:
        sink.take(Secret("auth_tokens/ours"), None)
    sink.close()
    (left,) = [each for each in tmp_path.iterdir() if each != path]
    assert path.read_text() == "theirs" and left.read_text() == "auth_tokens/ours\n"
    assert str(left) in str(caught.value) and "ours" not in str(caught.value)


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    sink = FileSink(str(tmp_path / "t"), overwrite=False, reserved=tmp_path / ".gemctl")
    sink.prepare()
    monkeypatch.setattr(Files, "sync", _full)
    with pytest.raises(OSError, match="No space"):
        sink.take(Secret("auth_tokens/a"), None)
    sink.close()
    assert not list(tmp_path.iterdir())


def test_a_token_that_is_in_its_place_was_handed_over(tmp_path, monkeypatch):
    """Also where nobody can promise that its name outlives a loss of power."""
    sink = FileSink(str(tmp_path / "t"), overwrite=False, reserved=tmp_path / ".gemctl")
    sink.prepare()
    monkeypatch.setattr(Files, "sync_folder", _full)
    for name in ("auth_tokens/a", "auth_tokens/b"):
        sink.take(Secret(name), None)
    sink.close()
    (path,) = tmp_path.iterdir()
    assert path.read_text() == "auth_tokens/a\nauth_tokens/b\n"


def _full(*_):
    raise OSError(28, "No space left on device")


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    sink = FileSink(str(tmp_path / "t"), overwrite=False, reserved=tmp_path / ".gemctl")
    sink.prepare()
    sink.take(Secret("auth_tokens/a"), None)
    sink.take(Secret("auth_tokens/b"), None)
    sink.close()
    (path,) = tmp_path.iterdir()
    assert path.read_text() == "auth_tokens/a\nauth_tokens/b\n" and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_command_gets_it_on_its_standard_input(shell, folder, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY_PROD", "another-key")
    monkeypatch.setenv("GOOGLE_API_KEY", "a-key")
    monkeypatch.setenv("KEPT", "kept")
    said = shell("token", "mint", "demo", "--unapplied", "--count", "2", "--to-command", PARROT)
    first, second, rest = (folder / "heard").read_text().split("|")
    assert TOKEN.fullmatch(first) and TOKEN.fullmatch(second) and (first, rest) != (second, "")
    assert said.out == ""
    said = shell("token", "mint", "demo", "--unapplied", "--to-command", "sh -c 'tee /dev/stderr; echo; echo heard'")
    assert not TOKEN.search(said.out + said.err) and said.err.count("[secret]") == 2 and "\nheard\n" in said.err
    said = shell("token", "mint", "demo", "--unapplied", "--json", "--to-command", "env")
    assert json.loads(said.out)["digest"]
    assert "KEPT=kept" in said.err and "API_KEY" not in said.err and "auth_tokens" not in said.err


def test_a_command_that_fails(shell, app, folder):
    said = shell("token", "mint", "demo", "--unapplied", "--count", "3", "--to-command", "sh -c 'exit 7'", status=5)
    assert "error[E542]" in said.err and "sh ended with 7." in said.err
    assert "lives until 2026-11-21T10:00:00Z" in said.err and "1 of 3 tokens were minted." in said.err
    assert len(mints(app)) == 1 and len(recorded(folder)[0]) == 1
    assert "ended by signal 9" in shell(
        "token", "mint", "demo", "--unapplied", "--to-command", "sh -c 'kill -9 $$'", status=5
    ).err  # fmt: skip
    for command in ("", "  ", "no-such-program", "echo 'open", "a\0b", "cat a\0b"):
        said = shell("token", "mint", "demo", "--unapplied", "--to-command", command, status=1)
        assert "error[E541]" in said.err and "Nothing was minted." in said.err, command
    assert len(mints(app)) == 2


def test_a_reader_that_hung_up(folder):
    read, write = os.pipe()
    os.close(read)
    done = gemctl(
        folder, "token", "mint", "demo", "--unapplied", "--stack", "local",
        capture_output=None, stdout=write, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(write)
    assert done.returncode == 5 and "error[E542]" in done.stderr and "Broken pipe" in done.stderr


def test_ctrl_c_mints_no_more(folder):
    words = ["token", "mint", "demo", "--unapplied", "--stack", "local", "--count", "5", "--json"]
    command = "sh -c 'cat > /dev/null; kill -INT $PPID; sleep 0.2'"
    done = subprocess.run(
        [quick_gemctl(), *words, "--to-command", command], cwd=folder, env=environment(), capture_output=True,
        text=True, timeout=300, check=False, start_new_session=True,
    )  # fmt: skip
    assert done.returncode == 130, done.stderr
    assert len(done.stdout.splitlines()) == 1
    ledger = LocalStore(folder / ".gemctl/local", clock=ManualClock()).load().ledger
    assert len(ledger.tokens) == 1 and not ledger.open_mints


# At most once.

LOST = {
    "after": [Fault("after", method="POST")],
    "before": [Fault("before", method="POST")],
    "an error": [Fault("status_after", method="POST", status=500)],
    "another error": [Fault("status_before", method="POST", status=429)],
    "cut": [Fault("cut", method="POST", at_bytes=20)],
    "late": [Fault("late", method="POST", delay=60)],
}
GARBLED = {
    "a page": Response(200, b"<html>auth_tokens/0a1b", {"Content-Type": "text/html"}),
    "nothing": Response(200, b"{}", {"Content-Type": "application/json"}),
    "another name": Response(200, b'{"name": "files/abc"}', {"Content-Type": "application/json"}),
    "a list": Response(200, b'["auth_tokens/0a1b"]', {"Content-Type": "application/json"}),
    "a redirect": Response(302, b"", {"Location": "https://evil.example/auth_tokens/0a1b"}),
}


@pytest.mark.parametrize("case", [*LOST, *GARBLED])
def test_an_answer_that_was_lost_is_never_asked_for_again(applied, app, folder, clock, case):
    app.set_faults(LOST.get(case, []))
    app.answer = GARBLED.get(case)
    said = applied("token", "mint", "demo", "--count", "3", status=5)
    app.set_faults([])
    app.answer = None
    assert "error[E543]" in said.err and said.out == ""
    assert "One unknown token may live until 2026-11-21T10:00:00Z. No token was minted." in said.err
    assert "0a1b" not in said.err
    assert len(mints(app)) == 1
    assert recorded(folder)[0] == [] and len(recorded(folder)[1]) == 1
    assert "open mint  2026-11-21T10:00:00Z" in applied("state", "list").out
    shown = json.loads(applied("state", "show", "TokenPolicy/demo").out)["unknownTokens"]
    assert [one["expireTime"] for one in shown] == ["2026-11-21T10:00:00Z"]
    # Until then everybody is told, and nothing but another command makes another one.
    for words in (["plan", "--detailed-exitcode"], ["apply", "--yes"], ["token", "mint", "demo"]):
        assert "warning[W540]" in applied(*words).err, words
    assert len(mints(app)) == 2
    clock.advance(3599)
    assert "warning[W540]" in applied("plan").err
    clock.advance(1)
    assert "W540" not in applied("plan").err
    assert applied("state", "list").out.count("mint") == 0
    applied("token", "mint", "demo")
    assert len(recorded(folder)[0]) == 1 and recorded(folder)[1] == [], "what has ended is forgotten"


def test_a_refusal_is_known_not_to_have_made_one(applied, app, folder):
    app.set_faults([Fault("status_before", method="POST", nth={2}, status=400, message="No such thing.")])
    said = applied("token", "mint", "demo", "--count", "3", status=5)
    (token,) = said.out.splitlines()
    assert "error[E301]" in said.err and "No such thing." in said.err and "1 of 3 tokens were minted." in said.err
    assert recorded(folder) == ([digest(token)], [])
    app.set_faults([Fault("status_before", method="POST", status=403, message="Not you.")])
    assert "No token was minted" not in applied("token", "mint", "demo", status=1).err
    assert "W540" not in applied("plan").err


def test_the_service_cant_be_reached(applied, app, monkeypatch):
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:1")
    said = applied("token", "mint", "demo", status=1)
    assert "error[E302]" in said.err and not mints(app)


@pytest.mark.parametrize("entry", ["intended", "minted", "closed"])
def test_a_full_disk(applied, app, folder, monkeypatch, entry):
    append = LocalStore.append

    def full(self, entries):
        entries = list(entries)
        if any(one.op == entry for one in entries):
            self._close()  # as after a real failure: nothing more is taken
            raise OSError(28, "No space left on device")
        append(self, entries)

    monkeypatch.setattr(LocalStore, "append", full)
    monkeypatch.setattr(LocalStore, "finish", lambda *_: None)
    if entry == "closed":
        app.set_faults([Fault("status_before", method="POST", status=400)])
    said = applied("token", "mint", "demo", "--count", "2", status=5 if entry == "minted" else 1)
    assert "error[E521]" in said.err
    if entry == "intended":
        assert not mints(app) and said.out == ""
        return
    assert len(mints(app)) == 1
    assert len(said.out.splitlines()) == (entry == "minted"), "it lives, so somebody shall have it"
    assert len(recorded(folder)[1]) == 1, "and it counts as unknown"


def test_ends_are_counted_by_the_services_clock(applied, app, clock):
    app.world._now = ManualClock(clock.now() + timedelta(minutes=10)).now
    said = applied("token", "mint", "demo")
    assert "warning[W302]" in said.err
    sent = mints(app)[-1].json
    assert (sent["expireTime"], sent["newSessionExpireTime"]) == ("2026-11-21T10:10:00Z", "2026-11-21T09:11:00Z")


def test_tokens_go_along_when_their_policy_is_called_otherwise(applied, app, folder):
    applied("token", "mint", "demo")
    app.set_faults([Fault("after", method="POST")])
    applied("token", "mint", "demo", status=5)
    applied("state", "mv", "TokenPolicy/demo", "TokenPolicy/other")
    shown = json.loads(applied("state", "show", "TokenPolicy/other").out)
    assert len(shown["mintedTokens"]) == len(shown["unknownTokens"]) == 1
    (folder / "policy.yaml").write_text(POLICY.replace("demo", "other"))
    assert "Nothing to do" in applied("plan").out
    app.set_faults([])
    applied("token", "mint", "other")
    applied("state", "rebuild")
    found = json.loads(applied("state", "list", "--json").out)
    assert len(found["mintedTokens"]) == 2 and len(found["unknownTokens"]) == 1
    applied("destroy", "--yes")
    assert len(recorded(folder)[0]) == 2, "a policy that is gone takes no token with it"


# The value is a secret.


@pytest.mark.parametrize("case", [None, "cut", "an error", "journal", "command"])
def test_the_value_is_nowhere_else(shell, app, folder, clock, monkeypatch, case):
    made = []
    draw = World.draw

    def overhear(self, letters, length):
        text = draw(self, letters, length)
        made.append(text)
        return text

    monkeypatch.setattr(World, "draw", overhear)
    app.set_faults(LOST.get(case, []))
    if case == "journal":
        append = LocalStore.append

        def full(self, entries):
            entries = list(entries)
            if any(isinstance(one, Minted) for one in entries):
                raise OSError(28, f"No space left on device for {entries!r}")
            append(self, entries)

        monkeypatch.setattr(LocalStore, "append", full)
    handed = []
    for extra in ([], ["--json"], ["--to-file", "out.txt"], ["--to-command", "false" if case == "command" else PARROT]):
        with contextlib.suppress(AssertionError):
            shell("-vv", "token", "mint", "demo", "--unapplied", *extra)
        out, err = shell.told[-1]
        if extra in ([], ["--json"]):
            handed += TOKEN.findall(out)
            out = TOKEN.sub("", out)
        assert not TOKEN.search(out + err), extra
        assert "gemctl.api: POST auth_tokens" in err, "the log was on"
    for name in ("out.txt", "heard"):
        if (folder / name).exists():
            handed += TOKEN.findall((folder / name).read_text())
            (folder / name).unlink()
    for words in (["plan"], ["plan", "--json"], ["state", "list"], ["state", "list", "--json"], ["output", "--json"],
                  ["plan", "--out", "saved.plan"], ["apply", "--yes"], ["state", "rebuild"]):  # fmt: skip
        with contextlib.suppress(AssertionError):
            shell("-vv", *words)
    made = [text for text in made if len(text) == 64]
    assert len(made) == 4
    assert sorted(handed) == sorted(set(handed)) and len(handed) == {"cut": 0, "an error": 0, "command": 3}.get(case, 4)
    everything = "".join(text for said in shell.told[4:] for text in said)
    everything += "".join(path.read_bytes().decode("utf-8", "replace") for path in folder.rglob("*") if path.is_file())
    everything += repr(app.requests) + repr(app.effects)
    for token in made:
        assert token not in everything


def test_no_exception_or_repr_shows_a_value():
    value = Secret("auth_tokens/canary")
    token = MintedToken(value.digest, ManualClock().now(), ManualClock().now(), ManualClock().now(), 1)
    shown = [repr(value), str(value), f"{value}", f"{[value]!r}", repr(Minted(None, token))]
    with pytest.raises(AttributeError) as caught:
        value.text  # noqa: B018
    assert "canary" not in "".join([*shown, repr(caught.value)])
    assert not hasattr(value, "__dict__") and value.reveal() == "auth_tokens/canary"


def test_the_value_is_in_no_argument_and_no_environment(shell, folder):
    script = folder / "look.py"
    script.write_text(
        "import os, sys\n"
        "token = sys.stdin.read()\n"
        "seen = ''.join(sys.argv) + repr(dict(os.environ))\n"
        "seen += open(f'/proc/{os.getppid()}/cmdline').read() + open(f'/proc/{os.getppid()}/environ').read()\n"
        "sys.exit(0 if token.startswith('auth_tokens/') and token not in seen else 3)\n"
    )
    shell("token", "mint", "demo", "--unapplied", "--to-command", f"{sys.executable} {script}")


@pytest.mark.parametrize(("model", "code"), [("gemini-live-of-tomorrow", "E580"), ("gemini-3.8-flash", "E581")])
def test_a_model_that_opens_no_session_is_refused_before_anything_is_minted(shell, app, folder, model, code):
    """The service's own list says so, at the line that names the model."""
    (folder / "policy.yaml").write_text(POLICY.replace("gemini-3.8-live", model))
    shell("apply", "--yes")
    said = shell("token", "mint", "demo", status=1)
    assert f"policy.yaml:8:12: error[{code}]" in said.err and said.out == ""
    assert mints(app) == []
