"""Defines diagnostics: what is wrong, where, and what to do about it. Nearly every room makes or shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field
from enum import StrEnum

from gemctl.core.address import Address
from gemctl.core.frozen import dataclass
from gemctl.core.source import Span

MOST_OF_A_CAUSE = 3  # problems of one cause that are shown one by one; the rest are counted
_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9][0-9,.]*")


class Severity(StrEnum):
    """An error stops the stage that found it; a warning comes with the returned value."""

    ERROR = "error"
    WARNING = "warning"


def severity_of(code: str) -> Severity:
    """The severity of all diagnostics with this code."""
    return Severity.WARNING if code.startswith("W") else Severity.ERROR


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem.

    `code` is stable and documented in docs/diagnostics.md; `summary` is short, fixed wording without the user's own
    words, so that similar problems can be grouped; `detail` says what and why in full sentences; `hint` says what to
    do. `quoted` is False where the lines at its place may hold a secret: they are not shown.
    """

    code: str
    summary: str
    detail: str
    span: Span | None = None
    address: Address | None = None
    hint: str | None = None
    quoted: bool = field(default=True, compare=False, repr=False)

    @property
    def severity(self) -> Severity:
        return severity_of(self.code)

    @property
    def cause(self) -> tuple[str, Address | None, str]:
        """Alike for problems of one mistake that was made again and again: all but numbers and quoted texts."""
        return (self.code, self.address, _VARYING.sub("…", self.detail))


def errors(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(d for d in diagnostics if d.severity is Severity.ERROR)


def in_reading_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sort by file, line and column; those without a place come last, in the order in which they were found."""
    placed = [d for d in diagnostics if d.span]
    placed.sort(key=lambda d: (d.span.file, d.span.line, d.span.column, d.code) if d.span else ("",))
    return (*placed, *(d for d in diagnostics if not d.span))
