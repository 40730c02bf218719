"""`gemctl plan --format` and `gemctl graph`: what goes where, and with which exit status."""

from __future__ import annotations

import json

import pytest
from cli_world import cache, gemctl, here, make_project


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path, "one", "two")


def test_json_is_the_same_by_either_option(project):
    long, short = (here(project, "plan", *words) for words in (["--format", "json"], ["--json"]))
    different = ("madeAt", "validUntil", "nextDue", "lineage", "cost")
    documents = [json.loads(done.stdout) for done in (long, short)]
    for document in documents:
        for name in different:
            document.pop(name)
    assert documents[0] == documents[1]
    assert long.stderr == short.stderr == ""


def test_text_is_the_default(project):
    assert (
        here(project, "plan", "--format", "text").stdout.splitlines()[:2]
        == here(project, "plan").stdout.splitlines()[:2]
    )


@pytest.mark.parametrize(("form", "start"), [("markdown", "<!-- gemctl"), ("html", "<!doctype html>")])
def test_a_document_has_standard_output_for_itself(project, form, start):
    done = here(project, "plan", "--format", form, "--out", "saved.plan", "--detailed-exitcode")
    assert done.returncode == 2
    assert done.stdout.startswith(start)
    assert "Saved." not in done.stdout and "Saved." in done.stderr
    assert (project / "saved.plan").exists()


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_no_text_of_a_manifest_is_in_a_document(project, form):
    (project / "caches.yaml").write_text(cache("one", "The word is rutabaga. " * 400).removesuffix("---\n"))
    done = here(project, "plan", "--format", form)
    assert done.returncode == 0
    assert "rutabaga" not in done.stdout + done.stderr
    assert "one" in done.stdout


def test_a_page_is_whole_in_any_locale(project):
    env = {"PATH": "/usr/bin", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    done = gemctl(project, "plan", "--format", "html", env=env, anew=True)
    assert done.returncode == 0
    assert done.stdout.isascii() and "\\u" not in done.stdout


def test_what_a_guard_says_is_in_the_document_and_on_standard_error(project):
    assert here(project, "apply", "--yes").returncode == 0
    (project / "caches.yaml").unlink()
    done = here(project, "plan", "--format", "html")
    assert done.returncode == 1
    assert "E503" in done.stdout and "E503" in done.stderr


def test_two_forms_at_once_are_refused(project):
    done = here(project, "plan", "--format", "html", "--json")
    assert done.returncode == 64
    assert json.loads(done.stdout)["diagnostics"][0]["code"] == "E009"


def test_a_graph_needs_no_key(project):
    done = here(project, "graph", "--stack", "live")
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["CachedContent/one", "CachedContent/two"]


@pytest.mark.parametrize("words", [["graph", "--format", "svg"], ["plan", "--format=svg"]])
def test_who_asks_for_a_drawing_is_told_who_draws(project, words):
    done = here(project, *words)
    assert done.returncode == 64 and done.stdout == ""
    assert "'svg' is not one of 'text'" in done.stderr
    assert "`dot -Tsvg` makes SVG" in done.stderr


def test_a_graph_of_what_is_wrong_is_none(project):
    (project / "caches.yaml").write_text("kind: Cache\n")
    done = here(project, "graph")
    assert done.returncode == 1 and done.stdout == ""
