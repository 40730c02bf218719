"""Decides which hosts are this machine.

Called by `server`, to bind and to check each request. Separate because it is the emulator's only security
boundary, and small enough to be read at once.
"""

import ipaddress
from urllib.parse import urlsplit


def loopback_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address to listen on. ValueError unless only this machine can reach it."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise ValueError(f"the emulator listens on loopback addresses only, not on {host}")
    return address


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
