"""Files of requests: what is said about which line."""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemctl.core.address import Address
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.digest import canonical, sha256
from gemctl.core.lines import MOST_LIVE, Lines, Split
from gemctl.core.quantities import Media, Medium, Quantities, Tier, Tokens
from gemctl.emulator.batch_messages import GENERATE_LINE
from gemctl.emulator.scalars import Violation
from gemctl.kinds.parts import cuts as module
from gemctl.kinds.parts.cuts import SHARE
from gemctl.kinds.parts.lines import Found, GenerateLine, LineCheck
from gemctl.kinds.parts.protojson import reader
from gemctl.kinds.parts.tally import MOST_SIZES
from gemctl.kinds.parts.token_count import count, count_value
from gemctl.schema.shape import plain

MESSAGE = {"contents": [{"parts": [{"text": "x"}]}]}


def check_generating(lines: Iterable[bytes]) -> Found:
    return LineCheck("generateContent")(lines, 0)


def check_embedding(lines: Iterable[bytes]) -> Found:
    return LineCheck("embedContent")(lines, 0)


def line(key: Any, request: Any = MESSAGE, **more: Any) -> bytes:
    return json.dumps({"key": key, "request": request, **more}).encode() + b"\n"


def said(*lines: bytes, check: Any = check_generating) -> list[str]:
    """`line code` of all that is said."""
    found = list(check(iter(lines)))
    for _, one in found:
        assert one.span is None or one.span.file == ""
        assert one.detail.endswith((".", "…"))
    return [f"{number} {one.code}" for number, one in found]


RIGHT = [
    MESSAGE,
    {**MESSAGE, "model": "models/gemini-2.5-flash"},
    {"contents": [{"role": "user", "parts": [{"text": ""}, {"inline_data": {"mime_type": "a/b", "data": "aGk="}}]}]},
    {"contents": [{"parts": [{"file_data": {"file_uri": "https://x/y", "mime_type": "a/b"}}]}]},
    {"contents": [{"parts": [{"fileData": {"fileUri": "https://x/y"}, "videoMetadata": {"fps": 1}}]}]},
    {**MESSAGE, "system_instruction": {"role": "system", "parts": [{"text": "x"}]}},
    {**MESSAGE, "generation_config": {"temperature": 1, "top_k": 40.0, "response_modalities": ["Text", "IMAGE"]}},
    {**MESSAGE, "generationConfig": {"responseSchema": {"type": "object", "properties": {"max_items": {}}}}},
    {**MESSAGE, "generationConfig": {"responseSchema": {"type": "array", "minItems": "3", "items": {}}}},
    {**MESSAGE, "generationConfig": {"responseJsonSchema": {"$ref": "#/x", "additionalProperties": False}}},
    {**MESSAGE, "tools": [{"function_declarations": [{"name": "f"}]}, {"google_search": {}}]},
    {**MESSAGE, "cached_content": "cachedContents/abc", "tools": [], "systemInstruction": None},
    {**MESSAGE, "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]},
    {"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a_b": None, "aB": 1}}}]}]},
    {**MESSAGE, "labels": {"a": "b"}, "serviceTier": "flex", "store": True},
]  # fmt: skip


def config(**fields: Any) -> dict[str, Any]:
    return {**MESSAGE, "generationConfig": fields}


def function(parameters: Any, **more: Any) -> dict[str, Any]:
    return {**MESSAGE, "tools": [{"functionDeclarations": [{"name": "f", "parameters": parameters}]}], **more}


def calling(**config: Any) -> dict[str, Any]:
    return {"toolConfig": {"functionCallingConfig": config}}


def call(**fields: Any) -> dict[str, Any]:
    return {"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f", **fields}}]}]}


# What the service reads as one of the above (ProtoJSON).
OTHERWISE_SPELT = [
    config(temperature="0.7", topP="1", topK="40", seed="-3", presencePenalty="-1e0"),
    config(topK=40.0, maxOutputTokens=4e1, seed="4e1", candidateCount="2.0"),
    config(topK=0, stopSequences=[]),
    config(thinkingConfig={"thinkingBudget": "-1", "includeThoughts": True}),
    config(thinkingConfig={"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED", "thinkingBudget": 5}),
    config(mediaResolution=2, responseModalities=[1, "MODALITY_UNSPECIFIED", "audio"]),
    config(mediaResolution="media_resolution_high", responseModalities="TEXT", stopSequences="x"),
    config(responseSchema={"type": 5, "minItems": "3", "items": {"type": "string"}}),
    config(responseSchema={"type": "object", "properties": {"max_items": {}}, "required": "max_items"}),
    config(responseSchema={"type": "STRING", "enum": "a", "any_of": {"type": "STRING"}}),
    config(speech_config={"voice_config": None, "language_code": ""}, logprobs=None),
    {"contents": {"parts": {"text": "x"}}},
    {"contents": [{"parts": {"inlineData": {"mimeType": "a/b", "data": "aGk="}, "mediaResolution": {"level": 3}}}]},
    {"contents": {"parts": [{"text": "x", "media_resolution": {"level": "MEDIA_RESOLUTION_UNSPECIFIED"}}]}},
    {**MESSAGE, "systemInstruction": {"role": "system", "parts": {"text": "x"}}},
    {**MESSAGE, "tools": {"google_search": {}}, "safetySettings": {"category": 7, "threshold": 4}},
    {**MESSAGE, "safetySettings": [{"category": 11, "threshold": "HARM_BLOCK_THRESHOLD_UNSPECIFIED"}]},
    {**MESSAGE, "safetySettings": [{"category": "harm_category_harassment", "threshold": 99}]},
    {**MESSAGE, "tools": [{"computerUse": {"environment": 1, "disabledSafetyPolicies": 3}}]},
    {**MESSAGE, "toolConfig": {"retrievalConfig": {"latLng": {"latitude": "48.2", "longitude": 16}}}},
    function({"type": "object"}, **calling(mode="any", allowedFunctionNames="f")),
    function({"type": "object"}, **calling(mode=2, allowedFunctionNames=["f"])),
    function({"type": "object"}, **calling(mode=0)),
    {**MESSAGE, "store": None, "labels": {}, "cachedContent": None, "generationConfig": None},
    call(args={"partial_args": None, "x": [None]}, id=None),
    {"contents": [{"role": "", "parts": [{"text": ""}]}], "cachedContent": "", "model": ""},
    {**MESSAGE, "tools": [{"functionDeclarations": {"name": "f", "parametersJsonSchema": {"$schema": None}}}]},
]  # fmt: skip


