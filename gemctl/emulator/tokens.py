"""Estimates the number of tokens of a message.

Called by the surfaces for the least size of a cache, for `usageMetadata` and for countTokens. Separate because
it is the one thing here that cannot be right: the tokenizers are the service's. Four characters a token is the
rule of thumb of the ai.google.dev guide on tokens, which also counts 258 tokens for an image, and a second of video
as 258 and of audio as 32. The length of media in seconds, and the tokens of documents, are assumptions.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gemctl.emulator import media

_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_CHARACTERS = 4
_IMAGE = 258
_BYTES_OF_MEDIA = 100
_SECOND = {"audio": 32, "video": 258}
_FILE = 8_192
"""For a file of another place. Files are why people cache, so one is taken to be large enough to be cached."""


def estimate(message: Mapping[str, Any], files: Mapping[str, tuple[str, int]] | None = None) -> dict[str, int]:
    """Tokens by modality (TEXT, IMAGE, ...) of `contents`, `systemInstruction` and `tools` together.

    The message has been through `shapes`, so names are camelCase. Text is rounded up once, not part by part,
    and counts for at least one token. `files`: the MIME types and sizes of files of this service, by their URIs.
    """
    characters = 0
    counts: dict[str, int] = {}
    for part in _parts(message):
        if "inlineData" in part or "fileData" in part:
            blob = part.get("inlineData") or part.get("fileData") or {}
            known = (files or {}).get(blob.get("fileUri", ""))
            modality, tokens = _media(blob) if known is None else _file(*known)
            counts[modality] = counts.get(modality, 0) + tokens
        characters += _characters(part)
    characters += sum(_length(tool) for tool in message.get("tools", ()))
    text = -(-characters // _CHARACTERS)
    if text or not counts:
        counts["TEXT"] = counts.get("TEXT", 0) + max(1, text)
    return counts


def details(counts: Mapping[str, int]) -> list[dict[str, object]]:
    """The counts as a list of ModalityTokenCount."""
    return [{"modality": modality, "tokenCount": tokens} for modality, tokens in sorted(counts.items())]


def _parts(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    contents: Sequence[Mapping[str, Any]] = message.get("contents", ())
    for content in (*contents, message.get("systemInstruction", {})):
        yield from content.get("parts", ())


def _characters(part: Mapping[str, Any]) -> int:
    return sum(len(value) if name == "text" else _length(value) for name, value in part.items() if name in _WORDED)


_WORDED = frozenset(
    {
        "text",
        "functionCall",
        "functionResponse",
        "executableCode",
        "codeExecutionResult",
        "toolCall",
        "toolResponse",
        "audioTranscription",
    }
)


def _length(value: object) -> int:
    return len(_compact(value))


def _file(mime_type: str, size: int) -> tuple[str, int]:
    """By the type that the file was uploaded with, whatever the request says."""
    kind = media.kind(mime_type)
    modality = _MODALITIES.get(kind, "DOCUMENT")
    if media.is_text(mime_type):
        return modality, max(1, -(-size // _CHARACTERS))
    if kind in _SECOND:
        return modality, _SECOND[kind] * media.seconds(mime_type, size)
    return modality, _IMAGE if kind == "image" else max(_IMAGE, size // _BYTES_OF_MEDIA)


_MODALITIES = {"text": "TEXT", "image": "IMAGE", "video": "VIDEO", "audio": "AUDIO"}


def _media(blob: Mapping[str, Any]) -> tuple[str, int]:
    kind = str(blob.get("mimeType", "")).partition("/")[0]
    modality = _MODALITIES.get(kind, "DOCUMENT")
    if "data" not in blob:
        return modality, _FILE
    size = len(blob["data"]) * 3 // 4  # base64
    if kind == "text":
        return modality, max(1, -(-size // _CHARACTERS))
    if kind == "image":
        return modality, _IMAGE
    return modality, max(_IMAGE, size // _BYTES_OF_MEDIA)
