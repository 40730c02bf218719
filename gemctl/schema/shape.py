"""Defines the base of all shapes: the classes in `manifest` and `kinds` that check what people write derive from it.

Strict: nothing is converted, unknown fields are errors, and null is no value. A field that isn't set holds None,
whatever its annotation says; readers of a shape ask `model_fields_set`, or use `plain`, which leaves it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from gemctl.core.source import Path

_REFUSED = "x-gemctl-refused"  # in a JSON Schema: fields that exist elsewhere, each as "field CODE sentence"
BRANCH = "\0"  # begins the name of a union's branch: no text that gemctl reads as YAML can have this character


class Shape(BaseModel):
    """A strict object with camelCase names."""

    model_config = ConfigDict(
        strict=True, extra="forbid", alias_generator=to_camel, defer_build=True, allow_inf_nan=False
    )

    @cached_property
    def written(self) -> Mapping[str, Any]:
        """What `plain` gives, made once."""
        fields: dict[str, Any] = plain(self)
        return fields


def optional(description: str, *, json_schema_extra: Mapping[str, JsonValue] | None = None, **constraints: Any) -> Any:
    """A field that may be left out, and can't be null: no default stands in its JSON Schema."""

    def without_default(schema: dict[str, Any]) -> None:
        schema.pop("default", None)
        schema.update(json_schema_extra or {})

    return Field(default=None, description=description, json_schema_extra=without_default, **constraints)


def refused(fields: Mapping[str, str]) -> dict[str, JsonValue]:
    """The part of a JSON Schema that says why fields which people may look for don't exist, by field: a code and a
    sentence.
    """
    return {_REFUSED: [f"{field} {sentence}" for field, sentence in fields.items()]}


def refusals(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The entries that `refused` put into a schema: field, code and sentence of each."""
    for text in schema.get(_REFUSED, ()):
        field, code, sentence = text.split(" ", 2)
        yield field, code, sentence


def branch(name: str) -> str:
    """The tag of one of several forms of a field, for pydantic's Tag: `path_of` knows it from the keys of users. With
    the name of the form's class, messages are about the fields of that form only.
    """
    return f"{BRANCH}{name}"


def complain(code: str, message: str, *, hint: str | None = None, at: Path = ()) -> PydanticCustomError:
    """The error of a validator that knows its own code; `at` is the place to show it at, below the value's own."""
    context: dict[str, Any] = {"code": code, "at": at}
    if hint is not None:
        context["hint"] = hint
    # The message is a template: the user's text is put in as a value, so that braces in it stay what they are.
    return PydanticCustomError("gemctl", "{message}", {**context, "message": message})


def plain(value: Any) -> Any:
    """The fields that the user set, as JSON with the API's names. Durations and instants stay what they are.

    Not pydantic's own dump: digests are made of this, and must not depend on how a library serialises.
    """
    if isinstance(value, str):  # as most values are
        return value
    if isinstance(value, list):
        return list(map(plain, value))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if (fields := _fields(value.__class__)) is None:
        return value
    given, held = value.model_fields_set, value.__dict__
    return {alias: plain(held[name]) for name, alias in fields if name in given}


@lru_cache(maxsize=512)
def _fields(of: type) -> tuple[tuple[str, str], ...] | None:
    """The fields of a shape, each with the API's name for it, which is known once there are values; None for a type
    that is no shape, which pydantic takes longer to say.
    """
    if not issubclass(of, BaseModel):
        return None
    return tuple((name, field.alias or name) for name, field in of.model_fields.items())
