"""What is declared, as a graph: offline, without a key."""

from __future__ import annotations

from gemctl.core.graph import Graph, declared
from gemctl.workflows.validate import validate
from gemctl.workflows.wiring import Session


def graph(session: Session, paths: tuple[str, ...]) -> Graph:
    """What needs what. Raises Rejected with all that is wrong with the manifests."""
    return declared(validate(session, paths))
