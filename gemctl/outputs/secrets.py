"""Delivers secrets that replies carry to the sinks that manifests name: a file of its owner's, or a command. Called by
workflows/apply.py through the engine, and by workflows/act.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import GemctlError
from gemctl.core.resource import Desired, Resource, SecretSink
from gemctl.core.secret import Secret
from gemctl.files.disk import Files
from gemctl.files.whole import write_whole
from gemctl.outputs.sinks import CommandSink


class Deliverer:
    """Writes under `root`; commands get `env` without API keys."""

    def __init__(self, root: Path, desired: Desired, env: Mapping[str, str]) -> None:
        self._root, self._desired, self._env = root, desired, env

    def __call__(self, address: Address, secret: Secret) -> Diagnostic | None:
        """Deliver the secret. Returns None once its sink has it; else why not, without a word of it."""
        resource = self._desired.resources.get(address)
        sink = resource.declared.sink if resource else None
        if resource is None or sink is None:
            return problem("E572", "Nothing says where its secret goes.", address=address)
        try:
            self._deliver(sink, secret)
        except (OSError, GemctlError) as error:
            return _failed(resource, sink, error)
        return None

    def _deliver(self, sink: SecretSink, secret: Secret) -> None:
        if sink.form == "command":
            command = CommandSink(sink.target, self._env)
            command.prepare()
            command.take(secret)
            return
        path = self._root / sink.target
        Files(self._root, private=False).make_folder(path.parent)  # others may have files there as well
        write_whole(Files(self._root), path, secret.reveal().encode() + b"\n")


def _failed(resource: Resource, sink: SecretSink, error: Exception) -> Diagnostic:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return problem(
        "E572",
        f"The secret of {resource.address} could not be delivered to {sink.target}: {said}.".replace("..", "."),
        span=resource.positions.value(("spec", *sink.at)),
        address=resource.address,
        hint="Mend that and apply again: a new secret is made and delivered.",
    )
