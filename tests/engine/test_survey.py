"""What is asked of the service to see all that is live, and what is made of its answers."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from importlib import import_module

import pytest
from fakes.kinds import KINDS as FAKES
from values import START

from gemctl.core.errors import ApiError, Refused, Temporary
from gemctl.core.live import Expected
from gemctl.core.mark import Mark, write
from gemctl.core.record import row
from gemctl.engine.survey import list_all, survey
from gemctl.kinds import CATALOGUE

FAKE = {name: import_module(module).KIND for name, module in FAKES.items()}
KINDS = {**FAKE, **{name: CATALOGUE[name] for name in ("FileSearchStore", "FileSearchDocument")}}
HOUR = timedelta(hours=1)
MARK = Mark("p" * 10, "a" * 13, "s" * 13)
STORES, HOOKS = "fileSearchStores", "fakeWebhooks"


class Reply:
    def __init__(self, body) -> None:
        self.body = body


class Service:
    """`lists` are by path, each a list of answers in turn, the last of which is given again; `named` what is read by
    its name. Notes what it is asked.
    """

    def __init__(self, lists=None, named=None) -> None:
        self.lists, self.named = lists or {}, named or {}
        self.asked: list[str] = []
        self.open = 0
        self.threads: set[str] = set()
        self.daemons: set[bool] = set()
        self.lock = threading.Lock()

    def client(self):
        with self.lock:
            self.open += 1
        return self

    def close(self) -> None:
        with self.lock:
            self.open -= 1

    def _note(self, path) -> None:
        with self.lock:
            self.asked.append(path)
            self.threads.add(threading.current_thread().name)
            self.daemons.add(threading.current_thread().daemon)

    def pages(self, call):
        self._note(call.path)
        answers = self.lists.get(call.path, [[]])
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(found, Exception):
            raise found
        for entries in found if found and isinstance(found[0], list) else [found]:
            yield {call.pages.items: entries}

    def fetch(self, call):
        self._note(call.path)
        found = self.named.get(call.path)
        if found is None:
            raise Refused("It is not there.", status=404)
        if isinstance(found, Exception):
            raise found
        return Reply(found)


def hook(name, mark=None, **more):
    return {"id": name, "name": write("hook", mark) if mark else "somebody's", "uri": "u", **more}


def store(name, mark=None, **more):
    return {"name": f"fileSearchStores/{name}", "displayName": write("s", mark) if mark else "x", **more}


def document(of, name):
    return {"name": f"fileSearchStores/{of}/documents/{name}", "displayName": name, "state": "STATE_ACTIVE"}


def look(service, at_once=False, now=START, kinds=KINDS, **expected):
    """Live names by kind."""
    world = survey(expected, kinds, service.client, lambda: now, at_once)
    assert service.open == 0
    assert world.now == now
    return {kind: [item.name for item in items] for kind, items in world.listings.items()}


@pytest.mark.parametrize("at_once", [False, True])
def test_a_list_that_lacks_nothing_is_enough(at_once):
    service = Service({HOOKS: [[[hook("a"), hook("b")], [hook("b"), hook("c")]]]})
    found = look(service, at_once, FakeWebhook=Expected({"fakeWebhooks/b": None}))
    assert found == {"FakeWebhook": ["fakeWebhooks/a", "fakeWebhooks/b", "fakeWebhooks/c"]}
    assert service.asked == [HOOKS]


def test_an_item_on_two_pages_is_taken_as_it_was_last_seen():
    service = Service({HOOKS: [[[hook("a", uri="old")], [hook("a", uri="new")]]]})
    (one,) = list_all(service, KINDS["FakeWebhook"])
    assert one.fields["uri"] == "new"


def test_what_a_list_lacks_is_looked_for_in_another_and_then_by_its_name():
    service = Service({HOOKS: [[hook("a")], [hook("b")]]}, {"fakeWebhooks/c": hook("c")})
    names = dict.fromkeys(["fakeWebhooks/b", "fakeWebhooks/c", "fakeWebhooks/d"])
    found = look(service, FakeWebhook=Expected(names))
    assert found == {"FakeWebhook": ["fakeWebhooks/a", "fakeWebhooks/b", "fakeWebhooks/c"]}
    assert service.asked == [HOOKS, HOOKS, "fakeWebhooks/c", "fakeWebhooks/d"]


def test_what_is_over_is_not_asked_for_by_name():
    """Its end counts where nobody can move it; else two lists have to lack it."""
    for end, final, asked in (
        (START, False, [HOOKS, HOOKS]),
        (START, True, [HOOKS]),
        (START + HOUR, True, [HOOKS, HOOKS, "fakeWebhooks/a"]),
        (START + HOUR, False, [HOOKS, HOOKS, "fakeWebhooks/a"]),
        (None, True, [HOOKS, HOOKS, "fakeWebhooks/a"]),
        (None, False, [HOOKS, HOOKS, "fakeWebhooks/a"]),
    ):
        service = Service()
        look(service, FakeWebhook=Expected({"fakeWebhooks/a": end}, final=final))
        assert service.asked == asked, (end, final)


def test_without_a_state_there_are_two_lists():
    service = Service()
    look(service, FakeWebhook=Expected(blind=True))
    assert service.asked == [HOOKS, HOOKS]


def test_what_was_never_answered_is_looked_for_twice_once_it_is_decided():
    made, other = hook("a", MARK), hook("b", Mark(MARK.owner, MARK.address_tag, "t" * 13))
    unheard = frozenset({(MARK.address_tag, MARK.spec_tag)})
    for entries, decided, lists in (
        ([made], START, 1),
        ([other], START, 2),
        ([hook("c")], START, 2),
        ([hook("d", Mark(MARK.owner, "b" * 13, MARK.spec_tag))], START, 2),
        ([], START - HOUR, 2),
        ([], START + HOUR, 1),
        ([], None, 1),
    ):
        service = Service({HOOKS: [entries]})
        look(service, FakeWebhook=Expected(unheard=unheard, decided=decided))
        assert service.asked == [HOOKS] * lists, (entries, decided)
    both = unheard | {("c" * 13, MARK.spec_tag)}
    service = Service({HOOKS: [[made]]})
    look(service, FakeWebhook=Expected(unheard=both, decided=START))
    assert service.asked == [HOOKS] * 2


def test_what_cannot_be_listed_is_asked_for_by_name():
    service = Service(named={"fakeRuns/r": {"id": "r", "status": "completed"}})
    found = look(service, FakeRun=Expected({"fakeRuns/r": None, "fakeRuns/s": None}))
    assert (found, service.asked) == ({"FakeRun": ["fakeRuns/r"]}, ["fakeRuns/r", "fakeRuns/s"])


def test_many_names_are_asked_for_side_by_side_and_come_in_their_order():
    names = [f"fakeRuns/r{n:02}" for n in range(19)]
    service = Service(named={name: {"id": name.partition("/")[2], "status": "completed"} for name in names[::2]})
    found = look(service, True, FakeRun=Expected(dict.fromkeys(names)))
    assert found == {"FakeRun": names[::2]}
    assert sorted(service.asked) == names
    assert service.threads == {f"gemctl look {n}" for n in range(8)}
    alone = Service(named=service.named)
    assert look(alone, FakeRun=Expected(dict.fromkeys(names))) == found
    assert alone.asked == names
    assert alone.threads == {"MainThread"}
    one = Service(named=service.named)
    look(one, True, FakeRun=Expected({names[0]: None}))
    assert one.threads == {"MainThread"}
    two = Service(named=service.named)
    look(two, True, FakeRun=Expected(dict.fromkeys(names[:2])))
    assert two.threads == {"gemctl look 0", "gemctl look 1"}


def test_kinds_are_listed_side_by_side():
    service = Service({HOOKS: [[hook("a")]], STORES: [[store("s")]]})
    found = look(service, True, FakeWebhook=Expected(), FileSearchStore=Expected())
    assert found == {"FakeWebhook": ["fakeWebhooks/a"], "FileSearchStore": ["fileSearchStores/s"]}
    assert list(found) == ["FakeWebhook", "FileSearchStore"]
    assert service.threads == {"gemctl look 0", "gemctl look 1"}
    alone = Service({HOOKS: [[hook("a")]], STORES: [[store("s")]]})
    assert look(alone, FakeWebhook=Expected(), FileSearchStore=Expected()) == found
    assert (alone.asked, alone.threads) == ([HOOKS, STORES], {"MainThread"})


def test_what_lies_under_a_parent():
    """Under those that are bound or carry our mark, after them; parents that nobody asked about are not told."""
    owner = MARK.owner
    theirs = Mark("q" * 10, MARK.address_tag, MARK.spec_tag)
    stores = [store("ours", MARK), store("theirs", theirs), store("bound"), store("other")]
    lists = {
        STORES: [stores],
        "fileSearchStores/ours/documents": [[document("ours", "a")]],
        "fileSearchStores/bound/documents": [[document("bound", "b")]],
    }
    service = Service(dict(lists))
    bound = Expected({"fileSearchStores/bound": None})
    found = look(service, FileSearchDocument=Expected(owner=owner), FileSearchStore=bound)
    assert found["FileSearchDocument"] == ["fileSearchStores/ours/documents/a", "fileSearchStores/bound/documents/b"]
    assert service.asked == [STORES, "fileSearchStores/ours/documents", "fileSearchStores/bound/documents"]
    service = Service(dict(lists))
    found = look(service, True, FileSearchDocument=Expected(owner=owner))
    assert found == {"FileSearchDocument": ["fileSearchStores/ours/documents/a"]}
    assert service.asked == [STORES, "fileSearchStores/ours/documents"]


def test_a_document_that_lists_lack_is_asked_for_by_its_name():
    name = "fileSearchStores/ours/documents/a"
    service = Service({STORES: [[store("ours", MARK)]]}, {name: document("ours", "a")})
    found = look(service, FileSearchDocument=Expected({name: None}, owner=MARK.owner))
    assert found == {"FileSearchDocument": [name]}
    assert service.asked == [STORES, f"{name[:-2]}", f"{name[:-2]}", name]
    service = Service({STORES: [[]]})
    look(service, FileSearchDocument=Expected(blind=True, owner=MARK.owner))
    assert service.asked == [STORES]


def test_under_a_parent_that_shows_that_nothing_moved_there_is_nothing_to_list():
    quiet, moved = store("quiet", MARK, activeDocumentsCount="1"), store("moved", MARK, activeDocumentsCount="2")
    read = KINDS["FileSearchStore"].remote.read
    shown = {item.name: item.children for item in map(read, (quiet, moved))}
    settled = {
        "fileSearchStores/quiet": shown["fileSearchStores/quiet"],
        "fileSearchStores/moved": "before",
        "fileSearchStores/away": "",
    }
    below = {"fileSearchStores/quiet": {"k": row("t" * 13, "k")}, "fileSearchStores/away": {"x": row("t" * 13, "x")}}
    lists = {STORES: [[quiet, moved]], "fileSearchStores/moved/documents": [[document("moved", "m")]]}
    expected = Expected(owner=MARK.owner, below=below, settled=settled)
    service = Service(dict(lists))
    live = survey({"FileSearchDocument": expected}, KINDS, service.client, lambda: START, False)
    assert [one.name for one in live.items("FileSearchDocument")] == ["fileSearchStores/moved/documents/m"]
    assert live.quiet == {"fileSearchStores/quiet"}
    assert service.asked == [STORES, "fileSearchStores/moved/documents"]
    mute = replace(KINDS["FileSearchStore"].remote, read=lambda reply: replace(read(reply), children=""))
    mute = {**KINDS, "FileSearchStore": replace(KINDS["FileSearchStore"], remote=mute)}
    service = Service(dict(lists))
    silent = Expected(owner=MARK.owner, settled={"fileSearchStores/quiet": ""})
    look(service, kinds=mute, FileSearchDocument=silent)
    assert service.asked == [STORES, "fileSearchStores/quiet/documents", "fileSearchStores/moved/documents"]


def test_rows_that_the_ledger_has_are_expected_under_what_is_listed():
    """A list that lacks one is not believed; the rows of parents that are not listed are nobody's business."""
    path = "fileSearchStores/ours/documents"
    below = {
        "fileSearchStores/ours": {"a.txt": row("t" * 13, "a"), "b.txt": row("t" * 13, "b", failed=True)},
        "fileSearchStores/away": {"c.txt": row("t" * 13, "c")},
    }
    lists = {STORES: [[store("ours", MARK)]], path: [[document("ours", "a")]]}
    service = Service(lists, {f"{path}/b": document("ours", "b")})
    found = look(service, FileSearchDocument=Expected(owner=MARK.owner, below=below))
    assert found == {"FileSearchDocument": [f"{path}/a", f"{path}/b"]}
    assert service.asked == [STORES, path, path, f"{path}/b"]


