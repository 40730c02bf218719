"""Defines `gemctl completion`. main.py imports it when that command is run."""

from __future__ import annotations

import os

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command

SHELLS = ("bash", "zsh", "fish")


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(SHELLS), metavar="[bash|zsh|fish]", required=False)
@global_options
@pass_context
def command(context: Context, shell: str | None) -> None:
    """Print the script by which a shell completes gemctl: commands, options, stacks, addresses, kinds, fields, files.

    Put one of these lines where your shell starts, and open a new one:
        eval "$(gemctl completion bash)"                                      # ~/.bashrc
        eval "$(gemctl completion zsh)"                                       # ~/.zshrc, after compinit
        gemctl completion fish > ~/.config/fish/completions/gemctl.fish       # once

    Without a name, it is the shell of the variable SHELL. What is completed is read from gemctl.yaml, manifests and
    the state in .gemctl: no service is asked, and nothing is written.
    """
    from gemctl.cli.main import cli
    from gemctl.cli.shells import script
    from gemctl.core.errors import Usage

    name = shell or os.path.basename(os.environ.get("SHELL", ""))  # noqa: PTH119
    if name not in SHELLS:
        raise Usage("It is not known which shell is meant.", code="E009", hint="Write `gemctl completion bash`.")
    context.terminal.say(script(name, cli).removesuffix("\n"))
