"""CachedContent: the canonical form, the calls, and what is read from replies."""

from __future__ import annotations

import base64
import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.genai import types as official
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from gemctl.core.address import Address
from gemctl.core.call import Answer, Call, Fill, Pages, put
from gemctl.core.digest import sha256
from gemctl.core.kind import SEAM, FileNeed, Files, InDisplayName, Rule
from gemctl.core.lifetime import Renewable
from gemctl.core.mark import Mark, write
from gemctl.core.quantities import Media, Medium, Tokens
from gemctl.core.resource import Attachment, Declared, Lifecycle, Resource, Ttl, Until, value_at
from gemctl.core.source import Path, Positions, Span
from gemctl.kinds import CATALOGUE, api_types
from gemctl.kinds.cached_content import KIND, CachedContentSpec
from gemctl.kinds.parts.token_count import count, count_value
from gemctl.schema.shape import Shape, plain, refusals

MODEL = {"model": "gemini-2.5-flash"}


def declare(spec: dict[str, Any], files: Files | None = None) -> Declared:
    return KIND.declare(CachedContentSpec.model_validate({**MODEL, **spec}), files or {})


def resource(declared: Declared) -> Resource:
    spot = Positions(Span("m.yaml", 1, 1, 1, 1))
    return Resource(Address("CachedContent", "faq"), declared, Lifecycle(), (), {}, {}, spot)


def text(value: str) -> str:
    return sha256(value.encode())


def codes(declared: Declared) -> list[str]:
    return [found.code for _, found in declared.problems]


def test_the_seam() -> None:
    assert CATALOGUE["CachedContent"].name == "CachedContent"
    assert (KIND.seam, KIND.remote.identity, type(KIND.lifetime)) == (SEAM, InDisplayName(), Renewable)
    assert list(CATALOGUE) == [kind.name for kind in CATALOGUE.values()]


def test_kinds_are_found_by_their_names_and_by_what_comes_with_them() -> None:
    for name in (*CATALOGUE, "FileSearchDocument"):
        assert name in CATALOGUE
        assert CATALOGUE[name].name == name
        assert CATALOGUE.get(name) is CATALOGUE[name]
    assert "Nothing" not in CATALOGUE
    assert CATALOGUE.get("Nothing") is None
    assert "FileSearchDocument" not in list(CATALOGUE)
    with pytest.raises(KeyError):
        CATALOGUE["Nothing"]


def test_what_was_written_is_made_once_and_changes_nothing_of_the_spec() -> None:
    given = {**MODEL, "contents": {"parts": [{"text": "x", "thought": True}]}, "ttl": "2h"}
    spec, other = CachedContentSpec.model_validate(given), CachedContentSpec.model_validate(given)
    assert spec.written is spec.written
    assert spec.written == {**given, "model": "models/gemini-2.5-flash", "ttl": timedelta(hours=2)} == plain(other)
    assert spec == other
    assert spec.model_dump() == other.model_dump()


def test_every_managed_field_has_a_rule() -> None:
    fields = {field.alias for field in CachedContentSpec.model_fields.values()}
    assert fields == set(KIND.rules)
    assert {field for field, rule in KIND.rules.items() if rule is Rule.INPUT_ONLY} == {
        "contents", "systemInstruction", "tools", "toolConfig"
    }  # fmt: skip


def test_bare_texts_become_messages() -> None:
    message = {"parts": [{"text": text("hi")}]}
    for spec in ("hi", {"parts": [{"text": "hi"}]}, ["hi"], [{"parts": [{"text": "hi"}]}]):
        assert declare({"contents": spec}).fields == {"model": "models/gemini-2.5-flash", "contents": [message]}
    for instruction in ("hi", {"text": "hi"}, {"parts": [{"text": "hi"}]}):
        assert declare({"systemInstruction": instruction}).fields["systemInstruction"] == message


def test_a_role_is_kept_only_where_it_was_set() -> None:
    fields = declare({"contents": ["a", {"role": "user", "parts": [{"text": "b"}]}]}).fields
    assert [content.get("role") for content in fields["contents"]] == [None, "user"]


def test_a_role_goes_without_saying_where_it_is_the_usual_one() -> None:
    part = {"parts": [{"text": "b"}]}
    declared = declare({"contents": ["a", {"role": "user", **part}, {"role": "model", **part}]})
    assert declared.implied == {("contents", 1, "role")}


