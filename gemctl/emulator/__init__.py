"""Emulates the Gemini API on this machine, for trying things out and for tests. Called by workflows and by tests.

Nothing here knows gemctl: the emulator is written from the public API reference and from what the official
SDK sends, so that agreement between the two sides means something. Importing this package costs nothing;
import what you need:

* `gemctl.emulator.app`: `App`, a synchronous `handle(Request) -> Response` over a `World`;
* `gemctl.emulator.transport`: an httpx transport for the same process;
* `gemctl.emulator.server`: an HTTP server, for the official SDKs and other languages;
* `gemctl.emulator.admin`: the admin door of that server, by which tests move time and turn knobs.
"""
