"""Plans on disk."""

from __future__ import annotations

import os
from pathlib import Path

from gemctl.core.errors import Usage
from gemctl.core.plan import Plan
from gemctl.plan.file import BEGINNING, from_bytes, to_bytes

_MANIFESTS = (".yaml", ".yml")


def save(plan: Plan, file: str) -> None:
    """Write it whole or not at all, readable by its owner only. Raises OSError, and Usage for a folder."""
    path = Path(file)
    if not path.name or path.is_dir():
        raise Usage(f"{file} is a folder; a plan is a file.", code="E009")
    if path.suffix in _MANIFESTS or (path.exists() and not _is_one_of_ours(path)):
        raise Usage(f"{file} is not a plan, and is not overwritten.", code="E009", hint="Name a file of its own.")
    new = path.with_name(f".{path.name}.new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(to_bytes(plan))
        out.flush()
        os.fsync(handle)
    new.replace(path)


def load(file: str) -> Plan:
    """Raises GemctlError for what is not a plan, Usage for what is not there."""
    try:
        return from_bytes(Path(file).read_bytes(), file)
    except OSError as error:
        raise Usage(f"{file} can't be read: {error.strerror}.", code="E009") from None


def is_plan(file: str) -> bool:
    """True for a file that is not a manifest: apply takes both in the same place."""
    path = Path(file)
    return path.is_file() and path.suffix not in _MANIFESTS


def _is_one_of_ours(path: Path) -> bool:
    """Also one that was damaged since: it begins as ours do."""
    with path.open("rb") as file:
        return file.read(len(BEGINNING)) == BEGINNING
