"""Writes help for a field, and for the code of a diagnostic, as text. Called by `gemctl explain`."""

from __future__ import annotations

from textwrap import wrap

from gemctl.core.diagnostic import Severity
from gemctl.core.help import CodeHelp, FieldHelp, Help
from gemctl.render.paint import Paint

_WIDTH = 100
_LONGEST = 28  # columns for the types of the fields below


def text(help: Help, paint: Paint) -> str:  # noqa: A002  the word for it
    """The field, its type and limits, and a line for each field below it."""
    field = help.field
    rows = [("type", field.type)]
    if "." in field.name:
        rows.append(("required", "yes" if field.required else "no"))
    if field.default is not None:
        rows.append(("default", field.default))
    rows += [("limits" if index == 0 else "", limit) for index, limit in enumerate(field.limits)]
    lines = [paint(field.name, "bold"), ""]
    for name, value in rows:
        first, *more = wrap(value, _WIDTH - 12) or [""]
        lines += [f"  {name:<10}{first}", *(f"  {'':<10}{line}" for line in more)]
    if field.description:
        lines += ["", *(f"  {line}" for line in wrap(field.description, _WIDTH - 2))]
    if help.below:
        lines += ["", "Fields (* required):", *_below(help.below, paint)]
    return "\n".join(line.rstrip() for line in lines)


def code(code: CodeHelp, paint: Paint) -> str:
    """The code with its summary, what it stops, and what to do about it."""
    if code.severity is Severity.ERROR:
        word, stops = paint(f"error {code.code}", "bold", "red"), "an error: it stops the stage that found it"
    else:
        word, stops = paint(f"warning {code.code}", "bold", "yellow"), "a warning: it stops nothing"
    rows = (f"  {name:<10}{value}" for name, value in (("about", code.about.lower()), ("is", stops)))
    said = (f"  {line}" for line in wrap(code.text, _WIDTH - 2, break_long_words=False, break_on_hyphens=False))
    return "\n".join((f"{word}: {code.summary}", "", *rows, "", *said))


def _below(fields: tuple[FieldHelp, ...], paint: Paint) -> list[str]:
    names = [f"{field.name}{' *' if field.required else ''}" for field in fields]
    types = [_short(field.type) for field in fields]
    wide, broad = max(map(len, names)), max(map(len, types))
    return [
        f"  {paint(f'{name:<{wide}}', 'bold')}  {kind:<{broad}}  {field.description}"
        for name, kind, field in zip(names, types, fields, strict=True)
    ]


def _short(kind: str) -> str:
    """The type in a column: the fields below a mapping are not here, and a long list of words is cut."""
    kind = kind.replace("mapping with the fields below", "mapping")
    return kind if len(kind) <= _LONGEST else f"{kind[: _LONGEST - 1]}…"
