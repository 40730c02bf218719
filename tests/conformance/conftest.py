"""One served emulator for each process of the suite, with its time standing; every test begins with an empty one."""

from __future__ import annotations

import pytest
from served import START, serving


@pytest.fixture(scope="session")
def _served():
    with serving("--clock", START, "--still", "--seed", "7") as emulator:
        yield emulator


@pytest.fixture
def emulator(_served):
    _served.reset()
    yield _served
    assert _served.state()["bugs"] == 0
