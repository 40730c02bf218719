"""Documents of a store come, change and go with the files of the project; nothing else in the store is touched."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from members_world import FAILS, STORE

from gemctl.core.mark import owner_tag, read, write
from gemctl.emulator.app import App

BOTH = {"docs/a.txt", "docs/b.txt"}


def effects(project, since=0):
    """What was made and deleted in stores, as `created` and the like with the live name."""
    return [call for call in project.calls(since) if call.startswith(("created", "deleted")) and "/documents/" in call]


def test_documents_come_change_and_go(project):
    assert project.planned() == {STORE: ("create", "declared")}
    assert project.counts() == "documents: 2 to add, about 6 tokens to index"
    project.apply()
    assert project.planned() == {}
    before = project.documents()
    assert set(before) == BOTH
    project.write("docs/c.txt", "All about c.")
    assert project.planned() == {STORE: ("update", "edited")}
    assert project.counts().startswith("documents: 1 to add, 2 kept")
    project.apply()
    project.write("docs/a.txt", "Another a.")
    assert project.counts().startswith("documents: 1 to replace, 2 kept")
    since = len(project.calls())
    project.apply()
    made, gone = effects(project, since)
    after = project.documents()
    assert made == f"created {after['docs/a.txt']}" and gone == f"deleted {before['docs/a.txt']}"
    assert {path: after[path] for path in after if path != "docs/a.txt"}.items() >= {
        ("docs/b.txt", before["docs/b.txt"])
    }
    (project.folder / "docs/b.txt").unlink()
    assert project.counts() == "documents: 1 to delete, 2 kept"
    project.apply()
    assert project.planned() == {}
    assert set(project.documents()) == {"docs/a.txt", "docs/c.txt"}
    assert project.made("fileSearchStores") == 1
    assert set(project.ledger()) == {"docs/a.txt", "docs/c.txt"}


def test_the_same_apply_again_does_nothing(stored):
    before = stored.calls()
    for _ in range(2):
        stored.apply()
    assert stored.calls() == before


def test_a_name_that_is_another_is_another_document(stored):
    (stored.folder / "docs/a.txt").rename(stored.folder / "docs/z.txt")
    assert stored.counts().startswith("documents: 1 to add, 1 to delete, 1 kept")
    stored.apply()
    assert set(stored.documents()) == {"docs/b.txt", "docs/z.txt"}


def test_more_documents_than_a_page(project):
    for number in range(43):
        project.write(f"docs/{number}.txt", f"Number {number}.")
    project.apply()
    assert project.planned() == {} and project.planned("--refresh") == {}
    assert len(project.documents()) == 45


def test_a_store_without_documents(project):
    project.store(documents=[])
    project.apply()
    assert project.documents() == {} and project.planned() == {}
    project.store(documents=[{"files": "docs/*.txt"}])
    assert project.counts().startswith("documents: 2 to add")
    project.apply()
    assert set(project.documents()) == BOTH


# What is lost has to be allowed


def test_a_store_that_is_replaced_takes_its_documents_along(stored):
    (old,) = stored.stores()
    stored.store(displayName="New")
    assert stored.planned(status=1) == {STORE: ("replace", "edited")}
    assert "E593" in stored.codes()
    before = stored.calls()
    stored.apply(status=1)
    stored.apply("--allow-documents 1", status=1)
    assert "E593" in stored.codes() and stored.calls() == before
    stored.apply("--allow-documents 2")
    assert stored.planned() == {}
    (new,) = stored.stores()
    assert new != old and set(stored.documents()) == BOTH
    gone = stored.calls().index(f"deleted {old}")
    filled = [stored.calls().index(f"created {name}") for name in stored.documents().values()]
    assert max(filled) < gone


def test_another_model_fills_a_new_store_before_the_old_one_goes(stored):
    (old,) = stored.stores()
    stored.store(embeddingModel="gemini-embedding-2")
    change = stored.changes(status=1)[STORE]
    assert (change["action"], change["reason"]) == ("replace", "edited")
    assert "E593" in stored.codes() and "2 documents" in stored.said
    assert change["cost"]["once"], change
    stored.apply("--allow-documents 2")
    calls = stored.calls()
    (new,) = stored.stores()
    assert stored.ask("GET", new)["embeddingModel"] == "models/gemini-embedding-2"
    ended = [calls.index(f"ended {name}") for name in stored.documents().values()]
    assert max(ended) < calls.index(f"deleted {old}")
    assert stored.planned() == {}


def test_the_old_store_stays_where_the_new_one_could_not_be_filled(stored):
    (old,) = stored.stores()
    stored.knobs = {"document_fails": "b.txt"}
    stored.store(embeddingModel="gemini-embedding-2")
    stored.apply("--allow-documents 2", status=5)
    assert len(stored.stores()) == 2 and set(stored.documents(old)) == BOTH
    stored.knobs = {}
    stored.apply("--allow-documents 2")
    assert len(stored.stores()) == 2, "what could not be indexed is nowhere else"
    stored.write("docs/b.txt", "Another b.")
    stored.apply("--allow-documents 2")
    assert stored.planned() == {}
    assert old not in stored.stores() and set(stored.documents()) == BOTH


def test_a_store_that_is_no_longer_declared_goes_with_its_documents(stored):
    stored.remove("FileSearchStore", "s")
    stored.apply("--allow-empty", status=1)
    assert "E593" in stored.codes() and len(stored.stores()) == 1
    stored.apply("--allow-empty --allow-documents 2")
    assert stored.stores() == [] and stored.ledger() == {}
    assert stored.gemctl("state list")["records"] == []


def test_documents_of_others_count_among_those_that_are_lost(stored):
    stored.upload("theirs")
    stored.remove("FileSearchStore", "s")
    stored.apply("--allow-empty --allow-documents 2", status=1)
    assert "3 documents" in stored.said
    stored.apply("--allow-empty --allow-documents 3")
    assert stored.stores() == []


def test_a_glob_that_finds_much_less_has_to_be_allowed(project):
    for number in range(10):
        project.write(f"docs/{number}.txt", f"Number {number}.")
    project.settings(safety={"maxDeletes": 100, "maxDeletePercent": 20})
    project.apply()
    project.store(documents=[{"files": "docs/?.txt"}])
    project.store(documents=[{"files": "docs/[ab].txt"}])
    project.apply(status=1)
    assert "E593" in project.codes() and "10 of 12 go out of FileSearchStore/s" in project.said
    project.apply("--allow-documents 10")
    assert set(project.documents()) == BOTH
    (project.folder / "docs/a.txt").unlink()
    project.apply()  # one of few is no mistake
    assert set(project.documents()) == {"docs/b.txt"}


def test_destroy(stored):
    stored.gemctl("destroy --yes", status=1)
    assert "E593" in stored.codes() and len(stored.stores()) == 1
    stored.gemctl("destroy --yes --allow-documents 2")
    assert stored.stores() == []
    assert stored.gemctl("state list")["records"] == []
    stored.gemctl("destroy --yes")


def test_what_must_not_be_destroyed_is_not(stored):
    stored.store(lifecycle={"preventDestroy": True})
    stored.apply()
    stored.write("docs/a.txt", "Another a.")
    stored.apply()  # its documents are free to change
    stored.store(displayName="New", lifecycle={"preventDestroy": True})
    stored.apply("--allow-documents 2", status=1)
    stored.gemctl("destroy --yes --allow-documents 2", status=1)
    assert len(stored.stores()) == 1 and set(stored.documents()) == BOTH


# Others


def test_what_strangers_put_into_our_store_is_not_touched(stored):
    theirs = stored.upload("theirs")
    same = stored.upload("docs/b.txt")
    assert stored.planned() == {}
    stored.write("docs/a.txt", "Another a.")
    (stored.folder / "docs/b.txt").unlink()
    stored.apply()
    assert {row["name"] for row in stored.rows()} >= {theirs, same}
    assert stored.planned() == {} and stored.planned("--refresh") == {}
    assert sorted(row["displayName"] for row in stored.rows()) == ["docs/a.txt", "docs/b.txt", "theirs"]


def test_a_mark_of_another_stack_is_a_strangers(stored):
    """Somebody gave a document the mark of another stack."""
    (row,) = (row for row in stored.rows() if row["displayName"] == "docs/a.txt")
    (mark,) = (one for one in row["customMetadata"] if one["key"] == "gemctl")
    own = read(f" {mark['stringValue']}")[1]
    assert own is not None
    other = write("", replace(own, owner=owner_tag("another", "stack"))).strip()
    theirs = stored.upload("docs/a.txt", metadata=[{"key": "gemctl", "stringValue": other}])
    assert stored.planned() == {} and stored.planned("--refresh") == {}
    stored.apply("--refresh")
    assert theirs in {row["name"] for row in stored.rows()}


def test_two_stores_with_the_same_files(stored):
    stored.store("t")
    assert stored.planned() == {"FileSearchStore/t": ("create", "declared")}
    stored.apply()
    stores = stored.stores()
    assert len(stores) == 2 and all(set(stored.documents(one)) == BOTH for one in stores)
    stored.write("docs/a.txt", "Another a.")
    assert set(stored.planned()) == {STORE, "FileSearchStore/t"}
    stored.apply()
    assert stored.planned() == {} and stored.planned("--refresh") == {}
    stored.remove("FileSearchStore", "t")
    stored.apply("--allow-documents 2")
    assert set(stored.documents()) == BOTH and stored.planned("--refresh") == {}


# What goes by hand


def test_a_store_that_is_gone_is_made_again_with_its_documents(stored):
    (store,) = stored.stores()
    stored.ask("DELETE", f"{store}?force=true")
    assert stored.planned("--accept-missing") == {STORE: ("create", "missing")}
    assert stored.counts("--accept-missing").startswith("documents: 2 to add")
    stored.apply("--accept-missing")
    assert stored.planned() == {} and set(stored.documents()) == BOTH


def test_a_store_that_is_gone_and_no_longer_declared_is_forgotten(stored):
    (store,) = stored.stores()
    stored.ask("DELETE", f"{store}?force=true")
    stored.remove("FileSearchStore", "s")
    stored.apply("--accept-missing --allow-empty")
    assert stored.gemctl("state list")["records"] == [] and stored.ledger() == {}


def test_documents_that_are_deleted_by_hand_are_made_again(stored):
    before = stored.documents()
    stored.ask("DELETE", f"{before['docs/a.txt']}?force=true")
    assert stored.planned() == {STORE: ("update", "drifted")}
    assert stored.counts().startswith("documents: 1 to add, 1 kept")
    stored.apply()
    assert stored.planned() == {}
    after = stored.documents()
    assert set(after) == BOTH and after["docs/b.txt"] == before["docs/b.txt"]


def test_a_store_that_goes_between_two_looks_is_seen_to_be_gone(stored, monkeypatch):
    """The list shows it still, and what lies in it is asked for in vain. Nothing is made of what that says."""
    (store,) = stored.stores()
    listed = json.dumps(stored.ask("GET", "fileSearchStores")).encode()
    stored.ask("DELETE", f"{store}?force=true")
    handle = App.handle

    def stale(app, request):
        response = handle(app, request)
        return replace(response, body=listed) if request.path.endswith("/fileSearchStores") else response

    with monkeypatch.context() as patch:
        patch.setattr(App, "handle", stale)
        before = stored.calls()
        stored.apply("--refresh --accept-missing")
    assert stored.calls() == before
    stored.apply("--accept-missing")
    assert stored.planned() == {} and set(stored.documents()) == BOTH


# Parts of a project


def test_only_targets_change(stored):
    stored.store("t")
    stored.write("docs/a.txt", "Another a.")
    stored.apply("--target FileSearchStore/t")
    assert stored.planned() == {STORE: ("update", "edited")}
    stored.apply(f"--target {STORE}")
    assert stored.planned() == {}


def test_a_saved_plan_is_applied(project):
    project.gemctl(f"plan --out {project.folder}/plan.json")
    project.gemctl(f"apply --yes {project.folder}/plan.json")
    assert project.planned() == {} and set(project.documents()) == BOTH
    project.write("docs/a.txt", "Another a.")
    (project.folder / "docs/b.txt").unlink()
    project.gemctl(f"plan --out {project.folder}/plan.json")
    project.gemctl(f"apply --yes {project.folder}/plan.json")
    assert project.planned() == {} and set(project.documents()) == {"docs/a.txt"}


def test_a_saved_plan_does_not_hold_for_other_files(project):
    project.gemctl(f"plan --out {project.folder}/plan.json")
    project.write("docs/a.txt", "Another a.")
    project.gemctl(f"apply --yes {project.folder}/plan.json", status=4)
    assert project.stores() == []


# Documents that fail


def test_a_document_that_fails_is_named_and_not_sent_again(project):
    project.write("docs/a.txt", f"{FAILS} x")
    project.apply(status=5)
    assert "E592" in project.codes() and "could not be indexed" in project.said
    assert "docs/a.txt" in project.said
    for _ in range(2):
        assert project.planned() == {}
        assert "W592" in project.codes() and "docs/a.txt" in project.said and "docs/b.txt" not in project.counts()
        assert project.counts() == "documents: 2 kept, 1 failed"
        project.apply()
    assert len(project.made_documents()) == 2
    project.write("docs/a.txt", "It can be indexed now.")
    assert project.counts().startswith("documents: 1 to replace, 1 kept")
    project.apply()
    assert "W592" not in project.codes() and project.planned() == {}
    assert "W592" not in project.codes()
    assert set(project.documents()) == BOTH and len(project.made_documents()) == 3


def test_a_document_that_fails_is_sent_again_as_it_is_after_it_was_left_out(project):
    project.write("docs/a.txt", f"{FAILS} x")
    project.apply(status=5)
    project.store(documents=[{"files": "docs/b.txt"}])
    project.apply()
    assert set(project.documents()) == {"docs/b.txt"}
    project.store(documents=[{"files": "docs/*.txt"}])
    project.apply(status=5)
    assert len(project.made_documents()) == 3


@pytest.mark.parametrize("edit", ["metadata", "chunking", "mimeType"])
def test_an_edit_of_what_is_declared_of_files_replaces_only_these(stored, edit):
    shutil.copy(stored.folder / "docs/a.txt", stored.folder / "docs/a.md")
    entries = [{"files": "docs/*.txt"}, {"files": "docs/*.md"}]
    stored.store(documents=entries)
    stored.apply()
    before = stored.documents()
    more = {"metadata": {"year": 2026}, "chunking": {"maxTokensPerChunk": 100}, "mimeType": "text/html"}[edit]
    stored.store(documents=[entries[0], {**entries[1], edit: more}])
    assert stored.counts().startswith("documents: 1 to replace, 2 kept")
    stored.apply()
    after = stored.documents()
    assert {path for path in before if before[path] != after[path]} == {"docs/a.md"}
    assert stored.planned() == {} and stored.planned("--refresh") == {}
    (row,) = (row for row in stored.rows() if row["displayName"] == "docs/a.md")
    if edit == "metadata":
        assert {"key": "year", "numericValue": 2026} in row["customMetadata"]
    assert row["mimeType"] == ("text/html" if edit == "mimeType" else "text/markdown")


def test_files_that_move_between_entries_that_say_the_same_are_kept(stored):
    before = stored.documents()
    stored.store(documents=[{"files": "docs/a.txt"}, {"files": "docs/b.txt"}])
    assert stored.planned() == {}
    stored.apply()
    assert stored.documents() == before
