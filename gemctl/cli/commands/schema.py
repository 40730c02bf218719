"""Defines `gemctl schema`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command


@click.command("schema", cls=Command)
@click.argument("kind", metavar="[KIND]", default="", required=False)
@global_options
@pass_context
def command(context: Context, kind: str) -> None:
    """Print JSON Schema of manifests, for completion and checks in editors.

        gemctl schema > .gemctl-schema.json
        # at the top of a manifest or of gemctl.yaml, for the YAML language server:
        # yaml-language-server: $schema=.gemctl-schema.json

    `gemctl init` writes both. Write the schema again when you have taken a newer gemctl.

    With a KIND, the schema of that kind's documents only; `Project` is that of gemctl.yaml.
    """
    from gemctl.workflows.schema import schema_text

    context.terminal.say(schema_text(kind or None).removesuffix("\n"))
