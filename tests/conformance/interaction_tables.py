"""The emulator's tables of interactions, each message by its name, which is that of the official type."""

from __future__ import annotations

from gemctl.emulator import interaction_messages
from gemctl.emulator.agent_messages import ListOrOne
from gemctl.emulator.exact import Either, Typed
from gemctl.emulator.interaction_contents import INPUT, STEP
from gemctl.emulator.shapes import ListOf, MapOf, Message

OF_MODELS, OF_AGENTS = "CreateModelInteraction", "CreateAgentInteraction"
"""The two official types that the emulator's one for a create stands for."""


def messages() -> dict[str, Message]:
    """All that a create is made of, but for itself."""
    met: dict[str, Message] = {}
    todo: list[object] = [kind for _, _, kind in interaction_messages.CREATE._fields.values()]
    while todo:
        kind = todo.pop()
        if isinstance(kind, Message):
            if kind.name not in met:
                met[kind.name] = kind
                todo += [each for _, _, each in kind._fields.values()]
        elif isinstance(kind, ListOf | MapOf | ListOrOne):
            todo.append(kind.item)
        elif isinstance(kind, Typed):
            todo += kind.messages.values()
        elif isinstance(kind, Either):
            todo += [kind.text, kind.other, kind.many]
        elif kind is INPUT:
            todo.append(STEP)
        elif isinstance(kind, interaction_messages._Schema):
            todo.append(interaction_messages.FORMAT)
    return met
