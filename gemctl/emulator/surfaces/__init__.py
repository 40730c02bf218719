"""The table of everything that the emulator serves. One line a kind; `app` reads it.

To add a kind: write a file beside this one that ends in a `SURFACE`, and name it here.
"""

from gemctl.emulator.routing import Surface
from gemctl.emulator.surfaces import cached_contents, models

SURFACES: tuple[Surface, ...] = (
    cached_contents.SURFACE,
    models.SURFACE,
)
