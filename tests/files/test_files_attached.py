"""A part of a file is read as if it were a file of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemctl.core.digest import sha256
from gemctl.core.errors import Stale
from gemctl.core.resource import Attachment
from gemctl.files.attached import lines_of, open_binary

LINES = [b"%d %s\n" % (number, b"x" * (number * 37 % 101)) for number in range(200)]
DATA = b"".join(LINES)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("files")
    (folder / "a.jsonl").write_bytes(DATA)
    return str(folder)


def part(start: int, size: int) -> Attachment:
    return Attachment(sha256(DATA[start : start + size]), size, "a.jsonl", binary=True, start=start, part=True)


@given(st.data())
def test_reading_and_seeking(root: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(DATA)))
    size = data.draw(st.integers(0, len(DATA) - start))
    meant = DATA[start : start + size]
    with open_binary(root, part(start, size)) as file:
        for _ in range(5):
            at, count = data.draw(st.integers(0, size + 5)), data.draw(st.integers(-1, size + 5))
            assert file.seek(at) == at
            assert file.read(count) == (meant[at:] if count < 0 else meant[at : at + count])
        file.seek(0)
        assert file.readlines() == meant.splitlines(keepends=True)


@given(st.integers(0, 199), st.integers(0, 200))
def test_lines_of_a_part(root: str, first: int, count: int) -> None:
    start, meant = len(b"".join(LINES[:first])), LINES[first : first + count]
    assert list(lines_of(root, part(start, len(b"".join(meant))))) == meant


def test_a_part_that_is_not_there_any_more(root: str) -> None:
    with pytest.raises(Stale):
        open_binary(root, part(len(DATA) - 5, 6))
    other = Attachment(sha256(b"other"), 5, "a.jsonl", binary=True, part=True)
    with pytest.raises(Stale):
        list(lines_of(root, other))
    with pytest.raises(Stale):
        open_binary(root, Attachment(sha256(DATA), len(DATA) - 1, "a.jsonl", binary=True))
