"""Writes a plan as Markdown, for a comment on a pull request (GitHub's dialect, which GitLab reads as well). Called by
`gemctl plan --format markdown`.

Foreign text stands in table cells only, and all but plain words in code spans, where neither Markdown, HTML, mentions,
references to issues nor links mean anything; a bar is escaped, which a table needs even in code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from html import escape
from itertools import groupby, takewhile
from typing import TypeVar

from gemctl.core.change import Action, Change
from gemctl.core.diagnostic import Diagnostic
from gemctl.render import graph, money, outline
from gemctl.render.fields import LONGEST
from gemctl.render.outline import Report, Section
from gemctl.render.safe import safe

LIMIT = 64_000  # bytes. A comment may have 65,536 characters; the rest is for what a pipeline puts around it.
_TEXT, _NAME = 300, 100  # characters of a sentence, and of a name, that are shown
_FIELDS = 50  # fields of one change that are shown
_NAMED = 5  # names in a sentence
_COMING = 20  # rows of what comes next
_DRAWN = 32  # resources in the graph: there are never 500 edges between them, the most that Mermaid draws
_SENTENCES = 1_500  # bytes held free to say what was left out

# Words of letters and digits, with punctuation that means nothing in the middle of a line. Words that could become a
# link are not plain: www.…, hexadecimal digits that might be a commit, KEY-1 for an issue.
_PLAIN = re.compile(r"[(\"']{0,2}[^\W_]+(?:[-'./,][^\W_]+)*%?[)\"'.,;:!?…]{0,3}|[=→…–—%][).,;]{0,2}")
_QUOTED = re.compile(r"(?<!\S)`([^`]+)`([.,;:!?]?)(?!\S)")  # code in our own messages
_AMOUNT = re.compile(r"[+-]?\$[\d,]*\d(?:\.\d+)?")
_TICKS = re.compile("`+")
_BAR = "\\|"
_BEFORE_A_BAR = re.compile(r"\\+(?=\|)")  # which would undo the escape
_LINKED = re.compile(r"www\.|[0-9a-f]{7,}|[a-z]-\d|\d{7,}", re.IGNORECASE)

_Item = TypeVar("_Item")


def plan(report: Report, *, limit: int = LIMIT) -> str:
    """The comment. Parts that don't fit are left out from the least important end, and counted."""
    header = report.plan.header
    what = "plan to destroy" if header.destroy else "plan"
    # Programs find their own comment by the first line, and replace it.
    title = f"<!-- gemctl plan {_word(header.project)}/{_word(header.stack)} -->\n"
    title += f"### gemctl {what}: {code(report.name)} / {code(header.stack)}"
    return _told(title, report, limit)


def plans(project: str, name: str, sections: Sequence[Section], *, limit: int = LIMIT) -> str:
    """One comment for several stacks: first a line for each, then the details of each as far as there is room.

    `project` is what marks the comment, `name` what people call it. Room is shared so that a large plan takes none
    from small ones.
    """
    room = _Room(limit)
    title = f"<!-- gemctl plan {_word(project)} -->\n### gemctl plan: {code(name)}, {_many(len(sections), 'stack')}"
    parts = [room.always(title)]
    parts += room.table(
        ("Stack", "Plan", "Errors"), sections, _outcome, lambda rest: f"{_many(len(rest), 'more stack')}."
    )
    whole = [_section(section, limit) for section in sections]
    left_out = 0
    for section, text, share in zip(sections, whole, _shares([*map(_size, whole)], room.left), strict=True):
        if _size(text) > share:
            text = _section(section, share)
        if _size(text) <= share:
            parts.append(text)
        else:
            left_out += 1
    if left_out:
        parts.append(f"… and the details of {_many(left_out, 'stack')}.")
    return "\n\n".join(parts)


def _outcome(section: Section) -> tuple[str, ...]:
    said = outline.summary(section.report).removeprefix("Plan: ") if section.report else "There is no plan."
    return code(section.stack), said, f"{len(section.errors):,}" if section.errors else ""


def _section(section: Section, limit: int) -> str:
    """The part of one of several stacks."""
    title = f"#### {code(section.stack)}"
    if section.report:
        return _told(title, section.report, limit)
    room = _Room(limit)
    parts = [room.always(f"{title}\n\n**There is no plan.**"), *_errors(room, section.errors)]
    return "\n\n".join(parts)


