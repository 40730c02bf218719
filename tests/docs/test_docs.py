"""The documentation can't lie: what it shows is run, what it lists is complete, what is made from code is current."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import click
from readme import command

from gemctl.cli.main import COMMANDS, cli
from gemctl.core.codes import CODES
from gemctl.core.extras import EXTRAS
from gemctl.core.record import Op
from gemctl.kinds import CATALOGUE

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGE = sorted((ROOT / "gemctl").rglob("*.py"))
FOR_DEVELOPERS = ("dev", "docs")


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