def test_right_requests() -> None:
    for request in (*RIGHT, *OTHERWISE_SPELT):
        assert said(line("a", request)) == [], request


def test_right_vectors() -> None:
    content = {"parts": [{"text": "x"}]}
    for request in (
        {"content": content, "task_type": "CLUSTERING", "outputDimensionality": 64},
        {"content": content, "taskType": "clustering", "outputDimensionality": "64"},
        {"content": {"parts": {"text": "x"}}, "taskType": 5, "outputDimensionality": 0, "title": None},
        {"content": content, "taskType": "TASK_TYPE_UNSPECIFIED", "output_dimensionality": 64.0},
    ):
        assert said(line("a", request), check=check_embedding) == [], request


WRONG: list[tuple[Any, list[str]]] = [
    ({}, ["1 E207"]),
    ("x", ["1 E208"]),
    ({"contents": []}, ["1 E209"]),
    (config(maxOutputTokens=0), ["1 E209"]),
    (config(candidateCount="0"), ["1 E209"]),
    ({"contents": "x"}, ["1 E208"]),
    ({"contents": ["x"]}, ["1 E208"]),
    ({"contents": [{"parts": [{"txt": "x"}]}]}, ["1 E206"]),
    ({"contents": [{"parts": [{}]}]}, ["1 E228"]),
    ({"contents": [{"parts": [{"text": "x", "inlineData": {"mimeType": "a/b", "data": ""}}]}]}, ["1 E228"]),
    ({"contents": [{"parts": [{"text": 1}]}]}, ["1 E208"]),
    ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, ["1 E209"]),
    ({"contents": [{"parts": [{"textFile": "a.md"}]}]}, ["1 E241"]),
    ({"contents": [{"parts": [{"text_files": "*"}]}]}, ["1 E241"]),
    ({"contents": [{"parts": [{"fileRef": {"name": "A"}}]}]}, ["1 E205"]),
    ({**MESSAGE, "cachedContentRef": "a"}, ["1 E208"]),
    ({**MESSAGE, "cachedContentRef": {"name": "a"}, "cached_content": "cachedContents/a"}, ["1 E244"]),
    ({**MESSAGE, "cachedContentRef": {"name": "a"}, "tools": [{"googleSearch": {}}]}, ["1 E244"]),
    ({**MESSAGE, "systemInstruction": "x"}, ["1 E208"]),
    ({**MESSAGE, "cachedContent": "cachedContents/a", "tools": [{"googleSearch": {}}]}, ["1 E244"]),
    ({**MESSAGE, "cached_content": "cachedContents/a", "system_instruction": {"parts": [{"text": "x"}]}}, ["1 E244"]),
    ({**MESSAGE, "cachedContent": "faq"}, ["1 E209"]),
    ({**MESSAGE, "config": {}}, ["1 E206"]),
    ({**MESSAGE, "generationConfig": {"temprature": 1, "audioTimestamp": True}}, ["1 E206", "1 E224"]),
    ({"content": {"parts": [{"text": "x"}]}}, ["1 E206"]),
    # An unknown name is one whatever its value, at any depth; null is nothing where the name is known.
    ({**MESSAGE, "system_instructions": None}, ["1 E206"]),
    (config(routing_config=None, temperature=None), ["1 E206"]),
    (call(partial_args=None), ["1 E206"]),
    (function({"type": "object", "properties": {"a": {"nullabel": None}}}), ["1 E206"]),
    ({"contents": None}, ["1 E207"]),
    ({"contents": [None]}, ["1 E210"]),
    ({**MESSAGE, "labels": {"a": None}}, ["1 E210"]),
    # What protobuf's reader refuses.
    (config(temperature="warm"), ["1 E208"]),
    (config(temperature=" 1"), ["1 E208"]),
    (config(temperature="NaN"), ["1 E208"]),
    (config(temperature=True), ["1 E208"]),
    (config(topK="0x10"), ["1 E208"]),
    (config(topK=1.5), ["1 E208"]),
    (config(topK="1.5"), ["1 E208"]),
    (config(topK=False), ["1 E208"]),
    (config(stopSequences=1), ["1 E208"]),
    (config(mediaResolution="HIGH"), ["1 E209"]),
    (config(mediaResolution=True), ["1 E209"]),
    (config(mediaResolution=2**31), ["1 E209"]),
    ({"contents": {"parts": "x"}}, ["1 E208"]),
    ({**MESSAGE, "systemInstruction": [{"parts": [{"text": "x"}]}]}, ["1 E208"]),
    (config(topK=1, top_k=2), ["1 E130"]),
    (call(args=[]), ["1 E208"]),
    # Numbers are those of their types.
    (config(seed=2**32 - 1), ["1 E209"]),
    (config(seed=-(2**31) - 1), ["1 E209"]),
    (config(maxOutputTokens="99999999999"), ["1 E209"]),
    (config(presencePenalty=1e39), ["1 E209"]),
    (config(responseSchema={"type": "STRING", "maxLength": "9223372036854775808"}), ["1 E209"]),
    (config(temperature=-1), ["1 E209"]),
    # Fields that contradict each other.
    (config(thinkingConfig={"thinkingBudget": 0, "thinkingLevel": "low"}), ["1 E251"]),
    (function({"type": "object", "properties": {"a": {"type": 5}}}), ["1 E250"]),
    ({**MESSAGE, **calling(mode="ANY"), "tools": [{"googleSearch": {}}]}, ["1 E252"]),
    (function({"type": "object"}, **calling(mode="AUTO", allowedFunctionNames=["f"])), ["1 E252"]),
]


