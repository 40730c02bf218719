"""Describes answers that a test wants of the emulated model, as data.

Called by the surfaces that answer requests, for the first rule that fits one; given as the knob `answers` or through
the admin door. Separate because a rule is a value: it is written down in a test or a JSON file, and the same list gives
the same answers. Where no rule fits, the model answers as it does by itself.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from gemctl.emulator import times
from gemctl.emulator.expressions import compiled
from gemctl.emulator.wire import Refusal, detail

BLOCK_REASONS = ("SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY")
FINISH_REASONS = (
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "MALFORMED_RESPONSE",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MISSING_THOUGHT_SIGNATURE",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_OTHER",
    "NO_IMAGE",
)
OUTCOMES = ("OUTCOME_OK", "OUTCOME_FAILED", "OUTCOME_DEADLINE_EXCEEDED")
COUNTS = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount")
_UNSET = object()


@dataclass(frozen=True)
class Rule:
    """One answer, and which requests get it.

    A request fits when the regular expression `prompt` is found in its last text, `model` in the name of its model,
    when functions are declared or not as `functions` says, and when its last message has results of functions or not as
    `results` says; what is not given fits everything. Of the requests that fit, it answers those with a number in `nth`
    (from 1), or the first so many `times`, or all if neither is given.

    The answer has any of these: `thoughts`, a text that is shown where thoughts are asked for; `code`, objects with
    `code`, `output` and `outcome`; `text`, or `json`, any value, which becomes the text; `calls`, objects with the
    `name` and the `args` of a function; `sources`, objects with the `uri` and the `title` of pages that the text rests
    on, and `queries`, what was searched for. `finish_reason` is why the answer ends. `usage` are counts of tokens by
    the API's names that take the place of those that were counted. A `block` takes the place of the answer, and so does
    an error: its HTTP `status`, with a `message` and, in seconds, a `retry_delay`.
    """

    prompt: str = ""
    model: str = ""
    functions: bool | None = None
    results: bool | None = None
    nth: frozenset[int] = frozenset()
    times: int = 0
    text: str | None = None
    json: Any = field(default=_UNSET, hash=False)
    calls: Sequence[Mapping[str, Any]] = field(default=(), hash=False)
    thoughts: str = ""
    code: Sequence[Mapping[str, Any]] = field(default=(), hash=False)
    sources: Sequence[Mapping[str, Any]] = field(default=(), hash=False)
    queries: Sequence[str] = ()
    finish_reason: str = ""
    usage: Mapping[str, int] = field(default_factory=dict, hash=False)
    block: str = ""
    status: int = 0
    message: str = ""
    retry_delay: float | None = None

    def __post_init__(self) -> None:
        if self.nth and self.times:
            raise ValueError("a rule has nth or times, not both")
        if min(self.nth, default=1) < 1 or self.times < 0:
            raise ValueError("requests are counted from 1")
        if self.status and not 400 <= self.status <= 599:
            raise ValueError(f"{self.status} is not an error status")
        if (self.message or self.retry_delay is not None) and not self.status:
            raise ValueError("message and retry_delay are of an error, which has a status")
        if (self.retry_delay or 0) < 0:
            raise ValueError("retry_delay is not negative")
        if self.text is not None and self.has_json:
            raise ValueError("an answer has a text or json, not both")
        if self.block and self.block not in BLOCK_REASONS:
            raise ValueError(f"block is one of {', '.join(BLOCK_REASONS)}")
        if self.finish_reason and self.finish_reason not in FINISH_REASONS:
            raise ValueError(f"finish_reason is one of {', '.join(FINISH_REASONS)}")
        if sum(map(bool, (self.block, self.status, self.says_something))) != 1:
            raise ValueError("a rule has an answer (text, json, calls, code, ...), a block, or an error's status")
        _check_objects("calls", self.calls, {"name": str, "args": dict, "id": str}, ("name",))
        _check_objects("code", self.code, {"code": str, "output": str, "outcome": str}, ("code",))
        _check_objects("sources", self.sources, {"uri": str, "title": str}, ("uri",))
        if not {each.get("outcome", OUTCOMES[0]) for each in self.code} <= set(OUTCOMES):
            raise ValueError(f"outcome is one of {', '.join(OUTCOMES)}")
        if not all(isinstance(each, str) for each in self.queries):
            raise ValueError("queries are texts")
        if not set(self.usage) <= set(COUNTS) or not all(_is_count(each) for each in self.usage.values()):
            raise ValueError(f"usage has whole numbers for {', '.join(COUNTS)}")
        try:
            _ = self._prompt, self._model
        except ValueError as error:
            raise ValueError(f"prompt and model are regular expressions: {error}") from None

    @cached_property
    def _prompt(self) -> re.Pattern[str]:
        return compiled(self.prompt)

    @cached_property
    def _model(self) -> re.Pattern[str]:
        return compiled(self.model)

    @property
    def has_json(self) -> bool:
        return self.json is not _UNSET

    @property
    def says_something(self) -> bool:
        """Whether it has something of an answer that goes on as it would."""
        given = (self.calls, self.thoughts, self.code, self.sources, self.queries, self.finish_reason, self.usage)
        return self.text is not None or self.has_json or any(given)

    def fits(self, model: str, request: Mapping[str, Any]) -> bool:
        """Whether the request is of those that are counted."""
        contents: Sequence[Mapping[str, Any]] = request.get("contents", ())
        last = contents[-1].get("parts", ()) if contents else ()
        return (
            self.functions in (None, any(tool.get("functionDeclarations") for tool in request.get("tools", ())))
            and self.results in (None, any("functionResponse" in part for part in last))
            and bool(self._model.search(model))
            and bool(self._prompt.search(last_text(request)))
        )

    def answers(self, number: int) -> bool:
        """Whether it answers the fitting request of that number (from 1)."""
        if self.nth:
            return number in self.nth
        return self.times == 0 or number <= self.times

    def refusal(self) -> Refusal | None:
        """The error that takes the answer's place, if there is one."""
        if not self.status:
            return None
        details = []
        if self.retry_delay is not None:
            wait = times.format_seconds(round(self.retry_delay * times.SECOND))
            details.append(detail("RetryInfo", retryDelay=wait))
        return Refusal(self.status, self.message or "This error is a scripted answer.", details=details)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Rule":
        """From a JSON object with these fields; `nth` is a number or a list. ValueError says what is wrong."""
        unknown = sorted(set(value) - {item.name for item in fields(cls)})
        if unknown:
            raise ValueError(f"unknown fields: {', '.join(unknown)}")
        given = dict(value)
        for name, kinds in _TYPES.items():
            if name in given and (not isinstance(given[name], kinds) or _is_flag(given[name]) != (bool in kinds)):
                raise ValueError(f"{name} is of the wrong type")
        nth = given.get("nth", [])
        numbers = [nth] if isinstance(nth, int) else nth
        if not all(_is_count(number) for number in numbers):
            raise ValueError("nth holds whole numbers")
        for name in ("calls", "code", "sources", "queries"):
            given[name] = tuple(given.get(name, ()))
        return cls(**{**given, "nth": frozenset(numbers)})

    def to_json(self) -> dict[str, object]:
        """The object that `from_json` takes: the fields that were given."""
        shown: dict[str, object] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "nth":
                value = sorted(value)
            usual = _EMPTY.get(item.name, item.default)
            if value is not usual and value != usual:
                shown[item.name] = list(value) if isinstance(value, tuple) else value
        return shown


