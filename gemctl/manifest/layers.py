"""Makes drafts of documents: unfolds lists, lays overlays over resources, and defaults under them.

A draft is a resource's manifest as if all of it had been written in one place; it is checked so, and each of its values
still has the place where it was really written. Called by `bind` and `load`; `origins` reads drafts.

The rule for laying one mapping over another: mappings are merged key by key, null removes a key, and any other value
replaces the old one whole, lists included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from types import MappingProxyType

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.frozen import dataclass
from gemctl.core.source import Json, JsonObject, Path, Positions, Span
from gemctl.manifest.envelope import API_VERSION
from gemctl.manifest.refs import Uses
from gemctl.manifest.yaml import Document
from gemctl.schema.spelling import did_you_mean

_EITHER = ("ttl", "expireTime")  # setting one of them in a resource takes the other back from the defaults
_LIST = ("apiVersion", "kind", "items")
_NO_USES: Uses = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LayeredManifest:
    """A document on its way to become a resource.

    positions  where each part of the value was written, in whichever file.
    uses       the variables that stood in its texts.
    inherited  the paths that came from the project's defaults.
    removed    the paths that an overlay has removed: defaults don't bring them back.
    added      True if it stands in an overlay, and no manifest declares it.
    """

    value: Json
    positions: Positions
    uses: Uses = field(default_factory=lambda: _NO_USES)
    inherited: frozenset[Path] = frozenset()
    removed: frozenset[Path] = frozenset()
    added: bool = False


# Lists.


def is_list(value: Json) -> bool:
    """Whether a document is a `kind: List`."""
    return isinstance(value, dict) and value.get("kind") == "List"


def unfold(document: Document, problems: list[Diagnostic]) -> Iterator[Document]:
    """The documents in a `kind: List`, or the document itself; mistakes in a list go to `problems`."""
    value, positions = document.value, document.positions
    if not is_list(value):
        yield document
        return
    before = len(problems)
    if value.get("apiVersion") != API_VERSION:
        span = positions.value(("apiVersion",)) if "apiVersion" in value else positions.root
        problems.append(problem("E202", "A List has one too.", span=span, hint=f"Write apiVersion: {API_VERSION}."))
    for key in value:
        if key not in _LIST:
            detail = f"There is no field {key} in a List."
            problems.append(problem("E206", detail, span=positions.key((key,)), hint=did_you_mean(key, _LIST)))
    if "items" not in value:
        problems.append(problem("E207", "items is required in a List.", span=positions.root))
    elif not isinstance(value["items"], list):
        problems.append(problem("E208", "items must be a list.", span=positions.value(("items",))))
    if len(problems) > before:
        return
    for index, item in enumerate(value["items"]):
        below = _below(positions, ("items", index))
        if is_list(item):
            detail = "A List holds resources, and no other List."
            problems.append(
                problem("E235", detail, span=below.value(("kind",)), hint="Put its items into the outer one.")
            )
        else:
            yield Document(item, below, document.file)


def _below(positions: Positions, prefix: Path) -> Positions:
    return Positions(positions.value(prefix), _Below(positions.values, prefix), _Below(positions.keys, prefix))


class _Below(Mapping[Path, Span]):
    """The places of one part of a document, by their paths from there."""

    __slots__ = ("_prefix", "_whole")

    def __init__(self, whole: Mapping[Path, Span], prefix: Path) -> None:
        self._whole, self._prefix = whole, prefix

    def __getitem__(self, path: Path) -> Span:
        return self._whole[(*self._prefix, *path)]

    def __iter__(self) -> Iterator[Path]:
        length = len(self._prefix)
        yield from (path[length:] for path in self._whole if path[:length] == self._prefix)

    def __len__(self) -> int:
        return sum(1 for _ in self)


# Overlays.


def overlay(under: LayeredManifest, over: LayeredManifest) -> LayeredManifest:
    """One draft laid over another of the same address; both are mappings."""
    return _over(under, over, _without_address(over.value))


def _without_address(value: JsonObject) -> JsonObject:
    """Leave out the fields that say which resource is meant: they change nothing in it."""
    rest = {key: item for key, item in value.items() if key not in ("apiVersion", "kind")}
    if isinstance(metadata := rest.get("metadata"), dict):
        rest["metadata"] = {key: item for key, item in metadata.items() if key != "name"}
    return rest


def _over(under: LayeredManifest, over: LayeredManifest, patch: JsonObject) -> LayeredManifest:
    taken: set[Path] = set()
    removed: set[Path] = set()
    value = _laid(under.value, patch, (), taken, removed)
    # A removed field has the place of the null that removed it: if it is missing now, that is why.
    above = frozenset(taken | removed)
    kept = {path: use for path, use in under.uses.items() if not lies_in(path, above)}
    return replace(
        under,
        value=value,
        positions=_layered(under.positions, over.positions, (), above),
        uses={**kept, **{path: use for path, use in over.uses.items() if lies_in(path, above)}},
        removed=under.removed | removed,
    )


def alone(over: LayeredManifest) -> LayeredManifest:
    """A draft that stands in an overlay only; null removes here too, namely keys that defaults would bring."""
    laid = _over(replace(over, value={}, uses=_NO_USES), over, over.value)
    return replace(laid, positions=over.positions, added=True)


def merged(under: JsonObject, over: JsonObject) -> JsonObject:
    """One mapping laid over another."""
    return _laid(under, over, (), set(), set())


def _laid(under: Json, over: JsonObject, path: Path, taken: set[Path], removed: set[Path]) -> JsonObject:
    result: dict[str, Json] = dict(under) if isinstance(under, dict) else {}
    for key, value in over.items():
        below = (*path, key)
        if value is None:
            result.pop(key, None)
            removed.add(below)
        elif isinstance(value, dict):
            if not isinstance(result.get(key), dict):
                taken.add(below)
            result[key] = _laid(result.get(key), value, below, taken, removed)
        else:
            result[key] = value
            taken.add(below)
    return result


# Defaults.


def with_defaults(
    draft: LayeredManifest, defaults: JsonObject, uses: Uses, positions: Positions, below: Path
) -> LayeredManifest:
    """The draft with the defaults of its kind under it; they stand `below` this path of the project file."""
    inherited: set[Path] = set()
    value = _inherit(_suitable(defaults, draft.value), draft.value, (), inherited, draft.removed)
    lent = frozenset(inherited)
    length = len(below)
    stood = {path[length:]: use for path, use in uses.items() if path[:length] == below}
    borrowed = {path: use for path, use in stood.items() if lies_in(path, lent)}
    return replace(
        draft,
        value=value,
        positions=_layered(draft.positions, positions, below, lent),
        uses={**draft.uses, **borrowed} if borrowed else draft.uses,
        inherited=lent,
    )


def named_by_itself(draft: LayeredManifest, field: str) -> LayeredManifest:
    """The draft with the name of the resource as this field of its spec, unless that is written there."""
    value, at = draft.value, ("spec", field)
    spec, metadata = value.get("spec"), value.get("metadata")
    if not isinstance(spec, dict) or field in spec or not isinstance(metadata, dict) or "name" not in metadata:
        return draft
    span = draft.positions.value(("metadata", "name"))
    there = Positions(span, {at: span}, {at: span})
    positions = _layered(draft.positions, there, (), frozenset({at}))
    return replace(draft, value={**value, "spec": {**spec, field: metadata["name"]}}, positions=positions)


def _suitable(defaults: JsonObject, own: JsonObject) -> JsonObject:
    for key, other in (_EITHER, _EITHER[::-1]):
        spec, default_spec = own.get("spec"), defaults.get("spec")
        if isinstance(spec, dict) and isinstance(default_spec, dict) and key in spec and other not in spec:
            kept = {name: value for name, value in default_spec.items() if name != other}
            defaults = {**defaults, "spec": kept}
    return defaults


def _inherit(
    under: JsonObject, over: JsonObject, path: Path, inherited: set[Path], removed: frozenset[Path]
) -> JsonObject:
    """Mappings key by key; anything else is replaced whole."""
    result = dict(over)
    for key, value in under.items():
        below = (*path, key)
        if below in removed:
            continue
        if key not in over:
            result[key] = value
            inherited.add(below)
        elif isinstance(value, dict) and isinstance(over[key], dict):
            result[key] = _inherit(value, over[key], below, inherited, removed)
    return result


# Places.


def lies_in(path: Path, places: frozenset[Path]) -> bool:
    """True if it is one of the places, or below one of them."""
    return any(path[:length] in places for length in range(1, len(path) + 1))


def _layered(own: Positions, other: Positions, below: Path, lent: frozenset[Path]) -> Positions:
    if not lent:
        return own
    return Positions(
        own.root,
        _Layered(own.values, other.values, below, lent),
        _Layered(own.keys, other.keys, below, lent),
    )


class _Layered(Mapping[Path, Span]):
    """The places of a document, and those of values from another one, which stand there `below` some path."""

    __slots__ = ("_below", "_lent", "_other", "_own")

    def __init__(
        self, own: Mapping[Path, Span], other: Mapping[Path, Span], below: Path, lent: frozenset[Path]
    ) -> None:
        self._own, self._other, self._below, self._lent = own, other, below, lent

    def __getitem__(self, path: Path) -> Span:
        if lies_in(path, self._lent):
            return self._other[(*self._below, *path)]
        return self._own[path]

    def __iter__(self) -> Iterator[Path]:
        yield from (path for path in self._own if not lies_in(path, self._lent))
        for path in self._other:
            here = path[len(self._below) :]
            if path[: len(self._below)] == self._below and lies_in(here, self._lent):
                yield here

    def __len__(self) -> int:
        return sum(1 for _ in self)
