"""Uploads against the emulator, at the end of a line on which anything may happen to any request."""

import base64
import errno
import hashlib
import io
import json
import logging
import random
import tracemalloc
from contextlib import closing
from datetime import timedelta
from itertools import product
from unittest.mock import patch

import pytest
from api_world import BASE, CANARY, FakeClock, Script, answer, client_for, http_date
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from test_api_transport import RealTime
from upload_world import (
    BLOCK,
    FAULTS,
    NAME,
    NOES,
    PASSING,
    STRANGE,
    Line,
    Sender,
    after,
    call_for,
    hash_of,
    instead,
    lost,
    refused,
    second,
    small_blocks,
    unheard,
)

from gemctl.api import upload as upload_module
from gemctl.api._httpx import httpx
from gemctl.api.retry import MAX_ATTEMPTS
from gemctl.api.transport import Trust, Wire
from gemctl.api.upload import PARTS, _in_place
from gemctl.core.call import Call
from gemctl.core.errors import ApiError, GemctlError, Refused, Stale, Temporary, Unknown
from gemctl.emulator.app import App
from gemctl.emulator.server import running
from gemctl.emulator.surfaces import uploads

DATA = bytes(range(BLOCK * 2 + 5))  # two blocks and a bit: start, upload, upload, upload and finalize
REQUESTS = 4
KINDS = sorted(FAULTS)


@pytest.fixture(autouse=True, scope="module")
def _small():
    with small_blocks():
        yield


def line_with(faults=None, **rules):
    clock = FakeClock()
    line = Line(clock, faults, **rules)
    return line, Sender(line, clock)


# How it goes when all goes well.


