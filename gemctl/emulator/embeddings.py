"""Makes the vectors of the emulated embedding models.

Called by the surfaces that embed. Separate because it is pure, and shares nothing with answers. The numbers in a vector
have no meaning, but the same text has the same vector, every vector has the length 1, and a shorter one is the
beginning of a longer one, scaled.
"""

import hashlib
import struct
from collections.abc import Mapping
from typing import Any

from gemctl.emulator import answers, tokens
from gemctl.emulator.catalogue import Model
from gemctl.emulator.wire import invalid


def embed(model: Model, request: Mapping[str, Any]) -> tuple[list[float], dict[str, int]]:
    """The vector of an EmbedContentRequest that has been through `shapes`, and its content's tokens by modality."""
    size = request.get("outputDimensionality", 0) or model.dimensions
    if not 1 <= size <= model.dimensions:
        raise invalid(f"* EmbedContentRequest.output_dimensionality: must be in [1, {model.dimensions}]")
    longest = {name: value for name, value in request.items() if name != "outputDimensionality"}
    stream = hashlib.shake_256(answers.digest(model.name, longest)).digest(2 * size)
    numbers = struct.unpack(f">{size}h", stream)
    length = sum(number * number for number in numbers) ** 0.5 or 1.0
    counts = tokens.estimate({"contents": [request.get("content", {})]})
    return [round(number / length, 9) for number in numbers], counts
