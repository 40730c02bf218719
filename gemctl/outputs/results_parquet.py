"""Writes results as a table, for `run.results` that end in .parquet. Called by results_parts.py; workflows/declared.py
asks `lacking` before anything is run.

The only importer of pyarrow, which comes with an extra. Rows are written in groups, so memory holds one group.
"""

from __future__ import annotations

import importlib.util
import io
import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import GemctlError
from gemctl.core.extras import how_to_install
from gemctl.core.json_text import to_bytes
from gemctl.core.lifetime import Once
from gemctl.core.resource import Desired, is_table
from gemctl.core.source import JsonObject

ROWS, BYTES = 5_000, 4 << 20  # of lines, at most, in one group of rows
_WHY = "Results in a .parquet file are written with pyarrow, which isn't installed: pip install 'gemctl[parquet]'."


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
    columns: list[tuple[str, Any]] = [(name, pyarrow.string()) for name in _TEXTS]
    columns += [(name, pyarrow.int64()) for name in _NUMBERS]
    columns += [("embedding", pyarrow.list_(pyarrow.float32()))] if vectors else []
    schema, pool = pyarrow.schema(columns), pyarrow.system_memory_pool()  # what is freed there goes back to the system
    # The values of other columns are hardly ever alike: a dictionary of them would be as large as they are.
    options: Any = {
        "use_dictionary": ["status", "finish_reason"],
        "write_statistics": ["key", "status", "finish_reason", *_NUMBERS],
        "memory_pool": pool,
    }
    with pyarrow.parquet.ParquetWriter(_Sink(put), schema, **options) as writer:
        for group in _groups(lines, runs):
            rows = len(group.vectors)
            arrays = group.taken(pyarrow, schema, pool)
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), row_group_size=rows)


_TEXTS = ("key", "status", "text", "finish_reason", "response", "error")
_NUMBERS = ("prompt_tokens", "cached_tokens", "output_tokens", "thoughts_tokens")


class _Group:
    """A group of rows, by columns.

    columns   the values of all columns but that of vectors.
    vectors   where the vector of each row begins in `numbers`; None for a row without one. A Python list of numbers
              would take eight times as much.
    """

    def __init__(self) -> None:
        self.columns: list[list[Any]] = [[] for _ in (*_TEXTS, *_NUMBERS)]
        self.vectors: list[int | None] = []
        self.numbers = array("f")

    def add(self, line: bytes, runs: Once) -> None:
        row, vector = _row(line, runs)
        for column, value in zip(self.columns, row, strict=True):
            column.append(value)
        try:
            numbers = None if vector is None else array("f", vector)
        except OverflowError:  # a whole number that no float can be
            numbers = None
        self.vectors.append(None if numbers is None else len(self.numbers))
        self.numbers += numbers or array("f")

    def taken(self, pyarrow: Any, schema: Any, pool: Any) -> list[Any]:
        """The columns as arrays; the group is empty then."""
        arrays = []
        for column, one in zip(self.columns, schema, strict=False):
            arrays.append(_array(pyarrow, column, one.type, pool))
            column.clear()
        if len(schema) > len(arrays):
            starts = pyarrow.array([*self.vectors, len(self.numbers)], pyarrow.int32(), memory_pool=pool)
            data = [None, pyarrow.py_buffer(self.numbers)]
            numbers = pyarrow.Array.from_buffers(pyarrow.float32(), len(self.numbers), data)
            arrays.append(pyarrow.ListArray.from_arrays(starts, numbers, pool=pool))
        return arrays


def _row(line: bytes, runs: Once) -> tuple[tuple[object, ...], Sequence[float] | None]:
    """The values of all columns but that of vectors, and the vector."""
    result: JsonObject = json.loads(line)
    key = result.get("key")
    named = key if isinstance(key, str) else None
    if "response" not in result:
        shown = {name: value for name, value in result.items() if name not in ("key", "error")}
        error = result.get("error")
        said = {**error, **shown} if isinstance(error, dict) else result  # a line that is none was paid for
        return (named, "failed", None, None, None, _dumped(said), None, None, None, None), None
    response = result["response"]
    columns = runs.columns(response)
    found = runs.usage(result) if runs.usage else None
    used = found[0] if found and not found[0].uncounted else None
    counts = (used.prompt, used.cached, used.output, used.thoughts) if used else (None,) * 4
    status = "answered" if runs.answered(response) else "blocked"
    return (named, status, columns.text, columns.reason, _response(line, result), None, *counts), columns.vector


def _response(line: bytes, result: JsonObject) -> bytes:
    """The text of the response: as it stands in the line, where that is written as results are saved."""
    at = line.find(_BEFORE)  # nowhere within a text: a quote has a backslash before it there
    if at > 0 and line.startswith(b'{"key":"') and line.endswith(b"}\n") and len(result) == 2:
        return line[at + len(_BEFORE) : -2]
    return to_bytes(_dumped(result["response"]))


_BEFORE = b'","response":'


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _array(pyarrow: Any, values: list[Any], type_: Any, pool: Any) -> Any:
    try:
        return pyarrow.array(values, type_, memory_pool=pool)
    except UnicodeEncodeError:  # half a character: it stays the escape, as in lines
        whole = [to_bytes(one) if isinstance(one, str) else one for one in values]
        return pyarrow.array(whole, type_, memory_pool=pool)


def _groups(lines: Iterable[bytes], runs: Once) -> Iterator[_Group]:
    group, size = _Group(), 0
    for line in lines:
        group.add(line, runs)
        size += len(line)
        if len(group.vectors) >= ROWS or size >= BYTES:
            yield group
            group, size = _Group(), 0
    if group.vectors:
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
