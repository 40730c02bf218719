"""Defines the addresses that a run brings with it, to be called when it has ended. Used by BatchJob and Interaction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from gemctl.core.address import Address
from gemctl.core.call import Reference
from gemctl.core.source import JsonObject, Path
from gemctl.schema.scalars import Object, ResourceName
from gemctl.schema.shape import Shape, complain, optional


def _address(value: str) -> str:
    if not re.match(r"https?://[^\s/]", value):
        raise complain("E209", "That is not the address of a webhook.", hint="Write https://….")
    return value


class WebhookName(Shape):
    """A Webhook of this project, by its name."""

    name: ResourceName = Field(description="The name in the Webhook's metadata.")


class WebhookConfig(Shape):
    """Addresses that the service calls when the run has ended, in place of webhooks that subscribe to that."""

    webhook_ref: WebhookName = optional("A Webhook of this project: its address is called.")
    uris: list[Annotated[str, AfterValidator(_address)]] = optional("Addresses to call.", min_length=1)
    user_metadata: Object = optional("Free data that goes with each call.")


def webhook_config(written: Mapping[str, Any]) -> tuple[JsonObject, tuple[Reference, ...]]:
    """What goes with a create as `webhookConfig`, and what it refers to. The address of a webhook that is referred to
    is the last one: its name stands there until the run is sent, and in no digest, so that no edit of the webhook runs
    anything again.
    """
    config = dict(written)
    if "webhookRef" not in config:
        return config, ()
    target = Address("Webhook", config.pop("webhookRef")["name"])
    uris = [*config.get("uris", ()), str(target)]
    at: Path = ("webhookConfig", "uris", len(uris) - 1)
    reference = Reference(at, target, "uri", ("webhookConfig", "webhookRef", "name"), digested=False)
    return {**config, "uris": uris}, (reference,)
