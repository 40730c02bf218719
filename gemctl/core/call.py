"""A call to the service as data: kinds describe calls, the `api` room makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gemctl.core.address import Address
from gemctl.core.source import JsonObject, Path


@dataclass(frozen=True, slots=True)
class Fill:
    """A text that travels as its digest until the call is made: put it `at` this path of the body."""

    at: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that only exists once another resource does: put that resource's `fact` `at` this path of the body."""

    at: Path
    target: Address
    fact: str


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    method, path    such as POST and `cachedContents`; the path follows the API version, names are part of it.
    query           pairs, in order.
    body            JSON, or None for none; texts stand in it as digests, listed in `fills`.
    deadline        where in the body the absolute expireTime goes, computed when the step starts; None for none.
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


def put(body: Any, at: Path, value: Any) -> Any:
    """A copy of `body` with `value` at the path; what lies beside the path is shared, not copied."""
    if not at:
        return value
    step, rest = at[0], at[1:]
    if isinstance(step, int):
        return [put(item, rest, value) if index == step else item for index, item in enumerate(body)]
    return {**body, step: put(body.get(step), rest, value)}
