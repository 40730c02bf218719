"""Exit statuses and usage errors of the real command, in a process of its own."""

from __future__ import annotations

import fcntl
import json
from itertools import pairwise

import pytest
from cli_world import TEXT, cache, environment, gemctl, here, make_project

from gemctl import __version__
from gemctl.cli.main import COMMANDS


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project")


def test_0_1_2_and_64(project):
    assert gemctl(project, "validate").returncode == 0
    assert gemctl(project, "plan").returncode == 0
    assert gemctl(project, "plan", "--detailed-exitcode").returncode == 2
    assert gemctl(project, "apply").returncode == 64
    (project / "broken.yaml").write_text("kind: [")
    assert gemctl(project, "validate").returncode == 1
    assert gemctl(project, "plan", "--detailed-exitcode").returncode == 1


@pytest.mark.slow
def test_3_while_another_run_holds_the_lock(project):
    assert gemctl(project, "apply", "--yes").returncode == 0
    with (project / ".gemctl/local/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for line in ("apply --yes", "destroy --yes", "state rm CachedContent/one", "state rebuild"):
            done = here(project, *line.split())
            assert (done.returncode, done.stdout) == (3, "")
            assert "E410" in done.stderr
        assert here(project, "plan").returncode == 0
        assert gemctl(project, "apply", "--yes", "--lock-timeout", "1s").returncode == 3
    assert here(project, "apply", "--yes").returncode == 0


def test_4_for_a_stale_plan(project):
    assert gemctl(project, "plan", "--out", "ready.plan").returncode == 0
    other = (project / "gemctl.yaml").read_text().replace("stacks:", "stacks:\n  other: {endpoint: emulator}")
    (project / "gemctl.yaml").write_text(other)
    done = gemctl(project, "apply", "--yes", "ready.plan", "--stack", "other")
    assert (done.returncode, "Write --stack local." in done.stderr) == (4, True)
    (project / "caches.yaml").write_text(cache("one", "Other. " + TEXT).removesuffix("---\n"))
    done = gemctl(project, "apply", "--yes", "ready.plan")
    assert done.returncode == 4
    assert "E510" in done.stderr


def test_5_when_something_was_refused(project):
    (project / "small.yaml").write_text(cache("small", "nothing").removesuffix("---\n"))
    done = gemctl(project, "apply", "--yes")
    assert done.returncode == 5
    assert "✓ create  CachedContent/one" in done.stdout
    assert "small.yaml:3:18: error[E301]" in done.stderr


def test_6_for_a_damaged_state(project):
    assert gemctl(project, "apply", "--yes").returncode == 0
    (project / ".gemctl/local/state.json").write_text("{")
    assert gemctl(project, "plan").returncode == 6
    for words in (["plan"], ["apply", "--yes"], ["output"], ["state", "list"], ["get"]):
        done = here(project, *words)
        assert done.returncode == 6, words
        assert "E403" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "plam",
        "plan --nonsense",
        "apply --parallelism 0",
        "apply --parallelism many",
        "apply --allow-deletes -1 --yes",
        "plan --out",
        "state nonsense",
        "state show",
        "state mv CachedContent/one",
        "import CachedContent/one",
        "emulator --port 70000",
        "get a b",
        "--stack",
    ],
)
def test_64_for_what_the_command_line_can_not_mean(tmp_path, line):
    """One line that says what, and one that points at the help, of the command if there is one."""
    done = here(tmp_path, *line.split())
    assert (done.returncode, done.stdout) == (64, "")
    said, pointer = done.stderr.splitlines()
    assert said.startswith("error[E009]: ")
    assert pointer.startswith("   = See `gemctl") and pointer.endswith(" --help`.")
    assert line.split()[0] not in COMMANDS or f"`gemctl {line.split()[0]} " in pointer


