import threading
from datetime import timedelta

import pytest
from api_world import START, FakeClock, http_date, patient
from hypothesis import given
from hypothesis import strategies as st

from gemctl.api.server_clock import ServerClock

HOUR = timedelta(hours=1)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def server(clock):
    return ServerClock(clock)


def test_before_any_answer_it_is_this_machine_s(server, clock):
    assert server.now() == clock.now()
    assert not server.known
    assert server.skew() == timedelta(0)
    assert server.warning() is None


def test_it_follows_date_and_then_runs_by_itself(server, clock):
    server.observe(http_date(START + HOUR), clock.at)
    assert server.now() == START + HOUR
    clock.pass_(12.5)
    assert server.now() == START + HOUR + timedelta(seconds=12.5)
    clock.wall -= timedelta(days=1)  # a wall clock that is set back during the run is no matter
    assert server.now() == START + HOUR + timedelta(seconds=12.5)


@pytest.mark.parametrize(
    "garbage",
    [
        None,
        "",
        "yesterday",
        "Sun, 31 Jan 2027 12:00:00",
        "Sun, 31 Jan 9999 12:00:00 GMT",
        "Sun, 31 Jan 1970 12:00:00 GMT",
        "Sun, 31 Jan 2027 25:00:00 GMT",
        "Thu, 31 Dec 2026 23:59:60 GMT",  # a leap second, which Google's clocks never show
        "Sun, 31 Jan 2027 12:00 GMT",
        "Sun, 31 Jan 2027 12:00:00 GMT and more",
        "Sun, 31 Jan 2027 12:00:00 EST",
        "Mon, 31 Jan 2027 12:00:00 GMT",  # it was a Sunday
        "Sun, 31 Jan 99999999999 12:00:00 GMT",
        "Sun, ٣١ Jan 2027 12:00:00 GMT",
        "Sun, 31 Jan 2027 12:00:00 GMT, Sun, 31 Jan 2027 12:00:01 GMT",
        "0",
    ],
)
def test_garbage_teaches_nothing(server, clock, garbage):
    server.observe(garbage, clock.at)
    assert not server.known
    server.observe(http_date(START + HOUR), clock.at)
    server.observe(garbage, clock.at)
    assert server.now() == START + HOUR


def test_it_gets_sharper_never_later_than_the_truth(server, clock):
    truth = START + timedelta(seconds=0.9)
    server.observe(http_date(truth), clock.at, clock.at - 0.05)
    assert server.now() == START
    clock.pass_(0.15)  # the truth is 1.05: its Date now says one second, and that is a better bound
    server.observe(http_date(truth + timedelta(seconds=0.15)), clock.at, clock.at - 0.05)
    assert server.now() == START + timedelta(seconds=1)
    clock.pass_(0.6)  # the truth is 1.65: a Date of one second is worse than what is known, and changes nothing
    server.observe(http_date(truth + timedelta(seconds=0.75)), clock.at, clock.at - 0.05)
    assert server.now() == START + timedelta(seconds=1.6)


@pytest.mark.parametrize("jump", [-86_400, -3600, -3, 3, 3600, 86_400])
@pytest.mark.parametrize("trip", [None, 0.0, 0.1])
def test_it_follows_jumps(server, clock, jump, trip):
    server.observe(http_date(START), clock.at, clock.at)
    clock.pass_(5)
    truth = START + timedelta(seconds=5 + jump)
    server.observe(http_date(truth), clock.at, None if trip is None else clock.at - trip)
    assert server.now() == truth


def test_a_late_answer_is_no_jump(server, clock):
    server.observe(http_date(START), clock.at, clock.at)
    sent = clock.at
    clock.pass_(30)  # the service dated it at once, and the answer took its time
    server.observe(http_date(START + timedelta(seconds=1)), clock.at, sent)
    assert server.now() == START + timedelta(seconds=30)


def test_skew_over_a_minute_is_a_warning(server, clock):
    server.observe(http_date(START + timedelta(seconds=60)), clock.at)
    assert server.warning() is None
    server.observe(http_date(START + timedelta(minutes=7)), clock.at)
    warning = server.warning()
    assert warning is not None
    assert (warning.code, "7m behind" in warning.detail) == ("W302", True)
    clock.wall += HOUR
    assert server.skew() == timedelta(minutes=7) - HOUR
    assert "53m ahead of" in server.warning().detail


def test_threads_share_one(server, clock):
    dates = [http_date(START + timedelta(seconds=n)) for n in range(50)]
    threads = [threading.Thread(target=lambda: [server.observe(d, clock.at) for d in dates]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert START + timedelta(seconds=40) < server.now() <= START + timedelta(seconds=49)


@patient
@given(st.floats(-1e6, 1e6), st.lists(st.tuples(st.floats(0, 100), st.floats(0, 3)), max_size=20))
def test_a_steady_service_is_never_overtaken(offset, trips):
    clock = FakeClock()
    server = ServerClock(clock)
    truth = lambda: START + timedelta(seconds=offset + clock.at - 1000)  # noqa: E731
    for pause, trip in trips:
        clock.pass_(pause)
        sent, dated = clock.at, http_date(truth())
        clock.pass_(trip)
        server.observe(dated, clock.at, sent)
        assert timedelta(microseconds=-20) <= truth() - server.now() <= timedelta(seconds=1 + trip, microseconds=20)
