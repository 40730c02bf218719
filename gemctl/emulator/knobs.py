"""Defines the settings of the emulator, as data.

Given to `app`, which obeys them; read from JSON for `gemctl emulator --set` and for `admin`. Separate because the
names, the defaults and the bounds of values are the same for a test that makes an App, for a command line and for the
admin door. None of it is the service's: the service's own numbers are in `pace` and `media`.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from decimal import Decimal
from typing import Any

from gemctl.emulator.faults import Fault
from gemctl.emulator.live.terms import Terms, Utterance
from gemctl.emulator.media import FileRules
from gemctl.emulator.model_changes import ModelChange
from gemctl.emulator.pace import Indexing, Interacting, Pace
from gemctl.emulator.scripted import Rule

_LONGEST = 10 * 366 * 86_400  # seconds
STORAGE = ("lifetime", "ttl")


@dataclass(frozen=True)
class Knobs:
    """`keys`: None takes any key but one that looks real; a collection takes only those; a mapping from key to
    project keeps projects apart. `allow_real_keys`: take them all the same. `requests_per_minute`: None for no limit.
    `min_cache_tokens`: one number, or numbers by model name. `latency`: how much later every answer comes.
    `list_lag`: how much later than by its name an object is seen in lists; None is the world's own. `faults`: see
    `Fault`. `models`: models that are added to the catalogue, or changed in it. `answers`: what the model says; see
    `scripted.Rule`. `stream_pause`: how long after each other the chunks of a streamed answer come.

    `batch_pending` and `batch_running`: how long a batch is in these states; `batch_output_lag`: how much later its
    output is shown; `batch_retention`: how long its record stays after its end; `batches_at_once`: how many of a
    project may be unfinished; `enqueued_tokens`: how many tokens these may have for one model, one number or numbers
    by model name. `file_processing`: how long videos cannot be used yet; `largest_file` and
    `file_storage`: the most bytes of a file, and of a project's files. `document_pending`, `document_at_once`,
    `largest_document`, `document_storage` and `document_fails`: see `Indexing`. `interaction_queued`,
    `interaction_running` and `interaction_retention`: see `Interacting`.

    `live_pacing`, `live_text_frames`, `live_text_answers`, `live_strict`, `live_at_once`, `live_connection`,
    `live_audio`, `live_video`, `live_notice` and `live_speech`: see `live.terms`.

    `bill_creation`: the part of the input price that the tokens of a new cache cost, from 0 to 1. `bill_storage`: the
    hours of a cache that are billed: those of its `lifetime`, or those that its `ttl` asked for, however early it is
    deleted. Public answers contradict each other in both, hence knobs.
    """

    keys: Mapping[str, str] | Iterable[str] | None = None
    allow_real_keys: bool = False
    requests_per_minute: int | None = None
    min_cache_tokens: int | Mapping[str, int] | None = None
    latency: timedelta = timedelta(0)
    list_lag: timedelta | None = None
    models: Iterable[ModelChange] = ()
    faults: Iterable[Fault] = ()
    answers: Iterable[Rule] = ()
    stream_pause: timedelta = timedelta(0)
    batch_pending: timedelta = Pace.pending
    batch_running: timedelta = Pace.running
    batch_output_lag: timedelta = Pace.output_lag
    batch_retention: timedelta = Pace.retention
    batches_at_once: int = Pace.at_once
    enqueued_tokens: int | Mapping[str, int] | None = None
    file_processing: timedelta = FileRules.processing
    largest_file: int = FileRules.largest
    file_storage: int = FileRules.storage
    document_pending: timedelta = Indexing.pending
    document_at_once: int = Indexing.at_once
    largest_document: int = Indexing.largest
    document_storage: int = Indexing.storage
    document_fails: str | None = Indexing.fails
    interaction_queued: timedelta = Interacting.queued
    interaction_running: timedelta = Interacting.running
    interaction_retention: timedelta = Interacting.retention
    live_pacing: bool = Terms.pacing
    live_text_frames: bool = Terms.text_frames
    live_text_answers: bool = Terms.text_answers
    live_strict: bool = Terms.strict
    live_at_once: int | None = Terms.at_once
    live_connection: timedelta | None = Terms.connection
    live_audio: timedelta = Terms.audio
    live_video: timedelta = Terms.video
    live_notice: timedelta = Terms.notice
    live_speech: Iterable[Utterance] = ()
    bill_creation: Decimal = Decimal(1)
    bill_storage: str = STORAGE[0]

    def __post_init__(self) -> None:
        object.__setattr__(self, "faults", tuple(self.faults))
        object.__setattr__(self, "answers", tuple(self.answers))
        object.__setattr__(self, "live_speech", tuple(self.live_speech))
        if min(self.latency, self.list_lag or timedelta(0), self.stream_pause) < timedelta(0):
            raise ValueError("latency, list_lag and stream_pause are not negative")
        if self.requests_per_minute is not None and self.requests_per_minute < 1:
            raise ValueError("a quota allows at least one request a minute")
        if not 0 <= self.bill_creation <= 1:
            raise ValueError("a new cache costs a part of the input price, from 0 to 1")
        if self.bill_storage not in STORAGE:
            raise ValueError(f"storage is billed by {' or '.join(STORAGE)}")

    @property
    def pace(self) -> Pace:
        """The times of batches. Raises ValueError for values that make no sense."""
        return Pace(
            self.batch_pending,
            self.batch_running,
            self.batch_output_lag,
            self.batch_retention,
            self.batches_at_once,
            enqueued_tokens=self.enqueued_tokens,
        )

    @property
    def file_rules(self) -> FileRules:
        """The limits of files. Raises ValueError for values that make no sense."""
        return FileRules(self.file_processing, self.largest_file, self.file_storage)

    @property
    def indexing(self) -> Indexing:
        """The times and limits of documents. Raises ValueError for values that make no sense."""
        return Indexing(
            self.document_pending,
            self.document_at_once,
            self.largest_document,
            self.document_storage,
            self.document_fails,
        )

    @property
    def interacting(self) -> Interacting:
        """The times of interactions. Raises ValueError for values that make no sense."""
        return Interacting(self.interaction_queued, self.interaction_running, self.interaction_retention)

    @property
    def live(self) -> Terms:
        """The terms of sessions of the Live API. Raises ValueError for values that make no sense."""
        return Terms(
            self.live_pacing,
            self.live_text_frames,
            self.live_text_answers,
            self.live_strict,
            self.live_at_once,
            self.live_connection,
            self.live_audio,
            self.live_video,
            self.live_notice,
            tuple(self.live_speech),
        )


NAMES = tuple(item.name for item in fields(Knobs))


def read(value: object) -> dict[str, Any]:
    """The knobs that a JSON object sets: times in seconds, faults as objects. Raises ValueError for anything that is
    no knob or makes no sense; the message names it."""
    if not isinstance(value, Mapping):
        raise ValueError("knobs are a JSON object")
    unknown = sorted(str(name) for name in value.keys() - set(NAMES))
    if unknown:
        raise ValueError(f"no knob is called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    changes = {}
    for name, item in value.items():
        try:
            changes[name] = _READERS[name](item)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    knobs = Knobs(**changes)
    _ = knobs.pace, knobs.file_rules, knobs.indexing, knobs.interacting, knobs.live
    return changes


def write(knobs: Knobs, fingerprint: Callable[[str], str]) -> dict[str, object]:
    """The JSON that `read` takes, but for keys: of these it has fingerprints, with the projects they stand for."""
    shown = {name: _shown(getattr(knobs, name)) for name in NAMES}
    if knobs.keys is not None:
        projects = knobs.keys if isinstance(knobs.keys, Mapping) else dict.fromkeys(knobs.keys, "")
        shown["keys"] = {fingerprint(key): project for key, project in projects.items()}
    shown["models"] = [change.to_json() for change in knobs.models]
    shown["live_speech"] = [each.to_json() for each in knobs.live_speech]
    shown["faults"] = [fault.to_json() for fault in knobs.faults]
    shown["answers"] = [rule.to_json() for rule in knobs.answers]
    return shown


def _shown(value: object) -> object:
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("it is true or false")
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError("it is a whole number and not negative")
    return value


def _limit(value: object) -> int | None:
    return None if value is None else _whole(value)


def seconds(value: object) -> timedelta:
    """A length of time from a JSON number. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("it is a number of seconds")
    if not 0 <= value <= _LONGEST:
        raise ValueError(f"it is a number of seconds from 0 to {_LONGEST}, ten years")
    return timedelta(seconds=value)


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError("it is a text, or null")
    return value


