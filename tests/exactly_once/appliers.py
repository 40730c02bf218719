"""One simulated machine that runs `gemctl apply`: its disk, its wire, its state. And how two of them take turns.

The code it runs is the real one, from workflows down to the bytes of the journal; only threads, disk, wire and clock
are simulated, and whatever is left to chance is left to the life's seed.
"""

from __future__ import annotations

import errno
import json
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import httpx
from fault_transport import FaultTransport, ForgetfulLists, whole_lists
from memory_files import Died, MemoryFiles
from random_resources import bytes_of
from values import ManualClock

from gemctl.api.auth import Key
from gemctl.api.client_factory import ClientFactory
from gemctl.core.address import Address
from gemctl.core.change import Reason
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import ApiError, GemctlError, Locked, Temporary
from gemctl.core.mark import Mark, read, read_id
from gemctl.core.plan import Allowances
from gemctl.core.project import Endpoint, JobLimits, Project, Stack, Timing
from gemctl.core.record import Intended, Intent, Op
from gemctl.core.resource import Desired, Harvest
from gemctl.core.secret import Secret
from gemctl.engine import machine
from gemctl.engine.execute import Stopping, carry_out, new_run
from gemctl.kinds import CATALOGUE
from gemctl.state import journal
from gemctl.state.local import LocalStore
from gemctl.workflows.apply import apply
from gemctl.workflows.plan import Planned, plan
from gemctl.workflows.request import PlanRequest
from gemctl.workflows.wiring import Connection

if TYPE_CHECKING:
    from simulator import Life

STACK = Stack("sim", Endpoint.GEMINI)
SETTLE = timedelta(seconds=120)
PROJECT = Project("sim", "sim4sim4", "sim", {"sim": STACK}, timing=Timing(timedelta(seconds=60), SETTLE))
STATE = Path("/state")
_ACTED = re.compile(r"/([a-zA-Z]+/[a-zA-Z0-9]+):rotateSigningSecret$")
ERRNOS = (errno.ENOSPC, errno.EIO, errno.EACCES)
CALLS = ("GET", "POST", "PATCH", "DELETE")
DISK = ("create", "write", "sync", "truncate", "rename", "sync_folder")
DEATHS = (*(f"{when} {what}" for what in (*CALLS, *DISK) for when in ("before", "after")), "before append_to")
RARE = ("before PATCH", "after PATCH", "before DELETE", "after DELETE")  # most runs make hardly any of those
ERRORS = (*(f"error before {what}" for what in DISK), "error before append_to")


@dataclass
class Session:
    """Stands in for workflows.wiring.Session: the same attributes, over a simulated disk."""

    store: LocalStore
    clock: ManualClock
    root: Path = Path("/nowhere")
    folder: Path = STATE
    stack: Stack = STACK
    catalogue = CATALOGUE

    @property
    def project(self) -> Project:
        return PROJECT

    @property
    def settings(self):
        return self

    @property
    def env(self):
        return {}


