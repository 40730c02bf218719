"""Holds a project as gemctl.yaml describes it. Made by manifest/project.py; read by api, plan, workflows and cli."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from gemctl.core.address import Address
from gemctl.core.frozen import dataclass
from gemctl.core.place import StatePlace
from gemctl.core.source import JsonObject, Span


class Endpoint(StrEnum):
    """The service that holds a stack's objects. Never chosen silently."""

    EMULATOR = "emulator"  # embedded: no key, no network; its objects lie in the stack's state folder
    GEMINI = "gemini"  # the Gemini API, or the host that GOOGLE_GEMINI_BASE_URL names


@dataclass(frozen=True, slots=True)
class JobLimits:
    """How much of a stack may be in the service at a time, in jobs that have not ended.

    jobs             how many of them; None for no limit.
    enqueued_tokens  how many tokens they may have, by the names of models without `models/`.
    """

    jobs: int | None = None
    enqueued_tokens: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def over(self, below: JobLimits) -> JobLimits:
        """These limits, and those of `below` where these have none: for each model apart."""
        tokens = {**below.enqueued_tokens, **self.enqueued_tokens}
        return JobLimits(below.jobs if self.jobs is None else self.jobs, MappingProxyType(tokens))


NO_LIMITS = JobLimits()


@dataclass(frozen=True, slots=True)
class Stack:
    """One environment. `key_env` names the variable that holds its API key, or `keyring` the entry of the keyring,
    as in `gemctl/prod`; with neither it is in one of the usual variables.

    vars      values that manifests use as ${var.name}, as text.
    given     the source of each that doesn't come from gemctl.yaml: `--var` or an environment variable.
    overlays  folders of partial resources, in the order in which they are laid over the manifests; from the root.
    imports   live objects that belong to an address of this stack and to no other stack, whatever their marks say.
    state     where the state is kept.
    tier      the tier of the service's billing that the key's project is in, 1 to 3; None for not said.
    limits    its own, over those of the project.
    """

    name: str
    endpoint: Endpoint = Endpoint.GEMINI
    key_env: str | None = None
    keyring: str | None = None
    api_version: str = "v1beta"
    vars: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    given: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    overlays: tuple[str, ...] = ()
    imports: Mapping[Address, str] = field(default_factory=lambda: MappingProxyType({}))
    state: StatePlace = field(default_factory=StatePlace)
    tier: int | None = None
    limits: JobLimits = NO_LIMITS


@dataclass(frozen=True, slots=True)
class Timing:
    """`request_deadline` bounds one call; `settle` is how long an unknown create may still surface."""

    request_deadline: timedelta = timedelta(seconds=60)
    settle: timedelta = timedelta(seconds=120)


@dataclass(frozen=True, slots=True)
class Safety:
    """Limits past which gemctl stops and asks for a flag.

    model_notice   how long before it happens a model's end is warned of.
    max_cost       US dollars that one plan may cost; `max_monthly_cost` what keeping everything may cost a month.
    max_requests   how many requests the jobs of one plan may have.
    """

    max_deletes: int = 3
    max_delete_percent: int = 30
    max_ttl: timedelta = timedelta(days=7)
    model_notice: timedelta = timedelta(days=30)
    max_cost: Decimal | None = None
    max_monthly_cost: Decimal | None = None
    max_requests: int = 10_000

    @property
    def limited(self) -> bool:
        """Whether money is limited."""
        return self.max_cost is not None or self.max_monthly_cost is not None


@dataclass(frozen=True, slots=True)
class Move:
    """A resource was renamed from `old` to `new`, its name after all renames. `span` is the place that says so."""

    old: Address
    new: Address
    span: Span


@dataclass(frozen=True, slots=True)
class Project:
    """`identity` goes into the owner tag of the marks: the id that init wrote, or the name where there is none.

    defaults   per kind: the parts of an envelope merged under each resource of that kind.
    imports    live objects that belong to an address in every stack, so that they survive a lost state.
    moved      resources that were renamed, in every stack.
    facts      a file with facts about models, from the root; they count more than those that gemctl ships.
    """

    name: str
    id: str | None
    default_stack: str
    stacks: Mapping[str, Stack]
    defaults: Mapping[str, JsonObject] = field(default_factory=lambda: MappingProxyType({}))
    timing: Timing = Timing()
    safety: Safety = Safety()
    imports: Mapping[Address, str] = field(default_factory=lambda: MappingProxyType({}))
    moved: tuple[Move, ...] = ()
    facts: str | None = None

    @property
    def identity(self) -> str:
        return self.id or self.name

    @property
    def overlays(self) -> frozenset[str]:
        """The overlay folders of all stacks: none of them holds manifests of its own."""
        return frozenset(folder for stack in self.stacks.values() for folder in stack.overlays)

    @property
    def aside(self) -> frozenset[str]:
        """The overlay folders, and the file of facts: what is in them is no manifest."""
        return self.overlays | ({self.facts} if self.facts else set())