def test_the_conversation():
    line, sender = line_with()
    reply = sender.send(DATA)
    assert reply.status == 200
    assert reply.body["name"] == NAME
    assert (reply.body["displayName"], reply.body["sizeBytes"]) == ("a file", "37")
    assert reply.body["sha256Hash"] == hash_of(DATA)
    assert line.files == {NAME: DATA}
    assert line.asked == ["start", "upload 0", "upload 16", "upload, finalize 32"]
    assert sender.heard == [(0, 37), (16, 37), (32, 37), (37, 37)]
    start, first, *_ = line.requests
    assert str(start.url) == f"{BASE}/upload/v1beta/files"
    sent = {name: start.headers[name] for name in start.headers if name.startswith(("x-goog", "content-type"))}
    assert sent == {
        "x-goog-api-key": CANARY,
        "x-goog-upload-protocol": "resumable",
        "x-goog-upload-command": "start",
        "x-goog-upload-header-content-length": "37",
        "x-goog-upload-header-content-type": "text/plain",
        "content-type": "application/json",
    }
    assert first.content == DATA[:BLOCK]
    assert {request.method for request in line.requests} == {"POST"}
    assert not any("x-goog-api-key" in request.headers for request in line.requests[1:])
    assert all(request.extensions["timeout"]["write"] == 60 for request in line.requests)


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK - 1, 3 * BLOCK])
def test_sizes(size):
    line, sender = line_with()
    data = random.Random(size).randbytes(size)
    sender.send(data)
    assert line.files == {NAME: data}
    assert len(line.asked) == 1 + max(1, -(-size // BLOCK))
    assert sender.heard[-1] == (size, size)


def test_a_base_url_with_a_path():
    clock = FakeClock()
    line = Line(clock)

    class Gateway(httpx.BaseTransport):
        def handle_request(self, request):
            assert request.url.path.startswith("/gemini/upload/v1beta/") or not request.headers.get("x-goog-api-key")
            request.url = request.url.copy_with(path=request.url.path.removeprefix("/gemini"))
            return line.handle_request(request)

    Sender(Gateway(), clock, base_url=f"{BASE}/gemini").send(DATA)
    assert line.files == {NAME: DATA}


def test_the_service_names_larger_blocks():
    with small_blocks():
        uploads.GRANULARITY = 24
        line, sender = line_with()
        sender.send(DATA)
    assert line.asked == ["start", "upload 0", "upload, finalize 24"]


@pytest.mark.parametrize("grain", [str(upload_module.LARGEST_BLOCK + 1), "9" * 18])
def test_larger_blocks_than_can_be_held(grain):
    wire = Script(answer(headers={"x-goog-upload-url": f"{BASE}/u?upload_id=12345678", **grained(grain)}))
    with pytest.raises(Temporary, match="more at a time") as caught:
        client_for(wire).upload(call_for(DATA), lambda: io.BytesIO(DATA))
    assert caught.value.code == "E304"


@pytest.mark.parametrize("grain", ["", "0", "-1", "x", "1e3", "9" * 30, "8"])
def test_nonsense_about_blocks_is_ignored(grain):
    line, sender = line_with({1: lambda request, deliver: with_headers(deliver(request), grained(grain))})
    sender.send(DATA)
    assert line.files == {NAME: DATA}


def grained(grain):
    return {"x-goog-upload-chunk-granularity": grain}


def with_headers(response, headers):
    response.headers.update(headers)
    return response


# One thing goes wrong, or two, or everything from somewhere on.


def outcome(line, sender, data=DATA, **how):
    """What came of it, after checking that it is true."""
    try:
        reply = sender.send(data, **how)
    except Unknown as error:
        assert error.code == "E303"
        result = "unknown"
    except GemctlError as error:
        assert line.files == {}, f"{error} and yet there is a file"
        result = type(error).__name__.lower()
    else:
        assert (reply.status, reply.body["name"], reply.body["sha256Hash"]) == (200, NAME, hash_of(data))
        assert line.files == {NAME: data}
        assert sender.heard[-1] == (len(data), len(data))
        result = "made"
    assert set(line.files.values()) <= {data}
    assert not line.app.bugs
    return result


@pytest.mark.parametrize("kind", sorted(PASSING))
def test_what_passes_is_no_failure(kind):
    for number in range(1, REQUESTS + 1):
        line, sender = line_with({number: PASSING[kind]})
        assert outcome(line, sender) == "made", number
        assert len(line.asked) <= REQUESTS + 3, number


@pytest.mark.parametrize("kind", sorted(STRANGE))
def test_strange_answers_are_asked_about(kind):
    for number in range(2, REQUESTS + 1):
        line, sender = line_with({number: STRANGE[kind]})
        assert outcome(line, sender) == "made", number


def test_a_strange_beginning():
    expected = {"second": "made", "no status": "made", "no size": "made", "no headers": "made"}
    for kind in (*STRANGE, *NOES):
        line, sender = line_with({1: FAULTS[kind]})
        usual = "refused" if kind in NOES else "temporary"
        assert outcome(line, sender) == expected.get(kind, usual), kind
        assert len(line.asked) == (REQUESTS if kind in expected else 1), kind


def test_a_no_that_the_service_doesn_t_mean():
    """It is asked how far it is. What it has taken is gone on from, what it has not is refused, or unknown."""
    for kind, number in product(NOES, range(2, REQUESTS + 1)):
        line, sender = line_with({number: NOES[kind]})
        definite = kind in ("400", "401", "403", "404", "409", "413", "422")
        expected = "made" if not definite else "temporary" if kind == "404" else "refused"
        assert outcome(line, sender) == expected, (kind, number)


def test_when_it_never_gets_better():
    for kind, first in product(KINDS, range(1, REQUESTS + 3)):
        line, sender = line_with({0: FAULTS[kind]}, onwards=first)
        outcome(line, sender)
        assert len(line.asked) <= REQUESTS + 20, (kind, first)


@given(st.lists(st.none() | st.sampled_from(KINDS), max_size=24), st.integers(0, 70), st.randoms(use_true_random=False))
@settings(max_examples=examples(300))
def test_any_faults_at_any_size(kinds, size, rng):
    data = rng.randbytes(size)
    faults = {number: FAULTS[kind] for number, kind in enumerate(kinds, start=1) if kind}
    line, sender = line_with(faults)
    outcome(line, sender, data)


@given(st.integers(0, 5 * BLOCK), st.dictionaries(st.integers(1, 20), st.sampled_from(sorted(PASSING)), max_size=5))
@settings(max_examples=examples(300))
def test_a_few_losses_anywhere(size, faults):
    """Whatever the size, and wherever they are: the file gets through."""
    data = random.Random(size).randbytes(size)
    line, sender = line_with({number: PASSING[kind] for number, kind in faults.items()})
    assert outcome(line, sender, data) == "made"


def test_attempts_that_gain_nothing_are_counted_and_gains_begin_anew():
    long = bytes(20 * BLOCK)
    line, sender = line_with(dict.fromkeys(range(2, 80, 3), lost))  # every chunk is lost once
    sender.send(long)
    assert line.files == {NAME: long}
    line, sender = line_with({0: lost}, onwards=3)
    with pytest.raises(Temporary) as caught:
        sender.send(long)
    assert caught.value.code == "E302"
    assert line.asked == ["start", "upload 0", "upload 16", *["query"] * 5]
    assert [retry.attempt for retry in sender.told] == [1, 2, 3, 4, 5]
    assert all(retry.call.path == "files" for retry in sender.told)


def test_time_without_progress_is_limited_and_time_with_progress_is_not():
    clock = FakeClock()

    def slow(request, deliver):
        clock.pass_(50)
        return deliver(request)

    line = Line(clock, {0: slow, 15: lost})
    Sender(line, clock).send(bytes(20 * BLOCK))
    assert clock.at - 1000 == 22 * 50 + 0.5

    def hang(request, deliver):
        clock.pass_(60)
        raise httpx.ReadTimeout("late")

    line = Line(clock, {0: hang}, onwards=4)
    began = clock.at
    with pytest.raises(Temporary):
        Sender(line, clock).send(bytes(20 * BLOCK))
    assert clock.at - began <= 4 * 60


def test_a_service_that_takes_a_byte_at_a_time_is_given_up():
    """By its acknowledgements, and by what it says after losses; a part of a block now and then begins anew."""
    block, part = 64 * PARTS, 64

    class Drip(httpx.BaseTransport):
        def __init__(self, gains, *, loses):
            self.gains, self.loses, self.at, self.asked = gains, loses, 0, 0

        def handle_request(self, request):
            command = request.headers["x-goog-upload-command"]
            headers = {"x-goog-upload-status": "active"}
            if command == "start":
                return answer(headers={"x-goog-upload-url": f"{BASE}/u?upload_id=12345678", **headers})
            if command == "upload":
                self.asked += 1
                self.at += self.gains(self.asked)
                if self.loses:
                    raise httpx.ReadError("lost")
            return answer(headers={**headers, "x-goog-upload-size-received": str(self.at)})

    data = bytes(8 * block)
    with patch.object(upload_module, "BLOCK", block):
        for loses in (False, True):
            service = Drip(lambda _: part - 1, loses=loses)
            with pytest.raises(ApiError):
                client_for(service).upload(call_for(data), lambda: io.BytesIO(data))
            assert service.asked <= MAX_ATTEMPTS, loses
        service = Drip(lambda number: part - 1 if number % 3 or number > 12 else part, loses=False)
        with pytest.raises(Temporary, match="next to nothing") as caught:
            client_for(service).upload(call_for(data), lambda: io.BytesIO(data))
        assert caught.value.code == "E317" and 12 < service.asked <= 12 + MAX_ATTEMPTS


def test_an_upload_that_takes_for_ever():
    """Each block in time; but with less than 64 KiB a second in all, the half hour that is allowed beyond ends."""
    clock = FakeClock()

    def slow(request, deliver):
        clock.pass_(59)
        return deliver(request)

    line = Line(clock, {0: slow})
    with pytest.raises(Temporary, match="longer than 30 minutes") as caught:
        Sender(line, clock).send(bytes(100 * BLOCK))
    assert caught.value.code == "E317" and clock.at - 1000 < 1800 + 3 * 60 and not line.files


# The end.


def test_a_lost_answer_to_the_end_is_found_by_name():
    line, sender = line_with({4: unheard})
    assert sender.send(DATA).body["name"] == NAME
    assert line.asked[4:] == ["query", f"GET /v1beta/{NAME}"]


def test_an_end_that_never_arrived_is_sent_again():
    line, sender = line_with({4: lost})
    sender.send(DATA)
    assert line.asked[4:] == ["query", "upload, finalize 32"]


def test_an_end_that_could_not_be_sent():
    """Nothing can have come of it, and that is said."""
    line, sender = line_with({0: refused}, onwards=4)
    with pytest.raises(Temporary, match="was not sent") as caught:
        sender.send(DATA)
    assert caught.value.code == "E302"
    assert line.asked[4:] == ["query"] * 5


def test_an_end_that_arrived_without_taking_effect():
    """The bytes are there, and the upload is still open."""

    def halfway(request, deliver):
        request.headers["x-goog-upload-command"] = "upload"
        deliver(request)
        raise httpx.ReadError("gone")

    even = bytes(2 * BLOCK)
    line, sender = line_with({3: halfway})
    sender.send(even)
    assert line.asked[3:] == ["query", "upload, finalize 32"]
    assert line.requests[-1].content == b""
    assert line.files == {NAME: even}


def test_an_end_that_arrives_late():
    """Lost, sent again, refused because the first has taken effect meanwhile: the file is there all the same."""
    held = []

    def keep(request, deliver):
        held.append(request)
        raise httpx.ReadError("gone")

    def late(request, deliver):
        deliver(held[0])
        return deliver(request)

    line, sender = line_with({4: keep, 6: late})
    assert outcome(line, sender) == "made"
    assert line.asked[4:] == ["query", "upload, finalize 32", "query", f"GET /v1beta/{NAME}"]


def test_a_file_that_can_t_be_seen_at_once():
    line, sender = line_with({4: unheard, 6: instead(403), 7: instead(404)})
    assert sender.send(DATA).body["name"] == NAME
    line, sender = line_with({4: unheard, **{number: instead(403) for number in range(6, 20)}})
    with pytest.raises(Unknown):
        sender.send(DATA)
    assert line.asked[5:] == [f"GET /v1beta/{NAME}"] * upload_module.LOOKS


@pytest.mark.parametrize("shown", [{"sha256Hash": hash_of(b"other")}, {"sizeBytes": "36"}, {"sha256Hash": 7}])
def test_another_file_under_the_name_is_not_ours(shown):
    other = answer(200, {"name": NAME, **shown})
    _, sender = line_with({4: unheard, 6: lambda request, deliver: other})
    with pytest.raises(Unknown):
        sender.send(DATA)


OTHERS = [{"sha256Hash": hash_of(b"other")}, {"sizeBytes": "36", "sha256Hash": None}, {"name": "files/other"}]


def shown_as(shown):
    """The answer to the end of an upload shows something else."""

    def fault(request, deliver):
        response = deliver(request)
        file = {**json.loads(response.read())["file"], **shown}
        return httpx.Response(200, headers={"x-goog-upload-status": "final"}, json={"file": file})

    return fault


def test_an_answer_about_other_bytes_is_not_believed_alone():
    for shown in OTHERS:
        line, sender = line_with({4: shown_as(shown)})
        assert sender.send(DATA).body["sha256Hash"] == hash_of(DATA), shown
        assert line.asked[4:] == [f"GET /v1beta/{NAME}"]


def test_other_bytes_than_were_sent_are_not_taken_for_the_file():
    for shown in OTHERS:
        _, sender = line_with({4: shown_as(shown), 5: lambda *_: answer(200, {"name": NAME, "sizeBytes": "1"})})
        with pytest.raises(Refused) as caught:
            sender.send(DATA)
        assert caught.value.code == "E544", shown


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"sizeBytes": "37"},
        {"sizeBytes": 37},
        {"sha256Hash": hash_of(DATA)},
        {"sha256Hash": base64.b64encode(hashlib.sha256(DATA).digest()).decode()},  # as it is documented
        {"sha256Hash": base64.b64encode(hashlib.sha256(DATA).hexdigest().upper().encode()).decode()},
    ],
)
def test_a_file_that_shows_little_is_ours_by_its_name(shown):
    _, sender = line_with({4: unheard, 6: lambda request, deliver: answer(200, {"name": NAME, **shown})})
    assert sender.send(DATA).body == {"name": NAME, **shown}


