"""Interactions through the command line: sent once, waited for, saved as people read them, and never sent again."""

from __future__ import annotations

import base64
import json
import re
import shutil
import wave

import pytest
from fakes.fake_project import FakeProject
from interactions_world import IMAGES, LONG, RESEARCH, SPEECH

from gemctl.emulator.faults import Fault

REPORT = {"agent": RESEARCH, "agentConfig": {"type": "deep-research", "thinkingSummaries": "auto"}}


def test_a_report_is_saved_as_json_and_as_markdown(project):
    project.write("q.md", "What do bees eat?")
    project.ask("report", {"file": "q.md"}, "out/report.json", **REPORT)
    assert project.plan() == {"Interaction/report": ("create", "declared")}
    project.gemctl("apply --yes")
    assert project.plan() == {"Interaction/report": ("keep", "running")}
    (row,) = project.app.effects
    assert row.kind == "created"
    project.clock.advance(LONG)
    assert project.plan() == {"Interaction/report": ("harvest", "finished")}
    project.gemctl("apply --yes")
    whole = json.loads(project.text("out/report.json"))
    assert (whole["status"], whole["agent"]) == ("completed", RESEARCH)
    assert project.text("out/report.json").startswith('{\n  "id": "v1_')
    assert project.text("out/report.md") == f"{whole['steps'][-1]['content'][0]['text'].rstrip()}\n"
    assert project.plan() == {"Interaction/report": ("keep", "done")}
    assert project.paid() == 1


def test_what_is_sent(project):
    project.ask("report", "Why?", **REPORT, labels={"team": "bees"}, serviceTier="flex")
    project.gemctl("apply --yes")
    shown = project.shown("report")
    assert shown["labels"] == {"team": "bees"}
    assert shown["steps"][0] == {"type": "user_input", "content": [{"type": "text", "text": "Why?"}]}


def test_markdown_alone(project):
    project.ask("report", "Why?", "out/deep/report.md", **REPORT)
    project.done()
    assert project.text("out/deep/report.md").startswith("# Why?")
    assert {path.name for path in (project.folder / "out/deep").iterdir()} == {
        "report.md",
        "report.md.run.json",
        "report.md.parts",
    }


def test_lines_and_tables_as_jobs_have_them(project):
    project.ask("lines", "Why?", "out/lines.jsonl")
    project.ask("table", "Why?", "out/table.parquet")
    project.done()
    (line,) = project.text("out/lines.jsonl").splitlines()
    assert json.loads(line)["key"] == "interaction" and json.loads(line)["response"]["status"] == "completed"
    assert (project.folder / "out/table.parquet").read_bytes()[:4] == b"PAR1"


def test_pictures_lie_beside(project):
    project.ask("cat", "A cat.", "out/cat.json", model=IMAGES, responseFormat={"type": "image", "imageSize": "1K"})
    project.done()
    whole = json.loads(project.text("out/cat.json"))
    sent = [one for one in whole["steps"][-1]["content"] if one["type"] == "image"]
    assert (project.folder / "out/cat.1.jpg").read_bytes() == base64.b64decode(sent[0]["data"])


def test_speech_can_be_played(project):
    voice = {"speechConfig": [{"voice": "Kore", "language": "en-US"}]}
    project.ask(
        "hello", "Hello.", "out/hello.json", model=SPEECH, responseFormat={"type": "audio"}, generationConfig=voice
    )
    project.done()
    with wave.open(str(project.folder / "out/hello.1.wav")) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (24000, 1, 2)
        assert sound.getnframes() > 0


def test_what_lies_there_is_put_aside_and_what_is_gone_comes_back(project):
    project.write("out/report.md", "mine")
    project.ask("report", "Why?", "out/report.json")
    project.done()
    answer = project.text("out/report.md")
    assert answer != "mine\n" and project.text("out/report.md.aside") == "mine"
    (project.folder / "out/report.md").unlink()
    project.gemctl("results Interaction/report")
    assert project.text("out/report.md") == answer
    for path in (project.folder / "out").glob("report.json*"):
        if path.is_file():
            path.unlink()
    project.gemctl("results Interaction/report")
    assert json.loads(project.text("out/report.json"))["status"] == "completed"
    assert project.paid() == 1


