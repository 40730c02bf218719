"""Checks `state:` of a stack in gemctl.yaml: where its state is kept. Called by `project`.

A project file may come from a pull request, so it can name a database or bucket, and no credentials: no password, no
file with one, and of environment variables only one whose name says that it holds a DSN.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from gemctl.core.place import HasPassword, Keeper, StatePlace, check_dsn, check_url
from gemctl.schema.shape import Shape, branch, complain, optional

_ENV_PATTERN = r"[A-Z][A-Z0-9_]*_(DSN|URL|URI)"
_HINT = "Write local, {postgres: postgresql://host/db}, {postgres: {env: NAME_DSN}} or {object: s3://bucket/prefix}."


def _env(value: str) -> str:
    if not re.fullmatch(_ENV_PATTERN, value, re.ASCII):
        hint = "Its name ends with _DSN, _URL or _URI, as in GEMCTL_STATE_DSN."
        raise complain("E062", "That can't name a variable with a DSN.", hint=hint)
    return value


def _checked(check: Callable[[str], None]) -> Callable[[str], str]:
    def validate(value: str) -> str:
        try:
            check(value)
        except HasPassword as error:
            hint = "Leave it to PGPASSWORD, ~/.pgpass or PGSERVICE; or put the DSN in a variable: {env: NAME_DSN}."
            raise complain("E061", str(error), hint=hint) from None
        except ValueError as error:
            raise complain("E062", str(error)) from None
        return value

    return validate


class DsnShape(Shape):
    """A DSN that may hold a password, and so stands in no file."""

    env: Annotated[str, AfterValidator(_env), WithJsonSchema({"type": "string", "pattern": f"^{_ENV_PATTERN}$"})] = (
        Field(description="The environment variable that holds the DSN.")
    )


def _form(value: Any) -> str:
    return branch("mapping") if isinstance(value, dict | Shape) else branch("text")


def _dsn(value: Any) -> Any:
    if not isinstance(value, str | dict):
        raise complain("E062", "It is not a DSN.", hint=_HINT)
    return value


class StateShape(Shape):
    """Where a stack's state is kept, if not in .gemctl: one of these."""

    model_config = ConfigDict(
        json_schema_extra={"allOf": [{"oneOf": [{"required": ["postgres"]}, {"required": ["object"]}]}]}
    )

    postgres: Annotated[
        Annotated[str, AfterValidator(_checked(check_dsn)), Tag(branch("text"))]
        | Annotated[DsnShape, Tag(branch("mapping"))],
        Discriminator(_form),
        BeforeValidator(_dsn),
    ] = optional("A PostgreSQL database, as in postgresql://host:5432/db. No password; libpq's variables are read.")
    object: Annotated[str, AfterValidator(_checked(check_url))] = optional(
        "A place in object storage: s3://bucket/prefix, gs://… or az://…."
    )

    @model_validator(mode="after")
    def _one(self) -> StateShape:
        if len(self.model_fields_set) != 1:
            raise complain("E062", "A state is kept in one place.", hint=_HINT)
        return self


def _state(value: Any) -> Any:
    if not isinstance(value, dict) and value != Keeper.LOCAL.value:
        raise complain("E062", "That is no place for a state.", hint=_HINT)
    return value


State = Annotated[
    Annotated[Literal["local"], Tag(branch("text"))] | Annotated[StateShape, Tag(branch("mapping"))],
    Discriminator(_form),
    BeforeValidator(_state),
]


def state_place(shape: str | StateShape) -> StatePlace:
    """The same as a value of core."""
    if isinstance(shape, str):
        return StatePlace()
    if "object" in shape.model_fields_set:
        return StatePlace(Keeper.OBJECT, shape.object)
    if isinstance(shape.postgres, DsnShape):
        return StatePlace(Keeper.POSTGRES, env=shape.postgres.env)
    return StatePlace(Keeper.POSTGRES, shape.postgres)
