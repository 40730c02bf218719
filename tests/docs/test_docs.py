"""The documentation can't lie: what it shows is run, what it lists is complete, what is made from code is current."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import click
from readme import command
from values import ManualClock

from gemctl.cli.main import COMMANDS, cli, run
from gemctl.core.codes import CODES
from gemctl.core.extras import EXTRAS
from gemctl.core.record import Op
from gemctl.kinds import CATALOGUE

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGE = sorted((ROOT / "gemctl").rglob("*.py"))
FOR_DEVELOPERS = ("dev", "docs")
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


def test_every_command_line_shown_is_one_that_gemctl_takes():
    shown = sorted(set(shown_commands()))
    assert len(shown) > 100
    for page, line in shown:
        words = [word for word in shlex.split(line) if word not in ("…", "...")]
        try:
            _parsed(words)
        except (click.exceptions.Exit, click.MissingParameter):
            pass  # --help, or a mention without its arguments
        except click.BadOptionUsage as error:
            assert "requires an argument" in error.message, (page, line)
        except click.UsageError as error:
            raise AssertionError(f"{page}: gemctl {line}: {error.message}") from None


def test_every_command_and_kind_has_its_page():
    page = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"## gemctl {name}" in page
        found = cli.get_command(click.Context(cli), name)
        assert found.help, name
        assert all(option.help for option in found.params if isinstance(option, click.Option)), name
    for name in CATALOGUE:
        assert any(f"# {name}\n" in path.read_text(encoding="utf-8") for path in (ROOT / "docs/reference").glob("*.md"))


def test_links_lead_somewhere():
    for page in PAGES:
        for target, part in re.findall(r"\]\(([^)#\s]*)(#[^)\s]*)?\)", page.read_text(encoding="utf-8")):
            if target.startswith(("http:", "https:", "mailto:")):
                continue
            there = page.parent / target if target else page
            assert there.exists(), (page, target)
            if part and there.suffix == ".md":
                assert part[1:] in _anchors(there), (page, f"{target}{part}")


def _anchors(page):
    """The names of a page's headings in links."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_glossary_is_sorted_and_says_each_word_once():
    words = re.findall(r"^\* \*\*(.+?)\*\*: ", (ROOT / "docs/glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(words) > 50
    assert words == sorted(set(words))


def test_every_decision_has_its_context_and_its_consequences():
    for page in (ROOT / "docs/decisions").glob("[0-9]*.md"):
        headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings[0].startswith(page.name[:4]), page
        assert headings[1:] == ["Context", "Decision", "Consequences"], page


def test_what_is_installed_has_a_version_and_extras_have_their_libraries():
    """constraints.txt pins all that the test command installs; hints name what pyproject.toml brings with an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    asked = [*project["build-system"]["requires"], *project["project"]["dependencies"], *chain(*extras.values())]
    pinned = dict(re.findall(r"^([\w.-]+)==([^ ;\n]+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    names = {re.match(r"[\w.-]+", one)[0].lower() for one in asked} - {"gemctl"}
    assert names <= set(pinned), "make constraints.txt anew, as CONTRIBUTING.md says"
    brought = {
        name: tuple(re.match(r"[^<>=~ ]+", one)[0] for one in extras[name])
        for name in extras
        if name not in FOR_DEVELOPERS
    }
    assert brought == dict(EXTRAS)


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
        r" +$", "", re.sub(r"(NAME) {30,}(TOKENS)", r"\1                         \2", text), flags=re.MULTILINE
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
