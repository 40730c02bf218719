"""Reads what is declared for a stack: the manifests, and then the receipts of runs whose results were saved.

Called by every workflow that asks what is wanted: plan.py, validate.py and render.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gemctl.core.errors import Rejected
from gemctl.core.kind import Catalogue
from gemctl.core.mark import owner_tag
from gemctl.core.project import Stack
from gemctl.core.resource import Desired
from gemctl.core.source import SourceFile
from gemctl.manifest.load import attaching, load
from gemctl.manifest.read import source_of
from gemctl.manifest.remembered import DeclaredBefore
from gemctl.manifest.root import LoadedProject
from gemctl.outputs import results_parquet
from gemctl.outputs.receipts import with_receipts

INPUT = "<stdin>"  # the place of a manifest that comes from standard input


def from_input(data: bytes) -> SourceFile:
    """The manifest that came from standard input; what it names is seen from the project's root. Raises Rejected."""
    return source_of(INPUT, data)


def declared(
    loaded: LoadedProject,
    stack: Stack,
    catalogue: Catalogue,
    paths: Sequence[str] = (),
    *,
    now: datetime | None = None,
    others: bool = False,
    before: DeclaredBefore | None = None,
    given: SourceFile | None = None,
) -> Desired:
    """Everything that the project declares for a stack. For the arguments see `manifest.load.load`.

    Raises Rejected with all that is wrong with all files.
    """
    read = load(loaded, stack, catalogue, paths, now=now, others=others, before=before, given=given)
    desired = receipted(read, loaded, stack, catalogue)
    if unwritten := results_parquet.lacking(desired):
        raise Rejected(unwritten)
    return desired


def receipted(desired: Desired, loaded: LoadedProject, stack: Stack, catalogue: Catalogue) -> Desired:
    """Add the receipts of runs to what the manifests declare. Raises nothing: a bad receipt is a warning."""
    owner = owner_tag(loaded.project.identity, stack.name)
    with attaching(loaded.root) as attach:
        return with_receipts(desired, loaded.root, owner, catalogue, attach)
