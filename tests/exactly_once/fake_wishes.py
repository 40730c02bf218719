"""What a simulated project with the fake kinds may declare: for each kind, a function from chance to its resources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from types import MappingProxyType

from fakes.kinds import KINDS

from gemctl.core.address import Address
from gemctl.core.kind import Catalogue
from gemctl.core.resource import Ending, Lifecycle, Resource, Run
from gemctl.core.source import Positions, Span

NOWHERE = Positions(Span("sim.yaml", 1, 1, 1, 1))
Declared = Mapping[Address, Resource]


def catalogue() -> Catalogue:
    """The fake kinds, and no others."""
    import importlib

    return MappingProxyType({name: importlib.import_module(module).KIND for name, module in sorted(KINDS.items())})


CATALOGUE = catalogue()


def _declare(kind: str, spec: dict, files=MappingProxyType({})):
    return CATALOGUE[kind].declare(CATALOGUE[kind].spec.model_validate(spec), files)


def _resource(kind: str, name: str, spec: dict, **more) -> Resource:
    lifecycle = more.pop("lifecycle", Lifecycle())
    return Resource(Address(kind, name), _declare(kind, spec), lifecycle, (), {}, {}, NOWHERE, **more)


def webhook(random: Random, name: str, others: Declared) -> Iterable[Resource]:
    spec = {
        "uri": f"https://example.com/{name}/{random.randint(0, 2)}",
        "subscribedEvents": ["batch.failed"],
        "secret": {"file": f"out/{name}"},
    }
    if random.random() < 0.3:
        spec["state"] = random.choice(("enabled", "disabled"))
    yield _resource("FakeWebhook", name, spec)


def agent(random: Random, name: str, others: Declared) -> Iterable[Resource]:
    chosen = name if random.random() < 0.8 else f"{name}-other"
    yield _resource("FakeAgent", name, {"id": chosen, "instruction": f"Do {random.randint(0, 2)}."})


def trigger(random: Random, name: str, others: Declared) -> Iterable[Resource]:
    agents = sorted(address.name for address in others if address.kind == "FakeAgent")
    if not agents:
        return
    spec = {
        "schedule": f"{random.randint(0, 2)} 9 * * 1",
        "agentRef": {"name": random.choice(agents)},
        "prompt": f"Go {random.randint(0, 1)}.",
        "status": random.choice(("ACTIVE", "PAUSED")),
    }
    yield _resource("FakeTrigger", name, spec)


def run(random: Random, name: str, others: Declared) -> Iterable[Resource]:
    """Each is another one, so that each may be paid once."""
    fate = " [[emulator: run ends failed]]" if random.random() < 0.2 else ""
    rules = Run(
        results=f"{name}.jsonl",
        on_failed=random.choice(tuple(Ending)),
        clean=random.random() < 0.2,
    )
    spec = {"model": "gemini-3.8-flash", "input": f"{name} {random.randrange(10**9)}{fate}"}
    yield _resource("FakeRun", name, spec, run=rules)


WISHES = {"FakeWebhook": webhook, "FakeAgent": agent, "FakeTrigger": trigger, "FakeRun": run}
