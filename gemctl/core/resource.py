"""Holds the declared resources, as the manifest room binds them. Compared by plan, sent by engine, shown by render."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from gemctl.core.address import Address
from gemctl.core.call import Fill, Reference, put_all
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.frozen import dataclass
from gemctl.core.lines import Lines
from gemctl.core.mark import spec_tag, tag_of_form
from gemctl.core.quantities import NO_QUANTITIES, NO_TOKENS, ModelUse, Quantities, Tokens
from gemctl.core.schedule import Schedule
from gemctl.core.source import Json, JsonObject, Path, Positions, Span


@dataclass(frozen=True, slots=True)
class Ttl:
    """Live for this long after each renewal."""

    ttl: timedelta


@dataclass(frozen=True, slots=True)
class Until:
    """Live until this instant, and not a moment longer."""

    expire_time: datetime


Expiry = Ttl | Until


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Says what gemctl does with an object over time. `renew_before` is None for an object that isn't renewed.

    `on_demand`: it is made when a resource that refers to it is, and its end otherwise needs no action.
    """

    renew_before: timedelta | None = None
    prevent_destroy: bool = False
    create_first: bool = True
    retire: timedelta = timedelta(minutes=10)
    ignore_changes: tuple[Path, ...] = ()
    on_demand: bool = False


@dataclass(frozen=True, slots=True)
class Publish:
    """Says where programs read the name: `file` (JSON, under `key`), `dotenv` or `githubOutput` (as `key`).

    `file` is relative to the project root; None for githubOutput, whose file GitHub names at run time.
    """

    form: str
    file: str | None
    key: str


class Ending(StrEnum):
    """Says what to do about a run that ended without all of its results."""

    REPORT = "report"
    RESUBMIT = "resubmit"


class Edit(StrEnum):
    """Says what to do about a run whose declaration was edited after it was run."""

    REPORT = "report"
    RERUN = "rerun"


@dataclass(frozen=True, slots=True)
class Part:
    """One run of the several that a job is: `number`, from 1, of `count`. `of` is the job as it is declared, `results`
    the file of the whole, from the project root, which is made of those of all parts; None for none.
    """

    of: Address
    number: int
    count: int
    results: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Says how a job is run.

    key             free text: change it to run again.
    results         the file where results are saved, relative to the project root; None for nowhere.
    deadline        how long it may stay pending.
    on_expired, on_failed   REPORT, or RESUBMIT requests without a result, at most `max_resubmits` times.
    clean           delete the run, and the files uploaded for it, once its results are saved.
    retry_blocked   a request that was blocked, or whose answer was cut off, counts as one without a result.
    on_own_edit, on_edited_references   RERUN, or REPORT where only that changed: what it says itself, or what it refers
                    to.
    part            which part of a job it is; None where it is all of it. `results` are then those of the part.
    whole           tells jobs with a file of requests apart, however they are cut into parts; "" for others.
    """

    key: str | None = None
    results: str | None = None
    deadline: timedelta | None = None
    on_expired: Ending = Ending.REPORT
    on_failed: Ending = Ending.REPORT
    max_resubmits: int = 1
    clean: bool = False
    retry_blocked: bool = False
    on_own_edit: Edit = Edit.RERUN
    on_edited_references: Edit = Edit.REPORT
    part: Part | None = None
    whole: str = ""


@dataclass(frozen=True, slots=True)
class Generated:
    """A resource that a spec declares in passing, such as the file of a job's requests: `<name><suffix>`.

    `at` is its path in the spec. It refers to the resource that declares it by an empty name.

    source   its bytes, where they are known already.
    recipe   how the bytes that are uploaded are made of those.
    """

    kind: str
    suffix: str
    spec: JsonObject
    at: Path = ()
    source: Attachment | None = None
    recipe: Recipe | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """Says how the bytes that are uploaded are made of those of a file, when the step starts: they hold live names, and
    no digest may.

    kind         the kind whose `make` makes them, of these values.
    fields       the values, in the canonical form: texts as digests, and where `references` point the spec tags.
    references, attachments, implied   as in Declared, with paths below `fields`.
    """

    kind: str
    fields: JsonObject
    references: tuple[Reference, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    implied: frozenset[Path] = frozenset()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A text that is part of a spec: inline (`text`), or in a file under the project root (`path`) and read when sent.

    `digest` is `sha256:…` of its UTF-8 bytes, `size` their number. `binary`: bytes of any sort, in a file, to be
    uploaded and never held in memory. `at` is the path of its digest in the canonical form: several may be alike.

    tokens    of a text, as `FileNeed.count` has it; None where nobody asked.
    lines     what `FileNeed.check` found in a file of requests; None where nobody asked.
    part      it is a part of its file only: `size` bytes, `start` bytes from the beginning.
    below     of a text in a file that a pattern has found: its path below the folder where the pattern begins.
    """

    digest: str
    size: int
    path: str | None = None
    text: str | None = None
    binary: bool = False
    at: Path = ()
    tokens: int | None = None
    lines: Lines | None = None
    start: int = 0
    part: bool = False
    below: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """One of many objects that come with a resource, such as a document of a store: a row, since there may be ten
    thousand. `core/members.py` makes a resource of it, when its step starts.

    tag        the spec tag of its form, as it stands in its mark.
    entry      the part of the spec that declares it, and others with it, which share this value; `at` is its place.
    file       its bytes. Where it is made of another resource, `source`, those of that, as far as they are known.
    form       its form, where that holds the spec tag of `source`; None for one that follows from entry and file.
    """

    tag: str
    entry: JsonObject
    at: Path
    file: Attachment | None = None
    source: Address | None = None
    form: JsonObject | None = None


