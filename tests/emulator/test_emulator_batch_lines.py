"""Lines of a batch's file: what they mean does not depend on what was read before."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemctl.emulator.batch_lines import Reader, own_tokens, plain

TEXTS = st.text(max_size=12) | st.sampled_from(
    ['"text": "x"', 'a "key": "b" \\ /', "\ud800", "\x7f\x00\n", "\u2028 é 🙂", "\ue000gemctl emulator 0", "text"]
)
PARTS = st.one_of(
    TEXTS.map(lambda text: {"text": text}),
    st.sampled_from(
        [
            {"text": 5},
            {"text": None},
            {"text": ["a"]},
            {"key": "no such field"},
            {"fileData": {"fileUri": "https://x/y", "mimeType": "image/png"}},
            {"functionCall": {"name": "f", "args": {"text": "in a free value", "key": "too"}}},
            {"functionCall": {"name": "f", "args": {'a"text': "another name"}}},
            {"text": "a", "thought": True, "inlineData": {"data": "aa", "mimeType": "text/plain"}},
            {"audioTranscription": {"text": "said"}},
        ]
    ),
)
CONTENTS = st.fixed_dictionaries({"parts": st.lists(PARTS, max_size=3)}, optional={"role": st.just("user")})
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "contents": st.lists(CONTENTS, max_size=2) | CONTENTS,
        "content": CONTENTS,
        "systemInstruction": CONTENTS,
        "system_instruction": CONTENTS,
        "labels": st.just({"key": "a label", "text": "another"}),
        "generationConfig": st.sampled_from([{"temperature": 1}, {"temperature": "x"}, {"candidateCount": "2"}]),
    },
)
LINES = st.fixed_dictionaries(
    {}, optional={"key": TEXTS | st.just(7), "request": REQUESTS | st.none(), "text": st.just("no such field")}
)


@st.composite
def written(draw):
    """A line as programs write it, or spoilt."""
    line = draw(LINES)
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " :\r ")]))
    text = json.dumps(line, ensure_ascii=draw(st.booleans()), separators=separators)
    data = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 5)) == 0:
        at = draw(st.integers(0, len(data)))
        spoilt = draw(
            st.sampled_from([b"", b'"', b"\\", b"\\u00g", b"\\ud83d", b"\x00", b"\xff", b",", b"}", b"\xc2\xa0"])
        )
        data = data[:at] + spoilt + data[at + draw(st.integers(0, 2)) :]
    return data


@given(st.sampled_from(["generate", "embed"]), st.lists(written(), max_size=8))
def test_a_reader_that_remembers_reads_as_the_tables_do(method, lines):
    reader = Reader(method)
    for line in (*lines, *lines):
        assert reader.read(line) == plain(method, line)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=6))
def test_lines_of_one_shape_are_filled_in(texts):
    reader = Reader("generate")
    for key, instruction, text in texts:
        request = {
            "systemInstruction": {"parts": [{"text": instruction}]},
            "contents": [{"parts": [{"text": "always"}, {"text": text}]}, {"parts": [{"text": key}]}],
        }
        line = json.dumps({"key": key, "request": request}).encode()
        assert reader.read(line) == plain("generate", line)


@pytest.mark.parametrize(
    "line",
    [
        b'{"key": "a", "key": "b", "request": {"contents": []}}',
        b'{"request": {"contents": [{"parts": [{"text": "a", "text": "b"}]}]}}',
        b'{"request": {"contents": [{"parts": [{"text": "a", "inlineData": {"data": "YQ=="}}]}]}}',
        b'{"request": {"contents": {"parts": {"text": "one thing in place of a list"}}}}',
        b'{"request": {"contents": [{"parts": [{"text": "\\ud83d\\ude00 \\u00e9 \\""}]}]}}',
        b'{"request": {"contents": [{"parts": [{"text": "\\ud83d"}]}]}}',
        b'\xef\xbb\xbf{"key": "a"}',
        b"[]",
        b"",
    ],
)
def test_lines_that_could_be_taken_for_others(line):
    reader = Reader("generate")
    expected = plain("generate", line)
    assert [reader.read(line), reader.read(line)] == [expected, expected]


def test_what_a_line_shares_with_others_is_not_changed():
    reader = Reader("generate")

    def line(key, text):
        return json.dumps({"key": key, "request": {"contents": [{"parts": [{"text": text}]}]}}).encode()

    first, _ = reader.read(line("a", "one"))
    second, _ = reader.read(line("b", "two"))
    assert (first["key"], first["request"]["contents"][0]["parts"]) == ("a", [{"text": "one"}])
    assert (second["key"], second["request"]["contents"][0]["parts"]) == ("b", [{"text": "two"}])


def test_the_tokens_of_a_request():
    words = {"parts": [{"text": "x" * 10}]}
    assert own_tokens("embed", {"content": words}) == 3
    assert own_tokens("generate", {"contents": [words], "systemInstruction": words, "cachedContent": "c"}) == 5
