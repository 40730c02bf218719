"""Defines secret values in specs: where each is read, and never the value itself. Called by kinds.

A literal is refused without a word of it (E275), whatever form it stands in: what has another form than a source may be
a secret that somebody pasted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from gemctl.core.call import Fill
from gemctl.core.resource import Declared, SecretSource
from gemctl.core.source import Path
from gemctl.schema.shape import Shape, complain, optional

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)
_OURS = re.compile(r"GEMCTL_.*|(GEMINI|GOOGLE)_API_KEY.*", re.IGNORECASE)
_SERVICE = re.compile(r"gemctl(?:-[a-z0-9-]{1,32})?", re.ASCII)
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_FORMS = ("env", "file", "keyring")
_WRITE = "Write valueFrom: {env: NAME}, {file: PATH} or {keyring: {service: gemctl, username: NAME}}."


def _is_source(value: Any) -> bool:
    """Whether it has the form of a source, and no text where none belongs."""
    if not isinstance(value, Mapping) or set(value) != {"valueFrom"} or not isinstance(value["valueFrom"], Mapping):
        return False
    for form, target in value["valueFrom"].items():
        if form == "keyring":
            known = isinstance(target, Mapping) and set(target) <= {"service", "username"}
            if not known or not all(isinstance(one, str) for one in target.values()):
                return False
        elif form not in _FORMS or not isinstance(target, str):
            return False
    return True


def _no_literal(value: Any) -> Any:
    if not _is_source(value):
        literal = isinstance(value, str | int | float)
        said = "The value itself stands in the manifest." if literal else "This says not where the secret is read."
        raise complain("E275", said, hint=_WRITE)
    return value


def _variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise complain("E275", "That is no name of a variable.", hint=_WRITE)
    if _OURS.fullmatch(value):
        detail = f"{value} is gemctl's own: a manifest can't have API keys or settings of gemctl sent."
        raise complain("E276", detail, hint="Use a variable of another name.")
    return value


def _service(value: str) -> str:
    if not _SERVICE.fullmatch(value):
        detail = "An entry of the keyring is gemctl's own or none: a manifest can't have other programs' secrets sent."
        raise complain("E276", detail, hint="Name the service gemctl, or gemctl- and more, such as gemctl-crm.")
    return value


def _username(value: str) -> str:
    if not _USERNAME.fullmatch(value):
        raise complain("E276", "That is no username.", hint="Use letters, digits and . _ @ -, at most 64.")
    return value


def _one(value: Any) -> Any:
    given = value.model_fields_set
    if len(given) != 1:
        detail = f"There is {'more than one source' if given else 'no source'}."
        raise complain("E242", detail, hint="Write one of env, file and keyring.")
    return value


class KeyringEntry(Shape):
    """An entry of the keyring of the desktop, as `keyring set SERVICE USERNAME` makes it."""

    service: Annotated[str, AfterValidator(_service)] = optional("`gemctl`, or `gemctl-` and more.")
    username: Annotated[str, AfterValidator(_username)] = optional("The entry's name.")


def _whole(value: KeyringEntry) -> KeyringEntry:
    if len(value.model_fields_set) != 2:
        raise complain("E276", "An entry has a service and a username.", hint=_WRITE)
    return value


class ValueFrom(Shape):
    """The place where the value is read when it is sent: one of these."""

    env: Annotated[str, AfterValidator(_variable)] = optional("A variable of the environment in which gemctl runs.")
    file: str = optional(
        "A file of the project, as the manifest sees it, with the value and nothing else.", min_length=1
    )
    keyring: Annotated[KeyringEntry, AfterValidator(_whole)] = optional("An entry of the keyring.")


class SecretValue(Shape):
    """A secret, by where it is read."""

    value_from: Annotated[ValueFrom, AfterValidator(_one)] = optional("Where it is read.")


SecretField = Annotated[SecretValue, BeforeValidator(_no_literal)]


def source_of(secret: SecretValue, at: Path) -> SecretSource:
    """The source of a secret that stands `at` this place in the spec and in the form."""
    given = secret.value_from
    (form,) = given.model_fields_set
    entry = given.keyring
    target = f"{entry.service}/{entry.username}" if form == "keyring" else str(getattr(given, form))
    return SecretSource(at, form, target, (*at, "valueFrom", form))


def fills(declared: Declared, places: Mapping[Path, Path]) -> tuple[Fill, ...]:
    """The secrets of a call that has those of `places`: paths in its body, by the paths in the form."""
    if not places:
        return ()
    return tuple(Fill(places[one.at], one.digest) for one in declared.secret_fills if one.at in places)
