"""Explains the mistakes that a validator found: in words for people, and at the place that they would change.

pydantic's errors come in, together with the class that found them; diagnostics go out. Called by `manifest` for
manifests and the project file, and by `kinds` for the lines of files of requests. Rules for places: an unknown field is
shown at its key, a missing one at the key that should hold it, a wrong value at the value, and a complaint about one of
several forms names no form.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.frozen import dataclass
from gemctl.core.scalar import Unclear, resolve
from gemctl.core.source import Json, JsonObject, Path, Positions, Span, show_path
from gemctl.schema.shape import BRANCH, refusals
from gemctl.schema.spelling import closest, did_you_mean, letters
from gemctl.schema.walk import Node

_KEY = "[key]"  # ends a validator's path to a key, where the key itself is wrong
_SHOWN = 64  # characters of a value that a hint repeats


@dataclass(frozen=True, slots=True)
class Wording:
    """The codes of one stage for the same kinds of mistake."""

    unknown: str
    missing: str
    type: str
    value: str
    empty: str


MANIFEST = Wording(unknown="E206", missing="E207", type="E208", value="E209", empty="E210")
FACTS = Wording(unknown="E028", missing="E028", type="E028", value="E028", empty="E028")
PROJECT = Wording(unknown="E011", missing="E012", type="E013", value="E013", empty="E013")


def explain(
    error: ValidationError,
    model: type[BaseModel],
    value: Json,
    positions: Positions,
    *,
    prefix: Path = (),
    address: Address | None = None,
    wording: Wording = MANIFEST,
    say_where: bool = False,
) -> list[Diagnostic]:
    """One diagnostic for each mistake.

    error      the error that validating the value as `model` has raised.
    value      the validated value; it stands at `prefix` of the document that `positions` describes.
    say_where  whether every detail names its place in words, for a reader who is not shown it.
    """
    found: list[Any] = error.errors(include_url=False, include_input=False)
    schema = Node(whole := _json_schema(model), whole)
    results: list[Diagnostic] = []
    seen: set[tuple[str, Path]] = set()
    misspelt = _misspelt(found, schema)
    for mistake in found:
        path = path_of(mistake, value)
        if mistake["type"] == "missing" and path in misspelt:
            continue
        diagnostic = _explain(mistake, path, schema, value, positions, prefix, address, wording, say_where)
        if (diagnostic.code, path) not in seen:
            seen.add((diagnostic.code, path))
            results.append(diagnostic)
    return results


@lru_cache(maxsize=64)
def _json_schema(model: type[BaseModel]) -> JsonObject:
    """The JSON Schema of a shape, made once: callers must not change it."""
    return model.model_json_schema()


def _misspelt(found: Sequence[Mapping[str, Any]], schema: Node) -> set[Path]:
    """Fields that are missing only because their names are misspelt: the complaint about the unknown name is enough."""
    absent = {_without_branches(error["loc"]) for error in found if error["type"] == "missing"}
    meant: set[Path] = set()
    for error in found if absent else ():
        if error["type"] != "extra_forbidden":
            continue
        name, place = str(error["loc"][-1]), _forms_at(schema, error["loc"][:-1])
        names = _names(place)
        if (near := closest(name, names)) and not _moved_up(name, names, place):
            meant.add((*_without_branches(error["loc"][:-1]), near))
    return meant & absent


def _names(forms: Iterable[Node]) -> Collection[str]:
    """The names of fields that a mapping of one of these forms may have."""
    return dict.fromkeys(name for form in forms for name in form.names)


def path_of(error: Mapping[str, Any], value: Json) -> Path:
    """The path to the mistake in the value that was validated: keys and indices alone.

    A validator's path also has the names of the branches that it took, and marks at its end that a key is meant.
    """
    loc: Sequence[str | int] = error["loc"]
    if error["type"] == "extra_forbidden":  # ends with a key of the user, whatever that looks like
        return (*_without_branches(loc[:-1]), loc[-1])
    return _without_branches(loc[:-1] if _is_about_key(error, value) else loc)


def _without_branches(loc: Sequence[str | int]) -> Path:
    return tuple(step for step in loc if isinstance(step, int) or not step.startswith(BRANCH))


def _is_about_key(error: Mapping[str, Any], value: Json) -> bool:
    loc: Sequence[str | int] = error["loc"]
    if error["type"] == "extra_forbidden" or not loc or loc[-1] != _KEY:
        return False
    above = _at(value, _without_branches(loc[:-1]))
    return not (isinstance(above, dict) and _KEY in above)


def _explain(
    error: Mapping[str, Any],
    path: Path,
    schema: Node,
    value: Json,
    positions: Positions,
    prefix: Path,
    address: Address | None,
    wording: Wording,
    say_where: bool,
) -> Diagnostic:
    kind: str = error["type"]
    context: Mapping[str, Any] = error.get("ctx") or {}
    shown = show_path((*prefix, *path)) or "the document"
    span: Span = positions.key((*prefix, *path)) if _is_about_key(error, value) else positions.value((*prefix, *path))

    def answer(code: str, detail: str, hint: str | None = None, at: Span | None = None) -> Diagnostic:
        return problem(code, detail, span=at or span, address=address, hint=hint)

    if kind == "extra_forbidden":
        name = str(path[-1])
        key = positions.key((*prefix, *path))
        place = _forms_at(schema, error["loc"][:-1])
        why = None
        for field, code, sentence in (refusal for form in place for refusal in refusals(form.entry)):
            if field == name:
                return answer(code, sentence, at=key)
            if letters(field) == letters(name):
                why = sentence
        where = show_path((*prefix, *path[:-1]))
        detail = f"There is no field {name}" + (f" in {where}." if where else " here.")
        names = _names(place)
        hint = why or _moved_up(name, names, place) or did_you_mean(name, names)
        return answer(wording.unknown, detail, hint, key)
    if kind == "missing":
        where = show_path((*prefix, *path[:-1]))
        detail = f"{path[-1]} is required" + (f" in {where}." if where else ".")
        only = next((form.entry["const"] for form in _forms_at(schema, path) if "const" in form.entry), None)
        hint = f"Write {path[-1]}: {only}." if only is not None else None
        # The place above it; or, where an overlay has removed it, the place that says so.
        return answer(wording.missing, detail, hint, positions.key((*prefix, *path)))
    at_value = _at(value, path)
    if at_value is None:
        return answer(
            wording.empty, f"{shown} is empty.", "Write a value, or remove the key.", positions.key((*prefix, *path))
        )
    if "code" in context:
        below: Path = context.get("at", ())
        spot = (*prefix, *path, *below)
        at = span if not below else positions.value(spot) if isinstance(below[-1], int) else positions.key(spot)
        detail = f"{show_path(spot)}: {error['msg']}" if say_where else error["msg"]
        return answer(context["code"], detail, context.get("hint"), at)
    if wanted := _TYPES.get(kind):
        if error["loc"] and str(error["loc"][-1]).startswith(BRANCH):
            wanted = "text or a mapping"  # one of several forms
        hint = _way_to(wanted, at_value, _forms_at(schema, path))
        return answer(wording.type, f"{shown} must be {wanted}, not {_name(at_value)}.", hint)
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        detail = f"{shown} must be {_one_of(allowed)}."
        return answer(wording.value, detail, _meant(at_value, allowed) if isinstance(at_value, str) else None)
    described = [form.entry["description"] for form in _forms_at(schema, path) if "description" in form.entry]
    hint = described[0] if described and kind == "string_pattern_mismatch" else None
    return answer(wording.value, f"{shown}: {_sentence(kind, error['msg'], context)}", hint)


def _meant(word: str, allowed: Sequence[str]) -> str | None:
    """A hint with the word that was probably meant; …_UNSPECIFIED was not meant as another value."""
    nothing = "UNSPECIFIED"
    return did_you_mean(word, [each for each in allowed if nothing in each or nothing not in word.upper()], most=0)


_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "mapping_type": "a mapping",
}


def _way_to(wanted: str, value: Json, forms: Sequence[Node]) -> str | None:
    """A hint where only the form is wrong: quotes, or the brackets or key around a value."""
    if wanted == "a list" and isinstance(value, str | dict):
        return "Put it into a list: within [ ], or after a dash."
    if wanted == "a mapping" and isinstance(value, str):
        said = value if value.isprintable() and len(value) <= _SHOWN else "…"
        return next((f"Write {{{name}: {said}}}." for form in forms if (name := _only_name(form))), None)
    if "text" in wanted:
        return "Put it in quotes." if isinstance(value, int | float) else None
    if not isinstance(value, str) or ("number" not in wanted and "true" not in wanted):
        return None
    try:
        meant = resolve(value)
    except Unclear as unclear:
        return unclear.hint
    fits = isinstance(meant, bool) if "true" in wanted else type(meant) in (int, float)
    return "Remove the quotes." if fits else None


def _only_name(form: Node) -> str | None:
    """The one field that must be there, if that is a text, as in a reference by name."""
    required = [name for name, field in form.fields.items() if field.required]
    return required[0] if len(required) == 1 and form.fields[required[0]].entry.get("type") == "string" else None


def _name(value: Json) -> str:
    """The sort of a value, in the words of the messages."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return "text"
        case list():
            return "a list"
        case None:
            return "empty"
        case _:
            return "a mapping"


