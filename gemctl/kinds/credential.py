"""Defines Credential: what agents sign in with elsewhere. The service keeps it, and adds it to their requests.

The user chooses its id. The service shows that, the type, the status and two times, and of the rest nothing: not even
what is no secret. So all else is compared with what was last sent, and a later update time than that of our last call
means that somebody else has changed something; but not of an oauth2 credential, which the service refreshes by itself.
A PATCH repeats the type and leaves alone what it does not have; the type can't be changed. The wire is in snake_case
(official SDKs, and the API's page on credentials). Imported by the catalogue in kinds/__init__.py; all common rooms
call it through `Kind`.

THE CANONICAL FORM g1. `Declared.fields` is hashed into what the ledger compares. tests/core/golden_digests.json pins
it, with the secrets' values unknown, and with digests of known ones. It is

* a JSON object with those of the fields that the user set, and `id`, which is the resource's own name by default;
* `type` as the API writes it: `bearer_token`, `oauth2`, `environment_variable`;
* `injectionLocation` as a list; it, `scopes` and `trustedDomains` sorted, each entry once: their order has no meaning;
* in place of each secret its keyed digest, or "secret" as long as its value has not been seen. Where a value is read is
  no part of the form: the same value from another place is the same credential;
* everything else as written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from gemctl.core.call import Call, Pages
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.kind import Chosen, Collection, FileNeed, Files, Kind, Patch, Remote, Rule
from gemctl.core.lifetime import Forever
from gemctl.core.live import LiveObject, Phase
from gemctl.core.mark import Mark
from gemctl.core.resource import Declared, Resource
from gemctl.core.secret import UNSEEN
from gemctl.core.source import Json, Path
from gemctl.kinds.parts import replies
from gemctl.kinds.parts.domains import Domain
from gemctl.kinds.parts.secret_values import SecretField, fills, source_of
from gemctl.schema.shape import Shape, complain, optional, refused
from gemctl.schema.spelling import did_you_mean

# type → the fields that it needs, and those that it may have besides
TYPES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "bearer_token": (("token",), ("headerName", "prefix")),
    "oauth2": (("clientId", "clientSecret", "refreshToken", "tokenUrl"), ("scopes",)),
    "environment_variable": (("value", "injectionLocation"), ("trustedDomains",)),
}
SECRETS = ("token", "clientSecret", "refreshToken", "value")
_SETS = ("injectionLocation", "scopes", "trustedDomains")
LOCATIONS = ("header", "query", "body")
COLLECTION = Collection(
    "credentials",
    re.compile(r"credentials/[a-z0-9_-]{1,128}"),
    "credential",
    Pages("credentials", 1000, "page_size", "page_token", "next_page_token"),
)
# What the service takes for a field that is declared no more: it keeps what a PATCH leaves out.
_UNSET: Mapping[str, Json] = {"headerName": "Authorization", "prefix": "Bearer", "scopes": [], "trustedDomains": []}
_WIRE = {
    "headerName": "header_name",
    "clientId": "client_id",
    "clientSecret": "client_secret",
    "refreshToken": "refresh_token",
    "tokenUrl": "token_url",
    "injectionLocation": "injection_location",
    "trustedDomains": "trusted_domains",
}
_ID = re.compile(r"[a-z0-9_-]{1,128}", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}", re.ASCII)


def _type(value: Any) -> Any:
    """The API's word; that in camelCase is taken as well."""
    if not isinstance(value, str):
        return value
    known = re.sub(r"([A-Z])", r"_\1", value).lower().replace("-", "_")
    if known not in TYPES:
        raise complain("E277", f"{value!r} is no type of credentials.", hint=did_you_mean(known, TYPES) or _THERE_ARE)
    return known


_THERE_ARE = f"There are {', '.join(TYPES)}."


def _id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise complain("E209", f"{value!r} can't be an id.", hint="Use a-z, 0-9, - and _, at most 128 characters.")
    return value


def _token_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme == "https" and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or not value.isascii() or re.search(r"[\s\\]", value):
        raise complain("E209", "That is not the address of a token endpoint.", hint="Write https://….")
    if parts.username is not None or parts.password is not None:
        raise complain(
            "E209", "A user and a password in an address would stand in plans and states.", hint="Leave them out."
        )
    return value


