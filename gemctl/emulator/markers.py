"""Reads marks in a user's own texts that make the emulated models and jobs fail on demand, or end an answer early.

Called by the surfaces that answer requests. Separate because this is the one thing here that the service does not
have. A mark needs no setting, so it works through every client, on the embedded emulator and on a served one.

In a text of a request's contents (or of the content that is to be embedded):

* `[[emulator: fail 429]]`: the request fails with that HTTP status; in a batch it is that item's error.
* `[[emulator: block]]`: the model answers without candidates, with a `promptFeedback` whose blockReason is SAFETY.
* `[[emulator: cut]]`: the answer ends in the middle of its text, with the finishReason MAX_TOKENS.
* `[[emulator: fail once 503]]`, `[[emulator: block once]]`, `[[emulator: cut once]]`: the same, until the batch in
  which it happened (or the direct call) is over: the same request to the same model is answered in every later one.

The first mark of a request counts. Vectors are made for a content with `block` and `cut` as for any other.

In a batch's display name:

* `[[emulator: job ends STATE]]`: at its end the job is in that state, as in `job ends FAILED 8`. FAILED, EXPIRED
  and CANCELLED come without output and with an error, whose code of google.rpc.Code may follow; every other state
  comes with the output, PARTIALLY_SUCCEEDED and invented states among them. A state is shown with
  the prefix `BATCH_STATE_`, unless it says another: `job ends JOB_STATE_SUCCEEDED`.
* `[[emulator: job stays STATE]]`: PENDING never starts; any other state is that of a job that runs, gets through
  half of its requests and goes no further. Both expire after 48 hours, and both can be cancelled.

In a text that is the input of an interaction, besides those for requests:

* `[[emulator: call NAME {"key": "value"}]]`: the model calls this function, with these arguments or some that fit; also
  in a request for generateContent. `calls` reads it.
* `[[emulator: no call]]`: the words of the text ask for no function; `calls` reads it, too.
* `[[emulator: run CODE => OUTPUT]]`, `[[emulator: search QUERY => ADDRESS TITLE]]`: what tools of the service would
  have brought to an answer of generateContent; `tool_use` reads them.
* `[[emulator: interaction ends STATUS]]`: at its end it has this status, such as failed, incomplete or budget_exceeded.
* `[[emulator: interaction stays in_progress]]`: one in the background gets through half of its steps and goes no
  further; it can be cancelled.
* `[[emulator: interaction continues]]`: one in the foreground is answered in two hops: it first ends as
  requires_continuation, with a token.

An interaction in the background whose text says `fail 429` ends as failed, and `block` makes any fail; `cut` makes it
incomplete.

In a text that is said or typed in a Live session, besides those for requests:

* `[[emulator: close 1011 The reason]]`: the session ends with this code and reason; 1006 breaks the connection.
* `[[emulator: go away 10]]`: the session is told that it ends in so many seconds, and ends then.

In the text or the display name of a document of a file search store, or in the name of the file that is imported:

* `[[emulator: document fails]]`: it ends as STATE_FAILED, and its operation with an error of the code 13 of
  google.rpc.Code, or of the one that follows, as in `document fails 3`.
* `[[emulator: document fails once]]`: the same, and the same text under the same name is indexed when it comes again.
* `[[emulator: document stays]]`: it is pending for ever.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gemctl.emulator.faults import is_close_code
from gemctl.emulator.wire import Refusal
from gemctl.emulator.world import World

ONCE = "emulator/onceFailed"
"""The collection that remembers which requests have once had what they ask for. It is no resource: nothing serves
it."""

_MARK = re.compile(r"\[\[emulator: (?:fail (once )?([45]\d\d)|(block|cut)( once)?)\]\]", re.ASCII)
_JOB = re.compile(r"\[\[emulator: job (ends|stays) ([A-Z_]{1,60})(?: (\d{1,2}))?\]\]", re.ASCII)
_DOCUMENT = re.compile(r"\[\[emulator: document (?:(fails)( once)?(?: (\d{1,2}))?|stays)\]\]", re.ASCII)
_INTERACTION = re.compile(r"\[\[emulator: interaction (ends|stays) ([a-z_]{1,40})\]\]", re.ASCII)
_LIVE = re.compile(r"\[\[emulator: (?:close (\d{4})(?: ([^\]]{0,1000}))?|go away (\d{1,5}))\]\]", re.ASCII)
_CONTINUES = "[[emulator: interaction continues]]"
_INTERNAL = 13
LONGEST = 64
"""More than the characters of a mark: of a text that is read in pieces the last ones are looked at again."""


@dataclass(frozen=True)
class Fate:
    """The end of a job: its last state, or the one in which it stays, as the wire spells it, and the code of its
    error, if it has one."""

    ends: str = "BATCH_STATE_SUCCEEDED"
    stays: str = ""
    code: int | None = None


def fate(display_name: str) -> Fate:
    """The end that a batch's display name asks for."""
    found = _JOB.search(display_name)
    if found is None:
        return Fate()
    state = found[2] if "_STATE_" in found[2] else f"BATCH_STATE_{found[2]}"
    code = int(found[3]) if found[3] else None
    return Fate(ends=state, code=code) if found[1] == "ends" else Fate(stays=state)


