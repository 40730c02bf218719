"""Documents that are imported from Files: these expire, and are uploaded again when, and only when, one has to be
imported.
"""

from __future__ import annotations

import pytest
from members_world import STORE

from gemctl.emulator.faults import Fault

IMPORTED = "File/words"


@pytest.fixture
def importing(project):
    project.write("words.txt", "Words, words.")
    project.declare("File", "words", {"source": "words.txt"})
    project.store(documents=[{"fileRef": {"name": "words"}, "metadata": {"year": 2025}}])
    return project


@pytest.fixture
def imported(importing):
    importing.apply()
    return importing


def test_an_import(importing):
    assert importing.planned()[STORE] == ("create", "declared")
    importing.apply()
    (row,) = importing.rows()
    assert {"key": "year", "numericValue": 2025} in row["customMetadata"] and row["mimeType"] == "text/plain"
    assert set(importing.ledger()) == {IMPORTED}
    assert importing.planned() == {} and importing.planned("--refresh") == {}
    assert importing.made("files") == 1


def test_the_file_expires_and_the_document_stays(imported):
    imported.hours(50)
    assert imported.live("files") == []
    for more in ("", "--refresh"):
        assert imported.planned(more) == {}
        imported.apply(more)
    assert imported.made("files") == 1 and len(imported.made_documents()) == 1


@pytest.mark.parametrize("hours", [1, 50])
def test_an_edited_import_uploads_a_file_that_has_expired(imported, hours):
    imported.hours(hours)
    imported.store(documents=[{"fileRef": {"name": "words"}, "metadata": {"year": 2026}}])
    assert imported.planned()[STORE] == ("update", "edited")
    imported.apply()
    assert imported.planned() == {}
    (row,) = imported.rows()
    assert {"key": "year", "numericValue": 2026} in row["customMetadata"]
    assert imported.made("files") == (2 if hours == 50 else 1)


def test_an_edited_file_is_uploaded_and_imported_anew(imported):
    imported.hours(50)
    imported.write("words.txt", "Other words.")
    imported.apply()
    assert imported.planned() == {} and imported.planned("--refresh") == {}
    assert len(imported.rows()) == 1 and len(imported.made_documents()) == 2 and imported.made("files") == 2


def test_an_import_that_was_deleted_by_hand_is_made_again(imported):
    imported.hours(50)
    (row,) = imported.rows()
    imported.ask("DELETE", f"{row['name']}?force=true")
    imported.apply()
    assert imported.planned() == {} and len(imported.rows()) == 1 and imported.made("files") == 2


def test_no_file_is_uploaded_for_documents_that_are_not_imported(imported):
    imported.store(documents=[{"fileRef": {"name": "words"}, "metadata": {"year": 2025}}, {"files": "docs/*.txt"}])
    imported.hours(50)
    imported.apply()
    assert imported.planned() == {} and len(imported.rows()) == 3
    imported.write("docs/a.txt", "Another a.")
    imported.apply()
    assert imported.planned() == {} and len(imported.rows()) == 3 and imported.made("files") == 1


def test_an_import_goes_with_its_entry(imported):
    imported.store(documents=[])
    imported.apply()
    assert imported.rows() == [] and imported.planned() == {}


def test_another_store_imports_it_all_again(imported):
    imported.hours(50)
    imported.store(displayName="New")
    imported.apply("--allow-documents 1")
    assert imported.planned() == {} and len(imported.rows()) == 1 and imported.made("files") == 2


def test_a_lost_answer_of_an_import_is_found_by_its_mark(importing):
    importing.apply(status=5, faults=[Fault("after", path="importFile")])
    importing.hours(50)
    importing.apply()
    assert importing.planned() == {} and len(importing.made_documents()) == 1


def test_an_import_without_a_state(imported):
    imported.lose_state()
    imported.hours(50)
    imported.apply()
    assert imported.planned() == {} and len(imported.made_documents()) == 1 and imported.made("files") == 1


def test_an_import_that_is_declared_no_more_goes_also_without_a_state(imported):
    """The service gives it a name of its own: the mark says what it is of."""
    imported.lose_state()
    imported.store(documents=[])
    imported.hours(50)
    imported.apply()
    assert imported.rows() == [] and imported.planned() == {}


def test_a_file_that_could_not_be_uploaded_stops_the_import(importing):
    importing.store(documents=[*importing.spec["documents"], {"files": "docs/*.txt"}])
    importing.apply(status=5, faults=[Fault("status_before", method="POST", path="/files", status=400)])
    importing.apply()
    assert importing.planned() == {} and len(importing.rows()) == 3