def _header(value: str) -> str:
    if not _HEADER.fullmatch(value):
        raise complain("E209", f"{value!r} is no name of a header.", hint="Such as Authorization or X-Api-Key.")
    return value


def _locations(value: Any) -> Any:
    """One location stands for a list of it."""
    return [value] if isinstance(value, str) else value


def _location(value: str) -> str:
    if value not in LOCATIONS:
        raise complain("E209", f"{value!r} is no location.", hint=f"There are {', '.join(LOCATIONS)}.")
    return value


Location = Annotated[str, AfterValidator(_location), WithJsonSchema({"type": "string", "enum": list(LOCATIONS)})]
_SHOWN_BY_SERVICE = "E231 The service sets this; it can't be declared."


class CredentialSpec(Shape):
    """What agents sign in with elsewhere: a token, an OAuth client, or the value of a variable."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            {
                **dict.fromkeys(("status", "createTime", "updateTime"), _SHOWN_BY_SERVICE),
                **dict.fromkeys(
                    ("bearerToken", "bearer_token", "oauth2", "environmentVariable", "environment_variable"),
                    "E206 The fields of a type stand in spec itself, beside `type`.",
                ),
                "accessToken": "E206 The service gets access tokens by the refreshToken.",
            }
        )
    )

    id: Annotated[str, AfterValidator(_id)] = optional(
        "Its id: a-z, 0-9, - and _. By default the resource's own name.",
    )
    type: Annotated[
        str,
        BeforeValidator(_type),
        WithJsonSchema({"type": "string", "enum": [*TYPES, "bearerToken", "environmentVariable"]}),
    ] = Field(description="What it is: bearer_token, oauth2 or environment_variable.")
    token: SecretField = optional("bearer_token: the token. A secret.")
    header_name: Annotated[str, AfterValidator(_header)] = optional(
        "bearer_token: the header that it is sent in. By default Authorization."
    )
    prefix: str = optional('bearer_token: the word before it. By default Bearer; "" for none.', max_length=128)
    client_id: str = optional("oauth2: the id of the client.", min_length=1)
    client_secret: SecretField = optional("oauth2: the secret of the client. A secret.")
    refresh_token: SecretField = optional("oauth2: by which the service gets access tokens. A secret.")
    token_url: Annotated[str, AfterValidator(_token_url)] = optional("oauth2: the address of the token endpoint.")
    scopes: list[str] = optional("oauth2: what the access tokens are for.")
    value: SecretField = optional("environment_variable: its value. A secret.")
    injection_location: Annotated[
        list[Location], BeforeValidator(_locations, json_schema_input_type=Location | list[Location])
    ] = optional(
        "environment_variable: where in requests it may stand in: header, query, body; one of them, or a list.",
        min_length=1,
    )
    trusted_domains: list[Domain] = optional(
        "environment_variable: the domains that may get it, such as api.example.com or *.example.com."
    )


def _files(spec: CredentialSpec) -> tuple[FileNeed, ...]:
    return ()


def _declare(spec: CredentialSpec, files: Files) -> Declared:
    """The canonical form g1; see the module's docstring."""
    written = spec.written
    secrets = tuple(source_of(getattr(spec, _python(name)), (name,)) for name in SECRETS if name in written)
    fields = {**written, **{str(source.at[0]): UNSEEN for source in secrets}}
    sources: dict[Path, Path] = {}
    for name in (one for one in _SETS if one in fields):
        given: list[str] = fields[name]
        fields[name] = sorted(set(given))
        sources |= {(name, at): (name, given.index(item)) for at, item in enumerate(fields[name])}
    return Declared(
        fields,
        sources=MappingProxyType(sources),
        secrets=secrets,
        problems=tuple(_misfits(spec.type, fields)),
    )


