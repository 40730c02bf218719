"""Stops plans that look like an accident. Checks them after they have been made, so that they can be shown. Called by
workflows/plan.py and tick.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from gemctl.core.address import Address
from gemctl.core.change import MAKING, UNWANTED, Action, Change, Reason
from gemctl.core.codes import problem
from gemctl.core.cost import Rate, together
from gemctl.core.diagnostic import Diagnostic, errors
from gemctl.core.kind import Catalogue
from gemctl.core.live import LiveState
from gemctl.core.mark import attempt_tag
from gemctl.core.moment import show_instant
from gemctl.core.money import dollars, plain
from gemctl.core.plan import Allowances, Plan
from gemctl.core.project import Safety
from gemctl.core.record import Ledger
from gemctl.core.resource import Desired
from gemctl.core.source import Positions, Span
from gemctl.plan.lifetimes import policy

_MONTH = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Guarded:
    """The values that a guard looks at besides the plan. `destroying` exempts from the delete limits: it was asked for.

    `partial` is True when only some manifests or targets are looked at, or only the ledger is told what is live: then
    an empty set means nothing.
    `uncertain`: the state was lost, and marks of ours are live.
    `models`: what the service says of the models of resources that are to be made, and errors in the project's facts.
    `places`: the place of each key in gemctl.yaml, where it has limits of money.
    """

    desired: Desired
    ledger: Ledger
    live_state: LiveState
    safety: Safety
    allowed: Allowances
    destroying: bool = False
    partial: bool = False
    key_changed: bool = False
    catalogue: Catalogue = field(default_factory=dict)
    uncertain: bool = False
    models: tuple[Diagnostic, ...] = ()
    places: Positions | None = None

    def runs(self, address: Address) -> bool:
        """Whether its objects are run, and not kept."""
        return address.kind in self.catalogue and policy(self.catalogue[address.kind]).RUNS

    def free(self, address: Address) -> bool:
        """Whether its objects cost nothing, and are made for others."""
        return address.kind in self.catalogue and policy(self.catalogue[address.kind]).FREE


def guard(plan: Plan, of: Guarded) -> tuple[Diagnostic, ...]:
    """Errors that stop the plan, each naming the flag that allows it. `preventDestroy` has none."""
    return (
        *_invisible(of),
        *_prevented(plan, of),
        *_rerun(plan, of),
        *_models(plan, of),
        *money(plan, of),
        *(() if of.destroying else (*_empty(of), *_too_many(plan, of))),
    )


def _models(plan: Plan, of: Guarded) -> tuple[Diagnostic, ...]:
    """A model that the service doesn't have, for what is made now; and facts of the project that can't be read."""
    made = {change.address for change in plan.changes if change.action in MAKING}
    return tuple(
        one for one in errors(of.models) if (not of.destroying if one.address is None else one.address in made)
    )


def money(plan: Plan, of: Guarded) -> tuple[Diagnostic, ...]:
    """More money than the project allows, by the highest amounts; and what has none. A plan that costs nothing more is
    never stopped, whatever is kept already. Warns of what will be more in the month after next.
    """
    safety, allowed = of.safety, of.allowed
    costs = [(change.address, change.cost) for change in plan.changes if change.cost]
    total = together(cost.total for _, cost in costs)
    unpriced = [(address, why) for address, cost in costs for why in cost.unpriced]
    most = safety.max_cost if allowed.cost is None else allowed.cost
    monthly = safety.max_monthly_cost
    if monthly is not None and allowed.cost is not None:
        monthly = max(monthly, allowed.cost)
    if (most is None and monthly is None) or not (total.high or unpriced):
        return ()
    found: list[Diagnostic] = []
    kept = {why for rate in plan.cost.after for why in rate.unpriced} if plan.cost and monthly is not None else set()
    if (unpriced or kept) and not allowed.unpriced:
        whys = list(dict.fromkeys((*(why for _, why in unpriced), *sorted(kept))))
        more = f", and {len(whys) - 1} more" if len(whys) > 1 else ""
        detail = f"There is a limit of money, and a part of this plan has no known price: {whys[0]}{more}."
        hint = "If it may cost what it costs, give --allow-unpriced."
        found.append(_about(unpriced[0][0] if unpriced else None, "E587", detail, of, hint))
    if most is not None and total.high is not None and total.high > most:
        detail = f"It may cost up to {dollars(total.high, up=True)}, and the limit is {dollars(most)}."
        dearest = max(costs, key=lambda one: one[1].total.high or 0)[0]
        hint = f"If you mean it, give --allow-cost {plain(total.high, up=True)}. Most of it is for {dearest}."
        found.append(problem("E585", detail, span=_limit("maxCost", of), hint=hint))
    if monthly is not None and plan.cost:
        found += _monthly(plan.cost.after, monthly, plan.header.made_at + _MONTH, of)
    return tuple(found)


def _monthly(rates: tuple[Rate, ...], limit: Decimal, soon: datetime, of: Guarded) -> Iterator[Diagnostic]:
    """What keeping everything costs until `soon` stops the plan; what it costs later is a warning."""
    over = [(rate, rate.month.high) for rate in rates if rate.month.high is not None and rate.month.high > limit]
    if not over:
        return
    near = [(rate, high) for rate, high in over if rate.since <= soon]
    rate, high = max(near, key=lambda one: one[1]) if near else over[0]
    when = "" if rate is rates[0] else f" from {rate.since.date()} on"
    most = dollars(high, up=True)
    detail = f"Keeping everything costs up to {most} a month{when}, and the limit is {dollars(limit)}."
    hint = "Keep less until then, or raise the limit: within a month of that day such a plan is stopped."
    if near:
        hint = f"If you mean it, give --allow-cost {plain(high, up=True)}."
    yield problem("E586" if near else "W582", detail, span=_limit("maxMonthlyCost", of), hint=hint)


def _limit(key: str, of: Guarded) -> Span | None:
    """The place of a limit in gemctl.yaml; None where --allow-cost set it."""
    return of.places.value(("safety", key)) if of.places and of.allowed.cost is None else None


def _about(address: Address | None, code: str, detail: str, of: Guarded, hint: str) -> Diagnostic:
    resource = of.desired.resources.get(address) if address else None
    span = resource.positions.value(("metadata", "name")) if resource else None
    return problem(code, detail, address=address, span=span, hint=hint)


def _invisible(of: Guarded) -> tuple[Diagnostic, ...]:
    """A wrong key sees nothing, and nothing looks just like "everything was deleted"."""
    if of.allowed.missing:
        return ()
    live = {item.name for items in of.live_state.listings.values() for item in items}
    bound = {address: record for address, record in of.ledger.records.items() if address.kind in of.live_state.listings}
    records = list(bound.values())
    due = [
        record
        for address, record in bound.items()
        if policy(of.catalogue[address.kind]).expected(record, of.catalogue[address.kind], of.live_state.now)
    ]
    seen = any(record.name in live for record in records)
    if seen or not due or (len(due) < 2 and not of.key_changed):
        return ()
    why = "and the key is another one than last time" if of.key_changed else "although their time has not come"
    return (
        problem(
            "E501",
            f"The state records {len(due)} live object{'s' if len(due) > 1 else ''}, and the service shows none of "
            f"them, {why}. That is how a key of another project looks.",
            hint="Check the key and the endpoint. If they were deleted by hand, give --accept-missing.",
        ),
    )


def _prevented(plan: Plan, of: Guarded) -> tuple[Diagnostic, ...]:
    return tuple(
        problem(
            "E502",
            f"The plan would {change.action.value} {change.name}, but lifecycle.preventDestroy is set.",
            address=change.address,
            span=of.desired.resources[change.address].positions.key(("lifecycle", "preventDestroy"))
            if change.address in of.desired.resources
            else None,
            hint="Put its manifest back with preventDestroy: false, apply that, and then remove it."
            if change.reason is Reason.UNDECLARED
            else "Set preventDestroy: false in its manifest and apply that first. There is no flag for it.",
        )
        for change in plan.changes
        if _destroys(change) and _protected(change.address, of)
    )


def _undeclared(change: Change, of: Guarded) -> bool:
    """Old generations of declared or recorded resources don't count; those of others do."""
    known = change.address in of.desired.resources or change.address in of.ledger.records
    return change.reason in UNWANTED or (change.reason is Reason.SUPERSEDED and not known)