class Applier:
    """A machine with a disk of its own. Several of them share the life's service, clock and declarations."""

    transport = FaultTransport
    key = "sim"

    def __init__(self, life: Life, name: str) -> None:
        self.life, self.name, self.random = life, name, life.random
        self.files = MemoryFiles(self._boundary)
        self.store = self._new_store()
        self.warned: set[str] = set()
        self.queued = False  # whether runs waited for room in the last plan
        self.secrets: dict[Address, str] = {}  # as their sinks have them
        self._used: set[str] = set()
        self._lists = ForgetfulLists(self.random, life.mind.forgets, self._seen)
        self._misfortune, self._until = "", 0

    def _new_store(self) -> LocalStore:
        clock = _Clock(self.life)
        return LocalStore(STATE, clock=clock, files=self.files, make_lineage=lambda: f"l{self.random.randrange(10**9)}")

    def run(self) -> str:
        """One `gemctl apply --yes`, until it ends or the process does."""
        self._plan_a_misfortune()
        try:
            return self._apply()
        except Died:
            if self.life.mind.power:
                self.life.hits["power cut"] += 1
                self.files.power_cut()
            return "died"
        except (ApiError, GemctlError, OSError) as error:
            self.life.note(self.name, f"ends with {type(error).__name__}: {error}")
            return "error"
        finally:
            self.files.released()

    def lose_state(self) -> None:
        self.files.names.clear()
        self.files.durable_names.clear()

    # What may happen to it

    def _plan_a_misfortune(self) -> None:
        """Decide where this run dies or its disk fails. Drawn from all places, so that none is left out."""
        mind = self.life.mind
        deaths = (*DEATHS, *RARE, *RARE)
        places = deaths if self.random.random() < mind.death else ERRORS if self.random.random() < mind.disk else ("",)
        self._misfortune = self.random.choice(places)
        # The how many-th time it comes by there.
        self._until = 1 if self._misfortune in RARE else self.random.choice((1, 1, 2, 3, 5, 8))

    def _boundary(self, name: str) -> None:
        life = self.life
        if life.calm:
            return
        if name == self._misfortune or f"error {name}" == self._misfortune:
            self._until -= 1
            if self._until == 0:
                self._strike(name)
        if self.random.random() < 0.01 and STATE / "lock" in self.files.locked:
            self._try_the_lock()
        life.turns.switch()

    def _strike(self, name: str) -> None:
        self.life.note(self.name, f"{self._misfortune}: strikes")
        if self._misfortune.startswith("error"):
            self.life.hits[f"disk error {name}"] += 1
            raise OSError(self.random.choice(ERRNOS), "simulated")
        if name == "before write" and self.random.random() < 0.5:
            self.life.hits["torn write"] += 1
            self.files.torn = True
            return
        self.life.hits[f"death {name}"] += 1
        raise Died

    def _try_the_lock(self) -> None:
        """A second process on the same state: it must be refused at once, whatever the first is doing."""
        self.life.hits["second process refused by the lock"] += 1
        try:
            with self._new_store().lock("apply", 0):
                self.life.problems.append("two processes hold one lock")
        except Locked:
            pass

    # The wire

    def _line(self) -> Connection:
        life, clock = self.life, _Clock(self.life)
        clients = ClientFactory(
            base_url="http://emulator.invalid",
            api_version="v1beta",
            key=Key(self.key),
            clock=clock,
            timing=PROJECT.timing,
            make_transport=lambda: self.transport(
                life.app,
                self.random,
                0.0 if life.calm else life.mind.rate,
                kinds=life.mind.kinds,
                sleep=clock.sleep,
                boundary=self._boundary,
                sent=self._sent,
                postpone=life.postpone,
                seen=self._seen,
                lists=self._lists if not life.calm else whole_lists,
            ),
            random=self.random.random,
        )
        return Connection("sim", Key(self.key), clients.client, clients.server_clock.now, lambda: (), at_once=False)

    def _seen(self, kind: str) -> None:
        self.life.hits[kind] += 1
        self.life.note(self.name, f"fault: {kind}")

    def _sent(self, request: httpx.Request) -> None:
        """Every POST that leaves must match one durable intent, and no intent is sent twice. (An upload may be begun
        again: nothing is made before its last request.) A create is known by its mark, an act by what it acts upon.
        """
        command = request.headers.get("x-goog-upload-command")
        if request.method != "POST" or command not in (None, "start") or request.url.path.endswith(":cancel"):
            return
        body, acted = json.loads(request.read()), _ACTED.search(request.url.path)
        mark = None if acted else self._mark_in(body)
        durable = self.files.names.get(STATE / "journal")
        history = journal.read(bytes(durable[1])) if durable else journal.read(b"")
        intents = [
            entry.intent.id
            for entry in history.entries
            if isinstance(entry, Intended)
            and _explains(entry.intent, mark, acted)
            and (command or entry.intent.id not in self._used)
        ]
        self.life.hits["rotated"] += bool(acted)
        if not intents:
            self.life.problems.append(f"POST without a durable intent of its own: {mark or request.url.path}")
        elif not command:
            self._used.add(intents[-1])

    def _mark_in(self, body: dict) -> Mark:
        """The mark that the body of a create has."""
        if "file" in body:
            return read_id(body["file"]["name"].partition("/")[2])[0]
        made = body.get("batch", body)
        return read(made.get("displayName", made.get("name")))[1]

    # The run

    def desired(self) -> Desired:
        return self.life.desired()

    def session(self) -> Session:
        limits = JobLimits(self.life.mind.jobs)
        return Session(self.store, _Clock(self.life), stack=replace(STACK, limits=limits))

    def _apply(self) -> str:
        line, desired, session = self._line(), self.desired(), self.session()
        with self.store.lock("apply", 0):
            ask = PlanRequest(allowed=Allowances(10**6, True, True))
            planned = plan(session, line, ask, desired, wait=lambda event: self.life.note(self.name, "waits"))
            self.warned = {found.code for found in planned.plan.diagnostics}
            self.queued = any(change.reason is Reason.QUEUED for change in planned.plan.changes)
            for step in planned.plan.steps:
                self.life.note(self.name, f"step {step.id} after {step.after}")
            if not self._may(planned):
                return "refused"
            applied = apply(
                session,
                line,
                planned,
                tell=lambda event: None,
                stopping=Stopping(),
                width=self.random.randint(1, 4),
                execute=self._execute,
            )
        ends = {step: end.status.value for step, end in applied.outcome.steps.items()}
        self.life.note(self.name, f"applied: {ends} {len(applied.problems)}")
        return "done" if applied.outcome.complete and not applied.problems else "partial"

    def _execute(
        self, steps, *, owner, desired, catalogue, new_client, append, inputs, bound, known, server_now, width, **_
    ):
        """The seeded driver of the machine: one command at a time, in an order that the seed chooses."""
        run = new_run(
            steps,
            owner=owner,
            desired=desired,
            catalogue=catalogue,
            bound=bound,
            known=known,
            width=width,
            new_id=lambda: f"{self.random.randrange(16**12):012x}",
        )
        client, todo = new_client(), []
        texts = {attachment.digest: attachment for attachment in desired.attachments.values()}
        inputs = replace(
            inputs,
            open_binary=lambda digest: BytesIO(bytes_of(texts[digest])),
            spool=TemporaryFile,
            collect=self._collect,
        )
        addresses = {step.id: step.address for step in steps}

        def take(event):
            todo.extend(c for c in run.advance(event, server_now()) if not isinstance(c, machine.Tell))

        take(machine.Begin())
        while not run.finished:
            command = todo.pop(self.random.randrange(len(todo)))
            if isinstance(command, machine.Deliver):
                take(machine.Delivered(command.step, self._deliver(addresses[command.step], command.secret)))
            elif isinstance(command, machine.Write):
                batch = [command, *(c for c in todo if isinstance(c, machine.Write))]
                batch = batch[: self.random.randint(1, len(batch))]
                todo = [c for c in todo if c not in batch]
                for event in self._written(batch, append):
                    take(event)
            else:
                take(carry_out(command, catalogue, client, inputs))
        return run.outcome()

    def _collect(self, client, kind, command) -> Harvest:
        """Results are read, and kept in memory: where they are written has tests of its own."""
        results = kind.lifetime.results(client.perform(kind.remote.get(command.name)).body)
        lines = results.inline
        if results.file is not None:
            with suppress(ValueError):  # something else came in their place
                lines = [json.loads(line) for line in b"".join(client.download(results.file)).splitlines()]
        if lines is None:
            raise Temporary("The results are not there yet.", code="E304")
        failed = sum("error" in line for line in lines)
        return Harvest(f"sha256:{command.name}", self.life.clock.now(), len(lines) - failed, failed)

    def _deliver(self, address: Address, secret: Secret) -> Diagnostic | None:
        if not self.life.calm and self.random.random() < 0.2:
            self.life.hits["sink failed"] += 1
            return problem("E572", "simulated", address=address)
        self.secrets[address] = secret.reveal()
        return None

    def _may(self, planned: Planned) -> bool:
        """Whether the plan is obeyed: the person at this machine allows everything."""
        return True

    def _written(self, batch: list[machine.Write], append: Callable) -> list[machine.Event]:
        try:
            append([entry for write in batch for entry in write.entries])
        except OSError as error:
            return [machine.WriteFailed(write.step, str(error)) for write in batch]
        return [machine.Written(write.step) for write in batch]


