"""Writes and reads receipts, which stand beside the results of runs so that a lost state doesn't run anything again.
results_files.py calls `write` and `read`; workflows/declared.py calls `with_receipts`, which adds receipts to the
declared resources.

A receipt, `<results>.run.json`, is written after the results and read whenever the resource is. It counts only for the
very declaration that was run, in the same project and stack. One that can't be read is no reason to stop, and is no
receipt: the planner asks a person before it runs what may have been run.

The manifest room knows nothing of receipts, and this module nothing of manifests. The path of a receipt and whether it
counts follow from the declaration, so workflows read the manifests first and then call `with_receipts`. The other way
round, manifest would import a room that knows the service.
"""

from __future__ import annotations

import json
import pathlib
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, field, fields, replace
from types import MappingProxyType
from typing import Any

from gemctl.core.address import Address, valid_name
from gemctl.core.codes import problem
from gemctl.core.cost import ActualCost
from gemctl.core.diagnostic import Diagnostic, errors, in_reading_order
from gemctl.core.digest import canonical, is_sha256, sha256, tag
from gemctl.core.errors import Rejected
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Catalogue, FileNeed, Kind, once
from gemctl.core.lifetime import Once
from gemctl.core.mark import attempt_tag
from gemctl.core.moment import parse_instant, show_instant
from gemctl.core.money import exact
from gemctl.core.resource import (
    RECEIPT,
    WITHOUT,
    Attachment,
    Declared,
    Desired,
    Edit,
    Ending,
    Harvest,
    Lifecycle,
    Receipt,
    Resource,
    Run,
    TokenUsage,
)
from gemctl.core.source import Json, JsonObject, Path, Positions, Span
from gemctl.files.disk import Files
from gemctl.files.walk import BadPath, content, opened, plain_steps
from gemctl.files.whole import write_whole

FORMAT = 1
MOST = 256 << 20  # bytes; the keys of requests without a response stand in it
_TAG = re.compile(r"[a-z2-7]{13}")
_STACK = re.compile(r"[a-z2-7]{10}")

Attach = Callable[[FileNeed, str], tuple[Attachment, ...]]


def beside(results: str, declaration: str, number: int = 1) -> str:
    """The path for results of another declaration: `out/nightly.jsonl` → `out/nightly.k2v4qz7.jsonl`."""
    folder, slash, name = results.rpartition("/")
    stem, _, end = name.rpartition(".")
    part = declaration[:7] if number == 1 else f"{declaration[:7]}-{number}"
    return f"{folder}{slash}{stem}.{part}.{end}" if stem else f"{folder}{slash}{name}.{part}"


@dataclass(frozen=True, slots=True)
class ReceiptFile:
    """A receipt as it lies in a file.

    stack         the owner tag of the stack it is for.
    declaration   the spec tag of the declaration, whatever the attempt.
    cost          what the run has cost, for people; it is not read back, since prices may be known better later.
    whole         as in a Run.
    references    the spec tags of what the run referred to.
    key           `run.key`, for people; it is not read back.
    """

    receipt: Receipt
    stack: str
    declaration: str
    cost: ActualCost | None = None
    whole: str = ""
    references: Mapping[Address, str] = field(default_factory=lambda: MappingProxyType({}))
    key: str | None = field(default=None, compare=False)


