"""Decides who may call: API keys and the projects that they stand for.

Called by `app`. Separate because it is the one module that sees a key; everything behind it sees a project and a
fingerprint. The forms of a key (header `x-goog-api-key`, query `key`) are in the API reference on ai.google.dev;
the refusals follow public reports of the live service. So do those of the methods that take a key as a bearer alone:
they were seen to refuse the other two forms, and two forms at once.
"""

import re
from collections.abc import Iterable, Mapping

from gemctl.emulator.paging import first
from gemctl.emulator.wire import Refusal, Request, detail, invalid

KEY_QUERY = frozenset({"key", "access_token", "x-goog-api-key", "api_key", "apikey", "oauth_token"})
"""Query names that hold secrets, in small letters, and names in which keys are put by mistake: their values must not be
logged."""

_REAL = re.compile(
    r"AIza[0-9A-Za-z_-]{35}|AQ\.[0-9A-Za-z_-]{30,}"  # of before 2026, and of today
    r"|sk-[0-9A-Za-z_-]{40,}"  # of OpenAI, whose clients call here
)
_PROJECT = "emulated-project"


class Access:
    """`keys`: None takes every key, a collection only those, a mapping gives each its own project. A key that
    looks real is refused unless allowed: it must not get into an emulator's logs or a test."""

    def __init__(self, keys: Mapping[str, str] | Iterable[str] | None = None, *, allow_real_keys: bool = False) -> None:
        if keys is not None and not isinstance(keys, Mapping):
            if isinstance(keys, str):
                raise TypeError("keys is a collection of keys, not one key")
            keys = dict.fromkeys(keys, _PROJECT)
        self._keys = keys
        self._allow_real = allow_real_keys

    @property
    def projects(self) -> tuple[str, ...]:
        """The projects that keys stand for."""
        return (_PROJECT,) if not self._keys else tuple(dict.fromkeys(self._keys.values()))

    def admit(self, request: Request, *, bearer: bool = False) -> tuple[str, str]:
        """The project and the key of a request, or a refusal. `bearer`: the key comes as one, and not otherwise."""
        key = _bearer(request) if bearer else _key(request)
        if _REAL.fullmatch(key) and not self._allow_real:
            raise _bad_key(
                "API key not valid. This is an emulator and the key looks like a real one, which should not"
                " be given to it. Please use any other text as the key."
            )
        if self._keys is None:
            return _PROJECT, key
        project = self._keys.get(key)
        if project is None:
            raise _bad_key("API key not valid. Please pass a valid API key.")
        return project, key


def _key(request: Request) -> str:
    key = _own(request)
    if not key and "authorization" in request.headers:
        raise Refusal(401, "Request had invalid authentication credentials. The emulator knows API keys only.")
    if not key or key.startswith("auth_tokens/"):
        why = " An ephemeral token opens Live sessions and nothing else." if key else ""
        raise Refusal(
            403,
            "Method doesn't allow unregistered callers (callers without an established identity)."
            f" Use an API key to call this API.{why}",
        )
    return key


def _bearer(request: Request) -> str:
    kind, _, key = request.headers.get("authorization", "").strip().partition(" ")
    if kind and _own(request):
        raise invalid("Multiple authentication credentials received. Please pass only one.")
    if kind.lower() != "bearer" or not key.strip():
        raise invalid("Missing or invalid Authorization header.")
    return key.strip()


def _own(request: Request) -> str:
    """The key in the forms of the API itself."""
    return request.headers.get("x-goog-api-key", "").strip() or first(request.query, "key").strip()


def _bad_key(message: str) -> Refusal:
    return Refusal(
        400,
        message,
        details=[
            detail(
                "ErrorInfo",
                reason="API_KEY_INVALID",
                domain="googleapis.com",
                metadata={"service": "generativelanguage.googleapis.com"},
            ),
            detail("LocalizedMessage", locale="en-US", message=message),
        ],
    )
