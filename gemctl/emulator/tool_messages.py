"""Lists the messages of tools and of whole requests, as tables: the second part of `messages`.

Read by `shapes`; named by the surfaces. Separate from `messages` only for its length; the field names have the
same sources (the REST reference on ai.google.dev, the types of the official Python SDK).
"""

from gemctl.emulator.generation_messages import EMBED_TASK, GENERATION_CONFIG, SAFETY_SETTING
from gemctl.emulator.messages import CONTENT, SCHEMA
from gemctl.emulator.scalars import BOOL, BYTES, DOUBLE, DURATION, FLOAT, INT32, STRING, TIMESTAMP, VALUE, enum
from gemctl.emulator.shapes import STRINGS, ListOf, MapOf, Message

_BEHAVIOR = enum("FunctionDeclaration.Behavior", "UNSPECIFIED BLOCKING NON_BLOCKING")
_CALLING_MODE = enum("FunctionCallingConfig.Mode", "MODE_UNSPECIFIED AUTO ANY NONE VALIDATED")
_RETRIEVAL_MODE = enum("DynamicRetrievalConfig.Mode", "MODE_UNSPECIFIED MODE_DYNAMIC")
_ENVIRONMENT = enum(
    "ComputerUse.Environment",
    "ENVIRONMENT_UNSPECIFIED ENVIRONMENT_BROWSER ENVIRONMENT_MOBILE ENVIRONMENT_DESKTOP",
)
_POLICY = enum(
    "ComputerUse.SafetyPolicy",
    "SAFETY_POLICY_UNSPECIFIED FINANCIAL_TRANSACTIONS SENSITIVE_DATA_MODIFICATION COMMUNICATION_TOOL"
    " ACCOUNT_CREATION DATA_MODIFICATION USER_CONSENT_MANAGEMENT LEGAL_TERMS_AND_AGREEMENTS",
)

_EMPTY = Message("Empty", dict)
_INTERVAL = Message("Interval", lambda: {"startTime": TIMESTAMP, "endTime": TIMESTAMP})
_FUNCTION = Message(
    "FunctionDeclaration",
    lambda: {
        "name": STRING,
        "description": STRING,
        "behavior": _BEHAVIOR,
        "parameters": SCHEMA,
        "parametersJsonSchema": VALUE,
        "response": SCHEMA,
        "responseJsonSchema": VALUE,
    },
    parameters_form=("parameters", "parametersJsonSchema"),
    response_form=("response", "responseJsonSchema"),
)
_GOOGLE_SEARCH = Message(
    "GoogleSearch",
    lambda: {
        "timeRangeFilter": _INTERVAL,
        "searchTypes": Message("SearchTypes", lambda: {"webSearch": _EMPTY, "imageSearch": _EMPTY}),
    },
)
_RETRIEVAL = Message(
    "GoogleSearchRetrieval",
    lambda: {
        "dynamicRetrievalConfig": Message(
            "DynamicRetrievalConfig", lambda: {"mode": _RETRIEVAL_MODE, "dynamicThreshold": FLOAT}
        )
    },
)
_COMPUTER_USE = Message(
    "ComputerUse",
    lambda: {
        "environment": _ENVIRONMENT,
        "excludedPredefinedFunctions": STRINGS,
        "enablePromptInjectionDetection": BOOL,
        "disabledSafetyPolicies": ListOf(_POLICY),
    },
)
_TRANSPORT = Message(
    "StreamableHttpTransport",
    lambda: {
        "url": STRING,
        "headers": MapOf(STRING),
        "timeout": DURATION,
        "sseReadTimeout": DURATION,
        "terminateOnClose": BOOL,
    },
)
TOOL = Message(
    "Tool",
    lambda: {
        "functionDeclarations": ListOf(_FUNCTION),
        "googleSearch": _GOOGLE_SEARCH,
        "googleSearchRetrieval": _RETRIEVAL,
        "codeExecution": _EMPTY,
        "urlContext": _EMPTY,
        "googleMaps": Message("GoogleMaps", lambda: {"enableWidget": BOOL}),
        "fileSearch": Message(
            "FileSearch",
            lambda: {"fileSearchStoreNames": STRINGS, "topK": INT32, "metadataFilter": STRING},
        ),
        "computerUse": _COMPUTER_USE,
        "mcpServers": ListOf(Message("McpServer", lambda: {"name": STRING, "streamableHttpTransport": _TRANSPORT})),
    },
)
TOOL_CONFIG = Message(
    "ToolConfig",
    lambda: {
        "functionCallingConfig": Message(
            "FunctionCallingConfig", lambda: {"mode": _CALLING_MODE, "allowedFunctionNames": STRINGS}
        ),
        "retrievalConfig": Message(
            "RetrievalConfig",
            lambda: {
                "latLng": Message("LatLng", lambda: {"latitude": DOUBLE, "longitude": DOUBLE}),
                "languageCode": STRING,
            },
        ),
        "includeServerSideToolInvocations": BOOL,
    },
)

CACHED_CONTENT = Message(
    "CachedContent",
    lambda: {
        "name": STRING,
        "model": STRING,
        "displayName": STRING,
        "contents": ListOf(CONTENT),
        "systemInstruction": CONTENT,
        "tools": ListOf(TOOL),
        "toolConfig": TOOL_CONFIG,
        "ttl": DURATION,
        "expireTime": TIMESTAMP,
        "createTime": TIMESTAMP,
        "updateTime": TIMESTAMP,
        "usageMetadata": Message("UsageMetadata", lambda: {"totalTokenCount": INT32}),
    },
    expiration=("ttl", "expireTime"),
)
"""The body of a create or a patch of a cache."""

GENERATE_REQUEST = Message(
    "GenerateContentRequest",
    lambda: {
        "model": STRING,
        "contents": ListOf(CONTENT),
        "systemInstruction": CONTENT,
        "tools": ListOf(TOOL),
        "toolConfig": TOOL_CONFIG,
        "cachedContent": STRING,
        "generationConfig": GENERATION_CONFIG,
        "safetySettings": ListOf(SAFETY_SETTING),
        "labels": MapOf(STRING),
        "continuationToken": BYTES,
        "serviceTier": STRING,
        "store": BOOL,
    },
)
"""A request to a model: of generateContent, in a batch, and of countTokens."""

EMBED_REQUEST = Message(
    "EmbedContentRequest",
    lambda: {
        "model": STRING,
        "content": CONTENT,
        "taskType": EMBED_TASK,
        "title": STRING,
        "outputDimensionality": INT32,
    },
)
"""A request for a vector."""

COUNT_TOKENS = Message(
    "CountTokensRequest",
    lambda: {"model": STRING, "contents": ListOf(CONTENT), "generateContentRequest": GENERATE_REQUEST},
)
"""The body of countTokens: bare contents, or the whole request that is going to be made."""
