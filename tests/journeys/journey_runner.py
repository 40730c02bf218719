"""Plays a story: command lines against a temporary copy of a project, and what else happens in the world meanwhile.

A story is a folder with `script.yaml` and `output.txt`; README.md in this folder describes both.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from values import ManualClock

from gemctl.cli.main import run
from gemctl.core.moment import parse_duration, parse_instant
from gemctl.emulator.app import App, Request
from gemctl.emulator.faults import Fault
from gemctl.emulator.server import running
from gemctl.emulator.store import FileStore
from gemctl.emulator.world import World

STORIES = Path(__file__).parent
MANIFESTS = STORIES.parent.parent / "manifests"

# By the service; names of files are chosen by gemctl.
_NAMED = re.compile(r"(cachedContents|batches|interactions|triggers|webhooks)/(?:[0-9a-z]{36,}|v1_[0-9A-Za-z_-]{40,})")
_SHORT = {
    "cachedContents": "cache",
    "batches": "job",
    "interactions": "interaction",
    "triggers": "trigger",
    "webhooks": "webhook",
}
_PLACEHOLDER = re.compile(r"<(?:cache|job|interaction|trigger|webhook)-\d+>")
_RANDOM = (
    (re.compile(r'("lineage": )"[0-9a-f]{16}"'), r'\1"<lineage>"'),
    (re.compile(r"lineage [0-9a-f]{16}"), "lineage <lineage>"),
    (re.compile(r'("digest": )"sha256:[0-9a-f]{64}"'), r'\1"<digest>"'),  # of answers, which name the cache
    (
        re.compile(r"process \d+ of \S+ on \S+, since \S+, doing"),
        "process <pid> of <user> on <host>, since <time>, doing",
    ),
    (re.compile(r"(?<![/0-9a-z])[0-9a-z]{36}\b"), "<id>"),  # of an execution
    (re.compile(r"(?<!interactions/)\bv1_[0-9A-Za-z_-]{40,}"), "<interaction>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:<port>"),
)


class Journey:
    """The world of one story, and its transcript so far."""

    def __init__(self, script: dict[str, Any], story: Path, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.script, self.folder, self.patch = script, folder, patch
        self.clock = ManualClock(parse_instant(script["clock"])) if "clock" in script else ManualClock()
        self.names: dict[str, str] = {}
        self.lines: list[str] = []
        source = MANIFESTS / script["manifests"] if "manifests" in script else story / "project"
        skip = shutil.ignore_patterns("out", ".gemctl")
        if source.exists():
            shutil.copytree(source, folder, ignore=skip)
        else:
            folder.mkdir()
        patch.chdir(folder)
        self.served: App | None = None

    def play(self) -> str:
        with self._service():
            for step in self.script["steps"]:
                ((word, given), *rest) = step.items()
                getattr(self, f"do_{word}")(given, **dict(rest))
        return "\n".join(self.lines) + "\n"

    @contextlib.contextmanager
    def _service(self) -> Iterator[None]:
        """With `served: true`, an emulator behind a socket that stacks without `endpoint: emulator` talk to."""
        if not self.script.get("served"):
            yield
            return
        self.served = App(World(now=self.clock.now))
        with running(self.served) as url:
            self.patch.setenv("GOOGLE_GEMINI_BASE_URL", url)
            yield
        assert not self.served.bugs

    # Steps

    def do_run(self, line: str) -> None:
        """A command line: `gemctl …`, or `cat FILE`."""
        self.lines += ["", f"$ {line}"] if self.lines else [f"$ {line}"]
        program, *words = shlex.split(self._real(line))
        if program == "cat":
            self._print((self.folder / words[0]).read_text(encoding="utf-8"))
            return
        assert program == "gemctl"
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run(words, clock=self.clock)
        self._print(out.getvalue())
        self._print(err.getvalue(), "2> ")
        self.lines.append(f"[exit {status}]")

    def do_write(self, file: str, text: str = "") -> None:
        self._note(f"write {file}")
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._real(text), encoding="utf-8")

    def do_edit(self, file: str, replace: str = "", by: str = "") -> None:
        """Replace a text that occurs exactly once."""
        self._note(f"edit {file}")
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(replace) == 1, f"{replace!r} occurs {text.count(replace)} times in {file}"
        path.write_text(text.replace(replace, self._real(by)), encoding="utf-8")

    def do_remove(self, file: str) -> None:
        self._note(f"remove {file}")
        path = self.folder / file
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    def do_copy(self, file: str, to: str = "") -> None:
        self._note(f"copy {file} to {to}")
        shutil.copyfile(self.folder / file, self.folder / to)

    def do_advance(self, by: str) -> None:
        self._note(f"{by} later")
        self.clock.advance(parse_duration(by))

    def do_call(self, line: str, body: Any = None) -> None:
        """A request to the service that is not gemctl's: METHOD and path, which may be <cache-N>."""
        method, path = self._real(line).split()
        data = b"" if body is None else json.dumps(body).encode()
        app = self.served or App(World(FileStore(self.folder / ".gemctl/local/emulator"), now=self.clock.now))
        reply = app.handle(Request(method, f"/v1beta/{path}", (), {"x-goog-api-key": "any"}, data))
        shown = json.loads(reply.body).get("name", "")
        self._note(f"somebody else: {line} → {reply.status} {shown}".rstrip())
        assert reply.status == 200, reply.body

    def do_env(self, variables: dict[str, str | None]) -> None:
        for name, value in variables.items():
            if value is None:
                self._note(f"unset {name}")
                self.patch.delenv(name, raising=False)
            else:
                self._note(f"export {name}={value}")
                self.patch.setenv(name, value)

    def do_faults(self, faults: list[dict[str, Any]]) -> None:
        """What goes wrong from here on, in the served emulator."""
        assert self.served
        said = "; ".join(" ".join(f"{k}={v}" for k, v in fault.items()) for fault in faults)
        self._note(f"the service: {said or 'well again'}")
        self.served.set_faults([Fault.from_json(fault) for fault in faults])

    # The transcript

    def _note(self, text: str) -> None:
        self.lines += ["", f"# {self._normal(text)}"] if self.lines else [f"# {self._normal(text)}"]

    def _print(self, text: str, prefix: str = "") -> None:
        assert "Traceback" not in text
        self.lines += [f"{prefix}{line}".rstrip() for line in self._normal(text).splitlines()]

    def _normal(self, text: str) -> str:
        text = text.replace(str(self.folder.resolve()), "<project>").replace(str(self.folder), "<project>")
        for pattern, by in _RANDOM:
            text = pattern.sub(by, text)
        return _NAMED.sub(lambda m: self.names.get(m.group()) or self._new_name(*m.group(0, 1)), text)

    def _new_name(self, name: str, collection: str) -> str:
        short = _SHORT[collection]
        number = 1 + sum(known.startswith(f"<{short}-") for known in self.names.values())
        return self.names.setdefault(name, f"<{short}-{number}>")

    def _real(self, text: str) -> str:
        known = {short: name for name, short in self.names.items()}
        return _PLACEHOLDER.sub(lambda m: known[m.group()], text)


def stories() -> list[str]:
    return sorted(path.parent.name for path in STORIES.glob("*/script.yaml"))


def script(story: str) -> dict[str, Any]:
    return yaml.safe_load((STORIES / story / "script.yaml").read_text(encoding="utf-8"))
