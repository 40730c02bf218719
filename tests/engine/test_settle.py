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
from gemctl.engine.settle import await_operation, await_ready, item_of, resolve_references

KINDS = {name: import_module(module).KIND for name, module in FAKES.items()}
DOCUMENT, CLERK, STORE = Address("FakeDocument", "d"), Address("FakeAgent", "clerk"), Address("FakeStore", "s")
NAME, OPERATION = "fakeStores/s/documents/d", "fakeStores/s/operations/o"


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


def document(state, name=NAME):
    return {"name": name, "displayName": "d", "state": f"STATE_{state}"}


def operation(**more):
    return {"name": OPERATION, **more}


def service(*answers, **more) -> Service:
    return Service(**{NAME: answers or [document("ACTIVE")], **more})


def ready(of, waits=None) -> LiveObject:
    return await_ready(of, KINDS["FakeDocument"], DOCUMENT, NAME, waits or Waits())


def test_what_is_ready_is_read_once():
    of, waits = service(), Waits()
    item = ready(of, waits)
    assert (item.name, item.phase, waits.slept) == (NAME, Phase.READY, [])
    assert of.asked == [Call("GET", NAME)]


def test_pauses_grow_to_five_seconds():
    of, waits = service(*[document("PENDING")] * 9, document("ACTIVE")), Waits()
    assert ready(of, waits).phase is Phase.READY
    assert waits.slept == [0.5, 0.75, 1.125, 1.6875, 2.53125, 3.796875, 5.0, 5.0, 5.0]


def test_patience_ends_after_half_an_hour():
    of, waits = service(document("PENDING")), Waits()
    with pytest.raises(
        Temporary, match=r"FakeDocument/d \(fakeStores/s/documents/d\) is still being .* after 1800 s"
    ) as late:
        ready(of, waits)
    assert (late.value.code, sum(waits.slept)) == ("E535", 1800.390625)
    of, waits = service(document("PENDING")), Waits(2)
    with pytest.raises(Temporary, match="after 1 s") as stopped:
        ready(of, waits)
    assert (stopped.value.code, waits.slept) == ("E535", [0.5, 0.75])


def test_what_has_failed_will_never_be_ready():
    read = KINDS["FakeDocument"].remote.read
    for why, said in (
        ("it is empty. ", "it is empty."),
        ("", "no reason given."),
        (" . ", "no reason given."),
        ("a mix.", "a mix."),
    ):
        remote = replace(KINDS["FakeDocument"].remote, read=lambda reply, why=why: replace(read(reply), why=why))
        kind = replace(KINDS["FakeDocument"], remote=remote)
        with pytest.raises(Refused) as refused:
            await_ready(service(document("FAILED")), kind, DOCUMENT, NAME, Waits())
        assert refused.value.code == "E533"
        assert str(refused.value) == f"FakeDocument/d ({NAME}) could not be processed: {said}"


def test_facts_are_put_into_a_call():
    agents = {"fakeAgents/clerk": [{"id": "clerk", "model": "m"}], "fakeStores/s": [{"name": "fakeStores/s"}]}
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
    for path, whole in ((":uploadText", "fakeStores/s:uploadText"), ("documents", "fakeStores/s/documents")):
        under = Call("POST", path, body={}, under=STORE)
        assert resolve_references(under, {STORE: "fakeStores/s"}, KINDS, of, Waits()) == Call("POST", whole, body={})


def made(of, waits=None) -> LiveObject:
    return await_operation(of, KINDS["FakeDocument"], OPERATION, waits or Waits())


DONE = operation(done=True, response={"documentName": NAME})


def test_an_operation_is_polled_until_it_is_done():
    of, waits = service(**{OPERATION: [operation()] * 8 + [DONE]}), Waits()
    assert made(of, waits).name == NAME
    assert waits.slept == [0.5, 0.75, 1.125, 1.6875, 2.53125, 3.796875, 5.0, 5.0]
    assert of.asked == [Call("GET", OPERATION)] * 9 + [Call("GET", NAME)]
    at_once = Waits()
    made(service(**{OPERATION: [DONE]}), at_once)
    assert at_once.slept == []


def test_an_operation_that_goes_on_is_unknown():
    for waits, seconds in ((Waits(), 1800), (Waits(2), 1)):
        with pytest.raises(Unknown, match=f"{OPERATION} is still under way after {seconds} s") as unknown:
            made(service(**{OPERATION: [operation()]}), waits)
        assert unknown.value.code == "E535"
        assert sum(waits.slept) in (1800.390625, 1.25)
    remote = replace(KINDS["FakeDocument"].remote, operation=None)
    with pytest.raises(Unknown):
        await_operation(service(), replace(KINDS["FakeDocument"], remote=remote), OPERATION, Waits())


def test_an_operation_that_came_to_nothing_is_refused():
    with pytest.raises(Refused, match="too long"):
        made(service(**{OPERATION: [operation(done=True, error={"message": "too long"})]}))


def test_what_cannot_be_told_of_an_operation_is_unknown():
    """What it makes may come all the same, and is found by its mark."""
    for answer in (Refused("No."), Temporary("Later."), operation(done=True, response={"documentName": "no name"}), []):
        with pytest.raises(Unknown) as unknown:
            made(service(**{OPERATION: [answer]}))
        assert unknown.value.code == "E304"
    with pytest.raises(Unknown) as unknown:
        await_operation(service(), KINDS["FakeDocument"], "no name", Waits())
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

    remote = KINDS["FakeDocument"].remote
    kind = replace(KINDS["FakeDocument"], remote=replace(remote, operation=replace(remote.operation, read=read)))
    with pytest.raises(Unknown) as unknown:
        await_operation(service(**{OPERATION: [DONE]}), kind, OPERATION, Waits())
    assert unknown.value.code == "E304"
    with pytest.raises(Refused) as refused:
        item_of(replace(kind, remote=replace(remote, read=read)), {}, Call("GET", NAME))
    assert refused.value.code == "E304"


def test_what_an_operation_made_has_a_name():
    remote = KINDS["FakeDocument"].remote
    operation = replace(remote.operation, read=lambda reply: "no name")
    with pytest.raises(Unknown, match="no name was made, and could not be read"):
        kind = replace(KINDS["FakeDocument"], remote=replace(remote, operation=operation))
        await_operation(service(**{OPERATION: [DONE]}), kind, OPERATION, Waits())
