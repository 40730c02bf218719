"""The fields of a change as rows: path, before, after. What stands in a plan as a digest or a tag is shown as what it
stands for in the declaration: a text or a file by name and size, something that is referred to by its address.

Structures unfold to their leaves. What holds nothing but texts, files and references is one row, however much it is:
it is read in its own files. Names of files are known of what is declared, by place; of what was sent before only the
digest is known, and two files of equal bytes have the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gemctl.core.address import Address
from gemctl.core.change import Change
from gemctl.core.resource import Attachment, Desired
from gemctl.core.source import Path, show_path

Named = Mapping[Path, Attachment | Address]
_NOTHING: Named = {}
_FEW = 3  # texts, files and references in one row, each by itself
_NAMED = 5  # addresses in one row


@dataclass(frozen=True, slots=True)
class Row:
    """One value. `before` and `after` are None where nothing was, or is."""

    path: str
    before: str | None
    after: str | None


def rows(change: Change, desired: Desired) -> tuple[Row, ...]:
    """Every field, in the order of the plan. The texts are not escaped."""
    resource = desired.resources.get(change.address)
    named = resource.declared.named if resource else _NOTHING
    found: list[Row] = []
    for field in change.fields:
        before = dict(_leaves(field.before, field.path, _NOTHING)) if field.before is not None else {}
        after = dict(_leaves(field.after, field.path, named)) if field.after is not None else {}
        found += (Row(show_path(at), before.get(at), after.get(at)) for at in dict.fromkeys((*after, *before)))
    return tuple(found)


def _leaves(value: Any, at: Path, named: Named) -> Iterator[tuple[Path, str]]:
    if (thing := _input(value, at, named)) is not None:
        yield at, _said([thing])
    elif not isinstance(value, Mapping | list) or not value:
        yield at, _scalar(value)
    elif all(things := list(_inputs(value, at, named))):
        yield at, _said([thing for thing in things if thing])
    elif isinstance(value, list) and not any(isinstance(item, Mapping | list) for item in value):
        yield at, ", ".join(map(_scalar, value))
    else:
        for step, inner in _items(value):
            yield from _leaves(inner, (*at, step), named)


def _items(value: Any) -> Iterable[tuple[str | int, Any]]:
    return value.items() if isinstance(value, Mapping) else enumerate(value)


def _inputs(value: Any, at: Path, named: Named) -> Iterator[Attachment | Address | str | None]:
    """What it is made of, up to the first leaf that is neither text, file nor reference: that is None, and the last."""
    if isinstance(value, Mapping | list) and value:
        for step, inner in _items(value):
            for thing in _inputs(inner, (*at, step), named):
                yield thing
                if thing is None:
                    return
    else:
        yield _input(value, at, named)


def _input(value: Any, at: Path, named: Named) -> Attachment | Address | str | None:
    """What a digest or a tag stands for; the digest itself where nothing more is known; None for any other value."""
    if not isinstance(value, str):
        return None
    return named.get(at) or (value if value.startswith("sha256:") else None)


def _scalar(value: Any) -> str:
    match value:
        case None:
            return "(none)"
        case bool():
            return str(value).lower()
        case []:
            return "[]"
        case Mapping():
            return "{}"
        case _:
            return str(value)


def _said(things: Sequence[Attachment | Address | str]) -> str:
    """Each where they are few; else texts and files by size and origin, then what is referred to."""
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
