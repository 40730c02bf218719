"""THE SEAM: all that the common rooms know about a kind of resource.

Kinds differ along four axes only, and the seam states these four:
who names it (`naming`), how each field behaves (`rules`), how long it lives (`lifetime`), and whether it can be read
back (`listing()` is None where it can't). docs/adding-a-kind.md is the contract; one file in kinds/ implements it.
A kind describes calls and reads replies. It opens nothing, sends nothing and knows no other kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from gemctl.core.call import Call
from gemctl.core.live import Item
from gemctl.core.resource import Attachment, Declared, Resource
from gemctl.core.source import Json, JsonObject, Path

SEAM = 1


class Naming(StrEnum):
    """Who names the live object."""

    ASSIGNED = "assigned"  # the server: a lost answer leaves the client blind, hence marks and intents
    CHOSEN = "chosen"  # the manifest
    LOCAL = "local"  # nobody: there is no live object


class Lifetime(StrEnum):
    """How long an object lives."""

    FOREVER = "forever"
    RENEWABLE = "renewable"  # until a deadline that can be moved
    FIXED = "fixed"  # until a deadline that can't
    ONCE = "once"  # runs, ends, and stays done


class Rule(StrEnum):
    """How one managed field behaves."""

    UPDATABLE = "updatable"  # patched in place
    IMMUTABLE = "immutable"  # a change means a new object
    INPUT_ONLY = (
        "input_only"  # accepted, never shown again: compared with what was last sent; a change means a new object
    )
    COUNTDOWN = "countdown"  # declared as a duration, shown as a deadline
    OUTPUT_ONLY = "output_only"  # shown, never compared


@dataclass(frozen=True, slots=True)
class FileNeed:
    """A spec names files: `pattern` is a path, or a glob when `many`; `at` is where in the spec it stands."""

    at: Path
    pattern: str
    many: bool = False


Files = Mapping[Path, tuple[Attachment, ...]]  # per FileNeed.at: the files found, sorted by path


class Kind(Protocol):
    """One kind of resource. Attributes and methods are pure; none may look at the clock, the disk or the net."""

    name: str
    collection: str
    spec: type[Any]
    seam: int
    naming: Naming
    lifetime: Lifetime
    rules: Mapping[str, Rule]

    def files(self, spec: Any) -> tuple[FileNeed, ...]:
        """The files that must be read before `declare`."""

    def declare(self, spec: Any, files: Files) -> Declared:
        """The canonical form of a valid spec. Must be deterministic for ever: its digest is in the marks."""

    def create(self, resource: Resource, display: str) -> Call:
        """Make it, with this display name (mark included). Never repeatable unless the manifest chooses the name."""

    def listing(self) -> Call | None:
        """The first page of everything of this kind, at the largest page size; None if it can't be listed."""

    def items(self, page: JsonObject) -> tuple[Item, ...]:
        """The objects on one page. Raises KeyError, TypeError or ValueError if the page is not of the API's shape."""

    def item(self, reply: Json) -> Item:
        """The object in the reply to a create or update."""

    def get(self, name: str) -> Call:
        """Read one object; the reply is read by `item`. Only for what a list may not show yet."""

    def update(self, name: str) -> Call:
        """Move the deadline; the engine puts it at `Call.deadline`. Repeatable."""

    def delete(self, name: str) -> Call:
        """Delete it. Repeatable."""


Catalogue = Mapping[str, Kind]
