"""Writes a new project that works at once, on the emulator. Called by `gemctl init`."""

from __future__ import annotations

import secrets
from importlib.resources import files
from pathlib import Path

from gemctl.core.digest import ALPHABET
from gemctl.core.errors import Usage
from gemctl.core.frozen import dataclass
from gemctl.core.scalar import is_text
from gemctl.files.disk import Files
from gemctl.files.whole import write_new
from gemctl.workflows.schema import schema_text

MOST = 1 << 20  # bytes of a .gitignore
SCHEMA = ".gemctl-schema.json"  # not in .gemctl, which is this machine's own: editors need it in a clone as well
_MODELINE = f"# yaml-language-server: $schema={SCHEMA}\n"
_PROJECT = """\
# gemctl.yaml: the project file. Its folder is the project root.
apiVersion: gemctl/v1
kind: Project
metadata:
  name: {name}
  id: {id}          # random; part of the mark on every object, so keep it
defaultStack: local
stacks:
  local: {{endpoint: emulator}}    # embedded: no key, no network
  dev: {{}}                        # the Gemini API, with GEMINI_API_KEY
  prod: {{}}                       # the same, with objects and a state of its own; pipelines use it
defaults:
  CachedContent:
    spec: {{model: gemini-3.8-flash, ttl: 1h}}
    lifecycle: {{renewBefore: 20m}}
"""

_CACHE = """\
# A cached content: texts that your prompts share, kept by the service for as long as you say.
apiVersion: gemctl/v1
kind: CachedContent
metadata:
  name: handbook
spec:
  systemInstruction: {textFile: prompts/system.md}
  contents:
    - role: user
      parts:
        - textFiles: texts/*.md      # one part a file, sorted by path
publish:
  # Where your program finds the cache's name. Each stack has a file of its own.
  - {file: "out/${stack}/caches.json", key: handbook}
"""

_SYSTEM = """\
You answer questions about the handbook you were given. Quote the section you rely on.
If the handbook does not say, say that, and do not guess.
"""

_IGNORE = """\
.gemctl/
out/
"""


@dataclass(frozen=True, slots=True)
class Made:
    """The outcome of `init`. `kept` are files that were there already; `ignores_state` is False if git would take in
    the state folder.
    """

    folder: Path
    written: tuple[str, ...]
    kept: tuple[str, ...]
    ignores_state: bool


def init(folder: str) -> Made:
    """Write the files that are missing. Raises Usage when there is a project already, OSError when a file can't be
    written.
    """
    root = Path(folder)
    if (root / "gemctl.yaml").exists():
        raise Usage(f"There is a project in {root} already.", code="E019", hint="Run `gemctl plan` in it.")
    name = _name(root)
    identity = "".join(secrets.choice(ALPHABET) for _ in range(8))
    contents = {
        "gemctl.yaml": _MODELINE + _PROJECT.format(name=_plain(name), id=_plain(identity)),
        "handbook.yaml": _MODELINE + _CACHE,
        "prompts/system.md": _SYSTEM,
        "texts/handbook.md": _handbook(),
        ".gitignore": _IGNORE,
        SCHEMA: schema_text(),
    }
    root.mkdir(parents=True, exist_ok=True)
    project = Files(root, private=False)
    written: list[str] = []
    kept: list[str] = []
    for path, text in sorted(contents.items(), key=lambda item: item[0] == "gemctl.yaml"):  # the project file last
        made = write_new(project, root / path, text.encode())
        (written if made else kept).append(path)
    ignored = (project.read(root / ".gitignore", MOST) or b"").decode("utf-8", "replace").splitlines()
    return Made(root, tuple(written), tuple(kept), any(line.strip().strip("/") == ".gemctl" for line in ignored))


def _name(root: Path) -> str:
    text = "".join(c if c.isalnum() and c.isascii() else "-" for c in root.resolve().name.lower()).strip("-")
    return text[:40].strip("-") or "my-project"


def _plain(word: str) -> str:
    """The word as YAML, without quotes where it can't be taken for a number or the like."""
    return word if is_text(word) else f"'{word}'"


def _handbook() -> str:
    return (files("gemctl.workflows.sample") / "handbook.md").read_text(encoding="utf-8")
