"""A receiver of webhooks on this machine: for tests of what is delivered, and to whom."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE = 60  # seconds after which a delivery that does not come is a failure


@dataclass
class Receiver:
    """Where it listens, and what came, in order. `status` is what it answers, once it is `free` to."""

    uri: str = ""
    status: int = 200
    free: threading.Event = field(default_factory=threading.Event)
    came: queue.Queue[tuple[dict[str, str], bytes]] = field(default_factory=queue.Queue)

    def next(self) -> tuple[dict[str, str], bytes]:
        """Headers (in small letters) and body of the next delivery."""
        return self.came.get(timeout=PATIENCE)

    def event(self) -> Any:
        """The next delivery's body."""
        return json.loads(self.next()[1])


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.free.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.came.put(({name.lower(): value for name, value in self.headers.items()}, body))
            receiver.free.wait(PATIENCE)
            self.send_response(receiver.status)
            self.send_header("location", receiver.uri)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.uri = f"http://127.0.0.1:{server.server_port}/hook?from=gemini"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
