"""A place to watch."""

from __future__ import annotations

import pytest
from watch_world import Place


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "project")
