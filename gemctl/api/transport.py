"""Connects to the service: an httpx transport over one connection, in which nothing outlasts the request's deadline.
Called by client_factory.py; the embedded emulator and the tests put other transports in its place.

httpx's own transport bounds each read, and so a server that sends one byte a second may hold a worker for days. Here
the deadline of the whole request stands in `request.extensions["deadline"]` (seconds of `time.monotonic`: a socket
waits in real time), and every wait, for a name, an address, a handshake, a byte, gets what is left of it at the most.
"""

from __future__ import annotations

import base64
import math
import os
import select
import socket
import ssl
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import field
from typing import Any

import certifi

from gemctl.api._httpx import httpx
from gemctl.api.auth import is_loopback
from gemctl.api.http1 import Http1
from gemctl.core.errors import GemctlError
from gemctl.core.frozen import dataclass

KEEPALIVE = 30.0  # seconds that an idle connection is kept; the service closes its side after some minutes
_LEAST_FOR_AN_ADDRESS = 1.0  # seconds
_READ = 64 * 1024  # bytes that are read at once
_PORTS = {"https": 443, "http": 80}


class _Limit:
    """The time that the request under way may still take. Shared by a wire, its socket and the body that it reads."""

    def __init__(self) -> None:
        self.at = math.inf

    def left(self, wanted: float | None, late: type[httpx.TransportError]) -> float | None:
        """The time for the next wait: what it wants, or what is left. Raises `late` when nothing is."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise late("the deadline of the call has passed")
        if left == math.inf:
            return wanted
        return left if wanted is None else min(wanted, left)


class _Stream:
    """A socket whose every wait ends with the request's deadline. `wait` is the longest of each, in seconds."""

    def __init__(self, sock: socket.socket, limit: _Limit) -> None:
        self._sock = sock
        self._limit = limit
        self.wait: float | None = None

    def read(self) -> bytes:
        try:
            self._sock.settimeout(self._limit.left(self.wait, httpx.ReadTimeout))
            return self._sock.recv(_READ)
        except TimeoutError as error:
            raise httpx.ReadTimeout("no answer in time") from error
        except OSError as error:
            raise httpx.ReadError(why(error)) from error

    def write(self, buffer: bytes) -> None:
        rest = memoryview(buffer)
        try:
            while rest:
                self._sock.settimeout(self._limit.left(self.wait, httpx.WriteTimeout))
                rest = rest[self._sock.send(rest) :]
        except TimeoutError as error:
            raise httpx.WriteTimeout("the request was not taken in time") from error
        except OSError as error:
            raise httpx.WriteError(why(error)) from error

    def close(self) -> None:
        self._sock.close()

    def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        try:
            self._sock.settimeout(self._limit.left(self.wait, httpx.ConnectTimeout))
            context.set_alpn_protocols(["http/1.1"])
            self._sock = context.wrap_socket(self._sock, server_hostname=host)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("the TLS handshake took too long") from error
        except (OSError, ValueError) as error:
            raise httpx.ConnectError(why(error)) from error

    @property
    def stale(self) -> bool:
        """Whether an idle connection has been closed at the other end, or has brought what nobody asked for."""
        if self._sock.fileno() < 0:
            return True
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return bool(poll.poll(0))


def _connected(host: str, port: int, wait: float | None, limit: _Limit) -> _Stream:
    """A connection: the host is resolved on the side, and every address of it gets its share of the time."""
    whole = limit.left(wait, httpx.ConnectTimeout)
    until = math.inf if whole is None else time.monotonic() + whole
    addresses = _resolve(host, port, whole)
    problem: OSError | None = None
    for behind, (family, kind, protocol, _, address) in enumerate(addresses):
        left = until - time.monotonic()
        if left <= 0:
            break
        share = max(left / (len(addresses) - behind), min(left, _LEAST_FOR_AN_ADDRESS))
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:
            problem = error
            continue
        try:
            sock.settimeout(None if math.isinf(share) else share)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            problem = error
        except BaseException:
            sock.close()
            raise
        else:
            return _Stream(sock, limit)
    if problem is None or isinstance(problem, TimeoutError):
        raise httpx.ConnectTimeout("no connection in time") from problem
    raise httpx.ConnectError(why(problem)) from problem


