"""Makes the digest that a saved plan is bound to. Called by `bind`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gemctl.core.address import Address, in_order
from gemctl.core.digest import canonical, canonical_each, sha256, sha256_of
from gemctl.core.moment import show_instant, wire_duration
from gemctl.core.resource import Edit, Expiry, Lifecycle, Publish, Resource, Run, Ttl, Until
from gemctl.core.source import Json

_TOGETHER = 1_000  # resources whose fields are written at once: all of them would take much memory


def digest(resources: Mapping[Address, Resource]) -> str:
    """The digest of all that decides what is sent, written and kept, texts as digests.

    It is that of the canonical JSON of a list, put together of pieces: most rules are the same for thousands, and the
    fields of a resource are written once, for this and for its spec tag.
    """
    return sha256_of(_pieces([resources[address] for address in in_order(resources)]))


def _pieces(resources: Sequence[Resource]) -> Iterator[bytes]:
    rules: dict[tuple[Expiry | None, Lifecycle], tuple[bytes, bytes]] = {}
    between = b"["
    for resource, (address, display, fields) in _written(resources):
        resource.make_tag(fields)
        key = resource.declared.expiry, resource.lifecycle
        if (known := rules.get(key)) is None:
            known = rules[key] = canonical(_expiry(key[0])), canonical(_lifecycle(key[1]))
        expiry, lifecycle = known
        first = b'"address":%s,"display":%s,"expiry":%s' % (address, display, expiry)
        yield between
        yield _digested(resource, first, b'"fields":%s,"lifecycle":%s' % (fields, lifecycle))
        between = b","
    yield b"]" if resources else b"[]"


def _written(resources: Sequence[Resource]) -> Iterator[tuple[Resource, tuple[bytes, bytes, bytes]]]:
    """Each resource, with its address, its display name and its fields as canonical JSON."""
    for at in range(0, len(resources), _TOGETHER):
        some = resources[at : at + _TOGETHER]
        own = [part for one in some for part in (str(one.address), one.display_name, one.declared.fields)]
        written = iter(canonical_each(own))
        yield from zip(some, zip(written, written, written, strict=True), strict=True)


def _digested(resource: Resource, first: bytes, middle: bytes) -> bytes:
    """The canonical JSON of one: names in their order, without those that hold nothing but `publish`."""
    declared, how = resource.declared, resource.run
    parts = [first]
    if declared.extras:
        parts.append(b'"extras":%s' % canonical(dict(declared.extras)))
    parts.append(middle)
    if declared.members:
        members = {path: one.tag for path, one in declared.members.items()}
        parts.append(b'"members":%s' % canonical(sha256(canonical(members))))
    if resource.lifecycle.on_demand:
        parts.append(b'"onDemand":true')
    if how and (how.on_own_edit, how.on_edited_references) != (Edit.RERUN, Edit.REPORT):
        parts.append(b'"onEdit":%s' % canonical([how.on_own_edit, how.on_edited_references]))
    parts.append(b'"publish":%s' % _published(resource.publish))
    if how:
        parts.append(b'"run":%s' % canonical(_run(how)))
    return b"{%s}" % b",".join(parts)


def _published(entries: tuple[Publish, ...]) -> bytes:
    return canonical([[one.form, one.file, one.key] for one in entries]) if entries else b"[]"


def _lifecycle(rules: Lifecycle) -> Json:
    return {
        "renewBefore": None if rules.renew_before is None else wire_duration(rules.renew_before),
        "preventDestroy": rules.prevent_destroy,
        "createFirst": rules.create_first,
        "retire": wire_duration(rules.retire),
        "ignoreChanges": [list(path) for path in rules.ignore_changes],
    }


def _run(how: Run) -> Json:
    return {
        "results": how.results,
        "deadline": None if how.deadline is None else wire_duration(how.deadline),
        "onExpired": how.on_expired,
        "onFailed": how.on_failed,
        "maxResubmits": how.max_resubmits,
        "clean": how.clean,
        **({"retryBlocked": True} if how.retry_blocked else {}),
    }


def _expiry(expiry: Expiry | None) -> Json:
    match expiry:
        case Ttl(ttl):
            return {"ttl": wire_duration(ttl)}
        case Until(instant):
            return {"expireTime": show_instant(instant)}
        case None:
            return None
