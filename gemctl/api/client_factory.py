"""Makes the clients of a run: each with a transport of its own, all with one clock. Called by workflows/wiring.py."""

from __future__ import annotations

import random as chance
from collections.abc import Callable, Mapping

from gemctl.api._httpx import httpx
from gemctl.api.auth import Key
from gemctl.api.client import Client
from gemctl.api.reads import Reads
from gemctl.api.server_clock import ServerClock
from gemctl.core.clock import Clock
from gemctl.core.event import TellRetry
from gemctl.core.project import Timing


def _wires(base_url: str, env: Mapping[str, str] | None) -> Callable[[], httpx.BaseTransport]:
    from gemctl.api.transport import Wiring  # sockets and TLS are not needed to talk to the embedded emulator

    return Wiring(base_url, env)


class ClientFactory:
    """Makes the clients of a run, one for each worker thread. Safe to share between threads."""

    def __init__(
        self,
        *,
        base_url: str,
        api_version: str,
        key: Key | None,
        clock: Clock,
        timing: Timing,
        make_transport: Callable[[], httpx.BaseTransport] | None = None,
        tell_retry: TellRetry | None = None,
        random: Callable[[], float] = chance.random,
        stopping: Callable[[], bool] = lambda: False,
        env: Mapping[str, str] | None = None,
        reads: Reads | None = None,
    ) -> None:
        """As `Client`, and:

        make_transport  gives each client its transport; None for wires to `base_url`, with proxies and certificates as
                        `env` (the process's own when None) names them. `tell_retry` is called from any thread.

        Raises GemctlError E315 when proxy or certificates can't be used.
        """
        self.server_clock = ServerClock(clock)
        self._make_transport = make_transport or _wires(base_url, env)
        self._base_url, self._api_version, self._key = base_url, api_version, key
        self._clock, self._timing = clock, timing
        self._tell_retry, self._random, self._stopping, self._reads = tell_retry, random, stopping, reads

    def client(self) -> Client:
        """A client of its own for the calling thread, which closes it. Raises GemctlError E309."""
        return Client(
            self._base_url,
            self._api_version,
            self._key,
            self._clock,
            self._timing,
            self._make_transport(),
            self.server_clock,
            self._tell_retry,
            self._random,
            self._stopping,
            self._reads,
        )
