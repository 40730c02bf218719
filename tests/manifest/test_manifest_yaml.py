"""Text to values: what is read, what is refused and where, and that nothing else ever comes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import gemctl.manifest.yaml as reader
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import Rejected
from gemctl.core.source import Positions, SourceFile
from gemctl.manifest.alike import Recurring
from gemctl.manifest.yaml import Document, as_typed, parse

CASES = Path(__file__).parent / "cases"
BROKEN: list[dict[str, Any]] = yaml.safe_load((CASES / "yaml.yaml").read_text(encoding="utf-8"))
SCALARS: list[tuple[str, Any]] = yaml.safe_load((CASES / "scalars.yaml").read_text(encoding="utf-8"))
ACCEPTED_WITHOUT_LIBYAML = {"unknown directive"}


def read(text: str) -> Document:
    (document,) = parse(SourceFile("m.yaml", text))
    return document


def refusals(text: str) -> list[str]:
    try:
        parse(SourceFile("m.yaml", text))
    except Rejected as rejected:
        return [f"{d.span.line}:{d.span.column} {d.code}" for d in rejected.diagnostics if d.span]
    return []


def complaints(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(Rejected) as caught:
        parse(SourceFile("m.yaml", text))
    return caught.value.diagnostics


def cut(document: Document, path: tuple[str | int, ...], positions: Positions | None = None) -> str:
    """The text under a span."""
    span = (positions or document.positions).value(path)
    lines = document.file.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if span.line == span.end_line:
        return lines[span.line - 1][span.column - 1 : span.end_column - 1]
    inner = lines[span.line : span.end_line - 1]
    return "\n".join([lines[span.line - 1][span.column - 1 :], *inner, lines[span.end_line - 1][: span.end_column - 1]])


@pytest.fixture
def without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader.yaml, "__with_libyaml__", False)


def test_what_is_refused() -> None:
    for case in BROKEN:
        assert refusals(case["text"]) == case["expect"], case["name"]


@pytest.mark.usefixtures("without_libyaml")
def test_what_is_refused_without_libyaml() -> None:
    for case in BROKEN:
        if case["name"] not in ACCEPTED_WITHOUT_LIBYAML:
            found = refusals(case["text"])
            expected = [line.split(":")[0] for line in case["expect"]]
            assert [line.split(":")[0] for line in found] == expected, case["name"]


def test_what_a_scalar_means() -> None:
    for text, value in SCALARS:
        document = read(f"key: {text}\n")
        assert document.value == {"key": value}, text
        assert type(document.value["key"]) is type(value), text
        if text:
            assert as_typed(document, ("key",)) == text
            assert read(f"key: '{text}'\n").value == {"key": text}
            assert read(f"key: !!str {text}\n").value == {"key": text}


@pytest.mark.usefixtures("without_libyaml")
def test_what_a_scalar_means_without_libyaml() -> None:
    for text, value in SCALARS:
        assert read(f"key: {text}\n").value == {"key": value}, text


def test_a_number_that_is_refused_comes_with_both_ways_out() -> None:
    ways = {
        "1_000": "Write 1000; or put it in quotes if it is text: '1_000'.",
        "0b101": "Write 5; or put it in quotes if it is text: '0b101'.",
        "-0X1F": "Write -31; or put it in quotes if it is text: '-0X1F'.",
        "012": "Write 12, or 0o12 where it is octal; or put it in quotes if it is text: '012'.",
        "01.50": "Write 1.50; or put it in quotes if it is text: '01.50'.",
        "0o8": "Put it in quotes if it is text: '0o8'.",
        "1e": "Put it in quotes if it is text: '1e'.",
        ".inf": "Leave the value out, or put it in quotes if it is text: '.inf'.",
        "1e999": "Put it in quotes if it is text: '1e999'.",
    }
    for text, way in ways.items():
        (found,) = complaints(f"key: {text}\n")
        assert found.hint == way
        assert read(f"key: '{text}'\n").value == {"key": text}


def test_an_expression_within_braces_needs_quotes() -> None:
    for text in ("a: {b: out/${stack}.json, c: d}", "a: {b: ${var.x}}", "a: [{b: x${stack}}]"):
        (found,) = complaints(text)
        assert (found.code, found.hint) == (
            "E101", "Within braces and brackets, put a text that has ${…} in it into quotes."
        )  # fmt: skip


def test_documents_and_empty_ones() -> None:
    documents = parse(SourceFile("m.yaml", "# only a comment\n---\na: 1\n---\n---\n# nothing\n...\n---\n- b\n"))
    assert [document.value for document in documents] == [{"a": 1}, ["b"]]
    assert [document.positions.root.line for document in documents] == [3, 9]
    assert parse(SourceFile("m.yaml", "")) == ()


def test_yaml_1_2_may_be_said() -> None:
    assert read("%YAML 1.2\n---\na: b\n").value == {"a": "b"}


def test_aliases_share_values_and_point_at_themselves() -> None:
    document = read("a: &x\n  b: [1, 2]\nc: *x\nd: [*x, &y z, *y]\n")
    assert document.value == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": [{"b": [1, 2]}, "z", "z"]}
    positions = document.positions
    assert str(positions.value(("c",))) == "m.yaml:3:4"
    assert str(positions.value(("c", "b", 1))) == "m.yaml:2:10"
    assert cut(document, ("d", 2)) == "*y"


SAMPLE = """\
# A comment with é and 😀
name: "quoted \\u00e9"   # trailing
"key 😀": 名前 is plain    # wide
plain: one
  two  three
