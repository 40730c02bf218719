"""Checks everything that can be checked without a call. Called by `gemctl validate`, and to show lines of manifests."""

from __future__ import annotations

from gemctl.core.errors import Rejected
from gemctl.core.resource import Desired
from gemctl.manifest.read import sources
from gemctl.workflows.declared import declared
from gemctl.workflows.wiring import Session


def validate(session: Session, paths: tuple[str, ...]) -> Desired:
    """The declared resources, with warnings. Raises Rejected with all errors."""
    return declared(session.loaded, session.stack, session.catalogue, paths, now=session.clock.now(), others=True)


def text_of(root: str, file: str) -> str | None:
    """A manifest's text, to show the lines that a diagnostic points at; None if it may not, or can't, be read."""
    try:
        return sources(root, (file,))[0].text
    except (Rejected, OSError):
        return None
