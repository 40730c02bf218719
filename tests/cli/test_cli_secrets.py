"""A canary for a key: it shows up in no output, no log and no file, whatever the service and the way to it do."""

from __future__ import annotations

import base64
import contextlib
import io
import logging

import pytest
from cli_world import make_project
from values import ManualClock

from gemctl.cli.main import run
from gemctl.emulator.app import App, Response
from gemctl.emulator.faults import Fault
from gemctl.emulator.server import running
from gemctl.emulator.world import World

CANARY = "canary-Zq8x_81nightingale/42+x"
FORMS = (CANARY, CANARY.replace("/", "%2F").replace("+", "%2B"), base64.b64encode(CANARY.encode()).decode())
COMMANDS = (
    "-vv validate",
    "-vv plan --out saved.plan",
    "-vv plan --json",
    "-vv apply --yes",
    "-vv apply --yes --json",
    "-vv get",
    "-vv get --json",
    "-vv output --json",
    "-vv state list --json",
    "-vv state rebuild",
    "-vv import CachedContent/one cachedContents/x",
    "-vv destroy --yes",
)
SAID = f"The key {CANARY} is no good; see https://example.com/?key={FORMS[1]} ({FORMS[2]})."


class Hostile(App):
    """Answers everything with the same thing, once it is told to."""

    answer: Response | None = None

    def handle(self, request):
        assert request.headers["x-goog-api-key"] == CANARY
        return self.answer or super().handle(request)


FAULTS = {
    "none": ([], None),
    "401": ([Fault("status_before", status=401, message=SAID)], None),
    "503": ([Fault("status_before", status=503, message=SAID)], None),
    "after": ([Fault("status_after", method="POST", status=500, message=SAID)], None),
    "cut": ([Fault("cut", at_bytes=3)], None),
    "redirect": ([], Response(302, b"", {"Location": f"https://evil.example/{CANARY}?key={CANARY}"})),
    "garbage": ([], Response(200, f"<html><title>{SAID}</title>{SAID}".encode(), {"Content-Type": "text/html"})),
    "echo": ([], Response(400, SAID.encode() * 50, {"Content-Type": "text/plain"})),
    "fields": ([], Response(200, f'{{"cachedContents": [{{"name": "{CANARY}"}}]}}'.encode(), {})),
}


@pytest.fixture
def quiet():
    log = logging.getLogger("gemctl")
    before = list(log.handlers), log.level
    yield
    log.handlers[:], log.level = before[0], before[1]
    log.setLevel(before[1])


@pytest.mark.parametrize("name", FAULTS)
def test_the_key_is_nowhere(tmp_path, monkeypatch, quiet, name):
    project, clock = make_project(tmp_path / "project", "one", "two"), ManualClock()
    faults, answer = FAULTS[name]
    app = Hostile(World(now=clock.now))
    monkeypatch.setenv("GEMINI_API_KEY", CANARY)
    monkeypatch.setenv("GEMCTL_STACK", "live")
    monkeypatch.chdir(project)
    told = ""
    with running(app) as url:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        app.set_faults(faults)
        app.answer = answer
        for line in COMMANDS:
            out, err = io.StringIO(), io.StringIO()
            logging.getLogger("gemctl").handlers.clear()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = run(line.split(), clock=clock)
            assert status in (0, 1, 5, 64), (line, out.getvalue(), err.getvalue())
            told += out.getvalue() + err.getvalue()
    assert "E099" not in told
    assert "gemctl.api: GET cachedContents" in told, "the log was on"
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        told += path.read_bytes().decode("utf-8", "replace")
    for form in FORMS:
        assert form.lower() not in told.lower()
