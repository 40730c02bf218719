"""The shapes of requests, beside the official types: a name that is wrong here would be wrong on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from google.genai import types as official
from pydantic import BaseModel, TypeAdapter

from gemctl.kinds import api_types, batch_job, cached_content, token_policy
from gemctl.kinds.parts import generation
from gemctl.schema.scalars import Enum, Within
from gemctl.schema.shape import Shape, refusals

OURS = {"cachedContentRef", "partsBefore", "partsAfter"}
OFFICIAL = {"VoiceConfigShape": "VoiceConfig", "WireContent": "Content", "WireInstruction": "Content"}
REQUESTS = {
    "GenerateRequestShape": ("GenerateContentConfig", {"contents", "generationConfig"}),
    "WireGenerateRequestShape": ("GenerateContentConfig", {"contents", "generationConfig", "model"}),
    "UnderGenerateShape": ("GenerateContentConfig", {"generationConfig"}),
    "UnderEmbed": ("EmbedContentConfig", set()),
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
    refused = {field for field, *_ in refusals(shape.model_json_schema())}
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
    refused = [*refusals(schema), *refusals(schema["$defs"].get(wire.__name__, {}))]
    assert names(plain) - names(wire) <= {field for field, *_ in refused}


# Laws of types, over every field of every kind.

MODULES = (api_types, generation, batch_job, cached_content, token_policy)
NOT_OF_THE_API = {"BatchJobSpec.method", "TokenPolicySpec.uses"}
OF_64_BITS = {"VideoMetadata.fps", "LatLng.latitude", "LatLng.longitude", "Schema.minimum", "Schema.maximum"}


def leaves(annotation: Any, marks: tuple[Any, ...]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """The types within a type, with what they are annotated with."""
    inner = get_args(annotation)
    if get_origin(annotation) is Annotated:
        yield from leaves(inner[0], (*inner[1:], *marks))
    elif get_origin(annotation) is Literal or not inner:
        yield annotation, marks
    else:
        for each in inner:
            yield from leaves(each, ())


def typed() -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    for module in MODULES:
        for shape in list(vars(module).values()):
            if isinstance(shape, type) and issubclass(shape, Shape) and shape.__module__ == module.__name__:
                shape.model_rebuild()
                for name, field in shape.model_fields.items():
                    for leaf, marks in leaves(field.annotation, tuple(field.metadata)):
                        if (path := f"{shape.__name__}.{field.alias or name}") not in NOT_OF_THE_API:
                            yield path, leaf, marks


def test_every_enum_has_its_zero_and_is_taken_in_small_letters() -> None:
    found = 0
    for path, leaf, marks in typed():
        if get_origin(leaf) is not Literal or not all(name.isupper() for name in get_args(leaf)):
            continue
        found += 1
        names = get_args(leaf)
        (mark,) = (each for each in marks if isinstance(each, Enum))
        assert [name for name in names if name.endswith("UNSPECIFIED")] == [names[0]], path
        enum = TypeAdapter(Annotated[leaf, mark])
        for name in names:
            assert {enum.validate_python(name), enum.validate_python(name.lower())} == {name}, path
            assert {name, name.lower()} <= set(enum.json_schema()["enum"]), path
    assert found > 20


def test_every_number_is_of_a_type_of_the_api() -> None:
    found = 0
    for path, leaf, marks in typed():
        bounds = {bound for mark in marks for bound in ("ge", "gt", "le", "lt") if hasattr(mark, bound)}
        if leaf is int:
            assert any(isinstance(mark, Within) for mark in marks), path
        elif leaf is float:
            bounded = bool(bounds & {"ge", "gt"}) and bool(bounds & {"le", "lt"})
            assert path in OF_64_BITS or bounded or any(isinstance(mark, Within) for mark in marks), path
        found += leaf in (int, float)
    assert found > 25
