"""Diagnostics as text: the frame, its carets, and nothing that could trick a terminal."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

import pytest
from effort import calls
from hypothesis import given
from hypothesis import strategies as st

from gemctl.core.address import Address
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.source import Span
from gemctl.render.diagnostics import WIDTH, render
from gemctl.render.safe import safe


def shown(text: str, line: int, column: int, end_column: int, *, end_line: int = 0, color: bool = False) -> str:
    span = Span("m.yaml", line, column, end_line or line, end_column)
    return render([Diagnostic("E215", "Not a duration", "Wrong.", span)], {"m.yaml": text}.get, color)


def carets(text: str, line: int, column: int, end_column: int, *, end_line: int = 0) -> tuple[str, str]:
    """The shown line, and what of it stands over the carets, by columns of a terminal: wide characters doubled."""
    lines = shown(text, line, column, end_column, end_line=end_line).splitlines()
    source, marks = lines[2].split("| ", 1)[1], lines[3].split("| ", 1)[1]
    wide = "".join(
        c * 2 if unicodedata.east_asian_width(c) in "WF" else c for c in source if not unicodedata.combining(c)
    )
    found = re.match(r"( *)(\^+)", marks)
    assert found is not None
    return source, wide[found.start(2) : found.end(2)]


def test_the_whole_picture() -> None:
    found = Diagnostic(
        "E215",
        "Not a duration",
        "'5 minutes' is not a duration.",
        Span("caches/faq.yaml", 6, 8, 6, 17),
        Address("CachedContent", "faq"),
        "Write 5m.",
    )
    text = "\n" * 5 + "  ttl: 5 minutes # soon\n"
    assert render([found], {"caches/faq.yaml": text}.get, color=False) == (
        "caches/faq.yaml:6:8: error[E215]: Not a duration\n"
        "  |\n"
        "6 |   ttl: 5 minutes # soon\n"
        "  |        ^^^^^^^^^ CachedContent/faq: '5 minutes' is not a duration.\n"
        "  |\n"
        "  = Write 5m.\n"
    )


def test_without_a_place_or_a_file() -> None:
    lost = Diagnostic("E017", "Unknown stack", "There is no stack x.", hint="Did you mean y?")
    assert render([lost], lambda path: None, color=False) == (
        "error[E017]: Unknown stack\n  There is no stack x.\n  = Did you mean y?\n"
    )
    assert shown("", 5, 1, 2) == "m.yaml:5:1: error[E215]: Not a duration\n  Wrong.\n"
    assert render([], lambda path: None, color=True) == ""
    warning = Diagnostic("W202", "Very short ttl", "It is short.")
    assert render([warning], lambda path: None, color=False).startswith("warning[W202]: ")


def test_colours_only_where_wanted() -> None:
    plain = shown("ttl: 5s", 1, 6, 8)
    coloured = shown("ttl: 5s", 1, 6, 8, color=True)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert coloured.count("\x1b[0m") == len(re.findall(r"\x1b\[1", coloured))


@pytest.mark.parametrize(
    ("text", "column", "end", "expected"),
    [
        ("ttl: 5s", 6, 8, "5s"),
        ("ttl: 5s", 1, 4, "ttl"),
        ("\tttl:\t5s", 7, 9, "5s"),
        ("名前: 値です", 5, 8, "値値でですす"),
        ("😀: x", 4, 5, "x"),
        ("e\u0301e\u0301: x", 7, 8, "x"),
        ("a\x1b[31m: x", 9, 10, "x"),
        ("ttl:", 5, 5, ""),
        ("ttl: [a, b]", 6, 12, "[a, b]"),
    ],
)
def test_carets_stand_under_the_span(text: str, column: int, end: int, expected: str) -> None:
    assert carets(text, 1, column, end)[1] == expected


def test_a_span_of_several_lines_shows_its_first() -> None:
    assert carets("a: |\n  one\n  two\n", 1, 4, 6, end_line=3) == ("a: |", "|")
    assert carets("a:\n  b: 1   \n  c: 2\n", 2, 3, 7, end_line=3) == ("  b: 1", "b: 1")


@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\r"])
def test_line_breaks_are_those_of_the_reader(breaks: str) -> None:
    assert carets(breaks.join(["one", "two\u2028x: y", "three"]), 2, 8, 9)[1] == "y"


@pytest.mark.parametrize("at", [1, 50, 150, 290])
def test_long_lines_are_cut_around_the_span(at: int) -> None:
    text = "".join(chr(ord("a") + n % 26) for n in range(300))
    source, under = carets(text, 1, at, at + 5)
    assert under == text[at - 1 : at + 4]
    assert len(source) <= WIDTH + 4
    assert source.startswith("… ") == (at > 26)
    assert source.endswith(" …") == (at < 225)


def test_a_span_wider_than_the_window() -> None:
    source, under = carets("a: " + "x" * 500, 1, 4, 504)
    assert len(under) <= WIDTH
    assert set(under) == {"x"}
    assert source.endswith(" …")


def test_many_of_one_cause_are_counted() -> None:
    many = [Diagnostic("E102", "Duplicate key", f"On line {n}: 'k{n}'.") for n in range(1, 2001)]
    text = render([*many, Diagnostic("E103", "A key", "x.")], lambda path: None, color=False)
    assert text.count("E102") == 3
    assert text.count("(and 1,997 more like this)") == text.count("(and ") == 1
    assert text.endswith("error[E103]: A key\n  x.\n")
    assert "(and" not in render(many[:3], lambda path: None, color=False)
    elsewhere = [replace(one, address=Address("File", f"f{index}")) for index, one in enumerate(many[:4])]
    assert render(elsewhere, lambda path: None, color=False).count("E102") == 4


def test_many_of_one_code_are_counted() -> None:
    words = [f"{first}{second}" for first in "abcde" for second in "fghij"]
    many = [Diagnostic("E206", "Unknown field", f"There is no field {word}.") for word in words for _ in range(5)]
    text = render(many, lambda path: None, color=False)
    assert text.count("E206") == 20  # 3, 3, 3, 3, 3, 3 and 2 of 25 causes
    assert text.count("(and 2 more like this)") == 6
    assert text.endswith("(and 93 similar)\n")


def test_a_frame_is_no_more_work_where_the_line_is_long() -> None:
    def effort(length: int) -> int:
        line = "{a: b}, " * (length // 8)
        found = [
            Diagnostic("E206", "s", f"No {'abc'[n % 3]}.", Span("m", 1, 8 * n + 1, 1, 8 * n + 4)) for n in range(900)
        ]
        return calls(lambda: render(found, {"m": line}.get, color=False))

    effort(10_000)  # the first time, regular expressions are compiled as well
    assert effort(1_000_000) == effort(10_000)


def test_a_long_message_is_cut() -> None:
    shown = render([Diagnostic("E202", "s", "x" * 100_000, hint="y" * 100_000)], lambda path: None, color=False)
    assert len(shown) < 5_000
    assert shown.count(" …\n") == 2


def test_a_file_is_asked_for_once() -> None:
    asked: list[str] = []

    def source(path: str) -> str:
        asked.append(path)
        return "a: b"

    render([Diagnostic("E101", "s", "d.", Span("m.yaml", 1, 1, 1, 2))] * 5, source, color=False)
    assert asked == ["m.yaml"]


DANGEROUS = [
    *(*range(0x20), 0x7F, *range(0x80, 0xA0), *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2066, 0x206A)),
    *(0xFEFF, 0xD800, 0xDFFF, 0xAD, 0x61C, 0xE0001),
]
TURNING = ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")


@pytest.mark.parametrize("point", DANGEROUS, ids=hex)
def test_what_is_dangerous_is_made_visible(point: int) -> None:
    assert safe(f"a{chr(point)}b") == f"a\\u{{{point:x}}}b"


def test_what_is_harmless_stays() -> None:
    text = "Zoë – “quoted” 名前 😀 ❤️ ع é \\u{1b}"
    assert safe(text) == text
    assert safe("a\nb", newlines=True) == "a\nb"
    assert safe("a\r\nb", newlines=True) == "a\\u{d}\nb"


@given(st.text(st.characters(), max_size=50))
def test_nothing_unsafe_is_left(text: str) -> None:
    result = safe(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in result)
    assert not any(
        unicodedata.bidirectional(c) in ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI") for c in result
    )
    assert safe(result) == result
    result.encode("utf-8")


TEXTS = st.text(st.characters(), max_size=30)


@given(TEXTS, TEXTS, TEXTS, st.integers(1, 40), st.integers(1, 40), st.integers(1, 3))
def test_no_diagnostic_is_unsafe(text: str, detail: str, file: str, column: int, end: int, line: int) -> None:
    span = Span(file, line, column, line, end)
    found = Diagnostic("E101", "Not valid YAML", detail, span, None, detail)
    result = render([found], lambda path: text, color=False)
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in result.replace("\n", ""))
    assert result.count("\n") <= 6


def test_no_line_is_shown_where_a_secret_may_stand() -> None:
    """Not for what is said about the secret, and not for anything else that is wrong with the same line."""
    text = "a: 1\nspec: {token: |\n  hunter2\n  hunter3}\nb: 2\n"
    literal = Diagnostic("E275", "Secret", "It stands there.", Span("m.yaml", 2, 7, 4, 10))
    beside = Diagnostic("E206", "Unknown", "No.", Span("m.yaml", 3, 3, 3, 9))
    below = Diagnostic("E206", "Unknown", "No.", Span("m.yaml", 5, 1, 5, 2))
    whole = render([literal, beside, below], {"m.yaml": text}.get, color=False)
    assert "hunter" not in whole and "b: 2" in whole
    unquoted = replace(beside, quoted=False)
    assert "hunter" not in render([unquoted], {"m.yaml": text}.get, color=False)
    assert "hunter2" in render([beside], {"m.yaml": text}.get, color=False)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('  token: "LITERAL', False),
        ("  token: Bearer: LITERALabc", False),
        ("spec: {type: bearer_token, token: LITERAL, token: LITERAL2}", False),
        ("  envv: {API_KEY: plain}", False),
        ("  envv: {X: sk-proj-LITERALabcdefghijklmnop}", False),
        ('  headers: {Authorization: "Bearer LITERALabc"}', False),
        ("  clientSecret: LITERAL", False),
        ("  DB_PW: LITERAL", False),
        ("  uri: https://me:LITERAL@example.com", False),
        ("  token: {valueFrom: {env: CRM_TOKEN}}", True),
        ("  secret: {file: out/secret}", True),
        ("  token: ${var.token}", True),
        ("  token:", True),
        ("  maxTotalTokens: 5", True),
        ("  tokenUrl: https://example.com/token", True),
        ("  - key: first", True),
        ("  secret: # by a file", True),
    ],
)
def test_a_line_that_may_hold_a_secret_is_shown_for_no_mistake(line, shown):
    text = f"{line}\n"
    told = render(
        [Diagnostic("E206", "Unknown field", "Something.", Span("a.yaml", 1, 1, 1, 3))], {"a.yaml": text}.get, False
    )
    assert (line.strip() in told) is shown and "a.yaml:1:1" in told and "Something." in told
