"""BatchJob: the canonical form, the calls, and what is read from replies."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from google.genai import types as official
from hypothesis import given
from hypothesis import strategies as st

from gemctl.core.address import Address
from gemctl.core.call import Answer, Call, Fill, Pages, Reference, put
from gemctl.core.digest import sha256
from gemctl.core.kind import SEAM, FileNeed, Files, InDisplayName, Rule
from gemctl.core.lifetime import Once, Results
from gemctl.core.lines import Lines, Slice
from gemctl.core.live import Phase
from gemctl.core.mark import Mark, write
from gemctl.core.quantities import NO_TOKENS, UNKNOWN_TOKENS, Media, Medium, Quantities, Tier, Tokens
from gemctl.core.resource import NO_EXPECTATION, Attachment, Declared, Expect, Generated, Lifecycle, Pasted, Resource
from gemctl.core.source import Positions, Span
from gemctl.kinds.batch_job import KIND, BatchJobSpec
from gemctl.kinds.parts.lines import Found, LineCheck
from gemctl.kinds.parts.token_count import count

MARK = Mark("a" * 10, "b" * 13, "c" * 13)
TWO = [{"key": "a", "request": {"contents": "x"}}, {"key": "b", "request": {"contents": "y"}}]
INLINE = ("batch", "inputConfig", "requests", "requests")


def text(value: str) -> str:
    return sha256(value.encode())


def declare(files: Files | None = None, **spec: Any) -> Declared:
    return KIND.declare(BatchJobSpec.model_validate({"model": "gemini-2.5-flash", **spec}), files or {})


def resource(declared: Declared) -> Resource:
    spot = Positions(Span("m.yaml", 1, 1, 1, 1))
    return Resource(Address("BatchJob", "nightly"), declared, Lifecycle(), (), {}, {}, spot)


def codes(declared: Declared) -> list[tuple[tuple[str | int, ...], str]]:
    return [(at, found.code) for at, found in declared.problems]


def test_the_seam() -> None:
    assert (KIND.seam, KIND.remote.identity, type(KIND.lifetime)) == (SEAM, InDisplayName(), Once)
    fields = {field.alias for field in BatchJobSpec.model_fields.values()}
    assert fields == set(KIND.rules)
    assert {field for field, rule in KIND.rules.items() if rule is Rule.UNCOMPARED} == {
        "displayName", "priority", "split", "webhookConfig"
    }  # fmt: skip
    assert KIND.remote.patch is None and KIND.once is KIND.lifetime


def test_the_canonical_form_of_requests() -> None:
    declared = declare(requests=TWO)
    assert declared.fields == {
        "model": "models/gemini-2.5-flash",
        "method": "generateContent",
        "requests": [
            {"key": "a", "request": {"contents": [{"parts": [{"text": text("x")}]}]}},
            {"key": "b", "request": {"contents": [{"parts": [{"text": text("y")}]}]}},
        ],
    }
    assert declared.fills == (
        Fill(("requests", 0, "request", "contents", 0, "parts", 0, "text"), text("x")),
        Fill(("requests", 1, "request", "contents", 0, "parts", 0, "text"), text("y")),
    )
    assert declare(requests=TWO, method="generateContent").fields == declared.fields
    assert KIND.lifetime.keys(resource(declared)) == ("a", "b")


LIMITED = {"contents": "one two", "generationConfig": {"maxOutputTokens": 100}}


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        (
            [LIMITED, {**LIMITED, "generationConfig": {"maxOutputTokens": 50.0, "candidateCount": 2}}],
            Quantities(Tokens.exactly(0), Tokens.about(6), Tokens(200, 0, 200), Tokens.about(3)),
        ),
        (
            [LIMITED, {"contents": "one"}],
            Quantities(input=Tokens.about(5), output=UNKNOWN_TOKENS, longest=Tokens.about(3)),
        ),
        (
            [{**LIMITED, "cachedContentRef": {"name": name}} for name in ("b", "a", "b")],
            Quantities(
                input=Tokens.about(9),
                output=Tokens(300, 0, 300),
                longest=Tokens.about(3),
                reused=((Address("CachedContent", "a"), 1), (Address("CachedContent", "b"), 2)),
            ),
        ),
        (
            [{**LIMITED, "cachedContent": "cachedContents/x"}],  # what that one holds nobody knows
            Quantities(input=Tokens(3, 2, None), output=Tokens(100, 0, 100), longest=Tokens(3, 2, None)),
        ),
        (
            [{**LIMITED, "contents": {"parts": [{"text": "one"}, {"fileData": {"fileUri": "files/x"}}]}}],
            Quantities(
                input=Tokens.about(2),
                output=Tokens(100, 0, 100),
                longest=Tokens.about(2),
                media=(Media(Medium.OTHER),),
            ),
        ),
    ],
)
def test_what_requests_use(requests: list[dict[str, Any]], expected: Quantities) -> None:
    entries = [{"key": str(number), "request": request} for number, request in enumerate(requests)]
    used = replace(expected, requests=len(requests), tier=Tier.BATCH)
    assert declare(requests=entries).quantities == used
    lines = [json.dumps(wire(entry)).encode() for entry in entries]
    if not expected.reused:
        assert measured(lines) == used


def wire(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry as it stands in a file of requests."""
    contents = entry["request"]["contents"]
    message = {"parts": [{"text": contents}]} if isinstance(contents, str) else contents
    return {**entry, "request": {**entry["request"], "contents": [message]}}


