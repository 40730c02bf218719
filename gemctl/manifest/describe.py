"""Help for a field, from the JSON Schema of the models that check it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gemctl.core.errors import Usage
from gemctl.core.help import FieldHelp, Help
from gemctl.core.shape import REFUSED, closest, spellings

Entry = Mapping[str, Any]  # a JSON Schema, or a part of one

_DEPTH = 12  # references and forms within each other; more is a circle
_INDEX = re.compile(r"\[[^\]]*\]")
_ISO_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "mapping",
    "array": "list",
}


@dataclass(frozen=True, slots=True)
class _Found:
    """A place in the schema, and whether what stands around it requires it."""

    entry: Entry
    required: bool = False


def steps_of(path: str) -> tuple[str, ...]:
    """`spec.contents[0].parts` → the names on the way; the number of an item says nothing about its fields."""
    return tuple(step for step in _INDEX.sub("", path).split(".") if step)


def describe(root: str, schema: Entry, steps: Sequence[str]) -> Help:
    """The field at the end of these steps. Lists and references are passed through without a step of their own.

    `root` is what the schema is of. Raises Usage for a path that leads nowhere.
    """
    found = [_Found(schema)]
    walked = root
    for step in steps:
        below = [inner for each in found for inner in _step(each.entry, schema, step)]
        if not below and step.isdigit():  # the number of an item, as in contents.0.parts
            continue
        if not below:
            raise _unknown(root, walked, step, found, schema)
        found, walked = below, f"{walked}.{step}"
    return Help(_help(walked, found, schema), tuple(_below(found, schema)))


def _below(found: Iterable[_Found], schema: Entry) -> Iterator[FieldHelp]:
    """The fields below. Of several forms, a field is required only if all of them do."""
    shapes = [shape for each in found for shape in _objects(each.entry, schema)]
    seen: set[str] = set()
    for shape in shapes:
        for name, entry in _fields(shape, schema):
            if name not in seen:
                seen.add(name)
                required = all(name in other.get("required", ()) for other in shapes)
                yield _help(name, [_Found(entry, required)], schema)


def _unknown(root: str, walked: str, step: str, found: Iterable[_Found], schema: Entry) -> Usage:
    """What is wrong, with the reason where it is known, else with what was probably meant."""
    names: list[str] = []
    for each in found:
        for entry in _objects(each.entry, schema):
            for refused in entry.get(REFUSED, ()):
                field, _, sentence = refused.split(" ", 2)
                if field == step:
                    return Usage(f"There is no field {step} in {walked}: {sentence}", code="E004")
            names += entry.get("properties", {})
    in_spec = [name for each in found for name, _ in _fields(each.entry.get("properties", {}).get("spec", {}), schema)]
    hint = f"`gemctl explain {walked}` shows what there is." if names else "Nothing is known of what is below it."
    if near := closest(step, names):
        hint = f"Did you mean {walked}.{near}?"
    elif walked == root and (near := closest(step, in_spec)):
        hint = f"Did you mean {root}.spec.{near}?"
    return Usage(f"There is no field {step} in {walked}.", code="E004", hint=hint)


def _step(entry: Entry, schema: Entry, name: str) -> Iterator[_Found]:
    """The places that this name leads to."""
    for shape in _objects(entry, schema):
        if name in shape.get("properties", {}):
            yield _Found(shape["properties"][name], name in shape.get("required", ()))
        elif isinstance(values := shape.get("additionalProperties"), Mapping):
            # A key of the user's own; what has no such key and names a field of the values is passed through.
            inner = list(_step(values, schema, name))
            yield from inner or [_Found(values)]


def _fields(shape: Entry, schema: Entry) -> Iterator[tuple[str, Entry]]:
    """What may stand in a mapping: fields by their names, and the values of a map as <name>."""
    yield from shape.get("properties", {}).items()
    if isinstance(values := shape.get("additionalProperties"), Mapping) and any(_objects(values, schema)):
        yield "<name>", values


def _objects(entry: Entry, schema: Entry) -> Iterator[Entry]:
    """The mappings that may stand there, or in the list there."""
    for form in _forms(entry, schema):
        if isinstance(form.get("items"), Mapping):
            yield from _objects(form["items"], schema)
        elif form.get("type") == "object" or "properties" in form:
            yield form


def _forms(entry: Entry, schema: Entry, depth: int = 0) -> Iterator[Entry]:
    """The forms that a value may have, references followed; null is none of them."""
    if depth > _DEPTH:
        return
    whole = _resolved(entry, schema)
    alternatives = whole.get("anyOf") or whole.get("oneOf")
    if not alternatives:
        yield from [whole] if whole.get("type") != "null" else []
        return
    for alternative in alternatives:
        yield from _forms(alternative, schema, depth + 1)


def _resolved(entry: Entry, schema: Entry) -> Entry:
    """The entry with what it refers to under it."""
    for _ in range(_DEPTH):
        if "$ref" not in entry:
            break
        name = entry["$ref"].rpartition("/")[2]
        own = {key: value for key, value in entry.items() if key != "$ref"}
        entry = {"title": name, **schema.get("$defs", {}).get(name, {}), **own}
    return entry


def _help(name: str, found: Sequence[_Found], schema: Entry) -> FieldHelp:
    wholes = [_resolved(each.entry, schema) for each in found]
    types = dict.fromkeys(_type(whole, schema) for whole in wholes)
    described = dict.fromkeys(" ".join(whole["description"].split()) for whole in wholes if whole.get("description"))
    limits = dict.fromkeys(limit for whole in wholes for form in _forms(whole, schema) for limit in _limits(form))
    default = next((whole["default"] for whole in wholes if whole.get("default") is not None), None)
    return FieldHelp(
        name,
        " or ".join(types),
        all(each.required for each in found),
        " ".join(described),
        None if default is None else _plain(default),
        tuple(limits),
    )


def _type(entry: Entry, schema: Entry, depth: int = 0) -> str:
    names = []
    for form in _forms(entry, schema):
        if "const" in form:
            names.append(_plain(form["const"]))
        elif "enum" in form:
            names.append(" or ".join(map(_plain, spellings(form["enum"]))))
        elif isinstance(form.get("items"), Mapping):
            inner = _type(form["items"], schema, depth + 1) if depth < _DEPTH else ""
            names.append(f"list of {f'({inner})' if ' or ' in inner else inner or 'anything'}")
        elif form.get("properties"):
            names.append("mapping" if depth else "mapping with the fields below")
        elif isinstance(values := form.get("additionalProperties"), Mapping):
            names.append(f"map from names to {_type(values, schema, depth + 1) if values else 'anything'}")
        elif form.get("format") == "date-time":
            names.append("time")
        elif "5m" in form.get("examples", ()):
            names.append("duration")
        else:
            names.append(_TYPES.get(form.get("type", ""), "anything"))
    return " or ".join(dict.fromkeys(names)) or "anything"


def _limits(form: Entry) -> Iterator[str]:
    """What is asked of a value beyond its type."""
    if examples := form.get("examples"):
        yield f"such as {', '.join(map(_plain, examples))}"
    for word, said in (
        ("minimum", "at least {}"),
        ("exclusiveMinimum", "more than {}"),
        ("maximum", "at most {}"),
        ("exclusiveMaximum", "less than {}"),
        ("minLength", "{} or more characters"),
        ("maxLength", "up to {} characters"),
        ("minItems", "{} or more items"),
        ("maxItems", "up to {} items"),
        ("minProperties", "{} or more entries"),
        ("maxProperties", "up to {} entries"),
    ):
        if word in form:
            yield said.format(f"{form[word]:,}")
    if pattern := form.get("pattern"):
        yield f"of the form {pattern}"


def _plain(value: Any) -> str:
    """A value as one would write it in YAML; durations as gemctl writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        if (parts := _ISO_DURATION.fullmatch(value)) and len(value) > 2:
            return "".join(f"{int(part)}{unit}" for part, unit in zip(parts.groups(), "dhms", strict=True) if part)
        return value
    if isinstance(value, list | dict):
        return ("[]" if isinstance(value, list) else "{}") if not value else str(value)
    return str(value)
