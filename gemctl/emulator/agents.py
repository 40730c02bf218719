"""Finds agents: those of the service, and those that a project has made.

Called by the surface of agents, and by those that run them. The service's own can be named, and neither read, listed
nor deleted; their names are those of the official clients' types, and the live service's answers that were published.
"""

from gemctl.emulator.routing import Call
from gemctl.emulator.rows import Row

COLLECTION = "agents"
BUILT_IN = (
    "antigravity-preview-05-2026",
    "antigravity-preview-09-2026",
    "deep-research-pro-preview-12-2025",
    "deep-research-preview-04-2026",
    "deep-research-max-preview-04-2026",
)


def own(call: Call, agent: str) -> Row | None:
    """The agent of the project with that id; None for one of the service, or none at all."""
    return call.world.get(COLLECTION, call.project, f"{COLLECTION}/{agent}")


def exists(call: Call, agent: str) -> bool:
    """Whether an agent of that id can be run, or be the base of another."""
    return agent in BUILT_IN or own(call, agent) is not None


def origin(call: Call, agent: str) -> str | None:
    """The agent of the service that this one, or its base, or the base of that, is; None where one is not there."""
    passed: set[str] = set()
    while agent not in BUILT_IN:
        row = own(call, agent)
        if row is None or agent in passed:
            return None
        passed.add(agent)
        agent = str(row.body["base_agent"])
    return agent
