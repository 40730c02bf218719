"""Decides which fields of an object to change, and how: compares three values of each, as its rule says. Called by the
lifetimes of objects that are kept, by once.py and by refresh.py.

declared   in the manifest, in the canonical form
sent       in the ledger: what the last create or patch sent
live       in what the service shows, where it can be read back

declared and sent differ                                   the manifest was edited
sent and live differ, and the service did not show it so   it was changed by hand: drift
when it was sent

The rule of the field says what follows: a patch, a new object, or nothing. Fields that `lifecycle.ignoreChanges` names
are not compared.
"""

from __future__ import annotations

from collections.abc import Iterator

from gemctl.core.change import FieldChange
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Kind, Rule
from gemctl.core.live import LiveObject
from gemctl.core.record import Record
from gemctl.core.resource import Resource
from gemctl.core.source import JsonObject, Path
from gemctl.plan.decisions import UNKNOWN_SPEC, edited, masked

CHANGED_UNSEEN = "not known: somebody else changed the object"
_COMPARED = frozenset({Rule.UPDATABLE, Rule.IMMUTABLE})


@dataclass(frozen=True, slots=True)
class Differences:
    """`patch` are fields that can be changed in place, `anew` those that only a new object can change. `edited` is True
    where the manifest was, and False for drift alone.
    """

    patch: tuple[FieldChange, ...] = ()
    anew: tuple[FieldChange, ...] = ()
    edited: bool = False

    @property
    def all(self) -> tuple[FieldChange, ...]:
        return tuple(sorted((*self.anew, *self.patch), key=lambda one: [str(part) for part in one.path]))


_NONE = Differences()


def differences(kind: Kind, resource: Resource, record: Record, item: LiveObject) -> Differences:
    """The fields to change of the object that is bound."""
    edits = edited(resource, record, kind)
    if edits and edits[0].path == () and kind.remote and kind.remote.patch:
        return _by_what_is_live(kind, resource, item)
    drift = drifted(kind, record, item, resource)
    if not edits and not drift:
        return _NONE
    touched = {one.path[:1] for one in edits}
    both = [*edits, *masked((one for one in drift if one.path not in touched), kind)]
    patched = [one for one in both if _in_place(kind, one.path)]
    return Differences(tuple(patched), tuple(one for one in both if one not in patched), bool(edits))


def drifted(kind: Kind, record: Record, item: LiveObject, resource: Resource | None = None) -> tuple[FieldChange, ...]:
    """The fields that the service shows otherwise than they were sent, and than it showed them then: live, and sent.

    Where it is not recorded what it showed then, as for objects of an earlier gemctl or of a create whose answer was
    lost, only fields that can be patched are compared: the service may always have shown the others so. The same holds
    for a field that it did not show then.
    """
    fields = _sent(record, resource)
    later = bool(record.updated and item.updated and item.updated > record.updated)
    unlike = kind.otherwise(item.fields, fields)
    if not unlike and not later:
        return ()
    changes: list[FieldChange] = []
    for name in sorted(unlike):
        if not kind.patches(name) and (record.shown is None or (name in record.shown and record.shown[name] is None)):
            continue
        values = item.fields, fields, record.shown or {}
        live, sent, shown = (_of(name, one, resource) for one in values)
        if kind.otherwise(live, sent) and live != shown:
            changes.append(FieldChange((name,), item.fields[name], fields[name]))
    return (*changes, *(_changed_unseen(kind, item, fields, resource) if later else ()))


def _changed_unseen(
    kind: Kind, item: LiveObject, fields: JsonObject, resource: Resource | None
) -> Iterator[FieldChange]:
    """The fields that can be patched and are not shown, of an object that shows a later change than our last one:
    whoever made that may have changed any of them. They are sent again.
    """
    heeded = resource.heeded(fields) if resource else fields
    for name in sorted(heeded):
        if kind.patches(name) and name not in item.fields:
            yield FieldChange((name,), CHANGED_UNSEEN, heeded[name])


def _sent(record: Record, resource: Resource | None) -> JsonObject:
    """The fields that were sent. Where they are not known, as after a state was lost, an object whose mark is of what
    is declared was made so, and may have been patched since.
    """
    if record.fields is not None:
        return record.fields
    return resource.declared.fields if resource and resource.spec_tag == record.spec_tag else {}


def _of(name: str, fields: JsonObject, resource: Resource | None) -> JsonObject:
    """This field alone, without those parts of it whose changes are ignored."""
    found = {name: fields[name]} if name in fields else {}
    return resource.heeded(found) if resource else found


def _by_what_is_live(kind: Kind, resource: Resource, item: LiveObject) -> Differences:
    """Compare live with declared fields: those sent are not known, as after a state was lost."""
    declared = resource.heeded(resource.declared.fields)
    patched: list[FieldChange] = []
    anew: list[FieldChange] = []
    for name, value in declared.items():
        rule = kind.rules.get(name)
        if rule in _COMPARED and name in item.fields and not kind.differing(item.fields, {name: value}, rule):
            continue
        change = FieldChange((name,), item.fields.get(name), value)
        (patched if _in_place(kind, change.path) else anew).append(change)
    if anew and all(change.path[0] not in item.fields for change in anew):
        anew = [FieldChange((), None, UNKNOWN_SPEC)]
    return Differences(tuple(masked(patched, kind)), tuple(anew), True)


def _in_place(kind: Kind, path: Path) -> bool:
    return bool(path) and kind.patches(str(path[0]))