def test_a_taken_name():
    line, sender = line_with()
    sender.send(b"first")
    with pytest.raises(Refused) as caught:
        sender.send(DATA)
    assert (caught.value.status, line.asked[2:]) == (409, ["start"])
    line, sender = line_with(
        {4: lambda request, deliver: (Sender(line, line.clock).send(b"first"), deliver(request))[1]}
    )
    with pytest.raises(Refused) as caught:
        sender.send(DATA)
    assert caught.value.status == 409
    assert line.files == {NAME: b"first"}


@pytest.mark.parametrize("faults", [{}, {4: after(503)}])
def test_a_type_that_the_service_doesn_t_take(faults):
    line, sender = line_with(faults)
    with pytest.raises(Unknown if faults else Refused) as caught:
        sender.send(DATA, mime_type="bad/mime_type")
    assert faults or (caught.value.status, "bad/mime_type" in str(caught.value)) == (400, True)
    assert line.files == {}


def test_an_upload_that_the_service_forgets():
    line, sender = line_with({3: lambda request, deliver: (line.clock.pass_(8 * 86_400), deliver(request))[1]})
    with pytest.raises(Temporary, match="no longer knows it") as caught:
        sender.send(DATA)
    assert caught.value.code == "E317"


def test_an_upload_that_somebody_cancels():
    def cancel(request, deliver):
        deliver(httpx.Request("POST", request.url, headers={"x-goog-upload-command": "cancel"}))
        return deliver(request)

    for number in (3, 4):
        line, sender = line_with({number: cancel})
        with pytest.raises((Temporary, Refused)):
            sender.send(DATA)
        assert line.asked[-1] == "query"
    line, sender = line_with({4: lambda request, deliver: (cancel(request, deliver), lost(request, deliver))[1]})
    with pytest.raises(Temporary, match="cancelled"):
        sender.send(DATA)


