"""Waits until all that may still surface has surfaced: the quarantine after a create whose answer never came. Called
by workflows/look.py.

Goes by the service's clock and polls, so that it ends as soon as everything that was sent has been found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from gemctl.core.clock import Clock
from gemctl.core.errors import GemctlError
from gemctl.core.event import Tell, Waiting
from gemctl.core.live import LiveObject, LiveState, Phase
from gemctl.core.mark import attempt_tag
from gemctl.core.moment import show_instant
from gemctl.core.ownership import Ownership
from gemctl.core.record import Record, tag_of
from gemctl.core.resource import Desired, Ending, Resource, Run

POLL = 5.0  # seconds between two looks, at most


def resolve(
    look: Callable[[], tuple[LiveState, Ownership]],
    *,
    desired: Desired,
    settle: timedelta,
    clock: Clock,
    tell: Tell,
) -> tuple[LiveState, Ownership]:
    """Look until every open create is found or has had `settle` to surface. Raises GemctlError where marks can't help.

    Intents may have been lost with a state: then it waits for `settle` from now, if anything would be created at all.
    After damage to a state it always does, because objects that surface late could pass for another writer's.
    """
    live_state, ownership = look()
    until = live_state.now + settle if ownership.uncertain else None
    while True:
        if ownership.unresolved:
            newest = max(filter(None, (ownership.newest, *(one.at for one in ownership.unresolved)))) + settle
            if newest <= live_state.now:
                raise _undecidable(ownership)
            why, end = f"{len(ownership.unresolved)} sent without an answer may still appear", newest
        elif (
            until
            and until > live_state.now
            and (ownership.ledger.serial or _would_create(desired, ownership, live_state))
        ):
            why, end = "the state was lost, and what was sent before may still appear", until
        else:
            return live_state, ownership
        tell(Waiting(why, end))
        clock.sleep(min(POLL, max((end - live_state.now).total_seconds(), 0.05)))
        live_state, ownership = look()


def _would_create(desired: Desired, ownership: Ownership, live_state: LiveState) -> bool:
    """True if something may be made: because it is not bound, is gone, or was edited; or is to be run, or run again.

    Objects made on demand are made for others, which count.
    """
    live = live_state.by_name
    for address, resource in desired.resources.items():
        record = ownership.ledger.records.get(address)
        item = live.get(record.name) if record else None
        if resource.run is not None:
            if _would_run(resource, resource.run, record, item, live_state.now):
                return True
        elif (
            not resource.lifecycle.on_demand
            and (item is None or record is None or record.spec_tag != resource.spec_tag)
        ) or _would_make_members(resource, ownership.ledger.members.get(address, {})):
            return True
    return False


def _would_make_members(resource: Resource, known: Mapping[str, str]) -> bool:
    return any(tag_of(known.get(path, "")) != member.tag for path, member in resource.declared.members.items())


def _would_run(resource: Resource, rules: Run, record: Record | None, item: LiveObject | None, now: datetime) -> bool:
    """True for a first run; another follows one, live or forgotten, only if the rules say so and something lacks."""
    receipt = resource.receipt
    if receipt and receipt.spec_tag != attempt_tag(resource.spec_tag, receipt.attempt):
        receipt = None
    if record is None:
        known, attempt = receipt is not None, receipt.attempt if receipt else 0
    else:
        known, attempt = record.spec_tag == attempt_tag(resource.spec_tag, record.attempt), record.attempt
    if not known:
        return True
    if item and item.phase is Phase.WAITING:
        return False
    if attempt > rules.max_resubmits or Ending.RESUBMIT not in (rules.on_failed, rules.on_expired):
        return False
    if receipt and receipt.attempt >= attempt:
        return bool(receipt.lacking(rules))
    if record and record.harvest:
        return False
    if item is None or item.phase is Phase.FAILED:
        return True
    return item.phase is Phase.READY and item.deadline is not None and item.deadline <= now  # its results are forgotten


def _undecidable(ownership: Ownership) -> GemctlError:
    names = ", ".join(f"{intent.address} (sent {show_instant(intent.at)})" for intent in ownership.unresolved)
    return GemctlError(
        f"It can't be told whether these were created: {names}. The service does not keep display names here, so the "
        "mark does not help.",
        code="E522",
        hint="Look with `gemctl get`; then `gemctl import ADDRESS NAME` if it is there, or `gemctl state rm ADDRESS`.",
    )
