"""What pages show as run in an example project is what happens. UPDATE_TRANSCRIPTS=1 writes the pages anew.

A block after `<!-- run in: PROJECT -->` begins with a new copy of the project, and one after `<!-- run on -->` goes on
where the block before it ended. A line `…` stands for any lines that are left out. Other commands than gemctl run in a
shell, as a reader would type them; `export` and `unset` hold until the copy is left. `|| echo $?` behind a command of
gemctl stands for any exit status but 0: what is said of the failure is shown too, but not which stack it was.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from values import ManualClock

from gemctl.cli.main import run

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs/environments.md"
SEARCH = ROOT / "docs/file-search.md"
PAGES = (
    PAGE,
    ROOT / "docs/costs.md",
    ROOT / "docs/batch-jobs.md",
    ROOT / "docs/credentials.md",
    SEARCH,
    ROOT / "docs/agents.md",
    ROOT / "docs/interactions.md",
    ROOT / "docs/tokens.md",
    ROOT / "docs/triggers.md",
)
BLOCK = re.compile(r"(<!-- run (?:in: (\S+)|on) -->\n```console\n)(.*?)(^```)", re.MULTILINE | re.DOTALL)
# Chosen by the service, and never twice the same.
NAME = re.compile(
    r"((?:cachedContents|batches|triggers)/|Execution )[a-z0-9]{36,}|(fileSearchStores/(?:[a-z0-9-]+-)?)[a-z0-9]{12}"
    r"|(interactions/v1_)[A-Za-z0-9_-]{40,}"
)
FAILS = " || echo $?"
LEFT_OUT = "…"


class Reader:
    """A reader who types what a page shows, in a copy of an example project."""

    def __init__(self, project: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch, self._clock = folder, patch, ManualClock()
        self._names: dict[str, str] = {}
        shutil.copytree(ROOT / "manifests" / project, folder, ignore=shutil.ignore_patterns(".gemctl", "out"))
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

    def typed(self, line: str) -> list[str]:
        """What is printed."""
        words, fails = shlex.split(line.removesuffix(FAILS)), line.endswith(FAILS)
        if words[0] in ("export", "unset"):
            name, _, value = words[1].partition("=")
            self._patch.setenv(name, value) if words[0] == "export" else self._patch.delenv(name)
            return []
        with pytest.MonkeyPatch.context() as here:
            while re.fullmatch(r"[A-Z_]+=.*", words[0]):
                here.setenv(*words.pop(0).split("=", 1))
            said = self._gemctl(words[1:], fails=fails) if words[0] == "gemctl" else self._shell(line)
        return NAME.sub(self._steady, said).splitlines()

    def _gemctl(self, words: list[str], *, fails: bool) -> str:
        out, err = io.StringIO(), io.StringIO()
        one_by_one = ["--parallelism", "1"] if words[0] == "apply" else []  # so that the order is always the same
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.chdir(self._folder):
            status = run([*words, *one_by_one], clock=self._clock)
        assert bool(status) == fails, err.getvalue()
        if not fails:
            return out.getvalue()
        _, _, failure = err.getvalue().partition("\n")  # the first line says which stack it is
        return f"{out.getvalue()}{failure}{int(status)}\n"

    def _shell(self, line: str) -> str:
        done = subprocess.run(line, shell=True, cwd=self._folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _steady(self, match: re.Match[str]) -> str:
        before = match[1] or match[2] or match[3]
        number = sum(name.startswith(before) for name in self._names)
        return self._names.setdefault(match[0], f"{before}{'abcdefgh'[number] * 12}")


def played(block: str, reader: Reader) -> str:
    """The block as it is when it is run; as it was, where it fits."""
    lines: list[str] = []
    for text in re.split(r"^(?=\$ )", block, flags=re.MULTILINE)[1:]:
        command, *shown = text.splitlines()
        said = reader.typed(command.removeprefix("$ "))
        lines += [command, *(shown if fits(shown, said) else said)]
    return "".join(f"{line}\n" for line in lines)


def fits(shown: list[str], said: list[str]) -> bool:
    """Whether the lines are the same but for those that are left out."""
    pattern = "".join(r"(?:.*\n)*" if line == LEFT_OUT else re.escape(f"{line}\n") for line in shown)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in said)) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_shows_what_happens(page, tmp_path):
    readers: list[Reader] = []
    patches = contextlib.ExitStack()

    def shown(match: re.Match[str]) -> str:
        if match[2]:
            patches.close()
            patch = patches.enter_context(pytest.MonkeyPatch.context())
            readers.append(Reader(match[2], tmp_path / f"{match.start()}", patch))
        return f"{match[1]}{played(match[3], readers[-1])}{match[4]}"

    text = page.read_text(encoding="utf-8")
    with patches:
        now = BLOCK.sub(shown, text)
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        page.write_text(now, encoding="utf-8")
    assert BLOCK.search(text)
    assert now == page.read_text(encoding="utf-8"), "run: UPDATE_TRANSCRIPTS=1 pytest tests/docs"


@pytest.mark.parametrize(
    ("shown", "said", "same"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a", LEFT_OUT], ["a", "b", "c"], True),
        (["a", LEFT_OUT], ["a"], True),
        ([LEFT_OUT, "c"], ["a", "b", "c"], True),
        (["a", LEFT_OUT], ["b"], False),
        (["a"], ["a", "b"], False),
        (["a.c"], ["abc"], False),
    ],
)
def test_what_is_left_out_may_be_anything_and_all_else_may_not(shown, said, same):
    assert fits(shown, said) is same


def test_the_stacks_on_the_page_are_those_of_the_example():
    import yaml

    (block,) = re.findall(r"^```yaml\n(# gemctl.yaml\n.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    shown = yaml.safe_load(block)
    real = yaml.safe_load((ROOT / "manifests/environments/gemctl.yaml").read_text(encoding="utf-8"))
    for stack in real["stacks"].values():
        del stack["endpoint"]
    assert shown == {part: real[part] for part in ("defaultStack", "stacks", "defaults")}


def test_the_lines_of_the_table_are_those_that_its_script_makes(tmp_path):
    project = ROOT / "manifests/batch-table"
    words = [sys.executable, project / "prepare.py", project / "data/cards.parquet", tmp_path / "cards.jsonl"]
    subprocess.run(words, check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["cards.jsonl"]
    assert (tmp_path / "cards.jsonl").read_bytes() == (project / "cards.jsonl").read_bytes()


def test_the_program_on_the_page_is_that_of_the_example():
    (block,) = re.findall(r"^```python\n(.*?)^```", SEARCH.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    _, _, program = (ROOT / "manifests/file-search/ask.py").read_text(encoding="utf-8").rpartition('"""\n\n')
    assert block == program
    declared = (ROOT / "manifests/file-search/store.yaml").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", SEARCH.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert shown == re.sub(r" +#.*", "", declared)