def test_a_refusal_of_what_was_made_before():
    """Something in between sends the end twice, and gives the second answer; then the name can't be read either."""
    line, sender = line_with({4: second, 6: instead(204)})
    with pytest.raises(Unknown, match="can't be seen"):
        sender.send(DATA)
    assert line.files == {NAME: DATA}


def test_a_refusal_of_what_was_made_before_and_then_a_lie():
    """And whoever is asked how far it is says no as well. The name counts; and if it is not there, nobody knows."""
    for query, name in product(NOES, (None, "404", "503")):
        line, sender = line_with({4: second, 5: NOES[query], **({6: instead(int(name))} if name else {})})
        assert outcome(line, sender) == ("unknown" if name == "404" else "made"), (query, name)
        assert line.asked[4:6] == ["query", f"GET /v1beta/{NAME}"], (query, name)


def test_a_refusal_of_the_end_is_believed_where_the_service_says_it_twice():
    """Of the end itself, and of the upload; and there is nothing under the name."""
    line, sender = line_with()
    with pytest.raises(Refused) as caught:
        sender.send(DATA, mime_type="bad/mime_type")
    assert caught.value.status == 400
    assert line.asked[4:] == ["query", f"GET /v1beta/{NAME}"]


def test_without_a_name_nothing_can_be_looked_up():
    clock = FakeClock()
    line = Line(clock, {4: unheard})
    call = call_for(DATA)
    call.body["file"].pop("name")
    with pytest.raises(Unknown):
        client_for(line, clock).upload(call, lambda: io.BytesIO(DATA))


