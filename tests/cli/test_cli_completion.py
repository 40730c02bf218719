"""What a shell is told when Tab is pressed: the words, in bash, zsh and fish, and how little it takes to find them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap

import click
import pytest
from cli_world import cache, environment, gemctl, here, make_project, slow
from quick_gemctl import quick_gemctl
from test_cli_help import commands
from test_cli_startup import HEAVY

from gemctl.cli.commands import completion as completion_command
from gemctl.cli.completing import Word
from gemctl.cli.context import Context
from gemctl.cli.main import COMMANDS, cli
from gemctl.cli.shells import ASKED_BY, CLASSES
from gemctl.workflows import completion
from gemctl.workflows.explain import explain

STACKS = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: shop, id: abcd1234}
defaultStack: dev   # what people use
stacks:
  local: {endpoint: emulator, vars: {tier: "a, b: c", env: x}}
  dev:
    vars:
      region: eu
  "prod": {}
defaults:
  CachedContent: {spec: {model: m, ttl: 24h}}
"""
OTHERS = """\
# kind: Nothing
apiVersion: gemctl/v1
kind: List
items:
  - kind: TokenPolicy
    metadata: {name: lesson, labels: {name: wrong}}
    spec: {name: wrong, note: "${var.colour} and ${env.HOME}"}
  - metadata:
      labels: {}
      name: "nightly"   # at night
    kind: BatchJob
---
apiVersion: gemctl/v1
kind: CachedContent
metadata: {name: guide}
spec:
  contents: |
    kind: File
    metadata: {name: wrong}
"""
ROWS = [  # the words of the line, the last one is to be completed; what is offered
    ("co", "cost completion"),
    ("state mi", "migrate"),
    ("plan --stac", "--stack"),
    ("plan --stack ", "local dev prod"),
    ("plan --stack=", "--stack=local --stack=dev --stack=prod"),
    ("plan --stack=pr", "--stack=prod"),
    ("--stack d", "dev"),
    ("handover --to l", "local"),
    ("plan --var ", "colour= region="),  # of the stack dev, and of manifests
    ("plan --stack local --var ", "colour= env= tier="),
    ("plan --var colour=r", ""),
    ("plan --format h", "html"),
    ("plan --target ", "BatchJob/nightly CachedContent/guide CachedContent/one TokenPolicy/lesson"),
    ("plan --target cachedcontent/g", "CachedContent/guide"),
    ("plan --target CachedContent/one --target B", "BatchJob/nightly"),
    ("state mv cached", "CachedContent/guide CachedContent/one"),
    ("get CachedContent/on", "CachedContent/one"),
    ("wait ", "BatchJob/nightly"),
    ("cancel C", ""),
    ("token mint ", "lesson"),
    ("webhook ping ", ""),
    ("orphans tok", "TokenPolicy"),
    ("schema P", "Project"),
    ("explain CachedContent.spec.con", "CachedContent.spec.contents."),
    ("explain Project.stacks.dev.apiK", "Project.stacks.dev.apiKey."),
    ("explain lifecycle.re", "lifecycle.renewBefore lifecycle.replace lifecycle.retire"),
    ("explain Nothing.x", ""),
    ("completion ", "bash zsh fish"),
    ("emulator --host ", ""),
    ("apply man", "file:man"),
    ("plan --out x", "file:x"),
    ("-C fol", "dir:fol"),
    ("nonsense ", None),
]


@pytest.fixture
def shop(tmp_path, monkeypatch):
    (tmp_path / "gemctl.yaml").write_text(STACKS)
    (tmp_path / "below").mkdir()
    (tmp_path / "below/others.yml").write_text(OTHERS)
    (tmp_path / "caches.yaml").write_text(cache("one"))
    (tmp_path / ".hidden.yaml").write_text(cache("hidden"))
    monkeypatch.chdir(tmp_path)
    for name in ("GEMCTL_STACK", "COMP_WORDS", "COMP_CWORD"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def answered(shell: str, words: list[str], monkeypatch) -> list[list[str]]:
    """The lines that the script of a shell gets for a command line, of which it completes the last word."""
    line = "\n".join(words) if shell == "bash" else " ".join(words)
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words) - 1))
    said = CLASSES[shell](cli, {"obj": Context()}, "gemctl", ASKED_BY).complete()
    return [line.split("\t") for line in said.splitlines()]


