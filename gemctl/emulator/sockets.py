"""Accepts connections at one port, with TLS and without: the first byte of a client says which it speaks.

Called by `server`. Separate because servers have one or the other at a port: here a socket is looked at before a
protocol gets it. A byte that begins a TLS handshake (RFC 8446, section 5.1) begins no method of HTTP. Every client is
waited for by itself, and one that says nothing is dropped after some time.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds until a client that has said nothing is dropped, and one that has not finished its handshake."""
_HANDSHAKE = b"\x16"
_BACKLOG = 2048
_AT_ONCE = 100  # connections that are accepted before others are served
_FULL = 0.5  # seconds until it is tried again where the process has no descriptor left


class Door:
    """Listens at a socket, within a running loop, and gives each connection one of `protocol`, inside TLS if it asks
    for that. Without a `context` nobody gets TLS, and such a client gets what others get that speak no HTTP."""

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        context: ssl.SSLContext | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener, self._protocol, self._context, self._patience = listener, protocol, context, patience
        self._arriving: set[asyncio.Task[None]] = set()
        self._again: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        listener.listen(_BACKLOG)
        self._listen()

    async def close(self) -> None:
        """Accept nobody any more, and drop those that have no protocol yet."""
        self._loop.remove_reader(self._listener)
        if self._again is not None:
            self._again.cancel()
        for task in self._arriving:
            task.cancel()
        await asyncio.gather(*self._arriving, return_exceptions=True)

    def _listen(self) -> None:
        self._again = None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._loop.remove_reader(self._listener)
                self._again = self._loop.call_later(_FULL, self._listen)
                return
            connection.setblocking(False)
            task = self._loop.create_task(self._arrive(connection))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)

    async def _arrive(self, connection: socket.socket) -> None:
        try:
            async with asyncio.timeout(self._patience):
                first = await self._first_byte(connection)
        except OSError:  # a timeout is one
            connection.close()
            return
        except asyncio.CancelledError:
            connection.close()
            raise
        context = self._context if first == _HANDSHAKE else None
        patience = None if context is None else self._patience
        try:
            await self._loop.connect_accepted_socket(
                self._protocol, connection, ssl=context, ssl_handshake_timeout=patience
            )
        except OSError:  # no handshake, or none in time: the loop has closed the socket
            return

    async def _first_byte(self, connection: socket.socket) -> bytes:
        """The first byte that the client sends, which stays to be read; nothing if it has gone."""
        try:
            return connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            pass
        ready = self._loop.create_future()
        self._loop.add_reader(connection, _note, ready)
        try:
            await ready
        finally:
            self._loop.remove_reader(connection)
        return connection.recv(1, socket.MSG_PEEK)


def _note(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)
