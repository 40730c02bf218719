"""Answers the requests by which tests control a served emulator (its admin door): JSON over HTTP.

    GET   /emulator           the time, the knobs, the seed, the number of bugs that were met, and whom to trust for TLS
    PATCH /emulator           turn knobs: {"latency": 0.2, "faults": [{"kind": "before", "nth": 1}]}
    POST  /emulator/clock     {"advance": 3600}, {"to": "2027-01-31T18:00:00Z"}, {"still": true}
    POST  /emulator/reset     back to how it was at the start: {} or {"seed": 7}
    GET   /emulator/answers   the scripted answers, each with how many requests it fitted
    POST  /emulator/answers   add some: {"answers": [{"prompt": "weather", "text": "It rains."}]}, or one alone
    DELETE /emulator/answers  remove them
    GET   /emulator/effects   the effects on objects, the newest last: ?last=100
    GET   /emulator/requests  the requests that came in, the newest last: ?last=100, and those alone that fit
                              ?method=POST&path=REGEX&status=200&after=NUMBER&since=TIME
    GET   /emulator/deliveries  what was and will be delivered to webhooks, the newest last: ?last=100
    GET   /emulator/sessions  the sessions of the Live API, the newest last: ?last=100
    GET   /emulator/bill      what everything costs up to now: ?project=mine
    POST  /emulator/seed      make the objects of a seed, which is YAML or JSON
    GET   /emulator/snapshot  everything that there is, as a document; with ?secrets=true whole
    POST  /emulator/snapshot  back to such a document

Called by `server`, which answers this machine only. Separate from `app` because nothing of it is the service's: it has
no key, no version, no quota and no faults, and the log of requests does not show it.
"""

import json
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from gemctl.emulator import knobs, paging, records, routing, seed_text, seed_work, seen, snapshots, times
from gemctl.emulator.app import LARGEST_UPLOAD, App
from gemctl.emulator.clock import SettableClock
from gemctl.emulator.expressions import compiled
from gemctl.emulator.seed_text import SeedText
from gemctl.emulator.wire import Refusal, Request, Response, invalid, json_response

PATH = "/emulator"
_LAST = 100


class Admin:
    """The admin door of `app`. `clock` is the one of its world, None if it cannot be moved; `seed` is the seed of its
    names. `tls` has the files that clients are to trust, None if it speaks no TLS."""

    def __init__(
        self,
        app: App,
        clock: SettableClock | None = None,
        seed: int | None = None,
        tls: Mapping[str, str] | None = None,
    ) -> None:
        self._app = app
        self._tls = tls
        self._clock = clock
        self._seed = seed
        self._begin: Callable[[], object] = dict
        self._lock = threading.Lock()

    def begin(self, fill: Callable[[], object]) -> None:
        """Fill the world, now if it is empty, and again after each reset. What `fill` raises comes out."""
        self._begin = fill
        if not self._app.effects:
            fill()

    @staticmethod
    def is_for(path: str) -> bool:
        """Whether a request of that path is for an admin door."""
        return path == PATH or path.startswith(f"{PATH}/")

    def handle(self, request: Request) -> Response:
        """Answer one request. Never raises."""
        try:
            methods = _HANDLERS.get(request.path.rstrip("/"))
            if methods is None:
                raise Refusal(404, f"The emulator has no {request.path[:80]}; it has {', '.join(_HANDLERS)}.")
            handler = methods.get(request.method)
            if handler is None:
                allowed = ", ".join(methods)
                raise Refusal(405, f"{request.path} takes {allowed}.", headers={"Allow": allowed})
            with self._lock:
                return json_response(handler(self, request))
        except Refusal as refusal:
            return refusal.response()
        except ValueError as error:
            return invalid(f"{str(error).removesuffix('.')}.").response()
        except Exception as bug:
            return self._app.broken(bug)

    def _show(self, _: Request) -> dict[str, object]:
        return {
            "now": _time(times.to_datetime(self._app.world.clock())),
            "still": self._clock is not None and self._clock.still,
            "seed": self._seed,
            "bugs": len(self._app.bugs),
            "tls": self._tls,
            "knobs": knobs.write(self._app.knobs, records.fingerprint),
        }

    def _turn(self, request: Request) -> dict[str, object]:
        self._app.turn(**knobs.read(routing.parse(request.body)))
        return self._show(request)

    def _move(self, request: Request) -> dict[str, object]:
        if self._clock is None:
            raise ValueError("the clock of this emulator cannot be moved")
        body = routing.parse(request.body)
        _known(body, {"advance", "to", "still"})
        still = body.get("still", self._clock.still)
        if not isinstance(still, bool):
            raise ValueError("still: it is true or false")
        if "to" in body and "advance" in body:
            raise ValueError("either advance or to, not both")
        now = times.to_datetime(self._app.world.clock())
        if "to" in body or "advance" in body:
            moment = _moment(body["to"]) if "to" in body else now + _seconds(body["advance"])
            if moment < now:  # a world that has seen a time does not forget it
                raise ValueError(f"it is {_time(now)} already, and the clock is not moved back")
            self._clock.move_to(moment)
        if still != self._clock.still:
            self._clock.still = still
        return self._show(request)

    def _reset(self, request: Request) -> dict[str, object]:
        body = routing.parse(request.body)
        _known(body, {"seed"})
        seed = body.get("seed", self._seed)
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise ValueError("seed: it is a whole number")
        if self._clock is not None:
            self._clock.restart()
        self._seed = seed
        self._app.reset(ids(seed))
        self._begin()
        return self._show(request)

    def _answers(self, _: Request) -> dict[str, object]:
        return {"answers": self._app.answers}

    def _add_answers(self, request: Request) -> dict[str, object]:
        body = routing.parse(request.body)
        if "answers" in body:
            _known(body, {"answers"})
        self._app.add_answers(knobs.answers(body.get("answers", [body])))
        return self._answers(request)

    def _remove_answers(self, request: Request) -> dict[str, object]:
        self._app.turn(answers=())
        return self._answers(request)

    def _effects(self, request: Request) -> dict[str, object]:
        return {"effects": [_plain(effect) for effect in self._app.effects[-_last(request) :]]}

    def _requests(self, request: Request) -> dict[str, object]:
        found, last = list(filter(_filter(request), self._app.requests)), _last(request)
        return {"requests": [seen.shown(each) for each in found[-last:]]}

    def _deliveries(self, request: Request) -> dict[str, object]:
        last = _last(request)
        return {"deliveries": self._app.deliveries()[-last:]}

    def _sow(self, request: Request) -> dict[str, object]:
        if len(request.body) > LARGEST_UPLOAD:
            raise ValueError(f"it has more than {LARGEST_UPLOAD} bytes")
        try:
            text = request.body.decode()
        except UnicodeDecodeError:
            raise ValueError("it is not UTF-8") from None
        return self.seed(seed_text.parse(text))

    def seed(self, seed: SeedText) -> dict[str, Any]:
        """Make the objects of a seed; gives their names, and those that have an `$as`. Raises SeedError."""
        return seed_work.make(self._app, self._clock, seed)

    def _snapshot(self, request: Request) -> dict[str, object]:
        secrets = paging.first(request.query, "secrets")
        if secrets not in ("", "true", "false"):
            raise ValueError("secrets: it is true or false")
        return snapshots.take(self._app, self._clock, self._seed, secrets=secrets == "true")

    def _restore(self, request: Request) -> dict[str, object]:
        self.restore(_document(request.body))
        return self._show(request)

    def restore(self, document: object) -> None:
        """Go back to a snapshot. Raises ValueError, and changes nothing, for a document that is none."""
        self._seed = snapshots.restore(self._app, self._clock, document)

    def _sessions(self, request: Request) -> dict[str, object]:
        return {"sessions": self._app.sessions[-_last(request) :]}

    def _bill(self, request: Request) -> dict[str, object]:
        return self._app.bill(paging.first(request.query, "project") or None)