def measured(lines: list[bytes]) -> Quantities:
    """What the check of a file says that its lines use."""
    return ended(LineCheck("generateContent")(lines, 0))


def ended(found: Found) -> Quantities:
    with pytest.raises(StopIteration) as end:
        next(found)
    value: Quantities = end.value.value.quantities
    return value


def test_what_vectors_use() -> None:
    requests = [{"key": "a", "request": {"content": "one two"}}]
    expected = Quantities(input=Tokens.about(3), longest=Tokens.about(3), requests=1, tier=Tier.BATCH)
    assert declare(requests=requests, method="embedContent").quantities == expected
    line = json.dumps({"key": "a", "request": {"content": {"parts": [{"text": "one two"}]}}}).encode()
    assert ended(LineCheck("embedContent")([line], 0)) == expected


def test_what_a_file_of_requests_uses() -> None:
    used = Quantities(input=Tokens.about(5), requests=7, tier=Tier.BATCH)
    file = Attachment(text("x"), 1, path="a.jsonl", binary=True, lines=Lines(used))
    assert declare({("input", "jsonl"): (file,)}, input={"jsonl": "a.jsonl"}).quantities == used
    unknown = Quantities(
        input=UNKNOWN_TOKENS, output=UNKNOWN_TOKENS, longest=UNKNOWN_TOKENS, requests=None, tier=Tier.BATCH
    )
    assert declare(input={"fileRef": {"name": "a"}}).quantities == unknown


def test_what_is_expected_of_answers() -> None:
    one = replace(resource(declare(requests=TWO)), expect=Expect(output_tokens=400))
    assert one.quantities == replace(one.declared.quantities, output=Tokens.exactly(800))
    assert replace(one, expect=NO_EXPECTATION).quantities == one.declared.quantities
    unknown = replace(one, declared=declare(input={"fileRef": {"name": "a"}}))
    assert unknown.quantities == unknown.declared.quantities
    vectors = declare(requests=[{"key": "a", "request": {"content": "x"}}], method="embedContent")
    assert replace(one, declared=vectors).quantities.output == NO_TOKENS


def test_how_it_is_run_is_no_part_of_what_it_is() -> None:
    hook = {"uris": ["https://example.com/"], "userMetadata": {"a": 1}}
    declared = declare(requests=TWO, displayName="Shown", priority="7", webhookConfig=hook)
    assert declared.fields == declare(requests=TWO).fields
    assert (declared.display_name, declared.extras) == ("Shown", {"priority": 7, "webhookConfig": hook})
    body = KIND.remote.create(resource(declared), MARK, 1).body
    assert body is not None
    assert body["batch"]["displayName"] == write("Shown", MARK)
    assert (body["batch"]["priority"], body["batch"]["webhookConfig"]) == (7, hook)


