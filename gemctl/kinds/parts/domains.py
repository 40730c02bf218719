"""Checks names of domains that agents may reach: a name that matches nothing would be taken, and help nobody. Called by
kinds.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from gemctl.schema.shape import complain

_DOMAIN = re.compile(
    r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII
)
ALL = "*"


def _domain(value: str) -> str:
    if not _DOMAIN.fullmatch(value.lower()) or value != value.lower():
        hint = "Write it in small letters and without https://, such as api.example.com or *.example.com."
        raise complain("E209", f"{value!r} is no domain.", hint=hint)
    return value


def _domain_or_all(value: str) -> str:
    return value if value == ALL else _domain(value)


Domain = Annotated[str, AfterValidator(_domain)]
DomainOrAll = Annotated[str, AfterValidator(_domain_or_all)]
