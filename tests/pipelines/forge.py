"""The part of GitHub's and of GitLab's API that comments are written with, on loopback, one page at a time."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

LIMIT = 65_536  # characters of a comment


@dataclass
class Forge:
    """`comments` of the one pull request there is, as (author, body), by number; `url` is where the API begins.

    `header` and `token` are what is asked for, `me` who that is.
    """

    header: str
    token: str
    me: str
    url: str = ""
    comments: dict[int, list[str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def add(self, author: str, body: str) -> int:
        self.comments[number := len(self.comments) + 1] = [author, body]
        return number

    def by_me(self) -> list[str]:
        return [body for author, body in self.comments.values() if author == self.me]

    def shown(self, number: int) -> dict[str, object]:
        author, body = self.comments[number]
        people = {"login": author, "id": sum(author.encode())}
        return {"id": number, "user": people, "author": people, "body": body, "html_url": f"{self.url}#{number}"}

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, str]) -> tuple[int, object]:
        one = re.fullmatch(r"/repos/o/r/issues/comments/(\d+)|/projects/7/merge_requests/5/notes/(\d+)", path)
        if method == "GET" and path == "/user":
            return 200, {"id": sum(self.me.encode())}
        if one and method == ("PATCH" if one[1] else "PUT"):
            number = int(one[1] or one[2])
            if self.comments[number][0] != self.me:
                return 403, {"message": "Forbidden"}
            self.comments[number][1] = body["body"]
            return 200, self.shown(number)
        if path not in ("/repos/o/r/issues/5/comments", "/projects/7/merge_requests/5/notes"):
            return 404, {"message": "Not Found"}
        if method == "POST":
            assert set(body) == {"body"} and len(body["body"]) <= LIMIT
            return 201, self.shown(self.add(self.me, body["body"]))
        size, page = int(query["per_page"][0]), int(query["page"][0])
        assert method == "GET" and size <= 100
        return 200, [self.shown(number) for number in sorted(self.comments)[size * (page - 1) : size * page]]


@contextlib.contextmanager
def serving(forge: Forge) -> Iterator[Forge]:
    """Serves it on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            forge.calls.append(f"{self.command} {parts.path}")
            if self.headers.get(forge.header) != forge.token:
                status, answer = 401, {"message": "Unauthorized"}
            else:
                status, answer = forge.answer(self.command, parts.path, parse_qs(parts.query), body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = _do  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        forge.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield forge
        finally:
            server.shutdown()
            thread.join()
