"""Lists the kinds of resources: one file for each, one line here. docs/adding-a-kind.md is the contract.

Workflows hand this catalogue to the rooms that work with kinds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from gemctl.core.kind import Catalogue, Kind

_KINDS = {
    "Agent": "gemctl.kinds.agent",
    "BatchJob": "gemctl.kinds.batch_job",
    "CachedContent": "gemctl.kinds.cached_content",
    "Credential": "gemctl.kinds.credential",
    "File": "gemctl.kinds.file",
    "FileSearchStore": "gemctl.kinds.file_search_store",
    "Interaction": "gemctl.kinds.interaction",
    "TokenPolicy": "gemctl.kinds.token_policy",
    "Trigger": "gemctl.kinds.trigger",
    "Webhook": "gemctl.kinds.webhook",
}


# The kinds of objects that come with one of these, each with the kind that they come with.
_MEMBERS = {"FileSearchDocument": "FileSearchStore"}


class _Kinds(Mapping[str, Kind]):
    """Imports a kind when it is first asked for: a plan of caches needs no model of a job's requests. What comes with
    a kind is found by its name as well, and is not among those that are listed.
    """

    def __init__(self) -> None:
        self._open: dict[str, Kind] = {}

    def __getitem__(self, name: str) -> Kind:
        try:
            return self._open[name]
        except KeyError:
            return self._opened(name)

    def __contains__(self, name: object) -> bool:
        return name in self._open or super().__contains__(name)

    def get(self, name: str, default: Any = None, /) -> Any:
        """As of each mapping. A plan asks for the kind of each resource many times: an open one is found at once."""
        try:
            return self._open[name]
        except KeyError:
            return super().get(name, default)

    def _opened(self, name: str) -> Kind:
        if name in _MEMBERS and (members := self[_MEMBERS[name]].members):
            return members
        module = import_module(_KINDS[name])
        self._open[name] = module.KIND
        return self._open[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_KINDS)

    def __len__(self) -> int:
        return len(_KINDS)


CATALOGUE: Catalogue = _Kinds()
