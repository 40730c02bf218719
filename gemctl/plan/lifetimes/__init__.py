"""Chooses how the planner treats objects: by one module for each lifetime, and one for resources that are recorded and
nowhere live. Called by the modules of plan/.
"""

from __future__ import annotations

from collections.abc import Mapping

from gemctl.core.kind import Kind
from gemctl.core.lifetime import Expires, Forever, Once, Renewable, Scheduled
from gemctl.plan.lifetimes import expires, forever, once, recorded, renewable, scheduled
from gemctl.plan.lifetimes.policy import Policy

_POLICIES: Mapping[type, Policy] = {
    Expires: expires,
    Forever: forever,
    Scheduled: scheduled,
    Once: once,
    Renewable: renewable,
}


def policy(kind: Kind) -> Policy:
    """The policy for objects of this kind."""
    return _POLICIES[type(kind.lifetime)] if kind.remote else recorded
