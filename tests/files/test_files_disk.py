"""gemctl's own way to files: what lies in the way, what is swapped meanwhile, what is left behind."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

import pytest
from hindrances import FILES, Outside, Swap, link_to_a_file, second_name, watched

from gemctl.files import disk
from gemctl.files.disk import Files, Unfit, read_given
from gemctl.files.whole import fresh, write_new, write_whole

MOST = 1 << 20


@pytest.fixture
def outside(tmp_path):
    return Outside(tmp_path / "outside")


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    return root


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


# What lies in the way

ACTS = {
    "read": lambda files, path: files.read(path, MOST),
    "open": lambda files, path: os.close(files.open(path, MOST)),
    "append_to": lambda files, path: os.close(files.append_to(path)),
    "truncate": lambda files, path: files.truncate(path, 0),
    "try_lock": lambda files, path: os.close(files.try_lock(path)),
    "write_whole": lambda files, path: write_whole(files, path, b"new"),
    "write_new": lambda files, path: write_new(files, path, b"new"),
}
CODES = {"link_to_a_file": "E430", "dangling_link": "E430", "sparse": "E432"}
# What replaces a file replaces whatever has its name, but for a folder; what only adds to one doesn't read it; a file
# that has another name can be read, and its lock held, without changing anything.
TAKES = {
    "read": {"second_name"},
    "open": {"second_name"},
    "append_to": {"sparse"},
    "truncate": {"second_name", "sparse"},
    "try_lock": {"second_name", "sparse"},
    "write_whole": {hindrance.__name__ for hindrance in FILES} - {"folder"},
    "write_new": {hindrance.__name__ for hindrance in FILES},
}


def test_what_is_no_file_of_ours_is_refused_at_once(root, outside):
    """Whatever is done with it: no wait, nothing read that has no end, nothing changed outside."""
    for act, do in ACTS.items():
        for hindrance in FILES:
            if (act, hindrance) == ("truncate", second_name):
                continue  # it has been written anew by then
            path, row = root / "a/b/file", f"{act}: {hindrance.__name__}"
            hindrance(path, outside)
            with watched(path):
                if hindrance.__name__ in TAKES[act]:
                    do(Files(root), path)
                else:
                    with pytest.raises(Unfit) as caught:
                        do(Files(root), path)
                    assert caught.value.code == CODES.get(hindrance.__name__, "E431"), row
                    assert str(path) in str(caught.value) and caught.value.hint, row
            assert outside.untouched(), row
            assert [each.name for each in path.parent.iterdir()] == ["file"], row
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def test_what_others_name_is_read_through_links_and_in_no_other_way(root, outside):
    for hindrance in FILES:
        path = root / "plan"
        hindrance(path, outside)
        with watched(path):
            if hindrance in (link_to_a_file, second_name):
                assert read_given(path, MOST) == b"precious"
            else:
                with pytest.raises(OSError):
                    read_given(path, MOST)
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def test_a_file_that_grows_while_it_is_read_ends_at_the_cap(root, monkeypatch):
    path = root / "file"
    path.write_bytes(b"x" * 10)
    real = os.read

    def grown(handle, size):
        os.truncate(path, 100)
        return real(handle, size)

    monkeypatch.setattr(os, "read", grown)
    with pytest.raises(Unfit) as caught:
        Files(root).read(path, 50)
    assert caught.value.code == "E432"


def test_a_private_path_goes_through_no_link(root, outside):
    """Neither out of the project nor within: a link of a folder can come with a checkout."""
    for target in (outside.folder, root / "a/b"):
        for at, below in (("link", "link/file"), ("a/link", "a/link/deep/file")):
            (root / at).symlink_to(target)
            for act, do in (*ACTS.items(), ("make_folder", lambda files, path: files.make_folder(path.parent))):
                with pytest.raises(Unfit) as caught:
                    do(Files(root), root / below)
                assert caught.value.code == "E430" and at in str(caught.value), act
            (root / at).unlink()
    assert outside.untouched() and list((root / "a/b").iterdir()) == []


def test_a_path_of_the_project_goes_through_links_that_stay_inside(root, outside):
    files = Files(root, private=False)
    (root / "in").symlink_to("a/b")
    write_whole(files, root / "in/new/file", b"text")
    assert (root / "a/b/new/file").read_bytes() == b"text" == files.read(root / "in/new/file", MOST)
    (root / ".git").mkdir()
    for name, target in (("out", outside.folder), ("up", "../outside"), ("git", ".git")):
        (root / name).symlink_to(target)
        for act in ("read", "write_whole", "write_new"):
            with pytest.raises(Unfit) as caught:
                ACTS[act](files, root / name / "file")
            assert caught.value.code == "E430", (name, act)
    assert outside.untouched() and list((root / ".git").iterdir()) == []


def test_what_is_not_there_is_not_there(root):
    files = Files(root)
    assert files.read(root / "a/none", MOST) is None
    assert files.read(root / "none/at/all", MOST) is None
    files.remove(root / "none/at/all")
    with pytest.raises(NotADirectoryError):
        (root / "plain").write_text("")
        files.make_folder(root / "plain/x")


# What is swapped meanwhile


@pytest.mark.parametrize("private", [True, False])
def test_a_folder_that_is_swapped_for_a_link_gains_nothing(root, outside, monkeypatch, private):
    """At each call of the system, in each act: what is read and written lies under the root, or nothing is."""
    (outside.folder / "file").write_text("theirs")
    outside.before = outside._seen()
    files, path = Files(root, private=private), root / "a/b/file"
    swap = Swap(monkeypatch, root / "a/b", outside)
    for act, do in ACTS.items():
        at = 1
        while True:
            path.write_bytes(b"ours")
            swap.at, swap.count = at, 0
            with suppress(OSError):
                assert do(files, path) != b"theirs", (act, at)
            struck = swap.at == -1
            swap.at = -1
            swap.back()
            assert outside.untouched(), (act, at)
            for left in path.parent.iterdir():
                left.unlink()
            if not struck:
                break
            at += 1
        assert at > 4, act


# Replaced whole


def test_a_new_file_takes_its_place_and_nothing_stays_beside_it(root):
    path = root / "a/file"
    write_whole(Files(root), path, b"one")
    write_whole(Files(root), path, b"two")
    assert path.read_bytes() == b"two" and mode(path) == 0o600
    with pytest.raises(ZeroDivisionError), fresh(Files(root), path) as new:
        new.write(b"three")
        raise ZeroDivisionError
    with fresh(Files(root), path) as new:
        new.write(b"four" * MOST)
        new.restart()
        new.write(b"5")
    assert path.read_bytes() == b"two"
    with fresh(Files(root), path) as new:
        new.write(b"four" * MOST)
        new.restart()
        new.write(b"5")
        new.put()
    assert path.read_bytes() == b"5"
    assert not write_new(Files(root), path, b"six") and write_new(Files(root), root / "a/other", b"six")
    assert sorted(each.name for each in (root / "a").iterdir()) == ["b", "file", "other"]
    assert path.read_bytes() == b"5" and (root / "a/other").read_bytes() == b"six"


def test_a_file_system_without_links_is_written_to_all_the_same(root, monkeypatch):
    def none(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(disk.os, "link", none)
    assert write_new(Files(root), root / "file", b"one") and not write_new(Files(root), root / "file", b"two")
    assert (root / "file").read_bytes() == b"one" and [each.name for each in root.iterdir() if each.is_file()] == [
        "file"
    ]


def test_modes(root):
    mask = os.umask(0o027)
    try:
        for private, new, replaced in ((True, 0o600, 0o600), (False, 0o640, 0o604)):
            files, path = Files(root, private=private), root / f"a/{private}"
            write_whole(files, path, b"")
            assert mode(path) == new
            path.chmod(0o604)
            write_whole(files, path, b"")
            assert mode(path) == replaced
    finally:
        os.umask(mask)


def test_nobody_can_lay_something_under_the_name_of_what_comes(root, outside, monkeypatch):
    """Whatever has the very name is left as it is, and another name is taken."""
    tries = iter([disk._temporary("file") for _ in range(len(FILES) + 1)])
    names = []

    def name(_):
        names.append(next(tries))
        if len(names) <= len(FILES):
            FILES[len(names) - 1](root / names[-1], outside)
        return names[-1]

    monkeypatch.setattr(disk, "_temporary", name)
    path = root / "file"
    for _ in FILES:
        with pytest.raises(FileExistsError):
            write_whole(Files(root), path, b"new")
    write_whole(Files(root), path, b"new")
    assert path.read_bytes() == b"new" and mode(path) == 0o600 and outside.untouched()


def test_what_the_dead_have_left_is_removed_and_what_is_being_written_is_not(root):
    path, stale = root / "file", root / disk._temporary("file")
    stale.write_bytes(b"half")
    stale.chmod(0o666)
    theirs, other = root / ".file.notes.gemctl-new", root / disk._temporary("other")
    theirs.write_text("mine")
    other.write_text("of another file")
    with fresh(Files(root), path) as slow:
        slow.write(b"slow")
        write_whole(Files(root), path, b"quick")
        assert path.read_bytes() == b"quick" and not stale.exists()
        slow.put()
    assert path.read_bytes() == b"slow" and mode(path) == 0o600
    assert theirs.exists() and other.exists()
    handle, left = Files(root).create(root / "token")
    os.close(handle)
    os.close(Files(root).create(root / "token", sweep=False)[0])
    assert left.exists()


def test_long_names_have_room_for_the_name_of_what_comes(root):
    for name in ("x" * 255, "日" * 85):
        write_whole(Files(root), root / name, b"text")
        assert (root / name).read_bytes() == b"text"
