import json
from pathlib import Path

import pytest
from api_world import CANARY, CREATE, DELETE, GET, PATCH, Script, answer, client_for, patient
from hypothesis import given
from hypothesis import strategies as st

from gemctl.api.errors import LONGEST_MESSAGE, Listener, redirect_target
from gemctl.core.errors import ApiError, Refused

CASES = json.loads((Path(__file__).parent / "api_error_cases.json").read_text())
CALLS = {"get": GET, "patch": PATCH, "delete": DELETE, "create": CREATE}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_what_an_answer_means(case):
    body = case["text"].encode() if "text" in case else case.get("body")
    headers = {"content-type": case.get("type", "application/json")}
    wire = Script(lambda _: answer(case["status"], body, headers))
    with pytest.raises(ApiError) as caught:
        client_for(wire).perform(CALLS[case["call"]])
    error = caught.value
    assert type(error).__name__ == case["raises"]
    assert (error.code, error.status) == (case["code"], case["status"])
    assert len(wire.requests) == case.get("requests", 1)
    assert error.missing is case.get("missing", case["status"] in (403, 404))
    if "reason" in case:
        assert error.reason == case["reason"]
    assert [[v.field, v.description] for v in error.violations] == case.get("violations", [])
    for words in case.get("says", ()):
        assert words in str(error)
    for words in case.get("hints", ()):
        assert words in (error.hint or "")
    assert "\n" not in str(error)
    assert str(error).isprintable()


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "x" * 100_000, "status": "y" * 5000}},
        {"error": {"message": CANARY * 3000}},
        {"error": {"message": (CANARY + " ") * 300_000}},  # more than is read
        b"<" * 1_000_000,
        b"<a" * 500_000,
        b"<title>" * 100_000,
        CANARY.encode() * 50_000,
        b" " * 28_000 + CANARY.encode() * 1000,
    ],
    ids=lambda body: str(body)[:24],
)
def test_long_words_are_cut_and_no_key_with_them(body):
    with pytest.raises(Refused) as caught:
        client_for(Script(lambda _: answer(400, body))).perform(GET)
    assert len(str(caught.value)) <= LONGEST_MESSAGE
    assert CANARY[:12] not in str(caught.value)


def test_many_violations_are_cut():
    entries = [{"field": "f" * 9000, "description": CANARY}] * 900
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": entries}]
    with pytest.raises(Refused) as caught:
        client_for(Script(lambda _: answer(400, {"error": {"details": details}}))).perform(GET)
    assert len(repr(caught.value.violations)) < 60_000 or caught.value.violations == ()
    assert CANARY not in repr(caught.value.violations)


@pytest.mark.parametrize(
    ("location", "host"),
    [
        (None, ""),
        ("", ""),
        ("/elsewhere", ""),
        ("https://Other.example/path?key=secret#x", "other.example"),
        ("https://user:secret@other.example:8443/", "other.example"),
        ("//other.example/x", "other.example"),
        ("https://[::1]/", "::1"),
        ("https://[::1", ""),
        ("https://evil\x1b[31m.example/", ""),
        ("https://" + "a" * 300, ""),
    ],
)
def test_redirect_target(location, host):
    assert redirect_target(location) == host


@patient
@given(st.text(max_size=80))
def test_clean_is_printable(text):
    shown = Listener(lambda words: words).clean(text)
    assert shown == "" or shown.isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "message",
                    "code",
                    "status",
                    "details",
                    "@type",
                    "fieldViolations",
                    "links",
                    "violations",
                    "retryDelay",
                    "reason",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@patient
@given(JSON, st.sampled_from(["BadRequest", "Help", "QuotaFailure", "RetryInfo", "ErrorInfo", "LocalizedMessage"]))
def test_no_envelope_breaks_the_listener(value, kind):
    listener = Listener(lambda words: words)
    detail = {**(value if isinstance(value, dict) else {}), "@type": f"type.googleapis.com/google.rpc.{kind}"}
    for body in (
        value,
        {"error": value},
        [{"error": value}],
        {"error": {"details": [detail]}},
        {"error": {"details": value}},
    ):
        listener.hear(json.dumps(body).encode())
