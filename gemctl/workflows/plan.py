"""Makes a plan of manifests, ledger and live objects, and has the guards check it. Called by all commands that plan,
and by tick.py.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace

from gemctl import __version__
from gemctl.core.address import Address
from gemctl.core.change import MAKING, Action
from gemctl.core.diagnostic import Diagnostic, errors
from gemctl.core.digest import sha256
from gemctl.core.errors import Usage
from gemctl.core.event import Tell
from gemctl.core.frozen import dataclass
from gemctl.core.kind import kinds_of
from gemctl.core.plan import Plan
from gemctl.core.project import JobLimits
from gemctl.core.quantities import Tokens
from gemctl.core.record import Op
from gemctl.core.resource import Desired, Resource
from gemctl.manifest.find import find
from gemctl.manifest.remembered import DeclaredBefore
from gemctl.plan.guard import Guarded, guard
from gemctl.plan.make import Scope, make
from gemctl.workflows.declared import declared
from gemctl.workflows.look import Observation, look
from gemctl.workflows.request import PlanRequest
from gemctl.workflows.schedules import with_runs
from gemctl.workflows.wiring import Connection, Session


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and the observation that it was made of. `problems` come from the guards: with an error among them the
    plan is shown, and not applied. `models` is what the service says of models that something is to be made with, and
    what is wrong with the project's own facts about them.
    """

    plan: Plan
    observation: Observation
    problems: tuple[Diagnostic, ...]
    models: tuple[Diagnostic, ...] = ()

    @property
    def said(self) -> tuple[Diagnostic, ...]:
        """All diagnostics about it: of the observation, the planner and the guards."""
        return tuple(dict.fromkeys((*self.observation.warnings, *self.plan.diagnostics, *self.problems)))


def wanted(session: Session, request: PlanRequest, *, before: DeclaredBefore | None = None) -> Desired:
    """The declared resources that the request is about. Raises Rejected. `before` is for what is only shown."""
    if request.destroy:
        return Desired()
    loaded, stack, now = session.loaded, session.stack, session.clock.now()
    before = None if request.paths or request.given or request.count else before
    return declared(loaded, stack, session.catalogue, request.paths, now=now, before=before, given=request.given)


def declared_before(session: Session) -> DeclaredBefore:
    """What the manifests of the stack declared when it was last planned."""
    stack = session.stack
    variables = [sorted(stack.vars.items()), sorted(stack.given.items())]
    key = [session.loaded.file.text, stack.name, variables, sys.version]
    return DeclaredBefore(str(session.root), session.folder, sha256(json.dumps(key).encode()))


def plan(
    session: Session, connection: Connection, request: PlanRequest, desired: Desired, *, wait: Tell | None
) -> Planned:
    """Make the plan. `wait` is told of waiting; None plans with what is known now."""
    observation = look(session, connection, desired, wait=wait, everything=request.everything or request.refresh)
    request = _in_parts(request, observation.desired)
    _known(request, observation)
    _replaceable(request, observation, session)
    scope = Scope(
        project=session.project.identity,
        stack=session.stack.name,
        endpoint=connection.endpoint,
        gemctl=__version__,
        targets=request.targets,
        paths=_read(session, request),
        destroy=request.destroy,
        refresh=request.refresh,
        limits=_room(session, observation),
        salt=observation.identity.key_salt if observation.desired.sealed and not observation.loaded.identity else "",
        anew=request.anew,
    )
    made = make(observation.desired, observation.ownership, observation.live_state, session.catalogue, scope)
    if request.count:
        observation = replace(observation, desired=counted(session, connection, observation, made))
        made = make(observation.desired, observation.ownership, observation.live_state, session.catalogue, scope)
    if outside := set(request.anew) - {change.address for change in made.changes}:
        said = f"--replace is about {', '.join(map(str, sorted(outside)))}, and --target leaves that out."
        raise Usage(said, code="E009")
    made = with_runs(made, observation.desired, observation.live_state.by_name)
    deleted = (change.address for change in made.changes if change.action is Action.DELETE)
    if any(kind.once for kind in kinds_of(deleted, session.catalogue).values()):
        from gemctl.workflows.saving import last_copies

        lost = last_copies(session, made, observation.ledger)
        made = replace(made, diagnostics=(*made.diagnostics, *lost))
    models: tuple[Diagnostic, ...] = ()
    if session.project.facts or asks_for_facts(observation):
        from gemctl.workflows import facts, money

        book, wrong = facts.book_of(session)
        making = made_with(made, observation.desired)
        by_book = facts.warnings(session, observation.desired, book, made.header.made_at)
        models = (*wrong, *errors(by_book), *facts.said_by_service(connection, making, book, made.header.made_at))
        made = money.with_facts(session, made, observation, book, by_book, models, advise=request.advise)
    return Planned(made, observation, guard(made, checks(session, request, observation, models)), models)


def _read(session: Session, request: PlanRequest) -> tuple[str, ...]:
    """The manifests that were read, if not all of them."""
    found = find(str(session.root), request.paths, overlays=session.project.aside) if request.paths else ()
    return (*found, request.given.path) if request.given else found


