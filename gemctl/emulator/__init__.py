"""A local Gemini API, for trying things out and for tests.

Nothing here knows gemctl: the emulator is written from the public API reference and from what the official
SDK sends, so that agreement between the two sides means something. Importing this package costs nothing;
import what you need:

* `gemctl.emulator.app`: `App`, a synchronous `handle(Request) -> Response` over a `World`;
* `gemctl.emulator.transport`: the in-process door, an httpx transport;
* `gemctl.emulator.server`: the socket door, for the official SDKs and other languages;
* `gemctl.emulator.admin`: the admin door beside it, by which tests move time and turn knobs.
"""
