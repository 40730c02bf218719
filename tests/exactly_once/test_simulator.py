"""A thousand whole lives, and whether the simulator would notice if the protocol were weaker."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import appliers
import pytest
import simulator
from memory_files import MemoryFiles

from gemctl.core.errors import Temporary, Unknown
from gemctl.core.project import Timing
from gemctl.engine import machine, survey
from gemctl.plan import ownership


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(10))
def test_lives(hundred):
    live(range(hundred * 100, hundred * 100 + 100))


def test_some_lives():
    live(range(1000, 1030))


def live(seeds):
    wrong: dict[int, list[str]] = {}
    hits: Counter[str] = Counter()
    for seed in seeds:
        _, problems, seen, _ = simulator.live_one(seed)
        hits += seen
        if problems:
            wrong[seed] = problems
    assert wrong == {}, "replay one with: python tests/exactly_once/simulator.py --seed N"
    assert {*simulator.KINDS, simulator.SHORT, "power cut", "state lost", "two appliers at once"} <= set(hits)


@pytest.mark.parametrize("seed", [3, 13, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (17, 34))])
def test_a_seed_replays_to_the_letter(seed):
    first, second = simulator.Life(seed), simulator.Life(seed)
    first.live()
    second.live()
    assert first.trace == second.trace
    assert first.app.effects == second.app.effects
    for one, other in zip(first.appliers, second.appliers, strict=True):
        assert repr(one.store.load().ledger) == repr(other.store.load().ledger)


def _without_sweeping(monkeypatch):
    monkeypatch.setattr(ownership._Owning, "note_duplicates", lambda self, address, items: None)


def _taking_no_answer_for_no(monkeypatch):
    original = machine.Execution._call_failed

    def hasty(self, progress, error):
        return original(self, progress, Temporary(str(error)) if isinstance(error, Unknown) else error)

    monkeypatch.setattr(machine.Execution, "_call_failed", hasty)


def _without_quarantine(monkeypatch):
    hasty = replace(appliers.PROJECT, timing=Timing(settle=timedelta(0)))
    monkeypatch.setattr(appliers, "PROJECT", hasty)


def _without_fsync(monkeypatch):
    monkeypatch.setattr(MemoryFiles, "sync", lambda self, handle: None)


def _believing_one_list(monkeypatch):
    monkeypatch.setattr(survey, "_lacks", lambda *_: False)
    monkeypatch.setattr(survey, "_still_due", lambda *_: [])


# Each with the lives that are tried: from one that shows it soon.
WEAKER = [
    (_without_sweeping, 0),
    (_without_quarantine, 345),
    (_taking_no_answer_for_no, 0),
    (_without_fsync, 0),
    (_believing_one_list, 0),
]


@pytest.mark.slow
@pytest.mark.parametrize(("weaken", "first"), WEAKER)
def test_a_weaker_protocol_is_caught(weaken, first, monkeypatch):
    weaken(monkeypatch)
    assert any(simulator.live_one(seed)[1] for seed in range(first, first + 150))