NO_MEMBERS: Mapping[str, Member] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Pasted:
    """A live name that stands in a spec `at` this path, or in a file that it names, at `span`. `field` would refer to
    the object by its resource.
    """

    name: str
    field: str
    at: Path
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class SecretSink:
    """Takes a secret that the service shows once: a `file`, from the project root, that only its owner can read; or a
    `command`, which gets it on its standard input. `at` is its path in the spec.
    """

    form: str
    target: str
    at: Path = ()


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Says where the value of a secret is read when it is sent: it stands in no manifest.

    at        its place in the canonical form, where UNSEEN stands (core/secret.py) until its keyed digest does.
    form      `env`, `file` or `keyring`.
    target    the name of the variable, the path of the file, or the entry `service/username`.
    written   the place of the source in the spec.
    """

    at: Path
    form: str
    target: str
    written: Path

    @property
    def shown(self) -> str:
        """The source, for people."""
        return f"the variable {self.target}" if self.form == "env" else f"the {_SOURCES[self.form]} {self.target}"


_SOURCES = {"file": "file", "keyring": "entry of the keyring"}


@dataclass(frozen=True, slots=True)
class Declared:
    """A spec as its kind declares it: the canonical form, and everything else that its call needs.

    fields        the managed fields in the canonical form `g1`: only those that the user set, normalised, texts as
                  digests, and where `references` point the spec tag of the target (`link` in manifest/refs.py puts it
                  in).
    expiry        how long it should live, or None where the kind knows no expiry.
    display_name  the readable part of the display name; None for the resource's own name.
    attachments   the texts whose digests stand in `fields`, one for each place where one stands.
    sources       paths in the spec of values that stand elsewhere in the form, by their paths there: all below goes
                  along, and a path that is not named here is the same in both.
    implied       paths in the form of values that would mean the same if they were left out: no reader needs them.
    extras        values that go with a create and are no part of the object: an edit of them changes nothing that
                  exists.
    generated     resources that come with this one; it refers to them by `references`, whose targets have the suffix
                  for a name until the resource's own name is known.
    quantities    the quantities that it uses; `model` the model that it is for, where there is one.
    problems      mistakes in the spec as a whole, as (path below `spec`, diagnostic without a place).
    sink          takes a secret in the reply to the create.
    recipe        how the bytes that are uploaded, here or for what is generated, are made of those of the file.
    parts         the same spec cut into several, in their order: each is declared for itself, in place of this one.
    whole         the form of the whole, of which it is or may be a part, without what is referred to; None where it
                  can't be cut.
    pasted        live names that the spec uses as they are.
    members       the objects that come with it and lie under it, by their paths.
    schedule      when the service starts something for it by itself; None for what starts nothing.
    note          a sentence of the plan about it where the fields alone don't tell; for people.
    secrets       the sources of the secrets that stand in `fields` by their digests.
    """

    fields: JsonObject
    expiry: Expiry | None = None
    display_name: str | None = None
    references: tuple[Reference, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    sources: Mapping[Path, Path] = field(default_factory=lambda: MappingProxyType({}))
    implied: frozenset[Path] = frozenset()
    extras: JsonObject = field(default_factory=lambda: MappingProxyType({}))
    generated: tuple[Generated, ...] = ()
    quantities: Quantities = NO_QUANTITIES
    model: ModelUse | None = None
    problems: tuple[tuple[Path, Diagnostic], ...] = ()
    sink: SecretSink | None = None
    note: str = ""
    recipe: Recipe | None = None
    parts: tuple[Declared, ...] = ()
    whole: JsonObject | None = None
    pasted: tuple[Pasted, ...] = ()
    members: Mapping[str, Member] = field(default_factory=lambda: NO_MEMBERS)
    schedule: Schedule | None = None
    secrets: tuple[SecretSource, ...] = ()

    @property
    def secret_fills(self) -> tuple[Fill, ...]:
        """The secrets that take the place of their keyed digests in a call, by their places in the form."""
        return tuple(Fill(one.at, self.digest_at(one)) for one in self.secrets)

    def digest_at(self, source: SecretSource) -> str:
        """The keyed digest of this secret, or UNSEEN."""
        return str(value_at(self.fields, source.at))

    @property
    def fills(self) -> tuple[Fill, ...]:
        """The texts that take the place of their digests in a call, by their places in the form."""
        return tuple(Fill(one.at, one.digest) for one in self.attachments if not one.binary)

    @property
    def named(self) -> Mapping[Path, Attachment | Address]:
        """The texts, files and resources whose digests or tags stand in the form, by their paths there."""
        targets = {one.at: one.target for one in self.references if one.digested}
        return {**targets, **{one.at: one for one in self.attachments}}

    def written(self, at: Path) -> Path:
        """The path in the spec of the value at this path of the form."""
        for reference in self.references:
            if reference.written and at[: len(reference.at)] == reference.at:
                return reference.written
        return relocate(at, self.sources)


def value_at(fields: JsonObject, at: Path) -> Json:
    """What stands at this path of a form; None where nothing does."""
    value: Any = fields
    for step in at:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def is_table(results: str) -> bool:
    """Whether a file of results is a table, by its name."""
    return results.lower().endswith(TABLE)


def is_document(results: str) -> bool:
    """Whether a file of results is one that people read, by its name, where a kind has such."""
    return results.lower().endswith(DOCUMENTS)


def part_address(job: Address, number: int) -> Address:
    """The address of a part of a job, from 1."""
    return Address(job.kind, f"{job.name}.{number:04d}")


def relocate(at: Path, places: Mapping[Path, Path]) -> Path:
    """The path that leads to the same value after `places` have changed; the innermost that has changed counts."""
    for length in range(len(at), 0, -1):
        if (to := places.get(at[:length])) is not None:
            return (*to, *at[length:])
    return at


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens, as the service counted them, of `requests` responses. Billing follows these counts.

    prompt      all that went in: with the `cached` part of it, and with what tools brought.
    output      the answers, without `thoughts`, which are billed as output too.
    uncounted   responses without a count: where there are any, the sums are not of all.
    """

    requests: int = 0
    prompt: int = 0
    cached: int = 0
    output: int = 0
    thoughts: int = 0
    uncounted: int = 0

    def __add__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(
            self.requests + other.requests,
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.output + other.output,
            self.thoughts + other.thoughts,
            self.uncounted + other.uncounted,
        )

    def __sub__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(
            self.requests - other.requests,
            self.prompt - other.prompt,
            self.cached - other.cached,
            self.output - other.output,
            self.thoughts - other.thoughts,
            self.uncounted - other.uncounted,
        )


