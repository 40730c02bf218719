"""Makes the lines of a file of requests as they are uploaded: references in them become live names, and what the
manifest says for all requests is put under each. `Kind.make` of BatchJob; called when a step starts, as the lines are
sent.

Lines come in as `lines` has found them right, and memory does not grow with them. Most are of a few skeletons: a
template is made of the first line of each, with marks in the place of its strings, and for the others their strings are
put into it as they stand there, byte for byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gemctl.core.digest import canonical
from gemctl.core.errors import Stale
from gemctl.core.frozen import dataclass
from gemctl.core.source import Json, JsonObject
from gemctl.kinds.parts import protojson
from gemctl.kinds.parts.generation import put_under
from gemctl.kinds.parts.lines import SHAPES
from gemctl.kinds.parts.skeletons import Skeleton, Skeletons, marked, taken_apart


def merged(values: JsonObject, lines: Iterable[bytes]) -> Iterator[bytes]:
    """Each line as it is uploaded: one JSON object, the key first, with a newline. A line without a reference is left
    as it is, byte for byte, if nothing is put under it.

    values   method         of the API: generateContent or embedContent.
             request        fields of a request as the service takes them; a line's own field wins.
             before, after  parts: put before the first of its first message, and after the last of its last one.
             cachedContents, files   live names, by the names in references; of files {fileUri, mimeType}.

    Raises Stale for a line that is no request: then the file is not the one that was checked.
    """
    merge = _Merge(values)
    for line in lines:
        # A line with a reference has one of these in it: names may be written with escapes.
        if merge.changes_nothing and not (b"Ref" in line or b"_ref" in line or b"\\u" in line):
            yield line
        elif made := merge.line(line):
            yield made


@dataclass(frozen=True, slots=True)
class _Template:
    """What stands before, between and after the strings of lines of one skeleton. `order` says where each goes; None
    for the order that they have.
    """

    pieces: tuple[bytes, ...]
    order: tuple[int, ...] | None

    def filled(self, strings: list[bytes]) -> bytes:
        if self.order is not None:
            strings = [strings[index] for index in self.order]
        line = [b""] * (2 * len(strings) + 1)
        line[::2] = self.pieces
        line[1::2] = strings
        return b"".join(line)


class _Merge:
    """Changes line after line. `changes_nothing` if only references are replaced."""

    def __init__(self, values: JsonObject) -> None:
        self._read = protojson.reader(SHAPES[values["method"]])
        self._request: JsonObject = values.get("request", {})
        self._before: list[Json] = list(values.get("before", ()))
        self._after: list[Json] = list(values.get("after", ()))
        self._caches: Mapping[str, str] = values.get("cachedContents", {})
        self._files: Mapping[str, JsonObject] = values.get("files", {})
        self.changes_nothing = not (self._request or self._before or self._after)
        self._beside = canonical(dict(values))
        self._templates: Skeletons[_Template] = Skeletons()

    def line(self, line: bytes) -> bytes:
        """The line as it is uploaded; nothing for a blank one."""
        if not self._templates.useful:
            return self._made(line)
        skeleton, strings = taken_apart(line)
        template = self._templates.get(skeleton)
        if template is not None:
            return template.filled(strings)
        made = self._made(line)
        if made and (template := self._template(skeleton)) is not None:
            self._templates.keep(skeleton, template)
        return made

    def _template(self, skeleton: Skeleton) -> _Template | None:
        """None unless each string of a line comes out once."""
        line, marks = marked(skeleton, self._beside)
        if not marks:
            return None
        digest = marks[0].partition(".")[0]
        pieces = re.split(rb"%b\.([0-9]+)\." % digest.encode(), self._made(line))
        order = tuple(map(int, pieces[1::2]))
        if sorted(order) != list(range(len(marks))):
            return None
        return _Template(tuple(pieces[::2]), None if list(order) == sorted(order) else order)

    def _made(self, line: bytes) -> bytes:
        if not line.strip():
            return line if self.changes_nothing else b""
        try:
            value = self._read(json.loads(line))
            key, request = value["key"], value["request"]
            if self.changes_nothing and not _refers(request):
                return line
            made = {"key": key, "request": self._whole(request)}
        except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
            why = "A file of requests has changed since the plan was made."
            raise Stale(why, code="E133", hint="Make a new plan.") from error
        return _written(made) + b"\n"

    def _whole(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """A request in its plain spelling, with live names, and with all that is put under it."""
        own = dict(request)
        if "cachedContentRef" in own:
            own["cachedContent"] = self._caches[own.pop("cachedContentRef")["name"]]
        if "systemInstruction" in own:
            own["systemInstruction"] = self._message(own["systemInstruction"])
        field = "contents" if "contents" in own else "content"
        messages = [self._message(one) for one in (own[field] if field == "contents" else [own[field]])]
        messages[0]["parts"] = [*self._before, *messages[0]["parts"]]
        messages[-1]["parts"] = [*messages[-1]["parts"], *self._after]
        own[field] = messages if field == "contents" else messages[0]
        return put_under(own, self._request)

    def _message(self, message: Mapping[str, Any]) -> dict[str, Any]:
        return {**message, "parts": [self._part(part) for part in message["parts"]]}

    def _part(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        if "fileRef" not in part:
            return part
        ref = part["fileRef"]
        data = dict(self._files[ref["name"]])
        if "mimeType" in ref:
            data["mimeType"] = ref["mimeType"]
        return {"fileData" if name == "fileRef" else name: data if name == "fileRef" else value
                for name, value in part.items()}  # fmt: skip


def _refers(request: Mapping[str, Any]) -> bool:
    """Whether a request in its plain spelling has a reference."""
    messages = request["contents"] if "contents" in request else [request["content"]]
    if "systemInstruction" in request:
        messages = [*messages, request["systemInstruction"]]
    return "cachedContentRef" in request or any("fileRef" in part for one in messages for part in one["parts"])


def _written(value: Json) -> bytes:
    """JSON on one line; in UTF-8, unless a text has half a character in it, which only an escape can have."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
