"""Defines `gemctl cost`. main.py imports it when that command is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gemctl.core.diagnostic import Diagnostic
    from gemctl.workflows.cost import CostReport, JobCost, Keeping, Starting


_OBJECTS = ("OBJECT", "OWNER", "MODEL", "TOKENS", "AN HOUR", "A MONTH", "SO FAR", "EXPIRES IN")
_STARTING = ("STARTED BY THE CLOCK", "OBJECT", "MODEL", "RUNS A MONTH", "A MONTH", "NEXT")
_JOBS = ("JOB", "RUN", "MODEL", "TOKENS IN", "CACHED", "TOKENS OUT", "COST", "ESTIMATED")
_GONE = ("GONE", "OBJECTS", "COST")


@click.command("cost", cls=Command)
@click.option("--advice", is_flag=True, help="Say of each cache that is declared whether keeping it pays.")
@global_options
@pass_context
def command(context: Context, advice: bool) -> None:
    """Show what lives now and what it costs: by the hour, by the month, and so far.

    Ours by address, and what others keep with the same key; what is gone and what jobs have cost, as far as the state
    and receipts remember; and when prices change. Amounts are US dollars by the facts about models (`gemctl models`),
    and no bill: the service's own has the last word. Where public answers contradict each other there are two bounds.

    Reads only. Where manifests, or the project's own facts, can't be read it says so: estimates and advice are then of
    what could be read.
    """
    from gemctl.cli.main import complain
    from gemctl.core.errors import Rejected
    from gemctl.core.resource import Desired
    from gemctl.render import json
    from gemctl.workflows.cost import cost
    from gemctl.workflows.plan import wanted
    from gemctl.workflows.request import PlanRequest

    session = context.session()
    broken: tuple[Diagnostic, ...] = ()
    try:
        desired = wanted(session, PlanRequest())
    except Rejected as error:  # what lives costs, whatever the manifests say
        desired, broken = Desired(), error.diagnostics
    report = cost(session, context.connect(session), desired)
    wrong = (*broken, *report.wrong)
    if context.json:
        context.document({**_document(report, advice), "diagnostics": json.diagnostics(wrong)})
        return
    for part in _parts(context, report, advice, unread=bool(broken)):
        context.terminal.say(part)
    if wrong:
        complain(context, wrong)


def _parts(context: Context, report: CostReport, advice: bool, unread: bool) -> Iterator[str]:
    from gemctl.core.money import shown
    from gemctl.render import human, money

    paint, blank = context.terminal.out, ""
    if report.keeping:
        yield human.table(_OBJECTS, [_row(one) for one in report.keeping], paint)
    else:
        yield "Nothing that is live costs anything by the hour."
    if report.starting:
        yield blank
        yield human.table(_STARTING, [_starting_row(one) for one in report.starting], paint)
    if report.jobs:
        yield blank
        yield human.table(_JOBS, [_job_row(one) for one in report.jobs], paint)
    if report.gone:
        yield blank
        yield human.table(_GONE, [(str(one.address), str(one.count), _cell(one.cost)) for one in report.gone], paint)
    yield blank
    if report.unpriced:
        yield money.not_priced(report.unpriced)
    months = "".join(f"; from {rate.since.date()} on {shown(rate.month)}" for rate in report.months[1:])
    more = " and what is not priced" if any(rate.unpriced for rate in report.months) else ""
    yield paint(f"Keeping ours costs {shown(report.months[0].month)} a month{months}{more}.", "bold")
    if report.others.high:
        yield f"Others keep {shown(report.others)} a month with this key."
    besides = " and what is not priced" if report.spent.unpriced else ""
    yield f"So far: {shown(report.spent.money)}{besides}, by what the state and receipts remember."
    if advice:
        yield blank
        for one in report.advice:
            yield f"{one.address}:"
            yield from (f"    {sentence}" for sentence in one.sentences)
        if not report.advice:
            why = "no cache is declared, or its prices are not known, or leave nothing to weigh"
            unreadable = "the manifests can't be read"
            yield f"There is no advice: {unreadable if unread else why}."
    yield paint(f"Prices of {report.as_of}.", "dim")


def _cell(priced: Any) -> str:
    """An amount in a table, where what is not in it is said below."""
    from gemctl.core.money import dollars, shown

    if not priced.unpriced:
        return shown(priced.money)
    return f"at least {dollars(priced.money.low)}" if priced.money.low else "not priced"


def _row(one: Keeping) -> tuple[str, ...]:
    from dataclasses import replace
    from datetime import timedelta

    from gemctl.core.moment import show_duration

    item, left = one.item, one.owned.remaining
    return (
        item.name,
        one.owned.owner or "-",
        item.model or "-",
        f"{item.tokens or 0:,}",
        _cell(one.hour),
        _cell(replace(one.hour, money=one.month)),
        _cell(one.so_far),
        show_duration(timedelta(seconds=left)) if left and left > 0 else "-",
    )


def _starting_row(one: Starting) -> tuple[str, ...]:
    from gemctl.core.moment import show_instant

    often, at = one.runs.often, one.upcoming.at if one.upcoming else ()
    count = (
        "-" if often is None else f"{often.low:,}" if often.low == often.high else f"{often.low:,} to {often.high:,}"
    )
    following = show_instant(at[0]) if at else one.item.state
    return (str(one.address), one.item.name, one.runs.model or "-", count, _cell(one.month), following)


def _job_row(one: JobCost) -> tuple[str, ...]:
    used, long = (one.harvest.usage, one.harvest.long) if one.harvest else (None, None)
    counts = ("-", "-", "-")
    if used is not None:
        all_of = used + long if long else used
        counts = (f"{all_of.prompt:,}", f"{all_of.cached:,}", f"{all_of.output + all_of.thoughts:,}")
    actual = _cell(one.actual) if one.actual else "not counted"
    estimate = _cell(one.estimate) if one.estimate else "-"
    return (str(one.address), one.name, one.model or "-", *counts, actual, estimate)


def _document(report: CostReport, advice: bool) -> dict[str, Any]:
    from gemctl.core.moment import show_instant
    from gemctl.render import json, money

    def priced(one: Any) -> dict[str, Any] | None:
        return None if one is None else {**money.amount(one.money), "notPriced": list(one.unpriced)}

    document = {
        "formatVersion": json.FORMAT,
        "currency": "USD",
        "factsAsOf": report.as_of.isoformat(),
        "at": show_instant(report.now),
        "objects": [
            {
                **json.owned(one.item, one.owned.owner, one.owned.remaining),
                "ours": one.ours,
                "address": str(one.owned.whose.address) if one.owned.whose.address else None,
                "hourly": priced(one.hour),
                "monthly": money.amount(one.month),
                "soFar": priced(one.so_far),
            }
            for one in report.keeping
        ],
        "started": [
            {
                "address": str(one.address),
                "name": one.item.name,
                "state": one.item.state,
                "model": one.runs.model,
                "runsAMonth": {"low": one.runs.often.low, "high": one.runs.often.high} if one.runs.often else None,
                "monthly": priced(one.month),
                **({"runs": json.upcoming(one.upcoming)} if one.upcoming else {}),
            }
            for one in report.starting
        ],
        "monthly": [money.rate(rate) for rate in report.months],
        "othersMonthly": money.amount(report.others),
        "gone": [{"address": str(one.address), "objects": one.count, "cost": priced(one.cost)} for one in report.gone],
        "jobs": [
            {
                "address": str(one.address),
                "name": one.name,
                "model": one.model or None,
                "usage": json.usage(one.harvest) if one.harvest else None,
                "actual": priced(one.actual),
                "estimate": priced(one.estimate),
            }
            for one in report.jobs
        ],
        "soFar": priced(report.spent),
    }
    if advice:
        document["advice"] = [
            {
                "address": str(one.address),
                "model": one.model,
                "breakEvenReadsPerHour": format(one.worth.reads, "f"),
                "longestPauseWorthBridgingSeconds": one.worth.pause.total_seconds(),
                "expectedReadsPerHour": format(one.reads, "f") if one.reads is not None else None,
                "hourlyWithCache": format(one.worth.kept, "f") if one.worth.kept is not None else None,
                "hourlyWithout": format(one.worth.sent, "f") if one.worth.sent is not None else None,
                "text": list(one.sentences),
            }
            for one in report.advice
        ]
    return document
