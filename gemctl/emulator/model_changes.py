"""Describes models that a test adds to the catalogue or changes in it, as data.

Called by `knobs`, which reads them, and by `app`, which applies them. Separate from `catalogue` because that has the
service's models, and this what a test makes of them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from gemctl.emulator.catalogue import Model, Redirect


@dataclass(frozen=True)
class ModelChange:
    """A model by its name, and the fields that are set: `given` as JSON has them, `fields` as Model has them."""

    name: str
    given: Mapping[str, Any]
    fields: Mapping[str, Any]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ModelChange":
        """From a JSON object with a name, with or without `models/`, and fields of that model; null takes away a day
        of its end or a redirect. Raises ValueError that names the field."""
        unknown = sorted(value.keys() - {"name", *_FIELDS})
        if unknown:
            raise ValueError(f"unknown fields: {', '.join(unknown)}; there are name, {', '.join(_FIELDS)}")
        name = value.get("name")
        if not isinstance(name, str) or not name.removeprefix("models/"):
            raise ValueError("a model needs a name")
        given = {field: item for field, item in value.items() if field != "name"}
        made = {}
        for field, item in given.items():
            target, read = _FIELDS[field]
            try:
                made[target] = read(item)
            except ValueError as error:
                raise ValueError(f"{field} of {name}: {error}") from None
        return cls(name.removeprefix("models/"), given, made)

    def to_json(self) -> dict[str, Any]:
        """The object that `from_json` takes."""
        return {"name": self.name, **self.given}


def changed(models: Iterable[Model], changes: Iterable[ModelChange]) -> tuple[Model, ...]:
    """The models with these changes, new ones at the end: they can do what most models can, unless it is said."""
    found = {model.name: model for model in models}
    for change in changes:
        model = found.get(change.name) or Model(change.name, change.name, change.name, "Added by a knob.")
        found[change.name] = replace(model, **change.fields)
    return tuple(found.values())


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("it is a text")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("it is a list of texts")
    return tuple(value)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**31:
        raise ValueError("it is a whole number from 1 on")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("it is true or false")
    return value


def _day(value: object) -> date:
    try:
        return date.fromisoformat(_text(value))
    except ValueError:
        raise ValueError("it is a day such as 2027-01-31") from None


def _end(value: object) -> date | None:
    return None if value is None else _day(value)


def _redirect(value: object) -> Redirect | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or set(value) != {"to", "at"} or not _text(value["to"]):
        raise ValueError('it is an object with the name of a model and a day, {"to": ..., "at": ...}')
    return Redirect(_text(value["to"]).removeprefix("models/"), _day(value["at"]))


_FIELDS: Mapping[str, tuple[str, Callable[[object], Any]]] = {
    "methods": ("methods", _texts),
    "ends": ("ends", _end),
    "redirect": ("redirect", _redirect),
    "inputTokenLimit": ("input_token_limit", _whole),
    "outputTokenLimit": ("output_token_limit", _whole),
    "leastCacheTokens": ("least_cache", _whole),
    "version": ("version", _text),
    "displayName": ("display_name", _text),
    "description": ("description", _text),
    "thinking": ("thinking", _flag),
    "modalities": ("modalities", _texts),
    "dimensions": ("dimensions", _whole),
}