# The service says how far it is.


def saying(size, status="active"):
    """An answer to bytes that were not taken, or to a query."""
    return lambda request, deliver: answer(
        headers={"x-goog-upload-status": status, "x-goog-upload-size-received": str(size)}
    )


def test_less_than_was_sent():
    """A part of a block was taken, and the answer says so: the rest of it comes next."""

    def half(request, deliver):
        return deliver(httpx.Request("POST", request.url, headers=halved(request), content=request.content[:8]))

    def halved(request):
        return {name: value for name, value in request.headers.items() if name != "content-length"}

    with small_blocks(8), patch.object(upload_module, "BLOCK", BLOCK):
        line, sender = line_with({2: half})
        sender.send(DATA)
    assert line.asked == ["start", "upload 0", "upload 8", "upload 16", "upload, finalize 32"]
    assert line.files == {NAME: DATA}


class Forgetful(httpx.BaseTransport):
    """A service that loses what it had, now and then: it says so at the next request, and takes what comes there."""

    def __init__(self, losses):
        self.data = b""
        self.losses = list(losses)
        self.sent = []
        self.made = False

    def handle_request(self, request):
        command = request.headers["x-goog-upload-command"]
        headers = {"x-goog-upload-status": "active"}
        if command == "start":
            return answer(headers={"x-goog-upload-url": f"{BASE}/u?upload_id=12345678", **headers})
        if self.losses:
            self.data = self.data[: self.losses.pop(0)]
        if command in ("query", "cancel"):
            return answer(headers={**headers, "x-goog-upload-size-received": str(len(self.data))})
        if int(request.headers["x-goog-upload-offset"]) != len(self.data):
            return answer(400, {"error": {"message": "not there"}}, headers)
        self.data += request.content
        self.sent.append(len(self.data))
        if "finalize" in command:
            self.made = True
            return answer(200, {"file": {"name": NAME}}, {"x-goog-upload-status": "final"})
        return answer(headers={**headers, "x-goog-upload-size-received": str(len(self.data))})


@pytest.mark.parametrize("losses", [[99, 0], [99, 99, 99, 0], [99, 99, 5], [99, 99, 20, 3], [99, 99, 99, 99, 99, 31]])
def test_less_than_was_sent_before(losses):
    data = random.Random(1).randbytes(6 * BLOCK + 3)
    service = Forgetful(losses)
    assert client_for(service).upload(call_for(data), lambda: io.BytesIO(data)).body == {"name": NAME}
    assert service.data == data


@given(st.lists(st.integers(0, 200), max_size=40), st.integers(0, 10 * BLOCK))
def test_any_losses_within_the_service(losses, size):
    data = random.Random(size).randbytes(size)
    service = Forgetful(losses)
    try:
        client_for(service).upload(call_for(data), lambda: io.BytesIO(data))
    except ApiError:
        assert not service.made
    else:
        assert service.data == data


def test_a_service_that_keeps_nothing_is_given_up():
    service = Forgetful([0] * 1000)
    with pytest.raises(ApiError):
        client_for(service).upload(call_for(DATA), lambda: io.BytesIO(DATA))
    assert not service.made


def test_a_block_that_is_read_again_is_the_same_or_it_is_an_error():
    """What the service has of the first reading, and gets of the second, would be a file that never was."""
    data = random.Random(2).randbytes(6 * BLOCK)
    service = Forgetful([99, 99, 99, 0])
    source = Shifting(data, {4 * BLOCK: (0, b"other")})
    with pytest.raises(GemctlError) as caught:
        client_for(service).upload(call_for(data), lambda: source)
    assert caught.value.code == "E133"
    assert not service.made


@pytest.mark.parametrize("size", ["33", "999999", "-1", "x", ""])
def test_nonsense_about_how_far_it_is(size):
    """More than was sent, or no number: never gone on from."""
    line, sender = line_with({3: lost, 4: saying(size), 5: saying(size)})
    assert outcome(line, sender) in ("made", "temporary")
    assert not any(asked.endswith(" 33") for asked in line.asked)
    line, sender = line_with({4: lost, 0: saying(size)}, onwards=5)
    with pytest.raises(Unknown):
        sender.send(DATA[:36])


