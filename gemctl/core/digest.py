"""Makes canonical JSON and digests of it. Digests are for ever: a change here would replace every cache.

The form is called `g1` and is named in each mark; tests/core/golden_digests.json pins it. Called by the mark, kinds,
manifest and every other room that compares contents.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence

from gemctl.core.source import Json

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
)
_PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)  # ten bits each
_BETWEEN = "\0"  # no value that was read from YAML has this character
_PARTING = b',"\\u0000",'
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


def canonical(value: Json) -> bytes:
    """JSON with sorted keys, no spaces, UTF-8 as it is. Raises ValueError for NaN and infinities."""
    return _CANONICAL.encode(value).encode("utf-8", "surrogatepass")


def canonical_each(values: Sequence[Json]) -> list[bytes]:
    """The same of each of these, sooner than one by one: to make an encoder takes longer than to use it."""
    parted = [part for value in values for part in (value, _BETWEEN)]
    written = canonical(parted[:-1])[1:-1].split(_PARTING)
    if len(written) == len(values):
        return written
    return [canonical(value) for value in values]  # one of them holds what should part them


def sha256(data: bytes) -> str:
    """`sha256:` and 64 hex digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def sha256_of(pieces: Iterable[bytes]) -> str:
    """The same, of the pieces one after the other."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return f"sha256:{digest.hexdigest()}"


def is_sha256(value: object) -> bool:
    """True for a digest as `sha256` gives it."""
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def tag(data: bytes, characters: int) -> str:
    """The first `characters` times five bits of SHA-256, as lower-case base32."""
    bits = int.from_bytes(hashlib.sha256(data).digest(), "big") << 4  # 260, of which five make a letter
    return "".join([_PAIRS[bits >> at & 1023] for at in range(250, 250 - 5 * characters, -10)])[:characters]
