"""The table of everything that the emulator serves. One line a kind; `app` reads it.

To add a kind: write a file beside this one that ends in a `SURFACE`, and name it here.
"""

from gemctl.emulator.routing import Surface
from gemctl.emulator.surfaces import auth_tokens, batches, cached_contents, files, generation, models, uploads

SURFACES: tuple[Surface, ...] = (
    auth_tokens.SURFACE,
    batches.SURFACE,
    cached_contents.SURFACE,
    files.SURFACE,
    generation.SURFACE,
    models.SURFACE,
    uploads.SURFACE,
)
