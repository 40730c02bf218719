"""What is kept of results on their way: the best for each key, byte for byte as before, in little memory."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gemctl.core.json_text import to_bytes
from gemctl.core.resource import TokenUsage
from gemctl.kinds import CATALOGUE
from gemctl.outputs import results_shapes
from gemctl.outputs.results_keys import Keys, key_digest
from gemctl.outputs.results_line import Came, Judge
from gemctl.outputs.results_source import Source
from gemctl.outputs.results_spool import Spool

KIND = CATALOGUE["BatchJob"]
JUDGE = Judge(KIND.once)
ANSWER, BLOCKED, ERROR = "answer", "blocked", "error"


def result(key, sort, number=0):
    if sort == ERROR:
        return {"key": key, "error": {"code": number}}
    reason = "STOP" if sort == ANSWER else "SAFETY"
    metadata = {"promptTokenCount": number, "candidatesTokenCount": 1}
    return {"key": key, "response": {"candidates": [{"finishReason": reason}], "usageMetadata": metadata}}


# Keys


@given(st.lists(st.text(max_size=3), unique=True, max_size=300), st.text(max_size=3))
def test_keys_are_numbered_in_their_order(keys, other):
    found = Keys()
    assert [found.add(key_digest(key)) for key in keys] == [None] * len(keys)
    numbers = {key: number for number, key in enumerate(keys)}
    assert {key: found.find(key_digest(key)) for key in keys} == numbers
    assert {key: found.add(key_digest(key)) for key in keys} == numbers
    assert found.find(key_digest(other)) == numbers.get(other)


@given(st.lists(st.binary(min_size=14, max_size=14), unique=True, max_size=60))
def test_digests_of_one_bucket(ends):
    """Also such as stand, by chance, half in one and half in the next."""
    found, digests = Keys(), [bytes(2) + end for end in ends]
    for digest in digests:
        found.add(digest)
    assert [found.find(digest) for digest in digests] == list(range(len(digests)))
    across = bytes(2) + bytes(14)
    if across not in digests:
        assert found.find(across) is None


# The best for each key

_RANK = {ERROR: 0, BLOCKED: 1, ANSWER: 2}
_RESULTS = st.lists(
    st.builds(result, st.sampled_from("abc"), st.sampled_from(sorted(_RANK)), st.integers(0, 300_000)), max_size=12
)


def sort_of(one):
    if "error" in one:
        return ERROR
    return ANSWER if one["response"]["candidates"][0]["finishReason"] == "STOP" else BLOCKED


def best(came, earlier):
    """By the rules, in as few words as they have: better wins; of equals the first response, or the last error."""
    kept = {}
    for one in came:
        old = kept.get(one["key"])
        sort = _RANK[sort_of(one)]
        if old is None or sort > _RANK[sort_of(old)] or sort == 0 == _RANK[sort_of(old)]:
            kept[one["key"]] = one
    for one in earlier:
        old = kept.get(one["key"])
        if old is None or _RANK[sort_of(one)] > _RANK[sort_of(old)]:
            kept[one["key"]] = one
    return kept


@given(_RESULTS, _RESULTS)
def test_an_answer_is_kept_before_one_that_is_none_and_that_before_an_error(came, earlier):
    runs = KIND.once
    with tempfile.TemporaryDirectory() as folder, Spool(Path(folder), Path(folder), JUDGE) as spool:
        for one in came:
            spool.add(JUDGE(one))
        for one in earlier:
            spool.add_earlier(JUDGE(one))
        kept = best(came, earlier)
        lines = list(spool.lines(spool.order("cab")))
        assert {found["key"]: found for line, _ in lines if "no result" not in str(found := json.loads(line))} == kept
        assert [json.loads(line)["key"] for line, _ in lines] == list("cab")
        sorts = {Came.ANSWER: ANSWER, Came.BLOCKED: BLOCKED, Came.ERROR: ERROR}
        assert all(sorts[what] == sort_of(json.loads(line)) for line, what in lines)
        used = [found for one in kept.values() if (found := runs.usage(one))]
        assert spool.used == sum((one for one, long in used if not long), TokenUsage())
        assert (spool.used_long or TokenUsage()) == sum((one for one, long in used if long), TokenUsage())


@given(st.permutations(range(40)), st.permutations(range(40)))
def test_lines_come_back_whole_in_any_order(came, asked):
    with tempfile.TemporaryDirectory() as folder, Spool(Path(folder), Path(folder), JUDGE) as spool:
        for number in came:
            spool.add(JUDGE({"key": str(number), "response": {"text": "é" * number * 300}}))
        keys = [json.loads(line)["key"] for line, _ in spool.lines(spool.order(map(str, asked)))]
        assert keys == [str(number) for number in asked]


# Lines are saved as they always were


def plainly(line):
    """What is saved of a line, done in the plainest way. Of a name that comes twice, the last value counts."""

    def none(name):
        raise ValueError(name)

    try:
        value = json.loads(line.decode("utf-8", "surrogatepass"), parse_constant=none)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        why = "this is not a result: it is not JSON"
        found = {"error": {"message": why}, "line": line.decode("utf-8", "replace").strip()}
    else:
        found = KIND.once.result(value)
    return to_bytes(json.dumps(found, ensure_ascii=False, separators=(",", ":"))) + b"\n"


_NUMBERS = st.one_of(
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(
        ["1e999", "-1e400", "NaN", "Infinity", "-0", "1.0", "1E5", "0.10", "1e-7", "9" * 400 + ".0", "9" * 400]
    ),
)
_TEXTS = st.text(st.characters(exclude_categories=[]), max_size=8)
_SPACE = st.sampled_from(["", " ", "\t"])


@st.composite
def lines(draw):
    """Lines of objects: with spaces, escapes, names that come twice, numbers in many spellings."""

    def text(value):
        return json.dumps(value, ensure_ascii=draw(st.booleans()))

    def value(depth):
        sort = draw(st.integers(0, 5 if depth else 2))
        if sort == 0:
            return text(draw(_TEXTS))
        if sort == 1:
            return draw(_NUMBERS)
        if sort == 2:
            return draw(st.sampled_from(["null", "true", "false"]))
        if sort == 3:
            return "[" + ",".join(value(depth - 1) for _ in range(draw(st.integers(0, 3)))) + "]"
        return thing(depth - 1, st.sampled_from(["a", "b", "text"]))

    def thing(depth, names, first=None):
        found = [
            f"{text(draw(names))}{draw(_SPACE)}:{draw(_SPACE)}{value(depth)}" for _ in range(draw(st.integers(0, 3)))
        ]
        return "{" + f",{draw(_SPACE)}".join([*(first or []), *found]) + "}"

    first = draw(
        st.lists(st.sampled_from(['"key":"k"', '"response":{"a":"b"}', '"error":{"code":5}', '"x":1e999']), max_size=3)
    )
    whole = thing(3, st.sampled_from(["key", "response", "error", "metadata", "other"]), first)
    return whole.encode("utf-8", "surrogatepass") + draw(st.sampled_from([b"\n", b"\r\n", b" \n", b"", b"x\n"]))


class Service:
    """Gives a file of results with these lines."""

    def __init__(self, *lines):
        self.lines = lines

    def fetch(self, call):
        return SimpleNamespace(body={"name": "batches/x", "metadata": {"output": {"responsesFile": "files/x"}}})

    def download(self, name):
        yield from self.lines


def read(*lines):
    return list(Source(Service(*lines), KIND, "batches/x", JUDGE).read(None))


@given(lines())
@example(b'{"response":{"a":-0},"key":"k"}\n')
@example(b'{"response":{"a":1,"a":2},"key":"k"}\n')
@example(b'{"response":{},"response":{"a":2},"key":"k"}\n')
@example(b'{"key":{"a":{"a":1e999,"a":""}}}\n')
@example(b'{"response":{"a":[0.1,-0.5,1.0,0.0,-0.0,0.00012,1e-05,1.5e-10,0.00001,1e5,12.50]},"key":"k"}\n')
@example(b'{"key":"k","response":{"a":"\xed\xa0\x80"}}\n')
@example(b'{"key":"k","response":{"a":"\\u0041\\/"}}\n')
@example('{"response":{"a":"é \\":\\\\"},"key":"ü\\n"}\n'.encode())
def test_a_line_is_saved_as_it_always_was(line):
    try:
        expected = plainly(line)
    except (TypeError, ValueError, KeyError, AttributeError):
        return  # of another shape: those are kept as text
    ((saved, *_),) = read(line)
    assert saved == expected


# Lines of one form are read by what was learned of the first


def spelled(draw, value):
    """JSON of this value in one of its spellings. Numbers are given as they are spelled, in bytes."""
    if isinstance(value, dict):
        names = [f"{json.dumps(name)}{draw(_SPACE)}:".encode() for name in value]
        return (
            b"{" + b",".join(name + spelled(draw, one) for name, one in zip(names, value.values(), strict=True)) + b"}"
        )
    if isinstance(value, list):
        return b"[" + b",".join(spelled(draw, one) for one in value) + b"]"
    if isinstance(value, bytes):
        return value
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    return (text.replace("/", "\\/") if draw(st.booleans()) else text).encode("utf-8", "surrogatepass")


_COUNT = st.integers(0, 10**19).map(lambda one: b"%d" % one) | _NUMBERS.map(str.encode)
_COUNTS = st.one_of(st.integers(0, 400_000).map(lambda one: b"%d" % one), _COUNT, _COUNT.map(lambda one: b'"%b"' % one))
_WORDS = st.sampled_from(["", "x", "/", "%", "%b", "a\nb", '"', "\\u0041", "\ud800", "é", "\x7f", "\x1f"]) | _TEXTS
_VECTORS = st.lists(_NUMBERS.map(str.encode), max_size=3)


@st.composite
def files(draw):
    """Lines of a file of results, many of them of few forms."""
    forms = draw(
        st.lists(
            st.fixed_dictionaries(
                {"reason": st.sampled_from(["STOP", "SAFETY", None])},
                optional=dict.fromkeys(
                    ("candidates", "texts", "usage", "tokens", "error", "embedding", "first", "twice", "other"),
                    st.none(),
                ),
            ),
            min_size=1,
            max_size=3,
        )
    )

    def line(form):
        response = {}
        if "candidates" in form:
            content = {"parts": [{"text": draw(_WORDS)} for _ in range(2 if "texts" in form else 1)], "role": "model"}
            response["candidates"] = [
                {
                    "content": content,
                    "finishReason": form["reason"],
                    "avgLogprobs": draw(_NUMBERS).encode(),
                    "n": [1, "k"],
                }
            ]
        if "usage" in form:
            response["usageMetadata"] = {"promptTokenCount": draw(_COUNTS), "candidatesTokenCount": draw(_COUNTS)}
            response["usageMetadata"]["promptTokensDetails"] = [{"tokenCount": draw(_COUNTS)}]
        if "tokens" in form:
            response["tokenCount"] = draw(_COUNTS)
        if "embedding" in form:
            response["embedding"] = {"values": draw(_VECTORS)}
        what = (
            {"error": {"code": draw(_COUNTS), "message": draw(_WORDS)}} if "error" in form else {"response": response}
        )
        key = {"key": draw(_WORDS | st.sampled_from(["a", "b", "c"]))}
        found = spelled(draw, {**key, **what} if "first" in form else {**what, **key})
        if "twice" in form:
            found = (
                found[:-1] + b',"text":' + spelled(draw, draw(_WORDS)) + b',"key":' + spelled(draw, draw(_WORDS)) + b"}"
            )
        if "other" in form:
            found = found[:-1] + b',"metadata":{"text":' + spelled(draw, draw(_WORDS)) + b"}}"
        return found + draw(st.sampled_from([b"\n", b"\n", b"\n", b" \n"]))

    return [line(draw(st.sampled_from(forms))) for _ in range(draw(st.integers(1, 12)))]


def with_text(text):
    return b'{"response":{"model":"50%%b","candidates":[{"content":{"parts":[{"text":"%b"}]}}]},"key":"k"}' % text


def with_number(name, number):
    return b'{"response":{"%b":%b,"usageMetadata":{"promptTokenCount":7}},"key":"k"}' % (name, number)


def with_count(number):
    return b'{"response":{"usageMetadata":{"promptTokenCount":%b,"candidatesTokenCount":3}},"key":"k"}' % number


def of_no_sort(text):
    return b'{"key":"k","other":{"text":"%b"}}' % text


@pytest.mark.parametrize(
    "lines",
    [
        [
            with_text(text)
            for text in (b"a", b"\xed\xa0\x80", b"\xff", b"\xc3\xa9", b"", b"%d", b"a\tb", b'a"b', b"\\x")
        ],
        [with_text(text) for text in (b"a", b"\\u00e9\\/", b"\\ud83d\\ude00", b"\\ud83d", b"\\\\u00e9", b"\\u0022")],
        [with_number(b"avgLogprobs", one) for one in (b"-0.5", b"1e5", b"0.10", b"-0.0", b"1e999", b"0.1e-7", b"5")],
        [with_number(b"avgLogprobs", one) for one in (b"5", b"-0", b"01", b"9" * 18, b"9" * 19, b"5.", b"NaN")],
        [with_number(b"values", b"[%b]" % one) for one in (b"1", b"0.10", b"12.50,1", b"-0.0,0.0", b"-0", b"1e-05")],
        [with_number(b"values", b"[%b]" % one) for one in (b"1", b"0.00001", b"1.5e-4", b"0.1234567890123456789", b"")],
        [with_count(one) for one in (b"7", b'"7"', b"0", b"-7", b"7.0", b"7e0", b"null", b"300000", b"9" * 18)],
        [with_count(one) for one in (b"7.5", b"8", b"-8", b"1e2", b"7.25")],
        [of_no_sort(text) for text in (b"a", b"\\n", b"\\\\", b"b")],
        [
            b'{"text":"a","response":{},"key":"%b"}' % key
            for key in (b"a", b"\\u0061", b"\\ud800", b"\\n", b"\xff", b"")
        ],
        [b'{"key":"%b","response":{"a":%b}}' % (key, b"[" * 900 + b"]" * 900) for key in (b"a", b"b")],
        [b'{"key":"a","response":{"text":"%b","text":"%b"}}' % pair for pair in ((b"a", b"b"), (b"a", b"a"))],
    ],
)
def test_a_line_that_is_nearly_of_a_known_form(lines):
    found = read(*(line + b"\n" for line in lines))
    assert [one.line for one in found] == [plainly(line + b"\n") for line in lines]
    assert found == [one for line in lines for one in read(line + b"\n")]


@given(files())
def test_what_was_learned_of_a_line_changes_nothing(lines):
    """What is saved, what came of it, what it used: all as where each line is read by itself."""
    found = read(*lines)
    with patch.object(results_shapes, "TRIES", -1):
        assert found == read(*lines)
    assert [one.line for one in found] == [plainly(line) for line in lines]


@given(
    st.lists(
        st.floats(allow_nan=False, allow_infinity=False)
        | st.integers()
        | st.floats(width=32, allow_nan=False, allow_infinity=False).map(lambda one: float(f"{one:.8g}"))
    ),
    st.sampled_from([repr, "{:.7f}".format, "{:.9g}".format, "{:.3e}".format]),
)
def test_numbers_are_saved_as_they_always_were(numbers, spell):
    values = ",".join(map(spell, numbers))
    lines = [b'{"response":{"embedding":{"values":[%s]}},"key":"k"}\n' % one.encode() for one in ("1", values)]
    assert [one.line for one in read(*lines)] == list(map(plainly, lines))


def alike(number, *, text="yes", count=5):
    usage = {"promptTokenCount": count, "candidatesTokenCount": number}
    candidate = {"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}
    return {
        "response": {"candidates": [candidate], "usageMetadata": usage, "responseId": f"r{number}"},
        "key": str(number),
    }


def test_a_line_of_a_known_form_is_not_read_as_json():
    lines = [
        json.dumps(alike(number, text=f"{number} ü\n/"), ensure_ascii=False).encode() + b"\n" for number in range(9)
    ]
    expected = read(*lines)
    with patch.object(Source, "_slowly", autospec=True, side_effect=Source._slowly) as slowly:
        assert read(*lines) == expected
    assert slowly.call_count == 2, "the first, and once more with marks"


def test_a_file_whose_lines_all_differ_is_not_learned_for_good():
    lines = [json.dumps({**alike(number), str(number): 0}).encode() + b"\n" for number in range(2000)]
    with patch.object(Source, "_slowly", autospec=True, side_effect=Source._slowly) as slowly:
        assert len(read(*lines)) == 2000
    assert slowly.call_count < 2100
