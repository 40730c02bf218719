"""Counts the tokens of media by the table of a series of models (API guide, tokens). Called by what prices quantities.

The service counts them when it answers, and bills that; before that, these are its published rules.
"""

from __future__ import annotations

from gemctl.core.book import MediaTable
from gemctl.core.quantities import UNKNOWN_TOKENS, Media, Medium, Tokens


def tokens_of(media: Media, table: MediaTable | None) -> Tokens:
    """The tokens of all of them together. `table` is None for a model whose table isn't known.

    Where a measure isn't known, the least is that of one page, second or tile, and there is no bound above.
    """
    if table is None:
        return UNKNOWN_TOKENS
    return _one(media, table).times(media.count)


def _one(media: Media, table: MediaTable) -> Tokens:
    match media.medium:
        case Medium.IMAGE if table.image is not None:
            return Tokens.exactly(table.image)
        case Medium.IMAGE:
            tiles = None if media.pixels is None else _tiles(*media.pixels, table)
            return _by_measure((table.per_tile, table.per_tile), tiles)
        case Medium.DOCUMENT:
            return _by_measure((table.page, table.page), media.pages)
        case Medium.AUDIO:
            return _by_measure(table.audio, media.seconds)
        case Medium.VIDEO:
            return _by_measure(table.video, media.seconds)
        case Medium.OTHER:
            return UNKNOWN_TOKENS


def _by_measure(each: tuple[int, int], measure: int | None) -> Tokens:
    low, high = each
    if measure is None:
        return Tokens(low, low, None)
    return Tokens((low + high) * measure // 2, low * measure, high * measure)


def _tiles(width: int, height: int, table: MediaTable) -> int:
    if max(width, height) <= table.small:
        return 1
    return -(-width // table.tile) * -(-height // table.tile)
