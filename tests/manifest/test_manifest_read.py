"""Finding and reading files: what is found, in which order, and that nothing outside the project is ever read."""

from __future__ import annotations

import fnmatch
import os
import re
import socket
import threading
from pathlib import Path

import pytest
from effort import calls
from hypothesis import given
from hypothesis import strategies as st
from manifest_workspace import PROJECT, Workspace

from gemctl.core.digest import sha256
from gemctl.core.errors import Rejected, Stale, Usage
from gemctl.core.kind import FileNeed
from gemctl.core.resource import Attachment
from gemctl.files.attached import read_text
from gemctl.files.walk import BadPath
from gemctl.manifest import find as finding
from gemctl.manifest import read
from gemctl.manifest.find import find, matches, project_root
from gemctl.manifest.read import attach, sources


def paths(workspace: Workspace, pattern: str, named_in: str = "m.yaml") -> list[str | None]:
    need = FileNeed(("x",), pattern, many=True)
    return [found.path for found in attach(str(workspace.root), need, named_in)]


def one(workspace: Workspace, path: str, named_in: str = "m.yaml") -> Attachment:
    (found,) = attach(str(workspace.root), FileNeed(("x",), path), named_in)
    return found


def code(workspace: Workspace, path: str, *, many: bool = False) -> str:
    with pytest.raises(Rejected) as caught:
        attach(str(workspace.root), FileNeed(("x",), path, many), "m.yaml")
    (found,) = caught.value.diagnostics
    return found.code


def test_the_root_is_the_nearest_folder_with_a_project_file(workspace: Workspace, tmp_path: Path) -> None:
    workspace.write({"a/b/c.yaml": "", "a/gemctl.yaml": PROJECT})
    assert project_root(str(workspace.root / "a" / "b")) == str(workspace.root / "a")
    assert project_root(str(workspace.root)) == str(workspace.root)
    with pytest.raises(Usage, match=r"gemctl\.yaml") as caught:
        project_root(str(tmp_path))
    assert caught.value.code == "E018"


def test_everything_is_found_but_hidden_things_and_other_projects(workspace: Workspace) -> None:
    workspace.write(dict.fromkeys(("a.yaml", "b/c.yml", "b/d/e.yaml"), ""))
    workspace.write(dict.fromkeys((".h.yaml", ".gemctl/x.yaml", "b/.d/x.yaml", "a.json", "b/f.yaml.bak"), ""))
    workspace.write({"other/gemctl.yaml": PROJECT, "other/x.yaml": "", "b/gemctl.yml": ""})
    assert find(str(workspace.root)) == ("a.yaml", "b/c.yml", "b/d/e.yaml", "b/gemctl.yml")


def test_a_linked_manifest_counts_once(workspace: Workspace) -> None:
    workspace.write({".data/a.yaml": "", "b.yaml": "", "d/c.yaml": ""})
    (workspace.root / "a.yaml").symlink_to(".data/a.yaml")
    (workspace.root / "again.yaml").symlink_to("b.yaml")
    (workspace.root / "folder").symlink_to("d")
    (workspace.root / "folder.yaml").symlink_to("d")
    assert find(str(workspace.root)) == ("a.yaml", "b.yaml", "d/c.yaml")


