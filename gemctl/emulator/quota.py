"""Limits the requests a minute, if it is asked to.

Called by `app`. Separate because limits are the service's and not any resource's. The shape of the 429 (with
QuotaFailure, Help and RetryInfo) is the one that public reports of the live service show.
"""

from gemctl.emulator import times
from gemctl.emulator.wire import Refusal, detail

_MINUTE = 60 * times.SECOND


class Quota:
    """So many requests a project in each minute of the world's clock. Counted in this process only."""

    def __init__(self, per_minute: int) -> None:
        if per_minute < 1:
            raise ValueError("a quota allows at least one request a minute")
        self._most = per_minute
        self._used: dict[str, tuple[int, int]] = {}  # project: (minute, requests)

    def take(self, project: str, instant: int) -> None:
        """Count one request, or refuse it."""
        minute, since = divmod(instant, _MINUTE)
        counted, used = self._used.get(project, (minute, 0))
        if counted != minute:
            used = 0
        if used >= self._most:
            raise self._refusal(_MINUTE - since)
        self._used[project] = (minute, used + 1)

    def _refusal(self, wait: int) -> Refusal:
        violation = {
            "quotaMetric": "generativelanguage.googleapis.com/emulated_requests",
            "quotaId": "EmulatedRequestsPerMinutePerProject",
            "quotaValue": str(self._most),
        }
        link = {"description": "About rate limits", "url": "https://ai.google.dev/gemini-api/docs/rate-limits"}
        return Refusal(
            429,
            "You exceeded your current quota, please check your plan and billing details."
            f" (This emulator allows {self._most} requests a minute.)",
            details=[
                detail("QuotaFailure", violations=[violation]),
                detail("Help", links=[link]),
                detail("RetryInfo", retryDelay=times.format_seconds(wait)),
            ],
            headers={"Retry-After": str(-(-wait // times.SECOND))},
        )
