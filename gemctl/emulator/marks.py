"""Finds the marks in a text, `[[emulator: ...]]`, whatever is in them.

Called by `calls` and `tool_use`. Separate because a text may be of megabytes: here each character is looked at once,
where an expression for a whole mark would look for its end anew from each beginning.
"""

from collections.abc import Iterator

_BEGIN, _END = "[[emulator: ", "]]"


def inside(text: str, word: str) -> list[str]:
    """What marks say that begin with this word, behind it."""
    found = (text[start + len(_BEGIN) : end - len(_END)] for start, end in _places(text))
    return [each.removeprefix(f"{word} ") for each in found if each.startswith(f"{word} ")]


def without(text: str) -> str:
    """The text without its marks."""
    kept, at = [], 0
    for start, end in _places(text):
        kept.append(text[at:start])
        at = end
    return "".join([*kept, text[at:]])


def _places(text: str) -> Iterator[tuple[int, int]]:
    end = 0
    while (start := text.find(_BEGIN, end)) >= 0 and (close := text.find(_END, start)) >= 0:
        end = close + len(_END)
        yield start, end
