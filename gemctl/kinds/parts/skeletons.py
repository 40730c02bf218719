"""Finds lines of requests that are alike but for their keys and texts, so that only one of them is looked at closely.

The lines of most files were written by one program, and differ in two strings: `"key": "…"` and `"text": "…"`. One
expression takes these strings out of a line. What is left is its skeleton, byte for byte. If a line is right JSON, each
line with the same skeleton is, and has the same form: each string that is taken out is a whole JSON string, not empty,
which could stand in the place of any other. So the expression takes nothing else:

* It begins at a quote without a backslash before it, which in right JSON begins or ends a string; and no string ends
  where a name follows. So it never begins within a string, whatever stands there in escaped form.
* The string has no control characters, no escapes that JSON doesn't know, and no half of a pair of surrogates. Where
  one does, it stays in the skeleton, and so does an empty string.

The bytes of a string may still be no UTF-8; whoever decodes them finds out. Used by `lines`, which checks lines, and by
`merge`, which changes them.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Generic, TypeVar

Skeleton = tuple[bytes, ...]  # by turns: what stands before a string, and the name and quote that the string follows
T = TypeVar("T")

MOST = 256  # skeletons that are remembered
LARGEST = 1 << 15  # bytes of a skeleton that is
TRIES = 512  # lines of other skeletons than those before: with more than there are others, the file has no use of it

_PLAIN = rb"[ \]-\xff#-\[!]*+"  # all but control characters, quote and backslash: those first that texts are made of
_PAIR = rb"[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_UNIT = rb"(?:[0-9abcefABCEF][0-9a-fA-F]|[dD][0-7])[0-9a-fA-F]{2}"
_ESCAPE = rb'\\(?:["\\/bfnrt]|u(?:' + _UNIT + rb"|" + _PAIR + rb"))"
_STRINGS = re.compile(
    rb'("(?<!\\")(?:key|text)"[ \t]*+:[ \t]*+")(?!")(' + _PLAIN + rb"(?:" + _ESCAPE + _PLAIN + rb')*+)"'
)


def taken_apart(line: bytes) -> tuple[Skeleton, list[bytes]]:
    """The skeleton of a line, and its strings as they stand there, without their quotes."""
    pieces = _STRINGS.split(line)
    strings = pieces[2::3]
    del pieces[2::3]
    return tuple(pieces), strings


def marked(skeleton: Skeleton, beside: bytes = b"") -> tuple[bytes, list[str]]:
    """A line of this skeleton with a mark in the place of each string, and the marks. None of them stands anywhere else
    in the line, nor in what is written `beside` it: they are made of a digest of both.
    """
    digest = blake2b(b"\0".join((*skeleton, beside)), digest_size=16).hexdigest()
    marks = [f"{digest}.{number}." for number in range(len(skeleton) // 2)]
    pieces: list[bytes] = []
    for number, mark in enumerate(marks):
        pieces += (skeleton[2 * number], skeleton[2 * number + 1], mark.encode(), b'"')
    return b"".join((*pieces, skeleton[-1])), marks


class Skeletons(Generic[T]):
    """What is known of lines, by their skeletons.

    useful   whether it is worth the while to take lines apart: False where most are of skeletons of their own.
    """

    def __init__(self) -> None:
        self.useful = MOST > 0
        self._known: dict[Skeleton, T] = {}
        self._found = 0
        self._missed = 0

    def get(self, skeleton: Skeleton) -> T | None:
        known = self._known.get(skeleton)
        if known is None:
            self._missed += 1
            self.useful = self._missed < TRIES + self._found
        else:
            self._found += 1
        return known

    def keep(self, skeleton: Skeleton, known: T) -> None:
        if sum(map(len, skeleton)) > LARGEST:
            return
        if len(self._known) >= MOST:
            self._known.clear()  # what comes again is soon back
        self._known[skeleton] = known