def test_wrong_requests() -> None:
    for request, expected in WRONG:
        assert sorted(found for found in said(line("a", request)) if " W" not in found) == expected, request


def test_the_emulator_reads_the_same() -> None:
    """Two houses, written apart: what one refuses of a line's shape, the other does."""
    for request in (*RIGHT, *OTHERWISE_SPELT):
        wrong: list[Violation] = []
        GENERATE_LINE.read(json.loads(line("a", request)), "", wrong)
        assert wrong == [], request
    for request, expected in WRONG:
        if expected == ["1 E208"] or (expected == ["1 E206"] and request != {**MESSAGE, "config": {}}):
            wrong = []
            GENERATE_LINE.read(json.loads(line("a", request)), "", wrong)
            assert wrong, request


PLAIN: dict[str, Any] = {
    "key": "a",
    "request": {
        "systemInstruction": {"parts": [{"text": "x"}]},
        "contents": [{"role": "user", "parts": [{"text": "1"}]},
                     {"parts": [{"fileData": {"fileUri": "https://x/y"}, "mediaResolution": {"numTokens": 5},
                                 "videoMetadata": {"fps": 2.5, "contentLayers": ["FRAMES"]}}]}],
        "generationConfig": {"temperature": 0.5, "topK": 7, "seed": -3, "stopSequences": ["1"],
                             "responseModalities": ["TEXT", "AUDIO"], "thinkingConfig": {"thinkingLevel": "HIGH"},
                             "responseSchema": {"type": "OBJECT", "required": ["max_items"], "properties": {
                                 "max_items": {"type": "ARRAY", "items": {"type": "STRING"}, "maxItems": 9}}}},
        "safetySettings": [{"category": "HARM_CATEGORY_JAILBREAK", "threshold": "OFF"}],
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"maxItems": None, "x_y": [1]}}]}],
    },
}  # fmt: skip
FREE = {"parametersJsonSchema"}
TEXTS = {"text", "stopSequences", "fileUri", "required", "key", "name", "role"}
NUMBERS = {
    "HARM_CATEGORY_JAILBREAK": 12,
    "OFF": 5,
    "HIGH": 4,
    "OBJECT": 6,
    "ARRAY": 5,
    "STRING": 1,
    "TEXT": 1,
    "AUDIO": 3,
}
OF_USERS = {"properties"}


def disguised(value: Any, draw: Any, name: str = "") -> Any:
    """The same value in another spelling that the API reads."""
    match value:
        case dict() if name not in FREE:
            found = {}
            for key, inner in value.items():
                spelt = re.sub(r"([A-Z])", r"_\1", key).lower() if name not in OF_USERS and draw(st.booleans()) else key
                found[spelt] = disguised(inner, draw, "" if name in OF_USERS else key)
            return found
        case [one] if name not in FREE and draw(st.booleans()):
            return disguised(one, draw, name)
        case list() if name not in FREE:
            return [disguised(item, draw, name) for item in value]
        case int() | float() if draw(st.booleans()):
            return str(value)
        case int() if draw(st.booleans()):
            return float(value)
        case str() if name not in TEXTS:
            return draw(st.sampled_from([value, value.lower(), NUMBERS.get(value, value)]))
        case _:
            return value


@given(st.data())
def test_every_spelling_says_the_same(data: st.DataObject) -> None:
    other = disguised(PLAIN, data.draw)
    assert said(json.dumps(other).encode()) == []
    assert plain(GenerateLine.model_validate(reader(GenerateLine)(other))) == PLAIN


def test_what_is_plain_stays_as_it_is() -> None:
    assert reader(GenerateLine)(PLAIN) == PLAIN


def test_the_largest_numbers() -> None:
    assert said(line("a", config(seed=2**31 - 1)), line("b", config(seed=-(2**31)))) == []
    assert said(line("a", config(presencePenalty=3.4e38, responseSchema={"type": "NUMBER", "maximum": 1e308}))) == []


