"""Tells people who know other tools what gemctl calls a command or an option. Called by main.py, only when a command
line is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

_YES = "Write --yes."
_UNASKED = "Leave it out: this command asks nothing."
COMMANDS: Mapping[str, str] = {
    "status": "`gemctl plan` shows what differs from the manifests, `gemctl get` what is live.",
    "diff": "`gemctl plan` shows what apply would change, with --diff edited texts line by line.",
    "preview": "`gemctl plan` shows what apply would change.",
    "refresh": "`gemctl apply --refresh-only` writes what is live into the state; each plan looks by itself.",
    "list": "`gemctl get` lists what is live, `gemctl state list` what is recorded.",
    "ls": "`gemctl get` lists what is live, `gemctl state list` what is recorded.",
    "logs": "`gemctl wait ADDRESS` shows how far a job is, `gemctl results` saves what has come of it.",
    "up": "`gemctl apply` makes it so.",
    "deploy": "`gemctl apply` makes it so.",
    "sync": "`gemctl apply` makes it so.",
    "create": "Write a manifest; `gemctl apply` makes what it declares.",
    "down": "`gemctl destroy` deletes everything that this stack owns.",
    "delete": "Remove its manifest and apply, or `gemctl destroy --target ADDRESS`.",
    "rm": "Remove its manifest and apply; `gemctl state rm ADDRESS` only forgets it.",
    "lint": "`gemctl validate` checks manifests offline.",
    "check": "`gemctl validate` checks manifests offline, `gemctl doctor` what gemctl itself needs.",
    "test": "`gemctl validate` checks manifests offline.",
    "workspace": "`gemctl stack list` lists the stacks; --stack NAME chooses one.",
    "env": "`gemctl stack list` lists the stacks; --stack NAME chooses one.",
    "taint": "`gemctl apply --replace ADDRESS` makes a new one, although nothing was edited.",
    "force-unlock": "`gemctl state unlock ID` removes the lock of a dead run.",
    "mint": "`gemctl token mint NAME` mints by a policy.",
    "version": "`gemctl --version` prints it.",
}
OPTIONS: Mapping[str, str] = {
    "-auto-approve": _YES,
    "--auto-approve": _YES,
    "--approve": _YES,
    "--assume-yes": _YES,
    "-y": _YES,
    "--yes": _UNASKED,
    "--force": "Write --yes to go ahead without asking; what a guard stops names the flag that allows it.",
    "--dry-run": "`gemctl plan` shows what apply would do, and changes nothing.",
    "--diff": "`gemctl plan --diff` shows edited texts line by line.",
    "-var-file": "Values stand under `vars` of a stack in gemctl.yaml; --var NAME=VALUE gives one.",
    "--var-file": "Values stand under `vars` of a stack in gemctl.yaml; --var NAME=VALUE gives one.",
    "--set": "Write --var NAME=VALUE for a variable of the manifests.",
    "-o": "Write --json for JSON; a plan is saved with --out FILE.",
    "--output": "Write --json for JSON; a plan is saved with --out FILE.",
    "-n": "Write --stack NAME.",
    "--namespace": "Write --stack NAME.",
    "--context": "Write --stack NAME.",
    "--workspace": "Write --stack NAME.",
    "-s": "Write --stack NAME.",
    "-w": "`gemctl watch` goes on, `gemctl wait ADDRESS` waits for a job.",
    "--watch": "`gemctl watch` goes on, `gemctl wait ADDRESS` waits for a job.",
    "-chdir": "Write -C DIR.",
    "--chdir": "Write -C DIR.",
    "-refresh-only": "Write --refresh-only.",
}

FORMATS: Mapping[str, str] = {
    "svg": "`gemctl graph` writes mermaid, which GitHub and GitLab draw, and dot, of which `dot -Tsvg` makes SVG.",
}


def advice(argv: Sequence[str], known: click.Context | None) -> str | None:
    """A sentence for the first word that is an option elsewhere, or a form that gemctl doesn't write.

    `known` is the context of the command it was given.
    """
    options = {name for each in known.command.get_params(known) for name in each.opts} if known else set()
    for word in argv:
        name, _, value = word.partition("=")
        if "--format" in options and (value or name) in FORMATS:
            return FORMATS[value or name]
        if name in options or not name.startswith("-"):
            continue
        if name in OPTIONS:
            said = OPTIONS[name]
            return _UNASKED if said is _YES and known and "--yes" not in options else said
        if len(name) > 2 and not name.startswith("--") and f"-{name}" in options:
            return f"Write -{name}, with two dashes."
    return None
