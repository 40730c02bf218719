import gzip
import json
import logging
import subprocess
import sys
import tracemalloc
from contextlib import suppress
from datetime import timedelta
from types import MappingProxyType
from urllib.parse import quote

import pytest
from api_world import (
    BASE,
    CANARY,
    CREATE,
    DELETE,
    GET,
    PATCH,
    START,
    FakeClock,
    Script,
    answer,
    client_for,
    http_date,
    patient,
)
from hypothesis import given
from hypothesis import strategies as st

import gemctl.api.client as client_module
from gemctl import __version__
from gemctl.api._httpx import httpx
from gemctl.api.auth import Key
from gemctl.api.client import Client, Reply
from gemctl.api.client_factory import ClientFactory
from gemctl.api.server_clock import ServerClock
from gemctl.core.call import Call, Pages
from gemctl.core.errors import ApiError, GemctlError, Refused, Temporary, Unknown
from gemctl.core.project import Timing

MIB = 1024 * 1024
TOO_MANY = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow down"}}


def test_the_request():
    wire = Script(answer(200, {"name": "cachedContents/a1"}, {"date": http_date(START + timedelta(hours=1))}))
    body = MappingProxyType({"model": "models/m", "parts": (1, "ü")})
    reply = client_for(wire, deadline=59.2).perform(
        Call("POST", "cachedContents", (("pageSize", "3"), ("q", "a b&c/ü+")), body, repeatable=False)
    )
    assert reply == Reply(200, {"name": "cachedContents/a1"}, START + timedelta(hours=1))
    (request,) = wire.requests
    assert request.method == "POST"
    assert str(request.url) == f"{BASE}/v1beta/cachedContents?pageSize=3&q=a%20b%26c%2F%C3%BC%2B"
    assert request.content == '{"model":"models/m","parts":[1,"ü"]}'.encode()
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers == {
        "host": "api.test",
        "user-agent": f"gemctl/{__version__}",
        "accept": "application/json",
        "accept-encoding": "gzip",
        "content-type": "application/json",
        "x-server-timeout": "60",
        "x-goog-api-key": CANARY,
        "content-length": str(len(request.content)),
    }


def test_without_key_and_with_a_path_in_the_base_url():
    wire = Script(answer())
    clock = FakeClock()
    server_clock = ServerClock(clock)
    Client("http://[::1]:80/x", "v1alpha", None, clock, Timing(), wire, server_clock).perform(
        Call("POST", "a/b:cancel")
    )
    assert str(wire.requests[0].url) == "http://[::1]/x/v1alpha/a/b:cancel"
    assert "x-goog-api-key" not in wire.requests[0].headers
    assert wire.requests[0].headers["content-length"] == "0"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/x",
        "x/",
        "a//b",
        "..",
        "a/../b",
        "a/..",
        "a..b",
        "./a",
        "a/./b",
        ".hidden",
        "a%2fb",
        "a?b",
        "a#b",
        "a b",
        "a\nb",
        "a\\b",
        "a\x00",
        "ü",
        "a:b:c",
        "a:",
        ":x",
        "a;b",
        "a@b",
        "a" * 2000,
        "https://evil.example/",
        "//evil.example",
    ],
)
def test_a_path_that_could_lead_elsewhere_is_never_sent(path):
    wire = Script(answer())
    with pytest.raises(Refused) as caught:
        client_for(wire).perform(Call("DELETE", path))
    assert (caught.value.code, wire.requests) == ("E309", [])
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "call",
    [
        Call("TRACE", "a"),
        Call("get", "a"),
        Call("POST", "a", body={"x": float("nan")}),
        Call("POST", "a", body={"x": object()}),
        Call("POST", "a", body={"x": "\ud800"}),
        Call("GET", "a", query=(("pageToken", "\ud800"),)),
        Call("GET", "a", query=(("pageToken", "x" * 70_000),)),
    ],
)
def test_a_call_that_can_t_be_written_is_never_sent(call):
    wire = Script(answer())
    with pytest.raises(Refused) as caught:
        client_for(wire).perform(call)
    assert (caught.value.code, wire.requests) == ("E309", [])


