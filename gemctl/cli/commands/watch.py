"""Defines `gemctl watch`. main.py imports it when that command is run."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command
from gemctl.cli.planning import seconds
from gemctl.core.event import Event, Waiting
from gemctl.core.moment import show_instant
from gemctl.core.watch import Ended, Noticed, Troubled, WatchEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemctl.render.progress import Progress
    from gemctl.workflows.tick import WatchOptions
    from gemctl.workflows.wiring import Session


@click.command("watch", cls=Command)
@click.option("--allow", metavar="REASON,...", multiple=True,
              help="What may be done without a person. Default: expiring,expired,missing,finished,queued.")  # fmt: skip
@click.option("--interval", metavar="DURATION", default="15m", show_default=True, help="Sleep no longer than this.")
@click.option("--jitter", metavar="DURATION", default="10s", show_default=True,
              help="Put off what is due by up to this much, by chance.")  # fmt: skip
@click.option("--metrics-port", metavar="PORT", type=click.IntRange(0, 65535),
              help="Serve /healthz and /metrics on this port of 127.0.0.1; 0 picks a free one.")  # fmt: skip
@click.option("--parallelism", metavar="N", type=click.IntRange(1, 128), default=10, show_default=True,
              help="At most N calls at a time.")  # fmt: skip
@global_options
@pass_context
def command(
    context: Context,
    /,
    allow: tuple[str, ...],
    interval: str,
    jitter: str,
    metrics_port: int | None,
    parallelism: int,
) -> int:
    """Keep running: plan, apply what may go unattended, sleep until something is due.

    Every tick is a plan of the whole stack, of which those changes are applied whose
    reason is allowed: `gemctl plan` shows the reasons. The rest is told once, and
    left to a person and `gemctl apply`. It looks again when something is due, when a
    manifest or a file that it names has changed, and after --interval.

    Errors don't end it, but for a state that can't be used (6). While manifests
    are broken, or an edit waits for a person, what was applied last is kept alive.
    Ctrl-C or SIGTERM finishes and records what is in flight, and ends it (130, 143);
    twice leaves at once.

    With --json, lines as of `apply --json`, and of its own:
        {"type": "watch", "at", "event", …}
    event: start, tick, needs, notice, error, recovered, sleep, stop.
    """
    context.lines = True
    import gc
    from datetime import timedelta

    from gemctl.core.errors import Interrupted
    from gemctl.workflows.tick import options

    gc.enable()
    wanted = options(allow, timedelta(seconds=seconds(interval)), timedelta(seconds=seconds(jitter)), parallelism)
    session = context.session()
    connection = context.connect(session)  # without a key there is nothing to go on with
    with contextlib.ExitStack() as stack:
        hear: list[Callable[[WatchEvent], None]] = []
        if metrics_port is not None:
            from gemctl.workflows.metrics import serving

            metrics = stack.enter_context(serving(metrics_port, wanted.interval, session.clock))
            context.terminal.note(f"metrics on {metrics.url}/metrics")
            hear.append(metrics.hear)
        try:
            number = _go_on(context, session, connection.endpoint, wanted, hear)
        except Interrupted as stopped:  # it looked, or slept: there is nothing to finish
            number = stopped.signal_number
        _last(context, session, number)
    return 128 + number


def _go_on(
    context: Context, session: Session, endpoint: str, wanted: WatchOptions, hear: list[Callable[[WatchEvent], None]]
) -> int:
    """Watch, and print what happens. Returns the number of the signal that ended it."""
    from gemctl.cli.stopping import graceful
    from gemctl.engine.execute import Stopping
    from gemctl.render.progress import Progress
    from gemctl.workflows.tick import Dependencies
    from gemctl.workflows.watch import Watch
    from gemctl.workflows.wiring import EMULATOR_CLOCK, connect, emulator_now

    emulated = emulator_now(session.settings.env.get(EMULATOR_CLOCK), session.clock)
    stopping, terminal = Stopping(), context.terminal
    printer = _Printer(context, session)

    def report(event: WatchEvent) -> None:
        for one in (printer.report, *hear):
            one(event)

    with Progress(printer.say, terminal.out, live=False, as_json=context.json) as progress:
        dependencies = Dependencies(
            open=context.session,
            connect=lambda now: connect(now, stopping=lambda: stopping.signal is not None, emulated=emulated),
            stopping=stopping,
            tell=lambda event: printer.tell(event, progress),
            report=report,
            graceful=lambda: graceful(stopping, terminal.note),
        )
        return Watch(wanted, dependencies, session).go_on(endpoint)


class _Printer:
    """Prints what happens, one line after the other, each with its time."""

    def __init__(self, context: Context, session: Session) -> None:
        self._context, self._clock = context, session.clock

    def say(self, text: str) -> None:
        """Print a finished line; documents have their time in them, or none."""
        if not self._context.json:
            text = f"{show_instant(self._clock.now().replace(microsecond=0))} {text}"
        self._context.terminal.say(text)

    def tell(self, event: Event, progress: Progress) -> None:
        """Print an event of a tick as apply does, without a bar."""
        if isinstance(event, Waiting) and not self._context.json:
            self.say(f"waiting until {show_instant(event.until.replace(microsecond=0))}: {event.why}")
        else:
            progress.tell(event)

    def report(self, event: WatchEvent) -> None:
        """Print an event of the watch itself."""
        from gemctl.render import watch

        if isinstance(event, Troubled | Noticed):
            self._found(event)
        elif isinstance(event, Ended):
            self._ended(event)
        elif self._context.json:
            if (document := watch.document(event)) is not None:
                self._context.document(document)
        elif (text := watch.text(event)) is not None:
            self.say(text)

    def _found(self, event: Troubled | Noticed) -> None:
        from gemctl.cli.main import complain, judge
        from gemctl.render import watch

        wrong = isinstance(event, Troubled)
        ended = judge(event.error)[1] if isinstance(event, Troubled) and event.error else ()
        found = (*ended, *event.diagnostics)
        if self._context.json:
            self._context.document(watch.found("error" if wrong else "notice", event.at, found))
            return
        codes = ", ".join(dict.fromkeys(one.code for one in found))
        self.say(f"{'something is wrong' if wrong else 'to be noted'}: {codes}")
        complain(self._context, found)

    def _ended(self, event: Ended) -> None:
        """Print the end of a tick as that of an apply, where something was to be done."""
        from gemctl.render import human, json

        for one in event.saved:
            if self._context.json:
                self._context.document({"type": "saved", **json.saved(one)})
            else:
                self.say(human.saved(one, self._context.terminal.out))
        if event.outcome is None:
            return
        if self._context.json:
            self._context.document(json.outcome(event.outcome, event.due))
        elif not event.outcome.complete or event.outcome.queued:
            self.say(human.outcome(event.outcome, self._context.terminal.out))


def _last(context: Context, session: Session, number: int) -> None:
    import signal

    from gemctl.render import watch

    if context.json:
        context.document(watch.stopped(session.clock.now(), number))
    else:
        _Printer(context, session).say(f"stopped by {signal.Signals(number).name}")
