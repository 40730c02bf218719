"""What is kept of results on their way: the best for each key, byte for byte as before, in little memory."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from hypothesis import example, given
from hypothesis import strategies as st

from gemctl.core.json_text import to_bytes
from gemctl.core.resource import TokenUsage
from gemctl.kinds import CATALOGUE
from gemctl.outputs import results_source
from gemctl.outputs.results_keys import Keys, key_digest
from gemctl.outputs.results_source import Source
from gemctl.outputs.results_spool import Came, Spool, line_of

KIND = CATALOGUE["BatchJob"]
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
    with tempfile.TemporaryDirectory() as folder, Spool(Path(folder), Path(folder), runs.usage, runs.answered) as spool:
        for one in came:
            spool.add(one)
        for one in earlier:
            spool.add_earlier(one, line_of(one))
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
    with tempfile.TemporaryDirectory() as folder, Spool(Path(folder), Path(folder), None) as spool:
        for number in came:
            spool.add({"key": str(number), "response": {"text": "é" * number * 300}})
        keys = [json.loads(line)["key"] for line, _ in spool.lines(spool.order(map(str, asked)))]
        assert keys == [str(number) for number in asked]


# Lines are saved as they always were


def plainly(line):
    """What is saved of a line, done in the plainest way: each number is looked at."""

    def finite(text):
        if math.isinf(float(text)):
            raise ValueError(text)
        return float(text)

    def none(name):
        raise ValueError(name)

    try:
        value = json.loads(line.decode("utf-8", "surrogatepass"), parse_constant=none, parse_float=finite)
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
    """Gives a file of results with this line."""

    def __init__(self, line):
        self.line = line

    def fetch(self, call):
        return SimpleNamespace(body={"name": "batches/x", "metadata": {"output": {"responsesFile": "files/x"}}})

    def download(self, name):
        yield self.line


@given(lines(), st.sampled_from([0, 1 << 11]))
@example(b'{"response":{"a":-0},"key":"k"}\n', 0)
@example(b'{"response":{"a":1,"a":2},"key":"k"}\n', 0)
@example(b'{"response":{},"response":{"a":2},"key":"k"}\n', 0)
@example(b'{"response":{"a":[0.1,-0.5,1.0,0.0,-0.0,0.00012,1e-05,1.5e-10,0.00001,1e5,12.50]},"key":"k"}\n', 0)
@example(b'{"key":"k","response":{"a":"\xed\xa0\x80"}}\n', 0)
@example(b'{"key":"k","response":{"a":"\\u0041\\/"}}\n', 0)
@example('{"response":{"a":"é \\":\\\\"},"key":"ü\\n"}\n'.encode(), 0)
def test_a_line_is_saved_as_it_always_was(line, long):
    """Whether it is encoded again, or kept as it came."""
    try:
        expected = plainly(line)
    except (TypeError, ValueError, KeyError, AttributeError):
        return  # of another shape: those are kept as text
    with patch.object(results_source, "_LONG", long):
        ((_, saved),) = Source(Service(line), KIND, "batches/x").read(None)
    assert saved == expected


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
    line = b'{"response":{"embedding":{"values":[%s]}},"key":"k"}\n' % values.encode()
    with patch.object(results_source, "_LONG", 0):
        ((_, saved),) = Source(Service(line), KIND, "batches/x").read(None)
    assert saved == plainly(line)
