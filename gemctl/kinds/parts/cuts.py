"""Measures what the requests of a file use, and cuts the file into parts where one job takes less. Called by `lines`.

To count the texts of a long file would take longer than to check it, so that beyond WHOLE characters one request in
SHARE is counted, and the texts of the others are taken to be like those. The digest of its key chooses it: a pattern in
the order of the lines changes nothing, and an estimate is the same in each run. Where a file is cut by tokens, those of
a request that is not counted are estimated from the texts that were counted before it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from hashlib import sha256

from gemctl.core.address import Address
from gemctl.core.book import LONG_PROMPT
from gemctl.core.frozen import dataclass
from gemctl.core.lines import MOST_LIVE, Lines, Slice, Split
from gemctl.core.quantities import Media, Quantities
from gemctl.kinds.parts.tally import JobTally, TokenTally
from gemctl.kinds.parts.token_count import MOST_OF_A_CHARACTER, count

WHOLE = 1 << 19  # characters of texts that are counted in any case
SHARE = 32
LARGEST_FILE = 2_000_000_000  # bytes that the service takes of one file (API guide, Files API: 2 GB)
_SURE = int(LONG_PROMPT / MOST_OF_A_CHARACTER)  # characters of a request that can't be one with long prices
_NO_LIMIT = 1 << 62
_LEAST_LINE = len(b'{"key":"a","request":{"content":{"parts":{"text":"a"}}}}')
_LEAST_REFERENCE = len(b'{"fileRef":{"name":"a"}},')
_REFERENCE = 256  # bytes that a reference grows by at most, when live names take its place


@dataclass(frozen=True, slots=True)
class Fixed:
    """What a request uses besides its texts: for lines of one skeleton the same.

    tokens      of all that is sent, and no text nor `media`.
    most        tokens of its answers, at most; None for no limit.
    cache       the resource whose stored tokens go along, if any; `named` if it uses a cache by its live name.
    names, live   the resources and live names that it has in it; `references` is how often it has the former.
    """

    tokens: int
    media: tuple[Media, ...]
    most: int | None
    cache: Address | None
    named: bool
    names: frozenset[Address]
    live: frozenset[str]
    references: int


@dataclasses.dataclass(slots=True)
class _Counted:
    """Texts that were counted."""

    characters: int = 0
    tokens: int = 0


class _Part:
    """Adds up what the lines of one part use. It begins with `line`, before which the file has `start` bytes."""

    def __init__(self, start: int, line: int, *, answers: bool) -> None:
        self.start, self.line = start, line
        self.size = 0
        self.digest = sha256()
        self.requests, self.sent_bytes, self.tokens = 0, 0, 0
        self.job, self.sent = JobTally(answers=answers), TokenTally()
        self.longest = 0  # tokens of the largest request that was counted
        self.rest = 0  # characters of requests that weren't
        self.largest = (0, 0, 0)  # the largest of those: about its tokens, those that were counted, its characters

    def include(self, other: _Part) -> None:
        self.job.include(other.job)
        self.sent.include(other.sent)
        self.longest = max(self.longest, other.longest)
        self.rest += other.rest
        self.largest = max(self.largest, other.largest)

    def quantities(self, like: _Counted) -> Quantities:
        """All of it; the texts that weren't counted are taken to be `like` others. To be asked for once."""
        longest = self.longest
        if self.rest:
            self.sent.count += _estimate(self.rest, like)
            _, fixed, characters = self.largest
            longest = max(longest, fixed + _estimate(characters, like))
        return self.job.quantities(self.sent, longest)


