"""Finds out what programs need in their environment to reach an emulator that is served on this machine. Called by
`gemctl emulator env`.

Keys are never looked at, but for whether there is one that a client would take instead.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gemctl.core.errors import GemctlError
from gemctl.core.frozen import dataclass

KEY = "any-word"
_PATIENCE = 10.0  # seconds
_MOST = 1 << 20  # bytes of an answer
_THERE = "127.0.0.1"
_LOCAL = ("localhost", _THERE, "::1")
_ELSEWHERE = ("GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True, slots=True)
class Exports:
    """Variables for programs, and what to say to a person besides."""

    variables: Mapping[str, str]
    notes: tuple[str, ...]


def exports(port: int, env: Mapping[str, str], *, https: bool) -> Exports:
    """Ask the emulator at this port. `env` is where programs will be started. Raises GemctlError E092 where there is
    none."""
    state = _asked(port)
    trusted, without = _trusted(state.get("tls"), env)
    if https and without:
        raise GemctlError(
            f"The emulator at port {port} can't be trusted by TLS: {without}.",
            code="E092",
            hint="Without --https there is all but Live sessions of Python clients.",
        )
    notes = [f"Without a certificate to trust, for Live sessions of Python clients: {without}."] if without else []
    base = f"{'https' if https else 'http'}://{_THERE}:{port}"
    variables = {"GOOGLE_GEMINI_BASE_URL": base, "GEMINI_API_KEY": KEY}
    if env.get("GOOGLE_API_KEY"):
        variables["GOOGLE_API_KEY"] = KEY  # clients prefer it
    variables |= {name: "false" for name in _ELSEWHERE if env.get(name)}
    variables |= {"OPENAI_BASE_URL": f"{base}/v1beta/openai", "OPENAI_API_KEY": KEY}
    variables |= trusted
    variables |= _past_proxies(env)
    if state["knobs"].get("keys") is not None:
        notes.append("This emulator takes some keys only (its knob `keys`): put one of them in place of any-word.")
    return Exports(variables, tuple(notes))


def _trusted(tls: object, env: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """The variables by which it is trusted; or none, and why. Any program of this machine may listen at the port, those
    of other users too: a file that is not of this one could have programs trust others."""
    if not isinstance(tls, dict):
        return {}, "it speaks no TLS, and says why when it starts"
    roots, authority = str(tls.get("roots")), str(tls.get("authority"))
    for name in (roots, authority):
        try:
            owner = Path(name).stat().st_uid
        except (OSError, ValueError):
            return {}, f"there is no file {name} here"
        if owner not in (0, os.getuid()):
            return {}, f"{name} belongs to another user"
    variables = dict.fromkeys(("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), roots)
    # Node adds one file to its own: where there is one, its authorities are likely to be among the roots.
    added = env.get("NODE_EXTRA_CA_CERTS") or authority
    return {**variables, "NODE_EXTRA_CA_CERTS": authority if added == authority else roots}, ""


def _asked(port: int) -> dict[str, Any]:
    """What the admin door says of the emulator."""
    try:
        with contextlib.closing(http.client.HTTPConnection(_THERE, port, timeout=_PATIENCE)) as connection:
            connection.request("GET", "/emulator")
            state = json.loads(connection.getresponse().read(_MOST))
        if isinstance(state, dict) and isinstance(state.get("knobs"), dict):
            return state
        why = "what answers there is none"
    except OSError as error:
        why = (error.strerror or "no answer came in time").lower()
    except (http.client.HTTPException, ValueError, RecursionError):
        why = "what answers there is none"
    raise GemctlError(
        f"There is no emulator at port {port} of {_THERE}: {why}.",
        code="E092",
        hint=f"Start one in another terminal: `gemctl emulator --port {port}`; or give the --port of one that runs.",
    )


def _past_proxies(env: Mapping[str, str]) -> dict[str, str]:
    """This machine is reached without the proxies that are set."""
    lower = {name.lower(): value for name, value in env.items() if value}
    if not any(name in lower for name in _PROXIES):
        return {}
    named = [word.strip() for word in lower.get("no_proxy", "").split(",") if word.strip()]
    every = ",".join([*named, *(word for word in _LOCAL if word not in named)])
    return {"NO_PROXY": every, "no_proxy": every}
