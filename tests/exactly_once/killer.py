"""Runs the real command line in forked children, and kills them at the k-th boundary of their input and output.

A boundary lies before and after each request, each file that is published, saved or merged, each file of requests that
is made, and each call of the state room that changes something on a disk, in a database or in object storage. Forked
from a process that has everything imported already, a run takes milliseconds instead of a third of a second. Talks JSON
lines on standard input and output; `Killer` below is its other end.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
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

        return (time.monotonic() - ORIGIN) * PACE

    def sleep(self, seconds):
        import time

        time.sleep(max(seconds, 0) / PACE)


ORIGIN = 0.0
PACE = float(SPEED)


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

    def around(self, holder: type | object, attribute: str, name: str, counts=lambda *_, **__: True) -> None:
        inner = getattr(holder, attribute)

        def outer(*args, **kwargs):
            if not counts(*args):
                return inner(*args, **kwargs)
            self.pass_(f"before {name}")
            result = inner(*args, **kwargs)
            self.pass_(f"after {name}")
            return result

        setattr(holder, attribute, outer)

    def install(self) -> None:
        from gemctl.api.transport import Wire
        from gemctl.engine import making
        from gemctl.files.disk import Files
        from gemctl.outputs import publish
        from gemctl.state.objects import ObjectBackend
        from gemctl.state.postgres import PostgresBackend

        for name in ("create", "append_to", "write", "sync", "truncate", "rename", "sync_folder"):
            self.around(Files, name, name, lambda files, *_: files.private)  # what is published counts as a whole
        self.around(PostgresBackend, "_write", "row")
        self.around(ObjectBackend, "_put", "put")
        self.around(ObjectBackend, "_delete", "remove")
        self.around(Wire, "handle_request", "request")
        self.around(publish, "_replace", "publish")
        self.around(making, "make", "make")
        for name, told in ("write", "fill"), ("rename", "place"):  # results of jobs, and what is published
            self.around(Files, name, told, lambda files, *_: not files.private)


def child(job: dict) -> int:
    from gemctl.cli.main import run

    os.chdir(job["folder"])
    os.environ.update(job["env"])
    output = job["output"].format(pid=os.getpid())
    handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    boundaries = Boundaries(job["kill_at"], job["signals"])
    boundaries.install()
    if job["after"]:  # the kernel ends it then, as it does for SIGKILL: nothing of it runs any more
        signal.setitimer(signal.ITIMER_REAL, job["after"])
    status = run(job["argv"], clock=FastClock(job["start"]))
    sys.stdout.flush()
    sys.stderr.flush()
    Path(output + ".count").write_text(json.dumps(boundaries.names))
    return status


def main() -> None:
    import obstore.store  # noqa: F401
    import psycopg  # noqa: F401

    import gemctl.api.client_factory
    import gemctl.api.transport
    import gemctl.cli.acting
    import gemctl.cli.commands.apply
    import gemctl.cli.commands.destroy
    import gemctl.cli.commands.plan
    import gemctl.engine.execute
    import gemctl.plan.diff
    import gemctl.render.diagnostics
    import gemctl.render.human
    import gemctl.state.local
    import gemctl.state.objects
    import gemctl.state.postgres
    import gemctl.workflows.apply
    import gemctl.workflows.facts
    import gemctl.workflows.money
    import gemctl.workflows.planfile  # noqa: F401
    from gemctl import kinds

    global ORIGIN, PACE
    ORIGIN, PACE = float(sys.argv[1]), float(sys.argv[3])
    kinds._KINDS.update(json.loads(sys.argv[2]))
    sys.path.insert(0, str(Path(__file__).parent.parent))
    for name in kinds.CATALOGUE:
        kinds.CATALOGUE[name].spec.model_rebuild()  # which is put off until the first manifest, in each child anew
    for line in sys.stdin:
        pids = [_forked(job) for job in json.loads(line)]
        for _ in pids:
            pid, raw, used = os.wait4(-1, 0)
            sys.stdout.write(json.dumps([pid, os.waitstatus_to_exitcode(raw), used.ru_maxrss >> 10]) + "\n")
            sys.stdout.flush()


def _forked(job: dict) -> int:
    pid = os.fork()
    if pid == 0:
        status = 99
        try:
            status = child(job)
        finally:
            os._exit(status)
    return pid


class Killer:
    """The test's end: `run(folder, argv, kill_at=k)` → exit status, −9 for a kill; `boundaries` are the last run's, and
    `peak` the most MiB of memory that any has had.
    """

    def __init__(
        self,
        output: Path,
        env: dict[str, str],
        origin: float,
        start: float,
        kinds: dict[str, str] | None = None,
        speed: float = SPEED,
    ) -> None:
        """`kinds` are those that the runs know besides the usual: name → module."""
        self.env, self.start, self.output, self.peak = env, start, output, 0
        argv = [sys.executable, __file__, repr(origin), json.dumps(kinds or {}), repr(speed)]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.boundaries: list[str] = []

    def run(
        self,
        folder: Path,
        *argv: str,
        kill_at: int = 0,
        signals: tuple[int, ...] = (signal.SIGKILL,),
        after: float = 0,
    ) -> int:
        """`after`: it is killed so many seconds after it began; its status is −14 then."""
        job = self._job(folder, argv, output=str(self.output), kill_at=kill_at, signals=list(signals), after=after)
        ((_, status),) = self._ended([job])
        count = Path(f"{self.output}.count")
        if count.exists():  # not if it was killed, or left at once
            self.boundaries = json.loads(count.read_text())
            count.unlink()
        return status

    def _job(self, folder: Path, argv: tuple[str, ...], **more: object) -> dict:
        usual = {"kill_at": 0, "signals": [], "after": 0, "env": self.env, "start": self.start}
        return {**usual, "argv": argv, "folder": str(folder), **more}

    def together(self, folders: list[Path], *argv: str) -> Iterator[tuple[int, int, str]]:
        """Runs of the same words at once, one in each folder → (process, exit status, what it said), as they end."""
        jobs = [self._job(folder, argv, output=f"{self.output}-{{pid}}") for folder in folders]
        for pid, status in self._ended(jobs):
            yield pid, status, Path(f"{self.output}-{pid}").read_text()

    def _ended(self, jobs: list[dict]) -> Iterator[tuple[int, int]]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(jobs) + "\n")
        self._process.stdin.flush()
        for _ in jobs:
            pid, status, peak = json.loads(self._process.stdout.readline())
            self.peak = max(self.peak, peak)
            yield pid, status

    def said(self) -> str:
        return self.output.read_text()

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


if __name__ == "__main__":
    main()
