"""Downloads: all of the bytes, in constant memory and at a pace, or an error."""

import gzip
import logging
import os
import socket
import threading
import tracemalloc

import pytest
from api_world import BASE, CANARY, FakeClock, Script, Stream, answer, client_for, listening
from test_api_transport import RealTime
from upload_world import Line

from gemctl.api._httpx import httpx
from gemctl.api.client import PACE
from gemctl.api.transport import Trust, Wire
from gemctl.core.call import Call
from gemctl.core.errors import ApiError, Refused, Temporary
from gemctl.emulator.faults import Fault
from gemctl.emulator.surfaces import files

NAME = "files/batch-0123456789abcdefghijklmnopqrstuvwxyz0123456789"
MIB = 1024 * 1024


def poured(pieces, clock=None, **headers):
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(200, headers=given, stream=Stream(pieces, clock))


def got(response, clock=None, **more):
    """What came of it, also where it ends in an error, and the error."""
    came = bytearray()
    try:
        for piece in client_for(Script(response), clock).download(NAME, **more):
            came += piece
    except ApiError as error:
        assert error.__context__ is None
        return bytes(came), error
    return bytes(came), None


def emulated(data, *faults):
    clock = FakeClock()
    line = Line(clock, faults=None)
    line.app.set_faults(faults)
    world = line.app.world
    with world.turn():
        list(world.advance())
        blob = world.blobs.new()
        world.blobs.append(blob, data)
        files.make_generated(world, world.blobs, "emulated-project", NAME, blob, "application/jsonl", "results")
    return line, client_for(line, clock)


def test_the_request():
    wire = Script(poured([b"ab", b"c"], content_length="3"))
    assert b"".join(client_for(wire).download(NAME)) == b"abc"
    (request,) = wire.requests
    assert request.method == "GET"
    assert str(request.url) == f"{BASE}/download/v1beta/{NAME}:download?alt=media"
    assert request.headers["x-goog-api-key"] == CANARY
    assert (request.headers["accept"], request.headers["accept-encoding"]) == ("*/*", "identity")
    assert request.extensions["pace"] == PACE


@pytest.mark.parametrize("size", [0, 1, MIB, 3 * MIB + 1])
def test_from_the_emulator(size):
    data = os.urandom(size)
    _, client = emulated(data)
    assert b"".join(client.download(NAME)) == data
    assert client.perform(Call("GET", "files")).body["files"][0]["name"] == NAME  # and the line is free again


@pytest.mark.parametrize("name", ["", "files/../x", "files/x?y", "files/x#y", "https://evil.test/x", "files/x:y", "/x"])
def test_a_name_can_t_lead_elsewhere(name):
    wire = Script(answer())
    with pytest.raises(Refused) as caught:
        next(client_for(wire).download(name))
    assert (caught.value.code, wire.requests) == ("E309", [])


def test_nothing_is_asked_before_the_first_piece_is():
    wire = Script(answer())
    client_for(wire).download(NAME)
    assert wire.requests == []


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, Refused, "E301"),
        (403, Refused, "E301"),
        (404, Refused, "E301"),
        (302, Refused, "E305"),
        (429, Temporary, "E302"),
        (500, Temporary, "E302"),
        (503, Temporary, "E302"),
        (204, Temporary, "E304"),
        (206, Temporary, "E304"),
        (777, Temporary, "E304"),
    ],
)
def test_a_no(status, kind, code):
    came, error = got(answer(status, {"error": {"message": "no", "status": "X"}}))
    assert (came, type(error), error.code) == (b"", kind, code)


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.ReadError("x")])
def test_no_answer_is_not_tried_again(error):
    wire = Script(error)
    with pytest.raises(Temporary) as caught:
        list(client_for(wire).download(NAME))
    assert (caught.value.code, len(wire.requests)) == ("E302", 1)


@pytest.mark.parametrize(
    "response",
    [
        lambda: poured([b"abc"], content_length="4"),
        lambda: poured([b"abcde"], content_length="4"),
        lambda: poured([], content_length="1"),
        lambda: poured([b"abc", httpx.RemoteProtocolError("cut")], content_length="4"),
        lambda: poured([b"abc", httpx.ReadError("reset")], transfer_encoding="chunked"),
        lambda: poured([gzip.compress(b"abc" * 99)[:-3]], transfer_encoding="chunked", content_encoding="gzip"),
        lambda: poured([b"abc"]),
        lambda: poured([b"abc"], content_length="x"),
        lambda: poured([b"abc"], content_length="-3"),
        lambda: poured([b"abc"], content_length="9" * 30),
        lambda: poured([b"abc"], content_length="3", content_encoding="br"),
        lambda: poured([gzip.compress(bytes(16 * MIB))], transfer_encoding="chunked", content_encoding="gzip"),
    ],
)
def test_a_part_never_passes_for_the_whole(response):
    response = response()
    _, error = got(response)
    assert isinstance(error, Temporary)
    assert error.code in ("E302", "E304")
    assert response.stream.closed


def test_what_is_whole():
    assert got(poured([b"abc"], transfer_encoding="chunked")) == (b"abc", None)
    zipped = gzip.compress(b"abc" * 99)
    length = str(len(zipped))
    assert got(poured([zipped[:9], zipped[9:]], content_length=length, content_encoding="gzip")) == (b"abc" * 99, None)
    assert got(poured([], content_length="0")) == (b"", None)