def test_files_are_texts() -> None:
    spec = CachedContentSpec.model_validate(
        {
            **MODEL,
            "systemInstruction": {"textFile": "p.md"},
            "contents": [
                "first",
                {
                    "role": "user",
                    "parts": [{"textFile": "a.md"}, {"textFiles": "d/*", "thought": True}, {"text": "last"}],
                },
            ],
        }
    )
    needs = KIND.files(spec)
    assert needs == (
        FileNeed(("systemInstruction", "textFile"), "p.md", count=count),
        FileNeed(("contents", 1, "parts", 0, "textFile"), "a.md", count=count),
        FileNeed(("contents", 1, "parts", 1, "textFiles"), "d/*", many=True, count=count),
    )
    found = {
        needs[0].at: (Attachment(text("p"), 1, path="p.md"),),
        needs[1].at: (Attachment(text("a"), 1, path="a.md"),),
        needs[2].at: (Attachment(text("x"), 1, path="d/x"), Attachment(text("y"), 1, path="d/y")),
    }
    declared = KIND.declare(spec, found)
    assert declared.fields["contents"][1] == {
        "role": "user",
        "parts": [
            {"text": text("a")},
            {"text": text("x"), "thought": True},
            {"text": text("y"), "thought": True},
            {"text": text("last")},
        ],
    }
    assert declared.fills == (
        Fill(("systemInstruction", "parts", 0, "text"), text("p")),
        Fill(("contents", 0, "parts", 0, "text"), text("first")),
        Fill(("contents", 1, "parts", 0, "text"), text("a")),
        Fill(("contents", 1, "parts", 1, "text"), text("x")),
        Fill(("contents", 1, "parts", 2, "text"), text("y")),
        Fill(("contents", 1, "parts", 3, "text"), text("last")),
    )
    assert {fill.digest for fill in declared.fills} == {attachment.digest for attachment in declared.attachments}
    single = CachedContentSpec.model_validate({**MODEL, "contents": {"parts": [{"textFile": "a.md"}]}})
    assert KIND.files(single) == (FileNeed(("contents", "parts", 0, "textFile"), "a.md", count=count),)


PIECES = st.one_of(
    st.fixed_dictionaries({"text": st.text(max_size=3)}),
    st.sampled_from([{"textFile": "a.md"}, {"textFiles": "d/*"}, {"fileRef": {"name": "book"}}]),
    st.just({"inlineData": {"mimeType": "image/png", "data": "aGVsbG8="}}),
    st.just({"functionCall": {"name": "f", "args": {"days": 2.0}}}),
)
SEALED = st.tuples(PIECES, st.sampled_from([{}, {"thought": True}])).map(lambda both: {**both[0], **both[1]})
MESSAGES = st.one_of(
    st.text(max_size=3),
    st.fixed_dictionaries({"parts": st.lists(SEALED, min_size=1, max_size=4)}, optional={"role": st.just("model")}),
)


@given(
    st.one_of(MESSAGES, st.lists(MESSAGES, min_size=1, max_size=3)),
    st.sampled_from([None, "Be brief.", {"textFile": "a.md"}, {"parts": [{"text": "Be"}, {"text": "brief."}]}]),
    st.integers(0, 3),
)
def test_each_part_becomes_what_its_kind_of_data_says(contents: Any, instruction: Any, many: int) -> None:
    """Whatever lies beside it; and what stands in the form is found again in the spec."""
    written = {"contents": contents, **({"systemInstruction": instruction} if instruction is not None else {})}
    spec = CachedContentSpec.model_validate({**MODEL, **written})
    found = {
        need.at: tuple(
            Attachment(text(f"{number}"), 1, path=f"{number}.md") for number in range(many if need.many else 1)
        )
        for need in KIND.files(spec)
    }
    declared = KIND.declare(spec, found)

    def becomes(part: dict[str, Any], at: Path) -> list[tuple[Any, Path]]:
        beside = {"thought": True} if "thought" in part else {}
        match part:
            case {"text": said}:
                return [({"text": text(said), **beside}, (*at, "text"))]
            case {"textFile": _} | {"textFiles": _}:
                field = "textFile" if "textFile" in part else "textFiles"
                return [({"text": one.digest, **beside}, (*at, field)) for one in found[*at, field]]
            case {"fileRef": _}:
                return [({"fileData": {"fileUri": ""}, **beside}, (*at, "fileRef", "name"))]
            case {"inlineData": blob}:
                return [({"inlineData": {**blob, "data": text(blob["data"])}, **beside}, (*at, "inlineData", "data"))]
            case _:
                return [({"functionCall": {"name": "f", "args": {"days": 2}}, **beside}, (*at, "functionCall"))]

    parts_at: list[tuple[list[tuple[Any, Path]], Path]] = []
    messages = contents if isinstance(contents, list) else [contents]
    for index, message in enumerate(messages):
        at: Path = ("contents", index) if isinstance(contents, list) else ("contents",)
        alone = isinstance(message, str)
        pieces = (
            [({"text": message}, at)] if alone else [(p, (*at, "parts", n)) for n, p in enumerate(message["parts"])]
        )
        pieces = [({"text": message}, at)] if alone else pieces
        parts_at.append(([one for piece, place in pieces for one in becomes(piece, place)], ("contents", index)))
    for (wanted, to), shown in zip(parts_at, declared.fields["contents"], strict=True):
        assert shown["parts"] == [part for part, _ in wanted]
        for number, (part, place) in enumerate(wanted):
            (leaf,) = (name for name in part if name != "thought")
            inner = {"text": (), "fileData": ("fileUri",), "inlineData": ("data",), "functionCall": ()}[leaf]
            assert declared.written((*to, "parts", number, leaf, *inner)) == place
    for one in declared.attachments:
        assert value_at(declared.fields, one.at) == one.digest


