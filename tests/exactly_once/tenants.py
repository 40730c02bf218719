"""Several tenants of one service: each a stack with manifests, a state and misfortunes of its own."""

from __future__ import annotations

import copy
import threading
from types import MappingProxyType
from typing import TYPE_CHECKING

from appliers import DISK, ERRORS, Applier, Session, _Clock
from memory_files import Died, MemoryFiles

from gemctl.core.address import Address
from gemctl.core.errors import ApiError, GemctlError
from gemctl.core.project import Project
from gemctl.core.resource import Desired, Resource
from gemctl.manifest.refs import link

if TYPE_CHECKING:
    from neighbours import Street

STATE_DEATHS = tuple(f"{when} {what}" for what in DISK for when in ("before", "after"))


class Disk(MemoryFiles):
    """Knows which run holds its lock: whoever dies frees nobody else's."""

    holder: int | None = None

    def try_lock(self, path):
        handle = super().try_lock(path)
        if handle is not None:
            self.holder = threading.get_ident()
        return handle

    def close(self, handle):
        super().close(handle)
        if not self.locked:
            self.holder = None

    def left(self, *, power: bool) -> None:
        """The run of this thread is over."""
        if self.holder == threading.get_ident():
            if power:
                self.power_cut()
            self.released()
            self.holder = None


class Visit(Session):
    """A session of one tenant, with gemctl.yaml as it is now."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__(tenant.store, _Clock(tenant.life))
        self.tenant = tenant
        self._project = tenant.life.project_of(tenant)
        self.stack = self._project.stacks[tenant.stack]

    @property
    def project(self) -> Project:
        return self._project

    def sibling(self, stack: str) -> Visit:
        return Visit(next(one for one in self.tenant.family if one.stack == stack))


class Tenant(Applier):
    """One stack, with manifests and a state of its own."""

    def __init__(self, street: Street, name: str, identity: str, stack: str) -> None:
        super().__init__(street, name)
        self.key = name
        self.identity, self.stack = identity, stack
        self.files = Disk(self._boundary)
        self.store = self._new_store()
        self.resources: dict[Address, Resource] = {}
        self.imports: dict[Address, str] = {}
        self.copies: list[dict] = []
        self.let_go: set[Address] = set()  # never declared again: marks would find what is somebody else's by now

    @property
    def family(self) -> list[Tenant]:
        return [one for one in self.life.tenants if one.identity == self.identity]

    def desired(self) -> Desired:
        resources, unlike = link(dict(sorted(self.resources.items())))
        assert not unlike
        texts = {a.digest: a for one in resources.values() for a in one.declared.attachments}
        return Desired(MappingProxyType(resources), MappingProxyType(texts), (), "sim")

    def session(self) -> Visit:
        return Visit(self)

    def run(self) -> str:
        self._plan_a_misfortune()
        died = False
        try:
            return self._apply()
        except Died:
            died = True
            return "died"
        except (ApiError, GemctlError, OSError) as error:
            self.life.note(self.name, f"ends with {type(error).__name__}: {error}")
            return "error"
        finally:
            self.files.left(power=died and self.life.mind.power)

    def expect_a_misfortune(self) -> None:
        """A death or a disk error while a command writes the state; most of them make no calls."""
        mind = self.life.mind
        self._misfortune = ""
        if self.random.random() < mind.death:
            self._misfortune = self.random.choice(STATE_DEATHS)
        elif self.random.random() < mind.disk:
            self._misfortune = self.random.choice(ERRORS)
        self._until = self.random.randint(1, 5)

    def declare(self, address: Address, resource: Resource, others: dict[Address, Resource]) -> None:
        """It, and what it refers to."""
        self.resources[address] = resource
        for reference in resource.declared.references:
            if reference.target in others:
                self.declare(reference.target, others[reference.target], others)

    def keep_a_copy(self) -> None:
        if not self.files.locked:
            self.copies.append(copy.deepcopy(self.files.names))

    def put_back(self, names: dict) -> None:
        self.files.names, self.files.durable_names = names, dict(names)
