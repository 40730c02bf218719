"""Writes and reads the ownership mark, by which gemctl finds its own objects again when it never heard their names.

    handbook ~g1.k2v4qz7abc.3mzoa6xq4f7hs.b5n2wq3l7d4er x
    readable  form owner      address       spec        check      (without the blank before the check)

The service names everything and knows no request ids, but it keeps a display name of up to 128 characters (REST
reference of cachedContents) and shows it in lists. The mark is the last 44 of them. Called by kinds, which send it and
read it back, and by plan, outputs and workflows.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NewType

from gemctl.core.address import Address
from gemctl.core.digest import ALPHABET, canonical, tag
from gemctl.core.frozen import dataclass
from gemctl.core.source import Json

DISPLAY_LIMIT = 128
MARK_LENGTH = 44
READABLE_LIMIT = DISPLAY_LIMIT - MARK_LENGTH
_MARK = re.compile(rf" (~g1\.([{ALPHABET}]{{10}})\.([{ALPHABET}]{{13}})\.([{ALPHABET}]{{13}}))([{ALPHABET}])")

_ID = re.compile(rf"g1-([{ALPHABET}]{{10}})([{ALPHABET}]{{13}})([{ALPHABET}]{{7}})-([1-9][0-9]{{0,4}})")

OwnerTag = NewType("OwnerTag", str)  # of a project and stack, as it stands in marks


@dataclass(frozen=True, slots=True)
class Mark:
    """Says whose an object is (`owner`), which address it was declared under, and which spec went into it."""

    owner: OwnerTag
    address_tag: str
    spec_tag: str

    def of(self, spec: str) -> bool:
        """Whether it was made from the declaration with this spec tag. An id has room for the tag's beginning only."""
        return bool(self.spec_tag) and (spec.startswith(self.spec_tag) or self.spec_tag == spec)


def owner_tag(project: str, stack: str) -> OwnerTag:
    """50 bits for a project's id (or name) and stack."""
    return OwnerTag(tag(f"{project}/{stack}".encode(), 10))


def address_tag(address: Address) -> str:
    """65 bits for `Kind/name`."""
    return tag(str(address).encode(), 13)


def spec_tag(fields: Json) -> str:
    """65 bits for the canonical form of what the user set."""
    return tag_of_form(canonical(fields))


def tag_of_form(data: bytes) -> str:
    """The same, of the form as canonical JSON."""
    return tag(data, 13)


def attempt_tag(spec: str, attempt: int) -> str:
    """The spec tag of an attempt: that of the declaration for the first, another one for each further."""
    return spec if attempt == 1 else tag(f"{spec}/{attempt}".encode(), 13)


def write(display_name: str, mark: Mark) -> str:
    """The display name to send: the readable part, cut to 84 code points between graphemes, and the mark."""
    body = f"~g1.{mark.owner}.{mark.address_tag}.{mark.spec_tag}"
    display = f"{cut(display_name, READABLE_LIMIT)} {body}{tag(body.encode(), 1)}"
    if len(display) > DISPLAY_LIMIT:
        raise ValueError(f"the display name for {display_name!r} came out too long")
    return display


def read(display: str) -> tuple[str, Mark | None]:
    """The readable part, and the mark if there is one whose check character is right."""
    match = _MARK.fullmatch(display, max(len(display) - MARK_LENGTH, 0))
    if not match:
        return display, None
    body, owner, address, spec, check = match.groups()
    if tag(body.encode(), 1) != check:
        return display, None
    return display[: match.start()], Mark(OwnerTag(owner), address, spec)


def write_id(mark: Mark, attempt: int) -> str:
    """The mark as an id that we choose, 36 characters or more: `g1-`, owner, address, seven of spec, the attempt.

    Ids of files have at most 40 characters `[a-z0-9-]` (REST reference of files), so no readable part fits in.
    """
    return f"g1-{mark.owner}{mark.address_tag}{mark.spec_tag[:7]}-{attempt}"


def read_id(text: str) -> tuple[Mark, int] | None:
    """The mark in an id that we chose, with the beginning of the spec tag, and the attempt; None for another's id."""
    match = _ID.fullmatch(text)
    if not match:
        return None
    owner, address, spec, attempt = match.groups()
    return Mark(OwnerTag(owner), address, spec), int(attempt)


def cut(text: str, limit: int) -> str:
    """At most `limit` code points, never parting a base character from those that join it."""
    if len(text) <= limit:
        return text
    end = limit
    while end and (_joins(text[end]) or text[end - 1] == "\u200d" or _splits_flag(text, end)):
        end -= 1
    return text[:end]


def _joins(character: str) -> bool:
    """True for a character that continues the one before it: marks, joiners, variation selectors, skin tones."""
    return (
        unicodedata.category(character) in ("Mn", "Mc", "Me")
        or character in "\u200c\u200d"
        or "\ufe00" <= character <= "\ufe0f"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
        or "\u1160" <= character <= "\u11ff"
    )


def _splits_flag(text: str, end: int) -> bool:
    """True when `end` lies inside a pair of regional indicators, which together draw one flag."""
    run = 0
    while run < end and "\U0001f1e6" <= text[end - 1 - run] <= "\U0001f1ff":
        run += 1
    return run % 2 == 1 and "\U0001f1e6" <= text[end] <= "\U0001f1ff"
