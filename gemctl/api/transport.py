"""Connects to the service: an httpx transport over one httpcore connection, in which nothing outlasts the request's
deadline. Called by client_factory.py; the embedded emulator and the tests put other transports in its place.

httpx's own transport bounds each read, and so a server that sends one byte a second may hold a worker for days. Here
the deadline of the whole request stands in `request.extensions["deadline"]` (seconds of `time.monotonic`: a socket
waits in real time), and every wait, for a name, an address, a handshake, a byte, gets what is left of it at the most.
"""

from __future__ import annotations

import math
import os
import select
import socket
import ssl
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpcore

from gemctl.api._httpx import httpx
from gemctl.api.auth import is_loopback
from gemctl.core.errors import GemctlError

KEEPALIVE = 30.0  # seconds that an idle connection is kept; the service closes its side after some minutes
_LEAST_FOR_AN_ADDRESS = 1.0  # seconds

_SAME_NAMES = (  # the more specific first
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.ReadTimeout, httpx.ReadTimeout),
    (httpcore.WriteTimeout, httpx.WriteTimeout),
    (httpcore.PoolTimeout, httpx.PoolTimeout),
    (httpcore.TimeoutException, httpx.ReadTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.ReadError, httpx.ReadError),
    (httpcore.WriteError, httpx.WriteError),
    (httpcore.NetworkError, httpx.ReadError),
    (httpcore.ProxyError, httpx.ProxyError),
    (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError),
    (httpcore.RemoteProtocolError, httpx.RemoteProtocolError),
    (httpcore.ProtocolError, httpx.RemoteProtocolError),
)


@contextmanager
def _as_httpx() -> Iterator[None]:
    """httpcore's exceptions as httpx's, which is what other transports raise and the client knows."""
    try:
        yield
    except Exception as error:
        for theirs, ours in _SAME_NAMES:
            if isinstance(error, theirs):
                raise ours(str(error)) from error
        raise


class _Limit:
    """The time that the request under way may still take. Shared by a wire, its backend and its stream."""

    def __init__(self) -> None:
        self.at = math.inf

    def left(self, wanted: float | None, late: type[Exception]) -> float | None:
        """The time for the next wait: what it wants, or what is left. Raises `late` when nothing is."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise late("the deadline of the call has passed")
        if left == math.inf:
            return wanted
        return left if wanted is None else min(wanted, left)


class _Stream(httpcore.NetworkStream):
    """A socket whose every wait ends with the request's deadline."""

    def __init__(self, sock: socket.socket, limit: _Limit) -> None:
        self._sock = sock
        self._limit = limit

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            self._sock.settimeout(self._limit.left(timeout, httpcore.ReadTimeout))
            return self._sock.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout("no answer in time") from error
        except OSError as error:
            raise httpcore.ReadError(why(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        try:
            while rest:
                self._sock.settimeout(self._limit.left(timeout, httpcore.WriteTimeout))
                rest = rest[self._sock.send(rest) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout("the request was not taken in time") from error
        except OSError as error:
            raise httpcore.WriteError(why(error)) from error

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            self._sock.settimeout(self._limit.left(timeout, httpcore.ConnectTimeout))
            return _Stream(ssl_context.wrap_socket(self._sock, server_hostname=server_hostname), self._limit)
        except TimeoutError as error:
            self.close()
            raise httpcore.ConnectTimeout("the TLS handshake took too long") from error
        except (OSError, ValueError) as error:
            self.close()
            raise httpcore.ConnectError(why(error)) from error
        except BaseException:
            self.close()
            raise

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # of an idle connection: it has been closed at the other end
            if self._sock.fileno() < 0:
                return True
            poll = select.poll()
            poll.register(self._sock, select.POLLIN)
            return bool(poll.poll(0))
        if info == "ssl_object":
            return self._sock if isinstance(self._sock, ssl.SSLSocket) else None
        return self._sock if info == "socket" else None


class _Backend(httpcore.NetworkBackend):
    """Opens connections: names are resolved on the side, and every address of a host gets its share of the time."""

    def __init__(self, limit: _Limit) -> None:
        self._limit = limit

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        whole = self._limit.left(timeout, httpcore.ConnectTimeout)
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
                return _Stream(sock, self._limit)
        if problem is None or isinstance(problem, TimeoutError):
            raise httpcore.ConnectTimeout("no connection in time") from problem
        raise httpcore.ConnectError(why(problem)) from problem


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
        raise httpcore.ConnectError(why(problems[0])) from problems[0]
    if not found:
        raise httpcore.ConnectTimeout("the host's name could not be resolved in time")
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


class _Body(httpx.SyncByteStream):
    """A response's body on its way in. Every `pace` bytes of it put the deadline off by a second."""

    def __init__(self, stream: Iterable[bytes], limit: _Limit, pace: float) -> None:
        self._stream = stream
        self._limit, self._pace = limit, pace

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            for piece in self._stream:
                self._limit.at += len(piece) / self._pace
                yield piece

    def close(self) -> None:
        if hasattr(self._stream, "close"):
            with _as_httpx():
                self._stream.close()


class Wire(httpx.BaseTransport):
    """One connection, HTTP/1.1, for one thread. It follows nothing, retries nothing and remembers no cookies.

    Raises httpx.TransportError. httpx.ConnectError, ConnectTimeout, ProxyError, PoolTimeout and UnsupportedProtocol
    mean that not one byte of the request was sent. (A proxy is asked for a tunnel before; the request goes through it.)
    """

    def __init__(self, trust: Trust, proxy: httpcore.Proxy | None = None) -> None:
        self._trust = trust
        self._proxy = proxy
        self._limit = _Limit()
        self._pool: httpcore.ConnectionPool | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the answer's head. `extensions["deadline"]` (time.monotonic) bounds body and all.

        A body that may be large can earn itself more time: a second for every `extensions["pace"]` bytes.
        """
        self._limit.at = float(request.extensions.get("deadline", math.inf))
        pace = float(request.extensions.get("pace", math.inf))
        url = request.url
        if self._pool is None:
            self._pool = httpcore.ConnectionPool(
                ssl_context=self._trust.context() if url.scheme == "https" else None,
                proxy=self._proxy,
                max_connections=1,
                max_keepalive_connections=1,
                keepalive_expiry=KEEPALIVE,
                http1=True,
                http2=False,
                retries=0,
                network_backend=_Backend(self._limit),
            )
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _as_httpx():
            answer = self._pool.handle_request(asked)
        assert isinstance(answer.stream, Iterable)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream, self._limit, pace))

    def close(self) -> None:
        """Close the connection."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None


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
        if not file and not folder:
            return httpcore.default_ssl_context()
        try:
            return ssl.create_default_context(cafile=file, capath=folder)
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
    return f"http://{who}{proxy.url.host.decode()}:{proxy.url.port}"


def proxy_for(base_url: str, env: Mapping[str, str]) -> httpcore.Proxy | None:
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
        return httpcore.Proxy(
            httpcore.URL(scheme="http", host=name, port=port or 80, target="/"),
            auth=(user, password) if user or password else None,
        )
    except ValueError:
        raise GemctlError(
            "The proxy that HTTPS_PROXY or ALL_PROXY names can't be used.",
            code="E315",
            hint="Write it as http://host:port, or http://user:password@host:port. The connection to the service is "
            "encrypted inside it. Proxies that are themselves reached by https or SOCKS are not supported.",
        ) from None
