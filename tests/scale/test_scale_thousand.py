"""A thousand caches on a served emulator: how many requests, connections, renames and fsyncs they cost."""

from __future__ import annotations

import contextlib
import io
import json
from collections import Counter

import pytest
from scale_world import PROJECT, Counting, declare
from uvicorn.protocols.http.h11_impl import H11Protocol
from values import ManualClock

from gemctl.cli.main import run
from gemctl.emulator.server import running
from gemctl.kinds import CATALOGUE

N, WIDTH = 1000, 10
LISTED = sum(kind.remote is not None and kind.remote.listed for kind in CATALOGUE.values())


@pytest.mark.slow
def test_a_thousand_caches(tmp_path, monkeypatch, costs):
    clock = ManualClock()
    declare(tmp_path, N)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEMINI_API_KEY", "any-word")
    # The server ends no idle connection: a busy machine has some, and would count those that are opened anew.
    monkeypatch.setattr(H11Protocol, "timeout_keep_alive_handler", lambda _: None)
    app = Counting(clock)

    def gemctl(*words):
        """(exit status, what was printed, requests by method, costs)."""
        app.counts.clear()
        costs.clear()
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run([*words, "--json"], clock=clock)
        return status, [json.loads(line) for line in out.getvalue().splitlines()], Counter(app.counts), Counter(costs)

    with running(app) as url:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)

        status, lines, requests, cost = gemctl("apply", "--yes", "--parallelism", str(WIDTH))
        assert (status, lines[-1]["summary"]["done"]) == (0, N)
        # Without a state every kind is listed twice, for its marks; all lists are empty. Then the models, and creates.
        assert requests == {"GET": 2 * LISTED + 1, "POST": N}
        assert cost["connections"] <= WIDTH + LISTED + 1
        assert cost["snapshots"] <= 2
        assert cost["journals"] == 1
        assert N / WIDTH <= cost["fsyncs"] <= 2 * N  # an intent and a result each, often together
        assert len({effect.display_name for effect in app.effects}) == N

        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            assert (
                run(["plan", "--detailed-exitcode"], clock=clock) == 0
            )  # it keeps what the next one need not make anew
        app.counts.clear()
        costs.clear()
        with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.redirect_stderr(io.StringIO()):
            assert run(["plan", "--detailed-exitcode"], clock=clock) == 0
        assert f"Nothing to do: {N} in sync." in shown.getvalue()
        assert (dict(app.counts), dict(+costs)) == ({"GET": 1}, {"connections": 1})  # and nothing is written

        app.lacking = 1  # a list that lacks all of them: another one, and none is asked for by name
        app.counts.clear()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            assert run(["plan", "--detailed-exitcode"], clock=clock) == 0
        assert app.counts == {"GET": 2}

        status, lines, requests, cost = gemctl("destroy", "--yes", "--parallelism", str(WIDTH))
        assert (status, lines[-1]["summary"]["done"]) == (0, N)
        assert requests == {"GET": 1, "DELETE": N}
        assert cost["connections"] <= WIDTH + 1
        assert cost["snapshots"] <= 2
        assert cost["fsyncs"] <= 2 * N
        assert app.world.objects("cachedContents") == []


def test_pages_are_as_few_as_the_service_allows(tmp_path, monkeypatch, costs):
    """Somebody else has 2,500 caches: three pages of a thousand, read on one connection."""
    clock = ManualClock()
    (tmp_path / "gemctl.yaml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEMINI_API_KEY", "any-word")
    app = Counting(clock)
    with app.world.turn():
        for n in range(2500):
            body = {"model": "models/gemini-3.8-flash", "displayName": f"other {n}", "tokens": 1}
            app.world.create("cachedContents", "emulated-project", body, expires=app.world.clock() + 10**15)
    with running(app) as url, contextlib.redirect_stdout(io.StringIO()) as shown:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        assert run(["get", "CachedContent", "--json"], clock=clock) == 0
    assert len(json.loads(shown.getvalue())["objects"]) == 2500
    assert app.counts == {"GET": 3}
    assert costs["connections"] == 1
