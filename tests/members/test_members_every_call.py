"""Whatever befalls one call of a run that fills or edits a store with a dozen documents, the next run makes it as it is
declared, and no document is ever made twice. The quick tests take a few of the calls, the slow ones each or every
third.
"""

from __future__ import annotations

import pytest
from fakes.fake_project import known
from members_world import Library

from gemctl.emulator.faults import Fault

SETTLE = 1_000


def filled(project, *, edited):
    """A dozen documents are declared; or they are there, and some are edited, and some come and go."""
    for number in range(12):
        project.write(f"docs/{number:02}.txt", f"Number {number}.")
    for path in ("docs/a.txt", "docs/b.txt"):
        (project.folder / path).unlink()
    if not edited:
        return 12
    project.apply()
    for number in (1, 4, 7):
        project.write(f"docs/{number:02}.txt", f"Another {number}.")
    project.write("docs/13.txt", "Number 13.")
    (project.folder / "docs/03.txt").unlink()
    return 16


def misfortune(tmp_path, kind, number, *, edited):
    """The result of one life in which this befalls the call of that number: how many calls there were."""
    project = Library(tmp_path / f"{kind}-{number}-{edited}")
    needed = filled(project, edited=edited)
    project.apply(status=None, faults=[Fault(kind, nth=frozenset({number}))])
    calls = len(project.asked)
    project.clock.advance(SETTLE)
    project.apply()
    assert project.planned() == {} and project.planned("--refresh") == {}, (kind, number, edited)
    declared = {f"docs/{path.name}" for path in (project.folder / "docs").iterdir()}
    assert set(project.documents()) == declared == set(project.ledger()), (kind, number, edited)
    assert len(project.made_documents()) == needed, (kind, number, edited)
    assert project.made("fileSearchStores") == 1
    return calls


def befall(tmp_path, kind, every, *, edited):
    with known():
        number, calls = 1, 1
        while number <= calls:
            (tmp_path / f"{kind}-{number}-{edited}").mkdir()
            calls = misfortune(tmp_path, kind, number, edited=edited)
            number += every
        assert calls >= 12


KINDS = {"after": 1, "status_after": 1, "before": 3, "status_before": 3, "slow": 3}  # and every how many-th call


@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("kind", ["after", "status_after"])
def test_a_misfortune_of_a_few_calls(tmp_path, kind, edited):
    befall(tmp_path, kind, 23, edited=edited)


@pytest.mark.slow
@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_misfortune_of_each_call(tmp_path, kind, edited):
    befall(tmp_path, kind, KINDS[kind], edited=edited)
