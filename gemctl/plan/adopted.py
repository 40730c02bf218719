"""Makes records for live objects that gemctl did not see being made: found by a mark, or imported. Called by
ownership.py, the lifetimes, and workflows that bind.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from gemctl.core.address import Address
from gemctl.core.kind import Kind
from gemctl.core.live import LiveObject
from gemctl.core.mark import OwnerTag, attempt_tag
from gemctl.core.record import Generation, Intent, Origin, Record, Retiring
from gemctl.core.resource import Resource, Run


def adopt(item: LiveObject, wanted: Resource | None) -> Record:
    """A record for a live object that carries our mark. Its inputs are known only if they are the declared ones."""
    mark, attempt = item.mark, attempt_of(item, wanted) if wanted else None
    known = attempt is not None
    return Record(
        name=item.name,
        spec_tag=attempt_tag(wanted.spec_tag, attempt) if wanted and attempt else mark.spec_tag if mark else "",
        origin=Origin.ADOPTED,
        address_tag=mark.address_tag if mark else "",
        fields=wanted.declared.fields if wanted and known else None,
        expiry=wanted.declared.expiry if wanted and known else None,
        created=item.created,
        deadline=item.deadline,
        tokens=item.tokens,
        outputs=item.outputs,
        prevent_destroy=bool(wanted and wanted.lifecycle.prevent_destroy),
        retire=wanted.lifecycle.retire if wanted else timedelta(0),
        attempt=attempt or 1,
        run=_rules(wanted, known=known),
        model=item.model,
    )


def _rules(wanted: Resource | None, *, known: bool) -> Run | None:
    """The rules of the run that was found; of what whole it was is known only if it is of what is declared."""
    if wanted is None or wanted.run is None or known:
        return wanted.run if wanted else None
    return replace(wanted.run, whole="")


def found_by(intent: Intent, item: LiveObject, wanted: Resource | None) -> Record:
    """A record for a live object without a mark that a create of ours has made. What went into it is known if it is
    still what is declared; of one with secrets nothing is taken for known, so that all of it is sent again.
    """
    if wanted and wanted.declared.secrets:
        return adopt(item, wanted)
    record = replace(adopt(item, wanted), spec_tag=intent.spec_tag)
    if wanted is None or wanted.spec_tag != intent.spec_tag:
        return record
    return replace(record, fields=wanted.declared.fields, expiry=wanted.declared.expiry)


def attempts(wanted: Resource | None) -> int:
    """The most attempts that this declaration may have."""
    return 1 + (wanted.run.max_resubmits if wanted and wanted.run else 0)


def attempt_of(item: LiveObject, wanted: Resource) -> int | None:
    """The number of the attempt at this declaration that the object is; None if it was made of another one."""
    if item.mark is None:
        return None
    mark, spec = item.mark, wanted.spec_tag
    return next((n for n in range(1, attempts(wanted) + 1) if mark.of(attempt_tag(spec, n))), None)


def older(address: Address, item: LiveObject, wanted: Resource | None, kind: Kind) -> Retiring:
    """The live object as an older generation of this address."""
    record = adopt(item, wanted) if kind.once else None  # its results may have to be saved
    marked = item.mark.address_tag if item.mark else ""
    return Retiring(
        item.name,
        Generation(address, marked, item.deadline, item.tokens, record, created=item.created, model=item.model),
    )


def import_as(item: LiveObject, wanted: Resource, owner: OwnerTag) -> Record:
    """A record for a live object that a person gave to this address: its inputs are assumed to be the declared ones.
    Of one with secrets they are not: the next apply sends all that can't be read back.

    A mark with another owner tag than `owner`, that of this stack, says nothing about other objects.
    """
    record = adopt(item, wanted)
    unseen = bool(wanted.declared.secrets)
    return replace(
        record,
        origin=Origin.IMPORTED,
        spec_tag="" if unseen else attempt_tag(wanted.spec_tag, record.attempt),
        fields=None if unseen else wanted.declared.fields,
        address_tag=record.address_tag if item.mark and item.mark.owner == owner else "",
    )