def test_an_upload_that_is_over_before_its_time():
    _, sender = line_with({3: saying(16, "final"), 4: saying(16, "final")})
    with pytest.raises(Temporary, match="final") as caught:
        sender.send(DATA)
    assert caught.value.code == "E304"


# The file.


class Shifting(io.BytesIO):
    """A file that is written to: when it has been read up to a place, these bytes are put there."""

    def __init__(self, data, changes):
        super().__init__(data)
        self.changes = dict(changes)

    def read(self, size=-1):
        piece = super().read(size)
        here = self.tell()
        for at, (where, what) in list(self.changes.items()):
            if here >= at:
                del self.changes[at]
                self.seek(where)
                if what is None:
                    self.truncate()
                else:
                    self.write(what)
        self.seek(here)
        return piece


@pytest.mark.parametrize(
    "source",
    [
        io.BytesIO(DATA + b"!"),
        io.BytesIO(DATA[:-1]),
        io.BytesIO(b""),
        io.BytesIO(DATA[:-1] + b"!"),
        io.BytesIO(b"!" + DATA[1:]),
        Shifting(DATA, {16: (37, b"grown")}),
        Shifting(DATA, {37: (37, b"grown in the last moment")}),
        Shifting(DATA, {16: (20, None)}),
        Shifting(DATA, {16: (16, None)}),
        Shifting(DATA, {16: (16, b"other")}),
        Shifting(DATA, {16: (36, b"!")}),
    ],
    ids=lambda source: type(source).__name__,
)
def test_a_file_that_is_not_what_it_was(source):
    line, sender = line_with()
    with pytest.raises(GemctlError) as caught:
        sender.send(DATA, source)
    assert (caught.value.code, type(caught.value)) == ("E133", GemctlError)
    assert caught.value.hint
    assert line.files == {}
    assert line.asked[-1] == "cancel"
    assert not any("finalize" in asked for asked in line.asked)
    assert source.closed


def test_a_change_that_was_sent_already_is_none():
    """What is digested is what was sent, and that was right."""
    line, sender = line_with()
    sender.send(DATA, Shifting(DATA, {32: (0, b"other")}))
    assert line.files == {NAME: DATA}
    line, sender = line_with({3: lost, 5: lost, 7: lost})
    sender.send(DATA, Shifting(DATA, {32: (16, b"other")}))  # the block is held, and goes out again as it was
    assert line.files == {NAME: DATA}


def test_a_change_after_the_end_was_sent_is_none():
    """Nothing is said about the file that could be wrong: what was sent was right, and goes out again as it was."""
    source = io.BytesIO(DATA)

    def grow(request, deliver):
        source.seek(0, 2)
        source.write(b"more")
        return lost(request, deliver)

    line, sender = line_with({4: grow})
    sender.send(DATA, source)
    assert line.files == {NAME: DATA}


def test_a_change_and_a_loss_after_the_end_was_sent():
    """The service lost what it had, and it can't be sent again. Was the file made before? Nobody can say."""
    data = random.Random(3).randbytes(2 * BLOCK + 5)
    line, sender = line_with({4: lost, 5: saying(0)})
    with pytest.raises(Unknown, match="lost what it had"):
        sender.send(data, Shifting(data, {len(data): (0, b"other")}))
    assert "cancel" not in line.asked


def test_an_empty_file_that_is_not_empty():
    line, sender = line_with()
    with pytest.raises(GemctlError) as caught:
        sender.send(b"", io.BytesIO(b"x"))
    assert caught.value.code == "E133"
    assert line.files == {}


class Broken(io.BytesIO):
    def read(self, size=-1):
        if self.tell() >= BLOCK:
            raise OSError(errno.EIO, "Input/output error", "/home/someone/file")
        return super().read(size)


def test_a_file_that_can_t_be_read():
    line, sender = line_with()
    with pytest.raises(GemctlError, match="Input/output error") as caught:
        sender.send(DATA, Broken(DATA))
    assert caught.value.code == "E090"
    assert "/home" not in str(caught.value)
    assert line.asked[-1] == "cancel"


def test_a_file_that_can_t_be_opened():
    line, sender = line_with()

    def gone():
        raise Stale("It is gone.")

    def forbidden():
        raise PermissionError(errno.EACCES, "Permission denied", "x")

    with pytest.raises(Stale):
        sender.client.upload(call_for(DATA), gone)
    with pytest.raises(GemctlError, match="Permission denied"):
        sender.client.upload(call_for(DATA), forbidden)
    assert line.asked == []


def test_a_file_that_gives_few_bytes_at_a_time():
    class Slow(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 3))

    line, sender = line_with()
    sender.send(DATA, Slow(DATA))
    assert line.files == {NAME: DATA}


