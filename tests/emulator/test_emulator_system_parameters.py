"""What is the same for all methods: fields, indentation, compression, ranges, the method that is meant."""

import gzip
import json

import pytest

from gemctl.emulator import encodings, partial
from gemctl.emulator.wire import Refusal

MODEL = "models/gemini-2.5-flash"


@pytest.mark.parametrize(
    ("mask", "left"),
    [
        ("a", {"a": [{"b": 1, "cD": {"e": 2, "f": 3}}, {"b": 4}]}),
        ("a/b", {"a": [{"b": 1}, {"b": 4}]}),
        ("a.b", {"a": [{"b": 1}, {"b": 4}]}),
        ("a(b)", {"a": [{"b": 1}, {"b": 4}]}),
        ("a(b,c_d/e), g", {"a": [{"b": 1, "cD": {"e": 2}}, {"b": 4}], "g": "x"}),
        ("a/cD(e)", {"a": [{"cD": {"e": 2}}, {}]}),
        ("a/*/e", {"a": [{"cD": {"e": 2}}, {}]}),
        ("*", {"a": [{"b": 1, "cD": {"e": 2, "f": 3}}, {"b": 4}], "g": "x"}),
        ("a/cD/e,a/cD,a/cD/f", {"a": [{"cD": {"e": 2, "f": 3}}, {}]}),
        ("g/h", {}),
        ("nothing", {}),
    ],
)
def test_what_a_mask_leaves(mask, left):
    value = {"a": [{"b": 1, "cD": {"e": 2, "f": 3}}, {"b": 4}], "g": "x"}
    assert partial.select(value, partial.read(mask, checked=False)) == left


@pytest.mark.parametrize(
    "mask",
    [
        "a,",
        ",a",
        "a/",
        "/a",
        "a(",
        "a)",
        "a()",
        "(a)",
        "a(b",
        "a(b))",
        "a(b)c",
        "a(b)/c",
        "a b",
        "a,,b",
        "a//b",
        "." * 9,
        "(" * 9_999,
        "a(" * 9_999,
        "a/" * 9_999 + "a",
    ],
)
def test_what_is_no_mask(mask):
    with pytest.raises(Refusal) as caught:
        partial.read(mask, checked=False)
    assert (caught.value.code, caught.value.message) == (400, "Request contains an invalid argument.")


def test_partial_answers(caller):
    name = caller.create(displayName="a")["name"]
    caller.create(displayName="b")
    assert caller.json("GET", name, query={"fields": "displayName"}) == {"displayName": "a"}
    listed = caller.json("GET", "cachedContents", query={"$fields": "cachedContents(display_name),nextPageToken"})
    assert listed == {"cachedContents": [{"displayName": "b"}, {"displayName": "a"}]}


def test_a_name_that_no_answer_has_is_refused_before_anything_is_done(caller):
    error = caller.ask("POST", "cachedContents", {"model": MODEL}, query={"fields": "name,usageMetadata/nonsense"})
    assert json.loads(error.body)["error"] == {
        "code": 400,
        "message": "Request contains an invalid argument.",
        "status": "INVALID_ARGUMENT",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [
                    {
                        "field": "name,usageMetadata/nonsense",
                        "description": "Error expanding 'fields' parameter. Cannot find matching fields for path"
                        " 'usageMetadata.nonsense'.",
                    }
                ],
            }
        ],
    }
    assert caller.names() == []


def test_errors_are_shown_whole(caller):
    assert caller.error("GET", "cachedContents/nothing", query={"fields": "name"})[0] == 403


def test_indentation(caller):
    caller.create()
    assert caller.ask("GET", "cachedContents").body.startswith(b'{\n  "cachedContents": [\n    {\n      "name"')
    assert caller.ask("GET", "cachedContents", query={"prettyPrint": "false"}).body.count(b"\n") == 1
    assert caller.ask("GET", "nothing/x/y", query={"$prettyPrint": "false"}).status == 404


@pytest.mark.parametrize("alt", ["json", "media", "sse", ""])
def test_forms_of_answers(caller, alt):
    assert caller.json("GET", "cachedContents", query={"alt": alt}) == {}


@pytest.mark.parametrize(("alt", "status"), [("xml", 400), ("proto", 501)])
def test_a_form_that_there_is_not(caller, alt, status):
    assert caller.error("GET", "cachedContents", query={"$alt": alt})[0] == status


@pytest.mark.parametrize("name", ["quotaUser", "userProject", "$.xgafv", "uploadType", "somethingElse"])
def test_names_that_change_nothing(caller, name):
    assert caller.json("GET", "cachedContents", query={name: "2"}) == {}


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [("gzip", True), ("deflate, gzip;q=0.5", True), ("*", True), ("GZIP", True), ("", False), ("br", False),
     ("gzip;q=0", False), ("*;q=0.0", False), ("gzip;q=0, *", False), ("identity", False)],
)  # fmt: skip
def test_who_takes_gzip(accepted, takes):
    assert encodings.accepts_gzip(accepted) is takes


def test_a_body_that_would_become_too_large_is_not_unpacked_whole():
    bomb = gzip.compress(bytes(50_000_000))
    assert len(encodings.decoded(bomb, "gzip", 1000)) == 1001


@pytest.mark.parametrize(
    ("body", "coding", "code"),
    [
        (b"plain", "gzip", 400),
        (gzip.compress(b"a" * 99)[:-9], "gzip", 400),
        (b"x", "br", 415),
        (b"x", "gzip,gzip", 415),
    ],
)
def test_what_is_no_gzip(body, coding, code):
    with pytest.raises(Refusal) as caught:
        encodings.decoded(body, coding, 1000)
    assert caught.value.code == code
