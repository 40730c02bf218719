"""What is uploaded of a file of requests: each line with live names, and with what is put under it."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gemctl.core.errors import Stale
from gemctl.kinds.parts.lines import LineCheck
from gemctl.kinds.parts.merge import merged

LIVE: dict[str, Any] = {
    "method": "generateContent",
    "cachedContents": {"c": "cachedContents/of-c"},
    "files": {"one": {"fileUri": "https://x.test/v1beta/files/one", "mimeType": "text/plain"}},
}


def text(word: str) -> dict[str, str]:
    return {"text": word}


def message(*words: str, **more: str) -> dict[str, Any]:
    return {**more, "parts": [text(word) for word in words]}


def line(request: Any, key: str = "k") -> bytes:
    return json.dumps({"request": request, "key": key}).encode() + b"\n"


def made(request: Any, values: dict[str, Any]) -> Any:
    """The request that is uploaded for this one; the same for the first of its skeleton and for another."""
    first, second = merged({**LIVE, **values}, [line(request), line(request)])
    assert first.startswith(b'{"key":"k","request":{') or first == line(request)
    assert json.loads(first) == json.loads(second)
    return json.loads(second)["request"]


FILE = {"fileData": LIVE["files"]["one"]}
CACHED = {"request": {"cachedContent": "cachedContents/y"}}
UNDER: list[tuple[Any, dict[str, Any], Any]] = [
    # A line's request, what is put under it, and what is uploaded.
    ({"contents": [message("x")]}, {"request": {"labels": {"a": "b"}}},
     {"labels": {"a": "b"}, "contents": [message("x")]}),
    ({"contents": [message("x")], "labels": {}}, {"request": {"labels": {"a": "b"}}},
     {"labels": {}, "contents": [message("x")]}),
    ({"contents": [message("x")], "generation_config": {"top_k": "3"}}, {"request": {"generationConfig": {"topP": 1}}},
     {"contents": [message("x")], "generationConfig": {"topK": 3}}),
    ({"contents": message("x"), "tools": None}, {"request": {"tools": [{"googleSearch": {}}]}},
     {"contents": [message("x")], "tools": [{"googleSearch": {}}]}),
    ({"contents": [message("x")], "cachedContentRef": {"name": "c"}}, CACHED,
     {"contents": [message("x")], "cachedContent": "cachedContents/of-c"}),
    ({"contents": [message("x")], "cachedContent": "cachedContents/z"}, CACHED,
     {"contents": [message("x")], "cachedContent": "cachedContents/z"}),
    ({"contents": [message("x")], "cached_content": ""}, CACHED,
     {"contents": [message("x")], "cachedContent": "cachedContents/y"}),
    ({"contents": [message("x", role="user")]}, {"before": [text("b"), FILE], "after": [text("a")]},
     {"contents": [{"role": "user", "parts": [text("b"), FILE, text("x"), text("a")]}]}),
    ({"contents": [message("x", role="user"), message("y", role="model"), message("z")]},
     {"before": [text("b")], "after": [text("a")]},
     {"contents": [message("b", "x", role="user"), message("y", role="model"), message("z", "a")]}),
    ({"contents": [{"parts": [{"fileRef": {"name": "one"}}, {"file_ref": {"name": "one", "mime_type": "a/b"}},
                              {"fileRef": {"name": "one"}, "videoMetadata": {"fps": 1}}]}]}, {},
     {"contents": [{"parts": [FILE, {"fileData": {**FILE["fileData"], "mimeType": "a/b"}},
                              {**FILE, "videoMetadata": {"fps": 1}}]}]}),
    ({"contents": [message("x")], "system_instruction": {"parts": [{"fileRef": {"name": "one"}}]}}, {},
     {"contents": [message("x")], "systemInstruction": {"parts": [FILE]}}),
    ({"contents": [{"parts": [{"functionCall": {"name": "f", "args": {"fileRef": {"name": "no"}, "n": 1e22}}}]}]},
     {"request": {"store": False}},
     {"contents": [{"parts": [{"functionCall": {"name": "f", "args": {"fileRef": {"name": "no"}, "n": 1e22}}}]}],
      "store": False}),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "values", "expected"), UNDER)
def test_what_is_put_under_a_line(request_: Any, values: dict[str, Any], expected: Any) -> None:
    assert made(request_, values) == expected


def test_vectors() -> None:
    values = {
        "method": "embedContent",
        "request": {"taskType": "CLUSTERING"},
        "before": [text("b")],
        "after": [text("a")],
    }
    assert made({"content": message("x")}, values) == {"taskType": "CLUSTERING", "content": message("b", "x", "a")}


PLAIN = [
    line({"contents": [message("x")]}),
    line({"contents": [message("é 😀", role="user")]}).replace(b'"text": ', b'"text":\t'),
    b'{"key": "a", "request": {"contents": {"parts": {"text": "\\u0052ef \xc3\xa9"}}, "tools": null}}\r\n',
    line({"contents": [{"parts": [{"functionCall": {"name": "f", "args": {"fileRef": 1, "cachedContentRef": 2}}}]}]}),
]


def test_a_line_without_a_reference_stays_as_it_is_where_nothing_is_put_under_it() -> None:
    lines = [*PLAIN, *PLAIN, PLAIN[0].rstrip()]
    assert [*merged(LIVE, lines)] == lines
    referring = line({"contents": [{"parts": [{"fileRef": {"name": "one"}}]}]})
    spelt = referring.replace(b"fileRef", b"file\\u0052ef")
    first, *between, last = merged(LIVE, [referring, *PLAIN, spelt])
    assert between == PLAIN
    assert json.loads(first)["request"] == json.loads(last)["request"] == {"contents": [{"parts": [FILE]}]}


STRINGS = ['"', "\\", "\n\t\0", "/", "é", "😀", "\u2028", "%b %s {0}", '"text": "x"', "\\u0041", "\x7f", " "]


def test_texts_come_through_as_they_are() -> None:
    """In escapes, in pairs of surrogates or in UTF-8."""
    for ascii_ in (True, False):
        lines = []
        for number, word in enumerate(STRINGS * 2):
            value = {"key": f"k{number}{word.strip()}", "request": {"contents": [message(word, word + word)]}}
            lines.append(json.dumps(value, ensure_ascii=ascii_).encode() + b"\n")
        values = {**LIVE, "request": {"labels": {"é": "\ud800"}}, "before": [text("😀")]}
        for before, after in zip(lines, merged(values, lines), strict=True):
            old, new = json.loads(before), json.loads(after)
            assert new["key"] == old["key"]
            assert new["request"]["contents"][0]["parts"][1:] == old["request"]["contents"][0]["parts"]
            assert new["request"]["labels"] == {"é": "\ud800"}


def test_what_is_made_is_right() -> None:
    values = {**LIVE, "request": {"cachedContent": "cachedContents/y"}, "after": [FILE]}
    lines = [line({"contents": [message("x")]}, f"k{number}") for number in range(9)]
    assert [*LineCheck("generateContent")(merged(values, lines), 0)] == []


def codes(check: LineCheck, *lines: bytes) -> list[str]:
    return [one.code for _, one in check(lines, 0)]


FIELDS: list[dict[str, Any]] = [
    {}, {"tools": [{"googleSearch": {}}]}, {"tools": []}, {"tools": [{"functionDeclarations": [{"name": "f"}]}]},
    {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}, {"systemInstruction": message("s")},
    {"cachedContent": "cachedContents/y"}, {"labels": {"a": "b"}},
]  # fmt: skip


@given(st.lists(st.sampled_from(FIELDS), max_size=2), st.lists(st.sampled_from(FIELDS), max_size=2))
def test_a_line_is_as_right_as_what_is_uploaded_of_it(own: list[Any], under: list[Any]) -> None:
    """What is put under it is right by itself, as its own shape sees to that."""
    request = {"contents": [message("x")], **{name: value for one in own for name, value in one.items()}}
    beneath = {name: value for one in under for name, value in one.items()}
    assume(codes(LineCheck("generateContent"), line({"contents": [message("x")], **beneath})) == [])
    (uploaded,) = merged({**LIVE, "request": beneath}, [line(request)])
    assert codes(LineCheck("generateContent", beneath), line(request)) == codes(LineCheck("generateContent"), uploaded)


def test_a_last_line_without_an_end_gets_one_and_a_blank_one_is_left_out() -> None:
    values = {**LIVE, "request": {"store": True}}
    for end in ([], [b"\n"], [b" "]):
        lines = [line({"contents": [message("x")]}), line({"contents": [message("y")]}).rstrip(), *end]
        assert [one.count(b"\n") for one in merged(values, lines)] == [1, 1]


@pytest.mark.parametrize("wrong", [b"x\n", b"[]\n", b"{}\n", b'{"key": "a", "request": []}\n', b"\xff\n", b"[" * 10**5])
def test_a_file_that_was_not_checked(wrong: bytes) -> None:
    with pytest.raises(Stale, match="has changed") as caught:
        list(merged({**LIVE, "request": {"store": True}}, [wrong]))
    assert (caught.value.code, bool(caught.value.hint)) == ("E133", True)
    unknown = line({"contents": [{"parts": [{"fileRef": {"name": "unknown"}}]}]})
    with pytest.raises(Stale):
        list(merged(LIVE, [unknown]))


def test_memory_does_not_grow() -> None:
    def lines() -> Iterator[bytes]:
        for number in range(10_000):
            yield line({"contents": [message("word " * 100)], "labels": {"n": str(number if number % 3 else 0)}})

    tracemalloc.start()
    try:
        assert sum(1 for _ in merged({**LIVE, "before": [text("x")]}, lines())) == 10_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
