"""Does what Google's platform does around every method, by its system parameters: `alt`, `fields`, `prettyPrint`, the
method override, gzip and ranges (cloud.google.com, "System parameters").

Called by `app`: `received` before the method, `check` once the caller is known, `sent` behind it. Separate from the
surfaces because none of this differs between them. Answers of the surface for OpenAI's clients are not the platform's,
and neither cut nor indented.

Assumptions: the words of the refusal of an `alt`; that a name in the query that is no parameter is ignored, where
sister services refuse it (400); that a body whose type is a form is read as JSON all the same, unless it stands for the
query of a GET. `callback` and `alt=proto` are not served; `$.xgafv`, `quotaUser` and `userProject` change nothing here,
nor does what follows a `;` in `alt`: Google's generated clients ask for `json;enum-encoding=int`, and read words, too.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import parse_qsl

from gemctl.emulator import encodings, partial, ranges
from gemctl.emulator.paging import first
from gemctl.emulator.wire import Refusal, Request, Response, Stream, invalid

_ALT = ("$alt", "alt")
_MEDIA = "media"
_FORMS = frozenset({"", "json", _MEDIA, "sse"})
_FORM = "application/x-www-form-urlencoded"
_OPENAI = re.compile(r"/?[^/]*/openai/")
_SNAKE = re.compile(r"/?[^/]*/(agents|credentials|interactions|triggers|webhooks)\b")
_TEXTS = ("application/json", "text/")
_OBJECT = re.compile(rb"\{.*\}", re.DOTALL)


def received(request: Request, most: int) -> Request:
    """The request as its method sees it, or a refusal: its body without compression, at most one byte more than is
    allowed, and under the method that it says is meant."""
    coding = request.headers.get("content-encoding", "")
    if coding and len(request.body) <= most:
        request = replace(request, body=encodings.decoded(request.body, coding, most))
    meant = request.headers.get("x-http-method-override", "").strip().upper()
    if not meant or request.method != "POST":
        return request
    if meant == "GET" and request.headers.get("content-type", "").lower().startswith(_FORM):
        pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        request = replace(request, query=(*request.query, *pairs), body=b"")
    return replace(request, method=meant)


def check(request: Request) -> None:
    """400 for a form of answers that there is none of, and for fields that no answer has."""
    alt = first(request.query, *_ALT).partition(";")[0]
    if alt == "proto":
        raise Refusal(501, "The emulator answers in JSON: it has no alt=proto.")
    if alt not in _FORMS:
        raise invalid(f'Invalid value "{alt[:40]}" for the parameter alt: it is json, media, proto or sse.')
    _mask(request)


def sent(request: Request, response: Response) -> Response:
    """The answer as it goes to the client."""
    if response.drop:
        return response
    if first(request.query, *_ALT) == _MEDIA and request.method == "GET":
        return ranges.part(request.headers, response)
    if not _OPENAI.match(request.path):
        response = _shaped(request, response)
    return _compressed(request, response)


def _shaped(request: Request, response: Response) -> Response:
    """With the fields that were asked for, and indented unless it is an event of a stream or nobody wants it."""
    kind = response.headers.get("Content-Type", "")
    is_json = kind.startswith("application/json")
    pretty = is_json and first(request.query, "$prettyPrint", "prettyPrint").lower() not in ("false", "0")
    mask = _mask(request) if response.status == 200 else {}
    if not (is_json or kind.startswith("text/event-stream")) or not (pretty or mask):
        return response
    if response.stream is not None and response.stream.length is not None:  # bytes that are no answer of a method
        return response

    def shape(text: bytes) -> bytes:
        return _rewritten(text, mask, 2 if pretty else None)

    if response.stream is None:
        return replace(response, body=shape(response.body))
    return replace(response, stream=Stream(None, _each(response.stream.pieces, shape)))


def _each(pieces: Iterator[bytes | float], shape: Callable[[bytes], bytes]) -> Iterator[bytes | float]:
    for piece in pieces:
        yield piece if isinstance(piece, float) else shape(piece)


def _rewritten(text: bytes, mask: partial.Mask, indent: int | None) -> bytes:
    """The text with another object in the place of the one in it: an answer, an event, or an item of an array."""
    found = _OBJECT.search(text)
    if found is None:
        return text
    try:
        value = json.loads(found[0])
    except (ValueError, RecursionError):
        return text
    if value.keys() != {"error"}:  # the end of a stream that failed is shown whole
        value = partial.select(value, mask)
    shaped = json.dumps(value, ensure_ascii=False, indent=indent).encode("utf-8", "replace")
    return text[: found.start()] + shaped + text[found.end() :]


def _compressed(request: Request, response: Response) -> Response:
    """In gzip for who takes it. What a fault cuts off is counted in bytes of the plain answer."""
    body, headers = response.body, response.headers
    if response.stream is not None or response.cut is not None or not encodings.is_worth_it(body):
        return response
    if not headers.get("Content-Type", "").startswith(_TEXTS) or "Content-Encoding" in headers:
        return response
    headers = {**headers, "Vary": "Accept-Encoding"}
    if not encodings.accepts_gzip(request.headers.get("accept-encoding", "")):
        return replace(response, headers=headers)
    return replace(response, headers={**headers, "Content-Encoding": "gzip"}, body=encodings.encoded(body))


def _mask(request: Request) -> partial.Mask:
    """The fields that are asked for; empty for all."""
    text = first(request.query, "$fields", "fields") or request.headers.get("x-goog-fieldmask", "")
    return partial.read(text, checked=not _SNAKE.match(request.path)) if text.strip() else {}
