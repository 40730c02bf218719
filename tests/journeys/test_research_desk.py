"""Searches for the secrets of manifests/research-desk in all that is said and written while it is lived with."""

from __future__ import annotations

import contextlib
import io
import shutil
from datetime import timedelta
from pathlib import Path

from values import ManualClock

from gemctl.cli.main import run

ROOT = Path(__file__).parent.parent.parent
WORDS = (
    "validate",
    "plan -v",
    "plan --out saved.plan",
    "plan --format html",
    "-vv apply --yes --wait",
    "apply --json --yes",
    "state show Credential/register",
    "state list --json",
    "get --json",
    "output --json",
    "cost --json",
    "graph",
    "credential rotate register",
    "trigger run nightly",
    "trigger executions nightly --json",
    "orphans Credential",
    "destroy --yes",
)


def test_the_secrets_of_the_story_are_nowhere(tmp_path, monkeypatch):
    folder, clock = tmp_path / "desk", ManualClock()
    shutil.copytree(ROOT / "manifests/research-desk", folder, ignore=shutil.ignore_patterns("out", ".gemctl"))
    said = io.StringIO()
    values = []
    monkeypatch.chdir(folder)
    for number, words in enumerate(WORDS):
        if number in (0, WORDS.index("apply --json --yes")):  # the second pair takes the place of the first
            values += [f"c4nary-one-{number}", f"c4nary-two-{number}"]
            monkeypatch.setenv("REGISTER_SECRET", values[-2])
            monkeypatch.setenv("REGISTER_REFRESH_TOKEN", values[-1])
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            assert run(words.split(), clock=clock) == 0, (words, said.getvalue())
        clock.advance(timedelta(hours=9))
    emulated = folder / ".gemctl/local/emulator"  # the service itself: it keeps what it is given
    held = b"".join(path.read_bytes() for path in emulated.rglob("*") if path.is_file())
    assert all(value.encode() in held for value in values), "both pairs were sent"
    written = [path for path in folder.rglob("*") if path.is_file() and emulated not in path.parents]
    assert {"saved.plan", "state.json", "repair-shops.md"} <= {path.name for path in written}
    for value in values:
        assert value not in said.getvalue()
        assert [path for path in written if value.encode() in path.read_bytes()] == []