_EMPTY: Mapping[str, object] = {"usage": {}, "nth": []}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "prompt": (str,),
    "model": (str,),
    "functions": (bool,),
    "results": (bool,),
    "nth": (int, list),
    "times": (int,),
    "text": (str,),
    "calls": (list,),
    "thoughts": (str,),
    "code": (list,),
    "sources": (list,),
    "queries": (list,),
    "finish_reason": (str,),
    "usage": (dict,),
    "block": (str,),
    "status": (int,),
    "message": (str,),
    "retry_delay": (int, float),
}


def last_text(request: Mapping[str, Any]) -> str:
    """The last text of a GenerateContentRequest, whoever said it."""
    parts = [part for content in request.get("contents", ()) for part in content.get("parts", ())]
    return next((part["text"] for part in reversed(parts) if part.get("text")), "")


def _check_objects(name: str, given: Sequence[object], known: Mapping[str, type], needed: tuple[str, ...]) -> None:
    for each in given:
        if not isinstance(each, Mapping) or not set(needed) <= set(each) <= set(known):
            raise ValueError(f"{name} are objects with {', '.join(known)}")
        if any(not isinstance(value, known[field_name]) for field_name, value in each.items()):
            raise ValueError(f"{name} have a field of the wrong type")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not _is_flag(value) and 0 <= value < 2**31


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


class Script:
    """A list of rules, and how many fitting requests each has counted."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules = tuple(rules)
        self._counts = [0] * len(self.rules)

    def add(self, rules: Iterable[Rule]) -> None:
        """Put rules behind those that are there."""
        self.rules += tuple(rules)
        self._counts += [0] * (len(self.rules) - len(self._counts))

    def pick(self, model: str, request: Mapping[str, Any]) -> Rule | None:
        """The first rule that answers this request. It and those before it that fit have counted it."""
        for index, rule in enumerate(self.rules):
            if rule.fits(model, request):
                self._counts[index] += 1
                if rule.answers(self._counts[index]):
                    return rule
        return None

    def shown(self) -> list[dict[str, object]]:
        """The rules, each with how many requests it has `fitted`."""
        return [{**rule.to_json(), "fitted": count} for rule, count in zip(self.rules, self._counts, strict=True)]