literal: |
  first
  second


folded: >-
  a
  b

# another comment
list:
  - x
  - {k: v, "l": [1, 2.50 ]}
empty:
nested:
    deep:
        - - inner
"""


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("libyaml", [True, False], ids=["libyaml", "python"])
def test_positions(ends: str, libyaml: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not libyaml:
        monkeypatch.setattr(reader.yaml, "__with_libyaml__", False)
    document = read(SAMPLE.replace("\n", ends))
    assert cut(document, ("name",)) == '"quoted \\u00e9"'
    assert cut(document, ("key 😀",)) == "名前 is plain"
    assert cut(document, ("plain",)) == "one\n  two  three"
    assert cut(document, ("literal",)) == "|\n  first\n  second"
    assert cut(document, ("folded",)) == ">-\n  a\n  b"
    assert cut(document, ("list",)) == '- x\n  - {k: v, "l": [1, 2.50 ]}'
    assert cut(document, ("list", 1)) == '{k: v, "l": [1, 2.50 ]}'
    assert cut(document, ("list", 1, "l")) == "[1, 2.50 ]"
    assert cut(document, ("list", 1, "l", 1)) == "2.50"
    assert cut(document, ("empty",)) == ""
    assert cut(document, ("nested", "deep", 0, 0)) == "inner"
    positions = document.positions
    assert str(positions.keys["key 😀",]) == "m.yaml:3:1"
    assert positions.keys["key 😀",].end_column == 8
    assert str(positions.key(("list", 1, "l"))) == "m.yaml:18:12"
    assert str(positions.key(("list", 1))) == "m.yaml:18:5"
    assert str(positions.value(("nested", "no", "such"))) == "m.yaml:21:5"
    assert str(positions.value(())) == "m.yaml:2:1"
    assert ("empty", "x") not in positions.values
    assert set(positions.values) >= {(), ("list",), ("list", 0), ("list", 1, "l", 0), ("nested", "deep", 0, 0)}
    assert len(positions.keys) == len(set(positions.keys)) == 11


def test_every_path_has_a_span_that_holds_its_value() -> None:
    document = read(SAMPLE)
    for path, span in document.positions.values.items():
        assert (span.line, span.column) <= (span.end_line, span.end_column)
        parent = document.positions.value(path[:-1])
        assert (parent.line, parent.column) <= (span.line, span.column)
        assert (parent.end_line, parent.end_column) >= (span.end_line, span.end_column), path


def laughs(levels: int, width: int) -> str:
    lines = ["a0: &a0 [" + ", ".join(["lol"] * width) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * width) + "]" for n in range(1, levels)]
    return "\n".join(lines)


BOMBS = {
    "billion laughs": laughs(9, 9),
    "quadratic blowup": "a: &a [" + "x, " * 900 + "x]\nb: [" + ", ".join(["*a"] * 120) + "]",
    "the same text again and again": "a: &a '" + "x" * 300_000 + "'\nb: [" + ", ".join(["*a"] * 99) + "]",
    "too many aliases": "a: &a 1\nb: [" + ", ".join(["*a"] * 100_001) + "]",
    "deep by aliases": "a0: &a0 [[[[x]]]]\n" + "\n".join(f"a{n}: &a{n} [[[[*a{n - 1}]]]]" for n in range(1, 30)),
    "brackets": "[" * 100_000,
    "braces": "{" * 100_000,
    "brackets and braces": "[{" * 50_000,
    "brackets, a few a line": "[[[[\n" * 25_000,
    "dashes": "- " * 100_000,
    "question marks": "? " * 100_000,
    "deep mappings": "\n".join(" " * n + "a:" for n in range(70)),
    "many documents": "--- a\n" * 6_000,
    "large": "a: " + "x" * (64 << 20),
    "large in bytes": "a: " + "é" * (32 << 20),
}  # fmt: skip


@pytest.mark.parametrize("libyaml", [True, False], ids=["libyaml", "python"])
def test_bombs_are_limited(libyaml: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not libyaml:
        monkeypatch.setattr(reader.yaml, "__with_libyaml__", False)
    for name, text in BOMBS.items():
        found = [each for each in complaints(text) if each.code == "E111"]
        assert [each.hint is not None for each in found] == [True], name


def test_a_parser_that_stops_at_a_depth_of_its_own_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    mark = yaml.Mark("m", 0, 0, 1000, None, None)
    why = "exceeded maximum nesting depth"

    class Shallow:
        def get_event(self) -> Any:
            raise yaml.scanner.ScannerError("while increasing flow level", mark, why, mark)

    monkeypatch.setattr(reader, "_events", lambda text: Shallow())
    assert refusals("[" * 2_000) == ["1:1001 E111"]


def test_the_limits_themselves_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "[" * 63 + "x" + "]" * 63
    assert refusals(deep) == []
    assert refusals(f"[{deep}]") == ["1:65 E111"]
    assert refusals("--- a\n" * 5_000) == []
    assert refusals("a: &a 1\nb: [" + ", ".join(["*a"] * 100_000) + "]") == []
    assert refusals("a: &a '" + "x" * (1 << 20) + "'\nb: [" + ", ".join(["*a"] * 20) + "]") == []
    monkeypatch.setattr(reader, "MAX_VALUES", 1_000)
    assert refusals("- a\n" * 999) == []
    assert refusals("- a\n" * 1_000) == ["1000:3 E111"]
    assert refusals("&a [" + "x, " * 900 + "x]\n---\n- b\n" + "- c\n" * 95) == []
    assert refusals("- &a [" + "x, " * 900 + "x]\n- *a\n- *a") == []  # what aliases stand for is not in the file


def test_what_people_write_in_a_manifest_is_not_too_much() -> None:
    """A text of 250,000 tokens in place, and 20,000 requests with an alias for what recurs, as programs write them."""
    text = "  word word word\n" * (1 << 16)
    assert read(f"a: |\n{text}").value["a"].count("word") == 3 << 16
    requests = "".join(f"- {{key: k{n}, request: {{contents: c, config: *id001}}}}\n" for n in range(20_000))
    (first, *others) = read(f"- {{key: k, config: &id001 {{topK: 1}}}}\n{requests}").value
    assert len(others) == 20_000
    assert others[-1]["request"]["config"] == first["config"]


def test_of_many_problems_the_first_are_told() -> None:
    found = complaints("a: 1\n" * 10_000)
    assert [each.code for each in found] == ["E102"] * 500 + ["E134"]
    assert found[-1].span is not None
    assert found[-1].span.line == 502


def test_a_huge_number_is_no_crash() -> None:
    assert refusals("a: " + "9" * 5000) == ["1:4 E108"]
    assert read("a: '" + "9" * 5000 + "'").value == {"a": "9" * 5000}


def test_whatever_the_parser_raises_is_a_diagnostic(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def get_event(self) -> Any:
            raise TypeError("a bug of somebody else's")

    monkeypatch.setattr(reader, "_events", lambda text: Broken())
    assert refusals("a: b") == ["1:1 E101"]


FRAGMENTS = st.sampled_from(
    ["a", ": ", "\n", "  ", "- ", "[", "]", "{", "}", ",", "'", '"', "|", ">", "&x ", "*x", "!", "!!str ", "<<", "? ",
     "#", "\t", "%", "---\n", "...\n", "\\", "\\u", "é", "😀", "\ud800", "\0", "1", "null", "${var.x}", "\r", "\ufeff"]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=40).map("".join) | st.text(max_size=60))
def test_random_text_is_read_or_refused(text: str) -> None:
    for libyaml in (True, False):
        reader.yaml.__with_libyaml__, before = libyaml, reader.yaml.__with_libyaml__  # type: ignore[assignment]
        try:
            for document in parse(SourceFile("m.yaml", text)):
                assert len(document.positions.values) >= 1
        except Rejected as rejected:
            assert rejected.diagnostics
            assert all(d.span is not None and d.span.line >= 1 and d.span.column >= 1 for d in rejected.diagnostics)
        finally:
            reader.yaml.__with_libyaml__ = before  # type: ignore[assignment]


TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_json_is_read_as_json(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=True)
    if "\\ud" in text:
        return  # JSON writes astral characters as pairs of escapes, which YAML has not
    if value is None:
        assert parse(SourceFile("m.yaml", f"- {text}"))[0].value == [None]
        return
    assert read(text.replace("\x7f", "\\u007f")).value == value


def test_what_is_read_together_has_places_of_its_own() -> None:
    """Documents of one form share it, in one file and in several; one with a mistake lends its form to no other."""
    wrong = ["a: x\na: y\nb: z\n", "a: [x, y]\na: {b: c}\nd: {b: e}\n", "1: [x, y]\nd: {b: e}\n", "[x]: y\na: [z]\n"]
    right = [
        "a: x\nb: z\n",
        "a: {b: c}\nd: {b: e}\n",
        "a:   [z]\n",
        "d:\n  b: e\n",
        "a: &n {b: c}\nd: *n\n",
        "- a: {b: c}\n  d: {b: e}\n- x\n",
    ]
    recurring = Recurring()
    for text in (*wrong, *right, *reversed(right), *wrong):
        source = SourceFile("m.yaml", f"{text}---\n{text}")
        if text in wrong:
            with pytest.raises(Rejected):
                parse(source, recurring)
            continue
        for together, alone in zip(parse(source, recurring), parse(source), strict=True):
            assert dict(together.positions.values) == dict(alone.positions.values), text
            assert dict(together.positions.keys) == dict(alone.positions.keys), text
        assert cut(parse(source, recurring)[1], ()) == text.strip(), text
