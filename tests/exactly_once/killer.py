"""Runs the real command line in forked children, and kills them at the k-th boundary of their input and output.

A boundary lies before and after each call of the state room to the operating system, each request, and each published
file. Forked from a process that has everything imported already, a run takes milliseconds instead of a third of a
second. Talks JSON lines on standard input and output; `Killer` below is its other end.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from time import sleep

SPEED = 200  # seconds of the run's clock in a second of ours


class FastClock:
    """Time that passes quickly: waiting costs little, and both sides agree on how late it is."""

    def __init__(self, start: float) -> None:
        self._start = start

    def now(self):
        from datetime import UTC, datetime

        return datetime.fromtimestamp(self._start + self.monotonic(), UTC)

    def monotonic(self):
        import time

        return (time.monotonic() - ORIGIN) * SPEED

    def sleep(self, seconds):
        import time

        time.sleep(max(seconds, 0) / SPEED)


ORIGIN = 0.0


class Boundaries:
    """Counts them, and sends this very process `signals` at number `kill_at` (from 1; 0 for never)."""

    def __init__(self, kill_at: int, signals: list[int]) -> None:
        self.count = 0
        self.kill_at = kill_at
        self.signals = signals
        self.names: list[str] = []
        self._lock = threading.Lock()

    def pass_(self, name: str) -> None:
        with self._lock:
            self.count += 1
            self.names.append(name)
            now = self.count == self.kill_at
        if now:
            for number in self.signals:
                os.kill(os.getpid(), number)
                sleep(0.01)  # two signals of one number at once would be one

    def around(self, holder: type | object, attribute: str, name: str) -> None:
        inner = getattr(holder, attribute)

        def outer(*args, **kwargs):
            self.pass_(f"before {name}")
            result = inner(*args, **kwargs)
            self.pass_(f"after {name}")
            return result

        setattr(holder, attribute, outer)

    def install(self) -> None:
        from gemctl.api.transport import Wire
        from gemctl.state.files import Files
        from gemctl.workflows import publish

        for name in ("create", "append_to", "write", "sync", "truncate", "rename", "sync_folder"):
            self.around(Files, name, name)
        self.around(Wire, "handle_request", "request")
        self.around(publish, "_replace", "publish")


def child(job: dict) -> int:
    from gemctl.cli.main import run

    os.chdir(job["folder"])
    os.environ.update(job["env"])
    handle = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    boundaries = Boundaries(job["kill_at"], job["signals"])
    boundaries.install()
    status = run(job["argv"], clock=FastClock(job["start"]))
    sys.stdout.flush()
    sys.stderr.flush()
    Path(job["output"] + ".count").write_text(json.dumps(boundaries.names))
    return status


def main() -> None:
    import gemctl.cli.commands.apply
    import gemctl.cli.commands.destroy
    import gemctl.cli.commands.plan
    import gemctl.engine.execute
    import gemctl.plan.diff
    import gemctl.render.diagnostics
    import gemctl.workflows.apply
    import gemctl.workflows.planfile  # noqa: F401
    from gemctl.kinds import CATALOGUE  # noqa: F401

    global ORIGIN
    ORIGIN = float(sys.argv[1])
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            status = 99
            try:
                status = child(job)
            finally:
                os._exit(status)
        _, raw = os.waitpid(pid, 0)
        sys.stdout.write(json.dumps(os.waitstatus_to_exitcode(raw)) + "\n")
        sys.stdout.flush()


class Killer:
    """The test's end: `run(folder, argv, kill_at=k)` → exit status, −9 for a kill; `boundaries` are the last run's."""

    def __init__(self, output: Path, env: dict[str, str], origin: float, start: float) -> None:
        self.env, self.start, self.output = env, start, output
        self._process = subprocess.Popen(
            [sys.executable, __file__, repr(origin)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.boundaries: list[str] = []

    def run(self, folder: Path, *argv: str, kill_at: int = 0, signals: tuple[int, ...] = (signal.SIGKILL,)) -> int:
        job = {
            "argv": argv,
            "folder": str(folder),
            "env": self.env,
            "kill_at": kill_at,
            "signals": list(signals),
            "output": str(self.output),
            "start": self.start,
        }
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        status: int = json.loads(self._process.stdout.readline())
        count = Path(f"{self.output}.count")
        if count.exists():  # not if it was killed, or left at once
            self.boundaries = json.loads(count.read_text())
            count.unlink()
        return status

    def said(self) -> str:
        return self.output.read_text()

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


if __name__ == "__main__":
    main()
