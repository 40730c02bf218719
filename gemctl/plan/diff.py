"""Explains how two values differ. Called by decisions.py, only once something is known to differ.

The only importer of deepdiff, which costs a hundred times a comparison of digests, and its import as much as the rest
of a plan: digests decide elsewhere whether values differ. Its time and memory grow faster than the values, so that
large ones are compared here, more plainly, in one pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gemctl.core.change import FieldChange
from gemctl.core.source import Json, JsonObject, Path

LARGE = 2_000  # values in both together


def explain(before: JsonObject, after: JsonObject) -> tuple[FieldChange, ...]:
    """Every difference, sorted by path; lists are compared place by place, because their order has a meaning here."""
    large = _more_than(LARGE, [before, after])
    changes = _one_by_one(before, after, ()) if large else _by_deepdiff(before, after)
    return tuple(sorted(changes, key=lambda change: [str(part).zfill(6) for part in change.path]))


def _more_than(most: int, values: list[Json]) -> bool:
    waiting = list(values)
    while waiting and most > 0:
        value = waiting.pop()
        most -= 1
        if isinstance(value, dict | list):
            waiting.extend(value.values() if isinstance(value, dict) else value)
            if len(waiting) > most:
                return True
    return bool(waiting)


def _by_deepdiff(before: JsonObject, after: JsonObject) -> Iterator[FieldChange]:
    from deepdiff import DeepDiff

    tree = DeepDiff(
        dict(before), dict(after), view="tree", ignore_numeric_type_changes=True, threshold_to_diff_deeper=0
    )
    for group in tree.values():
        for level in group:
            yield FieldChange(tuple(level.path(output_format="list")), _plain(level.t1), _plain(level.t2))


def _one_by_one(before: Json, after: Json, path: Path) -> Iterator[FieldChange]:
    """As deepdiff, but for lists: equal items at their beginning and end are left out, the rest is taken in pairs."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            if key not in before or key not in after:
                yield FieldChange((*path, key), before.get(key), after.get(key))
            else:
                yield from _one_by_one(before[key], after[key], (*path, key))
    elif isinstance(before, list) and isinstance(after, list):
        shorter = min(len(before), len(after))
        start = next((index for index in range(shorter) if before[index] != after[index]), shorter)
        alike = next((n for n in range(shorter - start) if before[-1 - n] != after[-1 - n]), shorter - start)
        last, last_after = len(before) - alike, len(after) - alike
        for index in range(start, min(last, last_after)):
            yield from _one_by_one(before[index], after[index], (*path, index))
        for index in range(last_after, last):
            yield FieldChange((*path, index), before[index], None)
        for index in range(last, last_after):
            yield FieldChange((*path, index), None, after[index])
    elif before != after:
        yield FieldChange(path, before, after)


def _plain(value: Any) -> Any:
    """deepdiff's sentinel for "not there" becomes None."""
    return None if type(value).__name__ == "NotPresent" else value
