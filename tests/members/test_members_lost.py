"""Answers, states and runs are lost; no document is ever sent again that is there, and none stays twice."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from members_world import FAILS, STAYS, STORE

from gemctl.emulator.app import App
from gemctl.emulator.faults import Fault
from gemctl.engine.execute import Stopping

BOTH = {"docs/a.txt", "docs/b.txt"}
SETTLE = 1_000  # seconds: longer than anything that was sent may take to surface


def fault(kind, *nth, path="uploadToFileSearchStore", **more):
    return Fault(kind, method="POST", path=path, nth=frozenset(nth), **more)


@pytest.mark.parametrize("nth", range(1, 5))
def test_a_lost_answer_of_an_upload_is_found_by_its_mark(project, nth):
    """A request of two uploads is carried out, and its answer lost."""
    project.gemctl("apply --yes", status=None, faults=[fault("after", nth)])
    project.clock.advance(SETTLE)
    project.apply()
    assert project.planned() == {} and project.planned("--refresh") == {}
    assert set(project.documents()) == BOTH
    assert len(project.made_documents()) == 2


def test_every_answer_to_the_end_of_an_upload_is_lost(project):
    project.store(documents=[{"files": "docs/a.txt"}])
    project.apply(status=5, faults=[fault("after", *range(2, 99))])
    assert len(project.made_documents()) == 1 and project.ledger() == {}
    for _ in range(2):
        project.apply()
        assert project.planned() == {} and project.planned("--refresh") == {}
    assert set(project.documents()) == {"docs/a.txt"} and len(project.made_documents()) == 1


def test_an_upload_that_breaks_off_is_made_once(project):
    project.store(documents=[{"files": "docs/a.txt"}])
    project.apply(status=5, faults=[fault("before", *range(2, 99))])
    assert project.made_documents() == []
    project.clock.advance(SETTLE)
    project.apply()
    assert project.planned() == {} and len(project.made_documents()) == 1


def test_an_upload_that_is_refused_is_said_and_made_once_it_is_taken(project):
    project.apply(status=5, faults=[fault("status_before", 1, 2, status=400, message="No such thing.")])
    assert "No such thing." in project.said and "E592" in project.codes()
    project.apply()
    assert project.planned() == {} and len(project.made_documents()) == 2


def test_a_lost_answer_of_a_store_is_found_by_its_mark(project):
    project.apply(status=5, faults=[fault("after", path="fileSearchStores$")])
    project.clock.advance(SETTLE)
    project.apply()
    assert project.made("fileSearchStores") == 1
    assert project.planned() == {} and set(project.documents()) == BOTH


def test_a_lost_answer_of_a_delete_does_no_harm(stored):
    stored.write("docs/a.txt", "Another a.")
    stored.gemctl("apply --yes", status=None, faults=[Fault("after", method="DELETE", nth=frozenset({1}))])
    stored.apply()
    assert stored.planned() == {} and set(stored.documents()) == BOTH
    assert len(stored.made_documents()) == 3


def test_an_operation_that_can_not_be_asked_is_found_by_the_mark_later(project):
    project.apply(status=5, faults=[Fault("status_before", path="/operations/", status=400)])
    assert "2 of 2 documents could not be brought up to date" in project.said
    project.apply()
    assert project.planned() == {}
    assert set(project.documents()) == BOTH and len(project.made_documents()) == 2


def interrupted(project, monkeypatch):
    """The next run is stopped by a signal when it first waits for an operation."""
    sleep, request, heard = project.clock.sleep, Stopping.request, threading.Event()

    def requested(stopping, number):
        request(stopping, number)
        heard.set()

    def wait(_seconds):
        project.clock.sleep = sleep
        os.kill(os.getpid(), signal.SIGINT)
        assert heard.wait(60)

    monkeypatch.setattr(Stopping, "request", requested)
    project.clock.sleep = wait


def test_an_operation_that_is_under_way_when_the_run_is_stopped_is_found_by_the_mark(project, monkeypatch):
    interrupted(project, monkeypatch)
    project.apply(status=128 + signal.SIGINT)
    assert len(project.made_documents()) == 2
    project.apply()
    project.apply()
    assert project.planned() == {} and set(project.documents()) == BOTH
    assert len(project.made_documents()) == 2


def test_what_follows_the_documents_waits_for_a_run_that_is_stopped(stored, monkeypatch):
    """The old store is not deleted before all is in the new one."""
    (old,) = stored.stores()
    stored.store(displayName="New")
    interrupted(stored, monkeypatch)
    stored.apply("--allow-documents 2", status=128 + signal.SIGINT)
    assert old in stored.stores()
    stored.apply("--allow-documents 2")
    assert stored.planned() == {} and old not in stored.stores() and set(stored.documents()) == BOTH
    assert len(stored.made_documents()) == 4


def test_a_document_that_is_never_indexed_is_waited_for_once(project):
    project.write("docs/a.txt", f"{STAYS} x")
    project.apply(status=5)
    assert "still under way" in project.said
    project.apply()
    assert project.planned() == {}
    assert len(project.made_documents()) == 2 and set(project.documents()) == BOTH


def test_a_list_that_lags_never_leads_to_an_upload(project):
    project.knobs = {"list_lag": timedelta(hours=2)}
    project.apply()
    for _ in range(3):
        project.clock.advance(60)
        for more in ("", "--refresh"):
            assert project.planned(more) == {}
            project.apply(more)
    project.clock.advance(10_000)
    assert project.planned("--refresh") == {} and set(project.documents()) == BOTH
    assert len(project.made_documents()) == 2


def test_a_list_that_comes_short_never_leads_to_an_upload_or_a_delete(stored, monkeypatch):
    handle = App.handle

    def short(app, request):
        response = handle(app, request)
        return replace(response, body=b"{}") if request.path.endswith("/documents") else response

    with monkeypatch.context() as patch:
        patch.setattr(App, "handle", short)
        stored.write("docs/c.txt", "All about c.")
        stored.apply("--refresh")
    assert len(stored.made_documents()) == 3
    assert stored.planned() == {} and stored.planned("--refresh") == {}
    assert set(stored.documents()) == {*BOTH, "docs/c.txt"}


def test_of_duplicates_with_one_mark_one_stays(stored):
    (row,) = (row for row in stored.rows() if row["displayName"] == "docs/a.txt")
    twin = stored.upload("docs/a.txt", "All about a.", metadata=row["customMetadata"])
    assert stored.planned() == {STORE: ("update", "edited")}
    assert stored.counts().startswith("documents: 1 to delete, 2 kept")
    stored.apply()
    assert stored.planned() == {} and stored.planned("--refresh") == {}
    assert stored.documents()["docs/a.txt"] == row["name"] and twin not in stored.documents().values()


def test_a_copy_in_the_name_of_another_path_is_not_ours(stored):
    """A document with a copied mark under another name is still the path's: the mark says which."""
    (row,) = (row for row in stored.rows() if row["displayName"] == "docs/a.txt")
    stored.upload("elsewhere", "All about a.", metadata=row["customMetadata"])
    stored.apply()
    assert set(stored.documents()) == BOTH and stored.documents()["docs/a.txt"] == row["name"]


