"""The driver with its threads: what is sent, written and told, in which order, whatever the service and the disk do."""

from __future__ import annotations

import io
import re
import signal
import threading
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType, SimpleNamespace

import pytest
from values import START

from gemctl.core.address import Address
from gemctl.core.call import Answer, Call, Fill, Pages, Reference, Upload
from gemctl.core.errors import GemctlError, Refused, Stale, Temporary, Unknown, Violation
from gemctl.core.event import Status, Transfer
from gemctl.core.kind import Collection, InDisplayName, Kind, Remote
from gemctl.core.lifetime import Forever
from gemctl.core.live import LiveObject, Phase
from gemctl.core.mark import Mark
from gemctl.core.plan import Step
from gemctl.core.record import Bound, Closed, Gone, Harvested, Intended, Op, Origin, Record
from gemctl.core.resource import Declared, Desired, Harvest, Lifecycle, Publish, Resource
from gemctl.core.source import Positions, Span
from gemctl.engine import machine
from gemctl.engine.execute import Inputs, Stopping, carry_out, execute

SOON = 300  # seconds after which a test gives up waiting for another thread


def address(name):
    return Address("Thing", name)


def create(name, after=()):
    record = Record("", "spec", Origin.CREATED, "mark")
    call = Call("POST", f"things/{name}", body={"text": "one"}, repeatable=False)
    return Step(name, address(name), Op.CREATE, "Thing", call, after=tuple(after), record=record)


def delete(name, after=()):
    call = Call("DELETE", f"things/{name}", answer=Answer.NOTHING)
    return Step(name, address(name), Op.DELETE, "Thing", call, f"things/{name}", tuple(after))


def forget(name, after=()):
    return Step(name, address(name), Op.FORGET, "Thing", None, f"things/{name}", tuple(after))


def _read(reply):
    if isinstance(reply["name"], Exception):
        raise reply["name"]
    phase = Phase.WAITING if reply["name"] == "things/slow" else Phase.READY
    mark, outputs = Mark("p", "mark", "spec"), {"name": reply["name"]}
    return LiveObject("Thing", reply["name"], "", "", mark, {}, outputs, phase=phase)


def _unused(*_):
    raise AssertionError("what runs here is planned already")


THINGS = Collection("things", re.compile("things/.+"), "thing", Pages("things", 100))
REMOTE = Remote(THINGS, InDisplayName(), _unused, _read, lambda _resource, _call, at: at)
# The one kind in these tests. A reply is the name alone; an exception in its place is what reading it raises.
THING = Kind("Thing", object, {}, Forever(), _unused, _unused, remote=REMOTE)


class Service:
    """Answers calls by path, from any thread: an exception is raised, a function asked, anything else is the name."""

    def __init__(self, **answers) -> None:
        self.answers = answers
        self.calls: list[Call] = []
        self.pages: list[list[str]] = []
        self.clients: list[Service.Client] = []

    class Client:
        def __init__(self, service) -> None:
            self.service, self.closed = service, threading.Event()

        def perform(self, call):
            self.service.calls.append(call)
            name = call.path.partition("/")[2]
            answer = self.service.answers.get(name, f"things/{name}")
            answer = answer(self) if callable(answer) else answer
            if isinstance(answer, GemctlError | RuntimeError):
                raise answer
            return SimpleNamespace(body={"name": answer})

        def upload(self, call, open_bytes, told):
            told(1, len(open_bytes().read()))
            return self.perform(call)

        def pages(self, call):
            assert call.path == "things"
            yield from ({"things": [{"name": name} for name in page]} for page in self.service.pages)

        @contextmanager
        def hiding(self, secrets):
            self.hidden = tuple(secrets)
            yield

        def redacted(self, text):
            return text.replace(self.hidden[0], "[secret]")

        def close(self):
            self.closed.set()

    def new_client(self):
        self.clients.append(Service.Client(self))
        return self.clients[-1]

    @property
    def paths(self):
        return [call.path for call in self.calls]


def _no_sleep(seconds):
    raise AssertionError("nothing is to be waited for")


INPUTS = Inputs(lambda digest: f"text {digest[-1]}", lambda digest: io.BytesIO(digest.encode()), _no_sleep)