NOTHING_USED = TokenUsage()


@dataclass(frozen=True, slots=True)
class Harvest:
    """The results of a run, as they were saved. Two with one digest are the same results.

    digest      `sha256:…` of the file with them.
    succeeded   how many requests have an answer, how many `failed`, and how many were `blocked`: their answer is none,
                or was cut off.
    usage       what the responses used, without those whose prompts are `long`; None where that isn't known.
    long        what those used whose whole request has a higher price, for the length of its prompt; None for none.
    """

    digest: str
    at: datetime
    succeeded: int
    failed: int
    # Saved plans are bound to receipts by their repr, and counts decide nothing: a plan holds when they are added.
    usage: TokenUsage | None = field(default=None, repr=False)
    long: TokenUsage | None = field(default=None, repr=False)
    blocked: int = field(default=0, repr=False)


def merged(digest: str, harvests: Sequence[Harvest]) -> Harvest:
    """The results of several runs in one file with this digest, at the time of the last of them."""
    usages = [one.usage for one in harvests if one.usage is not None]
    long = [one.long for one in harvests if one.long is not None]
    return Harvest(
        digest,
        max(one.at for one in harvests),
        sum(one.succeeded for one in harvests),
        sum(one.failed for one in harvests),
        sum(usages, NOTHING_USED) if len(usages) == len(harvests) else None,
        sum(long, NOTHING_USED) if long else None,
        sum(one.blocked for one in harvests),
    )


