"""Chooses a stack of a project, and gives its variables their values. Called by workflows/wiring.py."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from gemctl.core.errors import Usage
from gemctl.core.project import Project, Stack
from gemctl.manifest.refs import VARIABLE_PATTERN
from gemctl.schema.spelling import did_you_mean

COMMAND_LINE = "--var"
VARIABLES = "GEMCTL_VAR_"  # environment variables that begin so are variables of manifests


def choose_stack(project: Project, name: str | None, variable: str | None = None) -> Stack:
    """The stack of this name, or the default one. Raises Usage for one that doesn't exist, with the environment's
    `variable` that named it.
    """
    wanted = name or project.default_stack
    if (stack := project.stacks.get(wanted)) is None:
        hint = did_you_mean(wanted, project.stacks)
        by = f", which {variable} names" if variable else ""
        raise Usage(f"The project has no stack {wanted!r}{by}.", code="E017", hint=hint)
    return stack


def with_variables(stack: Stack, given: Sequence[str], env: Mapping[str, str]) -> Stack:
    """The stack with variables from the environment (GEMCTL_VAR_name), and over these from the command line.

    `given` are texts `name=value`, of which the last one for a name counts. Raises Usage.
    """
    values, sources = dict(stack.vars), dict[str, str]()
    for key, value in sorted(env.items()):
        name = key.removeprefix(VARIABLES)
        if name != key and re.fullmatch(VARIABLE_PATTERN, name, re.ASCII):
            values[name], sources[name] = _sendable(key, value), key
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not re.fullmatch(VARIABLE_PATTERN, name, re.ASCII):
            hint = "Write --var name=value, with a name of letters, digits, _ and -."
            raise Usage(f"--var {text!r} gives no variable a value.", code="E023", hint=hint)
        values[name], sources[name] = _sendable(f"--var {name}", value), COMMAND_LINE
    if not sources:
        return stack
    return replace(stack, vars=MappingProxyType(values), given=MappingProxyType(sources))


def _sendable(source: str, value: str) -> str:
    """The value, if it is text: bytes that are not UTF-8 arrive as halves of surrogate pairs."""
    if re.search("[\x00\ud800-\udfff]", value):
        raise Usage(f"The value from {source} is not text in UTF-8.", code="E023")
    return value
