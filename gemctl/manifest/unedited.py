"""Holds what is known of manifests that were not edited and so are not parsed: what each declared before. Made by
`remembered` and `load`, and bound by `bind` beside documents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from gemctl.core.address import Address
from gemctl.core.frozen import dataclass
from gemctl.core.resource import Named, Resource
from gemctl.core.source import Path, Positions, Span

if TYPE_CHECKING:
    from gemctl.manifest.yaml import Document


@dataclass(frozen=True, slots=True)
class Remembered:
    """What one manifest declared.

    digest     that of the manifest. `named` are the files that it names, each with a digest of their paths and digests.
    resources  those that it declared: unlinked, without texts and without places.
    uses       the variables in it. `length` is the number of characters that variables added to it.
    """

    digest: str
    resources: tuple[Resource, ...]
    named: tuple[tuple[Named, str], ...] = ()
    uses: tuple[str, ...] = ()
    length: int = 0


class Unedited:
    """A manifest of which is known what it declares: it was not parsed. `parsed` parses it after all, `find` finds the
    places in it.
    """

    def __init__(
        self,
        path: str,
        declared: Remembered,
        parsed: Callable[[], Sequence[Document]],
        find: Callable[[], Mapping[Address, Positions]],
    ) -> None:
        self.path, self.declared, self.parsed, self._find = path, declared, parsed, find

    @cached_property
    def _places(self) -> Mapping[Address, Positions]:
        return self._find()

    @property
    def resources(self) -> Iterator[Resource]:
        """What it declares. Places are looked for when they are asked for."""
        for one in self.declared.resources:
            yield replace(one, positions=self._positions(one))

    def _positions(self, resource: Resource) -> Positions:
        address, root = resource.address, resource.positions.root
        nowhere = Positions(root)
        return Positions(
            root,
            _Places(lambda: self._places.get(address, nowhere).values),
            _Places(lambda: self._places.get(address, nowhere).keys),
        )


class _Places(Mapping[Path, Span]):
    """Path to span, found when one is asked for."""

    __slots__ = ("_find",)

    def __init__(self, find: Callable[[], Mapping[Path, Span]]) -> None:
        self._find = find

    def __getitem__(self, path: Path) -> Span:
        return self._find()[path]

    def __iter__(self) -> Iterator[Path]:
        return iter(self._find())

    def __len__(self) -> int:
        return len(self._find())
