"""Asks git for earlier texts of a file. Nothing else of gemctl runs git, and this only reads: no hook, filter, pager or
network of the repository's choice takes part. Called by workflows/texts.py.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping

from gemctl.core.frozen import dataclass

MOST_VERSIONS = 200  # of one file
MOST_BYTES = 32 << 20  # of all versions of one file together
TIMEOUT = 10.0  # seconds for one call
_ASK_NOTHING = {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
_SAFE = ("--no-pager", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false")


class NoGit(Exception):
    """git does not answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Git:
    """git in the folder `root` of a project. `env` is the environment, of which GIT_… is left out: it may name another
    repository.
    """

    root: str
    env: Mapping[str, str]

    def versions(self, path: str) -> Iterator[bytes]:
        """The contents that a file has had, the newest first, each once, within bounds; also under its earlier names.
        `path` is seen from the root. Raises NoGit.
        """
        ids = self._ids(path)
        if not ids:
            return
        sizes = self._run("cat-file", "--batch-check", given=ids).decode("ascii", "replace").splitlines()
        wanted, total = [], 0
        for line in sizes:
            name, kind, size = (*line.split(" "), "", "")[:3]
            if kind == "blob" and total + int(size) <= MOST_BYTES:
                wanted.append(name)
                total += int(size)
        found = self._run("cat-file", "--batch", given=wanted) if wanted else b""
        while found:
            head, _, rest = found.partition(b"\n")
            size_of_it = int(head.split(b" ")[2])
            yield rest[:size_of_it]
            found = rest[size_of_it + 1 :]

    def _ids(self, path: str) -> list[str]:
        """The ids of its contents before and after each change."""
        last = f"-n{MOST_VERSIONS}"
        log = self._run("log", "--follow", "--format=", "--raw", "--no-abbrev", "-z", last, "--", path)
        ids: dict[str, None] = {}
        for word in log.split(b"\0"):
            if word.startswith(b":") and len(parts := word.decode("ascii", "replace").split(" ")) == 5:
                ids |= {parts[3]: None, parts[2]: None}
        return [one for one in ids if one.strip("0")]

    def _run(self, *words: str, given: list[str] | None = None) -> bytes:
        env = {name: value for name, value in self.env.items() if not name.startswith("GIT_")} | _ASK_NOTHING
        lines = "".join(f"{one}\n" for one in given or ()).encode()
        try:
            done = subprocess.run(
                ["git", *_SAFE, "-C", self.root, *words],
                input=lines,
                capture_output=True,
                timeout=TIMEOUT,
                check=False,
                env=env,
            )
        except FileNotFoundError:
            raise NoGit("git is not installed") from None
        except subprocess.TimeoutExpired:
            raise NoGit(f"git did not answer within {TIMEOUT:.0f} seconds") from None
        except OSError as error:
            raise NoGit(f"git can't be run: {error.strerror}") from None
        if done.returncode:
            said = os.fsdecode(done.stderr).strip().partition("\n")[0].removeprefix("fatal: ")
            raise NoGit(f"git has no answer here: {said}" if said else "git has no answer here")
        return done.stdout
