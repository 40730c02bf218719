"""Defines `gemctl emulator`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command


@click.command("emulator", cls=Command)
@click.option("--port", metavar="P", type=click.IntRange(0, 65535), default=8085, show_default=True,
              help="The port on 127.0.0.1; 0 picks a free one.")  # fmt: skip
@click.option("--store", metavar="DIR", help="Keep its objects in DIR; default: in memory, gone when it ends.")
@click.option("--clock", "start", metavar="TIME", help="Start its clock at TIME, such as 2027-01-31T18:00:00Z.")
@click.option("--still", is_flag=True, help="Its clock stands still until it is moved.")
@click.option("--seed", metavar="N", type=int, help="Make the names of objects of N, the same every time.")
@click.option("--knobs", metavar="FILE", help="Set knobs from a JSON file: latency, quotas, faults and others.")
@click.option("--set", "turns", metavar="NAME=VALUE", multiple=True, help="Set one knob; VALUE is JSON.")
@global_options
@pass_context
def command(
    context: Context,
    port: int,
    store: str | None,
    start: str | None,
    still: bool,
    seed: int | None,
    knobs: str | None,
    turns: tuple[str, ...],
) -> None:
    """Serve the emulator on this machine, for SDKs and tests.

    In another terminal:
        export GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:8085
        export GEMINI_API_KEY=any-word

    It answers on the loopback interface only, and takes any key that does not look like a real one. Its clock and
    its knobs can be turned while it runs, at /emulator on the same port. Ends with Ctrl-C.
    """
    from gemctl.workflows.serve import ServeOptions, serve

    def ready(url: str) -> None:
        context.terminal.say(f"Emulator on {url}")
        if not context.json:
            context.terminal.note(f"export GOOGLE_GEMINI_BASE_URL={url} GEMINI_API_KEY=any-word")

    serve(port, ServeOptions(store, start, still, seed, knobs, turns), context.clock, ready)
