"""What people and programs are shown of the members of a resource: how many, which of them, and how far it is."""

from __future__ import annotations

from dataclasses import replace
from html import unescape

from made_plan import HEADER, at, step

from gemctl.core.change import Action, Change, MemberCounts, Reason
from gemctl.core.event import Status, StepEvent, Syncing
from gemctl.core.plan import Plan, Sync
from gemctl.core.quantities import Tokens
from gemctl.core.record import Op
from gemctl.core.resource import Desired
from gemctl.render import html, human, json, markdown
from gemctl.render.outline import Report
from gemctl.render.paint import Paint

STORE = at("FileSearchStore/handbook")
COUNTS = MemberCounts(2, 1, 1, 6, failed=1, bytes=5000, indexed=Tokens(1250, 833, 2000))
NOTE = "documents: 2 to add, 1 to replace, 1 to delete, 6 kept, 1 failed, about 1,250 tokens to index"
CHANGE = Change(STORE, Action.UPDATE, Reason.EDITED, "fileSearchStores/a", note=NOTE, members=COUNTS)
SYNC = Sync("document", "t" * 13, (("b.md", ()), ("a/c.md", ()), ("a.md", ("x",))), (("d.md", "y"),), 9)


def a_plan(change: Change = CHANGE, sync: Sync = SYNC) -> Plan:
    return Plan(HEADER, (change,), (step(STORE, Op.SYNC, "fileSearchStores/a", sync=sync),))


def test_they_are_counted_and_named_only_when_verbose():
    short = human.plan(a_plan(), Desired(), Paint())
    long = human.plan(a_plan(), Desired(), Paint(), verbose=True)
    assert f"      {NOTE}\n" in short and ".md" not in short
    assert long.partition(NOTE)[2].splitlines()[:6] == [
        "", "        ± a.md", "        + a/c.md", "        + b.md", "        - d.md", ""
    ]  # fmt: skip


def test_of_very_many_the_first_are_named_and_the_others_counted():
    many = replace(SYNC, make=tuple((f"{number:05}.md", ()) for number in range(12_345)), drop=())
    lines = human.plan(a_plan(sync=many), Desired(), Paint(), verbose=True).splitlines()
    assert "        + 00049.md" in lines and "        + 00050.md" not in lines
    assert "        … and 12,295 more" in lines


def test_a_path_cannot_talk_to_a_terminal():
    sly = replace(SYNC, make=(("a\x1b[31m\u202eb.md", ()),), drop=())
    text = human.plan(a_plan(sync=sly), Desired(), Paint(), verbose=True)
    assert "\x1b" not in text and "\u202e" not in text


def test_a_change_that_makes_none_names_none():
    kept = replace(CHANGE, action=Action.KEEP, reason=Reason.IN_SYNC, members=MemberCounts(keep=9))
    text = human.plan(Plan(HEADER, (kept,), ()), Desired(), Paint(), verbose=True)
    assert ".md" not in text


def test_programs_get_all_counts():
    (change,) = json.plan(a_plan())["changes"]
    assert change["members"] == {
        "add": 2, "replace": 1, "delete": 1, "keep": 6, "failed": 1, "lost": 0, "bytes": 5000,
        "indexed": {"likely": 1250, "low": 833, "high": 2000},
    }  # fmt: skip
    unknown = replace(CHANGE, members=replace(COUNTS, indexed=Tokens(0, 0, None)))
    assert json.plan(a_plan(unknown))["changes"][0]["members"]["indexed"]["high"] is None
    assert "members" not in json.plan(a_plan(replace(CHANGE, members=None)))["changes"][0]


def test_comments_and_pages_have_the_counts():
    report = Report(plan=a_plan(), desired=Desired(), project="library")
    assert NOTE in unescape(html.plan(report))
    assert NOTE in unescape(markdown.plan(report))


def test_a_step_that_ended_says_how_many_are_done():
    ended = StepEvent("id", STORE, Op.SYNC, Status.DONE, "fileSearchStores/a")
    for done, failed, total, status, said in [
        (12, 0, 12, Status.DONE, "12 documents"),
        (1, 0, 1, Status.DONE, "1 document"),
        (9, 3, 1200, Status.FAILED, "9 of 1,200 documents  failed"),
    ]:
        one = replace(ended, status=status, members=Syncing(STORE, "document", done, failed, total))
        sign = "✓" if status is Status.DONE else "✗"
        assert human.step(one, Paint()) == f"{sign} sync    FileSearchStore/handbook  fileSearchStores/a  {said}"
        assert json.event(one)["members"] == {"done": done, "failed": failed, "total": total}
    assert human.step(ended, Paint()) == "✓ sync    FileSearchStore/handbook  fileSearchStores/a"
    assert "members" not in json.event(ended)


def test_a_line_for_programs_says_how_far_it_is():
    line = {"type": "members", "address": str(STORE), "done": 7, "failed": 1, "total": 20}
    assert json.event(Syncing(STORE, "document", 7, 1, 20)) == line
