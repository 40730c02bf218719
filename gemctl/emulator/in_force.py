"""Holds the settings in force: the knobs as they are now, and what is made of them.

Made and called by `app`, under its lock. Separate because it is about what knobs mean, and knows no request but for its
caller: all of them are checked before any is taken, and what counts (a quota, faults, scripted answers) begins anew
when it is set.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gemctl.emulator import model_changes, scripted
from gemctl.emulator.access import Access
from gemctl.emulator.catalogue import Catalogue, Model
from gemctl.emulator.faults import Fault, Script
from gemctl.emulator.knobs import NAMES, Knobs
from gemctl.emulator.quota import Quota
from gemctl.emulator.routing import Call
from gemctl.emulator.wire import Request
from gemctl.emulator.world import World


class InForce:
    """`knobs` are the first ones, to which a reset comes back. Raises ValueError where they make no sense, and changes
    nothing then; so does each method that changes them."""

    def __init__(self, world: World, models: Iterable[Model], knobs: Knobs) -> None:
        self._world = world
        self._models = tuple(models)
        self._first = replace(knobs, list_lag=world.list_lag) if knobs.list_lag is None else knobs
        self._take(self._first, NAMES)

    def turn(self, **changes: Any) -> None:
        """Set fields of the Knobs."""
        self._take(replace(self.knobs, **changes), changes)

    def begin(self, knobs: Knobs) -> None:
        """Take these for the first knobs."""
        knobs = replace(knobs, list_lag=self._first.list_lag) if knobs.list_lag is None else knobs
        self._take(knobs, NAMES)
        self._first = knobs

    def reset(self) -> None:
        """Back to the first knobs."""
        self._take(self._first, NAMES)

    def count_anew(self) -> None:
        """The same knobs, as if nothing had been asked."""
        self._take(self.knobs, NAMES)

    def _take(self, knobs: Knobs, changed: Collection[str]) -> None:
        access = Access(knobs.keys, allow_real_keys=knobs.allow_real_keys)
        catalogue = Catalogue(model_changes.changed(self._models, knobs.models), knobs.min_cache_tokens)
        rules = knobs.pace, knobs.file_rules, knobs.indexing, knobs.interacting
        _ = knobs.live  # raises
        if "requests_per_minute" in changed:
            self._quota = None if knobs.requests_per_minute is None else Quota(knobs.requests_per_minute)
        if "faults" in changed:
            self._faults = Script(knobs.faults)
        if "answers" in changed:
            self._answers = scripted.Script(knobs.answers)
        if knobs.list_lag is not None and "list_lag" in changed:
            self._world.list_lag = knobs.list_lag
        self.knobs, self.catalogue, self._access, self._rules = knobs, catalogue, access, rules

    # What they mean for a request

    @property
    def projects(self) -> tuple[str, ...]:
        """The projects for which there are keys."""
        return self._access.projects

    def admit(self, request: Request, *, bearer: bool = False) -> tuple[str, str]:
        """The project and the key of a request, which counts for the quota; or a refusal."""
        project, key = self._access.admit(request, bearer=bearer)
        if self._quota is not None:
            self._quota.take(project, self._world.instant)
        return project, key

    def strike(self, method: str, path: str) -> Sequence[Fault]:
        """The faults that strike this request, which has been counted."""
        return self._faults.strike(method, path)

    def call(self, request: Request, version: str, project: str, params: Mapping[str, str]) -> Call:
        """What a handler gets."""
        catalogue, pause = self.catalogue.at(self._world.instant), self.knobs.stream_pause.total_seconds()
        return Call(self._world, catalogue, request, version, project, params, *self._rules, self._answers, pause)

    # Scripted answers

    @property
    def answers(self) -> list[dict[str, object]]:
        """The scripted answers, each with how many requests it has fitted."""
        return self._answers.shown()

    def add_answers(self, rules: Iterable[scripted.Rule]) -> None:
        """Put some behind those that there are, which go on counting."""
        self._answers.add(rules)
        self._take(replace(self.knobs, answers=self._answers.rules), ())
