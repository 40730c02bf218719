"""Lives of several stacks and a stranger on one key, and whether the driver would notice if gemctl knew less."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import neighbours
import pytest

from gemctl.plan import ownership
from gemctl.workflows import adopt, handover
from gemctl.workflows.others import Holders


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, 6))])
def test_nobody_writes_to_what_belongs_to_another(part):
    wrong: dict[int, list[str]] = {}
    hits: Counter[str] = Counter()
    for seed in range(20 + part, 140, 6):
        _, problems, seen = neighbours.live_one(seed)
        hits += seen
        if problems:
            wrong[seed] = problems
    assert wrong == {}, "replay one with: python tests/exactly_once/neighbours.py --seed N"
    assert {"handed over", "handover interrupted", "imported", "runs at once", "a stranger's object"} <= set(hits)


@pytest.mark.parametrize("seed", [3, 6])
def test_a_seed_replays_to_the_letter(seed):
    first, second = neighbours.Street(seed), neighbours.Street(seed)
    first.live()
    second.live()
    assert first.app.effects == second.app.effects


def _blind_to_the_others(monkeypatch):
    """Another stack's imports in gemctl.yaml are not read."""
    original = ownership._Owning.__init__

    def init(self, *values):
        *rest, around = values
        original(self, *rest, replace(around, others={}))

    monkeypatch.setattr(ownership._Owning, "__init__", init)


def _forgetting_what_was_given(monkeypatch):
    """The first stack lets go without a note of it."""
    original = handover._rewrite

    def rewrite(session, line, loaded, entries):
        return original(session, line, loaded, [one for one in entries if not isinstance(one, handover.Handed)])

    monkeypatch.setattr(handover, "_rewrite", rewrite)


def _importing_what_others_hold(monkeypatch):
    monkeypatch.setattr(adopt, "holders", lambda session: Holders({}, {}, {}))


def _binding_before_saying_so(monkeypatch):
    """Handover in two steps: killed in between, both stacks have it."""
    original = handover._rewrite

    def rewrite(session, line, loaded, entries):
        entries = list(entries)
        last = any(isinstance(one, handover.Gone) for one in entries)
        return original(session, line, loaded, entries) if last else loaded

    monkeypatch.setattr(handover, "_rewrite", rewrite)


@pytest.mark.parametrize(
    ("weaken", "first"),  # where to begin, to be quick
    [
        (_blind_to_the_others, 25),
        (_forgetting_what_was_given, 10),
        (_importing_what_others_hold, 3),
        (_binding_before_saying_so, 10),
    ],
)
def test_a_weaker_gemctl_is_caught(weaken, first, monkeypatch):
    weaken(monkeypatch)
    assert any(neighbours.live_one(seed)[1] for seed in range(first, first + 200))
