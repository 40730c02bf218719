"""Checks what stores and documents of file search are to be, beyond the shape of the requests.

Called by the surfaces of stores and of documents. Separate because these are rules on values, which need no world. The
numbers are those of the REST reference on ai.google.dev; that an overlap of chunks must be less than a chunk is an
assumption, as are the words of the refusals, but for those on a MIME type (python-genai#1900).
"""

import re
from collections.abc import Mapping
from typing import Any

from gemctl.emulator.file_search_messages import METADATA_VALUES
from gemctl.emulator.wire import invalid

_LONGEST_DISPLAY_NAME = 512
_MOST_METADATA = 20
_MOST_TOKENS = 512
_EXACT = 2**53  # below it a float holds every whole number
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:\s*;.*)?", re.ASCII)


def check_display_name(display_name: str, where: str) -> None:
    """400 for one that is too long."""
    if len(display_name) > _LONGEST_DISPLAY_NAME:
        raise invalid(f"* {where}.display_name: at most {_LONGEST_DISPLAY_NAME} characters are allowed.")


def check_type(mime_type: str, where: str) -> None:
    """400 for one that has not the form of a type; none is given where it is empty."""
    if mime_type and not _TYPE.fullmatch(mime_type):
        raise invalid(
            f"* {where}.mime_type: When provided, MIME type must be in a valid type/subtype format (e.g.,"
            " 'text/plain', 'application/pdf').\n"
        )


def metadata(body: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    """The custom metadata of a request, as they are shown; or the 400."""
    given = body.get("customMetadata", [])
    if len(given) > _MOST_METADATA:
        raise invalid(f"* {where}.custom_metadata: at most {_MOST_METADATA} entries are allowed.")
    keys: set[str] = set()
    for index, entry in enumerate(given):
        at = f"* {where}.custom_metadata[{index}]"
        key = entry.get("key", "")
        if not key:
            raise invalid(f"{at}.key: key is required.")
        if key in keys:
            raise invalid(f"{at}.key: '{key[:80]}' is given twice.")
        if not any(name in entry for name in METADATA_VALUES):
            raise invalid(f"{at}: one of string_value, numeric_value and string_list_value is required.")
        keys.add(key)
    return [_plain(entry) for entry in given]


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    """3 is a number as it was given, and not 3.0."""
    number: float = entry.get("numericValue", 0.5)
    whole = number.is_integer() and abs(number) < _EXACT
    return {**entry, "numericValue": int(number)} if whole else dict(entry)


def check_chunks(body: Mapping[str, Any], where: str) -> None:
    """400 for a way to cut texts that there is not."""
    config: Mapping[str, int] = body.get("chunkingConfig", {}).get("whiteSpaceConfig", {})
    at = f"* {where}.chunking_config.white_space_config"
    most, overlap = config.get("maxTokensPerChunk", 0), config.get("maxOverlapTokens", 0)
    if not 0 <= most <= _MOST_TOKENS:
        raise invalid(f"{at}.max_tokens_per_chunk: must be in the range [1, {_MOST_TOKENS}].")
    if not 0 <= overlap < (most or _MOST_TOKENS):
        raise invalid(f"{at}.max_overlap_tokens: must be less than max_tokens_per_chunk.")
