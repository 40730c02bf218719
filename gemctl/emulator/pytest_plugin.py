"""Defines the fixture `gemini_emulator`, for the tests of users: an emulator of their own for each test.

pytest finds it by the entry point `pytest11` wherever gemctl is installed, so importing it costs nothing: the emulator
comes in with the first test that asks for it. One server serves all tests of a process (with xdist, of each worker);
each test finds it as at the start.

    def test_it(gemini_emulator): …
    @pytest.mark.gemini_emulator(clock="2026-06-01T00:00:00Z", knobs={"batch_running": 60})

The settings of all tests below a folder or in a module are what a fixture `gemini_emulator_settings` gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gemctl.emulator.testing import Emulator

_MARK = "gemini_emulator"
_ELSEWHERE = ("GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE")  # SDKs would go there


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", f"{_MARK}(clock, still, seed, knobs, tls): how the emulator of this test starts (gemctl)."
    )


@pytest.fixture(scope="session")
def _served_gemini_emulators() -> Iterator[Callable[[bool], Emulator]]:
    """Those of this process: one without TLS and one with it, each made when it is first needed."""
    from gemctl.emulator import testing

    with ExitStack() as stack:
        yield cache(lambda tls: stack.enter_context(testing.emulator(tls=tls)))


@pytest.fixture
def gemini_emulator_settings() -> Mapping[str, object]:
    """The settings of the emulator for each test, as `gemctl.emulator.testing.Settings` has them: override it."""
    return {}


@pytest.fixture
def gemini_emulator(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    gemini_emulator_settings: Mapping[str, object],
    _served_gemini_emulators: Callable[[bool], Emulator],
) -> Emulator:
    """A Gemini API of this test's own, to which the variables of the SDKs point."""
    settings = dict(gemini_emulator_settings)
    for mark in reversed(list(request.node.iter_markers(_MARK))):
        if mark.args:
            pytest.fail(f"the marker {_MARK} takes its settings by name: {_MARK}(seed=7)", pytrace=False)
        settings.update(mark.kwargs)
    tls = settings.pop("tls", False)
    try:
        emulator = _served_gemini_emulators(tls is True)
        emulator.start(**settings)
    except (TypeError, ValueError) as wrong:
        pytest.fail(f"{_MARK}: {wrong}", pytrace=False)
    except ModuleNotFoundError as missing:
        pytest.fail(str(missing), pytrace=False)
    for name in _ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    for name, value in emulator.env.items():
        monkeypatch.setenv(name, value)
    return emulator
