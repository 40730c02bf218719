"""The packages, built once a process of the suite, and the programs that check them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "clients"))

from building import Built, build, unpacked
from environments import INSTALL, TOOLS, environment, installed


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Built:
    """From this checkout, with all that lies in it."""
    return build(Path(__file__).parent.parent.parent, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def built_again(built, tmp_path_factory) -> Built:
    """From the first one's sdist, elsewhere: its files are of other days, and for nobody but their owner."""
    return build(unpacked(built.sdist, tmp_path_factory.mktemp("elsewhere")), tmp_path_factory.mktemp("again"), 0o077)


@pytest.fixture
def tools(capfd) -> Path | None:
    """The folder of the programs. None where they are not installed, and a line that says so."""
    if installed(TOOLS):
        return environment(TOOLS) / "bin"
    with capfd.disabled():  # to standard error, which also the workers of a parallel run share
        print(f"distribution: tools are not installed, their checks were not run: {INSTALL} {TOOLS}", file=sys.stderr)
    return None
