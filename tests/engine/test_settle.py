"""What a call refers to is put into it once it is ready; operations are polled; replies are read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import import_module

import pytest
from fakes.kinds import KINDS as FAKES

from gemctl.core.address import Address
from gemctl.core.call import Call, Reference
from gemctl.core.errors import Refused, Temporary, Unknown
from gemctl.core.live import LiveObject, Phase
from gemctl.engine.settle import await_ready, done_at_once, item_of, poll_operation, resolve_references
from gemctl.kinds import CATALOGUE

KINDS = {**CATALOGUE, **{name: import_module(module).KIND for name, module in FAKES.items()}}
ROOM, CLERK, STORE = Address("FakeEnvironment", "d"), Address("FakeAgent", "clerk"), Address("FileSearchStore", "s")
NAME, OPERATION = "fakeEnvironments/d", "fakeEnvironments/d/operations/o"


class Reply:
    def __init__(self, body) -> None:
        self.body = body


class Service:
    """Gives the answers to each path in turn, and the last of them again."""

    def __init__(self, **answers) -> None:
        self.answers = {path: list(found) for path, found in answers.items()}
        self.asked: list[Call] = []

    def perform(self, call):
        self.asked.append(call)
        answers = self.answers[call.path]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(found, Exception):
            raise found
        return Reply(found)


@dataclass
class Waits:
    """Stops after so many sleeps; never, by default."""

    stop_after: int = 10_000
    slept: list[float] = field(default_factory=list)

    @property
    def sleep(self):
        return self.slept.append

    @property
    def stopping(self):
        return lambda: len(self.slept) >= self.stop_after


def room(state, name=NAME):
    return {"name": name, "displayName": "d", "region": "eu", "state": state}


def operation(**more):
    return {"name": OPERATION, **more}


def service(*answers, **more) -> Service:
    return Service(**{NAME: answers or [room("READY")], **more})


def ready(of, waits=None) -> LiveObject:
    return await_ready(of, KINDS["FakeEnvironment"], ROOM, NAME, waits or Waits())


def test_what_is_ready_is_read_once():
    of, waits = service(), Waits()
    item = ready(of, waits)
    assert (item.name, item.phase, waits.slept) == (NAME, Phase.READY, [])
    assert of.asked == [Call("GET", NAME)]


def test_pauses_grow_to_five_seconds():
    of, waits = service(*[room("BUILDING")] * 9, room("READY")), Waits()
    assert ready(of, waits).phase is Phase.READY
    assert waits.slept == [0.5, 0.75, 1.125, 1.6875, 2.53125, 3.796875, 5.0, 5.0, 5.0]


def test_patience_ends_after_half_an_hour():
    of, waits = service(room("BUILDING")), Waits()
    with pytest.raises(
        Temporary, match=r"FakeEnvironment/d \(fakeEnvironments/d\) is still being .* after 1800 s"
    ) as late:
        ready(of, waits)
    assert (late.value.code, sum(waits.slept)) == ("E535", 1800.390625)
    of, waits = service(room("BUILDING")), Waits(2)
    with pytest.raises(Temporary, match="after 1 s") as stopped:
        ready(of, waits)
    assert (stopped.value.code, waits.slept) == ("E535", [0.5, 0.75])


def test_what_has_failed_will_never_be_ready():
    read = KINDS["FakeEnvironment"].remote.read
    for why, said in (
        ("it is empty. ", "it is empty."),
        ("", "no reason given."),
        (" . ", "no reason given."),
        ("a mix.", "a mix."),
    ):
        remote = replace(KINDS["FakeEnvironment"].remote, read=lambda reply, why=why: replace(read(reply), why=why))
        kind = replace(KINDS["FakeEnvironment"], remote=remote)
        with pytest.raises(Refused) as refused:
            await_ready(service(room("FAILED")), kind, ROOM, NAME, Waits())
        assert refused.value.code == "E533"
        assert str(refused.value) == f"FakeEnvironment/d ({NAME}) could not be processed: {said}"


def test_facts_are_put_into_a_call():
    agents = {
        "fakeAgents/clerk": [{"id": "clerk", "model": "m"}],
        "fileSearchStores/s": [{"name": "fileSearchStores/s"}],
    }
    of = Service(**agents)
    call = Call("POST", "fakeTriggers", body={"agent": "", "at": [0, {"of": ""}], "left": 1})
    references = (Reference(("agent",), CLERK, "id"), Reference(("at", 1, "of"), CLERK, "model"))
    targets = {CLERK: "fakeAgents/clerk"}
    found = resolve_references(replace(call, references=references), targets, KINDS, of, Waits())
    assert found == replace(call, body={"agent": "clerk", "at": [0, {"of": "m"}], "left": 1})
    assert of.asked == [Call("GET", "fakeAgents/clerk")]
    with pytest.raises(Refused, match="FakeAgent/clerk shows no colour") as refused:
        lacking = replace(call, references=(Reference(("agent",), CLERK, "colour"),))
        resolve_references(lacking, targets, KINDS, of, Waits())
    assert refused.value.code == "E534"
    for path, whole in (
        (":importFile", "fileSearchStores/s:importFile"),
        ("documents", "fileSearchStores/s/documents"),
    ):
        under = Call("POST", path, body={}, under=STORE)
        assert resolve_references(under, {STORE: "fileSearchStores/s"}, KINDS, of, Waits()) == Call(
            "POST", whole, body={}
        )


def made(of) -> LiveObject | None:
    return poll_operation(of, KINDS["FakeEnvironment"], OPERATION)


DONE = operation(done=True, response={"name": NAME})


def test_an_operation_is_asked_once_each_time_and_what_it_made_is_read():
    of = service(**{OPERATION: [operation(), DONE]})
    assert made(of) is None
    assert of.asked == [Call("GET", OPERATION)]
    found = made(of)
    assert found is not None and found.name == NAME
    assert of.asked == [Call("GET", OPERATION)] * 2 + [Call("GET", NAME)]
    remote = replace(KINDS["FakeEnvironment"].remote, operation=None)
    with pytest.raises(TypeError):
        poll_operation(service(), replace(KINDS["FakeEnvironment"], remote=remote), OPERATION)


DOCUMENT = CATALOGUE["FileSearchDocument"]
UPLOAD = "fileSearchStores/s/upload/operations/d"


def test_where_the_name_suffices_nothing_is_read():
    of = Service(**{UPLOAD: [{"name": UPLOAD}, {"name": UPLOAD, "done": True, "response": {"parent": "x"}}]})
    assert poll_operation(of, DOCUMENT, UPLOAD) is None
    found = poll_operation(of, DOCUMENT, UPLOAD)
    assert found == LiveObject("FileSearchDocument", "fileSearchStores/s/documents/d", "", "", None, {}, {})
    assert of.asked == [Call("GET", UPLOAD)] * 2


def test_an_operation_that_is_over_at_once():
    """An upload that was indexed at once comes with a response and without `done`."""
    over = {"name": UPLOAD, "response": {"parent": "x"}}
    found = done_at_once(DOCUMENT, DOCUMENT.remote.operation, over)
    assert found is not None and found.name == "fileSearchStores/s/documents/d"
    assert done_at_once(DOCUMENT, DOCUMENT.remote.operation, {"name": UPLOAD}) is None
    room = KINDS["FakeEnvironment"]
    assert done_at_once(room, room.remote.operation, DONE) is None, "it is read, in its time"
    with pytest.raises(Refused, match="too long"):
        done_at_once(DOCUMENT, DOCUMENT.remote.operation, {"name": UPLOAD, "error": {"message": "too long"}})
    for reply in ([], {}, {**over, "name": "fileSearchStores/../upload/operations/d"}):
        with pytest.raises(Unknown) as unknown:
            done_at_once(DOCUMENT, DOCUMENT.remote.operation, {**reply, "done": True} if reply != [] else reply)
        assert unknown.value.code == "E304"


def test_an_operation_that_came_to_nothing_is_refused():
    with pytest.raises(Refused, match="too long"):
        made(service(**{OPERATION: [operation(done=True, error={"message": "too long"})]}))


def test_what_cannot_be_told_of_an_operation_is_unknown():
    """What it makes may come all the same, and is found by its mark."""
    for answer in (Refused("No."), Temporary("Later."), operation(done=True, response={"name": "no name"}), []):
        with pytest.raises(Unknown) as unknown:
            made(service(**{OPERATION: [answer]}))
        assert unknown.value.code == "E304"
    with pytest.raises(Unknown) as unknown:
        poll_operation(service(), KINDS["FakeEnvironment"], "no name")
    assert unknown.value.code == "E304"
    for answer in (Refused("No."), Temporary("Later."), {}):
        with pytest.raises(Unknown, match="was made, and could not be read") as unknown:
            made(service(answer, **{OPERATION: [DONE]}))
        assert unknown.value.code == "E304"


def test_a_reply_that_shows_something_else_is_no_answer():
    kind = KINDS["FakeAgent"]
    clerk, other = {"id": "clerk"}, {"id": "other"}
    for method in ("GET", "PATCH"):
        call = Call(method, "fakeAgents/clerk")
        assert item_of(kind, clerk, call).name == "fakeAgents/clerk"
        with pytest.raises(Refused, match="it shows fakeAgents/other, and not fakeAgents/clerk"):
            item_of(kind, other, call)
    assert item_of(kind, other, Call("POST", "fakeAgents")).name == "fakeAgents/other"
    for repeatable, failure in ((True, Refused), (False, Unknown)):
        for reply in (None, {}, {"id": 7}, []):
            with pytest.raises(failure) as failed:
                item_of(kind, reply, Call("POST", "fakeAgents", repeatable=repeatable))
            assert (failed.value.code, type(failed.value)) == ("E304", failure)


@pytest.mark.parametrize("error", [KeyError, TypeError, ValueError, AttributeError])
def test_whatever_a_kind_cannot_read_is_not_of_the_apis_shape(error):
    def read(reply):
        raise error("x")

    remote = KINDS["FakeEnvironment"].remote
    kind = replace(KINDS["FakeEnvironment"], remote=replace(remote, operation=replace(remote.operation, read=read)))
    with pytest.raises(Unknown) as unknown:
        poll_operation(service(**{OPERATION: [DONE]}), kind, OPERATION)
    assert unknown.value.code == "E304"
    with pytest.raises(Refused) as refused:
        item_of(replace(kind, remote=replace(remote, read=read)), {}, Call("GET", NAME))
    assert refused.value.code == "E304"


def test_what_an_operation_made_has_a_name():
    remote = KINDS["FakeEnvironment"].remote
    operation = replace(remote.operation, read=lambda reply: "no name")
    with pytest.raises(Unknown, match="no name was made, and could not be read"):
        kind = replace(KINDS["FakeEnvironment"], remote=replace(remote, operation=operation))
        poll_operation(service(**{OPERATION: [DONE]}), kind, OPERATION)


def test_a_name_that_the_user_has_chosen_must_be_the_one_that_it_has_by_now():
    """An agent that is to be called otherwise, and can't be as yet: what starts it is not made for the old name."""
    agent, at = Address("Agent", "clerk"), ("interaction", "agent")
    service = Service(**{"agents/clerk": [{"id": "clerk", "base_agent": "antigravity-preview-09-2026"}]})
    reference = Reference(at, agent, "id", digested=False)

    def sent(meant):
        call = Call("POST", "triggers", body={"interaction": {"agent": meant}}, references=(reference,))
        return resolve_references(call, {agent: "agents/clerk"}, KINDS, service, Waits())

    assert sent("clerk").body == {"interaction": {"agent": "clerk"}}
    with pytest.raises(Refused, match="Agent/clerk as scribe, and that is clerk as yet") as refused:
        sent("scribe")
    assert refused.value.code == "E534"