def test_files_are_texts() -> None:
    requests = [
        {
            "key": "a",
            "request": {
                "systemInstruction": {"textFile": "s.md"},
                "contents": ["t", {"parts": [{"textFiles": "d/*"}]}],
            },
        },
    ]
    spec = BatchJobSpec.model_validate({"model": "m", "requests": requests})
    needs = KIND.files(spec)
    assert needs == (
        FileNeed(("requests", 0, "request", "systemInstruction", "textFile"), "s.md", count=count),
        FileNeed(("requests", 0, "request", "contents", 1, "parts", 0, "textFiles"), "d/*", many=True, count=count),
    )
    files = {
        needs[0].at: (Attachment(text("s"), 1, path="s.md"),),
        needs[1].at: (Attachment(text("x"), 1, path="d/x"), Attachment(text("y"), 1, path="d/y")),
    }
    declared = KIND.declare(spec, files)
    assert declared.fields["requests"][0]["request"] == {
        "systemInstruction": {"parts": [{"text": text("s")}]},
        "contents": [{"parts": [{"text": text("t")}]}, {"parts": [{"text": text("x")}, {"text": text("y")}]}],
    }
    assert {fill.digest for fill in declared.fills} == {attachment.digest for attachment in declared.attachments}


def test_a_file_of_requests() -> None:
    for method in ("generateContent", "embedContent"):
        spec = BatchJobSpec.model_validate({"model": "m", "method": method, "input": {"jsonl": "r.jsonl"}})
        assert KIND.files(spec) == (FileNeed(("input", "jsonl"), "r.jsonl", binary=True, check=LineCheck(method)),)
    file = Attachment(text("r"), 1, "r.jsonl", binary=True)
    declared = declare({("input", "jsonl"): (file,)}, input={"jsonl": "r.jsonl"})
    assert declared.fields["input"] == {"fileName": ""}
    source = {"source": "r.jsonl", "mimeType": "application/jsonl"}
    assert declared.generated == (Generated("File", ".input", source, ("input", "jsonl"), file),)
    assert declared.references == (
        Reference(("input", "fileName"), Address("File", ".input"), "name", ("input", "jsonl")),
    )
    assert declared.attachments == ()
    assert KIND.lifetime.keys(resource(declared)) is None
    generated = KIND.lifetime.rest("./out/x.rest.jsonl")
    assert (generated.kind, generated.suffix, generated.spec["source"]) == ("File", ".rest", "./out/x.rest.jsonl")


def test_what_is_put_under_the_lines() -> None:
    """It goes into the file by a recipe, whose values stand in the job's form too; the job refers to all of it."""
    used = Quantities(input=Tokens.exactly(100), longest=Tokens.exactly(60), requests=4, tier=Tier.BATCH)
    named = (Address("CachedContent", "other"), Address("File", "film"))
    file = Attachment(
        text("r"), 9, "r.jsonl", binary=True, lines=Lines(used, named, ("cachedContents/x",), places=(2, 5, 7))
    )
    under = {
        "cachedContentRef": {"name": "faq"},
        "partsBefore": [{"text": "before"}, {"fileRef": {"name": "book"}}],
        "generationConfig": {"temperature": 1.0},
    }
    declared = declare({("input", "jsonl"): (file,)}, input={"jsonl": "r.jsonl"}, request=under)
    values = {
        "method": "generateContent",
        "before": [{"text": text("before")}, {"fileData": {"fileUri": ""}}],
        "request": {"cachedContent": "", "generationConfig": {"temperature": 1}},
        "cachedContents": {"other": ""},
        "files": {"film": {"fileUri": ""}},
    }
    assert declared.fields["input"] == {"source": text("r"), **values}
    (generated,) = declared.generated
    assert generated.recipe is not None and generated.recipe.fields == values and generated.recipe.kind == "BatchJob"
    assert generated.source is not None and generated.source.digest == text("r")
    faq, other = Address("CachedContent", "faq"), Address("CachedContent", "other")
    book, film, lines = Address("File", "book"), Address("File", "film"), ("input", "jsonl")
    place, written = ("before", 1, "fileData"), ("request", "partsBefore", 1, "fileRef", "name")
    at = ("request", "cachedContent")
    assert set(generated.recipe.references) == {
        Reference(at, faq, "name", ("request", "cachedContentRef", "name"), same=("model",)),
        Reference((*place, "fileUri"), book, "uri", written),
        Reference((*place, "mimeType"), book, "mimeType", written, digested=False),
        Reference(("cachedContents", "other"), other, "name", lines, same=("model",)),
        Reference(("files", "film", "fileUri"), film, "uri", lines),
        Reference(("files", "film", "mimeType"), film, "mimeType", lines, digested=False),
    }
    own, *others = declared.references
    assert own == Reference(("input", "fileName"), Address("File", ".input"), "name", lines, digested=False)
    assert others == [replace(one, at=("input", *one.at), sent=False) for one in generated.recipe.references]
    assert declared.quantities.input == Tokens.exactly(100) + Tokens.about(2).times(4)
    assert declared.quantities.longest == Tokens.exactly(60) + Tokens.about(2)
    assert declared.pasted == (Pasted("cachedContents/x", "cachedContentRef", lines, Span("r.jsonl", 7, 1, 7, 1)),)
    assert {one.span for one in generated.recipe.references if one.written == lines} == {
        Span("r.jsonl", 2, 1, 2, 1),
        Span("r.jsonl", 5, 1, 5, 1),
    }
    call = KIND.remote.create(resource(declared), MARK, 1)
    assert call.body is not None and call.body["batch"]["inputConfig"] == {}
    sent = [one for one in call.references if one.sent]
    assert [one.at for one in sent] == [("batch", "inputConfig", "fileName")]
    assert len(call.references) == len(declared.references) and not call.fills


