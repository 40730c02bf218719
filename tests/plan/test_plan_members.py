"""What becomes of the many objects that come with one resource: values in, values out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from values import START

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, MemberCounts, Reason
from gemctl.core.digest import sha256
from gemctl.core.live import LiveObject, LiveState, Phase
from gemctl.core.mark import Mark, address_tag, owner_tag
from gemctl.core.members import as_resource, chains, member_address, member_tag, path_of, resource_of
from gemctl.core.ownership import Ownership, SeenMembers
from gemctl.core.plan import Step, Sync
from gemctl.core.record import Closed, Intent, Ledger, Members, Op, Origin, Record, row
from gemctl.core.resource import Attachment, Desired, Lifecycle, Resource
from gemctl.core.source import Positions, Span
from gemctl.kinds import CATALOGUE
from gemctl.plan.members import Listed, failed, sources, sync_of, with_members

KIND = CATALOGUE["FileSearchStore"]
DOCUMENT = KIND.members
STORE = Address("FileSearchStore", "s")
NAME = "fileSearchStores/s"
OWNER, OTHER = owner_tag("p", "s"), owner_tag("p", "t")
TAG = address_tag(STORE)
SINCE = START + timedelta(minutes=2)  # until then creates may surface
OLD = "o" * 13


def resource(*paths, imports=(), **texts):
    """A store with these files, which hold their own names, or other texts."""
    found = []
    for path in sorted({*paths, *texts}):
        data = texts.get(path, path).encode()
        found.append(Attachment(sha256(data), len(data), path=path, binary=True))
    entries = [{"files": "*"}, *({"fileRef": {"name": name}} for name in imports)]
    spec = KIND.spec.model_validate({"documents": entries})
    declared = KIND.declare(spec, {("documents", 0, "files"): tuple(found)})
    return Resource(STORE, declared, Lifecycle(), (), {}, {}, Positions(Span("s.yaml", 1, 1, 1, 1)))


AB = resource("a.txt", "b.txt")
A, B = (AB.declared.members[path].tag for path in ("a.txt", "b.txt"))


def record(**more):
    return Record(NAME, AB.spec_tag, Origin.CREATED, TAG, **more)


def ledger(intents=(), bound=None, **rows):
    """With these rows, of which the name has `_` for the dot."""
    known = {name.replace("_", "."): text for name, text in rows.items()}
    return Ledger(
        "l",
        records={STORE: bound or record()},
        members={STORE: known} if known else {},
        intents={one.id: one for one in intents},
    )


def store(held=None, **more):
    return LiveObject(KIND.name, NAME, "", "", Mark(OWNER, TAG, AB.spec_tag), {}, {}, held=held, **more)


def lying(path, id_, spec, *, owner=OWNER, of=TAG, after=0, **more):
    """A document in the store."""
    mark = Mark(owner, member_tag(of, path), spec) if owner else None
    name = f"{NAME}/documents/{id_}"
    created = START + timedelta(seconds=after)
    how = {"display_name": path, "shown_name": path, **more}
    return LiveObject(DOCUMENT.name, name, mark=mark, fields={}, outputs={}, created=created, parent=NAME, **how)


def look(known, *here, wanted=AB, held=-1, now=SINCE, quiet=False):
    """What is found where the list shows these; the store counts them all, or so many."""
    above = store(len(here) if held == -1 else held)
    live = LiveState({KIND.name: (above,), DOCUMENT.name: here}, now, frozenset({NAME} if quiet else ()))
    found = Listed(known, live, OWNER, CATALOGUE)
    found.look_through(Desired({STORE: wanted} if wanted else {}), known.records, SINCE)
    return found


# Names


def test_names_of_members():
    at = member_address(DOCUMENT, STORE, "docs/a.txt")
    assert str(at) == "FileSearchDocument/s/docs/a.txt"
    assert (resource_of(at, "FileSearchStore"), path_of(at)) == (STORE, "docs/a.txt")
    assert len(member_tag(TAG, "a")) == 13
    assert (
        len({member_tag(of, path) for of in (TAG, address_tag(Address("FileSearchStore", "t"))) for path in "ab"}) == 4
    )


def test_a_member_as_a_resource():
    one = as_resource(AB, "a.txt", DOCUMENT)
    assert (one.address, one.generated_by, one.display_name) == (
        member_address(DOCUMENT, STORE, "a.txt"),
        STORE,
        "a.txt",
    )
    assert one.spec_tag == A
    imported = as_resource(resource(imports=["w"]), "File/w", DOCUMENT)
    assert [reference.target for reference in imported.declared.references] == [Address("File", "w")]


def test_the_steps_of_a_sync():
    sync = Sync("document", TAG, (("a.txt", ("1", "2")), ("b.txt", ())), (("c.txt", "3"),))
    step = Step("s", STORE, Op.SYNC, KIND.name, None, NAME, sync=sync)
    first, second, third = chains(step, sync, AB, DOCUMENT, OWNER, NAME)
    assert [one.op for one in first] == [Op.CREATE, Op.DELETE, Op.DELETE]
    assert first[0].call.path == f"{NAME}:uploadToFileSearchStore" and first[0].call.under is None
    assert (first[0].record.address_tag, first[0].record.spec_tag) == (member_tag(TAG, "a.txt"), A)
    assert [one.name for one in first[1:]] == [f"{NAME}/documents/1", f"{NAME}/documents/2"]
    assert [one.op for one in second] == [Op.CREATE]
    assert [(one.op, one.name, one.call.method) for one in third] == [(Op.DELETE, f"{NAME}/documents/3", "DELETE")]
    (alone,) = chains(step, replace(sync, make=()), None, DOCUMENT, OWNER, NAME)
    assert alone == third
    with pytest.raises(KeyError):
        list(chains(step, sync, None, DOCUMENT, OWNER, NAME))
    with pytest.raises(KeyError):
        list(chains(step, replace(sync, make=(("gone.txt", ()),)), AB, DOCUMENT, OWNER, NAME))


# What there is


def rows(found):
    return {entry.of: dict(entry.rows) for entry in found.entries if isinstance(entry, Members)}


def test_a_list_that_shows_what_is_recorded_says_nothing_new():
    known = ledger(a_txt=row(A, "1"), b_txt=row(B, "2"))
    found = look(known, lying("a.txt", "1", A), lying("b.txt", "2", B))
    assert found.entries == [] and found.seen == {STORE: SeenMembers({})}


def test_what_a_list_shows_is_recorded():
    found = look(ledger(), lying("a.txt", "1", A), lying("b.txt", "2", B, phase=Phase.FAILED))
    assert rows(found) == {STORE: {"a.txt": row(A, "1"), "b.txt": row(B, "2", failed=True)}}
    assert found.seen[STORE].gone == frozenset()


def test_what_is_gone_and_what_is_others():
    known = ledger(a_txt=row(A, "1"), b_txt=row(B, "2"), c_txt=row(OLD, "3"))
    theirs = lying("b.txt", "7", B, owner=None), lying("b.txt", "8", B, owner=OTHER), lying("x", "9", B, of="n" * 13)
    found = look(known, lying("a.txt", "1", A), *theirs)
    assert rows(found) == {STORE: {"a.txt": row(A, "1")}}
    assert found.seen[STORE] == SeenMembers({}, gone=frozenset({"b.txt", "c.txt"}), strangers=3)


def test_a_list_that_comes_short_takes_nothing_away():
    known = ledger(a_txt=row(A, "1"), b_txt=row(B, "2"))
    found = look(known, lying("a.txt", "1", A), held=2)
    assert found.entries == [] and found.seen[STORE] == SeenMembers({}, short=True)
    empty = look(known, held=2)
    assert empty.entries == [] and empty.seen[STORE].short
    news = look(known, lying("a.txt", "3", A, after=1), held=2)
    assert rows(news) == {STORE: {"a.txt": row(A, "3"), "b.txt": row(B, "2")}}, "what it does show counts"
    uncounted = look(known, held=None)
    assert rows(uncounted) == {STORE: {}}


def test_what_is_not_done_is_said():
    found = look(ledger(), lying("a.txt", "1", A, phase=Phase.WAITING))
    assert found.seen[STORE].waiting and rows(found) == {STORE: {"a.txt": row(A, "1")}}


SAME = {
    # what lies there of one path; which is bound, and which are more
    "the bound one stays": ([("1", A, {}), ("2", A, {"after": -9})], "1", ("2",)),
    "of two that nobody knows the older one": ([("7", A, {"after": 5}), ("8", A, {})], "8", ("7",)),
    "what is declared before what was": ([("1", OLD, {}), ("9", A, {"after": 5})], "9", ("1",)),
    "what was indexed before what failed": ([("8", A, {"phase": Phase.FAILED}), ("9", A, {"after": 5})], "9", ("8",)),
    "what was indexed before the bound one that failed": (
        [("1", A, {"phase": Phase.FAILED}), ("9", A, {"after": 5})],
        "9",
        ("1",),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_of_several_with_one_mark_one_is_bound(name):
    given, first, more = SAME[name]
    found = look(ledger(a_txt=row(A, "1")), *(lying("a.txt", id_, spec, **how) for id_, spec, how in given))
    bound = rows(found).get(STORE, {"a.txt": row(A, "1")})["a.txt"]
    assert bound[14:] == first and found.seen[STORE].extra == {"a.txt": more}


def test_a_path_that_nobody_knows_any_more_is_told_by_the_name_and_the_mark():
    found = look(ledger(), lying("gone.txt", "1", OLD), lying("other.txt", "2", OLD, display_name="renamed"))
    assert rows(found) == {STORE: {"gone.txt": row(OLD, "1")}} and found.seen[STORE].strangers == 1
    undeclared = look(ledger(), lying("a.txt", "1", A), wanted=None)
    assert rows(undeclared) == {STORE: {"a.txt": row(A, "1")}}


def test_a_store_that_was_moved_keeps_the_tag_in_its_marks():
    tag = address_tag(Address("FileSearchStore", "before"))
    moved = replace(record(), address_tag=tag)
    found = look(ledger(bound=moved), lying("a.txt", "1", A, of=tag), lying("b.txt", "2", B))
    assert rows(found) == {STORE: {"a.txt": row(A, "1")}} and found.seen[STORE].strangers == 1


def test_where_nothing_was_listed_nothing_is_said():
    known = ledger(a_txt=row(A, "1"))
    assert look(known, quiet=True).seen == {}
    other = Ledger("l", records={STORE: replace(record(), name="fileSearchStores/gone")}, members=known.members)
    assert look(other, lying("a.txt", "1", A)).entries == []


def sent(path="a.txt", spec=A, ago=0):
    at = START - timedelta(seconds=ago)
    return Intent("i1", Op.CREATE, member_address(DOCUMENT, STORE, path), at, member_tag(TAG, path), spec)


def test_what_became_of_what_was_sent_without_an_answer():
    found = look(ledger([sent()]), lying("a.txt", "1", A))
    assert found.entries[-1] == Closed("i1", "found in the list") and found.unresolved == []
    soon = look(ledger([sent()]), now=START)
    assert soon.unresolved == [sent()] and not [one for one in soon.entries if isinstance(one, Closed)]
    late = look(ledger([sent()]), lying("a.txt", "1", OLD))
    assert late.entries[-1] == Closed("i1", "it has not surfaced") and late.unresolved == []
    gone = Ledger("l", intents={"i1": sent()})
    (entry,) = look(gone, now=START).entries
    assert entry == Closed("i1", "FileSearchStore/s is gone, and all under it")
    other = Intent("i2", Op.CREATE, Address("File", "f"), START, "x", "y")
    assert look(Ledger("l", intents={"i2": other}), now=START).entries == []


# What to do


def own(known, **seen):
    return Ownership(known, members={STORE: SeenMembers(**{"extra": {}, **seen})} if seen else {})


KEEP = Change(STORE, Action.KEEP, Reason.IN_SYNC, NAME)
SYNCS = {
    # what the ledger has, what the list showed: what is made, and what goes
    "all is there": ({"a_txt": row(A, "1"), "b_txt": row(B, "2")}, {}, (), ()),
    "nothing is there": ({}, {}, (("a.txt", ()), ("b.txt", ())), ()),
    "one is edited": ({"a_txt": row(OLD, "1"), "b_txt": row(B, "2")}, {}, (("a.txt", ("1",)),), ()),
    "one has failed": ({"a_txt": row(A, "1", failed=True), "b_txt": row(B, "2")}, {}, (), ()),
    "one that failed is edited": (
        {"a_txt": row(OLD, "1", failed=True), "b_txt": row(B, "2")}, {}, (("a.txt", ("1",)),), (),
    ),
    "one is declared no more": (
        {"a_txt": row(A, "1"), "b_txt": row(B, "2"), "c_txt": row(OLD, "3")}, {}, (), (("c.txt", "3"),),
    ),
    "duplicates go": (
        {"a_txt": row(A, "1"), "b_txt": row(B, "2")}, {"extra": {"a.txt": ("7", "8")}},
        (), (("a.txt", "7"), ("a.txt", "8")),
    ),
    "duplicates of what is edited go with it": (
        {"a_txt": row(OLD, "1"), "b_txt": row(B, "2")}, {"extra": {"a.txt": ("7",)}}, (("a.txt", ("1", "7")),), (),
    ),
    "duplicates of what is declared no more": (
        {"a_txt": row(A, "1"), "b_txt": row(B, "2"), "c_txt": row(OLD, "3")}, {"extra": {"c.txt": ("4",)}},
        (), (("c.txt", "3"), ("c.txt", "4")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SYNCS)
def test_what_is_made_and_what_goes(name):
    known, seen, make, drop = SYNCS[name]
    sync = sync_of(KEEP, AB, own(ledger(**known), **seen), store(), DOCUMENT)
    assert (sync.what, sync.tag, sync.make, sync.drop) == ("document", TAG, make, drop)
    assert sync.held == 2


def test_without_a_state_a_short_list_makes_nothing():
    """What it lacks may be there; once the state is written anew, it is asked for by its name."""
    lost = replace(ledger(a_txt=row(A, "1")), known=False)
    assert sync_of(KEEP, AB, own(lost, short=True), store(2), DOCUMENT).make == ()
    assert sync_of(KEEP, AB, own(lost), store(1), DOCUMENT).make == (("b.txt", ()),)
    known = ledger(a_txt=row(A, "1"))
    assert sync_of(KEEP, AB, own(known, short=True), store(2), DOCUMENT).make == (("b.txt", ()),)


def test_under_a_new_object_all_is_made():
    known = ledger(a_txt=row(A, "1"), c_txt=row(OLD, "3"))
    for action, name in ((Action.CREATE, None), (Action.REPLACE, NAME)):
        change = Change(STORE, action, Reason.EDITED, name)
        sync = sync_of(change, AB, own(known, strangers=4), store(9), DOCUMENT)
        assert (sync.make, sync.drop, sync.held) == ((("a.txt", ()), ("b.txt", ())), (), 2)


def test_the_tag_in_the_marks_is_the_one_that_the_object_was_made_under():
    moved = replace(record(), address_tag="m" * 13)
    assert sync_of(KEEP, AB, own(ledger(bound=moved)), store(), DOCUMENT).tag == "m" * 13
    imported = replace(record(), address_tag="")
    assert sync_of(KEEP, AB, own(ledger(bound=imported)), store(), DOCUMENT).tag == TAG


def test_how_many_should_lie_there_afterwards():
    known = ledger(a_txt=row(A, "1"), c_txt=row(OLD, "3"))
    assert sync_of(KEEP, AB, own(known, strangers=4), store(6), DOCUMENT).held == 2 + 4
    assert sync_of(KEEP, AB, own(known), store(5), DOCUMENT).held == 2 + 3, (
        "the others are those that it counts beyond ours"
    )
    assert sync_of(KEEP, AB, own(known), store(1), DOCUMENT).held == 2
    assert sync_of(KEEP, AB, own(known), None, DOCUMENT).held == 2


def decided(change=KEEP, known=None, wanted=AB, held=None, **seen):
    ownership = own(known if known is not None else ledger(), **seen)
    desired = Desired({STORE: wanted} if wanted else {})
    (found,) = with_members([change], desired, ownership, {NAME: store(held)}, CATALOGUE)
    return found


WHOLE = {"a_txt": row(A, "1"), "b_txt": row(B, "2")}


def test_a_change_says_what_becomes_of_what_lies_there():
    kept = decided(known=ledger(**WHOLE))
    assert (kept.action, kept.reason, kept.note) == (Action.KEEP, Reason.IN_SYNC, "documents: 2 kept")
    assert kept.members == MemberCounts(keep=2)
    edited = decided(known=ledger(a_txt=row(OLD, "1"), c_txt=row(OLD, "3")))
    assert (edited.action, edited.reason) == (Action.UPDATE, Reason.EDITED)
    counts = edited.members
    assert (counts.add, counts.replace, counts.delete, counts.keep, counts.work) == (1, 1, 1, 0, 3)
    assert counts.bytes == len("a.txt") + len("b.txt") and counts.indexed.likely
    assert edited.note.startswith("documents: 1 to add, 1 to replace, 1 to delete, about ")


def test_what_was_there_and_is_gone_has_drifted():
    drifted = decided(known=ledger(a_txt=row(A, "1")), gone=frozenset({"b.txt"}))
    assert (drifted.action, drifted.reason) == (Action.UPDATE, Reason.DRIFTED)
    both = decided(known=ledger(), gone=frozenset({"b.txt"}))
    assert both.reason is Reason.EDITED, "the other is new"
    more = decided(known=ledger(a_txt=row(A, "1"), c_txt=row(OLD, "3")), gone=frozenset({"b.txt"}))
    assert more.reason is Reason.EDITED


def test_those_that_failed_are_counted_while_they_are_as_declared():
    known = {"a_txt": row(A, "1", failed=True), "b_txt": row(OLD, "2", failed=True)}
    assert decided(known=ledger(**known)).members.failed == 1
    assert failed(STORE, ledger(**known), AB) == ("a.txt",)
    assert failed(STORE, ledger(c_txt=row(OLD, "3", failed=True)), AB) == ()


def test_what_goes_with_its_object_is_counted():
    gone = decided(Change(STORE, Action.DELETE, Reason.UNDECLARED, NAME), wanted=None, held=7)
    assert gone.members == MemberCounts(lost=7) and gone.note == "7 documents in it go with it"
    one = decided(Change(STORE, Action.DELETE, Reason.UNDECLARED, NAME, note="so"), wanted=None, held=1)
    assert one.note == "so; 1 document in it goes with it"
    anew = decided(Change(STORE, Action.REPLACE, Reason.EDITED, NAME), ledger(**WHOLE), held=3)
    assert (anew.action, anew.members.add, anew.members.replace, anew.members.lost) == (Action.REPLACE, 2, 0, 3)
    assert decided(Change(STORE, Action.DELETE, Reason.UNDECLARED, NAME), wanted=None, held=0).note == ""


def test_what_is_left_alone():
    old = Change(STORE, Action.KEEP, Reason.IN_USE, "fileSearchStores/old")
    handed = replace(KEEP, reason=Reason.IN_USE)
    for change in (old, handed):
        assert decided(change, ledger()) == change
    contested = Ownership(ledger(), contested={STORE: "two objects"})
    assert with_members([KEEP], Desired({STORE: AB}), contested, {NAME: store()}, CATALOGUE) == (KEEP,)
    cache = Change(Address("CachedContent", "c"), Action.CREATE, Reason.DECLARED)
    assert with_members([cache], Desired(), own(ledger()), {}, CATALOGUE) == (cache,)


def test_what_is_needed_for_those_that_are_made():
    wanted = resource("a.txt", imports=["w", "v"])
    tags = {path: member.tag for path, member in wanted.declared.members.items()}
    known = replace(ledger(), members={STORE: {"File/w": row(tags["File/w"], "1")}})
    changed = decided(known=known, wanted=wanted)

    def needed(change, resource=wanted):
        return sources(change, Desired({STORE: resource}), own(known), {NAME: store()}, KIND)

    assert needed(changed) == [Address("File", "v")], "one is there, and a.txt is uploaded"
    assert needed(replace(changed, members=MemberCounts(keep=3))) == []
    assert needed(replace(changed, members=None)) == []
    assert needed(decided(known=ledger()), AB) == []
