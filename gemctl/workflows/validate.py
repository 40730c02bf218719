"""Checks everything that can be checked without a call. Called by `gemctl validate`, and to show lines of manifests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gemctl.core.diagnostic import errors, in_reading_order
from gemctl.core.errors import Rejected
from gemctl.core.resource import Desired
from gemctl.core.source import SourceFile
from gemctl.manifest.read import sources
from gemctl.workflows.declared import declared
from gemctl.workflows.wiring import Session


def validate(session: Session, paths: tuple[str, ...], given: SourceFile | None = None) -> Desired:
    """The declared resources, with warnings, also by the book of facts. Raises Rejected with all errors. `given` is a
    manifest that is in no file.
    """
    now = session.clock.now()
    desired = declared(session.loaded, session.stack, session.catalogue, paths, now=now, others=True, given=given)
    if session.project.facts is None and not any(one.declared.model for one in desired.resources.values()):
        return desired
    from gemctl.workflows import facts

    book, wrong = facts.book_of(session)
    if wrong:
        raise Rejected(wrong)
    found = facts.warnings(session, desired, book, facts.now_of(session))
    if errors(found):
        raise Rejected(in_reading_order((*desired.warnings, *found)))
    return replace(desired, warnings=in_reading_order((*desired.warnings, *found)))


def text_of(root: str, file: str) -> str | None:
    """A manifest's text, to show the lines that a diagnostic points at; None if it may not, or can't, be read."""
    try:
        return sources(root, (file,))[0].text
    except (Rejected, OSError):
        return None


def in_repository(root: str) -> str:
    """The folder of a project as seen from the top of its repository, as `shop/`; "" where it is the top itself, or in
    no repository.
    """
    folder = Path(root).resolve()
    for top in (folder, *folder.parents):
        if (top / ".git").exists():  # a folder, or in a further work tree a file
            below = folder.relative_to(top).as_posix()
            return "" if below == "." else f"{below}/"
    return ""
