"""Brings environments into the canonical form: where an agent works, which files are there, and whom it may call.

Called by kinds whose specs hold one.

The form is for ever, as digests are made of it:

* an object with `type: remote`, also where the user wrote the word `remote`, or the id of an environment, which is
  `environmentId` then;
* each entry of `sources` with its type; one of `files` becomes an inline one for each file, whose target is `target`
  and the path of the file below the folder where the pattern begins;
* the content of an inline source as `sha256:` and the hex digest of its UTF-8 bytes, whether it stands in the manifest
  or in a file;
* `network` as `disabled`, also where its allowlist is; else as its allowlist, each entry with `transform` as a list;
* each variable as its text, also where it was written as `{value: …}`; or as `{credential: …}`;
* a reference to a Credential as the id of that;
* everything else as written, under the API's names in camelCase.

On the wire these names are in snake_case (types of google-genai 3.6.1).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from gemctl.core.address import Address
from gemctl.core.call import Reference
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.digest import sha256
from gemctl.core.kind import FileNeed, Files, holds
from gemctl.core.resource import Attachment
from gemctl.core.secret import looks_secret
from gemctl.core.source import Json, JsonObject, Path
from gemctl.kinds.parts import replies
from gemctl.kinds.parts.domains import DomainOrAll
from gemctl.schema.scalars import Object, ResourceName
from gemctl.schema.shape import Shape, branch, complain, optional, refused

HIDDEN = "(a secret that is not shown)"
MOST, ADVISED = 1_000_000, 75_000  # bytes of all inline sources: what other tools leave out, and the cookbook's cap
_REMOTE = "remote"
_LINKED = ""  # stands where a reference points, until `link` puts the id there


def without_secrets(values: Mapping[str, Json]) -> dict[str, Json]:
    """Values that the service shows, by their names, without those that look like secrets: they would stand in plans
    and states. What is in their place is refused where it is declared.
    """
    return {
        name: HIDDEN if isinstance(value, str) and looks_secret(name, value) else value
        for name, value in values.items()
    }


def _no_secret(values: dict[str, str], way_out: str) -> dict[str, str]:
    for name, value in values.items():
        if looks_secret(name, value):
            detail = f"The value of {name} looks like a secret: it would stand in manifests, plans and states."
            raise complain("E275", detail, hint=way_out, at=(name,))
    return values


def _headers(value: dict[str, str]) -> dict[str, str]:
    return _no_secret(value, "Declare a Credential, and name it with credentialRef beside `domain`.")


def _one_credential(given: Collection[str]) -> None:
    if "credential" in given and "credential_ref" in given:
        raise complain("E207", "credential and credentialRef are both set: keep one.", at=("credentialRef",))


def _address(value: str) -> str:
    if looks_secret("", value):
        detail = "There is something like a password in the address: it would stand in manifests, plans and states."
        hint = "Leave it out, and allow the domain in network, with credentialRef."
        raise complain("E275", detail, hint=hint)
    return value


class EnvironmentFile(Shape):
    """A text in a file of the project."""

    file: str = Field(description="The file, from the folder of this manifest.", min_length=1)


class CredentialRef(Shape):
    """A Credential of this project, by its name."""

    name: ResourceName = Field(description="The name in the Credential's metadata.")


def _form_of_text(value: Any) -> str:
    return branch("text") if isinstance(value, str) else branch("file")


TextOrFile = Annotated[
    Annotated[str, Tag(branch("text"))] | Annotated[EnvironmentFile, Tag(branch("file"))], Discriminator(_form_of_text)
]


class EnvironmentSource(Shape):
    """Something that is put into the environment: a text, files, a repository, or what lies in Cloud Storage."""

    type: Literal["inline", "repository", "gcs", "skill_registry"] = optional(
        "What it is; inline where there is content or files."
    )
    content: TextOrFile = optional("The text of an inline source, or {file: path}.")
    files: str = optional("Files as inline sources: a glob such as skills/**/*.md, from the folder of this manifest.")
    source: Annotated[str, AfterValidator(_address)] = optional(
        "The address of a repository, of a path in Cloud Storage, or of skills.", min_length=1
    )
    target: str = optional("Where it is put; for files, the folder.", min_length=1)
    encoding: str = optional("How the content is encoded, such as base64; as text where nothing is said.", min_length=1)

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = self.model_fields_set
        named = [name for name in ("content", "files", "source") if name in given]
        if len(named) != 1:
            raise complain("E207", "A source has content, files, or source: one of the three.")
        inline = named[0] != "source"
        if "type" not in given and not inline:
            raise complain("E207", "type is required: repository, gcs or skill_registry.")
        if "type" in given and inline != (self.type == "inline"):
            raise complain("E206", f"A source of type {self.type} has no {named[0]}.", at=(named[0],))
        if inline and "target" not in given:
            raise complain("E207", "target is required: the place where it is put.")
        if "encoding" in given and named[0] != "content":
            raise complain("E206", "Only content has an encoding.", at=("encoding",))
        return self


def _form_of_headers(value: Any) -> str:
    return branch("list") if isinstance(value, list) else branch("one")


_Headers = Annotated[dict[str, str], AfterValidator(_headers)]
Headers = Annotated[
    Annotated[_Headers, Tag(branch("one"))] | Annotated[list[_Headers], Tag(branch("list"))],
    Discriminator(_form_of_headers),
]


class AllowedDomain(Shape):
    """A domain that may be called."""

    domain: DomainOrAll = Field(
        description="The domain, such as api.example.com; *.example.com without example.com itself; *."
    )
    credential: str = optional("The id of a credential that is added to requests.", min_length=1)
    credential_ref: CredentialRef = optional("A Credential of this project, in place of credential.")
    transform: Headers = optional("Headers that are added to requests, by their names: no secrets.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        _one_credential(self.model_fields_set)
        return self


def _form_of_list(value: Any) -> str:
    return branch("word") if isinstance(value, str) else branch("list")


Allowlist = Annotated[
    Annotated[Literal["disabled"], Tag(branch("word"))] | Annotated[list[AllowedDomain], Tag(branch("list"))],
    Discriminator(_form_of_list),
]


class EnvironmentNetwork(Shape):
    """Whom it may call."""

    allowlist: Allowlist = Field(description="The domains that may be called, or `disabled`.")


def _form_of_network(value: Any) -> str:
    return branch("word") if isinstance(value, str) else branch("network")


Network = Annotated[
    Annotated[Literal["disabled"], Tag(branch("word"))] | Annotated[EnvironmentNetwork, Tag(branch("network"))],
    Discriminator(_form_of_network),
]


class EnvironmentVariable(Shape):
    """The value of a variable: a text, or a credential."""

    value: str = optional("The text: no secret.")
    credential: str = optional("The id of a credential.", min_length=1)
    credential_ref: CredentialRef = optional("A Credential of this project, in place of credential.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        _one_credential(self.model_fields_set)
        if len(self.model_fields_set) != 1:
            raise complain("E207", "A variable has a value or a credential: one of the two.")
        return self


def _form_of_variable(value: Any) -> str:
    return branch("text") if isinstance(value, str) else branch("variable")


Variable = Annotated[
    Annotated[str, Tag(branch("text"))] | Annotated[EnvironmentVariable, Tag(branch("variable"))],
    Discriminator(_form_of_variable),
]


def _variables(value: dict[str, Any]) -> dict[str, Any]:
    texts = {name: one if isinstance(one, str) else one.value for name, one in value.items()}
    _no_secret(
        {name: text for name, text in texts.items() if text},
        "Declare a Credential of type environment_variable, and write {credentialRef: {name: …}} in its place.",
    )
    return value


class EnvironmentShape(Shape):
    """Where an agent works."""

    model_config = ConfigDict(
        json_schema_extra=refused({"storage": "E231 The service sets this; it can't be declared."})
    )

    type: Literal["remote"] = optional("Always remote.")
    sources: list[EnvironmentSource] = optional("What is put into it.")
    network: Network = optional("Whom it may call: `disabled`, or an allowlist. Everybody where nothing is said.")
    env: Annotated[dict[str, Variable], AfterValidator(_variables)] = optional("Variables of the environment.")
    environment_id: str = optional("The id of an environment that is there and is updated.", min_length=1)
    mode: Literal["on_demand", "self_hosted"] = optional("Who runs it.")
    custom_config: Object = optional("Settings for those who run it themselves; with mode: self_hosted.")


def _form_of_environment(value: Any) -> str:
    return branch("word") if isinstance(value, str) else branch("environment")


EnvironmentOrName = Annotated[
    Annotated[str, Field(min_length=1), Tag(branch("word"))] | Annotated[EnvironmentShape, Tag(branch("environment"))],
    Discriminator(_form_of_environment),
]


def environment_needs(value: Any, at: Path) -> Iterator[FileNeed]:
    """The files that an environment, as `plain` gives it, takes texts from. It stands `at` this path of the spec."""
    for number, source in enumerate(value.get("sources", ()) if isinstance(value, dict) else ()):
        place: Path = (*at, "sources", number)
        if "files" in source:
            yield FileNeed((*place, "files"), source["files"], many=True)
        elif isinstance(source.get("content"), dict):
            yield FileNeed((*place, "content", "file"), source["content"]["file"])


@dataclass(slots=True)
class EnvironmentDraft:
    """An environment in its canonical form, in the making: `at` is its path in spec and form."""

    at: Path
    files: Files
    attachments: list[Attachment] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    sources: dict[Path, Path] = field(default_factory=dict)
    problems: list[tuple[Path, Diagnostic]] = field(default_factory=list)

    def form(self, value: Any) -> JsonObject:
        """The canonical form of an environment, as `plain` gives it."""
        if isinstance(value, str):
            return {"type": _REMOTE} if value == _REMOTE else {"type": _REMOTE, "environmentId": value}
        form: dict[str, Json] = {"type": _REMOTE, **value}
        if "sources" in value:
            form["sources"] = self._sources(value["sources"])
        if "network" in value:
            form["network"] = self._network(value["network"])
        if "env" in value:
            form["env"] = {name: self._variable(one, name) for name, one in value["env"].items()}
        return form

    def _sources(self, written: list[dict[str, Any]]) -> list[JsonObject]:
        made: list[JsonObject] = []
        for number, source in enumerate(written):
            place: Path = (*self.at, "sources", number)
            rest = {name: one for name, one in source.items() if name not in ("content", "files")}
            for text, target, at in self._texts(source, place):
                to: Path = (*self.at, "sources", len(made))
                self.sources[to] = place
                self.sources[(*to, "content")] = at
                self.attachments.append(replace(text, at=(*to, "content")))
                made.append({**rest, "type": "inline", "content": text.digest, "target": target})
            if "source" in source:
                self.sources[(*self.at, "sources", len(made))] = place
                made.append(rest)
        self._check(made)
        return made

    def _texts(self, source: dict[str, Any], place: Path) -> Iterator[tuple[Attachment, str, Path]]:
        """The texts of an inline source, each with its target and its place in the spec."""
        if "files" in source:
            folder = source["target"].rstrip("/")
            for file in self.files[(*place, "files")]:
                yield file, f"{folder}/{file.below}", (*place, "files")
        elif isinstance(content := source.get("content"), dict):
            (file,) = self.files[(*place, "content", "file")]
            yield file, source["target"], (*place, "content", "file")
        elif content is not None:
            yield attached(content), source["target"], (*place, "content")

    def _check(self, made: list[JsonObject]) -> None:
        size, at = sum(one.size for one in self.attachments), (*self.at, "sources")
        if size > MOST:
            detail = f"All inline sources together have {size:,} bytes, and may have {MOST:,}."
            hint = "Put them into a repository, and name that with {type: repository, source: …}."
            self.problems.append((at, problem("E273", detail, hint=hint)))
        elif size > ADVISED:
            detail = f"All inline sources together have {size:,} bytes; published examples keep to {ADVISED:,}."
            self.problems.append((at, problem("W572", detail)))
        seen: set[str] = set()
        for number, source in enumerate(made):
            target = source.get("target")
            if target in seen:
                written = self.sources[(*at, number)]
                self.problems.append((written, problem("E209", f"{target} is the target of another source already.")))
            seen |= {target} if isinstance(target, str) else set()

    def _network(self, value: Any) -> Json:
        if isinstance(value, str) or isinstance(value["allowlist"], str):
            return "disabled"
        at: Path = (*self.at, "network", "allowlist")
        return {"allowlist": [self._domain(one, (*at, number)) for number, one in enumerate(value["allowlist"])]}

    def _domain(self, value: dict[str, Any], at: Path) -> JsonObject:
        entry = self._credential(value, at)
        transform = entry.get("transform")
        return {**entry, "transform": [transform]} if isinstance(transform, dict) else entry

    def _variable(self, value: Any, name: str) -> Json:
        if isinstance(value, str) or "value" in value:
            return value if isinstance(value, str) else value["value"]
        return self._credential(value, (*self.at, "env", name))

    def _credential(self, value: dict[str, Any], at: Path) -> dict[str, Json]:
        if "credentialRef" not in value:
            return dict(value)
        target, to = Address("Credential", value["credentialRef"]["name"]), (*at, "credential")
        self.references.append(Reference(to, target, "id", (*at, "credentialRef", "name"), digested=False))
        return {**{name: one for name, one in value.items() if name != "credentialRef"}, "credential": _LINKED}


def attached(text: str) -> Attachment:
    """A text that stands in the manifest."""
    data = text.encode("utf-8")
    return Attachment(sha256(data), len(data), text=text)


_OUTER = {"environmentId": "environment_id", "customConfig": "custom_config"}


def environment_body(form: JsonObject) -> Json:
    """A form as it is sent. Paths below it are the same, but for the two names that have two words."""
    if form.keys() == {"type"}:
        return _REMOTE
    if form.keys() == {"type", "environmentId"}:
        return form["environmentId"]
    return {_OUTER.get(name, name): value for name, value in form.items()}


def environment_shown(shown: Json, texts: dict[str, str]) -> JsonObject:
    """The form of an environment that the service shows; texts go to `texts` by their digests. Raises TypeError or
    ValueError for another shape.
    """
    if isinstance(shown, str):
        return {"type": _REMOTE} if shown == _REMOTE else {"type": _REMOTE, "environmentId": shown}
    entry = replies.entry(shown, "base_environment")
    inner = {value: name for name, value in _OUTER.items()}
    form = {inner.get(name, name): value for name, value in entry.items() if value is not None}
    form.setdefault("type", _REMOTE)
    if "sources" in form:
        form["sources"] = [_source_shown(replies.entry(one), texts) for one in replies.listed(form, "sources")]
    if "network" in form:
        form["network"] = _network_shown(form["network"])
    if "env" in form:
        form["env"] = _variables_shown(replies.inner(form, "env"))
    return form


def same_environment(shown: Json, sent: Json) -> bool:
    """Whether the shown form means the sent one. The service may say more of an environment; but what it is made of,
    whom it may call, and its variables are all there is of them: more of these is something that somebody has added.
    """
    if not isinstance(shown, Mapping) or not isinstance(sent, Mapping):
        return bool(shown == sent)
    if any((shown.get(name) or None) != (sent.get(name) or None) for name in ("network", "env")):
        return False
    sources = {"sources": shown.get("sources") or []}
    return holds(sources, {"sources": sent.get("sources") or []}) and holds(
        shown, {name: value for name, value in sent.items() if name != "sources"}
    )


def _source_shown(source: JsonObject, texts: dict[str, str]) -> JsonObject:
    if "source" in source:
        source = {**source, **without_secrets({"source": source["source"]})}
    if "content" not in source:
        return source
    text = replies.text(source, "content")
    digest = sha256(text.encode("utf-8", "surrogatepass"))
    texts[digest] = text
    return {"type": "inline", **source, "content": digest}


def _network_shown(shown: Json) -> Json:
    if isinstance(shown, str):
        return shown
    network = replies.entry(shown, "network")
    if isinstance(network.get("allowlist"), str):
        return network["allowlist"]
    allowed = []
    for one in replies.listed(network, "allowlist"):
        entry = replies.entry(one, "An entry of the allowlist")
        transform = entry.get("transform")
        headers = [transform] if isinstance(transform, Mapping) else replies.listed(entry, "transform")
        shown_headers = [without_secrets(replies.entry(each, "A transform")) for each in headers]
        allowed.append({**entry, "transform": shown_headers} if headers else entry)
    return {**network, "allowlist": allowed}


def _variables_shown(shown: JsonObject) -> dict[str, Json]:
    plain = {name: one["value"] if isinstance(one, Mapping) and "value" in one else one for name, one in shown.items()}
    return without_secrets(plain)
