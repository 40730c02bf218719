"""What the options that lift guards become."""

import pytest

from gemctl.cli.context import Context
from gemctl.cli.planning import request_from

ALLOWED = {"allow_deletes": None, "allow_empty": False, "accept_missing": False, "allow_rerun": False}


@pytest.mark.parametrize("count", [None, 0, 25_000])
def test_requests_that_are_allowed(count):
    assert request_from(Context(), (), (), False, {**ALLOWED, "allow_requests": count}).allowed.requests == count