def test_a_file_in_parts() -> None:
    def slice_(start: int, size: int, line: int) -> Slice:
        used = Quantities(input=Tokens.exactly(size), requests=2, tier=Tier.BATCH)
        return Slice(start, size, line, text(str(start)), used)

    used = Quantities(input=Tokens.exactly(9), requests=4, tier=Tier.BATCH)
    lines = Lines(used, slices=(slice_(0, 5, 1), slice_(5, 4, 3)))
    file = Attachment(text("r"), 9, "r.jsonl", binary=True, lines=lines)
    declared = declare({("input", "jsonl"): (file,)}, input={"jsonl": "r.jsonl"}, split={"requests": 2})
    whole = declare({("input", "jsonl"): (replace(file, lines=Lines(used)),)}, input={"jsonl": "r.jsonl"})
    assert declared.fields == whole.fields and not whole.parts
    assert [one.quantities for one in declared.parts] == [one.quantities for one in lines.slices]
    sources = [generated.source for one in declared.parts for generated in one.generated]
    assert sources == [
        Attachment(text("0"), 5, "r.jsonl", binary=True, part=True),
        Attachment(text("5"), 4, "r.jsonl", binary=True, start=5, part=True),
    ]


def test_more_than_the_service_takes_with_what_is_put_under_each_line() -> None:
    used = Quantities(requests=40_000, tier=Tier.BATCH)
    file = Attachment(text("r"), 9_000_000, "r.jsonl", binary=True, lines=Lines(used))
    under = {"systemInstruction": "x" * 60_000}
    declared = declare({("input", "jsonl"): (file,)}, input={"jsonl": "r.jsonl"}, request=under)
    assert codes(declared) == [(("request",), "E255")]
    ((_, found),) = declared.problems
    assert found.hint is not None and "split: {requests: 33" in found.hint


def test_what_goes_with_a_file_only() -> None:
    assert codes(declare(requests=TWO, split={"requests": 1})) == [(("split",), "E242")]
    assert codes(declare(input={"fileRef": {"name": "a"}}, request={"tools": []})) == [(("request",), "E242")]


