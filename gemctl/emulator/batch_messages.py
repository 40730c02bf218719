"""Lists the messages of batches, as tables.

Read by `shapes`; named by the surface of batches. Separate as `messages` is. The field names follow the REST
reference on ai.google.dev ("Batch API") and the requests of the official SDKs; fields that only the server sets are
taken and ignored, as the service does with output-only fields.
"""

from gemctl.emulator.scalars import INT64, STRING, STRUCT, VALUE, Kind
from gemctl.emulator.shapes import STRINGS, ListOf, Message
from gemctl.emulator.tool_messages import EMBED_REQUEST, GENERATE_REQUEST

_WEBHOOK = Message("WebhookConfig", lambda: {"uris": STRINGS, "userMetadata": STRUCT})


def _create(name: str, inner: Kind) -> Message:
    item = Message("InlinedRequest", lambda: {"request": inner, "metadata": STRUCT})
    source = Message(
        "InputConfig",
        lambda: {
            "fileName": STRING,
            "requests": Message("InlinedRequests", lambda: {"requests": ListOf(item)}),
        },
        source=("fileName", "requests"),
    )
    batch = Message(
        name,
        lambda: {
            "model": STRING,
            "displayName": STRING,
            "inputConfig": source,
            "priority": INT64,
            "webhookConfig": _WEBHOOK,
            **dict.fromkeys(("name", "output", "createTime", "endTime", "updateTime", "batchStats", "state"), VALUE),
        },
    )
    return Message(f"Create{name}Request", lambda: {"batch": batch})


CREATE_GENERATE = _create("GenerateContentBatch", GENERATE_REQUEST)
CREATE_EMBED = _create("EmbedContentBatch", EMBED_REQUEST)
"""What batchGenerateContent and asyncBatchEmbedContent take."""

GENERATE_LINE = Message("BatchLine", lambda: {"key": STRING, "request": GENERATE_REQUEST})
EMBED_LINE = Message("BatchLine", lambda: {"key": STRING, "request": EMBED_REQUEST})
"""One line of an input file (Batch API guide): both spellings of names, as everywhere."""
