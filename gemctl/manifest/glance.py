"""Finds names in gemctl.yaml and in manifests without reading them as YAML: quickly, and not exactly. Called by
workflows/completion.py, where a name that is missing, or one too many, does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_KEY = r"""(?:"[^"\n]*"|'[^'\n]*'|[^\s{}\[\],"'#:&*!|>%@`-][^\s{}\[\],"':]*)"""
_LINE = re.compile(rf"^(?P<indent> *(?:- +)*)(?P<key>{_KEY}) *:(?: +(?P<rest>[^\n]*))?$", re.MULTILINE)
_FLOW = re.compile(rf"""(?P<key>{_KEY})\s*:(?=[\s,}}])|"[^"]*"|'[^']*'|[^\s{{}}\[\],"']+|.""", re.DOTALL)
_DOCUMENT = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_VARIABLE = re.compile(r"\$\{var\.([A-Za-z_][A-Za-z0-9_-]*)\}")

Keys = tuple[str, ...]


class ProjectNames(NamedTuple):
    """The names in a gemctl.yaml: stacks in their order, and the variables of each."""

    stacks: tuple[str, ...]
    default: str | None
    variables: tuple[tuple[str, str], ...]  # (stack, name)


def project_names(text: str) -> ProjectNames:
    """The names in the text of a gemctl.yaml."""
    stacks: dict[str, None] = {}
    variables: dict[tuple[str, str], None] = {}
    default = None
    for keys, value, _ in _keys(text):
        match keys:
            case ("defaultStack",):
                default = value
            case ("stacks", stack):
                stacks[stack] = None
            case ("stacks", stack, "vars", name):
                variables[stack, name] = None
    if default is None and len(stacks) == 1:
        default = next(iter(stacks))
    return ProjectNames(tuple(stacks), default, tuple(variables))


def declared(text: str) -> Iterator[str]:
    """The addresses that a file of manifests declares."""
    for document in _DOCUMENT.split(text):
        kind, name, items = "", "", False
        for keys, value, first in _keys(document):
            if keys == ("kind",) and value == "List":
                items = True
            keys = keys[1:] if items and keys[0] == "items" else keys
            if items and first:
                kind, name = "", ""
            if keys == ("kind",):
                kind = value
            elif keys == ("metadata", "name"):
                name = value
            else:
                continue
            if kind and name and kind != "List":
                yield f"{kind}/{name}"


def used_variables(text: str) -> Iterator[str]:
    """The names of variables in a text, as in ${var.NAME}."""
    return (found[1] for found in _VARIABLE.finditer(text))


def _keys(text: str) -> Iterator[tuple[Keys, str, bool]]:
    """Each key with those above it, its value if that is on the same line, and whether it begins an item of a list."""
    above: list[tuple[int, str]] = []
    at = 0
    while found := _LINE.search(text, at):
        at = found.end()
        depth = len(found["indent"])
        while above and above[-1][0] >= depth:
            above.pop()
        above.append((depth, _plain(found["key"])))
        keys, rest = tuple(name for _, name in above), found["rest"] or ""
        yield keys, _plain(rest), "-" in found["indent"]
        if rest[:1] in ("|", ">"):  # its lines are text
            after = re.compile(rf"^ {{0,{depth}}}\S", re.MULTILINE).search(text, at)
            at = after.start() if after else len(text)
        elif rest[:1] == "{":
            flow, at = _flow(text, found.start("rest"))
            yield from ((keys + below, value, False) for below, value in flow)


def _flow(text: str, start: int) -> tuple[list[tuple[Keys, str]], int]:
    """The keys of a mapping in braces with the word after each, and where it ends."""
    found: list[tuple[Keys, str]] = []
    above: list[str] = []
    key = ""
    for token in _FLOW.finditer(text, start):
        if token["key"]:
            key = _plain(token["key"])
            found.append(((*above[1:], key), ""))
        elif token[0] in ("{", "["):
            above.append(key)
        elif token[0] in ("}", "]"):
            above.pop()
            if not above:
                return found, token.end()
        elif found and not found[-1][1] and not token[0].isspace():
            found[-1] = (found[-1][0], _plain(token[0]))
    return found, len(text)


def _plain(value: str) -> str:
    """A scalar without quotes and comment."""
    if value[:1] in ("'", '"'):
        return value[1:].partition(value[0])[0]
    return value.partition(" #")[0].strip()
