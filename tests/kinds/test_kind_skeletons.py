"""Lines that are alike: what is quick to tell of them is what a close look at each tells."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gemctl.core.lines import Lines, Split
from gemctl.kinds.parts import cuts, skeletons
from gemctl.kinds.parts.lines import LineCheck
from gemctl.kinds.parts.merge import merged
from gemctl.kinds.parts.skeletons import marked, taken_apart

# Strings as they may stand in JSON, in bytes: right and wrong ones, and such as look like fields.
RIGHT = [
    b"a", b"row-1", b"row-2", b"two words", b"\\\\", b"\\\"", b"\\n\\t", b"\\/", b"\\u00e9", b"\\u005c", b"\\u0022",
    b"\\ud83d\\ude00", b"\\uD83D\\uDE00", b"\x7f", b"\xc3\xa9", b"\xf0\x9f\x98\x80", b"\xe2\x80\xa8", b"\\u0000",
    b'\\"text\\": \\"x\\"', b'\\"key\\":\\"', b"\\u0022text\\u0022:\\u0022", b"x" * 300, b"\\\\1", b"<0>", b"7" * 40,
    b"%b", b"\\ufffe",
]  # fmt: skip
WRONG = [
    b"", b"\\ud83d", b"\\ude00\\ud83d", b"\\u12", b"\\x", b"\\", b"\x00", b"\x1f", b"\t", b"\xff", b"\xed\xa0\x80",
    b'\\\\", "text": "x', b'", "key": "y', b"\\n\xed\xa0\x80", b"\xed\xa0\x80\\n",
]  # fmt: skip
STRINGS = st.integers(0, 9).flatmap(lambda chance: st.sampled_from(RIGHT if chance else WRONG))
NAMES = st.sampled_from([b"text", b"key", b"te\\u0078t", b"thought", b'\\"text', b"\\\\text", b"name"])
COLONS = st.sampled_from([b":", b": ", b" : ", b":\t"])


@st.composite
def parts(draw: st.DrawFn) -> bytes:
    sort = draw(st.integers(0, 29))
    if sort < 24:
        return b'{"text"%b"%b"}' % (draw(COLONS), draw(STRINGS))
    name, text = draw(NAMES), draw(STRINGS)
    return [
        b'{"functionCall": {"name": "f", "args": {"%b": "%b", "key": "k", "x": {"text": "%b"}}}}' % (name, text, text),
        b'{"text": "a", "%b": "%b"}' % (name, text),
        b'{"fileRef": {"name": "one"}}',
        b'{"file_data": {"file_uri": "https://x.test/v1beta/files/%b"}}' % text,
        b'{"inlineData": {"mimeType": "image/png", "data": "aGk="}}',
        b'{"text": "a", "thought": true}',
    ][sort - 24]


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    message = b'{"role": "user", "parts": [%b]}' % b", ".join(draw(st.lists(parts(), min_size=1, max_size=2)))
    fields = [
        b'"contents": [%b]' % message,
        *draw(
            st.lists(
                st.sampled_from(
                    [
                        b'"generationConfig": {"maxOutputTokens": 5}', b'"labels": {"key": "l"}', b'"nope": 1',
                        b'"generationConfig": {"max_output_tokens": "7"}', b'"tools": null',
                        b'"systemInstruction": {"parts": [{"text": "s"}]}', b'"cachedContentRef": {"name": "c"}',
                        b'"cached_content": "cachedContents/live"', b'"tools": [{"googleSearch": {}}]',
                        b'"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}',
                    ]
                ),
                max_size=2,
                unique_by=lambda field: field[:6],
            )
        ),
    ]  # fmt: skip
    return b"{%b}" % b", ".join(draw(st.permutations(fields)))


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    key = b'"key"%b"%b"' % (draw(COLONS), draw(STRINGS | st.integers(0, 20).map(lambda number: b"k%d" % number)))
    fields = [key, b'"request": %b' % draw(requests())]
    if not draw(st.integers(0, 20)):
        fields.append(draw(st.sampled_from([b'"key": "again"', b'"text": "x"', b""])))
    end = draw(st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b" \n"]))
    return b"{%b}%b" % (b", ".join(fields if draw(st.integers(0, 3)) else fields[::-1]), end)


# Most files are of a few skeletons: lines of a few sorts, again and again with other strings.
@st.composite
def files(draw: st.DrawFn) -> list[bytes]:
    sorts = draw(st.lists(lines(), min_size=1, max_size=3))
    found: list[bytes] = []
    for number in range(draw(st.integers(1, 9))):
        skeleton, strings = taken_apart(draw(st.sampled_from(sorts)))
        line, marks = marked(skeleton)
        for mark, string in zip(marks, strings, strict=True):
            other = draw(st.sampled_from([string, b"key-%d" % number, b"other-%d" % number]) | STRINGS)
            line = line.replace(mark.encode(), other)
        found.append(line)
    return found + draw(st.sampled_from([[], [], [], [], [b"\n"], [b"\xff\n"]]))


UNDER: list[dict[str, Any]] = [
    {},
    {"cachedContentRef": {"name": "handbook"}, "generationConfig": {"maxOutputTokens": 3, "candidateCount": 2}},
    {"systemInstruction": "be brief", "tools": [{"googleSearch": {}}], "partsBefore": [{"text": "Read."}]},
    {"tools": [{"functionDeclarations": [{"name": "f"}]}], "partsAfter": [{"fileRef": {"name": "one"}}]},
]
SPLITS = [None, Split(requests=2), Split(bytes=300), Split(tokens=20), Split(3, 700, 9)]


LINE = b'{"key": "%b", "request": {"contents": [{"parts": [{"text": "%b"}]}]}}\n'


def told(check: LineCheck, given: Iterable[bytes], size: int) -> tuple[list[tuple[int, Any]], Lines]:
    found = check(given, size)
    problems = []
    while True:
        try:
            problems.append(next(found))
        except StopIteration as end:
            return problems, end.value


@given(files(), st.sampled_from(UNDER), st.sampled_from(SPLITS), st.sampled_from([0, 10, 10**6]))
@example([LINE % (b"a", b"x"), LINE % (b"b", b"\xed\xa0\x80\\n")], {}, None, 0)
def test_the_quick_look_says_what_the_close_one_says(
    given_: list[bytes], under: dict[str, Any], split: Split | None, whole: int
) -> None:
    check, size = LineCheck("generateContent", under, split), sum(map(len, given_))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuts, "WHOLE", whole)
        quick = told(check, given_, size)
        patch.setattr(skeletons, "MOST", 0)
        assert quick == told(check, given_, size)


@given(files())
def test_a_skeleton_and_its_strings_are_the_line(given_: list[bytes]) -> None:
    for line in given_:
        skeleton, strings = taken_apart(line)
        again, marks = marked(skeleton)
        for mark, string in zip(marks, strings, strict=True):
            assert again.count(mark.encode()) == 1
            again = again.replace(mark.encode(), string)
        assert again == line


def test_lines_of_one_skeleton_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of them is; and where each is of its own, the search for others is given up."""
    closely: list[int] = []
    real = json.JSONDecoder.decode

    def counted(self: json.JSONDecoder, text: str) -> Any:
        closely.append(len(text))
        return real(self, text)

    same = [
        b'{"key": "%d", "request": {"contents": [{"parts": [{"text": "text %d"}]}]}}\n' % (n, n) for n in range(500)
    ]
    apart: list[bytes] = []
    monkeypatch.setattr("gemctl.kinds.parts.lines.taken_apart", lambda line: apart.append(line) or taken_apart(line))
    monkeypatch.setattr("gemctl.kinds.parts.line_text.read", lambda text: closely.append(1) or json.loads(text))
    assert told(LineCheck("generateContent"), same, 0)[0] == []
    assert len(closely) == 2, "the line, and the same with marks"
    apart.clear()
    monkeypatch.setattr(skeletons, "TRIES", 10)
    seeds = [
        line.replace(b'"contents"', b'"generationConfig": {"seed": %d}, "contents"' % n) for n, line in enumerate(same)
    ]
    assert told(LineCheck("generateContent"), seeds, 0)[0] == []
    assert len(apart) < 25
    assert real is json.JSONDecoder.decode


