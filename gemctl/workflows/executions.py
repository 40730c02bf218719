"""Lists what was started for a resource, or has an act start it now. Called by the commands of kinds that have
executions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from gemctl.core.address import Address
from gemctl.core.errors import Refused, Usage
from gemctl.core.execution import ShownExecution
from gemctl.core.frozen import dataclass
from gemctl.core.kind import History
from gemctl.core.source import JsonObject
from gemctl.workflows.act import load_known
from gemctl.workflows.wiring import Connection, Session

_SHAPE = (KeyError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True)
class Executions:
    """The executions of the object that an address is bound to, the newest first; `more` if there are others."""

    address: Address
    name: str
    found: tuple[ShownExecution, ...]
    more: bool


def executions(session: Session, connection: Connection, address: Address, most: int) -> Executions:
    """The newest executions, `most` at most. Raises Usage for a resource that is not recorded, or whose kind has none;
    ApiError, StateError.
    """
    kind = session.catalogue[address.kind]
    if kind.history is None:
        raise Usage(f"Nothing is started for a {kind.name}.", code="E004")
    record = load_known(session, connection).ledger.records.get(address)
    if record is None:
        raise Usage(f"{address} is not bound to a live object.", code="E004", hint="Run `gemctl apply` first.")
    found: list[ShownExecution] = []
    with closing(connection.new_client()) as client:
        for page in client.pages(kind.history.listing(record.name)):
            found += _read(kind.history, page)
            if len(found) > most:
                break
    found.sort(key=_newest_first, reverse=True)
    return Executions(address, record.name, tuple(found[:most]), len(found) > most)


def _newest_first(one: ShownExecution) -> tuple[float, str]:
    at = one.scheduled or one.began
    return at.timestamp() if at else 0.0, one.id


def _read(history: History, page: JsonObject) -> Iterator[ShownExecution]:
    try:
        yield from history.items(page)
    except _SHAPE as error:
        raise Refused(f"The list is not of the API's shape: {error}.", code="E304") from None
