"""Prints for commands and asks questions: knows what is a terminal, and whether it takes colour. context.py makes the
Terminal; acting.py and cancel ask whether it is interactive.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

from gemctl.render.paint import Paint

_GLANCE = 0.2  # seconds between two looks at signals while a question waits


def colourful(stream: TextIO, env: Mapping[str, str], *, refused: bool) -> bool:
    """Whether a stream gets colour: never where --no-color or NO_COLOR say no; always where FORCE_COLOR says so; else
    on terminals, but not where TERM=dumb.
    """
    if refused or env.get("NO_COLOR"):
        return False
    if env.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return env.get("TERM") != "dumb" and _is_terminal(stream)


def columns(stream: TextIO) -> int | None:
    """How many columns the terminal behind a stream has; None for a stream that is none, or doesn't say."""
    if not _is_terminal(stream):
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (ValueError, AttributeError):  # closed, or not there at all
        return False


def interactive() -> bool:
    """True when there is a person to ask."""
    return _is_terminal(sys.stdin) and _is_terminal(sys.stderr)


class Terminal:
    """Prints for a command. A reader that hung up is no reason to stop half-way through an apply."""

    def __init__(self, env: Mapping[str, str], *, no_color: bool) -> None:
        self.out = Paint(colourful(sys.stdout, env, refused=no_color), columns(sys.stdout))
        self.err = Paint(colourful(sys.stderr, env, refused=no_color), columns(sys.stderr))
        self.live = _is_terminal(sys.stderr)

    def say(self, text: str) -> None:
        """Print to standard output, with a newline."""
        _write(sys.stdout, text)

    def hand(self, text: str) -> None:
        """Print to standard output, with a newline; raises OSError when nobody reads it. For tokens, which would be
        lost.
        """
        try:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
        except ValueError as error:
            raise OSError(str(error)) from None
        except OSError:
            _silence(sys.stdout)
            raise

    def note(self, text: str) -> None:
        """Print to standard error, with a newline."""
        _write(sys.stderr, text)

    def ask(self, question: str) -> bool:
        """Ask a question. Returns True for `yes` and `y`; anything else is no."""
        with suppress(EOFError):
            sys.stderr.write(f"{question} [y/N] ")
            sys.stderr.flush()
            # A signal just before a read that blocks would be seen only after it: no read before there is a line.
            while not select.select([sys.stdin], [], [], _GLANCE)[0]:
                pass
            return sys.stdin.readline().strip().lower() in ("y", "yes")
        return False


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text + "\n")
        stream.flush()
    except UnicodeEncodeError:
        stream.write((text + "\n").encode(stream.encoding or "ascii", "backslashreplace").decode(stream.encoding))
        stream.flush()
    except (BrokenPipeError, ValueError):
        _silence(stream)
    except OSError:  # a full disk: to be reported, once
        _silence(stream)
        raise


def _silence(stream: TextIO) -> None:
    """Send the rest to /dev/null, as nobody reads any more; also what Python would flush at the end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
