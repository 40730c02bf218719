"""Whatever is sent, an answer comes: JSON, or the HTML 404, never an exception."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gemctl.emulator.app import App, Request
from gemctl.emulator.messages import CONTENT
from gemctl.emulator.tool_messages import CACHED_CONTENT, GENERATE_REQUEST, TOOL

_NAMES = sorted({name for shape in (CACHED_CONTENT, CONTENT, TOOL, GENERATE_REQUEST) for name in shape._fields})
_KEYS = st.one_of(st.sampled_from([*_NAMES, "text", "parts", "fileData", "inlineData", "data"]), st.text(max_size=5))
_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["models/gemini-2.5-flash", "300s", "-1s", "2027-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59"]),
)  # fmt: skip
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=20
)
_BODIES = st.one_of(
    st.binary(max_size=30),
    _JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(_KEYS, _JSON, max_size=5).map(
        lambda extra: json.dumps(
            {"model": "models/gemini-2.5-flash", "contents": [{"parts": [{"text": "x" * 4096}]}], **extra}
        ).encode()
    ),
)
_PATHS = st.one_of(
    st.text(max_size=20),
    st.builds(
        "{}/{}{}{}".format,
        st.sampled_from(["", "/v1", "/v1beta", "/upload/v1", "/v1alpha", "//v1", "v1"]),
        st.sampled_from(["cachedContents", "models", "models/gemini-2.5-flash", "models/a", "", "files"]),
        st.sampled_from(["", "/", ":", ":countTokens", "/abc", "/%ff%00", "/a:b", "/%"]),
        st.sampled_from(["", "/", "?", "#"]),
    ),
)
_QUERY = st.lists(
    st.tuples(st.sampled_from(["key", "pageSize", "page_token", "pageToken", "updateMask", "x"]), st.text(max_size=8)),
    max_size=3,
)
_METHODS = st.one_of(st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD"]), st.text(max_size=4))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_METHODS, _PATHS, _QUERY, st.dictionaries(st.sampled_from(["x-goog-api-key"]), st.text(max_size=4)), _BODIES)
def test_anything(method, path, query, headers, body):
    app = App()
    response = app.handle(Request(method, path, tuple(query), headers, body))
    assert not app.bugs
    assert "Date" in response.headers
    if response.status == 404 and response.headers["Content-Type"].startswith("text/html"):
        return
    answer = json.loads(response.body)
    if response.status != 200:
        assert answer["error"]["code"] == response.status
        assert 400 <= response.status < 500


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_BODIES)
def test_any_body(body):
    app = App()
    for method, path in [("POST", "cachedContents"), ("POST", "models/gemini-2.5-flash:countTokens")]:
        response = app.handle(Request(method, f"/v1beta/{path}", (), {"x-goog-api-key": "k"}, body))
        assert not app.bugs
        json.loads(response.body)
    # What was made can be read back, whatever it was made of.
    listed = json.loads(app.handle(Request("GET", "/v1/cachedContents", (), {"x-goog-api-key": "k"})).body)
    for cache in listed.get("cachedContents", []):
        assert cache["usageMetadata"]["totalTokenCount"] >= 1024