def _room(session: Session, observation: Observation) -> JobLimits:
    """How many runs, and how many of their tokens, may be in the service at a time: by the project, and by the service
    itself where its tier is known.
    """
    declared = observation.desired.resources
    once = {name for name, kind in kinds_of(declared, session.catalogue).items() if kind.once}
    if not once:
        return session.stack.limits
    runs = [one for address, one in declared.items() if address.kind in once]
    from gemctl.workflows import facts

    book, _ = facts.book_of(session)
    models = {one.declared.model.model for one in runs if one.declared.model}
    taken = {model: book.batch_limits(model, session.stack.tier).enqueued_tokens for model in sorted(models)}
    tokens = {model: most for model, most in taken.items() if most is not None}
    return session.stack.limits.over(JobLimits(book.batches.jobs, tokens))


def priced(session: Session, plan: Plan, observation: Observation) -> Plan:
    """A part of a plan with the money of that part; as it is, where the plan has none."""
    if plan.cost is None:
        return plan
    from gemctl.workflows import money

    return money.priced(session, plan, observation)


def counted(session: Session, connection: Connection, observation: Observation, plan: Plan) -> Desired:
    """The declared resources, those that are to be made with the tokens that the service counts. Raises ApiError."""
    from gemctl.engine.count import count
    from gemctl.files.attached import read_text

    desired = observation.desired
    guessed = [change.address for change in plan.changes if change.action in MAKING and change.estimated]
    outputs = {address: record.outputs for address, record in observation.ledger.records.items()}
    found = count(
        [desired.resources[address] for address in guessed if desired.resources[address].declared.model],
        session.catalogue,
        outputs,
        connection.new_client,
        lambda digest: read_text(str(session.root), desired.attachments[digest]),
    )
    resources = {
        address: with_tokens(resource, found[address]) if address in found else resource
        for address, resource in desired.resources.items()
    }
    return replace(desired, resources=resources)


def with_tokens(resource: Resource, tokens: int) -> Resource:
    """The resource with as many stored tokens, media included."""
    declared = resource.declared.quantities
    media = tuple(replace(one, count=0) for one in declared.media)  # what they are may still set a price
    quantities = replace(declared, stored=Tokens.exactly(tokens), media=media)
    return replace(resource, declared=replace(resource.declared, quantities=quantities))


def asks_for_facts(observation: Observation) -> bool:
    """Whether anything here has a model, so that the book of facts is needed: it is not read for nothing."""
    declared = [resource.declared for resource in observation.desired.resources.values()]
    if any(one.model or one.schedule or one.quantities.requests for one in declared):
        return True
    return any(item.model or item.schedule for item in observation.live_state.by_name.values())


def made_with(plan: Plan, desired: Desired) -> tuple[Resource, ...]:
    """The resources that something live is made of by the plan."""
    made = {step.address for step in plan.steps if step.call is not None and step.op is Op.CREATE}
    return tuple(desired.resources[address] for address in sorted(made) if address in desired.resources)


def checks(
    session: Session, request: PlanRequest, observation: Observation, models: tuple[Diagnostic, ...] = ()
) -> Guarded:
    """What the guards look at, besides a plan that was made of this observation."""
    return Guarded(
        desired=observation.desired,
        ledger=observation.ledger,
        live_state=observation.live_state,
        safety=session.project.safety,
        allowed=request.allowed,
        destroying=request.destroy,
        partial=bool(request.paths or request.given or request.targets) or request.refresh,
        key_changed=observation.key_changed,
        catalogue=session.catalogue,
        uncertain=observation.ownership.uncertain,
        models=models,
        places=session.loaded.positions if session.project.safety.limited else None,
        limits=_room(session, observation),
    )


def _in_parts(request: PlanRequest, desired: Desired) -> PlanRequest:
    """The request, with all parts of a job that it targets in the place of the job."""
    parts: dict[Address, list[Address]] = {}
    for address, resource in desired.resources.items():
        if resource.run and (part := resource.run.part):
            parts.setdefault(part.of, []).append(address)
    targets = [address for target in request.targets for address in parts.get(target, [target])]
    return replace(request, targets=tuple(targets))


def _known(request: PlanRequest, observation: Observation) -> None:
    desired, records = observation.desired.resources, observation.ledger.records
    unknown = [str(target) for target in request.targets if target not in desired and target not in records]
    if unknown:
        known = {*desired, *records}
        raise Usage(
            f"Neither declared nor recorded: {', '.join(unknown)}.",
            code="E004",
            hint=f"There are: {', '.join(map(str, sorted(known))) or 'none'}.",
        )


def _replaceable(request: PlanRequest, observation: Observation, session: Session) -> None:
    """Raises Usage for what can't be made anew on request."""
    for address in request.anew:
        kind = session.catalogue[address.kind]
        if address not in observation.desired.resources:
            known = ", ".join(map(str, sorted(observation.desired.resources))) or "none"
            raise Usage(
                f"{address} is not declared, so it can't be replaced.", code="E004", hint=f"There are: {known}."
            )
        if kind.once:
            raise Usage(
                f"A {address.kind} is run, and not kept: there is nothing to replace.",
                code="E009",
                hint="Another run.key in its manifest runs it once more.",
            )
        if kind.remote is None:
            said = f"A {address.kind} is only recorded, and nowhere live: there is nothing to replace."
            raise Usage(said, code="E009")
