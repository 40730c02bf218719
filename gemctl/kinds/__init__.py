"""Lists the kinds of resources: one file for each, one line here. docs/adding-a-kind.md is the contract.

Workflows hand this catalogue to the rooms that work with kinds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from gemctl.core.kind import Catalogue, Kind

_KINDS = {
    "BatchJob": "gemctl.kinds.batch_job",
    "CachedContent": "gemctl.kinds.cached_content",
    "File": "gemctl.kinds.file",
    "TokenPolicy": "gemctl.kinds.token_policy",
    "Webhook": "gemctl.kinds.webhook",
}


class _Kinds(Mapping[str, Kind]):
    """Imports a kind when it is first asked for: a plan of caches needs no model of a job's requests."""

    def __init__(self) -> None:
        self._open: dict[str, Kind] = {}

    def __getitem__(self, name: str) -> Kind:
        if name not in self._open:
            module = import_module(_KINDS[name])
            self._open[name] = module.KIND
        return self._open[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_KINDS)

    def __len__(self) -> int:
        return len(_KINDS)


CATALOGUE: Catalogue = _Kinds()
