"""Finds the route of a request: surfaces declare their routes, and a handler gets a `Call`.

Called by `app` and by every file in `surfaces`: this is the seam. A new kind is one file with handlers and one
SURFACE, and one line in the table of `surfaces`.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from gemctl.emulator.blobs import Blobs
from gemctl.emulator.catalogue import Catalogue
from gemctl.emulator.media import FileRules
from gemctl.emulator.pace import Indexing, Interacting, Pace
from gemctl.emulator.rows import Row
from gemctl.emulator.scalars import Violation
from gemctl.emulator.scripted import Script
from gemctl.emulator.shapes import Message, refuse
from gemctl.emulator.wire import Refusal, Request, Response, invalid
from gemctl.emulator.world import World

VERSIONS = frozenset({"v1", "v1beta", "v1alpha"})
PREFIXES = frozenset({"upload", "download"})  # media goes by /upload/v1beta/... and /download/v1beta/...
HOLDER_QUERY = frozenset({"upload_id"})
"""Query names that are as good as a key: their values must not be logged."""

DEEPEST = 100
"""Levels of nesting, as protocol buffers allow."""


@dataclass(frozen=True)
class Call:
    """One request on its way to a handler: routed, its caller known, its time fixed."""

    world: World
    catalogue: Catalogue
    request: Request
    version: str
    project: str
    params: Mapping[str, str]
    pace: Pace
    file_rules: FileRules
    indexing: Indexing
    interacting: Interacting
    scripted: Script
    stream_pause: float  # seconds between two chunks of an answer

    @property
    def blobs(self) -> Blobs:
        """The bytes of files, beside the world's log."""
        return self.world.blobs

    def json(self, shape: Message) -> dict[str, Any]:
        """The body, read against a shape: camelCase names, durations and timestamps as nanoseconds."""
        wrong: list[Violation] = []
        body: dict[str, Any] = shape.read(parse(self.request.body, loose=True), "", wrong)
        if wrong:
            raise refuse(wrong)
        return body


Handler = Callable[[Call], Mapping[str, object] | Response]
Holder = Callable[[World, Request], tuple[str, str] | None]
Waker = Callable[[Call, Row], None]


@dataclass(frozen=True)
class Route:
    """One method of the API. `template` is the path behind the version, such as `cachedContents/{id}` or
    `models/{id}:countTokens`; `{id}` stands for one segment. `prefix`, before the version, is "", "upload" or
    "download". `holder` knows a caller who has one of HOLDER_QUERY instead of a key: it gives the project and the key's
    fingerprint. `bearer`: the key comes as `Authorization: Bearer`, and in no other way. `listed`: a refusal comes as a
    list of one error."""

    method: str
    template: str
    handler: Handler
    prefix: str = ""
    holder: Holder | None = None
    bearer: bool = False
    listed: bool = False
    pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pieces = re.split(r"\{(\w+)\}", self.template)
        pattern = "".join(
            f"(?P<{piece}>[^/:]+)" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces)
        )
        object.__setattr__(self, "pattern", re.compile(pattern))

    def refused(self, refusal: Refusal) -> Response:
        """The answer of this method that is a refusal."""
        response = refusal.response()
        return replace(response, body=b"[" + response.body.strip() + b"]\n") if self.listed else response


@dataclass(frozen=True)
class Surface:
    """One kind of resource: its name, its methods, and a waker, which moves a row on at the instant when it is due.
    A waker is called without a request; it replaces the row, and its effects happen at that instant. The name is that
    of the rows' collection without the IDs in it: `fileSearchStores/documents` of `fileSearchStores/a/documents`.
    `private` are fields of bodies whose values are secrets: the log of requests does not show them."""

    name: str
    routes: tuple[Route, ...]
    waker: Waker | None = None
    private: frozenset[str] = frozenset()


Found = tuple[Route, str, dict[str, str]]
Serving = Callable[[str], Iterable[Surface]]
"""Gives the surfaces that have paths with this first word behind the version, or collections that begin with it."""