@pytest.mark.parametrize("version", ["", "v1/../v2", "beta", "v1 ", "v1?", "latest"])
def test_api_versions(version):
    clock = FakeClock()
    with pytest.raises(GemctlError) as caught:
        Client(BASE, version, None, clock, Timing(), Script(answer()), ServerClock(clock))
    assert caught.value.code == "E309"


@pytest.mark.parametrize("call", [GET, PATCH, DELETE])
@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("late"),
        httpx.ReadError("reset"),
        httpx.WriteError("pipe"),
        httpx.RemoteProtocolError("cut"),
        answer(503),
        answer(429, TOO_MANY),
        answer(500),
        answer(408),
    ],
    ids=repr,
)
def test_a_repeatable_call_is_tried_again(call, failure):
    clock = FakeClock()
    wire = Script(failure, failure, answer(200, {"a": 1}))
    assert client_for(wire, clock).perform(call).body == {"a": 1}
    assert len(wire.requests) == 3
    assert sum(clock.slept) == 0.5 + 1.0


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadTimeout("late"),
        httpx.WriteTimeout("late"),
        httpx.ReadError("reset"),
        httpx.WriteError("pipe"),
        httpx.RemoteProtocolError("cut"),
        httpx.LocalProtocolError("?"),
        httpx.DecodingError("?"),
        answer(503),
        answer(429),
        answer(pieces=[b'{"name":', httpx.ReadError("reset")]),
        answer(pieces=[httpx.RemoteProtocolError("cut")]),
        answer(200, b'{"name": "cachedContents/'),
    ],
    ids=repr,
)
def test_a_create_is_never_sent_again_once_bytes_left(failure):
    wire = Script(failure, answer())
    with pytest.raises(Unknown) as caught:
        client_for(wire).perform(CREATE)
    assert (len(wire.requests), caught.value.code) == (1, "E303")


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (answer(429, TOO_MANY), "slow down"),
        (answer(429, {"error": {"code": "resource_exhausted", "message": "later"}}), "later"),
        (answer(429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}), "429 RESOURCE_EXHAUSTED"),
        (answer(429, {"error": {"code": 429, "status": "UNAVAILABLE", "message": "try again"}}), ""),
        (answer(429, b"<html>Too many requests</html>"), ""),
        (answer(503, {"error": {"code": 503, "status": "RESOURCE_EXHAUSTED", "message": "?"}}), ""),
    ],
)
def test_a_create_that_the_service_itself_has_no_room_for_is_told_apart(failure, said):
    """It is sent once, without waiting, whatever kind of quota it is: no answer says which."""
    clock = FakeClock()
    with pytest.raises(Unknown) as caught:
        client_for(Script(failure, answer()), clock).perform(CREATE)
    assert (caught.value.no_room, sum(clock.slept)) == (said, 0)


@pytest.mark.parametrize(
    "failure",
    [httpx.ConnectError("refused"), httpx.ConnectTimeout("late"), httpx.ProxyError("407"), httpx.PoolTimeout("busy")],
)
def test_a_create_that_was_not_sent_is_tried_again(failure):
    assert client_for(Script(failure, failure, answer(200, {"a": 1}))).perform(CREATE).body == {"a": 1}
    wire = Script(failure)
    with pytest.raises(Temporary, match="was not sent") as caught:
        client_for(wire).perform(CREATE)
    assert (len(wire.requests), caught.value.code, caught.value.status) == (6, "E302", 0)


