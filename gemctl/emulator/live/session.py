"""Serves one session of the Live API: its setup, its messages, its limits and its end.

Opened by `App.connect`; what carries the frames asks it through `guarded`, within a turn of the world. Separate from
`dialogue` because nothing of this is about what is said. A session waits for nothing: `next` says when it has
something to say by itself.

Facts are those of the Live guides on ai.google.dev ("Session management", "Ephemeral tokens") and of close frames that
users published. Assumptions: a token is used when the setup is complete; the time for which a session may last is that
of its connections together; a session that goes on names the model that it had.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from gemctl.emulator import routing, times
from gemctl.emulator.faults import Fault
from gemctl.emulator.live import closes, handles, locks
from gemctl.emulator.live import setup as setups
from gemctl.emulator.live.channel import Close, Sent
from gemctl.emulator.live.closes import Closing
from gemctl.emulator.live.conversation import Conversation
from gemctl.emulator.live.dialogue import Dialogue
from gemctl.emulator.live.door import Caller
from gemctl.emulator.live.ears import Ears
from gemctl.emulator.live.line import Line
from gemctl.emulator.live.registry import Registry
from gemctl.emulator.live.setup import Setup
from gemctl.emulator.live.terms import Terms
from gemctl.emulator.live_messages import CLIENT_MESSAGE
from gemctl.emulator.markers import LiveFate
from gemctl.emulator.routing import Call
from gemctl.emulator.rows import Row
from gemctl.emulator.scalars import Violation
from gemctl.emulator.surfaces import auth_tokens
from gemctl.emulator.wire import Refusal
from gemctl.emulator.world import World

_END, _TOKEN, _FAULT = "end", "token", "fault"


@dataclass(frozen=True)
class Host:
    """What a session asks of the application: a `Call` in a version for a project, the terms as they are now, and the
    sessions that are open."""

    call: Callable[[str, str], Call]
    terms: Callable[[], Terms]
    registry: Registry


class Session:
    """One session. Its methods are called within a turn of the world, at the present."""

    def __init__(self, host: Host, caller: Caller | Closing, struck: Sequence[Fault] = ()) -> None:
        self._host = host
        self._caller = caller
        self.project = "" if isinstance(caller, Closing) else caller.project
        self._line = Line(self._call().world.instant, text=host.terms().text_frames)
        self._opened = self._line.now
        self._setup: Setup | None = None
        self._handle = ""  # the row of the last handle
        self._connected = 0  # before this connection
        self._history = False  # the first clientContent is not answered
        self._gone = False
        self._last: int | None = None  # when it ends by itself
        self._leaves: int | None = None  # when it ends because something asked for that
        for fault in struck:
            self._line.at(self._opened + round(fault.delay * times.SECOND), _FAULT, partial(self._break, fault))

    @property
    def ended(self) -> bool:
        return self._gone or self._line.closed is not None

    @property
    def next(self) -> int | None:
        """When it has something to say by itself."""
        return self._line.next

    def take(self, frame: bytes) -> Sequence[Sent]:
        """Answer one frame."""
        return self._do(lambda: self._take(frame))

    def wake(self) -> Sequence[Sent]:
        """Say what is due."""
        return self._do(lambda: None)

    def gone(self) -> None:
        """The client has left."""
        self._gone = True
        self._leave()

    def abandon(self) -> None:
        """The world in which it was is gone."""
        self._line.close(Close(closes.BROKEN))

    def farewell(self) -> Sequence[Sent]:
        """What is left to be sent of a session that has ended."""
        return self._line.taken()

    def _do(self, work: Callable[[], None]) -> Sequence[Sent]:
        present = self._call().world.instant
        try:
            self._line.run(present)
            if self._line.closed is None:
                work()
                self._line.run(present)
        except Closing as closing:
            self._end(closing)
        except Refusal as refusal:
            self._end(closes.of(refusal))
        if self.ended:
            self._leave()
        return self._line.taken()

    def _end(self, closing: Closing) -> None:
        self._line.close(closing.close())

    def _leave(self) -> None:
        if self._handle:
            handles.extend(self._call().world, self.project, self._handle)
            self._handle = ""

    def _call(self) -> Call:
        version = "" if isinstance(self._caller, Closing) else self._caller.version
        return self._host.call(version, self.project)

    def _break(self, fault: Fault) -> None:
        """Let a fault happen."""
        if fault.kind == "cut":
            self._line.cut = fault.at_bytes
        elif fault.kind == "goes_away":
            self._go_away_in(fault.time_left)
        elif fault.kind == "closes":
            self._line.end_after(fault.at_events, Closing(fault.code or closes.FAULT, fault.message).close())

    # Messages

    def _take(self, frame: bytes) -> None:
        wrong: list[Violation] = []
        message: dict[str, Any] = CLIENT_MESSAGE.read(routing.parse(frame, loose=True), "", wrong) or {}
        if isinstance(self._caller, Closing):
            raise self._caller
        if ("setup" in message) == (self._setup is not None) and message:
            raise Closing(*closes.ORDER)
        if wrong:
            raise Closing(closes.BAD_FRAME, wrong[0].line)
        if not message:
            raise Closing(*closes.INVALID)
        if self._setup is None:
            self._begin(message["setup"], self._caller)
        elif "clientContent" in message:
            self._content(message["clientContent"])
        elif "realtimeInput" in message:
            self._ears.take(message["realtimeInput"])
            self._plan_end()
        elif "toolResponse" in message:
            self._dialogue.results(message["toolResponse"].get("functionResponses", ()))
        else:
            self._update(self._setup, message["contextUpdate"])

    def _content(self, given: Mapping[str, Any]) -> None:
        late = self._dialogue.turns or self._ears.heard or self._ears.seen
        strict = self._host.terms().strict and not self._dialogue.setup.profile.late_history
        if strict and late:
            raise Closing(*closes.INVALID)
        self._dialogue.add(given.get("turns", ()))
        if given.get("turnComplete") and self._history:
            self._history = False
        elif given.get("turnComplete"):
            self._dialogue.answer()

    def _update(self, setup: Setup, given: Mapping[str, Any]) -> None:
        if not setup.profile.updates:
            raise Closing(*closes.INVALID)
        changes = dict(given)
        if "tools" in changes:
            changes["tools"] = changes["tools"].get("tools", [])
        changed = setups.changed(setup, changes)
        self._setup = self._dialogue.setup = changed

    # The beginning

    def _begin(self, client: Mapping[str, Any], caller: Caller) -> None:
        call, terms = self._call(), self._host.terms()
        goes_on = bool(client.get("sessionResumption", {}).get("handle"))
        token = None if caller.token is None else _good(call.world, caller.token, goes_on=goes_on)
        locked = (None, []) if token is None else (token.body["setup"], token.body["mask"])
        fields = locks.effective(client, *locked)
        setup = setups.check(fields, client, call.catalogue, caller.version, terms, token=token is not None)
        said = self._resumed(call, setup) if setup.handle else Conversation()
        if terms.at_once is not None and self._host.registry.count(self.project) >= terms.at_once:
            raise Closing(*closes.TOO_MANY)
        if token is not None:
            if not goes_on:
                auth_tokens.use(call.world, token)
            if token.expires is not None:
                self._line.at(token.expires, _TOKEN, partial(self._end, Closing(*closes.TOKEN_EXPIRES)))
        self._setup = setup
        self._history = bool(fields.get("historyConfig", {}).get("initialHistoryInClientContent"))
        self._dialogue = Dialogue(
            self._line, setup, said, self._call, self._turn_ended, self._obey, pacing=terms.pacing
        )
        self._ears = Ears(self._line, setup, self._dialogue, self._host.terms)
        self._host.registry.add(self)
        self._line.send({"setupComplete": {}})
        self._plan_end()

    def _resumed(self, call: Call, setup: Setup) -> Conversation:
        """What was said in the session that goes on."""
        row = handles.find(call.world, self.project, setup.handle)
        if row is None:
            raise Closing(*closes.NO_SESSION)
        if row.body["model"] != setup.model.name:
            raise Closing(*closes.INVALID)
        self._connected = row.body["connected"]
        return Conversation.from_json(row.body["said"])

    # The end

    def _obey(self, fate: LiveFate) -> None:
        """End as what was said asks for."""
        if fate.code is not None:
            raise Closing(fate.code, fate.reason)
        if fate.goes_in is not None:
            self._go_away_in(fate.goes_in)

    def _turn_ended(self, used: Mapping[str, Any]) -> None:
        setup, world = self._dialogue.setup, self._call().world
        world.use(self.project, "live", setup.model.name, used)
        if setup.gives_handles and not self._dialogue.open_calls:
            connected = self._connected + self._line.now - self._opened
            handle, self._handle = handles.save(world, self.project, setup.model.name, self._dialogue.said, connected)
            self._line.send({"sessionResumptionUpdate": {"newHandle": handle, "resumable": True}})

    def _plan_end(self) -> None:
        """Say when the session ends by itself: with its connection, or when it has lasted too long."""
        if self._setup is None:
            return
        terms, profile = self._host.terms(), self._setup.profile
        connection = profile.connection if terms.connection is None else times.span(terms.connection)
        end, closing = self._opened + connection, closes.TOO_LATE if profile.deadline else closes.IGNORED_GO_AWAY
        if "contextWindowCompression" not in self._setup.fields:
            lasts = times.span(min(terms.audio, terms.video) if self._ears.seen else terms.audio)
            limit = self._opened + max(0, lasts - self._connected)
            if limit < end:
                end, closing = limit, closes.IGNORED_GO_AWAY
        if self._leaves is not None and self._leaves <= end:
            end, closing = self._leaves, closes.IGNORED_GO_AWAY
        if end == self._last:
            return
        self._last = end
        self._line.drop(_END)
        self._line.at(end, _END, partial(self._end, Closing(*closing)))
        notice = times.span(terms.notice)
        if notice or end == self._leaves:
            told = self._line.now if end == self._leaves else max(self._line.now, end - notice)
            self._line.at(told, _END, lambda: self._go_away(end))

    def _go_away_in(self, seconds: float) -> None:
        """Tell now that it ends after that long."""
        self._leaves = self._line.now + round(seconds * times.SECOND)
        self._plan_end()

    def _go_away(self, end: int) -> None:
        self._line.send({"goAway": {"timeLeft": times.format_seconds(max(0, end - self._line.now))}})

    # What tests see

    def shown(self) -> Mapping[str, object]:
        """Its state, without secrets."""
        setup, caller = self._setup, self._caller
        if setup is None or isinstance(caller, Closing):
            return {}
        dialogue = self._dialogue
        doing = "waiting" if dialogue.waiting else "speaking" if dialogue.speaking else "listening"
        closed = self._line.closed
        return {
            "model": f"models/{setup.model.name}",
            "version": caller.version,
            "project": self.project,
            "key": caller.key,
            "token": "" if caller.token is None else caller.token.name,
            "state": "ended" if self.ended else doing,
            "began": times.format_timestamp(self._opened, 6),
            "resumed": bool(setup.handle),
            "closed": None if closed is None else {"code": closed.code, "reason": closed.reason},
            "turns": dialogue.turns,
            "openCalls": dialogue.open_calls,
            "messagesSent": self._line.sent,
            "audioSeconds": self._ears.heard / times.SECOND,
            "videoFrames": self._ears.seen,
            "setup": setups.without_secrets(dialogue.setup.fields),
        }


def _good(world: World, token: Row, *, goes_on: bool) -> Row:
    """The token as it is now, if it opens a session. `goes_on`: with one that there was, which is no use of it."""
    now = auth_tokens.again(world, token)
    if now is None:
        raise Closing(*closes.TOKEN_EXPIRED)
    if auth_tokens.is_closed(world, now):
        raise Closing(*closes.TOKEN_CLOSED)
    if not goes_on and auth_tokens.is_spent(now):
        raise Closing(*closes.TOKEN_SPENT)
    return now
