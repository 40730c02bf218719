"""Interactions that carry on others: each is sent when the one before it has ended, and never where that failed."""

from __future__ import annotations

import json

from interactions_world import LONG, RESEARCH

STAYS = "[[emulator: interaction stays in_progress]]"


def three(project, first="Hi, my name is Phil."):
    project.ask("a", first, "out/a.md")
    project.ask("b", "What is my name?", "out/b.md", previousRef={"name": "a"})
    project.ask("c", "Spell it.", "out/c.md", previousRef={"name": "b"})


def test_each_apply_sends_the_next(project):
    three(project)
    for turn in (1, 2, 3):
        project.gemctl("apply --yes")
        assert project.paid() == turn
        project.gemctl("apply --yes")
        assert project.paid() == turn
        project.clock.advance(LONG)
    project.gemctl("apply --yes")
    assert project.plan() == {f"Interaction/{one}": ("keep", "done") for one in "abc"}
    assert project.shown("b")["previous_interaction_id"] == project.shown("a")["id"]
    assert project.paid() == 3


def test_with_wait_all_are_sent_by_one_apply(project):
    three(project)
    project.gemctl("apply --yes --wait")
    assert project.plan() == {f"Interaction/{one}": ("keep", "done") for one in "abc"}
    assert all((project.folder / f"out/{one}.md").stat().st_size for one in "abc")


def test_it_says_what_it_waits_for(project):
    three(project)
    assert project.plan() == {
        "Interaction/a": ("create", "declared"),
        "Interaction/b": ("keep", "queued"),
        "Interaction/c": ("keep", "queued"),
    }
    assert project.notes()["Interaction/c"] == "it waits for the end of Interaction/b, which it refers to"


def test_nothing_is_sent_after_one_that_failed(project):
    three(project, "Hi. [[emulator: interaction ends failed]]")
    project.gemctl("apply --yes --wait", 5)
    assert project.paid() == 1
    assert project.plan() == {f"Interaction/{one}": ("keep", "failed") for one in "abc"}
    notes = project.notes()
    assert notes["Interaction/b"].startswith("not sent: Interaction/a, which it refers to, ended as failed")
    assert notes["Interaction/c"] == "not sent: Interaction/b, which it refers to, is not sent either"
    three(project, "Hi again.")
    project.gemctl("apply --yes --wait")
    assert project.paid() == 4


def test_nor_after_one_that_was_cancelled(project):
    three(project, f"Hi. {STAYS}")
    project.gemctl("apply --yes")
    project.gemctl("cancel Interaction/a --yes")
    project.gemctl("apply --yes --wait", 5)
    assert project.paid() == 1


def test_an_edit_of_one_runs_none_of_those_after_it(project):
    three(project)
    project.gemctl("apply --yes --wait")
    three(project, "Hi, my name is Ann.")
    changes = {(one["address"], one["action"], one["reason"]) for one in project.gemctl("plan")["changes"]}
    assert ("Interaction/a", "create", "edited") in changes
    assert {(f"Interaction/{one}", "keep", "done") for one in "bc"} <= changes
    project.gemctl("apply --yes --wait")
    assert project.paid() == 4


def test_unless_that_is_asked_for(project):
    three(project)
    project.gemctl("apply --yes --wait")
    three(project, "Hi, my name is Ann.")
    project.ask("b", "What is my name?", "out/b.md", {"onEdit": {"references": "rerun"}}, previousRef={"name": "a"})
    project.gemctl("apply --yes --wait")
    assert project.paid() == 5
    assert project.shown("b")["previous_interaction_id"] == project.shown("a")["id"]


RERUN = {"onEdit": {"references": "rerun"}}


def third_again(project, first="Hi, my name is Phil."):
    three(project, first)
    project.ask("c", "Spell it.", "out/c.md", RERUN, previousRef={"name": "b"})


def plain(project):
    return {(one["address"][-1], one["action"]) for one in project.gemctl("plan")["changes"]}


def test_what_refers_to_one_that_stays_as_it_was_is_not_paid_again(project):
    """Not with a state, nor by the receipts alone."""
    third_again(project)
    project.gemctl("apply --yes --wait")
    before = project.outputs("c")["id"]
    third_again(project, "Hi, my name is Ann.")
    assert plain(project) == {("a", "create"), ("b", "keep"), ("c", "keep")}
    project.gemctl("apply --yes --wait")
    assert project.paid() == 4 and project.outputs("c")["id"] == before
    (project.folder / ".gemctl/local/state.json").unlink()
    for path in (project.folder / ".gemctl/local").glob("journal*"):
        path.unlink()
    assert plain(project) == {(one, "keep") for one in "abc"}
    project.gemctl("apply --yes --wait")
    assert project.paid() == 4


def test_it_is_sent_again_once_the_one_before_it_is(project):
    third_again(project)
    project.gemctl("apply --yes --wait")
    third_again(project, "Hi, my name is Ann.")
    project.gemctl("apply --yes --wait")
    project.ask("b", "What is my name?", "out/b.md", {"key": "second"}, previousRef={"name": "a"})
    project.gemctl("apply --yes --wait")
    assert project.paid() == 6
    assert project.shown("c")["previous_interaction_id"] == project.shown("b")["id"]
    assert project.shown("b")["previous_interaction_id"] == project.shown("a")["id"]
    project.gemctl("apply --yes --wait")
    assert project.paid() == 6


