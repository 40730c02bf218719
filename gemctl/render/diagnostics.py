"""Writes diagnostics for people: the place, the problem, the line in question, and the way out. Called by cli/main.py.

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
from collections.abc import Callable, Iterable, Iterator, Sequence

from gemctl.core.address import Address
from gemctl.core.codes import UNQUOTED
from gemctl.core.diagnostic import MOST_OF_A_CAUSE, Diagnostic, Severity
from gemctl.core.secret import may_show_secret
from gemctl.core.source import Span
from gemctl.render.safe import safe

WIDTH = 100  # columns of a source line that are shown at most
MOST_OF_A_CODE = 20
_LONGEST = 2_000  # characters of a message or a hint: either may hold foreign text
_REACH = 4 * WIDTH  # characters before and after a place that are looked at: some take no column
_FAR = 10_000  # characters before and after a place in which a secret is looked for
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

    Of one cause the first three are shown, and of one code the first twenty; the rest is counted.
    """
    blocks: list[str] = []
    lines: dict[str, list[str] | None] = {}
    diagnostics = tuple(diagnostics)
    hidden = _hidden(diagnostics)
    for diagnostic, like_this, similar in _chosen(diagnostics):
        block = _Painter(color).block(diagnostic, source, lines, hidden)
        if like_this:
            block += f"(and {like_this:,} more like this)\n"
        if similar:
            block += f"(and {similar:,} similar)\n"
        blocks.append(block)
    return "\n".join(blocks)


def _hidden(found: Iterable[Diagnostic]) -> frozenset[tuple[str, int]]:
    """The lines, as file and number, that are not shown for any diagnostic: a secret may stand there."""
    spans = (one.span for one in found if one.span and (one.code in UNQUOTED or not one.quoted))
    return frozenset((span.file, line) for span in spans for line in range(span.line, span.end_line + 1))


def _chosen(found: Sequence[Diagnostic]) -> Iterator[tuple[Diagnostic, int, int]]:
    """Those that are shown, with how many more there are of their cause, and then of their code."""
    causes = [diagnostic.cause for diagnostic in found]
    totals, rest = Counter(causes), Counter(diagnostic.code for diagnostic in found)
    of_cause: Counter[tuple[str, Address | None, str]] = Counter()
    of_code: Counter[str] = Counter()
    shown: list[tuple[Diagnostic, int]] = []
    for diagnostic, cause in zip(found, causes, strict=True):
        if of_cause[cause] == MOST_OF_A_CAUSE or of_code[diagnostic.code] == MOST_OF_A_CODE:
            continue
        of_cause[cause] += 1
        of_code[diagnostic.code] += 1
        more = totals[cause] - MOST_OF_A_CAUSE if of_cause[cause] == MOST_OF_A_CAUSE else 0
        rest[diagnostic.code] -= 1 + more
        shown.append((diagnostic, more))
    for diagnostic, more in shown:
        of_code[diagnostic.code] -= 1
        yield diagnostic, more, 0 if of_code[diagnostic.code] else rest[diagnostic.code]


class _Painter:
    def __init__(self, color: bool) -> None:
        self._color = color

    def block(
        self,
        diagnostic: Diagnostic,
        source: Callable[[str], str | None],
        lines: dict[str, list[str] | None],
        hidden: frozenset[tuple[str, int]],
    ) -> str:
        tone = _YELLOW if diagnostic.severity is Severity.WARNING else _RED
        label = self._paint(tone, f"{diagnostic.severity.value}[{diagnostic.code}]")
        span = diagnostic.span
        place = f"{safe(span.file)}:{span.line}:{span.column}: " if span else ""
        head = f"{self._paint(_BOLD, place)}{label}: {self._paint(_BOLD, safe(diagnostic.summary))}\n"
        detail = _said(f"{diagnostic.address}: {diagnostic.detail}" if diagnostic.address else diagnostic.detail)
        hint = _said(diagnostic.hint) if diagnostic.hint else None
        line = _line(span, source, lines) if span and (span.file, span.line) not in hidden else None
        if span is None or line is None or may_show_secret(line[max(0, span.column - _FAR) : span.column + _FAR]):
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


def _said(text: str) -> str:
    return safe(text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …")


def _indented(text: str, by: str) -> str:
    return f"{by}{text}\n"


def _window(line: str, start: int, end: int) -> tuple[str, int, int]:
    """The line as shown, cut to the window around the span, with the columns before the span and of it."""
    left, right = max(0, start - _REACH), min(len(line), start + _REACH)
    cells = _cells(line[left:right])
    start, end = start - left, end - left
    widths = [_width(cell) for cell in cells]
    first, last = 0, len(cells)
    if left or right < len(line) or sum(widths) > WIDTH:
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
    head, tail = "… " if left or first else "", " …" if right < len(line) or last < len(cells) else ""
    shown = head + "".join(cells[first:last]) + tail
    return shown.rstrip(), len(head) + sum(widths[first:start]), sum(widths[start : min(end, last)])


def _cells(line: str) -> list[str]:
    """The text that is printed for each character: tabs as blanks to the next stop, unsafe ones as escapes."""
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
