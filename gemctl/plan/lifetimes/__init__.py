"""How the planner treats objects: one module for each lifetime, and one for what is recorded and nowhere live."""

from __future__ import annotations

from collections.abc import Mapping

from gemctl.core.kind import Kind
from gemctl.core.lifetime import Expires, Forever, Once, Renewable
from gemctl.plan.lifetimes import expires, forever, once, recorded, renewable
from gemctl.plan.lifetimes.policy import Policy

_POLICIES: Mapping[type, Policy] = {Expires: expires, Forever: forever, Once: once, Renewable: renewable}


def policy(kind: Kind) -> Policy:
    """How the planner treats objects of this kind."""
    return _POLICIES[type(kind.lifetime)] if kind.remote else recorded