def test_all_that_was_saved_is_gone_and_comes_back(project):
    """Until the service says that it has it no more."""
    project.ask("report", "Why?", "out/report.json", **REPORT)
    project.ask("lines", "Why?", "out/lines.jsonl")
    project.done()
    saved = ("out/report.json", "out/report.md", "out/lines.jsonl")
    before = {path: project.text(path) for path in saved}
    shutil.rmtree(project.folder / "out")
    project.gemctl("results Interaction/report Interaction/lines")
    assert {path: project.text(path) for path in saved} == before
    assert project.paid() == 2
    shutil.rmtree(project.folder / "out")
    faults = [Fault("status_before", method="GET", path="interactions/", status=503)]
    project.gemctl("results Interaction/report", 5, faults=faults)
    assert project.codes() and "E537" not in project.codes()
    FakeProject.ask(project, "DELETE", project.outputs("report")["name"])
    project.gemctl("results Interaction/report", 5)
    assert project.codes() == {"E537"}
    assert project.plan() == {f"Interaction/{one}": ("keep", "done") for one in ("lines", "report")}


def test_what_a_receipt_names_is_asked_for(project):
    """With the receipt alone: the state is lost."""
    project.ask("report", "Why?", "out/report.json", **REPORT)
    project.done()
    before = project.text("out/report.json")
    name = project.outputs("report")["name"]
    (project.folder / ".gemctl/local/state.json").unlink()
    for path in (project.folder / ".gemctl/local").glob("journal*"):
        path.unlink()
    gone = [project.folder / path for path in ("out/report.json", "out/report.json.parts/0001.jsonl")]
    for path in gone:
        path.unlink()
    project.gemctl("results Interaction/report")
    assert project.text("out/report.json") == before
    for path in gone:
        path.unlink()
    FakeProject.ask(project, "DELETE", name)
    project.gemctl("results Interaction/report", 5)
    assert project.codes() == {"E537"}
    assert project.paid() == 1


def test_what_is_done_is_shown(project):
    project.ask("report", "Why?", "out/report.json", **REPORT)
    project.done()
    shown = project.gemctl("get Interaction")["objects"]
    (one,) = shown
    assert (one["owner"], one["name"]) == ("Interaction/report", project.outputs("report")["name"])
    assert project.gemctl("get Interaction/report")["objects"] == shown


def test_no_two_write_the_same_text(project):
    project.ask("a", results="out/r.json")
    project.ask("b", results="out/r.md")
    project.gemctl("validate", 1)
    assert project.codes() == {"E245"}


def test_a_lost_state_runs_nothing_again(project):
    project.ask("report", "Why?", "out/report.json")
    project.done()
    (project.folder / ".gemctl/local/state.json").unlink()
    for path in (project.folder / ".gemctl/local").glob("journal*"):
        path.unlink()
    assert project.plan() == {"Interaction/report": ("keep", "done")}
    project.gemctl("apply --yes")
    assert project.paid() == 1


def test_an_edit_runs_again_and_says_so_first(project):
    project.ask("report", "Why?", "out/report.json")
    project.done()
    first = project.text("out/report.md")
    project.ask("report", "Why not?", "out/report.json")
    assert project.plan() == {"Interaction/report": ("create", "edited")}
    project.done()
    assert project.paid() == 2
    assert "Why not?" in project.text("out/report.md")
    assert [p.read_text() for p in (project.folder / "out").glob("report.md.aside*")] == [first] or [
        p.read_text() for p in (project.folder / "out").glob("report.*.md")
    ] == [first]


def test_where_edits_are_only_reported(project):
    project.ask("report", "Why?", "out/report.json", {"onEdit": {"own": "report"}})
    project.done()
    project.ask("report", "Why not?", "out/report.json", {"onEdit": {"own": "report"}})
    assert project.plan() == {"Interaction/report": ("keep", "done")}
    assert "edited since it was run" in project.notes()["Interaction/report"]
    project.ask("report", "Why not?", "out/report.json", {"onEdit": {"own": "report"}, "key": "second"})
    project.done()
    assert project.paid() == 2


