"""FakeRun: work in the background. It is sent once, carries no mark, can't be listed and is read by its name; its
answer is in what it shows.
"""

from __future__ import annotations

import re
from datetime import timedelta
from types import MappingProxyType

from pydantic import Field

from gemctl.core.call import Answer, Call
from gemctl.core.kind import Collection, FileNeed, Files, Kind, Remote, Rule, Unmarked
from gemctl.core.lifetime import Once, Results
from gemctl.core.live import Cause, Counts, LiveObject, Phase
from gemctl.core.mark import Mark
from gemctl.core.resource import Declared, Resource
from gemctl.core.source import Json, JsonObject, Path
from gemctl.kinds.parts import replies
from gemctl.schema.shape import Shape, plain

COLLECTION = Collection("fakeRuns", re.compile(r"fakeRuns/[A-Za-z0-9_]{1,128}"), "run", None)
KEY = "answer"
_PHASES = {
    "completed": Phase.READY,
    "failed": Phase.FAILED,
    "cancelled": Phase.FAILED,
    "budget_exceeded": Phase.FAILED,
}
_CAUSES = {"cancelled": Cause.CANCELLED, "budget_exceeded": Cause.EXPIRED, "failed": Cause.FAILED}


class FakeRunSpec(Shape):
    """What is run."""

    model: str = Field(description="The model.")
    input: str = Field(description="What it is told.")


def _files(spec: FakeRunSpec) -> tuple[FileNeed, ...]:
    return ()


def _declare(spec: FakeRunSpec, files: Files) -> Declared:
    return Declared(plain(spec))


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    fields = {name: value for name, value in resource.declared.fields.items() if name != "run"}
    return Call("POST", COLLECTION.path, body={**fields, "background": True}, repeatable=False)


def _read(reply: Json) -> LiveObject:
    entry = replies.entry(reply)
    name, state = COLLECTION.named(f"{COLLECTION.path}/{replies.text(entry, 'id')}"), replies.text(entry, "status")
    phase = _PHASES.get(state, Phase.WAITING)
    created, updated = replies.instant(entry, "created"), replies.instant(entry, "updated")
    return LiveObject(
        "FakeRun",
        name,
        "",
        "",
        None,
        replies.shown({"model": entry.get("model")}),
        replies.shown({"name": name, "state": state}),
        created,
        updated,
        phase=phase,
        state=state,
        ended=updated if phase is not Phase.WAITING else None,
        cause=_CAUSES.get(state),
        carries_results=True,
        counts=Counts(1, 1, 0) if phase is Phase.READY else Counts(1),
    )


def _source(resource: Resource, call: Call, at: Path) -> Path:
    return at


def _results(reply: Json) -> Results:
    outputs = replies.entry(reply).get("outputs")
    return Results(inline=({"key": KEY, "response": {"outputs": outputs}},) if outputs else ())


def _result(line: JsonObject) -> JsonObject:
    return line


def _keys(resource: Resource) -> tuple[str, ...] | None:
    return (KEY,)


def _cancel(name: str) -> Call:
    return Call("POST", f"{COLLECTION.named(name)}/cancel", body={}, answer=Answer.NOTHING)


KIND = Kind(
    name="FakeRun",
    spec=FakeRunSpec,
    rules=MappingProxyType({"model": Rule.IMMUTABLE, "input": Rule.INPUT_ONLY}),
    lifetime=Once(
        usual=timedelta(minutes=10),
        longest=timedelta(days=1),
        results=_results,
        result=_result,
        keys=_keys,
        cancel=_cancel,
    ),
    files=_files,
    declare=_declare,
    remote=Remote(COLLECTION, Unmarked(), _create, _read, _source),
)