_DESTROYING = {
    Action.DELETE: UNWANTED | {Reason.EDITED},
    Action.CANCEL: UNWANTED | {Reason.SUPERSEDED},  # a run that is cancelled is as good as deleted
}


def _destroys(change: Change) -> bool:
    if change.action is Action.REPLACE:  # an object that is made anew before it ends is no loss
        return change.reason not in (Reason.EXPIRING, Reason.FAILED)
    return change.reason in _DESTROYING.get(change.action, ())


def _protected(address: Address, of: Guarded) -> bool:
    if address in of.desired.resources:
        return of.desired.resources[address].lifecycle.prevent_destroy
    return address in of.ledger.records and of.ledger.records[address].prevent_destroy


def _rerun(plan: Plan, of: Guarded) -> tuple[Diagnostic, ...]:
    """Each run costs. The service forgets runs; with the state lost as well, nothing shows that there was one."""
    if of.allowed.rerun:
        return ()
    unheard = tuple(found for change in plan.changes if (found := _unheard(change, of)))
    return unheard + tuple(
        problem(
            "E506",
            "The state was lost, and neither a live object nor a receipt shows whether this was run before.",
            address=change.address,
            span=of.desired.resources[change.address].positions.value(("metadata", "name"))
            if change.address in of.desired.resources
            else None,
            hint="Put back the receipt or the state if you have a copy. If it may be run, give --allow-rerun.",
        )
        for change in plan.changes
        if change.action is Action.CREATE and change.reason is Reason.DECLARED and of.runs(change.address)
        if of.uncertain or _may_have_run(change.address, of)
    )


