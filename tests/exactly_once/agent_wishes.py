"""What a simulated project with agents may declare: for each kind, a function from chance to a resource, or to none."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from gemctl.core.address import Address
from gemctl.core.resource import Ending, Lifecycle, Resource, Run
from gemctl.core.source import Positions, Span
from gemctl.kinds import CATALOGUE

NOWHERE = Positions(Span("sim.yaml", 1, 1, 1, 1))
BUILT_IN = "antigravity-preview-09-2026"
MODEL = "gemini-3.8-flash"
Declared = Mapping[Address, Resource]


def value_name(name: str) -> str:
    """The variable that has the secret value of the credential with this name."""
    return f"VALUE_{name.upper()}"


def _resource(kind: str, name: str, spec: dict, run: Run | None = None) -> Resource:
    declared = CATALOGUE[kind].declare(CATALOGUE[kind].spec.model_validate(spec), {})
    assert not declared.problems, declared.problems
    return Resource(Address(kind, name), declared, Lifecycle(), (), {}, {}, NOWHERE, run)


def _names(kind: str, others: Declared, before: str = "") -> list[str]:
    """What may be referred to: of the same kind only what comes before it in the alphabet, so that there are no
    cycles.
    """
    return sorted(at.name for at in others if at.kind == kind and (not before or at.name < before))


def _id(random: Random, name: str) -> dict:
    return {"id": f"{name}-other" if random.random() < 0.2 else name}


def webhook(random: Random, name: str, others: Declared) -> Resource:
    spec = {
        "uri": f"https://example.com/{name}/{random.randint(0, 2)}",
        "subscribedEvents": ["batch.failed"],
        "secret": {"file": f"out/{name}"},
    }
    if random.random() < 0.3:
        spec["state"] = random.choice(("enabled", "disabled"))
    return _resource("Webhook", name, spec)


def credential(random: Random, name: str, others: Declared) -> Resource:
    value = {"valueFrom": {"env": value_name(name)}}
    spec = {"type": "bearer_token", "token": value}
    if random.random() < 0.3:
        where = random.choice(("header", "query"))
        spec = {"type": "environment_variable", "value": value, "injectionLocation": where}
        if random.random() < 0.3:
            spec["trustedDomains"] = ["api.example.com"]
    elif random.random() < 0.4:
        token_url, scopes = "https://login.example.com/token", random.choice((["read"], ["read", "write"]))
        spec = {"type": "oauth2", "clientId": "shop", "clientSecret": value, "refreshToken": value}
        spec |= {"tokenUrl": token_url, "scopes": scopes}
    elif random.random() < 0.5:
        spec["headerName"] = random.choice(("X-Key", "X-Token"))
    return _resource("Credential", name, {**spec, **_id(random, name)})


def agent(random: Random, name: str, others: Declared) -> Resource:
    spec = {"systemInstruction": f"Do {random.randint(0, 2)}.", **_id(random, name)}
    bases, credentials = _names("Agent", others, name), _names("Credential", others)
    if bases and random.random() < 0.2:
        spec["baseAgentRef"] = {"name": random.choice(bases)}
    else:
        spec["baseAgent"] = BUILT_IN
    if credentials and random.random() < 0.6:
        allowed = {"domain": "api.example.com", "credentialRef": {"name": random.choice(credentials)}}
        spec["baseEnvironment"] = {"type": "remote", "network": {"allowlist": [allowed]}}
    return _resource("Agent", name, spec)


def trigger(random: Random, name: str, others: Declared) -> Resource:
    agents = _names("Agent", others)
    started = {"agentRef": {"name": random.choice(agents)}} if agents and random.random() < 0.8 else {"agent": BUILT_IN}
    spec = {
        "schedule": f"{random.randint(0, 2)} 9 * * *",
        "timeZone": "UTC",
        "interaction": {**started, "input": f"Go {random.randint(0, 1)}."},
    }
    if random.random() < 0.7:
        spec["status"] = random.choice(("active", "paused"))
    return _resource("Trigger", name, spec)


def interaction(random: Random, name: str, others: Declared) -> Resource:
    """Each is another one, so that each may be paid once. Only what goes well is carried on."""
    fails = random.random() < 0.2
    text = f"{name} {random.randrange(10**9)}{' [[emulator: interaction ends failed]]' if fails else ''}"
    agents = _names("Agent", others)
    before = [one for one in _names("Interaction", others, name) if _goes_well(others[Address("Interaction", one)])]
    spec = {"input": text, "model": MODEL}
    if agents and random.random() < 0.5:
        spec = {"input": text, "agentRef": {"name": random.choice(agents)}}
    elif before and random.random() < 0.5:
        spec["previousRef"] = {"name": random.choice(before)}
    rules = Run(results=f"{name}.json", on_failed=random.choice(tuple(Ending)), clean=fails and random.random() < 0.5)
    return _resource("Interaction", name, spec, rules)


def told(resource: Resource) -> str:
    """The input of an interaction."""
    return next(one.text for one in resource.declared.attachments if one.at == ("input",))


def _goes_well(resource: Resource) -> bool:
    return "[[emulator" not in told(resource)


WISHES = {
    "Webhook": webhook,
    "Credential": credential,
    "Agent": agent,
    "Trigger": trigger,
    "Interaction": interaction,
}
