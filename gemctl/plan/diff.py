"""Explains how two values differ. The only door to deepdiff, entered only once something is known to differ.

deepdiff costs a hundred times a comparison of digests, and its import as much as the rest of a plan: what differs is
decided elsewhere, by digests.
"""

from __future__ import annotations

from typing import Any

from gemctl.core.change import FieldChange
from gemctl.core.source import JsonObject, Path


def explain(before: JsonObject, after: JsonObject) -> tuple[FieldChange, ...]:
    """Every difference, sorted by path; lists are compared place by place, because their order has a meaning here."""
    from deepdiff import DeepDiff

    tree = DeepDiff(
        dict(before), dict(after), view="tree", ignore_numeric_type_changes=True, threshold_to_diff_deeper=0
    )
    changes = []
    for group in tree.values():
        for level in group:
            path: Path = tuple(level.path(output_format="list"))
            changes.append(FieldChange(path, _plain(level.t1), _plain(level.t2)))
    return tuple(sorted(changes, key=lambda change: [str(part).zfill(6) for part in change.path]))


def _plain(value: Any) -> Any:
    """deepdiff's sentinel for "not there" becomes None."""
    return None if type(value).__name__ == "NotPresent" else value


def without(value: Any, paths: tuple[Path, ...]) -> Any:
    """`value` less what lies at these paths; paths that lead nowhere are passed over."""
    for path in paths:
        value = _less(value, path)
    return value


def _less(value: Any, path: Path) -> Any:
    head, rest = path[0], path[1:]
    if isinstance(value, dict) and head in value:
        if not rest:
            return {key: item for key, item in value.items() if key != head}
        return {**value, head: _less(value[head], rest)}
    if isinstance(value, list) and isinstance(head, int) and -len(value) <= head < len(value) and rest:
        return [_less(item, rest) if index == head else item for index, item in enumerate(value)]
    return value