def test_all_attempts_at_a_create_end_within_one_deadline():
    clock = FakeClock()

    def slow_refusal(request):
        clock.pass_(min(4, request.extensions["timeout"]["connect"]))
        raise httpx.ConnectTimeout("late")

    wire = Script(slow_refusal)
    with pytest.raises(Temporary):
        client_for(wire, clock, deadline=20).perform(CREATE)
    assert (len(wire.requests), clock.at - 1000) == (3, 13.5)
    assert all(request.extensions["timeout"]["read"] >= 10 for request in wire.requests)
    with pytest.raises(Temporary):
        client_for(wire, clock, deadline=20).perform(GET)
    assert len(wire.requests) == 9
    assert all(request.extensions["timeout"]["connect"] <= 10 for request in wire.requests)


def test_an_attempt_gets_what_is_left_of_the_budget():
    clock = FakeClock()

    def hang(request):
        clock.pass_(request.extensions["timeout"]["read"])
        raise httpx.ReadTimeout("late")

    wire = Script(hang)
    with pytest.raises(Temporary, match="No answer"):
        client_for(wire, clock, deadline=10).perform(GET)
    assert clock.at - 1000 <= 30.001
    given = [request.extensions["timeout"]["read"] for request in wire.requests]
    assert given == [10, 10, 8.5]
    assert [request.headers["x-server-timeout"] for request in wire.requests] == ["10", "10", "9"]


def test_what_the_service_asks_for_is_honoured():
    details = {"error": {"details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12s"}]}}
    date = {"date": http_date(START + timedelta(days=3))}
    after = http_date(START + timedelta(days=3, seconds=20))
    for failure, waited in (
        (lambda _: answer(429, details), 12.5),
        (lambda _: answer(503, headers={"retry-after": "7"}), 7.5),
        (lambda _: answer(503, details, {"retry-after": "30"}), 30.5),
        (lambda _: answer(503, headers={"retry-after": after, **date}), 20.5),  # by the service's clock, not by ours
        (lambda _: answer(429, headers={"retry-after": "1000000000"}), 60.5),
        (lambda _: answer(429, headers={"retry-after": "-5"}), 0.5),
        (lambda _: answer(429, headers={"retry-after": "whenever"}), 0.5),
    ):
        clock = FakeClock()
        client_for(Script(failure, answer()), clock).perform(GET)
        assert sum(clock.slept) == waited
        assert max(clock.slept) <= 1


def test_retries_are_told():
    told = []
    client_for(Script(answer(429, TOO_MANY), httpx.ReadError("reset"), answer()), tell_retry=told.append).perform(GET)
    assert [(retry.call, retry.attempt, retry.why) for retry in told] == [(GET, 1, "slow down"), (GET, 2, "reset")]
    assert [retry.until - START for retry in told] == [timedelta(seconds=0.5), timedelta(seconds=1.5)]


def test_a_stop_is_honoured_between_attempts_and_within_a_wait():
    clock = FakeClock()
    wire = Script(answer(429, TOO_MANY, {"retry-after": "50"}))
    with pytest.raises(Temporary, match="slow down"):
        client_for(wire, clock, stopping=lambda: sum(clock.slept) >= 3).perform(GET)
    assert (len(wire.requests), sum(clock.slept)) == (1, 3)
    told = []
    with pytest.raises(Temporary):
        client_for(wire, clock, stopping=lambda: True, tell_retry=told.append).perform(GET)
    assert (len(wire.requests), told) == (2, [])


def test_a_dripping_body_ends_with_the_deadline_by_the_injected_clock():
    clock = FakeClock()
    drip = [piece for byte in b'{"a": 1}' * 10 for piece in (1.0, bytes([byte]))]
    with pytest.raises(Unknown, match="took too long"):
        client_for(Script(answer(pieces=drip, clock=clock)), clock, deadline=5).perform(CREATE)
    assert clock.at <= 1006.5
    with pytest.raises(Refused):  # the status has decided; its words may drip as they like
        client_for(Script(answer(400, pieces=drip, clock=clock)), clock, deadline=5).perform(CREATE)


@pytest.mark.parametrize("status", [200, 400, 503])
def test_bodies_are_always_closed(status):
    for pieces in ([b"{}"], [b"{", httpx.ReadError("reset")], [b"x" * MIB] * 40):
        response = answer(status, pieces=pieces)
        with suppress(ApiError):
            client_for(Script(response), stopping=lambda: True).perform(GET)
        assert response.stream.closed


