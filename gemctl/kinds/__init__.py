"""The cabinet: one file for each kind of resource, one line here. docs/adding-a-kind.md is the contract."""

from __future__ import annotations

from types import MappingProxyType

from gemctl.core.kind import Catalogue, Kind
from gemctl.kinds.cached_content import CachedContentKind

_KINDS: tuple[Kind, ...] = (CachedContentKind(),)

CATALOGUE: Catalogue = MappingProxyType({kind.name: kind for kind in _KINDS})
