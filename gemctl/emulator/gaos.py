"""Speaks as the newer surfaces of the API do: snake_case alone, refusals of a message and a word, pages by `page_size`.

Called by the surfaces of that family (webhooks). Separate because these ways are the same for all of them, and are not
those of the older surfaces, which `shapes`, `wire` and `paging` have.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cached_property, wraps
from typing import Any

from gemctl.emulator import paging
from gemctl.emulator.routing import Call, Handler, parse
from gemctl.emulator.rows import Row
from gemctl.emulator.scalars import PACKAGE, Kind, Scalar, Violation, bad_value
from gemctl.emulator.shapes import Message, snake
from gemctl.emulator.wire import Refusal, Response, json_response

MOST = 1000
_DEFAULT = 50
_WORDS = {400: "invalid_request", 404: "not_found", 409: "aborted", 504: "gateway_timeout"}


class Refused(Refusal):
    """A refusal in the envelope of this family: a message, and a word in place of the number."""

    def response(self) -> Response:
        answer = json_response({"error": told(self)}, self.code)
        return Response(answer.status, {**answer.headers, **self.headers}, answer.body)


def told(refusal: Refusal) -> dict[str, str]:
    """A refusal as this family tells it."""
    return {"message": refusal.message, "code": _WORDS.get(refusal.code, refusal.status.lower())}


def invalid(message: str) -> Refused:
    """400 invalid_request."""
    return Refused(400, message)


def speaking(handler: Handler) -> Handler:
    """The handler, all of whose refusals are in this family's envelope."""

    @wraps(handler)
    def answer(call: Call) -> Mapping[str, object] | Response:
        try:
            return handler(call)
        except Refused:
            raise
        except Refusal as refusal:
            raise Refused(refusal.code, refusal.message, status=refusal.status, headers=refusal.headers) from None

    return answer


class Words(Message):
    """A message whose fields have one spelling, in snake_case. Read by `read`; the values keep these names."""

    @cached_property
    def _fields(self) -> dict[str, tuple[str, str, Kind]]:
        return {snake(name): (name, snake(name), kind) for name, kind in self._make().items()}

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        if not isinstance(value, dict):
            wrong.append(bad_value(value, path, PACKAGE + self.name))
            return None
        out: dict[str, Any] = {}
        for key, item in value.items():
            inner = f"{path}.{key}" if path else key
            if key not in self._fields:
                wrong.append(Violation(inner, f"Unknown parameter '{inner}'.{self._meant(key)}"))
            elif item is not None:
                out[key] = self._fields[key][2].read(item, inner, wrong)
        return out

    def _meant(self, key: str) -> str:
        near = get_close_matches(snake(key), self._fields, n=1)
        return f" Did you mean '{near[0]}'?" if near else ""


def word(*words: str) -> Scalar:
    """An enum of small letters, which has no numbers."""

    def convert(value: object) -> str:
        if value not in words:
            raise ValueError
        return str(value)

    return Scalar(f"one of {', '.join(words)}", convert)


def read(call: Call, shape: Words) -> dict[str, Any]:
    """The body. Raises a 400 that names the first thing that is wrong with it."""
    return checked(parse(call.request.body), shape)


def checked(given: Mapping[str, Any], shape: Words) -> dict[str, Any]:
    """An object that is of that shape, as `read` gives it."""
    wrong: list[Violation] = []
    body: dict[str, Any] = shape.read(given, "", wrong)
    if wrong:
        raise invalid(wrong[0].line)
    return body


def page(
    call: Call, collection: str, shown: Callable[[Row], Mapping[str, Any]], under: str | None = None
) -> dict[str, Any]:
    """One page of a collection, newest first, `under` its name if nothing else is said; without objects it is empty.
    Other names of the query than `page_size` and `page_token` are ignored, as the service was seen to do.
    """
    query = [pair for pair in call.request.query if pair[0] in ("page_size", "page_token")]
    size = paging.page_size(query, default=_DEFAULT, most=MOST)
    position = paging.decode(query, collection, 2)
    after = (position[0], position[1]) if position else None
    rows, more = call.world.page(collection, call.project, size=size, after=after)
    found: dict[str, Any] = {under or collection: [shown(row) for row in rows]} if rows else {}
    return found if more is None else {**found, "next_page_token": paging.encode(collection, more)}


def found(call: Call, collection: str, what: str) -> Row:
    """The object that the path's `id` names. Raises a 404."""
    row = call.world.get(collection, call.project, f"{collection}/{call.params['id']}")
    if row is None:
        raise Refused(404, f"{what} not found.")
    return row
