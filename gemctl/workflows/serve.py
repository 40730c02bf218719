"""The emulator behind a socket, for SDKs and for users' own tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from gemctl.core.clock import Clock
from gemctl.core.errors import GemctlError


def serve(port: int, folder: str | None, clock: Clock | None, ready: Callable[[str], None]) -> None:
    """Serve until a signal comes. Raises GemctlError when the extra is not installed, or the port is taken."""
    try:
        from gemctl.emulator.server import serve as run
    except ModuleNotFoundError as error:
        raise GemctlError(
            f"The served emulator needs {error.name}, which is not installed.",
            code="E020",
            hint="Install it with: pip install 'gemctl[emulator]'. Stacks with `endpoint: emulator` work without.",
        ) from None
    from gemctl.emulator.app import App
    from gemctl.emulator.store import FileStore, MemoryStore
    from gemctl.emulator.world import World

    store = FileStore(Path(folder)) if folder else MemoryStore()
    run(App(World(store, now=clock.now if clock else lambda: datetime.now(UTC))), port, ready)
