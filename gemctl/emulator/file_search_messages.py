"""Lists the messages of file search stores and their documents, as tables.

Read by `shapes`; named by the surfaces of stores and documents. Separate because it is data. The field names follow the
REST reference on ai.google.dev and the types of the official Python SDK.
"""

from collections.abc import Mapping

from gemctl.emulator.scalars import DOUBLE, INT32, STRING, VALUE, Kind
from gemctl.emulator.shapes import STRINGS, ListOf, Message

_ONLY_SHOWN = (
    "name",
    "createTime",
    "updateTime",
    "activeDocumentsCount",
    "pendingDocumentsCount",
    "failedDocumentsCount",
    "sizeBytes",
)

STORE = Message(
    "FileSearchStore",
    lambda: {"displayName": STRING, "embeddingModel": STRING, **dict.fromkeys(_ONLY_SHOWN, VALUE)},
)

METADATA_VALUES = ("stringValue", "numericValue", "stringListValue")
"""The oneof of a custom metadata entry: exactly one of these is its value."""

CUSTOM_METADATA = Message(
    "CustomMetadata",
    lambda: {
        "key": STRING,
        "stringValue": STRING,
        "numericValue": DOUBLE,
        "stringListValue": Message("StringList", lambda: {"values": STRINGS}),
    },
    value=METADATA_VALUES,
)
_CHUNKING = Message(
    "ChunkingConfig",
    lambda: {
        "whiteSpaceConfig": Message(
            "WhiteSpaceConfig", lambda: {"maxTokensPerChunk": INT32, "maxOverlapTokens": INT32}
        ),
    },
)
_ABOUT: Mapping[str, Kind] = {"customMetadata": ListOf(CUSTOM_METADATA), "chunkingConfig": _CHUNKING}

UPLOAD = Message(
    "UploadToFileSearchStoreRequest",
    lambda: {"displayName": STRING, "mimeType": STRING, **_ABOUT},
)
IMPORT = Message("ImportFileRequest", lambda: {"fileName": STRING, **_ABOUT})
