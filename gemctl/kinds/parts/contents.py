"""Brings messages into the canonical form. Called by every kind whose specs hold contents.

The form is for ever, as the digests of caches and jobs are made of it:

* a bare text is a Content of one part, `{"parts": [{"text": …}]}`; a part where a message may stand likewise;
* `textFile` and each file of `textFiles` is a `text`: whether a text stands in the manifest or in files, and where
  these lie, makes no difference. The other fields of the part go with each;
* each text of a part is `sha256:` and the hex digest of its UTF-8 bytes, untouched; each `data` of an inlineData the
  digest of its base64, rewritten to the standard alphabet with padding and without line breaks, so that every digest
  is one of the very text which takes its place in the request;
* a `fileRef` is a fileData whose fileUri is the spec tag of that File, digest of its bytes and all; its mimeType stands
  there if it was given;
* numbers that are whole are integers (1.0 is 1), names of the API's enums capitals;
* everything else as written, under the API's camelCase names; `role` only where the user set it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gemctl.core.address import Address
from gemctl.core.call import Reference
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.digest import sha256
from gemctl.core.kind import FileNeed, Files
from gemctl.core.resource import Attachment, relocate
from gemctl.core.source import Json, JsonObject, Path
from gemctl.kinds.parts import rules
from gemctl.kinds.parts.tally import TokenTally, bytes_of
from gemctl.kinds.parts.token_count import count

LINKED = ""  # stands where a reference points, until `link` puts the target's spec tag there
_SPEAKER = "user"  # where no role is given
_FROM_FILES = ("textFile", "textFiles")
_WITH_BYTES = {"inlineData", "functionResponse"}


def text_needs(value: Any, at: Path) -> list[FileNeed]:
    """The files that a message, or a list of messages, takes texts from. It stands `at` this path of the spec."""
    return [
        FileNeed((*place, field), part[field], many=field == "textFiles", count=count)
        for place, part in parts_of(value, at)
        for field in _FROM_FILES
        if field in part
    ]


def parts_of(value: Any, at: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Every part as the user wrote it, with its path."""
    if isinstance(value, list):
        return [found for index, content in enumerate(value) for found in parts_of(content, (*at, index))]
    if not isinstance(value, dict):
        return []
    if "parts" not in value:
        return [(at, value)]
    return [((*at, "parts", number), part) for number, part in enumerate(value["parts"])]


