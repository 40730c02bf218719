"""Defines a kind of resource as a value: the seam, all that the common rooms know of one.

It says what a spec may hold and how each field behaves (`rules`), how long an object lives (`lifetime`), and, where
there are live objects, how the service shows and changes them (`remote`). Whatever a kind can't do is None there.
docs/adding-a-kind.md is the contract; one file in kinds/ fills it in. A kind describes calls and reads replies. It
opens nothing, sends nothing, and knows no other kind. Called by manifest, plan, engine, outputs and workflows, which
know no kind by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol

from gemctl.core.address import Address
from gemctl.core.call import Answer, Call, Pages
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.execution import ShownExecution
from gemctl.core.frozen import dataclass
from gemctl.core.lifetime import Lifetime, Once
from gemctl.core.lines import Lines
from gemctl.core.live import LiveObject
from gemctl.core.mark import Mark
from gemctl.core.record import MintedToken
from gemctl.core.resource import Attachment, Declared, Recipe, Resource
from gemctl.core.source import Json, JsonObject, Path

SEAM = 9


class Rule(StrEnum):
    """Says how one managed field behaves. A field that is not declared is never compared: the service may fill it."""

    UPDATABLE = "updatable"  # patched in place
    IMMUTABLE = "immutable"  # a change means a new object
    INPUT_ONLY = (
        "input_only"  # accepted, never shown again: compared with what was last sent; a change means a new object
    )
    COUNTDOWN = "countdown"  # declared as a duration, shown as a deadline
    OUTPUT_ONLY = "output_only"  # shown, never compared
    UNCOMPARED = "uncompared"  # goes with a create; a change leaves existing objects as they are
    SENSITIVE = "sensitive"  # patched in place, never shown: a keyed digest stands for it, and no plan shows either


class Check(Protocol):
    """Reads the lines of a file, each with its newline, and gives their mistakes as (number of the line from 1,
    diagnostic without a place, or with one of which only the column counts). What it returns at the end is for
    `Attachment.lines`; it counts for nothing if there was a mistake. `size` is that of the file, in bytes.
    """

    @property
    def name(self) -> str:
        """The same in every run, and for checks only that say the same of every file."""

    def __call__(self, lines: Iterable[bytes], size: int) -> Generator[tuple[int, Diagnostic], None, Lines | None]: ...


@dataclass(frozen=True, slots=True)
class FileNeed:
    """A spec names files: `pattern` is a path, or a glob when `many`; `at` is its path in the spec.

    `binary`: bytes to be uploaded, of any sort and size, instead of text. `check` reads the lines of such a file.

    `count` gives the tokens of a text, for `Attachment.tokens`.
    """

    at: Path
    pattern: str
    many: bool = False
    binary: bool = False
    check: Check | None = None
    count: Callable[[str], int] | None = None


Files = Mapping[Path, tuple[Attachment, ...]]  # per FileNeed.at: the files found, sorted by path


# Identity: how gemctl finds its own object again after an answer, or the state, was lost.


@dataclass(frozen=True, slots=True)
class InDisplayName:
    """The service names it; the mark is in its display name."""


@dataclass(frozen=True, slots=True)
class InId:
    """gemctl chooses an id, with the mark in it; a number at its end changes where the name is taken already."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The user chooses the name. It carries no mark: an object that no intent or ledger of ours explains is not ours.
    `name` is the live name of a declared resource.

    own   the field of spec and form that says which, and the output that shows it: it is the name of the resource
          itself where the spec does not have it. A reference to that output that is not `digested` is known before
          the object is made, and stands in the form. "" where the spec has to say it, in whichever way.
    """

    name: Callable[[Resource], str]
    own: str = ""


@dataclass(frozen=True, slots=True)
class Unmarked:
    """Only the ledger knows the object. A create whose answer was lost stays unknown."""


Identity = InDisplayName | InId | Chosen | Unmarked


@dataclass(frozen=True, slots=True)
class Collection:
    """Says where objects of a kind are, below the API version.

    path     `cachedContents`; below the name of an object of the kind `parent`, where there is one.
    name     the form of live names: nothing else may stand in the path of a call.
    what     the word of people for one of them.
    pages    how the list is read page by page; None where there is no list, and each is read by its name.
    delete   query pairs of a DELETE.
    """

    path: str
    name: re.Pattern[str]
    what: str
    pages: Pages | None
    parent: str | None = None
    delete: tuple[tuple[str, str], ...] = ()

    def named(self, name: str) -> str:
        """The name, if it can stand in a path. Raises ValueError."""
        if not self.name.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a {self.what}.")
        return name

    def listing(self, parent: str = "") -> Call | None:
        """The first page of everything in it, at the largest page size; None if it can't be listed."""
        if self.pages is None:
            return None
        path = f"{parent}/{self.path}" if self.parent else self.path
        return Call("GET", path, query=((self.pages.size, str(self.pages.largest)),), pages=self.pages)


