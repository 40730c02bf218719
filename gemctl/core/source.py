"""Says where a value was written: files, paths into documents, and spans of text. Used by nearly every room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any

from gemctl.core.frozen import dataclass

MAX_TEXT = 64 << 20  # bytes of one text that is held: a manifest, a text file, or what variables add to manifests

Json = Any  # null, bool, int, float, str, list or dict with string keys; values of it are never mutated
JsonObject = Mapping[str, Any]
Path = tuple[str | int, ...]  # the way from a document's root to a value: ("spec", "contents", 0, "role")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The text of a manifest. `path` is relative to the project root, with forward slashes."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text in a file. Lines and columns count from 1, columns in code points; the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Positions:
    """The spans of every key and every value of one document."""

    root: Span
    values: Mapping[Path, Span] = field(default_factory=lambda: MappingProxyType({}))
    keys: Mapping[Path, Span] = field(default_factory=lambda: MappingProxyType({}))

    def value(self, path: Path) -> Span:
        """The value's span, or that of its nearest ancestor which has one."""
        while path:
            if path in self.values:
                return self.values[path]
            path = path[:-1]
        return self.root

    def key(self, path: Path) -> Span:
        """The key's span; for a list item or an absent key, that of the nearest key or value above it."""
        while path:
            if path in self.keys:
                return self.keys[path]
            if path in self.values:
                return self.values[path]
            path = path[:-1]
        return self.root


def show_path(path: Path) -> str:
    """The path as people write it: `spec.contents[0].role`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text