def test_references() -> None:
    request = {
        "cachedContentRef": {"name": "faq"},
        "contents": {"parts": [{"text": "x"}, {"fileRef": {"name": "book"}}]},
    }
    declared = declare(requests=[*TWO, {"key": "c", "request": request}])
    at = ("requests", 2, "request")
    assert declared.fields["requests"][2]["request"] == {
        "cachedContent": "",
        "contents": [{"parts": [{"text": text("x")}, {"fileData": {"fileUri": ""}}]}],
    }
    book, faq = Address("File", "book"), Address("CachedContent", "faq")
    place, written = (*at, "contents", 0, "parts", 1), (*at, "contents", "parts", 1, "fileRef", "name")
    assert set(declared.references) == {
        Reference((*at, "cachedContent"), faq, "name", (*at, "cachedContentRef", "name"), same=("model",)),
        Reference((*place, "fileData", "fileUri"), book, "uri", written),
        Reference((*place, "fileData", "mimeType"), book, "mimeType", written, digested=False),
    }
    call = KIND.remote.create(resource(declared), MARK, 1)
    assert {reference.at[:5] for reference in call.references} == {(*INLINE, 2)}
    assert {reference.written for reference in call.references} == {one.written for one in declared.references}
    alone = KIND.lifetime.again(resource(declared), MARK, 2, ["c"])
    assert {reference.at[:5] for reference in alone.references} == {(*INLINE, 0)}
    for reference in (*call.references, *declared.references):
        value: Any = call.body if reference in call.references else declared.fields
        for step in reference.at:
            value = value.get(step, "") if isinstance(value, dict) else value[step]
        assert value == ""
    named = declare(
        requests=[{"key": "a", "request": {"contents": {"parts": [{"fileRef": {"name": "b", "mimeType": "a/b"}}]}}}]
    )
    assert [reference.output for reference in named.references] == ["uri"]
    assert named.fields["requests"][0]["request"]["contents"][0]["parts"] == [
        {"fileData": {"fileUri": "", "mimeType": "a/b"}}
    ]


def test_create() -> None:
    declared = declare(requests=[{"key": "a", "request": {**TWO[0]["request"], "generationConfig": {"topK": 2.0}}}])
    before = json.dumps(declared.fields)
    call = KIND.remote.create(resource(declared), MARK, 1)
    request = {"contents": [{"role": "user", "parts": [{"text": text("x")}]}], "generationConfig": {"topK": 2}}
    source = {"requests": {"requests": [{"request": request, "metadata": {"key": "a"}}]}}
    assert call == Call(
        "POST",
        "models/gemini-2.5-flash:batchGenerateContent",
        body={"batch": {"displayName": write("nightly", MARK), "inputConfig": source}},
        fills=(Fill((*INLINE, 0, "request", "contents", 0, "parts", 0, "text"), text("x")),),
        repeatable=False,
    )
    assert json.dumps(declared.fields) == before
    official.Content.model_validate(request["contents"][0])


def test_create_of_vectors() -> None:
    requests = [{"key": "a", "request": {"content": "x", "taskType": "CLUSTERING"}}]
    call = KIND.remote.create(resource(declare(method="embedContent", requests=requests)), MARK, 1)
    assert call.path == "models/gemini-2.5-flash:asyncBatchEmbedContent"
    body: Any = call.body
    assert body["batch"]["inputConfig"]["requests"]["requests"] == [
        {
            "request": {"content": {"role": "user", "parts": [{"text": text("x")}]}, "taskType": "CLUSTERING"},
            "metadata": {"key": "a"},
        }
    ]
    (fill,) = call.fills
    for step in fill.at:
        body = body[step]
    assert body == text("x")


def test_create_again_sends_what_is_missing() -> None:
    many = [{"key": str(n), "request": {"contents": f"text {n}"}} for n in range(5)]
    one = resource(declare(requests=many))
    call = KIND.lifetime.again(one, MARK, 2, ["3", "1"])
    body: Any = call.body
    sent = body["batch"]["inputConfig"]["requests"]["requests"]
    assert [entry["metadata"]["key"] for entry in sent] == ["1", "3"]
    for fill, key in zip(call.fills, ("1", "3"), strict=True):
        assert fill.digest == text(f"text {key}")
        body = put(body, fill.at, f"text {key}")
    sent = body["batch"]["inputConfig"]["requests"]["requests"]
    assert [entry["request"]["contents"][0]["parts"][0]["text"] for entry in sent] == ["text 1", "text 3"]
    assert KIND.lifetime.again(one, MARK, 2, [entry["key"] for entry in many]) == KIND.remote.create(one, MARK, 1)
    with pytest.raises(ValueError, match="nothing to run"):
        KIND.lifetime.again(one, MARK, 2, ["x"])


def test_create_from_a_file() -> None:
    one = resource(declare(input={"fileRef": {"name": "r"}}))
    call = KIND.remote.create(one, MARK, 1)
    assert call.body == {"batch": {"displayName": write("nightly", MARK), "inputConfig": {"fileName": ""}}}
    assert call.references == (
        Reference(("batch", "inputConfig", "fileName"), Address("File", "r"), "name", ("input", "fileRef", "name")),
    )
    assert KIND.lifetime.again(one, MARK, 2, ["a"]) == call


