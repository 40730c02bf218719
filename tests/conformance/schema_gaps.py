"""Which fields of the official types our manifests and the emulator do not have: by walking both side by side.

A field is known by the official type's name, as in `Schema.ref`; those of the protos and of the SDK that are called
alike are one. A free-form object of ours (any JSON) holds whatever an official message has.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator
from typing import Any

import interaction_tables
from official_schemas import INTERACTIONS

from gemctl.emulator import (
    agent_messages,
    batch_messages,
    file_search_messages,
    generation_messages,
    interaction_messages,
    live_messages,
    tool_messages,
)
from gemctl.emulator.shapes import ListOf, MapOf, Message
from gemctl.emulator.surfaces import credentials, files, triggers, webhooks
from gemctl.kinds import (
    agent,
    batch_job,
    cached_content,
    credential,
    file,
    file_search_store,
    token_policy,
    trigger,
    webhook,
)
from gemctl.kinds.api_types import TextPartShape
from gemctl.kinds.parts import environments, generation
from gemctl.schema.shape import Shape

_BATCH = batch_messages.CREATE_GENERATE._fields["batch"][2]
_SOURCE = _BATCH._fields["inputConfig"][2]
_ITEM = _SOURCE._fields["requests"][2]
_SETUP = live_messages.AUTH_TOKEN._fields["bidiGenerateContentSetup"][2]
_FILE = files.CREATE._fields["file"][2]

_AGENT_TOOLS = {
    "CodeExecution": "code_execution",
    "URLContext": "url_context",
    "GoogleSearch": "google_search",
    "MCPServer": "mcp_server",
    "Function": "function",
}

# An official type, and which of ours hold its fields; the SDK groups some of them otherwise than the wire does.
SPEC: dict[str, tuple[type[Shape], ...]] = {
    "proto CachedContent": (cached_content.CachedContentSpec,),
    "sdk CreateCachedContentConfig": (cached_content.CachedContentSpec,),
    "sdk UpdateCachedContentConfig": (cached_content.CachedContentSpec,),
    "proto File": (file.FileSpec,),
    "sdk File": (file.FileSpec,),
    "sdk UploadFileConfig": (file.FileSpec,),
    "proto GenerateContentRequest": (generation.GenerateRequestShape,),
    "sdk GenerateContentConfig": (generation.GenerateRequestShape, generation.GenerationConfig),
    "proto EmbedContentRequest": (generation.EmbedRequest,),
    "sdk EmbedContentConfig": (generation.EmbedRequest,),
    "sdk CreateBatchJobConfig": (batch_job.BatchJobSpec,),
    "sdk CreateEmbeddingsBatchJobConfig": (batch_job.BatchJobSpec,),
    "sdk BatchJobSource": (batch_job.BatchJobSpec, batch_job.InputShape),
    "sdk EmbeddingsBatchJobSource": (batch_job.BatchJobSpec, batch_job.InputShape),
    "sdk InlinedRequest": (batch_job.Request, generation.GenerateRequestShape),
    "sdk CreateAuthTokenConfig": (token_policy.TokenPolicySpec,),
    "sdk LiveConnectConfig": (token_policy.LiveConfig,),
    "sdk LiveClientSetup": (token_policy.LiveConfig, token_policy.LiveConnectConstraints),
    "next Agent": (agent.AgentSpec,),
    "next Environment": (environments.EnvironmentShape,),
    "next Source": (environments.EnvironmentSource,),
    "next EnvironmentNetworkEgressAllowlist": (environments.EnvironmentNetwork,),
    "next AllowlistEntry": (environments.AllowedDomain,),
    "next EnvVar": (environments.EnvironmentVariable,),
    "next AntigravityAgentConfig": (agent.AntigravityConfig,),
    "next DeepResearchAgentConfig": (agent.DeepResearchConfig,),
    "next AllowedTools": (agent.AllowedAgentTools,),
    **{f"next {tool}": (agent.AgentTool,) for tool in _AGENT_TOOLS},
    "sdk WebhookInput": (webhook.WebhookSpec,),
    "sdk WebhookUpdate": (webhook.WebhookSpec,),
    "next TriggerCreateParams": (trigger.TriggerSpec,),
    "next TriggerUpdate": (trigger.TriggerSpec,),
    "next HTTPBearerConfig": (credential.CredentialSpec,),
    "next HTTPBearerUpdateConfig": (credential.CredentialSpec,),
    "next OAuth2Config": (credential.CredentialSpec,),
    "next OAuth2UpdateConfig": (credential.CredentialSpec,),
    "next EnvironmentVariableConfig": (credential.CredentialSpec,),
    "next EnvironmentVariableUpdateConfig": (credential.CredentialSpec,),
    "sdk FileSearchStore": (file_search_store.FileSearchStoreSpec,),
    "sdk CreateFileSearchStoreConfig": (file_search_store.FileSearchStoreSpec,),
    "sdk UploadToFileSearchStoreConfig": (file_search_store.DocumentSpec,),
    "sdk ImportFileConfig": (file_search_store.DocumentSpec,),
    "sdk WhiteSpaceConfig": (file_search_store.Chunking,),  # chunkingConfig has nothing else, and is left out
}
EMULATOR: dict[str, tuple[Message, ...]] = {
    "proto CachedContent": (tool_messages.CACHED_CONTENT,),
    "sdk CreateCachedContentConfig": (tool_messages.CACHED_CONTENT,),
    "sdk UpdateCachedContentConfig": (tool_messages.CACHED_CONTENT,),
    "proto File": (_FILE,),
    "sdk File": (_FILE,),
    "sdk UploadFileConfig": (_FILE,),
    "proto GenerateContentRequest": (tool_messages.GENERATE_REQUEST,),
    "sdk GenerateContentConfig": (tool_messages.GENERATE_REQUEST, generation_messages.GENERATION_CONFIG),
    "proto EmbedContentRequest": (tool_messages.EMBED_REQUEST,),
    "sdk EmbedContentConfig": (tool_messages.EMBED_REQUEST,),
    "proto CountTokensRequest": (tool_messages.COUNT_TOKENS,),
    "sdk CreateBatchJobConfig": (_BATCH,),
    "sdk CreateEmbeddingsBatchJobConfig": (_BATCH,),
    "sdk BatchJobSource": (_SOURCE,),
    "sdk EmbeddingsBatchJobSource": (_SOURCE,),
    "sdk InlinedRequest": (_ITEM._fields["requests"][2].item, tool_messages.GENERATE_REQUEST),
    "sdk CreateAuthTokenConfig": (live_messages.AUTH_TOKEN,),
    "sdk LiveConnectConfig": (_SETUP, generation_messages.GENERATION_CONFIG),
    "sdk LiveClientSetup": (_SETUP,),
    "sdk FileSearchStore": (file_search_messages.STORE,),
    "sdk CreateFileSearchStoreConfig": (file_search_messages.STORE,),
    "sdk UploadToFileSearchStoreConfig": (file_search_messages.UPLOAD,),
    "sdk ImportFileConfig": (file_search_messages.IMPORT,),
    "next Agent": (agent_messages.AGENT,),
    "next Environment": (agent_messages.ENVIRONMENT,),
    "next Source": (agent_messages.SOURCE,),
    "next EnvironmentNetworkEgressAllowlist": (agent_messages.NETWORK,),
    "next AllowlistEntry": (agent_messages.ALLOWED_DOMAIN,),
    "next EnvVar": (agent_messages.VARIABLE,),
    "next AntigravityAgentConfig": (agent_messages.CONFIGURATION.messages["antigravity"],),
    "next DeepResearchAgentConfig": (agent_messages.CONFIGURATION.messages["deep-research"],),
    "next AllowedTools": (agent_messages.ALLOWED_TOOLS,),
    **{f"next {name}": (agent_messages.TOOL.messages[tool],) for name, tool in _AGENT_TOOLS.items()},
    **{f"next {name}": (message,) for name, message in interaction_tables.messages().items() if name in INTERACTIONS},
    **{
        f"next {name}": (interaction_messages.CREATE,)
        for name in (interaction_tables.OF_MODELS, interaction_tables.OF_AGENTS)
    },
    "sdk WebhookInput": (webhooks.CREATE,),
    "sdk WebhookUpdate": (webhooks.UPDATE,),
    "sdk PingWebhookRequest": (webhooks.PING,),
    "next TriggerCreateParams": (triggers.CREATE,),
    "next TriggerUpdate": (triggers.UPDATE,),
    "next HTTPBearerConfig": (credentials.CREATE["bearer_token"],),
    "next HTTPBearerUpdateConfig": (credentials.UPDATE["bearer_token"],),
    "next OAuth2Config": (credentials.CREATE["oauth2"],),
    "next OAuth2UpdateConfig": (credentials.UPDATE["oauth2"],),
    "next EnvironmentVariableConfig": (credentials.CREATE["environment_variable"],),
    "next EnvironmentVariableUpdateConfig": (credentials.UPDATE["environment_variable"],),
    "sdk RotateSigningSecretRequest": (webhooks.ROTATE,),
}


def gaps(official: dict[str, dict[str, str]]) -> dict[str, set[str]]:
    """The official fields that are missing, by side; `official` is what official_schemas.py prints under `types`."""
    return {
        "spec": {gap for theirs, ours, known in _pairs(official, SPEC, _spec_fields) for gap in
                 _without(official[theirs], known, _label(theirs, ours))},
        "emulator": {gap for theirs, _, known in _pairs(official, EMULATOR, _emulator_fields) for gap in
                     _without(official[theirs], known, _label(theirs, ()))},
    }  # fmt: skip


def inventions(official: dict[str, dict[str, str]]) -> set[str]:
    """The emulator's fields that no official type has which was met in the same place."""
    met: dict[Message, set[str]] = {}
    for theirs, ours, _ in _pairs(official, EMULATOR, _emulator_fields):
        for message in ours:
            met.setdefault(message, set()).update(official[theirs])
    return {
        f"{message.name}.{name}"
        for message, known in met.items()
        for name in _emulator_fields([message]).keys() - known
    }


