"""Drawings: the graph of what needs what, the time line of a plan, and a plan in one small picture.

Text can't be measured here, so names stand in a monospaced font and are given the room of its usual width. There are no
scripts, links, ids or outside resources in a drawing: several fit into one page, and one may stand in a README.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gemctl.core.address import Address
from gemctl.core.change import Action
from gemctl.core.graph import Graph
from gemctl.core.moment import show_duration, show_instant
from gemctl.render import outline
from gemctl.render.layout import layout
from gemctl.render.markup import SANS, ascii_only, style, text
from gemctl.render.outline import Life, Report

MOST_NODES, MOST_LIVES = 150, 60  # of a plan: more is no picture any more
_SMALL = 40  # nodes in the small picture
_LETTER = 7.3  # the width of one at 12 pixels
_LONG = 34  # letters of a name that are shown
_BOX, _ROW, _GAP = 40, 54, 64  # the height of a node, from one to the next, and between two columns
_PAD = 16
_WIDE = 900  # nodes without an edge are set in rows of about this width
_BARS = 600  # the width of the bars in a time line
_TICKS = tuple(
    timedelta(seconds=seconds)
    for seconds in (1, 5, 15, 60, 300, 900, 3_600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000)
)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Elements in a box of this size, from (0, 0); nothing around them."""

    width: int
    height: int
    body: str


def document(drawing: Drawing, title: str) -> str:
    """A file of its own, on a ground of its own: nobody knows where it will be shown."""
    size = f'width="{drawing.width - 1}" height="{drawing.height - 1}"'
    ground = f'<rect class="f-page s-line" x="0.5" y="0.5" {size} rx="8"/>'
    return ascii_only(
        f'<svg xmlns="http://www.w3.org/2000/svg" {_frame(drawing, title)}<style>{style()}</style>\n'
        f"{ground}\n{drawing.body}\n</svg>"
    )


def figure(drawing: Drawing, title: str) -> str:
    """Inside a page, whose style has the rules of drawings."""
    return f"<svg {_frame(drawing, title, _PAD - 1)}{drawing.body}\n</svg>"


def plan(report: Report) -> str:
    """The plan in one small picture: what it does, and what needs what."""
    nodes, left_out = report.graph(_SMALL)
    drawn = graph(nodes, report.actions)
    title = f"{report.name} / {report.plan.header.stack}"
    said = [outline.summary(report)]
    if due := report.plan.header.next_due:
        said.append(f"Next due: {outline.instant(due, report.now)}")
    if left_out:
        said.append(f"{left_out:,} more resources are not drawn.")
    lines = [_write(_PAD, 30, title, "f-ink", size=15, bold=True)]
    lines += [_write(_PAD, 52 + 20 * row, words, "f-soft" if row else "f-ink") for row, words in enumerate(said)]
    top = 44 + 20 * len(said)
    width = max(drawn.width, 2 * _PAD + round(_LETTER * max(map(len, said))), 420)
    body = "\n".join([*lines, f'<g transform="translate(0 {top})">\n{drawn.body}\n</g>'])
    return document(Drawing(width, top + drawn.height, body), f"Plan of {title}")


def declared(nodes: Graph) -> str:
    """The graph of what is declared, as a file."""
    return document(graph(nodes, {}), "What needs what")


def graph(nodes: Graph, actions: Mapping[Address, Action]) -> Drawing:
    """Boxes in columns and lines between them, what is needed on the left; below, what has no line at all."""
    placed = layout(nodes)
    heights = [0] * placed.columns
    widths = [0.0] * placed.columns
    for way in placed.ways.values():
        for column, row in way:
            heights[column] = max(heights[column], row + 1)
    for node, (column, _) in placed.spots.items():
        widths[column] = max(widths[column], _width(node))
    lefts = [_PAD + sum(widths[:column]) + _GAP * column for column in range(placed.columns)]
    tallest = max(heights, default=0)

    def middle(spot: tuple[int, int]) -> float:
        column, row = spot
        return _PAD + _BOX / 2 + _ROW * (row + (tallest - heights[column]) / 2)

    lines = []
    for way in placed.ways.values():
        (column, _), y = way[0], middle(way[0])
        path = f"M{lefts[column] + widths[column]:.1f} {y:.1f}"
        for spot in way[1:]:
            x, before, y = lefts[column] + widths[column], y, middle(spot)
            column = spot[0]
            to = lefts[column]
            half = (x + to) / 2
            path += f"C{half:.1f} {before:.1f} {half:.1f} {y:.1f} {to:.1f} {y:.1f}"
            if spot != way[-1]:
                path += f"H{to + widths[column]:.1f}"
        lines.append(f'<path class="s-soft" fill="none" d="{path}"/>')
        lines.append(f'<path class="f-soft" d="M{lefts[column]:.1f} {y:.1f}l-8 -4v8z"/>')
    boxes = [
        _node(node, actions.get(node), lefts[spot[0]], middle(spot) - _BOX / 2, widths[spot[0]])
        for node, spot in placed.spots.items()
    ]
    right = max((left + width for left, width in zip(lefts, widths, strict=True)), default=0.0)
    below = float(_PAD + _ROW * tallest)
    loose, right, below = _loose(placed.loose, actions, right, below)
    return Drawing(
        round(max(right, 160) + _PAD),
        round(max(below - _ROW + _BOX + _PAD, 2 * _PAD)),
        "\n".join([*lines, *boxes, *loose]),
    )


