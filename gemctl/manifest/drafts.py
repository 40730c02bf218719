"""Makes drafts of all documents of a declaration, with variables put in, overlays laid over them, and defaults under
them. Called by `bind`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gemctl.core.address import Address, valid_name
from gemctl.core.codes import problem
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Catalogue, Chosen, Kind, parent_of
from gemctl.core.project import Endpoint, Project, Stack
from gemctl.core.source import Json, JsonObject, Path, Positions, SourceFile, Span
from gemctl.manifest.complaints import Complaints
from gemctl.manifest.envelope import API_VERSION
from gemctl.manifest.layers import LayeredManifest, alone, is_list, named_by_itself, overlay, unfold, with_defaults
from gemctl.manifest.refs import Substitution, Uses, may_have_expression, scope
from gemctl.manifest.stack import COMMAND_LINE
from gemctl.manifest.unedited import Unedited
from gemctl.manifest.yaml import Document
from gemctl.schema.spelling import did_you_mean

_ELSEWHERE = {
    "Project": "A project stands in gemctl.yaml, at the top of the project.",
    "Facts": "A file of facts is no manifest: name it with `facts: FILE` in gemctl.yaml.",
}
_NOT_OURS = "A file that is not for gemctl belongs outside the project, or in a folder whose name begins with a dot."


@dataclass(frozen=True, slots=True)
class _OfKind:
    """What is the same for all documents of a kind; `kind` is None for one that doesn't exist.

    defaults   the project's, with variables put in.
    own        the field of the spec that has the resource's own name where it is not written; "" for none.
    """

    kind: Kind | None
    defaults: JsonObject
    own: str


class Drafts:
    """Makes the drafts of one declaration.

    uses    for each file that was read: the variables in it, and the number of characters that they added.
    used    the variables that anything uses.
    wrong   the files of which something was said, or which do not say all.
    """

    def __init__(
        self, project: Project, stack: Stack, catalogue: Catalogue, origin: Document | None, complaints: Complaints
    ) -> None:
        self._project, self._stack, self._catalogue = project, stack, catalogue
        self._origin, self._complaints = origin, complaints
        self._substitution = Substitution(scope(project.name, stack.name, stack.vars))
        self._defaults: dict[str, JsonObject] = {}
        self._default_uses: Uses = {}
        self._of_kind: dict[str, _OfKind] = {}
        self._file: SourceFile | None = None  # that of the last document, and whether it may have expressions
        self._may_have = False
        self.uses: dict[str, tuple[frozenset[str], int]] = {}
        self.used: set[str] = set()
        self.wrong: set[str] = set()

    # The project's part.

    def check_project(self) -> None:
        """Put variables into the defaults, and look for kinds that don't exist."""
        for kind, parts in self._project.defaults.items():
            self._known(kind, ("defaults", kind))
            below: Path = ("defaults", kind)
            value, problems, uses = self._substitution.fill(parts, self._project_positions, below)
            self._complaints.found.extend(problems)
            self._defaults[kind] = value
            self._default_uses = {**self._default_uses, **uses}
            self._note(uses)
        for address in self._project.imports:
            self._known(address.kind, ("imports", str(address)))
        for stack in self._project.stacks.values():
            for address in stack.imports:
                self._known(address.kind, ("stacks", stack.name, "imports", str(address)))
        for index, move in enumerate(self._project.moved):
            self._known(move.old.kind, ("moved", index, "from"))
        self._check_common_imports()

    def _check_common_imports(self) -> None:
        """Complain of common imports where two stacks use one key: both would have the object."""
        firm = {name for stack in self._project.stacks.values() for name in stack.imports.values()}
        common = [address for address, name in self._project.imports.items() if name not in firm]
        here = self._stack
        same = [
            stack.name
            for stack in self._project.stacks.values()
            if (stack.endpoint, stack.key_env, stack.keyring) == (here.endpoint, here.key_env, here.keyring)
        ]
        if here.endpoint is Endpoint.EMULATOR or len(same) < 2:
            return
        for address in common:
            detail = f"Stacks {', '.join(same)} use one key, and each of them would take {address} for its own."
            hint = f"Move the line to the stack that it belongs to, such as stacks.{here.name}.imports."
            span = self._project_positions.key(("imports", str(address)))
            self._complaints.found.append(problem("W563", detail, span=span, hint=hint))

    @property
    def _project_positions(self) -> Positions:
        return self._origin.positions if self._origin else Positions(Span("gemctl.yaml", 1, 1, 1, 1))

    def _known(self, kind: str, at: Path) -> None:
        if kind not in self._catalogue:
            span = self._project_positions.key(at)
            hint = did_you_mean(kind, self._catalogue)
            self._complaints.found.append(problem("E203", f"There is no kind {kind}.", span=span, hint=hint))

    def check_variables(self) -> None:
        """Complain of variables from the command line that no manifest uses: most likely misspelt."""
        known = self.used.union(*(stack.vars for stack in self._project.stacks.values()))
        for name, source in self._stack.given.items():
            if source == COMMAND_LINE and name not in known:
                hint = did_you_mean(name, known)
                self._complaints.found.append(problem("E023", f"Nothing uses a variable {name}.", hint=hint))

    def _note(self, uses: Uses) -> None:
        self.used.update(name for use in uses.values() for name in use.names)

    # From documents to drafts.

    def of(
        self, documents: Sequence[Document | Unedited], overlays: Sequence[Sequence[Document]], *, partial: bool
    ) -> Sequence[LayeredManifest | Unedited]:
        """The declared resources, with variables put in and overlays laid over them."""
        drafts: list[LayeredManifest | Unedited] = []
        for document in documents:
            if not isinstance(document, Unedited):
                drafts += self._filled(document)
            elif self._substitution.take(document.declared.length):
                drafts.append(document)
            else:  # the text with which it is too much may stand in it
                drafts += (draft for one in document.parsed() for draft in self._filled(one))
        return self._laid(drafts, overlays, partial=partial) if overlays else drafts

    def _laid(
        self,
        drafts: list[LayeredManifest | Unedited],
        overlays: Sequence[Sequence[Document]],
        *,
        partial: bool,
    ) -> Sequence[LayeredManifest | Unedited]:
        places: dict[Address, int] = {}
        for number, draft in enumerate(drafts):
            if isinstance(draft, LayeredManifest) and (declared := address_of(draft.value)) is not None:
                places.setdefault(declared, number)
        for folder in overlays:
            first: dict[Address, Span] = {}
            for over in (draft for document in folder for draft in self._filled(document)):
                address = self._laid_over(over)
                if address is None:
                    continue
                span = over.positions.value(("metadata", "name"))
                if (other := first.setdefault(address, span)) is not span:
                    detail = f"The overlay for {address} is in {other.file}, line {other.line}, already."
                    self._complaints.report(problem("E211", detail, span=span, address=address))
                elif (place := places.get(address)) is not None:
                    under = drafts[place]
                    assert isinstance(under, LayeredManifest)
                    drafts[place] = overlay(under, over)
                    self.wrong.add(under.positions.root.file)  # it is not all that its file says
                elif not partial:
                    places[address] = len(drafts)
                    drafts.append(alone(over))
        return drafts

    def _filled(self, document: Document) -> Iterable[LayeredManifest]:
        """The drafts of a document, before anything is laid over them."""
        value, file = document.value, document.file
        if file is not self._file:
            self._file, self._may_have = file, may_have_expression(file.text)
            self.uses.setdefault(file.path, (frozenset(), 0))
        if not self._may_have and not is_list(value):
            return (LayeredManifest(value, document.positions),)
        drafts: list[LayeredManifest] = []
        problems = self._complaints.found
        before, added = len(problems), self._substitution.added
        for one in unfold(document, problems):
            filled, found, uses = self._substitution.fill(one.value, one.positions)
            problems.extend(found)
            drafts.append(LayeredManifest(filled, one.positions, uses))
        names = {name for draft in drafts for use in draft.uses.values() for name in use.names}
        known, length = self.uses[file.path]
        self.uses[file.path] = known | names, length + self._substitution.added - added
        self.used |= names
        if len(problems) > before:
            self.wrong.add(file.path)
        return drafts

    def kind(self, name: Json) -> Kind | None:
        """The kind of this name; None if there is none."""
        return self._about(name).kind if isinstance(name, str) else None

    def _about(self, name: str) -> _OfKind:
        if (known := self._of_kind.get(name)) is None:
            kind = self._catalogue.get(name)
            identity = kind.remote.identity if kind and kind.remote else None
            own = identity.own if isinstance(identity, Chosen) else ""
            known = self._of_kind[name] = _OfKind(kind, self._defaults.get(name, {}) if kind else {}, own)
        return known

    def layered(self, draft: LayeredManifest) -> LayeredManifest:
        """The draft with all that it is made of: the project's defaults, and its own name where that is a field."""
        draft = self.with_defaults(draft)
        name = draft.value.get("kind") if isinstance(draft.value, dict) else None
        own = self._about(name).own if isinstance(name, str) else ""
        return named_by_itself(draft, own) if own else draft

    def with_defaults(self, draft: LayeredManifest) -> LayeredManifest:
        """The draft with the project's defaults for its kind."""
        name = draft.value.get("kind") if isinstance(draft.value, dict) else None
        if not isinstance(name, str) or not (defaults := self._about(name).defaults):
            return draft
        return with_defaults(draft, defaults, self._default_uses, self._project_positions, ("defaults", name))

    def _laid_over(self, draft: LayeredManifest) -> Address | None:
        """The address that an overlay belongs to, or None after a complaint."""
        value, positions = draft.value, draft.positions
        if not isinstance(value, dict):
            self._complaints.found.append(problem("E201", "The document is not a mapping.", span=positions.root))
            return None
        if not self.is_resource(value, positions):
            return None
        address = address_of(value)
        if address is None or "apiVersion" not in value:
            detail = "An overlay has an apiVersion, a kind, and a metadata.name that is one."
            span = positions.key(("metadata", "name")) if address is None else positions.root
            self._complaints.report(
                problem("E234", detail, span=span, hint="Copy them from the manifest that it belongs to.")
            )
            return None
        return address

    def is_resource(self, value: JsonObject, positions: Positions) -> bool:
        """False, after a complaint, for a value that is no resource or stands in the wrong place."""
        version, kind = value.get("apiVersion"), value.get("kind")
        if version is None and kind is None:
            detail = "The document has neither apiVersion nor kind."
            self._complaints.report(problem("E201", detail, span=positions.root, hint=_NOT_OURS))
            return False
        if version is not None and version != API_VERSION:
            shown = f"This is {version!r}." if isinstance(version, str) else "This is not text."
            foreign = isinstance(version, str) and not version.startswith(API_VERSION.partition("/")[0])
            hint = f"Write apiVersion: {API_VERSION}." + (f" {_NOT_OURS}" if foreign else "")
            self._complaints.report(problem("E202", shown, span=positions.value(("apiVersion",)), hint=hint))
            return False
        known = self.kind(kind)
        if known is None and isinstance(kind, str) and kind in _ELSEWHERE:
            self._complaints.report(problem("E204", _ELSEWHERE[kind], span=positions.value(("kind",))))
            return False
        if known is not None and (of := parent_of(known)):
            detail = f"A {kind} has no manifest: it is declared in that of its {of}."
            self._complaints.report(problem("E204", detail, span=positions.value(("kind",))))
            return False
        return True


def address_of(value: Json) -> Address | None:
    """The address, if there is enough of it to name the resource."""
    if not isinstance(value, dict):
        return None
    kind, metadata = value.get("kind"), value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if isinstance(kind, str) and kind.isidentifier() and isinstance(name, str) and valid_name(name):
        return Address(kind, name)
    return None
