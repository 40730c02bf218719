"""Reads a program of examples in JavaScript (tests/clients/node), for the pages that show one of them.

No parser: statements at the top of a file begin at the first column, and so do the lines that close them, which holds
for programs that are formatted as these are.
"""

from __future__ import annotations

import re
import textwrap

_EXAMPLE = re.compile(r"^export async function (\w+)\(\) \{\n(.*?)^\}\n", re.MULTILINE | re.DOTALL)
_STATEMENT = re.compile(r"^[^\s/)}\]].*?(?=^[^\s)}\]]|^\n|\Z)", re.MULTILINE | re.DOTALL)
_IMPORTED = re.compile(r"^import (?:(\w+)(?:, )?)?(?:\{(.*?)\})? ?from (.*)", re.DOTALL)
_DECLARED = re.compile(r"(?:const|let|async function|function|class) (\w+)")
_WORD = re.compile(r"\w+")


def names(text: str) -> list[str]:
    return [name for name, _ in _EXAMPLE.findall(text)]


def words(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def example(text: str, name: str) -> str:
    """The body of an example, after the statements of its file that it needs."""
    [body] = [textwrap.dedent(body) for found, body in _EXAMPLE.findall(text) if found == name]
    imports, others = [], []
    statements = [found[0] for found in _STATEMENT.finditer(_EXAMPLE.sub("", text))]
    needed, grown = set(_WORD.findall(body)), True
    while grown:
        more = {word for each in statements if _declared(each) in needed for word in _WORD.findall(each)}
        grown = bool(more - needed)
        needed |= more
    for statement in statements:
        if match := _IMPORTED.match(statement):
            imports += _imported(match, needed)
        elif _declared(statement) in needed:
            others.append(statement)
    return "\n".join(part for part in ("".join(imports), "".join(others), body) if part)


def _declared(statement: str) -> str:
    match = _DECLARED.match(statement)
    return match[1] if match else ""


def _imported(match: re.Match[str], needed: set[str]) -> list[str]:
    """The import with those names that are needed; nothing if none is."""
    whole = match[1] if match[1] in needed else ""
    each = [one.strip() for one in (match[2] or "").split(",") if one.strip()]
    some = ", ".join(one for one in each if one.split()[-1] in needed)
    parts = [part for part in (whole, f"{{ {some} }}" if some else "") if part]
    return [f"import {', '.join(parts)} from {match[3]}"] if parts else []
