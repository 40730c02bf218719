"""The table of unsupported fields, unsupported.yaml."""

from __future__ import annotations

from pathlib import Path

import yaml

_TABLE = Path(__file__).parent / "unsupported.yaml"
SIDES = {
    "spec": ("spec", "both"),
    "emulator": ("emulator", "both"),
    "invented": ("invented",),
    "replies": ("replies",),
    "shown": ("shown",),
}


def listed(side: str) -> list[str]:
    """The fields that the table has for a side."""
    groups = yaml.safe_load(_TABLE.read_text(encoding="utf-8"))
    assert all(group.keys() <= {"why", "both", *SIDES} and len(group["why"].split()) > 3 for group in groups)
    return [field for group in groups for name in SIDES[side] for field in group.get(name, ())]


def covers(listed_: list[str], field: str) -> bool:
    """Whether the table has it, by its name or by `*.name`."""
    return field in listed_ or f"*.{field.rpartition('.')[2]}" in listed_