def test_what_is_not_of_the_apis_shape_is_no_empty_list():
    for entries in ({"no": "list"}, [{"id": 7}], [{}]):
        service = Service()
        service.pages = lambda call, entries=entries: iter([{call.pages.items: entries}])
        with pytest.raises(Refused) as refused:
            look(service, FakeWebhook=Expected())
        assert refused.value.code == "E304"
    for body in ({"id": 7}, {"id": "other", "status": "completed"}):
        with pytest.raises(Refused) as refused:
            look(Service(named={"fakeRuns/r": body}), FakeRun=Expected({"fakeRuns/r": None}))
        assert refused.value.code == "E304"
    with pytest.raises(Refused) as refused:
        look(Service(), FakeRun=Expected({"no name": None}))
    assert refused.value.code == "E309"


@pytest.mark.parametrize("at_once", [False, True])
def test_a_list_that_cannot_be_read_raises(at_once):
    trouble = Temporary("Not now.", status=503)
    with pytest.raises(Temporary):
        look(Service({HOOKS: [trouble]}), at_once, FakeWebhook=Expected(), FileSearchStore=Expected())
    with pytest.raises(ApiError):
        look(
            Service(named={"fakeRuns/r": trouble}),
            at_once,
            FakeRun=Expected(dict.fromkeys(["fakeRuns/r", "fakeRuns/s"])),
        )


def test_a_parent_that_is_gone_by_now_has_nothing_under_it():
    gone, busy = Refused("It is not there.", status=404), Temporary("Not now.", status=503)
    path = "fileSearchStores/ours/documents"
    expected = Expected(owner=MARK.owner)
    assert look(Service({STORES: [[store("ours", MARK)]], path: [gone]}), FileSearchDocument=expected) == {
        "FileSearchDocument": []
    }
    with pytest.raises(Temporary):
        look(Service({STORES: [[store("ours", MARK)]], path: [busy]}), FileSearchDocument=expected)
    with pytest.raises(Refused):
        look(Service({HOOKS: [gone]}), FakeWebhook=Expected())
    with pytest.raises(Refused):
        list_all(Service({HOOKS: [gone]}), KINDS["FakeWebhook"])


def test_nobody_has_to_wait_for_threads():
    service = Service()
    live = survey({"FakeWebhook": Expected(), "FileSearchStore": Expected()}, KINDS, service.client, lambda: START)
    assert dict(live.listings) == {"FileSearchStore": (), "FakeWebhook": ()}
    assert service.threads == {"gemctl look 0", "gemctl look 1"}
    assert service.daemons == {True}
