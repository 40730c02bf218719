"""The documentation can't lie: what it shows is run, what it lists is complete, what is made from code is current."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from readme import command
from values import ManualClock

from gemctl.cli.main import COMMANDS, cli, run
from gemctl.core.codes import CODES
from gemctl.core.record import Op
from gemctl.kinds import CATALOGUE

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGE = sorted((ROOT / "gemctl").rglob("*.py"))
UPDATE = os.environ.get("UPDATE_TRANSCRIPTS")


def test_generated_pages_are_current():
    done = subprocess.run(
        [sys.executable, ROOT / "docs/generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"run: python docs/generate.py\n{done.stdout}{done.stderr}"


def test_every_code_in_the_program_is_documented_and_every_documented_code_is_used():
    used = set()
    for path in PACKAGE:
        if path.name != "codes.py":
            used |= set(re.findall(r"\b[EW]\d{3}\b", path.read_text(encoding="utf-8")))
    assert used == set(CODES)


def _parsed(words):
    """Raises click.UsageError for a command line that gemctl would not take."""
    context = cli.make_context("gemctl", list(words), resilient_parsing=False)
    rest = [*context._protected_args, *context.args]
    command_, parent = cli, context
    while isinstance(command_, click.Group):
        if not rest:
            return
        name, found, rest = command_.resolve_command(parent, rest)
        assert found is not None
        with contextlib.suppress(click.exceptions.Exit):  # --help
            parent = found.make_context(name, rest, parent=parent)
        rest = [*parent._protected_args, *parent.args] if isinstance(found, click.Group) else []
        command_ = found


def shown_commands():
    """Every gemctl command line in a shell or console block, or between backquotes, with the page it is on."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = []
        for language, block in re.findall(r"^```(sh|console|bash|yaml)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            joined = block.replace("\\\n", " ")
            lines += [
                line.removeprefix("$ ") for line in joined.splitlines() if language != "console" or line[:2] == "$ "
            ]
        lines += re.findall(r"`(gemctl [a-z][^`]*)`", text)
        for line in lines:
            for found in re.findall(r"(?:^|[ /(])gemctl ((?:-|[a-z])[^|;&#>)]*)", line):
                if found.split()[0] in COMMANDS or found.startswith("-"):
                    yield str(page.relative_to(ROOT)), " ".join(found.split())


@pytest.mark.parametrize(("page", "line"), sorted(set(shown_commands())))
def test_every_command_line_shown_is_one_that_gemctl_takes(page, line):
    import shlex

    words = [word for word in shlex.split(line) if word not in ("…", "...")]
    try:
        _parsed(words)
    except (click.exceptions.Exit, click.MissingParameter):
        pass  # --help, or a mention without its arguments
    except click.BadOptionUsage as error:
        assert "requires an argument" in error.message


def test_every_command_and_kind_has_its_page():
    page = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"## gemctl {name}" in page
        found = cli.get_command(click.Context(cli), name)
        assert found.help, name
        assert all(option.help for option in found.params if isinstance(option, click.Option)), name
    for name in CATALOGUE:
        assert any(f"# {name}\n" in path.read_text(encoding="utf-8") for path in (ROOT / "docs/reference").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), target


def test_the_two_commands_are_one_line_each():
    for which in ("job", "tests"):
        assert len(command(which).strip().splitlines()) == 1


def test_the_lifecycle_page_knows_every_step():
    page = (ROOT / "docs/lifecycle.md").read_text(encoding="utf-8")
    for op in Op:
        assert op.value in page


TRANSCRIPT = [
    "gemctl get",
    "gemctl output CachedContent/product-handbook",
    "echo 'Descale before every holiday.' >> handbook/03-maintenance.md",
    "gemctl apply --yes",
    "cat out/caches.json",
    "GEMCTL_EMULATOR_CLOCK=+20h gemctl plan",
    "gemctl destroy --yes",
]


def transcript(folder):
    """The README's console block, as it is when it is run."""
    names: dict[str, str] = {}

    def steady(match):
        return names.setdefault(match[0], f"cachedContents/{'abcdefgh'[len(names)] * 12}")

    clock, lines = ManualClock(), []
    for text in ("gemctl apply --yes", *TRANSCRIPT):
        said = _said(text, folder, clock)
        clock.advance(60)
        if text != "gemctl apply --yes" or "$ gemctl get" in lines:
            lines += [f"$ {text}", *said.splitlines()]
    text = re.sub(r"cachedContents/[a-z0-9]{40}", steady, "\n".join(lines))
    return re.sub(
        r" +$", "", re.sub(r"(NAME) {30,}(OWNER)", r"\1                         \2", text), flags=re.MULTILINE
    )


def _said(text, folder, clock):
    setting = re.match(r"(GEMCTL_\w+)=(\S+) (.*)", text)
    if setting:
        os.environ[setting[1]] = setting[2]
        text = setting[3]
    try:
        if not text.startswith("gemctl "):
            return subprocess.run(text, shell=True, cwd=folder, capture_output=True, text=True, check=True).stdout
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.chdir(folder):
            one_by_one = ["--parallelism", "1"] if "--yes" in text else []  # so that the order is always the same
            assert run([*text.split()[1:], *one_by_one], clock=clock) == 0, err.getvalue()
        return out.getvalue()
    finally:
        if setting:
            del os.environ[setting[1]]


def test_the_transcript_in_the_readme_is_what_happens(tmp_path):
    shutil.copytree(
        ROOT / "manifests/quickstart", tmp_path / "quickstart", ignore=shutil.ignore_patterns(".gemctl", "out")
    )
    shown = transcript(tmp_path / "quickstart")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    pattern = re.compile(r"(<!-- transcript: quickstart -->\n```console\n)(.*?)(^```)", re.MULTILINE | re.DOTALL)
    if UPDATE:
        readme.write_text(pattern.sub(lambda m: f"{m[1]}{shown}\n{m[3]}", text), encoding="utf-8")
    else:
        assert pattern.search(text)[2] == shown + "\n", "run: UPDATE_TRANSCRIPTS=1 pytest tests/docs"
