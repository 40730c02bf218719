import gzip
import json
import tracemalloc
import zlib
from unittest.mock import patch

import pytest
from api_world import patient
from hypothesis import given
from hypothesis import strategies as st

import gemctl.api.body as body_module
from gemctl.api.body import DEEPEST, BadBody, TooLarge, parse, unpack

MIB = 1024 * 1024


def nested(levels, opening="[", closing="]"):
    return (opening * levels + closing * levels).encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{}x", "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b'{"a":1,}', "not JSON"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":Infinity}', "NaN"),
        (b"[-Infinity]", "NaN"),
        (b'{"a":1e999}', "too large"),
        (b'{"a":1,"a":1}', "twice"),
        (b'{"b":{"a":1,"\\u0061":2}}', "twice"),
        (b'{"a":"\xff"}', "UTF-8"),
        ("\ufeff{}".encode(), "not JSON"),
        ('{"a":1}'.encode("utf-16"), "UTF-8"),
        (b'{"a":"\\ud800"}', "half a character"),
        (b'{"\\uDC00":1}', "half a character"),
        (b'{"a":' + b"9" * 5000 + b"}", "absurd"),
        (nested(DEEPEST + 1), "deeper"),
        (nested(200_000), "deeper"),
        (nested(200_000, '{"a":', "}").replace(b":}", b":1}", 1), "deeper"),
        (b"[" * 200_000, "deeper|not JSON"),
        (b'"\n"', "not JSON"),
        (b"\x00", "not JSON"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_refused(data, why):
    with pytest.raises(BadBody, match=why):
        parse(data)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"{}", {}),
        (b' {"a": [1, 2.5, "x", null, true]} ', {"a": [1, 2.5, "x", None, True]}),
        (b'{"a":"\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        (b'{"a":{"a":1},"b":{"a":1}}', {"a": {"a": 1}, "b": {"a": 1}}),
        (b"12345678901234567890123", 12345678901234567890123),
        (nested(DEEPEST)[:DEEPEST] + nested(DEEPEST)[DEEPEST:], ...),
    ],
    ids=lambda value: str(value)[:24],
)
def test_taken(data, value):
    got = parse(data)
    assert value is ... or got == value


def test_values_that_take_far_more_than_their_text_are_not_made():
    """Before anything is made of them. Texts may have as many commas and brackets as they like, numbers may be many."""
    many = 110_000
    for dense in (
        b"[" + b"{}," * many + b"{}]",
        b'{"a":[' + b"[]," * 3 * many + b"[]]}",
        b"[" + b"0," * 7 * many + b"0]",
        b"[" + b'"",' * 7 * many + b'""]',
    ):
        with patch.object(body_module, "_ROOM", body_module._ROOM // 10):
            tracemalloc.start()
            with pytest.raises(TooLarge, match="more values"):
                parse(dense)
            assert tracemalloc.get_traced_memory()[1] < 8 << 20, dense[:20]
            tracemalloc.stop()
            text = json.dumps({"a": dense.decode() + '\\"'}).encode()
            assert parse(text) == {"a": dense.decode() + '\\"'}
            with pytest.raises(BadBody, match="not JSON"):
                parse(text[:-3] + b'\\"' * 1000)
    vectors = b"[" + b"-0.0123456789012," * 200_000 + b"1]"
    with patch.object(body_module, "_ROOM", 0):
        assert len(parse(vectors)) == 200_001


@patient
@given(st.binary(max_size=60))
def test_any_bytes_are_taken_or_refused(data):
    try:
        value = parse(data)
    except BadBody:
        return
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


def pieces(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


@patient
@given(st.binary(max_size=3000), st.integers(1, 700))
def test_gzip_in_any_pieces(data, size):
    assert b"".join(unpack(pieces(gzip.compress(data), size), "gzip", MIB)) == data


def test_encodings():
    assert b"".join(unpack([b"a", b"b"], "", 10)) == b"ab"
    assert b"".join(unpack([b"a", b"b"], " Identity ", 10)) == b"ab"
    assert b"".join(unpack([gzip.compress(b"ab")], "X-GZIP", 10)) == b"ab"
    assert b"".join(unpack([], "gzip", 10)) == b""
    for other in ("br", "deflate", "zstd", "gzip, gzip"):
        with pytest.raises(BadBody, match="wasn't asked for"):
            list(unpack([b"x"], other, 10))


def test_the_cap_counts_what_comes_out():
    assert len(b"".join(unpack([b"x" * 10], "", 10))) == 10
    for chunks, encoding in (([b"x" * 11], ""), ([b"x"] * 11, ""), ([gzip.compress(b"x" * 11)], "gzip")):
        with pytest.raises(TooLarge):
            list(unpack(chunks, encoding, 10))


def test_a_bomb_is_defused_early():
    bomb = gzip.compress(b"\0" * (64 * MIB))
    out = 0
    with pytest.raises(BadBody, match="proportion"):
        for piece in unpack(pieces(bomb, 65536), "gzip", 32 * MIB):
            out += len(piece)
            assert len(piece) <= MIB
    assert out < 16 * MIB


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"no gzip at all", "damaged"),
        (gzip.compress(b"x" * 100, mtime=0)[:-5], "cut off"),
        (gzip.compress(b"x" * 100, mtime=0)[:5], "cut off"),
        (gzip.compress(b"x", mtime=0) + b"more", "follows"),
        (gzip.compress(b"x", mtime=0) + gzip.compress(b"y", mtime=0), "follows"),
        (zlib.compress(b"x"), "damaged"),
    ],
    ids=["none", "tail", "head", "text", "member", "zlib"],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_damaged_gzip(data, why, size):
    with pytest.raises(BadBody, match=why):
        list(unpack(pieces(data, size), "gzip", MIB))


def test_ordinary_json_compresses_within_reason():
    page = json.dumps(
        {"cachedContents": [{"name": f"cachedContents/{n:08x}", "model": "models/m"} for n in range(40_000)]}
    )
    assert b"".join(unpack(pieces(gzip.compress(page.encode()), 4096), "gzip", 32 * MIB)) == page.encode()
