"""`gemctl show PLANFILE`: the words of the plan that was saved, with nothing of its project at hand."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from cli_world import TEXT, cache, here, make_project

from gemctl.core.change import Action

FORMS = ["text", "markdown", "html", "json"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with nothing but a plan, and what was printed when it was saved, in each form: an edited text in a file,
    another one in the manifest, a resource that is gone, and a job in parts with its warning.
    """
    project, empty = make_project(tmp_path_factory.mktemp("shop"), "one", "gone"), tmp_path_factory.mktemp("empty")
    (project / "long.txt").write_text(TEXT)
    (project / "caches.yaml").write_text(cache("one") + cache("gone") + FROM_FILE)
    assert here(project, "apply", "--yes").returncode == 0
    lines = [{"key": f"k{n}", "request": {"contents": [{"parts": [{"text": "Why?"}]}]}} for n in range(4)]
    (project / "questions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (project / "long.txt").write_text(TEXT + "One more line.\n")
    (project / "caches.yaml").write_text(cache("one", TEXT + "And one.") + FROM_FILE + "---\n" + IN_PARTS)
    printed = {form: here(project, "plan", "--format", form, "--out", f"{form}.plan") for form in FORMS}
    assert {done.returncode for done in printed.values()} == {0}, printed["text"].stderr
    for form in FORMS:
        shutil.copy(project / f"{form}.plan", empty)
    return empty, printed


FROM_FILE = """\
apiVersion: gemctl/v1
kind: CachedContent
metadata: {name: from-file}
spec: {contents: [{role: user, parts: [{textFile: long.txt}]}]}
"""
IN_PARTS = """\
apiVersion: gemctl/v1
kind: BatchJob
metadata: {name: nightly}
spec: {model: gemini-3.8-flash, input: {jsonl: questions.jsonl}, split: {requests: 2}}
"""


@pytest.mark.parametrize("form", FORMS)
def test_a_saved_plan_is_shown_in_the_words_in_which_it_was_planned(saved, form):
    folder, printed = saved
    done = here(folder, "show", f"{form}.plan", "--format", form)
    assert done.returncode == 0
    said = printed[form].stdout.removesuffix(printed[form].stdout.partition("Saved. ")[2]).removesuffix("Saved. ")
    assert done.stdout == said
    assert {line for line in done.stderr.splitlines() if line.startswith("warning")} == {
        line for line in printed[form].stderr.splitlines() if line.startswith("warning")
    }
    assert form == "json" or done.stderr.startswith("shop / local on embedded emulator, planned 20")


def test_the_names_of_files_are_in_a_saved_plan_and_their_texts_are_not(saved):
    folder, _ = saved
    text = (folder / "text.plan").read_text()
    assert "long.txt" in here(folder, "show", "text.plan").stdout
    assert "long.txt" in text and "said slowly" not in text and "And one" not in text and "Why?" not in text


def test_kept_objects_are_listed_at_length(saved):
    folder, _ = saved
    short, long = (here(folder, "show", "text.plan", *more).stdout for more in ([], ["-v"]))
    assert "BatchJob/nightly.0002" in long and "BatchJob/nightly.0002" not in short


def test_what_is_no_plan_is_said_to_be_none(saved, tmp_path):
    folder, _ = saved
    (tmp_path / "damaged.plan").write_bytes((folder / "text.plan").read_bytes()[:500])
    (tmp_path / "caches.yaml").write_text(cache("one"))
    for name, code, status in [
        ("damaged.plan", "E511", 1), ("caches.yaml", "E511", 1), ("no.plan", "E009", 64), (".", "E431", 1),
    ]:  # fmt: skip
        done = here(tmp_path, "show", name)
        assert (done.returncode, done.stdout) == (status, "") and code in done.stderr, done.stderr
    assert "gemctl state show ADDRESS" in here(tmp_path, "show", "CachedContent/one").stderr


def test_a_file_that_others_made_moves_no_cursor(saved, tmp_path):
    from gemctl.plan.file import to_bytes, with_legend

    folder, _ = saved
    plan, legend = with_legend((folder / "text.plan").read_bytes(), "")
    evil = replace(plan.changes[0].address, name="a\x1b[2Jb")
    changes = (replace(plan.changes[0], address=evil, action=Action.CREATE), *plan.changes[1:])
    header = replace(plan.header, stack="\x1b[31mprod")
    (tmp_path / "evil.plan").write_bytes(to_bytes(replace(plan, header=header, changes=changes), legend))
    for form in ("text", "markdown", "html"):
        done = here(tmp_path, "show", "evil.plan", "--format", form)
        assert done.returncode == 0 and "\x1b" not in done.stdout + done.stderr, form


def test_a_plan_that_was_saved_without_names_is_shown_with_digests(saved, tmp_path):
    """As gemctl 0.1.0 saved them."""
    from gemctl.plan.file import from_bytes, to_bytes

    folder, _ = saved
    (tmp_path / "old.plan").write_bytes(to_bytes(from_bytes((folder / "text.plan").read_bytes(), "")))
    done = here(tmp_path, "show", "old.plan")
    assert done.returncode == 0 and "text sha256:" in done.stdout and "long.txt" not in done.stdout