def _python(name: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def _misfits(kind: str, fields: Mapping[str, Any]) -> list[tuple[Path, Diagnostic]]:
    """The fields that the type lacks, and those that it does not have."""
    needs, takes = TYPES[kind]
    found: list[tuple[Path, Diagnostic]] = [
        (("type",), problem("E277", f"A credential of the type {kind} needs {name}."))
        for name in needs
        if name not in fields
    ]
    for name in fields:
        if name not in ("id", "type", *needs, *takes):
            types = [one for one in TYPES if name in TYPES[one][0] + TYPES[one][1]]
            found.append(((name,), problem("E277", f"A {kind} has no {name}; it belongs to {types[0]}.")))
    return found


def _name(resource: Resource) -> str:
    return f"{COLLECTION.path}/{resource.declared.fields['id']}"


def _body(resource: Resource, names: Mapping[str, Any]) -> dict[str, Json]:
    """These fields, in the names of the wire, and the type."""
    own = {_WIRE.get(name, name): value for name, value in names.items()}
    return {"type": resource.declared.fields.get("type", ""), **own}


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    """POST credentials. Of an oauth2 credential the service gets an access token at once."""
    fields = resource.declared.fields
    secrets = fills(resource.declared, _places(fields))
    return Call("POST", COLLECTION.path, body=_body(resource, fields), repeatable=False, secrets=secrets)


def _patch(name: str, patch: Patch) -> Call:
    """PATCH. It repeats the type, and leaves alone what it does not name."""
    declared = patch.resource.declared
    needs, takes = TYPES.get(declared.fields.get("type", ""), ((), ()))
    changed = {
        field: declared.fields.get(field, _UNSET.get(field)) for field in sorted(patch.fields & {*needs, *takes})
    }
    mask = ",".join(sorted(_WIRE.get(field, field) for field in changed))
    body = _body(patch.resource, changed)
    secrets = fills(declared, _places(changed))
    return Call("PATCH", COLLECTION.named(name), query=(("update_mask", mask),), body=body, secrets=secrets)


def _places(fields: Mapping[str, Any]) -> dict[Path, Path]:
    return {(name,): (_WIRE.get(name, name),) for name in fields}


def _read(reply: Json) -> LiveObject:
    entry = replies.entry(reply)
    own, type_, status = (replies.text(entry, field) for field in ("id", "type", "status"))
    name = COLLECTION.named(f"{COLLECTION.path}/{own}")
    for word in (type_, status):
        if not re.fullmatch(r"[a-z0-9_]{0,40}", word):
            raise ValueError("its type or status is no word")
    updated = replies.instant(entry, "update_time")
    if type_ == "oauth2":  # the service refreshes it by itself, which may move its time as well
        updated = None
    revoked = status == "revoked"
    return LiveObject(
        kind="Credential",
        name=name,
        shown_name="",
        display_name=own,
        mark=None,
        fields=replies.shown({"id": own, "type": type_}),
        outputs=replies.shown({"name": name, "id": own, "type": type_, "status": status}),
        created=replies.instant(entry, "create_time"),
        updated=updated,
        phase=Phase.FAILED if revoked else Phase.READY,
        why="the service shows it as revoked" if revoked else "",
        state=status,
    )


def _source(resource: Resource, call: Call, at: Path) -> Path:
    """The body has the service's names of the fields, and the form those of the spec."""
    spelt = {shown: name for name, shown in _WIRE.items()}
    if not at:
        return ()
    return resource.declared.written((spelt.get(str(at[0]), str(at[0])), *at[1:]))


def _blanks(shown: Mapping[str, Any]) -> dict[str, str]:
    """What a person has to fill in for one that is live: all that its type needs."""
    needs, _ = TYPES.get(shown.get("type", ""), ((), ()))
    source = "where it is read, as {valueFrom: {env: NAME}}"
    return {name: source if name in SECRETS else _MEANT[name] for name in needs}


_MEANT = {
    "clientId": "the id of the client",
    "tokenUrl": "the address of the token endpoint",
    "injectionLocation": "header, query or body",
}
_FIELDS = [name for needs, takes in TYPES.values() for name in (*needs, *takes)]

KIND = Kind(
    name="Credential",
    spec=CredentialSpec,
    rules=MappingProxyType(
        {
            "id": Rule.IMMUTABLE,
            "type": Rule.IMMUTABLE,
            **{name: Rule.SENSITIVE if name in SECRETS else Rule.UPDATABLE for name in _FIELDS},
        }
    ),
    lifetime=Forever(),
    files=_files,
    declare=_declare,
    remote=Remote(COLLECTION, Chosen(_name, own="id"), _create, _read, _source, patch=_patch),
    blanks_of=_blanks,
)
