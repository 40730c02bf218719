"""Called by MkDocs (mkdocs.yml): links that lead out of docs/ go to the repository, since the site has only docs/.

A link to a file that is not there is a warning, and so an error of `mkdocs build --strict`.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any

LOG = logging.getLogger("mkdocs.hooks.site_links")
LINK = re.compile(r"\]\((\.\./[^)\s#]*)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: object) -> str:
    """The page with such links made absolute."""
    docs = Path(config.docs_dir)
    folder = PurePosixPath(page.file.src_uri).parent

    def absolute(match: re.Match[str]) -> str:
        inside = normpath(f"{docs.name}/{folder}/{match[1]}")
        if inside.startswith(f"{docs.name}/"):
            return match[0]
        there = docs.parent / inside
        if not there.exists():
            LOG.warning("%s: there is no %s", page.file.src_uri, inside)
        kind = "tree" if there.is_dir() else "blob"
        return f"]({config.repo_url.rstrip('/')}/{kind}/main/{inside}{match[2] or ''})"

    return LINK.sub(absolute, markdown)
