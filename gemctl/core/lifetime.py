"""Says how long an object lives, as a value: each form has its own times, and the calls that only that form knows.

A kind has one of these. Read by manifest, outputs and the planner, which has one file for each, plan/lifetimes/, and
asks for no kind by name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from gemctl.core.call import Call
from gemctl.core.frozen import dataclass
from gemctl.core.mark import Mark
from gemctl.core.source import Json, JsonObject

if TYPE_CHECKING:
    from gemctl.core.resource import Generated, Resource, TokenUsage

READS = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Forever:
    """Lives until it is deleted.

    reads   how long after its create the service may still read the objects that it refers to.
    """

    reads: timedelta = READS


@dataclass(frozen=True, slots=True)
class Scheduled(Forever):
    """Lives until it is deleted; meanwhile the service starts something for it by itself, as `Declared.schedule` and
    `LiveObject.schedule` say, and each time that is paid for.
    """


@dataclass(frozen=True, slots=True)
class Renewable:
    """Lives until a deadline that can be moved. `renew` is the call that moves it, with `Call.deadline`; repeatable."""

    renew: Callable[[str], Call]
    reads: timedelta = READS


@dataclass(frozen=True, slots=True)
class Expires:
    """Lives until a deadline that can't be moved, `life` after its create.

    margin   how much life an object that must always be there must have left, where the manifest says nothing.
    """

    life: timedelta
    margin: timedelta
    reads: timedelta = READS


@dataclass(frozen=True, slots=True)
class Results:
    """Says where the results of a run are: in the reply (`inline`, in the requests' order), or in a `file` of lines.

    Neither, for a run that ended without results, or whose results can't be read yet.
    """

    inline: tuple[JsonObject, ...] | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """Says what a table shows of a response: the text of its answer, the reason of its end, a vector; None for none."""

    text: str | None = None
    reason: str | None = None
    vector: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Readable:
    """Says what people see of an answer: its text as Markdown, "" for none, and its pictures and recordings, each with
    the end of its file's name and its bytes.
    """

    text: str = ""
    media: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Once:
    """Runs, ends, and leaves results.

    usual     how long the service means to take; after `longest` it has ended in any case.
    cancel    the call that asks to stop it; repeatable. None where it can't be stopped.
    results   says where the results are, from the reply to a get of a run that ended.
    result    one result as it is saved, `{"key", "response"}` or `{"key", "error"}`, from the service's form of it.
    keys      the keys of its requests, in their order; None where they stand in a file.
    again     the create that runs only the requests with these keys; requests in a file are those of `rest`. None where
              a part can't be run.
    answered  whether what is saved as `response` is an answer to all that was asked: False for one that was blocked, or
              cut off. Never raises.
    usage     what a saved result has used, and whether its prompt is a long one (see Harvest); None for an error. Never
              raises. None where the service counts nothing.
    counts    the numbers by which `sums` tells what a saved result has used; None for an error. Never raises.
    sums      what results with these counts have used together: those with prompts that are not long, and the others.
    columns   what a table shows of what is saved as `response`. Never raises.
    texts     the names of texts that differ from one result to the next, `key` among them. While such a text is not
              empty, `result` passes it on as it is, and nothing else depends on it.
    numbers   likewise the names of numbers, also of lists of them. `counts` alone depends on them: whole ones of up to
              18 digits are passed on as they are, and whether they are is no matter of their value.
    document  for runs that have one answer: what people see of what is saved as `response`. Never raises. None for
              others.
    vectors   whether the answers to these requests are vectors.
    rest      a resource with the requests that are run again, where they stand in a file: it is made of the file at
              this path, and takes the place of the file that the run refers to.
    """

    usual: timedelta
    longest: timedelta
    results: Callable[[Json], Results]
    result: Callable[[JsonObject], JsonObject]
    keys: Callable[[Resource], tuple[str, ...] | None]
    cancel: Callable[[str], Call] | None = None
    again: Callable[[Resource, Mark, int, Collection[str]], Call] | None = None
    rest: Callable[[str], Generated] | None = None
    usage: Callable[[JsonObject], tuple[TokenUsage, bool] | None] | None = None
    answered: Callable[[Json], bool] = lambda _: True
    counts: Callable[[JsonObject], tuple[int, ...] | None] = lambda _: None
    sums: Callable[[Iterable[tuple[int, ...]]], tuple[TokenUsage, TokenUsage]] | None = None
    columns: Callable[[Json], Columns] = lambda _: Columns()
    texts: Collection[str] = ()
    numbers: Collection[str] = ()
    document: Callable[[Json], Readable] | None = None
    vectors: Callable[[Resource], bool] = lambda _: False
    reads: timedelta = READS


Lifetime = Forever | Renewable | Expires | Once
LIFETIMES: tuple[type[Lifetime], ...] = (Forever, Renewable, Expires, Once, Scheduled)
