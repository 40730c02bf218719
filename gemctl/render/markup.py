"""Makes foreign text harmless in HTML, and has the colours for light and for dark screens. Called by html.py."""

from __future__ import annotations

import re
from html import escape

from gemctl.core.change import Action
from gemctl.render.safe import safe

# Code points that are no characters: XML forbids some of them, and HTML takes none by number.
_NONE = re.compile(
    "[\ufdd0-\ufdef" + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF)) + "]"
)

# name → (light, dark)
_COLOURS = {
    "page": ("#ffffff", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "soft": ("#59636e", "#9198a1"),
    "line": ("#d1d9e0", "#3d444d"),
    "box": ("#f6f8fa", "#151b23"),
    Action.CREATE.value: ("#1a7f37", "#3fb950"),
    Action.UPDATE.value: ("#9a6700", "#d29922"),
    Action.REPLACE.value: ("#bc4c00", "#db6d28"),
    Action.DELETE.value: ("#d1242f", "#f85149"),
    Action.CANCEL.value: ("#d1242f", "#f85149"),
    Action.HARVEST.value: ("#0969da", "#4493f8"),
    Action.FORGET.value: ("#59636e", "#9198a1"),
    Action.REFRESH.value: ("#59636e", "#9198a1"),
    Action.KEEP.value: ("#59636e", "#9198a1"),
}
SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def text(foreign: str) -> str:
    """Escape text as the content of an element, or of an attribute in double quotes."""
    return escape(_NONE.sub(lambda found: f"\\u{{{ord(found.group()):x}}}", safe(foreign)))


def ascii_only(document: str) -> str:
    """The document with characters by their numbers where they are not ASCII, so that no encoding can spoil it."""
    return document.encode("ascii", "xmlcharrefreplace").decode("ascii")


def variables() -> str:
    """The colours for the rules of a page, as --name."""
    light, dark = ("; ".join(f"--{name}: {pair[shade]}" for name, pair in _COLOURS.items()) for shade in (0, 1))
    return (
        f":root {{ color-scheme: light dark; {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    )
