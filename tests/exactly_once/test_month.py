"""A few days of renewals under misfortunes, by cron and by watch; and lives in which watch's tick is in apply's place.

The whole month is run by hand: month.py, ticking.py.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import month
import pytest
import ticking
from month import HOUR, Cached, Month

DAYS = 4.0
CACHES = (
    Cached("prompt", 31 * HOUR, 90 * timedelta(minutes=1)),
    Cached("contract", 43 * HOUR, 100 * timedelta(minutes=1), made_of_file=True),
    Cached("hasty", 6 * HOUR, 5 * timedelta(minutes=1), made_of_file=True),
)


@pytest.mark.parametrize(("way", "seed"), [pytest.param("cron", 0, marks=pytest.mark.slow), ("watch", 1)])
def test_some_days(way, seed, monkeypatch):
    monkeypatch.setattr(month, "CACHES", CACHES)
    some = Month(seed, way, DAYS)
    assert some.live() == []
    promised = [one for one in some.accounts if one.promised]
    assert [one.cached.name for one in promised] == ["prompt", "contract"]
    for one in promised:
        assert (one.without, one.made) == (timedelta(0), 1)
        assert 0 < one.least <= one.patches <= one.least + 1  # a month tells more
    assert some.hits["lost before"] + some.hits["no connection"] + some.hits["status before"] > 5
    assert some.accounts[-1].without > timedelta(0)  # to whom nothing is promised: or it would be kept by luck
    assert way == "cron" or some.hits["restarts"] > 2


def test_the_account_sees_a_cache_that_is_missed(monkeypatch):
    monkeypatch.setattr(month, "CACHES", CACHES[:1])
    monkeypatch.setattr(
        Month, "_cron", lambda self, machine: self.pass_time((self.end - self.clock.now()).total_seconds())
    )
    some = Month(0, "cron", DAYS)
    assert some.live() == []  # who never looks is promised nothing
    (account,) = some.accounts
    assert (account.promised, account.without) == (False, DAYS * month.DAY - 31 * HOUR)


@pytest.mark.parametrize("dozen", [0, *(pytest.param(dozen, marks=pytest.mark.slow) for dozen in (1, 2))])
def test_lives_of_ticks(dozen):
    wrong = {seed: problems for seed in range(dozen * 12, dozen * 12 + 12) if (problems := ticking.live_one(seed)[1])}
    assert wrong == {}, "replay one with: python tests/exactly_once/ticking.py --seed N"


def test_what_befalls_them():
    hits: Counter[str] = Counter()
    for seed in range(40, 52):
        life = ticking.TickedLife(seed)
        assert life.live() == []
        hits += life.hits
    assert sum(times for name, times in hits.items() if name.startswith("death")) > 3
