"""The examples of the API's first documents for interactions, as manifests in a form that works today: applied, waited
for, saved, and read by the official client, which asks the same service.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from values import ManualClock

from gemctl.cli.main import run
from gemctl.emulator.app import App
from gemctl.emulator.server import running
from gemctl.emulator.world import World

pytestmark = [
    pytest.mark.filterwarnings("ignore::google.genai._common.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:google"),
]
PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: founding, id: f0und1ng}
defaultStack: live
stacks:
  live: {}
"""
MANIFESTS = """\
apiVersion: gemctl/v1
kind: Interaction
metadata: {name: first-turn}
spec:
  model: gemini-3.8-flash
  input: Hi, my name is Phil.
run: {results: out/first-turn.json}
---
apiVersion: gemctl/v1
kind: Interaction
metadata: {name: second-turn}
spec:
  model: gemini-3.8-flash
  previousRef: {name: first-turn}
  input: What is my name?
run: {results: out/second-turn.json}
---
apiVersion: gemctl/v1
kind: Interaction
metadata: {name: picture}
spec:
  model: gemini-3.8-flash
  input:
    - {type: text, text: What is in this picture?}
    - {type: image, uri: "https://example.com/cat.png", mimeType: image/png}
run: {results: out/picture.json}
---
apiVersion: gemctl/v1
kind: Interaction
metadata: {name: drawing}
spec:
  model: gemini-3-pro-image
  input: An image of a cat.
  responseFormat: {type: image, aspectRatio: "16:9", imageSize: 4K}
run: {results: out/drawing.json}
---
apiVersion: gemctl/v1
kind: Interaction
metadata: {name: speech}
spec:
  model: gemini-3.8-flash-tts
  input: "Say cheerfully: have a wonderful day!"
  responseFormat: {type: audio}
  generationConfig:
    speechConfig: [{voice: Kore, language: en-us}]
run: {results: out/speech.json}
---
apiVersion: gemctl/v1
kind: Interaction
metadata: {name: research}
spec:
  agent: deep-research-pro-preview-12-2025
  input: Research the history of the Google TPUs.
run: {results: out/research.md}
"""
EXAMPLES = ("first-turn", "second-turn", "picture", "drawing", "speech", "research")


class Founding:
    """A project with all of them, on an emulator behind a socket."""

    def __init__(self, folder: Path, app: App, url: str, clock: ManualClock) -> None:
        self.folder, self.app, self.url, self.clock = folder, app, url, clock

    def gemctl(self, line: str, status: int = 0) -> str:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            found = run(["-C", str(self.folder), *line.split()], clock=self.clock)
        assert found == status, (line, found, out.getvalue(), err.getvalue())
        return out.getvalue()

    def id(self, name: str) -> str:
        return json.loads(self.gemctl(f"output Interaction/{name} --json"))["outputs"][f"Interaction/{name}"]["id"]

    def saved(self, name: str) -> Any:
        return json.loads((self.folder / f"out/{name}.json").read_text(encoding="utf-8"))

    @contextlib.contextmanager
    def official(self) -> Iterator[Any]:
        from google import genai

        client = genai.Client(api_key="any", http_options={"base_url": self.url})
        with contextlib.closing(client):
            yield client


@pytest.fixture
def founding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Founding]:
    clock = ManualClock()
    app = App(World(now=clock.now))
    with running(app) as url:
        monkeypatch.setenv("GEMINI_API_KEY", "any")
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        (tmp_path / "gemctl.yaml").write_text(PROJECT, encoding="utf-8")
        (tmp_path / "all.yaml").write_text(MANIFESTS, encoding="utf-8")
        yield Founding(tmp_path, app, url, clock)


def test_the_founding_examples(founding: Founding) -> None:
    founding.gemctl("apply --yes --wait")
    assert json.loads(founding.gemctl("plan --json"))["summary"]["keep"] == len(EXAMPLES)
    with founding.official() as client:
        found = {name: client.interactions.get(id=founding.id(name)) for name in EXAMPLES}
    assert {one.status for one in found.values()} == {"completed"}
    for name in ("first-turn", "second-turn", "picture"):
        assert (founding.folder / f"out/{name}.md").read_text(encoding="utf-8") == f"{found[name].output_text}\n"
        assert founding.saved(name)["id"] == found[name].id
    assert found["second-turn"].previous_interaction_id == found["first-turn"].id
    text, picture = found["picture"].steps[0].content
    assert (text.text, picture.uri) == ("What is in this picture?", "https://example.com/cat.png")
    assert (founding.folder / "out/drawing.1.jpg").read_bytes() == base64.b64decode(found["drawing"].output_image.data)
    with wave.open(str(founding.folder / "out/speech.1.wav")) as sound:
        assert sound.readframes(sound.getnframes()) == base64.b64decode(found["speech"].output_audio.data)
    report = (founding.folder / "out/research.md").read_text(encoding="utf-8")
    assert report.rstrip("\n") == found["research"].output_text.rstrip("\n") and report.startswith("# ")


def test_a_program_carries_on_what_was_saved(founding: Founding) -> None:
    """The id of a run is an output like any other: a program goes on where a manifest ended."""
    founding.gemctl("apply --yes --wait")
    with founding.official() as client:
        third = client.interactions.create(
            model="gemini-3.8-flash", input="Spell it.", previous_interaction_id=founding.id("second-turn")
        )
    assert third.output_text.endswith("Spell it.") and "read 5 parts" in third.output_text
    made = [one for one in founding.app.effects if one.kind == "created" and one.collection == "interactions"]
    assert len(made) == len(EXAMPLES) + 1
