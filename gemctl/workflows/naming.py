"""Finds a kind by any word that people use for it: its name in any case, in the plural, or the API's name of the
collection. Called by other workflows, and by cli/context.py for addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gemctl.core.address import Address
from gemctl.core.errors import Usage
from gemctl.core.kind import Catalogue
from gemctl.kinds import CATALOGUE
from gemctl.schema.spelling import did_you_mean


def kind_named(word: str, catalogue: Catalogue = CATALOGUE, others: Sequence[str] = ()) -> str:
    """The kind, or one of `others`, that is called so. Raises Usage E004, with the one that is most likely meant."""
    if found := _called(word, catalogue, others):
        return found
    near = _nearly(word, catalogue)
    hint = f"Did you mean {near}?" if near else did_you_mean(word, [*others, *catalogue], most=24)
    raise Usage(f"There is no kind {word!r}.", code="E004", hint=hint)


def address_named(text: str, catalogue: Catalogue = CATALOGUE) -> Address:
    """Read `Kind/name`, the kind by any of its names; an unknown kind stays as it is. Raises ValueError."""
    address = Address.parse(text)
    return Address(_called(address.kind, catalogue) or address.kind, address.name)


def _called(word: str, catalogue: Catalogue, others: Sequence[str] = ()) -> str | None:
    if word in catalogue or word in others:
        return word
    meant = _one(word)
    return next((name for name in (*catalogue, *others) if _one(name) == meant), None) or next(
        (kind.name for kind in catalogue.values() if _one(kind.collection) == meant), None
    )


def _nearly(word: str, catalogue: Catalogue) -> str | None:
    """The only kind with a word in its name that begins like this one, such as `caches` or `jobs`."""
    meant = _one(word)
    found = [name for name in catalogue if meant and any(part.startswith(meant) for part in _parts(name))]
    return found[0] if len(found) == 1 else None


def _parts(name: str) -> Iterator[str]:
    yield name.lower()
    yield from (part.lower() for part in re.findall(r"[A-Z][a-z]*", name))


def _one(word: str) -> str:
    """The word in small letters, without hyphens, underscores and blanks, in the singular."""
    plain = re.sub(r"[-_ ]", "", word).lower()
    for plural, singular in (("ies", "y"), ("ches", "ch"), ("s", "")):
        if plain.endswith(plural):
            return plain.removesuffix(plural) + singular
    return plain