def test_it_may_be_declared_while_the_one_before_it_stays_as_it_was(project):
    project.ask("a", "Hi, my name is Phil.", "out/a.md")
    project.ask("b", "What is my name?", "out/b.md", previousRef={"name": "a"})
    project.gemctl("apply --yes --wait")
    third_again(project, "Hi, my name is Ann.")
    project.gemctl("apply --yes --wait")
    assert project.paid() == 4
    third_again(project, "Hi, my name is Eve.")
    project.gemctl("apply --yes --wait")
    assert project.paid() == 5
    third_again(project)
    assert ("c", "create") not in plain(project) and ("b", "create") not in plain(project)


def test_one_that_is_gone_can_not_be_carried_on(project):
    project.ask("a", "Hi.", "out/a.md")
    project.done()
    project.clock.advance(LONG * 6 * 24 * 60)
    project.ask("b", "And?", previousRef={"name": "a"})
    project.gemctl("apply --yes", 1)
    assert project.codes() == {"E575"} and '"previousRef": {"name": "a"}' in project.text("Interaction-b.yaml")
    assert project.paid() == 1
    project.ask("a", "Hi.", "out/a.md", {"key": "second"})
    project.gemctl("apply --yes --wait")
    assert project.paid() == 3


def test_a_report_is_not_cleaned_up_before_it_was_carried_on(project):
    project.ask("a", "Hi.", "out/a.md", {"cleanup": "whenHarvested"}, agent=RESEARCH)
    project.ask("b", f"And? {STAYS}", previousRef={"name": "a"})
    project.gemctl("apply --yes")
    project.clock.advance(LONG)
    project.gemctl("apply --yes")  # saved, and the next one is sent
    assert len(project.live("interactions")) == 2
    project.gemctl("apply --yes")
    assert len(project.live("interactions")) == 2
    project.gemctl("cancel Interaction/b --yes")
    project.gemctl("apply --yes")
    assert len(project.live("interactions")) == 1


def test_what_is_not_inherited_is_said(project):
    project.ask("a", "Hi.", systemInstruction="Briefly.", tools=[{"type": "google_search"}])
    project.ask("b", "And?", previousRef={"name": "a"})
    project.gemctl("validate")
    assert project.codes() == {"W577"}
    project.ask("b", "And?", previousRef={"name": "a"}, systemInstruction="Briefly.", tools=[{"type": "url_context"}])
    project.gemctl("validate")
    assert project.codes() == set()


def test_one_of_another_project_by_its_id(project):
    project.ask("a", "Hi.")
    project.done()
    id_ = project.outputs("a")["id"]
    project.ask("b", "And?", "out/b.json", previousInteractionId=id_)
    project.done()
    assert json.loads(project.text("out/b.json"))["previous_interaction_id"] == id_


def test_an_agent_of_the_project_answers(project):
    agent = {"id": "bee-keeper", "baseAgent": "antigravity-preview-09-2026", "systemInstruction": "Be kind."}
    project.declare("Agent", "keeper", agent)
    project.ask("a", "Hi.", "out/a.json", agentRef={"name": "keeper"}, environment="remote")
    project.gemctl("apply --yes --wait")
    assert json.loads(project.text("out/a.json"))["agent"] == "bee-keeper"
    project.declare("Agent", "keeper", {**agent, "systemInstruction": "Be brief."})
    assert project.plan()["Interaction/a"] == ("keep", "done")
    project.gemctl("apply --yes --wait")
    assert project.paid() == 1
    project.declare("Agent", "keeper", {**agent, "id": "bee-keeper-2"})
    assert project.plan()["Interaction/a"][1] in ("edited", "done")


def test_a_file_and_a_store_of_the_project_go_along(project):
    project.write("docs/a.txt", "All about a.")
    project.declare("File", "book", {"source": "docs/a.txt"})
    project.declare("FileSearchStore", "shelf", {"documents": [{"files": "docs/*.txt"}]})
    project.declare(
        "Webhook", "hook", {"uri": "https://x.y/", "subscribedEvents": ["batch.failed"], "secret": {"file": "s"}}
    )
    project.ask(
        "a",
        [{"type": "text", "text": "Sum up."}, {"type": "document", "fileRef": {"name": "book"}}],
        tools=[{"type": "file_search", "fileSearchStoreRefs": [{"name": "shelf"}]}],
        webhookConfig={"webhookRef": {"name": "hook"}, "userMetadata": {"some_key": 1}},
    )
    project.gemctl("apply --yes")
    shown = project.shown("a")
    assert shown["steps"][0]["content"][1]["uri"].endswith(project.live("files")[0])
    assert shown["webhook_config"] == {"uris": ["https://x.y/"], "user_metadata": {"some_key": 1}}
    project.write("docs/a.txt", "All about a, and more.")
    assert project.changes()["Interaction/a"]["action"] == "keep"
