"""Says what agents are made of, as tables: environments, tools and configurations, in the family's snake_case (types of
google-genai 3.6.1 and @google/genai 3.3.0).

Called by the surface of agents, and by those whose bodies have the same parts.
"""

from dataclasses import dataclass
from typing import Any

from gemctl.emulator.exact import Choice, Either, Typed
from gemctl.emulator.gaos import Words, word
from gemctl.emulator.scalars import BOOL, INT64, STRING, STRUCT, VALUE, Kind, Violation
from gemctl.emulator.shapes import STRINGS, ListOf, MapOf


@dataclass(frozen=True)
class ListOrOne:
    """A list, or one of what it would hold in its place; kept as it came."""

    item: Kind

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        return (ListOf(self.item) if isinstance(value, list) else self.item).read(value, path, wrong)


SOURCE = Words(
    "Source",
    lambda: {
        "type": word("gcs", "inline", "repository", "skill_registry"),
        "source": STRING,
        "content": STRING,
        "encoding": STRING,
        "target": STRING,
    },
)
ALLOWED_DOMAIN = Words(
    "AllowlistEntry", lambda: {"domain": STRING, "credential": STRING, "transform": ListOrOne(MapOf(STRING))}
)
NETWORK = Words(
    "EnvironmentNetworkEgressAllowlist", lambda: {"allowlist": Either(word("disabled"), ListOf(ALLOWED_DOMAIN))}
)
VARIABLE = Words("EnvVar", lambda: {"value": STRING, "credential": STRING})
ENVIRONMENT = Words(
    "Environment",
    lambda: {
        "type": word("remote"),
        "sources": ListOf(SOURCE),
        "network": Either(word("disabled"), NETWORK),
        "env": MapOf(Either(STRING, VARIABLE)),
        "environmentId": STRING,
        "mode": word("on_demand", "self_hosted"),
        "customConfig": STRUCT,
    },
)
ANY_ENVIRONMENT = Either(STRING, ENVIRONMENT)

_TYPE: dict[str, Kind] = {"type": STRING}
ALLOWED_TOOLS = Words("AllowedTools", lambda: {"mode": word("auto", "any", "none", "validated"), "tools": STRINGS})
_TOOLS = {
    "code_execution": Words("CodeExecution", lambda: _TYPE),
    "url_context": Words("URLContext", lambda: _TYPE),
    "google_search": Words(
        "GoogleSearch",
        lambda: {**_TYPE, "searchTypes": ListOf(word("web_search", "image_search", "enterprise_web_search"))},
    ),
    "mcp_server": Words(
        "MCPServer",
        lambda: {
            **_TYPE,
            "name": STRING,
            "url": STRING,
            "headers": MapOf(STRING),
            "allowedTools": ListOf(ALLOWED_TOOLS),
            "deferLoading": BOOL,
        },
    ),
    "function": Words(
        "Function",
        lambda: {
            **_TYPE,
            "name": STRING,
            "description": STRING,
            "shortDescription": STRING,
            "parameters": VALUE,
            "deferLoading": BOOL,
        },
    ),
}
TOOL = Typed(**_TOOLS)


class _Dynamic(Words):
    """The configuration of an agent whose fields are its own."""

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        return STRUCT.read(value, path, wrong)


_CONFIGURATIONS: dict[str, Words] = {
    "antigravity": Words("AntigravityAgentConfig", lambda: {**_TYPE, "model": STRING, "maxTotalTokens": INT64}),
    "deep-research": Words(
        "DeepResearchAgentConfig",
        lambda: {
            **_TYPE,
            "thinkingSummaries": Choice("auto", "none"),
            "visualization": word("off", "auto"),
            "collaborativePlanning": BOOL,
        },
    ),
    "code-mender": Words(
        "CodeMenderAgentConfig",
        lambda: {
            **_TYPE,
            "model": STRING,
            "findRequest": STRUCT,
            "fixRequest": STRUCT,
            "sessionConfig": STRUCT,
            "sessionId": STRING,
        },
    ),
    "dynamic": _Dynamic("DynamicAgentConfig", lambda: _TYPE),
}
CONFIGURATION = Typed(**_CONFIGURATIONS)
AGENT = Words(
    "Agent",
    lambda: {
        "id": STRING,
        "baseAgent": STRING,
        "baseEnvironment": ANY_ENVIRONMENT,
        "agentConfig": CONFIGURATION,
        "systemInstruction": STRING,
        "description": STRING,
        "tools": ListOf(TOOL),
    },
)
