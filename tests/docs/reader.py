"""A reader who types what a page shows, writes the files that it shows, and opens its web pages in a browser.

gemctl runs in this process, by a clock that moves only while gemctl waits; all else runs in a shell.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest
from quick_gemctl import quick_gemctl
from values import ManualClock

from gemctl.cli.main import run
from gemctl.emulator import testing

ROOT = Path(__file__).parent.parent.parent
# Chosen by the service, and never twice the same.
NAME = re.compile(
    r"((?:cachedContents|batches|triggers)/|Execution )[a-z0-9]{36,}|(fileSearchStores/(?:[a-z0-9-]+-)?)[a-z0-9]{12}"
    r"|(interactions/v1_)[A-Za-z0-9_-]{40,}"
)
# A column that was as wide as the real names.
WIDE = re.compile(r"^(.*\b)(NAME|OBJECT) {30,}(.*\n.*?((?:cachedContents|batches|triggers)/\S+ +))", re.MULTILINE)
FAILS = " || echo $?"
IN_A_SHELL = {"|", ">", ">>", "<", "&&", ";"}
HOME = "/home/you/project"
EMULATOR = "127.0.0.1:8085"  # where pages say that it is
PAGE_SERVER = "127.0.0.1:8000"


def _narrow(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]:{len(match[4])}}{match[3]}"


class Time(ManualClock):
    """The reader's, which is also that of an emulator that is served to programs."""

    served: testing.Emulator | None = None

    def advance(self, by: float | timedelta) -> None:
        super().advance(by)
        if self.served:
            self.served.clock.advance(by)


class Reader:
    """In a copy of an example project, or in an empty folder. Leave it by `close`."""

    def __init__(self, project: str | None, folder: Path) -> None:
        self._top, self._folder, self._clock = folder, folder, Time()
        self._names: dict[str, str] = {}
        self._ends = contextlib.ExitStack()
        self.close = self._ends.close
        self._patch = self._ends.enter_context(pytest.MonkeyPatch.context())
        self._places: dict[str, str] = {}
        if project:
            shutil.copytree(ROOT / "manifests" / project, folder, ignore=shutil.ignore_patterns(".gemctl", "out"))
        else:
            folder.mkdir()
        self._patch.setattr("gemctl.workflows.init.secrets", random.Random(1))  # the id of a new project
        self._programs = folder.with_name(f"{folder.name}-bin")
        path = (str(self._programs), str(Path(sys.executable).parent), os.environ["PATH"])
        self._patch.setenv("PATH", os.pathsep.join(path))

    def typed(self, line: str) -> list[str]:
        """What is printed."""
        words, fails = shlex.split(line.removesuffix(FAILS)), line.endswith(FAILS)
        if line == 'eval "$(gemctl emulator env)"':
            assert self._clock.served, "it was not started"
            for name, value in self._clock.served.env.items():
                self._patch.setenv(name, value)
            return []
        if words[0] == "cd":
            self._folder /= words[1]
            return []
        if words[0] in ("export", "unset"):
            name, _, value = words[1].partition("=")
            self._patch.setenv(name, value) if words[0] == "export" else self._patch.delenv(name)
            return []
        with pytest.MonkeyPatch.context() as here:
            while re.fullmatch(r"[A-Z_]+=.*", words[0]):
                here.setenv(*words.pop(0).split("=", 1))
            own = words[0] == "gemctl" and not IN_A_SHELL & set(words)
            said = self._gemctl(words[1:], fails=fails) if own else self._shell(line)
        said = said.replace(str(self._top), HOME)
        return WIDE.sub(_narrow, NAME.sub(self._steady, said)).splitlines()

    def wrote(self, name: str, text: str) -> None:
        """A file that the page shows."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def left_running(self, line: str) -> None:
        """In another terminal: the emulator, whose clock is the reader's, or a server of web pages. Both get a port
        that is free."""
        words = shlex.split(line)
        if words[:2] == ["gemctl", "emulator"]:
            assert words[2:] == []
            start, knobs = self._clock.now(), {"live_pacing": False}
            self._clock.served = self._ends.enter_context(testing.emulator(clock=start, knobs=knobs))
            self._places[EMULATOR] = self._clock.served.url.removeprefix("http://")
            return
        host, _, port = PAGE_SERVER.partition(":")
        assert words[:4] == ["python3", "-m", "http.server", port], line
        command = [sys.executable, "-u", "-m", "http.server", "0", *words[4:]]
        server = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._ends.callback(server.stdout.close)
        self._ends.callback(server.wait)
        self._ends.callback(server.kill)
        said = server.stdout.readline().decode()
        self._places[PAGE_SERVER] = f"{host}:{re.search(r'port ([0-9]+)', said)[1]}"

    def opened(self, url: str) -> list[str]:
        """What the web page shows in the end: it opens a Live session with the token that it finds beside it, and says
        TURN. SETUP, TURN and LIVE are as the page has them."""
        from websockets.sync.client import connect

        def got(address: str) -> str:
            with urllib.request.urlopen(self._there(address)) as answer:
                return answer.read().decode()

        constants = dict(re.findall(r"^const ([A-Z]+) =\s+(.*?);$", got(url), re.MULTILINE | re.DOTALL))
        live, setup, turn = (json.loads(constants[name]) for name in ("LIVE", "SETUP", "TURN"))
        shown = ""
        with connect(self._there(f"{live}?access_token={got(f'{url}token.txt').strip()}"), proxy=None) as socket:
            socket.send(json.dumps(setup))
            for data in socket:
                message = json.loads(data)
                if "setupComplete" in message:
                    socket.send(json.dumps(turn))
                content = message.get("serverContent", {})
                shown += content.get("outputTranscription", {}).get("text", "")
                if content.get("turnComplete"):
                    return shown.splitlines()
        raise AssertionError("the session ended before the turn")

    def _there(self, address: str) -> str:
        for said, real in self._places.items():
            address = address.replace(said, real)
        return address

    def _gemctl(self, words: list[str], *, fails: bool) -> str:
        out, err = io.StringIO(), io.StringIO()
        # so that the order is always the same
        one_by_one = ["--parallelism", "1"] if {"apply", "destroy"} & set(words[:1] + words[2:3]) else []
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.chdir(self._folder):
            status = run([*words, *one_by_one], clock=self._clock)
        assert bool(status) == fails, f"{shlex.join(words)}: {status}\n{err.getvalue()}"
        if not fails:
            return out.getvalue()
        first, _, rest = err.getvalue().partition("\n")  # the first line says which stack it is, if there is one
        failure = rest if re.match(r"[\w-]+ / [\w-]+ on ", first) else err.getvalue()
        return f"{out.getvalue()}{failure}{int(status)}\n"

    def _shell(self, line: str) -> str:
        if re.search(r"\bgemctl |^sh ", line) and not self._programs.exists():
            self._programs.mkdir()
            (self._programs / "gemctl").symlink_to(quick_gemctl())
        now = self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        env = {"GEMCTL_EMULATOR_CLOCK": now, **os.environ}  # processes go by the reader's clock
        done = subprocess.run(line, shell=True, cwd=self._folder, capture_output=True, text=True, check=False, env=env)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _steady(self, match: re.Match[str]) -> str:
        before = match[1] or match[2] or match[3]
        number = sum(name.startswith(before) for name in self._names)
        return self._names.setdefault(match[0], f"{before}{'abcdefghijklmnop'[number] * 12}")