@pytest.mark.parametrize(
    ("request_", "detail"),
    [
        (config(seed=2**32), "request.generationConfig.seed: It must be a whole number of 32 bits, from "
                             "-2,147,483,648 to 2,147,483,647."),
        ({"contents": [{"parts": [{}]}]}, "request.contents[0].parts[0]: The part holds no data."),
        (config(responseSchema={"type": "STRING", "enum": ["a", ""]}),
         "request.generationConfig.responseSchema.enum[1]: A value of the enum is empty."),
        ({**MESSAGE, **calling(mode="ANY")},
         "request.toolConfig.functionCallingConfig: functionCallingConfig is set, and no function is declared."),
    ],
)  # fmt: skip
def test_what_is_wrong_has_its_place_in_the_line(request_: Any, detail: str) -> None:
    ((_, found),) = check_generating([line("a", request_)])
    assert found.detail == detail


# A schema, and what the hint says of it.
WAYS_OUT: list[tuple[Any, str]] = [
    *(({word: x}, "parametersJsonSchema") for word, x in {
        "$schema": "x", "$id": "x", "$defs": {}, "definitions": {}, "const": 1, "if": {}, "exclusiveMinimum": 0,
        "uniqueItems": True, "propertyNames": {}, "patternProperties": {}, "prefixItems": [], "additionalItems": {},
        "unevaluatedProperties": False, "multipleOf": 2, "dependencies": {}, "contentEncoding": "base64",
    }.items()),
    ({"type": "integer", "enum": [1, 2]}, "parametersJsonSchema"),
    ({"type": "integer", "enum": ["1"]}, "parametersJsonSchema"),
    ({"type": "boolean", "enum": [True]}, "parametersJsonSchema"),
    ({"type": ["string", "null"]}, "Write `type: string` and `nullable: true`."),
    ({"type": ["string", "integer"]}, "anyOf"),
]  # fmt: skip


def test_json_schema_in_a_schema_has_a_way_out() -> None:
    for schema, hint in WAYS_OUT:
        ((_, found), *_) = check_generating([line("a", function({"properties": {"a": schema}}))])
        assert hint in f"{found.detail} {found.hint}", schema
        assert "quotes" not in str(found.hint), schema


def test_a_name_of_vertex_in_another_spelling_is_told_from_a_misspelt_one() -> None:
    ((_, found),) = check_generating([line("a", call(partial_args=None))])
    assert (found.code, found.detail.startswith("There is no field partial_args in request.contents[0]")) == (
        "E206",
        True,
    )
    assert found.hint == "This belongs to Vertex AI; the Gemini Developer API doesn't have it."


def test_who_says_that_nothing_is_specified_meant_no_other_value() -> None:
    ((_, found),) = check_generating([line("a", config(mediaResolution="RESOLUTION_UNSPECIFIED"))])
    assert found.hint == "Did you mean MEDIA_RESOLUTION_UNSPECIFIED?"
    ((_, found),) = check_generating([line("a", config(thinkingConfig={"thinkingLevel": "MEDIUM_UNSPECIFIED"}))])
    assert found.hint is None or "UNSPECIFIED" in found.hint


def test_the_path_and_a_suggestion() -> None:
    ((number, found),) = check_generating([line("a"), line("b", {"contents": [{"parts": [{"txt": "x"}]}]})])
    assert (number, found.hint) == (2, "Did you mean text?")
    assert found.detail == "There is no field txt in request.contents[0].parts[0]."
    ((_, found),) = check_generating([line("a", {"contents": [{"parts": [{"text": "x", "my_field": 1}]}]})])
    assert found.detail == "There is no field my_field in request.contents[0].parts[0]."
    for request, meant in (
        ({**MESSAGE, "top_k": 1}, "generationConfig.topK"),
        ({**MESSAGE, "functionCallingConfig": {}}, "toolConfig.functionCallingConfig"),
        ({**MESSAGE, "generation_confg": {}}, "generationConfig"),
    ):
        ((_, found),) = check_generating([line("a", request)])
        assert found.hint == f"Did you mean {meant}?"


def test_an_object_over_several_lines() -> None:
    (_, first), *_ = check_generating(json.dumps({"key": "a", "request": MESSAGE}, indent=1).encode().splitlines(True))
    assert (first.code, first.hint) == ("E130", "Write each object in one line.")


def test_vectors() -> None:
    vector = {"content": {"parts": [{"text": "x"}]}}
    assert said(line("a", {"content": {"parts": [{"text": "x"}, {"text": ""}]}}), check=check_embedding) == ["1 E253"]
    assert said(line("a", {**vector, "tools": []}), check=check_embedding) == ["1 E206"]
    assert said(line("a", MESSAGE), check=check_embedding) == ["1 E206"]
    assert said(line("a", {"content": "x"}), check=check_embedding) == ["1 E208"]


