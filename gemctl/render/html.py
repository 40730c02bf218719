"""Writes a plan as one HTML file: changes, what needs what, and a time line. No script, no link, nothing from outside.

Called by `gemctl plan --format html`.
The policy in its head forbids a browser all of that as well, should a foreign text ever get past the escaping.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from gemctl.core.address import Address
from gemctl.core.change import Action, Change
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.moment import show_duration, show_instant
from gemctl.render import graph, money, outline
from gemctl.render.markup import MONO, SANS, ascii_only, text, variables
from gemctl.render.outline import Life, Report

_NODES, _LIVES = 150, 60  # resources that are shown: with more, a reader sees nothing
_NAMED = 5  # names in a sentence
_STYLE = f"""
body {{ margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 {SANS} }}
main {{ max-width: 1100px; margin: 0 auto; padding: 24px }}
h1 {{ font-size: 24px; margin: 0 0 4px }}
h1, dd {{ overflow-wrap: anywhere }}
h2 {{ font-size: 18px; margin: 36px 0 8px }}
.soft, dt {{ color: var(--soft) }}
.summary {{ font-size: 17px; font-weight: 600; margin: 12px 0 }}
dl {{ display: flex; flex-wrap: wrap; gap: 4px 28px; margin: 12px 0 }}
dl div {{ display: flex; gap: 8px; min-width: 0 }}
dt {{ flex: none }}
dd {{ margin: 0; min-width: 0 }}
.wide {{ overflow-x: auto; margin: 0 }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; vertical-align: top; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line) }}
th {{ color: var(--soft); font-weight: 500; white-space: nowrap }}
td.number, th.number {{ text-align: right; white-space: nowrap }}
code, .code {{ font-family: {MONO}; font-size: 13px; overflow-wrap: anywhere }}
.name, .action, .why, td summary, details td:first-child {{ white-space: nowrap }}
.action {{ font-weight: 600 }}
summary {{ cursor: pointer }}
details table {{ background: var(--box); margin: 6px 0 }}
details table td, details table th {{ padding: 4px 12px }}
details table td:not(:first-child) {{ min-width: 14ch }}
pre {{ font: 13px/1.7 {MONO}; margin: 0 }}
.lives th:last-child {{ width: 40% }}
.life {{ display: block; position: relative; height: 14px; margin: 4px 7px 4px 0 }}
.life span {{ position: absolute; box-sizing: border-box; height: 14px; min-width: 2px; border-radius: 3px }}
.ends {{ border: 1px solid; background: color-mix(in srgb, currentColor 20%, transparent) }}
.open {{ border: 1px dashed }}
.due {{ width: 10px; border-radius: 0; background: currentColor; clip-path: polygon(50% 0, 100% 50%, 50% 100%, 0 50%) }}
.life .due {{ margin-left: -5px }}
footer {{ margin-top: 48px }}
@media (max-width: 700px) {{
main {{ padding: 16px }}
dl div {{ flex-wrap: wrap; gap: 0 8px }}
.cards > thead {{ display: none }}
.cards > tbody > tr {{ display: block; padding: 8px 0; border-bottom: 1px solid var(--line) }}
.cards > tbody > tr > td {{ display: block; padding: 1px 0; border: 0; text-align: left }}
.cards > tbody > tr > td:empty {{ display: none }}
.cards > tbody > tr > td.number::after {{ content: " token-hours" }}
.cards .name, .cards summary {{ white-space: normal }}
details table td:not(:first-child) {{ min-width: 0 }}
.lives td:nth-child(2)::before {{ content: "due " }}
.lives td:nth-child(3)::before {{ content: "ends " }}
}}
@media print {{ .wide {{ overflow: visible }} }}
"""


def plan(report: Report) -> str:
    """The whole page."""
    header = report.plan.header
    name = f"{report.name} / {header.stack}"
    title = f"{'Plan to destroy' if header.destroy else 'Plan'}: {name}"
    colours = " ".join(f".c-{action.value} {{ color: var(--{action.value}) }}" for action in Action)
    head = (
        '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{text(title)}</title>\n<style>\n{variables()}\n{_STYLE}{colours}\n</style>"
    )
    parts = (
        _head(report, title),
        _diagnostics("Errors", "Nothing is done before these are out of the way.", report.errors),
        _changes(report),
        _money(report),
        _graph(report),
        _timeline(report),
        _diagnostics("Warnings", "", report.warnings),
        _kept(report),
        f'<footer class="soft">Made by gemctl {text(header.gemctl)}. '
        "Texts and files stand here by their size and origin, and never in full.</footer>",
    )
    body = "\n".join(part for part in parts if part)
    return ascii_only(
        f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>'
    )


def _head(report: Report, title: str) -> str:
    header, now = report.plan.header, report.now
    entries = [("Endpoint", header.endpoint), ("Made", show_instant(now.replace(microsecond=0)))]
    if header.valid_until:
        entries.append(("Good until", outline.instant(header.valid_until, now)))
    if header.next_due:
        entries.append(("Next due, once applied", outline.instant(header.next_due, now)))
    if ending := report.ending():
        entries.append(("Ends before that", ", ".join(str(life.address) for life in ending[:_NAMED])))
        if len(ending) > _NAMED:
            entries.append(("and", f"{len(ending) - _NAMED:,} more"))
    entries.append(("State", f"serial {header.serial}"))
    rows = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in entries)
    summary = outline.summary(report).removeprefix("Plan: ")
    return f'<header>\n<h1>{text(title)}</h1>\n<p class="summary">{text(summary)}</p>\n<dl>{rows}</dl>\n</header>'


def _changes(report: Report) -> str:
    rows = [
        (
            f'<span class="action c-{change.action.value}">{text(outline.SIGNS[change.action])} '
            f"{text(change.action.value)}</span>",
            _resource(change, report),
            f'<span class="why">{text(outline.reason(change, report.now))}</span>',
            text(outline.stored(change)),
            text(outline.cost(change)),
            text(outline.remarks(change, report.now)),
        )
        for change in report.changes
    ]
    if not rows:
        return ""
    header, number = ("Change", "Resource", "Why", "Token-hours", "Cost", "Note"), 3
    used = [column for column in range(len(header)) if any(row[column] for row in rows)]
    told = [tuple(row[column] for column in used) for row in rows]
    number = used.index(number) if number in used else -1
    return _section("Changes", _table([header[column] for column in used], told, number=number, css="cards"))


def _money(report: Report) -> str:
    """What the plan costs, what keeping everything costs a month, and how that was estimated."""
    cost = report.plan.cost
    if cost is None or not (sentences := list(money.plan(report.plan))):
        return ""
    parts = [f"<p>{text(sentence)}</p>" for sentence in sentences]
    if rows := money.months(cost):
        header = ("Keeping everything, a month", "Before", "After", "Difference")
        parts.append(_table(header, [tuple(map(text, row)) for row in rows]))
    if estimates := outline.estimates(report):
        header = ("Resource", "Model", "Basis", "Not priced")
        table = _table(header, [tuple(map(text, row)) for row in estimates])
        parts.append(f"<details><summary>How this was estimated</summary>{table}</details>")
    parts.append(f'<p class="soft">{text(money.basis(cost))}</p>')
    return _section("Money", "\n".join(parts))


def _resource(change: Change, report: Report) -> str:
    """Its address, live name, and fields, which unfold."""
    address = f'<code class="name">{text(str(change.address))}</code>'
    name = f'<code class="soft">{text(change.name)}</code>' if change.name else ""
    rows = [
        tuple(f"<code>{text(part)}</code>" if part else "" for part in field)
        for field in outline.fields(change, report)
    ]
    if not rows:
        return f"{address}<br>{name}" if name else address
    return f"<details><summary>{address}</summary>{_table(('Field', 'Before', 'After'), rows)}</details>{name}"


def _graph(report: Report) -> str:
    nodes, left_out = report.graph(_NODES)
    if not nodes.edges:
        return ""
    lines = [
        f"{text(lead)}{_node(node, report.actions[node])}{' (see above)' if again else ''}"
        for lead, node, again in graph.tree(nodes)
    ]
    tree = '<pre class="wide">' + "\n".join(lines) + "</pre>"
    return _section("What needs what", tree + _note("What needs something stands below it.", left_out))


def _node(node: Address, action: Action) -> str:
    return f'<span class="c-{action.value}">{text(outline.SIGNS[action])} {text(str(node))}</span>'


def _timeline(report: Report) -> str:
    """How long things live once the plan is applied, and when they are due: a table with a bar in each row."""
    lives = report.lives()
    if not lives:
        return ""
    shown = lives[:_LIVES]
    horizon = max(timedelta(minutes=1), *((life.end or life.next) - report.now for life in shown))
    rows = [_life(life, report.now, horizon) for life in shown]
    table = _table(("Resource", "Due", "Ends", f"The next {show_duration(horizon)}"), rows, css="cards lives")
    about = "How long things live once this is applied now. At a diamond they are due to be renewed or looked after."
    return _section("Lives and renewals", table + _note(about, len(lives) - len(shown)))


def _life(life: Life, now: datetime, horizon: timedelta) -> tuple[str, ...]:
    def share(moment: datetime) -> str:
        return f"{100 * min(1.0, max(0.0, (moment - now) / horizon)):.1f}%"

    bar = f'<span class="{"ends" if life.end else "open"}" style="width: {share(life.end or life.next)}"></span>'
    if life.due:
        bar += f'<span class="due" style="left: {share(life.due)}"></span>'
    instants = (text(outline.instant(moment, now)) if moment else "" for moment in (life.due, life.end))
    name = f'<code class="name">{text(str(life.address))}</code>'
    return (name, *instants, f'<span class="life c-{life.action.value}">{bar}</span>')


def _note(about: str, left_out: int) -> str:
    return f'\n<p class="soft">{about}{f" {left_out:,} more are not shown." if left_out else ""}</p>'


def _diagnostics(title: str, about: str, found: Sequence[Diagnostic]) -> str:
    if not found:
        return ""
    rows = [
        (
            f"<code>{text(diagnostic.code)}</code>",
            f"<code>{text(outline.place(diagnostic))}</code>",
            text(outline.message(diagnostic)),
        )
        for diagnostic in found
    ]
    said = f"<p>{text(about)}</p>\n" if about else ""
    return _section(title, said + _table(("Code", "Where", "What"), rows, css="cards"))


def _kept(report: Report) -> str:
    rows = [
        (
            f'<code class="name">{text(str(change.address))}</code>',
            text(outline.reason(change, report.now)),
            text(outline.remarks(change, report.now)),
        )
        for change in report.kept
    ]
    if not rows:
        return ""
    table = _table(("Resource", "Why", "Note"), rows)
    return _section("Kept", f"<details><summary>{len(rows):,} kept</summary>{table}</details>")


def _section(title: str, inner: str) -> str:
    return f"<section>\n<h2>{text(title)}</h2>\n{inner}\n</section>"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], *, number: int = -1, css: str = "") -> str:
    """`rows` are HTML already; `number` is the column of numbers. `cards` become a list on small screens."""
    kind = f' class="{css}"' if css else ""
    look = [' class="number"' if column == number else "" for column in range(len(header))]
    top = "".join(f'<th scope="col"{css}>{text(name)}</th>' for css, name in zip(look, header, strict=True))
    lines = (
        "<tr>" + "".join(f"<td{css}>{cell}</td>" for css, cell in zip(look, row, strict=True)) + "</tr>" for row in rows
    )
    return (
        f'<div class="wide"><table{kind}>\n<thead><tr>{top}</tr></thead>\n<tbody>\n'
        + "\n".join(lines)
        + ("\n</tbody>\n</table></div>")
    )