def ids(seed: int | None) -> random.Random:
    """The source of names: the same names for the same seed."""
    return random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311


_Handler = Callable[[Admin, Request], Mapping[str, object]]
_HANDLERS: Mapping[str, Mapping[str, _Handler]] = {
    PATH: {"GET": Admin._show, "PATCH": Admin._turn},
    f"{PATH}/clock": {"POST": Admin._move},
    f"{PATH}/reset": {"POST": Admin._reset},
    f"{PATH}/answers": {"GET": Admin._answers, "POST": Admin._add_answers, "DELETE": Admin._remove_answers},
    f"{PATH}/effects": {"GET": Admin._effects},
    f"{PATH}/requests": {"GET": Admin._requests},
    f"{PATH}/deliveries": {"GET": Admin._deliveries},
    f"{PATH}/sessions": {"GET": Admin._sessions},
    f"{PATH}/bill": {"GET": Admin._bill},
    f"{PATH}/seed": {"POST": Admin._sow},
    f"{PATH}/snapshot": {"GET": Admin._snapshot, "POST": Admin._restore},
}


def _document(body: bytes) -> object:
    """A JSON document, which may be deeper than the body of a call."""
    if len(body) > LARGEST_UPLOAD:
        raise ValueError(f"it has more than {LARGEST_UPLOAD} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None


def _known(body: Mapping[str, Any], names: set[str]) -> None:
    unknown = sorted(body.keys() - names)
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; there are {', '.join(sorted(names))}")


def _last(request: Request) -> int:
    """The number that is asked for; a list of 0 is refused."""
    text = paging.first(request.query, "last") or str(_LAST)
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise ValueError("last: it is how many are wanted, a whole number from 1 on")
    return int(text[:9])


def _filter(request: Request) -> Callable[[records.Seen], bool]:
    """Whether a request is one of those that the query asks for."""
    method, path, status, after, since = (
        paging.first(request.query, name) for name in ("method", "path", "status", "after", "since")
    )
    for name, text in (("status", status), ("after", after)):
        if text and not (text.isascii() and text.isdigit()):
            raise ValueError(f"{name}: it is a whole number")
    try:
        pattern = compiled(path)
    except ValueError as error:
        raise ValueError(f"path: it is no regular expression: {error}") from None
    number = int(after[:18] or 0)
    moment = _moment(since, "since") if since else None

    def fits(each: records.Seen) -> bool:
        return (
            method in ("", each.method)
            and status in ("", str(each.status))
            and each.number > number
            and (moment is None or each.at >= moment)
            and pattern.search(each.path) is not None
        )

    return fits


def _seconds(value: object) -> timedelta:
    try:
        return knobs.seconds(value)
    except ValueError as error:
        raise ValueError(f"advance: {error}") from None


def _moment(value: object, name: str = "to") -> datetime:
    try:
        return times.to_datetime(times.parse_timestamp(value if isinstance(value, str) else ""))
    except ValueError:
        raise ValueError(f"{name}: it is a time such as 2027-01-31T18:00:00Z") from None


def _plain(value: records.Effect) -> dict[str, object]:
    given = {item.name: getattr(value, item.name) for item in fields(value)}
    return {name: _time(item) if isinstance(item, datetime) else item for name, item in given.items()}


def _time(moment: datetime) -> str:
    return times.format_timestamp(times.to_instant(moment), 6)
