"""`gemctl emulator` as a process of its own, and its admin door: nothing of the emulator is imported here."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import httpx

START = "2026-01-01T00:00:00.000000Z"
KEY = "any-word"


class Emulator:
    """What a user's own test suite would write: the address, and the door."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, trust_env=False, verify=False)

    def _ask(self, method: str, path: str = "", **how: Any) -> Any:
        answer = self.http.request(method, f"/emulator{path}", **how)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def state(self) -> Any:
        return self._ask("GET")

    def turn(self, **knobs: Any) -> Any:
        return self._ask("PATCH", json=knobs)

    def advance(self, seconds: float) -> Any:
        return self._ask("POST", "/clock", json={"advance": seconds})

    def reset(self) -> Any:
        return self._ask("POST", "/reset")

    def effects(self, last: int = 1000) -> Any:
        return self._ask("GET", "/effects", params={"last": last})["effects"]

    def deliveries(self) -> Any:
        return self._ask("GET", "/deliveries")["deliveries"]

    def requests(self, last: int = 1000) -> Any:
        return self._ask("GET", "/requests", params={"last": last})["requests"]


@contextlib.contextmanager
def serving(*options: str) -> Iterator[Emulator]:
    """The command, started and ended as a user would. Whatever it says of itself but where it is fails."""
    command = [sys.executable, "-m", "gemctl", "emulator", "--port", "0", *options]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=dict(os.environ))
        with process:
            try:
                line = process.stdout.readline()
                assert line.startswith("Emulator on http://127.0.0.1:"), line
                emulator = Emulator(line.split()[-1])
                yield emulator
                emulator.http.close()
            finally:
                process.terminate()
                process.wait(timeout=60)
        assert process.returncode == 0
        errors.seek(0)
        said = errors.read().splitlines()
        assert [text for text in said if not text.startswith(("export ", "Others ", "Also https://"))] == []
