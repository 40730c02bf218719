"""Jobs of several parts through the command line: cut, queued, fed, saved in one file, and nothing paid for twice."""

from __future__ import annotations

import contextlib
import errno
import json
from collections import Counter

import pytest

from gemctl.outputs.results_parts import Merge


def rows(count: int, text: str = "What is it?") -> str:
    lines = ({"key": f"k{number:03}", "request": asks(f"{text} {number}")} for number in range(count))
    return "".join(json.dumps(line) + "\n" for line in lines)


def asks(text: str) -> dict[str, object]:
    return {"contents": [{"parts": [{"text": text}]}]}


def declare(shop, *, split: int | None = 4, results="out/nightly.jsonl", request=None, **rules) -> None:
    spec = {"input": {"jsonl": "rows.jsonl"}}
    spec |= {"split": {"requests": split}} if split else {}
    spec |= {"request": request} if request else {}
    shop.declare("nightly", spec, results=results, **rules)


def limit(shop, jobs: int) -> None:
    path = shop.folder / "gemctl.yaml"
    path.write_text(path.read_text(encoding="utf-8") + f"limits: {{jobs: {jobs}}}\n", encoding="utf-8")


def paid(shop) -> Counter[str]:
    """How often each key was run: it stands in so many files that jobs of the service have read."""
    world = shop.app.world
    found: Counter[str] = Counter()
    with world.turn():
        files = {row.name: row.body["blob"] for row in world.objects("files") if "blob" in row.body}
        for row in world.objects("batches"):
            if row.body["file"]:
                found.update(json.loads(line)["key"] for line in world.blobs.lines(files[row.body["file"]]))
    return found


@pytest.fixture
def parts(shop):
    """Ten requests in three parts, of which two may be in the service at a time."""
    shop.write("rows.jsonl", rows(10))
    limit(shop, 2)
    declare(shop)
    return shop


def test_a_job_is_cut_queued_fed_and_merged(parts):
    assert parts.plan() == [
        "create BatchJob/nightly.0001 · declared",
        "create BatchJob/nightly.0002 · declared",
        "keep BatchJob/nightly.0003 · queued",
        "create File/nightly.0001.input · declared",
        "create File/nightly.0002.input · declared",
    ]
    parts.apply("--wait")
    assert list(parts.results()) == [f"k{number:03}" for number in range(10)]
    assert paid(parts) == dict.fromkeys(parts.results(), 1)
    assert parts.receipt()["parts"] == 3
    assert parts.is_quiet()


def test_people_see_one_job(parts):
    said = parts.gemctl("plan").out
    assert "BatchJob/nightly  " in said and "nightly.0001" not in said
    assert "3 parts with 10 requests, about" in said
    assert "nightly.0001" in parts.gemctl("plan", "-v").out
    changes = parts.gemctl("plan", "--json").document["changes"]
    assert {one["partOf"] for one in changes} == {"BatchJob/nightly"}


def test_one_apply_after_the_other_feeds_what_waits(parts):
    parts.apply()
    assert "keep BatchJob/nightly.0003 · queued" in parts.plan()
    parts.later()
    assert "create BatchJob/nightly.0003 · queued" in parts.plan()
    parts.apply()
    parts.later()
    parts.apply()
    assert len(parts.results()) == 10 and set(paid(parts).values()) == {1}
    assert parts.is_quiet()


def test_jobs_of_strangers_take_room(parts):
    for number in range(2):
        body = {"batch": {"displayName": f"theirs {number}", "inputConfig": {"requests": {"requests": [
            {"request": asks("x"), "metadata": {"key": "a"}}
        ]}}}}  # fmt: skip
        parts.call("POST", "models/gemini-3.8-flash:batchGenerateContent", body)
    assert parts.plan()[:3] == [f"keep BatchJob/nightly.000{number} · queued" for number in (1, 2, 3)]
    assert "there is nothing" not in parts.apply("--wait").out
    assert len(parts.results()) == 10


