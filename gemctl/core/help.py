"""Holds the help for a field, made by schema/describe.py, and for a code, made by codes.py. For workflows/explain.py;
shown by render.
"""

from __future__ import annotations

from gemctl.core.diagnostic import Severity, severity_of
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


@dataclass(frozen=True, slots=True)
class CodeHelp:
    """A code of a diagnostic: its fixed summary, what it is about, and, in full sentences, what it means and what to
    do.
    """

    code: str
    summary: str
    about: str
    text: str

    @property
    def severity(self) -> Severity:
        return severity_of(self.code)