LINES: list[tuple[list[bytes], list[str]]] = [
    ([line("a"), line("b")], []),
    ([line("a"), line("b").rstrip(b"\n")], []),
    ([line("a").replace(b"\n", b"\r\n")], []),
    ([line("a"), b"\n"], []),
    ([line("a"), b"\n", line("b")], ["2 E130"]),
    ([b"\n", line("a")], ["1 E130"]),
    ([line("a"), b"\n", b" \n"], ["2 E130"]),
    ([], ["1 E130"]),
    ([b"\n"], ["1 E130"]),
    ([b""], ["1 E130"]),
    ([b"\xef\xbb\xbf" + line("a"), line("b")], ["1 E130"]),
    (["\ufeff".encode("utf-16-le") + '{"key": "a"}'.encode("utf-16-le")], ["1 E130"]),
    ([line("a"), line("b"), line("a"), line("a")], ["3 E240", "4 E240"]),
    ([line("a", {}), line("a")], ["1 E207"]),
    ([line(1)], ["1 E208"]),
    ([line("")], ["1 E209"]),
    ([line("x" * 257)], ["1 E209"]),
    ([line("x" * 256)], []),
    ([line("a\tb")], ["1 E209"]),
    ([line("\ud800")], ["1 E209"]),
    ([b'{"request": {}}\n'], ["1 E207", "1 E207"]),
    ([line("a", metadata={})], ["1 E206"]),
    ([b'{"custom_id": "a", "body": {}}\n'], ["1 E207", "1 E207", "1 E206", "1 E206"]),
    ([b'{"key": "a", "key": "b"}\n'], ["1 E130"]),
    ([line("a").replace(b'"text": "x"', b'"text": "x", "text": "y"')], ["1 E130"]),
    ([b"[]\n", b'"x"\n', b"1\n", b"null\n"], ["1 E130", "2 E130", "3 E130", "4 E130"]),
    ([b'{"key": "a",}\n'], ["1 E130"]),
    ([line("a").rstrip() + b" x\n"], ["1 E130"]),
    ([b'{"key": NaN}\n'], ["1 E130"]),
    ([b'{"key": -Infinity}\n'], ["1 E130"]),
    ([b'{"key": "a", "request": {"labels": 1e999}}\n', b'{"key": -2e400}'], ["1 E130", "2 E130"]),
    ([b'{"key": ' + b"1" * 5000 + b"}\n"], ["1 E130"]),
    ([b"[" * 100_000], ["1 E130"]),
    ([b"\xff\n"], ["1 E130"]),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), LINES, ids=lambda value: str(value)[:60])
def test_lines(lines: list[bytes], expected: list[str]) -> None:
    assert said(*lines) == expected


BROKEN: list[tuple[bytes, int, str]] = [
    (b'{"key": "a", "request": {"contents": [', 39, "expecting value"),
    (b'{"key": "a", "request": {"contents"', 36, "expecting ':' delimiter"),
    (b'{"key": "a", "request": {"cont', 31, "ends in the text that begins at column 26"),
    ('{"key": "ä'.encode(), 11, "ends in the text that begins at column 9"),
    (b'{"key": "a",', 13, "expecting property name"),  # where a comma is too much, Pythons differ
    ('{"key": "ä", "request": "'.encode() + b"\xc3", 26, "at byte 27"),
]


@pytest.mark.parametrize("end", [b"", b"\n", b" \r\n"])
@pytest.mark.parametrize(("broken", "column", "why"), BROKEN)
def test_where_a_line_breaks(broken: bytes, column: int, why: str, end: bytes) -> None:
    """Cut short, as a download that broke off: at its end, whether a line break follows or not."""
    ((number, found),) = check_generating([line("a"), broken + end])
    assert (number, found.code, found.span and found.span.column) == (2, "E130", column)
    assert why in found.detail


def test_it_stops_reading_where_nobody_asks_for_more() -> None:
    def endless() -> Any:
        while True:
            yield b"x\n"

    found = check_generating(endless())
    assert [next(found)[0] for _ in range(3)] == [1, 2, 3]


NAMES = ["key", "request", "contents", "parts", "text", "role", "generation_config", "temperature", "tools", "x"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=10,
)


@given(st.lists(st.binary(max_size=40) | VALUES.map(lambda value: json.dumps(value).encode()), max_size=5))
def test_it_never_raises(lines: list[bytes]) -> None:
    for check in (check_generating, check_embedding):
        for number, found in check(lines):
            assert 1 <= number <= max(len(lines), 1)
            assert found.span is None or 1 <= found.span.column <= len(lines[number - 1]) + 1


@given(st.permutations(range(5)), st.data())
def test_key_order_and_spelling_say_the_same(order: list[int], data: st.DataObject) -> None:
    """A request is as right, or as wrong, whatever the order of its fields and the spelling of their names."""
    pieces = [
        ("contents", [{"parts": [{"text": "x"}]}]),
        ("systemInstruction", {"parts": [{"text": "x"}]}),
        ("generationConfig", {"maxOutputTokens": data.draw(st.sampled_from([1, 0, "1"]))}),
        ("safetySettings", []),
        ("toolConfig", {}),
    ]
    snake = {"systemInstruction": "system_instruction", "generationConfig": "generation_config"}
    camel = said(line("a", dict(pieces)))
    assert said(line("a", {snake.get(pieces[at][0], pieces[at][0]): pieces[at][1] for at in order})) == camel


# References, and what is put under each line.

PART = {"parts": [{"text": "x"}]}
SEARCH = {"tools": [{"googleSearch": {}}]}
FUNCTION = {"tools": [{"functionDeclarations": [{"name": "f"}]}]}
FORCED = {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}


def found(*lines: bytes, under: Any = None, method: str = "generateContent", split: Split | None = None) -> Lines:
    """What is found in right lines."""
    reading = LineCheck(method, under or {}, split)(iter(lines), sum(map(len, lines)))
    with pytest.raises(StopIteration) as end:
        next(reading)
    result: Lines = end.value.value
    return result


