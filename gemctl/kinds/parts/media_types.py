"""Guesses the media type of a file by the end of its name, where a manifest gives none. Called by File.

A table of our own, and not the standard library's or the system's: those differ from version to version and from
machine to machine, the type is part of a digest, and a digest is for ever. So entries are added here and never changed.
Sound and images are called as the API guides call them; a file that is text for a model is text/plain, though it may
have a type of its own that models don't take.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_TYPES = {
    "application/epub+zip": "epub",
    "application/json": "json ipynb",
    "application/jsonl": "jsonl ndjson",
    "application/msword": "doc",
    "application/pdf": "pdf",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/zip": "zip",
    "audio/aac": "aac",
    "audio/aiff": "aiff aif",
    "audio/flac": "flac",
    "audio/m4a": "m4a",
    "audio/mp3": "mp3",
    "audio/ogg": "ogg oga",
    "audio/opus": "opus",
    "audio/wav": "wav",
    "image/avif": "avif",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/jpeg": "jpg jpeg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/tiff": "tif tiff",
    "image/webp": "webp",
    "text/calendar": "ics",
    "text/css": "css",
    "text/csv": "csv",
    "text/html": "html htm",
    "text/javascript": "js mjs cjs",
    "text/markdown": "md markdown",
    "text/plain": (
        "txt text log rst adoc tex srt ini cfg conf toml yaml yml properties c h cc cpp cxx hpp cs go java kt rs rb php"
        " pl swift scala lua r sql sh bash zsh ps1 proto graphql vue jsx tsx"
    ),
    "text/rtf": "rtf",
    "text/tab-separated-values": "tsv",
    "text/vtt": "vtt",
    "text/x-python": "py",
    "text/x-typescript": "ts",
    "text/xml": "xml",
    "video/3gpp": "3gp 3gpp",
    "video/avi": "avi",
    "video/mp4": "mp4 m4v",
    "video/mpeg": "mpeg mpg",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/wmv": "wmv",
    "video/x-flv": "flv",
    "video/x-matroska": "mkv",
}
BY_SUFFIX: Mapping[str, str] = MappingProxyType(
    {suffix: media_type for media_type, suffixes in _TYPES.items() for suffix in suffixes.split()}
)


def guess(path: str) -> str | None:
    """The media type of a file with this name; None for an end that is not in the table."""
    name = path.rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    return BY_SUFFIX.get(suffix.lower()) if stem and dot else None
