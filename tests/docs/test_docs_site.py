"""The site of docs/ is built by one command, and each page has a place in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SITE = ROOT / "mkdocs.yml"
LISTED_ELSEWHERE = re.compile(r"decisions/0|emulator/clients/|skills/")  # `not_in_nav`


def test_each_page_has_a_place_in_the_navigation():
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    _, _, navigation = SITE.read_text(encoding="utf-8").partition("\nnav:\n")
    placed = re.findall(r"([\w/-]+\.md)$", navigation, re.MULTILINE)
    assert sorted(placed) == sorted(page for page in pages if not LISTED_ELSEWHERE.match(page))


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path, capsys):
    if find_spec("material") is None:
        with capsys.disabled():
            print("docs: the site was not built, the extra `docs` is not installed", file=sys.stderr)
        return
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "GEMCTL_REPOSITORY": "https://git.example.com/gemctl"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tutorial = (tmp_path / "site/tutorial/index.html").read_text(encoding="utf-8")
    assert "```" not in tutorial
    assert "&lt;!-- run on" not in tutorial
    costs = (tmp_path / "site/costs/index.html").read_text(encoding="utf-8")
    assert 'href="https://git.example.com/gemctl/tree/main/manifests/costs"' in costs
    assert "fonts.googleapis.com" not in costs
    assert not list((tmp_path / "site").rglob("*.py*"))