class Draft:
    """A canonical form in the making: collects the texts, references and problems of its messages, and adds up in
    `tally` what they use.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._attachments: list[Attachment] = []
        self._sources: dict[Path, Path] = {}
        self._implied: set[Path] = set()
        self._references: list[Reference] = []
        self._problems: list[tuple[Path, Diagnostic]] = []
        self.tally = TokenTally()

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return tuple(self._attachments)

    @property
    def sources(self) -> Mapping[Path, Path]:
        return self._sources

    @property
    def implied(self) -> frozenset[Path]:
        return frozenset(self._implied)

    @property
    def references(self) -> tuple[Reference, ...]:
        return tuple(self._references)

    @property
    def problems(self) -> tuple[tuple[Path, Diagnostic], ...]:
        return tuple(self._problems)

    @property
    def filled(self) -> int:
        """The bytes that texts add when they take the place of digests."""
        return sum(one.size - len(one.digest) for one in self._attachments)

    def report(self, at: Path, found: Diagnostic) -> None:
        self._problems.append((at, found))

    def refer(self, reference: Reference) -> str:
        """Add a reference. Returns the value that stands in the form for now."""
        self._references.append(reference)
        return LINKED

    def came(self, to: Path, at: Path) -> None:
        """Note that the value at `to` in the form was written at `at` in the spec, with all below."""
        if (relocate(to, self._sources) if self._sources else to) != at:
            self._sources[to] = at

    def counted(self, value: Any) -> Json:
        """A value without texts in files: as it is, and counted."""
        form = whole(value)
        self.tally.value(form)
        return form

    def contents(self, value: Any, at: Path, to: Path) -> list[JsonObject]:
        """A message or a list of messages, as a list."""
        if not isinstance(value, list):
            return [self.content(value, at, (*to, 0))]
        return [self.content(content, (*at, index), (*to, index)) for index, content in enumerate(value)]

    def content(self, value: Any, at: Path, to: Path, *, embedded: bool = False) -> JsonObject:
        """A message. `at` is its path in the spec, `to` its path in the form.

        `embedded` says that it becomes a vector, which can't be made of an empty text.
        """
        self.came(to, at)
        below: Path = (*to, "parts")
        if isinstance(value, str):
            return {"parts": self._part({"text": value}, at, below, 0, embedded)}
        if "parts" not in value:
            return {"parts": self._part(value, at, below, 0, embedded)}
        if value.get("role") == _SPEAKER:
            self._implied.add((*to, "role"))
        return {**value, "parts": self._placed(value["parts"], (*at, "parts"), below, embedded)}

    def parts(self, values: list[Any], at: Path, to: Path) -> list[JsonObject]:
        """A list of parts without a message around them."""
        return self._placed(values, at, to, embedded=False)

    def _placed(self, values: list[Any], at: Path, to: Path, embedded: bool) -> list[JsonObject]:
        parts: list[JsonObject] = []
        for index, part in enumerate(values):
            parts += self._part(part, (*at, index), to, len(parts), embedded)
        return parts

    def _part(self, part: dict[str, Any], at: Path, to: Path, number: int, embedded: bool) -> list[JsonObject]:
        """The parts that one part as written becomes: items of the list at `to` in the form, from `number` on. It
        holds one kind of data, and stands `at` this path of the spec.
        """
        for field in _FROM_FILES:
            if field in part:
                texts = enumerate(self._files[(*at, field)], start=number)
                return [self._from_file(part, text, (*at, field), (*to, place), embedded) for place, text in texts]
        there: Path = (*to, number)
        self.came(there, at)
        if "text" in part:
            text = _attached(part["text"], (*there, "text"), count(part["text"]))
            return [self._text(part, "text", text, (*at, "text"), embedded)]
        self.tally.part(part)
        if "fileRef" in part:
            return [self._referring(part, at, there)]
        return [self._media_part(part, there) if part.keys() & _WITH_BYTES else _object(part)]

    def _from_file(self, part: dict[str, Any], text: Attachment, at: Path, to: Path, embedded: bool) -> JsonObject:
        """A part with the text of a file, which the field `at` this path of the spec names."""
        text = replace(text, at=(*to, "text"))
        self.came(to, at[:-1])
        self.came(text.at, at)
        return self._text(part, str(at[-1]), text, at, embedded)

    def _text(self, part: dict[str, Any], field: str, text: Attachment, at: Path, embedded: bool) -> JsonObject:
        """A part with a text in place of the field that says it, which stands `at` this path of the spec."""
        self._attachments.append(text)
        self.tally.text(text.tokens)
        if not text.size:
            self._empty(text, part, at, embedded)
        return {**_beside(part, field), "text": text.digest}

    def _empty(self, text: Attachment, part: Mapping[str, Any], at: Path, embedded: bool) -> None:
        """An empty text seals a thought (the API's guide on thought signatures); else it is hardly meant."""
        detail = f"{text.path} is empty." if text.path else "The text is empty."
        if embedded:
            self.report(at, rules.nothing_to_embed(detail))
        elif part.keys().isdisjoint(("thoughtSignature", "thought")):
            self.report(at, problem("W211", detail))

    def _referring(self, part: Mapping[str, Any], at: Path, to: Path) -> JsonObject:
        rest, ref = _beside(part, "fileRef"), part["fileRef"]
        target, written = Address("File", ref["name"]), (*at, "fileRef", "name")
        self.came((*to, "fileData"), (*at, "fileRef"))
        uri = self.refer(Reference((*to, "fileData", "fileUri"), target, "uri", written))
        if "mimeType" in ref:
            return {**rest, "fileData": {"fileUri": uri, "mimeType": ref["mimeType"]}}
        self.refer(Reference((*to, "fileData", "mimeType"), target, "mimeType", written, digested=False))
        return {**rest, "fileData": {"fileUri": uri}}

    def _media_part(self, part: dict[str, Any], to: Path) -> JsonObject:
        """A part with bytes in it: its own inlineData, or that of a function's response."""
        ready = dict(_object(part))
        if "inlineData" in ready:
            ready["inlineData"] = self._blob(ready["inlineData"], (*to, "inlineData"))
        response = ready.get("functionResponse")
        if isinstance(response, Mapping):
            pieces = [
                {**piece, "inlineData": self._blob(piece["inlineData"], (*to, *below))}
                if "inlineData" in piece
                else piece
                for number, piece in enumerate(response.get("parts", ()))
                for below in [("functionResponse", "parts", number, "inlineData")]
            ]
            ready["functionResponse"] = {**response, **({"parts": pieces} if "parts" in response else {})}
        return ready

    def _blob(self, blob: JsonObject, to: Path) -> JsonObject:
        text = _attached(base64.b64encode(bytes_of(blob["data"])).decode("ascii"), (*to, "data"))
        self._attachments.append(text)
        return {**blob, "data": text.digest}


def with_roles(contents: list[JsonObject]) -> list[JsonObject]:
    """Messages as they are sent: the user speaks where no role is given."""
    return [{"role": _SPEAKER, **content} for content in contents]


def whole(value: Any) -> Json:
    """Numbers that are whole as integers, at any depth: 1.0 and 1 are one number in JSON, and should be one digest."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _attached(text: str, at: Path, tokens: int | None = None) -> Attachment:
    data = text.encode("utf-8")
    return Attachment(sha256(data), len(data), text=text, at=at, tokens=tokens)


def _object(value: Mapping[str, Any]) -> JsonObject:
    return {name: whole(item) for name, item in value.items()}


def _beside(part: Mapping[str, Any], field: str) -> JsonObject:
    """What a part has beside this field."""
    return {name: whole(item) for name, item in part.items() if name != field}