def test_problems() -> None:
    assert codes(declare()) == [((), "E242")]
    assert codes(declare(requests=TWO, input={"fileRef": {"name": "x"}})) == [(("input",), "E242")]
    assert codes(declare(requests=[*TWO, TWO[0]])) == [(("requests", 2, "key"), "E240")]
    assert codes(declare(requests=TWO, displayName="x" * 85)) == [(("displayName",), "W204")]


@pytest.mark.parametrize(("size", "wrong"), [((20 << 20) - 200, False), (20 << 20, True)])
def test_too_much_for_one_call(size: int, wrong: bool) -> None:
    request = {"contents": {"parts": [{"textFile": "a"}]}}
    at = ("requests", 0, "request", "contents", "parts", 0, "textFile")
    declared = declare(
        {at: (Attachment("sha256:" + "0" * 64, size, path="a"),)}, requests=[{"key": "a", "request": request}]
    )
    assert codes(declared) == ([(("requests",), "E243")] if wrong else [])


def test_the_same_text_many_times_counts_each_time() -> None:
    request = {"contents": {"parts": [{"textFile": "a"}]}}
    requests = [{"key": str(n), "request": request} for n in range(3)]
    files = {
        ("requests", n, "request", "contents", "parts", 0, "textFile"): (Attachment(text("a"), 8 << 20, path="a"),)
        for n in range(3)
    }
    assert codes(declare(files, requests=requests)) == [(("requests",), "E243")]


def test_the_other_calls() -> None:
    name = "batches/abc123"
    assert KIND.remote.collection.listing() == Call(
        "GET", "batches", query=(("pageSize", "20"),), pages=Pages("operations", 20)
    )
    assert KIND.remote.get(name) == Call("GET", name)
    assert KIND.remote.delete(name) == Call("DELETE", name, answer=Answer.NOTHING)
    assert KIND.lifetime.cancel(name) == Call("POST", f"{name}:cancel", body={}, answer=Answer.NOTHING)


@pytest.mark.parametrize(
    "name", ["", "batches/", "batches/../x", "batches/a/b", "batches/a:cancel", "files/a", "batches/a\n"]
)
def test_a_name_that_could_lead_elsewhere_is_never_used(name: str) -> None:
    for call in (
        KIND.remote.get,
        KIND.remote.delete,
        KIND.lifetime.cancel,
        lambda name: KIND.remote.read({"name": name}),
    ):
        with pytest.raises(ValueError, match="not the name"):
            call(name)


NAME = "batches/0123456789abcdefghijklmnopqrstuvwxyz"
METADATA = {
    "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
    "model": "models/gemini-2.5-flash",
    "displayName": write("Nightly", MARK),
    "createTime": "2026-11-21T09:00:00.123456789Z",
    "endTime": "2026-11-21T10:00:00Z",
    "updateTime": "2026-11-21T10:00:01Z",
    "batchStats": {"requestCount": "3", "successfulRequestCount": "2", "failedRequestCount": "1"},
    "state": "BATCH_STATE_SUCCEEDED",
    "name": NAME,
    "output": {"inlinedResponses": {"inlinedResponses": [{"response": {"secret": "answer"}}]}},
}
ENTRY = {"name": NAME, "metadata": METADATA, "done": True, "response": {"secret": "answer"}}


def test_reading_a_page() -> None:
    page = {"operations": [ENTRY, {"name": "batches/new"}], "nextPageToken": "t"}
    ours, bare = KIND.remote.items(page)
    assert (ours.name, ours.display_name, ours.mark, ours.phase) == (NAME, "Nightly", MARK, Phase.READY)
    assert ours.fields == {"model": "models/gemini-2.5-flash"}
    assert ours.outputs == {
        "name": NAME,
        "state": "SUCCEEDED",
        "model": "models/gemini-2.5-flash",
        "displayName": "Nightly",
        "createTime": "2026-11-21T09:00:00.123456Z",
        "endTime": "2026-11-21T10:00:00Z",
        "requestCount": 3,
        "successfulRequestCount": 2,
        "failedRequestCount": 1,
        "resultsInline": True,
    }
    assert ours.updated == datetime(2026, 11, 21, 10, 0, 1, tzinfo=UTC)
    assert ours.deadline == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert "answer" not in repr(ours)
    assert (bare.name, bare.mark, bare.phase, bare.fields, bare.outputs) == (
        "batches/new", None, Phase.WAITING, {}, {"name": "batches/new"}
    )  # fmt: skip
    assert KIND.remote.items({}) == KIND.remote.items({"operations": None}) == ()
    filed = KIND.remote.read({**ENTRY, "metadata": {**METADATA, "output": {"responsesFile": "files/batch-x"}}})
    assert filed.outputs["responsesFile"] == "files/batch-x"
    assert "resultsInline" not in filed.outputs


