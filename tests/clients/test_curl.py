"""Google's REST forms by curl, each an example of curl/examples.sh."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
from environments import HERE, variables

PROGRAM = HERE / "curl" / "examples.sh"
EXAMPLES = re.findall(r"^(\w+)\(\) \{$", PROGRAM.read_text(encoding="utf-8"), re.MULTILINE)
NEEDED = ("bash", "curl", "jq")


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example(emulator, example, tmp_path, capfd):
    if missing := [program for program in NEEDED if shutil.which(program) is None]:
        with capfd.disabled():
            print(f"clients: curl was not run, there is no {' and no '.join(missing)}", file=sys.stderr)
        return
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f". {PROGRAM}; {example}"],
        capture_output=True,
        text=True,
        check=False,
        env=variables(emulator.url, tmp_path),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
