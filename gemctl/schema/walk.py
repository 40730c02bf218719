"""Walks a JSON Schema: from a place to the forms that it may have, and to the fields, items and values below it.

Called by `validation` and `describe`, which find their words so, by manifest/schema.py, which joins schemas, and
by docs/generate.py, which makes tables of fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gemctl.core.frozen import dataclass
from gemctl.core.source import Json

Entry = Mapping[str, Any]  # a JSON Schema, or a part of one

_DEFINED = "#/$defs/"
_DEPTH = 12  # references and forms within each other; more is a circle


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a JSON Schema, with the whole that its references lead into.

    required  whether the mapping around it requires it; False where there is none.
    """

    entry: Entry
    whole: Entry
    required: bool = False

    def resolved(self) -> Node:
        """The same with the definition that it refers to under it; one without a title gets its name as title."""
        entry = self.entry
        for _ in range(_DEPTH):
            if "$ref" not in entry:
                break
            name = _name(entry["$ref"])
            own = {key: value for key, value in entry.items() if key != "$ref"}
            entry = {"title": name, **self.whole.get("$defs", {}).get(name, {}), **own}
        return self if entry is self.entry else Node(entry, self.whole, self.required)

    def forms(self, taken: str | None = None, depth: int = 0) -> Iterator[Node]:
        """The forms that a value may have here, references followed; null is none of them.

        With `taken`, only the form that refers to the definition of this name, if one does.
        """
        if depth > _DEPTH:
            return
        found = self.resolved()
        alternatives = found.entry.get("anyOf") or found.entry.get("oneOf")
        if not alternatives:
            yield from [found] if found.entry.get("type") != "null" else []
            return
        named = [each for each in alternatives if taken and _name(each.get("$ref", "")) == taken]
        for alternative in named or alternatives:
            yield from Node(alternative, self.whole).forms(taken, depth + 1)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields of a mapping."""
        return tuple(self.entry.get("properties", ()))

    @property
    def fields(self) -> Mapping[str, Node]:
        """The fields of a mapping, by name."""
        required = self.entry.get("required", ())
        return {
            name: Node(entry, self.whole, name in required) for name, entry in self.entry.get("properties", {}).items()
        }

    @property
    def values(self) -> Node | None:
        """The values under other keys of a mapping; None where the schema says nothing of them, or there are none."""
        return self._below("additionalProperties")

    @property
    def items(self) -> Node | None:
        """The items of a list; None for anything but a list, or for a list of anything."""
        return self._below("items")

    def below(self, step: str | int) -> Node | None:
        """The value under this key, or at this index."""
        return self.items if isinstance(step, int) else self.fields.get(step) or self.values

    @property
    def words(self) -> list[Any]:
        """The values of an enum, each in its first spelling: a name may be there in small letters too."""
        first: dict[Any, Any] = {}
        for word in self.entry.get("enum", ()):
            first.setdefault(word.lower() if isinstance(word, str) else word, word)
        return list(first.values())

    def _below(self, keyword: str) -> Node | None:
        entry = self.entry.get(keyword)
        return Node(entry, self.whole) if isinstance(entry, Mapping) else None


def reference(name: str) -> dict[str, Any]:
    """A schema that refers to the definition of this name."""
    return {"$ref": f"{_DEFINED}{name}"}


def referred(schema: Json) -> Iterator[str]:
    """The names of all definitions that this schema refers to."""
    if isinstance(schema, dict):
        if isinstance(to := schema.get("$ref"), str):
            yield _name(to)
        for value in schema.values():
            yield from referred(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from referred(value)


def renamed(schema: Json, names: Mapping[str, str]) -> Json:
    """A copy in which references lead to the new names."""
    if isinstance(schema, dict):
        inner = {key: renamed(value, names) for key, value in schema.items()}
        if isinstance(to := schema.get("$ref"), str) and _name(to) in names:
            inner |= reference(names[_name(to)])
        return inner
    return [renamed(value, names) for value in schema] if isinstance(schema, list) else schema


def _name(to: str) -> str:
    return to.removeprefix(_DEFINED)