@dataclass(frozen=True, slots=True)
class Operation:
    """A create is answered by an operation that is polled until it is done.

    name      the form of its names: nothing else may stand in the path of a poll.
    started   the operation's name in the reply to a create; None where the reply shows the object itself.
    read      reads a poll: None while it goes on, or the live name of the new object. Raises Refused if it failed, with
              the name of what that left behind, where there is something; KeyError, TypeError or ValueError for a
              reply that is not of the API's shape.
    suffices  whether the name is all that has to be known of the new object: it is not read then.
    """

    name: re.Pattern[str]
    started: Callable[[Json], str | None]
    read: Callable[[Json], str | None]
    suffices: bool = False

    def poll(self, name: str) -> Call:
        """Ask how far it is. Raises ValueError for a text that can't be a name."""
        if not self.name.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of an operation.")
        return Call("GET", name)


@dataclass(frozen=True, slots=True)
class SecretReply:
    """A reply to a create carries a secret that is never shown again, and is delivered before the step is done.

    read     the secret in a reply. Raises TypeError or ValueError, without a word of the reply, where there is none.
    rotate   the act that makes a new one after an answer or a delivery was lost; None where there is none.
    """

    read: Callable[[Json], str]
    rotate: str | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """Asks the service how many tokens an object would store, before it is made.

    call    the request; None for a resource of which that can't be asked.
    read    the number in the reply. Raises TypeError, ValueError or AttributeError for another shape.
    """

    call: Callable[[Resource], Call | None]
    read: Callable[[Json], int]


@dataclass(frozen=True, slots=True)
class Patch:
    """Names what a patch changes: the fields that differ (names as in `Kind.rules`), and the mark anew, for kinds that
    are marked in a display name that can be patched.
    """

    resource: Resource
    mark: Mark
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Remote:
    """Says how the service shows objects of a kind, and changes them. All calls but `create` are repeatable.

    create      make it, marked as `identity` says. `attempt` counts from 1, for ids that were used and may not be free.
    read        the object in a list entry, or in the reply to a create, get or patch. Raises KeyError, TypeError,
                ValueError or AttributeError for a reply that is not of the API's shape.
    source      the path in the spec of the value at this path of a call's body; () for nowhere. The path in the body is
                as the service says it, in camelCase, with the name of the message around the body where it has one; ()
                stands for the object that the call's own path names. The result may be a path that is not in the spec,
                as a value that was not written has none: the nearest one above it counts then.
    patch       change fields in place; None for a kind whose fields can't be.
    late        sets, as soon as an object is there, what its create does not take; None where all is as the create
                makes it. The live name comes before the path of this call. None for a kind whose creates take all.
    count       counts the tokens of an object before it is made; None for a kind that stores none.
    """

    collection: Collection
    identity: Identity
    create: Callable[[Resource, Mark, int], Call]
    read: Callable[[Json], LiveObject]
    source: Callable[[Resource, Call, Path], Path]
    patch: Callable[[str, Patch], Call] | None = None
    late: Callable[[Resource, Mark], Call | None] | None = None
    operation: Operation | None = None
    secret: SecretReply | None = None
    count: Count | None = None

    def items(self, page: JsonObject) -> tuple[LiveObject, ...]:
        """The objects on one page; a page without any may have no key. Raises what `read` raises."""
        key = self.collection.pages.items if self.collection.pages else self.collection.path
        found = page.get(key)
        if found is None:
            return ()
        if not isinstance(found, list):
            raise TypeError(f"{key} is not a list.")
        return tuple(map(self.read, found))

    def get(self, name: str) -> Call:
        """Read one object. Raises ValueError for a text that can't be a name."""
        return Call("GET", self.collection.named(name))

    def delete(self, name: str) -> Call:
        """Delete it. Raises ValueError for a text that can't be a name."""
        query = self.collection.delete
        return Call("DELETE", self.collection.named(name), query=query, answer=Answer.NOTHING)

    @property
    def listed(self) -> bool:
        return self.collection.pages is not None

    @property
    def marked(self) -> bool:
        """Whether new objects carry a mark."""
        return isinstance(self.identity, InDisplayName | InId)


