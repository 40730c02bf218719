"""What is ours to change, to stop or to delete: the rule by itself, and where it is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from values import START as T0

from gemctl.core.address import Address
from gemctl.core.call import Call
from gemctl.core.change import Action, Change, Reason
from gemctl.core.live import LiveObject
from gemctl.core.mark import Mark, address_tag
from gemctl.core.plan import Step, Sync
from gemctl.core.record import Generation, Ledger, Op, Origin, Record
from gemctl.plan.ours import LEFT_ALONE, holder, not_ours, only_ours, ours

PROJECT, OTHER = "p" * 10, "q" * 10
AT, ELSEWHERE = Address("CachedContent", "handbook"), Address("CachedContent", "guide")
NAME = "cachedContents/a"
OURS, THEIRS = Mark(PROJECT, address_tag(AT), "s" * 13), Mark(OTHER, address_tag(AT), "s" * 13)
RECORD = Record(NAME, "s" * 13, Origin.CREATED, address_tag(AT), created=T0)
GENERATION = Generation(AT, address_tag(AT), created=T0)


def live(mark=OURS, created=T0, name=NAME):
    return LiveObject("CachedContent", name, "", "", mark, {}, {}, created=created, deadline=T0 + timedelta(hours=5))


def seconds(number):
    return T0 + timedelta(seconds=number)


def test_the_rule():
    imported, nameless = {"origin": Origin.IMPORTED}, {"echoed": False}
    rows = [
        # (what is live, how it is held, whether it is ours)
        (live(), {}, True),
        (live(created=None), {}, True),
        (live(created=seconds(900)), {}, True),  # a mark is enough
        (live(THEIRS), {}, False),
        (live(replace(OURS, address_tag=address_tag(ELSEWHERE))), {}, False),
        (live(None), {}, False),
        (live(None), imported, True),
        (live(THEIRS), imported, True),
        (live(None, seconds(2)), imported, True),
        (live(None, seconds(-2)), imported, True),
        (live(None, seconds(2.1)), imported, False),
        (live(None, seconds(-900)), imported, False),
        (live(None, None), imported, False),
        (live(None, None), {**imported, "created": None}, True),
        (live(None, seconds(900)), {**imported, "created": None}, True),
        (live(None), {"address_tag": ""}, True),  # as states of old say of an imported one
        (live(None, seconds(900)), {"address_tag": ""}, False),
        (live(THEIRS), {"address_tag": ""}, True),
        (live(None), nameless, True),
        (live(None, seconds(900)), nameless, False),
        (live(None, None), nameless, False),
        (live(None), {**nameless, "created": None}, False),
        (live(THEIRS), nameless, False),
    ]
    for number, (item, how, expected) in enumerate(rows):
        for held in (replace(RECORD, **how), replace(GENERATION, **how)):
            assert ours(item, held, PROJECT) is expected, (number, held)


def ledger():
    return Ledger(
        records={AT: RECORD}, retiring={"cachedContents/old": replace(GENERATION, address=AT)}, lineage="l", serial=1
    )


def test_who_holds_it():
    held = ledger()
    assert holder(held, AT, NAME) == RECORD
    assert holder(held, AT, "cachedContents/old") == held.retiring["cachedContents/old"]
    assert holder(held, AT, "cachedContents/b") is holder(held, ELSEWHERE, NAME) is None


def test_decisions_about_what_is_not_ours_become_one_to_leave_it_alone():
    def decided(action, item, *more):
        change = Change(AT, action, Reason.EDITED, NAME)
        return only_ours([change, *more], ledger(), {item.name: item} if item else {}, PROJECT)

    for action in Action:
        change = Change(AT, action, Reason.EDITED, NAME)
        assert decided(action, live()) == (change,), action
        assert decided(action, None) == (change,), action  # nothing is live of it: nothing is touched
        touches = action in (Action.UPDATE, Action.REPLACE, Action.DELETE, Action.CANCEL, Action.HARVEST)
        left = decided(action, live(THEIRS))
        assert (left == (change,)) is not touches, action
        if touches:
            (one,) = left
            assert (one.action, one.reason, one.name, one.note) == (Action.KEEP, Reason.EDITED, NAME, LEFT_ALONE)
            assert one.valid_until == T0 + timedelta(hours=5)
    both = decided(Action.UPDATE, live(THEIRS), Change(AT, Action.DELETE, Reason.EDITED, NAME))
    assert [one.action for one in both] == [Action.KEEP], "said once of one object"
    nameless = Change(AT, Action.DELETE, Reason.UNDECLARED)
    assert only_ours([nameless], ledger(), {NAME: live(THEIRS)}, PROJECT) == (nameless,)
    unheld = Change(ELSEWHERE, Action.DELETE, Reason.UNDECLARED, "cachedContents/x")
    (kept,) = only_ours([unheld], ledger(), {"cachedContents/x": live(name="cachedContents/x")}, PROJECT)
    assert (kept.action, kept.note) == (Action.KEEP, LEFT_ALONE)


def test_no_step_is_sent_at_what_is_not_known_to_be_ours():
    call = Call("DELETE", NAME)
    for op in Op:
        step = Step("id", AT, op, "CachedContent", call, NAME)
        sends = op in (Op.UPDATE, Op.DELETE, Op.CANCEL, Op.ACT, Op.SYNC)
        assert not_ours([step], ledger(), {NAME: live()}, PROJECT) == ()
        for seen in ({NAME: live(THEIRS)}, {NAME: live(None)}, {}):
            assert not_ours([step], ledger(), seen, PROJECT) == ((step,) if sends else ()), (op, seen)
    step = Step("id", AT, Op.DELETE, "CachedContent", call, NAME)
    assert not_ours([replace(step, call=None)], ledger(), {}, PROJECT) == ()  # forgets, and sends nothing
    assert not_ours([replace(step, name=None)], ledger(), {}, PROJECT) == ()
    inside = replace(step, op=Op.SYNC, call=None, sync=Sync("document", "m", drop=(("a", "1"),)))
    assert not_ours([inside], ledger(), {NAME: live()}, PROJECT) == ()
    assert not_ours([inside], ledger(), {NAME: live(THEIRS)}, PROJECT) == (inside,), "what lies in it is not ours"
    other = replace(step, address=ELSEWHERE)
    assert not_ours([step, other], ledger(), {NAME: live()}, PROJECT) == (other,), "live, marked, and held by nobody"