def test_delete_may_answer_with_nothing():
    for response in (answer(204, b""), answer(200, b""), answer(200, {})):
        assert client_for(Script(response)).perform(DELETE).body == {}


@pytest.mark.parametrize(
    "response",
    [
        lambda: answer(pieces=[b"x" * MIB] * 33),
        lambda: answer(headers={"content-length": str(33 * MIB)}, pieces=[AssertionError("must not be read")]),
    ],
)
def test_too_large(response):
    with pytest.raises(Temporary, match="larger than 32 MiB") as caught:
        client_for(Script(response())).perform(GET)
    assert caught.value.code == "E308"
    with pytest.raises(Unknown):
        client_for(Script(response())).perform(CREATE)


def test_gzip():
    zipped = gzip.compress(b'{"a": 1}')
    wire = Script(answer(headers={"content-encoding": "gzip"}, pieces=[zipped[:9], zipped[9:]]))
    assert client_for(wire).perform(GET).body == {"a": 1}
    bomb = gzip.compress(b" " * (16 * MIB))
    with pytest.raises(Temporary, match="proportion"):
        client_for(Script(answer(headers={"content-encoding": "gzip"}, pieces=[bomb]))).perform(GET)
    with pytest.raises(Refused):
        client_for(Script(answer(400, headers={"content-encoding": "gzip"}, pieces=[bomb]))).perform(GET)


def test_any_transport_of_httpx_will_do():
    mock = httpx.MockTransport(lambda request: httpx.Response(200, json={"path": request.url.path}))
    assert client_for(mock).perform(GET).body == {"path": "/v1beta/cachedContents"}


# Lists


def paged(*pages):
    """A service whose list has these pages, by token."""

    def serve(request):
        at = int(request.url.params.get("pageToken", "p0")[1:])
        more = {"nextPageToken": f"p{at + 1}"} if at + 1 < len(pages) else {}
        return answer(200, {**pages[at], **more})

    return Script(serve)


def test_pages():
    wire = paged({"files": [1, 2]}, {}, {"files": []}, {"files": [3]})
    call = Call("GET", "files", (("pageSize", "2"), ("filter", "x")))
    got = list(client_for(wire).pages(call))
    assert [page.get("files") for page in got] == [[1, 2], None, [], [3]]
    assert [str(request.url.query, "ascii") for request in wire.requests] == [
        "pageSize=2&filter=x",
        *(f"pageSize=2&filter=x&pageToken=p{n}" for n in (1, 2, 3)),
    ]


def test_pages_by_other_names():
    """What the call says: the usual names count for nothing there."""
    names = Pages("agents", 4, size="page_size", token="page_token", following="next_page_token")
    pages = iter([{"agents": [1], "next_page_token": "b", "nextPageToken": "wrong"}, {"agents": [2]}])
    wire = Script(lambda _: answer(200, next(pages)))
    got = list(client_for(wire).pages(Call("GET", "agents", (("page_size", "4"),), pages=names)))
    assert [page["agents"] for page in got] == [[1], [2]]
    assert [str(request.url.query, "ascii") for request in wire.requests] == [
        "page_size=4",
        "page_size=4&page_token=b",
    ]


def test_a_large_page_is_made_smaller_by_the_name_that_the_call_says():
    def serve(request):
        large = int(request.url.params["page_size"]) > 2
        return answer(headers={"content-length": str(65 * MIB)}) if large else answer(200, {"agents": [1]})

    wire = Script(serve)
    names = Pages("agents", 8, size="page_size", token="page_token", following="next_page_token")
    call = Call("GET", "agents", (("page_size", "8"),), pages=names)
    assert list(client_for(wire).pages(call)) == [{"agents": [1]}]
    assert [dict(request.url.params) for request in wire.requests] == [{"page_size": n} for n in "842"]


