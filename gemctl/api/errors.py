"""Reads the service's words in an answer that isn't a success, and makes one of core's errors of them. Called by
client.py, answers.py and upload.py.

Pure. The words are the service's (google.rpc.Status in the classic envelope, the newer
`{"error": {"message", "code"}}`, or whatever a proxy in between says), so everything passes `Listener.clean` first:
printable, short, and without the key.

    create (not repeatable)   400 401 403 404 413 422 → Refused; no connection → Temporary; all else → Unknown
    any other call            4xx → Refused, but 408 425 429 499 and an aborted 409 → Temporary; 3xx → Refused;
                              5xx, no or half an answer, one not of the API's shape → Temporary
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable
from datetime import timedelta

from gemctl.api.body import BadBody, parse
from gemctl.api.retry import PASSING, Failure, Trouble, asked_by_detail
from gemctl.core.call import Call
from gemctl.core.errors import ApiError, Refused, Temporary, Unknown, Violation
from gemctl.core.frozen import dataclass
from gemctl.core.moment import show_duration
from gemctl.core.source import Json

DEFINITE = frozenset({400, 401, 403, 404, 413, 422})  # a create answered with one of these did not happen
LONGEST_MESSAGE = 2000  # characters
TOO_LARGE = "E308"  # the code by which a list is asked for again in smaller pages
_LONGEST_FIELD = 500
_MOST_VIOLATIONS = 50
_TEXT_READ = 32 * 1024  # bytes of a body that isn't JSON
_MARGIN = 4 * 1024  # dropped from the end of a cut text: half a key may stand there, and no form of one is longer

_TITLE = re.compile(r"<title[^<>]*>([^<>]*)", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_SPACE = re.compile(r"\s+")
_RATE_LIMITS = "https://ai.google.dev/gemini-api/docs/rate-limits"


@dataclass(frozen=True, slots=True)
class Said:
    """The service's words: cleaned, bounded. `reason` is ErrorInfo's, else the canonical status, else the code word.

    `asked` are the seconds of RetryInfo, `link` the first of Help, `quota` the first id of QuotaFailure.
    """

    message: str = ""
    status: str = ""
    reason: str = ""
    violations: tuple[Violation, ...] = ()
    asked: float | None = None
    link: str = ""
    quota: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A failed attempt with all that is to be told about it.

    why     what happened, in our words and without the body's, such as "the connection was refused".
    target  the host that a redirect points at.
    code    the diagnostic code, where it isn't the usual one.
    """

    failure: Failure
    why: str = ""
    said: Said = Said()
    target: str | None = None
    code: str | None = None


