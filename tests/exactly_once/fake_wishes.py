"""What a simulated project with the fake kinds may declare: for each kind, a function from chance to its resources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random
from types import MappingProxyType

from fakes.kinds import KINDS
from fakes.surfaces.fake_stores import FAILS

from gemctl.core.address import Address
from gemctl.core.digest import sha256, tag
from gemctl.core.kind import Catalogue
from gemctl.core.resource import Attachment, Ending, Lifecycle, Resource, Run
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


def store(random: Random, name: str, others: Declared) -> Iterable[Resource]:
    """A store and its documents, as manifest/bind.py makes them of globs."""
    model = random.choice(("models/gemini-embedding-001", "models/gemini-embedding-2"))
    model = model if random.random() < 0.3 else "models/gemini-embedding-001"
    lifecycle = Lifecycle(create_first=random.random() < 0.7)
    made = _resource("FakeStore", name, {"displayName": name, "embeddingModel": model}, lifecycle=lifecycle)
    yield made
    for path in random.sample(("a.txt", "b.txt", "c.txt"), random.randint(0, 3)):
        text = f"text {random.randint(0, 2)} of {path} of {name}{f' {FAILS}' if random.random() < 0.1 else ''}"
        data = text.encode()
        attachment = Attachment(sha256(data), len(data), text=text)
        declared = _declare("FakeDocument", {"source": path}, {("source",): (attachment,)})
        references = tuple(replace(one, target=made.address) for one in declared.references)
        address = Address("FakeDocument", f"{name}.{tag(path.encode(), 10)}")
        declared = replace(declared, references=references)
        rules = Lifecycle(on_demand=True)
        yield Resource(address, declared, rules, (), {}, {}, NOWHERE, generated_by=made.address)


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


WISHES = {"FakeStore": store, "FakeWebhook": webhook, "FakeAgent": agent, "FakeTrigger": trigger, "FakeRun": run}
