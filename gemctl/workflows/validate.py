"""Everything that can be checked without a call."""

from __future__ import annotations

from gemctl.core.resource import Desired
from gemctl.manifest.load import load
from gemctl.workflows.wiring import Session


def validate(session: Session, paths: tuple[str, ...]) -> Desired:
    """What is declared, with warnings. Raises Rejected with all errors."""
    return load(session.loaded, session.stack, session.catalogue, paths, now=session.clock.now())
