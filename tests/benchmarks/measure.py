"""What the benchmarks share: commands in processes of their own, what these took, and what was found beside the goals.

Whatever the environment says, Python keeps what it has compiled: a user's machine does so too.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
GEMCTL = [sys.executable, "-m", "gemctl"]
_OTHERS = ("GEMINI_", "GOOGLE_", "GEMCTL_")  # of variables that would lead to another service
_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes, in which the system tells the largest memory
_LAST = 3000  # bytes of what a command printed
_WIDTHS = (54, 11, 11, 17, 24)
_HEAD = ("what", "gemctl", "beside it", "found", "goal")


@dataclass(frozen=True)
class Took:
    """What a process took: seconds of one core, seconds by the clock, and bytes of memory at most. `said` is the end of
    what it printed.
    """

    busy: float
    wall: float
    memory: int
    said: str = ""


def environment(**more: str) -> dict[str, str]:
    """This one, without what leads to another service, and with a key that is none."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(_OTHERS)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "GEMINI_API_KEY": "some-key", **more}


def run(argv: Sequence[str], folder: Path, env: Mapping[str, str]) -> Took:
    """Run a command to its end in this folder. Its memory seems to be at least that of the process that starts it.

    Raises SystemExit with what it printed when it ends with another status than 0.
    """
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(argv, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(max(0, said.seek(0, os.SEEK_END) - _LAST))
        printed = said.read().decode(errors="replace")
    if process.returncode:
        raise SystemExit(f"{argv}: {process.returncode}\n{printed}")
    return Took(used.ru_utime + used.ru_stime, wall, used.ru_maxrss * _UNIT, printed)


def gemctl(folder: Path, url: str, *words: str) -> Took:
    """Run gemctl on the project in a folder, with the service at a URL."""
    return run([*GEMCTL, *words], folder, environment(GOOGLE_GEMINI_BASE_URL=url))


def middle(runs: Sequence[Took]) -> Took:
    """The medians."""
    return Took(
        statistics.median(one.busy for one in runs),
        statistics.median(one.wall for one in runs),
        int(statistics.median(one.memory for one in runs)),
    )


def alternating(acts: Mapping[str, Callable[[], Took]], runs: int, warm: int = 1) -> dict[str, Took]:
    """The medians of each, one after the other in turns: what else the machine does hits all. The first `warm` turns
    don't count.
    """
    found: dict[str, list[Took]] = {name: [] for name in acts}
    for turn in range(warm + runs):
        for name, act in acts.items():
            took = act()
            if turn >= warm:
                found[name].append(took)
    return {name: middle(took) for name, took in found.items()}


@contextmanager
def emulator() -> Iterator[str]:
    """The URL of one. Not in this process: what is started from a large one seems to be as large."""
    argv = [*GEMCTL, "emulator", "--port", "0"]
    env, quiet = environment(), subprocess.DEVNULL
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=quiet, text=True) as server:
        try:
            assert server.stdout
            found = re.search(r"http://\S+:\d+", server.stdout.readline())
            assert found
            yield found[0]
        finally:
            server.terminate()


@contextmanager
def fast_server(delay: float = 0.0) -> Iterator[str]:
    """The URL of a server of caches that answers `delay` seconds later, and does next to nothing."""
    argv = [sys.executable, str(Path(__file__).with_name("fast_server.py")), str(delay)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin and server.stdout
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()


def asked(url: str) -> dict[str, Any]:
    """What a fast server was asked: its `requests` by method, `connections`, and the `most` under way at once."""
    with urllib.request.urlopen(f"{url}/count") as answer:
        return dict(json.load(answer))


class Goals:
    """Prints a row for each goal, as a table in Markdown, and knows whether one was missed."""

    def __init__(self) -> None:
        self.missed = False
        self._print(_HEAD)
        self._print(tuple("-" * width for width in _WIDTHS))

    def at_most(self, what: str, found: float, goal: float, unit: str = "", ours: str = "", beside: str = "") -> None:
        """`ours` and `beside` are what was measured of gemctl and its peer, in words."""
        self._tell(what, found, goal, unit, ours, beside, f"at most {goal:,g}", found > goal)

    def at_least(self, what: str, found: float, goal: float, unit: str = "", ours: str = "", beside: str = "") -> None:
        self._tell(what, found, goal, unit, ours, beside, f"at least {goal:,g}", found < goal)

    def left_out(self, what: str, why: str) -> None:
        """A goal that could not be measured."""
        self._print((what, "", "", "not measured", why))

    def _tell(
        self, what: str, found: float, goal: float, unit: str, ours: str, beside: str, bound: str, missed: bool
    ) -> None:
        self.missed |= missed
        self._print((what, ours, beside, f"{found:,.2f} {unit}".strip(), bound + (", MISSED" if missed else "")))

    def _print(self, cells: Sequence[str]) -> None:
        print(f"| {' | '.join(f'{cell:<{width}}' for cell, width in zip(cells, _WIDTHS, strict=True))} |", flush=True)
