"""The official Python SDK, sync and async, called alike: by the name of a method, such as `caches.create`."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from google import genai
from served import KEY

SURFACES = (
    "caches",
    "files",
    "batches",
    "interactions",
    "auth_tokens",
    "models",
    "file_search_stores",
    "file_search_stores.documents",
    "operations",
    "triggers",
    "webhooks",
    "agents",
    "credentials",
)
MACHINERY = ("do_request", "do_request_async")  # of the generated surfaces, which do not hide it


class Official:
    """A client of one API version. Its event loop is its own: connections belong to the loop they were opened in."""

    def __init__(
        self, url: str, *, version: str | None = None, is_async: bool = False, key: str = KEY, **options: Any
    ) -> None:
        options |= {"base_url": url} if version is None else {"base_url": url, "api_version": version}
        self._client = genai.Client(api_key=key, http_options=options)
        self._root = self._client.aio if is_async else self._client
        self._runner = asyncio.Runner() if is_async else None

    def call(self, name: str, /, **arguments: Any) -> Any:
        """The answer; of a list, the pager with its first page."""
        return self._ended(attrgetter(snake(name))(self._root)(**arguments))

    def all(self, name: str, /, **arguments: Any) -> list[Any]:
        """Every item of a list, through all pages."""
        pager = self.call(name, **arguments)
        return list(pager) if self._runner is None else self._runner.run(_gathered(pager))

    def events(self, name: str, /, heard: Callable[[Any], object] = lambda event: None, **arguments: Any) -> list[Any]:
        """Every event of a stream; `heard` is called with each as it comes."""
        stream = self.call(name, stream=True, **arguments)
        return _heard(stream, heard) if self._runner is None else self._runner.run(_heard_async(stream, heard))

    def chunks(self, name: str, /, **arguments: Any) -> list[Any]:
        """Every chunk of an answer that is streamed."""
        stream = self.call(name, **arguments)
        return list(stream) if self._runner is None else self._runner.run(_gathered(stream))

    def chat(self, **arguments: Any) -> Chat:
        """A conversation of the SDK's own."""
        return Chat(self._root.chats.create(**arguments), self._ended, self._runner)

    def close(self) -> None:
        if self._runner is not None:
            self._runner.run(self._client.aio.aclose())
            self._runner.close()
        self._client.close()

    def _ended(self, answer: Any) -> Any:
        return answer if self._runner is None else self._runner.run(answer)


class Chat:
    """One conversation, sync or async."""

    def __init__(self, chat: Any, ended: Callable[[Any], Any], runner: asyncio.Runner | None) -> None:
        self._chat, self._ended, self._runner = chat, ended, runner

    def say(self, message: Any) -> Any:
        return self._ended(self._chat.send_message(message))

    def stream(self, message: Any) -> list[Any]:
        stream = self._ended(self._chat.send_message_stream(message))
        return list(stream) if self._runner is None else self._runner.run(_gathered(stream))

    def history(self) -> list[Any]:
        return list(self._chat.get_history())


async def _gathered(pager: Any) -> list[Any]:
    return [item async for item in pager]


def _heard(stream: Any, heard: Callable[[Any], object]) -> list[Any]:
    found = []
    for event in stream:
        found.append(event)
        heard(event)
    return found


async def _heard_async(stream: Any, heard: Callable[[Any], object]) -> list[Any]:
    found = []
    async for event in stream:
        found.append(event)
        heard(event)
    return found


def snake(name: str) -> str:
    """camelCase, as the data files have it, to the SDK's names."""
    return re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name)


def every_call() -> set[str]:
    """Every public method of the SDK on these surfaces, in the spelling of `call`."""
    client = genai.Client(api_key=KEY)
    try:
        return {
            f"{surface}.{name}"
            for root in (client, client.aio)
            for surface in SURFACES
            for name, member in inspect.getmembers(attrgetter(surface)(root), callable)
            if not name.startswith("_") and name not in MACHINERY
        }
    finally:
        client.close()
