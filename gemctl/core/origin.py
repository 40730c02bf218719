"""Holds a resource as a stack resolves it, and where each value of it was written.

Made by manifest/origins.py, written as text by render/manifests.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from gemctl.core.address import Address
from gemctl.core.frozen import dataclass
from gemctl.core.source import JsonObject, Path, Span


class Layer(StrEnum):
    """Later ones win over earlier ones."""

    DEFAULTS = "defaults"  # of the kind, in gemctl.yaml
    MANIFEST = "manifest"
    OVERLAY = "overlay"


@dataclass(frozen=True, slots=True)
class ValueOrigin:
    """The place where a value was written, and its variables: the name of each, and where its value comes from."""

    layer: Layer
    span: Span
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ResolvedManifest:
    """A resource as a manifest that stands for itself, for a file in the project's root.

    span     where it is declared; `added`: that is in an overlay, and in no manifest.
    origins  of values that were not simply written there, by path. All below a path has the same origin, unless it is
             named itself.
    """

    address: Address
    value: JsonObject
    span: Span
    added: bool
    origins: Mapping[Path, ValueOrigin]
