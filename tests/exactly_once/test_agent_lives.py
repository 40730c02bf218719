"""Lives of projects with agents, and whether they would notice if the protocol were weaker."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import agent_lives
import appliers
import pytest
from agent_lives import AgentLife

from gemctl.core.errors import Temporary, Unknown
from gemctl.core.project import Timing
from gemctl.engine import machine
from gemctl.plan import adopted, fields, ours, ownership
from gemctl.plan.lifetimes import forever


@pytest.mark.slow
@pytest.mark.parametrize("fifty", range(3))
def test_lives_with_agents(fifty):
    seen = live(range(fifty * 50, fifty * 50 + 50))
    assert {"a name that was taken", "list lag", "sink failed", "secret changed by hand", "carried on"} <= set(seen)


def test_some_lives_with_agents():
    seen = live(range(1014, 1022))
    assert {"rotated", "value changed", "a stranger's object"} <= set(seen)


def live(seeds):
    wrong: dict[int, list[str]] = {}
    hits: Counter[str] = Counter()
    for seed in seeds:
        _, problems, seen, _ = agent_lives.live_one(seed)
        hits += seen
        if problems:
            wrong[seed] = problems
    assert wrong == {}, "replay one with: python tests/exactly_once/agent_lives.py --seed N"
    return hits


def test_a_life_with_agents_replays_to_the_letter():
    first, second = AgentLife(7), AgentLife(7)
    first.live()
    second.live()
    assert first.trace == second.trace
    assert first.app.effects == second.app.effects


def _taking_a_name_for_ours(monkeypatch):
    monkeypatch.setattr(ownership._Owning, "_settle_taken", lambda self, wanted, item: self.bind(wanted.address, item))
    monkeypatch.setattr(ours, "ours", lambda item, held, project: True)
    monkeypatch.setattr(ownership, "ours", lambda item, held, project: True)


def _running_again_what_was_not_heard_of(monkeypatch):
    original = agent_lives.AgentApplier._may

    def may(self, planned):
        heard = tuple(found for found in planned.problems if found.code != "E570")
        return original(self, replace(planned, problems=heard))

    monkeypatch.setattr(agent_lives.AgentApplier, "_may", may)


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


def _not_comparing_the_values_of_secrets(monkeypatch):
    monkeypatch.setattr(agent_lives, "_quick", lambda value, salt, whose: f"scrypt:{'0' * 32}")


def _taking_it_that_a_secret_is_what_it_is_now(monkeypatch):
    """Of a create whose answer was lost: by now, the value may be another one than was sent."""
    original = adopted.found_by

    def found_by(intent, item, wanted):
        found = original(intent, item, wanted)
        if wanted is None or not wanted.declared.secrets:
            return found
        return replace(found, fields=wanted.declared.fields, spec_tag=wanted.spec_tag)

    monkeypatch.setattr(ownership, "found_by", found_by)


def _not_heeding_when_it_was_changed(monkeypatch):
    monkeypatch.setattr(fields, "_changed_unseen", lambda *_: iter(()))


def _leaving_a_second_schedule(monkeypatch):
    monkeypatch.setattr(ownership._Owning, "note_duplicates", lambda self, address, items: None)


def _not_waiting_for_what_was_sent(monkeypatch):
    hasty = replace(appliers.PROJECT, timing=Timing(settle=timedelta(0)))
    monkeypatch.setattr(appliers, "PROJECT", hasty)


# Each with a life that shows it, and the words by which it is told.
WEAKER = [
    (_taking_a_name_for_ours, 5, "touched: deleted"),
    (_running_again_what_was_not_heard_of, 13, "paid"),
    (_taking_no_answer_for_no, 13, "paid"),
    (_forgetting_what_was_not_delivered, 1, "undelivered"),
    (_not_waiting_for_a_rotation, 3781, "undelivered"),
    (_not_comparing_the_values_of_secrets, 2, "stale: credentials/"),
    (_taking_it_that_a_secret_is_what_it_is_now, 237, "stale: credentials/"),
    (_not_heeding_when_it_was_changed, 29, "stale: credentials/"),
    (_leaving_a_second_schedule, 5, "duplicate: Trigger/"),
    (_not_waiting_for_what_was_sent, 8, "two at once"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("weaken", "first", "words"), WEAKER)
def test_a_weaker_protocol_is_caught(weaken, first, words, monkeypatch):
    """In that life, or in one of those after it: chance takes another course with every change."""
    weaken(monkeypatch)
    lives = (agent_lives.live_one(seed)[1] for seed in range(first, first + 60))
    assert any(problem.startswith(words) for found in lives for problem in found)
