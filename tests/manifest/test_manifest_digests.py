"""What is known of files: never trusted when it could be wrong, and never missed when it can't be had."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifest_workspace import Workspace
from test_manifest_binary import Looking, blob, blob_kind

from gemctl.core.address import Address, valid_name
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.digest import sha256
from gemctl.core.errors import Rejected
from gemctl.core.kind import FileNeed
from gemctl.core.lines import Lines, Slice
from gemctl.core.quantities import UNKNOWN_TOKENS, Media, Medium, Quantities, Tier, Tokens
from gemctl.core.resource import Attachment
from gemctl.manifest import digests as module
from gemctl.manifest.digests import LEAST, YOUNGEST, Digests
from gemctl.manifest.load import load
from gemctl.manifest.measured import from_json, to_json
from gemctl.manifest.read import attach
from gemctl.manifest.root import load_project
from gemctl.manifest.stack import choose_stack

DATA = b"x" * LEAST
SECOND = 1_000_000_000
complaints: list[tuple[int, Diagnostic]] = []
looked: list[str] = []


def _check(lines: Iterable[bytes]) -> Generator[tuple[int, Diagnostic], None, None]:
    looked.append("check")
    for _ in lines:
        yield from complaints


def _other(lines: Iterable[bytes]) -> Generator[tuple[int, Diagnostic], None, None]:
    looked.append("other")
    yield from ()


check, other_check = Looking(_check, "one"), Looking(_other, "another")


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    complaints.clear()
    looked.clear()


@pytest.fixture
def reads(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each call of os.read gave, of anything but what is remembered."""
    seen: list[int] = []
    real = os.read

    def reading(descriptor: int, size: int) -> bytes:
        piece = real(descriptor, size)
        if not (cache(workspace).exists() and os.path.samestat(os.fstat(descriptor), cache(workspace).stat())):
            seen.append(len(piece))
        return piece

    monkeypatch.setattr(os, "read", reading)
    return seen


def cache(workspace: Workspace) -> Path:
    return workspace.root / ".gemctl" / "digests.json"


def later(workspace: Workspace, path: str = "a", by: int = 3 * SECOND) -> int:
    """A time at which the file is old enough."""
    status = (workspace.root / path).stat()
    return max(status.st_mtime_ns, status.st_ctime_ns) + by


def run(workspace: Workspace, now: int | None = None, checks: object = None, path: str = "a") -> Attachment:
    """One command: load what is known, read, save."""
    known = Digests(str(workspace.root), lambda: later(workspace) if now is None else now)
    need = FileNeed(("source",), path, binary=True, check=checks)  # type: ignore[arg-type]
    try:
        (found,) = attach(str(workspace.root), need, "m.yaml", known)
    finally:
        known.save()
    return found


def test_a_file_is_read_once(workspace: Workspace, reads: list[int]) -> None:
    workspace.write({"a": DATA})
    first = run(workspace)
    assert sum(reads) == LEAST
    assert run(workspace) == first == Attachment(sha256(DATA), LEAST, path="a", binary=True)
    assert sum(reads) == LEAST
    assert stat.S_IMODE(cache(workspace).stat().st_mode) == 0o600
    assert stat.S_IMODE(cache(workspace).parent.stat().st_mode) == 0o700
    assert [path.name for path in cache(workspace).parent.iterdir()] == ["digests.json"]


def test_the_mode_is_exact_whatever_the_umask(workspace: Workspace) -> None:
    workspace.write({"a": DATA})
    before = os.umask(0)
    try:
        run(workspace)
    finally:
        os.umask(before)
    assert stat.S_IMODE(cache(workspace).stat().st_mode) == 0o600


@pytest.mark.parametrize("by", [0, SECOND, YOUNGEST - 1, -SECOND])
def test_a_young_file_is_not_remembered(workspace: Workspace, reads: list[int], by: int) -> None:
    workspace.write({"a": DATA})
    run(workspace, later(workspace, by=by))
    assert not cache(workspace).exists()
    run(workspace, later(workspace, by=YOUNGEST))
    assert sum(reads) == 2 * LEAST
    run(workspace, later(workspace, by=0))  # what was remembered rightly is used at any time
    assert sum(reads) == 2 * LEAST