@dataclass(frozen=True, slots=True)
class PerRun:
    """Tokens of one run: `total` where it is not known how many of them are sent, and how many answered."""

    total: int | None = None
    input: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class Expect:
    """Says what the user expects of a resource, so that its cost can be told. Nothing is sent or changed by it.

    reads_per_hour  how many requests an hour will use what is kept.
    output_tokens   how many tokens the answer to each request will have, thoughts included.
    tokens_per_run  what each run that the service starts by a schedule will use; None for unknown.
    """

    reads_per_hour: Decimal | None = None
    output_tokens: int | None = None
    tokens_per_run: PerRun | None = None


NO_EXPECTATION = Expect()
RECEIPT = ".run.json"  # ends the name of the receipt beside the results
TABLE = ".parquet"  # ends the name of a file of results that is a table, in any letters
MARKDOWN = ".md"
DOCUMENTS = (".json", MARKDOWN)  # end the name of a file that one answer is shown in, in any letters
PARTS = ".parts"  # ends the name of a folder beside them: results of each part
WITHOUT = ".without.jsonl"  # ends the name of a file beside them: requests without a response, if they came from a file


@dataclass(frozen=True, slots=True)
class Receipt:
    """The content of a file beside the results: the run they came from. It outlives the state and the service's memory.

    spec_tag  the spec tag of the declaration that was run; `attempt` is the number of that run, from 1.
    job       the live name it had.
    without   the keys of the requests that have no response, and `blocked` those whose answer is none, or was cut off.
    rest      a file with the requests that may be run again, if they came from a file; or, if none is left, that file
              as it was when the last of them were run: it is gone then. `rest_blocked`: those in `blocked` are in it.
    file      the file with the results, from the project root.
    as_whole  True where the results of the whole job are saved, cut otherwise than it is declared now.
    """

    spec_tag: str
    attempt: int
    job: str
    harvest: Harvest
    without: tuple[str, ...] = ()
    rest: Attachment | None = None
    file: str = ""
    # In no repr: saved plans are bound to receipts by it, and hold while nothing is blocked (see outputs/receipts.py).
    blocked: tuple[str, ...] = field(default=(), repr=False)
    rest_blocked: bool = field(default=False, repr=False)
    as_whole: bool = field(default=False, repr=False)

    def lacking(self, rules: Run | None) -> tuple[str, ...]:
        """The keys of the requests that a further attempt is for, as the rules of the run say."""
        return (*self.without, *self.blocked) if rules and rules.retry_blocked else self.without


