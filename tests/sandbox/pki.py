# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's certificate authority, its certificates, and the key that signs service account tokens.

Needed by: every target.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import ipaddress
import pathlib
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.settings import write_private

LIFETIME = datetime.timedelta(days=30)
# Clients whose clock is a little slow accept a new certificate too.
BACKDATE = datetime.timedelta(hours=1)

# Common name and organisation by file name. Kubernetes reads them as user and group.
CLIENTS = {
    "admin": ("sandbox-admin", "system:masters"),
    "node": ("system:node:sandbox-node", "system:masters"),
    "controller-manager": ("system:kube-controller-manager", "system:masters"),
    # The API server uses it to read a pod's log from the node agent.
    "kubelet-client": ("kube-apiserver-kubelet-client", "system:masters"),
}


def ensure(directory: pathlib.Path) -> None:
    """Write the PKI files, unless all exist and the CA is valid for more than a day.

    The files are <name>.crt and <name>.key for ca, server and each of CLIENTS, and sa.key and sa.pub. All are PEM.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = ["ca.crt", "ca.key", "sa.key", "sa.pub"]
    names += [f"{name}.{ext}" for name in ("server", *CLIENTS) for ext in ("crt", "key")]
    if all((directory / name).exists() for name in names) and not _expires_soon(directory / "ca.crt"):
        return
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = _certificate(_name("sandbox-ca"), ca_key.public_key(), None, ca_key)
    _write_pair(directory, "ca", ca, ca_key)
    server_key = ec.generate_private_key(ec.SECP256R1())
    _write_pair(
        directory,
        "server",
        _certificate(_name("sandbox"), server_key.public_key(), ca, ca_key, server=True),
        server_key,
    )
    for name, (common_name, organisation) in CLIENTS.items():
        key = ec.generate_private_key(ec.SECP256R1())
        _write_pair(
            directory,
            name,
            _certificate(_name(common_name, organisation), key.public_key(), ca, ca_key),
            key,
        )
    # EKS signs with RS256, so the key is RSA.
    signer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    write_private(directory / "sa.key", _private_pem(signer))
    write_private(directory / "sa.pub", _public_pem(signer.public_key()))


def jwks(public_key: pathlib.Path) -> dict[str, t.Any]:
    """Return the JSON Web Key Set of an RSA public key in PEM, as the API server serves it at /openid/v1/jwks."""
    key = _load_rsa(public_key)
    numbers = key.public_numbers()
    return {
        "keys": [
            {
                "use": "sig",
                "kty": "RSA",
                "kid": key_id(public_key),
                "alg": "RS256",
                "n": _base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
                "e": _base64url(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")),
            }
        ]
    }


def key_id(public_key: pathlib.Path) -> str:
    """Return the key id of a public key in PEM as Kubernetes derives it: base64url of the SHA-256 of its PKIX DER form.

    See keyIDFromPublicKey in kubernetes/pkg/serviceaccount/jwt.go.
    """
    der = _load_rsa(public_key).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return _base64url(hashlib.sha256(der).digest())


def _load_rsa(public_key: pathlib.Path) -> rsa.RSAPublicKey:
    key = serialization.load_pem_public_key(public_key.read_bytes())
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError(f"{public_key} is not an RSA key. Service account tokens are signed with RS256.")
    return key


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _name(common_name: str, organisation: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organisation:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(parts)


def _certificate(
    subject: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    server: bool = False,
) -> x509.Certificate:
    """Create a certificate; without an issuer, a self-signed certificate authority."""
    now = datetime.datetime.now(datetime.timezone.utc)
    is_ca = issuer is None
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    # Python 3.13 verifies with VERIFY_X509_STRICT, which requires key identifiers and critical basic constraints.
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if not is_ca:
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if server:
        loopback: list[x509.GeneralName] = [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(loopback), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _expires_soon(certificate: pathlib.Path) -> bool:
    expiry = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    return expiry - datetime.datetime.now(datetime.timezone.utc) < datetime.timedelta(days=1)


def _write_pair(
    directory: pathlib.Path,
    name: str,
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
) -> None:
    write_private(directory / f"{name}.key", _private_pem(key))
    write_private(
        directory / f"{name}.crt",
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
    )


def _private_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


def _public_pem(key: rsa.RSAPublicKey) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
