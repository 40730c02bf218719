"""Wheel and sdist: the same bytes wherever and whenever they are built, and in them what belongs there."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import hatchling.build
import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager
from trove_classifiers import classifiers

import gemctl
from gemctl.core.extras import EXTRAS

ROOT = Path(__file__).parent.parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NO_SOURCE = re.compile(r"__pycache__|\.py[co]$|(^|/)(\.gemctl|\.clients|\.hypothesis|\.venv|node_modules)/")
# What gemctl reads of its own package, and what type checkers look for.
DATA = {"gemctl/py.typed", "gemctl/facts/models.yaml", "gemctl/workflows/sample/handbook.md"}


def _of_the_package() -> set[str]:
    files = (path.relative_to(ROOT).as_posix() for path in (ROOT / "gemctl").rglob("*") if path.is_file())
    return {name for name in files if not NO_SOURCE.search(name)}


def test_the_wheel_has_the_package_and_nothing_else(tmp_path):
    with contextlib.chdir(ROOT):
        wheel = tmp_path / hatchling.build.build_wheel(str(tmp_path))
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    about = {name for name in names if name.startswith(f"gemctl-{gemctl.__version__}.dist-info/")}
    assert names - about == _of_the_package()
    assert names >= DATA
    assert {name.partition("/")[2] for name in about} == {
        "METADATA",
        "WHEEL",
        "RECORD",
        "entry_points.txt",
        "licenses/LICENSE",
    }
    assert wheel.name == f"gemctl-{gemctl.__version__}-py3-none-any.whl"


def test_the_metadata_is_right():
    facts = ProjectMetadata(str(ROOT), PluginManager()).core
    assert facts.license_expression == "Apache-2.0" and list(facts.license_files) == ["LICENSE"]
    assert set(facts.classifiers) <= classifiers
    assert not any(classifier.startswith("License ::") for classifier in facts.classifiers), "PEP 639 forbids both"
    oldest = re.fullmatch(r">=3\.(\d+)", facts.requires_python)[1]
    assert f"Programming Language :: Python :: 3.{oldest}" in facts.classifiers
    assert f"Programming Language :: Python :: 3.{int(oldest) - 1}" not in facts.classifiers
    assert set(facts.optional_dependencies) == {*EXTRAS, "dev", "docs"}
    assert facts.scripts == {"gemctl": "gemctl.__main__:main"}
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", gemctl.__version__)


def test_all_pages_name_one_address_of_the_repository():
    """So that one edit of it is one word: what is installed, what pipelines use, and what a package says of itself."""
    pages = [path for path in (ROOT / "docs").rglob("*") if path.suffix in (".md", ".yml", ".yaml")]
    texts = [path.read_text(encoding="utf-8") for path in [ROOT / "pyproject.toml", *pages]]
    addresses = {found for text in texts for found in re.findall(r"https://git\.example\.com/[\w-]+/gemctl", text)}
    assert addresses == {PYPROJECT["project"]["urls"]["Repository"]}


@pytest.mark.slow
def test_two_builds_have_the_same_bytes(built, built_again):
    """Also since the second is made from the first one's sdist: that is all that it takes."""
    said = message_from_bytes(next(text for name, text in built.in_wheel().items() if name.endswith("/METADATA")))
    assert said["Version"] == gemctl.__version__
    assert dict(one.split(", ") for one in said.get_all("Project-URL")) == PYPROJECT["project"]["urls"]
    assert built.wheel.read_bytes() == built_again.wheel.read_bytes()
    assert built.sdist.read_bytes() == built_again.sdist.read_bytes()


@pytest.mark.slow
def test_the_sdist_has_the_sources_and_nothing_else(built):
    names = built.in_sdist()
    assert len(names) == len(set(names))
    assert set(names) >= _of_the_package() | {
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "constraints.txt",
        "pyproject.toml",
        "PKG-INFO",
        "manifests/quickstart/gemctl.yaml",
        "tests/conftest.py",
    }
    assert [name for name in names if NO_SOURCE.search(name)] == []
    if shutil.which("git") and (ROOT / ".git").exists():
        known = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert set(names) - {"PKG-INFO"} <= set(known.stdout.splitlines())
