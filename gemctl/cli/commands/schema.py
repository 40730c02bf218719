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
        # at the top of a manifest, for the YAML language server:
        # yaml-language-server: $schema=../.gemctl-schema.json

    With a KIND, the schema of that kind's documents only; `Project` is that of gemctl.yaml.
    """
    from gemctl.render import json
    from gemctl.workflows.schema import schema

    context.terminal.say(json.text(schema(kind or None)))
