"""Defines `gemctl emulator`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Group

_PORT = 8085
_FOUND = ("127.0.0.1", "localhost", "0.0.0.0")  # noqa: S104 - the addresses at which `env` finds it


@click.group("emulator", cls=Group, invoke_without_command=True, subcommand_metavar="[COMMAND]")
@click.option("--port", metavar="P", type=click.IntRange(0, 65535), default=_PORT, show_default=True,
              help="The port on 127.0.0.1; 0 picks a free one.")  # fmt: skip
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True,
              help="The address to listen on; others reach it at 0.0.0.0, as in a container.")  # fmt: skip
@click.option("--allow-host", "hosts", metavar="NAME", multiple=True,
              help="A name by which others may call it; repeatable.")  # fmt: skip
@click.option("--store", metavar="DIR", help="Keep its objects in DIR; default: in memory, gone when it ends.")
@click.option("--clock", "start", metavar="TIME", help="Start its clock at TIME, such as 2027-01-31T18:00:00Z.")
@click.option("--still", is_flag=True, help="Its clock stands still until it is moved.")
@click.option("--seed", metavar="N", type=int, help="Make the names of objects of N, the same every time.")
@click.option("--seed-file", "objects", metavar="FILE", help="Make the objects of a YAML file first.")
@click.option("--snapshot", metavar="FILE", help="Go on from a snapshot of another emulator.")
@click.option("--record", metavar="FILE", help="Add each request to FILE as a line of JSON, without secrets.")
@click.option("--knobs", metavar="FILE", help="Set knobs from a JSON file: latency, quotas, faults and others.")
@click.option("--set", "turns", metavar="NAME=VALUE", multiple=True, help="Set one knob; VALUE is JSON.")
@click.option("--certificate", metavar="DIR",
              help="Keep the certificate for TLS in DIR; default: ~/.local/state/gemctl/emulator.")  # fmt: skip
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
    certificate: str | None,
    objects: str | None,
    snapshot: str | None,
    record: str | None,
    host: str,
    hosts: tuple[str, ...],
) -> None:
    """Serve the emulator on this machine, for SDKs and tests.

    In another terminal:
        eval "$(gemctl emulator env)"

    It answers on the loopback interface only, with TLS and without at one port, and takes any key that does not look
    like a real one. Its clock and its knobs can be turned while it runs, at /emulator on the same port. Ends with
    Ctrl-C.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    from gemctl.workflows.serve import ServeOptions, serve

    def ready(url: str, without_tls: str) -> None:
        with_tls = url.replace("http", "https", 1)
        if context.json:
            context.lines = True  # programs wait for the line
            context.document({"url": url, "httpsUrl": None if without_tls else with_tls})
            return
        context.terminal.say(f"Emulator on {url}")
        if host not in ("127.0.0.1", "localhost", "::1"):
            context.terminal.note("Others reach it too, its admin door included: see docs/emulator/container.md.")
        context.terminal.note(f"export GOOGLE_GEMINI_BASE_URL={url} GEMINI_API_KEY=any-word")
        if without_tls:
            context.terminal.note(f"Without TLS, which Live sessions of Python clients need: {without_tls}")
            return
        number = int(url.rpartition(":")[2])
        words = "gemctl emulator env" + (f" --port {number}" if number != _PORT else "")
        exports = f': eval "$({words})" exports what programs need' if host in _FOUND else ""
        context.terminal.note(f"Also {with_tls}{exports}.")

    serve(
        port,
        ServeOptions(store, start, still, seed, knobs, turns, certificate, objects, snapshot, record, host, hosts),
        context.clock,
        ready,
    )


@command.command("env")
@click.option("--port", metavar="P", type=click.IntRange(1, 65535), help=f"The port of the emulator; default: {_PORT}.")
@click.option("--https", is_flag=True, help="Let base URLs begin with https.")
@click.option("--shell", type=click.Choice(["sh", "fish", "powershell", "dotenv"]), default="sh", show_default=True,
              help="What the lines are for; sh is for bash and zsh too.")  # fmt: skip
@global_options
@pass_context
def env(context: Context, /, port: int | None, https: bool, shell: str) -> None:
    """Print what to export so that programs use the emulator that runs.

        eval "$(gemctl emulator env)"
        gemctl emulator env --shell fish | source
        gemctl emulator env --shell dotenv >.env.emulator

    These are its address and a key that it takes, for clients of the Gemini API and of OpenAI's, and the files of
    certificates by which they trust it when they speak TLS, as Live sessions of Python clients always do. What
    SSL_CERT_FILE names holds the authorities as well that were trusted before. With --json it is a document.
    """
    import os

    from gemctl.render.shell import lines
    from gemctl.workflows.exports import exports

    above = click.get_current_context().parent  # `gemctl emulator --port P env` means the same
    found = exports(port or (above.params["port"] if above else _PORT), os.environ, https=https)
    for note in found.notes:
        context.terminal.note(note)
    if context.json:
        from gemctl.render import json

        context.document(json.exports(found.variables))
        return
    for line in lines(found.variables, shell):
        context.terminal.say(line)
