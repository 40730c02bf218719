"""The packages, built once a process of the suite, and the programs that check them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "clients"))

from building import Built, build, unpacked
from environments import INSTALL, SYSTEM_CERTS, TOOLS, environment, installed


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Built:
    """From this checkout, with all that lies in it."""
    return build(Path(__file__).parent.parent.parent, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def built_again(built, tmp_path_factory) -> Built:
    """From the first one's sdist, elsewhere: its files are of other days, and for nobody but their owner."""
    return build(unpacked(built.sdist, tmp_path_factory.mktemp("elsewhere")), tmp_path_factory.mktemp("again"), 0o077)


@pytest.fixture
def tools(request, capfd, monkeypatch) -> Path | None:
    """The folder of the programs. None, and a line that says so, where they are not installed, or this machine lacks
    one of `NEEDS` in the test's module.
    """
    why = "" if installed(TOOLS) else f"tools are not installed: {INSTALL} {TOOLS}"
    for program in getattr(request.module, "NEEDS", ()):
        why = why or ("" if shutil.which(program) else f"there is no {program}")
    if not why:
        for name, value in SYSTEM_CERTS.items():
            monkeypatch.setenv(name, value)
        return environment(TOOLS) / "bin"
    with capfd.disabled():  # to standard error, which also the workers of a parallel run share
        print(f"distribution: {request.node.name} was not run, {why}", file=sys.stderr)
    return None
