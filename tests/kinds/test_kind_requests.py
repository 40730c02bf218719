"""The shapes of requests, beside the official types: a name that is wrong here would be wrong on the wire."""

from __future__ import annotations

import pytest
from google.genai import types as official
from pydantic import BaseModel

from gemctl.kinds import api_types
from gemctl.kinds.api_types import REFUSED, Shape
from gemctl.kinds.parts import generation

OURS = {"cachedContentRef"}
OFFICIAL = {"VoiceConfigShape": "VoiceConfig", "WireContent": "Content", "WireInstruction": "Content"}
REQUESTS = {
    "GenerateRequestShape": ("GenerateContentConfig", {"contents", "generationConfig"}),
    "WireGenerateRequestShape": ("GenerateContentConfig", {"contents", "generationConfig", "model"}),
    "EmbedRequest": ("EmbedContentConfig", {"content"}),
    "WireEmbedRequestShape": ("EmbedContentConfig", {"content", "model"}),
}
SHAPES = [
    shape
    for name, shape in vars(generation).items()
    if isinstance(shape, type) and issubclass(shape, Shape) and shape.__module__ == generation.__name__
    if not name.startswith("_") and shape is not generation.CachedContentRef
]
# Of Vertex AI, of the SDK itself, or about to be dropped by the API.
ELSEWHERE = {
    "GenerationConfig": {"audioTimestamp", "routingConfig", "modelSelectionConfig"},
    "AudioTranscriptionConfig": {"languageAuto", "languageHints", "adaptationPhrases"},
    "SafetySetting": {"method"},
    "ImageConfig": {
        "personGeneration", "prominentPeople", "outputMimeType", "outputCompressionQuality", "imageOutputOptions"
    },
}  # fmt: skip


def names(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_field_names_are_the_official_ones(shape: type[Shape]) -> None:
    if shape.__name__ in REQUESTS:
        config, more = REQUESTS[shape.__name__]
        theirs = names(getattr(official, config)) | more
    else:
        theirs = names(getattr(official, OFFICIAL.get(shape.__name__, shape.__name__)))
        assert theirs - names(shape) == ELSEWHERE.get(shape.__name__, set()), "nothing is missing"
    if shape is generation.GenerationConfig:
        theirs |= names(official.GenerateContentConfig)  # the SDK has some beside the request that it sends inside
    assert names(shape) - OURS <= theirs
    refused = {text.split(" ")[0] for text in shape.model_json_schema().get(REFUSED, [])}
    assert not refused & names(shape)
    assert all(field.description and field.description.endswith((".", "….")) for field in shape.model_fields.values())


@pytest.mark.parametrize(
    ("plain", "wire"),
    [
        (generation.GenerateRequestShape, generation.WireGenerateRequestShape),
        (generation.EmbedRequest, generation.WireEmbedRequestShape),
        (api_types.PartShape, api_types.WirePartShape),
    ],
)
def test_a_file_takes_what_a_manifest_takes_but_for_what_is_ours(plain: type[Shape], wire: type[Shape]) -> None:
    assert names(plain) - names(wire) <= {"textFile", "textFiles", "fileRef", "cachedContentRef"}
    assert names(wire) - names(plain) <= {"model", "continuationToken"}
    schema = wire.model_json_schema()
    refused = schema.get(REFUSED) or schema["$defs"][wire.__name__][REFUSED]
    assert names(plain) - names(wire) <= {text.split(" ")[0] for text in refused}
