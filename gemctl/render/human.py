"""Writes plans, outcomes and listings as text for people; every foreign string goes through `safe`. Called by commands,
progress.py and outline.py.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, Reason
from gemctl.core.event import Outcome, Saved, Status, StepEvent, Syncing, Working
from gemctl.core.live import LiveObject
from gemctl.core.mark import read
from gemctl.core.moment import show_duration, show_instant
from gemctl.core.plan import Plan, Sync
from gemctl.core.record import Generation, Ledger, Op, Record
from gemctl.core.resource import NOTHING_USED, Desired, Harvest
from gemctl.core.schedule import Upcoming
from gemctl.render import fields, money
from gemctl.render.fields import Row
from gemctl.render.paint import Paint
from gemctl.render.parts import folded
from gemctl.render.safe import safe
from gemctl.render.whole import whole

_SIGNS = {
    Action.CREATE: ("+", "green"),
    Action.UPDATE: ("~", "yellow"),
    Action.REPLACE: ("±", "yellow"),
    Action.DELETE: ("-", "red"),
    Action.FORGET: ("·", "dim"),
    Action.KEEP: ("=", "dim"),
    Action.HARVEST: ("↓", "green"),
    Action.CANCEL: ("×", "red"),
    Action.REFRESH: ("≈", "dim"),
}
_PHASES = {
    Reason.IN_SYNC: "in sync",
    Reason.SUPERSEDED: "superseded",
    Reason.ENDED: "ended",
    Reason.RUNNING: "running",
    Reason.DONE: "done",
    Reason.FAILED: "failed",
    Reason.IN_USE: "in use",
    Reason.QUEUED: "queued",
}
OWNED = ("ADDRESS", "NAME", "NOTE", "TOKENS", "EXPIRES IN", "DISPLAY NAME", "MODEL", "STATE", "CREATED")
RECORDED = ("ADDRESS", "NAME", "ORIGIN", "EXPIRES", "TOKENS", "MODEL", "CREATED")
_NARROW = {OWNED: 5, RECORDED: 4}  # how many of these columns are shown without `-o wide`
_INDENT = 32  # characters of a path; a longer one stands out
_ROWS = 40  # fields of one change that are shown
_MEMBERS = 50  # members of one change that are named


def plan(plan: Plan, desired: Desired, paint: Paint, *, verbose: bool = False) -> str:
    """The plan, with names of texts and files as they are declared. Kept objects are counted, and listed when `verbose`
    or when there is something to say about them; so are the fields of one change after the first of them. Members that
    are made or deleted are counted, and named when `verbose`.
    """
    now = plan.header.made_at
    lines: list[str] = []
    plan = plan if verbose else folded(plan, desired)
    shown = [change for change in plan.changes if change.action is not Action.KEEP or verbose or change.note]
    width = max((len(str(change.address)) for change in shown), default=0)
    syncs = {step.address: step.sync for step in plan.steps if step.sync} if verbose else {}
    for change in shown:
        lines += _change(change, width, desired, paint, now, verbose=verbose)
        if change.members and change.members.work and change.address in syncs:
            lines += _members(syncs[change.address], paint)
    if lines:
        lines.append("")
    basis = [paint(money.basis(plan.cost), "dim")] if plan.cost and verbose else []
    return "\n".join((*lines, *whole((*said(plan), *basis), plan.header.next_due, now, paint)))


def said(plan: Plan) -> tuple[str, ...]:
    """The sentences about the plan as a whole, but for what is due next."""
    return (summary(plan), *money.plan(plan))


def summary(plan: Plan) -> str:
    numbers = plan.summary
    counts = [f"{numbers[action.value]} to {action.value}" for action in Action if numbers.get(action.value)]
    counts += [f"{len(plan.moved)} moved"] if plan.moved else []
    if plan.pending:
        return f"Plan: {', '.join(counts)}."
    kept = Counter(_PHASES.get(change.reason, "kept") for change in plan.changes)
    return (
        f"Nothing to do: {', '.join(f'{n} {what}' for what, n in sorted(kept.items()))}." if kept else "Nothing to do."
    )


def _change(
    change: Change, width: int, desired: Desired, paint: Paint, now: datetime, *, verbose: bool
) -> Iterable[str]:
    sign, colour = _SIGNS[change.action]
    head = f"{sign} {change.action.value:<8}{safe(str(change.address)):<{width}}"
    name = f"  {safe(change.name)}" if change.name else ""
    yield f"{paint(head, colour)}  {change.reason.value.replace('_', ' ')}{paint(name, 'dim')}"
    rows = fields.rows(change, desired)
    shown = rows if verbose else rows[:_ROWS]
    indent = max((len(row.path) for row in shown if len(row.path) <= _INDENT), default=0)
    for row in shown:
        yield f"      {safe(row.path):<{indent}}  {_field(row, edited=change.reason is Reason.EDITED)}"
    if len(rows) > len(shown):
        yield "      " + paint(f"… and {len(rows) - len(shown):,} more, which -v shows", "dim")
    if stored := cost(change):
        yield "      " + paint(stored, "dim")
    if change.runs and (verbose or change.action is not Action.KEEP):
        yield "      " + paint(f"next: {runs(change.runs)}", "dim")
    yield from ("      " + paint(line, "dim") for line in money.change(change.cost, verbose=verbose))
    if change.note:
        yield "      " + paint(safe(change.note), "dim")
    if (before := change.harvest_before) and before > now:
        text = f"harvest before {show_instant(before.replace(microsecond=0))} (in {show_duration(before - now)})"
        yield "      " + paint(text, "yellow")
    if change.action is Action.KEEP and change.precondition and change.precondition.deadline:
        yield "      " + paint(f"expires in {show_duration(change.precondition.deadline - now)}", "dim")


def _members(sync: Sync, paint: Paint) -> Iterable[str]:
    """The paths of what is made and deleted; of very many the first."""
    named = [(path, Action.REPLACE if old else Action.CREATE) for path, old in sync.make]
    named += [(path, Action.DELETE) for path, _ in sync.drop]
    for path, action in sorted(named)[:_MEMBERS]:
        sign, colour = _SIGNS[action]
        yield f"        {paint(sign, colour)} {safe(path)}"
    if len(named) > _MEMBERS:
        yield "        " + paint(f"… and {len(named) - _MEMBERS:,} more", "dim")


def _field(row: Row, *, edited: bool) -> str:
    before, after = (_cut(safe(text)) if text is not None else "(none)" for text in (row.before, row.after))
    return f"{before} → {after}" if row.before is not None or (edited and row.path) else after


def _cut(text: str) -> str:
    return text if len(text) <= fields.LONGEST else text[: fields.LONGEST - 1] + "…"


def runs(next_runs: Upcoming) -> str:
    """The next times at which the service starts something, by the clocks of the zone, and in UTC."""
    at = [f"{one:%a %Y-%m-%d %H:%M}{_in_utc(one)}" for one in next_runs.at]
    return f"{', '.join(at)}; {next_runs.zone}" if at else "never"


def _in_utc(at: datetime) -> str:
    return f" = {at.astimezone(UTC):%H:%M} UTC" if at.utcoffset() else ""


def cost(change: Change) -> str:
    """The tokens of a change and their storage, which is billed by token and hour; "" for neither."""
    if change.tokens is None or change.action in (Action.KEEP, Action.FORGET, Action.REFRESH):
        return ""
    about = "about " if change.estimated else ""
    tokens = f"{about}{change.tokens:,} tokens"
    if change.hours is None:
        return tokens
    hours = f"{change.hours:,.1f}".removesuffix(".0")
    return f"{tokens} for {hours} h: {about}{change.tokens * change.hours:,.0f} token-hours of storage"


def step(event: StepEvent, paint: Paint) -> str:
    """One line for a step that ended."""
    signs = {
        Status.DONE: ("✓", "green"),
        Status.FAILED: ("✗", "red"),
        Status.BLOCKED: ("·", "dim"),
        Status.QUEUED: ("·", "yellow"),
    }
    sign, colour = signs.get(event.status, ("?", "yellow"))
    what = "retire" if event.op is Op.UPDATE and event.id.endswith(f":{event.name}") else event.op.value
    name = f"  {safe(event.name)}" if event.name else ""
    status = "" if event.status is Status.DONE else f"  {event.status.value}"
    members = f"  {_synced(event.members)}" if event.members else ""
    return (
        f"{paint(sign, colour)} {what:<8}{safe(str(event.address))}{paint(name, 'dim')}{members}{paint(status, colour)}"
    )


def _synced(members: Syncing) -> str:
    """How many members are done, in a few words."""
    of = f"{members.done:,} of " if members.done < members.total else ""
    return f"{of}{_many(members.total, members.what)}"


def outcome(result: Outcome, paint: Paint) -> str:
    """The last line of an apply."""
    counts = [(status, result.count(status)) for status in Status if status is not Status.STARTED]
    said = ", ".join(f"{count} {status.value}" for status, count in counts if count)
    if not result.steps:
        return paint("Nothing to do.", "bold")
    if result.complete and result.queued:
        return paint(
            f"Applied: {said}. What is queued waits for room in the service; apply again later.", "bold", "yellow"
        )
    if result.complete:
        return paint(f"Applied: {said}.", "bold", "green")
    return paint(f"Applied in part: {said}. What is done is recorded; apply again to go on.", "bold", "yellow")


def saved(one: Saved, paint: Paint) -> str:
    """Where results were saved, and how many."""
    harvest = one.harvest
    counts = [_many(harvest.succeeded, "response")]
    counts += [f"{harvest.blocked:,} blocked or cut off"] if harvest.blocked else []
    counts += [_many(harvest.failed, "error")] if harvest.failed else []
    counted = " and ".join(filter(None, (", ".join(counts[:-1]), counts[-1])))
    words = "; ".join(filter(None, (usage(harvest), money.actual(one.cost))))
    used = f": {words}" if words else ""
    text = f"{one.address}: {counted} in {safe(one.path)}{used}"
    return paint(text, "yellow") if harvest.failed or harvest.blocked else text


def usage(harvest: Harvest | None) -> str:
    """The tokens that results used, in a few words; "" where there are no counts."""
    if harvest is None or harvest.usage is None:
        return ""
    used = harvest.usage + (harvest.long or NOTHING_USED)
    said = [f"{_many(used.uncounted, 'response')} without a count of tokens"] if used.uncounted else []
    if used.requests:
        output = used.output + used.thoughts
        out = [f"{output:,} out{_part(used.thoughts, 'thoughts')}"] if output else []
        long = [f"{_many(harvest.long.requests, 'long prompt')}"] if harvest.long else []
        said = [f"{_many(used.prompt, 'token')} in{_part(used.cached, 'cached')}", *out, *long, *said]
    return ", ".join(said)


def _part(count: int, what: str) -> str:
    return f" ({count:,} {what})" if count else ""


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def working(run: Working) -> str:
    """How far a run is, in a few words."""
    state = safe(run.state.lower().replace("_", " ")) or "state not known"
    total = f" of {run.total:,}" if run.total is not None else ""
    failed = f", {run.failed:,} failed" if run.failed else ""
    counted = f": {run.done:,}{total} requests{failed}" if run.total is not None or run.done else ""
    parts = f", {run.parts[0]:,} of {run.parts[1]:,} parts" if run.parts else ""
    return f"{run.address}  {state}{counted}{parts}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], paint: Paint) -> str:
    """Columns wide enough for their longest cell, counted in terminal cells. Where a terminal has no room for them,
    what each row says, without columns.
    """
    cells = [[safe(cell) for cell in row] for row in rows]
    widths = [max(_width(row[i]) for row in [list(header), *cells]) for i in range(len(header))]
    lines = ["  ".join(_pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    title = "  ".join(_pad(title, width) for title, width in zip(header, widths, strict=True)).rstrip()
    if paint.width is not None and max(map(_width, (title, *lines))) > paint.width:
        return "\n".join(line for row in cells for line in _block(header, row, paint))
    return "\n".join((paint(title, "bold"), *lines))


def _block(header: Sequence[str], row: Sequence[str], paint: Paint) -> Iterable[str]:
    """What a row says: its first cell, and below it the others, each behind the title of its column. Lines are broken
    between cells, or else between words: a longer word stands as it is.
    """
    head, *rest = [(title, cell) for title, cell in zip(header, row, strict=True) if cell != "-"]
    yield paint(head[1], "bold")
    line, room = "", max((paint.width or 0) - 4, 1)
    for title, cell in rest:
        whole = f"{title.lower()} {cell}"
        for word in [whole] if _width(whole) <= room else whole.split(" "):
            gap = "" if not line else "  " if word == whole or word == title.lower() else " "
            if line and _width(line + gap + word) > room:
                yield f"    {line}"
                line, gap = "", ""
            line += gap + word
    if line:
        yield f"    {line}"


def listing(header: tuple[str, ...], rows: Sequence[Sequence[str]], paint: Paint, *, wide: bool) -> str:
    """A table of OWNED or RECORDED. Columns in which no row says anything are left out, but for address and name."""
    shown = range(len(header) if wide else _NARROW[header])
    kept = [i for i in shown if i < 2 or any(row[i] != "-" for row in rows)]
    return table([header[i] for i in kept], [[row[i] for i in kept] for row in rows], paint)


def owned(item: LiveObject, address: str, note: str, remaining: float | None) -> tuple[str, ...]:
    """A row of `get`: see OWNED."""
    model = str(item.fields.get("model") or item.model or "-").removeprefix("models/")
    return (
        address or "-",
        item.name,
        note or "-",
        f"{item.tokens:,}" if item.tokens is not None else "-",
        _left(remaining),
        readable(item) or "-",
        model,
        item.state.lower().replace("_", " ") or "-",
        show_instant(item.created) if item.created else "-",
    )


def line(row: Sequence[str]) -> str:
    """What a row says, on one line without columns."""
    return "  ".join(safe(cell) for cell in row if cell != "-")


def _left(remaining: float | None) -> str:
    return show_duration(timedelta(seconds=remaining)) if remaining is not None and remaining > 0 else "-"


def readable(item: LiveObject) -> str:
    """The display name without a mark; also where the service gave the object that of another one."""
    return read(item.display_name)[0]


def orphan(
    item: LiveObject, owner: str, age: float | None, remaining: float | None, hours: float | None
) -> tuple[str, ...]:
    """A row of `orphans`."""
    old = show_duration(timedelta(seconds=age)) if age is not None else "-"
    tokens = f"{item.tokens:,}" if item.tokens is not None else "-"
    hour = f"{hours:,.0f}" if hours is not None else "-"
    return item.name, owner, readable(item) or "-", old, _left(remaining), tokens, hour


def advice(rows: Sequence[tuple[str, str]], paint: Paint) -> str:
    """The advice on each object, once for all that have the same."""
    by_text: dict[str, list[str]] = {}
    for name, text in rows:
        by_text.setdefault(text, []).append(name)
    rows_of = ([safe(text), *(f"    {paint(safe(name), 'dim')}" for name in names)] for text, names in by_text.items())
    return "\n".join(line for lines in rows_of for line in lines)


def ledger(ledger: Ledger, paint: Paint, *, wide: bool = False) -> str:
    """Bindings, older generations, creates whose outcome is open, and tokens that may be in use."""
    rows = [
        _recorded(address, record.name, record.origin.value, record.deadline, record)
        for address, record in sorted(ledger.records.items())
    ]
    rows += [
        _recorded(old.address, name, "earlier run" if old.record else "retiring", old.deadline, old)
        for name, old in sorted(ledger.retiring.items())
    ]
    rows += [_recorded(one.address, name, f"handed to {one.to}") for name, one in sorted(ledger.handed.items())]
    rows += [
        _recorded(minted.address, f"sha256 {minted.token.digest}", "minted", minted.token.expires)
        for minted in sorted(ledger.tokens.values(), key=lambda minted: minted.token.at)
    ]
    rows += [
        _recorded(intent.address, "-", f"open {intent.op.value}", intent.deadline if intent.op is Op.MINT else None)
        for intent in ledger.intents.values()
    ]
    if not rows:
        return "Nothing is recorded."
    return listing(RECORDED, rows, paint, wide=wide)


def _recorded(
    address: Address, name: str, origin: str, end: datetime | None = None, of: Record | Generation | None = None
) -> tuple[str, ...]:
    """A row of `state list`: see RECORDED."""
    model, tokens, created = (of.model, of.tokens, of.created) if of else ("", None, None)
    return (
        str(address),
        name,
        origin,
        show_instant(end) if end else "-",
        f"{tokens:,}" if tokens is not None else "-",
        model or "-",
        show_instant(created) if created else "-",
    )


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
