"""Carries the frames of a Channel over one WebSocket, which has been asked for and not yet accepted.

Called by `server`. Separate because it is all that a channel does not do: it waits, for the client and for the clock
of the channel, and it sends. What is in the frames is nowhere noted.
"""

import asyncio
from collections.abc import Callable, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Send

from gemctl.emulator.live.channel import LONGEST_REASON, Channel, Close, Sent

LARGEST_FRAME = 16 * 1024 * 1024
"""The most bytes of one message of the client: a larger one ends the session with 1009. An assumption."""
_WAKE = 0.05  # seconds between two looks at the channel's clock
_BROKEN = 1006


async def carry(channel: Channel, receive: Receive, send: Send, hang_up: Callable[[], None]) -> None:
    """Accept, and return when one side has ended it. `hang_up` ends the connection without a close frame, after what
    was sent."""
    incoming: asyncio.Future[bytes | None] | None = None
    ended = False
    try:
        await send({"type": "websocket.accept"})
        while True:
            if incoming is None:
                incoming = asyncio.ensure_future(_frame(receive))
            await asyncio.wait((incoming,), timeout=_WAKE)
            frame = None
            if incoming.done():
                frame, incoming = incoming.result(), None
                if frame is None:
                    break
            # The channel may wait for its world: not on this thread.
            for sent in await run_in_threadpool(_asked, channel, frame):
                if isinstance(sent, Close):
                    ended = True
                    await _close(sent, send, hang_up)
                    return
                if sent.text:
                    await send({"type": "websocket.send", "text": sent.data.decode("utf-8", "replace")})
                else:
                    await send({"type": "websocket.send", "bytes": sent.data})
    except OSError:  # the client went while something was sent
        pass
    finally:
        if incoming is not None:
            incoming.cancel()
        if not ended:
            await run_in_threadpool(channel.gone)


async def _frame(receive: Receive) -> bytes | None:
    """The next message of the client; None when it has gone."""
    message = await receive()
    if message["type"] == "websocket.disconnect":
        return None
    data: bytes | None = message.get("bytes")
    return message["text"].encode() if data is None else data


def _asked(channel: Channel, frame: bytes | None) -> Sequence[Sent]:
    """What the channel sends now: because of a frame, if there is one, and because of its clock."""
    sent = [] if frame is None else list(channel.take(frame))
    if not any(isinstance(each, Close) for each in sent):
        sent.extend(channel.wake())
    return sent


async def _close(end: Close, send: Send, hang_up: Callable[[], None]) -> None:
    if end.code == _BROKEN:
        hang_up()
        return
    reason = end.reason.encode("utf-8", "replace")[:LONGEST_REASON].decode("utf-8", "ignore")
    await send({"type": "websocket.close", "code": end.code, "reason": reason})
