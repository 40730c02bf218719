"""What the official packages say the messages are, as JSON on standard output.

A program of its own that knows nothing of gemctl, so that it can run where other releases are installed (newest.py).

    {"packages": {name: version}, "types": {type: {field: inner type or ""}}}

A type is `proto X` (google-ai-generativelanguage, v1beta), `sdk X` or `next X` (google-genai); fields have
camelCase names. The SDK's unions of convenience (a text where a Content belongs) count as the message.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import typing
import warnings
from collections.abc import Iterator
from typing import Any

PROTOS = (
    "CachedContent",
    "File",
    "GenerateContentRequest",
    "EmbedContentRequest",
    "CountTokensRequest",
    "Model",
    "CountTokensResponse",
    "EmbedContentResponse",
    "ListCachedContentsResponse",
    "ListFilesResponse",
    "ListModelsResponse",
)
TYPES = (
    "CreateCachedContentConfig",
    "UpdateCachedContentConfig",
    "UploadFileConfig",
    "File",
    "CreateBatchJobConfig",
    "CreateEmbeddingsBatchJobConfig",
    "BatchJobSource",
    "EmbeddingsBatchJobSource",
    "InlinedRequest",
    "CreateAuthTokenConfig",
    "LiveConnectConfig",
    "LiveClientSetup",
    "FileSearchStore",
    "CreateFileSearchStoreConfig",
    "UploadToFileSearchStoreConfig",
    "ImportFileConfig",
    "Document",
)
WEBHOOKS = (
    "Webhook",
    "WebhookInput",
    "WebhookUpdate",
    "PingWebhookRequest",
    "RotateSigningSecretRequest",
    "WebhookListResponse",
    "WebhookRotateSigningSecretResponse",
)
CREDENTIALS = (
    "Credential",
    "HTTPBearerConfig",
    "HTTPBearerUpdateConfig",
    "OAuth2Config",
    "OAuth2UpdateConfig",
    "EnvironmentVariableConfig",
    "EnvironmentVariableUpdateConfig",
    "CredentialListResponse",
)
# Of the newer surfaces, whose classes have names that others have, too: they are `next X`. Each of a union is named.
AGENTS = ("Agent", "AgentListResponse")
PARTS_OF_AGENTS = (
    "Environment",
    "Source",
    "EnvironmentNetworkEgressAllowlist",
    "AllowlistEntry",
    "EnvVar",
    "AntigravityAgentConfig",
    "DeepResearchAgentConfig",
    "CodeExecution",
    "URLContext",
    "GoogleSearch",
    "MCPServer",
    "AllowedTools",
    "Function",
)
# What interactions are made from.
INTERACTIONS = (
    "AudioContent", "AudioResponseFormat", "AudioStaticMediaProcessing", "CodeExecutionCallArguments",
    "CodeExecutionCallStep", "CodeExecutionResultStep", "ComputerUse", "CreateAgentInteraction",
    "CreateModelInteraction", "DocumentContent", "DocumentStaticMediaProcessing", "FileSearch",
    "FileSearchCallStep", "FileSearchResultStep", "FunctionCallStep", "FunctionResultStep", "GenerationConfig",
    "GoogleMaps", "GoogleMapsCallArguments", "GoogleMapsCallStep", "GoogleMapsResultStep",
    "GoogleSearchCallArguments", "GoogleSearchCallStep", "GoogleSearchResultStep", "ImageConfig", "ImageContent",
    "ImageResponseFormat", "MCPServerToolCallStep", "MCPServerToolResultStep", "ModelOutputStep",
    "PageProcessingOptions", "ProcessingCallStep", "ProcessingResultStep", "SmartTranscriptionMode", "SpeechConfig",
    "SpreadsheetProcessingOptions", "StaticMediaProcessing", "TextContent", "TextResponseFormat", "ThoughtStep",
    "ToolChoiceConfig", "ToolSearch", "ToolSearchCallStep", "ToolSearchCallStepArguments", "ToolSearchResultStep",
    "TranscriptionConfig", "URLContextCallArguments", "URLContextCallStep", "URLContextResultStep", "UserInputStep",
    "VerbatimTranscriptionMode", "VideoConfig", "VideoContent", "VideoResponseFormat", "WebhookConfig",
)  # fmt: skip
TRIGGERS = (
    "Trigger",
    "TriggerCreateParams",
    "TriggerUpdate",
    "TriggerExecution",
    "ListTriggersResponse",
    "ListTriggerExecutionsResponse",
)
_PREFERRED = ("Content", "Tool", "Schema", "SpeechConfig", "GenerateContentConfig")
_WHOLE = ("google.protobuf.", "google.rpc.", "google.type.LatLng")

Types = dict[str, dict[str, str]]


def protos() -> Types:
    """The messages that PROTOS are made of."""
    from google.ai import generativelanguage_v1beta as package

    found: Types = {}
    todo = [getattr(package, name).pb(getattr(package, name)()).DESCRIPTOR for name in PROTOS]
    while todo:
        message = todo.pop()
        name = _proto_name(message)
        if name in found:
            continue
        fields = found[name] = {}
        for field in message.fields:
            inner = field.message_type
            if inner is not None and inner.GetOptions().map_entry:
                inner = inner.fields_by_name["value"].message_type
            whole = inner is None or inner.full_name.startswith(_WHOLE)
            fields[field.json_name] = "" if whole else _proto_name(inner)
            if not whole:
                todo.append(inner)
    return found


def _proto_name(message: Any) -> str:
    return "proto " + message.full_name.removeprefix("google.ai.generativelanguage.v1beta.")


def sdk() -> Types:
    """The models that TYPES, WEBHOOKS, CREDENTIALS, AGENTS, TRIGGERS and INTERACTIONS are made of."""
    from google.genai import agents, credentials, interactions, triggers, types, webhooks

    found: Types = {}
    todo = [*(getattr(types, name) for name in TYPES), *(getattr(webhooks, name) for name in WEBHOOKS)]
    todo += [getattr(credentials, name) for name in CREDENTIALS]
    todo += [*(getattr(agents, name) for name in AGENTS), *(getattr(interactions, name) for name in PARTS_OF_AGENTS)]
    todo += [getattr(interactions, name) for name in INTERACTIONS]
    todo += [getattr(triggers, name) for name in TRIGGERS]
    while todo:
        model = todo.pop()
        name = _sdk_name(model)
        if name in found:
            continue
        fields = found[name] = {}
        for own, field in model.model_fields.items():
            inner = {each.__name__: each for each in _models(field.annotation)}
            chosen = next((name for name in _PREFERRED if name in inner), next(iter(inner), ""))
            fields[field.alias or camel(own)] = _sdk_name(inner[chosen]) if chosen else ""
            if chosen:
                todo.append(inner[chosen])
    return found


def _sdk_name(model: Any) -> str:
    newer = re.search(r"\._gaos\.types\.(?!webhooks)", model.__module__)
    return f"{'next' if newer else 'sdk'} {model.__name__}"


def camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def _models(annotation: Any) -> Iterator[Any]:
    annotation = getattr(annotation, "__value__", annotation)  # of an alias
    for inner in typing.get_args(annotation):
        yield from _models(inner)
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        yield annotation


def everything() -> dict[str, Any]:
    """What is printed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {**protos(), **sdk()}
    packages = ("google-ai-generativelanguage", "google-genai")
    return {"packages": {name: importlib.metadata.version(name) for name in packages}, "types": found}


if __name__ == "__main__":
    json.dump(everything(), sys.stdout, indent=1, sort_keys=True)
