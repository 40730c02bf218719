"""Writes frozen values as plain JSON, and reads them back, by the types of their fields. Called by `root`,
`remembered` and workflows/settled.py.

Values are written in columns: of all values of a type the first fields together, then all their second ones, and so on,
down to what JSON has. A column is a few calls of C, however many values are in it, and a name is written once. A field
that is at its default in all of them is left out.

What is read may have been edited: each part of it has the type that its field says, or nothing is made of it. Each
value has an item in some column, so that a short text never makes many values. No type is named in what is written, so
that reading makes only values of the types that the reader asks for.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from itertools import chain, islice, pairwise, repeat
from operator import attrgetter, contains, itemgetter
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

Write = Callable[[Any], Any]
Read = Callable[[Any], Any]
NOT_READ = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)  # what reading raises
_MICROSECOND = timedelta(microseconds=1)
_PLAIN = (str, int, float, bool, types.NoneType)


class NotPlain(ValueError):
    """What was to be read is not what was written."""


class _Form(NamedTuple):
    """How a column of values of one type is written, and read if it is one of so many values.

    `bare` are the types of its items, where they are written as they are; JSON has no tuples, but writes them as lists.
    """

    write: Callable[[Sequence[Any]], Any]
    read: Callable[[Any, int], Sequence[Any]]
    bare: tuple[type, ...] = ()


@cache
def plain(of: Any, without: Collection[tuple[type, str]] = ()) -> tuple[Write, Read]:
    """How a value of this type is written and read. Reading raises one of NOT_READ for anything that was not written
    so. Fields named in `without`, each with its class, are neither written nor read: they are at their defaults then.
    Raises TypeError for a type that has no plain form.
    """
    form = _form(of, frozenset(without))
    return lambda value: form.write((value,)), lambda told: form.read(told, 1)[0]


@cache
def _form(of: Any, without: frozenset[tuple[type, str]]) -> _Form:
    origin, inner = get_origin(of), get_args(of)
    if of is Any:
        return _Form(_same, _items, (object,))
    if of in _PLAIN:
        return _bare((of,))
    if origin in (Union, types.UnionType):
        return _either(inner, without)
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        return _many(_form(inner[0], without), tuple)
    if origin is tuple:
        return _row([_form(one, without) for one in inner])
    if origin is frozenset:
        return _many(_form(inner[0], without), frozenset)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(inner[0], inner[1], without)
    if of is timedelta:
        return _converted(int, lambda value: value // _MICROSECOND, lambda told: told * _MICROSECOND)
    if of is datetime:
        return _converted(str, datetime.isoformat, _instant)
    if of is Decimal:
        return _converted(str, str, Decimal)
    if isinstance(of, type) and issubclass(of, Enum):
        return _Form(lambda column: [one.value for one in column], lambda told, count: [*map(of, _items(told, count))])
    if isinstance(of, type) and is_dataclass(of):
        return _frozen(of, without)
    raise TypeError(f"{of} has no plain form")


def _same(column: Sequence[Any]) -> Any:
    return column


def _items(told: Any, count: int) -> list[Any]:
    if type(told) is not list or len(told) != count:
        raise NotPlain("not a column of so many values")
    return told


def _check(values: Sequence[Any], of: tuple[type, ...]) -> None:
    if of != (object,) and not set(map(type, values)) <= set(of):
        raise NotPlain(f"not all of type {' or '.join(one.__name__ for one in of)}")


def _bare(of: tuple[type, ...]) -> _Form:
    def read(told: Any, count: int) -> Sequence[Any]:
        column = _items(told, count)
        _check(column, of)
        return column

    return _Form(_same, read, of)


_NUMBERS = _bare((int,))


def _converted(into: type, write: Write, read: Read) -> _Form:
    told_in = _bare((into,))
    return _Form(lambda column: [*map(write, column)], lambda told, count: [*map(read, told_in.read(told, count))])


def _instant(told: str) -> datetime:
    at = datetime.fromisoformat(told)
    if at.tzinfo is None:
        raise NotPlain("no instant without its distance from UTC")
    return at


def _either(of: tuple[Any, ...], without: frozenset[tuple[type, str]]) -> _Form:
    """One of several types: a column for each that is not plain, and before them which of these a value is in."""
    bare, others = tuple(one for one in of if one in _PLAIN), [one for one in of if one not in _PLAIN]
    if not others:
        return _bare(bare)
    if bare not in ((), (types.NoneType,)):
        raise TypeError("plain types beside others have no plain form")
    forms = [_form(one, without) for one in others]
    numbers = {types.NoneType: 0} | {one: number for number, one in enumerate(others, 1)}
    known = set(range(0 if bare else 1, len(forms) + 1))

    def write(column: Sequence[Any]) -> Any:
        if len(others) == 1:
            which = [0 if one is None else 1 for one in column]
        else:
            which = [numbers[type(one)] for one in column]
        apart = ([one for one, at in zip(column, which, strict=True) if at == number] for number in sorted(known - {0}))
        return [which, *(form.write(some) for form, some in zip(forms, apart, strict=True))]

    def read(told: Any, count: int) -> Sequence[Any]:
        which, *rest = _items(told, len(forms) + 1)
        if not set(_NUMBERS.read(which, count)) <= known:
            raise NotPlain("not one of these types")
        apart = [iter(form.read(rest[number], which.count(number + 1))) for number, form in enumerate(forms)]
        sources = [repeat(None), *apart]
        return [next(sources[number]) for number in which]

    return _Form(write, read)


def _many(of: _Form, into: type) -> _Form:
    """Any number of values each: lists, where they are written as they are; else how many, and all of them."""

    def write_lists(column: Sequence[Any]) -> Any:
        return column if into is tuple else [*map(list, column)]

    def read_lists(told: Any, count: int) -> Sequence[Any]:
        column = _items(told, count)
        _check(column, (list,))
        _check([*chain.from_iterable(column)], of.bare)
        return [*map(into, column)]

    def write(column: Sequence[Any]) -> Any:
        return [*map(len, column)], of.write([*chain.from_iterable(column)])

    def read(told: Any, count: int) -> Sequence[Any]:
        lengths, rest = _items(told, 2)
        values = iter(of.read(rest, sum(_NUMBERS.read(lengths, count))))
        return [into(islice(values, length)) for length in lengths]

    return _Form(write_lists, read_lists) if of.bare else _Form(write, read)


def _row(of: Sequence[_Form]) -> _Form:
    def write(column: Sequence[Any]) -> Any:
        return [form.write([*map(itemgetter(number), column)]) for number, form in enumerate(of)]

    def read(told: Any, count: int) -> Sequence[Any]:
        columns = zip(of, _items(told, len(of)), strict=True)
        return [*zip(*(form.read(column, count) for form, column in columns), strict=True)]

    return _Form(write, read)


def _mapping(key: Any, of: Any, without: frozenset[tuple[type, str]]) -> _Form:
    bare = _form(of, without).bare
    pairs = _many(_row([_form(key, without), _form(of, without)]), dict)

    def read(told: Any, count: int) -> Sequence[Any]:
        column = _items(told, count)
        _check(column, (dict,))
        _check([*chain.from_iterable(map(dict.values, column))], bare)
        return column

    if key is str and bare:
        return _Form(lambda column: [*map(dict, column)], read)
    return _Form(lambda column: pairs.write([one.items() for one in column]), pairs.read)


class _Part(NamedTuple):
    """A field of a class: `default` has its default, if there is one."""

    name: str
    form: _Form
    default: tuple[Any, ...]


def _frozen(of: type[Any], without: frozenset[tuple[type, str]]) -> _Form:
    parts = [one for one in fields(of) if one.init]
    if any(not one.init and after.init for one, after in pairwise(fields(of))):
        raise TypeError(f"{of} has no plain form: a field that is not given lies between others")
    all_of = attrgetter(*(one.name for one in parts))
    known: list[_Part] = []

    def complete() -> list[_Part]:  # not before it is asked for: values may hold some of their own type
        if not known:
            hints = get_type_hints(of)
            known.extend(_Part(one.name, _form(hints[one.name], without), _default(one)) for one in parts)
        return known

    def write(column: Sequence[Any]) -> Any:
        told: dict[str, Any] = {}
        if column:
            columns = zip(*map(all_of, column), strict=True) if len(parts) > 1 else (tuple(map(all_of, column)),)
            for (name, form, default), values in zip(complete(), columns, strict=True):
                left_out = (of, name) in without or (told and all(map(contains, repeat(default), values)))
                if not left_out:
                    told[name] = form.write(values)
        return told

    def read(told: Any, count: int) -> Sequence[Any]:
        if not count:
            return ()
        columns: list[Any] = []
        left = dict(told)
        for name, form, default in complete():
            if name in left and (of, name) not in without:
                columns.append(form.read(left.pop(name), count))
            elif columns and default:
                columns.append(repeat(default[0], count))
            else:
                raise NotPlain(f"no field {name}")
        if left:
            raise NotPlain(f"no fields {[*left]}")
        return [*map(of, *columns)]

    return _Form(write, read)


def _default(of: Field[Any]) -> tuple[Any, ...]:
    if of.default is not MISSING:
        return (of.default,)
    return () if of.default_factory is MISSING else (of.default_factory(),)
