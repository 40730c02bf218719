"""Numbers the keys of results, in little memory: about 22 bytes for each, where a dict takes 150. Called by the spool.

A key is known by a digest of 16 bytes. The digests lie in buckets, each with the number that it got behind it, and a
bucket is searched as text is: a million keys are some sixty in each.
"""

from __future__ import annotations

from hashlib import blake2b

_BUCKETS = 1 << 14  # by the first 14 bits of the digest
_DIGEST, _NUMBER = 16, 4  # bytes
_ENTRY = _DIGEST + _NUMBER


class Keys:
    """Digests with their numbers, 0, 1, 2, … in the order in which they were added."""

    def __init__(self) -> None:
        self._buckets = [bytearray() for _ in range(_BUCKETS)]
        self._count = 0

    def find(self, digest: bytes) -> int | None:
        """The number of this digest; None where it was not added."""
        bucket = self._buckets[digest[0] << 6 | digest[1] >> 2]
        at = bucket.find(digest)
        while at % _ENTRY and at >= 0:  # half of one digest, a number, and half of another
            at = bucket.find(digest, at + 1)
        return None if at < 0 else int.from_bytes(bucket[at + _DIGEST : at + _ENTRY])

    def add(self, digest: bytes) -> int | None:
        """Give it the next number. Returns the one that it has, where it was added before."""
        bucket = self._buckets[digest[0] << 6 | digest[1] >> 2]
        if digest in bucket and (number := self.find(digest)) is not None:
            return number
        bucket += digest + self._count.to_bytes(_NUMBER)
        self._count += 1
        return None


def key_digest(key: str | bytes) -> bytes:
    """The digest of a key, given as text or in UTF-8."""
    data = key if isinstance(key, bytes) else key.encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=_DIGEST).digest()
