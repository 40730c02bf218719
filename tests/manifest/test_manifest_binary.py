"""Files that are to be uploaded: any bytes and any size, digested and checked as they pass by, never held."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tracemalloc
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifest_workspace import NOW, PROJECT, Workspace
from pydantic import BaseModel, ConfigDict

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.digest import sha256
from gemctl.core.errors import Rejected, Stale
from gemctl.core.kind import Check, Collection, FileNeed, Files, InId, Kind, Remote
from gemctl.core.lifetime import Expires
from gemctl.core.lines import Lines
from gemctl.core.resource import Attachment, Declared
from gemctl.files.attached import open_binary
from gemctl.manifest import binary
from gemctl.manifest.load import load
from gemctl.manifest.read import attach
from gemctl.manifest.root import load_project
from gemctl.manifest.stack import choose_stack
from gemctl.render.diagnostics import render

Reading = Callable[[Iterable[bytes]], Generator[tuple[int, Diagnostic], None, Lines | None]]


@dataclass(frozen=True)
class Looking:
    """A check that is made by a function of the lines."""

    reading: Reading
    name: str = "a check"

    def __call__(self, lines: Iterable[bytes], size: int) -> Generator[tuple[int, Diagnostic], None, Lines | None]:
        return (yield from self.reading(lines))


MIB = 1 << 20


def one(workspace: Workspace, path: str, check: Check | None = None, named_in: str = "m.yaml") -> Attachment:
    need = FileNeed(("source",), path, binary=True, check=check)
    (found,) = attach(str(workspace.root), need, named_in)
    return found


def refusal(workspace: Workspace, path: str, check: Check | None = None, **more: bool) -> tuple[Diagnostic, ...]:
    with pytest.raises(Rejected) as caught:
        attach(str(workspace.root), FileNeed(("source",), path, binary=True, check=check, **more), "m.yaml")
    return caught.value.diagnostics


def code(workspace: Workspace, path: str, **more: bool) -> str:
    (found,) = refusal(workspace, path, **more)
    assert found.span is None
    return found.code


def test_any_bytes(workspace: Workspace) -> None:
    for data in (b"", b"\0", b"\xff\xfe", bytes(range(256)) * 9000, b"\xef\xbb\xbfa\r\n"):
        workspace.write({"d/a.bin": data})
        found = one(workspace, "a.bin", named_in="d/m.yaml")
        assert found == Attachment(sha256(data), len(data), path="d/a.bin", binary=True)
        with open_binary(str(workspace.root), found) as file:
            assert file.read() == data
            assert file.seek(0) == 0


def test_several(workspace: Workspace) -> None:
    workspace.write({"b.bin": b"b", "a.bin": b"a", ".c.bin": b"c", "d/.e/f.bin": b"f"})
    found = attach(str(workspace.root), FileNeed((), "*.bin", many=True, binary=True), "m.yaml")
    assert [file.path for file in found] == ["a.bin", "b.bin"]
    assert all(file.binary for file in found)
    assert code(workspace, "**/f.bin", many=True) == "E126"


def test_the_same_care_as_with_texts(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    os.mkfifo(workspace.root / "pipe")
    workspace.write({"d/x": b"", ".gemctl/state": b"", ".git/config": b""})
    for link, target in {"out": "../secret", "etc": "/etc", "loop": "loop", "null": "/dev/null", "in": "d/x"}.items():
        (workspace.root / link).symlink_to(target)
    expected = {
        "none": "E120", "pipe": "E122", "d": "E122", ".": "E122", "out": "E121", "etc/passwd": "E121", "loop": "E123",
        "null": "E121", "/etc/passwd": "E121", "~/x": "E121", "../x": "E121", "a\\b": "E127",
        "https://x.test/y": "E127", "": "E127", ".gemctl/state": "E129", ".git/config": "E129",
    }  # fmt: skip
    assert {path: code(workspace, path) for path in expected} == expected
    assert one(workspace, "in").path == "in"
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in expected:
        code(workspace, path)
    one(workspace, "in")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_hidden_files_are_not_uploaded(workspace: Workspace) -> None:
    workspace.write({".env": "KEY=x", ".ssh/id": "x", "d/.netrc": "x"})
    (workspace.root / "plain.txt").symlink_to(".env")
    (workspace.root / "folder").symlink_to(".ssh")
    (workspace.root / ".link").symlink_to("m.yaml")
    workspace.write({"m.yaml": "x"})
    for path in (".env", ".ssh/id", "d/.netrc", "./d/../.env", "plain.txt", "folder/id", ".link"):
        (found,) = refusal(workspace, path)
        assert (found.code, bool(found.hint)) == ("E131", True), path
    with pytest.raises(Stale) as caught:
        open_binary(str(workspace.root), Attachment(sha256(b"x"), 1, path="folder/id", binary=True))
    assert caught.value.code == "E131"


def test_a_file_that_is_too_large(workspace: Workspace) -> None:
    with (workspace.root / "large").open("wb") as file:
        file.truncate((2 << 30) + 1)
    assert code(workspace, "large") == "E124"


def test_memory_is_bounded(workspace: Workspace) -> None:
    """Also by a check that looks at each of the lines."""
    with (workspace.root / "large").open("wb") as file:
        for _ in range(64):
            file.write(b"x" * (MIB - 1) + b"\n")
    seen = []

    @Looking
    def check(lines: Iterable[bytes]) -> Iterator[tuple[int, Diagnostic]]:
        seen.append(sum(1 for _ in lines))
        yield from ()

    tracemalloc.start()
    try:
        found = one(workspace, "large", check)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found.size, seen) == (64 * MIB, [64])
    assert peak < 8 * MIB


def test_a_file_that_is_written_to_meanwhile(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.read

    def write(data: bytes | None) -> Callable[[int, int], bytes]:
        def reading(descriptor: int, size: int) -> bytes:
            piece = real(descriptor, size)
            with (workspace.root / "a").open("ab" if data else "wb") as file:
                file.write(data or b"")
            return piece

        return reading

    for data in (b"more", b"x" * (5 * MIB), None):
        workspace.write({"a": b"x" * (3 * MIB)})
        monkeypatch.setattr(os, "read", write(data))
        assert code(workspace, "a") == "E133"
        monkeypatch.setattr(os, "read", real)

    def rewriting(descriptor: int, size: int) -> bytes:
        piece = real(descriptor, size)
        with (workspace.root / "a").open("r+b") as file:  # the size stays
            file.write(b"y")
        os.utime(workspace.root / "a", ns=(1, before))  # and so does the time that can be set
        return piece

    workspace.write({"a": b"x"})
    before = (workspace.root / "a").stat().st_mtime_ns
    monkeypatch.setattr(os, "read", rewriting)
    assert code(workspace, "a") == "E133"


def test_a_file_that_can_t_be_read_to_its_end(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.write({"a": b"x"})

    def failing(descriptor: int, size: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "read", failing)
    (found,) = refusal(workspace, "a")
    assert (found.code, "Input/output error" in found.detail) == ("E123", True)


def test_opening_what_has_changed(workspace: Workspace) -> None:
    workspace.write({"a": b"one"})
    found = one(workspace, "a")
    workspace.write({"a": b"longer"})
    with pytest.raises(Stale) as caught:
        open_binary(str(workspace.root), found)
    assert caught.value.code == "E133"
    (workspace.root / "a").unlink()
    with pytest.raises(Stale) as caught:
        open_binary(str(workspace.root), found)
    assert caught.value.code == "E120"
    os.mkfifo(workspace.root / "a")
    with pytest.raises(Stale):
        open_binary(str(workspace.root), found)
    text = Attachment(sha256(b"\xc3\xa9"), 2, text="é", binary=True)
    assert open_binary(str(workspace.root), text).read() == "é".encode()


# Lines.


def wrong(*numbers: int) -> Check:
    """Complains about lines."""

    @Looking
    def check(lines: Iterable[bytes]) -> Iterator[tuple[int, Diagnostic]]:
        for number, _ in enumerate(lines, start=1):
            if number in numbers:
                yield number, problem("E209", f"This is line {number}.", hint="Mend it.")

    return check


@given(st.lists(st.binary(max_size=12), max_size=12), st.integers(1, 9))
def test_lines_are_what_they_are(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], piece: int) -> None:
    data = b"\n".join(parts)
    root = tmp_path_factory.mktemp("lines")
    workspace = Workspace(root)
    workspace.write({"gemctl.yaml": PROJECT, "a": data})
    seen: list[bytes] = []

    @Looking
    def check(lines: Iterable[bytes]) -> Iterator[tuple[int, Diagnostic]]:
        seen.extend(lines)
        yield from ()

    before, binary._PIECE = binary._PIECE, piece
    try:
        assert one(workspace, "a", check).digest == sha256(data)
    finally:
        binary._PIECE = before
    assert seen == list(io.BytesIO(data))


def test_a_check_that_looks_at_little(workspace: Workspace) -> None:
    """What it did not look at is digested all the same."""
    data = b"line\n" * MIB

    @Looking
    def never(lines: Iterable[bytes]) -> Iterator[tuple[int, Diagnostic]]:
        yield from ()

    @Looking
    def first(lines: Iterable[bytes]) -> Iterator[tuple[int, Diagnostic]]:
        next(iter(lines))
        yield from ()

    workspace.write({"a": data})
    for check in (never, first):
        assert one(workspace, "a", check).digest == "sha256:" + hashlib.sha256(data).hexdigest()


def test_complaints_point_at_lines(workspace: Workspace) -> None:
    workspace.write({"a": b"x\n" * 9})
    found = refusal(workspace, "a", wrong(2, 9))
    assert [(str(each.span), each.code, each.detail) for each in found] == [
        ("a:2:1", "E209", "This is line 2."),
        ("a:9:1", "E209", "This is line 9."),
    ]


def test_what_is_wrong_again_and_again_is_counted(workspace: Workspace) -> None:
    workspace.write({"a": b"x\n" * 3000})
    assert [each.code for each in refusal(workspace, "a", wrong(5, 6, 7))] == ["E209"] * 3
    found = refusal(workspace, "a", wrong(*range(1, 3000)))
    assert [each.code for each in found] == ["E209"] * 3 + ["E134"]
    expected = "2,996 more like this, from line 4 on: E209, This is line 4."
    assert (str(found[-1].span), found[-1].detail) == ("a:4:1", expected)


def test_mistakes_of_many_kinds_are_listed_up_to_a_number(workspace: Workspace) -> None:
    workspace.write({"a": b"x\n" * 90})
    words = [f"{first}{second}" for first in "abcdefghi" for second in "jklmnopqrs"]

    @Looking
    def check(lines: Iterable[bytes]) -> Iterator[tuple[int, Diagnostic]]:
        for number, (_, word) in enumerate(zip(lines, words, strict=True), start=1):
            yield number, problem("E206", f"There is no field {word}.")

    found = refusal(workspace, "a", check)
    assert [each.code for each in found] == ["E206"] * 50 + ["E134"]
    expected = f"40 more of other kinds, from line 51 on: E206, There is no field {words[50]}."
    assert (str(found[-1].span), found[-1].detail) == ("a:51:1", expected)


def test_warnings_are_no_errors(workspace: Workspace) -> None:
    workspace.write({"a": b"x\n"})

    @Looking
    def check(lines: Iterable[bytes]) -> Iterator[tuple[int, Diagnostic]]:
        yield 1, problem("W202", "It is short.")

    assert one(workspace, "a", check).size == 2


def test_a_line_without_an_end(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert binary.MAX_LINE == 64 * MIB
    monkeypatch.setattr(binary, "MAX_LINE", 3 * MIB)
    workspace.write({"a": b"x\n" + b"y" * (3 * MIB - 1) + b"\n"})
    assert one(workspace, "a", wrong()).size == 3 * MIB + 2
    workspace.write({"a": b"x\n" + b"y" * (3 * MIB) + b"\n"})
    (found,) = refusal(workspace, "a", wrong())
    assert (found.code, str(found.span)) == ("E132", "a:2:1")
    assert one(workspace, "a").size == 3 * MIB + 3  # nobody asked for lines


# In a manifest.


class BlobSpec(BaseModel):
    model_config = ConfigDict(extra="forbid")

    source: str


def _unused(*_: object) -> Any:
    raise AssertionError("what is only declared is not made")


BLOBS = Remote(Collection("blobs", re.compile("blobs/.+"), "blob", None), InId(), _unused, _unused, _unused)


def blob_kind(check: Check | None = None) -> Kind:
    """As much of a kind as it takes to be declared."""

    def files(spec: BlobSpec) -> tuple[FileNeed, ...]:
        return (FileNeed(("source",), spec.source, binary=True, check=check),)

    def declare(spec: BlobSpec, files: Files) -> Declared:
        (file,) = files[("source",)]
        return Declared({"source": file.digest}, attachments=(file,))

    return Kind("Blob", BlobSpec, {}, Expires(timedelta(hours=48), timedelta(hours=12)), files, declare, remote=BLOBS)


def blob(name: str, source: str, after: str = "") -> str:
    return f"apiVersion: gemctl/v1\nkind: Blob\nmetadata: {{name: {name}}}\nspec:\n  source: {source}\n{after}"


def said(workspace: Workspace, check: Check | None = None) -> tuple[Diagnostic, ...]:
    loaded = load_project(str(workspace.root))
    stack = choose_stack(loaded.project, None)
    try:
        return load(loaded, stack, {"Blob": blob_kind(check)}, now=NOW).warnings
    except Rejected as rejected:
        return rejected.diagnostics


def test_what_is_declared(workspace: Workspace) -> None:
    workspace.write({"m.yaml": blob("a", "a.bin"), "a.bin": b"\xff\n"})
    loaded = load_project(str(workspace.root))
    desired = load(loaded, choose_stack(loaded.project, None), {"Blob": blob_kind()}, now=NOW)
    (attachment,) = desired.attachments.values()
    assert attachment == Attachment(sha256(b"\xff\n"), 2, path="a.bin", binary=True)
    assert list(desired.resources) == [Address("Blob", "a")]


def test_complaints_about_a_file_and_about_its_name(workspace: Workspace) -> None:
    two = blob("a", "d/a.jsonl") + "---\n" + blob("b", ".env")
    workspace.write({"m.yaml": two, "d/a.jsonl": "x\ny\n", ".env": "x"})
    inside, outside = said(workspace, wrong(2))
    assert (str(inside.span), inside.code, str(inside.address)) == ("d/a.jsonl:2:1", "E209", "Blob/a")
    assert inside.detail == "This is line 2. The file is named in m.yaml, line 5."
    assert (str(outside.span), outside.code) == ("m.yaml:11:11", "E131")
    text = render([inside], lambda file: (workspace.root / file).read_text(), color=False)
    assert text.startswith("d/a.jsonl:2:1: error[E209]: ")
    assert "\n2 | y\n  | ^ Blob/a: This is line 2." in text


def test_nothing_is_published_into_an_upload(workspace: Workspace) -> None:
    after = "publish: [{file: a.json, key: x}]\n"
    workspace.write({"m.yaml": blob("a", "a.json", after), "a.json": "{}"})
    (found,) = said(workspace)
    assert (found.code, found.detail) == ("E219", "a.json is a file that is uploaded.")