def reply_gaps(official: dict[str, dict[str, str]], replies: dict[str, list[Any]]) -> tuple[set[str], set[str]]:
    """(official fields that no reply has, fields of replies that are not official); `replies` by their types."""
    known: dict[str, set[str]] = {}
    todo = [(theirs, reply) for theirs, some in replies.items() for reply in some]
    invented = set()
    while todo:
        theirs, reply = todo.pop()
        seen = known.setdefault(theirs, set())
        for name, value in reply.items():
            if name not in official[theirs]:
                invented.add(f"{theirs.partition(' ')[2]}.{name}")
                continue
            seen.add(name)
            inner = official[theirs][name]
            each = value if isinstance(value, list) else [value]
            todo += [(inner, one) for one in each if inner and isinstance(one, dict)]  # a text is the short form of it
    missing = {f"{theirs.partition(' ')[2]}.{name}" for theirs, seen in known.items() for name in official[theirs]
               if name not in seen}  # fmt: skip
    return missing, invented


def _pairs(official: dict[str, dict[str, str]], roots: dict[str, tuple[Any, ...]], fields_of: Any) -> Iterator[Any]:
    """(their type, our types, our fields with the types of each) for all that is met on the way from the roots."""
    todo, seen = list(roots.items()), set()
    while todo:
        theirs, ours = todo.pop()
        if (theirs, ours) in seen or _texts_alone(ours):
            continue
        seen.add((theirs, ours))
        known = fields_of(ours)
        yield theirs, ours, known
        todo += [(inner, tuple(known[name])) for name, inner in official[theirs].items() if inner and known.get(name)]