def _estimate(characters: int, like: _Counted) -> int:
    return -(-characters * like.tokens // like.characters) if like.characters else 0


class Measure:
    """Adds up what the requests of a file use, and notes where it is cut.

    answers   False for requests whose answers are no text.
    split     the most that one part may hold, and never more than LARGEST_FILE.
    size      of the file, in bytes: a file that no limit can cut is digested by others only.
    added     bytes and tokens that each line has more when it is sent.
    """

    def __init__(self, *, answers: bool, split: Split | None, size: int, added: tuple[int, int]) -> None:
        self._answers = answers
        self._added = added
        self._requests = split.requests if split and split.requests is not None else _NO_LIMIT
        self._tokens = split.tokens if split and split.tokens is not None else _NO_LIMIT
        self._bytes = min(split.bytes if split and split.bytes is not None else LARGEST_FILE, LARGEST_FILE)
        most = size + size // _LEAST_LINE * added[0] + size // _LEAST_REFERENCE * _REFERENCE
        self._cuts = min(self._requests, self._tokens) < _NO_LIMIT or most > self._bytes
        self._whole, self._sample = _Counted(), _Counted()
        self._names: dict[Address, int] = {}  # with the first line that has it
        self._live: dict[str, int] = {}
        self._parts = [_Part(0, 1, answers=answers)]

    def add(self, number: int, line: bytes, fixed: Fixed, texts: Sequence[str], chosen: bool) -> None:
        """A right line. `chosen` if its texts are counted wherever it stands."""
        characters = sum(map(len, texts))
        counted = self._whole if self._whole.characters < WHOLE else self._sample if chosen else None
        part, tokens = self._parts[-1], None
        if counted is not None or characters >= _SURE:
            tokens = fixed.tokens + sum(map(count, texts))
        if self._cuts:
            part = self._fitting(number, line, fixed, characters, tokens)
        if tokens is not None:
            if counted is not None:
                counted.characters += characters
                counted.tokens += tokens - fixed.tokens
            part.sent.count += tokens
            if tokens > part.longest:
                part.longest = tokens
        else:
            part.sent.count += fixed.tokens
            part.rest += characters
            size = (fixed.tokens * 4 + characters, fixed.tokens, characters)
            if size > part.largest:
                part.largest = size
        if fixed.media:
            for one in fixed.media:
                part.sent.note(one)
        part.job.note(fixed.most, fixed.cache, fixed.named)
        if fixed.names or fixed.live:
            for name in fixed.names:
                self._names.setdefault(name, number)
            for name_ in sorted(fixed.live):
                if len(self._live) < MOST_LIVE:
                    self._live.setdefault(name_, number)

    def blank(self, line: bytes) -> None:
        """The last line, if there is nothing in it: it stays with the one before it."""
        if self._cuts:
            self._parts[-1].digest.update(line)
            self._parts[-1].size += len(line)

    def found(self) -> Lines:
        """All of it. To be asked for once."""
        like = self._like
        total = self._parts[0]
        slices: tuple[Slice, ...] = ()
        if len(self._parts) > 1:
            total = _Part(0, 1, answers=self._answers)
            for part in self._parts:
                total.include(part)
            slices = tuple(
                Slice(part.start, part.size, part.line, f"sha256:{part.digest.hexdigest()}", part.quantities(like))
                for part in self._parts
            )
        names, live = sorted(self._names), sorted(self._live)
        places = (*(self._names[name] for name in names), *(self._live[name] for name in live))
        return Lines(total.quantities(like), tuple(names), tuple(live), slices, places)

    @property
    def _like(self) -> _Counted:
        return self._sample if self._sample.characters else self._whole

    def _fitting(self, number: int, line: bytes, fixed: Fixed, characters: int, tokens: int | None) -> _Part:
        """The part that this line goes into, with its bytes taken in. `tokens` is None where they weren't counted."""
        part = self._parts[-1]
        size = len(line)
        sent = part.sent_bytes + size + self._added[0] + fixed.references * _REFERENCE
        about = 0
        if self._tokens < _NO_LIMIT:
            about = self._added[1] + (fixed.tokens + _estimate(characters, self._like) if tokens is None else tokens)
        full = sent > self._bytes or part.requests >= self._requests or part.tokens + about > self._tokens
        if full and part.requests:
            sent -= part.sent_bytes
            part = _Part(part.start + part.size, number, answers=self._answers)
            self._parts.append(part)
        part.sent_bytes = sent
        part.requests += 1
        part.tokens += about
        part.size += size
        part.digest.update(line)
        return part
