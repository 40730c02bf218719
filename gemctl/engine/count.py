"""Asks the service how many tokens objects would store, before they are made. Called by workflows/plan.py, where a
person wants to know it exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import replace

from gemctl.api.client import Client
from gemctl.core.address import Address
from gemctl.core.call import Call, put
from gemctl.core.errors import Refused
from gemctl.core.kind import Catalogue
from gemctl.core.resource import Resource
from gemctl.core.source import JsonObject
from gemctl.engine.execute import filled


def count(
    resources: Iterable[Resource],
    catalogue: Catalogue,
    outputs: Mapping[Address, JsonObject],
    new_client: Callable[[], Client],
    read_text: Callable[[str], str],
) -> dict[Address, int]:
    """The tokens of those that can be counted: one call each. `outputs` are what live objects show; a resource that
    refers to something that isn't live yet is passed over. Raises ApiError; Stale for a text that has changed.
    """
    found: dict[Address, int] = {}
    with closing(new_client()) as client:
        for resource in resources:
            made = catalogue[resource.address.kind].remote
            call = made.count.call(resource) if made and made.count else None
            ready = _referring(call, outputs) if call else None
            if made is None or made.count is None or ready is None:
                continue
            body = client.perform(filled(ready, read_text)).body
            try:
                found[resource.address] = made.count.read(body)
            except (TypeError, ValueError, AttributeError) as error:
                what = f"The reply to POST {ready.path} is not of the API's shape: {error}."
                raise Refused(what, code="E304") from None
    return found


def _referring(call: Call, outputs: Mapping[Address, JsonObject]) -> Call | None:
    """The call with the outputs that it refers to; None where one of them isn't there."""
    body = call.body
    for one in call.references:
        value = outputs.get(one.target, {}).get(one.output)
        if value is None:
            return None
        body = put(body, one.at, value)
    return replace(call, body=body, references=())
