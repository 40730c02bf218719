"""Reads a body of several parts (RFC 2046, section 5.1).

Called by the uploads that come in one request. Separate because it is MIME's, and because the library's own reader
(`email`) changes line ends, which are bytes of the user's file here. It is as forgiving as Google's upload services are
known to be: multipart/related and multipart/form-data alike, lines that end in LF alone (google-api-python-client sends
them), and base64 (Google's JavaScript client). The message is that of these services.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from gemctl.emulator.wire import invalid

_MOST_PARTS = 10
_BOUNDARY = re.compile(r";\s*boundary\s*=\s*(?:\"([^\"]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """One part: its header names are in lower case."""

    headers: Mapping[str, str]
    data: bytes


def is_multipart(content_type: str) -> bool:
    """Whether a Content-Type says that there are parts."""
    return content_type.strip().lower().startswith("multipart/")


def parts(content_type: str, body: bytes) -> list[Part]:
    """The parts of a body, or a 400."""
    found = _BOUNDARY.search(content_type)
    if found is None or not is_multipart(content_type):
        raise invalid("Malformed multipart body.")
    boundary = re.escape((found[1] or found[2]).encode("utf-8", "replace"))
    # The line end before a boundary belongs to the boundary.
    lines = re.compile(rb"(?:\A|\r?\n)--" + boundary + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    places = []
    for place in lines.finditer(body):
        places.append(place)
        if place[1] or len(places) > _MOST_PARTS:
            break
    if not places or not places[-1][1]:
        raise invalid("Malformed multipart body.")
    return [_part(body[here.end() : there.start()]) for here, there in pairwise(places)]


def _part(text: bytes) -> Part:
    """A part from the end of its boundary's line: headers, an empty line, data."""
    end = re.search(rb"\A\r?\n\r?\n|\r?\n\r?\n", text)
    if end is None:
        raise invalid("Malformed multipart body.")
    headers = {}
    for line in text[: end.start()].decode("utf-8", "replace").splitlines():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    data = text[end.end() :]
    if headers.get("content-transfer-encoding", "").lower() == "base64":
        try:
            data = base64.b64decode(b"".join(data.split()), validate=True)
        except binascii.Error:
            raise invalid("Malformed multipart body.") from None
    return Part(headers, data)
