"""Reads the values of secrets that manifests name by their sources, and puts their keyed digests into the declared
forms. Called by look.py before anything is decided, and by apply.py and act.py for what is sent.

A value is held while its digest is computed, and while a call that has it is sent, and at no other time. Nothing but
the digest reaches a plan, a state or a message (docs/decisions/0038-secrets-by-keyed-digests.md).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from gemctl.core.address import Address
from gemctl.core.call import put_all
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.digest import canonical, sha256
from gemctl.core.errors import GemctlError, Stale
from gemctl.core.record import Record
from gemctl.core.resource import Desired, Resource, SecretSource, value_at
from gemctl.core.secret import UNSEEN, keyed
from gemctl.core.source import Path, show_path
from gemctl.files.walk import BadPath, content, opened, plain_steps
from gemctl.workflows.wiring import Session

LONGEST = 64 * 1024  # bytes of a value
_READABLE = stat.S_IRGRP | stat.S_IROTH


def sealed(
    session: Session, desired: Desired, records: Mapping[Address, Record], salt: str
) -> tuple[Desired, tuple[Diagnostic, ...]]:
    """What is declared, with the keyed digests of secrets in the forms; and warnings. `salt` is that of the state.

    Where a value can't be had, the digest of what was last sent, by `records`, stands for it, with a warning; where
    nothing was sent, UNSEEN stays, and `withheld` says why. Unchanged, at no cost, where nothing declared has secrets.
    """
    resources: dict[Address, Resource] = {}
    withheld: dict[Address, tuple[Diagnostic, ...]] = {}
    warnings: list[Diagnostic] = []
    digests: list[str] = []
    for address, resource in desired.resources.items():
        if not resource.declared.secrets:
            continue
        record, places = records.get(address), dict[Path, str]()
        for source in resource.declared.secrets:
            sent = value_at(record.fields, source.at) if record and record.fields else None
            try:
                value, loose = _read(session, source)
            except GemctlError as error:
                known = isinstance(sent, str) and sent != UNSEEN
                places[source.at] = str(sent) if known else UNSEEN
                if known:
                    warnings.append(_cannot_be_told(resource, source, error))
                else:
                    withheld[address] = (*withheld.get(address, ()), _withheld(resource, source, error))
                continue
            places[source.at] = keyed(value, salt, _whose(address, source))
            if loose:
                warnings.append(_loose(resource, source))
        digests += (f"{address} {show_path(at)} {digest}" for at, digest in places.items())
        fields = put_all(resource.declared.fields, places)
        resources[address] = replace(resource, declared=replace(resource.declared, fields=fields))
    if not resources:
        return desired, ()
    with_digests = replace(
        desired,
        resources=MappingProxyType({**desired.resources, **resources}),
        sealed=sha256(canonical(sorted(digests))),
        withheld=MappingProxyType(withheld),
    )
    return with_digests, tuple(warnings)


def reader(session: Session, desired: Desired, salt: str) -> Callable[[str], str]:
    """Reads the value of the secret with a keyed digest, when it is sent. Raises GemctlError if it is another one than
    when the plan was made, or can't be had any more.
    """
    sources = {
        resource.declared.digest_at(source): (address, source)
        for address, resource in desired.resources.items()
        for source in resource.declared.secrets
    }

    def read(digest: str) -> str:
        return _as_planned(session, sources, digest, salt)

    return read


def _as_planned(session: Session, sources: Mapping[str, tuple[Address, SecretSource]], digest: str, salt: str) -> str:
    if digest == UNSEEN or digest not in sources:
        raise Stale("No secret with that digest is declared.", code="E573", hint="Make a new plan.")
    address, source = sources[digest]
    try:
        value, _ = _read(session, source)
    except GemctlError as error:
        raise Stale(f"{_named(source)}: {error}", code="E573", hint=error.hint) from None
    if keyed(value, salt, _whose(address, source)) != digest:
        why = f"{_named(source)}, from {source.shown}, has changed since the plan was made. It was not sent."
        raise Stale(why, code="E573", hint="Make a new plan.")
    return value


def _whose(address: Address, source: SecretSource) -> str:
    return f"{address} {show_path(source.at)}"


def _named(source: SecretSource) -> str:
    return f"The secret `{show_path(source.at)}`"


def _read(session: Session, source: SecretSource) -> tuple[str, bool]:
    """The value, and whether others of this machine can read it as well. Raises GemctlError E274, E318, E319, E574."""
    value, loose = "", False
    match source.form:
        case "env":
            value = session.settings.env.get(source.target, "")
        case "file":
            value, loose = _from_file(str(session.root), source.target)
        case "keyring":
            from gemctl.api.keyring import read_keyring

            value = read_keyring(source.target, what="secret", instead="valueFrom: {env: …}")
    if not value:
        raise GemctlError(f"{source.shown[0].upper()}{source.shown[1:]} is {_empty(source)}.", code="E274")
    if len(value.encode("utf-8", "surrogateescape")) > LONGEST or "\0" in value or not _is_text(value):
        why = f"What {source.shown} holds can't be sent: a secret is text of 64 KiB at most, without NUL."
        raise GemctlError(why, code="E574")
    return value, loose


def _empty(source: SecretSource) -> str:
    return "not set, or empty" if source.form == "env" else "empty"


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _from_file(root: str, path: str) -> tuple[str, bool]:
    """The text of a file of the project, without the line break at its end; and whether other users can read it."""
    try:
        with opened(root, plain_steps(path)) as descriptor:
            data = content(descriptor, path, 1 << 20)
            loose = bool(os.fstat(descriptor).st_mode & _READABLE)
    except BadPath as bad:
        raise GemctlError(bad.detail, code="E274", hint=bad.hint) from None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise GemctlError(f"{path} holds bytes that are no text.", code="E574") from None
    return text.removesuffix("\n").removesuffix("\r"), loose


def _withheld(resource: Resource, source: SecretSource, error: GemctlError) -> Diagnostic:
    code = error.code if error.code in ("E318", "E319", "E574") else "E274"
    return problem(
        code,
        f"{_named(source)} is to be sent. {error}",
        span=resource.positions.value(("spec", *source.written)),
        address=resource.address,
        hint=error.hint or f"{_how_to_give(source)} The plan is made; nothing of it can be carried out before.",
    )


def _cannot_be_told(resource: Resource, source: SecretSource, error: GemctlError) -> Diagnostic:
    return problem(
        "W573",
        f"{_named(source)} is kept as it was last sent. {error}",
        span=resource.positions.value(("spec", *source.written)),
        address=resource.address,
        hint=error.hint or _how_to_give(source),
    )


def _loose(resource: Resource, source: SecretSource) -> Diagnostic:
    return problem(
        "W574",
        f"Other users of this machine can read {source.target}.",
        span=resource.positions.value(("spec", *source.written)),
        address=resource.address,
        hint=f"chmod 600 {source.target}",
    )


def _how_to_give(source: SecretSource) -> str:
    match source.form:
        case "env":
            return f"Set {source.target} where gemctl runs; in a pipeline, from its secrets."
        case "file":
            return f"Put the value, and nothing else, into {source.target}."
        case _:
            return f"Put it there: keyring set {source.target.replace('/', ' ', 1)}"
