"""Reads values from replies: raises TypeError or ValueError for a reply not of the API's shape, and never guesses.

A value that the service leaves out and one that it shows as null are the same: not there. Called by kinds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from gemctl.core.moment import parse_instant
from gemctl.core.source import Json, JsonObject


def named(pattern: re.Pattern[str], name: str, what: str) -> str:
    """The name, if it has this form and can stand in a path."""
    if not pattern.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a {what}.")
    return name


def entry(reply: Json, what: str = "The reply") -> JsonObject:
    """A reply, or a part of one, that is an object."""
    if not isinstance(reply, Mapping):
        raise TypeError(f"{what} is not an object.")
    return reply


def inner(reply: JsonObject, field: str) -> JsonObject:
    """An object in a reply; an empty one where it is not there."""
    found = reply.get(field)
    return {} if found is None else entry(found, field)


def listed(page: JsonObject, field: str) -> list[Json]:
    """The entries of a page; an empty page has no key."""
    found = page.get(field)
    if found is None:
        return []
    if not isinstance(found, list):
        raise TypeError(f"{field} is not a list.")
    return found


def text(reply: JsonObject, field: str) -> str:
    """A text; an empty one where it is not there."""
    value = reply.get(field)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{field} is not text.")
    return value or ""


def instant(reply: JsonObject, field: str) -> datetime | None:
    found = text(reply, field)
    return parse_instant(found) if found else None


def count(reply: JsonObject, field: str) -> int | None:
    """A number, or (as the API writes those of 64 bits) text."""
    value = reply.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"{field} is not a number.")
    return int(value)


def shown(outputs: Mapping[str, Json]) -> dict[str, Json]:
    """The outputs that have a value."""
    return {output: value for output, value in outputs.items() if value is not None and value != ""}


def same_model(shown: Json, sent: Json) -> bool:
    """A model's name with a version behind it, such as -001, is that name; with -lite it is another."""
    return _begins(shown, sent, _VERSION)


def same_media_type(shown: Json, sent: Json) -> bool:
    """A media type with parameters, such as a charset, is that media type."""
    return _begins(shown, sent, _PARAMETERS)


_VERSION, _PARAMETERS = re.compile(r"(?:-\d[\d-]*)?"), re.compile(r"(?:;.*)?")


def _begins(shown: Json, sent: Json, more: re.Pattern[str]) -> bool:
    text = str(shown)
    return text.startswith(str(sent)) and more.fullmatch(text, len(str(sent))) is not None
