"""Writes diagnostics as workflow commands, which GitHub Actions shows beside the lines of a pull request. Called by
`gemctl validate`.

Sources: "Workflow commands for GitHub Actions" for the commands, and `command.ts` of actions/toolkit for what is
escaped in them.
"""

from __future__ import annotations

from collections.abc import Iterable

from gemctl.core.diagnostic import Diagnostic, Severity, in_reading_order
from gemctl.render.safe import safe

_Table = dict[str, str | int | None]
_DATA: _Table = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY: _Table = {**_DATA, ":": "%3A", ",": "%2C"}


def commands(diagnostics: Iterable[Diagnostic], folder: str) -> str:
    """A line for each diagnostic; "" for none. `folder` is the project's, seen from the top of the repository."""
    return "\n".join(_annotation(one, folder) for one in in_reading_order(tuple(diagnostics)))


def said(diagnostic: Diagnostic) -> str:
    """What a diagnostic says besides its summary: whom it is about, why, and what to do; each on a line."""
    about = f"{diagnostic.address}: " if diagnostic.address else ""
    lines = (f"{about}{diagnostic.detail}", diagnostic.hint or "")
    return safe("\n".join(filter(None, lines)), newlines=True)


def _annotation(diagnostic: Diagnostic, folder: str) -> str:
    command = "error" if diagnostic.severity is Severity.ERROR else "warning"
    properties = {"title": f"{diagnostic.code}: {diagnostic.summary}"}
    if span := diagnostic.span:
        place: dict[str, object] = {"file": f"{folder}{span.file}", "line": span.line}
        if span.end_line == span.line:  # columns are for places within one line
            place |= {"col": span.column, "endColumn": max(span.column, span.end_column - 1)}
        else:
            place |= {"endLine": span.end_line}
        properties = {**{name: str(value) for name, value in place.items()}, **properties}
    listed = ",".join(f"{name}={_escaped(safe(value), _PROPERTY)}" for name, value in properties.items())
    return f"::{command} {listed}::{_escaped(said(diagnostic), _DATA)}"


def _escaped(text: str, table: _Table) -> str:
    return text.translate(str.maketrans(table))
