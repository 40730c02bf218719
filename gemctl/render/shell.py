"""Writes variables as a shell, or a program that starts others, takes them in. Called by `gemctl emulator env`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping


def _fish(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _powershell(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


SHELLS: Mapping[str, Callable[[str, str], str]] = {
    "sh": lambda name, value: f"export {name}={shlex.quote(value)}",
    "fish": lambda name, value: f"set -gx {name} {_fish(value)}",
    "powershell": lambda name, value: f"$env:{name} = {_powershell(value)}",
    "dotenv": lambda name, value: f"{name}={shlex.quote(value)}",
}
"""One line for each variable, in the words of this shell; `sh` is for bash and zsh as well."""


def lines(variables: Mapping[str, str], shell: str) -> list[str]:
    return [SHELLS[shell](name, value) for name, value in variables.items()]
