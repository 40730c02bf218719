"""Finds the word that was probably meant by a misspelt one. Called by `schema`, `manifest` and `workflows`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache

_COMPARED = 100  # known words before and after a misspelt one that are compared with it, where there are many
_LONGEST_WORD = 200  # characters of a misspelt word that are compared


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant: the same in another case, or only a few letters away."""
    names, by_letters = _index(tuple(known))
    if found := by_letters.get(letters(word)):
        return found
    if len(names) > 2 * _COMPARED:
        around = bisect_left(names, word)
        names = names[max(0, around - _COMPARED) : around + _COMPARED]
    near = get_close_matches(word[:_LONGEST_WORD], names, n=1, cutoff=0.65)
    return near[0] if near else None


def did_you_mean(word: str, known: Iterable[str], *, most: int = 12) -> str | None:
    """A hint: the closest of the known words, or all of them where they are few."""
    names = tuple(known)
    if near := closest(word, names):
        return f"Did you mean {near}?"
    return f"Known here: {', '.join(sorted(names))}." if 0 < len(names) <= most else None


def letters(word: str) -> str:
    """The letters that camelCase, snake_case and kebab-case spellings of a word have in common."""
    return word.replace("-", "").replace("_", "").replace(" ", "").lower()


@lru_cache(maxsize=16)
def _index(known: tuple[str, ...]) -> tuple[list[str], Mapping[str, str]]:
    """The words in order, and by their letters: made once, and not for each mistake."""
    return sorted(known), {letters(name): name for name in known}
