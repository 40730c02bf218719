"""Diagnostics as people read them: where, what, the line in question, and the way out.

caches/faq.yaml:6:8: error[E215]: Not a duration
  |
6 |   ttl: 5 minutes
  |        ^^^^^^^^^ CachedContent/faq: '5 minutes' is not a duration; write 90s, 5m, 1h30m or 2d.
  |
  = Write 5m.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from gemctl.core.codes import UNQUOTED
from gemctl.core.diagnostic import Diagnostic, Severity
from gemctl.core.source import Span
from gemctl.render.safe import safe

WIDTH = 100  # columns of a source line that are shown at most
MOST_OF_A_CODE = 20
MOST_OF_A_CAUSE = 3
MOST_LINES = 10  # that are named
_TAB = 4
_LINE_BREAK = re.compile(r"\r\n|\r|\n")

_BOLD = "\x1b[1m"
_RED = "\x1b[1;31m"
_YELLOW = "\x1b[1;33m"
_BLUE = "\x1b[1;34m"
_RESET = "\x1b[0m"


def render(diagnostics: Iterable[Diagnostic], source: Callable[[str], str | None], color: bool) -> str:
    """All diagnostics, a blank line between two of them; "" for none.

    source   a file's text, by the path in the span; None where it isn't at hand, and then the line isn't shown.
    color    with ANSI colours.

    Of one cause, the first three are shown and the lines of the rest named; of one code, the first twenty are shown and
    the rest counted.
    """
    blocks: list[str] = []
    shown: Counter[str] = Counter()
    lines: dict[str, list[str] | None] = {}
    found = _by_cause(diagnostics)
    totals = Counter(diagnostic.code for diagnostic, _ in found)
    for diagnostic, alike in found:
        shown[diagnostic.code] += 1
        if shown[diagnostic.code] > MOST_OF_A_CODE:
            continue
        block = _Painter(color).block(diagnostic, source, lines) + alike
        if shown[diagnostic.code] == MOST_OF_A_CODE and (more := totals[diagnostic.code] - MOST_OF_A_CODE):
            block += f"(and {more} similar)\n"
        blocks.append(block)
    return "\n".join(blocks)


def _by_cause(diagnostics: Iterable[Diagnostic]) -> list[tuple[Diagnostic, str]]:
    """Those that are shown, each with what is to be said of others that differ from it by their place only."""
    groups: dict[object, list[Diagnostic]] = {}
    causes: list[object] = []
    for one in diagnostics:
        causes.append((one.code, one.detail, one.hint, one.address, one.span and one.span.file))
        groups.setdefault(causes[-1], []).append(one)
    found: list[tuple[Diagnostic, str]] = []
    seen: Counter[object] = Counter()
    for cause in causes:
        seen[cause] += 1
        rest = groups[cause][MOST_OF_A_CAUSE:] if seen[cause] == MOST_OF_A_CAUSE else ()
        if seen[cause] <= MOST_OF_A_CAUSE:
            found.append((groups[cause][seen[cause] - 1], _alike(rest)))
    return found


def _alike(rest: Sequence[Diagnostic]) -> str:
    """`(and 47 of the same, in lines 4, 5, 6, …)`"""
    lines = list(dict.fromkeys(str(one.span.line) for one in rest if one.span))
    more = ", …" if len(lines) > MOST_LINES else ""
    where = f", in line{'s' if len(lines) > 1 else ''} {', '.join(lines[:MOST_LINES])}{more}" if lines else ""
    return f"(and {len(rest):,} of the same{where})\n" if rest else ""


class _Painter:
    def __init__(self, color: bool) -> None:
        self._color = color

    def block(
        self, diagnostic: Diagnostic, source: Callable[[str], str | None], lines: dict[str, list[str] | None]
    ) -> str:
        tone = _YELLOW if diagnostic.severity is Severity.WARNING else _RED
        label = self._paint(tone, f"{diagnostic.severity.value}[{diagnostic.code}]")
        span = diagnostic.span
        place = f"{safe(span.file)}:{span.line}:{span.column}: " if span else ""
        head = f"{self._paint(_BOLD, place)}{label}: {self._paint(_BOLD, safe(diagnostic.summary))}\n"
        detail = safe(f"{diagnostic.address}: {diagnostic.detail}" if diagnostic.address else diagnostic.detail)
        hint = safe(diagnostic.hint) if diagnostic.hint else None
        line = _line(span, source, lines) if span and diagnostic.code not in UNQUOTED else None
        if span is None or line is None:
            return head + _indented(detail, "  ") + (_indented(f"= {hint}", "  ") if hint else "")
        return head + self._frame(span, line, detail, hint, tone)

    def _frame(self, span: Span, line: str, detail: str, hint: str | None, tone: str) -> str:
        """The line with carets under the span; of a span over several lines, under its first one."""
        start = min(span.column - 1, len(line))
        end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line.rstrip())
        text, before, marked = _window(line, start, max(end, start))
        number = str(span.line)
        empty = " " * len(number)
        bar = self._paint(_BLUE, "|")
        caret = self._paint(tone, "^" * max(1, marked))
        result = (
            f"{empty} {bar}\n{self._paint(_BLUE, number)} {bar} {text}\n{empty} {bar} {' ' * before}{caret} {detail}\n"
        )
        if hint:
            result += f"{empty} {bar}\n{empty} {self._paint(_BLUE, '=')} {hint}\n"
        return result

    def _paint(self, tone: str, text: str) -> str:
        return f"{tone}{text}{_RESET}" if self._color and text else text


def _line(
    span: Span, source: Callable[[str], str | None], lines: dict[str, list[str] | None]
) -> str | None:  # None where the file isn't at hand, or has fewer lines by now
    if span.file not in lines:
        text = source(span.file)
        lines[span.file] = None if text is None else _LINE_BREAK.split(text)
    known = lines[span.file]
    return known[span.line - 1] if known is not None and 0 < span.line <= len(known) else None


def _indented(text: str, by: str) -> str:
    return f"{by}{text}\n"


def _window(line: str, start: int, end: int) -> tuple[str, int, int]:
    """The line as shown, cut to the window around the span, with the columns before the span and of it."""
    cells = _cells(line)
    widths = [_width(cell) for cell in cells]
    first, last = 0, len(cells)
    if sum(widths) > WIDTH:
        # Some of what comes before the span for orientation, then as much as there is room for.
        first = start
        room = WIDTH // 4
        while first > 0 and room >= widths[first - 1]:
            first -= 1
            room -= widths[first]
        last = first
        room = WIDTH
        while last < len(cells) and room >= widths[last]:
            room -= widths[last]
            last += 1
    head, tail = "… " if first else "", " …" if last < len(cells) else ""
    shown = head + "".join(cells[first:last]) + tail
    return shown.rstrip(), len(head) + sum(widths[first:start]), sum(widths[start : min(end, last)])


def _cells(line: str) -> list[str]:
    """What is printed for each character: tabs as blanks to the next stop, what is unsafe as an escape."""
    cells: list[str] = []
    column = 0
    for character in line:
        cell = " " * (_TAB - column % _TAB) if character == "\t" else safe(character)
        cells.append(cell)
        column += _width(cell)
    return cells


def _width(cell: str) -> int:
    """The columns of a terminal that it takes."""
    if cell.isascii():
        return len(cell)
    return sum(
        0 if unicodedata.category(each) in ("Mn", "Me") else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in cell
    )
