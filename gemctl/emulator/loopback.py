"""Decides which hosts are this machine, and where others may come in.

Called by `server`, to bind and to check each request, and for the names by which others may call it. Separate because
it is the emulator's only security boundary, and small enough to be read at once.
"""

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


def loopback_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address to listen on. ValueError unless only this machine can reach it."""
    address = _address(host)
    if address is None or not address.is_loopback:
        raise ValueError(f"the emulator listens on loopback addresses only, not on {host}")
    return address


def any_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address to listen on, which others may reach, as in a container. ValueError unless it is one."""
    address = _address(host)
    if address is None:
        raise ValueError(f"{host} is no address to listen on, such as 0.0.0.0")
    return address


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return None


def host_name(text: str) -> str:
    """The name of a host, or an address, as requests and certificates have it. ValueError for what is neither; an empty
    one would be a limit of a certificate that all names keep."""
    name = text.lower().strip("[]")
    address = _address(name) if name != "localhost" else None
    if address is not None:
        return str(address)
    if not _NAME.fullmatch(name):
        raise ValueError(f"{text!r} is no name of a host")
    return name


def is_named(host: str, names: Collection[str]) -> bool:
    """Whether a Host header has one of these names, with whichever port."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    return name in {each.lower().strip("[]") for each in names}


def is_local(host: str) -> bool:
    """Whether a Host header names this machine; a page that had its name re-bound says its own."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_local_origin(origin: str | None) -> bool:
    """Whether a request comes from no web page, or from one that this machine serves."""
    if origin is None:
        return True
    try:
        return is_local(urlsplit(origin).netloc)
    except ValueError:
        return False
