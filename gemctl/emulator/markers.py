"""Reads marks in a user's own texts that make the emulated models and jobs fail on demand.

Called by the surfaces that answer requests. Separate because this is the one thing here that the service does not
have. A mark needs no setting, so it works through every client, on the embedded emulator and on a served one.

In a text of a request's contents (or of the content that is to be embedded):

* `[[emulator: fail 429]]`: the request fails with that HTTP status; in a batch it is that item's error.
* `[[emulator: fail once 503]]`: the same, until the batch in which it failed (or the direct call) is over: the
  same request to the same model succeeds in every later one.

In a batch's display name:

* `[[emulator: job ends STATE]]`: at its end the job is in that state, as in `job ends FAILED 8`. FAILED, EXPIRED
  and CANCELLED come without output and with an error, whose code of google.rpc.Code may follow; every other state
  comes with the output, PARTIALLY_SUCCEEDED and invented states among them. A state is shown with
  the prefix `BATCH_STATE_`, unless it says another: `job ends JOB_STATE_SUCCEEDED`.
* `[[emulator: job stays STATE]]`: PENDING never starts; any other state is that of a job that runs, gets through
  half of its requests and goes no further. Both expire after 48 hours, and both can be cancelled.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gemctl.emulator.wire import Refusal
from gemctl.emulator.world import World

ONCE = "emulator/onceFailed"
"""The collection that remembers which requests have failed once. It is no resource: nothing serves it."""

_FAIL = re.compile(r"\[\[emulator: fail (once )?([45]\d\d)\]\]", re.ASCII)
_JOB = re.compile(r"\[\[emulator: job (ends|stays) ([A-Z_]{1,60})(?: (\d{1,2}))?\]\]", re.ASCII)


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


def obey(world: World, project: str, model: str, request: Mapping[str, Any], by: str) -> None:
    """Raise the refusal that the request's texts ask for. `by` is the batch that it is in, "" for a direct call."""
    found = next((mark for text in _texts(request) if (mark := _FAIL.search(text))), None)
    if found is None or (found[1] and _has_failed(world, project, model, request, by)):
        return
    raise Refusal(int(found[2]), f"This failure was asked for by the text {found[0]}.")


def _has_failed(world: World, project: str, model: str, request: Mapping[str, Any], by: str) -> bool:
    """Whether it failed before, in another batch or call. If not, remember that it fails now."""
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
