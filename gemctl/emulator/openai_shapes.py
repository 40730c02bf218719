"""Lists the requests of the OpenAI-compatible surface, as tables.

Read by `shapes`; named by the surfaces `openai_*` and by `batch_lines`. Separate as `messages` is. The fields are those
of Google's discovery document of January 2025, which is the last that describes this surface, and of the page "OpenAI
compatibility" on ai.google.dev (`reasoning_effort`, `service_tier`, `extra_body`). Others are refused, as the service
was seen to do in 2025 and 2026: `seed`, `store`, `frequency_penalty`, `prompt_cache_key`, `logprobs`. Only where images
are made is what is not listed ignored, as the page says. Messages are free-form: `openai_messages` reads them.

An assumption: the fields of a batch, of which no table was published, are those of OpenAI's.
"""

from gemctl.emulator.scalars import BOOL, FLOAT, INT32, STRING, STRUCT, VALUE
from gemctl.emulator.shapes import STRINGS, ListOf, MapOf, Message

_FUNCTION = Message(
    "ChatFunction", lambda: {"name": STRING, "description": STRING, "parameters": STRUCT, "strict": BOOL}
)
_FORMAT = Message(
    "ResponseFormat",
    lambda: {
        "type": STRING,
        "jsonSchema": Message(
            "ResponseFormatSchema",
            lambda: {"name": STRING, "description": STRING, "schema": STRUCT, "strict": BOOL},
        ),
    },
)

CHAT = Message(
    "ChatCompletionsRequest",
    lambda: {
        "model": STRING,
        "messages": ListOf(STRUCT),
        "stream": BOOL,
        "streamOptions": Message("StreamOptions", lambda: {"includeUsage": BOOL}),
        "tools": ListOf(Message("ChatTool", lambda: {"type": STRING, "function": _FUNCTION})),
        "toolChoice": VALUE,
        "parallelToolCalls": BOOL,
        "n": INT32,
        "stop": VALUE,
        "maxTokens": INT32,
        "maxCompletionTokens": INT32,
        "temperature": FLOAT,
        "topP": FLOAT,
        "presencePenalty": FLOAT,
        "responseFormat": _FORMAT,
        "reasoningEffort": STRING,
        "modalities": STRINGS,
        "audio": Message("AudioOptions", lambda: {"voice": STRING, "format": STRING}),
        "serviceTier": STRING,
        "user": STRING,
        "extraBody": Message(
            "ExtraBody",
            lambda: {"google": Message("GoogleOptions", lambda: {"cachedContent": STRING, "thinkingConfig": STRUCT})},
        ),
    },
)
"""The body of a chat completion."""

EMBEDDINGS = Message(
    "GenerateEmbeddingsRequest",
    lambda: {"model": STRING, "input": VALUE, "dimensions": INT32, "encodingFormat": STRING},
)
"""The body of a request for vectors."""

IMAGES = Message(
    "GenerateImagesRequest",
    lambda: {
        "model": STRING,
        "prompt": STRING,
        "n": INT32,
        "responseFormat": STRING,
        "extraBody": Message(
            "ExtraBody",
            lambda: {
                "google": Message(
                    "GoogleImageOptions",
                    lambda: {
                        "aspectRatio": STRING,
                        "generationConfig": STRUCT,
                        "safetySettings": ListOf(STRUCT),
                        "tools": ListOf(STRUCT),
                    },
                )
            },
        ),
    },
)
"""The body of a request for images, without what has no effect here."""

BATCH = Message(
    "CreateBatchRequest",
    lambda: {
        "inputFileId": STRING,
        "endpoint": STRING,
        "completionWindow": STRING,
        "metadata": MapOf(STRING),
    },
)
"""The body of a create of a batch."""

LINE = Message("BatchLine", lambda: {"customId": STRING, "method": STRING, "url": STRING, "body": STRUCT})
"""One line of a batch's file, in OpenAI's shape."""
