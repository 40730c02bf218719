"""Web pages of this machine: what a browser asks for them, and what they may read."""

import httpx
import pytest

from gemctl.emulator.app import App
from gemctl.emulator.server import running
from gemctl.emulator.world import World

PAGE = "http://localhost:3000"
KEY = {"x-goog-api-key": "k"}


@pytest.fixture(scope="module")
def http():
    with running(App(World())) as url, httpx.Client(base_url=url, trust_env=False, verify=False) as client:
        yield client


def preflight(http, path, origin=PAGE, method="POST", **headers):
    asked = {"origin": origin, "access-control-request-method": method, **headers}
    return http.options(path, headers=asked)


@pytest.mark.parametrize("origin", [PAGE, "https://127.0.0.1:8443", "http://[::1]:80"])
def test_a_preflight(http, origin):
    headers = {"access-control-request-headers": "content-type,x-goog-api-key,x-goog-upload-protocol"}
    answer = preflight(http, "/upload/v1beta/files?x=1", origin, **headers)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-headers"] == headers["access-control-request-headers"]
    assert "DELETE" in answer.headers["access-control-allow-methods"]
    assert answer.headers["vary"] == "Origin"


def test_no_preflight_is_in_the_log_or_needs_a_key(http):
    assert preflight(http, "/v1beta/files").status_code == 200
    assert "OPTIONS" not in http.get("/emulator/requests").text


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example"])
def test_other_pages_stay_outside(http, origin):
    answer = preflight(http, "/v1beta/files", origin)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_an_answer_can_be_read(http):
    page = {"origin": PAGE, **KEY}
    listed = http.get("/v1beta/models?pageSize=50", headers=page)
    assert listed.headers["access-control-allow-origin"] == PAGE
    assert listed.headers["vary"] == "Accept-Encoding, Origin"
    start = {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"}
    begun = http.post("/upload/v1beta/files", headers={**page, **start}, json={})
    readable = {name.strip().lower() for name in begun.headers["access-control-expose-headers"].split(",")}
    assert {name for name in begun.headers if name.startswith("x-goog-upload")} < readable
    refused = http.get("/v1beta/files/none", headers=page)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (403, PAGE)


def test_whoever_is_no_page_gets_nothing_of_it(http):
    assert not [name for name in http.get("/v1beta/files", headers=KEY).headers if name.startswith("access-control")]


def test_the_admin_door_is_for_no_page(http):
    assert preflight(http, "/emulator", method="PATCH").status_code == 403
    assert "access-control-allow-origin" not in http.get("/emulator", headers={"origin": PAGE}).headers


def test_a_page_moves_nothing_by_a_request_that_needs_no_preflight(http):
    before = http.get("/emulator").json()
    sent = http.post("/emulator/answers", content='{"text": "of a page"}', headers={"origin": PAGE})
    assert (sent.status_code, http.get("/emulator").json()["knobs"]) == (403, before["knobs"])


def test_options_of_who_is_no_browser(http):
    assert http.options("/v1beta/files", headers={"origin": PAGE}).status_code == 404
