"""What pages show as run is what happens. UPDATE_TRANSCRIPTS=1 writes the pages anew.

Before a block there stands what is done with it:

    <!-- run in: PROJECT -->    its commands, in a new copy of an example project
    <!-- empty folder -->       stands alone: what follows happens in a new empty folder
    <!-- run on -->             its commands, where the block before it ended
    <!-- file: PATH -->         it is written to this file, which the sentence before names
    <!-- beside -->             its commands, in a second terminal: they are left running
    <!-- browser: URL -->       what the web page at this address shows in the end

A line `…` stands for any lines that are left out. Other commands than gemctl run in a shell, as a reader would type
them; `cd`, `export` and `unset` hold until the folder is left. `|| echo $?` behind a command of gemctl stands for any
exit status but 0: what is said of the failure is shown too, but not which stack it was.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from reader import ROOT, Reader

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
    ROOT / "docs/quickstart.md",
    ROOT / "docs/cookbook/budget.md",
    ROOT / "docs/cookbook/nightly-evaluation.md",
    ROOT / "docs/cookbook/recovering.md",
    ROOT / "docs/cookbook/research-report.md",
    ROOT / "docs/cookbook/search-store.md",
    ROOT / "docs/troubleshooting.md",
    *(  # they start other programs
        pytest.param(ROOT / f"docs/{page}.md", marks=pytest.mark.slow)
        for page in ("tutorial", "cookbook/existing-caches", "cookbook/support-bot", "cookbook/voice-app-tokens")
    ),
)
STEP = re.compile(
    r"(?P<head><!-- (?:run in: (?P<project>\S+)|(?P<empty>empty folder)|(?P<on>run on)|file: (?P<file>\S+)"
    r"|(?P<beside>beside)|browser: (?P<browser>\S+)) -->\n(?(empty)|```\w+\n))"
    r"(?(empty)|(?P<block>.*?)(?P<end>^```))",
    re.MULTILINE | re.DOTALL,
)
LEFT_OUT = "…"


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


def walked(text: str, folder: Path) -> str:
    """The page as it is when all of it is done."""
    readers: list[Reader] = []

    def begun(project: str | None, number: int) -> None:
        if readers:
            readers[-1].close()
        readers.append(Reader(project, folder / f"{number}"))

    def done(step: re.Match[str]) -> str:
        if step["empty"]:
            begun(None, step.start())
            return step[0]
        if step["project"]:
            begun(step["project"], step.start())
        reader, block = readers[-1], step["block"]
        if step["file"]:
            before = re.sub(r"<!-- .*? -->\s*$", "", text[: step.start()]).rstrip().rpartition("\n\n")[2]
            assert f"`{step['file']}`" in before, f"no sentence before it names {step['file']}"
            reader.wrote(step["file"], block)
        elif step["beside"]:
            for line in block.splitlines():
                reader.left_running(line.removeprefix("$ "))
        elif step["browser"]:
            said = reader.opened(step["browser"])
            block = block if fits(block.splitlines(), said) else "".join(f"{line}\n" for line in said)
        else:
            block = played(block, reader)
        return f"{step['head']}{block}{step['end']}"

    try:
        return STEP.sub(done, text)
    finally:
        if readers:
            readers[-1].close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_shows_what_happens(page, tmp_path):
    text = page.read_text(encoding="utf-8")
    assert STEP.search(text)
    now = walked(text, tmp_path)
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        page.write_text(now, encoding="utf-8")
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


def test_every_recipe_is_run_and_listed():
    recipes = sorted(path.name for path in (ROOT / "docs/cookbook").glob("*.md") if path.stem != "README")
    run = {getattr(page, "values", (page,))[0] for page in PAGES}
    assert [name for name in recipes if ROOT / "docs/cookbook" / name in run] == recipes
    index = (ROOT / "docs/cookbook/README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\(([\w-]+\.md)\)", index)) == recipes
