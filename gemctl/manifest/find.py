"""Finds files: the project, its manifests, and files by pattern. Called by `load`, `read` and workflows."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import Rejected, Usage
from gemctl.files.walk import BadPath, meant, opened, plain_steps, walk

PROJECT_FILE = "gemctl.yaml"
MAX_MATCHES = 10_000
MAX_LOOKED_AT = 200_000  # folders, for one pattern: by way of links there may be more of them than there are
MAX_FOLDERS = 100  # one in another, below the project root
MAX_STEPS = 200  # of a pattern
MAX_STEP = 1_000  # characters of one of them
WILD = re.compile(r"[*?[]")
LONGEST_PATH = 200  # characters of a text that may be one
_PATH = re.compile(r"[^\s/]+(?:/[^\s/]+)*\.\w{1,8}")
_SUFFIXES = (".yaml", ".yml")


def may_be_path(text: str) -> bool:
    """Whether a text looks like the path of a file, or like a pattern of such paths."""
    return len(text) <= LONGEST_PATH and _PATH.fullmatch(text) is not None


def project_root(start: str) -> str:
    """The nearest folder at or above `start` that has a gemctl.yaml, as an absolute path. Raises Usage for none."""
    folder = Path(start).resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / PROJECT_FILE).is_file():
            return str(candidate)
    raise Usage(
        f"There is no {PROJECT_FILE} in {start} or in any folder above it.",
        code="E018",
        hint="Run `gemctl init`, or name the project's folder with -C.",
    )


def find(
    root: str, paths: Sequence[str] = (), *, base: str | None = None, overlays: Collection[str] = ()
) -> tuple[str, ...]:
    """The manifests of a project, relative to its root, sorted.

    Without `paths`: every *.yaml and *.yml but gemctl.yaml, leaving out names that begin with a dot, `overlays`
    (folders, and files that are no manifests), and folders with a gemctl.yaml of their own. A link counts when it leads
    to a file of the project that isn't found anyway. With `paths`: these files, and the manifests in these folders;
    they are relative to `base` (default: the working directory) and must lie under the root. Raises Rejected.
    """
    if not paths:
        return tuple(sorted(_discover(root, "", overlays)))
    found: set[str] = set()
    problems: list[Diagnostic] = []
    top = Path(root).resolve()
    for path in paths:
        try:
            inside = _under(top, path, base)
            if inside in overlays and not (top / inside).is_dir():
                raise BadPath("E127", f"{path} holds facts about models; it declares no resources.")
            if folder := next((folder for folder in overlays if f"{inside}/".startswith(f"{folder}/")), None):
                hint = "Name the manifests that it is laid over."
                raise BadPath(
                    "E127", f"{path} is in the overlay folder {folder}, which holds no manifests of its own.", hint
                )
            if (top / inside).is_dir():
                here = _discover(root, inside, overlays)
                if not here:
                    raise BadPath("E120", f"There are no manifests in {path}.")
                found.update(here)
            elif not (top / inside).exists():
                raise BadPath("E120", f"There is no {path}.", meant(root, plain_steps(inside)))
            elif not inside.endswith(_SUFFIXES):
                raise BadPath("E127", f"{path} is not a manifest: their names end in .yaml or .yml.")
            elif inside == PROJECT_FILE:
                raise BadPath("E127", f"{path} is the project file; it declares no resources.")
            else:
                found.add(inside)
        except BadPath as bad:
            problems.append(bad.diagnostic())
    if problems:
        raise Rejected(problems)
    return tuple(sorted(found))


def find_overlay(root: str, folder: str, overlays: Collection[str]) -> tuple[str, ...]:
    """The files of one overlay folder, sorted; `overlays` within it are apart. Raises Rejected, without a place."""
    if Path(root, folder).exists() and not Path(root, folder).is_dir():
        raise Rejected([problem("E022", f"{folder} is not a folder.", hint="Name the folder that it is in.")])
    found = _discover(root, folder, [other for other in overlays if other != folder])
    if not found:
        raise Rejected([problem("E120", f"There are no manifests in {folder}.")])
    return tuple(sorted(found))


def matches(root: str, pattern: Sequence[str]) -> Iterator[list[str]]:
    """Files that match: `*`, `?` and `[…]` within a name, `**` for any number of folders, which are never links.

    Each folder is read once, whatever the pattern: its entries are compared with the steps of the pattern that may come
    next. Raises BadPath.
    """
    if len(pattern) > MAX_STEPS or any(len(step) > MAX_STEP for step in pattern):
        detail = f"A pattern has at most {MAX_STEPS} steps of up to {MAX_STEP:,} characters."
        raise BadPath("E127", detail, "Write a shorter one.")
    pattern = [step for step, after in zip(pattern, [*pattern[1:], ""], strict=True) if not step == after == "**"]
    count, looked_at = 0, 0
    waiting: list[tuple[list[str], frozenset[int]]] = [([], _next(pattern, {0}))]
    while waiting:
        steps, places = waiting.pop()
        looked_at += 1
        if looked_at > MAX_LOOKED_AT:
            raise BadPath("E128", f"The pattern leads to more than {MAX_LOOKED_AT:,} folders.")
        below: dict[str, set[int]] = {}
        by_name = {place for place in places if place == len(pattern) - 1 or WILD.search(pattern[place])}
        for place in places - by_name:
            below.setdefault(pattern[place], set()).add(place + 1)
        for entry in _entries_if_any(root, steps) if by_name else ():
            fitting = [place for place in by_name if fnmatchcase(entry.name, pattern[place])]
            if entry.folder:
                further = {place if pattern[place] == "**" else place + 1 for place in fitting} - {len(pattern)}
                if further:
                    below.setdefault(entry.name, set()).update(further)
            elif len(pattern) - 1 in fitting:
                found = [*steps, entry.name]
                if entry.link and (target := _target(root, found)) and target[1]:
                    continue
                count += 1
                if count > MAX_MATCHES:
                    raise BadPath("E128", f"More than {MAX_MATCHES:,} files match.")
                yield found
        waiting += (([*steps, name], _next(pattern, further)) for name, further in below.items())


def _next(pattern: Sequence[str], places: Collection[int]) -> frozenset[int]:
    """The places in the pattern that a folder may be at: `**` stands for no folder, too."""
    passed = {place + 1 for place in places if pattern[place] == "**" and place < len(pattern) - 1}
    return frozenset(places) | passed


def _entries_if_any(root: str, steps: Sequence[str]) -> list[_Entry]:
    try:
        return _entries(root, steps)
    except BadPath as bad:
        if bad.code == "E120":
            return []
        raise


def _under(top: Path, path: str, base: str | None) -> str:
    """A path from the command line, relative to the root; "" for the root itself."""
    if "\0" in path:
        raise BadPath("E127", "A path can't have a NUL character in it.")
    spelled = Path(base or Path.cwd(), path)
    # The last step isn't resolved unless it is a folder: a link to a manifest is named as it is called here.
    named = spelled.resolve() if spelled.is_dir() or spelled.name == ".." else spelled.parent.resolve() / spelled.name
    if not named.is_relative_to(top):
        raise BadPath("E121", f"{path} is not in the project.", f"The project is {top}.")
    return "" if named == top else named.relative_to(top).as_posix()


class _Entry(NamedTuple):
    name: str
    folder: bool  # a folder itself, not by way of a link
    link: bool


def _entries(root: str, steps: Sequence[str]) -> list[_Entry]:
    """The entries of a folder, but for names that begin with a dot; sorted. Raises BadPath."""
    if len(steps) > MAX_FOLDERS:  # a deep folder takes as many calls to open
        hint = "Move it, or give it a name that begins with a dot: such folders are passed over."
        raise BadPath("E142", f"{'/'.join(steps[:3])}/… goes on for more than {MAX_FOLDERS} folders.", hint)
    with opened(root, steps) as descriptor:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise BadPath("E120", f"{'/'.join(steps)} is not a folder.")
        with os.scandir(descriptor) as entries:
            return sorted(
                _Entry(entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink())
                for entry in entries
                if not entry.name.startswith(".")
            )


def _target(root: str, steps: Sequence[str]) -> tuple[str, bool] | None:
    """The target of a link, and whether that is a folder; None if it leads out, or nowhere."""
    try:
        descriptor, names = walk(root, steps)
    except BadPath:
        return None
    try:
        return "/".join(names), stat.S_ISDIR(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)


def _discover(root: str, inside: str, overlays: Collection[str]) -> set[str]:
    """Every manifest under a folder of the project. Raises Rejected for a folder that can't be read."""
    found: set[str] = set()
    links: list[list[str]] = []
    waiting = [plain_steps(inside)]
    while waiting:
        steps = waiting.pop()
        if "/".join(steps) in overlays:
            continue
        try:
            entries = _entries(root, steps)
        except BadPath as bad:
            raise Rejected([bad.diagnostic()]) from None
        if steps and any(entry.name == PROJECT_FILE for entry in entries):
            continue  # another project
        for entry in entries:
            below = [*steps, entry.name]
            if entry.folder:
                waiting.append(below)
            elif entry.name.endswith(_SUFFIXES) and below != [PROJECT_FILE] and "/".join(below) not in overlays:
                if entry.link:
                    links.append(below)
                else:
                    found.add("/".join(below))
    for below in links:
        target = _target(root, below)
        if target is None or not (target[1] or target[0] in found):
            found.add("/".join(below))  # if it leads nowhere, reading it will say so
    return found