@dataclass(frozen=True, slots=True)
class Resource:
    """One declared resource, with the place where it was written.

    generated_by   the resource that declares it in passing (see Generated); None for one with a manifest of its own.
    expect         what the user expects of it; no part of any digest.
    as_declared    its declared fields, where it counts as it was run before something was edited (see `as_run`).
    """

    address: Address
    declared: Declared
    lifecycle: Lifecycle
    publish: tuple[Publish, ...]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    positions: Positions
    run: Run | None = None
    receipt: Receipt | None = None
    generated_by: Address | None = None
    expect: Expect = NO_EXPECTATION
    as_declared: JsonObject | None = None
    _tag: str | None = field(default=None, init=False, repr=False, compare=False)  # once somebody has asked for it

    @property
    def job(self) -> Address:
        """The address that people know it by: of a part, that of the whole job."""
        return self.run.part.of if self.run and self.run.part else self.address

    @property
    def referred(self) -> Mapping[Address, str]:
        """The resources that its own declaration refers to, each with its spec tag in the form."""
        return {} if (tags := self.tags_in(self.declared.fields)) is None else tags

    def tags_in(self, fields: JsonObject) -> Mapping[Address, str] | None:
        """The spec tags in these fields of what is referred to; None where they don't refer to the same."""
        tags: dict[Address, str] = {}
        for reference in self._own_references():
            target = reference.declared or reference.target
            tag: Any = fields
            try:
                for step in reference.at:
                    tag = tag[step]
            except (KeyError, IndexError, TypeError):
                return None
            if not isinstance(tag, str) or tags.setdefault(target, tag) != tag:
                return None
        return tags

    def with_references(self, tags: Mapping[Address, str]) -> JsonObject:
        """The fields as they were when what it refers to had these spec tags."""
        references = ((one.at, one.declared or one.target) for one in self._own_references())
        places = {at: tags[target] for at, target in references if target in tags}
        fields: JsonObject = put_all(self.declared.fields, places)
        return fields

    def linked(self, tags: Mapping[Address, str]) -> Resource:
        """The resource, declared with these spec tags of what it refers to; the same if they stand there."""
        stands = self.referred
        if all(stands.get(at) == tag for at, tag in tags.items()):
            return self
        return replace(self, declared=replace(self.declared, fields=self.with_references(tags)))

    def as_run(self, fields: JsonObject) -> Resource:
        """The resource as it was declared when it was run with these fields: an edit since then runs nothing."""
        before = self.declared.fields if self.as_declared is None else self.as_declared
        held = None if fields == before else before
        return replace(self, declared=replace(self.declared, fields=fields), as_declared=held)

    @property
    def edited_since(self) -> tuple[Address, ...]:
        """Where it counts as it was run before: what was edited since, its own spec by its own address."""
        if self.as_declared is None:
            return ()
        before, now = self.tags_in(self.declared.fields), self.tags_in(self.as_declared) or {}
        if before is None:  # what it refers to at all is another
            return (self.address,)
        edited = tuple(sorted(target for target, tag in now.items() if before.get(target) != tag))
        own = self.with_references(now) != self.as_declared
        return (self.address, *edited) if own else edited

    def _own_references(self) -> tuple[Reference, ...]:
        """Those in the form. The one to a file that it generates itself is part of its own spec."""
        generated = {Address(one.kind, f"{self.address.name}{one.suffix}") for one in self.declared.generated}
        digested = (one for one in self.declared.references if one.digested)
        return tuple(one for one in digested if (one.declared or one.target) not in generated)

    @property
    def quantities(self) -> Quantities:
        """What it uses, with what is expected of it in place of bounds that say less."""
        declared, each = self.declared.quantities, self.expect.output_tokens
        if each is None or declared.requests is None or declared.output == NO_TOKENS:
            return declared
        return replace(declared, output=Tokens.exactly(declared.requests * each))

    @property
    def spec_tag(self) -> str:
        if self._tag is None:
            object.__setattr__(self, "_tag", spec_tag(self.declared.fields))
        return self._tag or ""

    def make_tag(self, form: bytes) -> None:
        """Make the spec tag of its fields as canonical JSON, where somebody has written them: nobody has to again."""
        object.__setattr__(self, "_tag", tag_of_form(form))

    @property
    def display_name(self) -> str:
        return self.declared.display_name or self.address.name

    def heeded(self, fields: JsonObject) -> JsonObject:
        """These fields without those whose changes are ignored."""
        heeded: JsonObject = _without(dict(fields), self.lifecycle.ignore_changes)
        return heeded


def _without(value: Json, paths: tuple[Path, ...]) -> Json:
    """`value` without these paths; paths that lead nowhere are passed over."""
    for path in paths:
        value = _less(value, path)
    return value


def _less(value: Json, path: Path) -> Json:
    head, rest = path[0], path[1:]
    if isinstance(value, dict) and head in value:
        if not rest:
            return {key: item for key, item in value.items() if key != head}
        return {**value, head: _less(value[head], rest)}
    if isinstance(value, list) and isinstance(head, int) and -len(value) <= head < len(value) and rest:
        return [_less(item, rest) if index == head else item for index, item in enumerate(value)]
    return value


@dataclass(frozen=True, slots=True)
class Named:
    """Files that a manifest names: a path, or a glob when `many`, as it is seen from the file `by`. `binary` ones are
    uploaded as they are.
    """

    pattern: str
    by: str
    many: bool = False
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Desired:
    """Everything that is declared. `digest` covers resources and texts.

    moved     earlier addresses, each with its address now.
    sealed    a digest of the keyed digests of all secrets, once they stand in the forms; "" where there are none.
    withheld  why the values of secrets can't be had, of resources whose digests are not known either.
    inputs    the digest of all files that this was made of (manifest/inputs.py); `named` are those that manifests
              name, in the order in which they are digested. Empty where it was not made of all manifests.
    """

    resources: Mapping[Address, Resource] = field(default_factory=lambda: MappingProxyType({}))
    attachments: Mapping[str, Attachment] = field(default_factory=lambda: MappingProxyType({}))
    warnings: tuple[Diagnostic, ...] = ()
    digest: str = ""
    moved: Mapping[Address, Address] = field(default_factory=lambda: MappingProxyType({}))
    sealed: str = ""
    withheld: Mapping[Address, tuple[Diagnostic, ...]] = field(default_factory=lambda: MappingProxyType({}))
    inputs: str = ""
    named: tuple[Named, ...] = ()

    @property
    def binding(self) -> str:
        """The digest that a saved plan is bound to: that of resources, texts and secrets."""
        return f"{self.digest} {self.sealed}" if self.sealed else self.digest