class Listener:
    """Reads error bodies. `redact` takes the key out of a text."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact

    def clean(self, text: str, longest: int = LONGEST_MESSAGE) -> str:
        """Printable, on one line, without the key, at most so many characters; the unprintable is shown as \\u{…}."""
        shown = "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in _SPACE.sub(" ", text).strip())
        shown = self._redact(shown)
        return shown if len(shown) <= longest else shown[: longest - 1] + "…"

    def hear(self, body: bytes, *, whole: bool = True) -> Said:
        """Read an error body. `whole` is False when it was cut off. Raises nothing."""
        try:
            value = parse(body) if whole else None
        except BadBody:
            value = None
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        error = value.get("error") if isinstance(value, dict) else None
        if isinstance(error, dict):
            return self._envelope(error)
        return Said(message=self._plain(body, whole))

    def _plain(self, body: bytes, whole: bool) -> str:
        text = body[:_TEXT_READ].decode("utf-8", "replace")
        if len(body) > _TEXT_READ or not whole:
            text = self._redact(text)[:-_MARGIN]
        title = _TITLE.search(text)
        if title and title[1].strip():
            text = title[1]
        elif "<" in text:
            text = _TAG.sub(" ", text)
        return self.clean(text, _LONGEST_FIELD)

    def _envelope(self, error: dict[str, Json]) -> Said:
        details = error.get("details")
        found: dict[str, dict[str, Json]] = {}
        for detail in details if isinstance(details, list) else ():
            if isinstance(detail, dict) and isinstance(kind := detail.get("@type"), str):
                found.setdefault(kind.rpartition("/")[2], detail)
        word = error.get("code")
        status = self._text(error.get("status"), 60) or (self._text(word, 60) if isinstance(word, str) else "")
        return Said(
            message=self._text(error.get("message"), LONGEST_MESSAGE)
            or self._text(found.get("google.rpc.LocalizedMessage", {}).get("message"), LONGEST_MESSAGE),
            status=status,
            reason=self._text(found.get("google.rpc.ErrorInfo", {}).get("reason"), 60) or status,
            violations=tuple(
                Violation(
                    self._text(entry.get("field"), _LONGEST_FIELD), self._text(entry.get("description"), _LONGEST_FIELD)
                )
                for entry in _entries(found.get("google.rpc.BadRequest"), "fieldViolations")[:_MOST_VIOLATIONS]
            ),
            asked=asked_by_detail(found.get("google.rpc.RetryInfo", {}).get("retryDelay")),
            link=next(
                (
                    url
                    for entry in _entries(found.get("google.rpc.Help"), "links")
                    if (url := self._text(entry.get("url"), _LONGEST_FIELD)).startswith("https://") and " " not in url
                ),
                "",
            ),
            quota=next(
                (
                    quota
                    for entry in _entries(found.get("google.rpc.QuotaFailure"), "violations")
                    if (quota := self._text(entry.get("quotaId"), 120))
                ),
                "",
            ),
        )

    def _text(self, value: Json, longest: int) -> str:
        return self.clean(value, longest) if isinstance(value, str) else ""


def _entries(detail: dict[str, Json] | None, key: str) -> list[dict[str, Json]]:
    entries = detail.get(key) if detail else None
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def redirect_target(location: str | None) -> str:
    """The host in a `Location` header, and nothing else of it; empty when there is none to name."""
    try:
        host = urllib.parse.urlsplit(location or "").hostname or ""
    except ValueError:
        return ""
    return host if re.fullmatch(r"[a-z0-9.:-]{1,253}", host) else ""


def verdict(call: Call, problem: Problem, *, key_source: str | None = None, elsewhere: str | None = None) -> ApiError:
    """The error for a call that is not tried (again). For the hints, `key_source` names where the key came from, and
    `elsewhere` is the base URL if it is not the public one.
    """
    failure, said = problem.failure, problem.said
    what = f"{call.method} {call.path}"
    told = f"{said.message} " if said.message else ""
    badge = f"({failure.status}{f' {said.status}' if said.status else ''})"
    if failure.trouble is Trouble.NOT_SENT:
        return _error(Temporary, f"{what} was not sent: {problem.why}.", problem, "E302", _way_hint(problem, elsewhere))
    if not call.repeatable and not (failure.trouble is Trouble.STATUS and failure.status in DEFINITE):
        because = problem.why or f"the answer was {told}{badge}".replace("  ", " ")
        return _error(
            Unknown,
            f"{what} was sent, and nobody can say whether it took effect: {because}.",
            problem,
            "E303",
            "It is not sent again blindly: the next run looks for what it made before it decides.",
        )
    if failure.trouble is Trouble.LOST:
        return _error(Temporary, f"No answer to {what}: {problem.why}.", problem, "E302", _way_hint(problem, elsewhere))
    if problem.code == TOO_LARGE:
        return _error(
            Temporary,
            f"The answer to {what} is too large: {problem.why}.",
            problem,
            TOO_LARGE,
            "One object of it may be the cause; look at it with another tool.",
        )
    if failure.trouble is Trouble.GARBLED:
        return _error(
            Temporary,
            f"The answer to {what} is not what the API would say: {problem.why}.",
            problem,
            "E304",
            "Something between here and the service may have answered instead: a proxy, a login page, "
            "or a wrong GOOGLE_GEMINI_BASE_URL.",
        )
    if 300 <= failure.status < 400:
        where = f"to {problem.target}" if problem.target else "elsewhere"
        return _error(
            Refused,
            f"{what} was redirected {where} ({failure.status}). gemctl follows no redirects: the key would go along.",
            problem,
            "E305",
            "If that is where the API is, set GOOGLE_GEMINI_BASE_URL to it.",
        )
    if _passing(failure.status, said.status):
        asked = f" It asks to wait {_show_wait(failure.asked)}." if failure.asked else ""
        return _error(
            Temporary,
            _bounded(f"The service can't do {what} now: {told}{badge}", asked),
            problem,
            "E302",
            _later_hint(failure.status, said),
        )
    code, hint = _no_hint(failure.status, said, key_source)
    return _error(Refused, _bounded(f"The service refused {what}: {told}{badge}", ""), problem, code, hint)


def _error(kind: type[ApiError], message: str, problem: Problem, code: str, hint: str | None) -> ApiError:
    return kind(
        _bounded(message, ""),
        status=problem.failure.status,
        reason=problem.said.reason,
        violations=problem.said.violations,
        no_room=_no_room(problem),
        code=code if kind is Unknown else problem.code or code,
        hint=hint,
    )


def _no_room(problem: Problem) -> str:
    """The words of a service that says that a quota is used up; "" for another answer. Only those of the service itself
    count: what stands in between may have passed the call on.
    """
    said = problem.said
    if problem.failure.status != 429 or said.status.upper() != "RESOURCE_EXHAUSTED":
        return ""
    return said.message or "429 RESOURCE_EXHAUSTED"


def _bounded(message: str, tail: str) -> str:
    """Both together in LONGEST_MESSAGE characters; a cut goes into the message, never into the tail."""
    room = LONGEST_MESSAGE - len(tail)
    return (message if len(message) <= room else message[: room - 1] + "…") + tail


def _passing(status: int, word: str) -> bool:
    return status in PASSING or status >= 500 or (status == 409 and word.lower() == "aborted")


def _show_wait(seconds: float) -> str:
    return show_duration(timedelta(seconds=max(1, round(seconds)))) if seconds <= 86_400 else "more than a day"


def _way_hint(problem: Problem, elsewhere: str | None) -> str:
    if problem.failure.lasting:
        return "If a proxy of your own signs the connections, name its certificate in SSL_CERT_FILE."
    if elsewhere is not None:
        return (
            f"GOOGLE_GEMINI_BASE_URL is {elsewhere}: does anything listen there? For the emulator, run "
            "`gemctl emulator` and take the URL that it prints; for the Gemini API, unset the variable."
        )
    return "Check the network, HTTPS_PROXY and NO_PROXY, and whether the service is up; then run it again."


def _later_hint(status: int, said: Said) -> str:
    if status == 429:
        which = f" ({said.quota})" if said.quota else ""
        return f"A rate limit or quota{which} is used up: wait, or raise it. See {said.link or _RATE_LIMITS}."
    if status == 503:
        return "The service is overloaded, which usually passes in minutes. Run it again later."
    return "Run it again later: what is done stays done."


def _no_hint(status: int, said: Said, key_source: str | None) -> tuple[str, str | None]:
    """Code and hint for a refusal. Words and reasons as seen in the API's answers."""
    text, at = said.message.lower(), key_source or "the environment"
    key_page = "https://aistudio.google.com/apikey"
    if said.reason in ("API_KEY_INVALID", "API_KEY_EXPIRED") or "api key not" in text or "api key expired" in text:
        return "E307", f"The key from {at} is not accepted: compare it with {key_page}, or make a new one there."
    if status == 401 or "unregistered callers" in text:
        return "E307", f"No usable key arrived. It is taken from {at}; see {key_page}."
    if said.reason.startswith("API_KEY_") and said.reason.endswith("_BLOCKED"):
        return "E307", f"The key from {at} is restricted; widen its restrictions, or use another. See {key_page}."
    if said.reason == "SERVICE_DISABLED" or "or it is disabled" in text:
        return "E301", f"Enable the Gemini API in the key's project{f': {said.link}' if said.link else ''}."
    if "user location is not supported" in text:
        return "E301", "The Gemini API is not offered where this request comes from."
    if status == 413:
        return "E301", "The request is too large: upload the bulky parts as files, or split them."
    if status == 404 and not said.status:
        return "E301", "The answer isn't the API's own. Is GOOGLE_GEMINI_BASE_URL right?"
    if said.link:
        return "E301", f"See {said.link}."
    return "E301", None