class Bench:
    """Everything that a run is given, and what it does with it."""

    def __init__(self, service=None, published=(), width=2) -> None:
        self.service, self.width = service or Service(), width
        self.stopping = Stopping()
        self.journal: list[tuple] = []  # what was made durable together
        self.told, self.announced = [], []
        self.full = None
        self.bound = {}
        self.inputs = INPUTS
        positions = Positions(Span("things.yaml", 3, 1, 3, 9))
        file = (Publish("file", "names.json", "key"),)
        self.desired = Desired(
            {
                address(n): Resource(
                    address(n), Declared({}), Lifecycle(), file if n in published else (), {}, {}, positions
                )
                for n in "abc"
            }
        )

    def append(self, entries):
        entries = tuple(entries)
        if self.full and self.full(entries):
            raise OSError("no space left on device")
        self.journal.append(entries)

    def publish(self, at, record):
        assert isinstance(self.journal[-1][-1], Bound), "what is published is written down before"
        self.announced.append((at.name, record.name))

    def run(self, *steps):
        return execute(
            steps,
            owner="p",
            desired=self.desired,
            catalogue={"Thing": THING},
            new_client=self.service.new_client,
            append=self.append,
            inputs=self.inputs,
            publish=self.publish,
            bound=self.bound,
            known=(),
            server_now=lambda: START,
            tell=self.told.append,
            stopping=self.stopping,
            width=self.width,
        )

    @property
    def written(self):
        return [type(entry) for entries in self.journal for entry in entries]

    def statuses(self, outcome):
        return {name: event.status for name, event in outcome.steps.items()}


def test_a_plan_is_carried_out_in_its_order():
    bench = Bench(width=1)
    seen = []
    bench.service.answers["a"] = lambda client: seen.append(bench.written) or "things/new"
    outcome = bench.run(create("a"), delete("b", after=["a"]), forget("c", after=["b"]))
    assert outcome.complete and outcome.stopped_by is None
    assert bench.service.paths == ["things/a", "things/b"]
    assert seen == [[Intended]], "nothing is sent before its intent is durable"
    assert bench.written == [Intended, Bound, Intended, Gone, Gone]
    bound = bench.journal[1][0]
    assert (bound.address, bound.record.name, bound.intent) == (
        address("a"), "things/new", bench.journal[0][0].intent.id,
    )  # fmt: skip
    started, done = Status.STARTED, Status.DONE
    assert [(event.id, event.status) for event in bench.told] == [
        ("a", started), ("a", done), ("b", started), ("b", done), ("c", started), ("c", done),
    ]  # fmt: skip


def test_no_steps_are_an_outcome_too():
    bench = Bench(width=0)
    assert bench.run().complete
    assert not bench.journal and not bench.service.clients


def test_intents_have_names_of_their_own():
    bench = Bench(width=8)
    bench.run(*(create(f"a{number}") for number in range(50)))
    ids = [entry.intent.id for entries in bench.journal for entry in entries if isinstance(entry, Intended)]
    assert len(set(ids)) == 50 and all(len(one) >= 12 for one in ids)


def test_as_many_calls_are_in_flight_as_there_are_workers():
    together = threading.Barrier(3, timeout=SOON)
    meet = dict.fromkeys("abc", lambda client: f"things/{together.wait()}")
    bench = Bench(Service(**meet), width=3)
    assert bench.run(create("a"), create("b"), create("c")).complete
    assert len(bench.service.clients) == 3, "each worker has a client of its own"


def test_a_worker_keeps_its_client_and_all_are_closed():
    bench = Bench(width=1)
    assert bench.run(create("a"), create("b"), create("c"), delete("d")).complete
    assert len(bench.service.clients) == 1
    assert bench.service.clients[0].closed.is_set()


def test_what_becomes_due_together_is_made_durable_together():
    bench = Bench(width=2)
    assert bench.run(forget("a"), forget("b"), forget("c", after=["a"]), forget("d", after=["b"])).complete
    assert [[entry.address.name for entry in entries] for entries in bench.journal] == [["a", "b"], ["c", "d"]]


def test_when_the_disk_is_full_nothing_is_sent():
    bench = Bench(width=2)
    bench.full = lambda entries: True
    outcome = bench.run(create("a"), create("b"), create("c"))
    assert not bench.service.calls
    assert bench.statuses(outcome) == {"a": Status.FAILED, "b": Status.FAILED, "c": Status.BLOCKED}
    assert outcome.steps["a"].diagnostic.code == "E521" and "no space left" in outcome.steps["a"].diagnostic.detail