class Asked(Refusal):
    """A refusal for which a text has asked."""


def interaction_fate(texts: Iterable[str]) -> Fate:
    """The end that the first mark in the input of an interaction asks for, or where it stays; both may be empty."""
    found = next((mark for text in texts if (mark := _INTERACTION.search(text))), None)
    if found is None:
        return Fate(ends="")
    return Fate(ends=found[2]) if found[1] == "ends" else Fate(ends="", stays=found[2])


def continues(texts: Iterable[str]) -> bool:
    """Whether an interaction is to be answered in two hops."""
    return any(_CONTINUES in text for text in texts)


@dataclass(frozen=True)
class LiveFate:
    """The end of a Live session: the code and the reason of its close frame, or in how many seconds it ends."""

    code: int | None = None
    reason: str = ""
    goes_in: int | None = None


def live_fate(texts: Iterable[str]) -> LiveFate:
    """The end that the first mark in what was said asks for, if there is one."""
    found = next((mark for text in texts if (mark := _LIVE.search(text))), None)
    if found is None or (found[1] and not is_close_code(int(found[1]))):
        return LiveFate()
    return LiveFate(int(found[1]), found[2] or "") if found[1] else LiveFate(goes_in=int(found[3]))


@dataclass(frozen=True)
class DocumentFate:
    """The end of a document: that it fails, with which code, and only the first time; or that it stays pending."""

    fails: bool = False
    once: bool = False
    code: int = _INTERNAL
    stays: bool = False


def in_document(text: str) -> str:
    """The first mark for a document in a text, or an empty text."""
    found = _DOCUMENT.search(text)
    return "" if found is None else found[0]


def document_fate(texts: Iterable[str], pattern: str | None) -> DocumentFate:
    """The end that the first mark in the names and the text of a document asks for; without a mark it fails where the
    regular expression `pattern` is found in a name."""
    texts = tuple(texts)
    found = next((mark for text in texts if (mark := _DOCUMENT.search(text))), None)
    if found is None:
        fails = pattern is not None and any(re.search(pattern, text) for text in texts if text)
        return DocumentFate(fails=fails)
    code = int(found[3]) if found[3] else _INTERNAL
    return DocumentFate(fails=found[1] is not None, once=found[2] is not None, code=code, stays=found[1] is None)


def is_first(world: World, project: str, what: str) -> bool:
    """Whether this has not happened before. Remember that it happens now."""
    name = f"{ONCE}/{hashlib.sha256(what.encode('utf-8', 'replace')).hexdigest()[:32]}"
    if world.get(ONCE, project, name) is not None:
        return False
    world.create(ONCE, project, {"by": ""}, name=name)
    return True


def obey(world: World, project: str, model: str, request: Mapping[str, Any], by: str) -> str:
    """How the request's texts ask for its answer to end, "block" or "cut"; "" for an end as usual. Raises the refusal
    that they ask for. `by` is the batch that it is in, "" for a direct call."""
    found = next((mark for text in _texts(request) if (mark := _MARK.search(text))), None)
    if found is None or ((found[1] or found[4]) and _has_happened(world, project, model, request, by)):
        return ""
    if found[3]:
        return found[3]
    raise Asked(int(found[2]), f"This failure was asked for by the text {found[0]}.")


def _has_happened(world: World, project: str, model: str, request: Mapping[str, Any], by: str) -> bool:
    """Whether what it asks for happened before, in another batch or call. If not, remember that it happens now."""
    text = json.dumps([model, request], sort_keys=True)
    name = f"{ONCE}/{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:32]}"
    row = world.get(ONCE, project, name)
    if row is None:
        world.create(ONCE, project, {"by": by}, name=name)
        return False
    return not by or row.body["by"] != by


def _texts(request: Mapping[str, Any]) -> Iterator[str]:
    for content in (*request.get("contents", ()), request.get("content", {})):
        for part in content.get("parts", ()):
            if "text" in part:
                yield part["text"]