def test_a_file_whose_time_was_set_back_is_young(workspace: Workspace) -> None:
    workspace.write({"a": DATA})
    os.utime(workspace.root / "a", (1, 1))
    run(workspace, (workspace.root / "a").stat().st_ctime_ns)
    assert not cache(workspace).exists()


def test_small_files_are_not_remembered(workspace: Workspace) -> None:
    workspace.write({"a": DATA[1:]})
    run(workspace)
    assert not cache(workspace).parent.exists()


def test_whatever_changes_is_read_again(workspace: Workspace, reads: list[int]) -> None:
    path = workspace.root / "a"

    def again(data: bytes) -> None:
        before = sum(reads)
        assert run(workspace).digest == sha256(data)
        assert sum(reads) == before + len(data)
        assert run(workspace).digest == sha256(data)
        assert sum(reads) == before + len(data)

    workspace.write({"a": DATA})
    again(DATA)
    workspace.write({"a": DATA + b"y"})
    again(DATA + b"y")
    status = path.stat()
    workspace.write({"a": b"z" + DATA})
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # as if nothing had happened
    again(b"z" + DATA)
    status = path.stat()
    workspace.write({"b": b"w" + DATA})
    os.utime(workspace.root / "b", ns=(status.st_atime_ns, status.st_mtime_ns))
    (workspace.root / "b").rename(path)
    again(b"w" + DATA)


def test_a_link_that_leads_elsewhere_is_another_file(workspace: Workspace) -> None:
    workspace.write({"one": DATA, "two": b"2" + DATA[1:]})
    link = workspace.root / "a"
    for target, data in (("one", DATA), ("two", b"2" + DATA[1:]), ("one", DATA)):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        assert run(workspace).digest == sha256(data)


def test_a_check_that_found_nothing_is_not_repeated(workspace: Workspace, reads: list[int]) -> None:
    workspace.write({"a": DATA})
    for checks, expected in ((check, ["check"]), (check, []), (None, []), (other_check, ["other"]), (check, [])):
        looked.clear()
        run(workspace, checks=checks)
        assert looked == expected
    assert sum(reads) == 2 * LEAST
    run(workspace, checks=other_check)
    assert looked == []


QUANTITIES = Quantities(
    input=Tokens.about(1000),
    output=UNKNOWN_TOKENS,
    longest=Tokens.exactly(7),
    media=(
        Media(Medium.IMAGE, pixels=(3, 4), count=5),
        Media(Medium.AUDIO, seconds=6),
        Media(Medium.DOCUMENT, pages=1),
    ),
    reused=((Address("CachedContent", "a"), 2),),
    requests=None,
    tier=Tier.BATCH,
)
USED = Lines(
    QUANTITIES,
    names=(Address("CachedContent", "a"), Address("File", "b")),
    live=("cachedContents/x", "files/y"),
    slices=(Slice(0, 5, 1, sha256(b"a"), QUANTITIES), Slice(5, 7, 2, sha256(b"b"), Quantities())),
)


def _measure(lines: Iterable[bytes]) -> Generator[tuple[int, Diagnostic], None, Lines]:
    yield from _check(lines)
    return USED


measuring = Looking(_measure, "measuring")


def test_what_was_measured_is_remembered(workspace: Workspace, reads: list[int]) -> None:
    workspace.write({"a": DATA})
    first = run(workspace, checks=measuring)
    assert first.lines == USED
    assert run(workspace, checks=measuring) == first
    assert (sum(reads), looked) == (LEAST, ["check"])
    assert run(workspace).lines is None
    assert run(workspace, checks=check).lines is None  # another check, which measures nothing
    assert run(workspace, checks=measuring) == first


def test_small_files_are_measured_each_time(workspace: Workspace) -> None:
    workspace.write({"a": b"x"})
    assert run(workspace, checks=measuring).lines == run(workspace, checks=measuring).lines == USED