@dataclass(frozen=True, slots=True)
class Act:
    """An act beyond create, patch and delete: sent once, and run by the same machine as a create.

    call     makes the request, from the declared resource and the live name; None for a kind without live objects.
    source   as `Remote.source`.
    secret   the secret in the reply, which is delivered; as `SecretReply.read`.
    token    describes a token that was made, without its value, from the body as it was sent and the time of the
             intent.
    hidden   the parts of a message that would give a secret away if the service quoted one.
    began    the execution that the reply shows, of an act that starts something. Raises what `Remote.read` raises.
    """

    call: Callable[[Resource, str | None], Call]
    secret: Callable[[Json], str] | None = None
    source: Callable[[Resource, Call, Path], Path] | None = None
    token: Callable[[JsonObject, datetime, str], MintedToken] | None = None
    hidden: re.Pattern[str] | None = None
    began: Callable[[Json], ShownExecution] | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Says how the executions of an object are read.

    path     below the name of the object, as in `executions`.
    pages    how the list is read page by page.
    read     one entry of it. Raises what `Remote.read` raises.
    """

    path: str
    pages: Pages
    read: Callable[[Json], ShownExecution]

    def listing(self, name: str) -> Call:
        """The first page of those of the object with this name."""
        return Call("GET", f"{name}/{self.path}", query=((self.pages.size, str(self.pages.largest)),), pages=self.pages)

    def items(self, page: JsonObject) -> tuple[ShownExecution, ...]:
        """The executions on one page; a page without any may have no key. Raises what `read` raises."""
        found = page.get(self.pages.items)
        if found is None:
            return ()
        if not isinstance(found, list):
            raise TypeError(f"{self.pages.items} is not a list.")
        return tuple(map(self.read, found))


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of resource. Its functions are pure; none may look at the clock, the disk or the net.

    rules     how each field of a spec behaves.
    files     the files that must be read before `declare`.
    declare   the canonical form of a valid spec. Must be deterministic for ever: its digest is in the marks.
    remote    None for a kind that is declared and recorded, and nowhere live.
    blanks    the required fields of a spec that no reply shows: each with what a person has to put there when a
              manifest is generated for a live object. `blanks_of` gives more of them, where that depends on the
              fields that are shown.
    called    another name that people may use: the API's collection, where there are no live objects.
    agrees    for fields that the service may show in more words than were sent: whether the shown value (first) means
              the sent one.
    make      the bytes to be uploaded of the values of a `Recipe`, complete, and the lines of a file; in constant
              memory.
    made_of   for a kind that is uploaded: a declared file, with what a recipe makes of it in place of its own bytes.
    members   the kind of the objects that come with one of these and lie under it, as `Declared.members` has them. It
              has no manifests of its own.
    history   how the executions of an object are read; None for a kind for which nothing is started.
    """

    name: str
    spec: type[Any]
    rules: Mapping[str, Rule]
    lifetime: Lifetime
    files: Callable[[Any], tuple[FileNeed, ...]]
    declare: Callable[[Any, Files], Declared]
    remote: Remote | None = None
    acts: Mapping[str, Act] = field(default_factory=lambda: MappingProxyType({}))
    blanks: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    blanks_of: Callable[[JsonObject], Mapping[str, str]] | None = None
    called: str = ""
    agrees: Mapping[str, Callable[[Json, Json], bool]] = field(default_factory=lambda: MappingProxyType({}))
    make: Callable[[JsonObject, Iterable[bytes]], Iterator[bytes]] | None = None
    made_of: Callable[[Declared, Recipe], Declared] | None = None
    members: Kind | None = None
    history: History | None = None
    seam: int = SEAM

    @property
    def collection(self) -> str:
        """The API's word for all of them; where there are no live objects, for the things that are made by them."""
        return self.remote.collection.path if self.remote else self.called

    @property
    def secretive(self) -> bool:
        """Whether a field of it is sensitive: then the ledger knows when an object was last changed."""
        return Rule.SENSITIVE in self.rules.values()

    @property
    def once(self) -> Once | None:
        """The lifetime of a kind that is run, and not kept; None for other kinds."""
        return self.lifetime if isinstance(self.lifetime, Once) else None

    def patches(self, field: str) -> bool:
        """Whether this field can be changed in place."""
        can = self.remote is not None and self.remote.patch is not None
        return can and self.rules.get(field) in (Rule.UPDATABLE, Rule.SENSITIVE)

    def differing(self, shown: JsonObject, sent: JsonObject, rule: Rule = Rule.IMMUTABLE) -> tuple[str, ...]:
        """The fields with this rule that are shown otherwise than they were sent. A field that is not sent, or not
        shown, agrees.
        """
        return tuple(
            name
            for name, value in shown.items()
            if name in sent and value != sent[name] and self.rules.get(name) is rule
            if not self.agrees.get(name, holds)(value, sent[name])
        )

    def otherwise(self, shown: JsonObject, sent: JsonObject) -> dict[str, Json]:
        """The fields that can be read back, and are shown otherwise than they were sent, as they are shown."""
        if all(shown[name] == sent[name] for name in shown.keys() & sent):
            return {}  # as most objects are
        rules = (Rule.IMMUTABLE, Rule.UPDATABLE)
        return {name: shown[name] for rule in rules for name in self.differing(shown, sent, rule)}

    def unshown(self, shown: JsonObject, sent: JsonObject) -> tuple[str, ...]:
        """The fields that were sent, can't be changed, and are not shown at all."""
        return tuple(name for name in sent if self.rules.get(name) is Rule.IMMUTABLE and name not in shown)


