"""The estimate of tokens: what it is for texts of each sort, and laws that hold for all texts."""

from __future__ import annotations

import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemctl.kinds.parts.token_count import count, count_value

PIECE = 1 << 14
WORDS = "A-Za-z\u00c0-\u027f\u0300-\u033f"
TABLE = [
    ("", 0),
    (" ", 0),
    ("a", 2),  # 1.11, rounded up
    ("The cat sat on the mat.", 7),
    ("a b c d e f g h i j", 12),
    ("letters", 2),
    ("internationally", 6),  # 1.11 + 9 x 0.38 + 0.87
    ("internationalis", 6),
    ("thirteen-lette", 4),
    ("2027", 6),
    ("12.5,33,1.234", 14),
    ("\n", 2),
    ("a\n\n\nb", 4),
    ("a\r\nb", 4),
    ("a \n b", 4),
    ("a  b", 4),
    ("a        b", 4),
    ("a\tb", 3),
    ("a\t\tb", 4),
    ("漢字", 2),
    ("ひらがなカタカナ", 4),
    ("吾輩は猫である。", 5),
    ("한글", 2),
    ("Привет, мир", 4),
    ("Zwölf Boxkämpfer", 5),
    ("e\u0301te\u0301", 2),
    ("{}[]();", 3),
    ("…“”€", 2),
    ("\x00\x07", 1),
    ("😀", 1),
    ("\ud800", 1),
]
TEXTS = st.text("aZbé0 \t\n\r.,_жん漢한…😀\x00", max_size=60) | st.text(max_size=40)


def naive(text: str) -> int:
    """The same from its definition, in hundredths."""

    def found(pattern: str) -> list[str]:
        return re.findall(pattern, text)

    words = found(f"[{WORDS}]+")
    parts = {
        "han": len(found("[\u4000-\udfff]")),
        "kana": len(found("[\u3040-\u30ff]")),
        "cyrillic": len(found("[\u0400-\u053f]")),
        "marks": len(found(r"[!-/:-@\[-`{-~]")),
        "digits": len(found("[0-9]")),
    }
    rest = len(text) - sum(parts.values()) - len(found(f"[{WORDS}\\n\\r \\t]"))
    return (
        111 * len(words)
        + 38 * sum(max(0, len(word) - 6) for word in words)
        + 87 * sum(len(word) >= 14 for word in words)
        + 134 * parts["digits"]
        + 108 * len(found("[\n\r]+"))
        + 172 * len(found("[ \t]{2,}"))
        + 80 * parts["han"]
        + 49 * parts["kana"]
        + 31 * parts["cyrillic"]
        + 41 * len(found("[\u00c0-\u027f\u0300-\u033f]"))
        + 32 * parts["marks"]
        + 30 * rest
    )


@pytest.mark.parametrize(("text", "tokens"), TABLE, ids=[repr(text) for text, _ in TABLE])
def test_texts(text: str, tokens: int) -> None:
    assert count(text) == tokens


@given(TEXTS)
def test_it_is_what_its_definition_says(text: str) -> None:
    assert count(text) == -(-naive(text) // 100)


@given(TEXTS, st.integers(PIECE - 30, PIECE + 5), st.sampled_from(["a", " ", "\n", "ab ", "é", "漢"]))
def test_where_a_long_text_is_cut_makes_no_difference(text: str, length: int, filler: str) -> None:
    long = (filler * length)[:length] + text + filler * PIECE
    assert count(long) == -(-naive(long) // 100)


@given(TEXTS, TEXTS)
def test_two_texts_with_a_line_break_between_are_as_much_as_both(one: str, two: str) -> None:
    one, two = f"{one}x", f"y{two}"  # no runs of breaks
    together = naive(one) + naive(two) + 108
    assert count(f"{one}\n{two}") == -(-together // 100)
    assert abs(count(f"{one}\n{two}") - count(one) - count(two) - 1) <= 2


@given(TEXTS)
def test_more_of_the_same_is_never_less(text: str) -> None:
    assert 0 <= count(text) <= count(text * 2) <= count(text * 3)


def test_values_are_counted_as_their_shortest_json() -> None:
    value = {"name": "get_weather", "args": {"city": "Köln", "days": [1, 2]}}
    assert count_value(value) == count('{"name":"get_weather","args":{"city":"Köln","days":[1,2]}}')
    assert count_value(None) == count("null")


def test_memory_does_not_grow_with_the_text() -> None:
    text = "How long it may take, and what it costs.\n" * 100_000
    tracemalloc.start()
    try:
        count(text)
        assert tracemalloc.get_traced_memory()[1] < len(text) / 8
    finally:
        tracemalloc.stop()
