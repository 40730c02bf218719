"""A manifest for something live, as far as the service shows what it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gemctl.core.address import Address
from gemctl.core.live import LiveObject
from gemctl.core.source import JsonObject, Path


@dataclass(frozen=True, slots=True)
class GeneratedManifest:
    """value   the document; what isn't shown stands in it as `${fill: …}`.
    notes   comments on values, by their paths.
    rest    fields that aren't shown either, and may have been set or not.
    """

    address: Address
    item: LiveObject
    value: JsonObject
    notes: Mapping[Path, str]
    rest: tuple[str, ...]
