"""Lets the tests that google-genai ships ask the emulator. A plugin of pytest, in the environment of the SDK.

Those tests have a mode in which they call the API. It knows no address but Google's: here its clients get that of the
emulator, in SDK_TESTS_URL, and wait no time between tries. What each test came to is written to SDK_TESTS_RESULTS, a
line of JSON each. The wheel has the tests but not the files that they read: small ones of the same types stand in.
"""

from __future__ import annotations

import json
import os
import re
import struct
import wave
from pathlib import Path

import pytest
from google.genai import _api_client, _replay_api_client, types
from PIL import Image
from recorded import Recorded

URL = os.environ["SDK_TESTS_URL"]
GOOGLE = re.compile(r"https://[\w.-]*generativelanguage[\w.-]*\.googleapis\.com")  # and where Google tries new releases
RECORDED = Recorded(URL)
PICTURES = (
    "a-man-and-a-dog.png",
    "bridge1.png",
    "checkerboard.png",
    "dog.jpg",
    "google.jpg",
    "google.png",
    "google_homepage.png",
    "google_small.png",
    "man.jpg",
    "segmentation_scribble.jpg",
    "skateboard_stop_sign.jpg",
)


def pytest_configure(config: pytest.Config) -> None:
    tests = Path(_api_client.__file__).parent / "tests"
    _stand_ins(tests / "data")
    Path("tests").symlink_to(tests)  # some are read from there, others from beside the module
    made, build = _replay_api_client.ReplayApiClient.__init__, _api_client.BaseApiClient._build_request

    def at_the_emulator(self, *args, http_options=None, **how):
        options = types.HttpOptions.model_validate(http_options or {})
        options = options.model_copy(update={"base_url": options.base_url or URL})
        made(self, *args, http_options=options, **how)

    def for_the_emulator(self, *args, **how):
        request = build(self, *args, **how)
        request.url = RECORDED.as_made(GOOGLE.sub(URL, request.url))
        if isinstance(request.data, dict):
            request.data = json.loads(RECORDED.as_made(json.dumps(request.data)))
        return request

    _replay_api_client.ReplayApiClient.__init__ = at_the_emulator
    _api_client.BaseApiClient._build_request = for_the_emulator


def pytest_runtest_setup(item: pytest.Item) -> None:
    RECORDED.forget()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Its call, or what went wrong before and after."""
    if report.when == "call" or report.outcome != "passed":
        crash = getattr(report.longrepr, "reprcrash", None)
        said = crash.message if crash else str(report.longrepr or "")
        result = {"id": report.nodeid, "outcome": report.outcome, "said": said[:600], "took": report.duration}
        with Path(os.environ["SDK_TESTS_RESULTS"]).open("a") as results:
            results.write(json.dumps(result) + "\n")


def _stand_ins(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name in PICTURES:
        Image.new("RGB", (64, 48), "white").save(folder / name)
    with wave.open(str(folder / "voice_sample.wav"), "wb") as sound:
        sound.setparams((1, 2, 16000, 0, "NONE", ""))
        sound.writeframes(bytes(3200))
    box = b"ftypisom\0\0\2\0isomiso2mp41"
    for name in ("animal.mp4", "pixel.m4a"):
        (folder / name).write_bytes(struct.pack(">I", len(box) + 4) + box)
    (folder / "story.txt").write_text("A story. " * 200)
    (folder / "story.pdf").write_bytes(b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n")
