"""Saves plans in files, and loads them. Called by `gemctl plan --out`, `gemctl show` and `gemctl apply
PLANFILE`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from gemctl.core.errors import Usage
from gemctl.core.legend import Legend
from gemctl.core.plan import Plan
from gemctl.files.disk import Files, Unfit, read_given
from gemctl.files.whole import write_whole
from gemctl.plan.file import BEGINNING, to_bytes, with_legend

MOST = 512 << 20  # bytes of a plan
_MANIFESTS = (".yaml", ".yml")


def save(plan: Plan, file: str, legend: Legend) -> None:
    """Write the plan whole or not at all, readable by its owner only. Raises OSError, and Usage where a folder or
    another file has that name.
    """
    path = Path(file).absolute()
    if not Path(file).name or path.is_dir():
        raise Usage(f"{file} is a folder; a plan is a file.", code="E009")
    files = Files(path.parent)
    if path.suffix in _MANIFESTS or not _is_free(files, path):
        raise Usage(f"{file} is not a plan, and is not overwritten.", code="E009", hint="Name a file of its own.")
    write_whole(files, path, to_bytes(plan, legend))


def load(file: str) -> tuple[Plan, Legend]:
    """Read a plan. Raises GemctlError for a file that is no plan, Usage for one that can't be read."""
    try:
        return with_legend(read_given(Path(file), MOST), file)
    except Unfit:
        raise
    except OSError as error:
        hint = "`gemctl plan --out FILE` saves a plan; `gemctl state show ADDRESS` prints what is recorded."
        raise Usage(f"{file} can't be read: {error.strerror}.", code="E009", hint=hint) from None


def is_plan(file: str) -> bool:
    """True for a file that is not a manifest: apply takes both in the same place."""
    path = Path(file)
    return path.is_file() and path.suffix not in _MANIFESTS


def _is_free(files: Files, path: Path) -> bool:
    """Whether there is no file, or one that begins as plans do: it may be a damaged one. Raises OSError."""
    handle = files.open(path, sys.maxsize)
    if handle is None:
        return True
    with os.fdopen(handle, "rb") as file:
        return file.read(len(BEGINNING)) == BEGINNING