def _explains(intent: Intent, mark: Mark | None, acted: re.Match[str] | None) -> bool:
    """Whether the intent is the one of a request that makes what has the mark, or that acts upon what is named."""
    if acted:
        return intent.op is Op.ACT and intent.name == acted[1]
    return mark is not None and intent.address_tag == mark.address_tag and mark.of(intent.spec_tag)


class _Clock:
    """The life's clock as gemctl sees it: what is late arrives while gemctl waits."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def now(self):
        return self._life.clock.now()

    def monotonic(self) -> float:
        return self._life.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._life.turns.switch()
        self._life.pass_time(max(seconds, 0.0))


class Turns:
    """Several runs at once, of which one moves at a time: at each boundary chance says whose turn it is."""

    def __init__(self, random) -> None:
        self._random = random
        self._gates: dict[int, threading.Semaphore] = {}

    @property
    def busy(self) -> bool:
        """Whether several are under way."""
        return len(self._gates) > 1

    def switch(self) -> None:
        """At a boundary of the one that moves: go on, or let another go first."""
        if len(self._gates) < 2:
            return
        me = threading.get_ident()
        chosen = self._random.choice(list(self._gates))
        if chosen != me:
            self._gates[chosen].release()
            self._gates[me].acquire()

    def together(self, jobs: list[Callable[[], object]]) -> None:
        """Run all jobs to their ends, in turns."""
        if len(jobs) == 1:
            jobs[0]()
            return
        gates = [threading.Semaphore(0) for _ in jobs]

        def work(job: Callable[[], object], gate: threading.Semaphore) -> None:
            gate.acquire()
            try:
                job()
            finally:
                del self._gates[threading.get_ident()]
                for other in list(self._gates.values())[:1]:
                    other.release()

        threads = [threading.Thread(target=work, args=pair) for pair in zip(jobs, gates, strict=True)]
        for thread, gate in zip(threads, gates, strict=True):
            thread.start()
            self._gates[thread.ident or 0] = gate
        gates[0].release()
        for thread in threads:
            thread.join()
