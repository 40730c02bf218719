"""Writes results as a table, for `run.results` that end in .parquet. Called by results_parts.py; workflows/declared.py
asks `lacking` before anything is run.

The only importer of pyarrow, which comes with an extra. Rows are written in groups, so memory holds one group.
"""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import GemctlError
from gemctl.core.extras import how_to_install
from gemctl.core.json_text import to_bytes
from gemctl.core.lifetime import Once
from gemctl.core.resource import Desired
from gemctl.core.source import JsonObject

ENDING = ".parquet"
ROWS, BYTES = 10_000, 32 << 20  # of lines, at most, in one group of rows
_WHY = "Results in a .parquet file are written with pyarrow, which isn't installed: pip install 'gemctl[parquet]'."


def is_table(results: str) -> bool:
    """Whether results of this name are a table."""
    return results.lower().endswith(ENDING)


def lacking(desired: Desired) -> tuple[Diagnostic, ...]:
    """Errors about results that can't be written as tables here, found before anything is run."""
    found: dict[str, Diagnostic] = {}
    for address, resource in desired.resources.items():
        rules = resource.run
        results = (rules.part.results if rules.part else rules.results) if rules else None
        if results and is_table(results) and results not in found:
            if importlib.util.find_spec("pyarrow") is not None:
                return ()
            of = rules.part.of if rules and rules.part else address
            span = resource.positions.value(("run", "results"))
            found[results] = problem("E254", _WHY, span=span, address=of, hint=how_to_install("parquet"))
    return tuple(found.values())


def write(put: Callable[[bytes], object], lines: Iterable[bytes], runs: Once, *, vectors: bool) -> None:
    """Write the table of these lines of results, piece by piece. `vectors` says whether it has a column of those.

    Raises GemctlError E254 where pyarrow is missing.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise GemctlError(_WHY, code="E254", hint=how_to_install("parquet")) from None
    text, number = pyarrow.string(), pyarrow.int64()
    columns: list[tuple[str, Any]] = [(name, text) for name in _TEXTS]
    columns += [(name, number) for name in _NUMBERS]
    columns += [("embedding", pyarrow.list_(pyarrow.float32()))] if vectors else []
    schema = pyarrow.schema(columns)
    with pyarrow.parquet.ParquetWriter(_Sink(put), schema) as writer:
        for group in _groups(lines):
            rows = [_row(line, runs) for line in group]
            values = [list(column) for column in zip(*rows, strict=True)][: len(columns)]
            arrays = [_array(pyarrow, column, one.type) for column, one in zip(values, schema, strict=True)]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), row_group_size=len(rows))


_TEXTS = ("key", "status", "text", "finish_reason", "response", "error")
_NUMBERS = ("prompt_tokens", "cached_tokens", "output_tokens", "thoughts_tokens")


def _row(line: bytes, runs: Once) -> tuple[object, ...]:
    """The values of all columns, with the vector as the last."""
    result: JsonObject = json.loads(line)
    key = result.get("key")
    named = key if isinstance(key, str) else None
    if "response" not in result:
        shown = {name: value for name, value in result.items() if name not in ("key", "error")}
        error = result.get("error")
        said = {**error, **shown} if isinstance(error, dict) else result  # a line that is none was paid for
        return (named, "failed", None, None, None, _dumped(said), None, None, None, None, None)
    response = result["response"]
    columns = runs.columns(response)
    found = runs.usage(result) if runs.usage else None
    used = found[0] if found and not found[0].uncounted else None
    counts = (used.prompt, used.cached, used.output, used.thoughts) if used else (None,) * 4
    status = "answered" if runs.answered(response) else "blocked"
    start = b'{"key":%s,"response":' % to_bytes(_dumped(key))
    written = line.startswith(start) and line.endswith(b"}\n") and len(result) == 2  # as its text stands there
    saved = line[len(start) : -2].decode() if written else to_bytes(_dumped(response)).decode()
    return (named, status, columns.text, columns.reason, saved, None, *counts, columns.vector)


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _array(pyarrow: Any, values: list[Any], type_: Any) -> Any:
    try:
        return pyarrow.array(values, type_)
    except UnicodeEncodeError:  # half a character: it stays the escape, as in lines
        return pyarrow.array([to_bytes(one).decode() if isinstance(one, str) else one for one in values], type_)


def _groups(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    size = 0
    for line in lines:
        group.append(line)
        size += len(line)
        if len(group) >= ROWS or size >= BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


class _Sink(io.RawIOBase):
    """Gives away what is written into it."""

    def __init__(self, put: Callable[[bytes], object]) -> None:
        self._put = put

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._put(piece)
        return len(piece)
