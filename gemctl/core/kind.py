"""THE SEAM: all that the common rooms know about a kind of resource.

Kinds differ along four axes only, and the seam states these four:
who names it (`naming`), how each field behaves (`rules`), how long it lives (`lifetime`), and whether it can be read
back (`listing()` is None where it can't). docs/adding-a-kind.md is the contract; one file in kinds/ implements it.
A kind describes calls and reads replies. It opens nothing, sends nothing and knows no other kind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, cast

from gemctl.core.call import Call
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.live import Item
from gemctl.core.mark import Mark
from gemctl.core.resource import Attachment, Companion, Declared, Resource
from gemctl.core.source import Json, JsonObject, Path

SEAM = 4


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
    UNCOMPARED = "uncompared"  # goes with a create; what was made before stays what it is


@dataclass(frozen=True, slots=True)
class FileNeed:
    """A spec names files: `pattern` is a path, or a glob when `many`; `at` is where in the spec it stands.

    `binary`: bytes to be uploaded, of any sort and size, instead of text. `check` reads the lines of such a file, each
    with its newline, and gives what is wrong with them as (number of the line from 1, diagnostic without a place, or
    with one of which only the column counts).
    """

    at: Path
    pattern: str
    many: bool = False
    binary: bool = False
    check: Callable[[Iterable[bytes]], Iterator[tuple[int, Diagnostic]]] | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """Where the results of a run are: in the reply (`inline`, in the order of the requests), or in a `file` of lines.

    Neither, for a run that ended without results, or whose results are not to be had yet.
    """

    inline: tuple[JsonObject, ...] | None = None
    file: str | None = None


Files = Mapping[Path, tuple[Attachment, ...]]  # per FileNeed.at: the files found, sorted by path


class Kind(Protocol):
    """One kind of resource. Attributes and methods are pure; none may look at the clock, the disk or the net.

    `blanks` are the fields of a spec that nobody can do without, and that no reply shows: each with what a person has
    to put there when a manifest is written for what is live.
    """

    name: str
    collection: str
    spec: type[Any]
    seam: int
    naming: Naming
    lifetime: Lifetime
    rules: Mapping[str, Rule]
    blanks: Mapping[str, str]

    def files(self, spec: Any) -> tuple[FileNeed, ...]:
        """The files that must be read before `declare`."""

    def declare(self, spec: Any, files: Files) -> Declared:
        """The canonical form of a valid spec. Must be deterministic for ever: its digest is in the marks."""

    def create(self, resource: Resource, mark: Mark, attempt: int) -> Call:
        """Make it, marked in its display name or in the id that we choose. Not repeatable: it is sent once.

        `attempt` counts from 1, for kinds whose names we choose: a name that was used may not be free.
        """

    def listing(self) -> Call | None:
        """The first page of everything of this kind, at the largest page size; None if it can't be listed."""

    def items(self, page: JsonObject) -> tuple[Item, ...]:
        """The objects on one page. Raises KeyError, TypeError or ValueError if the page is not of the API's shape."""

    def item(self, reply: Json) -> Item:
        """The object in the reply to a create or update."""

    def get(self, name: str) -> Call:
        """Read one object; the reply is read by `item`. Only for what lists do not show, and something hangs upon."""

    def update(self, name: str) -> Call:
        """Move the deadline; the engine puts it at `Call.deadline`. Repeatable."""

    def delete(self, name: str) -> Call:
        """Delete it. Repeatable."""

    def source(self, resource: Resource, call: Call, at: Path) -> Path:
        """Where in the spec that was written which stands `at` this place of a call's body; () for nowhere.

        `at` is as the service says it, in camelCase, with the name of the message around the body where it has one;
        () is what the call's own path names.
        The call is one that this kind described of this resource. A place that is in no spec may come of it, as what
        is not written has none: what lies around it counts then.
        """


class RunKind(Kind, Protocol):
    """A kind whose lifetime is ONCE: what it declares is run, ends, and leaves results."""

    def create_again(self, resource: Resource, mark: Mark, attempt: int, keys: Collection[str]) -> Call:
        """Run what has these keys once more; requests in a file are those of `rest`."""

    def rest(self, path: str) -> Companion:
        """What holds the requests that are run again, where they stand in a file: it is made of the file at this path,
        and takes the place of what the resource refers to.
        """

    def cancel(self, name: str) -> Call:
        """Ask for it to be stopped. Repeatable."""

    def results(self, reply: Json) -> Results:
        """What the reply to `get` says of the results of a run that ended."""

    def result(self, line: JsonObject) -> JsonObject:
        """One result as it is saved, `{"key", "response"}` or `{"key", "error"}`, from what the service gives."""

    def keys(self, resource: Resource) -> tuple[str, ...] | None:
        """The keys of its requests, in their order; None where they stand in a file."""


def run_kind(kind: Kind) -> RunKind:
    """The kind as one of those that run. Raises TypeError for another."""
    if kind.lifetime is not Lifetime.ONCE:
        raise TypeError(f"A {kind.name} is kept, and not run.")
    return cast(RunKind, kind)


Catalogue = Mapping[str, Kind]
