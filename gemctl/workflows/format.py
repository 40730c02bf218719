"""Lays out the manifests of a project and gemctl.yaml. Called by `gemctl fmt`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import Rejected
from gemctl.core.frozen import dataclass
from gemctl.core.source import MAX_TEXT, SourceFile, Span
from gemctl.files.disk import Files
from gemctl.files.whole import write_whole
from gemctl.manifest.find import PROJECT_FILE, find, project_root
from gemctl.manifest.layout import is_ours, laid_out
from gemctl.manifest.read import sources


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A file whose layout is another than it should be. `path` is relative to the root."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Formatted:
    """The outcome of `fmt`. `problems` are of files that can't be read, which are as they were."""

    root: str
    looked_at: int
    files: tuple[Rewritten, ...]
    problems: tuple[Diagnostic, ...]


def fmt(folder: str, paths: Sequence[str], *, write: bool) -> Formatted:
    """Lay out these manifests, or gemctl.yaml and all manifests; with `write` put each in its place, as a whole. Files
    that are not of gemctl are left alone. Raises Usage without a project, Rejected for a path that leads nowhere, and
    OSError for a file that can't be written.
    """
    root = project_root(folder)
    project = Path(root, PROJECT_FILE)
    manifests = [path for path in paths if Path(path).resolve() != project]
    found = list(find(root, manifests)) if manifests or not paths else []
    if len(manifests) < len(paths) or not paths:
        found.insert(0, PROJECT_FILE)
    rewritten: list[Rewritten] = []
    problems: list[Diagnostic] = []
    for path in found:
        try:
            (source,) = sources(root, (path,))
            after = laid_out(source) if is_ours(source) else source.text
        except Rejected as rejected:
            problems += rejected.diagnostics
            continue
        if after != source.text and (not write or _write(root, source, after, problems)):
            rewritten.append(Rewritten(path, source.text, after))
    return Formatted(root, len(found), tuple(rewritten), tuple(problems))


def _write(root: str, source: SourceFile, after: str, problems: list[Diagnostic]) -> bool:
    """Write the text, if the file is still what was read. A link is followed: `find` has seen that it leads into the
    project.
    """
    files, path = Files(Path(root), private=False), Path(root, source.path).resolve()
    if files.read(path, MAX_TEXT) != source.text.encode():
        span = Span(source.path, 1, 1, 1, 1)
        problems.append(problem("E090", "It was changed while it was laid out, and is left alone.", span=span))
        return False
    write_whole(files, path, after.encode())
    return True