# What is uploaded.

VALUES: list[dict[str, Any]] = [
    {},
    {"request": {"cachedContent": "cachedContents/live", "labels": {"a": "é\ud83d"}}},
    {"request": {"systemInstruction": {"parts": [{"text": "s"}]}, "generationConfig": {"topK": 3}},
     "before": [{"text": "b"}], "after": [{"fileData": {"fileUri": "u", "mimeType": "m/n"}}]},
]  # fmt: skip
LIVE = {
    "method": "generateContent",
    "cachedContents": {"c": "cachedContents/of-c"},
    "files": {"one": {"fileUri": "https://x.test/v1beta/files/one", "mimeType": "text/plain"}},
}


@given(files(), st.sampled_from(VALUES))
def test_the_quick_merge_makes_what_the_slow_one_makes(given_: list[bytes], values: dict[str, Any]) -> None:
    right = [line for line in given_ if not told(LineCheck("generateContent"), [line], 0)[0]]
    values = {**LIVE, **values}
    quick = [*merged(values, right)]
    assert quick == [*merged(values, right)], "deterministic"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(skeletons, "MOST", 0)
        slow = [*merged(values, right)]
    assert [json.loads(line) for line in quick] == [json.loads(line) for line in slow]
    for line, made in zip(right, quick, strict=True):
        before, after = json.loads(line), json.loads(made)
        assert after["key"] == before["key"]
        assert made.endswith(b"\n")
        assert made.count(b"\n") == 1
        wanted = texts(before["request"])
        assert [text for text in texts(after["request"]) if text in wanted] == wanted or values.get("before")
        assert set(wanted) <= set(texts(after["request"]))
        if not values.get("request") and b"fileRef" not in line and b"cachedContentRef" not in line:
            assert made == line


def texts(request: dict[str, Any]) -> list[str]:
    return [part["text"] for message in request["contents"] for part in message["parts"] if "text" in part]
