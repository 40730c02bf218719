"""Every file that a project has, and what may lie in its place: whole command lines, in this process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from itertools import count

import pytest
from hindrances import FILES, SPARSE, Outside, Swap, second_name, watched
from values import START, ManualClock

from gemctl.cli.main import run

PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: shop, id: abcd1234}
defaultStack: local
stacks: {local: {endpoint: emulator}}
"""
CACHE = {
    "apiVersion": "gemctl/v1",
    "kind": "CachedContent",
    "metadata": {"name": "handbook"},
    "spec": {"model": "gemini-3.8-flash", "ttl": "24h", "contents": "All there is to know. " * 400},
    "publish": [
        {"file": "pub/caches.json", "key": "handbook"},
        {"dotenv": "pub.env", "name": "HANDBOOK"},
        {"githubOutput": "HANDBOOK"},
    ],
}
JOB = {
    "apiVersion": "gemctl/v1",
    "kind": "BatchJob",
    "metadata": {"name": "nightly"},
    "spec": {"model": "gemini-3.8-flash", "requests": [{"key": "k", "request": {"contents": "x"}}]},
    "run": {"results": "out/nightly.jsonl"},
}


class Place:
    """A copy of a project, at an hour."""

    def __init__(self, folder, hour):
        self.folder, self.clock = folder, ManualClock(START)
        self.clock.advance(hour * 3600)

    def gemctl(self, *words):
        """(exit status, all that was said)."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = int(run(["-C", str(self.folder), *words], clock=self.clock))
        return status, out.getvalue()


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """One apply, an hour ago: a cache that is published, and a job whose results can be had by now."""
    folder = tmp_path_factory.mktemp("origin") / "project"
    folder.mkdir()
    (folder / "gemctl.yaml").write_text(PROJECT)
    (folder / "all.yaml").write_text("\n---\n".join(map(json.dumps, [CACHE, JOB])))
    status, said = Place(folder, 0).gemctl("apply", "--yes")
    assert status == 0, said
    return folder


@pytest.fixture
def copy(origin, tmp_path, monkeypatch):
    """Makes copies of it, in which there is something to publish in each place, and results to save."""
    numbers = count()

    def made() -> Place:
        folder = tmp_path / f"{next(numbers)}"
        shutil.copytree(origin, folder)
        monkeypatch.setenv("GITHUB_OUTPUT", str(folder / "github.output"))
        cache = {**CACHE, "spec": {**CACHE["spec"], "displayName": "another one"}}
        (folder / "all.yaml").write_text("\n---\n".join(map(json.dumps, [cache, JOB])))
        return Place(folder, 1)

    return made


@pytest.fixture
def outside(tmp_path):
    return Outside(tmp_path / "outside")


# Folders

EVERYTHING = (("plan",), ("apply", "--yes"), ("results",), ("state", "rebuild"), ("destroy", "--yes"))
APPLY = (("apply", "--yes"),)
FOLDERS = {  # what is tried, and what is said then
    ".gemctl": (EVERYTHING, "E430"),
    ".gemctl/local": (EVERYTHING, "E430"),
    ".gemctl/local/emulator": (EVERYTHING, "E430"),
    ".gemctl/local/emulator/blobs": (APPLY, "delete the folder"),
    "pub": (APPLY, "E219"),
    "out": (APPLY, "E245"),
}


def test_a_folder_that_is_a_link_out_of_the_project_is_refused(copy, outside):
    """What it leads to would be taken for the state, or be written to: a pull request can bring such a link."""
    for name, (commands, words) in FOLDERS.items():
        place = copy()
        path, kept = place.folder / name, place.folder / "kept"
        if path.exists():
            path.rename(kept)
        path.symlink_to(outside.folder)
        for command in commands:
            status, said = place.gemctl(*command)
            assert status in (1, 5) and words in said, f"{name}: {command}: {status} {said}"
            assert outside.untouched(), f"{name}: {command}"


def test_a_folder_that_is_swapped_for_a_link_during_a_run_gains_nothing(copy, outside, monkeypatch):
    """Of the state, the emulator, what is published and what is saved, nothing leaves the project at any moment."""
    for name in (".gemctl", ".gemctl/local", "pub", "out"):

        def run_with(at, name=name):
            """How often the system was asked."""
            with monkeypatch.context() as patch:
                place = copy()
                (place.folder / name).mkdir(exist_ok=True)
                swap = Swap(patch, place.folder / name, outside)
                swap.at = at
                status, said = place.gemctl("apply", "--yes")
            assert status in ((0, 1, 5, 6) if at else (0,)) and "E099" not in said, f"{name} at {at}: {said}"
            assert outside.untouched(), f"{name} at {at}"
            return swap.count

        often = run_with(0)
        for at in range(1, often, often // 12):
            run_with(at)


# Files

SAID = ("E4", "E219", "E245", "E520", "delete the folder")

OWN = ("state.json", "journal", "lock", "lock.info", "emulator/lock", "emulator/world.jsonl")
PUBLISHED = ("pub/caches.json", "pub.env", "github.output", "out/nightly.jsonl", "out/nightly.jsonl.run.json")


def test_what_is_no_plain_file_is_neither_waited_for_nor_written_to(copy, outside):
    for name in (*(f".gemctl/local/{name}" for name in OWN), *PUBLISHED):
        for hindrance in FILES:
            if (name, hindrance) == ("github.output", second_name):
                continue  # it is written where it is, and no checkout brings a second name
            place, row = copy(), f"{name}: {hindrance.__name__}"
            path = place.folder / name
            path.parent.mkdir(exist_ok=True)
            path.unlink(missing_ok=True)
            hindrance(path, outside)
            with watched(path):
                status, said = place.gemctl("apply", "--yes")
            assert status in (0, 1, 5, 6), f"{row}: {said}"
            assert "E099" not in said and "E399" not in said and "Traceback" not in said, f"{row}: {said}"
            assert status == 0 or any(words in said for words in SAID), f"{row}: {said}"
            assert outside.untouched(), row


def test_a_saved_plan(copy, outside):
    """It is written whole, for its owner only, over nothing but a plan; and read if it is a plain file of some size."""
    place = copy()
    for hindrance in FILES:
        path = place.folder / f"{hindrance.__name__}.plan"
        hindrance(path, outside)
        for words in (("plan", "--out", str(path)), ("apply", "--yes", str(path))):
            with watched(path):
                status, said = place.gemctl(*words)
            assert status in (1, 4, 64) and "E099" not in said, f"{hindrance.__name__}: {words}: {said}"
            assert outside.untouched(), hindrance.__name__
    path, stale = place.folder / "our.plan", place.folder / ".our.plan.new"
    stale.touch()
    stale.chmod(0o666)
    for _ in range(2):
        assert place.gemctl("plan", "--out", str(path))[0] == 0
        assert path.stat().st_mode & 0o777 == 0o600 and stale.stat().st_size == 0
    os.truncate(path, SPARSE)
    status, said = place.gemctl("apply", "--yes", str(path))
    assert status == 1 and "E432" in said
    assert place.gemctl("plan", "--out", str(path))[0] == 0  # over a damaged one
    assert place.gemctl("apply", "--yes", str(path))[0] == 0


def test_other_files_that_a_command_line_names(copy, outside):
    place = copy()
    for hindrance in FILES:
        path = place.folder / f"{hindrance.__name__}.yaml"
        hindrance(path, outside)
        with watched(path):
            for words in (("state", "push", str(path)), ("import", "--from-live", "--all", "--write", str(path))):
                status, said = place.gemctl(*words)
                assert status and "E099" not in said, f"{hindrance.__name__}: {words}: {said}"
        assert outside.untouched(), hindrance.__name__
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


# Half a character


def test_a_published_file_with_half_a_character_keeps_it(copy):
    """JSON may hold one as an escape, UTF-8 can't: the escape stays, and everything else is as it was."""
    place = copy()
    path = place.folder / "pub/caches.json"
    text = r'{"half \ud800": ["\udfff", "\ud83d\ude00", "é"], "path": "\\ud800"}'
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    assert place.gemctl("apply", "--yes")[0] == 0
    document = json.loads(path.read_bytes())
    assert document.pop("handbook").startswith("cachedContents/") and document == json.loads(text)
    assert "é" in path.read_text(encoding="utf-8")
    before = path.read_bytes()
    assert place.gemctl("apply", "--yes")[0] == 0
    assert path.read_bytes() == before
