"""Cuts an answer down to the fields that were asked for: partial responses (cloud.google.com, "System parameters").

Called by `system_parameters`. Separate because it is pure: a mask such as `files(name,state),nextPageToken` is read
into a tree of names, and the tree is laid over an answer. `a/b` and `a.b` go down, parentheses hold several, `*` is
every field; lists are passed through. The wording of refusals is that of published answers of sister services.

The service knows the messages of its answers, and refuses a path that none of them has. The emulator keeps no messages
of answers, only the `reply_names` of all of them: a name that none has is refused, and a name that has its place
elsewhere selects nothing. Assumption: a path below a field that has no fields selects nothing either.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gemctl.emulator import reply_names
from gemctl.emulator.shapes import snake
from gemctl.emulator.wire import Refusal, detail

Mask = dict[str, Any]
"""Names in snake_case, each to the mask of what is below it. An empty mask is everything."""

_EVERY = "*"
_DEEPEST = 100
_TOKEN = re.compile(r"[(),/.]|[^\s(),/.]+")

_Path = tuple[str, ...]


def read(text: str, *, checked: bool) -> Mask:
    """The mask of a text, or a 400: for what is none, and, if it is `checked`, for a name that no answer has."""
    mask: Mask = {}
    for path in sorted(_paths(text), key=len):  # what is asked for whole comes before what is below it
        names = [snake(name) for name in path]
        if checked and not reply_names.known(names):
            raise _refusal(text, f" Cannot find matching fields for path '{'.'.join(path)[:200]}'.")
        below = mask
        for name in names:
            if below.get(name) == {}:
                break
            below = below.setdefault(name, {})
    return mask


def _paths(text: str) -> Iterator[_Path]:
    """The paths of a mask, without parentheses."""
    above: list[_Path] = [()]
    path: _Path = ()
    expected, closed = True, False  # a name is; parentheses were, just before
    for piece in _TOKEN.findall(text):
        if expected == (piece in "(),/.") or len(path) > _DEEPEST or (closed and piece in "/.("):
            raise _refusal(text, "")
        if expected:
            path, expected, closed = (*path, piece), False, False
            continue
        if piece in ",)" and not closed:
            yield path
        if piece == ")":
            above.pop()
            closed = True
        elif piece == "(":
            above.append(path)
        if not above:
            raise _refusal(text, "")
        if piece == ",":
            path = above[-1]
        expected = piece != ")"
    if expected or len(above) > 1:
        raise _refusal(text, "")
    if not closed:
        yield path


def select(value: Any, mask: Mask) -> Any:
    """What of a value the mask asks for."""
    if not mask:
        return value
    if isinstance(value, list):
        return [select(item, mask) for item in value]
    if not isinstance(value, Mapping):
        return None
    out = {}
    for name, item in value.items():
        below = mask.get(snake(name), mask.get(_EVERY))
        if below is not None and (not below or isinstance(item, dict | list)):
            out[name] = select(item, below)
    return out


def _refusal(text: str, why: str) -> Refusal:
    description = f"Error expanding 'fields' parameter.{why}"
    violations = [{"field": text[:200], "description": description}]
    details = [detail("BadRequest", fieldViolations=violations)]
    return Refusal(400, "Request contains an invalid argument.", details=details)