def test_a_near_miss_is_named(tmp_path):
    assert "Did you mean 'plan'?" in here(tmp_path, "plam").stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["plan", "--target", "none"], "E009"),
        (["plan", "--target", "CachedContent/none"], "E004"),
        (["output", "CachedContent/none"], "E004"),
        (["get", "Nothing"], "E004"),
        (["apply", "--yes", "--lock-timeout", "soon"], "E009"),
        (["apply", "--yes", "--refresh-only", "--wait"], "E009"),
        (["state", "rm", "CachedContent/none"], "E007"),
        (["import", "CachedContent/none", "cachedContents/x"], "E008"),
        (["schema", "Nothing"], "E004"),
        (["init"], "E019"),
        (["plan", "--stack", "nowhere"], "E017"),
    ],
)
def test_64_for_what_is_not_there(project, words, code):
    done = here(project, *words)
    assert done.returncode == 64, done
    assert f"[{code}]" in done.stderr


def test_an_unknown_stack_is_told_from_where_it_was_named(project, monkeypatch):
    monkeypatch.setenv("GEMCTL_STACK", "prod")
    assert "no stack 'prod', which GEMCTL_STACK names." in here(project, "plan").stderr
    assert "no stack 'nowhere'.\n" in here(project, "plan", "--stack", "nowhere").stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_the_global_options_before_and_after_it(project, name):
    before = here(project.parent, "-C", "project", "--json", "--no-color", "--stack", "local", "-v", name, "--help")
    after = here(project.parent, name, "-C", "project", "--json", "--no-color", "--stack", "local", "-v", "--help")
    assert (before.returncode, after.returncode) == (0, 0)
    assert before.stdout == after.stdout != ""


@pytest.mark.parametrize("words", [["state", "list"], ["validate"], ["output"], ["plan"], ["get"]])
def test_global_options_mean_the_same_before_and_after(project, words):
    options = ["-C", str(project), "--json", "--stack", "local"]
    first, second = (here(project.parent, *line) for line in ([*options, *words], [*words, *options]))
    assert first.returncode == second.returncode == 0
    json.loads(first.stdout)
    drop = {"madeAt", "validUntil", "nextDue", "lineage", "cost"}
    shown = [json.loads(done.stdout) for done in (first, second)]
    for document in shown:
        if isinstance(document, dict):
            for key in drop:
                document.pop(key, None)
    assert shown[0] == shown[1]


def test_json_leaves_standard_error_empty_when_all_is_well(project):
    done = gemctl(project, "apply", "--yes", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()] == ["step", "step", "outcome"]


@pytest.mark.parametrize("line", ["apply --json", "apply --json --yes no.yaml", "destroy --json --yes --stack none"])
def test_apply_json_is_a_document_a_line_also_when_it_fails(project, line):
    done = here(project, *line.split())
    assert done.returncode in (1, 64)
    assert done.stderr == ""
    assert [list(json.loads(text)) for text in done.stdout.splitlines()] == [["formatVersion", "diagnostics"]]


def test_a_guard_that_stops_an_apply_shows_the_plan_on_a_line(tmp_path):
    project = make_project(tmp_path, "one", "two", "three")
    assert here(project, "apply", "--yes").returncode == 0
    (project / "caches.yaml").write_text(cache("one").removesuffix("---\n"))
    done = here(project, "apply", "--yes", "--json")
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert [found["code"] for found in json.loads(line)["diagnostics"]] == ["E505"]


def test_version_and_the_module(tmp_path):
    for words in (["--version"], ["--version", "--no-color"], ["--no-color", "--version"]):
        assert gemctl(tmp_path, *words, anew=True).stdout == f"gemctl {__version__}\n"
    for words in (["--version", "--json"], ["--json", "--version"]):
        assert json.loads(here(tmp_path, *words).stdout) == {"formatVersion": "1", "version": __version__}


def test_documents_say_which_format_they_have(project):
    for line in ("validate --json", "plan --json", "results --json", "state list --json"):
        assert json.loads(here(project, *line.split()).stdout)["formatVersion"] == "1", line


@pytest.mark.parametrize("words", [[], ["state"]])
def test_a_group_without_a_command_shows_its_help(tmp_path, words):
    done = here(tmp_path, *words)
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr == here(tmp_path, *words, "--help").stdout