def test_references_in_lines() -> None:
    own = {"cachedContentRef": {"name": "rubric"}}
    requests: list[tuple[Any, list[str], list[str]]] = [
        ({**MESSAGE, **own}, ["CachedContent/rubric"], []),
        ({**MESSAGE, "cached_content_ref": {"name": "rubric"}}, ["CachedContent/rubric"], []),
        ({**MESSAGE, "cached_content": "cachedContents/abc"}, [], ["cachedContents/abc"]),
        ({"contents": [{"parts": [{"fileRef": {"name": "a"}}, {"file_ref": {"name": "b", "mime_type": "a/b"}}]}]},
         ["File/a", "File/b"], []),
        ({"contents": {"parts": [{"fileData": {"fileUri": uri}} for uri in (
            "files/abc", "https://x.test/v1beta/files/def", "https://youtu.be/v/files-1", "https://x.test/files/ghi",
        )]}}, [], ["files/abc", "files/def"]),
    ]  # fmt: skip
    for request, names, live in requests:
        told = found(line("a", request), line("b", request))
        assert ([str(name) for name in told.names], list(told.live)) == (names, live), request
    every = found(*(line(str(number), request) for number, (request, *_) in enumerate(requests)))
    assert [str(name) for name in every.names] == ["CachedContent/rubric", "File/a", "File/b"]
    assert every.live == ("cachedContents/abc", "files/abc", "files/def")
    assert every.places == (1, 4, 4, 3, 5, 5)
    assert (every.line_of(Address("File", "b")), every.line_of("files/def"), every.line_of("files/none")) == (4, 5, 1)
    assert every.quantities.reused == ((Address("CachedContent", "rubric"), 2),)
    vector = {"content": {"parts": [{"fileRef": {"name": "a"}}]}}
    assert found(line("a", vector), method="embedContent").names == (Address("File", "a"),)


def test_not_all_live_names_are_kept() -> None:
    lines = [line(str(at), {**MESSAGE, "cachedContent": f"cachedContents/{at:04}"}) for at in range(MOST_LIVE + 9)]
    assert found(*lines).live == tuple(f"cachedContents/{at:04}" for at in range(MOST_LIVE))


TOGETHER: list[tuple[Any, Any, list[str]]] = [
    # What is put under each line, a line's own fields, and what is wrong with both: the code, and where it points.
    ({"cachedContentRef": {"name": "a"}}, {}, []),
    ({"cachedContentRef": {"name": "a"}}, {"systemInstruction": PART}, ["E244 systemInstruction"]),
    ({"cachedContent": "cachedContents/a"}, {"system_instruction": PART}, ["E244 system_instruction"]),
    ({"cachedContentRef": {"name": "a"}}, SEARCH, ["E244 tools"]),
    ({"cachedContentRef": {"name": "a"}}, {"tools": [], "toolConfig": None}, []),
    ({"cachedContentRef": {"name": "a"}}, {"cachedContent": "cachedContents/b"}, []),
    ({"cachedContent": "cachedContents/a"}, {"cachedContentRef": {"name": "b"}}, []),
    ({"systemInstruction": "x"}, {"cachedContentRef": {"name": "b"}}, ["E244 cachedContentRef"]),
    ({"systemInstruction": {"textFile": "a.md"}}, {"cached_content": "cachedContents/b"}, ["E244 cached_content"]),
    (SEARCH, {"cachedContentRef": {"name": "b"}}, ["E244 cachedContentRef"]),
    (SEARCH, {"cachedContentRef": {"name": "b"}, "tools": []}, []),
    (SEARCH, {"cachedContentRef": {"name": "b"}, "tools": None}, ["E244 cachedContentRef"]),
    (FUNCTION, FORCED, []),
    (SEARCH, FORCED, ["E252 functionCallingConfig"]),
    (FORCED, FUNCTION, []),
    ({**FORCED, **FUNCTION}, SEARCH, ["E252 tools"]),
    ({**FORCED, **FUNCTION}, {}, []),
    ({"generationConfig": {"topK": 1}, "labels": {"a": "b"}, "partsBefore": [{"text": "x"}]}, {"labels": {}}, []),
]  # fmt: skip


@pytest.mark.parametrize(("under", "own", "expected"), TOGETHER)
def test_a_line_and_what_is_put_under_it(under: Any, own: Any, expected: list[str]) -> None:
    for request in ({**MESSAGE, **own}, {**own, **MESSAGE}):
        lines = [line("a", request), line("b", request)]
        told = list(LineCheck("generateContent", under)(lines, 0))
        shown = [f"{one.code} {json.loads(quoted(lines[number - 1], one))}" for number, one in told]
        assert shown == expected * 2


def quoted(line: bytes, one: Diagnostic) -> str:
    """The text that stands where a diagnostic points."""
    assert one.span is not None
    text = line.decode()[one.span.column - 1 :]
    whole = re.match(r'"[^"]*"|[^ ,}\\]]+', text)
    assert whole is not None
    return whole[0]


def test_what_lines_use_with_what_is_put_under_them() -> None:
    rubric = Address("CachedContent", "rubric")
    limits = {"generationConfig": {"maxOutputTokens": 7, "candidateCount": 2}}
    under = {"cachedContentRef": {"name": "rubric"}, **limits, "partsBefore": [{"text": "not counted here"}]}
    used = found(line("a"), line("b", config(maxOutputTokens=5)), under=under).quantities
    assert used == replace(
        found(line("a"), line("b")).quantities, output=Tokens(19, 0, 19), reused=((rubric, 2),), requests=2
    )
    other = found(line("a", {**MESSAGE, "cachedContentRef": {"name": "other"}}), line("b"), under=under).quantities
    assert other.reused == ((Address("CachedContent", "other"), 1), (rubric, 1))
    assert found(line("a"), under={"cachedContent": "cachedContents/x"}).quantities.input.high is None


