"""Says how text may look where it is printed: in colour or plain, and in how many columns. cli/term.py makes a Paint;
renderers are given it, so that they stay functions of values.
"""

from __future__ import annotations

from dataclasses import dataclass

_CODES = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36", "bold": "1", "dim": "2"}


@dataclass(frozen=True, slots=True)
class Paint:
    """`paint(text, "green")` is green text when `on`, and the text itself otherwise. `width` is that of the terminal in
    cells; None where there is none, and lines are as long as they are.
    """

    on: bool = False
    width: int | None = None

    def __call__(self, text: str, *styles: str) -> str:
        if not self.on or not styles or not text:
            return text
        return f"\x1b[{';'.join(_CODES[style] for style in styles)}m{text}\x1b[0m"
