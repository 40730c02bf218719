"""What each lifetime decides about one subject, to the last field, and the steps that follow of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from plan_cases import KINDS, TAG, at, item, like, record
from values import START

from gemctl.core.change import Action, Change, FieldChange, Reason, Seen
from gemctl.core.live import Phase
from gemctl.core.moment import parse_instant
from gemctl.core.record import Generation, Op, superseded
from gemctl.core.resource import Harvest, Lifecycle, Ttl, Until
from gemctl.plan import steps as make
from gemctl.plan.lifetimes import expires, forever, kept, once, policy, recorded, renewable
from gemctl.plan.lifetimes.kept import IN_USE
from gemctl.plan.lifetimes.policy import Subject

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


def seen(one: Subject) -> Seen:
    return Seen(one.item.name, one.item.deadline, one.item.updated)


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
    assert seen(one) == Seen(name, None, START - HOUR)


def test_a_hook_that_has_to_be_made():
    new = subject(HOOK, declared={})
    fields = (
        FieldChange(("uri",), None, "https://x.invalid"),
        FieldChange(("subscribedEvents",), None, ["done"]),
    )
    made = Change(new.address, Action.CREATE, Reason.DECLARED, None, fields, Seen(), estimated=True)
    assert decided(new) == [made]
    ends = START + timedelta(seconds=1)
    for deadline, reason, until in (
        (None, Reason.MISSING, None),
        (START, Reason.EXPIRED, None),
        (ends, Reason.MISSING, ends),
    ):
        gone = replace(new, record=replace(record(HOOK, {"name": "h"}, START), deadline=deadline))
        assert decided(gone) == [replace(made, reason=reason, until=until)]
    assert [step.op for step in steps(made, new)] == [Op.CREATE]


def test_a_hook_that_differs():
    one = bound(declared={"like": {"uri": "https://y.invalid"}}, note="imported")
    uri = (FieldChange(("uri",), "https://x.invalid", "https://y.invalid"),)
    name = "fakeWebhooks/h"
    patch = Change(one.address, Action.UPDATE, Reason.EDITED, name, uri, seen(one), tokens=7, note="imported")
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


def test_a_hook_that_nobody_wants():
    one = bound(live={"expires": "+1h"})
    one = replace(one, resource=None)
    gone = replace(one, item=None)
    name = "fakeWebhooks/h"
    delete = Change(one.address, Action.DELETE, Reason.UNDECLARED, name, (), seen(one), START + HOUR, tokens=7)
    forget = Change(one.address, Action.FORGET, Reason.UNDECLARED, name, (), Seen())
    assert (decided(one), decided(gone)) == ([delete], [forget])
    assert steps(delete, one) == [make.delete(one.address, one.kind, name)]
    assert steps(forget, gone) == [make.forget(one.address, one.kind, name)]
    double = replace(delete, reason=Reason.DUPLICATE)
    assert policy(one.kind).duplicate(one, one.item) == double
    old = Change(one.address, Action.DELETE, Reason.SUPERSEDED, name, (), seen(one), tokens=7)
    assert (list(forever.old(one)), list(forever.old(gone))) == ([old], [])


def test_a_hook_that_has_failed():
    one = bound(live={"phase": "failed", "why": "refused"})
    failed = Change(one.address, Action.KEEP, Reason.FAILED, "fakeWebhooks/h", (), seen(one), tokens=7)
    assert decided(one) == [replace(failed, note="refused; an edit makes it anew")]
    assert decided(replace(one, item=replace(one.item, why=""))) == [failed]
    assert decided(replace(one, resource=None))[0].action is Action.DELETE


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
    failed = replace(old, phase=Phase.FAILED)
    waiting = replace(old, phase=Phase.WAITING, created=START)
    assert sorted([failed, waiting, young], key=once.rank) == [young, waiting, failed]


# What it stores, and for how long.


def test_prices():
    one = bound(CACHE, live={"name": "a", "expires": "+20h"}, sent={"name": "a"})
    change = Change(one.address, Action.CREATE, Reason.DECLARED)
    resource, day = one.resource, timedelta(hours=24)
    guess = resource.declared.quantities.tokens
    assert guess > 0
    ttl = replace(change, hours=24.0, due=START + timedelta(hours=16))
    assert kept.priced(change, resource, None, START) == replace(ttl, tokens=guess, estimated=True)
    assert kept.priced(change, resource, one.item, START) == replace(ttl, tokens=5000)
    unknown = replace(one.item, tokens=None)
    assert kept.priced(change, resource, unknown, START) == replace(ttl, tokens=guess, estimated=True)
    never = replace(resource, lifecycle=Lifecycle())
    assert kept.priced(change, never, one.item, START) == replace(change, tokens=5000, hours=24.0, due=START + day)
    for expiry, hours in ((Until(START + day), 24.0), (Until(START - day), 0.0), (None, None)):
        other = replace(resource, declared=replace(resource.declared, expiry=expiry))
        assert kept.priced(change, other, one.item, START) == replace(change, tokens=5000, hours=hours)


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
    return replace(change, tokens=5000, hours=24.0, due=START + timedelta(hours=16))


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
    kept_as_it_is = replace(stays, seen=seen(endless), until=None, due=None)
    assert decided(endless) == [kept_as_it_is]
    resource = replace(one.resource, declared=replace(one.resource.declared, expiry=None))
    assert decided(replace(one, resource=resource)) == [replace(kept_as_it_is, seen=seen(one))]


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
        anew = replace(moved(one, Reason.EDITED, aim(one, end), until=until), due=None)
        assert decided(one) == [replace(stays, note="imported") if same else anew]


def test_a_cache_whose_end_has_come():
    one = cache("+1h", declared={"like": {"expireTime": "2026-11-21T09:00:00Z"}})
    name = "cachedContents/a"
    ended = Change(one.address, Action.KEEP, Reason.ENDED, name, (), seen(one), START + HOUR, None, 5000)
    assert decided(one) == [ended]
    gone = replace(one, item=None)
    forget = Change(one.address, Action.FORGET, Reason.ENDED, name, (), Seen())
    never = Change(one.address, Action.KEEP, Reason.ENDED, note="its expireTime is past; nothing is created")
    assert (decided(gone), decided(replace(gone, record=None))) == ([forget], [never])
    assert decided(replace(one, record=None)) == [never]
    later = subject(CACHE, declared={"like": {"expireTime": "2026-11-21T09:00:01Z"}})
    (made,) = decided(later)
    assert (made.action, made.reason, made.until) == (Action.CREATE, Reason.DECLARED, START + timedelta(seconds=1))
    fields = [change for change in made.fields if change.path == ("expireTime",)]
    assert fields == [FieldChange(("expireTime",), None, "2026-11-21T09:00:01Z")]


def test_a_cache_that_is_made_anew():
    """The new one first; the old one lives on for a while, by its own name and never longer than it had."""
    one = cache(declared={"like": {"contents": "other"}})
    (change,) = decided(one)
    assert (change.action, change.reason, change.name) == (Action.REPLACE, Reason.EDITED, "cachedContents/a")
    assert (change.seen, change.until, change.hours) == (seen(one), one.item.deadline, 24.0)
    create, retire = steps(change, one)
    older = superseded(one.address, one.record)
    ten = Ttl(timedelta(minutes=10))
    expected = make.retire(one.address, one.kind, change.name, older, ten, one.item.deadline)
    assert (create.op, retire) == (Op.CREATE, replace(expected, after=(create.id,)))
    unseen = steps(replace(change, seen=None), one)[1]
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
    change = replace(change, until=one.item.deadline - most, tokens=5000)
    assert list(renewable.old(one)) == [change]
    (step,) = steps(change, replace(one, record=None))
    assert step == make.retire(one.address, one.kind, name, one.generation, Ttl(ten), one.item.deadline)
    endless = replace(one, item=replace(one.item, deadline=None))
    (found,) = renewable.old(endless)
    assert (found.fields, found.until) == ((FieldChange(("expireTime",), None, "in 10m"),), None)
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
    expected = Change(one.address, Action.CREATE, Reason.DECLARED, None, made.fields, Seen(), None, due, attempt=3)
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
        assert decided(gone) == [replace(made, reason=reason, until=until)]
    asked = replace(file(rules=ON_DEMAND, needed=HOUR), record=None, item=None)
    assert decided(asked) == [replace(made, due=None, attempt=1)]
    idle = replace(asked, needed=None)
    note = "made when something that refers to it is"
    unneeded = Change(one.address, Action.KEEP, Reason.IN_SYNC, note=note)
    assert decided(idle) == [unneeded]
    assert decided(replace(idle, item=file().item)) == [unneeded]
    assert decided(replace(idle, resource=replace(idle.resource, leader=at(JOB)))) == []
    again = replace(asked, resource=replace(asked.resource, leader=at(JOB)))
    assert decided(again) == [replace(made, due=None, attempt=1)]


def test_a_file_that_lives_long_enough():
    one = file(rules=ALWAYS)
    turn = one.item.deadline - timedelta(hours=6)
    assert decided(one) == [keeps(one, until=turn, due=turn)]
    asked = replace(one, needed=timedelta(hours=9))
    turn = one.item.deadline - timedelta(hours=9)
    assert decided(asked) == [keeps(one, until=turn, due=turn)]
    idle = file(rules=ON_DEMAND)
    assert decided(idle) == [keeps(one)]
    needed = file(rules=ON_DEMAND, needed=HOUR)
    assert decided(needed) == [keeps(one, until=one.item.deadline - HOUR)]
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
    edited = replace(one, record=replace(one.record, spec="other", fields=fields))
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
    left = keeps(one, Reason.SUPERSEDED, until=end, tokens=7, note="it ends by itself")
    assert list(expires.old(one)) == [left]
    undeclared = Change(one.address, Action.DELETE, Reason.SUPERSEDED, one.item.name, (), seen(one), end, tokens=7)
    assert list(expires.old(replace(one, resource=None))) == [undeclared]
    assert list(expires.old(replace(one, item=None))) == []
    assert list(expires.foresee(left, one, None)) == []
    assert list(expires.foresee(left, one, None)) == []


def test_how_long_a_file_lives_is_in_its_lifetime():
    one = replace(bound(), kind=replace(KINDS["File"], lifetime=KINDS["FakeWebhook"].lifetime), record=None, item=None)
    assert decided_as_file(one).due == START
    assert decided_as_file(replace(one, kind=KINDS["File"])).due == START + timedelta(hours=48)


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
