"""Opens WebSockets with the library `websockets`, which comes in here and nowhere else, and is an extra.

Called by workflows/wiring.py. Certificates and proxies are those of all other calls (`transport`). A token stands in a
header or in the URL: the library's own log would have both, so it gets a logger that says nothing, and none of its
exceptions is shown, only what is known of its class. No redirect is followed: the token would travel to where it leads.

Of the library's clients it is the one for asyncio, in a loop that runs while something is waited for. The other one
reads and writes in two threads, and before Python 3.13 nothing keeps these apart within TLS: one opening in fifty hung.
"""

from __future__ import annotations

import logging
import ssl
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gemctl import __version__
from gemctl.api.transport import Trust, proxy_url, why
from gemctl.core.errors import GemctlError, Temporary
from gemctl.core.extras import how_to_install

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from websockets.asyncio.client import ClientConnection

    from gemctl.api.live import Carrier, Opener

OPENING = 10.0  # seconds
LARGEST = 16 * 1024 * 1024  # bytes of one message
_CLOSING = 2.0  # seconds that the service has to answer a close frame
_BROKEN = 1006


def opener(base_url: str, env: Mapping[str, str]) -> Opener:
    """Opens WebSockets of the endpoint at `base_url`. Raises GemctlError: E020 where the library is missing, E315 where
    proxy or certificates can't be used.
    """
    try:
        import websockets.asyncio.client  # noqa: F401  (before a token is minted for it)
    except ImportError:
        raise GemctlError(
            "Sessions of the Live API need the library websockets, which isn't installed.",
            code="E020",
            hint=how_to_install("live"),
        ) from None
    base = urlsplit(base_url)
    trust, proxy = Trust(env), proxy_url(base_url, env)

    def dial(path: str, headers: tuple[tuple[str, str], ...], query: str) -> Carrier | tuple[int, str]:
        secure = base.scheme == "https"
        url = f"{'wss' if secure else 'ws'}://{base.netloc}{base.path}{path}{f'?{query}' if query else ''}"
        return _connect(url, headers, trust.context() if secure else None, proxy)

    return dial


def _connect(
    url: str, headers: tuple[tuple[str, str], ...], context: ssl.SSLContext | None, proxy: str | None
) -> Carrier | tuple[int, str]:
    import asyncio

    from websockets.asyncio.client import ClientConnection, connect
    from websockets.exceptions import InvalidHandshake, InvalidProxy, InvalidStatus, InvalidURI

    class Direct(ClientConnection):
        """The library follows a redirect where it sees its own exception for an answer that is no WebSocket."""

        async def handshake(self, *args: Any, **options: Any) -> None:
            try:
                await super().handshake(*args, **options)
            except InvalidStatus as error:
                raise _Answered(error.response.status_code, error.response.reason_phrase) from None

    async def opened() -> ClientConnection:
        return await connect(
            url,
            ssl=context,
            additional_headers=list(headers),
            user_agent_header=f"gemctl/{__version__}",
            proxy=proxy,
            open_timeout=OPENING,
            ping_interval=None,  # the loop stands still between two waits
            close_timeout=_CLOSING,
            max_size=LARGEST,
            logger=_silent(),
            create_connection=Direct,
        )

    try:
        with ExitStack() as stack:
            runner = stack.enter_context(asyncio.Runner())
            connection = runner.run(opened())
            stack.pop_all()  # it lives on
            return _Socket(connection, runner)
    except _Answered as answered:
        return answered.status, answered.phrase
    except TimeoutError:
        said = f"no WebSocket was opened within {OPENING:g} s"
    except OSError as error:
        said = why(error)
    except (InvalidHandshake, InvalidProxy, InvalidURI) as error:
        said = f"no WebSocket was opened ({type(error).__name__})"
    raise Temporary(f"The Live API was not reached: {said}.", code="E302") from None


class _Answered(Exception):
    """Something else than a WebSocket was opened."""

    def __init__(self, status: int, phrase: str) -> None:
        super().__init__(status)
        self.status, self.phrase = status, phrase


class _Socket:
    """One WebSocket."""

    def __init__(self, connection: ClientConnection, runner: asyncio.Runner) -> None:
        self._connection = connection
        self._runner = runner

    def send(self, frame: bytes) -> None:
        from websockets.exceptions import ConnectionClosed

        with suppress(ConnectionClosed, OSError):  # the next `receive` says how it ended
            self._runner.run(self._connection.send(frame.decode()))

    def receive(self, within: float) -> bytes | tuple[int, str] | None:
        import asyncio

        from websockets.exceptions import ConnectionClosed

        try:
            found = self._runner.run(asyncio.wait_for(self._connection.recv(), within))
        except TimeoutError:
            return None
        except ConnectionClosed as closed:
            return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (_BROKEN, "")
        except OSError:
            return _BROKEN, ""
        return found.encode() if isinstance(found, str) else found

    def close(self) -> None:
        with suppress(OSError):
            self._runner.run(self._connection.close())
        self._runner.close()


def _silent() -> logging.Logger:
    log = logging.Logger("gemctl.live.silent")
    log.disabled = True
    return log
