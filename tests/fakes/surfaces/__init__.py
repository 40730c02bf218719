"""The surfaces of six fake kinds, which stand for what the API has beyond the kinds of gemctl.

Given to the emulator by `fake_emulator`. Each is one file that ends in a SURFACE, as in gemctl/emulator/surfaces, and
has what the others lack:

| collection | id | list | PATCH | also |
|---|---|---|---|---|
| `fakeWebhooks` | the server's, bare | `page_token` | with a mask | a secret that is shown once; rotate, ping |
| `fakeAgents` | the user's, bare | `page_token` | none | defaults where nothing was said |
| `fakeCredentials` | the user's, bare | `pageToken` | one field, no mask | |
| `fakeTriggers` | the server's | `cursor` | two fields, no mask | an input that is never shown; run now |
| `fakeEnvironments` | the server's | `offset` | two fields, with a mask | operations, and lists that are cut; restart |
| `fakeRuns` | the server's, bare | none | none | each POST is paid; cancel |
"""

from __future__ import annotations

from fakes.surfaces import (
    fake_agents,
    fake_credentials,
    fake_environments,
    fake_runs,
    fake_triggers,
    fake_webhooks,
)

from gemctl.emulator import surfaces
from gemctl.emulator.routing import Surface

FAKES = {
    module.SURFACE.name: module.SURFACE
    for module in (
        fake_agents,
        fake_credentials,
        fake_environments,
        fake_runs,
        fake_triggers,
        fake_webhooks,
    )
}


def serving(word: str) -> tuple[Surface, ...]:
    """The surfaces for the first word of a path: those that the emulator has anyway, and the fakes."""
    return (FAKES[word],) if word in FAKES else surfaces.serving(word)


def everything() -> tuple[Surface, ...]:
    """All of them."""
    return (*surfaces.everything(), *FAKES.values())