@pytest.mark.parametrize("token", [7, None, "a"])
def test_a_list_by_other_names_has_an_end_too(token):
    names = Pages("agents", 4, "page_size", "page_token", "next_page_token")
    wire = Script(lambda _: answer(200, {"next_page_token": token}))
    with pytest.raises(Temporary) as caught:
        list(client_for(wire).pages(Call("GET", "agents", pages=names)))
    assert caught.value.code == "E306"


@pytest.mark.parametrize("last", [{}, {"nextPageToken": ""}])
def test_the_last_page(last):
    assert list(client_for(Script(answer(200, last))).pages(GET)) == [last]


@pytest.mark.parametrize(
    "pages",
    [
        [{"nextPageToken": "a"}, {"nextPageToken": "a"}],
        [{"nextPageToken": "a"}, {"nextPageToken": "b"}, {"nextPageToken": "a"}],
        [{"nextPageToken": 7}],
        [{"nextPageToken": None}],
        [{"nextPageToken": "x" * 20_000}],
        [{"files": [0] * 600_000, "nextPageToken": "a"}, {"files": [0] * 600_000}],
    ],
)
def test_a_list_without_an_end(pages):
    with pytest.raises(Temporary) as caught:
        list(client_for(Script(*(answer(200, page) for page in pages))).pages(GET))
    assert caught.value.code == "E306"


def test_too_many_pages(monkeypatch):
    assert client_module.MOST_PAGES == 10_000
    monkeypatch.setattr(client_module, "MOST_PAGES", 100)
    numbers = iter(range(10**9))
    wire = Script(lambda _: answer(200, {"nextPageToken": str(next(numbers))}))
    with pytest.raises(Temporary, match="100 pages"):
        list(client_for(wire).pages(GET))
    assert len(wire.requests) == 100


def test_a_list_that_takes_for_ever():
    """Each page in time, and with something new: half an hour is enough, or as long as one page may take."""
    for deadline, minutes in ((60.0, 30), (3600.0, 180)):
        clock, numbers = FakeClock(), iter(range(10**9))

        def serve(_, clock=clock, numbers=numbers, deadline=deadline):
            clock.pass_(deadline - 1)
            return answer(200, {"nextPageToken": str(next(numbers))})

        with pytest.raises(Temporary, match=f"longer than {minutes} minutes") as caught:
            list(client_for(Script(serve), clock, deadline=deadline).pages(GET))
        assert caught.value.code == "E306" and clock.at - 1000 <= 60 * minutes + deadline


def test_a_page_of_too_many_values_is_asked_for_in_smaller_ones():
    dense = b'{"operations": [' + b"{}," * 1_100_000 + b"{}]}"
    wire = Script(answer(200, dense), answer(200, {"operations": [1]}))
    assert list(client_for(wire).pages(Call("GET", "batches", (("pageSize", "40"),)))) == [{"operations": [1]}]
    assert [request.url.params.get("pageSize") for request in wire.requests] == ["40", "20"]


def test_a_list_that_breaks_off_is_an_error():
    pages = client_for(Script(answer(200, {"nextPageToken": "a"}), answer(500))).pages(GET)
    assert next(pages) == {"nextPageToken": "a"}
    with pytest.raises(Temporary):
        next(pages)


@pytest.mark.parametrize(
    ("query", "sizes"), [((("pageSize", "40"),), ["40", "20", "10"]), ((), [None, "50", "25", "12"])]
)
def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(query, sizes):
    def serve(request):
        size = int(request.url.params.get("pageSize", 1000))
        if size > 12 and "pageToken" not in request.url.params:
            return answer(headers={"content-length": str(65 * MIB)})
        return answer(200, {} if "pageToken" in request.url.params else {"nextPageToken": "t"})

    wire = Script(serve)
    assert len(list(client_for(wire).pages(Call("GET", "batches", query)))) == 2
    assert [request.url.params.get("pageSize") for request in wire.requests] == [*sizes, sizes[-1]]