def shown(lines: list[list[str]]) -> list[str]:
    return [word if sort == "plain" else f"{sort}:{word}" for sort, word, _ in lines]


@pytest.mark.parametrize("shell", CLASSES)
def test_what_is_offered(shop, monkeypatch, shell):
    for line, words in ROWS:
        found = shown(answered(shell, ["gemctl", *line.split(" ")], monkeypatch))
        if words is not None:
            assert sorted(found) == sorted(words.split()), line


def test_readline_breaks_a_word_at_an_equals_sign_and_replaces_its_end(shop, monkeypatch):
    for pieces, words in ((["="], ["local", "dev", "prod"]), (["=", "pr"], ["prod"]), (["=", "dev", ""], None)):
        found = shown(answered("bash", ["gemctl", "plan", "--stack", *pieces], monkeypatch))
        assert words is None or found == words
    target = ["gemctl", "plan", "--stack", "=", "local", "--target", "T"]
    assert shown(answered("bash", target, monkeypatch)) == ["TokenPolicy/lesson"]


def test_what_was_applied_is_offered_also_when_it_is_declared_no_more(shop, monkeypatch):
    make_project(shop, "one", "old")
    (shop / "below/others.yml").unlink()
    assert here(shop, "apply", "--yes").returncode == 0
    (shop / "caches.yaml").write_text(cache("new"))
    words = ["gemctl", "state", "rm", ""]
    both = ["CachedContent/new", "CachedContent/old", "CachedContent/one"]
    assert shown(answered("bash", words, monkeypatch)) == both
    monkeypatch.setenv("GEMCTL_STACK", "live")
    assert shown(answered("bash", words, monkeypatch)) == both[:1]
    found = shown(answered("bash", ["gemctl", "-C", str(shop / "below"), *words[1:]], monkeypatch))
    assert found == both[:1], "the project is that of -C"


@pytest.mark.parametrize("layout", [{"indent": 1}, {"separators": (",", ":")}], ids=str)
def test_many_addresses_are_offered_by_kind_and_then_by_name(shop, monkeypatch, layout):
    """Also of a state that an earlier gemctl has laid out."""
    records = [
        {"op": "bound", "address": {"kind": "CachedContent", "name": f"c{number:05}"}} for number in range(10_000)
    ]
    (shop / ".gemctl/dev").mkdir(parents=True)
    (shop / ".gemctl/dev/state.json").write_text(json.dumps({"format": 1, "records": records}, **layout))
    assert "CachedContent/" in shown(answered("zsh", ["gemctl", "get", ""], monkeypatch))
    found = shown(answered("zsh", ["gemctl", "get", "CachedContent/c0999"], monkeypatch))
    assert found == [f"CachedContent/c0999{digit}" for digit in range(10)]
    assert len(answered("zsh", ["gemctl", "get", "CachedContent/c"], monkeypatch)) == completion.MOST