STATES = [
    ("PENDING", Phase.WAITING), ("RUNNING", Phase.WAITING), ("QUEUED", Phase.WAITING), ("PAUSED", Phase.WAITING),
    ("CANCELLING", Phase.WAITING), ("UNSPECIFIED", Phase.WAITING), ("UNHEARD_OF", Phase.WAITING),
    ("SUCCEEDED", Phase.READY), ("PARTIALLY_SUCCEEDED", Phase.READY),
    ("FAILED", Phase.FAILED), ("CANCELLED", Phase.FAILED), ("EXPIRED", Phase.FAILED),
]  # fmt: skip


@pytest.mark.parametrize("prefix", ["BATCH_STATE_", "JOB_STATE_", ""])
@pytest.mark.parametrize(("state", "phase"), STATES)
def test_states(prefix: str, state: str, phase: Phase) -> None:
    item = KIND.remote.read({"name": NAME, "metadata": {"state": f"{prefix}{state}"}})
    assert (item.phase, item.outputs["state"]) == (phase, state)
    assert item.cause == (state.lower() if phase is Phase.FAILED else None)


@pytest.mark.parametrize(
    ("operation", "phase", "facts"),
    [
        (
            {"done": True, "error": {"code": 13, "message": "vague"}},
            Phase.FAILED,
            {"state": "FAILED", "error": "vague"},
        ),
        ({"done": True, "response": {}}, Phase.READY, {"state": "SUCCEEDED"}),
        ({"done": False}, Phase.WAITING, {}),
        ({"done": "yes"}, Phase.WAITING, {}),
        ({"metadata": None}, Phase.WAITING, {}),
        ({"metadata": {"state": "BATCH_STATE_RUNNING"}, "done": True}, Phase.WAITING, {"state": "RUNNING"}),
        (
            {"metadata": {"state": "BATCH_STATE_EXPIRED"}, "error": {"code": 4, "message": "late"}, "done": True},
            Phase.FAILED,
            {"state": "EXPIRED", "error": "late"},
        ),
    ],
)
def test_an_operation_that_says_little(operation: Any, phase: Phase, facts: Any) -> None:
    item = KIND.remote.read({"name": NAME, **operation})
    assert (item.phase, item.outputs) == (phase, {"name": NAME, **facts})


@pytest.mark.parametrize(
    "page",
    [
        {"operations": {}}, {"operations": ["x"]}, {"operations": [{}]}, {"operations": [{"name": 5}]},
        {"operations": [{**ENTRY, "metadata": []}]}, {"operations": [{**ENTRY, "metadata": {**METADATA, "state": 3}}]},
        {"operations": [{**ENTRY, "metadata": {**METADATA, "createTime": "now"}}]},
        {"operations": [{**ENTRY, "metadata": {**METADATA, "batchStats": {"requestCount": "many"}}}]},
        {"operations": [{**ENTRY, "metadata": {**METADATA, "batchStats": 3}}]},
    ],
)  # fmt: skip
def test_pages_of_another_shape(page: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        KIND.remote.items(page)


ANSWER = {"candidates": [{"content": {"parts": [{"text": "a"}]}}]}
VECTOR = {"embedding": {"values": [0.1]}, "tokenCount": "3"}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"responsesFile": "files/batch-abc"}, Results(file="files/batch-abc")),
        ({"inlinedResponses": {"inlinedResponses": [{"response": ANSWER}]}}, Results(inline=({"response": ANSWER},))),
        ({"inlinedResponses": {}}, Results(inline=())),
        (
            {"inlinedEmbedContentResponses": {"inlinedResponses": [{"response": VECTOR}]}},
            Results(inline=({"response": VECTOR},)),
        ),
        ({}, Results()),
        (None, Results()),
    ],
)
def test_where_the_results_are(output: Any, expected: Results) -> None:
    assert KIND.lifetime.results({"name": NAME, "metadata": {**METADATA, "output": output}}) == expected
    if output:
        assert KIND.lifetime.results({"name": NAME, "done": True, "response": {"@type": "x", **output}}) == expected