def test_when_the_disk_is_full_after_a_create_the_next_run_finds_out():
    bench = Bench(width=1)
    bench.full = lambda entries: any(isinstance(entry, Bound) for entry in entries)
    outcome = bench.run(create("a"), create("b"))
    assert bench.statuses(outcome) == {"a": Status.UNKNOWN, "b": Status.BLOCKED}
    assert bench.written == [Intended], "it stays open"


@pytest.mark.parametrize(
    ("error", "status", "written"),
    [
        (Refused("no", status=400, code="E303"), Status.FAILED, [Intended, Closed]),
        (Temporary("not sent", code="E303"), Status.FAILED, [Intended, Closed]),
        (Unknown("no answer", code="E303"), Status.UNKNOWN, [Intended]),
        (RuntimeError("a bug"), Status.UNKNOWN, [Intended]),
    ],
)
def test_a_call_that_fails_ends_its_step_and_points_at_the_manifest(error, status, written):
    bench = Bench(Service(a=error))
    outcome = bench.run(create("a"))
    assert bench.statuses(outcome) == {"a": status} and bench.written == written
    found = outcome.steps["a"].diagnostic
    assert found.code == getattr(error, "code", "E399") and str(error) in found.detail
    assert (found.address, found.span.file) == (address("a"), "things.yaml")


def test_a_client_that_can_not_be_made_does_not_hang_the_run():
    bench = Bench()
    bench.service.new_client = lambda: 1 / 0
    outcome = bench.run(create("a"), create("b", after=["a"]))
    assert bench.statuses(outcome) == {"a": Status.UNKNOWN, "b": Status.BLOCKED}


def test_a_delete_of_what_seems_gone_is_confirmed_by_a_list():
    gone = Service(a=Refused("not found", status=404), b=Refused("not found", status=404))
    gone.pages = [["things/x"], ["things/b"]]
    bench = Bench(gone)
    outcome = bench.run(delete("a"), delete("b"))
    assert bench.statuses(outcome) == {"a": Status.DONE, "b": Status.FAILED}


def test_readers_are_told_of_new_objects_only():
    bench = Bench(published="ab", width=1)
    assert bench.run(create("a"), create("c"), delete("b")).complete
    assert bench.announced == [("a", "things/a")]


@pytest.mark.parametrize("error", [OSError("read-only"), GemctlError("read-only")])
def test_readers_that_can_not_be_told_hold_back_what_waits_for_them(error):
    bench = Bench(published="a")

    def publish(at, record):
        raise error

    bench.publish = publish
    outcome = bench.run(create("a"), delete("b", after=["a"]))
    assert bench.statuses(outcome) == {"a": Status.FAILED, "b": Status.BLOCKED}
    assert outcome.steps["a"].diagnostic.code == "E520" and "read-only" in outcome.steps["a"].diagnostic.detail


def test_a_stop_finishes_what_is_in_flight_and_begins_nothing():
    bench = Bench(width=1)
    bench.service.answers["a"] = lambda client: bench.stopping.request(15) or "things/a"
    outcome = bench.run(create("a"), create("b"))
    assert bench.statuses(outcome) == {"a": Status.DONE, "b": Status.BLOCKED}
    assert outcome.stopped_by == 15 == bench.stopping.signal
    assert bench.written == [Intended, Bound]


def test_a_stop_that_came_before_the_run_is_not_forgotten():
    bench = Bench(width=1)
    bench.stopping.request(2)
    outcome = bench.run(create("a"), create("b"))
    assert outcome.steps["b"].status is Status.BLOCKED and outcome.stopped_by == 2


def test_a_signal_that_another_thread_gets_is_heard_while_the_run_waits():
    """The system chooses the thread; the handler runs in the main one, which is to come round to it."""
    bench, heard = Bench(width=1), threading.Event()

    def handle(number, frame):
        bench.stopping.request(number)
        heard.set()

    def slow(client):
        heard.wait(0.05)  # by now the main thread waits
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        assert heard.wait(SOON / 4)
        return "things/a"

    bench.service.answers["a"] = slow
    before = signal.signal(signal.SIGUSR1, handle)
    try:
        outcome = bench.run(create("a"), create("b"))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert outcome.stopped_by == signal.SIGUSR1
    assert bench.statuses(outcome) == {"a": Status.DONE, "b": Status.BLOCKED}