@given(st.from_type(Quantities))
def test_quantities_can_be_written(value: Quantities) -> None:
    found = Lines(value, slices=(Slice(0, 1, 1, sha256(b""), value),))
    try:
        assert from_json(json.loads(json.dumps(to_json(found)))) == found
    except ValueError:
        numbers = [value.documents, value.bytes, value.requests or 0, *(count for _, count in value.reused)]
        numbers += [number for one in value.media for number in (one.pages or 0, one.seconds or 0, one.count)]
        numbers += [number for one in value.media for number in one.pixels or ()]
        tokens = [value.stored, value.input, value.output, value.longest, value.indexed]
        numbers += [number for one in tokens for number in (one.likely, one.low, one.high or 0)]
        names_fit = all(valid_name(one.name) and one.kind.isidentifier() for one, _ in value.reused)
        assert min(numbers) < 0 or not names_fit


SLICE = to_json(USED)["slices"][0]


@pytest.mark.parametrize(
    "damage",
    [
        *({"quantities": {**to_json(USED)["quantities"], **damage}} for damage in (
            {"input": [1, 2]}, {"input": [1, 2, True]}, {"tier": "x"}, {"media": [["image"]]},
        )),
        {"names": [["File", "B"]]}, {"names": ["File/b"]}, {"live": [1]}, {"slices": [[]]},
        {"slices": [[-1, *SLICE[1:]]]}, {"slices": [[*SLICE[:3], "sha256:x", SLICE[4]]]},
    ],
)  # fmt: skip
def test_damaged_finds(damage: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        from_json({**to_json(USED), **damage})
    with pytest.raises(ValueError, match="other fields"):
        from_json({})


def test_a_digest_without_a_check_is_not_enough_for_a_check(workspace: Workspace) -> None:
    workspace.write({"a": DATA})
    run(workspace)
    complaints.append((1, problem("E209", "No.")))
    for _ in range(2):
        with pytest.raises(Rejected):
            run(workspace, checks=check)
    assert looked == ["check", "check"]


def test_a_check_of_what_was_there_before_is_worth_nothing(workspace: Workspace) -> None:
    workspace.write({"a": DATA})
    run(workspace, checks=check)
    workspace.write({"a": b"y" + DATA})
    run(workspace)
    looked.clear()
    run(workspace, checks=check)
    assert looked == ["check"]


def test_checks_of_one_name_are_one(workspace: Workspace) -> None:
    workspace.write({"a": DATA})
    for name, expected in (("one", ["check"]), ("one", []), ("two", ["check"]), ("one", [])):
        looked.clear()
        run(workspace, checks=Looking(_check, name))
        assert looked == expected


def document(workspace: Workspace) -> dict[str, object]:
    value: dict[str, object] = json.loads(cache(workspace).read_text())
    return value


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"{}",
        b'{"format": 3, "gemctl": null, "files": {}}',
        b"[" * 100_000,
        b'{"format": 1e999}',
        b"9" * 10_000,
    ],
)
def test_damage_is_ignored(workspace: Workspace, reads: list[int], damage: bytes) -> None:
    workspace.write({"a": DATA, ".gemctl/digests.json": damage})
    assert run(workspace).digest == sha256(DATA)
    assert sum(reads) == LEAST
    run(workspace)  # and mended
    assert sum(reads) == LEAST


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("digest", "sha256:x"),
        ("digest", "sha256:" + "A" * 64),
        ("digest", None),
        ("size", None),
        ("size", True),
        ("size", 1.0),
        ("inode", "1"),
        ("checked", 5),
        ("checked", [[]]),
    ],
)
def test_a_damaged_entry(workspace: Workspace, reads: list[int], key: str, value: object) -> None:
    workspace.write({"a": DATA})
    run(workspace)
    written = document(workspace)
    written["files"]["a"][key] = value  # type: ignore[index]
    cache(workspace).write_text(json.dumps(written))
    assert run(workspace).digest == sha256(DATA)
    assert sum(reads) == 2 * LEAST


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["digest", "size", "checked", "a", "format"]), inner)
        ),
        max_leaves=9,
    )
)
def test_anything_in_its_place(tmp_path_factory: pytest.TempPathFactory, files: object) -> None:
    root = tmp_path_factory.mktemp("any")
    workspace = Workspace(root)
    text = json.dumps({"format": module.FORMAT, "gemctl": module.__version__, "files": files})
    workspace.write({"gemctl.yaml": "", "a": DATA, ".gemctl/digests.json": text})
    assert run(workspace).digest == sha256(DATA)


