"""What the surfaces of the fake kinds share: lists in several styles, update masks, and refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gemctl.emulator import paging, times
from gemctl.emulator.routing import Call
from gemctl.emulator.rows import Row
from gemctl.emulator.scalars import PACKAGE, Scalar
from gemctl.emulator.shapes import snake
from gemctl.emulator.wire import Refusal, invalid

MOST = 3
"""The largest page of every list: a handful of objects is enough for a list of several pages."""


@dataclass(frozen=True)
class Pages:
    """How a list pages: the names of the query for size and token, the name of the next token in the answer. Other
    names are ignored, as the service does, and then the first page comes again.
    """

    size: str
    token: str
    following: str

    def answer(self, call: Call, collection: str, key: str, shown: Callable[[Row], Mapping[str, Any]]) -> dict:
        """One page of a collection, oldest first, under `key`. Without objects it is empty."""
        known = {self.size: "pageSize", self.token: "pageToken"}
        query = [(known[name], value) for name, value in call.request.query if name in known]
        size = paging.page_size(query, default=MOST, most=MOST)
        after = paging.decode(query, collection, 2)
        rows, more = call.world.page(collection, call.project, size=size, after=after, newest_first=False)
        page: dict[str, Any] = {key: [shown(row) for row in rows]} if rows else {}
        return page if more is None else {**page, self.following: paging.encode(collection, more)}


CAMEL = Pages("pageSize", "pageToken", "nextPageToken")
SNAKE = Pages("page_size", "page_token", "next_page_token")
CURSOR = Pages("limit", "cursor", "nextCursor")


def one_of(*words: str) -> Scalar:
    """An enum that is spelt as it is, in small letters or in capitals. It has no numbers."""

    def convert(value: object) -> str:
        if value not in words:
            raise ValueError
        return str(value)

    return Scalar(f"{PACKAGE}one of {', '.join(words)}", convert)


def masked(call: Call, body: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
    """What of a PATCH's body the update mask names: all of it, where there is no mask. Names that can't be updated,
    in the mask or in the body, are a 400, and so is a mask that names what the body lacks.
    """
    mask = paging.first(call.request.query, "updateMask", "update_mask")
    spelt = {spelling: name for name in known for spelling in (name, snake(name))}
    paths = [path.strip() for path in mask.split(",")] if mask else list(body)
    for path in paths:
        if path not in spelt:
            raise invalid(f"Field '{path}' can't be updated; there are {', '.join(map(snake, known))}.")
        if spelt[path] not in body:
            raise invalid(f"The update mask names '{path}', and the body lacks it.")
    return {spelt[path]: body[spelt[path]] for path in paths}


def found(call: Call, collection: str, *, otherwise: Refusal | None = None) -> Row:
    """The object that the path's `id` names. Raises `otherwise`, or a 404."""
    row = call.world.get(collection, call.project, f"{collection}/{call.params['id']}")
    if row is None:
        raise otherwise or Refusal(404, "Requested entity was not found.")
    return row


def given(body: Mapping[str, Any], *names: str) -> None:
    """Raises a 400 for the first of these fields that has no value."""
    for name in names:
        if not body.get(name):
            raise invalid(f"* {snake(name)}: {snake(name)} is required.")


def precondition(message: str) -> Refusal:
    """400 FAILED_PRECONDITION."""
    return Refusal(400, message, status="FAILED_PRECONDITION")


def moment(instant: int) -> str:
    """RFC 3339 with six digits."""
    return times.format_timestamp(instant, 6)


def present(call: Call) -> int:
    """The instant of what is shown: not now, where the answer is stale."""
    return call.world.instant if call.world.shown_instant is None else call.world.shown_instant