def test_a_run_that_is_left_at_once_leaves_no_call_behind():
    """The second signal: what is in flight comes to its end before its client is closed."""
    bench = Bench(width=1)
    early = []

    def leave(event):
        raise KeyboardInterrupt

    def slow(client):
        bench.stopping.request(2)
        early.append(client.closed.wait(0.1))
        return "things/a"

    bench.service.answers["a"] = slow
    bench.told = SimpleNamespace(append=lambda event: event.status is Status.BLOCKED and leave(event))
    with pytest.raises(KeyboardInterrupt):
        bench.run(create("a"), create("b"))
    assert early == [False]
    assert all(client.closed.is_set() for client in bench.service.clients)


def send(call, op=Op.CREATE):
    return machine.Send("a", "Thing", call, START, op)


def carried_out(command, service, **inputs):
    return carry_out(command, {"Thing": THING}, service.new_client(), replace(INPUTS, **inputs))


def test_texts_are_put_back_where_their_digests_stand():
    body = {"kept": 1, "parts": [{"text": "sha256:1"}, {"text": "sha256:2"}]}
    fills = (Fill(("parts", 0, "text"), "sha256:1"), Fill(("parts", 1, "text"), "sha256:2"))
    call = Call("POST", "things/a", (("q", "1"),), body, fills, repeatable=False)
    service = Service()
    event = carried_out(send(call), service)
    assert event.item.name == "things/a" and event.step == "a"
    filled = {"kept": 1, "parts": [{"text": "text 1"}, {"text": "text 2"}]}
    assert service.calls == [Call("POST", "things/a", (("q", "1"),), filled, repeatable=False)]
    assert body["parts"][0]["text"] == "sha256:1", "the plan's own is left as it is"


def test_a_text_that_moved_is_not_sent():
    def moved(digest):
        raise GemctlError("changed since", code="E507", hint="plan again")

    call = Call("POST", "things/a", body={"text": "sha256:1"}, fills=(Fill(("text",), "sha256:1"),), repeatable=False)
    service = Service()
    event = carried_out(send(call), service, read_text=moved)
    assert event.step == "a" and isinstance(event.error, Refused) and not service.calls
    assert (str(event.error), event.error.code, event.error.hint) == ("changed since", "E507", "plan again")


def test_a_delete_shows_nothing():
    service = Service(a=KeyError("not read"))
    assert carried_out(send(Call("DELETE", "things/a", answer=Answer.NOTHING), Op.DELETE), service) == machine.Answered(
        "a", None
    )


def test_a_create_is_not_sent_by_an_intent_that_is_too_old():
    """The process may have been stopped in between: whoever comes after it would not wait for what comes of it."""
    service, create = Service(), send(Call("POST", "things", repeatable=False))
    assert carried_out(create, service, late=lambda at: at == START) == machine.HeldUp("a")
    assert service.calls == []
    delete = send(Call("DELETE", "things/a", answer=Answer.NOTHING), Op.DELETE)
    assert carried_out(delete, service, late=lambda at: True) == machine.Answered("a", None)


@pytest.mark.parametrize("error", [Refused("no"), Temporary("later"), Unknown("?")])
def test_a_failure_of_the_call_is_an_event(error):
    event = carried_out(send(Call("DELETE", "things/a", answer=Answer.NOTHING), Op.DELETE), Service(a=error))
    assert event == machine.CallFailed("a", error)


@pytest.mark.parametrize("error", [KeyError("name"), TypeError("name"), ValueError("name"), AttributeError("name")])
@pytest.mark.parametrize(("repeatable", "failure"), [(True, Refused), (False, Unknown)])
def test_a_reply_that_can_not_be_read_leaves_a_create_open(error, repeatable, failure):
    """What was sent once may have been done; what can be repeated is seen in the next list."""
    call = Call("POST", "things/a", repeatable=repeatable)
    event = carried_out(send(call), Service(a=error))
    assert type(event.error) is failure and event.error.code == "E304" and event.step == "a"


@pytest.mark.parametrize(
    ("pages", "present"), [([], False), ([["things/b"]], False), ([["things/b"], ["things/a", "things/c"]], True)]
)
def test_all_pages_are_looked_at_to_confirm(pages, present):
    service = Service()
    service.pages = pages
    command = machine.Confirm("step", "Thing", "things/a")
    assert carried_out(command, service) == machine.Confirmed("step", present)


