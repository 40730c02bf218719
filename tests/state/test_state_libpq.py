"""Whom a password may be sent to in clear: no server that a project file names, whatever libpq there is."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from values import ManualClock

from gemctl.core.errors import GemctlError
from gemctl.core.place import Keeper, StatePlace
from gemctl.state.store import StoreFailed
from gemctl.workflows.wiring import Settings, open_session, open_store

NAMED, NOWHERE = "postgresql://db.example:5432/ops", "postgresql://"
OLD, NEW = 150013, 160002
REFUSED = "E433"
# (what gemctl.yaml says, the variable it names, PGREQUIREAUTH, libpq) → what is demanded of the server, or E433
ROWS = (
    (NAMED, None, None, NEW, "!password"),
    (NAMED, None, None, OLD, REFUSED),
    ("postgresql:///ops?hostaddr=192.0.2.1", None, None, OLD, REFUSED),
    (NOWHERE, None, None, NEW, "!password"),
    (NOWHERE, None, None, OLD, None),  # the environment says where it is
    (NAMED, None, "scram-sha-256", NEW, "scram-sha-256"),
    (NAMED, None, "scram-sha-256", OLD, REFUSED),  # it would be left out without a word
    (NAMED, None, "!password", OLD, REFUSED),
    (NAMED, None, "", OLD, REFUSED),
    (NAMED, None, "password", OLD, None),
    (NAMED, None, "scram-sha-256, password", OLD, None),
    (NAMED, "OPS_DSN", None, OLD, None),  # whoever sets the variable answers for it
    (NAMED, "OPS_DSN", None, NEW, None),
)

PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: shop, id: abcd1234}
defaultStack: prod
stacks: {prod: {}}
"""


def test_no_password_goes_in_clear_to_a_server_that_a_project_file_names(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "gemctl.yaml").write_text(PROJECT)
    asked: list[dict[str, object]] = []

    def connect(_: str, **how: object) -> None:
        asked.append(how)
        raise psycopg.OperationalError("nobody is there")

    monkeypatch.setattr(psycopg, "connect", connect)
    for row in ROWS:
        dsn, variable, required, version, demanded = row
        env = {name: value for name, value in (("OPS_DSN", dsn), ("PGREQUIREAUTH", required)) if value is not None}
        monkeypatch.setattr(psycopg.pq, "version", lambda version=version: version)
        session = open_session(Settings(folder=str(tmp_path), env=env, clock=ManualClock()))
        place = StatePlace(Keeper.POSTGRES, "" if variable else dsn, variable)
        store = open_store(place, session.project, session.stack, tmp_path, session.settings)
        asked.clear()
        with pytest.raises(GemctlError) as caught:
            store.load()
        if demanded == REFUSED:
            assert caught.value.code == REFUSED and not asked, row
            assert "libpq 15" in str(caught.value) and "psycopg[binary]" in str(caught.value.hint), row
        else:
            assert isinstance(caught.value, StoreFailed) and caught.value.code == "E411", row
            (how,) = asked
            assert how.get("require_auth") == demanded, row
