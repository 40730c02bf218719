"""Defines what speaks HTTP and WebSockets on a connection: uvicorn's protocols, where the emulator needs more of them.

Called by `server`. Separate because this depends on how uvicorn works inside. ASGI has no message for breaking a
connection, so each is noted; one that says nothing ends; and a client of WebSockets that does wrong learns why.
"""

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

_HEARD_OUT = 0.3  # seconds without a byte after which a client is closed that did wrong
_NOTICE = 0.05  # seconds for the client's part in ending TLS when the server stops

Peer = tuple[str, int]
Connections = dict[Peer, asyncio.Transport]
"""The open connections, by the client's address as ASGI has it."""


def protocols(connections: Connections, patience: float) -> tuple[type[H11Protocol], type[WebSocketsSansIOProtocol]]:
    """For HTTP, and for a connection that is made a WebSocket's. `patience`: seconds for the first byte."""

    class Http(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._peer = _peer(transport)
            connections[self._peer] = transport
            # uvicorn's own timer, which the first byte ends: for a client that asks for TLS and then says nothing.
            self.timeout_keep_alive_task = self.loop.call_later(patience, self.timeout_keep_alive_handler)

        def connection_lost(self, exc: Exception | None) -> None:
            connections.pop(self._peer, None)
            self._unset_keepalive_if_required()
            super().connection_lost(exc)

        def shutdown(self) -> None:
            super().shutdown()
            if self.transport.is_closing():  # and not in the middle of an answer
                self.loop.call_later(_NOTICE, partial(broken_off, self.transport))

    class WebSocket(WebSocketsSansIOProtocol):
        _did_wrong = False

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self._peer = _peer(transport)  # it is noted already

        def connection_lost(self, exc: Exception | None) -> None:
            connections.pop(self._peer, None)
            super().connection_lost(exc)

        def shutdown(self) -> None:
            if self.conn.close_rcvd is not None:  # the client is about to go, and uvicorn would fail to say more to it
                broken_off(self.transport)
                return
            super().shutdown()
            self.loop.call_later(_NOTICE, partial(broken_off, self.transport))

        def data_received(self, data: bytes) -> None:
            if self._did_wrong:
                self._close_soon()
            else:
                super().data_received(data)

        async def send(self, message: "ASGISendEvent") -> None:
            if self._did_wrong:  # uvicorn takes what is said to a client that it closes itself for a mistake of ours
                raise ClientDisconnected
            await super().send(message)

        def handle_parser_exception(self) -> None:
            # A connection that is closed with something unread is reset, and the close frame lost: so all is read.
            self._did_wrong = self.close_sent = True
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.resume_reading()
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self._close_soon()

        def _close_soon(self) -> None:
            if self.close_timer is not None:
                self.close_timer.cancel()
            self.close_timer = self.loop.call_later(_HEARD_OUT, self.transport.close)

    return Http, WebSocket


def broken_off(transport: asyncio.Transport) -> None:
    """Break a connection. One within TLS that was closed twice has nothing left to break, and Python 3.11.2 fails."""
    with contextlib.suppress(AttributeError):
        transport.abort()


def _peer(transport: asyncio.BaseTransport) -> Peer:
    """A client that has left already has no address any more."""
    host, port = (transport.get_extra_info("peername") or ("", 0))[:2]
    return host, port
