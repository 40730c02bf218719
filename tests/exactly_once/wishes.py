"""What a simulated project may declare: for each kind of the catalogue, a function from chance to a resource."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from random import Random

from gemctl.core.address import Address
from gemctl.core.resource import Lifecycle, Resource
from gemctl.core.source import Positions, Span
from gemctl.kinds import CATALOGUE

NOWHERE = Positions(Span("sim.yaml", 1, 1, 1, 1))
HOURS = {"1h": 1, "6h": 6, "24h": 24}


@cache
def _declared(kind: str, *spec: tuple[str, str]):
    one = CATALOGUE[kind]
    return one.declare(one.spec.model_validate(dict(spec)), {})


def cached_content(random: Random, name: str) -> Resource:
    ttl = random.choice(tuple(HOURS))
    spec = (("model", "gemini-2.5-flash"), ("contents", f"text {random.randint(0, 2)} of {name}"), ("ttl", ttl))
    lifecycle = Lifecycle(
        renew_before=timedelta(hours=HOURS[ttl]) / 3,
        create_first=random.random() < 0.8,
        retire=random.choice((timedelta(0), timedelta(minutes=10))),
    )
    return Resource(Address("CachedContent", name), _declared("CachedContent", *spec), lifecycle, (), {}, {}, NOWHERE)


WISHES = {"CachedContent": cached_content}
