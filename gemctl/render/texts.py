"""Writes edited texts as unified diffs. Called by `gemctl plan --diff`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import unified_diff
from itertools import islice

from gemctl.core.texts import EditedText
from gemctl.render.paint import Paint
from gemctl.render.safe import safe

LONGEST = 20_000  # lines of a text that are compared
MOST = 200  # lines of one diff that are shown
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def diffs(texts: Iterable[EditedText], paint: Paint, *, verbose: bool = False) -> str:
    """One after the other, a blank line between two; "" for none. Very long ones are cut, unless `verbose`."""
    return "\n\n".join("\n".join(_diff(text, paint, verbose)) for text in texts)


def _diff(text: EditedText, paint: Paint, verbose: bool) -> Iterator[str]:
    yield paint(f"{text.address}  {safe(text.at)}", "bold")
    if text.before is None:
        yield paint(f"  {safe(text.why)}", "dim")
        return
    before, after = text.before.splitlines(), text.after.splitlines()
    if max(len(before), len(after)) > LONGEST:
        yield paint(f"  {len(before):,} → {len(after):,} lines: too many to compare", "dim")
        return
    if before == after:
        yield paint("  only the ends of lines differ", "dim")
        return
    lines = unified_diff(before, after, f"{text.file} (as sent)", text.file, lineterm="")
    shown = lines if verbose else islice(lines, MOST)
    for number, line in enumerate(shown):
        style = ("bold",) if number < 2 else (_COLOURS[line[0]],) if line[0] in _COLOURS else ()
        yield paint(safe(line.replace("\t", "    ")), *style)
    if more := sum(1 for _ in lines):
        yield paint(f"… and {more:,} more lines, which -v shows", "dim")
