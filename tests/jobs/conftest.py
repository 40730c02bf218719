from __future__ import annotations

import pytest
from jobs_world import Shop


@pytest.fixture
def shop(tmp_path) -> Shop:
    return Shop(tmp_path / "shop")