def test_so_much_is_read_and_no_more(shop, monkeypatch):
    for number in range(completion.MOST_FILES + 50):
        (shop / f"below/{number:04}.yaml").write_text(cache(f"many-{number:04}", "text"))
    opened = []
    read = completion._read
    monkeypatch.setattr(completion, "_read", lambda path, most: opened.append((path, most)) or read(path, most))
    assert completion.addresses(str(shop), None, "[A-Za-z]*")
    assert len(opened) <= completion.MOST_FILES + 3
    assert all(most <= completion.MOST_TEXT for path, most in opened if path.endswith("yaml"))


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "project", ["", "\x00\xff{{{", "stacks: {a: {b: [", "stacks:\n  - 1\n defaultStack: *x\n", None]
)
def test_whatever_is_there_nothing_is_said_or_written(shop, project):
    if project is None:
        (shop / "gemctl.yaml").unlink()
    else:
        (shop / "gemctl.yaml").write_text(project)
    (shop / "caches.yaml").unlink()
    (shop / "caches.yaml").symlink_to("caches.yaml")
    (shop / "broken.yaml").write_bytes(b"kind: \xff\n\x00metadata: {name: [}")
    before = files(shop)
    for line in (
        "plan --target ",
        "plan --stack ",
        "plan --var ",
        "--nonsense a",
        "state nothing ",
        "-C /nowhere plan --var ",
    ):
        words = ["gemctl", *line.split(" ")]
        env = environment(COMP_WORDS="\n".join(words), COMP_CWORD=str(len(words) - 1), _GEMCTL_COMPLETE="bash_complete")
        done = gemctl(shop, env=env)
        assert (done.returncode, done.stderr) == (0, ""), line
    assert files(shop) == before


MUST_NOT = (HEAVY | {"h11", "certifi", "difflib", "logging", "socket", "ssl", "subprocess", "tempfile"}) - {"google"}
_MODULES = """
import os, sys
from gemctl.__main__ import main
sys.argv = ["gemctl"]
try:
    main()
finally:
    os.write(2, " ".join(name for name, module in sys.modules.items() if module).encode())
"""


@pytest.mark.parametrize(
    ("line", "rooms"),
    [
        ("", {"cli", "render"}),
        ("get CachedContent/", {"cli", "manifest", "render", "state", "workflows"}),
        pytest.param("plan --stack ", None, marks=pytest.mark.slow),
        pytest.param("explain File.", {"cli", "manifest", "render", "state", "workflows"}, marks=pytest.mark.slow),
    ],
)
def test_how_little_is_imported(shop, line, rooms):
    words = ["gemctl", *line.split(" ")]
    env = environment(COMP_WORDS="\n".join(words), COMP_CWORD=str(len(words) - 1), _GEMCTL_COMPLETE="bash_complete")
    done = subprocess.run([sys.executable, "-c", _MODULES], env=env, capture_output=True, text=True, check=True)
    found = set(done.stderr.split())
    assert done.stdout
    assert not {name.partition(".")[0] for name in found} & MUST_NOT
    ours = {name for name in found if name.startswith("gemctl.")}
    assert len(ours) <= 30, sorted(ours)
    if rooms:
        assert {name.split(".")[1] for name in ours} - {"__main__"} == rooms
    assert not ours & {"gemctl.cli.acting", "gemctl.manifest.yaml", "gemctl.state.codec", "gemctl.core.record"}


def test_every_word_of_help_is_completed_or_is_none_that_could_be():
    """A new parameter says by its metavar what it is. What is left can only be typed."""
    left = set()
    for words, command in commands():
        parent = click.Context(click.Group("group"), info_name="group", parent=click.Context(cli))
        for param in command.params:
            if isinstance(param.type, Word) and not _is_completed(param, click.Context(command, parent=parent)):
                left.add(f"{' '.join(words)} {param.metavar}".strip())
    tails = {row.rpartition(" ")[2] for row in left}
    assert not {tail for tail in tails if any(word in tail for word in ("KIND", "FILE", "DIR", "STACK", "PATH"))}
    assert {row for row in left if "ADDRESS" in row} == {"emulator ADDRESS"}


def _is_completed(param, context) -> bool:
    from gemctl.cli import completing

    if completing._sort(param):
        return True
    return completing._finder(param) is not completing._nothing


def test_codes_are_offered_where_help_says_that_they_may_stand(shop, monkeypatch):
    argument = click.Argument(["what"], metavar="KIND[.PATH]|CODE", type=Word())
    context = click.Context(click.Command("explain"))
    assert "E206" in [item.value for item in argument.shell_complete(context, "E20")]
    assert [item.value for item in argument.shell_complete(context, "Web")] == ["Webhook."]


