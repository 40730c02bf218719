"""Uploads the bytes of a file, as a conversation that survives lost answers. Called by client.py, which lends what it
can do as an `Exchange`.

    start ─▶ upload ─▶ … ─▶ upload ─▶ upload, finalize ─▶ the File
                │ no trustworthy answer      │
                └──────▶ query: how far? ◀───┘
                             │ it is over: is the file there, under the name that was chosen?

Apart from the client because one call becomes many requests. Nothing exists until the finalizing request takes effect,
so everything before it may be repeated. That request is the create. It leaves only when size and digest of the bytes
sent are those of the call, and after it nothing is guessed: an upload that is still open is finalized again, one that
is over is settled by reading the name, and one that can't be settled is an Unknown.

The file is read in blocks of one size. One is held, so that lost bytes go out again as they were; a block that must be
read again, because the service lost more than that, has to be the same as before.

The URL that the service gives to send the bytes to is as good as a key for this upload. It must lie where the API is,
since a reply may not steer our bytes elsewhere; it goes into no message and no log, and no key goes along with it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO, Protocol
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from gemctl.api._httpx import httpx
from gemctl.api.answers import Heard, Reply
from gemctl.api.body import BadBody, parse
from gemctl.api.errors import DEFINITE, Problem
from gemctl.api.retry import MAX_ATTEMPTS, PASSING, Failure, Trouble
from gemctl.core.call import Call, Upload
from gemctl.core.errors import ApiError, GemctlError, Refused, Temporary
from gemctl.core.frozen import dataclass
from gemctl.core.source import JsonObject

BLOCK = 8 * 1024 * 1024
LARGEST_BLOCK = 64 * 1024 * 1024
LONGEST_URL = 2000  # characters
PARTS = 32  # of a block: an attempt that gains less than one of them gains nothing
PACE = 64 * 1024  # bytes a second, and an upload that is slower in all is given up
ALLOWANCE = 1800.0  # seconds beyond that
CANCEL_LIMIT = 10.0  # seconds
LOOKS = 4  # at a name that should be there, before it is unknown whether it is

_TYPE = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
_NUMBER = re.compile(r"[0-9]{1,18}")
_WELL_KNOWN = frozenset({"upload_protocol"})  # query names whose values are no secret


class Asking(Protocol):
    """Sends one request. `what` is its name in the log; the key goes along only where it is asked to.

    `limit` is in seconds, for less than what the client allows a request.
    """

    def __call__(
        self,
        what: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes,
        attempt: int,
        *,
        with_key: bool = False,
        limit: float | None = None,
    ) -> Heard: ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """The functions of a client that a conversation needs.

    again   waits after the failed attempt of this number, the first of which began then; False when it's enough.
    pause   waits for some seconds; False when the run is to stop, as after `again`.
    fetch   makes a call of its own.
    hide    takes these texts out of all messages from now on.
    """

    base_url: str
    ask: Asking
    again: Callable[[Call, int, Problem, float], bool]
    pause: Callable[[float], bool]
    fetch: Callable[[Call], Reply]
    verdict: Callable[[Call, Problem], ApiError]
    hide: Callable[[tuple[str, ...]], None]
    stopping: Callable[[], bool]
    monotonic: Callable[[], float]


class Conversation:
    """One upload, from its start to its end."""

    def __init__(
        self, call: Call, url: str, content: bytes, exchange: Exchange, progress: Callable[[int, int], None]
    ) -> None:
        """`url` and `content` are those of the request that starts it. Raises Refused E309."""
        if call.upload is None or not _TYPE.fullmatch(call.upload.mime_type):
            raise Refused("A file was not sent: it has no MIME type that can be written in a header.", code="E309")
        self._call, self._upload = call, call.upload
        self._exchange, self._progress = exchange, progress
        self._start_url, self._start_content = url, content
        self._url = ""
        self._block = BLOCK
        self._at = 0  # what the service has
        self._best = 0  # the most that it ever had
        self._sent = 0  # the most that it can have
        self._fruitless = 0  # attempts in a row that gained nothing
        self._since = exchange.monotonic()  # when something was gained
        self._until = self._since + ALLOWANCE + self._upload.size / PACE
        self._open = False  # there is an upload, and the service can be spoken to
        self._in_doubt = False  # a finalizing request left, and it isn't known what became of it

    def hold(self, open_source: Callable[[], BinaryIO]) -> JsonObject:
        """Upload, and return the File. Raises ApiError, and GemctlError for a file that isn't what it was."""
        error: GemctlError
        try:
            with _reading():
                source = open_source()
            with source:
                self._start()
                file = self._send(_Blocks(source, self._upload, self._block))
        except _BadFile as bad:
            error = self._unsent(bad)
        except GemctlError as failure:
            error = failure
        else:
            self._progress(self._upload.size, self._upload.size)
            return file
        if self._open and not self._in_doubt:
            self._order("cancel", limit=CANCEL_LIMIT)  # out of courtesy: the service forgets it anyway, after some days
        raise error

    def _unsent(self, bad: _BadFile) -> GemctlError:
        if self._in_doubt:
            return self._unknown(f"{bad}, and the service has lost what it had of it")
        return GemctlError(f"The file for {self._name} was not uploaded: {bad}.", code=bad.code, hint=bad.hint)

    @property
    def _name(self) -> str:
        """The name that we chose; where the service names what is made, the path."""
        file: Any = (self._call.body or {}).get("file")
        name = file.get("name") if isinstance(file, Mapping) else None
        return name if isinstance(name, str) else self._call.path

    @property
    def _chosen(self) -> bool:
        return self._name != self._call.path

    # The beginning.

    def _start(self) -> None:
        headers = {
            "x-goog-upload-protocol": "resumable",
            "x-goog-upload-command": "start",
            "x-goog-upload-header-content-length": str(self._upload.size),
            "x-goog-upload-header-content-type": self._upload.mime_type,
        }
        what = f"{self._call.method} {self._call.path} (start)"
        attempt = 1
        while True:
            heard = self._exchange.ask(what, self._start_url, headers, self._start_content, attempt, with_key=True)
            problem = heard.problem or self._begin(heard.headers)
            if problem is None:
                break
            if not self._exchange.again(self._call, attempt, problem, self._since):
                raise self._exchange.verdict(replace(self._call, repeatable=True), problem)
            attempt += 1
        self._open, self._since = True, self._exchange.monotonic()
        self._progress(0, self._upload.size)

    def _begin(self, headers: Mapping[str, str]) -> Problem | None:
        """Note where the upload goes on, as the service says. Raises Refused E316 if that is elsewhere."""
        url = headers.get("x-goog-upload-url", "")
        if not url or headers.get("x-goog-upload-status", "active").lower() != "active":
            return _strange("it doesn't say where the upload goes on")
        self._exchange.hide(_forms(url, self._start_url))
        if not _in_place(url, self._exchange.base_url):
            raise Refused(
                f"The service wants the bytes of {self._name} to go to another place than where it is itself.",
                code="E316",
                hint="If a gateway of yours answers at GOOGLE_GEMINI_BASE_URL, it must put its own address into "
                "X-Goog-Upload-URL.",
            )
        self._url = url
        grain = headers.get("x-goog-upload-chunk-granularity", "")
        if _NUMBER.fullmatch(grain) and int(grain) and self._block % int(grain):
            self._block = -(-self._block // int(grain)) * int(grain)
            if self._block > LARGEST_BLOCK:
                return _strange("it wants more at a time than can be held")
        return None

    # The middle.

    def _send(self, blocks: _Blocks) -> JsonObject:
        while True:
            if self._exchange.stopping():
                raise self._stopped("the run was stopped")
            if self._exchange.monotonic() > self._until:
                raise self._stopped(f"it takes longer than {(ALLOWANCE + self._upload.size / PACE) / 60:.0f} minutes")
            piece = blocks.read(self._at)
            end = self._at + len(piece)
            last = end == self._upload.size
            if last and not self._in_doubt:
                blocks.check()
            self._sent = max(self._sent, end)
            heard = self._order("upload, finalize" if last else "upload", piece)
            del piece  # or two blocks would be held while the next one is read
            if last:
                file = self._whole(_file(heard)) or self._find_out(heard, finalized=True)
            elif (reached := self._reached(heard, end)) > self._at:
                file = None
                self._fruitless += reached < self._at + self._part
                self._advance(reached)
                if self._fruitless >= MAX_ATTEMPTS:
                    raise self._stopped("the service takes next to nothing at a time")
            else:
                file = self._find_out(heard, finalized=False)
            if file is not None:
                return file

    def _whole(self, file: JsonObject | None) -> JsonObject | None:
        """The File, which must be of the bytes that were sent, by its own word or at a second look. Raises Refused."""
        if file is None:
            return None
        if _is_of(file, self._upload) and (not self._chosen or file["name"] == self._name):
            return file
        if self._chosen and (seen := self._look(1)) is not None:
            return seen
        raise Refused(
            f"The service shows other bytes of {self._name} than were sent, by their digest, size or name.",
            code="E544",
            hint="It is not used. Apply again, which uploads it once more; what is there ends by itself.",
        )

    def _order(self, command: str, piece: bytes = b"", limit: float | None = None) -> Heard:
        headers = {"x-goog-upload-command": command}
        if "upload" in command:
            headers["x-goog-upload-offset"] = str(self._at)
        what = f"{self._call.method} {self._call.path} ({command} at {self._at})"
        heard = self._exchange.ask(what, self._url, headers, piece, self._fruitless + 1, limit=limit)
        self._open = bool(heard.headers) and _status(heard) not in ("final", "cancelled")
        return heard

    @property
    def _part(self) -> int:
        """The fewest bytes that count as progress."""
        return max(1, self._block // PARTS)

    def _reached(self, heard: Heard, end: int) -> int:
        """How far the upload is, by the answer to bytes that end there; 0 where it says nothing of use."""
        if heard.problem is not None or _status(heard) != "active":
            return 0
        reached = _received(heard)
        return end if reached is None else reached if reached <= end else 0

    def _advance(self, reached: int) -> None:
        """Go on from there."""
        if reached >= self._at + self._part:
            self._since = self._exchange.monotonic()
            if reached > self._best:
                self._best, self._fruitless = reached, 0
        self._at = reached
        self._progress(reached, self._upload.size)

    # When no trustworthy answer came.

    def _find_out(self, heard: Heard, *, finalized: bool) -> JsonObject | None:
        """Ask how far the upload is, and go on from there (None), unless it turns out to be over."""
        problem = heard.problem or _strange("it doesn't say how far the upload is")
        refused = _is_no(problem) and not self._in_doubt and (problem.failure.status in DEFINITE | {409})
        if finalized and not refused and problem.failure.trouble is not Trouble.NOT_SENT:
            self._in_doubt = True
        self._fruitless += 1
        if self._fruitless >= MAX_ATTEMPTS or not (_is_no(problem) or self._again(problem)):
            return self._refused_at_the_end(problem, None) if refused and finalized else self._settle(problem)
        asked = self._query()
        if asked.problem is None and _status(asked) == "active":
            received = _received(asked) or 0
            if refused and received == self._at:
                raise self._refusal(problem)
            if received > self._sent:
                return self._settle(_strange("it claims to have bytes that were not sent"))
            self._advance(received)
            return None
        if refused and finalized:
            return self._refused_at_the_end(problem, asked)
        if refused:
            raise self._refusal(problem)
        return self._settle(asked.problem or _strange(f"it says that the upload is {_status(asked)}"), asked)

    def _refused_at_the_end(self, problem: Problem, asked: Heard | None) -> JsonObject:
        """A finalizing request was refused, and the upload is not known to be open still. A proxy in between may have
        sent it twice, and told us the answer to the second. So the file under the name counts; and that there is none
        counts only if the service itself (`asked`) says of the upload that it is over, and of its end no.
        """
        status = _status(asked) if asked is not None else ""
        if status == "cancelled":
            raise self._refusal(problem)
        made = asked is not None and asked.problem is None and status == "final"
        if (file := self._look(LOOKS if made else 1)) is not None:
            return file
        if status == "final" and not made:
            raise self._refusal(problem)
        said = f"{problem.said.message} ({problem.failure.status})".strip()
        raise self._unknown(f"it was refused, {said}, but may have been made just before that")

    def _query(self) -> Heard:
        """How far the upload is: an answer that says so, or one with a problem."""
        while True:
            heard = self._order("query")
            if heard.problem is None and not _tells(heard):
                heard = replace(heard, problem=_strange("it doesn't say how far the upload is"))
            if heard.problem is None or _is_no(heard.problem):
                return heard
            self._fruitless += 1
            if self._fruitless >= MAX_ATTEMPTS or not self._again(heard.problem):
                return heard

    def _again(self, problem: Problem) -> bool:
        """Wait, if there is to be another attempt. A failure that would end other calls only counts as lost here."""
        failure = problem.failure
        if failure.status not in PASSING:
            failure = replace(failure, trouble=Trouble.LOST)
        return self._exchange.again(self._call, self._fruitless, replace(problem, failure=failure), self._since)

    def _settle(self, problem: Problem, asked: Heard | None = None) -> JsonObject:
        """End an upload that can't go on, well or badly. `asked` is the answer that says so, if the service did."""
        if not self._in_doubt:
            raise self._refusal(problem)
        if asked is not None and _status(asked) == "cancelled":
            raise self._given_up("it was cancelled")
        made = asked is not None and asked.problem is None and _status(asked) == "final"
        if (file := self._look(LOOKS if made else 1)) is not None:
            return file
        raise self._unknown(problem.why or f"the service answered with the status {problem.failure.status}")

    def _look(self, times: int) -> JsonObject | None:
        """The file under the name that we chose; None for none, or another one. It may take a moment to be seen.

        Raises Unknown when it can't be read.
        """
        failure: ApiError | None = None
        for attempt in range(times if self._chosen else 0):
            if attempt and not self._exchange.pause(attempt):
                break
            try:
                file = self._exchange.fetch(Call("GET", self._name)).body
            except ApiError as error:
                failure = error
                if not error.missing:
                    break
            else:
                return file if file.get("name") == self._name and _is_of(file, self._upload) else None
        if failure is None or failure.missing:
            return None
        raise self._unknown("what lies under its name can't be seen now")

    def _refusal(self, problem: Problem) -> ApiError:
        """The error for an upload that made nothing."""
        if problem.failure.status in (404, 410) and problem.failure.trouble is Trouble.STATUS:
            return self._given_up("the service no longer knows it")
        return self._exchange.verdict(replace(self._call, repeatable=True), problem)

    def _given_up(self, why: str) -> ApiError:
        return Temporary(
            f"The upload of {self._name} was given up after {self._at:,} of {self._upload.size:,} bytes: {why}.",
            code="E317",
            hint="Nothing was made. Run it again.",
        )

    def _stopped(self, why: str) -> ApiError:
        return self._unknown(why) if self._in_doubt else self._given_up(why)

    def _unknown(self, why: str) -> ApiError:
        return self._exchange.verdict(replace(self._call, repeatable=False), Problem(Failure(Trouble.LOST), why))


class _BadFile(Exception):
    """The file is not what the plan was made for, or can't be read. The text says so, in words without its path."""

    def __init__(self, why: str, code: str, hint: str | None = None) -> None:
        super().__init__(why)
        self.code, self.hint = code, hint


def _changed() -> _BadFile:
    hint = "Let whatever writes to it finish, and plan again."
    return _BadFile("its bytes are not those that the plan was made for", "E133", hint)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
    else:
        return
    raise _BadFile(f"it can't be read ({why})", "E090")


class _Blocks:
    """A file in blocks of one size, of which the last one read is held."""

    def __init__(self, source: BinaryIO, upload: Upload, block: int) -> None:
        self._source, self._upload, self._block = source, upload, block
        self._digest = hashlib.sha256()
        self._digests: list[Any] = []  # the digest of the file up to the end of each block that was read
        self._held, self._number = b"", -1

    def read(self, at: int) -> bytes:
        """The bytes from there to the end of the block that they are in; none at the end. Raises _BadFile."""
        if at >= self._upload.size:
            return b""
        number = at // self._block
        if number != self._number:
            self._load(number)
        start = at - number * self._block
        return self._held[start:] if start else self._held

    def _load(self, number: int) -> None:
        start = number * self._block
        self._held, self._number = b"", -1
        data = self._exactly(start, min(self._block, self._upload.size - start))
        if number == len(self._digests):
            self._digest.update(data)
            self._digests.append(self._digest.copy())
        else:
            again = self._digests[number - 1].copy() if number else hashlib.sha256()
            again.update(data)
            if again.digest() != self._digests[number].digest():
                raise _changed()
        self._held, self._number = data, number

    def _exactly(self, start: int, count: int) -> bytes:
        with _reading():
            self._source.seek(start)
            data = self._source.read(count)
            while len(data) < count and (more := self._source.read(count - len(data))):
                data += more
        if len(data) < count:
            raise _changed()
        return data

    def check(self) -> None:
        """Raises _BadFile unless all that was read is the file, and the file that was meant."""
        with _reading():
            self._source.seek(self._upload.size)
            more = self._source.read(1)
        if more or f"sha256:{self._digest.hexdigest()}" != self._upload.digest:
            raise _changed()


# Reading answers.


def _status(heard: Heard) -> str:
    return heard.headers.get("x-goog-upload-status", "").strip().lower()


def _received(heard: Heard) -> int | None:
    """The number of bytes that the service says it has; None where it doesn't, and -1 for nonsense."""
    text = heard.headers.get("x-goog-upload-size-received")
    if text is None:
        return None
    return int(text) if _NUMBER.fullmatch(text.strip()) else -1


def _tells(heard: Heard) -> bool:
    """Whether it says how far the upload is."""
    return _status(heard) in ("final", "cancelled") or (
        _status(heard) == "active" and _received(heard) not in (None, -1)
    )


def _file(heard: Heard) -> JsonObject | None:
    """The File in the answer to a finalizing request, or the operation that makes something else of the bytes."""
    if heard.problem is not None or _status(heard) not in ("final", ""):
        return None
    try:
        body = parse(heard.body)
    except BadBody:
        return None
    file = body.get("file", body) if isinstance(body, dict) else None
    return file if isinstance(file, dict) and isinstance(file.get("name"), str) else None


def _is_of(file: Any, upload: Upload) -> bool:
    """Whether it has these bytes. The API shows a digest in base64, of its hex digits; its documentation: of itself."""
    shown = file.get("sha256Hash")
    if shown is None:  # nor does an operation show the digest
        return str(file.get("sizeBytes", upload.size)) == str(upload.size)
    try:
        digest = base64.b64decode(shown, validate=True)
    except (TypeError, ValueError):
        return False
    digits = upload.digest.removeprefix("sha256:")
    return digits in (digest.hex(), digest.decode("ascii", "replace").lower())


def _is_no(problem: Problem) -> bool:
    """Whether it was answered, and with a no that no waiting will change."""
    failure = problem.failure
    if failure.trouble is not Trouble.STATUS or failure.status in PASSING:
        return False
    return failure.status < 500 and not (failure.status == 409 and problem.said.status.lower() == "aborted")


def _strange(why: str) -> Problem:
    return Problem(Failure(Trouble.GARBLED, 200), why)


# The URL.


def _in_place(url: str, base_url: str) -> bool:
    """Whether it lies where the API is, by scheme, host and port, as httpx reads them, which is going to send it."""
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return False
    try:
        there, here = httpx.URL(url), httpx.URL(base_url)
    except httpx.InvalidURL:
        return False
    same = (there.scheme, there.host, there.port) == (here.scheme, here.host, here.port)
    return same and not there.userinfo and not there.fragment


def _forms(url: str, start_url: str) -> tuple[str, ...]:
    """The texts that would give the URL away: itself, and the parts of it that are no common knowledge."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return (url,)
    secrets = {url, parts.query}
    if parts.path != urlsplit(start_url).path:
        secrets |= {parts.path, *parts.path.split("/")}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in _WELL_KNOWN:
            secrets.add(value)
    spelt = {form for text in secrets for form in (text, quote(text, safe=""), quote(text), unquote(text))}
    return tuple(form for form in spelt if len(form) >= 8)
