"""`gemctl plan --diff`: what an edited text was when it was sent, as far as git has it."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from cli_world import here, make_project

LINES = [f"Line {n} of all there is to know about this, said slowly and at some length.\n" for n in range(90)]
MANIFEST = """\
apiVersion: gemctl/v1
kind: CachedContent
metadata: {name: guide}
spec:
  systemInstruction: Answer briefly.
  contents: [{role: user, parts: [{textFiles: guide/*.md}]}]
"""
pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")


def git(folder, *words):
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", folder, *words],
        check=True,
        capture_output=True,
    )


@pytest.fixture
def project(tmp_path):
    """One that was applied and committed, in a folder of its repository."""
    folder = make_project(tmp_path / "repository/shop")
    (folder / "caches.yaml").unlink()
    (folder / "guide.yaml").write_text(MANIFEST)
    (folder / "guide").mkdir()
    (folder / "guide/2.md").write_text("".join(LINES))
    (folder / ".gitignore").write_text(".gemctl/\n")
    assert here(folder, "apply", "--yes").returncode == 0
    git(folder.parent, "init", "-q")
    git(folder.parent, "add", "-A")
    git(folder.parent, "commit", "-qm", "one")
    return folder


def shown(folder, *more):
    done = here(folder, "plan", "--diff", *more)
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("\nCachedContent/guide  ")[2]


def test_an_edited_file_is_compared_with_what_was_sent(project):
    edited = [*LINES[:40], "Another line 40.\n", *LINES[41:]]
    (project / "guide/2.md").write_text("".join(edited))
    git(project, "commit", "-qam", "two")  # what was sent is not what was committed last
    (project / "guide/2.md").write_text("".join([*edited, "One more.\n"]))
    at, old, new, *lines = shown(project).splitlines()
    assert (at, old, new) == ("contents[0].parts[0].text", "--- guide/2.md (as sent)", "+++ guide/2.md")
    assert f"-{LINES[40].strip()}" in lines and "+Another line 40." in lines and "+One more." in lines
    assert len([line for line in lines if line[0] in "+-"]) == 3


def test_an_edited_text_of_a_manifest_is_found_in_earlier_versions_of_it(project):
    (project / "guide.yaml").write_text(MANIFEST.replace("Answer briefly.", "Answer at length."))
    text = shown(project)
    assert "--- guide.yaml (as sent)" in text and "-Answer briefly.\n+Answer at length." in text


def test_a_file_that_was_renamed_is_followed_and_one_that_moved_along_is_no_edit(project):
    git(project, "mv", "guide/2.md", "guide/3.md")
    git(project, "commit", "-qm", "renamed")
    (project / "guide/1.md").write_text("A first page.\n")
    assert shown(project) == ""
    (project / "guide/1.md").unlink()
    (project / "guide/3.md").write_text("".join(LINES[1:]))
    assert f"-{LINES[0].strip()}" in shown(project)


def test_what_git_does_not_have_is_said(project, monkeypatch):
    (project / "guide/2.md").write_text("".join(LINES[1:]))
    assert here(project, "apply", "--yes").returncode == 0
    (project / "guide/2.md").write_text("".join(LINES[2:]))
    assert "what was sent is in none of the last 200 versions of guide/2.md in git (sha256:" in shown(project)
    monkeypatch.setenv("PATH", str(project))
    assert "what was sent is not known: git is not installed" in shown(project)


def test_a_folder_in_no_repository_is_said(project):
    shutil.rmtree(project.parent / ".git")
    (project / "guide/2.md").write_text("".join(LINES[1:]))
    assert "what was sent is not known: git has no answer here" in shown(project)


def test_the_environment_names_no_other_repository(project, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    (project / "guide/2.md").write_text("".join(LINES[1:]))
    assert f"-{LINES[0].strip()}" in shown(project)


def test_long_diffs_are_cut_and_nothing_of_a_text_moves_the_cursor(project):
    (project / "guide/2.md").write_text("".join(f"\x1b[31m{n}\n" for n in range(300)) + "".join(LINES))
    text = shown(project)
    assert "\x1b[31m" not in text and "\\u{1b}" in text and "more lines, which -v shows" in text
    assert "more lines" not in shown(project, "-v")


def test_diffs_are_for_people(project):
    for words in (["--json"], ["--format", "html"], ["--all-stacks"]):
        done = here(project, "plan", "--diff", *words)
        assert done.returncode == 64 and "--diff" in done.stdout + done.stderr
    (project / "guide/2.md").write_text("".join(LINES[1:]))
    assert LINES[0] not in here(project, "plan").stdout