ROOTS = [*completion.kinds(), "metadata", "lifecycle", "run", "expect", "publish"]


@pytest.mark.parametrize(
    "root", ["CachedContent", "Project", *(slow(root) for root in ROOTS if root != "CachedContent")]
)
def test_what_explain_shows_is_what_is_offered(root):
    waiting, seen = [root], 0
    while waiting:
        path = waiting.pop()
        offered = {word.removeprefix(f"{path}.").rstrip(".") for word in completion.fields(f"{path}.")}
        shown = {field.name for field in explain(path).below}
        assert shown - {"<name>"} <= offered, path
        seen += len(offered)
        if path.count(".") < 2:
            waiting += [word.rstrip(".") for word in completion.fields(f"{path}.") if word.endswith(".")]
    assert seen


def test_the_command_prints_a_script_for_each_shell(shop, monkeypatch):
    assert set(CLASSES) == set(completion_command.SHELLS)
    for shell in CLASSES:
        done = here(shop, "completion", shell)
        assert done.returncode == 0 and f"{shell}_complete" in done.stdout
        monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
        assert here(shop, "completion").stdout == done.stdout
    monkeypatch.setenv("SHELL", "/bin/ksh")
    assert here(shop, "completion").returncode == 64
    assert here(shop, "completion", "tcsh").returncode == 64
    assert "`gemctl completion --help`" in here(shop, "--help").stdout
    assert "completion" in COMMANDS


# Each script is run by its shell, with functions in place of those that only work while a person types.
LINES = ["co", "plan --target C", "plan --stack p", "explain CachedContent.spec.con", "plan --var reg", "apply be"]
TOLD = """\
cost completion
CachedContent/guide CachedContent/one
prod
CachedContent.spec.contents. (open)
region= (open)
(files)
"""
RUN = {
    "bash": r"""
        source <(gemctl completion bash)
        compopt() { case $2 in nospace) opened=' (open)';; default) opened='(files)';; esac; }
        while IFS= read -r line; do
            IFS=' ' read -ra COMP_WORDS <<< "gemctl $line"
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) opened=
            _gemctl_completion gemctl
            echo "${COMPREPLY[*]}$opened"
        done
    """,
    "zsh": r"""
        compdef() { : }
        source <(gemctl completion zsh)
        compset() { : }
        _path_files() { out+='(files)' }
        _describe() { for each in "${(@P)3}"; do out+=("${each%%:*}"); done }
        compadd() { out+=("${(@P)@[-1]}"); [[ " $* " == *' -S '* ]] && out+='(open)'; : }
        while IFS= read -r line; do
            words=(gemctl ${(s: :)line}) CURRENT=$(( ${#words} )) out=()
            () { local line; _gemctl_completion }
            print -r -- "${out[*]}"
        done
    """,
    "fish": r"""
        gemctl completion fish | source
        while read --line line
            set -l found (complete --do-complete "gemctl $line" | string split --fields 1 \t)
            string match -q 'apply *' -- $line; and test -n "$found"; and set found '(files)'
            string match -qr '[.=]$' -- $found; and set -a found '(open)'
            string join ' ' -- $found
        end
    """,
}


@pytest.mark.parametrize("shell", RUN)
def test_the_shell_itself(shop, shell, capsys):
    if (program := shutil.which(shell)) is None:
        with capsys.disabled():
            print(f"completion: {shell} was not run, it is not here", file=sys.stderr)
        return
    (shop / "bin").mkdir()
    (shop / "bin/gemctl").symlink_to(quick_gemctl())
    env = environment(PATH=f"{shop}/bin:/usr/bin:/bin", HOME=str(shop), SHELL=None)
    quiet = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    argv = [program, *quiet, "-c", textwrap.dedent(RUN[shell])]
    done = subprocess.run(
        argv, input="".join(f"{line}\n" for line in LINES), env=env, capture_output=True, text=True, check=False
    )
    told = [sorted(line.split()) for line in done.stdout.splitlines()]
    assert told == [sorted(line.split()) for line in TOLD.splitlines()], done