def _loose(
    nodes: Iterable[Address], actions: Mapping[Address, Action], right: float, top: float
) -> tuple[list[str], float, float]:
    """Nodes without an edge, row by row; with how far to the right and down they reach."""
    boxes: list[str] = []
    x, wide = float(_PAD), max(right, _WIDE)
    for node in nodes:
        width = _width(node)
        if x > _PAD and x + width > wide:
            x, top = float(_PAD), top + _ROW
        boxes.append(_node(node, actions.get(node), x, top, width))
        right = max(right, x + width)
        x += width + _PAD
    return boxes, right, top + _ROW if boxes else top


def _width(node: Address) -> float:
    return 28 + _LETTER * max(len(_short(node.name)), len(_short(node.kind)) + 2)


def _short(name: str) -> str:
    return name if len(name) <= _LONG else f"{name[: _LONG // 2]}…{name[-(_LONG - 1) // 2 :]}"


def _node(node: Address, action: Action | None, x: float, y: float, width: float) -> str:
    colour = action.value if action else "soft"
    sign = f"{outline.SIGNS[action]} " if action else ""
    said = f"{node}: {action.value}" if action else str(node)
    return (
        f"<g><title>{text(said)}</title>"
        f'<rect class="f-box s-{colour}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_BOX}" rx="6" '
        'stroke-width="1.5"/>'
        + _write(x + 12, y + 16, f"{sign}{_short(node.kind)}", f"f-{colour}", size=11)
        + _write(x + 12, y + 32, _short(node.name), "f-ink mono", size=12)
        + "</g>"
    )


def timeline(report: Report) -> tuple[Drawing, int]:
    """How long things live once the plan is applied, and when they are renewed; and how many are left out."""
    lives = report.lives()
    shown, now, header = lives[:MOST_LIVES], report.now, report.plan.header
    horizon = max([*(life.end or life.next for life in shown), now + _TICKS[3]]) - now
    height = _PAD + 24 * len(shown) + 44
    labels = [_label(life) for life in shown]
    left = round(_PAD + _LETTER * max(map(len, labels), default=0) + 10)

    def x(moment: datetime) -> float:
        return left + _BARS * min(1.0, max(0.0, (moment - now) / horizon))

    base = _PAD + 24 * len(shown) + 6
    parts = [f'<path class="s-line" fill="none" d="M{left} {base}h{_BARS}"/>']
    step = next((tick for tick in _TICKS if horizon / tick <= 8), horizon / 4)
    for number in range(int(horizon / step) + 1):
        at = x(now + number * step)
        label = f"+{show_duration(number * step)}" if number else "now"
        parts.append(f'<path class="s-line" fill="none" d="M{at:.1f} {_PAD}V{base + 5}"/>')
        parts.append(_write(at, base + 20, label, "f-soft", size=11, anchor="middle"))
    if due := header.next_due:
        parts.append(
            f'<path class="s-harvest" fill="none" stroke-dasharray="4 3" d="M{x(due):.1f} {_PAD - 4}V{base}"/>'
        )
    for index, (life, label) in enumerate(zip(shown, labels, strict=True)):
        y = _PAD + 24 * index
        written = _write(left - 10, y + 16, label, "f-ink mono", size=12, anchor="end")
        parts.append(_bar(life, written, x, now, y))
    return Drawing(left + _BARS + 2 * _PAD + 24, height, "\n".join(parts)), len(lives) - len(shown)


def _label(life: Life) -> str:
    name = str(life.address)
    return f"{outline.SIGNS[life.action]} {name if len(name) <= _LONG else f'…{name[-(_LONG - 1) :]}'}"


def _bar(life: Life, written: str, x: Callable[[datetime], float], now: datetime, y: int) -> str:
    name = str(life.address)
    start, stop = x(now), x(life.end or life.next)
    said = [name, *([f"ends {_said(life.end)}"] if life.end else []), *([f"due {_said(life.due)}"] if life.due else [])]
    open_end = "" if life.end else ' stroke-dasharray="3 3"'
    bar = (
        f'<rect class="f-{life.action.value} s-{life.action.value}" fill-opacity="0.2" x="{start:.1f}" y="{y + 4}" '
        f'width="{max(stop - start, 2):.1f}" height="14" rx="3"{open_end}/>'
    )
    due = ""
    if life.due:
        due = f'<path class="f-{life.action.value}" d="M{x(life.due):.1f} {y + 4}l5 7l-5 7l-5 -7z"/>'
    return f"<g><title>{text('; '.join(said))}</title>{written}{bar}{due}</g>"


def _said(moment: datetime) -> str:
    return show_instant(moment.replace(microsecond=0))


def _frame(drawing: Drawing, title: str, left: int = 0) -> str:
    """`left` is how much of the margin is not shown, so that a drawing begins where the text of a page does."""
    width = drawing.width - left
    return (
        f'role="img" width="{width}" height="{drawing.height}" viewBox="{left} 0 {width} {drawing.height}" '
        f'font-family="{SANS}"><title>{text(title)}</title>\n'
    )


def _write(
    x: float, y: float, words: str, look: str, *, size: int = 13, bold: bool = False, anchor: str = "start"
) -> str:
    weight = ' font-weight="600"' if bold else ""
    side = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{look}" x="{x:.1f}" y="{y:.1f}" font-size="{size}"{weight}{side}>{text(words)}</text>'
