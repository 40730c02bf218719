"""Reads the field mask of an ephemeral token, and says which setup a session has that a token opens.

Called by the surface of auth_tokens, which refuses masks, and by `session`. Separate because it is pure, and the one
thing about tokens for which a table of values is the best description. The rule is that of the guide on ephemeral
tokens:

* a token without setup and mask: the client's setup;
* with a setup and no mask: the token's setup alone; what the client asks for is ignored, and nobody is told;
* with a mask: its fields are those of the token's setup, and unset where the token has none; the rest is the client's.

Masks that users saw refused name fields within others (`systemInstruction.parts`, `tools.0`) or none of the setup
(`config`); that only the settings of the answer and of the resumption may be named one by one, as the official SDKs do,
is the assumption that fits all of them.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from gemctl.emulator.live_messages import SETUP
from gemctl.emulator.shapes import Message

_ONE_BY_ONE = frozenset({"generationConfig", "sessionResumption"})


def read_mask(text: str) -> list[str]:
    """The paths of a mask in camelCase. ValueError for a path that no setup can be locked by."""
    return [_path(path) for path in text.split(",")] if text else []


def _path(text: str) -> str:
    name, dot, rest = text.partition(".")
    field = SETUP.field(name)
    if field is None:
        raise ValueError(f"a setup has no {name}")
    if not dot:
        return field[0]
    kind = field[1]
    inner = kind.field(rest) if field[0] in _ONE_BY_ONE and isinstance(kind, Message) else None
    if inner is None:
        raise ValueError(f"{text} is not a field that can be locked")
    return f"{field[0]}.{inner[0]}"


def effective(client: Mapping[str, Any], setup: Mapping[str, Any] | None, mask: Sequence[str]) -> dict[str, Any]:
    """The setup of a session, from the client's and that of the token. All are in the canonical form. A token whose
    setup names no model leaves the model to the client: an assumption, as the official examples have such tokens."""
    if not mask:
        if setup is None:
            return dict(client)
        return {**({"model": client["model"]} if "model" in client else {}), **setup}
    result = copy.deepcopy(dict(client))
    for path in mask:
        name, _, inner = path.partition(".")
        if not inner:
            _put(result, name, (setup or {}).get(name))
            continue
        config = result.get(name, {})
        _put(config, inner, (setup or {}).get(name, {}).get(inner))
        _put(result, name, config or None)
    return result


def _put(fields: dict[str, Any], name: str, value: object) -> None:
    """Set a field, or clear it."""
    if value is None:
        fields.pop(name, None)
    else:
        fields[name] = value