@pytest.mark.parametrize(
    "reply",
    [
        [], {"metadata": {"output": []}}, {"metadata": {"output": {"responsesFile": "../x"}}},
        {"metadata": {"output": {"responsesFile": 5}}}, {"metadata": {"output": {"inlinedResponses": []}}},
        {"metadata": {"output": {"inlinedResponses": {"inlinedResponses": {}}}}},
        {"metadata": {"output": {"inlinedResponses": {"inlinedResponses": ["x"]}}}},
    ],
)  # fmt: skip
def test_results_of_another_shape(reply: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        KIND.lifetime.results(reply)


@pytest.mark.parametrize(
    ("given_", "saved"),
    [
        ({"key": "a", "response": ANSWER}, {"key": "a", "response": ANSWER}),
        ({"response": VECTOR, "key": "a"}, {"key": "a", "response": VECTOR}),
        ({"metadata": {"key": "a"}, "response": ANSWER}, {"key": "a", "response": ANSWER}),
        ({"metadata": {"key": "a"}, "error": {"code": 1}}, {"key": "a", "error": {"code": 1}}),
        ({"key": "a", "error": {}, "response": None}, {"key": "a", "error": {}}),
        ({"key": "a", "error": {"code": 3}, "response": ANSWER}, {"key": "a", "error": {"code": 3}}),
        ({"key": "a", "response": {}}, {"key": "a", "response": {}}),
        ({"response": VECTOR}, {"response": VECTOR}),
    ],
)
def test_results_as_they_are_saved(given_: Any, saved: Any) -> None:
    assert KIND.lifetime.result(given_) == saved


def test_nothing_is_an_error_too() -> None:
    assert KIND.lifetime.result({"key": "a"})["error"]["code"] == 2


@pytest.mark.parametrize(
    "line", [{"key": 5}, {"key": "a", "response": "x"}, {"key": "a", "error": 3}, {"metadata": "x"}]
)
def test_lines_of_another_shape(line: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        KIND.lifetime.result(line)


WORDS = [*ENTRY, *METADATA, "operations", "inlinedResponses", "responsesFile", "key", "error", "message"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=6))
def test_no_reply_does_harm(reply: dict[str, Any]) -> None:
    answers = (
        KIND.remote.items,
        KIND.remote.read,
        KIND.lifetime.results,
        KIND.lifetime.result,
        lambda reply: KIND.remote.read({**ENTRY, **reply}),
    )
    for answer in answers:
        with contextlib.suppress(KeyError, TypeError, ValueError):
            answer(reply)


@given(st.permutations(["contents", "systemInstruction", "generationConfig", "labels"]), st.booleans(), st.booleans())
def test_the_form_knows_neither_order_nor_spelling(order: list[str], listed: bool, floats: bool) -> None:
    request = {
        "contents": [{"parts": [{"text": "x"}]}] if listed else "x",
        "systemInstruction": {"parts": [{"text": "s"}]} if listed else {"text": "s"},
        "generationConfig": {"topK": 3.0 if floats else 3, "temperature": 1.0 if floats else 1},
        "labels": {"a": "b"},
    }
    plain = declare(requests=[{"key": "a", "request": request}]).fields
    shuffled = declare(
        requests=[{"request": {name: request[name] for name in order}, "key": "a"}], model="models/gemini-2.5-flash"
    )
    assert resource(declare(requests=[{"key": "a", "request": request}])).spec_tag == resource(shuffled).spec_tag
    assert plain == shuffled.fields
    assert json.dumps(plain, sort_keys=True) == json.dumps(
        declare(
            requests=[
                {
                    "key": "a",
                    "request": {**request, "contents": ["x"], "generationConfig": {"topK": 3, "temperature": 1}},
                }
            ]
        ).fields,
        sort_keys=True,
    )
