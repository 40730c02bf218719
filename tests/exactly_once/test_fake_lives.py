"""Lives of the fake kinds, and whether they would notice if the protocol were weaker."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import fake_lives
import pytest
from fake_lives import FakeLife

from gemctl.core.errors import Temporary, Unknown
from gemctl.engine import machine
from gemctl.plan import ours, ownership
from gemctl.plan.lifetimes import forever


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(5))
def test_lives_of_fake_kinds(hundred):
    live(range(hundred * 100, hundred * 100 + 100))


def test_some_lives_of_fake_kinds():
    live(range(1014, 1026))


def live(seeds):
    wrong: dict[int, list[str]] = {}
    hits: Counter[str] = Counter()
    for seed in seeds:
        _, problems, seen, _ = fake_lives.live_one(seed)
        hits += seen
        if problems:
            wrong[seed] = problems
    assert wrong == {}, "replay one with: python tests/exactly_once/fake_lives.py --seed N"
    assert {"sink failed", "rotated", "unheard run", "a name that was taken", "list lag"} <= set(hits)


def test_a_life_of_fake_kinds_replays_to_the_letter():
    first, second = FakeLife(7), FakeLife(7)
    first.live()
    second.live()
    assert first.trace == second.trace
    assert first.app.effects == second.app.effects


def _taking_a_name_for_ours(monkeypatch):
    monkeypatch.setattr(ownership._Owning, "_settle_taken", lambda self, address, item: self.bind(address, item))
    monkeypatch.setattr(ours, "ours", lambda item, held, project: True)
    monkeypatch.setattr(ownership, "ours", lambda item, held, project: True)


def _running_again_what_was_not_heard_of(monkeypatch):
    monkeypatch.setattr(fake_lives.FakeApplier, "_may", lambda self, planned: True)


def _taking_no_answer_for_no(monkeypatch):
    original = machine.Execution._call_failed

    def hasty(self, progress, error):
        return original(self, progress, Temporary(str(error)) if isinstance(error, Unknown) else error)

    monkeypatch.setattr(machine.Execution, "_call_failed", hasty)


def _forgetting_what_was_not_delivered(monkeypatch):
    original = forever.decide

    def decide(subject):
        record = subject.record and replace(subject.record, undelivered=False)
        return original(replace(subject, record=record))

    monkeypatch.setattr(forever, "decide", decide)


def _not_waiting_for_a_rotation(monkeypatch):
    monkeypatch.setattr(ownership._Owning, "_asks_for_a_secret", lambda self, intent: False)


# Each with the lives that are tried: from one that shows it soon.
WEAKER = [
    (_taking_a_name_for_ours, 0),
    (_running_again_what_was_not_heard_of, 0),
    (_taking_no_answer_for_no, 0),
    (_forgetting_what_was_not_delivered, 0),
    (_not_waiting_for_a_rotation, 170),
]


@pytest.mark.slow
@pytest.mark.parametrize(("weaken", "first"), WEAKER)
def test_a_weaker_protocol_is_caught(weaken, first, monkeypatch):
    weaken(monkeypatch)
    assert any(fake_lives.live_one(seed)[1] for seed in range(first, first + 150))
