"""Holds what is known of a file of requests after its lines were checked: what they use, what they refer to, and where
the file is cut into parts.

Made by the check of a kind (`FileNeed.check`) while manifest digests the file, which remembers it; read by that kind.
"""

from __future__ import annotations

from gemctl.core.address import Address
from gemctl.core.frozen import dataclass
from gemctl.core.quantities import Quantities


@dataclass(frozen=True, slots=True)
class Split:
    """The most that one part of a file may hold: requests, bytes as they are sent, tokens; None for no limit."""

    requests: int | None = None
    bytes: int | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """Whole lines of a file that go into one part.

    start    bytes before it; `size` is its length in bytes, with the newline at its end if there is one.
    line     the number of its first line, from 1.
    digest   `sha256:…` of its bytes.
    """

    start: int
    size: int
    line: int
    digest: str
    quantities: Quantities


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a file, none of which is wrong.

    names    resources that lines refer to, sorted.
    live     live names that lines use, such as `cachedContents/abc`, sorted; at most MOST_LIVE.
    slices   the parts, in their order; none where the whole file is one.
    places   the first line that has each of `names` and then of `live`, in their order.
    """

    quantities: Quantities
    names: tuple[Address, ...] = ()
    live: tuple[str, ...] = ()
    slices: tuple[Slice, ...] = ()
    places: tuple[int, ...] = ()

    def line_of(self, what: Address | str) -> int:
        """The first line that has it; 1 where that isn't known."""
        return dict(zip((*self.names, *self.live), self.places, strict=False)).get(what, 1)


MOST_LIVE = 100
