"""What is asked of the service: a store that shows that nothing has moved in it is one request, whatever it holds."""

from __future__ import annotations

from members_world import STAYS, STORE

LIST = "GET fileSearchStores"


def documents(asked):
    return [one for one in asked if "/documents" in one]


def test_a_plan_without_changes_is_one_request(project):
    for number in range(43):
        project.write(f"docs/{number}.txt", f"Number {number}.")
    project.apply()
    project.plan()
    assert project.asked == [LIST]
    project.apply()
    assert project.asked == [LIST]
    project.plan("--refresh")
    assert len(documents(project.asked)) == 3 and project.asked.count(LIST) == 1
    project.plan()
    assert project.asked == [LIST]


def test_local_changes_need_no_list_of_documents(stored):
    stored.write("docs/a.txt", "Another a.")
    stored.write("docs/c.txt", "All about c.")
    assert stored.counts().startswith("documents: 1 to add, 1 to replace, 1 kept")
    assert stored.asked == [LIST]
    stored.apply()
    assert not [one for one in stored.asked if one.endswith("/documents")]
    assert stored.planned() == {} and stored.asked == [LIST]


def test_documents_of_others_are_listed_once(stored):
    stored.upload("theirs")
    assert stored.planned() == {} and documents(stored.asked)
    stored.apply()
    assert stored.planned() == {}
    stored.plan()
    assert stored.asked == [LIST]
    stored.write("docs/a.txt", "Another a.")
    stored.apply()
    stored.plan()
    assert stored.asked == [LIST]


def test_after_drift_is_mended_it_is_quiet_again(stored):
    stored.ask("DELETE", f"{stored.documents()['docs/a.txt']}?force=true")
    stored.apply()
    stored.plan()
    assert stored.asked == [LIST]


def test_without_a_state_documents_are_listed_until_they_are_recorded(stored):
    stored.lose_state()
    stored.clock.advance(1_000)
    stored.plan()
    assert documents(stored.asked)
    stored.apply()
    stored.plan()
    assert stored.asked == [LIST]


def test_what_is_not_indexed_yet_is_looked_at_again(project):
    project.write("docs/a.txt", f"{STAYS} x")
    project.apply(status=5)
    project.apply()
    project.plan()
    assert documents(project.asked)


def test_two_quiet_stores_are_one_request(stored):
    stored.store("t")
    stored.apply()
    stored.plan()
    assert stored.asked == [LIST]
    theirs = next(one for one in stored.stores())
    stored.upload("theirs", store=theirs)
    stored.plan()
    assert {one for one in stored.asked if "/documents" in one} == {f"GET {theirs}/documents"}


def test_what_is_shown_is_what_is_recorded(stored):
    assert stored.plan()[STORE] == ("keep", "in_sync")
    assert stored.counts() == "documents: 2 kept"