def _keys(value: object) -> Mapping[str, str] | tuple[str, ...] | None:
    if value is None:
        return None
    whole: Iterable[object] = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    if not isinstance(value, Mapping | list) or not all(isinstance(text, str) and text for text in (*value, *whole)):
        raise ValueError("they are a list of keys, or an object from key to project; null takes any key")
    return dict(value) if isinstance(value, Mapping) else tuple(value)


def _tokens(value: object) -> int | dict[str, int] | None:
    if isinstance(value, Mapping):
        return {str(model).removeprefix("models/"): _whole(least) for model, least in value.items()}
    return _limit(value)


def _models(value: object) -> tuple[ModelChange, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise ValueError("they are a list of objects")
    return tuple(ModelChange.from_json(each) for each in value)


def _part(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("it is a number from 0 to 1")
    return Decimal(str(value))


def _storage(value: object) -> str:
    if not isinstance(value, str) or value not in STORAGE:
        raise ValueError(f"it is {' or '.join(STORAGE)}")
    return value


def _span(value: object) -> timedelta | None:
    return None if value is None else seconds(value)


def _speech(value: object) -> tuple[Utterance, ...]:
    if not isinstance(value, list):
        raise ValueError("it is a list of texts and objects")
    return tuple(Utterance.from_json(each) for each in value)


def _faults(value: object) -> tuple[Fault, ...]:
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise ValueError("they are a list of objects")
    return tuple(Fault.from_json(each) for each in value)


def answers(value: object) -> tuple[Rule, ...]:
    """Scripted answers from a list of JSON objects. Raises ValueError."""
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise ValueError("they are a list of objects")
    return tuple(Rule.from_json(each) for each in value)


_READERS: Mapping[str, Callable[[object], Any]] = {
    "keys": _keys,
    "allow_real_keys": _flag,
    "requests_per_minute": _limit,
    "min_cache_tokens": _tokens,
    "latency": seconds,
    "list_lag": seconds,
    "models": _models,
    "faults": _faults,
    "answers": answers,
    "stream_pause": seconds,
    "batch_pending": seconds,
    "batch_running": seconds,
    "batch_output_lag": seconds,
    "batch_retention": seconds,
    "batches_at_once": _whole,
    "enqueued_tokens": _tokens,
    "file_processing": seconds,
    "largest_file": _whole,
    "file_storage": _whole,
    "document_pending": seconds,
    "document_at_once": _whole,
    "largest_document": _whole,
    "document_storage": _whole,
    "document_fails": _text,
    "interaction_queued": seconds,
    "interaction_running": seconds,
    "interaction_retention": seconds,
    "live_pacing": _flag,
    "live_text_frames": _flag,
    "live_text_answers": _flag,
    "live_strict": _flag,
    "live_at_once": _limit,
    "live_connection": _span,
    "live_audio": seconds,
    "live_video": seconds,
    "live_notice": seconds,
    "live_speech": _speech,
    "bill_creation": _part,
    "bill_storage": _storage,
}
