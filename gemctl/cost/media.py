"""Counts the tokens of media by a table of their model's series. Called by estimate.py."""

from __future__ import annotations

from gemctl.core.book import MediaTable
from gemctl.core.quantities import UNKNOWN_TOKENS, Media, Tokens


def tokens_of(media: Media, table: MediaTable | None) -> Tokens:
    return UNKNOWN_TOKENS
