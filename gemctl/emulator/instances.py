"""Makes a small value that fits a schema: the answer of a model that was told to answer in JSON.

Called by `answers`. Separate because it is pure and knows nothing of models. It reads both forms that a request may
hold: the API's own Schema (types in capitals, `ref` and `defs`) and free JSON Schema, which may be anything at
all; so nothing is taken for granted, and the value is bounded whatever the schema asks for.
"""

from collections.abc import Mapping
from typing import Any

_MOST_VALUES = 500
_DEEPEST = 20
_LONGEST = 200  # characters of a text, and items of a list
_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def instance(schema: object) -> Any:
    """A value of that schema: every required property (all of them if none is), one item in each list."""
    return _Maker(schema).make(schema, 0)


def choices(schema: object) -> list[str]:
    """The texts of an enum, if the schema is one."""
    values = schema.get("enum") if isinstance(schema, Mapping) else None
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


class _Maker:
    def __init__(self, root: object) -> None:
        self._root = root
        self._left = _MOST_VALUES

    def make(self, schema: object, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST or not isinstance(schema, Mapping):
            return None
        for name in ("const", "default", "example"):
            if name in schema:
                return self._given(schema[name])
        values = schema.get("enum")
        if isinstance(values, list) and values:
            return self._given(values[0])
        target = schema.get("$ref", schema.get("ref"))
        if isinstance(target, str):
            return self.make(self._defined(target), depth + 1)
        for name in ("anyOf", "oneOf", "allOf"):
            ways = schema.get(name)
            if isinstance(ways, list) and ways:
                return self._all_of(ways, depth) if name == "allOf" else self.make(ways[0], depth + 1)
        return self._typed(schema, depth)

    def _given(self, value: object) -> object:
        self._left -= len(repr(value)) // _LONGEST
        return value

    def _typed(self, schema: Mapping[str, Any], depth: int) -> Any:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((each for each in kind if each != "null"), "null")
        kind = kind.lower() if isinstance(kind, str) else "object" if "properties" in schema else "string"
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            least = min(max(_whole(schema.get("minItems"), 1), 0), _LONGEST)
            if _whole(schema.get("maxItems"), 1) < 1 or (depth > _DEEPEST // 2 and "minItems" not in schema):
                return []
            return [self.make(schema.get("items", {}), depth + 1) for _ in range(min(least, max(self._left, 0)))]
        if kind in ("integer", "number"):
            return self._number(schema, kind)
        return {"boolean": False, "null": None}.get(kind, self._text(schema))

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return {}
        required = schema.get("required")
        wanted = set(map(str, required)) if isinstance(required, list) and required else set(properties)
        order = schema.get("propertyOrdering")
        names = [name for name in order if name in properties] if isinstance(order, list) and _texts(order) else []
        names += [name for name in properties if name not in names]
        return {name: self.make(properties[name], depth + 1) for name in names if name in wanted}

    def _all_of(self, ways: list[object], depth: int) -> Any:
        made = [self.make(way, depth + 1) for way in ways[:_LONGEST]]
        if not all(isinstance(each, dict) for each in made):
            return made[0]
        return {name: value for each in made for name, value in each.items()}

    def _number(self, schema: Mapping[str, Any], kind: str) -> float:
        least, most = schema.get("minimum"), schema.get("maximum")
        value: float = 0
        if isinstance(least, int | float) and value < least:
            value = least
        elif isinstance(most, int | float) and value > most:
            value = most
        return int(value) if kind == "integer" else value

    def _text(self, schema: Mapping[str, Any]) -> str:
        form = schema.get("format")
        text = _FORMATS.get(form, "text") if isinstance(form, str) else "text"
        text = text.ljust(min(_whole(schema.get("minLength"), 0), _LONGEST), "x")
        return text[: max(0, _whole(schema.get("maxLength"), len(text)))]

    def _defined(self, target: str) -> object:
        """The target of `#/$defs/Name` in the whole schema; None for any other form."""
        found: object = self._root
        for name in target.split("/")[1:] if target.startswith("#") else ("",):
            if not isinstance(found, Mapping):
                return None
            found = found.get(name, found.get(name.removeprefix("$")))
        return found


def _whole(value: object, default: int) -> int:
    return value if isinstance(value, int) else default


def _texts(values: list[object]) -> bool:
    return all(isinstance(value, str) for value in values)