def test_one_item_that_is_large_is_taken_for_all_that():
    """A job with all its results in it; the pages after it are held to what pages may be."""

    def serve(request):
        if "pageToken" in request.url.params:
            return answer(200, {"operations": [2]})
        pieces = [b'{"operations": ["', *[b"x" * MIB] * 65, b'"], "nextPageToken": "t"}']
        return answer(pieces=pieces)

    wire = Script(serve)
    first, second = client_for(wire).pages(Call("GET", "batches", (("pageSize", "3"),)))
    assert (len(first["operations"][0]), second) == (65 * MIB, {"operations": [2]})
    assert [request.url.params.get("pageSize") for request in wire.requests] == ["3", "1", "1", "1"]


def test_one_item_that_is_too_large_is_an_error():
    wire = Script(lambda _: answer(headers={"content-length": str(513 * MIB)}))
    with pytest.raises(Temporary) as caught:
        list(client_for(wire).pages(Call("GET", "batches", (("pageSize", "3"),))))
    assert (caught.value.code, len(wire.requests)) == ("E308", 3)


# Replies that may be large


def test_a_large_reply_is_fetched_and_not_performed():
    def serve(_):
        return answer(pieces=[b'{"a": "', *[b"x" * MIB] * 40, b'"}'])

    assert len(client_for(Script(serve)).fetch(GET).body["a"]) == 40 * MIB
    with pytest.raises(Temporary, match="32 MiB"):
        client_for(Script(serve)).perform(GET)
    with pytest.raises(Temporary, match="512 MiB"):
        client_for(Script(answer(headers={"content-length": str(512 * MIB + 1)}))).fetch(GET)


def test_a_large_reply_takes_three_times_its_size():
    """The documented bound; nothing of it is held twice in one form."""
    texts = [json.dumps({"response": "x" * MIB}).encode() + b"," for _ in range(24)]
    wire = Script(lambda _: answer(pieces=[b'{"a": [', *texts, b"{}]}"]))
    client = client_for(wire)
    tracemalloc.start()
    reply = client.fetch(GET)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(reply.body["a"]) == 25
    assert peak < 3.5 * 24 * MIB


def test_a_large_reply_earns_itself_time():
    clock = FakeClock()
    flow = [b'{"a": "', *(part for _ in range(600) for part in (1.0, b"x" * 64 * 1024)), b'"}']
    assert client_for(Script(answer(pieces=flow, clock=clock)), clock).fetch(GET).body
    assert clock.at == 1600
    dripping = [part for _ in range(600) for part in (1.0, b" ")]
    with pytest.raises(Temporary):
        client_for(Script(lambda _: answer(pieces=dripping, clock=clock)), clock).fetch(GET)


# The rest


def test_a_phone_hands_out_clients_that_share_the_time():
    clock = FakeClock()
    wires = []

    def make():
        wires.append(Script(answer(headers={"date": http_date(START + timedelta(hours=2))})))
        return wires[-1]

    clients = ClientFactory(
        base_url=BASE, api_version="v1beta", key=None, clock=clock, timing=Timing(), make_transport=make
    )
    first, second = clients.client(), clients.client()
    first.perform(GET)
    assert clients.server_clock.now() == START + timedelta(hours=2)
    second.close()
    assert [wire.closed for wire in wires] == [False, True]


def test_the_log_has_no_secrets(caplog):
    caplog.set_level(logging.DEBUG)
    client_for(Script(answer(503), answer(200, {"secret": "s3cret"}))).perform(
        Call("POST", "cachedContents", (("pageToken", "t0ken"),), {"text": "pr0mpt"})
    )
    lines = [record.getMessage() for record in caplog.records if record.name == "gemctl.api"]
    assert lines == ["POST cachedContents: 503 in 0 ms, attempt 1", "POST cachedContents: 200 in 0 ms, attempt 2"]
    for secret in (CANARY, "s3cret", "t0ken", "pr0mpt"):
        assert secret not in caplog.text


