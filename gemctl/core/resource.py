"""What is wanted: resources as the manifest room binds them, and all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from gemctl.core.address import Address
from gemctl.core.call import Fill, Reference
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.mark import spec_tag
from gemctl.core.source import JsonObject, Path, Positions


@dataclass(frozen=True, slots=True)
class Ttl:
    """Live for this long after each renewal."""

    ttl: timedelta


@dataclass(frozen=True, slots=True)
class Until:
    """Live until this instant, and not a moment longer."""

    expire_time: datetime


Expiry = Ttl | Until


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What gemctl does with an object over time. `renew_before` is None for what isn't renewed."""

    renew_before: timedelta | None = None
    prevent_destroy: bool = False
    create_first: bool = True
    retire: timedelta = timedelta(minutes=10)
    ignore_changes: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Publish:
    """Where readers find the server's name: `file` (JSON, under `key`), `dotenv` or `githubOutput` (as `key`).

    `file` is relative to the project root; None for githubOutput, whose file GitHub names at run time.
    """

    form: str
    file: str | None
    key: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A text that is part of a spec: inline (`text`), or in a file under the project root (`path`) and read when sent.

    `digest` is `sha256:…` of its UTF-8 bytes, `size` their number.
    """

    digest: str
    size: int
    path: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """What a kind makes of a spec: the canonical form, and what it needs to become a call.

    fields      the managed fields in the canonical form `g1`: only what the user set, normalised, texts as digests.
    expiry      how long it should live, or None where the kind knows no expiry.
    human       the readable part of the display name; None for the resource's own name.
    attachments the texts whose digests stand in `fields`, each once.
    tokens      an estimate of the inputs' tokens; 0 for unknown. The service counts when the object is made.
    problems    what is wrong with the spec as a whole, as (path below `spec`, diagnostic without a place).
    """

    fields: JsonObject
    expiry: Expiry | None = None
    human: str | None = None
    fills: tuple[Fill, ...] = ()
    references: tuple[Reference, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    tokens: int = 0
    problems: tuple[tuple[Path, Diagnostic], ...] = ()


@dataclass(frozen=True, slots=True)
class Resource:
    """One declared resource, with the place where it was written."""

    address: Address
    declared: Declared
    lifecycle: Lifecycle
    publish: tuple[Publish, ...]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    positions: Positions

    @property
    def spec_tag(self) -> str:
        return spec_tag(self.declared.fields)

    @property
    def human(self) -> str:
        return self.declared.human or self.address.name


@dataclass(frozen=True, slots=True)
class Desired:
    """Everything that is declared. `digest` covers resources and texts: a saved plan is bound to it."""

    resources: Mapping[Address, Resource] = field(default_factory=lambda: MappingProxyType({}))
    attachments: Mapping[str, Attachment] = field(default_factory=lambda: MappingProxyType({}))
    warnings: tuple[Diagnostic, ...] = ()
    digest: str = ""
