"""Digests are for ever: these were right once, so they are right now.

Each entry of golden_digests.json has several spellings of one declaration (YAML style, key order, inline or in files,
defaults or not), the canonical form they come to, its digest and its tag. Entries are added and never changed: another
digest would replace every cache of that form, and bill it again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gemctl.core.address import Address
from gemctl.core.digest import canonical, sha256, tag
from gemctl.core.kind import FileNeed
from gemctl.core.mark import spec_tag
from gemctl.core.members import as_resource
from gemctl.core.project import Project, Stack
from gemctl.core.resource import Attachment
from gemctl.core.source import SourceFile
from gemctl.kinds import CATALOGUE
from gemctl.manifest.bind import bind
from gemctl.manifest.yaml import parse

GOLDEN: list[dict[str, Any]] = json.loads((Path(__file__).parent / "golden_digests.json").read_text(encoding="utf-8"))


def spellings(entry: dict[str, Any]) -> list[Any]:
    """Every spelling is a spec in YAML, or an object with files, defaults or variables beside it, with what comes
    `after` the spec in the same document, or with other documents `beside` it. An entry may be `of` another resource
    that comes of it, or of a `member` that comes with it, named by its path.
    """
    return [{"spec": one} if isinstance(one, str) else one for one in entry["spellings"]]


def read(need: FileNeed, path: str, data: bytes) -> Attachment:
    lines = None
    if need.check:
        found = need.check(data.splitlines(keepends=True), len(data))
        with pytest.raises(StopIteration) as end:
            next(found)
        lines = end.value.value
    return Attachment(sha256(data), len(data), path=path, binary=need.binary, lines=lines)


@pytest.mark.parametrize("entry", GOLDEN, ids=lambda entry: entry["name"])
def test_golden_digests(entry: dict[str, Any]) -> None:
    assert len(entry["spellings"]) >= 2
    for one in spellings(entry):
        files: dict[str, str] = one.get("files", {})

        def attach(need: FileNeed, named_in: str, files: dict[str, str] = files) -> tuple[Attachment, ...]:
            folder = need.pattern.removesuffix("*")
            names = sorted(name for name in files if name.startswith(folder)) if need.many else [need.pattern]
            found = tuple(read(need, n, files[n].encode()) for n in names)
            return tuple(
                replace(one, below=(one.path or "").removeprefix(folder)) if need.many else one for one in found
            )

        stack = Stack("s", vars=one.get("vars", {}))
        kind = entry.get("kind", "CachedContent")
        project = Project("p", None, "s", {"s": stack}, defaults={kind: {"spec": one.get("defaults", {})}})
        body = "".join(f"  {line}\n" for line in one["spec"].rstrip("\n").split("\n"))
        text = f"apiVersion: gemctl/v1\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n{body}"
        text += f"{one.get('after', '')}\n---\n{one.get('beside', '')}"
        desired = bind(parse(SourceFile("m.yaml", text)), project, stack, CATALOGUE, attach)
        resource = desired.resources[Address(*entry.get("of", f"{kind}/x").split("/"))]
        if path := entry.get("member"):
            members = CATALOGUE[kind].members
            assert members is not None
            assert resource.declared.members[path].tag == entry["tag"], one
            resource = as_resource(resource, path, members)
        assert resource.declared.fields == entry["fields"], one
        assert sha256(canonical(resource.declared.fields)) == entry["digest"], one
        assert resource.spec_tag == entry["tag"]


def test_the_digests_are_what_they_say() -> None:
    """Computed here by other means, so that a mistake in core.digest can't hide in the golden file."""
    assert len(GOLDEN) >= 12
    for entry in GOLDEN:
        text = json.dumps(entry["fields"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        hashed = hashlib.sha256(text.encode())
        assert entry["digest"] == f"sha256:{hashed.hexdigest()}"
        bits = bin(int(hashed.hexdigest(), 16))[2:].zfill(256)
        letters = "abcdefghijklmnopqrstuvwxyz234567"
        assert entry["tag"] == "".join(letters[int(bits[at : at + 5], 2)] for at in range(0, 65, 5))
        assert entry["tag"] == spec_tag(entry["fields"]) == tag(text.encode(), 13)
    assert len({entry["digest"] for entry in GOLDEN}) == len(GOLDEN)
