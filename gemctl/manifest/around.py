"""Checks what stands around a spec: lifecycle, publications, run. Thousands of documents say the same there, but for
their names: what was right in one of them is looked up for the others. Called by `bind`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from types import MappingProxyType

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Kind
from gemctl.core.moment import exact_duration, show_duration
from gemctl.core.resource import Expect, Expiry, Lifecycle, Publish, Run, Ttl, Until
from gemctl.core.source import JsonObject, Path, Positions
from gemctl.manifest.complaints import Complaints
from gemctl.manifest.envelope import (
    LEAST_RENEWAL,
    Envelope,
    RunEnvelope,
    envelope_of,
    expectation,
    lifecycle,
    publications,
    run,
)
from gemctl.manifest.layers import LayeredManifest
from gemctl.manifest.shaped import shaped

_MOST_ALIKE = 1_000  # envelopes that are remembered


@dataclass(frozen=True, slots=True)
class Around:
    """What a resource says around its spec."""

    lifecycle: Lifecycle
    publish: tuple[Publish, ...]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    run: Run | None
    expect: Expect


@dataclass(frozen=True, slots=True)
class AlikeAround:
    """What documents have in common that are alike around their specs. Names and specs in the `envelope` are those of
    the first of them. `right` has what was complained of in none, by expiry and by what came from the defaults.
    """

    envelope: Envelope
    right: dict[tuple[Expiry | None, frozenset[Path]], Around] = field(default_factory=dict)


class Surroundings:
    """Checks what stands around the specs of one declaration.

    longest    the longest ttl that the project allows. `now` as `bind` has it.
    manifests  files that nothing may be written to.
    """

    def __init__(
        self, longest: timedelta, now: datetime | None, manifests: Collection[str], complaints: Complaints
    ) -> None:
        self._longest, self._now, self.manifests, self._complaints = longest, now, manifests, complaints
        self._alike: dict[str, AlikeAround] = {}

    def envelope(
        self, kind: Kind | None, draft: LayeredManifest, address: Address | None
    ) -> tuple[AlikeAround | None, JsonObject]:
        """The envelope, or None after a complaint; and the value with its variables fitted in. `kind` is None for one
        that doesn't exist.
        """
        said = written_around(draft.value) if kind and address else None
        if said is not None and (known := self._alike.get(said)):
            return known, draft.value
        shape = envelope_of(type(kind.lifetime) if kind else None)
        envelope, value = shaped(
            shape, draft.value, draft.positions, self._complaints, address=address, uses=draft.uses
        )
        if envelope is None:
            return None, value
        alike = AlikeAround(envelope)
        if said is not None and value is draft.value and len(self._alike) < _MOST_ALIKE:
            self._alike[said] = alike
        return alike, value

    def around(
        self, alike: AlikeAround, expiry: Expiry | None, kind: Kind, draft: LayeredManifest, address: Address
    ) -> Around:
        """What is said around a spec with this expiry; mistakes in it are complained of."""
        key = expiry, draft.inherited
        if known := alike.right.get(key):
            return known
        found = self._complaints.found
        before = len(found)
        around = self._checked(alike.envelope, expiry, kind, draft, address)
        if len(found) == before:
            alike.right[key] = around
        return around

    def _checked(
        self, envelope: Envelope, expiry: Expiry | None, kind: Kind, draft: LayeredManifest, address: Address
    ) -> Around:
        positions, inherited = draft.positions, draft.inherited
        self.check_expiry(expiry, positions, address)
        rules, problems_of_rules = lifecycle(
            envelope.lifecycle, expiry, kind.lifetime, kind.rules, positions, address, inherited
        )
        published, problems_of_publishing = publications(envelope.publish, self.manifests, positions, address)
        self._complaints.found += (*problems_of_rules, *problems_of_publishing)
        if kind.remote is None:
            self._check_local(rules, published, positions, address)
        how: Run | None = None
        if isinstance(envelope, RunEnvelope):
            how, problems_of_running = run(envelope.run, self.manifests, positions, address, inherited)
            self._complaints.found += problems_of_running
        labels, annotations = map(MappingProxyType, (envelope.metadata.labels, envelope.metadata.annotations))
        return Around(rules, published, labels, annotations, how, expectation(envelope))

    def check_expiry(self, expiry: Expiry | None, positions: Positions, address: Address) -> None:
        """Complain of a ttl that is too long or too short, and of an end that is past."""
        limit = self._longest
        match expiry:
            case Ttl(ttl) if ttl > limit or ttl <= LEAST_RENEWAL:
                span, shown = positions.value(("spec", "ttl")), f"The ttl is {exact_duration(ttl)}"
                if ttl > limit:
                    detail = f"{shown}, and the limit {exact_duration(limit)}."
                    self._complaints.report(problem("E218", detail, span=span, address=address))
                else:
                    self._complaints.report(problem("W202", f"{shown}.", span=span, address=address))
            case Until(instant) if self._now is not None and instant <= self._now:
                span = positions.value(("spec", "expireTime"))
                detail = f"It was {show_duration(self._now - instant)} ago."
                self._complaints.report(problem("W203", detail, span=span, address=address))

    def _check_local(
        self, rules: Lifecycle, published: tuple[Publish, ...], positions: Positions, address: Address
    ) -> None:
        """A kind without objects has no name to publish, and nothing that would stay as it is in spite of a change."""
        if published:
            detail = f"A {address.kind} is only recorded: it has no name that readers could use."
            self._complaints.report(problem("E219", detail, span=positions.key(("publish",)), address=address))
        if rules.ignore_changes:
            detail = f"A {address.kind} is only recorded, so that its changes replace nothing."
            span = positions.key(("lifecycle", "ignoreChanges"))
            self._complaints.report(problem("E221", detail, span=span, address=address))


def written_around(value: JsonObject) -> str | None:
    """A text that only documents have in common which say the same around their specs, but for their names; None for
    one that says what no other can: the files that it writes.
    """
    spec, metadata = value.get("spec", {}), value.get("metadata")
    if "publish" in value or "run" in value or not isinstance(spec, dict) or not isinstance(metadata, dict):
        return None
    return repr({**value, "spec": None, "metadata": {**metadata, "name": None}})
