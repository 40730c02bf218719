"""A stack whose key is in the keyring: the real command, with a backend that stands in its environment."""

from __future__ import annotations

import pytest
from cli_world import environment, gemctl, make_project

from gemctl.emulator.app import App
from gemctl.emulator.server import running
from gemctl.emulator.world import World

CANARY = "canary-Zq8x_81nightingale"
BACKEND = f"""\
from keyring.backend import KeyringBackend

class Backend(KeyringBackend):
    priority = 1

    def get_password(self, service, username):
        return {{("gemctl", "prod"): {CANARY!r}}}.get((service, username))

    def set_password(self, service, username, password):
        raise AssertionError("gemctl writes nothing there")
"""


class Strict(App):
    """Takes this key only."""

    def handle(self, request):
        assert request.headers["x-goog-api-key"] == CANARY
        return super().handle(request)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "backends").mkdir()
    (tmp_path / "backends/our_backend.py").write_text(BACKEND)
    project = make_project(tmp_path / "project")
    text = (project / "gemctl.yaml").read_text()
    stacks = "  live: {apiKey: {keyring: gemctl/prod}}\n  other: {apiKey: {keyring: gemctl/other}}\n"
    (project / "gemctl.yaml").write_text(text.replace("  live: {}\n", stacks))
    return project


def test_the_key_comes_from_the_keyring_and_is_seen_nowhere(project, tmp_path):
    with running(Strict(World())) as url:
        env = environment(
            GOOGLE_GEMINI_BASE_URL=url,
            PYTHONPATH=str(tmp_path / "backends"),
            PYTHON_KEYRING_BACKEND="our_backend.Backend",
            GEMINI_API_KEY="the-key-of-another-project",
        )
        applied = gemctl(project, "apply", "--stack", "live", "--yes", "-vv", env=env, anew=True)
        missing = gemctl(project, "plan", "--stack", "other", env=env, anew=True)
    assert applied.returncode == 0, applied.stderr
    assert "Applied: 1 done" in applied.stdout
    assert missing.returncode == 1
    assert "error[E319]" in missing.stderr
    assert "keyring set gemctl other" in missing.stderr
    told = applied.stdout + applied.stderr + missing.stdout + missing.stderr
    for path in (path for path in project.rglob("*") if path.is_file()):
        told += path.read_bytes().decode("utf-8", "replace")
    assert CANARY not in told
