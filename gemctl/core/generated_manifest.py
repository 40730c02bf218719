"""Holds a manifest for a live object, as far as the service shows what it was made of.

Made by workflows/generate_manifests.py, written as text by render.
"""

from __future__ import annotations

from collections.abc import Mapping

from gemctl.core.address import Address
from gemctl.core.frozen import dataclass
from gemctl.core.live import LiveObject
from gemctl.core.source import JsonObject, Path


@dataclass(frozen=True, slots=True)
class GeneratedManifest:
    """value   the document; a value that isn't shown stands in it as `${fill: …}`.
    notes   comments on values, by their paths.
    rest    fields that aren't shown either, and may have been set or not.
    below   the word of people for one of the objects that may lie under it; "" where nothing does.
    """

    address: Address
    item: LiveObject
    value: JsonObject
    notes: Mapping[Path, str]
    rest: tuple[str, ...]
    below: str = ""
