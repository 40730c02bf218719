"""Writes frozen values as plain JSON, and reads them back, by the types of their fields. Called by `root`,
`remembered` and workflows/settled.py.

A value is the mapping of those of its fields that are not at their defaults. What is read may have been edited: each
part of it has the type that its field says, or nothing is made of it. No type is named in what is written, so that
reading makes only values of the types that the reader asks for.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

Write = Callable[[Any], Any]
Read = Callable[[Any], Any]
_MICROSECOND = timedelta(microseconds=1)
NOT_READ = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)  # what reading raises
_PLAIN = (str, int, float, bool, types.NoneType)


class NotPlain(ValueError):
    """What was to be read is not what was written."""


@cache
def plain(of: Any) -> tuple[Write, Read]:
    """How values of this type are written and read. Reading raises one of NOT_READ for anything that was not written
    so. Raises TypeError for a type that has no plain form.
    """
    origin, inner = get_origin(of), get_args(of)
    if of is Any:
        return _same, _same
    if of in _PLAIN:
        return _same, lambda value: _checked(value, of)
    if origin in (Union, types.UnionType):
        return _either(inner)
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        return _many(inner[0], tuple)
    if origin is tuple:
        return _row(inner)
    if origin is frozenset:
        return _many(inner[0], frozenset)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(*inner)
    if of is timedelta:
        return lambda value: value // _MICROSECOND, lambda told: _checked(told, int) * _MICROSECOND
    if of is datetime:
        return datetime.isoformat, _instant
    if of is Decimal:
        return str, lambda told: Decimal(_checked(told, str))
    if isinstance(of, type) and issubclass(of, Enum):
        return lambda value: value.value, of
    if isinstance(of, type) and is_dataclass(of):
        return _frozen(of)
    raise TypeError(f"{of} has no plain form")


def _same(value: Any) -> Any:
    return value


def _checked(value: Any, of: type) -> Any:
    if type(value) is not of:
        raise NotPlain(f"not of type {of.__name__}")
    return value


def _instant(told: Any) -> datetime:
    at = datetime.fromisoformat(told)
    if at.tzinfo is None:
        raise NotPlain("no instant without its distance from UTC")
    return at


def _either(of: tuple[Any, ...]) -> tuple[Write, Read]:
    """One of several types. Where more than one of them is not plain, its number goes along."""
    bare, others = tuple(one for one in of if one in _PLAIN), [one for one in of if one not in _PLAIN]
    if not others:
        return _same, lambda told: told if type(told) in bare else _checked(told, bare[0])
    if bare not in ((), (types.NoneType,)):
        raise TypeError("plain types beside others have no plain form")
    codecs = [plain(one) for one in others]
    if len(others) == 1:
        ((write, read),) = codecs
        return (lambda value: None if value is None else write(value)), (
            lambda told: None if told is None else read(told)
        )

    def write_one(value: Any) -> Any:
        return None if value is None else [number := others.index(type(value)), codecs[number][0](value)]

    def read_one(told: Any) -> Any:
        if told is None:
            return None
        number, rest = _checked(told, list)
        return codecs[_checked(number, int)][1](rest)

    return write_one, read_one


def _many(of: Any, into: type) -> tuple[Write, Read]:
    write, read = plain(of)
    if write is _same:
        return list, lambda told: into([read(one) for one in _checked(told, list)])
    return (lambda value: [write(one) for one in value]), (
        lambda told: into([read(one) for one in _checked(told, list)])
    )


def _row(of: tuple[Any, ...]) -> tuple[Write, Read]:
    codecs = [plain(one) for one in of]
    return (
        lambda value: [write(one) for (write, _), one in zip(codecs, value, strict=True)],
        lambda told: tuple(read(one) for (_, read), one in zip(codecs, _checked(told, list), strict=True)),
    )


def _mapping(key: Any, of: Any) -> tuple[Write, Read]:
    write, read = plain(of)
    if key is str:
        if write is _same:
            return dict, lambda told: {name: read(one) for name, one in _checked(told, dict).items()}
        return (lambda value: {name: write(one) for name, one in value.items()}), (
            lambda told: {name: read(one) for name, one in _checked(told, dict).items()}
        )
    pairs_written, pairs_read = _many(tuple[key, of], tuple)
    return (lambda value: pairs_written(value.items())), (lambda told: dict(pairs_read(told)))


def _frozen(of: type[Any]) -> tuple[Write, Read]:
    codecs: dict[str, tuple[Write, Read]] = {}
    parts = [one for one in fields(of) if one.init]

    def complete() -> dict[
        str, tuple[Write, Read]
    ]:  # not before it is asked for: values may hold some of their own type
        if not codecs:
            hints = get_type_hints(of)
            codecs.update({one.name: plain(hints[one.name]) for one in parts})
        return codecs

    def write(value: Any) -> Any:
        told, known = {}, complete()
        for one in parts:
            part = getattr(value, one.name)
            if not _is_default(one, part):
                told[one.name] = known[one.name][0](part)
        return told

    def read(told: Any) -> Any:
        known = complete()
        try:
            return of(**{name: known[name][1](part) for name, part in told.items()})
        except KeyError as error:
            raise NotPlain(f"no field {error}") from None

    return write, read


def _is_default(of: Field[Any], value: Any) -> bool:
    if of.default is not MISSING:
        return bool(value is of.default or value == of.default)
    return of.default_factory is not MISSING and bool(value == of.default_factory())
