"""A saved plan is read by the version of the format that wrote it, and by no other."""

from __future__ import annotations

import json

import pytest
from plan_cases import cases, planned

from gemctl.core.errors import GemctlError
from gemctl.plan.file import BEGINNING, FORMAT, from_bytes, to_bytes

SAVED = to_bytes(planned(dict(cases())["cached_content: declared, not live, never recorded"])[0])


def test_the_format_stands_at_the_beginning():
    assert SAVED.startswith(BEGINNING) and json.loads(SAVED)["gemctlPlan"] == FORMAT == 2


@pytest.mark.parametrize("number", [1, 3])
def test_a_plan_of_another_format_is_refused(number):
    """Its checksum fits: what is in it is whole, and may mean something else."""
    other = json.dumps({**json.loads(SAVED), "gemctlPlan": number}).encode()
    with pytest.raises(GemctlError) as refused:
        from_bytes(other, "ready.plan")
    assert refused.value.code == "E511" and "gemctl plan --out FILE" in refused.value.hint
    assert str(refused.value) == (
        f"ready.plan can't be used: it has format {number}, and this gemctl reads 2. Nothing was done."
    )
