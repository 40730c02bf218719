"""What a validator found wrong, in words and places for people.

The validator's errors come as plain data, together with the JSON Schema of what was expected; neither is tied to a
kind. Rules for places: an unknown field is shown at its key, a missing one at the key that should hold it, a wrong
value at the value, and a complaint about one of several forms names no form.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.scalar import Unclear, resolve
from gemctl.core.source import Json, Path, Positions, Span, show_path

_BRANCH = "\0"  # begins the name of a union's branch: no text that gemctl reads as YAML can have this character
_KEY = "[key]"  # ends a validator's way to a key, where that is what is wrong
_COMPARED = 100  # known words before and after a misspelt one that are compared with it, where there are many
_LONGEST_WORD = 200  # characters of a misspelt word that are compared
_SHOWN = 64  # characters of a value that a hint repeats
REFUSED = "x-gemctl-refused"  # in a JSON Schema: fields that exist elsewhere, each as "field CODE sentence"


@dataclass(frozen=True, slots=True)
class Wording:
    """The codes of one stage for the same kinds of mistake."""

    unknown: str
    missing: str
    type: str
    value: str
    empty: str


MANIFEST = Wording(unknown="E206", missing="E207", type="E208", value="E209", empty="E210")
PROJECT = Wording(unknown="E011", missing="E012", type="E013", value="E013", empty="E013")


def spellings(words: Sequence[Any]) -> list[Any]:
    """The values of a JSON Schema's enum, each in its first spelling: a name may be there in small letters too."""
    first: dict[Any, Any] = {}
    for word in words:
        first.setdefault(word.lower() if isinstance(word, str) else word, word)
    return list(first.values())


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that somebody probably meant: the same in another case, or only a few letters away."""
    names, plain = _index(tuple(known))
    if found := plain.get(_plain(word)):
        return found
    if len(names) > 2 * _COMPARED:
        around = bisect_left(names, word)
        names = names[max(0, around - _COMPARED) : around + _COMPARED]
    near = get_close_matches(word[:_LONGEST_WORD], names, n=1, cutoff=0.65)
    return near[0] if near else None


@lru_cache(maxsize=16)
def _index(known: tuple[str, ...]) -> tuple[list[str], Mapping[str, str]]:
    """The words in order, and by what they have alike in all spellings: made once, and not for each mistake."""
    return sorted(known), {_plain(name): name for name in known}


def _plain(word: str) -> str:
    return re.sub(r"[-_ ]", "", word).lower()


def did_you_mean(word: str, known: Iterable[str], *, most: int = 12) -> str | None:
    """A hint: the closest of the known words, or all of them where they are few."""
    names = tuple(known)
    if near := closest(word, names):
        return f"Did you mean {near}?"
    return f"Known here: {', '.join(sorted(names))}." if 0 < len(names) <= most else None


def explain(
    found: Sequence[Mapping[str, Any]],
    schema: Mapping[str, Any],
    value: Json,
    positions: Positions,
    *,
    prefix: Path = (),
    address: Address | None = None,
    wording: Wording = MANIFEST,
    say_where: bool = False,
) -> list[Diagnostic]:
    """One diagnostic for each mistake.

    found      the errors of a pydantic ValidationError, as `errors()` gives them.
    schema     the JSON Schema of what was validated.
    value      what was validated; it stands at `prefix` of the document that `positions` describes.
    say_where  whether every detail names its place in words, for a reader who is not shown it.
    """
    results: list[Diagnostic] = []
    seen: set[tuple[str, Path]] = set()
    misspelt = _misspelt(found, schema)
    for error in found:
        path = path_of(error, value)
        if error["type"] == "missing" and path in misspelt:
            continue
        diagnostic = _explain(error, path, schema, value, positions, prefix, address, wording, say_where)
        if (diagnostic.code, path) not in seen:
            seen.add((diagnostic.code, path))
            results.append(diagnostic)
    return results


def _misspelt(found: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> set[Path]:
    """What is missing only because its name is misspelt: the unknown name is complained about, and that is enough."""
    absent = {_without_branches(error["loc"]) for error in found if error["type"] == "missing"}
    meant: set[Path] = set()
    for error in found if absent else ():
        if error["type"] != "extra_forbidden":
            continue
        name, place = str(error["loc"][-1]), list(_places(schema, error["loc"][:-1]))
        names = _fields(place)
        if (near := closest(name, names)) and not _moved_up(name, names, place, schema):
            meant.add((*_without_branches(error["loc"][:-1]), near))
    return meant & absent


def _fields(place: Iterable[Mapping[str, Any]]) -> set[str]:
    """The names that a mapping at this place may have."""
    return {known for entry in place for known in entry.get("properties", {})}


def branch(name: str) -> str:
    """The tag of one of several forms of a field, for pydantic's Tag: `path_of` knows it from the keys of users. With
    the name of the form's class, messages are about the fields of that form only.
    """
    return f"{_BRANCH}{name}"


def path_of(error: Mapping[str, Any], value: Json) -> Path:
    """The way to the mistake in the value that was validated: keys and indices alone.

    A validator's way also has the names of the branches that it took, and says at its end where a key is meant.
    """
    loc: Sequence[str | int] = error["loc"]
    if error["type"] == "extra_forbidden":  # ends with a key of the user, whatever that looks like
        return (*_without_branches(loc[:-1]), loc[-1])
    return _without_branches(loc[:-1] if _is_about_key(error, value) else loc)


def _without_branches(loc: Sequence[str | int]) -> Path:
    return tuple(step for step in loc if isinstance(step, int) or not step.startswith(_BRANCH))


def _is_about_key(error: Mapping[str, Any], value: Json) -> bool:
    loc: Sequence[str | int] = error["loc"]
    if error["type"] == "extra_forbidden" or not loc or loc[-1] != _KEY:
        return False
    above = _at(value, _without_branches(loc[:-1]))
    return not (isinstance(above, dict) and _KEY in above)


def _explain(
    error: Mapping[str, Any],
    path: Path,
    schema: Mapping[str, Any],
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
        place = list(_places(schema, error["loc"][:-1]))
        why = None
        for refused in (text for entry in place for text in entry.get(REFUSED, ())):
            field, code, sentence = refused.split(" ", 2)
            if field == name:
                return answer(code, sentence, at=key)
            if _plain(field) == _plain(name):
                why = sentence
        where = show_path((*prefix, *path[:-1]))
        detail = f"There is no field {name}" + (f" in {where}." if where else " here.")
        names = _fields(place)
        hint = why or _moved_up(name, names, place, schema) or did_you_mean(name, names)
        return answer(wording.unknown, detail, hint, key)
    if kind == "missing":
        where = show_path((*prefix, *path[:-1]))
        detail = f"{path[-1]} is required" + (f" in {where}." if where else ".")
        only = next((entry["const"] for entry in _places(schema, path) if "const" in entry), None)
        hint = f"Write {path[-1]}: {only}." if only is not None else None
        # The place above it; or, where an overlay has taken it away, the place where that was said.
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
        if error["loc"] and str(error["loc"][-1]).startswith(_BRANCH):
            wanted = "text or a mapping"  # one of several forms
        hint = _way_to(wanted, at_value, list(_places(schema, path)))
        return answer(wording.type, f"{shown} must be {wanted}, not {_name(at_value)}.", hint)
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        detail = f"{shown} must be {_one_of(allowed)}."
        return answer(wording.value, detail, _meant(at_value, allowed) if isinstance(at_value, str) else None)
    described = [entry["description"] for entry in _places(schema, path) if "description" in entry]
    hint = described[0] if described and kind == "string_pattern_mismatch" else None
    return answer(wording.value, f"{shown}: {_sentence(kind, error['msg'], context)}", hint)


def _meant(word: str, allowed: Sequence[str]) -> str | None:
    """A hint with the word that was probably meant; who writes that nothing is specified meant no other value."""
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


def _way_to(wanted: str, value: Json, places: Sequence[Mapping[str, Any]]) -> str | None:
    """What to do where only the form is wrong: quotes, or what is around a value."""
    if wanted == "a list" and isinstance(value, str | dict):
        return "Put it into a list: within [ ], or after a dash."
    if wanted == "a mapping" and isinstance(value, str):
        said = value if value.isprintable() and len(value) <= _SHOWN else "…"
        return next((f"Write {{{entry['required'][0]}: {said}}}." for entry in places if _names_one(entry)), None)
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


def _names_one(entry: Mapping[str, Any]) -> bool:
    """Whether a mapping of this schema has one field that must be there, a text, as what refers to a name has."""
    required = entry.get("required", ())
    return len(required) == 1 and entry["properties"][required[0]].get("type") == "string"


def _name(value: Json) -> str:
    """What a value is, in the words of the messages."""
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
            return f"it must be at least {context['ge']:g}."
        case "greater_than":
            return f"it must be more than {context['gt']:g}."
        case "less_than_equal":
            return f"it must be at most {context['le']:g}."
        case "finite_number":
            return "it must be a finite number."
        case "less_than":
            return f"it must be less than {context['lt']:g}."
        case _:
            return f"{message[:1].lower()}{message[1:]}."


def _at(value: Json, path: Path) -> Json:
    """The value at the path; "" (anything that is not null) where the path leads nowhere."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return ""
    return value


