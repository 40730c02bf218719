"""Takes docs/images/plan.png: the page that `gemctl plan --format html` makes, as a browser shows it.

python docs/screenshot.py [FILE]    what it shows is made by gemctl itself: manifests/together, applied and then edited

It needs a browser: Chromium, Chrome or Edge on PATH, or the one that GEMCTL_TEST_BROWSER names.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests/render"), str(ROOT / "tests")]

import browser  # noqa: E402
from values import ManualClock  # noqa: E402

from gemctl.cli.main import run  # noqa: E402

WIDTH = 1080
UNFOLD = "document.querySelector('summary').click()"
BOTTOM = "Math.ceil(document.querySelector('.lives').closest('section').getBoundingClientRect().bottom) + 16"


def page() -> str:
    """A plan with something of everything, from a project that was applied a day ago."""
    clock = ManualClock()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        project = Path(folder) / "project"
        shutil.copytree(ROOT / "manifests/together", project, ignore=shutil.ignore_patterns("out", ".gemctl"))

        def gemctl(*words: str) -> str:
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                assert run(["-C", str(project), *words], clock=clock) == 0, said.getvalue()
            return said.getvalue()

        gemctl("apply", "--yes", "--wait")
        clock.advance(timedelta(hours=20).total_seconds())
        handbook = project / "texts/handbook.md"
        handbook.write_text(
            handbook.read_text(encoding="utf-8") + "\nDogs are counted before and after.\n", encoding="utf-8"
        )
        return gemctl("plan", "--format", "html")


def main() -> int:
    path = browser.found()
    if path is None:
        print("There is no browser.", file=sys.stderr)
        return 1
    to = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs/images/plan.png"
    to.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, browser.tab(path) as tab:
        file = Path(folder) / "plan.html"
        file.write_text(page(), encoding="utf-8")
        tab.open(file, WIDTH, "light")
        tab.run(UNFOLD)
        to.write_bytes(tab.picture(tab.run(BOTTOM)))
    print(f"{to}: {to.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