def _shares(sizes: Sequence[int], room: int) -> list[int]:
    """How much of the room each gets: as much as it takes, or as much as all others that don't get enough either."""
    shares = [0] * len(sizes)
    for done, index in enumerate(sorted(range(len(sizes)), key=sizes.__getitem__)):
        shares[index] = min(sizes[index], max(0, room) // (len(sizes) - done))
        room -= shares[index]
    return shares


def _errors(room: _Room, errors: Sequence[Diagnostic]) -> list[str]:
    header = ("Error", "Where", "What")
    return room.table(header, errors, _diagnostic, lambda rest: f"{_many(len(rest), 'more error')}.")


def _told(title: str, report: Report, limit: int) -> str:
    """A plan under its title."""
    now = report.now
    room = _Room(limit)
    parts = [room.always(f"{title}\n\n{_head(report)}"), *_errors(room, report.errors)]
    parts += room.table(
        ("Change", "Resource", "Why", "Token-hours", "Cost", "Note"),
        report.changes,
        lambda change: _change(change, report),
        lambda rest: f"{_many(len(rest), 'more change')}: {outline.counted(rest)}.",
    )
    parts += room.table(
        ("When", "Resource", "What"),
        report.lives(),
        lambda life: (outline.instant(life.next, now), code(str(life.address)), life.what),
        lambda rest: f"{_many(len(rest), 'more resource')} of which nothing ends or is due before that.",
        title="What comes next, once this is applied",
        most=_COMING,
    )
    parts += room.table(
        ("Resource", "Model", "Basis", "Not priced"),
        outline.estimates(report),
        lambda one: (code(one[0]), code(one[1]), inline(one[2]), inline(one[3])),
        lambda rest: f"{_many(len(rest), 'more estimate')}.",
        title=f"How this was estimated. {money.basis(report.plan.cost)}" if report.plan.cost else "",
    )
    parts += room.blocks(
        [text for change in report.changes if (text := _fields(change, report))],
        lambda rest: f"the fields of {_many(rest, 'change')}.",
    )
    parts += room.table(
        ("Warning", "Where", "What"),
        report.warnings,
        _diagnostic,
        lambda rest: f"{_many(len(rest), 'more warning')}.",
        title=_many(len(report.warnings), "warning"),
    )
    parts += room.blocks(_graph(report), lambda _: "what needs what.")
    parts += room.table(
        ("Resource", "Why", "Note"),
        report.kept,
        lambda change: (
            code(str(change.address)),
            outline.reason(change, now),
            inline(outline.remarks(change, now)),
        ),
        lambda rest: f"{_many(len(rest), 'more resource')} that are kept.",
        title=f"{len(report.kept):,} kept",
    )
    return "\n\n".join(parts)


def _head(report: Report) -> str:
    header, now = report.plan.header, report.now
    lines = [f"**{outline.summary(report)}**"]
    if header.next_due:
        lines += ["", f"Next due: {outline.instant(header.next_due, now)}, once this is applied.{_ending(report)}"]
    if header.valid_until:
        lines += ["", f"Good until {outline.instant(header.valid_until, now)}."]
    lines += [part for sentence in money.plan(report.plan) for part in ("", inline(_amounts(sentence)))]
    return "\n".join(lines) + _money(report)


def _ending(report: Report) -> str:
    ending = [code(str(life.address)) for life in report.ending()]
    more = f" and {len(ending) - _NAMED:,} more" if len(ending) > _NAMED else ""
    return f" Before that ends: {', '.join(ending[:_NAMED])}{more}." if ending else ""


def _change(change: Change, report: Report) -> tuple[str, ...]:
    return (
        f"`{outline.SIGNS[change.action]}` {change.action.value}",
        code(str(change.address)),
        outline.reason(change, report.now),
        outline.stored(change),
        _amounts(outline.cost(change)),
        inline(outline.remarks(change, report.now)),
    )


def _money(report: Report) -> str:
    """What keeping everything costs a month, before and after; "" where it costs nothing."""
    rows = money.months(report.plan.cost) if report.plan.cost else ()
    if not rows:
        return ""
    header = ("Keeping everything, a month", "Before", "After", "Difference")
    return "\n\n" + _table(header, [_row([row[0], *(_amounts(cell) for cell in row[1:])]) for row in rows])


def _amounts(text: str) -> str:
    """The text with its amounts as code: two dollar signs in a line would be a formula."""
    return _AMOUNT.sub(r"`\g<0>`", text)


def _fields(change: Change, report: Report) -> str:
    """The fields of one change, folded; "" for none."""
    fields = outline.fields(change, report)
    if not fields:
        return ""
    rows = [_row([code(part, LONGEST) for part in field]) for field in fields[:_FIELDS]]
    if len(fields) > _FIELDS:
        rows.append(_row([f"… and {len(fields) - _FIELDS:,} more", "", ""]))
    title = f"{change.action.value} <code>{escape(_cut(safe(str(change.address)), _NAME))}</code>"
    return _framed(title, _table(("Field", "Before", "After"), rows))


def _graph(report: Report) -> list[str]:
    """The graph, folded; nothing where no resource needs another."""
    nodes, left_out = report.graph(_DRAWN)
    if not nodes.edges:
        return []
    actions = {address: action for address, action in report.actions.items() if action is not Action.KEEP}
    drawing = f"```mermaid\n{graph.mermaid(nodes, actions)}\n```"
    return [_framed("What needs what", f"{drawing}\n\n… and {left_out:,} more." if left_out else drawing)]


def _diagnostic(diagnostic: Diagnostic) -> tuple[str, ...]:
    return code(diagnostic.code), code(outline.place(diagnostic)), inline(outline.message(diagnostic))


class _Room:
    """Counts the space that is left in the comment. Once a part does not fit, less important ones are left out too."""

    def __init__(self, limit: int) -> None:
        self._left = limit - _SENTENCES
        self._full = False

    @property
    def left(self) -> int:
        return self._left

    def always(self, text: str) -> str:
        self._left -= _size(text)
        return text

    def table(
        self,
        header: Sequence[str],
        items: Sequence[_Item],
        row: Callable[[_Item], Sequence[str]],
        left_out: Callable[[Sequence[_Item]], str],
        *,
        title: str = "",
        most: int | None = None,
    ) -> list[str]:
        """As many rows as there is room for, folded where there is a title; and a sentence about the rest."""
        if not items:
            return []
        rows: list[str] = []
        if self._takes(_framed(title, _table(header, ()))):
            for item in items[:most]:
                line = _row(row(item))
                if not self._takes(line):
                    break
                rows.append(line)
        rest = items[len(rows) :]
        said = [f"… and {left_out(rest)}"] if rest else []
        return ["\n\n".join([_framed(title, _table(header, rows)), *said])] if rows else said

    def blocks(self, texts: Sequence[str], left_out: Callable[[int], str]) -> list[str]:
        """As many of these texts as there is room for; and a sentence about the number of others."""
        shown = list(takewhile(self._takes, texts))
        rest = len(texts) - len(shown)
        return [*shown, f"… and {left_out(rest)}"] if rest else shown

    def _takes(self, text: str) -> bool:
        self._left -= _size(text)
        self._full = self._full or self._left < 0
        return not self._full


def _size(text: str) -> int:
    """Bytes, with what stands between this and the next: never fewer than characters, however those are counted."""
    return len(text.encode()) + len("\n\n")


def _framed(title: str, text: str) -> str:
    return f"<details>\n<summary>{title}</summary>\n\n{text}\n\n</details>" if title else text


def _table(header: Sequence[str], rows: Iterable[str]) -> str:
    return "\n".join((_row(header), "|" + "---|" * len(header), *rows))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def code(text: str, most: int = _NAME) -> str:
    """A name or a value as a code span in a table's cell; "" for nothing."""
    return _span(_cut(safe(text), most)) if text.strip() else ""


def inline(text: str) -> str:
    """A sentence in a table's cell: plain words as they are, all else in code spans."""
    pieces = _QUOTED.split(_cut(safe(" ".join(text.split())), _TEXT))
    said = [_words(pieces[0])]
    for quoted, point, words in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        said += [f"{_span(quoted)}{point}", _words(words)]
    return " ".join(piece for piece in said if piece)


def _words(text: str) -> str:
    runs = ((plain, " ".join(run)) for plain, run in groupby(text.split(), _is_plain))
    return " ".join(run if plain else _marked(run) for plain, run in runs)


def _marked(run: str) -> str:
    """A code span; the point that ends a sentence is not part of it."""
    text = run.rstrip(".,;:")
    return f"{_span(text)}{run[len(text) :]}" if text else _span(run)


def _is_plain(word: str) -> bool:
    return bool(_PLAIN.fullmatch(word)) and not _LINKED.search(word)


def _span(text: str) -> str:
    """A code span. Entities mean nothing in it, so a character that must not stand there is written as `\\u{…}`."""
    text = _BEFORE_A_BAR.sub(lambda found: "\\u{5c}" * len(found.group()), text.replace("<", "\\u{3c}"))
    fence = "`" * (1 + max(map(len, _TICKS.findall(text)), default=0))
    pad = " " if text[:1] == "`" or text[-1:] == "`" else ""
    return f"{fence}{pad}{text.replace('|', _BAR)}{pad}{fence}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._]+", "-", text)