def test_wait_results_and_cancel_take_the_job_by_its_name(parts):
    parts.gemctl("wait", "BatchJob/nightly", status=64)
    parts.apply()
    waited = parts.gemctl("wait", "BatchJob/nightly", status=1)
    assert "BatchJob/nightly  queued: 8 of 10 requests" in waited.out and "apply --wait" in waited.err
    parts.gemctl("cancel", "BatchJob/nightly", "--yes")
    assert "keep BatchJob/nightly.0003 · failed" in parts.plan()
    ended = parts.gemctl("wait", "BatchJob/nightly", "--json", status=5)
    (job,) = ended.lines[-1]["jobs"]
    assert (job["address"], job["ended"], job["requests"], job["done"]) == ("BatchJob/nightly", True, 10, 8)
    parts.gemctl("results", "BatchJob/nightly")
    assert sum(paid(parts).values()) == 8, "what waited is not run any more"


def test_one_job_is_one_row_of_results(parts):
    parts.apply("--wait")
    (job,) = parts.gemctl("results", "--json").document["jobs"]
    assert (job["address"], job["state"], job["succeeded"]) == ("BatchJob/nightly", "saved", 10)
    assert job["file"] == "out/nightly.jsonl"
    assert "nightly.0001" not in parts.gemctl("results").out


def test_only_what_has_no_response_is_run_again(parts):
    text = "".join(
        json.dumps({"key": f"k{n:03}", "request": asks("[[emulator: fail once 503]]" if n % 5 == 1 else "x")}) + "\n"
        for n in range(10)
    )
    parts.write("rows.jsonl", text)
    declare(parts, onFailed="resubmit")
    parts.apply("--wait")
    assert parts.answered() == "r" * 10
    assert sorted(paid(parts).values()) == [1] * 9 + [2], "the text fails once, in the first job"


