"""Writes the fields of a change as rows: path, before, after. Called by human.py and outline.py.

A digest or a tag in the plan is shown as what it stands for in the declaration: a text or a file by name and size, a
reference by its address.

A setting has a row of its own, and so has an item of a list, such as a message or a function: all of it, or, where that
is too long for a row, each of its parts. What holds nothing but texts, files and references is one row, however much it
is: people read it in its own files. The declaration has the names of files, by place; of what was sent before only the
digest is known, and two files of equal bytes have the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from gemctl.core.address import Address
from gemctl.core.change import Change
from gemctl.core.digest import is_sha256
from gemctl.core.frozen import dataclass
from gemctl.core.resource import Attachment, Desired
from gemctl.core.source import Path, show_path

LONGEST = 300  # characters of a row's value
_FEW = 3  # texts, files and references in one row, each by itself
_STRUCTURES = (dict, list)
_EARLIER = "an earlier one"  # in place of the spec tag of what was referred to: its name is not known any more
_NAMED = 5  # addresses in one row
_MANY = 4  # rows that say the same
_ITEM = re.compile(r"\[[0-9]+\]")
_MARKS = re.compile(r"[][{}:,\"]|^\s|\s$|^$")  # a text in a structure that has one of these is put in quotes


@dataclass(frozen=True, slots=True)
class Row:
    """One value. `before` and `after` are None where there was, or is, none."""

    path: str
    before: str | None
    after: str | None


def rows(change: Change, desired: Desired) -> tuple[Row, ...]:
    """Every field, in the order of the plan. The texts are not escaped."""
    resource = desired.resources.get(change.address)
    declared = _Form(resource.declared.named, resource.declared.implied) if resource else _Form()
    found: list[Row] = []
    for each in change.fields:
        if each.before is None and each.after is not None:
            found += (Row(show_path(at), None, text) for at, text in declared.rows(each.after, each.path))
            continue
        before = dict(_Form().rows(each.before, each.path)) if each.before is not None else {}
        after = dict(declared.rows(each.after, each.path)) if each.after is not None else {}
        before |= {at: _EARLIER for at in before if isinstance(declared.named.get(at), Address)}
        found += (Row(show_path(at), before.get(at), after.get(at)) for at in dict.fromkeys((*after, *before)))
    return tuple(_alike(found, [each.path for each in change.fields]))


def _alike(rows: list[Row], paths: Sequence[Path]) -> Iterator[Row]:
    """The rows; those that say the same of many items of a list as one, with their number."""
    if len(rows) < _MANY or not any(isinstance(step, int) for path in paths for step in path):
        yield from rows
        return
    same: dict[tuple[str, str | None, str | None], list[Row]] = {}
    for row in rows:
        same.setdefault((_ITEM.sub("[*]", row.path), row.before, row.after), []).append(row)
    for (path, before, after), group in same.items():
        if len(group) < _MANY:
            yield from group
        elif after is None:
            yield Row(path, f"{before} ({len(group):,} times)", None)
        else:
            yield Row(path, before, f"{after} ({len(group):,} times)")


@dataclass(frozen=True, slots=True)
class _Form:
    """The texts, files, references and implied places of a canonical form; see `Declared`."""

    named: Mapping[Path, Attachment | Address] = field(default_factory=dict)
    implied: Collection[Path] = frozenset()

    def rows(self, value: Any, at: Path) -> Iterator[tuple[Path, str]]:
        text = self._whole(value, at)
        if text is None and any(isinstance(step, int) for step in at):
            line = self._line(value, at)
            text = line if len(line) <= LONGEST else None
        if text is not None:
            yield at, text
        else:
            for step, inner in self._items(value, at):
                yield from self.rows(inner, (*at, step))

    def _whole(self, value: Any, at: Path, *, inner: bool = False) -> str | None:
        """The value as one row, wherever it stands; None where it may take several. `inner`: it stands in a
        structure.
        """
        if not isinstance(value, _STRUCTURES) or not value:
            if (thing := self._input(value, at)) is not None:
                return _said([thing])
            quoted = inner and isinstance(value, str) and _MARKS.search(value)
            return json.dumps(value, ensure_ascii=False) if quoted else _scalar(value)
        if all(things := list(self._inputs(value, at))):
            text = _said([thing for thing in things if thing])
            return f"[{text}]" if inner and len(things) > 1 else text
        if isinstance(value, list) and not any(isinstance(item, _STRUCTURES) for item in value):
            text = ", ".join(self._line(item, (*at, step), inner=inner) for step, item in enumerate(value))
            return f"[{text}]" if inner else text
        return None

    def _line(self, value: Any, at: Path, *, inner: bool = False) -> str:
        """The whole value in one line."""
        if (text := self._whole(value, at, inner=inner)) is not None:
            return text
        items = [(step, self._line(item, (*at, step), inner=True)) for step, item in self._items(value, at)]
        if isinstance(value, dict):
            text = ", ".join(f"{key}: {item}" for key, item in items)
            return f"{{{text}}}" if inner else text
        text = ", ".join(item for _, item in items)
        return f"[{text}]" if inner else text

    def _items(self, value: Any, at: Path) -> list[tuple[str | int, Any]]:
        """The items of a structure, without the implied ones."""
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [(step, inner) for step, inner in items if (*at, step) not in self.implied]

    def _inputs(self, value: Any, at: Path) -> Iterator[Attachment | Address | str | None]:
        """Yields the leaves of a value, up to the first that is neither text, file nor reference: that is None, and the
        last.
        """
        if isinstance(value, _STRUCTURES) and (items := self._items(value, at)):
            for step, inner in items:
                for thing in self._inputs(inner, (*at, step)):
                    yield thing
                    if thing is None:
                        return
        else:
            yield self._input(value, at)

    def _input(self, value: Any, at: Path) -> Attachment | Address | str | None:
        """What a digest or a tag stands for; the digest itself where nothing more is known; None for any other
        value.
        """
        if not isinstance(value, str):
            return None
        return self.named.get(at) or (value if is_sha256(value) else None)


def _scalar(value: Any) -> str:
    match value:
        case None:
            return "(none)"
        case bool():
            return str(value).lower()
        case []:
            return "[]"
        case {}:
            return "{}"
        case _:
            return str(value)


def _said(things: Sequence[Attachment | Address | str]) -> str:
    """Each thing where they are few; else texts and files by size and origin, then the references."""
    if len(things) <= _FEW:
        return ", ".join(str(thing) if isinstance(thing, Address) else _texts([thing]) for thing in things)
    texts = [thing for thing in things if not isinstance(thing, Address)]
    targets = list(dict.fromkeys(str(thing) for thing in things if isinstance(thing, Address)))
    more = [f"and {len(targets) - _NAMED} more"] if len(targets) > _NAMED else []
    return ", ".join([*([_texts(texts)] if texts else []), *targets[:_NAMED], *more])


def _texts(texts: Sequence[Attachment | str]) -> str:
    known = [text for text in texts if isinstance(text, Attachment)]
    if len(known) < len(texts):
        return f"{len(texts)} texts" if len(texts) > 1 else f"text {str(texts[0])[:15]}…"
    size = _size(sum(text.size for text in known))
    files = [text.path for text in known if text.path]
    if len(texts) == 1:
        return f"{files[0]} ({size})" if files else f"text ({size})"
    where = f" from {_folders(files)}" if len(files) == len(texts) else ""
    return f"{len(texts)} texts{where} ({size})"


def _folders(files: Sequence[str]) -> str:
    return ", ".join(f"{folder}/" for folder in sorted({path.rpartition("/")[0] or "." for path in files}))


def _size(size: int) -> str:
    return f"{size} bytes" if size < 1_000 else f"{size / 1_000:.1f} kB" if size < 1_000_000 else f"{size / 1e6:.1f} MB"
