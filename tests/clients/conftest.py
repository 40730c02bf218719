"""One served emulator and one process of each client, for each process of the suite; an empty world an example."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "conformance"))

from environments import DAY, HERE, INSTALL, environment, in_javascript, installed, node, program, python, variables
from served import Emulator, serving

TRUST = ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE")  # where clients read which certificates they trust

# Its clock runs, as clients wait by their own; what takes seconds by default takes none.
QUICK = {"batch_pending": 0, "batch_running": 0.2, "file_processing": 0.2}


@pytest.fixture(scope="session")
def _served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    knobs = [word for knob in QUICK.items() for word in ("--set", "{}={}".format(*knob))]
    with serving("--clock", DAY, "--seed", "7", "--certificate", str(folder), *knobs) as emulator:
        emulator.authority = next(folder.rglob("ca.pem"))
        yield emulator


@pytest.fixture
def emulator(_served):
    _served.reset()
    yield _served
    assert _served.state()["bugs"] == 0


def _command(client: str, home: Path) -> list[object]:
    if not in_javascript(client):
        return [python(client), HERE / "run_examples.py", program(client)]
    (home / "node_modules").symlink_to(environment(client) / "node_modules")  # Node looks for them beside the program
    return [node(), HERE / "run_examples.mjs", shutil.copy(program(client), home)]


class Examples:
    """The process in which a client's examples run: started for the first, kept for the next."""

    def __init__(self, client: str, emulator: Emulator, home: Path) -> None:
        self.home = home
        self.errors = (home / "errors").open("w+")
        self.process = subprocess.Popen(
            _command(client, home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=variables(emulator.url, home) | dict.fromkeys(TRUST, str(emulator.authority)),
            cwd=home,
        )

    def run(self, example: str) -> str:
        """What it printed; fails as the example does."""
        self.process.stdin.write(example + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or "null")
        if answer is None:
            self.errors.seek(0)
            pytest.fail(f"the process ended\n{self.errors.read()}", pytrace=False)
        if not answer["ok"]:
            pytest.fail(answer["said"], pytrace=False)
        return answer["said"]

    def end(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=60)
        self.errors.close()


@pytest.fixture(scope="session")
def _processes():
    started: dict[str, Examples] = {}
    yield started
    for process in started.values():
        process.end()


@pytest.fixture
def run(emulator, _processes, tmp_path_factory, capfd):
    """Runs an example of a client. Does nothing where the client is not installed, but for a line that says so."""

    def ran(client, example):
        if not installed(client):
            with capfd.disabled():  # to standard error, which also the workers of a parallel run share
                print(f"clients: {client} was not run, it is not installed: {INSTALL} {client}", file=sys.stderr)
            return None
        process = _processes.get(client)
        if process is None or process.process.poll() is not None:
            process = _processes[client] = Examples(client, emulator, tmp_path_factory.mktemp("home"))
        return process.run(example)

    return ran
