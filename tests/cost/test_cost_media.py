"""The tokens of media, by the tables that the service publishes."""

from __future__ import annotations

import pytest

from gemctl.core.book import MediaTable
from gemctl.core.quantities import UNKNOWN_TOKENS, Media, Medium, Tokens
from gemctl.cost.media import tokens_of

TWO = MediaTable(image=None, small=384, tile=768, per_tile=258, page=258, video=(263, 263), audio=(32, 32))
THREE = MediaTable(image=1120, small=0, tile=0, per_tile=0, page=560, video=(70 + 25, 70 + 32), audio=(25, 32))
HOUR = 3600


@pytest.mark.parametrize(
    ("media", "two", "three"),
    [
        # 100 pages, an hour of video (pictures with sound), a picture of 6 tiles: as the guide counts them.
        (Media(Medium.DOCUMENT, pages=100), Tokens.exactly(25_800), Tokens.exactly(56_000)),
        (
            Media(Medium.VIDEO, seconds=HOUR),
            Tokens.exactly(946_800),
            Tokens(354_600, 252_000 + 90_000, 252_000 + 115_200),
        ),
        (Media(Medium.IMAGE, pixels=(1600, 1000)), Tokens.exactly(1_548), Tokens.exactly(1_120)),
        (Media(Medium.IMAGE, pixels=(384, 384)), Tokens.exactly(258), Tokens.exactly(1_120)),
        (Media(Medium.IMAGE, pixels=(385, 384)), Tokens.exactly(258), Tokens.exactly(1_120)),
        (Media(Medium.IMAGE, pixels=(769, 10)), Tokens.exactly(516), Tokens.exactly(1_120)),
        (Media(Medium.AUDIO, seconds=HOUR), Tokens.exactly(115_200), Tokens(102_600, 90_000, 115_200)),
        (Media(Medium.IMAGE), Tokens(258, 258, None), Tokens.exactly(1_120)),
        (Media(Medium.DOCUMENT), Tokens(258, 258, None), Tokens(560, 560, None)),
        (Media(Medium.AUDIO), Tokens(32, 32, None), Tokens(25, 25, None)),
        (Media(Medium.VIDEO), Tokens(263, 263, None), Tokens(95, 95, None)),
        (Media(Medium.OTHER), UNKNOWN_TOKENS, UNKNOWN_TOKENS),
    ],
)
def test_media(media: Media, two: Tokens, three: Tokens) -> None:
    assert (tokens_of(media, TWO), tokens_of(media, THREE)) == (two, three)


def test_many_of_them() -> None:
    assert tokens_of(Media(Medium.IMAGE, count=3), THREE) == Tokens.exactly(3_360)
    assert tokens_of(Media(Medium.IMAGE, count=3), TWO) == Tokens(774, 774, None)


@pytest.mark.parametrize("medium", Medium)
def test_without_a_table_nothing_is_known(medium: Medium) -> None:
    assert tokens_of(Media(medium, pixels=(1, 1), pages=1, seconds=1), None) == UNKNOWN_TOKENS
