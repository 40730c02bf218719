"""What the ledger is told, where a plan is only to tell it: changes, steps and records to the last field."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from plan_cases import KINDS, TAG, at, item, record
from values import START

from gemctl.core.change import Action, Change, FieldChange, Precondition, Reason
from gemctl.core.live import LiveState
from gemctl.core.ownership import Ownership
from gemctl.core.plan import Step
from gemctl.core.record import Ledger, Op, Origin
from gemctl.core.resource import Desired, Harvest
from gemctl.plan.compare import Subjects
from gemctl.plan.ours import LEFT_ALONE
from gemctl.plan.refresh import refresh, refresh_steps, refreshed

HOUR = timedelta(hours=1)
HOOK = at("FakeWebhook/hook")


def told(records, live=()):
    """(changes, steps) of these records, by address, and of what is live."""
    ledger = Ledger("lineage", records=MappingProxyType(records))
    world = LiveState({kind: tuple(one for one in live if one.kind == kind) for kind in KINDS}, START)
    subjects = Subjects(Desired(), Ownership(ledger), world, TAG, KINDS)
    changes = refresh(subjects, ledger)
    return changes, tuple(refresh_steps(changes, subjects))


def hook(**given):
    one = record(str(HOOK), {"name": "h", **given}, START)
    return replace(one, outputs={"name": one.name})


def live(**given):
    return item({"of": str(HOOK), "name": "h", "ended": "-1h", **given}, START)


def test_nothing_has_changed():
    one = live(tokens=7)
    changes, steps = told({HOOK: hook()}, [one])
    seen = Precondition(one.name, None, START - HOUR)
    assert changes == (Change(HOOK, Action.KEEP, Reason.IN_SYNC, one.name, (), seen, tokens=7),)
    assert steps == ()


def test_what_has_changed():
    """What drifted is shown from what was sent to what is live; what the service alone says, from then to now."""
    one = replace(
        live(shows={"uri": "https://z.invalid"}, expires="+1h", created="-3h", tokens=7),
        outputs={"name": "fakeWebhooks/h", "new": 1, "same": 1, "expireTime": "b", "expirationTime": "b"},
    )
    bound = replace(hook(), outputs={"name": "fakeWebhooks/h", "gone": 1, "same": 1, "expireTime": "a"}, deadline=START)
    changes, steps = told({HOOK: bound}, [one])
    fields = (
        FieldChange(("uri",), "https://x.invalid", "https://z.invalid"),
        FieldChange(("expireTime",), "2026-11-21T09:00:00Z", "2026-11-21T10:00:00Z"),
        FieldChange(("gone",), 1, None),
        FieldChange(("new",), None, 1),
    )
    seen = Precondition(one.name, START + HOUR, START - HOUR)
    assert changes == (Change(HOOK, Action.REFRESH, Reason.DRIFTED, one.name, fields, seen),)
    new = replace(bound, created=START - 3 * HOUR, deadline=START + HOUR, tokens=7, outputs=one.outputs)
    ident = "FakeWebhook/hook:refresh"
    assert steps == (Step(ident, HOOK, Op.REFRESH, "FakeWebhook", None, one.name, record=new),)


def test_an_end_that_was_not_known_or_is_there_no_longer():
    for before, after, shown in (
        (None, START, (None, "2026-11-21T09:00:00Z")),
        (START, None, ("2026-11-21T09:00:00Z", None)),
    ):
        changes, _ = told({HOOK: replace(hook(), deadline=before)}, [replace(live(), deadline=after)])
        assert changes[0].fields == (FieldChange(("expireTime",), *shown),)


def test_what_the_service_does_not_say_stays_as_it_was():
    bound = replace(hook(), tokens=9)
    silent = replace(live(), tokens=None, created=None)
    new = refreshed(bound, silent)
    assert (new.tokens, new.created) == (9, bound.created)
    assert refreshed(bound, replace(silent, tokens=0)).tokens == 0


def test_what_is_gone():
    for deadline, reason in ((START, Reason.EXPIRED), (START + HOUR, Reason.MISSING), (None, Reason.MISSING)):
        changes, steps = told({HOOK: replace(hook(), deadline=deadline)})
        assert changes == (Change(HOOK, Action.FORGET, reason, "fakeWebhooks/h", precondition=Precondition()),)
        assert steps == (Step("FakeWebhook/hook:forget", HOOK, Op.FORGET, "FakeWebhook", None, "fakeWebhooks/h"),)


def test_a_run_is_not_forgotten():
    night = at("FakeRun/night")
    one = record(str(night), {"name": "r"}, START)
    for harvest, reason in ((None, Reason.MISSING), (Harvest("sha256:0", START, 1, 0), Reason.DONE)):
        changes, steps = told({night: replace(one, harvest=harvest)})
        assert changes == (Change(night, Action.KEEP, reason),)
        assert steps == ()


def test_that_a_run_goes_on_is_no_drift():
    night = at("FakeRun/night")
    one = replace(record(str(night), {"name": "r"}, START), outputs={"state": "IN_PROGRESS"}, deadline=None)
    done = item({"of": "FakeRun/night", "name": "r", "phase": "ready"}, START)
    done = replace(done, outputs={"state": "COMPLETED"}, deadline=START + HOUR)
    changes, steps = told({night: one}, [done])
    assert [(change.action, change.reason, change.fields) for change in changes] == [(Action.KEEP, Reason.IN_SYNC, ())]
    assert steps == ()


def test_by_address_and_without_what_is_nowhere_live():
    clerk, voice = at("FakeAgent/clerk"), at("TokenPolicy/voice")
    records = {HOOK: hook(), clerk: record(str(clerk), {}, START), voice: record(str(voice), {}, START)}
    changes, _ = told(records)
    assert [change.address for change in changes] == [clerk, HOOK]


def test_a_field_is_told_once_and_all_in_order():
    one = live(shows={"uri": "https://z.invalid"})
    many = dict.fromkeys("edcbagf", 1)
    one = replace(one, outputs={"uri": "https://z.invalid", **many})
    changes, _ = told({HOOK: replace(hook(), outputs={"uri": "https://x.invalid"})}, [one])
    uri = FieldChange(("uri",), "https://x.invalid", "https://z.invalid")
    assert changes[0].fields == (uri, *(FieldChange((name,), None, 1) for name in "abcdefg"))


def test_what_is_not_ours_is_left_alone():
    """An imported object is known by its age: another of its name must not lend it to the record."""
    bound = replace(hook(), origin=Origin.IMPORTED, address_tag="", created=START - 5 * HOUR)
    stranger = replace(live(created="-3h", tokens=7), outputs={"name": "fakeWebhooks/h", "new": 1})
    changes, steps = told({HOOK: bound}, [stranger])
    seen = Precondition(stranger.name, None, START - HOUR)
    assert changes == (Change(HOOK, Action.KEEP, Reason.IN_SYNC, stranger.name, (), seen, tokens=7, note=LEFT_ALONE),)
    assert steps == ()
