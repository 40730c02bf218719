"""Publishes the names of live objects in a JSON file, a .env file, or GitHub's output file. Called by
workflows/apply.py, and by the engine, to which apply gives it, within each create.

Each writer changes only its own key in a file that others share, and files change by rename: a reader sees the old
text or the new one, nothing in between. A name that is already there is not written again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gemctl.core.address import Address
from gemctl.core.errors import GemctlError
from gemctl.core.json_text import to_bytes
from gemctl.core.record import Ledger, Record
from gemctl.core.resource import Desired, Publish
from gemctl.files.disk import Files, Unfit
from gemctl.files.whole import write_whole

MOST = 64 << 20  # bytes of a file that names are published in


class Publisher:
    """Writes under `root`; `env` says where GitHub wants outputs."""

    def __init__(self, root: Path, desired: Desired, env: Mapping[str, str]) -> None:
        self._root, self._desired, self._env = root, desired, env
        self._files = Files(root, private=False)

    def all(self, ledger: Ledger) -> Mapping[Address, str]:
        """Publish the names of all these bindings. Returns the addresses that failed, each with the reason."""
        failed: dict[Address, str] = {}
        for address, record in sorted(ledger.records.items()):
            try:
                self.one(address, record)
            except (OSError, GemctlError) as error:
                failed[address] = str(error)
        return failed

    def one(self, address: Address, record: Record) -> None:
        """Publish the name of one binding. Raises OSError or GemctlError when a reader can't be told."""
        resource = self._desired.resources.get(address)
        for target in resource.publish if resource else ():
            self._tell(target, record.name)

    def _tell(self, target: Publish, name: str) -> None:
        if target.form == "githubOutput":
            if file := self._env.get("GITHUB_OUTPUT"):
                _append(Path(file).absolute(), f"{target.key}={name}\n")
            return
        path = self._root / (target.file or "")
        with _placing():
            before = _read(self._files, path)
            if target.form == "file":
                after = _json(before, target.key, name, path)
            else:
                after = _dotenv(before, target.key, name)
            if after != before:
                _replace(self._files, path, after)


@contextmanager
def _placing() -> Iterator[None]:
    """Refuses to publish through a link: GemctlError E005."""
    try:
        yield
    except Unfit as unfit:
        if unfit.code != "E430":
            raise
        raise GemctlError(str(unfit), code="E005", hint="Publish to a plain file.") from None


def _json(before: str | None, key: str, name: str, path: Path) -> str:
    try:
        document = json.loads(before, object_pairs_hook=_unique) if before and before.strip() else {}
        json.dumps(document, allow_nan=False)
        if not isinstance(document, dict):
            raise TypeError
    except (ValueError, TypeError, RecursionError):
        raise GemctlError(
            f"{path} is not a plain JSON object, so a key can't be set in it.",
            code="E006",
            hint="Mend it, or remove it.",
        ) from None
    if document.get(key) == name:
        return before or ""
    return json.dumps({**document, key: name}, indent=2, ensure_ascii=False) + "\n"


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Raises ValueError for a key that stands twice: one of the two would be lost when the file is written again."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _dotenv(before: str | None, key: str, name: str) -> str:
    text = before or ""
    line = f"{key}={name}" + ("\r\n" if "\r\n" in text else "\n")
    pattern = re.compile(rf"^(export[ \t]+)?{re.escape(key)}[ \t]*=.*(?:\n|\Z)", re.MULTILINE)
    if pattern.search(text):
        return pattern.sub(lambda match: (match[1] or "") + line, text)  # all of them: readers take the last
    return text + ("" if not text or text.endswith("\n") else "\n") + line


def _read(files: Files, path: Path) -> str | None:
    data = files.read(path, MOST)
    try:
        return None if data is None else data.decode()  # line ends stay as they are
    except UnicodeDecodeError:
        raise GemctlError(
            f"{path} is not UTF-8 text, so nothing can be set in it.", code="E006", hint="Mend it, or remove it."
        ) from None


def _replace(files: Files, path: Path, text: str) -> None:
    write_whole(files, path, to_bytes(text))


def _append(path: Path, line: str) -> None:
    files = Files(path.parent, private=False)
    text = _read(files, path) or ""
    if line in text.splitlines(keepends=True):
        return
    handle = files.append_to(path)
    try:
        files.write(handle, (line if not text or text.endswith("\n") else "\n" + line).encode())
    finally:
        files.close(handle)
