"""Colour, prompts and readers that hang up: the real command on a pseudo-terminal, in pipes and on full disks."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import termios

import pytest
from cli_world import GEMCTL, cache, environment, gemctl, make_project, slow
from quick_gemctl import quick_gemctl

ESCAPE = "\x1b"


COLOUR = {"NO_COLOR": None, "TERM": "xterm-256color"}


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project", "one", "two")


def on_terminal(folder, *words, answer=None, **env):
    """(exit status, everything that the terminal showed); `answer` is typed once a question is asked."""
    ours, theirs = pty.openpty()

    def take_it() -> None:
        """Make it the terminal whose Ctrl-C is a signal."""
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    env = environment(**{**COLOUR, **env})
    process = subprocess.Popen([quick_gemctl(), *words], cwd=folder, env=env, preexec_fn=take_it, **streams)
    os.close(theirs)
    shown = b""
    try:
        while True:
            assert select.select([ours], [], [], 300)[0], f"nothing happens any more after {shown!r}"
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other end was closed
                break
            if not piece:
                break
            shown += piece
            if answer is not None and b"[y/N]" in shown:
                os.write(ours, answer)
                answer = None
        status = process.wait(300)
    finally:
        os.close(ours)
        process.kill()
    assert b"Traceback" not in shown
    return status, shown.decode()


@pytest.mark.parametrize(
    "words",
    [
        ["plan"],
        ["apply", "--yes"],
        *(slow([*words]) for words in (["validate"], ["get"], ["output"], ["state", "list"])),
    ],
)
def test_a_pipe_gets_no_escape(project, words):
    done = gemctl(project, *words, env=environment(**COLOUR, CLICOLOR_FORCE="1", FORCE_COLOR="0"))
    assert done.returncode == 0
    assert ESCAPE not in done.stdout + done.stderr


def test_a_terminal_gets_colour(project):
    status, shown = on_terminal(project, "plan")
    assert status == 0
    assert f"{ESCAPE}[32m+ create" in shown


@pytest.mark.parametrize(
    ("words", "env"),
    [
        (["plan", "--no-color"], {}),
        (["--no-color", "plan"], {}),
        (["plan"], {"NO_COLOR": "1"}),
        (["plan"], {"TERM": "dumb"}),
        (["apply", "--yes", "--json"], {}),
        slow(["validate", "--no-color"], {}),
        slow(["plan", "--json"], {}),
        slow(["get", "--json"], {}),
    ],
)
def test_a_terminal_that_refuses_colour_gets_no_escape(project, words, env):
    status, shown = on_terminal(project, *words, **env)
    assert status == 0
    assert ESCAPE not in shown


def test_no_color_has_no_colour_while_something_is_applied(project):
    """The progress moves the cursor; it does not paint."""
    status, shown = on_terminal(project, "apply", "--yes", "--no-color")
    assert status == 0
    assert "Applied: 2 done." in shown
    for colour in range(30, 38):
        assert f"{ESCAPE}[{colour}m" not in shown


def test_diagnostics_are_coloured_on_a_terminal_only(project):
    (project / "broken.yaml").write_text("kind: [")
    assert f"{ESCAPE}[1;31merror" in on_terminal(project, "validate")[1]
    assert ESCAPE not in gemctl(project, "validate", env=environment(**COLOUR)).stderr


@pytest.mark.parametrize("answer", [b"y\n", slow(b"YES\n")])
def test_yes_goes_ahead(project, answer):
    status, shown = on_terminal(project, "apply", answer=answer)
    assert status == 0
    assert "Apply this? [y/N]" in shown
    assert "Applied: 2 done." in shown
    assert gemctl(project, "plan", "--detailed-exitcode").returncode == 0


@pytest.mark.parametrize("answer", [b"\n", slow(b"yes please\n"), slow(b"\x04")])
def test_anything_else_does_nothing(project, answer):
    status, shown = on_terminal(project, "apply", answer=answer)
    assert status == 1
    assert "Nothing was done." in shown
    assert gemctl(project, "get").stdout == "Nothing is live.\n"


def test_ctrl_c_at_the_question_does_nothing(project):
    status, _ = on_terminal(project, "apply", answer=b"\x03")
    assert status == 130
    assert gemctl(project, "get").stdout == "Nothing is live.\n"


def test_destroy_asks_in_its_own_words(project):
    assert gemctl(project, "apply", "--yes").returncode == 0
    status, shown = on_terminal(project, "destroy", answer=b"n\n")
    assert (status, "Destroy all this? [y/N]" in shown) == (1, True)
    assert on_terminal(project, "destroy", answer=b"y\n")[0] == 0
    assert gemctl(project, "get").stdout == "Nothing is live.\n"


@pytest.mark.slow
def test_nothing_to_do_asks_nothing(project):
    assert gemctl(project, "apply", "--yes").returncode == 0
    status, shown = on_terminal(project, "apply")
    assert (status, "[y/N]" in shown) == (0, False)


@pytest.mark.parametrize("words", [["apply"], ["destroy"], ["apply", "--json"]])
def test_without_a_terminal_yes_is_needed(project, words):
    for typed in ("", "yes\n"):
        done = gemctl(project, *words, stdin=None, input=typed)
        assert done.returncode == 64
        assert "--yes" in done.stdout + done.stderr
    assert not (project / ".gemctl").exists()


def shell(line, folder):
    """A line for bash, with its exit statuses of every part of a pipe."""
    script = f'gemctl() {{ {" ".join(GEMCTL)} "$@"; }}; {line}; echo "${{PIPESTATUS[*]}}" >statuses'
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done, [int(word) for word in (folder / "statuses").read_text().split()]


def test_a_reader_that_hangs_up_early_is_no_error(tmp_path):
    project = make_project(tmp_path, *(f"cache{number}" for number in range(60)))
    done, statuses = shell("gemctl plan | head -1", project)
    assert done.stdout == "+ create  CachedContent/cache0   declared\n"
    assert statuses == [0, 0]
    assert "error" not in done.stderr


def test_a_reader_that_hangs_up_does_not_stop_an_apply(project):
    _, statuses = shell("gemctl apply --yes | true", project)
    assert statuses == [0, 0]
    assert gemctl(project, "plan", "--detailed-exitcode").returncode == 0


@pytest.mark.parametrize(
    ("line", "closing"),
    [
        ("plan", ">&-"),
        *(slow("plan", closing) for closing in ("2>&-", "<&-")),
        *((line, "<&- >&- 2>&-") for line in ("plan", "apply --yes")),
        *(slow(line, "<&- >&- 2>&-") for line in ("--help", "validate nowhere.yaml")),
        ("plan --nonsense", "2>&-"),
    ],
)
def test_closed_streams_are_no_bug(project, line, closing):
    done, (status,) = shell(f"gemctl {line} {closing}", project)
    assert status == {"validate nowhere.yaml": 1, "plan --nonsense": 64}.get(line, 0)
    assert "E099" not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_full_disk_behind_standard_output(project):
    """What was asked for could not be shown: that is an error, said on standard error. What was applied stays."""
    done, (status,) = shell("gemctl plan >/dev/full", project)
    assert status == 1
    assert "E090" in done.stderr
    done, (status,) = shell("gemctl apply --yes >/dev/full", project)
    assert status != 0
    assert gemctl(project, "apply", "--yes").returncode == 0
    assert len(gemctl(project, "get").stdout.splitlines()) == 1 + 2


def test_a_terminal_that_can_not_show_it_gets_escapes_instead_of_an_error(tmp_path):
    project = make_project(tmp_path)
    (project / "caches.yaml").write_text(cache("one").removesuffix("---\n") + "  displayName: Prüfbuch ✓\n")
    env = environment(PYTHONUTF8="0", PYTHONIOENCODING="ascii", LC_ALL="C")
    done = gemctl(project, "plan", env=env, anew=True)
    assert done.returncode == 0
    assert "Pr\\xfcfbuch" in done.stdout