def to_bytes(file: ReceiptFile, address: Address) -> bytes:
    """The receipt as the bytes of its file."""
    receipt, harvest, rest = file.receipt, file.receipt.harvest, file.receipt.rest
    more = {"blocked": True} if receipt.rest_blocked else {}
    document = {
        "gemctlReceipt": FORMAT,
        "address": str(address),
        "stack": file.stack,
        "declaration": file.declaration,
        "spec": receipt.spec_tag,
        "attempt": receipt.attempt,
        **_origins(file),
        "job": receipt.job,
        "harvest": _harvest(harvest),
        **({"cost": _cost(file.cost)} if file.cost else {}),
        "without": list(receipt.without),
        "blocked": list(receipt.blocked),
        **({"rest": {"path": rest.path, "digest": rest.digest, "size": rest.size, **more}} if rest else {}),
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def _origins(file: ReceiptFile | WholeFile) -> JsonObject:
    """The part of the JSON that tells what the requests were, however they were cut, and what they referred to."""
    references = {str(at): tag_ for at, tag_ in sorted(file.references.items())}
    return {
        **({"key": file.key} if file.key is not None else {}),
        **({"whole": file.whole} if file.whole else {}),
        **({"references": references} if references else {}),
    }


def _harvest(harvest: Harvest) -> JsonObject:
    return {
        "digest": harvest.digest,
        "at": show_instant(harvest.at),
        "succeeded": harvest.succeeded,
        "failed": harvest.failed,
        "blocked": harvest.blocked,
        **({"usage": asdict(harvest.usage)} if harvest.usage else {}),
        **({"long": asdict(harvest.long)} if harvest.long else {}),
    }


def _cost(cost: ActualCost) -> JsonObject:
    return {
        "currency": "USD",
        "low": exact(cost.money.low),
        "high": None if cost.money.high is None else exact(cost.money.high),
        "notPriced": list(cost.unpriced),
        "factsAsOf": cost.as_of.isoformat(),
    }


@dataclass(frozen=True, slots=True)
class WholeFile:
    """What lies beside results that were merged of those of several parts. It decides nothing: the receipts of the
    parts do.

    address        the job as it is declared; `stack` as in a ReceiptFile.
    jobs           the live names of the parts, in their order; None for one whose results are not in it.
    declarations   the spec tags of the parts.
    harvest        the file, and the sums of all parts.
    cost, whole, references, key   as in a ReceiptFile.
    """

    address: Address
    stack: str
    jobs: tuple[str | None, ...]
    declarations: tuple[str, ...]
    harvest: Harvest
    cost: ActualCost | None = field(default=None, compare=False)
    whole: str = ""
    references: Mapping[Address, str] = field(default_factory=lambda: MappingProxyType({}))
    key: str | None = field(default=None, compare=False)

    @property
    def declaration(self) -> str:
        """Tells the whole from that of other parts, as a spec tag does."""
        return tag(canonical(list(self.declarations)), 13)


def whole_to_bytes(file: WholeFile) -> bytes:
    """The bytes of the file."""
    document = {
        "gemctlResults": FORMAT,
        "address": str(file.address),
        "stack": file.stack,
        "parts": len(file.declarations),
        **_origins(file),
        "jobs": list(file.jobs),
        "declarations": list(file.declarations),
        "harvest": _harvest(file.harvest),
        **({"cost": _cost(file.cost)} if file.cost else {}),
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def whole_from_bytes(data: bytes) -> WholeFile:
    """Read the bytes of such a file. Raises Damaged."""
    reader = _Reader(*_parsed(data))
    if reader.take("gemctlResults", lambda value: value == FORMAT) is None:
        raise Damaged(1, "It has no format.")
    kind, _, name = reader.take("address", lambda value: isinstance(value, str) and "/" in value).partition("/")
    return WholeFile(
        Address(kind, name),
        reader.take("stack", _matches(_STACK)),
        tuple(reader.take("jobs", lambda value: isinstance(value, list) and all(map(_text_or_none, value)))),
        tuple(reader.take("declarations", lambda value: _texts(value) and all(map(_matches(_TAG), value)))),
        reader.harvest(),
        whole=reader.whole(),
        references=reader.references(),
    )


def _text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


class Damaged(Exception):
    """The file is not what gemctl wrote. `line` says where, from 1."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line


def from_bytes(data: bytes) -> ReceiptFile:
    """Read the bytes of a file. Raises Damaged."""
    text, document = _parsed(data)
    reader = _Reader(text, document)
    if reader.take("gemctlReceipt", lambda value: value == FORMAT) is None:
        raise Damaged(1, "It has no format.")
    receipt = Receipt(
        spec_tag=reader.take("spec", _matches(_TAG)),
        attempt=reader.take("attempt", _number_from(1)),
        job=reader.take("job", lambda value: isinstance(value, str) and 0 < len(value) < 200),
        harvest=reader.harvest(),
        without=tuple(reader.take("without", _texts)),
        rest=reader.rest(),
        blocked=tuple(reader.take("blocked", _texts)) if "blocked" in document else (),
        rest_blocked=reader.rest_blocked(),
    )
    stack, declaration = reader.take("stack", _matches(_STACK)), reader.take("declaration", _matches(_TAG))
    return ReceiptFile(receipt, stack, declaration, whole=reader.whole(), references=reader.references())


def _parsed(data: bytes) -> tuple[str, Any]:
    """(text, value) of a JSON document. Raises Damaged."""
    try:
        text = data.decode()
        document = json.loads(text)
    except UnicodeDecodeError as error:
        raise Damaged(data[: error.start].count(b"\n") + 1, "It is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise Damaged(error.lineno, "It is not JSON.") from None
    except (ValueError, RecursionError):
        raise Damaged(1, "It is not JSON.") from None
    return text, document


def write(files: Files, results: pathlib.Path, file: ReceiptFile, address: Address) -> None:
    """Write a receipt beside these results, in place of the one that was there. Raises OSError."""
    write_whole(files, _beside(results), to_bytes(file, address))


def read(files: Files, results: pathlib.Path) -> ReceiptFile | None:
    """The receipt beside these results, of whatever run; None where there is none that can be read. Raises OSError."""
    data = files.read(_beside(results), MOST)
    try:
        return None if data is None else from_bytes(data)
    except Damaged:
        return None


def write_whole_file(files: Files, results: pathlib.Path, file: WholeFile) -> None:
    """Write what lies beside merged results. Raises OSError."""
    write_whole(files, _beside(results), whole_to_bytes(file))


def read_whole_file(files: Files, results: pathlib.Path) -> WholeFile | None:
    """What lies beside merged results; None where nothing does that can be read as such. Raises OSError."""
    data = files.read(_beside(results), MOST)
    try:
        return None if data is None else whole_from_bytes(data)
    except Damaged:
        return None


def origin(files: Files, results: pathlib.Path) -> ReceiptFile | WholeFile | None:
    """Whose these results are: of a run, or of the parts of a job; None where nothing says so. Raises OSError."""
    return read(files, results) or read_whole_file(files, results)


def _beside(results: pathlib.Path) -> pathlib.Path:
    return results.with_name(results.name + RECEIPT)


def _is_of_parts(data: bytes) -> bool:
    try:
        whole_from_bytes(data)
    except Damaged:
        return False
    return True


class _Reader:
    """Takes a document apart. Raises Damaged with the line that is not as it should be."""

    def __init__(self, text: str, document: Any) -> None:
        self._text = text
        if not isinstance(document, dict):
            raise Damaged(1, "It is not a JSON object.")
        self._document: Mapping[str, Any] = document

    def take(self, name: str, fits: Callable[[Any], bool], inside: Any = None) -> Any:
        values = self._document if inside is None else inside
        if not isinstance(values, dict) or name not in values:
            raise Damaged(1, f"It has no {name}.")
        if not fits(values[name]):
            at = self._text.find(f'"{name}":')
            raise Damaged(self._text.count("\n", 0, max(at, 0)) + 1, f"{name} is not what gemctl writes there.")
        return values[name]

    def harvest(self) -> Harvest:
        found = self.take("harvest", lambda value: isinstance(value, dict))
        return Harvest(
            digest=self.take("digest", is_sha256, found),
            at=parse_instant(self.take("at", _instant, found)),
            succeeded=self.take("succeeded", _number_from(0), found),
            failed=self.take("failed", _number_from(0), found),
            blocked=self.take("blocked", _number_from(0), found) if "blocked" in found else 0,
            usage=self._usage("usage", found),
            long=self._usage("long", found),
        )

    def _usage(self, name: str, harvest: Any) -> TokenUsage | None:
        if name not in harvest:  # an earlier gemctl wrote none
            return None
        found = self.take(name, lambda value: isinstance(value, dict), harvest)
        return TokenUsage(*(self.take(one.name, _number_from(0), found) for one in fields(TokenUsage)))

    def rest(self) -> Attachment | None:
        if "rest" not in self._document:
            return None
        found = self.take("rest", lambda value: isinstance(value, dict))
        path = self.take("path", lambda value: isinstance(value, str) and bool(value), found)
        digest = self.take("digest", is_sha256, found)
        return Attachment(digest, self.take("size", _number_from(0), found), path=path, binary=True)

    def whole(self) -> str:
        return str(self.take("whole", _matches(_TAG))) if "whole" in self._document else ""

    def references(self) -> Mapping[Address, str]:
        if "references" not in self._document:
            return {}
        found = self.take("references", lambda value: isinstance(value, dict) and all("/" in name for name in value))
        return {Address(*name.split("/", 1)): self.take(name, _matches(_TAG), found) for name in found}

    def rest_blocked(self) -> bool:
        rest = self._document.get("rest")
        return isinstance(rest, dict) and "blocked" in rest and bool(self.take("blocked", _true, rest))


def _true(value: Any) -> bool:
    return value is True


def _matches(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _number_from(least: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and value >= least


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _instant(value: Any) -> bool:
    try:
        return isinstance(value, str) and parse_instant(value) is not None
    except ValueError:
        return False


# Adds receipts to the declared resources.


def with_receipts(desired: Desired, root: str, stack: str, catalogue: Catalogue, attach: Attach) -> Desired:
    """Add the receipts of runs. `stack` is the owner tag, `attach` reads the files that are named.

    Where requests in a file are to be run again, a generated resource holds them, and the job refers to it in place of
    the file that it was made of. The job stays the same declaration for all that: its canonical form stays.
    """
    finder = _Finder(root, stack, attach, frozenset(desired.resources))
    resources = dict(desired.resources)
    known: dict[str, Any] = {}
    seen: set[Address] = set()

    def visit(address: Address) -> None:
        if address in seen:
            return
        seen.add(address)
        resource = desired.resources[address]
        kind, runs = catalogue[address.kind], []
        for target in resource.referred:  # before it: which run it refers to may be what their receipts say
            if target in desired.resources:
                visit(target)
                runs += [resources[target]] if resources[target].as_declared else []
        if kind.once and resource.run and (results := resource.run.results):
            made = finder.look(resource, results, kind, catalogue)
            if not made and runs:
                resource = resource.linked({one.address: one.spec_tag for one in runs})
                made = finder.look(resource, results, kind, catalogue)
            for one in made:
                resources[one.address] = one
            if made:
                known[str(address)] = [*_bound(made[0].receipt), *(one.spec_tag for one in made)]

    for address in desired.resources:
        visit(address)
    if not known and not finder.warnings:
        return desired
    attachments = dict(desired.attachments)
    for resource in resources.values():
        attachments.update((one.digest, one) for one in resource.declared.attachments)
    return replace(
        desired,
        resources=MappingProxyType({address: resources[address] for address in sorted(resources)}),
        attachments=MappingProxyType(attachments),
        warnings=in_reading_order((*desired.warnings, *finder.warnings)),
        digest=sha256(canonical([desired.digest, known])) if known else desired.digest,
    )


def _bound(receipt: Receipt | None) -> list[Json]:
    """What a saved plan is bound to."""
    blocked = [list(receipt.blocked), receipt.rest_blocked] if receipt and receipt.blocked else []
    return [repr(receipt), *blocked]


class _Finder:
    def __init__(self, root: str, stack: str, attach: Attach, declared: frozenset[Address]) -> None:
        self._root, self._stack, self._attach, self._declared = root, stack, attach, declared
        self.warnings: list[Diagnostic] = []

    def look(self, resource: Resource, results: str, kind: Kind, catalogue: Catalogue) -> tuple[Resource, ...]:
        """The resource with its receipt, and what it generates; nothing where there is no receipt of it."""
        found = self._found(resource, results)
        if found is None:
            return ()
        resource, receipt = found
        if receipt.as_whole:
            return (replace(resource, receipt=receipt),)
        path = receipt.file + RECEIPT
        keys = once(kind).keys(resource)
        if keys is not None:
            if not {*receipt.without, *receipt.blocked} <= set(keys):
                self._warn(Damaged(1, "It names keys that are not declared."), path, resource)
                return ()
            return (replace(resource, receipt=receipt),)
        if not _is_run_again(resource, receipt):
            return (replace(resource, receipt=receipt),)
        try:
            rest = self._rest(resource, receipt, once(kind), catalogue)
        except Rejected as rejected:
            lacking = receipt.lacking(resource.run)
            if not lacking or receipt.attempt > (resource.run or Run()).max_resubmits:
                return (replace(resource, receipt=receipt),)
            why = " ".join(found.detail for found in rejected.diagnostics)
            part = resource.run.part if resource.run else None
            job = part.of if part else resource.address
            count = f"{len(lacking)} requests have" if len(lacking) > 1 else "1 request has"
            detail = f"{count} no answer and can't be run again: {why}"
            hint = (
                f"`gemctl results {job}` saves it anew as long as the service has the results. Or change run.key, to "
                "run all again."
            )
            self.warnings.append(problem("W206", detail, span=Span(path, 1, 1, 1, 1), address=job, hint=hint))
            return (replace(resource, receipt=replace(receipt, without=(), blocked=())),)
        if receipt.lacking(resource.run):
            references = tuple(
                replace(one, target=rest.address, declared=one.target) if one.sent else one
                for one in resource.declared.references
            )
            resource = replace(resource, declared=replace(resource.declared, references=references))
        return replace(resource, receipt=receipt), rest

    def _found(self, resource: Resource, results: str) -> tuple[Resource, Receipt] | None:
        """The receipt of a resource, which counts as it was run where only what it refers to was edited since."""
        beside_ = beside(results, resource.spec_tag)  # it may have been declared before, and not in between
        for path in (results, beside_):
            if (file := self._read(resource, path)) is None:
                continue
            receipt = replace(file.receipt, file=path)
            if self._is_of(resource, file):
                return resource, receipt
            held = resource.as_run(resource.with_references(file.references))
            rules = resource.run or Run()
            if rules.on_edited_references is Edit.REPORT and self._is_of(held, file):
                return held, receipt
        whole = self._whole(resource)
        return (resource, whole) if whole else None

    def _is_of(self, resource: Resource, file: ReceiptFile) -> bool:
        receipt = file.receipt
        return file.stack == self._stack and receipt.spec_tag == attempt_tag(resource.spec_tag, receipt.attempt)

    def _whole(self, resource: Resource) -> Receipt | None:
        """The results of the whole job, whose file was cut otherwise when it was run."""
        rules = resource.run
        results = (rules.part.results if rules.part else rules.results) if rules and rules.whole else None
        if rules is None or results is None:
            return None
        try:
            with opened(self._root, plain_steps(results + RECEIPT)) as descriptor:
                data = content(descriptor, results, MOST)
            file: ReceiptFile | WholeFile = whole_from_bytes(data) if _is_of_parts(data) else from_bytes(data)
        except (BadPath, Damaged):
            return None
        edited = rules.on_edited_references is Edit.RERUN and file.references != resource.referred
        if (file.stack, file.whole) != (self._stack, rules.whole) or edited:
            return None
        if isinstance(file, WholeFile):
            jobs = [name for name in file.jobs if name]
            done, harvest = len(jobs) == len(file.jobs), file.harvest
        else:
            jobs, done, harvest = [file.receipt.job], True, file.receipt.harvest
        return Receipt(resource.spec_tag, 1, jobs[0], harvest, file=results, as_whole=True) if done else None

    def _read(self, resource: Resource, results: str) -> ReceiptFile | None:
        path = results + RECEIPT
        try:
            with opened(self._root, plain_steps(path)) as descriptor:
                data = content(descriptor, path, MOST)
            return from_bytes(data)
        except BadPath as bad:
            if bad.code != "E120":  # there is none
                self._warn(Damaged(1, bad.detail), path, resource)
            return None
        except Damaged as damaged:
            if not _is_of_parts(data):  # it was run in parts before, under other addresses
                self._warn(damaged, path, resource)
            return None

    def _warn(self, damaged: Damaged, path: str, resource: Resource) -> None:
        span = Span(path, damaged.line, 1, damaged.line, 1)
        hint = "Put back a copy of it. Without it and without a state nobody can tell that this was run."
        self.warnings.append(problem("W205", str(damaged), span=span, address=resource.address, hint=hint))

    def _rest(self, resource: Resource, receipt: Receipt, runs: Once, catalogue: Catalogue) -> Resource:
        """The generated resource that holds the requests that are run again. Raises Rejected."""
        if receipt.rest is None or runs.rest is None:
            raise _unfit("there is no file with them.")
        retried = bool(resource.run and resource.run.retry_blocked)
        if receipt.blocked and retried is not receipt.rest_blocked:
            what = "without those that were blocked" if retried else "with those that were blocked"
            raise _unfit(f"the file with them was written {what}. `gemctl results {resource.address}` writes it anew.")
        path = receipt.file + WITHOUT
        positions = resource.positions
        named_in = positions.value(("metadata", "name")).file
        relative = "./" + posixpath.relpath(path, posixpath.dirname(named_in) or ".")
        generated = runs.rest(relative)
        address = Address(generated.kind, f"{resource.address.name}{generated.suffix}")
        if not valid_name(address.name) or address in self._declared:
            raise _unfit(f"{address} can't be declared beside it.")
        gone = receipt if not receipt.lacking(resource.run) else None
        to = catalogue[generated.kind]
        declared = self._declare(to, generated.spec, named_in, gone)
        if [one.digest for one in declared.attachments] != [receipt.rest.digest]:
            raise _unfit(f"{path} is not what was saved.")
        if to.made_of and resource.declared.recipe:
            declared = to.made_of(declared, resource.declared.recipe)
        there = Positions(positions.value(("spec", *generated.at)))
        nothing: Mapping[str, str] = MappingProxyType({})
        rules = Lifecycle(on_demand=True)
        return Resource(address, declared, rules, (), nothing, nothing, there, generated_by=resource.address)

    def _declare(self, kind: Kind, spec: JsonObject, named_in: str, gone: Receipt | None) -> Declared:
        """Declare the file as it is; where nothing is left to be run again and it is `gone`, as it was: it may still be
        live.
        """
        model = kind.spec.model_validate(spec)
        was = (gone.rest,) if gone and gone.rest else None
        files: dict[Path, tuple[Attachment, ...]] = {
            need.at: was or self._attach(need, named_in) for need in kind.files(model)
        }
        declared = kind.declare(model, files)
        if found := errors(found for _, found in declared.problems):
            raise Rejected(found)
        return replace(declared, problems=())


def _is_run_again(resource: Resource, receipt: Receipt) -> bool:
    """Whether requests may be run again, or some have been: else no file of them is needed."""
    rules = resource.run or Run()
    if receipt.rest is None and not receipt.lacking(rules):
        return False
    return receipt.attempt > 1 or Ending.RESUBMIT in (rules.on_failed, rules.on_expired)


def _unfit(why: str) -> Rejected:
    return Rejected([problem("W206", why)])
