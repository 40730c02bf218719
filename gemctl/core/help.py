"""Holds the help for a field. Made by schema/describe.py for workflows/explain.py, shown by render."""

from __future__ import annotations

from gemctl.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class FieldHelp:
    """One field, in words: its type, whether it must be there, the default, and further limits of the value.

    `name` is the whole path for the field that was asked about, and one word for those below it; `default` is None
    where there is none that could be named.
    """

    name: str
    type: str
    required: bool
    description: str
    default: str | None = None
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Help:
    """A field, and the fields below it, as they are declared in the model."""

    field: FieldHelp
    below: tuple[FieldHelp, ...]
