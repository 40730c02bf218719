"""Makes the certificate by which the served emulator speaks TLS, and keeps it in a folder, so that it is trusted once.

Called by `gemctl emulator`, and by tests. Separate because it is the only part that handles keys, and that needs the
library cryptography (of the extra `emulator`): only where there is no certificate yet, or it ends soon.

An authority signs one certificate, for this machine's own names and those by which others may call it, and its key is
thrown away: it stands in no file, so nobody can sign another certificate by it. It could not for another host either
(name constraints). The key of the server is in a file that its owner alone can read.
"""

import contextlib
import fcntl
import os
import ssl
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from gemctl.emulator.folder import Folder
from gemctl.emulator.loopback import host_name

if TYPE_CHECKING:
    from cryptography import x509

LIFE = timedelta(days=365)
_RENEWED = timedelta(days=30)  # how long before its end it is made anew
_EARLIER = timedelta(days=1)  # clocks differ: it holds since yesterday
_AUTHORITY, _ROOTS, _SERVER, _LOCK = "ca.pem", "roots.pem", "server.pem", "lock"
_MOST = 4 << 20  # bytes of a file
_BEGIN = b"-----BEGIN CERTIFICATE-----"
_OURS = b"# The authority of gemctl's emulator\n"
_NAMES = ("localhost", "127.0.0.1", "::1")


class _Kept(Folder):
    @property
    def advice(self) -> str:
        return f"delete the folder {self.path}, and another certificate is made"


@dataclass(frozen=True)
class Certificate:
    """What there is in the folder.

    authority   the file of the certificate that clients are to trust
    roots       the file of that one and of those that this machine trusts otherwise, for clients that trust one file
    server      the file of the server's own certificate and key
    """

    authority: Path
    roots: Path
    server: Path

    @property
    def trusted(self) -> dict[str, str]:
        """The two that clients need, as the admin door shows them."""
        return {"authority": str(self.authority), "roots": str(self.roots)}

    def context(self) -> ssl.SSLContext:
        """What serves TLS by it."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.server)
        context.set_alpn_protocols(["http/1.1"])
        return context


def kept(path: Path, now: datetime, roots: Path | None = None, names: Collection[str] = ()) -> Certificate:
    """The certificate in this folder, which is made if there is none that holds for some time and for these names, or
    addresses, besides this machine's own. `roots` is the file of the authorities that this machine trusts. Raises
    OSError and StoreDamaged where it can't be kept there, and ValueError for what is no name."""
    folder, names = _Kept(path), [host_name(name) for name in names]
    found = Certificate(path / _AUTHORITY, path / _ROOTS, path / _SERVER)
    with _alone(folder):
        made = _read(folder, _SERVER)
        known = _names(made)
        if made is None or not known.issuperset((*_NAMES, *names)) or not (_holds(made, now) and _serves(found)):
            # Also for the names that were there: so it holds for one emulator and for another, by turns.
            more = sorted({*known, *names} - {*_NAMES})
            made = _made(now, (*_NAMES, *more))
            _write(folder, _SERVER, made, 0o600)
        authority = _BEGIN + made.rpartition(_BEGIN)[2]
        others = _others(folder, found.roots, roots)
        for name, text in ((_AUTHORITY, authority), (_ROOTS, others + _OURS + authority)):
            if _read(folder, name) != text:
                _write(folder, name, text, 0o644)
    return found


def _others(folder: Folder, mine: Path, given: Path | None) -> bytes:
    """The authorities besides ours. The file that is given may be the one that was made here before."""
    if given is None:
        return b""
    with contextlib.suppress(OSError):
        if mine.exists() and given.samefile(mine):
            return (_read(folder, _ROOTS) or b"").partition(_OURS)[0]
        with given.open("rb") as file:
            return file.read(_MOST).rstrip(b"\n") + b"\n"
    return b""


def _names(made: bytes | None) -> set[str]:
    """The names that it is for, which stand in its first line."""
    mark, *names = (made or b"").partition(b"\n")[0].decode("ascii", "replace").split(" ")
    return set(names) if mark == "#" else set()


def _holds(made: bytes, now: datetime) -> bool:
    """Whether these can be used for some time yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=(_BEGIN + made.rpartition(_BEGIN)[2]).decode("ascii"))
        times = [(str(each["notBefore"]), str(each["notAfter"])) for each in context.get_ca_certs()]
        since, until = (datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC) for text in times[0])
    except (ValueError, IndexError, ssl.SSLError):
        return False
    return since <= now < until - _RENEWED


def _serves(found: Certificate) -> bool:
    """Whether the key is there, and that of the certificate."""
    try:
        found.context()
    except ssl.SSLError:
        return False
    return True


def _made(now: datetime, names: Collection[str]) -> bytes:
    """The names, the key of the server, its certificate, and that of its authority: PEM, one after the other."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def usage(*, signs: bool) -> x509.KeyUsage:
        return x509.KeyUsage(
            digital_signature=not signs,
            key_cert_sign=signs,
            crl_sign=signs,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )

    def begun(subject: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(named(subject))
            .issuer_name(named(issuer))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _EARLIER)
            .not_valid_after(now + LIFE)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        )

    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = f"gemctl emulator, made {now:%Y-%m-%d} on this machine"
    own = x509.NameConstraints([_general(name, whole=True) for name in names], None)
    also = x509.SubjectAlternativeName([_general(name) for name in names])
    root = (
        begun(issuer, authority.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(signs=True), critical=True)
        .add_extension(own, critical=True)
        .sign(authority, hashes.SHA256())
    )
    leaf = (
        begun("localhost", server.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(also, critical=False)
        .sign(authority, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key = server.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    line = f"# {' '.join(names)}\n".encode("ascii")
    return line + key + leaf.public_bytes(pem) + root.public_bytes(pem)


def _general(name: str, *, whole: bool = False) -> "x509.GeneralName":
    """A name or an address in a certificate; `whole`: as a limit, where an address is a network."""
    from cryptography import x509

    try:
        address = ip_address(name)
    except ValueError:
        return x509.DNSName(name)
    return x509.IPAddress(ip_network(address) if whole else address)


@contextlib.contextmanager
def _alone(folder: Folder) -> Iterator[None]:
    """One process at a time."""
    handle = folder.open(_LOCK, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read(folder: Folder, name: str) -> bytes | None:
    try:
        with os.fdopen(folder.open(name, os.O_RDONLY), "rb") as file:
            return file.read(_MOST)
    except FileNotFoundError:
        return None


def _write(folder: Folder, name: str, text: bytes, mode: int) -> None:
    """Replace the file at once: others see all of it or nothing."""
    beside = f"{name}.new"
    with os.fdopen(folder.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
    folder.replace(beside, name)