def _moved_up(
    name: str, known: Iterable[str], place: Iterable[Mapping[str, Any]], schema: Mapping[str, Any]
) -> str | None:
    """A hint for what would be right one level deeper, and isn't right here in any spelling."""
    if _plain(name) in map(_plain, known):
        return None
    for entry in place:
        for field, inner in entry.get("properties", {}).items():
            for form in _branches(inner, schema):
                if found := next((each for each in form.get("properties", {}) if _plain(each) == _plain(name)), None):
                    return f"Did you mean {field}.{found}?"
    return None


def _places(schema: Mapping[str, Any], path: Sequence[str | int]) -> Iterator[Mapping[str, Any]]:
    """The object schemas that describe the place at this path; several where it may have one of several forms, and the
    path doesn't say which.
    """
    found = [schema]
    for step in (*path, None):
        taken = step[1:] if isinstance(step, str) and step.startswith(_BRANCH) else None
        found = [form for entry in found for form in _branches(entry, schema, taken)]
        if step is None:
            break
        if taken is not None:
            continue
        if isinstance(step, int):
            found = [entry["items"] for entry in found if isinstance(entry.get("items"), Mapping)]
        else:
            below: list[Mapping[str, Any]] = []
            for entry in found:
                inner = entry.get("properties", {}).get(step) or entry.get("additionalProperties")
                if isinstance(inner, Mapping):
                    below.append(inner)
            found = below
    yield from found


def _branches(
    entry: Mapping[str, Any], schema: Mapping[str, Any], taken: str | None = None, depth: int = 0
) -> Iterator[Mapping[str, Any]]:
    """The forms that an entry may have; the one that was taken, where a form has that name."""
    if depth > 8:
        return
    if reference := entry.get("$ref"):
        yield from _branches(schema.get("$defs", {}).get(_name_of(reference), {}), schema, taken, depth + 1)
        return
    if alternatives := entry.get("oneOf") or entry.get("anyOf"):
        named = [each for each in alternatives if taken and _name_of(each.get("$ref", "")) == taken]
        for alternative in named or alternatives:
            yield from _branches(alternative, schema, taken, depth + 1)
        return
    yield entry


def _name_of(reference: str) -> str:
    return reference.rsplit("/", 1)[-1]
