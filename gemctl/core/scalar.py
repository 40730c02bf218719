"""Decides what a word without quotes means: null, true, false, a number, or text.

Called by manifest/yaml.py, which reads YAML, and by the rooms that write it or explain mistakes in it.

The rule is the core schema of YAML 1.2 (section 10.3.2), which JSON's values are a part of. Numbers are written 7, +7,
-0.5, .5, 1., 1e3, 0x1F and 0o17. What the core schema takes for text stays text: no, on, 1:30, 2025-01-01, 1.2.3, 12h.

Two kinds of words are refused instead of being guessed at: notations of numbers that readers of YAML and programming
languages disagree about (1_000, 0b11, 012, -0x1F, 1e), and numbers that JSON can't carry (.inf, .nan, 1e999).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

Scalar = bool | int | float | str | None

_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WORDS_OF_OTHERS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_NUMBER = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(\.[0-9]*)?|(\.[0-9]+))([eE][-+]?[0-9]+)?")
_BASED = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_ENDLESS = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_DISPUTED = re.compile(
    r"[-+]?(?:0[bBoO]_*[0-9][0-9_]*|0[xX]_*[0-9a-fA-F][0-9a-fA-F_]*"
    r"|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9_]*)?)"
)
_OF_NUMBERS = "0123456789abcdefABCDEFxXoO_.+-inIN"  # all characters of whatever the patterns match
_LONGEST = 60  # characters of a word that a message shows, and that a number is proposed for


class Unclear(ValueError):
    """A word without quotes that is not certainly text, and is no number that could be sent."""

    def __init__(self, code: str, detail: str, hint: str) -> None:
        super().__init__(detail)
        self.code, self.detail, self.hint = code, detail, hint


def resolve(text: str) -> Scalar:
    """The value of a word without quotes. Raises Unclear."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-+.0123456789" or text.strip(_OF_NUMBERS):
        return text
    if number := _NUMBER.fullmatch(text):
        return _fraction(text) if any(number.groups()) else _whole(text, 10)
    if _BASED.fullmatch(text):
        return _whole(text, 0)
    if _ENDLESS.fullmatch(text):
        quotes = _quotes(text, "Leave the value out, or put it in quotes")
        raise Unclear("E141", f"{text} is a number in YAML, and can't be written in JSON.", quotes)
    if _DISPUTED.fullmatch(text):
        detail = f"{_short(text)} looks like a number, and readers of YAML disagree about it."
        raise Unclear("E140", detail, _ways(text))
    return text


def is_text(word: str) -> bool:
    """True for a word that is text without quotes, to readers of YAML 1.1 as well."""
    try:
        return resolve(word) == word and word.lower() not in _WORDS_OF_OTHERS
    except Unclear:
        return False


def _whole(text: str, base: int) -> int:
    # The longest in range have 20 digits and a sign, or 22 octal ones: others need not be worked out.
    if (base == 0 or len(text) <= 21) and -(2**63) <= (value := int(text, base)) < 2**64:
        return value
    raise _out_of_range(text)


def _fraction(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _out_of_range(text)
    return value


def _out_of_range(text: str) -> Unclear:
    return Unclear("E108", f"The number {_short(text)} is out of range.", _quotes(text, "Put it in quotes"))


def _ways(text: str) -> str:
    """A hint: how to write the number that it looks like, and how to write it as text."""
    meant = _meant(text) if len(text) <= _LONGEST else None
    if meant is None:
        return _quotes(text, "Put it in quotes")
    octal = re.fullmatch(r"[-+]?0[0-7]+", text) and text[0] not in "-+"
    return _quotes(text, f"Write {meant}{f', or 0o{text[1:]} where it is octal' if octal else ''}; or put it in quotes")


def _meant(text: str) -> str | None:
    """The same number in a notation that all readers read alike, if it is one."""
    sign = text[0] if text[0] in "-+" else ""
    digits = text[len(sign) :].replace("_", "").lower()
    if base := {"0b": 2, "0o": 8, "0x": 16}.get(digits[:2]):
        try:
            return f"{sign.replace('+', '')}{int(digits[2:], base)}"
        except ValueError:
            return None
    plain = f"{sign}{re.sub('^0+(?=[0-9])', '', digits)}"
    return plain if _NUMBER.fullmatch(plain) else None


def _quotes(text: str, otherwise: str) -> str:
    return f"{otherwise} if it is text: '{_short(text)}'."


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
