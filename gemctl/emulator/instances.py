"""Makes a small value that fits a schema: the answer of a model that was told to answer in JSON.

Called by `answers` and, for arguments of functions, by `calls`. Separate because it is pure and knows nothing of
models. It reads both forms that a request may hold: the API's own Schema (types in capitals, `ref` and `defs`) and free
JSON Schema, which may be anything at all; so nothing is taken for granted, and the value is bounded whatever the schema
asks for. It obeys what a schema says of one value (`enum`, bounds, lengths, `pattern`, `format`, the number of items
and that they differ); conditions between values (`if`, `not`, `dependentSchemas`) it does not.
"""

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

from gemctl.emulator import patterns
from gemctl.emulator.wording import Values

_MOST_VALUES = 500
_DEEPEST = 20
_LONGEST = 200  # characters of a text, and items of a list
_MOST_NAMED = 10  # items of a list that has one for each name in a text
_LARGEST = 1e300  # a bound beyond it is none: sums and quotients of larger numbers are not to be had
_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def instance(schema: object, values: Values | None = None) -> Any:
    """A value of that schema: every required property (all of them if none is), one item in each list. What `values`
    has for a property goes before what is made up."""
    return _Maker(schema, values).make(schema, 0)


def choices(schema: object) -> list[str]:
    """The texts of an enum, if the schema is one."""
    values = schema.get("enum") if isinstance(schema, Mapping) else None
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


class _Maker:
    def __init__(self, root: object, values: Values | None) -> None:
        self._root = root
        self._values = values
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
            return self._array(schema, depth)
        if kind in ("integer", "number"):
            return self._number(schema, kind)
        return {"boolean": False, "null": None}.get(kind, self._text(schema))

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        least = min(max(_whole(schema.get("minItems"), 1), 0), _LONGEST)
        if _whole(schema.get("maxItems"), 1) < 1 or (depth > _DEEPEST // 2 and "minItems" not in schema):
            return []
        first = schema.get("prefixItems")
        made = [self.make(each, depth + 1) for each in first[:_LONGEST]] if isinstance(first, list) else []
        kind = schema.get("items", {})
        if self._values is not None and "minItems" not in schema:
            least = min(max(least, self._values.many(self._target(kind))), _MOST_NAMED)
        if kind is False or (made and "items" not in schema):
            return made
        while len(made) < min(least, len(made) + max(self._left, 0)):
            value = self._property("", kind, depth + 1)
            made.append(_another(kind, value, made) if schema.get("uniqueItems") is True else value)
        return made

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return {}
        required = schema.get("required")
        wanted = set(map(str, required)) if isinstance(required, list) and required else set(properties)
        order = schema.get("propertyOrdering")
        names = [name for name in order if name in properties] if isinstance(order, list) and _texts(order) else []
        names += [name for name in properties if name not in names]
        return {name: self._property(name, properties[name], depth + 1) for name in names if name in wanted}

    def _property(self, name: str, schema: object, depth: int) -> Any:
        target = self._target(schema)
        given = self._values.take(name, target) if self._values is not None and isinstance(target, Mapping) else None
        return self.make(schema, depth) if given is None else given

    def _target(self, schema: object) -> object:
        target = schema.get("$ref", schema.get("ref")) if isinstance(schema, Mapping) else None
        return self._defined(target) if isinstance(target, str) else schema

    def _all_of(self, ways: list[object], depth: int) -> Any:
        made = [self.make(way, depth + 1) for way in ways[:_LONGEST]]
        if not all(isinstance(each, dict) for each in made):
            return made[0]
        return {name: value for each in made for name, value in each.items()}

    def _number(self, schema: Mapping[str, Any], kind: str) -> float:
        whole = kind == "integer"
        step: float = 1 if whole else 0.5
        least, most = _bound(schema, "inimum", step), _bound(schema, "aximum", -step)
        value: float = 0
        if least is not None and value < least:
            value = least
        elif most is not None and value > most:
            value = most
        unit = schema.get("multipleOf")
        if isinstance(unit, int | float) and 0 < unit < _LARGEST and value and math.isfinite(value / unit):
            value = (-(-value // unit) if least is not None else value // unit) * unit
        if not whole:
            return value
        return int(-(-value // 1)) if least is not None and value == least else int(value // 1)

    def _text(self, schema: Mapping[str, Any]) -> str:
        form, pattern = schema.get("format"), schema.get("pattern")
        text = _FORMATS.get(form, "text") if isinstance(form, str) else "text"
        if isinstance(pattern, str):
            text = patterns.example(pattern) or text
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


def _bound(schema: Mapping[str, Any], name: str, step: float) -> float | None:
    """A bound of numbers: `minimum`, or a step from `exclusiveMinimum`."""
    open_end, closed = schema.get(f"exclusiveM{name}"), schema.get(f"m{name}")
    if _is_bound(open_end):
        return open_end + step
    return closed if _is_bound(closed) else None


def _is_bound(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST < value < _LARGEST


def _another(schema: object, value: Any, others: list[Any]) -> Any:
    """A value of the schema that is none of the others, as far as one is easily made."""
    words = schema.get("enum") if isinstance(schema, Mapping) else None
    if isinstance(words, list):
        return next((word for word in words if word not in others), value)
    if isinstance(value, bool):
        return not value if value in others else value
    for number in range(2, len(others) + 3):
        if value not in others:
            return value
        if isinstance(value, str):
            value = f"{value.rstrip('0123456789')}{number}"
        elif isinstance(value, int | float):
            value += 1
    return value


def _whole(value: object, default: int) -> int:
    return value if isinstance(value, int) else default


def _texts(values: list[object]) -> bool:
    return all(isinstance(value, str) for value in values)
