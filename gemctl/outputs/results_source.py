"""Reads the results of a run from the service, one after the other, whatever their form. Called by results.py."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import NoReturn

from gemctl.api.client import Client
from gemctl.api.errors import TOO_LARGE
from gemctl.core.errors import ApiError, GemctlError, Refused, Temporary
from gemctl.core.kind import Kind, once, remote
from gemctl.core.live import Counts
from gemctl.core.source import Json, JsonObject
from gemctl.outputs.results_line import Judge, Judged, line_of
from gemctl.outputs.results_shapes import Shapes

LONGEST_LINE = 256 << 20  # bytes of one result; pictures stand in it
_IN_A_FILE = (
    "Results of requests that stand in the manifest come in one piece. Name a file of them with input: {jsonl: path}, "
    "and results come in a file too, of any size. Until then another tool must fetch these, within two days."
)
_SHAPE = (KeyError, TypeError, ValueError, AttributeError)


class Source:
    """The results as the service gives them. `counts` are the service's own, once reading has begun."""

    def __init__(self, client: Client, kind: Kind, name: str, judge: Judge) -> None:
        self._client, self._kind, self._name = client, kind, name
        self._once, self._judge = once(kind), judge
        self._shapes = Shapes(self._once, judge, self._slowly)
        self.counts: Counts | None = None

    def read(self, keys: tuple[str, ...] | None) -> Iterator[Judged]:
        """Yield one result after the other; those that come without a key get these `keys`, in their order."""
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
                yield self._judge({"key": known[number], **result} if known and "key" not in result else result)
        elif results.file is not None:
            try:
                read = self._shapes.read
                for line in lines_in(self._client.download(results.file)):
                    found = read(line)
                    yield self._read(line) if found is None else found
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

    def _read(self, line: bytes) -> Judged:
        found = self._judge(*self._slowly(line))
        self._shapes.learn(line, found)
        return found

    def _slowly(self, line: bytes) -> tuple[JsonObject, bytes]:
        try:
            value = _read(line)
        except (ValueError, RecursionError):
            return _shown(_unread("it is not JSON", line.decode("utf-8", "replace")))
        if not isinstance(value, dict):
            return _shown(_unread("it is not an object", line.decode("utf-8", "replace")))
        result = self._result(value)
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
            if not held and part.endswith(b"\n"):
                if not part.isspace():
                    yield part
                continue
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