def _one_of(allowed: Sequence[str]) -> str:
    return allowed[0] if len(allowed) == 1 else f"one of {', '.join(allowed)}"


def _sentence(kind: str, message: str, context: Mapping[str, Any]) -> str:
    least = context.get("min_length")
    match kind:
        case "string_pattern_mismatch":
            return "it doesn't have the right form."
        case "string_too_short" | "too_short":
            return "it must not be empty." if least == 1 else f"it must not be shorter than {least}."
        case "string_too_long" | "too_long":
            return f"it must not be longer than {context.get('max_length')}."
        case "greater_than_equal":
            return f"it must be at least {_number(context['ge'])}."
        case "greater_than":
            return f"it must be more than {_number(context['gt'])}."
        case "less_than_equal":
            return f"it must be at most {_number(context['le'])}."
        case "finite_number":
            return "it must be a finite number."
        case "less_than":
            return f"it must be less than {_number(context['lt'])}."
        case _:
            return f"{message[:1].lower()}{message[1:]}."


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) or value.is_integer() else f"{value:g}"


def _at(value: Json, path: Path) -> Json:
    """The value at the path; "" (anything that is not null) where the path leads nowhere."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return ""
    return value


def _moved_up(name: str, known: Iterable[str], place: Iterable[Node]) -> str | None:
    """A hint for a field that would be right one level deeper, and isn't right here in any spelling."""
    wanted = letters(name)
    if wanted in map(letters, known):
        return None
    for form in place:
        for field, below in form.fields.items():
            for inner in _names(below.forms()):
                if letters(inner) == wanted:
                    return f"Did you mean {field}.{inner}?"
    return None


def _forms_at(schema: Node, path: Sequence[str | int]) -> list[Node]:
    """The forms that may stand at the end of a validator's path; several if it does not say which it took."""
    found = [schema]
    for step in path:
        if isinstance(step, str) and step.startswith(BRANCH):
            found = [form for node in found for form in node.forms(step.removeprefix(BRANCH))]
        else:
            found = [below for node in found for form in node.forms() if (below := form.below(step))]
    return [form for node in found for form in node.forms()]
