"""Holds what a person asks of the planner. Made by cli and by workflows, and apart from plan.py, which imports the
planner.
"""

from __future__ import annotations

from dataclasses import field

from gemctl.core.address import Address
from gemctl.core.frozen import dataclass
from gemctl.core.plan import Allowances
from gemctl.core.source import SourceFile


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What a person asks of the planner.

    paths     plan only these manifests; what is declared elsewhere is then left alone.
    given     a manifest that is in no file, planned as if it were one of `paths`.
    targets   plan only these addresses, and what they refer to.
    anew      make new objects of these addresses, although nothing was edited.
    destroy   plan as if nothing were declared.
    refresh   only tell the ledger what is live.
    everything   look also below parents that show that nothing below them has changed.
    count     ask the service how many tokens are to be stored, where it hasn't counted them yet.
    advise    say of what is kept what it costs, and whether keeping pays.
    """

    paths: tuple[str, ...] = ()
    targets: tuple[Address, ...] = ()
    destroy: bool = False
    refresh: bool = False
    everything: bool = False
    count: bool = False
    advise: bool = False
    allowed: Allowances = field(default_factory=Allowances)
    anew: tuple[Address, ...] = ()
    given: SourceFile | None = None
