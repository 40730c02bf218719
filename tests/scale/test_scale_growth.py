"""Twice as many resources, files or documents are twice the work, and no more. Work is counted in lines of Python that
are run (tests/effort.py), gemctl's own in all threads: a count is the same on every machine.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from effort import steps
from scale_world import PROJECT, Many, declare

import gemctl
from gemctl.emulator.server import running

GEMCTL = str(Path(gemctl.__file__).parent)
GROWTH = 1.05  # of the work for one more: pages and pieces fill up
CACHE = """\
apiVersion: gemctl/v1
kind: CachedContent
metadata: {name: book}
spec: {contents: [{role: user, parts: [{textFiles: "docs/*.md"}]}]}
"""
STORE = """\
apiVersion: gemctl/v1
kind: FileSearchStore
metadata: {name: books}
spec: {documents: [{files: "docs/*.md"}]}
"""


def caches(folder, count):
    declare(folder, count)


def texts(folder, count):
    files(folder, count, CACHE)


def documents(folder, count):
    files(folder, count, STORE)


def files(folder, count, manifest):
    (folder / "gemctl.yaml").write_text(PROJECT)
    (folder / "one.yaml").write_text(manifest)
    (folder / "docs").mkdir()
    for number in range(count):
        (folder / f"docs/{number:04}.md").write_text(f"Chapter {number}.")


@pytest.fixture
def work(tmp_path, monkeypatch, costs):
    """The lines that are run by a command, for one, and for so many, twice and four times as many, by command. Those
    that come first are run without being looked at.
    """
    monkeypatch.setenv("GEMINI_API_KEY", "any-word")

    def work(write, few, commands, first=()):
        found = {command: [] for command in commands}
        for count in (1, few, 2 * few, 4 * few):
            folder = tmp_path / f"{count}"
            folder.mkdir()
            write(folder, count)
            monkeypatch.chdir(folder)
            many = Many(folder, costs)
            with running(many.app) as url:
                monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
                for words in first:
                    many.gemctl(*words.split())
                for command in commands:
                    found[command].append(steps(partial(many.gemctl, *command.split()), is_gemctl))
        return found

    return work


def is_gemctl(file):
    return file.startswith(GEMCTL) and not file.startswith(f"{GEMCTL}/emulator/")


def check(found, few):
    """One more costs as much among many as among few."""
    for command, (_, first, second, third) in found.items():  # of one, all is imported
        less, more = (second - first) / few, (third - second) / (2 * few)
        assert more <= GROWTH * less + 1, (
            f"{command}: {less:.1f} lines for each more, and {more:.1f} where there are many"
        )


@pytest.mark.parametrize("write", [caches, texts, documents])
def test_twice_as_many_are_twice_the_work(work, write):
    check(work(write, 10, ["validate", "plan --detailed-exitcode"], first=["apply --yes"]), 10)


@pytest.mark.slow
@pytest.mark.parametrize("write", [caches, texts, documents])
def test_four_times_as_many_are_four_times_the_work(work, write):
    commands = [
        "validate",
        "apply --yes --parallelism 2",
        "plan --detailed-exitcode",
        "destroy --yes --allow-documents 999",
    ]
    check(work(write, 50, commands), 50)
