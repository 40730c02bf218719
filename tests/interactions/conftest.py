from __future__ import annotations

import pytest
from interactions_world import Asking


@pytest.fixture
def project(tmp_path) -> Asking:
    return Asking(tmp_path)
