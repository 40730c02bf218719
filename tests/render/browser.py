"""A real browser, without a window and without a network, driven over a pair of pipes by its DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
_PATIENCE = 60.0  # seconds for an answer; a browser that starts on a busy machine takes a while
_OPTIONS = (
    *("--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
    *("--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-component-update"),
    *("--disable-extensions", "--disable-sync", "--mute-audio", "--font-render-hinting=none"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def found() -> str | None:
    """The browser to use: what GEMCTL_TEST_BROWSER names, else the first that is on PATH."""
    names = [os.environ["GEMCTL_TEST_BROWSER"]] if os.environ.get("GEMCTL_TEST_BROWSER") else NAMES
    return next((path for name in names if (path := shutil.which(name))), None)


class Tab:
    """One page. `told` is what it asked the network for, and what it complained about, since it was opened."""

    def __init__(self, to: int, from_: int) -> None:
        self._to, self._from, self._left = to, from_, b""
        self._number, self._session = 0, ""
        self._events: list[dict[str, Any]] = []
        self._session = self.send("Target.attachToTarget", targetId=self._target(), flatten=True)["sessionId"]
        for part in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{part}.enable")

    def _target(self) -> str:
        return str(self.send("Target.createTarget", url="about:blank")["targetId"])

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """A command, and its result."""
        self._number += 1
        call: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            call["sessionId"] = self._session
        os.write(self._to, json.dumps(call).encode() + b"\0")
        while True:
            message = self._message()
            if message.get("id") == self._number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            self._events.append(message)

    def _message(self) -> dict[str, Any]:
        give_up = time.monotonic() + _PATIENCE
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._from], [], [], max(0.0, give_up - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self._from, 1 << 16)
            assert data, "the browser has ended"
            self._left += data
        text, _, self._left = self._left.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def open(self, file: Path, width: int, scheme: str) -> None:
        """Show a page at this width of the window, to somebody who likes it `light` or `dark`."""
        self._events.clear()
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.send("Page.navigate", url=file.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self._events):
            self._events.append(self._message())

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.send("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def asked_for(self) -> list[str]:
        """The addresses of everything that the page loaded, itself included."""
        return [e["params"]["request"]["url"] for e in self._events if e.get("method") == "Network.requestWillBeSent"]

    def complaints(self) -> list[Any]:
        """What was written to the console, whether by the page or about it."""
        loud = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
        return [event["params"] for event in self._events if event.get("method") in loud]

    def picture(self, height: int | None = None) -> bytes:
        """The whole page, or so much of it, as PNG."""
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height or size["height"], "scale": 1}
        data = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        return base64.b64decode(data)


@contextlib.contextmanager
def tab(browser: str) -> Iterator[Tab]:
    """Starts the browser, with a home of its own, and ends it."""
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        options = [*_OPTIONS, f"--user-data-dir={home}"]
        if os.getuid() == 0:
            options.append("--no-sandbox")  # which it can't have as root
        # It reads from 3 and writes to 4.
        script = f'exec "$@" 3<&{to_read} 4>&{from_write}'
        process = subprocess.Popen(
            ["bash", "-c", script, "bash", browser, *options, "about:blank"],
            pass_fds=(to_read, from_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "HOME": home},
        )  # fmt: skip
        os.close(to_read)
        os.close(from_write)
        try:
            yield Tab(to_write, from_read)
        finally:
            os.close(to_write)  # at which it ends
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            os.close(from_read)