def test_how_media_are_looked_at_is_sent_as_it_is_written() -> None:
    seen = {"videoMetadata": {"fps": 2, "contentLayers": ["FRAMES"]}, "mediaProcessing": "AGENTIC"}
    seen |= {"mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}, "audioMetadata": {"startOffset": "1s"}}
    seen |= {"documentMetadata": {"startPage": 2, "contentLayers": ["PAGE_TEXT"]}}
    seen |= {"spreadsheetMetadata": {"visibleCells": "A1:D10", "sheetIndex": 1, "contentLayers": ["DATA"]}}
    file = {"fileData": {"fileUri": "https://x/y", "mimeType": "video/mp4"}, **seen}
    response = {"name": "f", "response": {}, "parts": [file]}
    declared = declare({"contents": {"parts": [file, {"functionResponse": response}]}})
    assert declared.fields["contents"][0]["parts"] == [file, {"functionResponse": response}]


@pytest.mark.parametrize("data", ["_-8", "/+8=", " /+\n8= ", "_-8="])
def test_bytes_are_digested_in_their_standard_spelling(data: str) -> None:
    declared = declare({"contents": {"parts": [{"inlineData": {"mimeType": "a/b", "data": data}, "thought": False}]}})
    assert declared.fields["contents"][0]["parts"] == [
        {"thought": False, "inlineData": {"mimeType": "a/b", "data": text("/+8=")}}
    ]
    assert declared.fills == (Fill(("contents", 0, "parts", 0, "inlineData", "data"), text("/+8=")),)
    at = ("contents", 0, "parts", 0, "inlineData", "data")
    assert declared.attachments == (Attachment(text("/+8="), 4, text="/+8=", at=at),)


def test_bytes_in_a_response_of_a_function() -> None:
    blob = {"mimeType": "a/b", "data": "aGk"}
    response = {"name": "f", "response": {"x": 1.0}, "parts": [{"inlineData": blob}, {"fileData": {"fileUri": "u"}}]}
    declared = declare({"contents": ["a", {"parts": [{"text": "b"}, {"functionResponse": response}]}]})
    at = ("contents", 1, "parts", 1, "functionResponse", "parts", 0, "inlineData", "data")
    assert Fill(at, text("aGk=")) in declared.fills
    assert declared.fields["contents"][1]["parts"][1]["functionResponse"] == {
        "name": "f",
        "response": {"x": 1},
        "parts": [{"inlineData": {"mimeType": "a/b", "data": text("aGk=")}}, {"fileData": {"fileUri": "u"}}],
    }


def test_a_text_and_bytes_of_equal_content_stay_apart() -> None:
    data = base64.b64encode(b"hello").decode()
    parts = [{"text": "hello"}, {"inlineData": {"mimeType": "a/b", "data": data}}, {"text": data}]
    declared = declare({"contents": {"parts": parts}})
    by_digest = {attachment.digest: attachment.text for attachment in declared.attachments}
    assert [by_digest[fill.digest] for fill in declared.fills] == ["hello", data, data]


def test_numbers_and_types_have_one_spelling() -> None:
    def tool(parameters: dict[str, Any]) -> Any:
        return declare({"tools": [{"functionDeclarations": [{"name": "f", "parameters": parameters}]}]}).fields["tools"]

    written = tool({"type": "number", "minimum": 1.0, "example": [2.0, 0.5, True]})
    expected = {"type": "NUMBER", "minimum": 1, "example": [2, 0.5, True]}
    assert json.dumps(written) == json.dumps([{"functionDeclarations": [{"name": "f", "parameters": expected}]}])
    assert tool({"type": "NUMBER", "minimum": 1}) == tool({"minimum": 1.0, "type": "number"})


def test_free_objects_are_left_alone() -> None:
    args = {"null": None, "snake_case": [1, "x", {"Deep": None}], "sha256:": ""}
    declared = declare({"contents": {"parts": [{"functionCall": {"name": "f", "args": args}}]}})
    assert declared.fields["contents"][0]["parts"][0]["functionCall"] == {"name": "f", "args": args}


def test_expiry_is_no_part_of_the_form() -> None:
    plain = declare({"contents": "a"})
    assert plain.expiry == Ttl(timedelta(hours=1))
    short = declare({"contents": "a", "ttl": "90s"})
    until = declare({"contents": "a", "expireTime": "2027-01-01T01:00:00+01:00"})
    assert short.expiry == Ttl(timedelta(seconds=90))
    assert until.expiry == Until(datetime(2027, 1, 1, tzinfo=UTC))
    assert plain.fields == short.fields == until.fields
    assert codes(declare({"contents": "a", "ttl": "1h", "expireTime": "2027-01-01T00:00:00Z"})) == ["E226"]


def test_the_human_part() -> None:
    assert declare({"contents": "a"}).display_name is None
    declared = declare({"contents": "a", "displayName": "Ä"})
    assert (declared.display_name, declared.fields["displayName"]) == ("Ä", "Ä")
    assert codes(declare({"contents": "a", "displayName": "é" * 85})) == ["W204"]


def test_what_it_keeps() -> None:
    def stored(spec: dict[str, Any], files: Files | None = None) -> Tokens:
        return declare(spec, files).quantities.stored

    assert stored({"contents": "x" * 6}) == Tokens(2, 1, 3)
    assert stored({"contents": ["one", "two"], "systemInstruction": "three"}) == Tokens.about(6)
    tools = [{"functionDeclarations": [{"name": "f"}]}]
    assert stored({"tools": tools}) == Tokens.about(count_value(tools))
    called = {"functionCall": {"name": "f", "args": {"a": 1}}}
    assert stored({"contents": {"role": "model", "parts": [called]}}) == Tokens.about(count_value(called))
    answer = {"functionResponse": {"name": "f", "response": {"a": 1}}}
    assert stored({"contents": {"parts": [answer]}}) == Tokens.about(count_value({"name": "f", "response": {"a": 1}}))
    at = ("contents", "parts", 0, "textFile")
    (need,) = KIND.files(CachedContentSpec.model_validate({**MODEL, "contents": {"parts": [{"textFile": "a.md"}]}}))
    assert need.count is not None and need.count("a b c") == 4
    read = Attachment(text("a b c"), 5, path="a.md", tokens=4)
    assert stored({"contents": {"parts": [{"textFile": "a.md"}]}}, {at: (read,)}) == Tokens.about(4)
    unread = Attachment(text("a b c"), 5, path="a.md")
    assert stored({"contents": {"parts": [{"textFile": "a.md"}]}, "systemInstruction": "a"}, {at: (unread,)}) == Tokens(
        2, 1, None
    )


PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x06\x40\0\0\x03\xe8").decode()


@pytest.mark.parametrize(
    ("part", "media"),
    [
        ({"inlineData": {"mimeType": "image/png", "data": PNG}}, [Media(Medium.IMAGE, pixels=(1600, 1000))]),
        ({"inlineData": {"mimeType": "image/png", "data": "aGk"}}, [Media(Medium.IMAGE)]),
        ({"inlineData": {"mimeType": "Application/PDF", "data": "aGk="}}, [Media(Medium.DOCUMENT)]),
        ({"inlineData": {"mimeType": "audio/mp3", "data": "aGk="}}, [Media(Medium.AUDIO)]),
        ({"inlineData": {"mimeType": "text/plain", "data": "aGk="}}, []),
        ({"inlineData": {"mimeType": "text/plain; charset=latin-1", "data": "/w"}}, [Media(Medium.OTHER)]),
        ({"fileData": {"fileUri": "files/x", "mimeType": "video/mp4"}}, [Media(Medium.VIDEO)]),
        ({"fileData": {"fileUri": "files/x"}}, [Media(Medium.OTHER)]),
        ({"fileRef": {"name": "x", "mimeType": "application/pdf"}}, [Media(Medium.DOCUMENT)]),
        ({"fileRef": {"name": "x"}}, [Media(Medium.OTHER)]),
        (
            {"functionResponse": {"name": "f", "response": {}, "parts": [
                {"inlineData": {"mimeType": "image/png", "data": PNG}}, {"fileData": {"fileUri": "files/x"}}]}},
            [Media(Medium.IMAGE, pixels=(1600, 1000)), Media(Medium.OTHER)],
        ),
    ],
)  # fmt: skip
def test_media_that_it_keeps(part: dict[str, Any], media: list[Media]) -> None:
    assert list(declare({"contents": {"parts": [part]}}).quantities.media) == media
    twice = declare({"contents": [{"parts": [part]}, {"parts": [{"text": "x"}, part]}]}).quantities
    assert list(twice.media) == [replace(one, count=2) for one in media]
    assert twice.stored.high is not None, "what media have is not in it"


def test_bytes_that_are_text_are_counted() -> None:
    part = {"inlineData": {"mimeType": "text/plain", "data": base64.b64encode("drei Wörter hier".encode()).decode()}}
    assert declare({"contents": {"parts": [part]}}).quantities.stored == Tokens.about(count("drei Wörter hier"))


def test_create() -> None:
    spec = {
        "displayName": "shown",
        "systemInstruction": "s",
        "contents": ["a", {"role": "model", "parts": [{"text": "b"}]}],
        "tools": [{"googleSearch": {}}],
        "toolConfig": {"functionCallingConfig": {"mode": "NONE"}},
        "ttl": "1h30m",
    }
    declared = declare(spec)
    before = json.dumps(declared.fields)
    call = KIND.remote.create(resource(declared), MARK, 1)
    assert call == Call(
        "POST",
        "cachedContents",
        body={
            "model": "models/gemini-2.5-flash",
            "displayName": write("shown", MARK),
            "systemInstruction": {"parts": [{"text": text("s")}]},
            "contents": [
                {"role": "user", "parts": [{"text": text("a")}]},
                {"role": "model", "parts": [{"text": text("b")}]},
            ],
            "tools": [{"googleSearch": {}}],
            "toolConfig": {"functionCallingConfig": {"mode": "NONE"}},
            "ttl": "5400s",
        },
        fills=declared.fills,
        repeatable=False,
    )
    assert json.dumps(declared.fields) == before
    body: Any = call.body
    for fill in call.fills:
        body = put(body, fill.at, "filled")
    assert text("a") not in json.dumps(body)
    official.CachedContent.model_validate(
        {key: value for key, value in body.items() if key in ("model", "displayName")}
    )
    until = declare({"contents": "a", "expireTime": "2027-01-01T00:00:00.5Z"})
    body = KIND.remote.create(resource(until), MARK, 1).body
    assert body["expireTime"] == "2027-01-01T00:00:00.500000Z"
    assert "ttl" not in body


def test_the_other_calls() -> None:
    name = "cachedContents/abc-DEF_1"
    assert KIND.remote.collection.listing() == Call(
        "GET", "cachedContents", query=(("pageSize", "1000"),), pages=Pages("cachedContents", 1000)
    )
    assert KIND.remote.get(name) == Call("GET", name)
    assert KIND.lifetime.renew(name) == Call("PATCH", name, body={}, deadline=("expireTime",))
    assert KIND.remote.delete(name) == Call("DELETE", name, answer=Answer.NOTHING)


WRONG_NAMES = [
    *("", "cachedContents/", "cachedContents/../files/x", "cachedContents/a/b", "cachedContents/a?b", "files/a"),
    *("cachedContents/%2e", "cachedContents/a\n", "/cachedContents/a", "cachedContents/" + "a" * 129),
]


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_a_name_that_could_lead_elsewhere_is_never_used(name: str) -> None:
    for call in (
        KIND.remote.get,
        KIND.lifetime.renew,
        KIND.remote.delete,
        lambda name: KIND.remote.read({"name": name}),
    ):
        with pytest.raises(ValueError, match="not the name"):
            call(name)


MARK = Mark("a" * 10, "b" * 13, "c" * 13)
ENTRY = {
    "name": "cachedContents/abc",
    "model": "models/gemini-2.5-flash",
    "createTime": "2026-11-21T09:00:00.123456Z",
    "updateTime": "2026-11-21T10:00:00Z",
    "expireTime": "2026-11-21T11:00:00.123456789Z",
    "displayName": write("Handbook", MARK),
    "usageMetadata": {"totalTokenCount": 1234},
}


def test_reading_a_page() -> None:
    page = {"cachedContents": [ENTRY, {"name": "cachedContents/x", "displayName": "", "new": {}}], "nextPageToken": "t"}
    ours, other = KIND.remote.items(page)
    assert (ours.kind, ours.name, ours.display_name, ours.mark) == (
        "CachedContent",
        "cachedContents/abc",
        "Handbook",
        MARK,
    )
    assert ours.shown_name == ENTRY["displayName"]
    assert ours.fields == {"model": "models/gemini-2.5-flash"}
    assert ours.deadline == datetime(2026, 11, 21, 11, 0, 0, 123456, tzinfo=UTC)
    assert ours.updated == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert ours.outputs == {
        "name": "cachedContents/abc",
        "model": "models/gemini-2.5-flash",
        "displayName": "Handbook",
        "createTime": "2026-11-21T09:00:00.123456Z",
        "expireTime": "2026-11-21T11:00:00.123456Z",
        "totalTokenCount": 1234,
    }
    assert other.outputs == {"name": "cachedContents/x"}
    assert (other.mark, other.deadline, other.tokens) == (None, None, None)
    assert KIND.remote.items({}) == KIND.remote.items({"cachedContents": None}) == ()


def test_nulls_and_texts_for_numbers() -> None:
    item = KIND.remote.read({**dict.fromkeys(ENTRY), "name": "cachedContents/x"})
    assert item.outputs == {"name": "cachedContents/x"}
    assert KIND.remote.read({**ENTRY, "usageMetadata": {"totalTokenCount": "77"}}).tokens == 77
    assert KIND.remote.read({**ENTRY, "usageMetadata": {"totalTokenCount": None}}).tokens is None


@pytest.mark.parametrize(
    "page",
    [
        {"cachedContents": {}},
        {"cachedContents": "x"},
        {"cachedContents": [None]},
        {"cachedContents": ["x"]},
        {"cachedContents": [{}]},
        {"cachedContents": [{**ENTRY, "name": 5}]},
        {"cachedContents": [{**ENTRY, "expireTime": "soon"}]},
        {"cachedContents": [{**ENTRY, "expireTime": 5}]},
        {"cachedContents": [{**ENTRY, "displayName": []}]},
        {"cachedContents": [{**ENTRY, "usageMetadata": {"totalTokenCount": "many"}}]},
    ],
)
def test_pages_of_another_shape(page: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        KIND.remote.items(page)


REPLIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*ENTRY, "cachedContents", "totalTokenCount", "x"]), inner, max_size=5)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*ENTRY, "cachedContents"]), REPLIES))
def test_no_reply_does_harm(reply: dict[str, Any]) -> None:
    for answer in (
        lambda: KIND.remote.items(reply),
        lambda: KIND.remote.read({**ENTRY, **reply}),
        lambda: KIND.remote.read(reply),
    ):
        with contextlib.suppress(KeyError, TypeError, ValueError):
            answer()


