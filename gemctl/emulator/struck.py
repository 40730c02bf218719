"""Lets faults happen to a request, as its answer tells of them: before the service acts, while it does, and after it.

Called by `app`. Separate from `faults`, which says what they are and whom they strike, because here the order counts:
what strikes before hides what would strike later.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gemctl.emulator import times
from gemctl.emulator.faults import Fault
from gemctl.emulator.wire import Refusal, Request, Response
from gemctl.emulator.world import World


@dataclass(frozen=True)
class Service:
    """What the service does with a request: answers it, refuses it in the form of its method, or puts it off."""

    world: World
    answer: Callable[[Request], Response]
    refuse: Callable[[Request, Refusal], Response]
    postpone: Callable[[Request, Fault], Response]


def answered(service: Service, request: Request, struck: Sequence[Fault]) -> Response:
    """The answer, after the faults that strike the request or the answer."""
    by_kind = {fault.kind: fault for fault in struck}
    response = _delivered(service, request, by_kind)
    if "slow" in by_kind:
        response = replace(response, delay=by_kind["slow"].delay)
    if "cut" in by_kind and not response.drop:
        response = replace(response, cut=by_kind["cut"].at_bytes)
    if "stream_ends" in by_kind and response.stream is not None and response.stream.length is None:
        response = replace(response, stream=by_kind["stream_ends"].ended(response.stream))
    return response


def _delivered(service: Service, request: Request, by_kind: dict[str, Fault]) -> Response:
    if "status_before" in by_kind:
        return service.refuse(request, by_kind["status_before"].refusal())
    if "before" in by_kind:
        return Response(0, drop=True)
    if "late" in by_kind:
        return service.postpone(request, by_kind["late"])
    if "stale" in by_kind:
        ago, world = round(by_kind["stale"].delay * times.SECOND), service.world
        with world.as_of(world.instant - ago if ago else None):
            response = service.answer(request)
    else:
        response = service.answer(request)
    if "duplicate" in by_kind:
        service.answer(request)
    if "status_after" in by_kind:
        return service.refuse(request, by_kind["status_after"].refusal())
    return Response(0, drop=True) if "after" in by_kind else response


def before_a_session(struck: Sequence[Fault]) -> Response | None:
    """The answer in place of a WebSocket, if a fault strikes before there is one."""
    by_kind = {fault.kind: fault for fault in struck}
    if "status_before" in by_kind:
        return by_kind["status_before"].refusal().response()
    return Response(0, drop=True) if "before" in by_kind else None
