"""A server of cached contents that answers at once, or so many seconds later: `python fast_server.py [SECONDS]`.

For benchmarks and counts: what a client takes is to be seen, so the server does next to nothing. It keeps each object
as it will answer with it, knows no rule of the service but the shapes of `create`, `list`, `get`, `patch` and `delete`
of cached contents, has every model by its name and nothing of any other kind, and counts what it was asked.
`GET /count` has the requests by method, the connections, and the most requests under way at once. Prints its address,
and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Any

CACHES = "/v1beta/cachedContents"
METHODS = ["generateContent", "createCachedContent"]
PAGE = 1000  # the most that the service gives at once
MISSING = b'{"error": {"code": 404, "message": "Not found.", "status": "NOT_FOUND"}}'


class World:
    """The objects by name, oldest first, and the counts."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.objects: dict[str, bytes] = {}
        self.requests: Counter[str] = Counter()
        self.made = self.connections = self.now = self.most = 0

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        path, _, query = target.partition("?")
        if path == "/count":
            counts = {"requests": self.requests, "connections": self.connections, "most": self.most}
            return 200, json.dumps(counts).encode()
        self.requests[method] += 1
        name = path.removeprefix("/v1beta/")
        if path == CACHES and method == "POST":
            return 200, self._create(json.loads(body))
        if path == CACHES:
            return 200, self._page(dict(part.split("=", 1) for part in query.split("&") if part))
        if "/" not in name:
            return 200, b"{}"  # nothing is listed
        if name.startswith("models/"):
            return 200, json.dumps({"name": name, "supportedGenerationMethods": METHODS}).encode()
        if name not in self.objects:
            return 404, MISSING
        if method == "DELETE":
            del self.objects[name]
            return 200, b"{}"
        if method == "PATCH":
            self._keep(json.loads(self.objects[name]), json.loads(body))
        return 200, self.objects[name]

    def _create(self, sent: dict[str, Any]) -> bytes:
        self.made += 1
        kept = {
            "name": f"cachedContents/{self.made:012}",
            "model": sent["model"],
            "createTime": _shown(datetime.now(UTC)),
            "displayName": sent.get("displayName", ""),
            "usageMetadata": {"totalTokenCount": 2048},
        }
        return self._keep(kept, sent)

    def _keep(self, kept: dict[str, Any], sent: dict[str, Any]) -> bytes:
        now = datetime.now(UTC)
        until = _shown(now + timedelta(seconds=float(sent.get("ttl", "3600s").removesuffix("s"))))
        kept |= {"updateTime": _shown(now), "expireTime": sent.get("expireTime", until)}
        self.objects[kept["name"]] = json.dumps(kept).encode()
        return self.objects[kept["name"]]

    def _page(self, query: dict[str, str]) -> bytes:
        first, size = int(query.get("pageToken", "0")), min(int(query.get("pageSize", "50")), PAGE)
        newest = list(reversed(self.objects.values()))
        token = b', "nextPageToken": "%d"' % (first + size) if first + size < len(newest) else b""
        return b'{"cachedContents": [' + b",".join(newest[first : first + size]) + b"]" + token + b"}"


def _shown(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


class Connection(asyncio.Protocol):
    """HTTP/1.1 with lengths, one request after the other."""

    transport: asyncio.Transport

    def __init__(self, world: World) -> None:
        self.world, self.held = world, bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.world.connections += 1

    def data_received(self, data: bytes) -> None:
        self.held += data
        end = self.held.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        first, *lines = self.held[: end - 4].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if len(self.held) < end + length:
            return
        body = bytes(self.held[end : end + length])
        del self.held[: end + length]
        method, target, _ = first.split(" ")
        world = self.world
        world.now += target != "/count"
        world.most = max(world.most, world.now)
        if world.delay and target != "/count":
            asyncio.get_running_loop().call_later(world.delay, self.reply, method, target, body)
        else:
            self.reply(method, target, body)

    def reply(self, method: str, target: str, body: bytes) -> None:
        status, answer = self.world.answer(method, target, body)
        self.world.now -= target != "/count"
        head = (
            f"HTTP/1.1 {status} OK\r\ncontent-type: application/json\r\ndate: {formatdate(usegmt=True)}\r\n"
            f"content-length: {len(answer)}\r\n\r\n"
        )
        if not self.transport.is_closing():
            self.transport.write(head.encode() + answer)


async def serve(delay: float) -> None:
    world, loop = World(delay), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(world), "127.0.0.1", 0, backlog=1000)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until the parent closes it
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0))
