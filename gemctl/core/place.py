"""Reads where the state of a stack is kept: a folder of this machine, a PostgreSQL database, object storage.

A place that is written down holds no secret: a password in a DSN is refused wherever other people may read it. Called
by manifest/places.py for gemctl.yaml, and by workflows.
"""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import parse_qsl, urlsplit

from gemctl.core.frozen import dataclass


class Keeper(StrEnum):
    """The sort of place that keeps a state."""

    LOCAL = "local"  # a folder below the project's root
    POSTGRES = "postgres"
    OBJECT = "object"  # S3, Google Cloud Storage, Azure Blob Storage


@dataclass(frozen=True, slots=True)
class StatePlace:
    """`at` is a DSN or a URL, or else `env` names the environment variable that holds the DSN."""

    keeper: Keeper = Keeper.LOCAL
    at: str = ""
    env: str | None = None


_DSN = ("postgresql", "postgres")
_OBJECTS = ("s3", "gs", "az")
# Parameters that a DSN may have which others can write: no file, no other service, nothing secret.
_PARAMETERS = frozenset(
    {
        *("host", "port", "dbname", "user", "options", "target_session_attrs", "connect_timeout"),
        *("sslmode", "sslnegotiation", "channel_binding"),
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
    }
)


class HasPassword(ValueError):
    """A password stands where none may be."""


def read_place(text: str) -> StatePlace:
    """Read `local`, a DSN or the URL of a bucket. Raises ValueError, which never repeats the given text."""
    if text == Keeper.LOCAL:
        return StatePlace()
    scheme = text.partition(":")[0]
    if scheme in _DSN:
        check_dsn(text)
        return StatePlace(Keeper.POSTGRES, text)
    if scheme in _OBJECTS:
        check_url(text)
        return StatePlace(Keeper.OBJECT, text)
    raise ValueError("It is not local, nor a DSN as in postgresql://host/db, nor a URL as in s3://bucket/prefix.")


def check_dsn(dsn: str) -> None:
    """Check a DSN that others can read or write. Raises ValueError, HasPassword for a password."""
    netloc, query = _split(dsn, _DSN, "postgresql://host:5432/db")
    if ":" in netloc.rpartition("@")[0] or any(name == "password" for name, _ in query):
        raise HasPassword("A password never stands in a file or on a command line.")
    if unknown := sorted({name for name, _ in query} - _PARAMETERS):
        raise ValueError(f"A DSN here can't set {', '.join(unknown)}.")


def check_url(url: str) -> None:
    """Check the URL of a bucket or container, perhaps with a prefix. Raises ValueError."""
    netloc, query = _split(url, _OBJECTS, "s3://bucket/prefix")
    path = url.partition("://")[2].partition("/")[2].removesuffix("/")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", netloc, re.ASCII) or query or "#" in url or "?" in url:
        raise ValueError("The URL has a bucket and perhaps a prefix, as in s3://bucket/prefix, and nothing else.")
    if path and any(not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._=-]*", step, re.ASCII) for step in path.split("/")):
        raise ValueError("The steps of a prefix have letters, digits, '-', '_', '=' and '.', and begin with no '.'.")


def shown(place: StatePlace) -> str:
    """The place as messages name it: neither user nor password, no parameters."""
    if place.env:
        return f"the database of {place.env}"
    if place.keeper is Keeper.POSTGRES:
        netloc, query = _split(place.at, _DSN, "")
        given = dict(query)
        host = netloc.rpartition("@")[2] or given.get("host", "")
        path = urlsplit(place.at).path.lstrip("/") or given.get("dbname", "")
        return f"postgresql://{host}/{path}"
    return place.at.removesuffix("/") or place.keeper.value


def _split(text: str, schemes: tuple[str, ...], example: str) -> tuple[str, list[tuple[str, str]]]:
    """The part before the first slash, and the parameters."""
    wrong = f"Write it as in {example}."
    if re.search(r"[\s\0-\x1f\x7f]", text):
        raise ValueError(wrong)
    try:
        parts = urlsplit(text)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise ValueError(wrong) from None
    if parts.scheme not in schemes or not text.startswith(f"{parts.scheme}://"):
        raise ValueError(wrong)
    return parts.netloc, query