# The state


def test_without_a_state_all_documents_are_found_by_their_marks(stored):
    before = stored.documents()
    stored.upload("theirs")
    stored.lose_state()
    stored.clock.advance(SETTLE)
    assert stored.planned() == {}
    stored.apply()
    assert stored.documents() == {**before, "theirs": stored.documents()["theirs"]}
    assert len(stored.made_documents()) == 3 and set(stored.ledger()) == BOTH
    stored.write("docs/a.txt", "Another a.")
    (stored.folder / "docs/b.txt").unlink()
    stored.lose_state()
    stored.apply()
    assert set(stored.documents()) == {"docs/a.txt", "theirs"}
    assert stored.planned() == {} and stored.planned("--refresh") == {}


def test_a_state_that_is_lost_while_documents_were_sent(project):
    project.apply(status=5, faults=[Fault("status_before", path="/operations/", status=400)])
    project.lose_state()
    project.apply()
    assert project.planned() == {} and len(project.made_documents()) == 2


def test_failed_documents_are_known_as_such_without_a_state(project):
    project.write("docs/a.txt", f"{FAILS} x")
    project.apply(status=5)
    project.lose_state()
    project.clock.advance(SETTLE)
    project.apply()
    assert project.planned() == {} and "W592" in project.codes()
    assert len(project.made_documents()) == 2


def test_rebuild_finds_all_documents(stored):
    stored.lose_state()
    stored.gemctl("state rebuild")
    stored.apply()
    assert stored.planned() == {} and len(stored.made_documents()) == 2
    assert set(stored.ledger()) == BOTH


def test_state_mv_takes_the_documents_along(stored):
    before = stored.documents()
    stored.remove("FileSearchStore", "s")
    stored.store("t")
    stored.gemctl(f"state mv {STORE} FileSearchStore/t")
    assert stored.planned() == {} and set(stored.ledger("FileSearchStore/t")) == BOTH
    stored.write("docs/a.txt", "Another a.")
    stored.apply()
    assert stored.planned() == {} and stored.planned("--refresh") == {}
    after = stored.documents()
    assert set(after) == BOTH and after["docs/b.txt"] == before["docs/b.txt"]
    assert stored.made("fileSearchStores") == 1 and len(stored.made_documents()) == 3


def test_a_move_that_is_declared_takes_the_documents_along(stored):
    stored.remove("FileSearchStore", "s")
    stored.store("t")
    stored.settings(moved=[{"from": STORE, "to": "FileSearchStore/t"}])
    stored.apply()
    assert stored.planned() == {} and len(stored.made_documents()) == 2
    stored.write("docs/a.txt", "Another a.")
    stored.apply()
    stored.lose_state()
    stored.clock.advance(SETTLE)
    stored.apply()
    assert set(stored.documents()) == BOTH and len(stored.made_documents()) == 3
    assert stored.made("fileSearchStores") == 1


def test_an_imported_store_gets_the_documents_and_keeps_those_of_others(project):
    store = project.ask("POST", "fileSearchStores", {"displayName": "Handbook"})["name"]
    theirs = project.upload("docs/a.txt", store=store)
    project.gemctl(f"import {STORE} {store}")
    assert project.planned() == {STORE: ("update", "edited")}
    project.apply()
    assert project.planned() == {} and project.planned("--refresh") == {}
    names = sorted(row["displayName"] for row in project.rows())
    assert names == ["docs/a.txt", "docs/a.txt", "docs/b.txt"]
    assert theirs in {row["name"] for row in project.rows()} and project.stores() == [store]
    project.write("docs/a.txt", "Another a.")
    project.apply()
    assert theirs in {row["name"] for row in project.rows()} and project.planned() == {}


def test_what_is_forgotten_by_state_rm_stays_live(stored):
    stored.gemctl(f"state rm {STORE}")
    assert len(stored.stores()) == 1 and set(stored.documents()) == BOTH
