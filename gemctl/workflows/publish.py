"""Tells readers the server's names: in a JSON file, a .env file, or GitHub's output file.

Each writer changes only its own key in a file that others share, and files change by rename: a reader sees the old
text or the new one, nothing in between. What is already right is not written again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from gemctl.core.address import Address
from gemctl.core.errors import GemctlError
from gemctl.core.record import Ledger, Record
from gemctl.core.resource import Desired, Publish
from gemctl.workflows.files import place, write_whole


class Publisher:
    """Writes under `root`; `env` says where GitHub wants outputs."""

    def __init__(self, root: Path, desired: Desired, env: Mapping[str, str]) -> None:
        self._root, self._desired, self._env = root, desired, env

    def all(self, ledger: Ledger) -> Mapping[Address, str]:
        """Bring everything that is published up to date with these bindings. Returns where it can't be, and why."""
        failed: dict[Address, str] = {}
        for address, record in sorted(ledger.records.items()):
            try:
                self.one(address, record)
            except (OSError, GemctlError) as error:
                failed[address] = str(error)
        return failed

    def one(self, address: Address, record: Record) -> None:
        """Raises OSError or GemctlError when a reader can't be told."""
        resource = self._desired.resources.get(address)
        for target in resource.publish if resource else ():
            self._tell(target, record.name)

    def _tell(self, target: Publish, name: str) -> None:
        if target.form == "githubOutput":
            if file := self._env.get("GITHUB_OUTPUT"):
                _append(Path(file), f"{target.key}={name}\n")
            return
        path = place(self._root, target.file or "")
        before = _read(path)
        after = _json(before, target.key, name, path) if target.form == "file" else _dotenv(before, target.key, name)
        if after != before:
            _replace(path, after)


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
    """Refuses what would not survive being written again."""
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


def _read(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8", newline="") as file:  # line ends stay as they are
            return file.read()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise GemctlError(
            f"{path} is not UTF-8 text, so nothing can be set in it.", code="E006", hint="Mend it, or remove it."
        ) from None


def _replace(path: Path, text: str) -> None:
    write_whole(path, text.encode())


def _append(path: Path, line: str) -> None:
    text = _read(path) or ""
    if line in text.splitlines(keepends=True):
        return
    with path.open("a", encoding="utf-8") as file:
        file.write(line if not text or text.endswith("\n") else "\n" + line)