def test_a_progress_that_fails_is_not_taken_for_the_file():
    _, sender = line_with()

    def broken(*_):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        sender.client.upload(call_for(DATA), lambda: io.BytesIO(DATA), broken)


def test_memory_is_bounded():
    """64 MiB with the real size of blocks, out of a file that is never held, to a service that holds nothing."""
    size = 64 * 1024 * 1024

    class Zeroes(io.RawIOBase):
        def __init__(self):
            self.at = 0

        def seek(self, at, whence=0):
            self.at = at
            return at

        def read(self, count=-1):
            given = min(count, size - self.at)
            self.at += given
            return bytes(given)

    def serve(request):
        seen.append(len(request.content))
        headers = {"x-goog-upload-status": "active", "x-goog-upload-url": f"{BASE}/u?upload_id=12345678"}
        if "finalize" in request.headers["x-goog-upload-command"]:
            return answer(200, {"file": {"name": NAME}}, {"x-goog-upload-status": "final"})
        return answer(headers=headers)

    class Wire(httpx.BaseTransport):
        def handle_request(self, request):
            return serve(request)

    seen = []
    call = call_for(b"", digest="sha256:3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351")
    call = Call(
        "POST", "files", body=call.body, repeatable=False, upload=type(call.upload)(call.upload.digest, size, "a/b")
    )
    with small_blocks(8 * 1024 * 1024):
        tracemalloc.start()
        try:
            client_for(Wire()).upload(call, Zeroes)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert seen[1:] == [8 * 1024 * 1024] * 8
    assert peak < 10 * 1024 * 1024


# Stopping.


@pytest.mark.parametrize("asked", range(1, REQUESTS))
def test_a_stop_is_honoured_between_blocks(asked):
    clock = FakeClock()
    line = Line(clock)
    sender = Sender(line, clock, stopping=lambda: len(line.asked) >= asked)
    with pytest.raises(Temporary, match="the run was stopped") as caught:
        sender.send(DATA)
    assert caught.value.code == "E317"
    assert line.asked == [*["start", "upload 0", "upload 16"][:asked], "cancel"]
    assert line.files == {}


def test_a_stop_while_the_end_is_in_doubt():
    clock = FakeClock()
    line = Line(clock, {4: unheard})
    stopping = lambda: len(line.asked) >= 4  # noqa: E731
    assert Sender(line, clock, stopping=stopping).send(DATA).body["name"] == NAME  # a last look settles it
    line = Line(clock, {4: lost})
    with pytest.raises(Unknown):
        Sender(line, clock, stopping=stopping).send(DATA)


# What must not be told, and where nothing may go.


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/upload/v1beta/files?upload_id=1",
        "https://evil.test/upload/v1beta/files?upload_id=12345678",
        "http://api.test/upload/v1beta/files?upload_id=12345678",
        "https://api.test:8443/upload/v1beta/files?upload_id=12345678",
        "https://api.test@evil.test/upload?upload_id=12345678",
        "https://user:pass@api.test/upload?upload_id=12345678",
        "https://api.test.evil.test/upload?upload_id=12345678",
        "https://evil.test\\@api.test/?upload_id=12345678",
        "//evil.test/upload?upload_id=12345678",
        "ftp://api.test/upload?upload_id=12345678",
        "https://api.test/upload?upload_id=12345678#x",
        "https://api.test/up load?upload_id=12345678",
        "https://[::1/upload?upload_id=12345678",
        "https://api.test:99999/upload?upload_id=12345678",
        "https://ápi.test/upload?upload_id=12345678",
        "https://api.test/upload?upload_id=" + "x" * 3000,
    ],
)
def test_a_reply_can_t_steer_the_bytes_elsewhere(url):
    wire = Script(
        httpx.Response(200, headers=[(b"x-goog-upload-url", url.encode())], stream=answer().stream), answer(500)
    )
    with pytest.raises(ApiError) as caught:
        client_for(wire).upload(call_for(DATA), lambda: io.BytesIO(DATA))
    assert len(wire.requests) == 1
    assert (caught.value.code, type(caught.value)) == (("E316", Refused) if url else ("E304", Temporary))
    assert "12345678" not in f"{caught.value!r} {caught.value.hint}"


def test_the_same_place_in_other_words():
    assert _in_place("https://API.test:443/x?y=z", BASE)
    assert _in_place("http://[::1]/x", "http://[::1]:80/y")
    assert not _in_place("http://localhost:1/x", "http://127.0.0.1:1")


@pytest.mark.parametrize("mime_type", ["", "a/b\r\nx: y", "tëxt/plain", " a/b", "a/b ", "a" * 300])
def test_a_type_that_can_t_stand_in_a_header(mime_type):
    line, sender = line_with()
    with pytest.raises(Refused) as caught:
        sender.send(DATA, mime_type=mime_type)
    assert (caught.value.code, line.asked) == ("E309", [])