def _texts_alone(ours: tuple[Any, ...]) -> bool:
    """Whether only texts may stand there: what else a part can hold is left out on purpose."""
    return set(ours) == {TextPartShape}


def _without(theirs: Iterable[str], known: Iterable[str], label: str) -> set[str]:
    return {f"{label}.{name}" for name in set(theirs) - set(known)}


def _label(theirs: str, ours: tuple[Any, ...]) -> str:
    live = "Live " if token_policy.LiveGenerationConfig in ours else ""
    return live + theirs.partition(" ")[2]


def _spec_fields(shapes: Iterable[type[Shape]]) -> dict[str, list[type[Shape]]]:
    found = {}
    for shape in shapes:
        shape.model_rebuild()  # what is named before it is defined is known from here on
        for name, field in shape.model_fields.items():
            parts = (field.annotation, *field.metadata)
            found[field.alias or name] = [each for part in parts for each in _shapes(part)]
    return found


def _shapes(annotation: Any) -> Iterator[type[Shape]]:
    for inner in typing.get_args(annotation):
        yield from _shapes(inner)
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        yield annotation


def _emulator_fields(messages: Iterable[Message]) -> dict[str, list[Message]]:
    return {
        name: [inner] if isinstance(inner := _inner(kind), Message) else []
        for message in messages
        for name, _, kind in message._fields.values()
    }


def _inner(kind: Any) -> Any:
    return _inner(kind.item) if isinstance(kind, ListOf | MapOf) else kind
