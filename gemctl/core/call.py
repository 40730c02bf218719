"""Describes a call to the service as data. Kinds make these values, engine completes them, `api` sends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from gemctl.core.address import Address
from gemctl.core.frozen import dataclass
from gemctl.core.source import JsonObject, Path, Span


@dataclass(frozen=True, slots=True)
class Fill:
    """A text that travels as its digest until the call is made: put it `at` this path of the body."""

    at: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that exists only once another resource does: put that resource's `output` `at` this path of the body.

    written   its place in the spec, for diagnostics; `at` where the two are the same.
    digested  False if it follows from another reference to the same target: it has no place in the canonical form.
    sent      False if the value goes along by way of another resource, which is referred to as well.
    span      where it is written, if that is not in the spec.
    declared  the resource that is declared there, where `target` takes its place for a further attempt; None for none.
    same      fields that both must have alike, such as the model of a cache and of what uses it.
    apart     fields that do not carry over from the target: a warning says so where the target alone has them.
    """

    at: Path
    target: Address
    output: str
    written: Path = ()
    same: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    digested: bool = True
    sent: bool = True
    span: Span | None = field(default=None, compare=False)
    declared: Address | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes that go with a call, by the resumable protocol: exactly those of this digest and size, or nothing is made.

    `digest` is `sha256:…`, `size` in bytes.

    made_by   the kind that makes the bytes that are sent of those of the file and of values in the body, under the name
              `values_at`, which are not sent themselves; "" where the file is sent as it is. Digest and size are then
              the file's, and `size_at` is the place in the body of the size of what is sent.
    """

    digest: str
    size: int
    mime_type: str
    made_by: str = ""
    size_at: Path = ()
    values_at: str = ""


@dataclass(frozen=True, slots=True)
class Pages:
    """Says how a list is read page by page, in the API's own names.

    items       the key under which the objects of a page stand.
    size        the query pair for the page size; `largest` what to ask for.
    token       the query pair for the next page; `following` the key of a page under which its value stands.
    """

    items: str
    largest: int
    size: str = "pageSize"
    token: str = "pageToken"  # noqa: S105 - the name of a query pair
    following: str = "nextPageToken"


class Answer(StrEnum):
    """The thing that the reply to a call shows."""

    OBJECT = "object"  # the object that it made, read or changed
    NOTHING = "nothing"  # that it was done


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    method, path    such as POST and `cachedContents`; the path follows the API version, names are part of it.
    query           pairs, in order.
    body            JSON, or None for none; texts stand in it as digests, listed in `fills`.
    deadline        where in the body the absolute expireTime goes, computed when the step starts; None for none.
    upload          the bytes of a file, which take several requests; None for none.
    numbered        the path in the body of a name that we chose and that ends in the number of the attempt: if the
                    service says that it is taken, the next number is tried.
    version         the API version, where it is not that of the stack.
    pages           for lists: how they are read.
    answer          the thing that its reply shows.
    secrets         values of secrets, which travel as their keyed digests and are put in after the intent was written.
    times           paths in the body of instants that count from the start of the step, each with the time from it.
    under           the resource whose live name comes before the path, for an object that lies under a parent.
    repeatable      True when sending it twice is harmless. A create is not: it is sent once, and never again blindly.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: JsonObject | None = None
    fills: tuple[Fill, ...] = ()
    references: tuple[Reference, ...] = ()
    deadline: Path | None = None
    repeatable: bool = True
    upload: Upload | None = None
    numbered: Path | None = None
    version: str | None = None
    pages: Pages | None = None
    answer: Answer = Answer.OBJECT
    times: tuple[tuple[Path, timedelta], ...] = ()
    under: Address | None = None
    secrets: tuple[Fill, ...] = ()


def chosen_name(call: Call) -> str:
    """The name that we chose. Only for a call that is `numbered`."""
    name: Any = call.body
    for step in call.numbered or ():
        name = name[step]
    return str(name)


def taken(call: Call) -> Call:
    """The same call under the next name. Only for one that is `numbered`."""
    at = call.numbered or ()
    stem, _, number = chosen_name(call).rpartition("-")
    return replace(call, body=put(call.body, at, f"{stem}-{int(number) + 1}"))


def put_all(body: Any, values: Mapping[Path, Any]) -> Any:
    """As `put` for many paths, none of which lies below another: each object is copied once."""
    if () in values:
        return values[()]
    below: dict[Any, dict[Path, Any]] = {}
    for at, value in values.items():
        below.setdefault(at[0], {})[at[1:]] = value
    if not below:
        return body
    if isinstance(body, list):
        return [put_all(item, below[index]) if index in below else item for index, item in enumerate(body)]
    return {**body, **{step: put_all(body.get(step), inner) for step, inner in below.items()}}


def put(body: Any, at: Path, value: Any) -> Any:
    """A copy of `body` with `value` at the path; all beside the path is shared, not copied."""
    if not at:
        return value
    step, rest = at[0], at[1:]
    if isinstance(step, int):
        return [put(item, rest, value) if index == step else item for index, item in enumerate(body)]
    return {**body, step: put(body.get(step), rest, value)}
