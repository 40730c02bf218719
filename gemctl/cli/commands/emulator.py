"""gemctl emulator"""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context


@click.command("emulator")
@click.option("--port", metavar="P", type=click.IntRange(0, 65535), default=8085, show_default=True,
              help="The port on 127.0.0.1; 0 picks a free one.")  # fmt: skip
@click.option("--store", metavar="DIR", help="Keep its objects in DIR; default: in memory, gone when it ends.")
@global_options
@pass_context
def command(context: Context, port: int, store: str | None) -> None:
    """Serve the emulator on this machine, for SDKs and tests.

    \b
    In another terminal:
        export GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:8085
        export GEMINI_API_KEY=any-word

    It answers on the loopback interface only, and takes any key that does not look like a real one. Ends with Ctrl-C.
    """
    from gemctl.workflows.serve import serve

    def ready(url: str) -> None:
        context.terminal.say(f"Emulator on {url}")
        if not context.json:
            context.terminal.note(f"export GOOGLE_GEMINI_BASE_URL={url} GEMINI_API_KEY=any-word")

    serve(port, store, context.clock, ready)
