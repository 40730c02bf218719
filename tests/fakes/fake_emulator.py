"""The emulator with the surfaces of the fake kinds: made for a test, or in the place of the one inside gemctl.

Called by tests of what is common to all kinds. What a world holds is asked as of the kinds that gemctl has: by
`App.effects`, and by the two questions below.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from fakes.surfaces import serving

from gemctl.emulator import app as emulated
from gemctl.emulator.app import App
from gemctl.emulator.records import Effect
from gemctl.emulator.rows import Row
from gemctl.emulator.world import World


def fake_app(world: World | None = None, **options: Any) -> App:
    """An App that serves the fakes beside everything else. `options` are those of App."""
    return App(world, serving=serving, **options)


@contextmanager
def embedded(**options: Any) -> Iterator[None]:
    """As long as the block runs, gemctl in this process (and in those forked from it) finds the fakes on the embedded
    emulator, and on the one that it serves. `options` are those of App.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emulated, "App", partial(App, serving=serving, **options))
        yield


def live(app: App, collection: str) -> list[Row]:
    """What there is now, oldest first: `fakeAgents`, or `fileSearchStores/x/documents`."""
    _ = app.effects  # brings the world up to the present
    return app.world.objects(collection)


def made(app: App, collection: str) -> list[Effect]:
    """Every create that was carried out, oldest first, whether or not its answer was heard and the object is still
    there: of `fakeRuns` each one is paid. The `digest` tells bodies apart.
    """
    return [effect for effect in app.effects if effect.kind == "created" and effect.collection == collection]
