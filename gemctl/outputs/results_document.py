"""Makes of a run's one answer what people read: JSON, its text as Markdown, and a file for each picture or recording.
Called by results_parts.py, for `run.results` that end in .json or .md, of kinds that have `Once.document`.

    out/report.json      the answer as the service gave it, indented
    out/report.md        its text, if there is any
    out/report.1.jpg     its pictures and recordings, in their order

Where `run.results` ends in .md, that file is the text, and there is no .json.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from gemctl.core.digest import sha256
from gemctl.core.json_text import to_bytes
from gemctl.core.lifetime import Readable
from gemctl.core.resource import MARKDOWN
from gemctl.files.disk import Files
from gemctl.files.whole import fresh
from gemctl.outputs.results_place import Place

Reads = Callable[[object], Readable]


def main(relative: str, line: bytes, reads: Reads) -> bytes:
    """The bytes of the file that `run.results` names, of the line of the result."""
    result = json.loads(line)
    response = result.get("response")
    if not relative.lower().endswith(MARKDOWN):
        shown = result if response is None else response
        return to_bytes(json.dumps(shown, ensure_ascii=False, indent=2)) + b"\n"
    return _text(reads(response))


def beside(relative: str, line: bytes, reads: Reads) -> Mapping[str, bytes]:
    """The files that lie beside it, by their paths from the project root."""
    return dict(_beside(relative, reads(json.loads(line).get("response"))))


def _beside(relative: str, found: Readable) -> Iterator[tuple[str, bytes]]:
    stem = relative.rpartition(".")[0]
    if found.text and not relative.lower().endswith(MARKDOWN):
        yield f"{stem}{MARKDOWN}", _text(found)
    for number, (end, data) in enumerate(found.media, start=1):
        yield f"{stem}.{number}{end}", data


def _text(found: Readable) -> bytes:
    return to_bytes(found.text if found.text.endswith("\n") or not found.text else f"{found.text}\n")


def write_beside(files: Files, root: Path, place: Place, found: Mapping[str, bytes], *, like: str, ours: bool) -> None:
    """Write files that lie beside the results `like`. What lies there is put aside, unless it is `ours`. Raises
    OSError.
    """
    for relative, data in found.items():
        with fresh(files, root / relative) as new:
            new.write(data)
            before = place.digest(relative)
            if before == sha256(data):
                continue
            if before is not None and not ours:
                place.put_aside(relative, like=like)
            new.put()
