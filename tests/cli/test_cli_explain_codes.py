"""`gemctl explain E206`: each code of the list, in any spelling that people copy."""

from __future__ import annotations

import json

import pytest
from cli_world import here

from gemctl.core.codes import CODES, SECTIONS


def test_every_code_is_explained(tmp_path):
    for code in (next(name for name in CODES if name[1] == digit) for digit in SECTIONS):
        done = here(tmp_path, "explain", code)
        summary, _, rest = CODES[code].partition(". ")
        assert done.returncode == 0 and f"{code}: {summary}" in done.stdout.splitlines()[0], code
        assert " ".join(rest.split()) in " ".join(done.stdout.split())
    assert all(code[1] in SECTIONS for code in CODES)


@pytest.mark.parametrize("spelling", ["E206", "e206", "error[E206]", "error[E206]:", " e206"])
def test_any_spelling_of_a_code_is_known(tmp_path, spelling):
    assert here(tmp_path, "explain", spelling).stdout == here(tmp_path, "explain", "E206").stdout


def test_a_program_has_it_as_json(tmp_path):
    document = json.loads(here(tmp_path, "explain", "w571", "--json").stdout)
    assert document.pop("description").startswith("Nothing of such an object can be changed")
    assert document == {
        "formatVersion": "1", "code": "W571", "severity": "warning", "summary": "Name has a gap",
        "about": "Plans, and what becomes of them",
    }  # fmt: skip


@pytest.mark.parametrize(("word", "meant"), [("206", "E206 or W206"), ("W510", "E510"), ("E2066", "E206")])
def test_an_unknown_code_is_answered_with_the_one_that_is_meant(tmp_path, word, meant):
    done = here(tmp_path, "explain", word)
    assert done.returncode == 64 and f"Did you mean {meant}?" in done.stderr
