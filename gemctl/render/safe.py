"""Makes foreign text harmless for a terminal. Called by the other renderers.

Display names, error messages and file names come from the service, from a repository or from others who share a key.
Every one of them passes here before it is shown.
"""

from __future__ import annotations

import re

# C0, DEL and C1 (with them every escape sequence); marks that turn the direction of text, or are there and not seen;
# line separators; halves of surrogate pairs; the byte order mark and other fillers without width; tags.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)


def safe(text: str, *, newlines: bool = False) -> str:
    """The text with every character that could move, hide or reverse something as a visible `\\u{…}`.

    `newlines` keeps line feeds. A zero-width joiner is escaped too: a composed emoji falls into its parts, visibly.
    """
    return _UNSAFE.sub(lambda found: _visible(found.group(), newlines), text)


def _visible(character: str, newlines: bool) -> str:
    if character == "\n" and newlines:
        return character
    return f"\\u{{{ord(character):x}}}"
