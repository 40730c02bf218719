"""Holds texts as they were sent and as they are declared now. Made by workflows/texts.py, shown by render."""

from __future__ import annotations

from gemctl.core.address import Address
from gemctl.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class EditedText:
    """One text: where it stands in the resource, the file that it is in, and what it was; None, and why, where that is
    not known.
    """

    address: Address
    at: str
    file: str
    before: str | None
    after: str
    why: str = ""
