"""Unpacks and parses the body of a response: bounded in size, and strictly JSON. Called by answers.py, download.py,
errors.py and upload.py.

Apart from the client because all of this is pure: bytes in, a value or a reason out.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from gemctl.core.source import Json

DEEPEST = 100  # levels of nesting
_PIECE = 256 * 1024
_RATIO, _RATIO_FROM = 100, 1024 * 1024  # JSON compresses 20 to 40 times; a bomb about a thousand
_ROOM, _TIMES = 256 * 1024 * 1024, 10  # values may take so many bytes, or so many times what they came in
_OBJECT, _ARRAY, _VALUE = 240, 64, 40  # bytes that CPython takes for one, roughly
_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'  # also without an end: no byte is read twice
_STRING = re.compile(_TEXT, re.DOTALL)
_SOME = re.compile(rb'(?:[^"]*+%b){1,4096}+|[^"]++' % _TEXT, re.DOTALL)  # so many texts and what is between them
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class BadBody(Exception):
    """The body came, and isn't what the API would send. The text says why, in words without any of the body."""


class TooLarge(BadBody):
    """More than the caller is willing to hold."""


def unpack(chunks: Iterable[bytes], encoding: str, cap: int) -> Iterator[bytes]:
    """The chunks with their Content-Encoding undone, at most `cap` bytes in all. Raises BadBody, TooLarge."""
    match encoding.strip().lower():
        case "" | "identity":
            pieces: Iterator[bytes] = iter(chunks)
        case "gzip" | "x-gzip":
            pieces = _gunzip(chunks)
        case _:
            raise BadBody("it is compressed in a way that wasn't asked for")
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > cap:
            raise TooLarge(f"it is larger than {cap // 1024 // 1024} MiB")
        yield piece


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    read = written = 0
    try:
        for chunk in chunks:
            read += len(chunk)
            while chunk and not unzip.eof:
                piece = unzip.decompress(chunk, _PIECE)
                chunk = unzip.unconsumed_tail
                written += len(piece)
                if written > _RATIO_FROM and written > read * _RATIO:
                    raise BadBody("it is compressed beyond all proportion")
                yield piece
            if unzip.eof and (chunk or unzip.unused_data):
                raise BadBody("something follows its compressed part")
        yield unzip.flush()
    except zlib.error:
        raise BadBody("its compression is damaged") from None
    if read and not unzip.eof:
        raise BadBody("its compressed part is cut off")


def parse(data: bytes | bytearray) -> Json:
    """Strict JSON (RFC 8259) in UTF-8: no NaN or infinity, no duplicate keys, no lone surrogates, 100 levels at most.

    Raises BadBody, and TooLarge where the values would take more memory than 256 MiB and than ten times the text.
    """
    if _too_many(data):
        raise TooLarge("it holds more values than gemctl is willing to keep")
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite
        )
    except UnicodeDecodeError:
        raise BadBody("it is not UTF-8") from None
    except RecursionError:
        raise BadBody(f"it is nested deeper than {DEEPEST} levels") from None
    except json.JSONDecodeError as error:
        raise BadBody(f"it is not JSON ({error.msg.lower()}, at character {error.pos})") from None
    except ValueError:
        raise BadBody("it holds a number of absurd length") from None
    if _deeper(value, DEEPEST):
        raise BadBody(f"it is nested deeper than {DEEPEST} levels")
    if _SURROGATE.search(data):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise BadBody("it holds half a character") from None
    return value


def _too_many(data: bytes | bytearray) -> bool:
    """Whether the values take too much memory, before any is made: `[{},{},…]` takes a hundred times its size."""
    most = max(_ROOM, _TIMES * len(data))
    if _weight(data) <= most:
        return False
    weight = 0
    for some in _SOME.finditer(data):  # a part at a time: what is left of it lies in as many pieces as it has texts
        weight += _weight(_STRING.sub(b"", some[0]))  # which have commas of their own
        if weight > most:
            return True
    return False


def _weight(data: bytes | bytearray) -> int:
    return _OBJECT * data.count(b"{") + _ARRAY * data.count(b"[") + _VALUE * data.count(b",")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise BadBody("it names a key twice in one object")
    return value


def _constant(_: str) -> None:
    raise BadBody("it holds NaN or infinity, which JSON doesn't know")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise BadBody("it holds a number too large to keep")
    return value


def _deeper(value: Json, most: int) -> bool:
    """Whether there are more than `most` levels of arrays and objects. Level by level, so that depth costs no stack."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(most):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return bool(level)
