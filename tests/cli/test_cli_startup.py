"""What a command must not import: start-up time by cause, where a clock would only show the symptom."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from cli_world import environment, make_project, slow

from gemctl.cli.main import COMMANDS

HEAVY = {"pydantic", "httpx", "httpcore", "yaml", "deepdiff", "rich", "asyncio", "google", "starlette", "uvicorn"}
HEAVY |= {"psycopg", "psycopg_binary", "obstore"}  # for a state that is kept elsewhere
_SHOW = """
import atexit, json, sys
@atexit.register
def _():
    with open({file!r}, "w") as out:
        json.dump(sorted({{name.partition(".")[0] for name, module in sys.modules.items() if module}}), out)
from gemctl.__main__ import main
sys.argv = ["gemctl", *{words!r}]
main()
"""


def imported(folder, *words):
    """(exit status, names of top-level packages that are imported when the command ends)."""
    file = folder / "modules.json"
    code = _SHOW.format(file=str(file), words=list(words))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment(), capture_output=True, timeout=300, check=False
    )
    return done.returncode, set(json.loads(file.read_text()))


QUICK = ("plan", "apply", "validate", "state")


@pytest.mark.parametrize(
    "words",
    [
        *("--help", "--version", "nonsense", *(f"{name} --help" for name in QUICK)),
        *(slow(words) for words in ("-h", *(f"{name} --help" for name in COMMANDS if name not in QUICK))),
    ],
)
def test_help_imports_nothing_heavy(tmp_path, words):
    status, found = imported(tmp_path, *words.split())
    assert status == (64 if words == "nonsense" else 0)
    assert not found & HEAVY
    assert ("click" in found) == (words != "--version")


def test_help_imports_of_gemctl_only_the_front_door(tmp_path):
    code = "import sys; from gemctl.cli.main import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, cwd=tmp_path, env=environment(), capture_output=True, check=True)
    ours = {name for name in done.stderr.decode().split() if name.startswith("gemctl.")}
    rooms = {name.split(".")[1] for name in ours}
    assert rooms == {"cli", "render"}
    assert ours & {"gemctl.render.human", "gemctl.render.progress"} == set()


@pytest.mark.parametrize("names", ["list push", slow("show rm mv rebuild pull migrate unlock")])
def test_subcommands_of_state_import_nothing_heavy(tmp_path, names):
    for name in names.split():
        status, found = imported(tmp_path, "state", name, "--help")
        assert status == 0
        assert not found & HEAVY


def test_validate_makes_no_way_to_the_service(tmp_path):
    make_project(tmp_path)
    status, found = imported(tmp_path, "validate")
    assert status == 0
    assert {"yaml", "pydantic"} <= found
    assert not found & (HEAVY - {"yaml", "pydantic"})


@pytest.mark.parametrize("line", ["output", *map(slow, ("state list", "graph", "explain CachedContent.spec"))])
def test_offline_commands_make_no_way_to_the_service(tmp_path, line):
    make_project(tmp_path)
    status, found = imported(tmp_path, *line.split())
    assert status == 0
    assert not found & (HEAVY - {"yaml", "pydantic"})


def test_a_plan_without_changes_explains_and_draws_nothing(tmp_path):
    make_project(tmp_path)
    assert imported(tmp_path, "apply", "--yes")[0] == 0
    status, found = imported(tmp_path, "plan", "--detailed-exitcode")
    assert status == 0
    assert "httpx" in found
    assert not found & (HEAVY - {"yaml", "pydantic", "httpx", "httpcore"})


def modules(folder, *words):
    """The names of all modules that are imported when a command ends."""
    code = f"import sys; from gemctl.cli.main import run; run({list(words)!r}); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment(), capture_output=True, check=True)
    return set(done.stderr.decode().split())


def rooms(folder, *words):
    """The rooms of gemctl that a command has entered when it ends."""
    return {name.split(".")[1] for name in modules(folder, *words) if name.startswith("gemctl.")}


def test_a_plan_that_is_what_it_was_needs_no_kind_planner_or_money(tmp_path):
    make_project(tmp_path)
    assert imported(tmp_path, "apply", "--yes")[0] == 0
    assert {"kinds", "plan", "cost"} <= rooms(tmp_path, "plan")
    found = modules(tmp_path, "plan")
    assert not {name for name in found if name.startswith(("gemctl.kinds.", "gemctl.plan.", "gemctl.cost."))}
    assert not found & {"gemctl.manifest.bind", "gemctl.manifest.envelope", "gemctl.render.human"}


def test_where_nothing_has_a_model_neither_facts_nor_money_are_looked_at(tmp_path):
    make_project(tmp_path)
    (tmp_path / "text.txt").write_text("text")
    file = "apiVersion: gemctl/v1\nkind: File\nmetadata: {name: text}\nspec: {source: text.txt}\n"
    (tmp_path / "caches.yaml").write_text(f"{file}lifecycle: {{keep: always}}\n")
    assert "plan" in rooms(tmp_path, "plan")
    assert not rooms(tmp_path, "plan") & {"facts", "cost"}
    assert not rooms(tmp_path, "validate") & {"facts", "cost"}
    make_project(tmp_path)
    assert {"facts", "cost"} <= rooms(tmp_path, "plan")
    assert rooms(tmp_path, "validate") & {"facts", "cost"} == {"facts"}
