"""A certificate authority of one's own, for offices whose pages no public one certifies.

Phones give camera, place and offline storage to pages under HTTPS only. The authority may certify nothing but the names
it was made for (RFC 5280 §4.2.1.10): who steals its key reads no other connection of the phones that trust it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from qingjian.contracts.folders import DataFolder, make_durably, write_durably

AUTHORITY_DAYS = 3650
NODE_DAYS = 397
"""Some browsers refuse certificates of servers that hold longer than 398 days."""
LEEWAY = timedelta(hours=1)
"""Phones whose clock is behind take a new certificate all the same."""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class TlsError(ValueError):
    """What cannot be certified; the message says why in both languages."""


@dataclass(frozen=True, slots=True)
class Made:
    """Where the files are, which names the certificate holds for, and until when."""

    authority: Path
    certificate: Path
    key: Path
    names: tuple[str, ...]
    until: datetime
    new_authority: bool


def initialise(
    folder: DataFolder, names: Sequence[str], now: datetime, *, renew_authority: bool = False
) -> Made:
    """Make a certificate for the names, and the authority that signs it where there is none; a second call renews it.

    Raises TlsError for what is no host name or address, for no name at all, and for a name the authority may not certify.
    """
    held = [_name(one) for one in dict.fromkeys(one.strip().lower() for one in names)]
    if not held:
        raise TlsError("至少给出一个主机名或地址 / give at least one host name or address")
    place = folder.root / "tls"
    make_durably(place)
    place.chmod(0o700)
    paths = [place / name for name in ("authority.pem", "authority.key", "node.pem", "node.key")]
    authority_path, authority_key_path, certificate_path, key_path = paths
    new = renew_authority or not (authority_path.exists() and authority_key_path.exists())
    if new:
        authority_key = ec.generate_private_key(ec.SECP256R1())
        authority = _authority(authority_key, held, now)
        _write_key(authority_key_path, authority_key)
        write_durably(authority_path, authority.public_bytes(serialization.Encoding.PEM))
    else:
        authority, authority_key = _read(authority_path, authority_key_path)
        _check(authority, held, now)
    key = ec.generate_private_key(ec.SECP256R1())
    until = min(now + timedelta(days=NODE_DAYS), authority.not_valid_after_utc)
    certificate = _node(key, authority, authority_key, held, now, until)
    _write_key(key_path, key)
    chain = [certificate, authority]
    write_durably(certificate_path, b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain))
    return Made(authority_path, certificate_path, key_path, tuple(str(one.value) for one in held), until, new)


def _name(text: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        pass
    try:
        labels = text.encode("idna").decode("ascii").split(".")
    except UnicodeError:
        labels = [""]
    # A last label of digits alone is a mistyped address (RFC 3696 §2).
    if not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise TlsError(f"{text!r} 不是主机名或 IP 地址 / is neither a host name nor an IP address")
    return x509.DNSName(".".join(labels))


def _authority(
    key: ec.EllipticCurvePrivateKey, names: Sequence[x509.DNSName | x509.IPAddress], now: datetime
) -> x509.Certificate:
    title = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"Qingjian {now:%Y-%m-%d} {names[0].value}"[:64])]
    )
    allowed = [
        x509.IPAddress(ipaddress.ip_network(one.value)) if isinstance(one, x509.IPAddress) else one
        for one in names
    ]
    return (
        x509.CertificateBuilder()
        .subject_name(title)
        .issuer_name(title)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LEEWAY)
        .not_valid_after(now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.NameConstraints(allowed, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _node(
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    names: Sequence[x509.DNSName | x509.IPAddress],
    now: datetime,
    until: datetime,
) -> x509.Certificate:
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(names[0].value)[:64])]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LEEWAY)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _read(path: Path, key_path: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        authority = x509.load_pem_x509_certificate(path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != authority.public_key():
            raise ValueError("the key is of another certificate")
        authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except (OSError, ValueError, x509.ExtensionNotFound) as error:
        raise TlsError(
            f"{path} 无法使用，可加 --new-authority 重建 / cannot be used, make another with --new-authority: {error}"
        ) from error
    return authority, key


def _check(
    authority: x509.Certificate, names: Sequence[x509.DNSName | x509.IPAddress], now: datetime
) -> None:
    if authority.not_valid_after_utc <= now:
        raise TlsError(
            f"本地 CA 已于 {authority.not_valid_after_utc:%Y-%m-%d} 到期，请加 --new-authority"
            " / the authority has expired, make another with --new-authority"
        )
    try:
        allowed = (
            authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
        )
    except x509.ExtensionNotFound:
        return
    for one in names:
        if not any(_covers(other, one) for other in allowed):
            raise TlsError(
                f"本地 CA 不能签发 {one.value}；加 --new-authority 重建，并在手机上重新安装"
                f" / the authority may not certify {one.value}: make another with --new-authority and install it again"
            )


def _covers(allowed: x509.GeneralName, name: x509.DNSName | x509.IPAddress) -> bool:
    if isinstance(name, x509.IPAddress):
        return isinstance(allowed, x509.IPAddress) and name.value in ipaddress.ip_network(allowed.value)
    return isinstance(allowed, x509.DNSName) and (
        name.value == allowed.value or name.value.endswith(f".{allowed.value}")
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    write_durably(
        path,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    path.chmod(0o600)