@pytest.mark.parametrize("at", [0, 1, 1000, MIB, 2 * MIB + 17])
def test_a_cut(at):
    data = os.urandom(2 * MIB + 18)
    _, client = emulated(data, Fault("cut", at_bytes=at))
    came = bytearray()
    with pytest.raises(Temporary, match="broke off"):
        for piece in client.download(NAME):
            came += piece
    assert bytes(came) == data[: len(came)]


def test_the_cap():
    def endless():
        while True:
            yield b"x" * MIB

    came, error = got(poured(endless(), transfer_encoding="chunked"), cap=3 * MIB)
    assert (len(came), error.code) == (3 * MIB, "E308")
    came, error = got(poured([AssertionError("not read")], content_length=str(3 * MIB + 1)), cap=3 * MIB)
    assert (came, error.code) == (b"", "E308")
    assert got(poured([b"x" * 9], content_length="9"), cap=9) == (b"x" * 9, None)
    bomb = gzip.compress(os.urandom(2 * MIB) * 3)
    came, error = got(poured([bomb], transfer_encoding="chunked", content_encoding="gzip"), cap=5 * MIB)
    assert (len(came) <= 5 * MIB, error.code) == (True, "E308")


def test_memory_is_bounded():
    _, client = emulated(bytes(64 * MIB))
    tracemalloc.start()
    try:
        assert sum(len(piece) for piece in client.download(NAME)) == 64 * MIB
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB


def test_a_pace_must_be_kept():
    """The first deadline is for what drips; what flows may take as long as it needs."""
    clock = FakeClock()
    drip = [part for _ in range(1000) for part in (1.0, b"x")]
    came, error = got(poured(drip, clock, content_length="1000"), clock)
    assert "too slowly" in str(error)
    assert len(came) <= 61
    clock = FakeClock()
    flow = [part for _ in range(1000) for part in (1.0, bytes(PACE))]
    came, error = got(poured(flow, clock, content_length=str(1000 * PACE)), clock)
    assert (len(came), error, clock.at) == (1000 * PACE, None, 2000)


def test_a_stop_is_honoured_between_pieces():
    clock = FakeClock()
    stream = Stream([b"abc"] * 9)
    response = httpx.Response(200, headers={"content-length": "27"}, stream=stream)
    came = []
    with pytest.raises(Temporary) as caught:
        for piece in client_for(Script(response), clock, stopping=lambda: len(came) >= 2).download(NAME):
            came.append(piece)
    assert (caught.value.code, len(came), stream.closed) == ("E317", 2, True)


def test_who_stops_reading_hangs_up():
    stream = Stream([b"abc"] * 9)
    pieces = client_for(Script(httpx.Response(200, headers={"content-length": "27"}, stream=stream))).download(NAME)
    next(pieces)
    pieces.close()
    assert stream.closed


def test_the_log(caplog):
    caplog.set_level(logging.DEBUG, "gemctl.api")
    got(poured([b"s3cret"], content_length="6"))
    assert [record.getMessage() for record in caplog.records] == [f"GET {NAME}:download: 200 in 0 ms"]


# On a real wire.

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/jsonl\r\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"content-length: 5\r\n\r\nabcde", b"abcde"),
        (b"content-length: 5\r\n\r\nabc", None),
        (b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
        (b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", None),
        (b"connection: close\r\n\r\nabcde", None),  # ends with the connection: as if it had been cut
    ],
)
def test_on_a_wire(data, expected):
    wire = Wire(Trust({}))
    with listening(lambda connection, _: connection.sendall(HEAD + data)) as (url, _):
        client = client_for(wire, RealTime(), base_url=url, deadline=2)
        if expected is None:
            with pytest.raises(Temporary):
                b"".join(client.download(NAME))
        else:
            assert b"".join(client.download(NAME)) == expected
    client.close()


def test_what_flows_outlasts_the_deadline_and_what_drips_does_not():
    stop, size = threading.Event(), 12 * MIB
    outlasted, sent = threading.Event(), []

    def flow(connection: socket.socket, _: bytes) -> None:
        connection.sendall(HEAD + f"content-length: {size}\r\n\r\n".encode() + bytes(size))

    def drip(connection: socket.socket, _: bytes) -> None:
        connection.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        for _ in range(6000):  # a minute: much longer than it may take
            if stop.wait(0.01):
                return
            connection.sendall(b"1;" + b"x" * len(sent) + b"\r\ny\r\n")
        outlasted.set()

    with listening(flow) as (url, _):
        clock, came = RealTime(), 0
        client = client_for(Wire(Trust({})), clock, base_url=url, deadline=60)
        for piece in client.download(NAME):
            came += len(piece)
            clock.at += len(piece) / PACE / 2  # twice the pace that is asked for
        assert came == size
        assert clock.at > 60 + 30
        client.close()
    with listening(drip) as (url, _):
        client = client_for(Wire(Trust({})), RealTime(), base_url=url, deadline=0.2)
        with pytest.raises(Temporary):
            list(client.download(NAME))
        assert not outlasted.is_set()
        stop.set()
        client.close()
