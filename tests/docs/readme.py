"""Takes the README's two commands out of it, so that what is run is what people read.

    python3 tests/docs/readme.py job       the one that sets up and runs the main job
    python3 tests/docs/readme.py tests     the one that sets up and runs the tests

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).parent.parent.parent / "README.md"
HEADINGS = {"job": "Try it", "tests": "Run the tests"}


def command(which: str) -> str:
    """The first shell block under the heading."""
    text = README.read_text(encoding="utf-8")
    section = re.search(rf"^## {HEADINGS[which]}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"no section {HEADINGS[which]!r}"
    block = re.search(r"^```sh\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL)
    assert block, f"no shell block under {HEADINGS[which]!r}"
    return block[1]


if __name__ == "__main__":
    sys.stdout.write(command(sys.argv[1]))
