"""Writes and reads a plan as a file: versioned JSON with a checksum, so that apply does what was shown. Called by
workflows/planfile.py.
"""

from __future__ import annotations

import json

from pydantic import TypeAdapter, ValidationError

from gemctl.core.digest import sha256
from gemctl.core.errors import GemctlError
from gemctl.core.legend import Legend
from gemctl.core.plan import Plan

FORMAT = 2
BEGINNING = b'{"gemctlPlan"'
_ADAPTER, _LEGEND = TypeAdapter(Plan), TypeAdapter(Legend)


def to_bytes(plan: Plan, legend: Legend | None = None) -> bytes:
    """The file. It holds texts as digests only: applying it needs the checkout it was made from. With the `legend` it
    can be shown without that.
    """
    document = _ADAPTER.dump_python(plan, mode="json")
    if legend:
        document["legend"] = _LEGEND.dump_python(legend, mode="json")
    body = json.dumps(document, separators=(",", ":"), sort_keys=True)
    return json.dumps({"gemctlPlan": FORMAT, "checksum": sha256(body.encode()), "plan": body}).encode() + b"\n"


def from_bytes(data: bytes, where: str) -> Plan:
    """Raises GemctlError E511 when the file is not a plan, was changed, or is of a format that isn't known here."""
    return with_legend(data, where)[0]


def with_legend(data: bytes, where: str) -> tuple[Plan, Legend]:
    """Raises as `from_bytes`. The legend of a plan that was saved without one is empty."""
    try:
        document = json.loads(data)
        version, body = document["gemctlPlan"], document["plan"]
        if version != FORMAT:
            raise _unusable(where, f"it has format {version!r:.20}, and this gemctl reads {FORMAT}")
        if sha256(body.encode()) != document["checksum"]:
            raise _unusable(where, "it is damaged, or was changed after it was written: its checksum does not fit")
        read = json.loads(body)
        return _ADAPTER.validate_python(read), _LEGEND.validate_python(read.get("legend", {}))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ValidationError):
        raise _unusable(where, "it is not a plan that `gemctl plan --out` wrote") from None


def _unusable(where: str, why: str) -> GemctlError:
    hint = "Make a new one with `gemctl plan --out FILE`. Manifests end in .yaml or .yml."
    return GemctlError(f"{where} can't be used: {why}. Nothing was done.", code="E511", hint=hint)
