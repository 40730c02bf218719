"""One plan with every action in it, a graph with references of all sorts, and texts that try to be something else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from values import START

from gemctl.core.address import Address
from gemctl.core.call import Reference
from gemctl.core.change import Action, Change, FieldChange, Precondition, Reason
from gemctl.core.codes import problem
from gemctl.core.plan import Plan, PlanHeader, Step
from gemctl.core.record import Op, Origin, Record
from gemctl.core.resource import Attachment, Declared, Desired, Lifecycle, Resource, Ttl, Until
from gemctl.core.source import Positions, Span
from gemctl.render.outline import Report

SECRET = "You are Ada. Never tell anybody the word rutabaga."
NASTY = "<script>alert('x')</script> | `tick` @octocat #17 [a](http://b) ![c](d) **bold** \\| www.example.com {{x}}"


def at(text: str) -> Address:
    return Address.parse(text)


def resource(address: Address, *references: Address, texts: tuple[Attachment, ...] = ()) -> Resource:
    wanted = tuple(Reference(("at",), target, "name") for target in references)
    declared = Declared({}, references=wanted, attachments=texts)
    return Resource(address, declared, Lifecycle(), (), {}, {}, Positions(Span("all.yaml", 1, 1, 1, 1)))


def hours(count: float) -> datetime:
    return START + timedelta(hours=count)


def step(address: Address, op: Op, name: str | None = None, **more: object) -> Step:
    ident = f"{address}:{op.value}" + (f":{name}" if name else "")
    return Step(ident, address, op, address.kind, None, name, **more)  # type: ignore[arg-type]


def record(ttl: timedelta) -> Record:
    return Record("", "spec", Origin.CREATED, "marked", expiry=Ttl(ttl))


HANDBOOK, TARIFF, PHOTOS = at("CachedContent/handbook"), at("CachedContent/tariff"), at("CachedContent/photos")
OLD, NEW, SOON = at("CachedContent/old"), at("CachedContent/brand-new"), at("CachedContent/soon")
PDF, LOG, SEEN = at("File/handbook-pdf"), at("File/log"), at("CachedContent/seen")
NIGHTLY, WEEKLY, WRONG, GONE = (
    at("BatchJob/nightly"),
    at("BatchJob/weekly"),
    at("BatchJob/wrong"),
    at("CachedContent/gone"),
)

DIGEST = "sha256:" + "5" * 64
CHANGES = (
    Change(NEW, Action.CREATE, Reason.DECLARED, fields=(FieldChange(("contents",), None, [{"text": DIGEST}]),),
           next_due=hours(16), tokens=12_000, hours=24.0, estimated=True),
    Change(SOON, Action.UPDATE, Reason.EXPIRING, "cachedContents/soon", (FieldChange(("ttl",), None, "86400s"),),
           Precondition("cachedContents/soon", hours(3), START),
           valid_until=hours(3), next_due=hours(16), tokens=2_000, hours=24.0),
    Change(HANDBOOK, Action.REPLACE, Reason.EDITED, "cachedContents/handbook",
           (FieldChange(("tools", 0, "name"), "search", NASTY), FieldChange(("model",), "models/a", "models/b")),
           Precondition("cachedContents/handbook", hours(30), START), hours(30), hours(40), 100_000, 48.0),
    Change(OLD, Action.DELETE, Reason.UNDECLARED, "cachedContents/old",
           precondition=Precondition("cachedContents/old", hours(9), START)),
    Change(GONE, Action.FORGET, Reason.UNDECLARED, "cachedContents/gone",
           precondition=Precondition()),
    Change(NIGHTLY, Action.HARVEST, Reason.FINISHED, "batches/n",
           precondition=Precondition("batches/n", hours(44), START)),
    Change(WRONG, Action.CANCEL, Reason.UNDECLARED, "batches/w",
           precondition=Precondition("batches/w", None, START), note=NASTY),
    Change(WEEKLY, Action.KEEP, Reason.RUNNING, "batches/k",
           precondition=Precondition("batches/k", None, START), next_due=hours(48),
           note="40 of 90 requests done"),
    Change(TARIFF, Action.KEEP, Reason.IN_SYNC, "cachedContents/t",
           precondition=Precondition("cachedContents/t", hours(20), START),
           valid_until=hours(12), next_due=hours(12), tokens=5_000),
    Change(PHOTOS, Action.UPDATE, Reason.SUPERSEDED, "cachedContents/p",
           precondition=Precondition("cachedContents/p", hours(1), START)),
    Change(PDF, Action.CREATE, Reason.DECLARED, fields=(FieldChange(("source",), None, DIGEST),)),
    Change(LOG, Action.KEEP, Reason.IN_SYNC, "files/l",
           precondition=Precondition("files/l", hours(40), START)),
    Change(SEEN, Action.REFRESH, Reason.DRIFTED, "cachedContents/s",
           (FieldChange(("model",), "models/gemini-2.5-flash", "models/gemini-3.8-flash"),),
           Precondition("cachedContents/s", hours(20), START)),
)  # fmt: skip
STEPS = (
    step(PDF, Op.CREATE),
    step(NEW, Op.CREATE, record=record(timedelta(hours=24))),
    step(SOON, Op.UPDATE, "cachedContents/soon", expiry=Ttl(timedelta(hours=24))),
    step(HANDBOOK, Op.CREATE, record=record(timedelta(hours=48)), after=(f"{PDF}:create",)),
    step(HANDBOOK, Op.UPDATE, "cachedContents/handbook", expiry=Ttl(timedelta(minutes=10)), ceiling=hours(30)),
    step(OLD, Op.DELETE, "cachedContents/old"),
    step(GONE, Op.FORGET),
    step(NIGHTLY, Op.HARVEST, "batches/n"),
    step(WRONG, Op.CANCEL, "batches/w"),
    step(SEEN, Op.REFRESH, "cachedContents/s"),
    step(PHOTOS, Op.UPDATE, "cachedContents/p", expiry=Until(hours(5)), ceiling=hours(1)),
)
HEADER = PlanHeader(
    project="7f3k9q2m",
    stack="prod",
    endpoint="generativelanguage.googleapis.com",
    lineage="0123456789abcdef",
    serial=12,
    made_at=START,
    valid_until=hours(3),
    next_due=hours(12),
    manifests=DIGEST,
    gemctl="0.1.0",
)
TEXT = Attachment(DIGEST, len(SECRET), text=SECRET)
DESIRED = Desired(
    {
        each.address: each
        for each in (
            resource(PDF, texts=(replace(TEXT, at=("source",)),)),
            resource(LOG),
            resource(HANDBOOK, PDF),
            resource(NEW, texts=(replace(TEXT, at=("contents", 0, "text")),)),
            resource(SOON),
            resource(TARIFF),
            resource(NIGHTLY, HANDBOOK, LOG),
            resource(WEEKLY, TARIFF),
        )
    },
    {DIGEST: TEXT},
)
DIAGNOSTICS = (
    problem("E505", f"One object would be deleted: {NASTY}", hint="If that is meant: --allow-deletes 1."),
    problem("W202", "The ttl is 1m.", span=Span("caches/a b|c.yaml", 6, 8, 6, 10), address=SOON),
)


def report(**changed: object) -> Report:
    given: dict[str, object] = {
        "plan": Plan(HEADER, CHANGES, STEPS),
        "desired": DESIRED,
        "project": "support-bot",
        "diagnostics": DIAGNOSTICS,
    }
    return Report(**{**given, **changed})  # type: ignore[arg-type]
