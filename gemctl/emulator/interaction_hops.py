"""Answers an interaction in two hops: the first waits to be continued, the second goes on from there.

Called by `interaction_life`. Separate because it is the one thing that is about two requests: the SDKs send the second
by themselves, with the token of the first, and put the steps of both together. The first hop is stored: then the second
names it as `previous_interaction_id` and has no input. Or it is not: then the second is the whole body once more. The
token is of the question, so that it can be checked in both cases.

Nothing was published of what the service does; this is as the SDKs (google-genai 3.6.1, @google/genai 3.3.0) expect it.
"""

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from gemctl.emulator import interaction_answers, markers
from gemctl.emulator.gaos import invalid
from gemctl.emulator.interaction_answers import Answer, texts

WAITS = "requires_continuation"


def token(model: str, given: Sequence[Mapping[str, Any]]) -> str:
    """The token that continues the answer of a model to this input."""
    text = json.dumps([model, given], sort_keys=True)
    return "ct_" + hashlib.sha256(text.encode()).hexdigest()


def is_asked(given: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the input asks for two hops."""
    return markers.continues(texts(given))


def check(named: str, model: str, given: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a token that is none of this input."""
    if not is_asked(given) or named != token(model, given):
        raise invalid("The value is invalid for 'continuation_token'. No interaction waits to be continued by it.")


def hops(answer: Answer, kept: list[dict[str, Any]] | None = None) -> tuple[Answer, Answer]:
    """Both hops of an answer: it is cut in the middle of its text. One that ends otherwise than with a text has
    nothing for the second. `kept` is what the first hop has left to the second, where it is known."""
    last = answer.steps[-1] if answer.steps else {}
    contents = last.get("content", [])
    if answer.status != "completed" or not contents or contents[-1]["type"] != "text":
        return answer, interaction_answers.retold(answer, [], answer.status)
    text = contents[-1]["text"]
    begun, rest = copy.deepcopy(last), copy.deepcopy(last)
    middle = len(text) // 2
    begun["content"][-1]["text"] = text[:middle]
    rest["content"] = [{"type": "text", "text": text[middle:]}]
    return (
        interaction_answers.retold(answer, [*answer.steps[:-1], begun], WAITS),
        interaction_answers.retold(answer, [rest] if kept is None else kept, answer.status),
    )
