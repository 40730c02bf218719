"""`gemctl` in a process of its own, forked from one that has its modules loaded already: what a command does there, it
does in one that starts anew, a third of a second of work later. Signals reach it as they reach any other.

What is different is what Python makes of its start: the encoding of streams is always UTF-8, all three are open,
variables named PYTHON… say nothing any more.
"""

from __future__ import annotations

import contextlib
import functools
import marshal
import os
import select
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

# Built-in modules only: importing `socket` and `json` would take twice as long as everything else here.
CALL = """\
#!{python} -ISs
import _signal, _socket, marshal, os, sys
line = _socket.socket(_socket.AF_UNIX)
line.connect({address!r})
said = marshal.dumps((sys.argv[1:], os.getcwd(), dict(os.environ)))
fds = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
line.sendmsg([len(said).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, fds)])
line.sendall(said)
process = int.from_bytes(line.recv(4), "big")
for number in (_signal.SIGINT, _signal.SIGTERM):
    _signal.signal(number, lambda number, frame: os.kill(process, number))
line.sendall(b"1")
status = line.recv(1)
os._exit(status[0] if status else 70)
"""


@functools.cache
def quick_gemctl() -> Path:
    """The file to call, or to link to as `gemctl`. What stands behind it ends with this process."""
    from servers import stop_at_exit

    server = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    stop_at_exit(server)
    assert server.stdout
    return Path(server.stdout.readline().decode().strip())


def _serve() -> None:
    """Until standard input ends."""
    from warm import warm_up

    from gemctl import __main__ as program

    warm_up()
    with tempfile.TemporaryDirectory(prefix="gemctl-") as folder, socket.socket(socket.AF_UNIX) as door:
        address, command = f"{folder}/line", Path(folder, "gemctl")
        command.write_text(CALL.format(python=sys.executable, address=address))
        command.chmod(0o755)
        door.bind(address)
        door.listen()
        print(command, flush=True)
        while door in select.select([door, sys.stdin], [], [])[0]:
            line, _ = door.accept()
            if os.fork() == 0:
                try:
                    door.close()
                    _answer(line, program)
                finally:  # whoever called has gone: nothing of the server is this process's to clear away
                    os._exit(70)
            line.close()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _answer(line: socket.socket, program) -> None:
    """Has a process do what was asked for, and says which it is, and how it ended: with 128 + N by a signal."""
    head, fds, _, _ = socket.recv_fds(line, 4, 3)
    said = b""
    while len(said) < int.from_bytes(head, "big"):
        said += line.recv(65536)
    if (process := os.fork()) == 0:
        line.recv(1)  # whoever called passes signals on from now
        line.close()
        _run(fds, *marshal.loads(said), program)
    for fd in fds:
        os.close(fd)
    line.sendall(process.to_bytes(4, "big"))
    ended = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    line.sendall(bytes([ended if ended >= 0 else 128 - ended]))


def _run(fds: list[int], words: list[str], folder: str, environment: dict[str, str], program) -> NoReturn:
    status = 70
    try:
        for number, fd in enumerate(fds):
            os.dup2(fd, number)
            os.close(fd)
        sys.stdin = os.fdopen(0, encoding="utf-8", errors="surrogateescape", closefd=False)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1)
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
        os._exit(status)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    _serve()
