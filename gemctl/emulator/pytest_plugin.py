"""Defines the fixture `gemini_emulator`, for the tests of users: an emulator of their own for each test.

pytest finds it by the entry point `pytest11` wherever gemctl is installed, so importing it costs nothing: the emulator
comes in with the first test that asks for it. One server serves all tests of a process (with xdist, of each worker);
each test finds it as at the start.

    def test_it(gemini_emulator): …
    @pytest.mark.gemini_emulator(clock="2026-06-01T00:00:00Z", knobs={"batch_running": 60})

The settings of all tests below a folder or in a module are what a fixture `gemini_emulator_settings` gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gemctl.emulator.testing import Emulator

_MARK = "gemini_emulator"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", f"{_MARK}(clock, still, seed, knobs): how the emulator of this test starts (gemctl)."
    )


@pytest.fixture(scope="session")
def _served_gemini_emulator() -> Iterator[Emulator]:
    from gemctl.emulator import testing

    try:
        served = testing.emulator()
        with served as emulator:
            yield emulator
    except testing.EmulatorNotInstalled as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture
def gemini_emulator_settings() -> Mapping[str, object]:
    """The settings of the emulator for each test, as `gemctl.emulator.testing.Settings` has them: override it."""
    return {}


@pytest.fixture
def gemini_emulator(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    gemini_emulator_settings: Mapping[str, object],
    _served_gemini_emulator: Emulator,
) -> Iterator[Emulator]:
    """A Gemini API of this test's own, to which the variables of the SDKs point."""
    settings = dict(gemini_emulator_settings)
    for mark in reversed(list(request.node.iter_markers(_MARK))):
        if mark.args:
            pytest.fail(f"the marker {_MARK} takes its settings by name: {_MARK}(seed=7)", pytrace=False)
        settings.update(mark.kwargs)
    try:
        _served_gemini_emulator.start(**settings)
    except (TypeError, ValueError) as wrong:
        pytest.fail(f"{_MARK}: {wrong}", pytrace=False)
    for name in ("GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"):  # either would have the SDK go elsewhere
        monkeypatch.delenv(name, raising=False)
    for name, value in _served_gemini_emulator.env.items():
        monkeypatch.setenv(name, value)
    yield _served_gemini_emulator
