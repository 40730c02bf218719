"""Writes resolved resources as YAML that gemctl reads, with the origin of each value beside it; and as JSON. Called by
`gemctl render`; generated_manifests.py calls `yaml`.

`manifest/yaml.py` reads this YAML: text is quoted unless it can't be taken for anything else, also by the rule of
`core/scalar.py`, and every invisible character is written as an escape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gemctl.core.origin import Layer, ResolvedManifest, ValueOrigin
from gemctl.core.scalar import is_text
from gemctl.core.source import Json, Path, Span, show_path
from gemctl.render.json import FORMAT
from gemctl.render.safe import safe

_WORD = r"[A-Za-z0-9_./()-]"
_PLAIN = re.compile(rf"(?:[A-Za-z]{_WORD}*|(?:[0-9]+[a-z])+)(?: {_WORD}+)*")
_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$./-]*")


def text(resources: Sequence[ResolvedManifest], project: str, stack: str) -> str:
    """One document for each resource, in their order."""
    head = [
        f"# {project} / {stack}, resolved: variables put in, overlays and defaults merged.",
        "# Paths are from the project root.",
    ]
    return "".join(f"{line}\n" for line in [*head, *(line for one in resources for line in _document(one))])


def document(resources: Iterable[ResolvedManifest], project: str, stack: str) -> dict[str, Any]:
    """The same, for programs."""
    found = list(resources)
    return {
        "formatVersion": FORMAT,
        "project": project,
        "stack": stack,
        "documents": [one.value for one in found],
        "origins": {
            str(one.address): {
                "": {"layer": (Layer.OVERLAY if one.added else Layer.MANIFEST).value, **_place(one.span)},
                **{show_path(path): _origin(origin) for path, origin in one.origins.items()},
            }
            for one in found
        },
    }


def _origin(origin: ValueOrigin) -> dict[str, Any]:
    variables = [{"name": name, "from": source} for name, source in origin.variables]
    return {
        "layer": origin.layer.value,
        **_place(origin.span),
        **({"variables": variables} if variables else {}),
    }


def _place(span: Span) -> dict[str, Any]:
    return {"file": span.file, "line": span.line, "column": span.column}


def _document(one: ResolvedManifest) -> Iterator[str]:
    notes = {path: f"  # {note(origin)}" for path, origin in one.origins.items()}
    yield "---"
    yield f"# {'added by overlay ' if one.added else ''}{safe(one.span.file)}:{one.span.line}"
    yield from _mapping(one.value, (), "", notes)


def yaml(value: Mapping[str, Json], comments: Mapping[Path, str] | None = None) -> str:
    """One mapping, with these comments on values."""
    notes = {path: f"  # {safe(text)}" for path, text in (comments or {}).items()}
    return "".join(f"{line}\n" for line in _mapping(value, (), "", notes))


def note(origin: ValueOrigin) -> str:
    """`overlay env/prod/faq.yaml:6, var tier from gemctl.yaml:9`"""
    parts = [f"var {name} from {safe(source)}" for name, source in origin.variables]
    if origin.layer is not Layer.MANIFEST:
        parts.insert(0, f"{origin.layer.value} {safe(origin.span.file)}:{origin.span.line}")
    return ", ".join(parts)


def _mapping(value: Mapping[str, Json], path: Path, indent: str, notes: Mapping[Path, str]) -> Iterator[str]:
    for key, item in value.items():
        here = (*path, key)
        name = key if _KEY.fullmatch(key) and is_text(key) else _quoted(key)
        yield from _entry(f"{indent}{name}:", item, here, indent, notes)


def _sequence(value: Sequence[Json], path: Path, indent: str, notes: Mapping[Path, str]) -> Iterator[str]:
    for index, item in enumerate(value):
        here = (*path, index)
        if isinstance(item, dict | list) and item:
            if here in notes:
                yield f"{indent}{notes[here].lstrip()}"
            inner = f"{indent}  "
            below = (
                _mapping(item, here, inner, notes) if isinstance(item, dict) else _sequence(item, here, inner, notes)
            )
            lines = list(below)
            yield f"{indent}- {lines[0][len(inner) :]}"
            yield from lines[1:]
        else:
            yield from _entry(f"{indent}-", item, here, indent, notes)


def _entry(start: str, item: Json, path: Path, indent: str, notes: Mapping[Path, str]) -> Iterator[str]:
    """A key or a dash, and its value."""
    note, inner = notes.get(path, ""), f"{indent}  "
    if isinstance(item, dict) and item:
        yield f"{start}{note}"
        yield from _mapping(item, path, inner, notes)
    elif isinstance(item, list) and item:
        yield f"{start}{note}"
        yield from _sequence(item, path, inner, notes)
    elif isinstance(item, str) and (lines := _block(item)):
        yield f"{start} {'|' if item.endswith(chr(10)) else '|-'}{note}"
        yield from (f"{inner}{line}" if line else "" for line in lines)
    else:
        yield f"{start} {_scalar(item)}{note}"


def _block(value: str) -> list[str] | None:
    """The lines of a text of several, if it can be written as it is."""
    lines = value.removesuffix("\n").split("\n")
    if len(lines) < 2 or not lines[0].strip() or lines[0][0] == " " or not lines[-1].strip():
        return None
    return lines if all(line.isprintable() and safe(line) == line for line in lines) else None


def _scalar(value: Json) -> str:
    if not isinstance(value, str):
        return json.dumps(value)  # also {} and []
    return value if _PLAIN.fullmatch(value) and is_text(value) else _quoted(value)


def _quoted(value: str) -> str:
    return f'"{"".join(_escaped(character) for character in value)}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character == "\n":
        return "\\n"
    if character.isprintable() and safe(character) == character:
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"
