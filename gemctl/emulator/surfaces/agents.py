"""Serves agents: create, list, get, delete (types of the official SDKs, and answers of the live service that were
published).

Called by `app` through the table of `surfaces`. Separate as every kind is. The user chooses the `id`, and a second
create of one that is there is a 409. Nothing can be changed. All fields are shown again: an environment as an object
even if it was sent as a word, a number of 64 bits as text. The agents of the service itself are neither listed nor
read (404), and their ids are taken.

Assumptions: an id is a text of up to 63 letters, digits, `-`, `_` and `$` (one `$AGENT_ID` was seen); lists are newest
first; `object`, `created` and `updated` are shown, as the documents' examples have them; whether anything else refers
to an agent is not asked when it is deleted, nor whether a credential that it names is there when it is made.

In the world: the collection `agents`, without display names.
"""

import re
from typing import Any

from gemctl.emulator import agents, gaos, times
from gemctl.emulator.agent_messages import AGENT
from gemctl.emulator.agents import COLLECTION
from gemctl.emulator.gaos import Refused
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row

_ID = re.compile(r"[A-Za-z0-9$][A-Za-z0-9_$-]{0,62}")
_BAD = "Request contains an invalid argument."
_ENVIRONMENT = "remote"


def _create(call: Call) -> dict[str, Any]:
    body = gaos.read(call, AGENT)
    chosen = body.pop("id", "")
    if not _ID.fullmatch(chosen) or not body.get("base_agent"):
        raise gaos.invalid(_BAD)
    if agents.exists(call, chosen):
        raise Refused(409, f"Agent '{chosen}' already exists.; CreateAgent call failed")
    if not agents.exists(call, body["base_agent"]):
        raise Refused(404, f"Agent '{body['base_agent']}' not found.; CreateAgent call failed")
    if model := body.get("agent_config", {}).get("model"):
        name = model if model.startswith("models/") else f"models/{model}"
        call.catalogue.find(name, version=call.version, method="generateContent")
    row = call.world.create(COLLECTION, call.project, body, name=f"{COLLECTION}/{chosen}")
    return _shown(row)


def _list(call: Call) -> dict[str, Any]:
    return gaos.page(call, COLLECTION, _shown)


def _get(call: Call) -> dict[str, Any]:
    return _shown(_found(call, "GetAgent"))


def _delete(call: Call) -> dict[str, Any]:
    call.world.delete(_found(call, "DeleteAgent"))
    return {}


def _found(call: Call, method: str) -> Row:
    row = agents.own(call, call.params["id"])
    if row is None:
        raise Refused(404, f"Result not found.; {method} call failed")
    return row


def _shown(row: Row) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": row.name.removeprefix(f"{COLLECTION}/"), "object": "agent", **row.body}
    if (environment := shown.get("base_environment")) is not None:
        shown["base_environment"] = _object(environment)
    if (config := shown.get("agent_config")) and isinstance(most := config.get("max_total_tokens"), int):
        shown["agent_config"] = {**config, "max_total_tokens": str(most)}
    shown |= {"created": times.format_timestamp(row.created, 6), "updated": times.format_timestamp(row.updated, 6)}
    return {name: value for name, value in shown.items() if value not in ("", [])}


def _object(environment: str | dict[str, Any]) -> dict[str, Any]:
    """An environment as it is shown."""
    if isinstance(environment, dict):
        return {"type": _ENVIRONMENT, **environment}
    return {"type": _ENVIRONMENT, **({} if environment == _ENVIRONMENT else {"environment_id": environment})}


SURFACE = Surface(
    COLLECTION,
    tuple(
        Route(method, template, gaos.speaking(handler))
        for method, template, handler in (
            ("POST", "agents", _create),
            ("GET", "agents", _list),
            ("GET", "agents/{id}", _get),
            ("DELETE", "agents/{id}", _delete),
        )
    ),
)
