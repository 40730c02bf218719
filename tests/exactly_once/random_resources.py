"""What a simulated project may declare: for each kind of the catalogue, a function from chance to a resource."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from random import Random

from gemctl.core.address import Address
from gemctl.core.digest import sha256
from gemctl.core.resource import Attachment, Ending, Lifecycle, Resource, Run
from gemctl.core.source import Positions, Span
from gemctl.kinds import CATALOGUE

NOWHERE = Positions(Span("sim.yaml", 1, 1, 1, 1))
HOURS = {"1h": 1, "6h": 6, "24h": 24}
Declared = Mapping[Address, Resource]


@cache
def _cache(contents: tuple, ttl: str):
    kind = CATALOGUE["CachedContent"]
    parts = [{"text": text} if kind_ == "text" else {"fileRef": {"name": text}} for kind_, text in contents]
    spec = {"model": "gemini-3.8-flash", "contents": [{"parts": parts}], "ttl": ttl}
    return kind.declare(kind.spec.model_validate(spec), {})


def cached_content(random: Random, name: str, others: Declared) -> Resource:
    ttl = random.choice(tuple(HOURS))
    contents = [("text", f"text {random.randint(0, 2)} of {name}")]
    files = [address.name for address in others if address.kind == "File"]
    if files and random.random() < 0.5:
        contents.append(("file", random.choice(files)))
    lifecycle = Lifecycle(
        renew_before=timedelta(hours=HOURS[ttl]) / 3,
        create_first=random.random() < 0.8,
        retire=random.choice((timedelta(0), timedelta(minutes=10))),
    )
    declared = _cache(tuple(contents), ttl)
    return Resource(Address("CachedContent", name), declared, lifecycle, (), {}, {}, NOWHERE)


def content_of(path: str) -> bytes:
    """The bytes of a simulated file."""
    return f"content of {path}".encode()


@cache
def _file(path: str):
    kind = CATALOGUE["File"]
    data = content_of(path)
    spec = kind.spec.model_validate({"source": path})
    return kind.declare(spec, {("source",): (Attachment(sha256(data), len(data), path=path, binary=True),)})


def file(random: Random, name: str, others: Declared) -> Resource:
    always = random.random() < 0.5
    lifecycle = Lifecycle(renew_before=timedelta(hours=12) if always else None, on_demand=not always)
    declared = _file(f"{name}{random.randint(0, 2)}.txt")
    return Resource(Address("File", name), declared, lifecycle, (), {}, {}, NOWHERE)


@cache
def _policy(uses: int):
    kind = CATALOGUE["TokenPolicy"]
    return kind.declare(kind.spec.model_validate({"uses": uses}), {})


def token_policy(random: Random, name: str, others: Declared) -> Resource:
    declared = _policy(random.randint(1, 3))
    return Resource(Address("TokenPolicy", name), declared, Lifecycle(), (), {}, {}, NOWHERE)


@cache
def _job(text: str, refers_to: str):
    kind = CATALOGUE["BatchJob"]
    parts = [{"text": text}, *([{"fileRef": {"name": refers_to}}] if refers_to else [])]
    requests = [{"key": key, "request": {"contents": [{"parts": parts}]}} for key in ("one", "two")]
    return kind.declare(kind.spec.model_validate({"model": "gemini-3.8-flash", "requests": requests}), {})


def batch_job(random: Random, name: str, others: Declared) -> Resource:
    files = [address.name for address in others if address.kind == "File"]
    refers_to = random.choice(files) if files and random.random() < 0.3 else ""
    run = Run(
        results=f"{name}.jsonl",
        deadline=random.choice((None, timedelta(hours=2))),
        on_expired=random.choice(tuple(Ending)),
        on_failed=random.choice(tuple(Ending)),
        clean=random.random() < 0.2,
    )
    declared = _job(f"question {random.randint(0, 2)} of {name}", refers_to)
    return Resource(Address("BatchJob", name), declared, Lifecycle(), (), {}, {}, NOWHERE, run)


WISHES = {"BatchJob": batch_job, "CachedContent": cached_content, "File": file, "TokenPolicy": token_policy}
