"""Large inputs: a text of a million tokens within a manifest, and as many files as a glob may find."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from scale_world import PROJECT

LINES = 80_000  # of 50 characters: about a million tokens
FILES = 10_000


@pytest.fixture
def sent(many, monkeypatch):
    """The bodies of all creates."""
    bodies = []
    handle = many.app.handle

    def seen(request):
        if request.method == "POST":
            bodies.append(json.loads(request.body))
        return handle(request)

    monkeypatch.setattr(many.app, "handle", seen)
    return bodies


@pytest.mark.slow
def test_a_text_of_a_million_tokens(many, sent):
    lines = [f"Line {number:06} of a book that is read by nobody, ever." for number in range(LINES)]
    (many.folder / "gemctl.yaml").write_text(PROJECT)
    manifest = many.folder / "book.yaml"
    head = "apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {name: book}\nspec:\n  contents: |\n"
    manifest.write_text(head + "".join(f"    {line}\n" for line in lines))
    assert "Valid: 1 resource." in many.gemctl("validate")
    many.gemctl("apply", "--yes")
    (body,) = sent
    (text,) = [part["text"] for content in body["contents"] for part in content["parts"]]
    assert text.splitlines() == lines
    tracemalloc.start()
    try:
        assert "1 in sync" in many.gemctl("plan", "--detailed-exitcode")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most <= 8 * manifest.stat().st_size


@pytest.mark.slow
def test_a_glob_of_ten_thousand_files(many, sent):
    (many.folder / "gemctl.yaml").write_text(PROJECT)
    manifest = "apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {name: book}\n"
    parts = '[{role: user, parts: [{textFiles: "docs/**/*.md"}]}]'
    (many.folder / "book.yaml").write_text(f"{manifest}spec: {{contents: {parts}}}\n")
    for number in range(FILES):
        place = many.folder / f"docs/{number // 100:03}/{number:05}.md"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"Chapter {number}.")
    many.gemctl("apply", "--yes")
    (body,) = sent
    texts = [part["text"] for content in body["contents"] for part in content["parts"]]
    assert [text.splitlines()[-1] for text in texts if text.endswith(".")] == [f"Chapter {n}." for n in range(FILES)]
    assert "1 in sync" in many.gemctl("plan", "--detailed-exitcode")
