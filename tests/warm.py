"""Imports what runs of gemctl import, and has them build what they build when they are first asked something, so that
children forked afterwards begin with all of it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import tempfile

LATER = ("gemctl.api.client", "gemctl.api.transport", "gemctl.render.diagnostics", "gemctl.state.postgres",
         "gemctl.state.shared", "deepdiff", "encodings.idna", "obstore.store", "psycopg")  # fmt: skip


def warm_up() -> None:
    """By such runs, on the embedded emulator, and by name what these do not need."""
    from gemctl.cli.main import run

    for name in LATER:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
        run(["init", folder])
        for form in ("text", "json", "markdown", "html"):
            run(["-C", folder, "plan", "--format", form])
        run(["-C", folder, "apply", "--yes"])
        run(["-C", folder, "validate"])
    gc.collect()
    gc.freeze()
