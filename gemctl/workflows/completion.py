"""Finds the words that may come next on a command line: stacks, variables, addresses, kinds and fields. Called by
cli/completing.py while a person waits at the key.

So it reads text instead of YAML, only so much of it, and imports no library. It asks no service, takes no lock and
writes nothing. What it finds is a help and no evidence.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any

from gemctl.manifest.glance import ProjectNames, declared, project_names, used_variables
from gemctl.state.glance import recorded

MOST = 200  # words of one sort: more help nobody
MOST_FILES = 200  # manifests that are looked at
MOST_ENTRIES = 4_000  # of folders
MOST_TEXT = 256 << 10  # bytes of all manifests
MOST_STATE = 64 << 20  # bytes of a snapshot
_PROJECT_FILE = "gemctl.yaml"


def stacks(folder: str) -> tuple[str, ...]:
    """The stacks of the project in this folder or above it."""
    root = _root(folder)
    return _project(root).stacks if root else ()


def variables(folder: str, stack: str | None) -> list[str]:
    """The variables that the stack has in gemctl.yaml, and those that manifests use, sorted. `stack` is None for the
    default one.
    """
    if not (root := _root(folder)):
        return []
    project = _project(root)
    given = [name for of, name in project.variables if of == (stack or project.default)]
    used = (name for text in _manifests(root) for name in used_variables(text))
    return sorted({*given, *islice(used, MOST)})


def addresses(folder: str, stack: str | None, kind: str, name: str = "") -> list[str]:
    """Recorded and declared addresses, sorted; at most `MOST` of each. Their kind is matched by `kind`, a regular
    expression, and their name begins with `name`. `stack` is None for the default one.
    """
    if not (root := _root(folder)):
        return []
    stack = stack or _project(root).default
    snapshot = _read(os.path.join(root, ".gemctl", stack, "state.json"), MOST_STATE) if stack else b""
    found = set(islice(recorded(snapshot, kind, name), MOST))
    fits = re.compile(rf"(?:{kind})/{re.escape(name)}").match
    found.update(islice((each for text in _manifests(root) for each in declared(text) if fits(each)), MOST))
    return sorted(found)


def kinds() -> list[str]:
    """The kinds of resources."""
    return list(_table()["kinds"])


def runs() -> list[str]:
    """The kinds whose manifests have a part `run`: what they declare runs once, and ends."""
    table = _table()
    return [kind for kind in table["kinds"] if "run" in table["nodes"][table["roots"][kind]]]


def fields(begin: str) -> list[str]:
    """Paths for `gemctl explain` that begin so. Where there is more below a field, its path ends in a dot."""
    table = _table()
    first, *steps = begin.split(".")
    if not steps:
        return [f"{root}." for root in table["roots"] if root.lower().startswith(first.lower())]
    at = table["roots"].get(first)
    for step in steps[:-1]:
        at = _below(at, step)
    above = begin.removesuffix(steps[-1])
    names = _names(at) if at is not None else {}
    return [f"{above}{name}{'.' if below is not None else ''}" for name, below in names.items()
            if name.startswith(steps[-1])]  # fmt: skip


def codes(begin: str) -> list[str]:
    """The codes of diagnostics that begin so."""
    if not re.fullmatch(r"[EW]\d*", begin):
        return []
    from gemctl.core.codes import CODES

    return sorted(code for code in CODES if code.startswith(begin))


def _names(at: int) -> dict[str, int | None]:
    """The fields at a place; of a map, whose names are the user's own, those of its values."""
    node: Mapping[str, int | None] = _table()["nodes"][at]
    found = {name: below for name, below in node.items() if name}
    values = node.get("")
    return found if values is None else {**_names(values), **found}


def _below(at: int | None, step: str) -> int | None:
    """The place below: a field, or one of a map's own names."""
    if at is None:
        return None
    names = _names(at)
    if step in names:
        return names[step]
    node: Mapping[str, int | None] = _table()["nodes"][at]
    return node.get("")


@cache
def _table() -> Any:
    """Made by docs/generate.py. `roots`: the place of each first word. `kinds`: those that are kinds. `nodes`: for each
    place its fields, and the place below each; "" stands for the values of a map.
    """
    import json

    with open(os.path.join(os.path.dirname(__file__), "fields.json"), encoding="utf-8") as file:
        return json.load(file)


def _root(folder: str) -> str | None:
    """The nearest folder at or above this one that has a gemctl.yaml."""
    root = os.path.abspath(folder)
    while not os.path.isfile(os.path.join(root, _PROJECT_FILE)):
        root, before = os.path.dirname(root), root
        if root == before:
            return None
    return root


def _project(root: str) -> ProjectNames:
    return project_names(_read(os.path.join(root, _PROJECT_FILE), MOST_TEXT).decode("utf-8", "replace"))


def _manifests(root: str) -> Iterator[str]:
    """The texts of manifests, as far as they are looked at."""
    left = MOST_TEXT
    for path in islice(_files(root), MOST_FILES):
        text = _read(path, left)
        left -= len(text)
        yield text.decode("utf-8", "replace")
        if left <= 0:
            return


def _files(root: str) -> Iterator[str]:
    """The paths of manifests, those nearest to the root first."""
    folders, left = [root], MOST_ENTRIES
    while folders and left > 0:
        folder = folders.pop(0)
        try:
            with os.scandir(folder) as entries:
                here = sorted(islice(entries, left), key=lambda entry: entry.name)
        except OSError:
            continue
        left -= len(here)
        if folder != root and any(entry.name == _PROJECT_FILE for entry in here):
            continue  # another project
        for entry in here:
            if entry.name.startswith(".") or entry.name == _PROJECT_FILE:
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.name.endswith((".yaml", ".yml")) and entry.is_file(follow_symlinks=False):
                yield entry.path


def _read(path: str, most: int) -> bytes:
    """The first bytes of a file; none of one that can't be read, or is no plain file."""
    if not os.path.isfile(path):
        return b""
    try:
        with open(path, "rb") as file:
            return file.read(most)
    except OSError:
        return b""