def kinds_of(addresses: Iterable[Address], catalogue: Catalogue) -> dict[str, Kind]:
    """The kinds of these addresses that there are, by name: each is looked up once, and not once for each address."""
    return {name: catalogue[name] for name in {address.kind for address in addresses} if name in catalogue}


def parent_of(kind: Kind) -> str | None:
    """The kind that its objects lie under; None for most."""
    return kind.remote.collection.parent if kind.remote else None


def holds(shown: Json, sent: Json) -> bool:
    """Whether the shown value has all of the sent one; objects may have more, which the service has filled in."""
    if isinstance(shown, Mapping) and isinstance(sent, Mapping):
        return all(key in shown and holds(shown[key], value) for key, value in sent.items())
    if isinstance(shown, list | tuple) and isinstance(sent, list | tuple):
        return len(shown) == len(sent) and all(map(holds, shown, sent))
    return bool(shown == sent)


def remote(kind: Kind) -> Remote:
    """The `remote` of a kind. Raises TypeError for a kind without live objects."""
    if kind.remote is None:
        raise TypeError(f"A {kind.name} is only recorded, and nowhere live.")
    return kind.remote


def once(kind: Kind) -> Once:
    """The lifetime of a kind that is run. Raises TypeError for another."""
    if kind.once is None:
        raise TypeError(f"A {kind.name} is kept, and not run.")
    return kind.once


Catalogue = Mapping[str, Kind]
