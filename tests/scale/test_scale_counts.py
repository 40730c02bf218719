"""What is promised of many resources, counted: requests, connections, fsyncs, bytes, comparisons, and modules."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import deepdiff
import pytest
from measure import asked, fast_server
from scale_world import declare

from gemctl import kinds
from gemctl.cli.main import run
from gemctl.kinds import CATALOGUE

FIXED = 8  # fsyncs of a run: folders, the journal's beginning, a snapshot at the end, and one before a state is new
BYTES_OF_ENTRIES, BYTES_OF_A_ROW = 1_200, 1_000
MODULES = 191
KIND_MODULES = {
    path.stem for path in Path(kinds.__file__).parent.glob("*.py") if path.stem not in ("__init__", "api_types")
}
OTHER_KINDS = """\
apiVersion: gemctl/v1
kind: FileSearchStore
metadata: {name: store}
---
apiVersion: gemctl/v1
kind: File
metadata: {name: text}
spec: {source: text.txt}
lifecycle: {keep: always}
"""
LISTED = sum(kind.remote is not None and kind.remote.listed for kind in CATALOGUE.values())


def test_a_plan_without_changes_reads_each_page_of_each_kind_once(many):
    declare(many.folder, 3)
    (many.folder / "other.yaml").write_text(OTHER_KINDS)
    (many.folder / "text.txt").write_text("A text.")
    many.gemctl("apply", "--yes")
    many.others("cachedContents", 1100)
    many.others("fileSearchStores", 45)
    assert "Nothing to do: 5 in sync." in many.gemctl("plan", "--detailed-exitcode")
    pages = [-(-1103 // 1000), -(-46 // 20), 1]
    assert many.app.counts == {"GET": sum(pages)}
    assert not many.costs["journals"] + many.costs["snapshots"]  # and the state is not written


@pytest.mark.parametrize("width", [1, 4])
def test_creates_with_a_state(many, width):
    """A list of the one kind, a list of the models, and the creates."""
    declare(many.folder, 20)
    many.gemctl("apply", "--yes")
    declare(many.folder, 40, first=20)
    many.gemctl("apply", "--yes", "--parallelism", str(width))
    assert many.app.counts == {"GET": 1 + 1, "POST": 40}
    assert many.costs["fsyncs"] <= 2 * 40 + FIXED  # an intent and a result each, several at once with several workers
    assert (many.costs["journals"], many.costs["snapshots"]) == (1, 1)


def test_creates_without_a_state(many):
    """Without a state each kind is listed twice, for its marks."""
    declare(many.folder, 40)
    many.gemctl("apply", "--yes", "--parallelism", "4")
    assert many.app.counts == {"GET": 2 * LISTED + 1, "POST": 40}
    assert many.costs["fsyncs"] <= 2 * 40 + FIXED
    assert many.costs["snapshots"] <= 2


def test_each_list_and_each_worker_has_one_connection(tmp_path, monkeypatch):
    """On a server that never ends one: the emulator ends those that are idle for some seconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEMINI_API_KEY", "any-word")

    def connections(*words):
        before = asked(url)["connections"]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            assert run(words) == 0
        return asked(url)["connections"] - before - 1  # that of the question is one

    with fast_server() as url:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        declare(tmp_path, 20)
        assert connections("apply", "--yes", "--parallelism", "4") <= 4 + LISTED + 1
        assert connections("plan", "--detailed-exitcode") == 1
        declare(tmp_path, 40, first=20)
        assert connections("apply", "--yes", "--parallelism", "4") <= 4 + 1 + 1  # the caches' list, and the models'
        assert asked(url)["most"] <= max(4, LISTED)


def test_a_create_writes_as_much_in_a_large_project_as_in_a_small_one(many, written):
    """Two entries in the journal, and one row of the snapshot that is written at the end."""
    entries, rows, made = [], [], 0
    for count in (20, 40, 80):
        declare(many.folder, count, first=made)
        made += count
        written.clear()
        many.gemctl("apply", "--yes")
        entries.append(written["journal"] / count)
        rows.append(written["state.json"] / made)
    assert max(entries) < BYTES_OF_ENTRIES and max(rows) < BYTES_OF_A_ROW
    assert entries[2] <= 1.02 * entries[1] and rows[2] <= 1.02 * rows[1]


def test_only_what_has_changed_is_compared_field_by_field(many, monkeypatch):
    compared = Counter()

    class Counted(deepdiff.DeepDiff):
        def __init__(self, *args, **how):
            compared["all"] += "_shared_parameters" not in how  # else it is a part of one
            super().__init__(*args, **how)

    monkeypatch.setattr(deepdiff, "DeepDiff", Counted)
    declare(many.folder, 20)
    many.gemctl("apply", "--yes")
    many.gemctl("plan", "--detailed-exitcode")
    assert compared["all"] == 0
    file = many.folder / "caches0.yaml"
    file.write_text(file.read_text().replace("text 11}", "text eleven}").replace("text 7}", "text seven}"))
    assert "Plan: 2 to replace" in many.gemctl("plan")
    assert compared["all"] == 2


def test_a_plan_imports_what_it_needs_of_gemctl(many):
    declare(many.folder, 2)
    many.gemctl("apply", "--yes")
    code = "import sys; from gemctl.cli.main import run; run(['plan']); print(*sys.modules, file=sys.stderr)"
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, cwd=many.folder, env=dict(os.environ), capture_output=True, check=True)
    names = {name for name in done.stderr.decode().split() if name.startswith("gemctl.")}
    assert {name.split(".")[1] for name in names}.isdisjoint({"emulator"})
    modules = {name.removeprefix("gemctl.") for name in names}
    assert {f"kinds.{kind}" for kind in KIND_MODULES} & modules == {"kinds.cached_content"}
    assert modules.isdisjoint({"engine.execute", "engine.machine", "plan.file", "manifest.schema", "state.shared"})
    assert len(names) <= MODULES
