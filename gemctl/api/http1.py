"""Speaks HTTP/1.1 on one connection, by h11: writes requests, and reads the answer to each. Called by transport.py.

An answer that is cut is an error and no answer: that to a create comes once. Where its end is that of the connection,
its reader has to see whether it is whole, as JSON is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import h11

from gemctl.api._httpx import httpx

Headers = list[tuple[bytes, bytes]]

MOST_HEAD = 100 * 1024  # bytes of a head, and of a line within a body
MOST_INTERIM = 100  # answers of the status 1xx before the one that counts


class AnswerHead(NamedTuple):
    """The head of an answer."""

    status: int
    reason: str
    headers: Headers


class Http1:
    """Requests and their answers, one after the other. `receive` gives the next bytes, and none at their end; `send`
    takes some. All methods raise what these raise; httpx.RemoteProtocolError for an answer that can't be read, and
    httpx.LocalProtocolError for a request that would not stay within its lines.
    """

    def __init__(self, receive: Callable[[], bytes], send: Callable[[bytes], None]) -> None:
        self._receive, self._send = receive, send
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD)

    def ask(self, method: bytes, target: bytes, headers: Headers, body: Iterable[bytes] = ()) -> None:
        """Send a request. Its head goes with the first piece of its body, in one packet where both fit in."""
        held = self._written(h11.Request, method=method, target=target, headers=headers)
        for piece in body:
            self._send(held + self._written(h11.Data, data=piece))
            held = b""
        held += self._written(h11.EndOfMessage)
        if held:
            self._send(held)

    def _written(self, event: Callable[..., Any], **parts: object) -> bytes:
        try:
            return self._state.send(event(**parts)) or b""
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from None

    def head(self) -> AnswerHead:
        """The head of the answer, past those that only say that one will come."""
        for _ in range(MOST_INTERIM):
            event = self._next()
            if type(event) is h11.Response:
                return AnswerHead(event.status_code, event.reason.decode("latin-1"), list(event.headers.raw_items()))
        raise httpx.RemoteProtocolError("it answers without end that an answer will come")

    def body(self) -> Iterator[bytes]:
        """The pieces of its body, as they come."""
        while type(event := self._next()) is h11.Data:
            yield bytes(event.data)

    def again(self) -> bool:
        """Make ready for the next request; False where none may follow on this connection."""
        _, closed = self._state.trailing_data
        if closed or (self._state.our_state, self._state.their_state) != (h11.DONE, h11.DONE):
            return False
        self._state.start_next_cycle()
        return True

    @property
    def ahead(self) -> bool:
        """Whether something has come that belongs to no answer so far."""
        return bool(self._state.trailing_data[0])

    def _next(self) -> object:
        try:
            while (event := self._state.next_event()) is h11.NEED_DATA:
                data = self._receive()
                if not data and self._state.their_state is h11.SEND_RESPONSE:
                    raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
                self._state.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from None
        return event