@pytest.mark.parametrize(
    ("mark", "action", "reason", "said"),
    [
        ("fail 500", "keep", "failed", "it ended as failed: "),
        ("interaction ends failed", "keep", "failed", "it ended as failed"),
        ("interaction ends cancelled", "keep", "failed", "it ended as cancelled"),
        ("interaction ends incomplete", "harvest", "finished", "it ended as incomplete: its answer was cut off"),
        ("cut", "harvest", "finished", "it ended as incomplete: its answer was cut off"),
        ("interaction ends budget_exceeded", "harvest", "finished", "it ended as budget_exceeded: the agent has used"),
    ],
)
def test_each_end_is_told(project, mark, action, reason, said):
    project.ask("report", f"Why? [[emulator: {mark}]]", "out/report.json", **REPORT)
    project.gemctl("apply --yes")
    project.clock.advance(LONG)
    (change,) = project.changes().values()
    assert (change["action"], change["reason"]) == (action, reason)
    assert change["note"].startswith(said)
    project.gemctl("apply --yes --wait", 5 if reason == "failed" else 0)
    if action == "harvest":
        assert json.loads(project.text("out/report.json"))["status"] in ("incomplete", "budget_exceeded")
        (row,) = project.gemctl("results")["jobs"]
        assert (row["state"], row["succeeded"], row["blocked"]) == ("saved", 0, 1)
    else:
        assert not (project.folder / "out/report.json").exists()
    assert project.paid() == 1


def test_a_function_is_answered_by_the_next(project):
    tool = {"type": "function", "name": "add", "parameters": {"type": "object"}}
    project.ask("first", '[[emulator: call add {"a": 1}]]', "out/first.json", tools=[tool])
    project.gemctl("apply --yes")
    project.clock.advance(LONG)
    assert "previousRef" in project.notes()["Interaction/first"]
    project.gemctl("apply --yes")
    whole = json.loads(project.text("out/first.json"))
    (call,) = [one for one in whole["steps"] if one["type"] == "function_call"]
    assert whole["status"] == "requires_action"
    answer = [{"type": "function_result", "callId": call["id"], "name": "add", "result": {"sum": 2}}]
    project.ask("second", answer, "out/second.json", previousRef={"name": "first"}, tools=[tool])
    project.done()
    assert json.loads(project.text("out/second.json"))["status"] == "completed"


def test_wait_get_and_output(project):
    project.ask("report", "Why?", "out/report.json", **REPORT)
    project.gemctl("apply --yes")
    waited = project.gemctl("wait Interaction/report")
    assert any("completed" in json.dumps(one) for one in (waited if isinstance(waited, list) else [waited]))
    shown = project.outputs("report")
    assert shown["state"] == "completed" and shown["name"] == f"interactions/{shown['id']}"
    (row,) = project.gemctl("get Interaction")["objects"]
    assert row["name"] == shown["name"]
    record = project.gemctl("state show Interaction/report")
    assert shown["name"] in json.dumps(record)
    assert project.paid() == 1


def test_cancel(project):
    project.ask("report", "Why? [[emulator: interaction stays in_progress]]", "out/report.json", **REPORT)
    project.gemctl("apply --yes")
    project.gemctl("cancel Interaction/report --yes")
    assert project.shown("report")["status"] == "cancelled"
    assert project.plan() == {"Interaction/report": ("keep", "failed")}
    assert "it was cancelled" in project.notes()["Interaction/report"]
    project.gemctl("apply --yes")
    assert project.paid() == 1


def test_one_that_is_declared_no_more_is_cancelled_and_deleted(project):
    project.ask("report", "Why? [[emulator: interaction stays in_progress]]", **REPORT)
    project.gemctl("apply --yes")
    project.remove("Interaction", "report")
    project.gemctl("apply --yes --allow-empty", None)
    project.gemctl("apply --yes --allow-empty", None)
    assert project.live("interactions") == [] and project.gemctl("state list")["records"] == []


def test_money(project):
    project.ask("turn", "Why?" * 100, generationConfig={"maxOutputTokens": 1000})
    project.ask("report", **REPORT)
    found = {address: change["cost"] for address, change in project.changes().items()}
    turn = found["Interaction/turn"]
    assert not turn["notPriced"]
    assert found["Interaction/report"]["notPriced"] == ["what an agent uses is not known"]
    project.settings(safety={"maxCost": 100})
    project.gemctl("plan", 1)
    assert project.codes() >= {"E587"}


