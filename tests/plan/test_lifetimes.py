"""What each lifetime decides about one subject, to the last field, and the steps that follow of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from plan_cases import KINDS, TAG, at, item, like, record
from values import START

from gemctl.core.call import Reference
from gemctl.core.change import Action, Change, FieldChange, Precondition, Reason
from gemctl.core.live import Counts, Phase
from gemctl.core.mark import attempt_tag
from gemctl.core.moment import parse_instant
from gemctl.core.record import Generation, Ledger, Op, superseded
from gemctl.core.resource import Desired, Ending, Harvest, Lifecycle, Receipt, Run, Ttl, Until
from gemctl.plan import steps as make
from gemctl.plan.lifetimes import expires, forever, kept, once, policy, recorded, renewable
from gemctl.plan.lifetimes.kept import IN_USE
from gemctl.plan.lifetimes.policy import Foreseen, Subject

HOUR = timedelta(hours=1)


def subject(name, *, declared=None, sent=None, live=None, rules=None, **more) -> Subject:
    """`declared`, `sent` and `live` as a case writes them; None for what is not there."""
    address = at(name)
    resource = None if declared is None else like(name, declared)
    if resource and rules:
        resource = replace(resource, lifecycle=rules)
    bound = None if sent is None else record(name, sent, START)
    seen = None if live is None else item({"of": name, **live}, START)
    return Subject(address, KINDS[address.kind], resource, bound, seen, START, **more)


def decided(one: Subject) -> list[Change]:
    return list(policy(one.kind).decide(one))


def steps(change: Change, one: Subject) -> list:
    return list(policy(one.kind).steps(change, one, TAG))


def seen(one: Subject) -> Precondition:
    return Precondition(one.item.name, one.item.deadline, one.item.updated)


HOOK, CACHE, FILE, JOB, NIGHT = "FakeWebhook/hook", "handbook", "File/handbook", "BatchJob/night", "FakeRun/night"
THERE = {"name": "h", "tokens": 7, "ended": "-1h"}  # a hook that shows all that anything can show
SAVED = Harvest("sha256:0", START, 2, 1)


def bound(name=HOOK, declared=None, sent=None, live=None, **more) -> Subject:
    return subject(
        name, declared=declared or {}, sent={"name": "h", **(sent or {})}, live={**THERE, **(live or {})}, **more
    )


# What is kept for ever.


def test_a_hook_that_is_as_declared():
    one = bound(note="imported")
    name = "fakeWebhooks/h"
    assert decided(one) == [
        Change(one.address, Action.KEEP, Reason.IN_SYNC, name, (), seen(one), tokens=7, note="imported")
    ]
    assert seen(one) == Precondition(name, None, START - HOUR)


def test_a_hook_that_has_to_be_made():
    new = subject(HOOK, declared={})
    fields = (
        FieldChange(("uri",), None, "https://x.invalid"),
        FieldChange(("subscribedEvents",), None, ["done"]),
    )
    made = Change(new.address, Action.CREATE, Reason.DECLARED, None, fields, Precondition(), estimated=True)
    assert decided(new) == [made]
    ends = START + timedelta(seconds=1)
    for deadline, reason, until in (
        (None, Reason.MISSING, None),
        (START, Reason.EXPIRED, None),
        (ends, Reason.MISSING, ends),
    ):
        gone = replace(new, record=replace(record(HOOK, {"name": "h"}, START), deadline=deadline))
        assert decided(gone) == [replace(made, reason=reason, valid_until=until)]
    assert [step.op for step in steps(made, new)] == [Op.CREATE]


def test_a_hook_that_differs():
    one = bound(declared={"like": {"uri": "https://y.invalid"}}, live={"expires": "+1h"}, note="imported")
    uri = (FieldChange(("uri",), "https://x.invalid", "https://y.invalid"),)
    name = "fakeWebhooks/h"
    patch = Change(one.address, Action.UPDATE, Reason.EDITED, name, uri, seen(one), START + HOUR, tokens=7)
    patch = replace(patch, note="imported")
    assert decided(one) == [patch]
    assert decided(replace(one, used=True)) == [patch]
    (step,) = steps(patch, one)
    assert (step.op, step.call.method) == (Op.UPDATE, "PATCH")


def test_an_agent_that_differs():
    """A new one; what was made for the old one may still refer to it, and then it stays for now."""
    one = subject(
        "FakeTrigger/daily",
        declared={"like": {"prompt": "go"}, "beside": ["FakeAgent/clerk"]},
        sent={"name": "t", "beside": ["FakeAgent/clerk"]},
        live={"name": "t", "tokens": 7, "expires": "+1h", "beside": ["FakeAgent/clerk"]},
        note="imported",
    )
    anew = Change(
        one.address,
        Action.REPLACE,
        Reason.EDITED,
        "fakeTriggers/t",
        (FieldChange(("prompt",), "go on", "go"),),
        seen(one),
        START + HOUR,
        estimated=True,
        note="imported",
    )
    assert decided(one) == [anew]
    create, delete = steps(anew, one)
    assert (create.op, create.after, delete.op, delete.name, delete.after) == (
        Op.CREATE,
        (),
        Op.DELETE,
        "fakeTriggers/t",
        (create.id,),
    )
    held = replace(anew, holds=True, note=f"{IN_USE}; it is retired later")
    assert decided(replace(one, used=True)) == [held]
    assert steps(held, one) == [create]
    last = replace(one, resource=replace(one.resource, lifecycle=Lifecycle(create_first=False)))
    delete, create = steps(anew, last)
    assert (delete.op, delete.after, create.op, create.after) == (Op.DELETE, (), Op.CREATE, (delete.id,))
    assert [step.op for step in steps(held, last)] == [Op.CREATE]


def test_an_agent_is_never_made_beside_the_one_that_has_its_name():
    clerk = like("FakeAgent/clerk", {})
    assert not kept.create_first(clerk, KINDS["FakeAgent"])
    assert not kept.create_first(replace(like(HOOK, {}), lifecycle=Lifecycle(create_first=False)), KINDS["FakeWebhook"])
    assert kept.create_first(like(HOOK, {}), KINDS["FakeWebhook"])
    assert kept.create_first(like(HOOK, {}), replace(KINDS["FakeWebhook"], remote=None))


def test_a_hook_that_nobody_wants():
    one = bound(live={"expires": "+1h"})
    one = replace(one, resource=None)
    gone = replace(one, item=None)
    name = "fakeWebhooks/h"
    delete = Change(one.address, Action.DELETE, Reason.UNDECLARED, name, (), seen(one), START + HOUR, tokens=7)
    forget = Change(one.address, Action.FORGET, Reason.UNDECLARED, name, (), Precondition())
    assert (decided(one), decided(gone)) == ([delete], [forget])
    assert decided(replace(one, record=None)) == [delete]
    assert steps(delete, one) == [make.delete(one.address, one.kind, name)]
    assert steps(forget, gone) == [make.forget(one.address, one.kind, name)]
    double = replace(delete, reason=Reason.DUPLICATE)
    assert policy(one.kind).duplicate(one, one.item) == double
    old = Change(one.address, Action.DELETE, Reason.SUPERSEDED, name, (), seen(one), tokens=7)
    assert (list(forever.old(one)), list(forever.old(gone))) == ([old], [])


def test_a_hook_that_has_failed():
    one = bound(live={"phase": "failed", "why": "refused"})
    failed = Change(one.address, Action.KEEP, Reason.FAILED, "fakeWebhooks/h", (), seen(one), tokens=7)
    assert decided(one) == [replace(failed, note="refused; left as it is until it is edited")]
    assert decided(replace(one, item=replace(one.item, why=""))) == [failed]
    assert decided(replace(one, resource=None))[0].action is Action.DELETE
    edited = bound(declared={"like": {"uri": "https://y.invalid"}}, live={"phase": "failed"})
    assert decided(edited)[0].action is Action.UPDATE
    assert decided(replace(one, record=None))[0].action is Action.CREATE


def test_a_secret_that_did_not_arrive():
    one = bound(sent={"undelivered": True})
    update = Change(one.address, Action.UPDATE, Reason.UNDELIVERED, "fakeWebhooks/h", (), seen(one))
    update = replace(update, note=f"{forever.UNDELIVERED}: rotate makes a new one")
    assert decided(one) == [update]
    (step,) = steps(update, one)
    rotate = make.act(one.resource, one.kind, "rotate", "fakeWebhooks/h", one.record)
    assert step == replace(rotate, id="FakeWebhook/hook:update")
    assert list(forever.foresee(update, one, None)) == []
    remote = replace(one.kind.remote, secret=replace(one.kind.remote.secret, rotate=None))
    for kind in (replace(one.kind, remote=remote), replace(one.kind, remote=replace(remote, secret=None))):
        lost = replace(one, kind=kind)
        stays = Change(one.address, Action.KEEP, Reason.UNDELIVERED, "fakeWebhooks/h", (), seen(one), tokens=7)
        stays = replace(stays, note=forever.UNDELIVERED)
        assert decided(lost) == [stays]
        (told,) = forever.foresee(stays, lost, None)
        assert (told.code, told.address, told.span) == (
            "W569",
            one.address,
            one.resource.positions.value(("metadata", "name")),
        )
        assert "fakeWebhooks/h" in told.detail
        assert list(forever.foresee(replace(stays, reason=Reason.IN_SYNC), lost, None)) == []
        assert list(forever.foresee(stays, replace(lost, resource=None), None)) == []
    edited = bound(declared={"like": {"uri": "https://y.invalid"}}, sent={"undelivered": True})
    assert decided(edited)[0].reason is Reason.EDITED


def test_what_no_steps_are_made_of():
    one = bound()
    for how in (forever, renewable, expires, kept):
        with pytest.raises(ValueError, match="cannot be made into steps"):
            list(how.steps(Change(one.address, Action.KEEP, Reason.IN_SYNC), one, TAG))
    name, update = "fakeWebhooks/h", Action.UPDATE
    for broken, change in (
        (replace(one, resource=None), Change(one.address, update, Reason.UNDELIVERED, name)),
        (replace(one, record=None), Change(one.address, update, Reason.UNDELIVERED, name)),
        (replace(one, resource=None), Change(one.address, update, Reason.EDITED, name)),
        (replace(one, record=None), Change(one.address, update, Reason.EDITED, name)),
        (replace(one, resource=None), replace(Change(one.address, Action.REPLACE, Reason.EDITED, name), holds=True)),
        (one, Change(one.address, Action.REPLACE, Reason.EDITED, name)),
        (one, Change(one.address, Action.DELETE, Reason.UNDECLARED)),
    ):
        with pytest.raises(ValueError, match="cannot be made into steps"):
            list(kept.steps(change, broken, TAG))
    last = replace(one, resource=replace(one.resource, lifecycle=Lifecycle(create_first=False)))
    with pytest.raises(ValueError, match="cannot be made into steps"):
        list(kept.steps(Change(one.address, Action.REPLACE, Reason.EDITED), last, TAG))
    lost = replace(one, resource=None, record=None)
    for action in (Action.CREATE, Action.UPDATE, Action.REPLACE):
        with pytest.raises(ValueError, match="cannot be made into steps"):
            list(kept.steps(Change(one.address, action, Reason.IN_SYNC, "fakeWebhooks/h"), lost, TAG))
    for action in (Action.DELETE, Action.CREATE, Action.CANCEL, Action.HARVEST, Action.KEEP):
        with pytest.raises(ValueError, match="cannot be made into steps"):
            list(once.steps(Change(one.address, action, Reason.IN_SYNC), replace(lost, kind=KINDS["FakeRun"]), TAG))


def test_what_lifetimes_are_for():
    found = {how: (how.RUNS, how.FREE, how.ENDS_ALONE) for how in (forever, renewable, expires, once, recorded)}
    assert found == {
        forever: (False, False, False),
        renewable: (False, False, False),
        expires: (False, True, True),
        once: (True, False, False),
        recorded: (False, False, False),
    }


def test_what_must_still_be_live():
    """Until its end, at which it is gone; of a run, until the service may have forgotten it."""
    hook, night = record(HOOK, {"name": "h"}, START), record(NIGHT, {"name": "r", "created": "-23h"}, START)
    for how in (forever, renewable, expires):
        found = [
            how.expected(replace(hook, deadline=end), KINDS["FakeWebhook"], START)
            for end in (None, START, START + HOUR)
        ]
        assert found == [True, False, True]
    kind = KINDS["FakeRun"]
    assert once.expected(night, kind, START)
    assert not once.expected(night, kind, START + HOUR)
    assert not once.expected(replace(night, harvest=SAVED), kind, START)
    assert not once.expected(replace(night, created=None), kind, START)
    assert not once.expected(replace(night, deadline=START), kind, START)
    assert once.expected(replace(night, deadline=START + HOUR), kind, START)
    assert not recorded.expected(hook, KINDS["TokenPolicy"], START)


def test_who_comes_first():
    """The oldest; of files the one with the most life left; of runs one that has results."""
    old, young, unknown = (bound(live={"created": when}).item for when in ("-2h", "-1h", "-1h"))
    unknown = replace(unknown, created=None)
    for rank in (forever.rank, renewable.rank, recorded.rank):
        assert sorted([young, old, unknown], key=rank) == [unknown, old, young]
        assert sorted([replace(old, name="b"), replace(old, name="a")], key=rank)[0].name == "a"
    short, long = replace(old, deadline=START), replace(young, deadline=START + HOUR)
    endless = replace(old, name="e")
    assert sorted([short, long, endless], key=expires.rank) == [endless, long, short]
    assert sorted([replace(short, name="b"), replace(short, name="a")], key=expires.rank)[0].name == "a"
    assert kept.is_of(old, old.mark.spec_tag)
    assert not kept.is_of(replace(old, mark=None), old.mark.spec_tag)
    failed = replace(old, phase=Phase.FAILED)
    waiting = replace(old, phase=Phase.WAITING, created=START)
    assert sorted([failed, waiting, young], key=once.rank) == [young, waiting, failed]


# What it stores, and for how long.


def test_prices():
    one = bound(CACHE, live={"name": "a", "expires": "+20h", "tokens": 5000}, sent={"name": "a"})
    change = Change(one.address, Action.CREATE, Reason.DECLARED)
    one = replace(one, record=replace(one.record, spec_tag="other", tokens=7000))
    resource, day = one.resource, timedelta(hours=24)
    guess = resource.declared.quantities.stored.likely
    assert guess > 0
    ttl = replace(change, hours=24.0, next_due=START + timedelta(hours=16))
    assert replace(change, **kept.stored(resource, None, one)) == replace(ttl, tokens=guess, estimated=True)
    assert replace(change, **kept.stored(resource, one.item, one)) == replace(ttl, tokens=5000)
    unknown = replace(one.item, tokens=None)
    assert replace(change, **kept.stored(resource, unknown, one)) == replace(ttl, tokens=guess, estimated=True)
    counted = replace(one, record=replace(one.record, spec_tag=resource.spec_tag))
    assert replace(change, **kept.stored(resource, None, counted)) == replace(ttl, tokens=7000)
    never = replace(resource, lifecycle=Lifecycle())
    assert replace(change, **kept.stored(never, one.item, one)) == replace(
        change, tokens=5000, hours=24.0, next_due=START + day
    )
    for expiry, hours in ((Until(START + day), 24.0), (Until(START - day), 0.0), (None, None)):
        other = replace(resource, declared=replace(resource.declared, expiry=expiry))
        assert replace(change, **kept.stored(other, one.item, one)) == replace(change, tokens=5000, hours=hours)


def test_how_an_expiry_reads():
    ttl, until = Ttl(timedelta(hours=2)), Until(START)
    shown = "2026-11-21T09:00:00Z"
    assert kept.expiry_field(None, ttl) == (FieldChange(("ttl",), None, "7200s"),)
    assert kept.expiry_field(ttl, until) == (
        FieldChange(("expireTime",), None, shown),
        FieldChange(("ttl",), "7200s", None),
    )
    assert kept.expiry_field(until, None) == (FieldChange(("expireTime",), shown, None),)
    assert kept.expiry_field(None, None) == ()


# What is renewed.

TTL = timedelta(hours=24)


def cache(expires="+20h", declared=None, sent=None, **more) -> Subject:
    return subject(
        CACHE,
        declared=declared or {},
        sent={"name": "a", **(sent or {})},
        live={"name": "a", "expires": expires},
        **more,
    )


def moved(one: Subject, reason: Reason, *fields: FieldChange, until=None) -> Change:
    """The change that moves the deadline of the cache, by the ttl it has."""
    change = Change(
        one.address, Action.UPDATE, reason, "cachedContents/a", fields, seen(one), until or one.item.deadline
    )
    return replace(change, tokens=5000, hours=24.0, next_due=START + timedelta(hours=16))


def aim(one: Subject, to="in 1d", shown=None) -> FieldChange:
    shown = shown or one.item.deadline.isoformat().replace("+00:00", "Z")
    return FieldChange(("expireTime",), shown, to)


def test_a_cache_that_lives_long_enough():
    one = cache(note="imported")
    turn = START + timedelta(hours=12)
    stays = Change(one.address, Action.KEEP, Reason.IN_SYNC, "cachedContents/a", (), seen(one), turn, turn, 5000)
    assert decided(one) == [replace(stays, note="imported")]
    assert decided(cache("+86460s", rules=Lifecycle(HOUR)))[0].action is Action.KEEP
    endless = replace(one, item=replace(one.item, deadline=None), note="")
    kept_as_it_is = replace(stays, precondition=seen(endless), valid_until=None, next_due=None)
    assert decided(endless) == [kept_as_it_is]
    resource = replace(one.resource, declared=replace(one.resource.declared, expiry=None))
    assert decided(replace(one, resource=resource)) == [replace(kept_as_it_is, precondition=seen(one))]


def test_a_cache_that_is_renewed():
    one = cache("+8h")
    change = moved(one, Reason.EXPIRING, aim(one))
    assert decided(one) == [change]
    (step,) = steps(change, one)
    new = replace(one.record, prevent_destroy=False, retire=timedelta(minutes=10))
    assert step == make.renewal(one.address, one.kind, "cachedContents/a", new)
    rules = Lifecycle(HOUR, prevent_destroy=True, retire=timedelta(minutes=3))
    ruled = replace(one, resource=replace(one.resource, lifecycle=rules), record=replace(one.record, expiry=None))
    (step,) = steps(change, ruled)
    assert (step.record.prevent_destroy, step.record.retire) == (True, timedelta(minutes=3))
    assert step.record.expiry == step.expiry == Ttl(TTL)
    never = cache("+1s", rules=Lifecycle(None))
    assert decided(never)[0].action is Action.KEEP


def test_a_cache_that_lives_too_long():
    one = cache("+30h")
    assert decided(one) == [moved(one, Reason.DRIFTED, aim(one), until=START + timedelta(hours=6, seconds=-60))]


def test_a_cache_with_another_ttl():
    one = cache(sent={"like": {"ttl": "12h"}})
    assert decided(one) == [moved(one, Reason.EDITED, aim(one), FieldChange(("ttl",), "43200s", "86400s"))]
    unknown = replace(one, record=replace(one.record, expiry=None))
    assert decided(unknown)[0].action is Action.KEEP


def test_a_cache_until_an_instant():
    """Two seconds more or less are the same."""
    end = "2026-11-22T09:00:00Z"
    given = {"declared": {"like": {"expireTime": end}}, "sent": {"like": {"expireTime": end}}}
    for ends, same in (("+86402s", True), ("+86398s", True), ("+86403s", False), ("+86397s", False)):
        one = cache(ends, note="imported", **given)
        until = min(one.item.deadline, parse_instant(end))
        stays = Change(one.address, Action.KEEP, Reason.IN_SYNC, "cachedContents/a", (), seen(one), until, None, 5000)
        anew = replace(moved(one, Reason.EDITED, aim(one, end), until=until), next_due=None)
        assert decided(one) == [replace(stays, note="imported") if same else anew]


def test_a_cache_whose_end_has_come():
    one = cache("+1h", declared={"like": {"expireTime": "2026-11-21T09:00:00Z"}})
    name = "cachedContents/a"
    ended = Change(one.address, Action.KEEP, Reason.ENDED, name, (), seen(one), START + HOUR, None, 5000)
    assert decided(one) == [ended]
    gone = replace(one, item=None)
    forget = Change(one.address, Action.FORGET, Reason.ENDED, name, (), Precondition())
    never = Change(one.address, Action.KEEP, Reason.ENDED, note="its expireTime is past; nothing is created")
    assert (decided(gone), decided(replace(gone, record=None))) == ([forget], [never])
    assert decided(replace(one, record=None)) == [never]
    later = subject(CACHE, declared={"like": {"expireTime": "2026-11-21T09:00:01Z"}})
    (made,) = decided(later)
    assert (made.action, made.reason, made.valid_until) == (
        Action.CREATE,
        Reason.DECLARED,
        START + timedelta(seconds=1),
    )
    fields = [change for change in made.fields if change.path == ("expireTime",)]
    assert fields == [FieldChange(("expireTime",), None, "2026-11-21T09:00:01Z")]


def test_a_cache_that_is_made_anew():
    """The new one first; the old one lives on for a while, by its own name and never longer than it had."""
    one = cache(declared={"like": {"contents": "other"}})
    (change,) = decided(one)
    assert (change.action, change.reason, change.name) == (Action.REPLACE, Reason.EDITED, "cachedContents/a")
    assert (change.precondition, change.valid_until, change.hours) == (seen(one), one.item.deadline, 24.0)
    create, retire = steps(change, one)
    older = superseded(one.address, one.record)
    ten = Ttl(timedelta(minutes=10))
    expected = make.retire(one.address, one.kind, change.name, older, ten, one.item.deadline)
    assert (create.op, retire) == (Op.CREATE, replace(expected, after=(create.id,)))
    unseen = steps(replace(change, precondition=None), one)[1]
    assert unseen == replace(expected, after=(create.id,), ceiling=None)
    generation = Generation(one.address, "tag")
    other = replace(one, record=replace(one.record, name="cachedContents/b"), generation=generation)
    assert steps(change, other)[1].older == generation
    assert steps(change, replace(one, record=None, generation=generation))[1].older == generation
    at_once = replace(one, resource=replace(one.resource, lifecycle=Lifecycle(retire=timedelta(0))))
    create, delete = steps(change, at_once)
    assert delete == replace(make.delete(one.address, one.kind, change.name), after=(create.id,))
    held = decided(replace(one, used=True))[0]
    assert held == replace(change, holds=True, note=f"{IN_USE}; it is retired later")
    assert [step.op for step in steps(held, one)] == [Op.CREATE]
    last = replace(one, resource=replace(one.resource, lifecycle=Lifecycle(create_first=False)))
    assert [step.op for step in steps(change, last)] == [Op.DELETE, Op.CREATE]


def test_an_older_cache():
    """Retired once, and then left to end; deleted where nothing is wanted, or at once."""
    one = replace(cache("+1h"), generation=Generation(at(CACHE), "tag"))
    name, ten = "cachedContents/a", timedelta(minutes=10)
    most = ten + timedelta(seconds=2)
    change = Change(one.address, Action.UPDATE, Reason.SUPERSEDED, name, (aim(one, "in 10m"),), seen(one), None)
    change = replace(change, valid_until=one.item.deadline - most, tokens=5000)
    assert list(renewable.old(one)) == [change]
    (step,) = steps(change, replace(one, record=None))
    assert step == make.retire(one.address, one.kind, name, one.generation, Ttl(ten), one.item.deadline)
    endless = replace(one, item=replace(one.item, deadline=None))
    (found,) = renewable.old(endless)
    assert (found.fields, found.valid_until) == ((FieldChange(("expireTime",), None, "in 10m"),), None)
    for seconds, action in ((603, Action.UPDATE), (602, Action.KEEP), (601, Action.KEEP)):
        near = replace(one, item=replace(one.item, deadline=START + timedelta(seconds=seconds)))
        (found,) = renewable.old(near)
        assert found.action is action
        if action is Action.KEEP:
            end = near.item.deadline
            assert found == Change(one.address, action, Reason.SUPERSEDED, name, (), seen(near), end, None, 5000)
    delete = Change(one.address, Action.DELETE, Reason.SUPERSEDED, name, (), seen(one), one.item.deadline, tokens=5000)
    at_once = replace(one.resource, lifecycle=Lifecycle(retire=timedelta(0)))
    for resource in (None, at_once):
        assert list(renewable.old(replace(one, resource=resource))) == [delete]
    assert list(renewable.old(replace(one, item=None))) == []
    assert list(renewable.foresee(delete, one, None)) == []


# What ends by itself.


def file(expires="+44h", declared=None, **more) -> Subject:
    return subject(FILE, declared=declared or {}, sent={}, live={"name": "f", "expires": expires}, **more)


ALWAYS, ON_DEMAND = Lifecycle(timedelta(hours=6)), Lifecycle(on_demand=True)


def keeps(one: Subject, reason=Reason.IN_SYNC, **more) -> Change:
    return Change(one.address, Action.KEEP, reason, one.item.name, (), seen(one), **more)


def test_a_file_that_has_to_be_made():
    one = replace(file(rules=ALWAYS, attempt=3), record=None, item=None)
    (made,) = decided(one)
    source = one.resource.declared.fields["source"]
    assert FieldChange(("source",), None, source) in made.fields
    due = START + timedelta(hours=42)
    expected = Change(
        one.address, Action.CREATE, Reason.DECLARED, None, made.fields, Precondition(), None, due, attempt=3
    )
    assert made == expected
    (step,) = steps(made, one)
    assert (step.op, step.call) == (Op.CREATE, make.create(one.resource, one.kind, TAG, 3).call)
    known = record(FILE, {}, START)
    for deadline, reason, until in (
        (START, Reason.EXPIRED, None),
        (START + HOUR, Reason.MISSING, START + HOUR),
        (None, Reason.MISSING, None),
    ):
        gone = replace(one, record=replace(known, deadline=deadline))
        assert decided(gone) == [replace(made, reason=reason, valid_until=until)]
    asked = replace(file(rules=ON_DEMAND, needed=HOUR), record=None, item=None)
    assert decided(asked) == [replace(made, next_due=None, attempt=1)]
    idle = replace(asked, needed=None)
    note = "made when something that refers to it is"
    unneeded = Change(one.address, Action.KEEP, Reason.IN_SYNC, note=note)
    assert decided(idle) == [unneeded]
    assert decided(replace(idle, item=file().item)) == [unneeded]
    assert decided(replace(idle, resource=replace(idle.resource, generated_by=at(JOB)))) == []
    again = replace(asked, resource=replace(asked.resource, generated_by=at(JOB)))
    assert decided(again) == [replace(made, next_due=None, attempt=1)]


def test_a_file_that_lives_long_enough():
    one = file(rules=ALWAYS)
    turn = one.item.deadline - timedelta(hours=6)
    assert decided(one) == [keeps(one, valid_until=turn, next_due=turn)]
    asked = replace(one, needed=timedelta(hours=9))
    turn = one.item.deadline - timedelta(hours=9)
    assert decided(asked) == [keeps(one, valid_until=turn, next_due=turn)]
    idle = file(rules=ON_DEMAND)
    assert decided(idle) == [keeps(one)]
    needed = file(rules=ON_DEMAND, needed=HOUR)
    assert decided(needed) == [keeps(one, valid_until=one.item.deadline - HOUR)]
    endless = replace(one, item=replace(one.item, deadline=None))
    assert decided(endless) == [keeps(endless)]
    demanded = Lifecycle(timedelta(hours=6), on_demand=True)
    assert decided(file("+5h", rules=demanded, needed=HOUR))[0].action is Action.KEEP


def test_a_file_that_is_made_again():
    for ends, rules, needed in (
        ("+6h", ALWAYS, None),
        ("+9h", ALWAYS, timedelta(hours=9)),
        ("+9h", ON_DEMAND, timedelta(hours=9)),
        ("+0s", Lifecycle(), None),
    ):
        one = file(ends, rules=rules, needed=needed, attempt=2)
        margin = rules.renew_before or timedelta(0)
        due = None if rules.on_demand else START + timedelta(hours=48) - margin
        name, end = one.item.name, one.item.deadline
        again = Change(one.address, Action.REPLACE, Reason.EXPIRING, name, (), seen(one), end, due, attempt=2)
        assert decided(one) == [again]
        assert steps(again, one) == [make.create(one.resource, one.kind, TAG, 2)]


def test_a_file_that_is_no_use_any_more():
    """Made again where it is needed; else it is left as it is."""
    one = file(rules=ON_DEMAND)
    digest = f"sha256:{'0' * 64}"
    failed = replace(one, item=replace(one.item, phase=Phase.FAILED, why="refused"))
    drifted = replace(one, item=replace(one.item, fields={**one.item.fields, "source": digest}))
    fields = {**one.record.fields, "source": digest}
    edited = replace(one, record=replace(one.record, spec_tag="other", fields=fields))
    source = one.resource.declared.fields["source"]
    drift = (FieldChange(("source",), digest, source),)
    later = "edited; made again when something that refers to it is"
    drifted = replace(drifted, record=replace(one.record, shown={}))
    for found, reason, left, more in (
        (failed, Reason.FAILED, Reason.FAILED, {"note": "refused"}),
        (drifted, Reason.DRIFTED, Reason.DRIFTED, {"fields": drift}),
        (edited, Reason.EDITED, Reason.IN_SYNC, {"fields": drift}),
    ):
        needed = replace(found, needed=HOUR)
        end = found.item.deadline
        again = Change(one.address, Action.REPLACE, reason, one.item.name, (), seen(one), end)
        assert decided(needed) == [replace(again, **more)]
        kept_so = replace(keeps(one, left), **more)
        assert decided(found) == [replace(kept_so, fields=(), note=later) if reason is Reason.EDITED else kept_so]


def test_a_file_that_came_with_a_job_goes_with_it():
    one = file(rules=ON_DEMAND, cleaned=True)
    gone = Change(one.address, Action.DELETE, Reason.DONE, one.item.name, (), seen(one))
    assert decided(one) == [gone]
    assert steps(gone, one) == [make.delete(one.address, one.kind, one.item.name)]
    assert decided(replace(one, used=True)) == [keeps(one)]
    assert decided(replace(one, cleaned=False)) == [keeps(one)]
    assert decided(replace(one, needed=timedelta(hours=99)))[0].action is Action.REPLACE
    assert decided(replace(one, item=None))[0].name is None
    undeclared = Change(one.address, Action.DELETE, Reason.UNDECLARED, one.item.name, (), seen(one), one.item.deadline)
    assert decided(replace(one, resource=None)) == [undeclared]
    assert list(expires.old(one)) == [gone]


def test_an_older_file():
    one = file(rules=ON_DEMAND)
    one = replace(one, item=replace(one.item, tokens=7))
    end = one.item.deadline
    left = keeps(one, Reason.SUPERSEDED, valid_until=end, tokens=7, note="it ends by itself")
    assert list(expires.old(one)) == [left]
    undeclared = Change(one.address, Action.DELETE, Reason.SUPERSEDED, one.item.name, (), seen(one), end, tokens=7)
    assert list(expires.old(replace(one, resource=None))) == [undeclared]
    assert list(expires.old(replace(one, item=None))) == []
    assert list(expires.foresee(left, one, None)) == []
    assert list(expires.foresee(left, one, None)) == []


def test_how_long_a_file_lives_is_in_its_lifetime():
    one = replace(bound(), kind=replace(KINDS["File"], lifetime=KINDS["FakeWebhook"].lifetime), record=None, item=None)
    assert decided_as_file(one).next_due == START
    assert decided_as_file(replace(one, kind=KINDS["File"])).next_due == START + timedelta(hours=48)


def decided_as_file(one: Subject) -> Change:
    (change,) = expires.decide(one)
    return change


# What is only recorded.


def test_a_policy():
    name = "TokenPolicy/voice"
    new = subject(name, declared={"like": {"uses": 1}})
    note = new.resource.declared.note
    (made,) = decided(new)
    assert made == Change(new.address, Action.CREATE, Reason.DECLARED, fields=made.fields, note=note)
    assert FieldChange(("uses",), None, 1) in made.fields
    known = replace(new, record=record(name, {"like": {"uses": 1}}, START))
    assert decided(known) == [Change(new.address, Action.KEEP, Reason.IN_SYNC, note=note)]
    edited = replace(new, record=record(name, {"like": {"uses": 2}}, START))
    uses = (FieldChange(("uses",), 2, 1),)
    change = Change(new.address, Action.UPDATE, Reason.EDITED, fields=uses, note=note)
    assert decided(edited) == [change]
    assert steps(change, edited) == [make.record_only(change, new.resource, new.kind, TAG)]
    assert decided(replace(edited, resource=None)) == [Change(new.address, Action.DELETE, Reason.UNDECLARED)]
    assert (list(recorded.old(edited)), list(recorded.foresee(change, edited, None))) == ([], [])
    assert recorded.settle(None, None) is None


# What is run.

SAVING = Run(results="out/r.jsonl")


def job(run=SAVING, *, sent=None, live=None, receipt=None, name=JOB, **more) -> Subject:
    """A job that is declared, and bound to batches/b if something was `sent`."""
    one = subject(name, declared={}, sent=sent and {"name": "b", **sent}, live=live and {"name": "b", **live}, **more)
    one = replace(one, resource=replace(one.resource, run=run, receipt=receipt))
    return replace(one, record=replace(one.record, run=run)) if one.record else one


def receipt(one: Subject, *without: str, attempt=1) -> Receipt:
    spec = attempt_tag(one.resource.spec_tag, attempt)
    return Receipt(spec, attempt, "batches/old", Harvest("sha256:0", START, 1, len(without)), without)


def stays(one: Subject, reason: Reason, item=None, **more) -> Change:
    """What is kept, however long its results are: its deadline is no concern of what is kept."""
    item = item or one.item
    shown = Precondition(item.name, None, item.updated) if item else None
    return Change(one.address, Action.KEEP, reason, item.name if item else None, (), shown, **more)


def again(one: Subject, note="") -> Change:
    due = START + timedelta(hours=48)
    return Change(one.address, Action.CREATE, Reason.RESUBMIT, next_due=due, note=note, attempt=2)


RUNS = {"sent": {"created": "-3h"}, "live": {"state": "RUNNING", "created": "-3h"}}
ENDED = {"sent": {"created": "-3h"}, "live": {"created": "-3h", "ended": "-1h"}}


def test_a_job_that_runs():
    one = job(**RUNS)
    running = stays(one, Reason.RUNNING, next_due=START + timedelta(hours=45))
    assert decided(one) == [running]
    assert decided(replace(one, note="imported")) == [replace(running, note="imported")]
    timed = replace(SAVING, deadline=timedelta(hours=5))
    until = START + timedelta(hours=2)
    assert decided(job(timed, **RUNS)) == [replace(running, valid_until=until, next_due=until)]
    over = replace(SAVING, deadline=timedelta(hours=3))
    assert decided(job(over, **RUNS)) == [replace(running, note="past its deadline; ")]
    resubmit = replace(over, on_expired=Ending.RESUBMIT)
    cancel = Change(one.address, Action.CANCEL, Reason.EXPIRED, "batches/b", (), seen(one), next_due=START)
    assert decided(job(resubmit, **RUNS)) == [cancel]
    assert steps(cancel, one) == [make.cancel(one.address, one.kind, "batches/b")]
    stopped = job(resubmit, sent={"created": "-3h", "stopped": True}, live=RUNS["live"])
    assert decided(stopped) == [replace(running, note="past its deadline; ")]
    third = job(resubmit, sent={"created": "-3h", "attempt": 2}, live={**RUNS["live"], "attempt": 2})
    assert decided(third)[0].action is Action.KEEP
    failing = replace(over, on_failed=Ending.RESUBMIT)
    assert decided(job(failing, **RUNS))[0].action is Action.KEEP
    unborn = replace(one, item=replace(one.item, created=None))
    assert decided(unborn) == [replace(running, next_due=None)]
    edge = job(sent={"created": "-48h"}, live={"state": "RUNNING", "created": "-48h"})
    assert decided(edge) == [stays(edge, Reason.RUNNING)]


def test_a_run_that_cannot_be_stopped():
    one = job(replace(SAVING, deadline=HOUR, on_expired=Ending.RESUBMIT), **RUNS)
    kind = replace(one.kind, lifetime=replace(one.kind.lifetime, cancel=None))
    one = replace(one, kind=kind)
    expected = stays(one, Reason.EXPIRED, next_due=START, note="it can't be stopped")
    assert decided(one) == [expected]
    gone = replace(one, resource=None)
    assert decided(gone) == [replace(expected, reason=Reason.UNDECLARED, next_due=START + timedelta(hours=45))]


def test_a_job_that_has_ended():
    one = job(**ENDED)
    gone_at = START + timedelta(hours=47)
    harvest = Change(one.address, Action.HARVEST, Reason.FINISHED, "batches/b", (), seen(one), gone_at)
    assert decided(one) == [harvest]
    assert steps(harvest, one) == [make.save(one.address, one.kind, "batches/b", one.record)]
    old = Generation(one.address, "m", record=replace(one.record, attempt=7))
    assert steps(harvest, replace(one, generation=old))[0].record.attempt == 7
    assert decided(job(replace(SAVING, clean=True), **ENDED)) == [replace(harvest, next_due=START)]
    resubmit = replace(SAVING, on_failed=Ending.RESUBMIT)
    lacking = {"sent": ENDED["sent"], "live": {**ENDED["live"], "failed": 3}}
    assert decided(job(resubmit, **lacking)) == [replace(harvest, next_due=START)]
    assert decided(job(resubmit, **ENDED)) == [harvest]
    assert decided(job(**lacking)) == [harvest]
    saved = replace(one, record=replace(one.record, harvest=SAVED))
    assert decided(saved) == [stays(one, Reason.DONE, note="1 without a result")]
    whole = replace(saved, record=replace(saved.record, harvest=Harvest("sha256:0", START, 2, 0)))
    assert decided(whole) == [stays(one, Reason.DONE)]
    unsaved = job(Run(), **ENDED)
    assert decided(unsaved) == [stays(one, Reason.DONE, note=once.UNSAVED)]
    lost = replace(unsaved, item=replace(one.item, deadline=START))
    assert decided(lost) == [stays(lost, Reason.DONE)]
    by_receipt = replace(unsaved, resource=replace(unsaved.resource, receipt=receipt(one)))
    assert decided(by_receipt) == [stays(one, Reason.DONE)]


def test_a_job_that_is_cleaned_up():
    clean = replace(SAVING, clean=True)
    one = job(clean, **ENDED)
    one = replace(one, record=replace(one.record, harvest=SAVED))
    delete = Change(one.address, Action.DELETE, Reason.DONE, "batches/b", (), seen(one))
    assert decided(one) == [delete]
    step = make.delete(one.address, one.kind, "batches/b")
    assert steps(delete, one) == [replace(step, record=one.record)]
    assert steps(replace(delete, reason=Reason.UNDECLARED), one) == [step]
    unsaved = job(replace(clean, results=None), **ENDED)
    assert decided(unsaved)[0].action is Action.KEEP


def test_a_job_that_failed():
    def ended(run, state, **more):
        (change,) = decided(
            job(run, sent={"created": "-3h", **more.pop("sent", {})}, live={"state": state, "created": "-3h", **more})
        )
        return change

    one = job(**ENDED)
    quiet, expired, failed = (
        SAVING,
        replace(SAVING, on_expired=Ending.RESUBMIT),
        replace(SAVING, on_failed=Ending.RESUBMIT),
    )
    for state, run in (("FAILED", failed), ("EXPIRED", expired)):
        assert ended(run, state) == again(one)
        assert ended(run, state, sent={"stopped": True}).reason is Reason.FAILED
    for state, run in (("FAILED", expired), ("EXPIRED", failed), ("FAILED", quiet), ("EXPIRED", quiet)):
        change = ended(run, state)
        assert (change.reason, change.note, change.precondition.deadline) == (
            Reason.FAILED,
            f"it ended as {state}",
            None,
        )
    cancelled = f"it ended as CANCELLED: it was cancelled, and {once.AGAIN}"
    assert ended(quiet, "CANCELLED").note == cancelled
    assert ended(expired, "CANCELLED", ended="-1h").note == cancelled
    timed = replace(expired, deadline=timedelta(hours=2))
    assert ended(timed, "CANCELLED", ended="-1h") == replace(again(one), next_due=START + timedelta(hours=2))
    assert ended(timed, "CANCELLED", ended="-61m").note == cancelled
    assert ended(replace(failed, deadline=HOUR), "CANCELLED", ended="-1h").note == cancelled
    silent = job(**ENDED)
    silent = replace(silent, item=replace(silent.item, phase=Phase.FAILED, cause=None, state=""))
    assert decided(silent)[0].note == "it ended as failed"
    resubmit = replace(silent, resource=replace(silent.resource, run=expired))
    assert decided(resubmit) == [again(one)]
    again_unsaved = replace(silent, resource=replace(silent.resource, run=replace(expired, results=None)))
    assert decided(again_unsaved) == [again(one, once.UNSAVED)]


def test_when_a_run_was_overdue():
    one = job(replace(SAVING, deadline=timedelta(hours=2)), **ENDED)
    rules, item = one.resource.run, one.item
    assert once._overdue(rules, item)
    assert not once._overdue(rules, replace(item, ended=START - HOUR - timedelta(seconds=1)))
    updated = replace(item, ended=None, updated=START - HOUR)
    assert once._overdue(rules, updated)
    assert not once._overdue(rules, replace(updated, updated=START - 2 * HOUR))
    for unknown in (replace(item, ended=None, updated=None), replace(item, created=None)):
        assert once._overdue(rules, unknown) is False
    assert once._overdue(SAVING, item) is False


def test_what_lacks_a_result_is_run_again():
    """By its receipt, as often as the rules have it; then it is said."""
    resubmit = replace(SAVING, on_failed=Ending.RESUBMIT)
    one = job(resubmit, **ENDED)
    told = receipt(one, "a", "b")
    one = replace(one, record=replace(one.record, harvest=SAVED), resource=replace(one.resource, receipt=told))
    assert decided(one) == [again(one, "2 without a result")]
    assert decided(replace(one, item=None)) == [again(one, "2 without a result")]
    first = replace(one, record=None, item=None)
    assert decided(first) == [again(one, "2 without a result")]
    for run in (SAVING, replace(resubmit, max_resubmits=0)):
        done = replace(one, resource=replace(one.resource, run=run))
        assert decided(done) == [stays(one, Reason.DONE, note="1 without a result")]
        assert decided(replace(done, item=None)) == [
            Change(one.address, Action.KEEP, Reason.DONE, note="1 without a result")
        ]
        note = "its results were saved from batches/old; 2 without a result"
        assert decided(replace(done, record=None, item=None)) == [
            Change(one.address, Action.KEEP, Reason.DONE, note=note)
        ]
    stopped = replace(one, record=replace(one.record, stopped=True))
    note = f"it was cancelled, and {once.AGAIN}; 1 without a result"
    assert decided(stopped) == [stays(one, Reason.DONE, note=note)]
    whole = replace(one, resource=replace(one.resource, receipt=receipt(one)))
    assert decided(whole) == [stays(one, Reason.DONE, note="1 without a result")]
    quiet = replace(stopped, resource=whole.resource)
    assert decided(quiet) == [stays(one, Reason.DONE, note="1 without a result")]
    late = replace(SAVING, on_expired=Ending.RESUBMIT, deadline=HOUR)
    overdue = replace(one, resource=replace(one.resource, run=late))
    assert decided(overdue) == [replace(again(one, "2 without a result"), next_due=START + HOUR)]
    in_time = replace(overdue, resource=replace(one.resource, run=replace(late, deadline=timedelta(hours=9))))
    assert decided(in_time)[0].reason is Reason.DONE
    stale = replace(told, spec_tag="other")
    assert decided(replace(first, resource=replace(one.resource, receipt=stale)))[0].reason is Reason.DECLARED


def test_a_job_that_the_service_has_forgotten():
    one = replace(job(**ENDED), item=None)
    note = f"the service has forgotten it, and no results were saved; {once.AGAIN}"
    assert decided(one) == [Change(one.address, Action.KEEP, Reason.FAILED, note=note)]
    shown = job(**ENDED)
    lost = replace(shown, item=replace(shown.item, deadline=START))
    note = f"the service has forgotten its results, and no results were saved; {once.AGAIN}"
    assert decided(lost) == [stays(lost, Reason.FAILED, note=note)]
    resubmit = replace(SAVING, on_failed=Ending.RESUBMIT)
    for subject in (one, lost):
        assert decided(replace(subject, resource=replace(one.resource, run=resubmit))) == [again(one)]
        saved = replace(subject, resource=replace(one.resource, receipt=receipt(one)))
        assert decided(saved)[0].reason is Reason.DONE
    unwanted = replace(one, resource=replace(one.resource, run=Run(on_failed=Ending.RESUBMIT)))
    assert decided(unwanted) == [Change(one.address, Action.KEEP, Reason.DONE)]
    known = replace(unwanted, resource=replace(unwanted.resource, receipt=receipt(one, "a")))
    assert decided(known) == [again(one, f"1 without a result; {once.UNSAVED}")]
    report = replace(known, resource=replace(known.resource, run=Run()))
    assert decided(report) == [Change(one.address, Action.KEEP, Reason.DONE, note="1 without a result")]


def test_a_job_that_nobody_declares():
    one = replace(job(**ENDED), resource=None)
    forget = Change(one.address, Action.FORGET, Reason.UNDECLARED, "batches/b", precondition=Precondition())
    assert decided(replace(one, item=None)) == [forget]
    assert steps(forget, one) == [make.forget(one.address, one.kind, "batches/b")]
    gone_at = START + timedelta(hours=47)
    harvest = Change(one.address, Action.HARVEST, Reason.FINISHED, "batches/b", (), seen(one), gone_at)
    delete = Change(one.address, Action.DELETE, Reason.UNDECLARED, "batches/b", (), seen(one))
    assert decided(one) == [harvest, delete]
    assert decided(replace(one, record=replace(one.record, harvest=SAVED))) == [delete]
    assert decided(replace(one, record=replace(one.record, run=Run()))) == [delete]
    assert decided(replace(one, record=replace(one.record, run=None))) == [delete]
    lost = replace(one, item=replace(one.item, deadline=START))
    assert decided(lost) == [replace(delete, precondition=seen(lost))]
    failed = replace(one, item=replace(one.item, phase=Phase.FAILED))
    assert decided(failed) == [delete]
    runs = replace(job(**RUNS), resource=None)
    due = START + timedelta(hours=45)
    cancel = Change(one.address, Action.CANCEL, Reason.UNDECLARED, "batches/b", (), seen(runs), next_due=due)
    assert decided(runs) == [cancel]


def test_an_older_run():
    one = job(**ENDED)
    generation = Generation(one.address, "m", record=one.record)
    one = replace(one, record=None, generation=generation)
    gone_at = START + timedelta(hours=47)
    harvest = Change(one.address, Action.HARVEST, Reason.FINISHED, "batches/b", (), seen(one), gone_at)
    delete = Change(one.address, Action.DELETE, Reason.SUPERSEDED, "batches/b", (), seen(one))

    def left(**more):
        return list(once.old(replace(one, **more)))

    def ran(**more):
        return replace(generation, record=replace(generation.record, **more))

    assert left() == [harvest]
    assert left(generation=ran(harvest=SAVED)) == [stays(one, Reason.SUPERSEDED)]
    assert left(resource=None) == [harvest, delete]
    clean = replace(SAVING, clean=True)
    assert left(generation=ran(run=clean)) == [harvest, delete]
    assert left(generation=ran(run=clean, harvest=SAVED)) == [delete]
    assert left(generation=ran(run=None)) == [stays(one, Reason.SUPERSEDED)]
    assert left(generation=replace(generation, record=None)) == [stays(one, Reason.SUPERSEDED)]
    assert left(item=None) == left(generation=None) == []
    for told, saved in (
        (receipt(one), True),
        (receipt(one, "a"), True),
        (receipt(one, attempt=2), True),
        (receipt(one, "a", attempt=2), False),
        (replace(receipt(one), spec_tag="other"), False),
    ):
        resource = replace(one.resource, receipt=told)
        assert left(resource=resource) == [stays(one, Reason.SUPERSEDED) if saved else harvest], told
        other = ran(spec_tag="other")
        assert left(resource=resource, generation=other) == [harvest]
    second = replace(one, resource=replace(one.resource, receipt=receipt(one)))
    later = ran(attempt=2, spec_tag=attempt_tag(one.resource.spec_tag, 2))
    assert list(once.old(replace(second, generation=later))) == [harvest]
    runs = replace(job(**RUNS), generation=generation, record=None)
    due = START + timedelta(hours=45)
    cancel = Change(one.address, Action.CANCEL, Reason.SUPERSEDED, "batches/b", (), seen(runs), next_due=due)
    assert list(once.old(runs)) == [cancel]


def test_a_second_run_of_what_is_bound():
    """Stopped; and kept as long as the results of the other may not be had."""
    one = job(**ENDED)
    bound_to = replace(one.record, name="batches/a")
    one = replace(one, record=bound_to, generation=Generation(one.address, "m", record=one.record))
    gone_at = START + timedelta(hours=47)
    note = "deleted once the results of batches/a are saved"
    waits = stays(one, Reason.DUPLICATE, valid_until=gone_at, note=note)
    delete = Change(one.address, Action.DELETE, Reason.DUPLICATE, "batches/b", (), seen(one))
    assert list(once.old(one)) == [waits]

    def doubled(**more):
        return once.duplicate(replace(one, **more), replace(one, **more).item)

    assert doubled() == doubled(resource=None) == waits
    for more in (
        {"record": None},
        {"record": replace(bound_to, harvest=SAVED)},
        {"resource": replace(one.resource, run=Run())},
        {"resource": replace(one.resource, run=None)},
        {"resource": replace(one.resource, receipt=receipt(one))},
        {"resource": None, "record": replace(bound_to, run=None)},
        {"item": replace(one.item, phase=Phase.FAILED)},
    ):
        assert doubled(**more) == delete, more
    lost = replace(one.item, deadline=START)
    assert doubled(item=lost) == replace(delete, precondition=Precondition(lost.name, START, lost.updated))
    runs = replace(one, item=job(**RUNS).item)
    due = START + timedelta(hours=45)
    assert once.duplicate(runs, runs.item) == Change(
        one.address, Action.CANCEL, Reason.DUPLICATE, "batches/b", (), seen(runs), next_due=due
    )


def test_an_edited_job():
    one = job(**ENDED)
    one = replace(
        one, record=replace(one.record, spec_tag="other", fields={**one.record.fields, "model": "models/old"})
    )
    gone_at = START + timedelta(hours=47)
    harvest = Change(one.address, Action.HARVEST, Reason.FINISHED, "batches/b", (), seen(one), gone_at)
    model = (FieldChange(("model",), "models/old", "models/gemini-2.5-flash"),)
    made = Change(one.address, Action.CREATE, Reason.EDITED, fields=model, next_due=START + timedelta(hours=48))
    assert decided(one) == [harvest, made]
    assert decided(replace(one, item=None)) == [made]
    assert decided(replace(one, record=replace(one.record, harvest=SAVED))) == [stays(one, Reason.SUPERSEDED), made]
    unsaved = replace(one, resource=replace(one.resource, run=Run(deadline=HOUR)))
    assert decided(unsaved)[1] == replace(made, next_due=START + HOUR, note=once.UNSAVED)
    assert steps(made, one) == [make.run(one.resource, one.kind, TAG, 1)]
    ignored = replace(one, resource=replace(one.resource, lifecycle=Lifecycle(ignore_changes=(("model",),))))
    assert decided(ignored) == [harvest]


def test_a_job_that_was_never_run():
    one = job()
    (made,) = decided(one)
    due = START + timedelta(hours=48)
    assert made == Change(one.address, Action.CREATE, Reason.DECLARED, None, made.fields, Precondition(), next_due=due)
    assert FieldChange(("model",), None, "models/gemini-2.5-flash") in made.fields
    bare = replace(one, resource=replace(one.resource, run=None))
    assert decided(bare) == [replace(made, note=once.UNSAVED)]
    told = replace(one, resource=replace(one.resource, receipt=receipt(one)))
    done = Change(one.address, Action.KEEP, Reason.DONE, note="its results were saved from batches/old")
    assert decided(told) == [done]
    assert decided(replace(told, note="imported")) == [done]
    assert decided(replace(told, resource=None)) == []


def test_what_is_over():
    one = job(**ENDED)
    resource, bound_to = one.resource, one.record
    other = replace(bound_to, spec_tag="other")
    assert not once.is_over(resource, bound_to)
    assert once.is_over(resource, replace(bound_to, harvest=SAVED))
    assert once.is_over(replace(resource, run=Run()), bound_to)
    assert once.is_over(replace(resource, receipt=receipt(one)), bound_to)
    assert not once.is_over(replace(resource, run=Run()), other)
    assert not once.is_over(replace(resource, receipt=receipt(one)), other)
    assert once.is_over(resource, replace(other, harvest=SAVED))


def test_what_a_run_still_uses():
    runs, ended = job(**RUNS), job(**ENDED)
    first = replace(runs.record, name="batches/1", uses=("files/a",))
    second = replace(runs.record, name="batches/2", uses=("files/b", "files/c"))
    third = replace(runs.record, name="batches/3", uses=("files/d",))
    live = {
        "batches/1": replace(runs.item, name="batches/1"),
        "batches/2": replace(runs.item, name="batches/2"),
        "batches/3": replace(ended.item, name="batches/3"),
    }
    ledger = Ledger(
        "lineage",
        records={at(JOB): first, at("BatchJob/x"): third, at(HOOK): replace(first, name="h", uses=("files/e",))},
        retiring={"batches/2": Generation(at(JOB), "m", record=second), "batches/9": Generation(at(JOB), "m")},
    )
    live["h"] = replace(bound().item, name="h", phase=Phase.WAITING)
    assert once.in_use(ledger, live, KINDS) == {"files/a", "files/b", "files/c"}
    assert once.in_use(ledger, {}, KINDS) == frozenset()


# What will be lost although all goes by the plan.


def foreseen(change, one, ends=None, targets=None, desired=None, now=START):
    given = Foreseen(Desired(desired or {}), now, ends or {}, targets or {})
    return list(once.foresee(change, one, given))


def test_results_that_nobody_saves():
    one = job(Run(), **ENDED)
    done = stays(one, Reason.DONE)
    (told,) = foreseen(done, one)
    assert (told.code, told.address) == ("W506", one.address)
    assert told.span == one.resource.positions.value(("metadata", "name"))
    assert "or they are gone at 2026-11-23T08:00:00Z." in told.detail
    carried = replace(one, item=replace(one.item, carries_results=True))
    for end, when in ((None, "before long"), (START, "before long"), (START + HOUR, "at 2026-11-21T10:00:00Z")):
        (told,) = foreseen(done, replace(carried, item=replace(carried.item, deadline=end)))
        assert f"or they are gone {when}." in told.detail
    exact = replace(one.item, deadline=START + timedelta(microseconds=HOUR / timedelta(microseconds=1) + 5))
    assert "at 2026-11-21T10:00:00Z." in foreseen(done, replace(one, item=exact))[0].detail
    for quiet in (
        job(**ENDED),
        replace(one, record=replace(one.record, harvest=SAVED)),
        replace(one, item=replace(one.item, phase=Phase.FAILED)),
        replace(one, item=replace(one.item, deadline=START)),
        replace(one, item=None),
        replace(one, record=None),
        replace(one, resource=None),
    ):
        assert foreseen(done, quiet) == []
    assert foreseen(replace(done, reason=Reason.FAILED), one) == []
    assert len(foreseen(done, replace(one, resource=replace(one.resource, run=None)))) == 1


def test_a_run_that_differs_from_what_was_sent():
    one = job(**ENDED)
    bound_to = replace(one.record, shown={})
    one = replace(one, record=bound_to, item=replace(one.item, fields={"model": "models/other"}))
    (told,) = foreseen(stays(one, Reason.RUNNING, next_due=None), replace(one))
    assert (told.code, told.address) == ("W570", one.address)
    assert told.span == one.resource.positions.value(("spec", "model"))
    assert (
        "batches/b differs from what was run: model is models/other, and models/gemini-2.5-flash was sent."
        in told.detail
    )
    change = stays(one, Reason.FAILED)
    assert [one.code for one in foreseen(change, one)] == ["W570"]
    for quiet in (replace(one, item=None), replace(one, record=None)):
        assert foreseen(change, quiet) == []
    assert foreseen(replace(change, name="batches/x"), one) == []
    assert foreseen(replace(change, name=None), one) == []
    ignored = replace(one, resource=replace(one.resource, lifecycle=Lifecycle(ignore_changes=(("model",),))))
    assert foreseen(change, ignored) == []


def test_what_ends_before_the_runs_that_refer_to_it():
    requests = [{"key": "one", "request": {"contents": "x", "cachedContentRef": {"name": "handbook"}}}]
    given = {"like": {"requests": requests}, "beside": ["handbook"]}
    one = subject(
        JOB,
        declared=given,
        sent={"name": "b", **given},
        live={"name": "b", "state": "RUNNING", "created": "-3h", **given},
    )
    target, cached = at(CACHE), like(CACHE, {})
    made = Change(one.address, Action.CREATE, Reason.DECLARED)

    def ends(when, change=made, subject=one, desired=None, **more):
        return foreseen(change, subject, targets={target: START + when}, desired=desired, **more)

    day = timedelta(hours=24)
    assert ends(day) == []
    (told,) = ends(day - timedelta(seconds=1))
    assert (told.code, told.address, told.hint) == ("W507", one.address, None)
    (reference,) = {reference.written or reference.at for reference in one.resource.declared.references}
    assert told.span == one.resource.positions.value(("spec", *reference))
    assert told.detail.startswith(
        "CachedContent/handbook ends in 23h 59m unless it is renewed, and BatchJob/night refers"
    )
    assert ends(timedelta(0))[0].detail.startswith("CachedContent/handbook ends now unless")
    assert "ends now" in ends(-HOUR)[0].detail
    assert foreseen(made, one) == []
    running = stays(one, Reason.RUNNING)
    born = START - timedelta(hours=3)
    usual = born + day - HOUR - START
    assert ends(usual, running) == []
    assert [told.code for told in ends(usual - timedelta(seconds=1), running)] == ["W507"]
    late = replace(one, item=replace(one.item, created=START - day))
    longest = day - HOUR
    assert ends(longest, running, late) == []
    assert len(ends(longest - timedelta(seconds=1), running, late)) == 1
    unborn = replace(one, item=replace(one.item, created=None))
    assert ends(day - HOUR, running, unborn) == []
    assert len(ends(day - HOUR - timedelta(seconds=1), running, unborn)) == 1
    assert ends(timedelta(0), running, replace(one, item=None)) == []
    assert ends(timedelta(0), stays(one, Reason.FINISHED)) == []
    assert ends(timedelta(0), made, replace(one, resource=None)) == []
    # Of what it was made of, where that is known: it may be an older one.
    used = replace(one, record=replace(one.record, uses=("cachedContents/a", "cachedContents/z")))
    known = {"cachedContents/a": (target, START), "cachedContents/q": (target, START)}
    assert len(foreseen(running, used, ends=known, targets={target: START})) == 1
    assert foreseen(running, used, targets={target: START}) == []
    assert len(foreseen(made, used, ends=known, targets={target: START - HOUR})) == 1
    # What can be done about it.
    ttl = {target: cached}
    (told,) = ends(HOUR, desired=ttl)
    assert "ttl: 2d" in told.hint
    assert "every 8h until the job has ended" in told.hint
    never = {target: replace(cached, lifecycle=Lifecycle())}
    assert ends(HOUR, desired=never)[0].hint is None
    until = {target: replace(cached, declared=replace(cached.declared, expiry=Until(START)))}
    assert ends(HOUR, desired=until)[0].hint.startswith("Give it a later expireTime")
    endless = {target: replace(cached, declared=replace(cached.declared, expiry=None))}
    assert ends(HOUR, desired=endless)[0].hint is None


def test_edges_of_runs():
    one, resubmit = job(**ENDED), replace(SAVING, on_failed=Ending.RESUBMIT)
    gone_at = START + timedelta(hours=47)
    harvest = Change(one.address, Action.HARVEST, Reason.FINISHED, "batches/b", (), seen(one), gone_at)
    done = Change(one.address, Action.KEEP, Reason.DONE)
    second = replace(one.record, attempt=2, spec_tag=attempt_tag(one.resource.spec_tag, 2), fields=None)
    assert decided(replace(one, record=replace(second, harvest=SAVED)))[0].reason is Reason.DONE
    first_saved = replace(one.resource, receipt=receipt(one))
    assert decided(replace(one, record=second, resource=first_saved)) == [harvest]
    unruled = replace(one.resource, run=None)
    assert decided(replace(one, resource=unruled)) == [stays(one, Reason.DONE, note=once.UNSAVED)]
    lacking = replace(unruled, receipt=receipt(one, "a"))
    said = "its results were saved from batches/old"
    assert decided(replace(one, resource=lacking, record=None)) == [replace(done, note=f"{said}; 1 without a result")]
    whole = replace(one.resource, run=resubmit, receipt=receipt(one))
    assert decided(replace(one, resource=whole, record=None)) == [replace(done, note=said)]
    assert decided(replace(one, resource=whole, item=None)) == [done]
    for counts, due in ((Counts(9, 9, 0), None), (Counts(9, 8, 1), START)):
        counted = replace(one, resource=replace(one.resource, run=resubmit), item=replace(one.item, counts=counts))
        assert decided(counted) == [replace(harvest, next_due=due)]
    timed = job(replace(SAVING, deadline=HOUR), **RUNS)
    assert decided(replace(timed, item=replace(timed.item, created=None))) == [stays(timed, Reason.RUNNING)]
    nobody = replace(one, resource=None, record=None)
    delete = Change(one.address, Action.DELETE, Reason.DUPLICATE, "batches/b", (), seen(one))
    assert once.duplicate(nobody, one.item) == delete
    with pytest.raises(ValueError, match="cannot be made into steps"):
        steps(Change(one.address, Action.DELETE, Reason.DONE), one)


def test_an_older_run_without_a_mark():
    one = subject(NIGHT, declared={}, sent={"name": "r"}, live={"name": "q"})
    one = replace(one, generation=Generation(one.address, ""))
    assert list(once.old(one)) == [stays(one, Reason.SUPERSEDED)]


def test_a_warning_stands_where_the_reference_is_written():
    one = job(**ENDED)
    made = Change(one.address, Action.CREATE, Reason.DECLARED)
    other, cached = at("guide"), at(CACHE)
    for references, at_path in (
        ((Reference(("model",), cached, "name"), Reference(("x",), other, "name")), ("model",)),
        ((Reference(("x",), other, "name"), Reference(("y",), cached, "name", ("model",))), ("model",)),
    ):
        declared = replace(one.resource.declared, references=references)
        referring = replace(one, resource=replace(one.resource, declared=declared))
        (told,) = foreseen(made, referring, targets={cached: START})
        assert told.span == one.resource.positions.value(("spec", *at_path))
        assert told.span != one.resource.positions.value(("spec",))


def test_what_is_renewed_only_where_its_end_moves():
    hook = bound(declared={"like": {"uri": "https://y.invalid"}})
    (patch,) = decided(hook)
    assert list(renewable.steps(patch, hook, TAG)) == [make.patch(hook.resource, hook.kind, patch, hook.record, TAG)]
    one = cache()
    name = "cachedContents/a"
    delete = Change(one.address, Action.DELETE, Reason.SUPERSEDED, name)
    assert steps(delete, one) == [make.delete(one.address, one.kind, name)]
    anew = Change(one.address, Action.REPLACE, Reason.EDITED, name, (aim(one),), seen(one))
    assert [step.op for step in steps(anew, one)] == [Op.CREATE, Op.UPDATE]
    assert steps(anew, one)[1].ceiling == one.item.deadline
