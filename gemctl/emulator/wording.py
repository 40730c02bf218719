"""Reads out of a text what it seems to ask for: a function, by a word of its name, and values for its arguments.

Called by `calls`. Separate because it is pure, and all that the emulated model makes of words. It does not understand
them. A function is asked for where the text has a word of its name, or as many numbers as it needs; its arguments are
the numbers and the names (words with a capital letter within a sentence, or of capitals) in the order of the text, a
word of an enum that is in the text, and true where the text has a word of the argument's name. What it can't fill is
made up.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")
_NAME = re.compile(r"(?:(?<=[\w,;:'] )[A-Z][\w&-]*|\b[A-Z]{2,}\b)(?: [A-Z][\w&-]*)*")
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_COMMON = frozenset(
    re.findall(
        r"[a-z]+",
        "a an and are as at by can current do does for from has have how in is it me my new not of on or that the this"
        " to up was what when where which who will with you your"
        " add call create delete fetch find function get give list look make put read run set show tell tool"
        " update use",
    )
)
_NUMBERS = frozenset({"integer", "number"})
_SHORTEST = 3  # letters of a word
_LONGEST = 15  # digits of a number


class Wording:
    """One text. Names are taken from a place on, so that each of several functions has those that follow its word."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _words(self) -> dict[str, int]:
        """Each word in its plain form, and where it first is."""
        found: dict[str, int] = {}
        for word in _WORD.finditer(self._text):
            found.setdefault(_plain(word[0]), word.start())
        return found

    @cached_property
    def _numbers(self) -> list[float]:
        written = [each[0][:_LONGEST] for each in _NUMBER.finditer(self._text)]
        return [float(each) if "." in each else int(each) for each in written]

    @cached_property
    def _names(self) -> list[tuple[int, str]]:
        return [(each.start(), each[0]) for each in _NAME.finditer(self._text)]

    def asks_for(self, function: Mapping[str, Any]) -> int | None:
        """Where the text asks for a function; None where it doesn't."""
        words = {_plain(word) for word in _PARTS.findall(function.get("name", ""))} - _COMMON
        places = [self._words[word] for word in words if len(word) >= _SHORTEST and word in self._words]
        if places:
            return min(places)
        needed = _needed(function)
        kinds = {_kind(schema) for schema in needed.values()}
        if needed and kinds <= _NUMBERS and len(self._numbers) >= len(needed):
            return len(self._text)
        return None

    def values(self, place: int) -> "Values":
        """The values for a function's arguments, the nearest after that place first."""
        names = [name for at, name in self._names if at >= place] + [name for at, name in self._names if at < place]
        return Values(list(self._numbers), names, self._words)


class Values:
    """What is left of a text's numbers and names for the arguments of one call."""

    def __init__(self, numbers: list[float], names: list[str], words: Mapping[str, int]) -> None:
        self._numbers = numbers
        self._names = names
        self._words = words

    def many(self, schema: object) -> int:
        """How many items a list has: one for each name, if it is one of names."""
        inner: object = schema
        if isinstance(schema, Mapping) and _kind(schema) == "object":
            properties = schema.get("properties")
            kinds = list(properties.values()) if isinstance(properties, Mapping) else []
            inner = kinds[0] if len(kinds) == 1 else None
        return len(self._names) if isinstance(inner, Mapping) and _kind(inner) == "string" else 0

    def take(self, name: str, schema: Mapping[str, Any]) -> Any:
        """A value for the argument of that name; None where the text has none."""
        kind, words = _kind(schema), schema.get("enum")
        if isinstance(words, list) and words:
            return next((word for word in words if isinstance(word, str) and _plain(word) in self._words), None)
        if kind == "boolean":
            asked = {_plain(word) for word in _PARTS.findall(name)} - _COMMON
            return True if any(word in self._words for word in asked) else None
        if kind in _NUMBERS and self._numbers:
            number = self._numbers.pop(0)
            return int(number) if kind == "integer" else number
        if kind == "string" and self._names and not schema.keys() & {"format", "pattern"}:
            return self._names.pop(0)
        return None


def _plain(word: str) -> str:
    """A word in small letters and without the s of a plural."""
    small = word.lower()
    return small[:-1] if len(small) > _SHORTEST and small.endswith("s") and not small.endswith("ss") else small


def _kind(schema: object) -> str:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), None)
    return kind.lower() if isinstance(kind, str) else ""


def _needed(function: Mapping[str, Any]) -> dict[str, object]:
    schema = function.get("parameters") or function.get("parametersJsonSchema")
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(schema, Mapping) or not isinstance(properties, Mapping):
        return {}
    required = schema.get("required")
    names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else list(properties)
    return {name: properties.get(name) for name in names}