def find(serving: Serving, method: str, path: str) -> Found | None:
    """The route of a request, its API version, and the path's parameters, decoded. None: unrouted."""
    prefix, _, rest = path.removeprefix("/").partition("/")
    if prefix in PREFIXES:
        version, _, rest = rest.partition("/")
    else:
        prefix, version = "", prefix
    version, colon, verb = version.partition(":")
    rest = "/".join(filter(None, (colon + verb, rest)))  # v1beta:chatCompletions has no resource
    if version not in VERSIONS:
        return None
    for surface in serving(re.split("[/:]", rest, maxsplit=1)[0]):
        for route in surface.routes:
            if route.method == method and route.prefix == prefix:
                found = route.pattern.fullmatch(rest)
                if found is not None:
                    return route, version, {name: unquote(text) for name, text in found.groupdict().items()}
    return None


def parse(body: bytes, *, loose: bool = False) -> dict[str, Any]:
    """A JSON object, or a 400. No body is an empty object, as the SDKs send it. Never raises anything else:
    not for NaN, numbers of a million digits, or a million brackets. `loose`: also takes the forms of `strict`."""
    if not body.strip():
        return {}
    try:
        try:
            value = _load(body.decode())
        except json.JSONDecodeError:
            if not loose:
                raise
            value = _load(strict(body.decode()), line_breaks=True)
    except (ValueError, RecursionError):
        raise invalid("Invalid JSON payload received. The body cannot be parsed as JSON.") from None
    if not isinstance(value, dict):
        raise invalid("Invalid JSON payload received. The body must be a JSON object.")
    if deeper_than(value, DEEPEST):
        raise invalid(f"Invalid JSON payload received. It is nested deeper than {DEEPEST} levels.")
    return value


def _load(text: str, *, line_breaks: bool = False) -> Any:
    return json.loads(text, strict=not line_breaks, parse_constant=_no_constant, parse_float=_finite)


_LOOSE = re.compile(
    r"""
    " (?P<double> (?:[^"\\]|\\.)*+ ) "
    | ' (?P<single> (?:[^'\\]|\\.)*+ ) '
    | (?P<unended> ["'] .*+ )  # read once, and not again from each quote in it
    | (?<! [\w$] ) (?P<name> [A-Za-z_$][\w$]*+ ) (?= \s* : )
    | (?P<comma> , ) (?= \s* [\]}] )
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_TEXT = re.compile(r"\\(.)|\"", re.DOTALL)


def strict(text: str) -> str:
    """JSON, but for line breaks in texts, from the forms that the API's reader takes beyond it: single quotes, names
    without quotes, a comma too many, and a backslash before any character. Google's own samples of curl have the first
    and the last two, and line breaks in texts, with the service's answers."""

    def rewrite(found: re.Match[str]) -> str:
        match found.lastgroup:
            case "double" | "single" as quoted:
                return f'"{_IN_TEXT.sub(_escaped, found[quoted])}"'
            case "name":
                return f'"{found["name"]}"'
            case "comma":
                return ""
            case _:
                return found[0]

    return _LOOSE.sub(rewrite, text)


def _escaped(found: re.Match[str]) -> str:
    """A double quote or an escape in a text, as it is written in JSON. Beyond its escapes there is one for a vertical
    tab, as in the open reader of protocol buffers; before any other character a backslash means nothing."""
    if found[1] is None:
        return '\\"'
    if found[1] in '"\\/bfnrtu':
        return found[0]
    return "\\u000b" if found[1] == "v" else found[1]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("too large a number")
    return number


def deeper_than(value: object, most: int) -> bool:
    """Whether there is something within so many levels of objects and lists, and more."""
    level: list[object] = [value] if isinstance(value, dict | list) else []
    for _ in range(most + 1):
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item)  # type: ignore[attr-defined]
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
