"""Makes resources and steps of members: of the many objects that come with one resource and lie under it, such as the
documents of a store. They are kept as rows, and become resources one by one, when their steps start.

The identity of a member is its path; its address is `Kind/<name of the resource>/<path>`. Its mark has the owner's tag,
a tag of the address tag of the resource and of the path, and the spec tag of its form. Called by plan and engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from gemctl.core.address import Address
from gemctl.core.digest import tag
from gemctl.core.kind import Files, Kind, remote
from gemctl.core.mark import Mark, OwnerTag
from gemctl.core.plan import Step, Sync
from gemctl.core.record import Op, Origin, Record, has_failed, tag_of
from gemctl.core.resource import Lifecycle, Resource
from gemctl.core.source import Positions


def member_address(kind: Kind, of: Address, path: str) -> Address:
    """The address of a member of the resource `of`."""
    return Address(kind.name, f"{of.name}/{path}")


def resource_of(member: Address, parent_kind: str) -> Address:
    """The resource that a member comes with. No name of a resource has a slash in it."""
    return Address(parent_kind, member.name.partition("/")[0])


def path_of(member: Address) -> str:
    """The path of a member."""
    return member.name.partition("/")[2]


def member_tag(of: str, path: str) -> str:
    """The address tag in the mark of a member; `of` is that in the marks of its resource."""
    return tag(f"{of}/{path}".encode(), 13)


def lacks(parent: Resource | None, rows: Mapping[str, str]) -> bool:
    """Whether a declared member has no row, or one that the service could not process."""
    members = parent.declared.members if parent else {}
    return any(tag_of(rows.get(path, "")) != one.tag or has_failed(rows[path]) for path, one in members.items())


def as_resource(parent: Resource, path: str, kind: Kind) -> Resource:
    """The member of this path as a resource of its own."""
    member = parent.declared.members[path]
    own = {"source": path} if member.source is None else {"fileRef": {"name": member.source.name}}
    files: Files = {("source",): (member.file,)} if member.file else {}
    declared = kind.declare(kind.spec.model_validate({**member.entry, **own}), files)
    if member.form is not None:
        declared = replace(declared, fields=member.form)
    there = Positions(parent.positions.value(("spec", *member.at)))
    nothing: MappingProxyType[str, str] = MappingProxyType({})
    address = member_address(kind, parent.address, path)
    return Resource(address, declared, Lifecycle(), (), nothing, nothing, there, generated_by=parent.address)


def chains(
    step: Step, sync: Sync, parent: Resource | None, kind: Kind, owner: OwnerTag, under: str
) -> Iterator[tuple[Step, ...]]:
    """The steps of a sync, made one after the other: of a member that is replaced the new one first, then the old ones
    go. `under` is the live name that they lie under. Raises KeyError for a member that is no longer declared.
    """
    for path, old in sync.make:
        if parent is None:
            raise KeyError(path)
        resource = as_resource(parent, path, kind)
        mark = Mark(owner, member_tag(sync.tag, path), parent.declared.members[path].tag)
        call = remote(kind).create(resource, mark, 1)
        made = Step(
            f"{resource.address}:{Op.CREATE.value}",
            resource.address,
            Op.CREATE,
            kind.name,
            replace(call, path=f"{under}{'' if call.path.startswith(':') else '/'}{call.path}", under=None),
            record=Record("", mark.spec_tag, Origin.CREATED, mark.address_tag),
        )
        yield (made, *(_delete(resource.address, kind, under, id_) for id_ in old))
    for path, id_ in sync.drop:
        yield (_delete(member_address(kind, step.address, path), kind, under, id_),)


def _delete(address: Address, kind: Kind, under: str, id_: str) -> Step:
    made = remote(kind)
    name = f"{under}/{made.collection.path}/{id_}"
    return Step(f"{address}:{Op.DELETE.value}:{name}", address, Op.DELETE, kind.name, made.delete(name), name)
