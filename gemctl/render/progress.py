"""Shows what happens during an apply: a line for each step that ended, and on a terminal the steps under way. Used by
the commands that act or wait.

Only this module imports rich, and only once there is a terminal to draw on and something to wait for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from gemctl.core.address import Address
from gemctl.core.event import Event, Retry, Status, StepEvent, Syncing, Transfer, Waiting, Working
from gemctl.core.moment import show_instant
from gemctl.render import human, json
from gemctl.render.paint import Paint

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


class Progress:
    """`say` takes finished lines; `live` is True when standard error is a terminal. Any thread may call `tell`."""

    def __init__(self, say: Callable[[str], None], paint: Paint, *, live: bool, as_json: bool) -> None:
        self._say, self._paint, self._live, self._as_json = say, paint, live and not as_json, as_json
        self._lock = threading.RLock()
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._transfers: dict[Address, TaskID] = {}
        self._runs: dict[Address, TaskID] = {}
        self._total = 0
        self._waited = ""  # what was last said of waiting

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.end()

    def begin(self, total: int) -> None:
        """From now on, `total` steps are carried out."""
        with self._lock:
            self.end()
            self._total = total
            if total:
                self._draw("applying", total)

    def end(self) -> None:
        """Stop drawing."""
        with self._lock:
            if self._bar is not None:
                self._bar.stop()
            self._bar = self._task = None
            self._transfers.clear()
            self._runs.clear()

    def tell(self, event: Event) -> None:
        """Show an event of core/event.py."""
        with self._lock:
            if self._as_json:
                self._say(json.text(json.event(event), indent=None))
            elif isinstance(event, Waiting):
                text = f"waiting until {show_instant(event.until.replace(microsecond=0))}: {event.why}"
                if not self._live and text != self._waited:  # logs of pipelines say what it waits for, too, but once
                    self._say(text)
                self._waited = text
                self._draw(text, None)
            elif isinstance(event, Transfer):
                self._transfer(event)
            elif isinstance(event, Working):
                self._working(event)
            elif isinstance(event, Syncing):
                self._syncing(event)
            else:
                self._step(event)

    def retry(self, retry: Retry) -> None:
        """Show on a terminal, in passing, that a call is going to be tried again (see core/event.py)."""
        with self._lock:
            if self._bar is not None and self._task is not None:
                self._bar.update(self._task, description=f"retrying: {retry.why}")

    def _step(self, event: StepEvent) -> None:
        if event.status is Status.STARTED:
            self._describe(f"{event.op.value} {event.address}")
            return
        line = human.step(event, self._paint)
        if self._bar is None or self._task is None:
            self._say(line)
            return
        from rich.text import Text

        self._bar.console.print(Text.from_ansi(line), highlight=False, soft_wrap=True)
        self._bar.advance(self._task)

    def _transfer(self, event: Transfer) -> None:
        """Draw a bar for each file that is under way."""
        if self._bar is None:
            return
        task = self._transfers.get(event.address)
        if task is None:
            text = f"upload {event.address}"
            task = self._transfers[event.address] = self._bar.add_task(text, total=event.total, in_bytes=True)
        self._bar.update(task, completed=event.done, visible=event.done < event.total)

    def _working(self, event: Working) -> None:
        """Draw a bar for each run that is waited for; it stays once the run has ended."""
        if self._bar is None:
            self._draw("waiting", None)
        if self._bar is None:
            return
        task = self._runs.get(event.address)
        if task is None:
            task = self._runs[event.address] = self._bar.add_task("", total=event.total)
        self._bar.update(task, description=human.working(event), completed=event.done, total=event.total)
        self._bar.refresh()

    def _syncing(self, event: Syncing) -> None:
        """Draw one bar for all that lies under an object."""
        if self._bar is None:
            return
        task = self._runs.get(event.address)
        if task is None:
            task = self._runs[event.address] = self._bar.add_task("", total=event.total)
        done = event.done + event.failed
        failed = f", {event.failed:,} failed" if event.failed else ""
        text = f"{event.address}  {event.what}s{failed}"
        self._bar.update(task, description=text, completed=done, visible=done < event.total)

    def _describe(self, text: str) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=text)

    def _draw(self, text: str, total: int | None) -> None:
        if not self._live:
            return
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=text, total=total)
            return
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar
        from rich.text import Text

        class Count(DownloadColumn):
            """Steps are counted; bytes are shown in their units."""

            def render(self, task: Task) -> Text:
                if task.fields.get("in_bytes"):
                    return super().render(task)
                return Text(f"{int(task.completed)}/{int(task.total or 0)}", style="progress.download")

        counted = (BarColumn(bar_width=24), Count(binary_units=True)) if total else ()
        columns = (SpinnerColumn(), *counted, TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        console = Console(stderr=True, no_color=not self._paint.on)
        self._bar = Bar(*columns, console=console, transient=True)
        self._task = self._bar.add_task(text, total=total)
        self._bar.start()
