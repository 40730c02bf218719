"""Writes manifests for live objects, with comments on what a person has to fill in; and lines for gemctl.yaml. Called
by `gemctl import` and `gemctl handover`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gemctl.core.address import Address
from gemctl.core.generated_manifest import GeneratedManifest
from gemctl.core.moment import show_instant
from gemctl.render.json import FORMAT
from gemctl.render.manifests import yaml
from gemctl.render.safe import safe


def text(manifests: Sequence[GeneratedManifest], stack: str | None) -> str:
    """One document for each manifest. `stack` as in `imports`."""
    lines = {one.address: one.item.name for one in manifests}
    head = [
        "Live objects, as far as the service shows what they were made of. Fill in what is marked, and",
        "check with `gemctl validate`. To bind them, add to gemctl.yaml:",
        "",
        *imports(lines, stack).splitlines(),
    ]
    body = "".join(f"{line}\n" for one in manifests for line in _document(one))
    return "".join(f"# {line}".rstrip() + "\n" for line in head) + body


def _document(one: GeneratedManifest) -> Iterator[str]:
    item = one.item
    made = f", made {show_instant(item.created)}" if item.created else ""
    tokens = f", {item.tokens:,} tokens" if item.tokens is not None else ""
    yield "---"
    yield f"# {safe(item.name)}{made}{tokens}"
    if one.below and item.held:
        one_only = f"# The {one.below} in it stays another's, and is left alone"
        several = f"# The {item.held:,} {one.below}s in it stay others', and are left alone"
        yield f"{one_only if item.held == 1 else several} as long as it lives."
    yield from yaml(one.value, one.notes).splitlines()
    if one.rest:
        yield f"  # {', '.join(one.rest)}: not shown either. Declare what it was made with."


def imports(lines: Mapping[Address, str], stack: str | None) -> str:
    """The lines of gemctl.yaml that bind these objects: for one stack of several, or for the only one (None)."""
    value: dict[str, Any] = {"imports": {str(address): name for address, name in sorted(lines.items())}}
    return yaml({"stacks": {stack: value}} if stack else value).removesuffix("\n")


def document(manifests: Sequence[GeneratedManifest], file: str | None, passed: Mapping[str, str]) -> dict[str, Any]:
    """The same, for programs. `passed` are names that were left out, with the reasons."""
    return {
        "formatVersion": FORMAT,
        "file": file,
        "documents": [one.value for one in manifests],
        "imports": {str(one.address): one.item.name for one in manifests},
        "leftOut": dict(passed),
    }