def test_init_makes_what_works_at_once(tmp_path):
    assert here(tmp_path, "init", "shop").returncode == 0
    assert here(tmp_path / "shop", "apply", "--yes").returncode == 0
    assert here(tmp_path / "shop", "plan", "--detailed-exitcode").returncode == 0
    assert here(tmp_path / "shop", "init").returncode == 64


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_works(tmp_path, shell):
    done = gemctl(tmp_path, env=environment(_GEMCTL_COMPLETE=f"{shell}_source"))
    assert done.returncode == 0
    assert "_GEMCTL_COMPLETE" in done.stdout
    words = {"COMP_WORDS": "gemctl pl", "COMP_CWORD": "pl" if shell == "fish" else "1"}
    offered = gemctl(tmp_path, env=environment(_GEMCTL_COMPLETE=f"{shell}_complete", **words))
    assert "plan" in offered.stdout
    assert "destroy" not in offered.stdout


NASTY = {
    "no-end.yaml": b"a: [" * 20_000,
    "nul.yaml": b"apiVersion: gemctl/v1\0",
    "latin.yaml": "kind: é".encode("latin-1"),
    "bomb.yaml": b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(f"{b}: &{b} [{', '.join(9 * [f'*{a}'])}]\n".encode() for a, b in pairwise("abcdefghi")),
    "bidi.yaml": "apiVersion: gemctl/v1\nkind: \u202eCachedContent\x1b[31m\n".encode(),
    "number.yaml": b"1",
    "list.yaml": b"- 1\n- 2\n",
    "surrogate.yaml": b'a: "\\ud800"\n',
    "int.yaml": b"apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {name: " + b"9" * 5000 + b"}\n",
    "tag.yaml": b"!!python/object/apply:os.system [id]\n",
    "types.yaml": b"apiVersion: []\nkind: {}\nmetadata: 3\nspec: text\nlifecycle: 1\npublish: {}\n",
    "nulls.yaml": b"apiVersion: gemctl/v1\nkind: CachedContent\nmetadata:\nspec:\n",
    "name.yaml": b"apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {name: ../../x}\nspec: {model: 1e999}\n",
}


@pytest.mark.parametrize("name", NASTY)
def test_no_input_shows_a_traceback_or_an_escape(project, name):
    (project / name).write_bytes(NASTY[name])
    for words in (["validate"], ["validate", "--json"], ["plan"]):
        done = here(project, *words)
        assert done.returncode == 1
        assert "E099" not in done.stdout + done.stderr
        assert not set("\x1b\u202e\0") & set(done.stdout + done.stderr)


@pytest.mark.parametrize("data", [b"", b"[]", b"kind: Project", b"\xff\xfe", b"a: b: c", b"x" * 2_000_000])
def test_no_project_file_shows_a_traceback(tmp_path, data):
    (tmp_path / "gemctl.yaml").write_bytes(data)
    done = here(tmp_path, "plan")
    assert done.returncode == 1
    assert "E099" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["plan", "\udcff"],
        ["-C", "\udcff", "plan"],
        ["-C", "/nowhere", "plan"],
        ["-C", "/etc/passwd", "plan"],
        ["plan", "/etc"],
        ["plan", "-"],
        ["plan", ""],
        ["plan", "--out", "/nowhere/at/all"],
        ["plan", "--out", "."],
        ["apply", "--yes", "/dev/null"],
        ["apply", "--yes", "caches.yaml", "caches.yaml", "nothing.yaml"],
        ["apply", "--yes", "--lock-timeout", "-5s"],
        ["apply", "--yes", "--lock-timeout", "99999999d"],
        ["plan", "--stack", "../../x"],
        ["plan", "--stack", ""],
        ["get", "CachedContent/../../x"],
        ["get", "/"],
        ["output", "CachedContent/"],
        ["import", "CachedContent/one", "../../etc/passwd"],
        ["state", "mv", "CachedContent/one", "Other/one"],
        ["init", "/proc/nothing"],
        ["init", "caches.yaml"],
        ["schema", "\x1b[31m"],
    ],
    ids=repr,
)
def test_no_argument_shows_a_traceback(project, words):
    done = here(project, *words)
    assert done.returncode in (0, 1, 4, 64), done
    assert "E099" not in done.stdout + done.stderr, done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_a_folder_that_can_not_be_written_is_an_error_and_no_traceback(project):
    (project / ".gemctl").write_text("a file where a folder should be")
    done = gemctl(project, "apply", "--yes")
    assert done.returncode == 1
    assert "E090" in done.stderr
