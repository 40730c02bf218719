"""Resolves what a stack declares into manifests that need nothing else. Called by `gemctl render`."""

from __future__ import annotations

from gemctl.core.origin import ResolvedManifest
from gemctl.core.resource import Desired
from gemctl.manifest.load import load_drafts
from gemctl.manifest.origins import resolved
from gemctl.workflows.declared import receipted
from gemctl.workflows.wiring import Session


def render(session: Session, paths: tuple[str, ...]) -> tuple[Desired, tuple[ResolvedManifest, ...]]:
    """The declared resources, with warnings, and their resolved manifests. Raises Rejected with all errors."""
    loaded, stack, catalogue = session.loaded, session.stack, session.catalogue
    manifests, drafts = load_drafts(loaded, stack, catalogue, paths, now=session.clock.now())
    desired = receipted(manifests, loaded, stack, catalogue)
    wholes = {part.of: one for one in desired.resources.values() if one.run and (part := one.run.part)}
    found = tuple(
        resolved(address, drafts[address], resource, catalogue[address.kind], stack, loaded.positions)
        for address in sorted(drafts)  # what is generated, and a part, belongs to what is declared
        if (resource := desired.resources.get(address) or wholes.get(address))
    )
    return desired, found
