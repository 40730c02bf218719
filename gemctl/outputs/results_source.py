"""Reads the results of a run from the service, one after the other, whatever their form. Called by results.py."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import NoReturn

from gemctl.api.client import Client
from gemctl.api.errors import TOO_LARGE
from gemctl.core.errors import ApiError, GemctlError, Refused, Temporary
from gemctl.core.kind import Kind, once, remote
from gemctl.core.live import Counts
from gemctl.core.source import Json, JsonObject
from gemctl.outputs.results_spool import line_of

LONGEST_LINE = 256 << 20  # bytes of one result; pictures stand in it
_IN_A_FILE = (
    "Results of requests that stand in the manifest come in one piece. Name a file of them with input: {jsonl: path}, "
    "and results come in a file too, of any size. Until then another tool must fetch these, within two days."
)
_SHAPE = (KeyError, TypeError, ValueError, AttributeError)


class Source:
    """The results as the service gives them. `counts` are the service's own, once reading has begun."""

    def __init__(self, client: Client, kind: Kind, name: str) -> None:
        self._client, self._kind, self._name = client, kind, name
        self._once = once(kind)
        self.counts: Counts | None = None

    def read(self, keys: tuple[str, ...] | None) -> Iterator[tuple[JsonObject, bytes]]:
        """Yield one result after the other, each with its line; those that come without a key get these `keys`, in
        their order.
        """
        try:
            reply = self._client.fetch(remote(self._kind).get(self._name)).body
            results, shown = self._once.results(reply), remote(self._kind).read(reply)
            if shown.name != self._name:
                raise ValueError(f"it is about {shown.name}")
            self.counts = shown.counts
        except _SHAPE as error:
            raise Refused(f"The reply is not of the API's shape: {error}.", code="E304") from None
        except ApiError as error:
            if error.code == TOO_LARGE:
                raise GemctlError(str(error), code=TOO_LARGE, hint=_IN_A_FILE) from None
            raise self._gone(error, self._name) from None
        if results.inline is not None:
            known = keys if keys is not None and len(keys) == len(results.inline) else None
            for number, item in enumerate(results.inline):
                result = self._result(item)
                named = {"key": known[number], **result} if known and "key" not in result else result
                yield named, line_of(named)
        elif results.file is not None:
            try:
                for line in lines_in(self._client.download(results.file)):
                    yield self._line(line)
            except ApiError as error:
                raise self._gone(error, results.file) from None
        else:
            raise Temporary(
                f"{self._name} has ended, and its results are not there yet.",
                code="E538",
                hint="They may come a little later: apply again.",
            )

    def _gone(self, error: ApiError, what: str) -> GemctlError:
        if not error.missing:
            return error
        hint = "Remove run.results to go without them; then it can be run again with another run.key."
        return GemctlError(f"The service no longer has {what}: {error}", code="E537", hint=hint)

    def _line(self, line: bytes) -> tuple[JsonObject, bytes]:
        try:
            value = _read(line)
        except (ValueError, RecursionError):
            return _shown(_unread("it is not JSON", line.decode("utf-8", "replace")))
        if not isinstance(value, dict):
            return _shown(_unread("it is not an object", line.decode("utf-8", "replace")))
        result = self._result(value)
        if len(line) >= _LONG and result.keys() == value.keys() and (kept := _as_it_came(line, value)):
            return result, kept
        try:  # a number that is too large for one is told here, and not by a look at each number
            if result.keys() != value.keys():
                line_of(value, strict=True)
            return result, line_of(result, strict=True)
        except (ValueError, RecursionError):
            return _shown(_unread("it is not JSON", line.decode("utf-8", "replace")))

    def _result(self, value: JsonObject) -> JsonObject:
        try:
            return self._once.result(value)
        except _SHAPE as error:
            return _unread(str(error), json.dumps(value, ensure_ascii=False))


def _read(line: bytes) -> Json:
    """JSON, with half characters where the model has written some: they are kept. Raises ValueError."""
    text = line.decode("utf-8", "surrogatepass")
    if text[0] == "{":
        value, end = _DECODER.raw_decode(text)
        if end + 1 == len(text) and text[end] == "\n":  # nearly all are so
            return value
    return _DECODER.decode(text)


_LONG = 1 << 12  # bytes of a line from which on looking at its bytes takes less time than to encode it again
_PLAIN = re.compile(
    rb"""[{}\[\]:,]*+
       (?: (?: -?0\.(?!0000) (?: [0-9]{0,13}[1-9] | 0 )
             | -?[1-9][0-9]{0,5}\. (?: [0-9]{0,8}[1-9] | 0 )
             | 0
             | -?[1-9] (?: [0-9]{0,17} | (?: \.[0-9]{0,12}[1-9] )? e-(?: 0[5-9] | [1-9][0-9] ) )
             | true | false | null
           ) [{}\[\]:,]++
         | "[^"\\\x00-\x1f]*+ (?: \\["\\bfnrt] [^"\\\x00-\x1f]*+ )*+" [{}\[\]:,]++
       )*+ \n""",
    re.VERBOSE,
)


def _as_it_came(line: bytes, value: JsonObject) -> bytes | None:
    """The line of this value as it is saved, without encoding it: for one of a key and a response that is written
    already as it would be. None for any other.

    It is written so if it has no blanks, texts with the escapes that the encoder makes, numbers of so few digits that
    they are the shortest for their value (a decimal number of up to 15 digits is), and no name twice: then it has as
    many names as the value.
    """
    if not _PLAIN.fullmatch(line) or line.count(b'":') != _names(value):
        return None
    try:
        line.decode()
    except UnicodeDecodeError:  # half a character
        return None
    names = list(value)
    if names == ["key", "response"]:
        return line
    key = line_of({"key": value.get("key")})[1:-2]
    start, end = b'{"response":', b"," + key + b"}\n"
    if names != ["response", "key"] or not (line.startswith(start) and line.endswith(end)):
        return None
    return b"{" + key + b',"response":' + line[len(start) : -len(end)] + b"}\n"


def _names(value: Json) -> int:
    """How many names a value has in it."""
    if isinstance(value, dict):
        return len(value) + sum(map(_names, value.values()))
    if isinstance(value, list) and not _NESTED.isdisjoint(map(type, value)):
        return sum(map(_names, value))
    return 0


_NESTED = {dict, list}


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_number)


def _shown(result: JsonObject) -> tuple[JsonObject, bytes]:
    return result, line_of(result)


def _unread(why: str, line: str) -> JsonObject:
    """A line that can't be understood, to be saved as it came: it was paid for."""
    return {"error": {"message": f"this is not a result: {why}"}, "line": line.strip()}


def lines_in(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines that are not blank."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        for part in io.BytesIO(piece):  # at line feeds, and at nothing else
            held.append(part)
            size += len(part)
            if size > LONGEST_LINE:
                raise GemctlError("A line of the results is longer than 256 MiB.", code="E308")
            if part.endswith(b"\n"):
                line = b"".join(held)
                held.clear()
                size = 0
                if line.strip():
                    yield line
    if (line := b"".join(held)).strip():
        yield line