def test_another_version_begins_anew(workspace: Workspace, reads: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its checks may look for more."""
    workspace.write({"a": DATA})
    run(workspace)
    monkeypatch.setattr(module, "__version__", "9.9.9")
    run(workspace)
    assert sum(reads) == 2 * LEAST


def test_things_in_the_way(workspace: Workspace, tmp_path: Path) -> None:
    """No link is followed, nothing is waited for, and nothing else is written."""
    workspace.write({"a": DATA})
    outside = tmp_path / "outside"
    outside.mkdir()
    (workspace.root / ".gemctl").symlink_to(outside)
    assert run(workspace).digest == sha256(DATA)
    assert list(outside.iterdir()) == []
    (workspace.root / ".gemctl").unlink()
    (workspace.root / ".gemctl").write_text("a file")
    assert run(workspace).digest == sha256(DATA)
    (workspace.root / ".gemctl").unlink()
    (workspace.root / ".gemctl").mkdir()
    os.mkfifo(cache(workspace))
    assert run(workspace).digest == sha256(DATA)
    cache(workspace).unlink()
    (outside / "x").write_text("mine")
    cache(workspace).symlink_to(outside / "x")
    run(workspace)
    assert (outside / "x").read_text() == "mine"
    assert cache(workspace).is_file()
    assert not cache(workspace).is_symlink()
    cache(workspace).unlink()
    cache(workspace).mkdir()
    assert run(workspace).digest == sha256(DATA)


def test_a_folder_that_can_t_be_written(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's answer is put in its mouth: root, as whom tests may run, is never refused."""
    workspace.write({"a": DATA})
    real_open, real_replace = os.open, os.replace

    def mkdir(*_: object, **__: object) -> None:
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(os, "mkdir", mkdir)
    assert run(workspace).digest == sha256(DATA)
    monkeypatch.undo()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert run(workspace).digest == sha256(DATA)
    assert list((workspace.root / ".gemctl").iterdir()) == []  # nothing is left behind
    assert (os.open, real_replace) == (real_open, real_replace)


def test_there_is_a_limit_to_what_is_remembered(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    workspace.write(dict.fromkeys("abc", DATA))
    for path in "abc":
        run(workspace, path=path)
    assert set(document(workspace)["files"]) == {"c"}  # type: ignore[call-overload]
    monkeypatch.setattr(module, "LARGEST", 10)
    assert run(workspace, path="c").digest == sha256(DATA)


def test_names_that_are_no_text(workspace: Workspace) -> None:
    name = os.fsdecode(b"\xff.bin")
    (workspace.root / name).write_bytes(DATA)
    known = Digests(str(workspace.root), lambda: sys.maxsize)
    (found,) = attach(str(workspace.root), FileNeed((), "*.bin", many=True, binary=True), "m.yaml", known)
    known.save()
    assert found.digest == sha256(DATA)


def test_projects_without_uploads_have_nothing_to_do_with_it(workspace: Workspace) -> None:
    loaded = load_project(str(workspace.root))
    load(loaded, choose_stack(loaded.project, None), {})
    assert not (workspace.root / ".gemctl").exists()


def test_load_uses_it_also_when_something_is_wrong(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.write({"m.yaml": blob("a", "a") + "---\n" + blob("b", "none"), "a": DATA})
    loaded = load_project(str(workspace.root))
    monkeypatch.setattr("gemctl.manifest.load.Digests", lambda root: Digests(root, lambda: later(workspace)))
    for _ in range(3):
        with pytest.raises(Rejected):
            load(loaded, choose_stack(loaded.project, None), {"Blob": blob_kind(check)})
    assert looked == ["check"]
    assert cache(workspace).exists()
