"""The programs that pages on clients of JavaScript show, each run by Node as it stands. They say "all well" at the end.

Where a client is not installed its program is not run, and one line says so.
"""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from environments import HERE, INSTALL, environment, installed, node, variables

PAGES = HERE.parent.parent / "docs/emulator/clients"
PROGRAM = re.compile(r"^<!-- runs: (\S+\.mjs) -->\n```js\n(.*?)^```", re.MULTILINE | re.DOTALL)
CLIENTS = {"ai-sdk": "node/ai-sdk", "langchain-js": "node/langchain-google-genai", "genkit": "node/genkit"}


@pytest.mark.slow
@pytest.mark.parametrize("page", CLIENTS)
def test_the_program_of_a_page(emulator, page, tmp_path, capfd):
    [(name, program)] = PROGRAM.findall((PAGES / f"{page}.md").read_text(encoding="utf-8"))
    client = CLIENTS[page]
    if not installed(client):
        with capfd.disabled():
            print(f"clients: {client} was not run, it is not installed: {INSTALL} {client}", file=sys.stderr)
        return
    (tmp_path / name).write_text(program)
    (tmp_path / "node_modules").symlink_to(environment(client) / "node_modules")
    done = subprocess.run(
        [node(), name],
        capture_output=True,
        text=True,
        check=False,
        env=variables(emulator.url, tmp_path),
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "all well\n"), done.stdout + done.stderr
