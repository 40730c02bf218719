"""Makes help for a field from the JSON Schema of the shapes that check it. Called by workflows/explain.py."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from gemctl.core.errors import Usage
from gemctl.core.help import FieldHelp, Help
from gemctl.schema.shape import refusals
from gemctl.schema.spelling import closest
from gemctl.schema.walk import Entry, Node

_DEPTH = 12  # lists and maps within each other whose types are named
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


def steps_of(path: str) -> tuple[str, ...]:
    """`spec.contents[0].parts` → the names on the way; the number of an item says nothing about its fields."""
    return tuple(step for step in _INDEX.sub("", path).split(".") if step)


def describe(root: str, schema: Entry, steps: Sequence[str]) -> Help:
    """The field at the end of these steps. Lists and references are passed through without a step of their own.

    `root` is the name of the whole that the schema describes. Raises Usage for a path that leads nowhere.
    """
    found = [Node(schema, schema)]
    walked = root
    for step in steps:
        below = [inner for each in found for inner in _step(each, step)]
        if not below and step.isdigit():  # the number of an item, as in contents.0.parts
            continue
        if not below:
            raise _unknown(root, walked, step, found)
        found, walked = below, f"{walked}.{step}"
    return Help(_help(walked, found), tuple(_below(found)))


def _below(found: Iterable[Node]) -> Iterator[FieldHelp]:
    """The fields below. Of several forms, a field is required only if all of them do."""
    shapes = [shape for each in found for shape in _mappings(each)]
    seen: set[str] = set()
    for shape in shapes:
        for name, field in _fields(shape):
            if name not in seen:
                seen.add(name)
                required = all(name in other.entry.get("required", ()) for other in shapes)
                yield _help(name, [replace(field, required=required)])


def _unknown(root: str, walked: str, step: str, found: Iterable[Node]) -> Usage:
    """The error for an unknown step, with the reason if it is known, else with the word that was probably meant."""
    names: list[str] = []
    for each in found:
        for shape in _mappings(each):
            for field, _, sentence in refusals(shape.entry):
                if field == step:
                    return Usage(f"There is no field {step} in {walked}: {sentence}", code="E004")
            names += shape.names
    in_spec = [name for each in found if (spec := each.fields.get("spec")) for name, _ in _fields(spec)]
    hint = f"`gemctl explain {walked}` shows what there is." if names else "Nothing is known of what is below it."
    if near := closest(step, names):
        hint = f"Did you mean {walked}.{near}?"
    elif walked == root and (near := closest(step, in_spec)):
        hint = f"Did you mean {root}.spec.{near}?"
    return Usage(f"There is no field {step} in {walked}.", code="E004", hint=hint)


def _step(node: Node, name: str) -> Iterator[Node]:
    """The places that this name leads to."""
    for shape in _mappings(node):
        if field := shape.fields.get(name):
            yield field
        elif values := shape.values:
            # A key of the user's own; a step that names a field of the values instead is passed through.
            yield from list(_step(values, name)) or [values]


def _fields(shape: Node) -> Iterator[tuple[str, Node]]:
    """The entries that a mapping may have: fields by their names, and the values of a map as <name>."""
    yield from shape.fields.items()
    if (values := shape.values) and any(_mappings(values)):
        yield "<name>", values


def _mappings(node: Node) -> Iterator[Node]:
    """The mappings that may stand there, or in the list there."""
    for form in node.forms():
        if items := form.items:
            yield from _mappings(items)
        elif form.entry.get("type") == "object" or form.fields:
            yield form


def _help(name: str, found: Sequence[Node]) -> FieldHelp:
    entries = [each.resolved().entry for each in found]
    types = dict.fromkeys(map(_type, found))
    described = dict.fromkeys(" ".join(entry["description"].split()) for entry in entries if entry.get("description"))
    limits = dict.fromkeys(limit for each in found for form in each.forms() for limit in _limits(form.entry))
    default = next((entry["default"] for entry in entries if entry.get("default") is not None), None)
    return FieldHelp(
        name,
        " or ".join(types),
        all(each.required for each in found),
        " ".join(described),
        None if default is None else _plain(default),
        tuple(limits),
    )


def _type(node: Node, depth: int = 0) -> str:
    names = []
    for form in node.forms():
        entry = form.entry
        if "const" in entry:
            names.append(_plain(entry["const"]))
        elif "enum" in entry:
            names.append(" or ".join(map(_plain, form.words)))
        elif items := form.items:
            inner = _type(items, depth + 1) if depth < _DEPTH else ""
            names.append(f"list of {f'({inner})' if ' or ' in inner else inner or 'anything'}")
        elif form.fields:
            names.append("mapping" if depth else "mapping with the fields below")
        elif values := form.values:
            names.append(f"map from names to {_type(values, depth + 1) if values.entry else 'anything'}")
        elif entry.get("format") == "date-time":
            names.append("time")
        elif "5m" in entry.get("examples", ()):
            names.append("duration")
        else:
            names.append(_TYPES.get(entry.get("type", ""), "anything"))
    return " or ".join(dict.fromkeys(names)) or "anything"


def _limits(entry: Entry) -> Iterator[str]:
    """The limits of a value beyond its type."""
    if examples := entry.get("examples"):
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
        if word in entry:
            yield said.format(f"{entry[word]:,}")
    if pattern := entry.get("pattern"):
        yield f"of the form {pattern}"


def _plain(value: Any) -> str:
    """A value as YAML writes it; durations as gemctl writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        if (parts := _ISO_DURATION.fullmatch(value)) and len(value) > 2:
            return "".join(f"{int(part)}{unit}" for part, unit in zip(parts.groups(), "dhms", strict=True) if part)
        return value
    if isinstance(value, list | dict):
        return ("[]" if isinstance(value, list) else "{}") if not value else str(value)
    return str(value)