def test_what_it_has_cost_is_in_the_receipt(project):
    project.ask("turn", "Why?" * 100, "out/turn.json")
    project.done()
    (row,) = project.gemctl("results")["jobs"]
    whole = json.loads(project.text("out/turn.json"))
    assert row["usage"]["promptTokens"] == whole["usage"]["total_input_tokens"]
    assert row["usage"]["thoughtsTokens"] == whole["usage"]["total_thought_tokens"]
    assert row["cost"]["low"]


def test_a_model_that_is_not_there(project):
    project.ask("turn", model="gemini-0")
    project.gemctl("apply --yes", 1)
    assert "E580" in project.codes() and project.paid() == 0


def test_a_complaint_of_the_service_points_at_the_line(project):
    """What no check of ours sees: an agent that is not there."""
    project.ask("report", "Why?", agent="nobody")
    project.gemctl("apply --yes", 5)
    assert project.paid() == 0
    (found,) = [one["diagnostic"] for one in map(json.loads, project.said.splitlines()) if one.get("diagnostic")]
    line = project.text("Interaction-report.yaml").splitlines()[found["line"] - 1]
    assert line[found["column"] - 1 :].startswith('"nobody"')


LOST = (Fault("after", method="POST", nth=frozenset({1})),)


def test_a_lost_answer_stays_unknown_until_a_person_allows_another(project):
    project.ask("report", "Why?", "out/report.json", **REPORT)
    project.gemctl("apply --yes", 5, faults=LOST)
    project.clock.advance(LONG)
    assert project.paid() == 1
    for _ in range(2):
        project.gemctl("apply --yes", 1)
        assert project.codes() == {"E570"} and "what it costs, nobody can tell" in project.said + project.errors
    assert project.paid() == 1
    project.done("--allow-rerun")
    assert project.paid() == 2 and "completed" in project.text("out/report.json")
    assert project.plan() == {"Interaction/report": ("keep", "done")}


def test_what_one_may_have_cost_that_was_never_answered(project):
    project.ask("turn", "Why? " * 1000, generationConfig={"maxOutputTokens": 1000})
    project.gemctl("apply --yes", 5, faults=LOST)
    project.clock.advance(LONG)
    project.gemctl("apply --yes", 1)
    assert re.search(r"It may have cost up to \$0\.\d+\.", project.said + project.errors)


def test_a_lost_answer_whose_name_a_person_knows(project):
    project.ask("report", "Why?", "out/report.json", **REPORT)
    project.gemctl("apply --yes", 5, faults=LOST)
    (name,) = project.live("interactions")
    project.clock.advance(LONG)
    project.gemctl(f"import Interaction/report {name}")
    project.gemctl("apply --yes")
    assert project.paid() == 1 and json.loads(project.text("out/report.json"))["id"] == name.partition("/")[2]


def test_where_nothing_was_sent_it_is_sent_again(project):
    project.ask("report", "Why?", "out/report.json", **REPORT)
    project.gemctl("apply --yes", 5, faults=(Fault("status_before", method="POST", status=400),))
    project.done()
    assert project.paid() == 1


def test_the_last_copy_is_not_deleted_without_a_word(project):
    """It is the same for all that is run once."""

    def declare():
        project.ask("report", "Why?", "out/report.json", **REPORT)
        line = {"key": "a", "request": {"contents": [{"parts": [{"text": "Why?"}]}]}}
        spec = {"model": "gemini-3.8-flash", "input": {"jsonl": "job.jsonl"}}
        project.write("job.jsonl", f"{json.dumps(line)}\n")
        project.declare("BatchJob", "job", spec, run={"results": "out/job.jsonl"})

    def lost():
        return {one["address"] for one in project.gemctl("plan")["diagnostics"] if one["code"] == "W506"}

    runs = {"Interaction/report", "BatchJob/job"}
    project.ask("other", "How?", "kept/other.md")
    declare()
    project.gemctl("apply --yes --wait")
    for name in ("Interaction-report.yaml", "BatchJob-job.yaml"):
        (project.folder / name).unlink()
    assert runs <= {address for address, (action, _) in project.plan().items() if action == "delete"}
    assert lost() == set()
    shutil.rmtree(project.folder / "out")
    assert lost() == runs
    declare()
    project.gemctl("results BatchJob/job Interaction/report")
    assert {path.name for path in (project.folder / "out").iterdir()} >= {"report.json", "job.jsonl"}
    assert lost() == set()
    shutil.rmtree(project.folder / "out")
    project.gemctl("destroy --yes")
    assert "W506" in project.codes()
