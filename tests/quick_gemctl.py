"""`gemctl` for scripts that call it dozens of times: the same program, in a process of its own each time, but forked
from one that has its modules loaded already. That saves most of a second of each call, and nothing else.

    with quick_gemctl(folder) as command: ...    # `command` is an executable file to link to as `gemctl`
"""

from __future__ import annotations

import contextlib
import marshal
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# Built-in modules only: importing `socket` and `json` would take twice as long as everything else here.
CALL = """\
#!{python} -ISs
import _socket, marshal, os, sys
line = _socket.socket(_socket.AF_UNIX)
line.connect({address!r})
said = marshal.dumps((sys.argv[1:], os.getcwd(), dict(os.environ)))
fds = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
line.sendmsg([len(said).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, fds)])
line.sendall(said)
status = line.recv(1)
os._exit(status[0] if status else 70)
"""


@contextlib.contextmanager
def quick_gemctl(folder: Path) -> Iterator[Path]:
    """Serves it; the file to call. Both end with the block."""
    address, command = folder / "line", folder / "call"
    command.write_text(CALL.format(python=sys.executable, address=str(address)))
    command.chmod(0o755)
    words = [sys.executable, __file__, str(address)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout.readline() == b"ready\n"
        try:
            yield command
        finally:
            server.terminate()


def _serve(address: str) -> None:
    from warm import warm_up

    from gemctl import __main__ as program

    warm_up()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        print("ready", flush=True)
        while True:
            line, _ = door.accept()
            if os.fork():
                line.close()
                _reap()
                continue
            door.close()
            _answer(line, program)


def _reap() -> None:
    """Whoever called is told by the child itself; here it only must not stay."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _answer(line: socket.socket, program) -> None:
    status = 70
    try:
        head, fds, _, _ = socket.recv_fds(line, 4, 3)
        said = b""
        while len(said) < int.from_bytes(head, "big"):
            said += line.recv(65536)
        words, folder, environment = marshal.loads(said)
        for number, fd in enumerate(fds):
            os.dup2(fd, number)
            os.close(fd)
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        sys.argv = ["gemctl", *words]
        try:
            program.main()
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        line.sendall(bytes([status]))
        os._exit(status)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    _serve(sys.argv[1])