def _resolve(host: str, port: int, timeout: float | None) -> list[tuple[Any, ...]]:
    """The addresses of a host. `getaddrinfo` knows no timeout: a thread waits for it, and is left behind if need be."""
    found: list[tuple[Any, ...]] = []
    problems: list[Exception] = []

    def look() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            problems.append(error)

    thread = threading.Thread(target=look, name="gemctl-resolver", daemon=True)
    thread.start()
    thread.join(timeout)
    if problems:
        raise httpx.ConnectError(why(problems[0])) from problems[0]
    if not found:
        raise httpx.ConnectTimeout("the host's name could not be resolved in time")
    return list(found)


def why(error: Exception) -> str:
    """The operating system's words, in a phrase."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or 'no reason given'})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return "the host's name is not valid" if isinstance(error, UnicodeError) else type(error).__name__


@dataclass(frozen=True, slots=True)
class _Link:
    """A connection, and what comes on it. `origin` is the scheme, host and port that it leads to."""

    origin: tuple[str, str, int]
    stream: _Stream
    speaks: Http1


class _Body(httpx.SyncByteStream):
    """A response's body on its way in. Every `pace` bytes of it put the deadline off by a second."""

    def __init__(self, wire: Wire, link: _Link, limit: _Limit, pace: float) -> None:
        self._wire, self._link, self._limit, self._pace = wire, link, limit, pace
        self._read = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._link.speaks.body():
            self._limit.at += len(piece) / self._pace
            yield piece
        self._read = True

    def close(self) -> None:
        self._wire.end(self._link, keep=self._read and self._link.speaks.again())


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that is spoken to in clear, and asked for a tunnel. `auth` is a user and a password; None for none."""

    host: str
    port: int
    auth: tuple[bytes, bytes] | None = field(default=None, repr=False)


class Wire(httpx.BaseTransport):
    """One connection, HTTP/1.1, for one thread. It follows nothing, retries nothing and remembers no cookies.

    Raises httpx.TransportError. httpx.ConnectError, ConnectTimeout, ProxyError and UnsupportedProtocol mean that not
    one byte of the request was sent. (A proxy is asked for a tunnel before; the request goes through it.)
    """

    def __init__(self, trust: Trust, proxy: Proxy | None = None) -> None:
        self._trust = trust
        self._proxy = proxy
        self._limit = _Limit()
        self._link: _Link | None = None
        self._idle_since = -math.inf  # never, while a request is under way

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the answer's head. `extensions["deadline"]` (time.monotonic) bounds body and all.

        A body that may be large can earn itself more time: a second for every `extensions["pace"]` bytes.
        """
        extensions = request.extensions
        self._limit.at = float(extensions.get("deadline", math.inf))
        waits: Mapping[str, float | None] = extensions.get("timeout", {})
        url = request.url
        assert isinstance(request.stream, httpx.SyncByteStream)
        link = self._linked(url, waits.get("connect"))
        try:
            link.stream.wait = waits.get("write")
            with suppress(httpx.WriteError):  # it may have answered before it closed the connection
                link.speaks.ask(request.method.encode("ascii"), url.raw_path, request.headers.raw, request.stream)
            link.stream.wait = waits.get("read")
            answer = link.speaks.head()
        except BaseException:
            self.end(link)
            raise
        body = _Body(self, link, self._limit, float(extensions.get("pace", math.inf)))
        return httpx.Response(answer.status, headers=answer.headers, stream=body)

    def _linked(self, url: httpx.URL, wait: float | None) -> _Link:
        """The connection that is there, if it can be used, or a new one."""
        if url.scheme not in _PORTS:
            raise httpx.UnsupportedProtocol(f"{url.scheme} is not spoken here")
        origin = (url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme])
        if (link := self._link) is not None:
            fresh = time.monotonic() - self._idle_since < KEEPALIVE
            if link.origin == origin and fresh and not link.speaks.ahead and not link.stream.stale:
                self._idle_since = -math.inf
                return link
            self.close()
        self._link = link = self._new_link(origin, wait)
        return link

    def _new_link(self, origin: tuple[str, str, int], wait: float | None) -> _Link:
        scheme, host, port = origin
        there = (self._proxy.host, self._proxy.port) if self._proxy else (host, port)
        stream = _connected(*there, wait, self._limit)
        stream.wait = wait
        try:
            if self._proxy:
                _tunnel(stream, self._proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
            if scheme == "https":
                stream.start_tls(self._trust.context(), host)
        except BaseException:
            stream.close()
            raise
        return _Link(origin, stream, Http1(stream.read, stream.write))

    def end(self, link: _Link, *, keep: bool = False) -> None:
        """A request on this connection has ended. It is kept for the next one, or closed."""
        if link is not self._link:
            link.stream.close()
        elif keep:
            self._idle_since = time.monotonic()
        else:
            self.close()

    def close(self) -> None:
        """Close the connection."""
        link, self._link, self._idle_since = self._link, None, -math.inf
        if link is not None:
            link.stream.close()


def _tunnel(stream: _Stream, proxy: Proxy, authority: str) -> None:
    """Have the proxy lead to this host and port. Raises httpx.ProxyError where it refuses."""
    target = authority.encode("ascii")
    headers = [(b"Host", target), (b"Accept", b"*/*")]
    if proxy.auth:
        headers.append((b"Proxy-Authorization", b"Basic " + base64.b64encode(b":".join(proxy.auth))))
    proxy_speaks = Http1(stream.read, stream.write)
    proxy_speaks.ask(b"CONNECT", target, headers)
    head = proxy_speaks.head()
    if not 200 <= head.status <= 299:
        raise httpx.ProxyError(f"{head.status} {head.reason}".strip())
    if proxy_speaks.ahead:
        raise httpx.ProxyError("it says more than that there is a tunnel")


class Trust:
    """The TLS context that all wires of a run share: made once, and only when https is spoken (it takes some 20 ms)."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """Certificates from SSL_CERT_FILE and SSL_CERT_DIR, or else from the system and certifi. Raises E315."""
        with self._lock:
            if self._context is None:
                self._context = self._make()
            return self._context

    def _make(self) -> ssl.SSLContext:
        file, folder = self._env.get("SSL_CERT_FILE") or None, self._env.get("SSL_CERT_DIR") or None
        try:
            context = ssl.create_default_context(cafile=file, capath=folder)
            if not file and not folder:
                context.load_verify_locations(certifi.where())
            return context
        except OSError as error:
            raise GemctlError(
                f"The certificates that SSL_CERT_FILE or SSL_CERT_DIR names can't be used: {why(error)}.",
                code="E315",
                hint="Name a file of certificates in PEM form, or unset the variable.",
            ) from None


class Wiring:
    """Makes wires to one base URL, all alike: `Wiring(base_url, env)()`.

    Proxies: HTTPS_PROXY or ALL_PROXY (also in lower case), unless NO_PROXY matches the host. A loopback host is never
    reached through a proxy, and `.netrc` is never read.
    """

    def __init__(self, base_url: str, env: Mapping[str, str] | None = None) -> None:
        """`env` is the process's own when None. Raises GemctlError E315 for a proxy that can't be used."""
        env = os.environ if env is None else env
        self._trust = Trust(env)
        self._proxy = proxy_for(base_url, env)

    def __call__(self) -> Wire:
        return Wire(self._trust, self._proxy)


def proxy_url(base_url: str, env: Mapping[str, str]) -> str | None:
    """The same as `proxy_for`, as one text that may hold a password."""
    proxy = proxy_for(base_url, env)
    if proxy is None:
        return None
    user, password = proxy.auth or (b"", b"")
    who = f"{urllib.parse.quote(user, safe='')}:{urllib.parse.quote(password, safe='')}@" if user or password else ""
    return f"http://{who}{proxy.host}:{proxy.port}"


def proxy_for(base_url: str, env: Mapping[str, str]) -> Proxy | None:
    """The proxy on the way to a host, by the environment's conventions, or None. Raises GemctlError E315."""
    parts = urllib.parse.urlsplit(base_url)
    host = parts.hostname or ""
    text = next((env[name] for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY") if env.get(name)), "")
    if not text or is_loopback(host):
        return None
    except_for = env.get("no_proxy") or env.get("NO_PROXY") or ""
    if except_for and urllib.request.proxy_bypass_environment(  # type: ignore[attr-defined]
        f"{host}:{parts.port}" if parts.port else host, {"no": except_for}
    ):
        return None
    try:
        proxy = urllib.parse.urlsplit(text if "://" in text else f"http://{text}")
        name, port = proxy.hostname, proxy.port
        if proxy.scheme != "http" or not name or not name.isascii():
            raise ValueError
        user, password = (urllib.parse.unquote(part or "").encode() for part in (proxy.username, proxy.password))
        return Proxy(name, port or 80, (user, password) if user or password else None)
    except ValueError:
        raise GemctlError(
            "The proxy that HTTPS_PROXY or ALL_PROXY names can't be used.",
            code="E315",
            hint="Write it as http://host:port, or http://user:password@host:port. The connection to the service is "
            "encrypted inside it. Proxies that are themselves reached by https or SOCKS are not supported.",
        ) from None
