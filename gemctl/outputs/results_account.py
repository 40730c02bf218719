"""Decides whether what came as the results of a run can be its results. Called by results.py before anything is saved,
deleted or run again.

A download may be a login page, the words of an error, empty, or cut off, and still come with the status of a success.
So what came is compared with the service's counts, and with the keys of the requests.
"""

from __future__ import annotations

from gemctl.core.frozen import dataclass
from gemctl.core.live import Counts


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts what came.

    found     results of different requests; where the requests are known, of those only.
    answered  how many of them are responses.
    missing   requests that nothing came of; None where the requests aren't known.
    stray     results of no request: lines that can't be read, errors without a key.
    """

    found: int
    answered: int
    missing: int | None
    stray: int


def doubt(came: Tally, counts: Counts | None) -> str | None:
    """Why this can't be all; None if it can. `counts` are the service's own, None where it shows none.

    Responses must be as many as it counts. Errors need not be: a request that failed may have left no line. Where it
    counts nothing, something must have come of each request; where these aren't known either, of any, and no stray.
    """
    asked = None if came.missing is None else came.found + came.missing
    if counts is None or not counts.succeeded + counts.failed:
        if came.missing:
            return f"nothing came of {came.missing} of {asked} requests"
        if came.missing is None and (came.stray or not came.found):
            return _shown(came)
        return None
    responses, results = counts.succeeded, counts.succeeded + counts.failed
    if asked is not None:  # it may count a key twice that was asked twice
        responses, results = min(responses, asked), min(results, asked)
    if came.answered < responses:
        return f"{_shown(came)}, and the service counts {counts.succeeded} of {counts.total} as answered"
    if came.found < results and (came.stray or not came.found):
        return f"{_shown(came)}, and the service counts {counts.succeeded} answered and {counts.failed} failed"
    return None


def _shown(came: Tally) -> str:
    stray = f" and {came.stray} that can't be told to be any" if came.stray else ""
    return f"{came.answered} responses came, {came.found - came.answered} errors{stray}"
