"""Values that many tests need: a clock that is moved by hand, and hypothesis strategies for what travels."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from gemctl.core.address import Address
from gemctl.core.call import Call, put
from gemctl.core.moment import show_instant
from gemctl.core.record import (
    Agreed,
    Bound,
    Closed,
    Doubted,
    Generation,
    Gone,
    Handed,
    Intended,
    Intent,
    Joined,
    Members,
    Minted,
    MintedToken,
    Op,
    Origin,
    Parted,
    Record,
    Retiring,
    row,
)
from gemctl.core.resource import Ttl, Until

START = datetime(2026, 11, 21, 9, 0, 0, tzinfo=UTC)


class ManualClock:
    """A clock of this machine and of the service in one: time passes only when somebody sleeps or moves it."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._start = start
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(max(seconds, 0.0))

    def advance(self, by: float | timedelta) -> None:
        self._now += by if isinstance(by, timedelta) else timedelta(seconds=by)


def started(call: Call, now: datetime) -> Call:
    """The call with the instants in it that are counted from the start of its step, which is now."""
    body = call.body
    for at, life in call.times:
        body = put(body, at, show_instant(now + life))
    return replace(call, body=body, times=())


words = st.from_regex(r"[a-z][a-z0-9]{0,11}", fullmatch=True)
addresses = st.builds(Address, st.just("CachedContent"), words)
names = words.map(lambda word: f"cachedContents/{word}")
instants = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda d: d.replace(tzinfo=UTC))
durations = st.timedeltas(timedelta(seconds=1), timedelta(days=30))
expiries = st.one_of(st.none(), st.builds(Ttl, durations), st.builds(Until, instants))
fields = st.dictionaries(words, st.one_of(words, st.integers(-5, 5), st.lists(words, max_size=2)), max_size=3)
records = st.builds(
    Record,
    name=names,
    spec_tag=words,
    origin=st.sampled_from(Origin),
    address_tag=words,
    fields=st.one_of(st.none(), fields),
    expiry=expiries,
    created=st.one_of(st.none(), instants),
    deadline=st.one_of(st.none(), instants),
    tokens=st.one_of(st.none(), st.integers(0, 10**9)),
    outputs=fields,
    echoed=st.booleans(),
    prevent_destroy=st.booleans(),
    retire=durations,
    shown=st.one_of(st.none(), fields),
)
intents = st.builds(
    Intent,
    id=words,
    op=st.sampled_from(Op),
    address=addresses,
    at=instants,
    address_tag=words,
    spec_tag=words,
    name=st.one_of(st.none(), names),
    deadline=st.one_of(st.none(), instants),
    shows=fields,
)
generations = st.builds(
    Generation,
    addresses,
    words,
    deadline=st.one_of(st.none(), instants),
    tokens=st.none(),
    origin=st.sampled_from(Origin),
    created=st.one_of(st.none(), instants),
    echoed=st.booleans(),
)
tokens = st.builds(
    MintedToken,
    digest=st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
    at=instants,
    expires=instants,
    new_session_expires=instants,
    uses=st.integers(0, 2**31 - 1),
)
paths = st.text(min_size=1, max_size=20)
rows = st.builds(row, st.from_regex(r"[a-z0-9]{13}", fullmatch=True), words, failed=st.booleans())
entries = st.one_of(
    st.builds(Intended, intents),
    st.builds(Bound, addresses, records, st.one_of(st.none(), words)),
    st.builds(Retiring, names, generations, st.one_of(st.none(), words)),
    st.builds(Gone, addresses, names, st.one_of(st.none(), words)),
    st.builds(Closed, words, words),
    st.builds(Doubted, intents),
    st.builds(Minted, addresses, tokens, st.one_of(st.none(), words)),
    st.builds(Handed, names, addresses, words),
    st.builds(Joined, addresses, paths, rows, st.one_of(st.none(), words)),
    st.builds(Parted, addresses, paths, words, st.one_of(st.none(), words)),
    st.builds(Members, addresses, st.dictionaries(paths, rows, max_size=3)),
    st.builds(Agreed, addresses, names, words),
)