# The shapes beside the official types: a name that is wrong here would be wrong on the wire.

OFFICIAL = {
    "PartShape": "Part",
    "WirePartShape": "Part",
    "TextPartShape": "Part",
    "TextContent": "Content",
    "MediaResolution": "PartMediaResolution",
}
OURS = {"textFile", "textFiles", "fileRef"}
SHAPES = [
    shape
    for shape in vars(api_types).values()
    if isinstance(shape, type) and issubclass(shape, Shape) and shape not in (Shape, api_types.FileRef)
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_field_names_are_the_official_ones(shape: type[BaseModel]) -> None:
    other = getattr(official, OFFICIAL.get(shape.__name__, shape.__name__))
    theirs = {field.alias or name for name, field in other.model_fields.items()}
    ours = {field.alias or name for name, field in shape.model_fields.items()} - OURS
    assert ours <= theirs
    refused = {field for field, *_ in refusals(shape.model_json_schema())}
    assert not refused & ours
    for field in shape.model_fields.values():
        assert field.description
        assert field.description.endswith((".", ".}", "}."))


def test_spec_fields_are_the_official_ones() -> None:
    theirs = {field.alias or name for name, field in official.CreateCachedContentConfig.model_fields.items()} | {
        "model"
    }
    assert {field.alias for field in CachedContentSpec.model_fields.values()} <= theirs