# Where mistakes are.


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ('{"key": 1, "request": {"contents": [{"parts": [{"text": "x"}]}]}}', "1,"),
        ('{"key": "ä", "request": {"contents": [{"parts": [{"text": "x"}, {"text": 5}]}]}}', "5}"),
        ('{"key":"ä","request":{"contents":[{"parts":[{"txt":"x"}]}]}}', '"txt"'),
        ('{"key": "😀", "request": {"contents": {"parts": {"text": 7}}}}', "7}"),
        ('{"key":"a","request": {"contents": [{"parts": [{"text": "x"}]}], "generation_config":{"top_k":1.5}}}', "1."),
        ('{"key": "a",  "request" : {"generationConfig": {}}}', '"request"'),
        ('{"request": {"contents": [{"parts": [{"text": "x"}]}]}}', '{"request'),
        ('{"key": "a", "request": {"contents": [{"parts": [{"text": "]}\\\\"}, {}]}]}}', "{}]"),
        ('{"key": "a", "request": {"contents": [{"role": "x", "parts": [{"text": "x"}]}]}}', '"x", "parts'),
        ('{"key": "b", "request": {"contents": [{"parts": [{"text": "x"}]}]}}', '"b"'),
    ],
)  # fmt: skip
def test_a_mistake_has_its_column(text: str, at: str) -> None:
    ((number, one),) = check_generating([line("b"), text.encode()])
    assert number == 2
    assert one.span is not None
    assert text[one.span.column - 1 :].startswith(at), text[one.span.column - 1 :]


# Parts.


def cut(lines: list[bytes], split: Split | None, under: Any = None) -> list[tuple[int, int]]:
    """The first line of each part, and how many lines it has; checked to be what stands there."""
    told = found(*lines, split=split, under=under)
    data, firsts = b"".join(lines), []
    for one in told.slices:
        piece = data[one.start : one.start + one.size]
        assert one.digest == sha256(piece)
        assert data[: one.start].count(b"\n") == one.line - 1
        requests = len([line for line in piece.splitlines() if line.strip()])
        assert one.quantities.requests == requests
        firsts.append((one.line, requests))
    assert sum(one.size for one in told.slices) in (0, len(data))
    assert told.quantities == found(*lines, under=under).quantities
    return firsts


TEN = [line(f"k{number}", {"contents": [{"parts": [{"text": "one two three " * 9}]}]}) for number in range(10)]


def test_a_file_is_cut() -> None:
    size, tokens = len(TEN[0]), found(TEN[0]).quantities.input.likely
    assert cut(TEN, None) == cut(TEN, Split()) == cut(TEN, Split(10, 10 * size, 10 * tokens)) == []
    assert cut(TEN, Split(requests=4)) == [(1, 4), (5, 4), (9, 2)]
    assert cut(TEN, Split(bytes=3 * size)) == cut(TEN, Split(bytes=4 * size - 1)) == [(1, 3), (4, 3), (7, 3), (10, 1)]
    assert cut(TEN, Split(tokens=5 * tokens)) == cut(TEN, Split(8, 9 * size, 6 * tokens - 1)) == [(1, 5), (6, 5)]
    assert cut(TEN, Split(tokens=1)) == cut(TEN, Split(bytes=1)) == [(number, 1) for number in range(1, 11)]


def test_the_end_of_a_file_belongs_to_its_last_line() -> None:
    for end in ([b"\n"], [b" \r\n"], [b" "], []):
        assert cut(TEN + end, Split(requests=5)) == [(1, 5), (6, 5)]
    assert cut([*TEN[:-1], TEN[-1].rstrip()], Split(requests=9)) == [(1, 9), (10, 1)]


def test_what_is_put_under_each_line_counts_for_its_bytes_and_tokens() -> None:
    under = {"systemInstruction": {"text": "seven words " * 20}, "partsAfter": [{"text": "and more"}]}
    size, more = len(TEN[0]), len(canonical(under))
    assert cut(TEN, Split(bytes=5 * (size + more)), under) == [(1, 5), (6, 5)]
    tokens = found(TEN[0]).quantities.input.likely + count("seven words " * 20) + count("and more")
    assert cut(TEN, Split(tokens=5 * tokens), under) == [(1, 5), (6, 5)]
    reference = [line(str(number), {"contents": [{"parts": [{"fileRef": {"name": "a"}}]}]}) for number in range(4)]
    assert len(cut(reference, Split(bytes=3 * len(reference[0])))) == 4, "they grow"


def test_no_part_is_larger_than_the_service_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.LARGEST_FILE == 2_000_000_000
    monkeypatch.setattr(module, "LARGEST_FILE", 5 * len(TEN[0]))
    assert cut(TEN, None) == cut(TEN, Split(bytes=1 << 40)) == [(1, 5), (6, 5)]


