"""Holds all that is known of one address. Made by workflows/describe.py, shown by render/description.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gemctl.core.address import Address
from gemctl.core.change import Change
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.frozen import dataclass
from gemctl.core.live import LiveObject
from gemctl.core.record import Generation, Intent, Record
from gemctl.core.resource import Resource


@dataclass(frozen=True, slots=True)
class Description:
    """All that is known of `address` at the service's time `now`. Of a job in parts, that of all its parts.

    resources   as declared; empty for what is only recorded.
    records     what the ledger binds; `retiring` are older objects by their live names, `intents` calls whose outcome
                is open.
    live        the objects of these names that are live.
    changes     what apply would do about it.
    needs       what it refers to, and `needed_by` what refers to it, as declared.
    """

    address: Address
    now: datetime
    resources: tuple[Resource, ...]
    records: Mapping[Address, Record]
    retiring: Mapping[str, Generation]
    intents: tuple[Intent, ...]
    live: tuple[LiveObject, ...]
    changes: tuple[Change, ...]
    needs: tuple[Address, ...]
    needed_by: tuple[Address, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
