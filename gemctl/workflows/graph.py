"""Makes the graph of the declared resources, offline and without a key. Called by `gemctl graph`."""

from __future__ import annotations

from gemctl.core.graph import Graph, declared
from gemctl.workflows.validate import validate
from gemctl.workflows.wiring import Session


def graph(session: Session, paths: tuple[str, ...]) -> Graph:
    """The declared resources and what each needs. Raises Rejected with all that is wrong with the manifests."""
    return declared(validate(session, paths))
