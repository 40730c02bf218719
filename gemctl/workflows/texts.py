"""Finds what an edited text was when it was sent: gemctl keeps its digest only, so the text is looked for among the
versions that git has of its file, or of the manifest that it stands in. Called by `gemctl plan --diff`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gemctl.core.change import Action, Change
from gemctl.core.digest import is_sha256, sha256
from gemctl.core.errors import GemctlError, Rejected
from gemctl.core.resource import Attachment, Resource
from gemctl.core.source import Json, Path, SourceFile, show_path
from gemctl.core.texts import EditedText
from gemctl.files.attached import read_text
from gemctl.files.git import MOST_VERSIONS, Git, NoGit
from gemctl.manifest.yaml import parse
from gemctl.workflows.plan import Planned
from gemctl.workflows.wiring import Session

MOST_MANIFESTS = 50  # versions of one manifest that are read for the texts in it
MOST_TEXTS = 100  # edited texts that are looked for


def edited_texts(session: Session, planned: Planned) -> tuple[EditedText, ...]:
    """The texts that were edited since they were sent, in the order of the plan. None of a kind with secrets."""
    found: list[EditedText] = []
    history = _History(Git(str(session.root), session.settings.env))
    for change in planned.plan.changes:
        resource = planned.observation.desired.resources.get(change.address)
        shown = change.action is not Action.KEEP and resource and not session.catalogue[change.address.kind].secretive
        if not shown or resource is None:
            continue
        for at, before, now in _pairs(change, resource, _sent(planned, change)):
            if len(found) == MOST_TEXTS:
                return tuple(found)
            try:
                after = read_text(str(session.root), now)
            except GemctlError:  # it was edited since the plan was made
                continue
            manifest = resource.positions.root.file
            old, why = history.text(before, now.path, manifest)
            found.append(EditedText(change.address, show_path(at), now.path or manifest, old, after, why))
    return tuple(found)


def _sent(planned: Planned, change: Change) -> Json:
    record = planned.observation.ledger.records.get(change.address)
    return record.fields if record else None


def _pairs(change: Change, resource: Resource, sent: Json) -> Iterator[tuple[Path, str, Attachment]]:
    """Places in the form where one text has taken the place of another. One that has only moved is no edit."""
    texts = {one.at: one for one in resource.declared.attachments if not one.binary}
    earlier, now = set(_digests(sent)), {one.digest for one in texts.values()}
    for field in change.fields:
        before = dict(_leaves(field.before, field.path))
        for at, digest in _leaves(field.after, field.path):
            old = before.get(at)
            if at in texts and old and is_sha256(old) and old != digest and old not in now and digest not in earlier:
                yield at, old, texts[at]


def _leaves(value: Json, at: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*at, key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*at, index))
    else:
        yield at, value


def _digests(value: Json) -> Iterator[str]:
    return (leaf for _, leaf in _leaves(value, ()) if is_sha256(leaf))


class _History:
    """Texts of earlier versions by their digests, as far as they were looked at."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._files: dict[str, dict[str, str]] = {}
        self._manifests: dict[str, dict[str, str]] = {}

    def text(self, digest: str, path: str | None, manifest: str) -> tuple[str | None, str]:
        """The text with this digest; None, and why, where it is not found."""
        try:
            found = self._of_file(path).get(digest) if path else None
            if found is None:
                found = self._in_manifest(manifest).get(digest)
        except NoGit as error:
            return None, f"what was sent is not known: {error}"
        if found is not None:
            return found, ""
        where = path or manifest
        return None, f"what was sent is in none of the last {MOST_VERSIONS} versions of {where} in git ({digest[:15]}…)"

    def _of_file(self, path: str) -> Mapping[str, str]:
        if path not in self._files:
            known = self._files[path] = {}
            for data in self._git.versions(path):
                try:
                    known[sha256(data)] = data.decode("utf-8")
                except UnicodeDecodeError:
                    continue
        return self._files[path]

    def _in_manifest(self, path: str) -> Mapping[str, str]:
        """All texts in the values of earlier versions of a manifest."""
        if path not in self._manifests:
            known = self._manifests[path] = {}
            for number, data in enumerate(self._git.versions(path)):
                if number == MOST_MANIFESTS:
                    break
                try:
                    documents = parse(SourceFile(path, data.decode("utf-8")))
                except (UnicodeDecodeError, Rejected):
                    continue
                texts = (leaf for one in documents for _, leaf in _leaves(one.value, ()) if isinstance(leaf, str))
                known |= {sha256(text.encode("utf-8", "surrogatepass")): text for text in texts}
        return self._manifests[path]
