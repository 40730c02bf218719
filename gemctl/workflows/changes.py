"""Notices that a file of which a plan is made has changed: by size, time and inode number, without reading it. Called
by tick.py and watch.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from gemctl.core.errors import Rejected
from gemctl.core.resource import Desired
from gemctl.manifest.find import PROJECT_FILE, find, find_overlay
from gemctl.workflows.wiring import Session

Sight = Mapping[str, object]


def sight(session: Session, desired: Desired) -> Sight:
    """Look at the project file, the file of facts, all manifests and the files that `desired` was made of; and at the
    names in the folders of those files, where a pattern could match a new one.
    """
    root, project = session.root, session.project
    seen: dict[str, object] = {}
    paths = {PROJECT_FILE, *([project.facts] if project.facts else [])}
    try:
        paths.update(find(str(root), (), overlays=project.aside))
        for folder in session.stack.overlays:
            paths.update(find_overlay(str(root), folder, project.aside))
    except Rejected as rejected:
        seen[""] = str(rejected)
    texts = {attachment.path for attachment in desired.attachments.values() if attachment.path}
    for path in paths | texts:
        seen[path] = _stamp(root / path)
    for folder in {str(PurePosixPath(path).parent) for path in texts}:
        seen[f"{folder}/"] = _names(root / folder)
    return seen


def _stamp(path: Path) -> object:
    try:
        status = path.stat()
    except OSError as error:
        return error.errno
    return status.st_mtime_ns, status.st_size, status.st_ino


def _names(folder: Path) -> object:
    try:
        return frozenset(name for name in os.listdir(folder) if not name.startswith("."))  # noqa: PTH208  a name is enough
    except OSError as error:
        return error.errno


def differ(before: Sight, after: Sight) -> bool:
    """Whether a path that both looked at has changed; a path that only one looked at says nothing."""
    return any(after[path] != stamp for path, stamp in before.items() if path in after)
