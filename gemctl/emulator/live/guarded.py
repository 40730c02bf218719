"""Makes a Channel of a session: each thing that it does is done within a turn of the world, and nothing is raised.

Made by `App.connect`. Separate from `session` because it is about threads and mistakes, and knows no frame.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from gemctl.emulator.live import closes
from gemctl.emulator.live.channel import Sent
from gemctl.emulator.live.closes import Closing
from gemctl.emulator.live.session import Session
from gemctl.emulator.world import World


class Guarded:
    """`present` is a turn of the world, at the present; `broken` is told of an unexpected exception."""

    def __init__(
        self,
        session: Session,
        world: World,
        present: Callable[[], AbstractContextManager[None]],
        broken: Callable[[Exception], object],
    ) -> None:
        self._session = session
        self._world = world
        self._present = present
        self._broken = broken

    def take(self, frame: bytes) -> Sequence[Sent]:
        return self._do(lambda: self._session.take(frame))

    def wake(self) -> Sequence[Sent]:
        if self._session.ended:  # by a reset of the world
            return self._session.farewell()
        due = self._session.next
        return () if due is None or self._world.clock() < due else self._do(self._session.wake)

    def gone(self) -> None:
        self._do(self._gone)

    def _gone(self) -> Sequence[Sent]:
        self._session.gone()
        return ()

    def _do(self, work: Callable[[], Sequence[Sent]]) -> Sequence[Sent]:
        try:
            with self._present():
                return work()
        except Exception as bug:
            self._broken(bug)
            self._session.abandon()
            return (Closing(*closes.INTERNAL).close(),)
