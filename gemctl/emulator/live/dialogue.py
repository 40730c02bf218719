"""Carries on the conversation of one session: turns of the user and of the model, calls of functions, interruptions.

Called by `session`, which knows who speaks and for how long. Separate because this is what a session is about, and the
rest is how it begins and ends. What the model says is that of `surfaces.generation`, asked with all that was said so
far: marks and scripted answers hold as they do over HTTP. How it comes is in `turns`; what is heard in `ears`. Rules on
requests over HTTP do not hold: which tools go together, and that results follow their calls at once.

The order of messages is that of recorded sessions. Assumptions: a turn in which only functions are called that nothing
waits for ends at once; a result under an unknown id ends the session, one of a call that was cancelled does not matter;
speech during an answer that may not be interrupted is answered when that is over; the usage of a turn with results
of functions has the prompt of its last request.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gemctl.emulator import markers, rules, tokens
from gemctl.emulator.live import closes, conversation, speech, turns
from gemctl.emulator.live.closes import Closing
from gemctl.emulator.live.conversation import Conversation, Said
from gemctl.emulator.live.line import Line
from gemctl.emulator.live.setup import Setup
from gemctl.emulator.live.turns import content
from gemctl.emulator.markers import LiveFate
from gemctl.emulator.routing import Call
from gemctl.emulator.surfaces import generation

_TURN = "turn"
_DIGITS = "0123456789"
_ID = 19
_ASKED = ("temperature", "topP", "topK", "maxOutputTokens", "seed", "thinkingConfig", "mediaResolution")
_SILENT, _INTERRUPT, _UNSPECIFIED = "SILENT", "INTERRUPT", "SCHEDULING_UNSPECIFIED"


@dataclass
class _Turn:
    """What the model says now. `said`: what was sent and is not in the conversation yet; `prompt`, `response` and
    `thoughts`: its tokens; `waiting`: calls without whose results it cannot go on; `began`: when it began to say what
    it says now, which is `speech` tokens long; `rest`: what its end says besides."""

    said: str = ""
    prompt: Mapping[str, int] = field(default_factory=dict)
    response: dict[str, int] = field(default_factory=dict)
    thoughts: int = 0
    waiting: set[str] = field(default_factory=set)
    began: int = 0
    speech: int = 0
    rest: Mapping[str, Any] = field(default_factory=dict)


class Dialogue:
    """`call` asks the application for what a request needs; `ended` is told of each turn that has ended, with its
    usage for the bill, as `usage` has it; `obey` ends the session as what was said asks for."""

    def __init__(
        self,
        line: Line,
        setup: Setup,
        said: Conversation,
        call: Callable[[], Call],
        ended: Callable[[Mapping[str, Any]], None],
        obey: Callable[[LiveFate], None],
        *,
        pacing: bool,
    ) -> None:
        self.setup = setup
        self.said = said
        self.turns = 0
        self._line, self._call, self._ended, self._obey, self._pacing = line, call, ended, obey, pacing
        self._turn: _Turn | None = None
        self._open: dict[str, str] = {}  # the calls whose results are to come: functions by ids
        self._gone: set[str] = set()  # the calls whose results do not matter any more
        self._held: list[Said] = []  # what was said during a turn that goes on
        self._later = False  # it is answered when that is over

    @property
    def speaking(self) -> bool:
        """Whether the model's turn is not over."""
        return self._turn is not None

    @property
    def waiting(self) -> bool:
        """Whether the turn cannot go on without the result of a function."""
        return self._turn is not None and bool(self._turn.waiting)

    @property
    def open_calls(self) -> int:
        return len(self._open)

    # What the user does

    def add(self, contents: Sequence[Mapping[str, Any]]) -> None:
        """Add messages to the conversation; a running turn ends."""
        for index, each in enumerate(contents):
            rules.check_content(each, f"BidiGenerateContentClientContent.turns[{index}]", self.setup.model.name)
        self.interrupt()
        for each in contents:
            self.said += Said.of({"role": each.get("role") or "user", "parts": each["parts"]})

    def hear(self, said: Said) -> None:
        """Take what was said or typed. It is answered now, or when the turn is over that it may not interrupt."""
        if self.setup.interrupts:
            self.interrupt()
        self._hold(said)
        self.answer()

    def answer(self) -> None:
        """Let the model speak."""
        if self._turn is not None:
            self._later = True
            return
        self._turn = _Turn()
        if "sessionResumption" in self.setup.fields:
            self._line.send({"sessionResumptionUpdate": {"resumable": False}})
        self._speak(self._turn)

    def interrupt(self) -> None:
        """End the model's turn in the middle, if it speaks or waits."""
        if (turn := self._turn) is None:
            return
        self._line.drop(_TURN)
        self._later = False
        if turn.waiting:
            self._line.send({"toolCallCancellation": {"ids": sorted(turn.waiting)}})
            for each in turn.waiting:
                del self._open[each]
            self._gone |= turn.waiting
            turn.waiting = set()
        if turn.speech:
            heard = speech.tokens(max(speech.CHUNK, self._line.now - turn.began))
            turn.response["AUDIO"] -= max(0, turn.speech - heard)
        self._line.send(content(interrupted=True))
        self._finish(turn)

    # What functions give

    def results(self, responses: Sequence[Mapping[str, Any]]) -> None:
        """Take results of functions. Each has the id of a call."""
        awaited: list[Mapping[str, Any]] = []
        others: list[Mapping[str, Any]] = []
        schedules: list[str] = []
        for each in responses:
            known = each.get("id", "")
            if not known or (known not in self._open and known not in self._gone):
                raise Closing(*closes.INVALID)
            schedule = each.get("scheduling", _UNSPECIFIED)
            if schedule != _UNSPECIFIED and not self.setup.profile.schedules:
                raise Closing(*closes.SCHEDULING)
            if known in self._gone:
                continue
            given = {"id": known, "name": self._open[known], "response": each.get("response", {})}
            is_awaited = self._turn is not None and known in self._turn.waiting
            (awaited if is_awaited else others).append({"functionResponse": given})
            schedules += [] if is_awaited else [schedule]
            if not each.get("willContinue"):
                del self._open[known]
                self._gone.add(known)
        if self._turn is not None and awaited:
            self.said += Said.of({"role": "user", "parts": awaited})
            self._turn.waiting &= self._open.keys()
            if not self._turn.waiting:
                self._speak(self._turn)
        if _INTERRUPT in schedules:
            self.interrupt()
        if others:
            self._hold(Said.of({"role": "user", "parts": others}))
        if any(each != _SILENT for each in schedules):
            self.answer()

    def _hold(self, said: Said) -> None:
        """Add to the conversation now, or when the turn is over that goes on: the model speaks of what came before."""
        if self._turn is None:
            self.said += said
        else:
            self._held.append(said)

    # What the model does

    def _speak(self, turn: _Turn) -> None:
        """Ask the model, and send what it says or calls."""
        self._obey(markers.live_fate(part.get("text", "") for part in self._last_parts()))
        call, model = self._call(), self.setup.model
        turn.prompt = self.said.counts(self.setup.fields)
        asked = self._request()
        generation.check_length(model, turn.prompt, {})
        end = markers.obey(call.world, call.project, model.name, asked, "")
        answer = generation.say(call, model, asked, turn.prompt, {}, end)
        turn.thoughts += answer.get("usageMetadata", {}).get("thoughtsTokenCount", 0)
        spoken = turns.spoken(answer, self.setup)
        turn.rest = spoken.rest or {}
        turn.began = self._line.now
        modality = "TEXT" if self.setup.text else "AUDIO"
        turn.speech = 0 if self.setup.text else speech.tokens(spoken.heard)
        if spoken.text:
            count = sum(conversation.user(spoken.text).counts.values()) if self.setup.text else turn.speech
            turn.response[modality] = turn.response.get(modality, 0) + count
        for step in spoken.steps:
            self._line.at(self._when(step.after), _TURN, lambda step=step: self._send(turn, step))  # type: ignore[misc]
        sent = self._when(spoken.sent)
        if spoken.calls:
            self._line.at(sent, _TURN, lambda: self._request_calls(turn, spoken.calls))
        else:
            if spoken.steps:
                self._line.at(sent, _TURN, lambda: self._line.send(content(generationComplete=True)))
            self._line.at(max(sent, self._when(spoken.heard)), _TURN, lambda: self._finish(turn))
        self._line.run(self._line.now)  # what comes at once comes before anything else happens

    def _last_parts(self) -> Sequence[Mapping[str, Any]]:
        contents = self.said.contents
        parts: Sequence[Mapping[str, Any]] = contents[-1]["parts"] if contents else ()
        return parts

    def _when(self, after: int) -> int:
        return self._line.now + (after if self._pacing else 0)

    def _send(self, turn: _Turn, step: turns.Step) -> None:
        turn.said = step.said or turn.said
        self._line.send(step.message)

    def _request(self) -> dict[str, Any]:
        """The conversation as a GenerateContentRequest that asks for a text, which is then spoken."""
        fields = self.setup.fields
        if not self.said.said:
            raise Closing(*closes.INVALID)
        asked = {name: fields[name] for name in ("systemInstruction", "tools", "safetySettings") if name in fields}
        config = {name: self.setup.config[name] for name in _ASKED if name in self.setup.config}
        return {**asked, **({"generationConfig": config} if config else {}), "contents": self.said.contents}

    def _request_calls(self, turn: _Turn, calls: Sequence[Mapping[str, Any]]) -> None:
        """Ask for functions. The turn waits for those that are blocking."""
        self._remember(turn)
        world = self._call().world
        asked = [{**each, "id": self.setup.profile.call_id + world.draw(_DIGITS, _ID)} for each in calls]
        self.said += Said.of({"role": "model", "parts": [{"functionCall": each} for each in asked]})
        for each in asked:
            self._open[each["id"]] = each["name"]
            if self.setup.blocking(each["name"]):
                turn.waiting.add(each["id"])
        self._line.send({"toolCall": {"functionCalls": asked}})
        if not turn.waiting:
            self._line.send(content(generationComplete=True))
            self._finish(turn)

    def _remember(self, turn: _Turn) -> None:
        """Add to the conversation what was said."""
        if turn.said:
            self.said += Said.of({"role": "model", "parts": [{"text": turn.said}]})
            turn.said = ""

    def _finish(self, turn: _Turn) -> None:
        self._remember(turn)
        self._turn = None
        for said in self._held:
            self.said += said
        self._held.clear()
        self.turns += 1
        end: dict[str, Any] = {"turnComplete": True, **turn.rest}
        if self.setup.profile.statuses:
            end["interactionStatus"] = "REQUIRES_ACTION" if self._open else "IDLE"
        self._line.send({**content(**end), "usageMetadata": _usage(turn)})
        self.said = self.said.compressed(self.setup.fields, self.setup.model.input_token_limit)
        output = sum(turn.response.values()) + turn.thoughts
        spoken = {"spoken": turn.response["AUDIO"]} if "AUDIO" in turn.response else {}
        self._ended({"input": dict(turn.prompt), "cached": {}, "output": output, **spoken})
        if self._later:
            self._later = False
            self.answer()


def _usage(turn: _Turn) -> dict[str, Any]:
    """The UsageMetadata of a turn. Thoughts are shown and not added, as in recorded sessions."""
    prompt, response = sum(turn.prompt.values()), sum(turn.response.values())
    usage: dict[str, Any] = {
        "promptTokenCount": prompt,
        "responseTokenCount": response,
        "totalTokenCount": prompt + response,
        "promptTokensDetails": tokens.details(turn.prompt),
        "responseTokensDetails": tokens.details(turn.response),
    }
    if turn.thoughts:
        usage["thoughtsTokenCount"] = turn.thoughts
    return usage
