"""Brings the other spellings of a request, JSON as the API reads it, into the spelling that the shapes check.

The API reads JSON by the rules of protocol buffers (protobuf.dev, "ProtoJSON format", and the reader's source), in a
file of requests as in a call. There a name may be written in snake_case; null is nothing, where the name is known; a
number may be a text, and a whole one have a point or an exponent; an enum may be a number, a list of one item that item
alone; and a zero or empty value is an absent one, but for a
few fields of which the API tells them apart (`ZeroIsValue`). Free-form values (arguments, JSON Schema, metadata) are
left alone. So is all that the API can't read: it stays as it is, for the shapes to complain about. Called by `lines`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator
from pydantic.fields import FieldInfo

from gemctl.schema.scalars import Enum, OpenEnum, ZeroIsValue
from gemctl.schema.shape import Shape

Reader = Callable[[Any], Any]

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_LONGEST = 400  # characters of a number; no type of the API has longer ones


class GivenTwice(ValueError):
    """A field is there in both spellings of its name."""


@cache
def reader(shape: type[Shape]) -> Reader:
    """A function that brings JSON for this shape into its plain spelling. It raises GivenTwice, and nothing else."""
    return _message(shape, {})


def _message(shape: type[Shape], known: dict[type[Shape], Reader]) -> Reader:
    """`known` are the readers that there are already: shapes hold each other, and themselves."""
    fields: dict[str, tuple[str, Reader, Any]] = {}

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        found: dict[str, Any] = {}
        seen: set[str] = set()
        for name, inner in value.items():
            if name not in fields:
                found[name] = inner
                continue
            alias, read_field, nothing = fields[name]
            if alias in seen:
                raise GivenTwice(f"An object has the field {alias} twice, in two spellings.")
            seen.add(alias)
            plain = read_field(inner)
            if isinstance(plain, bool) or plain not in nothing:
                found[alias] = plain
        return found

    known[shape] = read
    shape.model_rebuild()
    for name, field in shape.model_fields.items():
        alias = field.alias or name
        fields[alias] = fields[name] = (alias, _reader(field.annotation, field.metadata, known), _nothing(field))
    return read


def _nothing(field: FieldInfo) -> tuple[Any, ...]:
    """The values that stand for an absent field: null, and zero or empty where the field's own bounds exclude that."""
    if field.annotation is Any:
        return ()  # null is a value there
    bounds = field.metadata
    if any(isinstance(bound, ZeroIsValue) for bound in bounds):
        return (None,)
    if any(getattr(bound, "ge", 0) > 0 or getattr(bound, "gt", -1) >= 0 for bound in bounds):
        return (None, 0)
    if field.is_required():
        return (None,)
    if any(getattr(bound, "min_length", None) for bound in bounds):
        return (None, "" if field.annotation is str else [])
    checked = field.annotation is str and any(isinstance(bound, AfterValidator) for bound in bounds)
    one_of = get_origin(field.annotation) is Literal and not any(isinstance(bound, Enum) for bound in bounds)
    return (None, "") if checked or one_of else (None,)


def _reader(annotation: Any, metadata: Sequence[Any], known: dict[type[Shape], Reader]) -> Reader:
    """The reader of a value of this type. Anything but a number, list or message of the API is taken as it is."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _reader(inner[0], inner[1:], known)
    if origin is Literal:
        marks = [mark for mark in metadata if isinstance(mark, Enum)]
        return _enum(inner, marks[0].first) if marks else _same
    if origin is list:
        return _list(_reader(inner[0], (), known))
    if origin is dict:
        return _map(_reader(inner[1], (), known))
    if annotation is int:
        return _whole
    if annotation is float:
        return _number
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return _later(annotation, known)
    return _word if any(isinstance(mark, OpenEnum) for mark in metadata) else _same


def _same(value: Any) -> Any:
    return value


def _later(shape: type[Shape], known: dict[type[Shape], Reader]) -> Reader:
    if shape not in known:
        _message(shape, known)
    return known[shape]


def _list(read: Reader) -> Reader:
    """One item stands for a list of it; null within a list is not nothing."""

    def read_list(value: Any) -> Any:
        if value is None:
            return None
        return [read(item) for item in (value if isinstance(value, list) else [value])]

    return read_list


def _map(read: Reader) -> Reader:
    def read_map(value: Any) -> Any:
        if read is _same or not isinstance(value, dict):
            return value
        return {key: read(item) for key, item in value.items()}

    return read_map


def _enum(names: tuple[str, ...], first: int) -> Reader:
    """A number is the name that has it. One without a name is read all the same (proto3), and says nothing here."""
    numbers = {0: names[0], **dict(enumerate(names[1:], start=first))}

    def read(value: Any) -> Any:
        whole = _whole(value)
        if isinstance(value, str) or isinstance(whole, bool) or not isinstance(whole, int):
            return value
        return numbers.get(whole, names[0]) if -(2**31) <= whole < 2**31 else value

    return read


def _word(value: Any) -> Any:
    whole = _whole(value)
    return str(whole) if isinstance(whole, int) and not isinstance(whole, bool) else value


def _whole(value: Any) -> Any:
    number = _number(value)
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _number(value: Any) -> Any:
    if not isinstance(value, str) or len(value) > _LONGEST or not (found := _NUMBER.fullmatch(value)):
        return value
    return float(value) if found[1] or found[2] else int(value)
