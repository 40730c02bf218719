"""What a simulated project may declare: for each kind of the catalogue, a function from chance to a resource."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from random import Random

from gemctl.core.address import Address
from gemctl.core.digest import sha256
from gemctl.core.kind import FileNeed
from gemctl.core.project import Project, Stack
from gemctl.core.resource import Attachment, Ending, Lifecycle, Resource, Run
from gemctl.core.source import Positions, SourceFile, Span
from gemctl.kinds import CATALOGUE
from gemctl.manifest.bind import bind
from gemctl.manifest.yaml import parse

NOWHERE = Positions(Span("sim.yaml", 1, 1, 1, 1))
HOURS = {"1h": 1, "6h": 6, "24h": 24}
Declared = Mapping[Address, Resource]


@cache
def _cache(contents: tuple, ttl: str):
    kind = CATALOGUE["CachedContent"]
    parts = [{"text": text} if kind_ == "text" else {"fileRef": {"name": text}} for kind_, text in contents]
    spec = {"model": "gemini-3.8-flash", "contents": [{"parts": parts}], "ttl": ttl}
    return kind.declare(kind.spec.model_validate(spec), {})


def _files(others: Declared) -> list[str]:
    """The files that may be referred to: not those that come with a job, and may refer to others themselves."""
    return [address.name for address, one in others.items() if address.kind == "File" and not one.generated_by]


def cached_content(random: Random, name: str, others: Declared) -> Resource:
    ttl = random.choice(tuple(HOURS))
    contents = [("text", f"text {random.randint(0, 2)} of {name}")]
    files = _files(others)
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
    """The bytes of a simulated file: one that ends with 6.jsonl has six requests."""
    if not path.endswith(".jsonl"):
        return f"content of {path}".encode()
    count = int(path.removesuffix(".jsonl")[-1])
    requests = ({"contents": [{"parts": [{"text": f"{path} {number}"}]}]} for number in range(count))
    return b"".join(
        json.dumps({"key": f"k{number}", "request": request}).encode() + b"\n"
        for number, request in enumerate(requests)
    )


TEXTS: dict[str, bytes] = {}  # what is in files whose names don't tell it, by their digests


def bytes_of(attachment: Attachment) -> bytes:
    """The bytes of a simulated file, or of the part of it that is meant."""
    if attachment.digest in TEXTS:
        return TEXTS[attachment.digest]
    return content_of(attachment.path)[attachment.start :][: attachment.size]


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
def _webhook(uri: str, state: str):
    kind = CATALOGUE["Webhook"]
    spec = {"uri": uri, "subscribedEvents": ["batch.failed"], "secret": {"file": "out/secret"}}
    return kind.declare(kind.spec.model_validate(spec | ({"state": state} if state else {})), {})


def webhook(random: Random, name: str, others: Declared) -> Resource:
    declared = _webhook(f"https://example.com/{name}/{random.randint(0, 2)}", random.choice(("", "", "enabled")))
    return Resource(Address("Webhook", name), declared, Lifecycle(), (), {}, {}, NOWHERE)


@cache
def _job(text: str, refers_to: str):
    kind = CATALOGUE["BatchJob"]
    parts = [{"text": text}, *([{"fileRef": {"name": refers_to}}] if refers_to else [])]
    requests = [{"key": key, "request": {"contents": [{"parts": parts}]}} for key in ("one", "two")]
    return kind.declare(kind.spec.model_validate({"model": "gemini-3.8-flash", "requests": requests}), {})


def batch_job(random: Random, name: str, others: Declared) -> Resource:
    files = _files(others)
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


@cache
def _in_parts(name: str, path: str, refers_to: str, on_failed: str, clean: bool) -> Declared:
    """The parts of a job with this file of requests, and their files."""
    under = {"cachedContentRef": {"name": refers_to}} if refers_to else {"generationConfig": {"topK": 3}}
    spec = {"model": "gemini-3.8-flash", "input": {"jsonl": path}, "split": {"requests": 2}, "request": under}
    run = {"results": f"{name}.jsonl", "onFailed": on_failed, **({"cleanup": "whenHarvested"} if clean else {})}
    documents = [{"kind": "BatchJob", "metadata": {"name": name}, "spec": spec, "run": run}]
    if refers_to:
        cache = {"model": "gemini-3.8-flash", "contents": "x", "ttl": "1h"}
        documents.append({"kind": "CachedContent", "metadata": {"name": refers_to}, "spec": cache})
    text = "\n---\n".join(json.dumps({"apiVersion": "gemctl/v1", **one}) for one in documents)
    stack = Stack("sim")
    project = Project("sim", "sim4sim4", "sim", {"sim": stack})
    desired = bind(parse(SourceFile("sim.yaml", text)), project, stack, CATALOGUE, _attached)
    return {at: one for at, one in desired.resources.items() if at.kind != "CachedContent"}


def _attached(need: FileNeed, named_in: str) -> tuple[Attachment, ...]:
    data, lines = content_of(need.pattern), None
    if need.check:
        check = need.check(iter(data.splitlines(keepends=True)), len(data))
        try:
            raise AssertionError(next(check))
        except StopIteration as end:
            lines = end.value
    return (Attachment(sha256(data), len(data), path=need.pattern, binary=True, lines=lines),)


def job_in_parts(random: Random, name: str, others: Declared) -> Declared:
    """A job of two or three parts, each with a file that is made for it."""
    caches = [address.name for address in others if address.kind == "CachedContent"]
    refers_to = random.choice(caches) if caches and random.random() < 0.5 else ""
    path = f"{name}{random.randint(0, 2)}{random.choice((3, 6))}.jsonl"
    return _in_parts(name, path, refers_to, random.choice(tuple(Ending)).value, random.random() < 0.2)


WISHES = {
    "BatchJob": batch_job,
    "CachedContent": cached_content,
    "File": file,
    "TokenPolicy": token_policy,
    "Webhook": webhook,
}
