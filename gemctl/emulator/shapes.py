"""Reads JSON against a message's shape, by the rules of proto-JSON.

Called by `routing.Call.json`; the shapes themselves are the tables in `messages`. Separate because these rules
are the same for every message: camelCase and snake_case at any depth, null is unset, a number may be a string, one
value stands for a list of it, unknown fields are refused all at once, and a free-form value is left alone.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gemctl.emulator.scalars import PACKAGE, STRING, Kind, Violation, bad_value
from gemctl.emulator.wire import Refusal, detail

_MOST_LINES = 50  # of an answer to a body of nothing but mistakes


def snake(name: str) -> str:
    """camelCase to snake_case: error paths use the names of the protocol buffer."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def refuse(wrong: list[Violation]) -> Refusal:
    """The 400 for a body of the wrong shape. At the top level a violation has no `field`."""
    shown = wrong[:_MOST_LINES]
    violations = [{**({"field": v.path} if v.path else {}), "description": v.line} for v in shown]
    return Refusal(400, "\n".join(v.line for v in shown), details=[detail("BadRequest", fieldViolations=violations)])


@dataclass(frozen=True)
class ListOf:
    """A repeated field."""

    item: Kind

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        if not isinstance(value, list):
            return [self.item.read(value, path, wrong)]
        return [self.item.read(item, f"{path}[{index}]", wrong) for index, item in enumerate(value)]


@dataclass(frozen=True)
class MapOf:
    """A map field; its keys are the user's own and are not touched."""

    item: Kind

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        if not isinstance(value, dict):
            wrong.append(bad_value(value, path, "an object"))
            return None
        return {
            key: self.item.read(item, f"{path}[{index}].value", wrong)
            for index, (key, item) in enumerate(value.items())
        }


class Message:
    """A message: its fields by camelCase name, and its oneofs. A function gives the fields, so that
    messages may hold themselves and importing the tables builds nothing."""

    def __init__(
        self,
        name: str,
        fields: Callable[[], Mapping[str, Kind]],
        **oneofs: tuple[str, ...],
    ) -> None:
        self.name = name
        self._make = fields
        self._oneofs = oneofs

    @cached_property
    def _fields(self) -> dict[str, tuple[str, str, Kind]]:
        """Both spellings of each name to (camelCase, snake_case, kind)."""
        table: dict[str, tuple[str, str, Kind]] = {}
        for name, kind in self._make().items():
            table[name] = table[snake(name)] = (name, snake(name), kind)
        return table

    def field(self, name: str) -> tuple[str, Kind] | None:
        """The field of that name in either spelling: its camelCase name and its kind."""
        known = self._fields.get(name)
        return None if known is None else (known[0], known[2])

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        if not isinstance(value, dict):
            wrong.append(bad_value(value, path, PACKAGE + self.name))
            return None
        out: dict[str, Any] = {}
        for key, item in value.items():
            known = self._fields.get(key)
            if known is None:
                where = f" at '{path}'" if path else ""
                line = f'Invalid JSON payload received. Unknown name "{key}"{where}: Cannot find field.'
                wrong.append(Violation(path, line, f"no such field: '{key}'"))
                continue
            name, proto_name, kind = known
            inner = f"{path}.{proto_name}" if path else proto_name
            if name in out:
                wrong.append(Violation(inner, f"Invalid JSON payload received. '{inner}' is given twice."))
            elif item is not None:
                out[name] = kind.read(item, inner, wrong)
        for oneof, names in self._oneofs.items():
            given = [name for name in out if name in names]
            for extra in given[1:]:
                where = f" at '{path}'" if path else ""
                first = f"oneof field '{oneof}' is already set by '{given[0]}'"
                wrong.append(Violation(path, f"Invalid value{where} (oneof), {first}. Cannot set '{extra}'"))
        return out


STRINGS = ListOf(STRING)
