"""Lives of stores with documents, and whether they would notice if the protocol were weaker."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import store_lives
from store_lives import StoreLife

from gemctl.core.errors import Temporary, Unknown
from gemctl.core.record import tag_of
from gemctl.engine import machine
from gemctl.plan import members


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(2))
def test_lives_of_stores(hundred):
    live(range(hundred * 100, hundred * 100 + 100))


def test_some_lives_of_stores():
    live(range(1000, 1015))


def live(seeds):
    wrong: dict[int, list[str]] = {}
    hits: Counter[str] = Counter()
    for seed in seeds:
        _, problems, seen, _ = store_lives.live_one(seed)
        hits += seen
        if problems:
            wrong[seed] = problems
    assert wrong == {}, "replay one with: python tests/exactly_once/store_lives.py --seed N"
    assert {"state lost", "list lag", "a document failed", "a document of a stranger", "a copy of a document"} <= {
        name for name, times in hits.items() if times
    }


def test_a_life_of_stores_replays_to_the_letter():
    first, second = StoreLife(7), StoreLife(7)
    first.live()
    second.live()
    assert first.trace == second.trace
    assert first.app.effects == second.app.effects
    (one,), (other,) = first.appliers, second.appliers
    assert repr(one.store.load().ledger) == repr(other.store.load().ledger)


def _taking_no_answer_for_no(monkeypatch):
    original = machine.Execution._call_failed

    def hasty(self, progress, error):
        if isinstance(error, Unknown) and progress.group:
            error = Temporary(str(error))
        return original(self, progress, error)

    monkeypatch.setattr(machine.Execution, "_call_failed", hasty)
    monkeypatch.setattr(members.Listed, "_one", lambda self, *_: None)


def _taking_copies_for_strangers(monkeypatch):
    original = members.Listed._one

    def careless(self, *how):
        original(self, *how)
        for address, seen in self.seen.items():
            self.seen[address] = replace(seen, extra={})

    monkeypatch.setattr(members.Listed, "_one", careless)


def _taking_what_carries_no_mark(monkeypatch):
    monkeypatch.setattr(members, "member_tag", lambda of, path: "x" * 13)


def _never_making_anew(monkeypatch):
    monkeypatch.setattr(members, "tag_of", lambda known: _Any(tag_of(known)))


class _Any(str):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


@pytest.mark.slow
@pytest.mark.parametrize(
    "weaken",
    [_taking_no_answer_for_no, _taking_copies_for_strangers, _taking_what_carries_no_mark, _never_making_anew],
)
def test_a_weaker_protocol_is_noticed(monkeypatch, weaken):
    weaken(monkeypatch)
    assert any(store_lives.live_one(seed)[1] for seed in range(2000, 2060))