def test_what_is_put_under_each_line_goes_with_each_part_and_each_attempt(parts):
    parts.cache()
    lines = [{"key": f"k{n:03}", "request": asks("[[emulator: fail once 503]]" if n == 9 else "x")} for n in range(10)]
    parts.write("rows.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    declare(parts, request={"cachedContentRef": {"name": "handbook"}}, onFailed="resubmit")
    parts.apply("--wait")
    assert parts.answered() == "r" * 10
    saved = (parts.folder / "out/nightly.jsonl").read_text(encoding="utf-8").splitlines()
    usage = [json.loads(line)["response"]["usageMetadata"] for line in saved]
    assert all(one["cachedContentTokenCount"] > 1000 for one in usage)


def test_results_that_could_not_be_merged_are_by_the_next_apply(parts, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Merge, "_merged", _no_space)
        parts.apply("--wait", status=5)
    assert len(parts.results("out/nightly.jsonl.parts/0003.jsonl")) == 2
    assert parts.plan()[:3] == [f"keep BatchJob/nightly.000{number} · done" for number in (1, 2, 3)]
    assert "BatchJob/nightly: 10 responses in out/nightly.jsonl" in parts.apply().out
    assert len(parts.results()) == 10
    assert "out/nightly.jsonl" not in parts.apply().out


def test_merged_results_that_a_person_removed_are_not_missed(parts):
    parts.apply("--wait")
    (parts.folder / "out/nightly.jsonl").unlink()
    parts.apply()
    assert not (parts.folder / "out/nightly.jsonl").exists()
    parts.gemctl("results", "BatchJob/nightly")
    assert len(parts.results()) == 10


def _no_space(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("split", [5, None, 100])
def test_another_cut_of_what_is_saved_is_done(parts, split):
    parts.apply("--wait")
    declare(parts, split=split)
    assert not [line for line in parts.plan() if line.startswith("create")]
    parts.lose_state()
    parts.forget_jobs()
    assert not [line for line in parts.plan("--allow-deletes", "9") if line.startswith("create")]


def test_a_cut_that_was_not_and_is(parts):
    declare(parts, split=None)
    parts.apply("--wait")
    declare(parts, split=3)
    assert not [line for line in parts.plan() if line.startswith("create")]


@pytest.mark.parametrize("split", [5, 3, None])
def test_another_cut_of_what_runs_is_refused(parts, split):
    parts.apply()
    declare(parts, split=split)
    assert "E589" in parts.gemctl("apply", "--yes", "--allow-deletes", "9", status=1).err
    assert sum(paid(parts).values()) <= 8
    declare(parts, split=split, key="again")
    parts.gemctl("plan")


@pytest.mark.parametrize(("edit", "refused"), [("lines", False), ("split", True)])
def test_a_part_whose_answer_was_lost_is_known_by_what_it_was_a_part_of(parts, monkeypatch, edit, refused):
    with monkeypatch.context() as patch:
        fault = {"kind": "after", "path": "batchGenerateContent"}
        patch.setenv("GEMCTL_EMULATOR_KNOBS", json.dumps({"faults": [fault]}))
        parts.apply(status=5)
    if edit == "lines":
        parts.write("rows.jsonl", rows(10, "Which is it?"))
    else:
        declare(parts, split=5)
    said = parts.gemctl("apply", "--yes", "--allow-deletes", "9", status=1 if refused else 0)
    assert ("E589" in said.err) is refused


def test_a_run_whose_answer_was_lost_counts_as_it_was_sent_although_its_cache_was_edited(parts, monkeypatch):
    parts.cache()
    declare(parts, split=None, request={"cachedContentRef": {"name": "handbook"}})
    with monkeypatch.context() as patch:
        fault = {"kind": "after", "path": "batchGenerateContent"}
        patch.setenv("GEMCTL_EMULATOR_KNOBS", json.dumps({"faults": [fault]}))
        parts.apply(status=5)
    path = parts.folder / "handbook.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("All there is", "Some of what there is"), encoding="utf-8")
    parts.apply("--wait", "--allow-deletes", "9")
    assert set(paid(parts).values()) == {1}
    assert len(parts.results()) == 10


def test_parts_of_an_edited_job_that_wait_for_room_are_fed(parts):
    """The records of those that were run before stay what they are."""
    parts.apply("--wait")
    parts.write("rows.jsonl", rows(10, "Which is it?"))
    parts.apply()
    parts.later()
    assert "create BatchJob/nightly.0003 · queued" in parts.plan()
    parts.apply()
    parts.later()
    parts.apply()
    assert set(paid(parts).values()) == {2}, "each was asked twice"
    assert parts.is_quiet()


def test_many_requests_take_a_word(parts):
    path = parts.folder / "gemctl.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "safety: {maxRequests: 9}\n", encoding="utf-8")
    said = parts.apply(status=1).err
    assert "E588" in said and "--allow-requests 10" in said and not parts.live()
    parts.apply("--allow-requests", "10")
    parts.later()
    parts.apply()  # what waited was asked for then
    assert len(parts.live()) == 3


def test_a_job_that_is_taken_out_is_one_delete(parts):
    parts.apply("--wait")
    (parts.folder / "nightly.yaml").unlink()
    parts.apply("--allow-empty", status=0)
    assert not parts.live()


def test_lines_that_are_added_are_run_and_no_others(parts):
    """A part is known by its lines: those that are as they were have been run."""
    parts.apply("--wait")
    parts.write("rows.jsonl", rows(13))
    parts.apply("--wait")
    assert len(parts.results()) == 13
    found = paid(parts)
    assert {key for key, times in found.items() if times > 1} <= {"k008", "k009"}, "the last part was longer"


def test_what_can_never_fit_is_said_at_once(parts):
    path = parts.folder / "gemctl.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("jobs: 2", "jobs: 2, enqueuedTokens: {gemini-3.8-flash: 8}"), encoding="utf-8")
    assert "E590" in parts.apply(status=1).err
    declare(parts, split=1)
    parts.apply("--wait")
    assert len(parts.results()) == 10 and set(paid(parts).values()) == {1}


def test_tokens_that_are_in_the_service_take_room(parts):
    path = parts.folder / "gemctl.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("jobs: 2", "enqueuedTokens: {gemini-3.8-flash: 30}"), encoding="utf-8")
    assert [line for line in parts.plan() if "BatchJob" in line] == [
        "create BatchJob/nightly.0001 · declared",
        "keep BatchJob/nightly.0002 · queued",
        "create BatchJob/nightly.0003 · declared",
    ], "what fits goes first"
    parts.apply("--wait")
    assert len(parts.results()) == 10


def test_a_mistake_in_what_is_put_together_points_at_the_line(parts):
    parts.cache()
    lines = [
        {"key": str(n), "request": {**asks("x"), **({"tools": [{"googleSearch": {}}]} if n == 3 else {})}}
        for n in range(5)
    ]
    parts.write("rows.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    declare(parts, request={"cachedContentRef": {"name": "handbook"}})
    at = json.dumps(lines[3]).index('"tools"') + 1
    assert f"rows.jsonl:4:{at}: error[E244]" in parts.gemctl("validate", status=1).err


def test_a_reference_in_a_line_that_leads_nowhere(parts):
    lines = [{"key": str(n), "request": {**asks("x"), "cachedContentRef": {"name": "handbok"}}} for n in range(5)]
    parts.write("rows.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    said = parts.gemctl("validate", status=1).err
    assert said.count("E222") == 1 and "rows.jsonl:1:1: error[E222]" in said


def test_a_pasted_name_of_ours_is_warned_of_where_it_stands(parts):
    parts.cache()
    (parts.folder / "nightly.yaml").unlink()
    parts.apply()
    (cache,) = parts.call("GET", "cachedContents")["cachedContents"]
    lines = [{"key": str(n), "request": asks("x")} for n in range(5)]
    lines[2]["request"]["cachedContent"] = cache["name"]
    parts.write("rows.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    declare(parts)
    said = parts.gemctl("plan").err
    assert said.count("W508") == 1 and "rows.jsonl:3:1: warning[W508]" in said
    assert "cachedContentRef: {name: handbook}" in said


def test_a_job_is_named_whole_wherever_people_name_it(parts):
    assert "name: nightly" in parts.gemctl("render").out and "nightly.0001" not in parts.gemctl("render").out
    assert len(parts.plan("--target", "BatchJob/nightly")) == 5
    parts.apply("--wait")
    parts.write("nightly.yaml", (parts.folder / "nightly.yaml").read_text("utf-8").replace('"nightly"', '"daily"'))
    parts.gemctl("state", "mv", "BatchJob/nightly", "BatchJob/daily")
    assert parts.is_quiet()
    parts.write("nightly.yaml", (parts.folder / "nightly.yaml").read_text("utf-8").replace('"daily"', '"hourly"'))
    path = parts.folder / "gemctl.yaml"
    path.write_text(
        path.read_text("utf-8") + "moved: [{from: BatchJob/daily, to: BatchJob/hourly}]\n", encoding="utf-8"
    )
    parts.apply()
    assert parts.is_quiet() and set(paid(parts).values()) == {1}


def test_a_job_is_known_by_its_own_name_in_the_state(parts):
    parts.apply("--wait")
    names = parts.gemctl("output", "BatchJob/nightly").out.split()
    assert len(names) == 3 and all(name.startswith("batches/") for name in names)
    shown = json.loads(parts.gemctl("state", "show", "BatchJob/nightly").out)
    assert [one["name"] for one in shown["parts"]] == names
    assert "E004" in parts.gemctl("output", "BatchJob/nightl", status=64).err


def test_a_job_is_one_row_of_costs(parts):
    parts.apply("--wait")
    said = parts.gemctl("cost").out
    assert "BatchJob/nightly " in said and "nightly.0001" not in said


def allow(shop, requests: int) -> None:
    path = shop.folder / "gemctl.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}safety: {{maxRequests: {requests}}}\n", encoding="utf-8")


def test_lines_that_are_added_need_a_word_of_their_own(parts):
    allow(parts, 2)
    parts.apply("--wait", "--allow-requests", "10")
    parts.write("rows.jsonl", rows(30))
    assert "E588" in parts.apply(status=1).err
    assert {line for line in parts.plan(status=1) if "queued" in line and line.startswith("create")} == set()
    parts.gemctl("apply", "--yes", "--wait", "--allow-requests", "22")
    assert len(parts.results()) == 30


def test_lines_that_are_added_are_only_reported_where_that_is_said(parts):
    parts.apply("--wait")
    parts.write("rows.jsonl", rows(30))
    declare(parts, onEdit={"own": "report"})
    assert not [line for line in parts.plan() if line.startswith("create")]


def test_another_key_with_less_room_than_parts_is_let_through_once(parts):
    allow(parts, 2)
    parts.apply("--wait", "--allow-requests", "10")
    declare(parts, key="second")
    parts.apply("--allow-requests", "10")
    for _ in range(4):
        parts.later()
        parts.apply()
    assert set(paid(parts).values()) == {2} and parts.is_quiet()


def test_the_run_before_goes_on_until_there_is_room(shop):
    shop.job("x", name="one")
    limit(shop, 1)
    shop.apply()
    shop.job("y", name="one")
    assert shop.plan() == ["keep BatchJob/one · superseded", "keep BatchJob/one · queued"]
    shop.apply("--wait")
    assert shop.is_quiet()


def test_edited_lines_are_run_although_the_rules_of_the_run_before_are_new(shop):
    """What a run was cut from is a fact of the run, and no rule that is read anew."""
    shop.write("rows.jsonl", "".join(json.dumps({"key": key, "request": asks(text)}) + "\n" for key, text in (
        ("a", "[[emulator: fail once 503]]"), ("b", "x"),
    )))  # fmt: skip
    declare(shop, split=None, onFailed="resubmit")
    shop.apply()
    shop.later()
    shop.apply()
    shop.apply()
    shop.write("rows.jsonl", rows(2, "Something else"))
    for _ in range(2):
        shop.later()
        shop.gemctl("results")
    assert "create BatchJob/nightly · edited" in shop.plan()


def test_a_second_attempt_of_a_named_file_refers_to_what_is_declared(shop):
    lines = [{"key": "a", "request": asks("[[emulator: fail once 503]]")}, {"key": "b", "request": asks("x")}]
    shop.write("rows.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    shop.write("reqs.yaml", json.dumps({
        "apiVersion": "gemctl/v1", "kind": "File", "metadata": {"name": "reqs"}, "spec": {"source": "rows.jsonl"},
    }))  # fmt: skip
    shop.declare("nightly", {"input": {"fileRef": {"name": "reqs"}}}, onFailed="resubmit")
    shop.apply("--wait")
    assert shop.answered() == "rr"
    assert shop.receipt()["references"].keys() == {"File/reqs"}
    shop.write("rows.jsonl", rows(3))
    shop.lose_state()
    shop.forget_jobs()
    assert "keep BatchJob/nightly · done" in shop.plan()


def test_waiting_for_room_is_no_spinning(shop, monkeypatch):
    limit(shop, 1)
    shop.job("x", name="a", display_name="[[emulator: job ends FAILED]]")
    shop.apply()
    shop.later()
    shop.job("x", name="b", display_name="[[emulator: job stays RUNNING]]")
    shop.apply()
    shop.job("x", name="c")
    looks: list[float] = []
    inner = shop.clock.sleep

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) > 20:
            raise KeyboardInterrupt
        inner(seconds)

    monkeypatch.setattr(shop.clock, "sleep", sleep)
    with contextlib.suppress(KeyboardInterrupt, AssertionError):
        shop.apply("--wait")
    assert len(looks) > 20 and min(looks) > 0 and max(looks) >= 30


def test_a_cut_of_what_was_saved_with_errors_is_done(shop):
    lines = [{"key": "a", "request": asks("[[emulator: fail 429]]")}, {"key": "b", "request": asks("x")}]
    shop.write("rows.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    declare(shop, split=None)
    shop.apply("--wait")
    declare(shop, split=1)
    assert not [line for line in shop.plan() if line.startswith("create")]


def test_the_row_of_a_job_says_what_matters_most(parts):
    parts.apply()
    parts.clock.advance(2)
    said = parts.gemctl("plan").out
    assert "= keep    BatchJob/nightly" in said and "running" in said.splitlines()[0]
    parts.later()
    parts.apply("--wait")
    declare(parts, key="second")
    said = parts.gemctl("plan").out
    assert "earlier runs: 3 superseded" in said and "2 to create, 1 queued" in said


# The rules of a run, in parts


def test_lines_of_another_editor_and_keys_of_any_sort(parts):
    keys = [" a b", "ü/é", "x" * 256, "0", "nightly.0001", "{}", "\u00a0", "#", '"', "\\"]
    lines = [json.dumps({"key": key, "request": asks(key)}, ensure_ascii=False) for key in keys]
    (parts.folder / "rows.jsonl").write_bytes("\r\n".join(lines).encode())
    parts.apply("--wait")
    assert list(parts.results()) == keys and set(paid(parts).values()) == {1}
    assert parts.answered() == "r" * 10 and parts.is_quiet()


def test_what_came_with_parts_is_cleaned_up_after_them(parts):
    declare(parts, cleanup="whenHarvested")
    parts.apply("--wait")
    parts.apply()
    assert list(parts.results()) == [f"k{number:03}" for number in range(10)]
    assert [one for one in parts.live() if one["name"].startswith(("batches/", "files/"))] == []
    assert parts.is_quiet()
    parts.lose_state()
    assert parts.is_quiet()


def test_parts_that_take_too_long_are_run_again_one_by_one(parts):
    """The first job of each of them never begins; then the display name asks for that no more."""
    spec = {"input": {"jsonl": "rows.jsonl"}, "split": {"requests": 4}}
    rules = {"deadline": "2h", "onExpired": "resubmit", "results": "out/nightly.jsonl"}
    parts.declare("nightly", spec, display_name="x [[emulator: job stays PENDING]]", **rules)
    parts.apply()
    parts.later(7201)
    assert [line for line in parts.plan() if line.startswith("cancel")] == [
        f"cancel BatchJob/nightly.000{number} · expired" for number in (1, 2)
    ]
    parts.apply()
    parts.declare("nightly", spec, **rules)
    parts.apply("--wait")
    assert len(parts.results()) == 10 and parts.answered() == "r" * 10
    assert parts.is_quiet()


def test_vectors_of_texts_with_a_part_before_each(parts):
    lines = [{"key": f"k{n}", "request": {"content": {"parts": [{"text": f"card {n}"}]}}} for n in range(6)]
    parts.write("rows.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    spec = {"model": "gemini-embedding-2", "method": "embedContent", "input": {"jsonl": "rows.jsonl"}}
    parts.declare(
        "nightly",
        {**spec, "split": {"requests": 4}, "request": {"partsBefore": [{"text": "A museum:"}]}},
        results="out/nightly.jsonl",
    )
    parts.apply("--wait")
    assert list(parts.results()) == [f"k{n}" for n in range(6)] and parts.is_quiet()


# Files of parts that somebody has touched


def touch(shop, how: str, file: str = "out/nightly.jsonl.parts/0001.jsonl") -> bytes:
    """Edit or remove the results of a part. Returns what they were."""
    path = shop.folder / file
    before = path.read_bytes()
    path.unlink() if how == "removed" else path.write_bytes(before + b"{}\n")
    return before


@pytest.fixture
def nearly(parts):
    """Two of three parts are saved, and the last one has ended."""
    parts.apply()
    parts.later()
    parts.apply()
    parts.later()
    return parts


@pytest.mark.parametrize("how", ["removed", "edited"])
def test_a_part_is_saved_although_the_file_of_another_is_not_what_it_was(nearly, how):
    touch(nearly, how)
    said = nearly.apply(status=5).err
    assert (
        said.count("E537") == 1
        and "BatchJob/nightly: The results of all parts can't be put together:" in said
        and "0001.jsonl" in said
    )
    assert len(nearly.results("out/nightly.jsonl.parts/0003.jsonl")) == 2
    assert "out/nightly.jsonl" not in nearly.files() and nearly.is_quiet()
    (nearly.folder / "out/nightly.jsonl.parts/0001.jsonl").unlink(missing_ok=True)
    nearly.gemctl("results", "BatchJob/nightly")
    assert len(nearly.results()) == 10 and set(paid(nearly).values()) == {1}


def test_what_is_wrong_with_a_part_is_said_until_it_is_mended(nearly):
    before = touch(nearly, "edited")
    assert "E537" in nearly.gemctl("results", status=5).err
    assert "E537" in nearly.gemctl("results", "BatchJob/nightly", status=5).err
    (nearly.folder / "out/nightly.jsonl.parts/0001.jsonl").write_bytes(before)
    nearly.gemctl("results", "BatchJob/nightly")
    assert len(nearly.results()) == 10


def test_merged_results_of_earlier_runs_are_made_anew(parts):
    lines = [{"key": f"k{n:03}", "request": asks("[[emulator: fail once 503]]" if n == 9 else "x")} for n in range(10)]
    parts.write("rows.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    parts.apply("--wait")
    assert parts.answered() == "r" * 9 + "e"
    before = touch(parts, "edited")
    declare(parts, onFailed="resubmit")
    assert "E537" in parts.apply("--wait", status=5).err
    assert parts.answered() == "r" * 9 + "e"
    (parts.folder / "out/nightly.jsonl.parts/0001.jsonl").write_bytes(before)
    parts.gemctl("results", "BatchJob/nightly")
    assert parts.answered() == "r" * 10


# The file of requests is told from other files that they name


@pytest.mark.parametrize("split", [None, 2])
@pytest.mark.parametrize("named", ["under each line", "in lines", "both"])
def test_results_are_in_the_order_of_the_requests_whatever_files_they_name(shop, named, split):
    """Another file of requests is among them, with the same keys in another order: it says nothing."""
    keys = ["k3", "k1", "k0", "k2"]
    fails = "[[emulator: fail once 503]]"
    texts = {key: fails if key == "k1" else "x" for key in keys}
    shop.write("other.jsonl", "".join(json.dumps({"key": key, "request": asks("y")}) + "\n" for key in sorted(keys)))
    spec = {"source": "other.jsonl", "mimeType": "text/plain"}
    head = {"apiVersion": "gemctl/v1", "kind": "File", "metadata": {"name": "aa-first"}}
    shop.write("other.yaml", json.dumps({**head, "spec": spec}))
    part = {"fileRef": {"name": "aa-first"}}
    in_line = [part] if named != "under each line" else []
    lines = [
        {"key": key, "request": {"contents": [{"parts": [*in_line, {"text": text}]}]}} for key, text in texts.items()
    ]
    shop.write("rows.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    declare(shop, split=split, request={"partsBefore": [part]} if named != "in lines" else None)
    shop.apply("--wait")
    assert list(shop.results()) == keys and shop.answered() == "rerr"
    rest = "out/nightly.jsonl.parts/0001.jsonl.without.jsonl" if split else "out/nightly.jsonl.without.jsonl"
    assert (shop.folder / rest).read_text("utf-8") == json.dumps(lines[1]) + "\n"
    declare(shop, split=split, request={"partsBefore": [part]} if named != "in lines" else None, onFailed="resubmit")
    shop.apply("--wait")
    assert list(shop.results()) == keys and shop.answered() == "rrrr"
