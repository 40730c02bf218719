from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes.fake_project import known
from members_world import Library


@pytest.fixture
def project(tmp_path) -> Iterator[Library]:
    """Two documents are declared, and nothing is applied."""
    with known():
        yield Library(tmp_path)


@pytest.fixture
def stored(project) -> Library:
    """They are in their store."""
    project.apply()
    return project
