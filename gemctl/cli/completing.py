"""Says what may stand on a command line where help has words such as ADDRESS, STACK or FILE. layout.py gives every
parameter this type, so that a new command is completed by what its help says; nothing more is imported before a person
presses Tab.

A word that ends in `/`, `=` or `.` may go on: the scripts of shells.py put no space after it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    Found = Iterable[str]

_ENDING = ("wait", "results", "cancel")  # commands about what runs once


class Word(click.types.StringParamType):
    """A text, and what it may be by the word for it in help (the metavar)."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        if sort := _sort(param):
            return [CompletionItem(incomplete, sort)]
        return [CompletionItem(word) for word in _finder(param)(ctx, incomplete)]


def _sort(param: click.Parameter) -> str | None:
    """`file` or `dir` where the shell itself finds what there is."""
    meant = param.metavar or ""
    if "KIND" in meant:
        return None
    return "file" if re.search(r"\b(PATH|FILE|PLANFILE)\b", meant) else "dir" if re.search(r"\bDIR\b", meant) else None


def _finder(param: click.Parameter) -> Callable[[click.Context, str], Found]:
    meant = param.metavar or ""
    if param.name == "stack" or "STACK" in meant:
        return _stacks
    if param.name == "variables":
        return _variables
    if re.search(r"KIND\W*PATH", meant):
        return _fields_or_codes if "CODE" in meant else _fields
    if re.search(r"KIND\W*NAME", meant) or ("ADDRESS" in meant and param.name != "host"):
        return _addresses
    if "KIND" in meant:
        return _kinds
    return _names if isinstance(param, click.Argument) and "NAME" in meant else _nothing


def _nothing(_ctx: click.Context, _begin: str) -> Found:
    return ()


def _stacks(ctx: click.Context, begin: str) -> Found:
    from gemctl.workflows import completion

    return _beginning(begin, completion.stacks(_folder(ctx)))


def _variables(ctx: click.Context, begin: str) -> Found:
    from gemctl.workflows import completion

    return _beginning(begin, (f"{name}=" for name in completion.variables(_folder(ctx), _stack(ctx))))


def _kinds(ctx: click.Context, begin: str) -> Found:
    from gemctl.workflows import completion

    return _beginning(begin, completion.kinds() + (["Project"] if ctx.info_name == "schema" else []))


def _fields(_: click.Context, begin: str) -> Found:
    from gemctl.workflows import completion

    return completion.fields(begin)


def _fields_or_codes(_: click.Context, begin: str) -> Found:
    from gemctl.workflows import completion

    return completion.fields(begin) + completion.codes(begin)


def _addresses(ctx: click.Context, begin: str) -> Found:
    """Declared and recorded addresses, the kind in any case of letters; `Kind/` where there are too many."""
    from gemctl.workflows import completion

    kind, slash, name = begin.partition("/")
    meant = rf"(?i:{re.escape(kind)}){'' if slash else '[A-Za-z]*'}"
    if ctx.info_name in _ENDING:
        meant = rf"(?=(?:{'|'.join(completion.runs())})\b){meant}"
    found = completion.addresses(_folder(ctx), _stack(ctx), meant, name)
    return found if slash or len(found) < completion.MOST else sorted({f"{word.partition('/')[0]}/" for word in found})


def _names(ctx: click.Context, begin: str) -> Found:
    """Names of resources of the kind that the group of commands is about, such as `gemctl token mint NAME`."""
    from gemctl.workflows import completion

    if ctx.parent is None or ctx.parent.parent is None:  # a command that is in no group
        return ()
    kind = rf"(?i:{ctx.parent.info_name})[A-Za-z]*"
    return [word.partition("/")[2] for word in completion.addresses(_folder(ctx), _stack(ctx), kind, begin)]


def _beginning(begin: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.lower().startswith(begin.lower())]


def _folder(ctx: click.Context) -> str:
    """The folder that -C names. A shell that asks has not put in `~` yet."""
    return os.path.expanduser(getattr(ctx.obj, "folder", None) or ".")  # noqa: PTH111


def _stack(ctx: click.Context) -> str | None:
    return getattr(ctx.obj, "stack", None) or os.environ.get("GEMCTL_STACK")
