"""Encodes JSON text as bytes. Called by manifest for its cache of digests, and by outputs."""

from __future__ import annotations


def to_bytes(text: str) -> bytes:
    """UTF-8. Half a character, which JSON allows as an escape and UTF-8 not at all, stays the escape: such a character
    can stand in a string only.
    """
    return text.encode("utf-8", "backslashreplace")