def test_importing_the_client_keeps_the_furniture_out():
    furniture = ("click", "rich", "pygments", "asyncio")
    code = f"import sys, gemctl.api.client; print([m for m in {furniture} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "content-encoding", "content-length", "date", "retry-after", "location", "x"]),
    st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=30)
    | st.sampled_from(["application/json", "gzip", "text/html", "5", "-1", "https://[", "https://a/?b", "99999999999"]),
)
BODIES = st.binary(max_size=40) | st.sampled_from(
    [
        b"{}",
        b"[]",
        b'{"error":{}}',
        b'{"a":1',
        gzip.compress(b"{}"),
        b'{"error":{"message":"' + CANARY.encode() + b'"}}',
    ]
)
ENDS = st.sampled_from([None, httpx.ReadError("reset"), httpx.ReadTimeout("late"), httpx.RemoteProtocolError("cut")])


@patient
@given(
    st.integers(100, 999), HEADERS, st.lists(BODIES, max_size=3), ENDS, st.sampled_from([GET, PATCH, DELETE, CREATE])
)
def test_nothing_but_api_errors_comes_out(status, headers, bodies, end, call):
    def serve(_):
        pieces = [*bodies, *([end] if end else [])]
        given = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        response = answer(200, pieces=pieces)
        return httpx.Response(status, headers=given, stream=response.stream)

    wire = Script(serve)
    try:
        reply = client_for(wire).perform(call)
    except ApiError as error:
        assert CANARY not in f"{error!r}{error.hint}{error.reason}{error.violations}"
        assert error.__cause__ is None
        assert error.__context__ is None
        if not call.repeatable:
            assert isinstance(error, Refused if status in (400, 401, 403, 404, 413, 422) else Unknown)
    else:
        assert status in (200, 204)
        assert isinstance(reply.body, dict)
    assert call.repeatable or len(wire.requests) == 1


FORMS = [CANARY, json.dumps(CANARY), CANARY.lower(), quote(CANARY), quote(CANARY, safe="")]


@pytest.mark.parametrize("call", [GET, CREATE])
@pytest.mark.parametrize("form", FORMS)
def test_a_service_that_echoes_the_key_can_t_make_us_tell_it(call, form, caplog):
    caplog.set_level(logging.DEBUG)
    key = Key(CANARY, "GEMINI_API_KEY")
    rpc = "type.googleapis.com/google.rpc"
    quoted = quote(CANARY)
    faults = [
        answer(
            400,
            {
                "error": {
                    "message": form,
                    "status": form,
                    "details": [
                        {"@type": f"{rpc}.BadRequest", "fieldViolations": [{"field": form, "description": form}]},
                        {"@type": f"{rpc}.ErrorInfo", "reason": form},
                        {"@type": f"{rpc}.Help", "links": [{"url": f"https://x.test/?key={form}"}]},
                        {"@type": f"{rpc}.QuotaFailure", "violations": [{"quotaId": form}]},
                    ],
                }
            },
        ),
        answer(404, form.encode()),
        answer(500, f"<title>{form}</title>".encode()),
        answer(429, {"error": {"message": form}}),
        answer(302, headers={"location": f"https://x.test/?key={quoted}"}),
        answer(200, form.encode()),
        answer(200, headers={"content-type": "text/plain"}, body=form.encode()),
        httpx.ConnectError(form),
        httpx.ReadError(form),
        httpx.ReadTimeout(form),
        answer(pieces=[httpx.ReadError(form)]),
        answer(777, form.encode()),
    ]
    for fault in faults:
        told = []
        with pytest.raises(ApiError) as caught:
            client_for(Script(fault), key=key, tell_retry=told.append).perform(call)
        error = caught.value
        shown = (
            f"{error!r} {error.hint} {error.reason} {error.violations} {told} {caplog.text} {error.__context__}".lower()
        )
        for secret in FORMS:
            assert secret.lower().strip('"') not in shown
        assert CANARY[:20].lower() not in shown