def test_a_list_that_can_not_be_read_confirms_nothing():
    service = Service()
    service.pages = [[KeyError("name")]]
    event = carried_out(machine.Confirm("step", "Thing", "things/a"), service)
    assert isinstance(event, machine.CallFailed) and event.error.code == "E304"


def test_an_answer_to_a_cancel_shows_nothing():
    service = Service(**{"a:cancel": KeyError("not read")})
    call = Call("POST", "things/a:cancel", answer=Answer.NOTHING)
    assert carried_out(send(call, Op.CANCEL), service) == machine.Answered("a", None)


@pytest.mark.parametrize(
    ("answer", "name"), [("things/a", "things/a"), (Refused("?", status=404), None), (Refused("?", status=403), None)]
)
def test_a_name_is_looked_at(answer, name):
    service = Service(a=answer)
    event = carried_out(machine.Look("step", "Thing", "things/a"), service)
    assert event.step == "step" and (event.item and event.item.name) == name
    assert service.calls == [Call("GET", "things/a")]


@pytest.mark.parametrize("answer", [Refused("?", status=400), Temporary("later", status=503), KeyError("name")])
def test_not_to_see_a_name_is_not_to_miss_it(answer):
    event = carried_out(machine.Look("step", "Thing", "things/a"), Service(a=answer))
    assert isinstance(event, machine.CallFailed) and isinstance(event.error, Refused | Temporary)


def test_a_name_that_is_taken_is_ours_or_the_next_one_is_sent():
    call = Call("POST", "things/a", body={"name": "things/x-1"}, numbered=("name",), repeatable=False)
    taken = Refused("taken", status=409)
    bench = Bench(Service(a=taken))
    outcome = bench.run(replace(create("a"), call=call))
    assert outcome.steps["a"].name == "things/x-1" and bench.written == [Intended, Bound]
    assert bench.service.calls == [call, Call("GET", "things/x-1")]
    replies = iter((taken, "things/a"))
    bench = Bench(Service(**{"a": lambda client: next(replies), "x-1": Refused("not found", status=404)}))
    outcome = bench.run(replace(create("a"), call=call))
    assert outcome.steps["a"].name == "things/a" and bench.written == [Intended, Closed, Intended, Bound]
    assert [sent.body for sent in bench.service.calls] == [call.body, None, {"name": "things/x-2"}]


def test_what_a_call_refers_to_is_put_in():
    call = Call("POST", "things/b", body={}, references=(Reference(("uses",), address("a"), "name"),))
    event = carried_out(machine.Resolve("b", call, {address("a"): "things/a"}), Service())
    assert event == machine.Resolved("b", replace(call, body={"uses": "things/a"}, references=()))


def test_what_is_not_ready_is_waited_for_half_an_hour_unless_somebody_wants_to_stop():
    call = Call("POST", "things/b", body={}, references=(Reference(("uses",), address("slow"), "name"),))
    for inputs, waited in (({}, 1800), ({"stopping": lambda: True}, 0)):
        slept = []
        command = machine.Resolve("b", call, {address("slow"): "things/slow"})
        event = carried_out(command, Service(), sleep=slept.append, **inputs)
        assert isinstance(event.error, Temporary) and event.error.code == "E535"
        assert waited <= sum(slept) < waited + 10


UPLOAD = Call("POST", "things/a", upload=Upload("sha256:1", 8, "text/plain"), repeatable=False)


def test_bytes_go_with_a_call_and_their_way_is_told():
    bench = Bench()
    one = replace(create("a"), id="make a", call=UPLOAD)
    outcome = bench.run(one)
    assert outcome.steps["make a"].name == "things/a"
    assert Transfer(address("a"), 1, 8) in bench.told and bench.service.calls == [UPLOAD]
    assert carried_out(send(UPLOAD), Service()).item.name == "things/a", "also if nobody watches"


@pytest.mark.parametrize(
    ("error", "code"),
    [(OSError("gone"), "E536"), (GemctlError("gone", code="E507"), "E507"), (Refused("gone"), "E301")],
)
def test_bytes_that_can_not_be_read_are_not_sent(error, code):
    def moved(digest):
        raise error

    event = carried_out(send(UPLOAD), Service(), open_binary=moved)
    assert isinstance(event.error, Refused) and (event.step, event.error.code, str(event.error)) == ("a", code, "gone")