def test_the_url_is_told_to_nobody(caplog):
    """Every fault here puts the URL of the request into what it says."""
    caplog.set_level(logging.DEBUG)
    for kind, number, place in product(KINDS, range(1, REQUESTS + 3), ("there", "from there on")):
        line, sender = line_with({number if place == "there" else 0: FAULTS[kind]}, onwards=number)
        told = ""
        try:
            sender.send(DATA)
        except GemctlError as error:
            told = f"{error!r} {error} {error.hint} {error.__cause__!r} {error.__context__!r}"
            if isinstance(error, ApiError):
                assert error.__context__ is None
                told += f"{error.reason}{error.violations}"
        told += f"{sender.told} {caplog.text} {sender.client.__dict__}"
        caplog.clear()
        assert line.urls or number == 1
        for secret in (*line.secrets, CANARY):
            assert secret.lower() not in told.lower(), (kind, number, place)


def test_parts_of_the_url_are_told_to_nobody(caplog):
    caplog.set_level(logging.DEBUG)
    secret = "QWxhZGRpbjpvcGVuIHNlc2FtZQ/+x"
    url = f"{BASE}/session-8f3a77/x?upload_id=QWxhZGRpbjpvcGVuIHNlc2FtZQ%2F%2Bx&upload_protocol=resumable"
    echo = f"{url} and {secret} and session-8f3a77 and QWxhZGRpbjpvcGVuIHNlc2FtZQ%2F%2Bx".upper()
    said = answer(400, {"error": {"message": echo, "details": [{"@type": "x/google.rpc.ErrorInfo", "reason": secret}]}})
    wire = Script(answer(headers={"x-goog-upload-url": url}), httpx.ReadError(echo), said)
    told = []
    with pytest.raises(Refused) as caught:
        client_for(wire, tell_retry=told.append).upload(call_for(DATA), lambda: io.BytesIO(DATA))
    shown = f"{caught.value!r} {caught.value.reason} {told} {caplog.text}".lower()
    assert "[upload]" in shown
    assert "aladdin" not in shown
    for part in ("qwxhzg", "session-8f3a77", "resumable"):
        assert (part in shown) == (part == "resumable") or part == "resumable"


def test_the_log(caplog):
    caplog.set_level(logging.DEBUG, "gemctl.api")
    _, sender = line_with({3: refused})
    sender.send(DATA)
    assert [record.getMessage() for record in caplog.records] == [
        "POST files (start): 200 in 0 ms, attempt 1",
        "POST files (upload at 0): 200 in 0 ms, attempt 1",
        "POST files (upload at 16): not_sent in 0 ms, attempt 1",
        "POST files (query at 16): 200 in 0 ms, attempt 2",
        "POST files (upload at 16): 200 in 0 ms, attempt 2",
        "POST files (upload, finalize at 32): 200 in 0 ms, attempt 1",
    ]


def test_after_an_upload_the_client_is_as_before():
    _, sender = line_with({2: second})
    sender.send(DATA)
    assert sender.client.perform(Call("GET", NAME)).body["name"] == NAME
    with pytest.raises(Refused):
        sender.send(DATA)
    assert sender.client._hidden == ()


def test_answers_within_an_upload_are_small():
    big = answer(200, pieces=[b"x" * 1024 * 1024] * 40, headers={"x-goog-upload-status": "active"})
    line, sender = line_with({2: lambda request, deliver: (deliver(request), big)[1]})
    sender.send(DATA)
    assert line.files == {NAME: DATA}
    assert line.asked[2] == "query"


def test_the_servers_time_is_learned_on_the_way():
    clock = FakeClock()
    line = Line(clock, {0: lambda request, deliver: with_headers(deliver(request), {"date": http_date(late)})})
    late = clock.now() + timedelta(hours=3)
    assert Sender(line, clock).send(DATA).at >= late - timedelta(seconds=1)


def test_over_a_socket():
    """The served emulator, a real connection, and blocks of the real size; one connection for all requests."""
    app, data = App(), random.Random(0).randbytes(17 * 1024 * 1024)
    with running(app) as url, closing(Wire(Trust({}))) as wire:
        heard = []
        with patch.object(upload_module, "BLOCK", 8 * 1024 * 1024):
            client = client_for(wire, RealTime(), base_url=url)
            reply = client.upload(call_for(data), lambda: io.BytesIO(data), lambda *at: heard.append(at))
    assert reply.body["sha256Hash"] == hash_of(data)
    assert [done for done, _ in heard] == [0, 8 * 1024 * 1024, 16 * 1024 * 1024, 17 * 1024 * 1024]
