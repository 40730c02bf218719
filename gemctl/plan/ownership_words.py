"""Words the diagnostics about live objects whose owner is in doubt. Called by ownership.py."""

from __future__ import annotations

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.live import LiveObject
from gemctl.core.record import Ledger
from gemctl.core.source import Span


def copied_mark(address: Address, copies: list[LiveObject]) -> Diagnostic:
    return problem(
        "W504",
        f"{', '.join(item.name for item in copies)} carries the mark of {address}, but shows other fields than "
        "were sent with it. It is not adopted, and left alone.",
        address=address,
        hint="Somebody copied the display name. Delete the copy.",
    )


def both_bound(old: Address, new: Address, ledger: Ledger) -> Diagnostic:
    return problem(
        "E569",
        f"gemctl.yaml says that {old} is called {new} now, but the state binds both: {old} to "
        f"{ledger.records[old].name}, {new} to {ledger.records[new].name}. Nothing is done about them.",
        address=new,
        hint=f"Remove that line under moved, and {old} is deleted as undeclared; or `gemctl state rm` the one that is "
        "not wanted, whose object stays live.",
    )


def put_right(address: Address, stranger: LiveObject, item: LiveObject | None) -> Diagnostic:
    now = f"It is bound to {item.name}, which does" if item else "That is forgotten"
    return problem(
        "W568",
        f"The state binds {address} to {stranger.name}, which does not carry its mark. {now}; {stranger.name} is left "
        "alone.",
        address=address,
        hint="The state was edited, or the service answered with another object than it had made.",
    )


def not_ours(address: Address, stranger: LiveObject) -> Diagnostic:
    return problem(
        "E568",
        f"The state binds {address} to {stranger.name}, which does not carry its mark and was not imported. Nothing is "
        "done about it.",
        address=address,
        hint=f"`gemctl state rm {address}` forgets that: the next apply looks for its own, or makes it. If "
        f"{stranger.name} is the right one, `gemctl import {address} {stranger.name}` binds it after that.",
    )


def name_is_taken(address: Address, item: LiveObject, bound: Address | None, span: Span) -> Diagnostic:
    if bound:
        return problem(
            "E571",
            f"{item.name} is there already, as {bound}. Nothing is done about {address}.",
            span=span,
            address=address,
            hint=f"If {bound} was renamed, write into gemctl.yaml: moved: [{{from: {bound}, to: {address}}}]. Else "
            f"choose another name; or remove {bound}, and apply twice.",
        )
    return problem(
        "E571",
        f"{item.name} is there already, and nothing shows that gemctl made it for {address}. Nothing is done about it.",
        span=span,
        address=address,
        hint=f"`gemctl import {address} {item.name}` takes it over as it is; or choose another name.",
    )


def made_by_another(address: Address, item: LiveObject) -> Diagnostic:
    return problem(
        "W505",
        f"{item.name} was made for {address} as it is declared now, and not by this state. It is taken over.",
        address=address,
        hint="Another state of the same project and stack is in use, or an old copy of the state was put back.",
    )


def does_not_fit(address: Address, item: LiveObject) -> Diagnostic:
    return problem(
        "W561",
        f"gemctl.yaml gives {item.name} to {address}, but it shows other fields than are declared. It is left alone.",
        address=address,
        hint="Declare what it shows (`gemctl get` lists it), or remove the line under imports.",
    )


def not_yet_given(address: Address, here: str, to: str) -> Diagnostic:
    return problem(
        "W565",
        f"{address} is being given to stack {to}, and that was interrupted. Nothing is done about it meanwhile.",
        address=address,
        hint=f"Run `gemctl handover --stack {here} {address} --to {to}` again: it goes on where it stopped.",
    )


def not_in_the_project_file(address: Address, item: LiveObject, other: str, here: str) -> Diagnostic:
    return problem(
        "W564",
        f"{item.name} is bound to {address} and carries the mark of stack {other}. Only the states say that it belongs "
        f"to stack {here}: if that of stack {other} is lost, {other} takes it back.",
        address=address,
        hint=f"Write into gemctl.yaml: stacks: {{{here}: {{imports: {{{address}: {item.name}}}}}}}",
    )


def another_writer(address: Address, strangers: list[LiveObject]) -> Diagnostic:
    return problem(
        "E504",
        f"{', '.join(item.name for item in strangers)} carries the mark of {address}, but was made from another "
        "declaration, and not by this state. Nothing is done about this resource.",
        address=address,
        hint="Two states serve the same project and stack, or an old copy of the state was put back. Let one of them "
        "go: `gemctl state rebuild` takes in what is live, and `gemctl import --take-over "
        f"{address} {strangers[0].name}` this object alone.",
    )
