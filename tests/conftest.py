"""What all tests share: no real key, no proxy, no colour, and no hypothesis deadline on busy machines.

Hypothesis tries the same examples in each run, so that the suite says the same twice; HYPOTHESIS_PROFILE=search looks
for others. It tries a quarter of them among the quick tests, and all among the slow ones (CONTRIBUTING.md).
"""

from __future__ import annotations

import gc
import os
import re
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

os.environ["XDG_STATE_HOME"] = str(Path(tempfile.gettempdir()) / f"gemctl-tests-state-{os.getuid()}")  # not the user's

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of command lines are run: none is to compile gemctl anew

MEMORY, ROOM = Path("/dev/shm"), 2 << 30  # bytes

settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", settings.get_profile("search"), derandomize=True, database=None)
settings.register_profile("quick", settings.get_profile("suite"), max_examples=25)


def _in_memory() -> None:
    """Put the tests' folders on the file system in memory, where there is one with room that lets programs run: gemctl
    makes durable what it writes, a hundred thousand times, and a disk takes milliseconds for each.
    """
    if "TMPDIR" in os.environ or not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK):
        return
    status = os.statvfs(MEMORY)
    if status.f_bavail * status.f_frsize >= ROOM and not status.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"], tempfile.tempdir = str(MEMORY), None


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is collected: a property takes its number of examples from the profile when it is defined."""
    _in_memory()
    suite = "quick" if config.option.markexpr == "not slow" else "suite"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", suite))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Properties belong to both speeds."""
    if config.option.markexpr == "slow":
        for item in items:
            if hasattr(getattr(item, "obj", None), "hypothesis"):
                item.add_marker("slow")


def pytest_make_parametrize_id(val: object, argname: str) -> None:
    """Refuse gzip's bytes as the name of a test: its header has the time, to a second, and two workers that collect in
    different seconds would have different tests.
    """
    if isinstance(val, bytes) and b"\x1f\x8b" in val:
        raise ValueError(f"the time is in these bytes of {argname}: give them an id, pytest.param(…, id=…)")


def pytest_collection_finish() -> None:
    """Thousands of test items and modules are here to stay: looking through them again and again takes minutes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
        "GOOGLE_GEMINI_BASE_URL",
        "GEMCTL_API_KEY_FILE",
        "GEMCTL_API_KEY_COMMAND",
        "GEMCTL_STACK",
        "GEMCTL_EMULATOR_CLOCK",
        "GEMCTL_EMULATOR_KNOBS",
        "GEMCTL_DEBUG",
        "GITHUB_OUTPUT",
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def example_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables from which example projects have secrets read."""
    for file in (Path(__file__).parent.parent / "manifests").rglob("*.yaml"):
        for name in re.findall(r"valueFrom: \{env: ([A-Z_]+)\}", file.read_text(encoding="utf-8")):
            monkeypatch.setenv(name, f"the value of {name}")
