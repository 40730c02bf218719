"""The knobs of the embedded emulator, from the environment."""

import json

import pytest
from cli.cli_world import here, make_project


def test_the_embedded_emulator_has_knobs(tmp_path, monkeypatch):
    folder = make_project(tmp_path)
    assert here(folder, "plan").returncode == 0
    monkeypatch.setenv("GEMCTL_EMULATOR_KNOBS", json.dumps({"keys": ["another key"]}))
    done = here(folder, "plan")
    assert (done.returncode, "API key not valid" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ("{", "Expecting property name"),
        ("[]", "knobs are a JSON object"),
        ('{"room": 1}', "no knob is called room"),
        ('{"batches_at_once": 0}', "patience and at_once are positive"),
    ],
)
def test_knobs_that_make_no_sense(tmp_path, monkeypatch, knobs, said):
    folder = make_project(tmp_path)
    monkeypatch.setenv("GEMCTL_EMULATOR_KNOBS", knobs)
    done = here(folder, "plan")
    assert (done.returncode, "error[E003]: Not a setting of the embedded emulator" in done.stderr) == (1, True)
    assert said in done.stderr