HARVEST = Step(
    "take a", address("a"), Op.HARVEST, "Thing", Call("GET", "things/a"), "things/a", record=create("a").record
)


def test_results_are_saved_by_whom_the_run_is_given():
    bench, saved = Bench(), Harvest("sha256:1", START, 2, 1)
    asked = []
    bench.inputs = replace(
        INPUTS, collect=lambda client, kind, command: asked.append((client, kind.name, command)) or saved
    )
    assert bench.run(HARVEST).complete
    assert bench.journal == [(Harvested(address("a"), "things/a", saved),)]
    collect = machine.Collect("take a", "Thing", "things/a", address("a"), HARVEST.record)
    assert asked == [(bench.service.clients[0], "Thing", collect)]


def test_results_that_have_no_place_are_not_taken():
    bench = Bench()
    outcome = bench.run(HARVEST)
    assert bench.statuses(outcome) == {"take a": Status.FAILED} and not bench.journal
    assert outcome.steps["take a"].diagnostic.code == "E536"


def test_what_is_bound_can_be_referred_to():
    bench = Bench()
    bench.bound = MappingProxyType({address("b"): replace(create("b").record, name="things/b")})
    call = replace(create("a").call, references=(Reference(("uses",), address("b"), "name"),))
    assert bench.run(replace(create("a"), call=call)).complete
    assert bench.service.calls[-1].body == {"text": "one", "uses": "things/b"}


def test_a_stop_ends_the_wait_for_what_a_call_refers_to():
    bench, slept = Bench(), []
    bench.bound = {address("slow"): replace(create("slow").record, name="things/slow")}
    bench.inputs = replace(INPUTS, sleep=lambda seconds: slept.append(seconds) or bench.stopping.request(15))
    call = replace(create("a").call, references=(Reference(("uses",), address("slow"), "name"),))
    outcome = bench.run(replace(create("a"), call=call))
    assert outcome.steps["a"].diagnostic.code == "E535" and outcome.stopped_by == 15
    assert len(slept) == 1 and not bench.journal


# Secrets.


def secretive(digest="scrypt:1"):
    call = Call("POST", "things/a", body={"token": digest}, secrets=(Fill(("token",), digest),), repeatable=False)
    return replace(create("a"), call=call)


def test_a_secret_is_read_once_its_intent_is_written_and_hidden_in_what_is_said():
    bench, read = Bench(), []
    bench.inputs = replace(INPUTS, read_secret=lambda digest: read.append((digest, bench.written)) or "hunter2")
    assert bench.run(secretive()).complete
    assert read == [("scrypt:1", [Intended])]
    assert [call.body for call in bench.service.calls] == [{"token": "hunter2"}]
    said = Refused("hunter2 is bad", violations=(Violation("token", "hunter2 is no token"),), hint="Not hunter2.")
    bench.service.answers["a"] = said
    found = bench.run(secretive()).steps["a"].diagnostic
    assert "[secret] is bad" in found.detail and "token: [secret] is no token" in found.detail
    assert found.hint == "Not [secret]."
    bench.service.answers["a"] = RuntimeError("hunter2 is a bug")
    found = bench.run(secretive()).steps["a"]
    assert (found.status, found.diagnostic.code) == (
        Status.UNKNOWN,
        "E399",
    ) and "[secret] is a bug" in found.diagnostic.detail
    bench.service.answers["a"] = ValueError("hunter2 is no name")
    assert "hunter2" not in repr(bench.run(secretive()).steps["a"]) + repr(bench.told) + repr(bench.journal)


def test_a_secret_that_is_another_one_by_now_is_not_sent():
    bench = Bench()

    def changed(digest):
        raise Stale("It has changed.", code="E573", hint="Make a new plan.")

    bench.inputs = replace(INPUTS, read_secret=changed)
    end = bench.run(secretive()).steps["a"]
    assert (end.status, end.diagnostic.code, end.diagnostic.hint) == (Status.FAILED, "E573", "Make a new plan.")
    assert not bench.service.calls and bench.written == [Intended, Closed]
    bench.inputs = INPUTS  # of a run that has no source of secrets
    assert bench.run(secretive()).steps["a"].diagnostic.code == "E573" and not bench.service.calls