def _unheard(change: Change, of: Guarded) -> Diagnostic | None:
    """The error for an object made anew although a create of it was sent, never answered, and can't be looked for."""
    resource = of.desired.resources.get(change.address)
    if change.action is not Action.CREATE or resource is None:
        return None
    sent = [one for one in of.ledger.sent.values() if one.unheard and one.address == change.address]
    same = [one for one in sent if one.spec_tag == attempt_tag(resource.spec_tag, change.attempt)]
    if not same:
        return None
    at = show_instant(max(one.at for one in same))
    return problem(
        "E570",
        f"It was sent at {at}, and never answered: whether it runs, and what it costs, nobody can tell from here, "
        "since the service does not list it.",
        address=change.address,
        span=resource.positions.value(("metadata", "name")),
        hint=f"If you know its name, `gemctl import {change.address} NAME`. If it may be run once more, give "
        "--allow-rerun.",
    )


def _may_have_run(address: Address, of: Guarded) -> bool:
    """Whether a state that was lost may have known of it."""
    resource = of.desired.resources.get(address)
    remembered = (*of.ledger.intents.values(), *of.ledger.sent.values())
    return resource is not None and any(
        intent.rebuilt and (intent.address, intent.spec_tag) == (address, resource.spec_tag) for intent in remembered
    )


def _empty(of: Guarded) -> tuple[Diagnostic, ...]:
    if of.partial or of.desired.resources or not of.ledger.records or of.allowed.empty:
        return ()
    return (
        problem(
            "E503",
            f"No resource is declared, and {len(of.ledger.records)} in the state: this would delete all of them.",
            hint="Check the folder and the paths. If you mean it, use `gemctl destroy`, or give --allow-empty.",
        ),
    )


def _too_many(plan: Plan, of: Guarded) -> tuple[Diagnostic, ...]:
    """The limit is a number and a share for the sake of small stacks: no sensible number is below 9 of 9; 1 of 1 is an
    edit.

    To cancel is to delete: requests without an answer by then never get one.
    """
    gone = [c for c in plan.changes if c.action in (Action.DELETE, Action.CANCEL) and _undeclared(c, of)]
    parents_of_generated = tuple(f"{change.address.name}." for change in gone if of.runs(change.address))
    # A resource that a job generated goes with it: that is one delete and not two.
    deletes = sum(
        not (of.free(change.address) and change.address.name.startswith(parents_of_generated)) for change in gone
    )
    bound = len(of.ledger.records)
    percent = 100 * deletes / bound if bound else 0
    over = deletes > of.safety.max_deletes or (deletes >= 2 and percent > of.safety.max_delete_percent)
    if not over or (of.allowed.deletes is not None and deletes <= of.allowed.deletes):
        return ()
    return (
        problem(
            "E505",
            f"The plan deletes {deletes} of {bound} objects ({percent:.0f} %); the limits are "
            f"{of.safety.max_deletes} deletes, and {of.safety.max_delete_percent} % once there are two.",
            hint=f"If you mean it, give --allow-deletes {deletes}.",
        ),
    )
