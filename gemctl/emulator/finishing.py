"""Ends the text of an answer where the request says: at a stop sequence, or after so many tokens.

Called by `answers`. Separate because it is pure and small, and each end has rules of its own. A stop sequence is no
part of the text, and one at its beginning leaves no content at all (published answers).
"""

from collections.abc import Mapping
from typing import Any

_CHARACTERS = 4  # a token, as `tokens` counts
STOP, MAX_TOKENS = "STOP", "MAX_TOKENS"


def limited(text: str, config: Mapping[str, Any], thought: int) -> tuple[str, str]:
    """The text as far as it goes, and why it ends. Thoughts count as written."""
    reason = STOP
    if most := config.get("maxOutputTokens", 0):
        room = max(0, most - thought) * _CHARACTERS
        if room < len(text):
            text, reason = text[:room], MAX_TOKENS
    found = [at for each in config.get("stopSequences", ()) if each and (at := text.find(each)) >= 0]
    return (text[: min(found)], STOP) if found else (text, reason)


def halved(text: str) -> str:
    """The first half of a text."""
    return text[: -(-len(text) // 2)]
