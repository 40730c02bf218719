"""Delivers secrets that replies carry to the sinks that manifests name: a file of its owner's, or a command. Called by
workflows/apply.py through the engine, and by workflows/act.py.

A manifest names a command, and may come with a pull request; what is executed is chosen by whoever owns the
environment. So a command is run only if GEMCTL_SECRET_COMMANDS has it, as a line of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from errno import EISDIR
from pathlib import Path

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import GemctlError
from gemctl.core.kind import Catalogue
from gemctl.core.plan import Step
from gemctl.core.record import Op
from gemctl.core.resource import Desired, Resource, SecretSink
from gemctl.core.secret import Secret
from gemctl.files.disk import Files
from gemctl.files.whole import fresh, write_whole
from gemctl.outputs.sinks import CommandSink

ALLOWED = "GEMCTL_SECRET_COMMANDS"


class Deliverer:
    """Writes under `root`; commands get `env` without API keys, and must be allowed by it."""

    def __init__(self, root: Path, desired: Desired, env: Mapping[str, str]) -> None:
        self._root, self._desired, self._env = root, desired, env

    def unready(self, steps: Iterable[Step], catalogue: Catalogue) -> dict[str, Diagnostic]:
        """The steps whose secret could not be delivered, and the deletes that make room for them, with the reason.

        Nobody should ask for a secret that nothing takes: the service shows it once, and a new one makes the old one
        void.
        """
        by_id = {step.id: step for step in steps}
        found: dict[str, Diagnostic] = {}
        for step in by_id.values():
            if brings_secret(step, catalogue) and (why := self.check(step.address)):
                found[step.id] = why
                before = (by_id[other] for other in step.after if other in by_id)
                found |= {other.id: why for other in before if other.op is Op.DELETE and other.address == step.address}
        return found

    def check(self, address: Address) -> Diagnostic | None:
        """None if the sink of a resource can take a secret; else why not."""
        resource, sink = self._sink(address)
        if resource is None or sink is None:
            return _nowhere(address)
        try:
            self._prepare(sink)
        except (OSError, GemctlError) as error:
            return _failed(resource, sink, error, "Nothing was sent. Mend that and apply again.")
        return None

    def __call__(self, address: Address, secret: Secret) -> Diagnostic | None:
        """Deliver the secret. Returns None once its sink has it; else why not, without a word of it."""
        resource, sink = self._sink(address)
        if resource is None or sink is None:
            return _nowhere(address)
        try:
            if isinstance(prepared := self._prepare(sink), CommandSink):
                prepared.take(secret)
            else:
                write_whole(Files(self._root), prepared, secret.reveal().encode() + b"\n")
        except (OSError, GemctlError) as error:
            return _failed(resource, sink, error, "Mend that and apply again: a new secret is made and delivered.")
        return None

    def _sink(self, address: Address) -> tuple[Resource | None, SecretSink | None]:
        resource = self._desired.resources.get(address)
        return resource, resource.declared.sink if resource else None

    def _prepare(self, sink: SecretSink) -> CommandSink | Path:
        """The command, or the file, once it seems that it can take a secret. Raises GemctlError, OSError."""
        if sink.form == "command":
            allowed = (line.strip() for line in self._env.get(ALLOWED, "").splitlines())
            if sink.target.strip() not in allowed:
                hint = f"If it is meant, set {ALLOWED} to it where gemctl runs, one command a line."
                raise GemctlError(f"{ALLOWED} does not have this command", code="E572", hint=hint)
            command = CommandSink(sink.target, self._env)
            command.prepare()
            return command
        path = self._root / sink.target
        Files(self._root, private=False).make_folder(path.parent)  # others may have files there as well
        if path.is_dir() and not path.is_symlink():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        with fresh(Files(self._root), path):
            return path


def brings_secret(step: Step, catalogue: Catalogue) -> bool:
    """Whether the reply to a step carries a secret."""
    kind = catalogue[step.kind]
    if step.op is Op.CREATE:
        return kind.remote is not None and kind.remote.secret is not None
    return step.op is Op.ACT and kind.acts[step.act].secret is not None


def _nowhere(address: Address) -> Diagnostic:
    return problem("E572", "Nothing says where its secret goes.", address=address)


def _failed(resource: Resource, sink: SecretSink, error: Exception, hint: str) -> Diagnostic:
    if isinstance(error, GemctlError) and error.code == "E572":
        hint = f"{error.hint} {hint}"
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return problem(
        "E572",
        f"The secret of {resource.address} could not be delivered to {sink.target}: {said}.".replace("..", "."),
        span=resource.positions.value(("spec", *sink.at)),
        address=resource.address,
        hint=hint,
    )