def test_what_can_t_be_cut_is_not_digested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "sha256", None.__class__)  # has no update
    assert found(*TEN, split=Split(bytes=1 << 30)).slices == ()


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=30),
    st.builds(Split, *[st.none() | st.integers(1, most) for most in (9, 2000, 300)]),
    st.sampled_from([0, 100, 1 << 19]),
)
def test_parts_are_the_file(words: list[int], split: Split, whole: int) -> None:
    lines = [line(str(at), {"contents": [{"parts": [{"text": "word " * many}]}]}) for at, many in enumerate(words)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WHOLE", whole)
        told = found(*lines, split=split)
        cut(lines, split)
    for one in told.slices:
        if one.quantities.requests == 1:
            continue
        assert split.requests is None or (one.quantities.requests or 0) <= split.requests
        assert split.bytes is None or one.size <= split.bytes
        if whole == 1 << 19:
            assert split.tokens is None or one.quantities.input.likely <= split.tokens
            assert sum(one.quantities.input.likely for one in told.slices) == told.quantities.input.likely


# What they use.


def used(lines: list[bytes], check: Any = check_generating) -> Quantities:
    """What right lines use."""
    found = check(iter(lines))
    with pytest.raises(StopIteration) as end:
        next(found)
    result: Quantities = end.value.value.quantities
    return result


def test_all_that_a_line_sends_is_counted() -> None:
    called = {"functionCall": {"name": "f", "args": {"text": "key"}}}
    answer = {"name": "f", "response": {"a": 1}}
    picture = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    more = {
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
    }
    request = {
        "contents": [
            {"role": "user", "parts": [{"text": "one two"}, picture]},
            {"role": "model", "parts": [called]},
            {"parts": [{"functionResponse": answer}, {"fileData": {"fileUri": "files/x"}}]},
        ],
        "systemInstruction": {"parts": [{"text": "be brief"}]},
        "generationConfig": {"maxOutputTokens": 10},
        "labels": {"not": "counted"},
        **more,
    }
    tokens = count("one two") + count("be brief") + sum(map(count_value, [called, answer, *more.values()]))
    assert used([line("a", request), line("b", request)]) == Quantities(
        input=Tokens.about(2 * tokens),
        output=Tokens(20, 0, 20),
        longest=Tokens.about(tokens),
        media=(Media(Medium.IMAGE, count=2), Media(Medium.OTHER, count=2)),
        requests=2,
        tier=Tier.BATCH,
    )


@pytest.mark.parametrize("request_", [*RIGHT, *OTHERWISE_SPELT])
def test_every_right_line_is_measured(request_: Any) -> None:
    assert used([line("a", request_)]).requests == 1


def test_other_spellings_are_the_same() -> None:
    config = {"maxOutputTokens": 7, "candidateCount": 2}
    plain = {**MESSAGE, "generationConfig": config, "cachedContent": "cachedContents/x"}
    spelt = {"max_output_tokens": "7", "candidateCount": 2.0}
    other = {**MESSAGE, "generation_config": spelt, "cached_content": "cachedContents/x"}
    assert used([line("a", plain)]) == used([line("a", other)])
    assert used([line("a", plain)]).input == Tokens(2, 1, None), "what that cache holds nobody knows"


@pytest.mark.parametrize("wrong", [b"\n", b"x", line("a", {"contents": []}), line("a" * 300)])
def test_wrong_lines_are_not_measured(wrong: bytes) -> None:
    found = check_generating(iter([line("b"), wrong, line("c")]))
    with pytest.raises(StopIteration) as end:
        while True:
            next(found)
    assert end.value.value.quantities.requests == 2


SORTS = ["one word after the other ", "12.5,33,1.234,", "国际贸易条款与付款条件", "Договор вступает в силу "]


def test_of_a_long_file_a_part_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of four sorts take turns, in step with the share that is counted, and are of one in the second half."""
    texts = [SORTS[number % 4 if number < 2048 else 3] * (1 + number % 7) * 8 for number in range(4096)]
    lines = [line(f"k{number}", {"contents": [{"parts": [{"text": text}]}]}) for number, text in enumerate(texts)]
    counted: list[int] = []

    def counting(text: str) -> int:
        counted.append(len(text))
        return count(text)

    monkeypatch.setattr(module, "count", counting)
    monkeypatch.setattr(module, "WHOLE", 100_000)
    found, exact = used(lines), [count(text) for text in texts]
    assert 100_000 <= sum(counted) < 100_000 + 2 * sum(map(len, texts)) / SHARE
    assert abs(found.input.likely - sum(exact)) < sum(exact) / 20
    assert max(exact) * 0.9 <= found.longest.likely <= max(exact)
    assert found.requests == len(texts)
    assert used(lines) == found


def test_a_request_that_may_be_long_is_counted_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE", 0)
    monkeypatch.setattr(module, "SHARE", 1 << 20)
    digits = "7" * 200_000
    lines = [line(str(number), {"contents": [{"parts": [{"text": digits}]}]}) for number in range(3)]
    assert used(lines).longest == Tokens.about(count(digits))


def test_without_a_sample_the_others_are_like_those_that_were_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE", 1)
    monkeypatch.setattr(module, "SHARE", 1 << 20)
    lines = [line(str(number), {"contents": [{"parts": [{"text": "one two three"}]}]}) for number in range(10)]
    assert used(lines).input == Tokens.about(10 * count("one two three"))


def test_a_file_with_pictures_of_many_sizes() -> None:
    """Not all of them are told apart, for the sake of memory."""

    def picture(width: int) -> dict[str, Any]:
        data = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, 5)).decode()
        return {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": data}}]}]}

    media = used([line(str(width), picture(width)) for width in range(1, MOST_SIZES + 4)]).media
    assert len(media) == MOST_SIZES + 1
    assert media[-1] == Media(Medium.IMAGE, count=3)
