"""Defines `gemctl results`. main.py imports it when that command is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.exits import Exit
from gemctl.cli.layout import Command
from gemctl.cli.planning import lock_option, seconds
from gemctl.core.errors import Usage

if TYPE_CHECKING:
    from gemctl.workflows.apply import Applied
    from gemctl.workflows.jobs import Summary


@click.command("results", cls=Command)
@click.argument("addresses", metavar="[ADDRESS]...", nargs=-1)
@click.option("--as-is", is_flag=True, help="Save what there is of these, although it does not add up.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if some requests have no answer.")
@lock_option
@global_options
@pass_context
def command(
    context: Context, addresses: tuple[str, ...], as_is: bool, detailed_exitcode: bool, lock_timeout: str
) -> int:
    """Save the results of jobs that have ended, and say where they are.

        gemctl results                          of all jobs
        gemctl results BatchJob/nightly

    It does what apply would do about finished jobs, and nothing else. Results go
    to `run.results`: one JSON object a line, {"key", "response"} or {"key",
    "error"}, in the order of the requests. Beside them:
        FILE.run.json        which run they came from; keep it with them
        FILE.without.jsonl   the requests that may be run again, if they came from a file
    A response that is no answer counts as blocked: the prompt was blocked, or no
    candidate came to its end (finishReason STOP).
    What was run of an earlier declaration is saved under a name of its own, with
    the beginning of its spec tag before the ending: out/nightly.k2v4qz7.jsonl.
    A file that was saved and is gone is fetched again for an ADDRESS that is given,
    if the service still has all that was in it: its digest must be the same.
    Before anything is saved it must add up: as many responses as the service counts.
    What doesn't is put into FILE.doubtful, and asked for again the next time. Where
    nothing better will come, --as-is with an ADDRESS saves it: the job then counts as
    saved, and what the manifest says of requests without a response, and of cleaning
    up, holds for it.
    With --json:
        {"formatVersion": "1",
         "jobs": [{"address", "name", "state", "new", "file", "succeeded", "failed", "blocked",
                   "digest", "at", "usage", "cost"}],
         "saved": [{"address", "name", "file", "digest", "at", "succeeded", "failed", "blocked",
                    "usage", "cost"}],
         "diagnostics": […]}
    `state` is saved, running, ended, failed, gone or not run. `usage` is what the
    service counted, null where that isn't known:
        {"requests", "promptTokens", "cachedTokens", "outputTokens", "thoughtsTokens",
         "uncounted", "longPrompt": {…the same of requests with long prompts…} or null}
    `cost` is what that comes to in US dollars by the facts about models, null where it
    isn't known: {"low", "high", "notPriced", "factsAsOf"}.

    Exit status:
        0  done, or nothing to save
        2  with --detailed-exitcode: done, and some requests have no answer: an error, or blocked
        5  some results could not be saved
    """
    from gemctl.cli.stopping import graceful
    from gemctl.engine.execute import Stopping
    from gemctl.render.progress import Progress
    from gemctl.workflows.apply import apply
    from gemctl.workflows.jobs import by_job, fetch_again, jobs, only, pick, summary, to_save
    from gemctl.workflows.plan import plan, wanted
    from gemctl.workflows.request import PlanRequest

    targets = [context.address(one) for one in addresses]
    if as_is and not targets:
        raise Usage("--as-is needs the addresses of the jobs.", code="E009", hint="gemctl results ADDRESS --as-is")
    session = context.session()
    stopping = Stopping()
    terminal = context.terminal
    with (
        session.store.lock("results", seconds(lock_timeout)),
        Progress(terminal.note, terminal.err, live=terminal.live and not context.json, as_json=False) as progress,
    ):
        connection = context.connect(session, tell_retry=progress.retry, stopping=lambda: stopping.signal is not None)
        planned = plan(session, connection, PlanRequest(), wanted(session, PlanRequest()), wait=progress.tell)
        progress.end()
        known = jobs(planned.observation, session.catalogue)
        picked = pick(known, targets, session.catalogue) if targets else known
        chosen = only(planned, lambda change: to_save(change) and change.address in picked)
        progress.begin(len(chosen.plan.steps))
        with graceful(stopping, terminal.note):
            applied = apply(
                session,
                connection,
                chosen,
                tell=(lambda _: None) if context.json else progress.tell,
                stopping=stopping,
                width=4,
                as_is=as_is,
            )
            named = picked.values() if targets else ()
            again, gone = fetch_again(session, connection, planned.observation, named, as_is=as_is)
    applied = replace(applied, saved=(*applied.saved, *again), problems=(*applied.problems, *gone))
    return _report(
        context,
        by_job(
            (
                summary(session, planned.observation.desired, job, applied.ledger, applied.saved)
                for job in picked.values()
            ),
            picked,
        ),
        applied,
        detailed=detailed_exitcode,
    )


def _report(context: Context, found: Sequence[Summary], applied: Applied, *, detailed: bool) -> int:
    failures = [event.diagnostic for event in applied.outcome.steps.values() if event.diagnostic]
    problems = [*failures, *applied.problems]
    if context.json:
        from gemctl.render import json

        saved = [json.saved(one) for one in applied.saved]
        rows = [_document(one) for one in found]
        found_ = {"jobs": rows, "saved": saved, "diagnostics": json.diagnostics(problems)}
        context.document({"formatVersion": json.FORMAT, **found_})
    else:
        from gemctl.cli.main import complain
        from gemctl.render import human, money

        if problems:
            complain(context, problems)
        blocked = any(one.harvest and one.harvest.blocked for one in found)
        header = ("ADDRESS", "STATE", "RESPONSES", *(["BLOCKED"] if blocked else []), "ERRORS", "FILE")
        shown = human.table(header, [_cells(one, blocked=blocked) for one in found], context.terminal.out)
        context.terminal.say(shown if found else "There are no jobs.")
        for row in found:
            if words := "; ".join(filter(None, (human.usage(row.harvest), money.actual(row.cost)))):
                context.terminal.say(f"{row.address}: {words}")
        for one in applied.saved:
            if one.path not in {row.file for row in found}:
                context.terminal.say(human.saved(one, context.terminal.out))
    if applied.outcome.stopped_by is not None:
        return 128 + applied.outcome.stopped_by
    if not applied.outcome.complete or applied.problems:
        return Exit.PARTIAL
    lacking = any(one.harvest and (one.harvest.failed or one.harvest.blocked) for one in found)
    return Exit.PENDING if detailed and lacking else Exit.DONE


def _cells(one: Summary, *, blocked: bool) -> tuple[str, ...]:
    harvest = one.harvest
    counts = (harvest.succeeded, *([harvest.blocked] if blocked else []), harvest.failed) if harvest else None
    shown = map(str, counts) if counts else ("-" for _ in range(3 if blocked else 2))
    return str(one.address), one.state, *shown, one.file or "-"


def _document(one: Summary) -> dict[str, object]:
    from gemctl.core.moment import show_instant
    from gemctl.render import json, money

    harvest = one.harvest
    return {
        "address": str(one.address),
        "name": one.name,
        "state": one.state,
        "new": one.new,
        "file": one.file,
        "succeeded": harvest.succeeded if harvest else None,
        "failed": harvest.failed if harvest else None,
        "blocked": harvest.blocked if harvest else None,
        "digest": (harvest.digest or None) if harvest else None,  # of parts that are not put together there is none
        "at": show_instant(harvest.at) if harvest else None,
        "usage": json.usage(harvest) if harvest else None,
        "cost": money.actual_document(one.cost),
    }