def test_paths_on_the_command_line(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.write(
        {"a.yaml": "", "b/c.yaml": "", "b/d.txt": "", "e/x.txt": "", "n/gemctl.yaml": PROJECT, "n/x.yaml": ""}
    )
    root = str(workspace.root)
    monkeypatch.chdir(workspace.root / "b")
    assert find(root, ("c.yaml",)) == ("b/c.yaml",)
    assert find(root, ("..",)) == find(root, (root,)) == ("a.yaml", "b/c.yaml")
    assert find(root, ("../a.yaml", ".")) == ("a.yaml", "b/c.yaml")
    assert find(root, ("a.yaml",), base=root) == ("a.yaml",)
    for path, expected in {
        "d.txt": "E127", "none.yaml": "E120", "../e": "E120", "../n": "E120", "../..": "E121", "/etc": "E121",
        "/etc/passwd": "E121", "a\0b": "E127", "../../x/../y.yaml": "E121",
    }.items():  # fmt: skip
        with pytest.raises(Rejected) as caught:
            find(root, (path,))
        assert [found.code for found in caught.value.diagnostics] == [expected], path


def test_a_root_behind_a_link_is_the_root(workspace: Workspace, tmp_path: Path) -> None:
    workspace.write({"a.yaml": "x", "t.md": "hello"})
    link = tmp_path / "link"
    link.symlink_to(workspace.root)
    (workspace.root / "absolute.md").symlink_to(link / "t.md")
    assert find(str(link), (str(link / "a.yaml"), str(workspace.root))) == ("a.yaml",)
    (found,) = attach(str(link), FileNeed((), "absolute.md"), "m.yaml")
    assert found.digest == sha256(b"hello")


def test_all_unreadable_manifests_are_named(workspace: Workspace) -> None:
    workspace.write({"a.yaml": b"\xff", "b.yaml": "fine", "c.yaml": b"x" * ((64 << 20) + 1)})
    with pytest.raises(Rejected) as caught:
        sources(str(workspace.root), ("a.yaml", "b.yaml", "c.yaml", "d.yaml"))
    assert [(d.code, d.span and d.span.file) for d in caught.value.diagnostics] == [
        ("E110", "a.yaml"), ("E124", "c.yaml"), ("E120", "d.yaml")
    ]  # fmt: skip
    (source,) = sources(str(workspace.root), ("b.yaml",))
    assert (source.path, source.text) == ("b.yaml", "fine")


def test_paths_are_relative_to_the_file_that_names_them(workspace: Workspace) -> None:
    workspace.write({"a.md": "root", "d/a.md": "inner"})
    assert one(workspace, "a.md").path == "a.md"
    assert one(workspace, "a.md", "d/m.yaml").path == "d/a.md"
    assert one(workspace, "../a.md", "d/m.yaml").path == "a.md"
    assert one(workspace, "./x/.././a.md").path == "a.md"


def test_bytes_are_taken_as_they_are(workspace: Workspace) -> None:
    text = "\ufeffeins\r\nzwei é 😀\x07\n\n"
    workspace.write({"a.md": text})
    found = one(workspace, "a.md")
    assert found == Attachment(sha256(text.encode()), len(text.encode()), path="a.md")
    assert read_text(str(workspace.root), found) == text
    assert read_text(str(workspace.root), Attachment("sha256:x", 1, text="inline")) == "inline"


def test_patterns(workspace: Workspace) -> None:
    inner = ("d/b.md", "d/a.md", "d/a.txt", "d/.x.md", "d/e/c.md", "d/e/f/g.md", "d/B.md", "d/[1].md")
    workspace.write(dict.fromkeys((*inner, ".d/h.md", "d-x.md"), "x"))
    assert paths(workspace, "d/*.md") == ["d/B.md", "d/[1].md", "d/a.md", "d/b.md"]
    assert paths(workspace, "*.md", "d/m.yaml") == ["d/B.md", "d/[1].md", "d/a.md", "d/b.md"]
    assert paths(workspace, "d/?.md") == ["d/B.md", "d/a.md", "d/b.md"]
    assert paths(workspace, "d/[ab].*") == ["d/a.md", "d/a.txt", "d/b.md"]
    assert paths(workspace, "d/[!a].md") == ["d/B.md", "d/b.md"]
    assert paths(workspace, "d/[[]1].md") == ["d/[1].md"]
    assert paths(workspace, "**/c.md") == ["d/e/c.md"]
    assert paths(workspace, "d/**/*.md") == ["d/B.md", "d/[1].md", "d/a.md", "d/b.md", "d/e/c.md", "d/e/f/g.md"]
    assert paths(workspace, "*/*/*.md") == ["d/e/c.md"]
    assert paths(workspace, "**/**/**/**/**/g.md") == ["d/e/f/g.md"]
    assert paths(workspace, "../*/a.md", "d/m.yaml") == ["d/a.md"]
    assert paths(workspace, "**")[:2] == ["d-x.md", "d/B.md"]
    assert paths(workspace, "**")[-2:] == ["d/e/f/g.md", "gemctl.yaml"]
    assert code(workspace, "none/*.md", many=True) == "E126"


@pytest.mark.parametrize(
    ("pattern", "below"),
    [
        ("skills/**/*.md", ["a.md", "deep/skills/b.md"]),
        ("skills/*/*/*.md", ["deep/skills/b.md"]),
        ("./skills/deep/**", ["skills/b.md"]),
        ("../agents/skills/**/b.md", ["deep/skills/b.md"]),
        ("skills/a.md", ["a.md"]),
        ("s?ills/a.md", ["skills/a.md"]),
    ],
)
def test_a_text_knows_its_path_below_the_folder_where_the_pattern_begins(
    workspace: Workspace, pattern: str, below: list[str]
) -> None:
    workspace.write({"agents/skills/a.md": "a", "agents/skills/deep/skills/b.md": "b"})
    found = attach(str(workspace.root), FileNeed(("x",), pattern, many=True), "agents/m.yaml")
    assert [one.below for one in found] == below


NAMES = ["a", "b", "ab", "abc"]
STEPS = st.sampled_from(["**", "**", "*", "a", "a*", "?b*", "[ab]", "[!a]*", "x.md", "*.md"])


@given(st.lists(STEPS, min_size=1, max_size=6))
def test_a_pattern_matches_what_it_says(tree: Path, pattern: list[str]) -> None:
    """As a regular expression over all paths does."""
    parts = [r"(?:[^/]+/)*" if step == "**" else rf"{fnmatch.translate(step)[4:-3]}/" for step in pattern[:-1]]
    last = r"(?:[^/]+/)*[^/]*" if pattern[-1] == "**" else fnmatch.translate(pattern[-1])[4:-3]
    wanted = re.compile("".join([*parts, last]).replace(".*", "[^/]*"))
    files = [path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()]
    found = ["/".join(steps) for steps in matches(str(tree), pattern)]
    assert sorted(found) == sorted(file for file in files if wanted.fullmatch(file))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for folder in ("", *NAMES, *(f"{one}/{two}" for one in NAMES for two in NAMES), "a/a/a", "a/ab/b", "b/b/b/b"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / "x.md").write_text("x")
    (root / "a" / "abc.md").write_text("x")
    return root


def test_a_folder_is_read_once_however_many_stars_there_are(tree: Path) -> None:
    def effort(pattern: list[str]) -> int:
        return calls(lambda: list(matches(str(tree), pattern)))

    assert effort(["**", "*"] * 50 + ["none"]) < 3 * effort(["**", "none"])
    assert effort(["**"] * 199 + ["none"]) < 3 * effort(["**", "none"])


def test_what_would_be_endless_is_refused(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(workspace.root)
    for pattern in (["*a" * 501], ["**"] * 201):
        with pytest.raises(BadPath) as caught:
            list(matches(root, pattern))
        assert caught.value.code == "E127"
    (workspace.root / "here").symlink_to(".")
    monkeypatch.setattr(finding, "MAX_LOOKED_AT", 10)
    with pytest.raises(BadPath) as caught:
        list(matches(root, [*(["**", "here"] * 20), "none"]))
    assert caught.value.code == "E128"


def test_folders_that_go_on_and_on_are_refused(workspace: Workspace) -> None:
    workspace.write({f"{'d/' * 100}x.yaml": "a", f"{'d/' * 100}x.md": "a"})
    root = str(workspace.root)
    assert len(find(root)) == 1
    assert len(list(matches(root, ["**", "*.md"]))) == 1
    workspace.write({f"{'d/' * 101}x.yaml": "a", f"{'d/' * 101}x.md": "a"})
    with pytest.raises(Rejected) as rejected:
        find(root)
    with pytest.raises(BadPath) as bad:
        list(matches(root, ["**", "*.md"]))
    assert [each.code for each in rejected.value.diagnostics] == [bad.value.code] == ["E142"]
    assert len(list(matches(root, ["d", "d", "*.md"]))) == 0  # what isn't looked into is no hindrance


def test_too_many_matches(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "MAX_MATCHES", 2)
    workspace.write({"a.md": "", "b.md": ""})
    assert len(paths(workspace, "*.md")) == 2
    workspace.write({"c.md": ""})
    assert code(workspace, "*.md", many=True) == "E128"


def test_size_is_limited_before_reading(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with (workspace.root / "sparse.md").open("wb") as file:
        file.truncate(1 << 40)
    assert code(workspace, "sparse.md") == "E124"
    monkeypatch.setattr(read, "MAX_TEXT", 10)
    workspace.write({"ten.md": "x" * 10, "eleven.md": "x" * 11})
    assert one(workspace, "ten.md").size == 10
    assert code(workspace, "eleven.md") == "E124"


def test_only_regular_files_and_never_blocking(workspace: Workspace) -> None:
    os.mkfifo(workspace.root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(workspace.root)  # a socket's path may not be long
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
        (workspace.root / "folder").mkdir()
        assert code(workspace, "pipe") == "E122"
        assert code(workspace, "socket") == "E122"
        assert code(workspace, "folder") == "E122"
        assert code(workspace, "pip*", many=True) == "E122"
        assert code(workspace, "pipe/x") == "E120"


def test_what_may_not_be_read(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's answer is put in its mouth: root, as whom tests may run, is never refused."""
    workspace.write({"a.md": "x"})
    real = os.open

    def refusing(path: str, *rest: int, **more: int) -> int:
        if path == "a.md":
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", refusing)
    assert code(workspace, "a.md") == "E123"


def test_links_are_followed_inside_only(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret")
    workspace.write({"d/a.md": "a"})
    root = workspace.root
    for link, target in {
        "in": "d/a.md", "up-and-in": "d/../d/a.md", "folder": "d", "absolute-in": str(root / "d" / "a.md"),
        "out": "../secret.md", "absolute-out": str(tmp_path / "secret.md"), "out-and-in": "../project/d/a.md",
        "folder-out": "..", "etc": "/etc", "lexical": f"{root}/../secret.md", "loop": "loop", "dangling": "none",
    }.items():  # fmt: skip
        (root / link).symlink_to(target)
    for path in ("in", "up-and-in", "folder/a.md", "absolute-in"):
        assert one(workspace, path).digest == sha256(b"a"), path
    for path in ("out", "absolute-out", "out-and-in", "folder-out/secret.md", "etc/passwd", "lexical"):
        assert code(workspace, path) == "E121", path
    assert code(workspace, "loop") == "E123"
    assert code(workspace, "dangling") == "E120"


def test_a_changed_file_is_stale(workspace: Workspace, tmp_path: Path) -> None:
    workspace.write({"a.md": "one"})
    found = one(workspace, "a.md")
    workspace.write({"a.md": "two"})
    with pytest.raises(Stale, match="changed"):
        read_text(str(workspace.root), found)
    (workspace.root / "a.md").unlink()
    with pytest.raises(Stale, match="can't be now"):
        read_text(str(workspace.root), found)
    (tmp_path / "one.md").write_text("one")
    (workspace.root / "a.md").symlink_to("../one.md")
    with pytest.raises(Stale, match="leads out"):
        read_text(str(workspace.root), found)


def test_swapping_a_folder_for_a_link_reads_nothing_outside(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.md").write_text("secret")
    workspace.write({"d/a.md": "inside"})
    (workspace.root / "link").symlink_to("../outside")
    stop = threading.Event()

    def swap() -> None:
        folder, link, spare = workspace.root / "d", workspace.root / "link", workspace.root / "spare"
        while not stop.is_set():
            folder.rename(spare)
            link.rename(folder)
            folder.rename(link)
            spare.rename(folder)

    thread = threading.Thread(target=swap)
    thread.start()
    seen: set[str] = set()
    try:
        for _ in range(1500):
            try:
                seen.add(one(workspace, "d/a.md").digest)
            except Rejected as rejected:
                seen.update(found.code for found in rejected.diagnostics)
    finally:
        stop.set()
        thread.join()
    assert sha256(b"secret") not in seen
    assert seen <= {sha256(b"inside"), "E120", "E121"}


def test_descriptors_are_closed(workspace: Workspace) -> None:
    workspace.write({"d/e/a.md": "a", "m.yaml": "x"})
    (workspace.root / "l").symlink_to("d")
    (workspace.root / "o").symlink_to("/etc")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        one(workspace, "l/e/a.md")
        paths(workspace, "**/*.md")
        find(str(workspace.root))
        for path in ("o/passwd", "none", "d", "../x"):
            code(workspace, path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
