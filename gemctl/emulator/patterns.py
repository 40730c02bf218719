"""Makes a short text in which a regular expression is found.

Called by `instances` for schemas with a `pattern`. Separate because it is pure and knows nothing of schemas. It walks
the expression as Python's own parser has read it and writes the least that each piece allows: the first way of several,
the fewest repeats. What it can't follow (looking ahead or behind, most of all) gives no text: the result is always
tried against the expression.
"""

import re
from collections.abc import Iterable
from re import _constants as names  # type: ignore[attr-defined]  # the parser of `re` is there from Python 3.11 on
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_MOST = 200  # characters of a text, and of repeats
_LONGEST = 1_000  # characters of an expression
_OF_CATEGORY = {
    names.CATEGORY_DIGIT: "0",
    names.CATEGORY_SPACE: " ",
    names.CATEGORY_WORD: "a",
    names.CATEGORY_NOT_DIGIT: "a",
    names.CATEGORY_NOT_SPACE: "a",
    names.CATEGORY_NOT_WORD: "-",
}
_TRIED = "aA0-_. /:@"  # for what may be anything but some


def example(pattern: str) -> str | None:
    """A text with this pattern in it, or None where none was found."""
    if len(pattern) > _LONGEST:
        return None
    try:
        text = _Writer().write(parser.parse(pattern))
        return text if len(text) <= _MOST and re.search(pattern, text) else None
    except (re.error, RecursionError, OverflowError, ValueError, Warning):  # of a test that takes warnings for errors
        return None


class _Writer:
    def __init__(self) -> None:
        self._groups: dict[int, str] = {}

    def write(self, pieces: Iterable[tuple[Any, Any]]) -> str:
        text = ""
        for kind, value in pieces:
            text += self._piece(kind, value)
            if len(text) > _MOST:
                raise ValueError("too long")
        return text

    def _piece(self, kind: Any, value: Any) -> str:
        match kind:
            case names.LITERAL:
                return chr(value)
            case names.NOT_LITERAL:
                return next(each for each in _TRIED if ord(each) != value)
            case names.ANY:
                return "a"
            case names.IN:
                return _one_of(value)
            case names.BRANCH:
                return self.write(value[1][0])
            case names.MAX_REPEAT | names.MIN_REPEAT | names.POSSESSIVE_REPEAT:
                least = min(value[0], _MOST + 1)
                return self.write(value[2]) * least if least else ""
            case names.SUBPATTERN:
                self._groups[value[0] or 0] = text = self.write(value[3])
                return text
            case names.ATOMIC_GROUP:
                return self.write(value)
            case names.GROUPREF:
                return self._groups.get(value, "")
            case names.AT:
                return ""
            case _:
                raise ValueError("not followed")


def _one_of(members: list[tuple[Any, Any]]) -> str:
    if members[0][0] is names.NEGATE:
        return next((each for each in _TRIED if not any(_has(member, each) for member in members[1:])), "~")
    kind, value = members[0]
    if kind is names.RANGE:
        return chr(value[0])
    return _OF_CATEGORY.get(value, "a") if kind is names.CATEGORY else chr(value)


def _has(member: tuple[Any, Any], character: str) -> bool:
    kind, value = member
    if kind is names.RANGE:
        return bool(value[0] <= ord(character) <= value[1])
    if kind is names.CATEGORY:
        return re.fullmatch(_CLASSES[value], character) is not None
    return bool(ord(character) == value)


_CLASSES = {
    names.CATEGORY_DIGIT: r"\d",
    names.CATEGORY_SPACE: r"\s",
    names.CATEGORY_WORD: r"\w",
    names.CATEGORY_NOT_DIGIT: r"\D",
    names.CATEGORY_NOT_SPACE: r"\S",
    names.CATEGORY_NOT_WORD: r"\W",
}
