# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CA bundles: parsing, compared with the cryptography package, and problems of the caBundle of a webhook."""

from __future__ import annotations

import base64
import datetime
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis import webhook_config
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from unit.chain_objects import CA, NOW, authority, bundle, hook, pem

KEY = ec.generate_private_key(ec.SECP256R1())
UTC = datetime.timezone.utc


def sign_certificate(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, begin: datetime.datetime, end: datetime.datetime
) -> x509.Certificate:
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Ünïcode" * 30), x509.NameAttribute(NameOID.COMMON_NAME, "ca")]
    )
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), begin, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )


@pytest.mark.parametrize(
    "certificate",
    [
        pytest.param(sign_certificate(KEY, datetime.datetime(1999, 12, 31, tzinfo=UTC), NOW), id="expired-in-1999"),
        pytest.param(
            sign_certificate(rsa.generate_private_key(65537, 2048), NOW, datetime.datetime(2049, 12, 31, tzinfo=UTC)),
            id="rsa",
        ),
        # From 2050 on, times have another format.
        pytest.param(
            sign_certificate(KEY, NOW, datetime.datetime(2050, 1, 1, 1, 2, 3, tzinfo=UTC)), id="expires-in-2050"
        ),
        pytest.param(CA, id="self-signed"),
    ],
)
def test_subject_key_and_validity_are_parsed(certificate: x509.Certificate) -> None:
    (parsed,) = webhook_config.parse_bundle(pem(certificate))

    def strip_header(der: bytes) -> bytes:
        """Remove tag and length."""
        return der[2 + (der[1] & 0x7F if der[1] & 0x80 else 0) :]

    assert parsed.subject == strip_header(certificate.subject.public_bytes())
    assert parsed.issuer == strip_header(certificate.issuer.public_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert parsed.key == strip_header(key)
    assert parsed.not_before == certificate.not_valid_before_utc.timestamp()
    assert parsed.not_after == certificate.not_valid_after_utc.timestamp()
    assert parsed.is_valid_at(parsed.not_after)
    assert not parsed.is_valid_at(parsed.not_after + 1)
    assert not parsed.is_valid_at(parsed.not_before - 1)


def test_text_between_certificates_is_ignored() -> None:
    other = authority("other")
    text = f"# old\n{pem(CA)}\r\n# new\n{pem(other)}trailing"
    assert [certificate.subject for certificate in webhook_config.parse_bundle(text)] == [
        webhook_config.parse_bundle(pem(certificate))[0].subject for certificate in (CA, other)
    ]


def test_invalid_bundles_are_rejected() -> None:
    der = CA.public_bytes(Encoding.DER)

    def encode_pem(data: bytes) -> str:
        return f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(data).decode()}\n-----END CERTIFICATE-----\n"

    assert len(webhook_config.parse_bundle(encode_pem(der))) == 1
    invalid = [
        "",
        "sandbox",
        pem(CA).replace("CERTIFICATE", "PUBLIC KEY"),
        pem(CA).replace("M", "!"),
        encode_pem(b""),
        encode_pem(b"sandbox"),
        encode_pem(der[:-1]),
        encode_pem(der + b"\x30"),
        encode_pem(der[:60]),
        pem(CA) + encode_pem(der[1:]),
    ]
    for text in invalid:
        with pytest.raises(ValueError, match="certificate"):
            webhook_config.parse_bundle(text)


def test_truncated_certificate_is_rejected() -> None:
    der = CA.public_bytes(Encoding.DER)
    for length in range(len(der)):
        text = f"-----BEGIN CERTIFICATE-----{base64.b64encode(der[:length]).decode()}-----END CERTIFICATE-----"
        with pytest.raises(ValueError, match="certificate"):
            webhook_config.parse_bundle(text)


# Problems of the caBundle


def make_hook(**fields: t.Any) -> webhook_config.Hook:
    (made_hook,) = webhook_config.hooks_of([hook(**fields)])
    return made_hook


SERVICE = {"service": {"namespace": "kube-system", "name": "pod-identity-webhook"}}
LOCAL = {"url": "https://127.0.0.1:23443/mutate"}
PUBLIC = {"url": "https://webhook.example.com/mutate"}
RENEWED = authority(key=KEY)
EXPIRED = authority(days=(-400, -1))
FUTURE = authority(days=(1, 400))


def leaf(issuer: str) -> x509.Certificate:
    """A serving certificate with a CA of this name as its issuer."""
    names = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (issuer, "pod-identity-webhook"))
    builder = x509.CertificateBuilder(
        *names, KEY.public_key(), x509.random_serial_number(), NOW, FUTURE.not_valid_after_utc
    )
    return builder.sign(KEY, hashes.SHA256())


@pytest.mark.parametrize(
    ("client", "ca_bundle", "serving", "why"),
    [
        pytest.param(SERVICE, bundle(CA), None, None, id="serving-ca-unknown"),
        pytest.param(SERVICE, bundle(CA), pem(CA), None, id="same-ca"),
        pytest.param(SERVICE, bundle(EXPIRED, CA), pem(CA), None, id="one-of-two-cas"),
        pytest.param(SERVICE, bundle(authority(key=KEY)), pem(RENEWED), None, id="renewed-with-same-key"),
        pytest.param(SERVICE, bundle(CA), pem(leaf("kubernetes")), None, id="serving-certificate-of-ca"),
        pytest.param(SERVICE, bundle(CA), "garbage", None, id="serving-ca-invalid"),
        pytest.param(PUBLIC, "", None, None, id="public-roots"),
        pytest.param(SERVICE, bundle(CA), pem(RENEWED), "does not contain the CA", id="same-name-and-other-key"),
        pytest.param(SERVICE, bundle(CA), pem(leaf("another")), "does not contain the CA", id="other-issuer"),
        pytest.param(SERVICE, "", None, "is empty", id="empty-for-a-service"),
        pytest.param(LOCAL, "", None, "is empty", id="empty-for-loopback-address"),
        pytest.param(LOCAL, bundle(EXPIRED), None, "is currently valid", id="expired"),
        pytest.param(LOCAL, bundle(EXPIRED, FUTURE), None, "is currently valid", id="expired-and-not-yet-valid"),
        pytest.param(LOCAL, "bm90aGluZw==", None, "is not valid: it contains no PEM", id="no-pem"),
        pytest.param(LOCAL, "%%%", None, "is not valid: it is not base64-encoded PEM", id="no-base64"),
        pytest.param(LOCAL, "/////w==", None, "is not valid: it is not base64-encoded PEM", id="binary"),
    ],
)
def test_certificate_problems(client: dict[str, t.Any], ca_bundle: str, serving: str | None, why: str | None) -> None:
    webhook = make_hook(clientConfig={**client, "caBundle": ca_bundle})
    problem = webhook_config.find_certificate_problem(webhook, serving, NOW.timestamp())
    assert (problem is None) is (why is None)
    if problem is not None and why is not None:
        assert why in problem.why


def test_expiry_is_not_checked_without_a_time() -> None:
    webhook = make_hook(clientConfig={**LOCAL, "caBundle": bundle(EXPIRED, FUTURE)})
    assert webhook_config.find_certificate_problem(webhook, None, None) is None
    problem = webhook_config.find_certificate_problem(webhook, None, NOW.timestamp())
    assert problem is not None
    assert problem.found == "1 expired, 1 not valid yet"


OLD, NEW, DIFFERENT = authority(), authority(), authority("different")


@pytest.mark.parametrize(
    ("own", "others", "url", "is_found"),
    [
        pytest.param([OLD], [OLD, NEW], LOCAL, True, id="other-has-new-ca-too"),
        pytest.param([OLD], [NEW], LOCAL, True, id="other-has-only-new-ca"),
        pytest.param([OLD], [OLD, DIFFERENT], LOCAL, True, id="other-has-additional-ca-with-other-name"),
        pytest.param([OLD], [OLD], LOCAL, False, id="same-bundle"),
        pytest.param([OLD, NEW], [OLD], LOCAL, False, id="other-has-fewer-cas"),
        pytest.param([OLD], [DIFFERENT], LOCAL, False, id="other-has-different-ca"),
        pytest.param([OLD], [OLD, NEW], PUBLIC, False, id="other-is-not-local"),
        pytest.param([], [OLD, NEW], LOCAL, False, id="empty"),
    ],
)
def test_find_newer_bundle(own: list[t.Any], others: list[t.Any], url: dict[str, str], is_found: bool) -> None:
    configuration = hook(clientConfig={**LOCAL, "caBundle": bundle(*own)})
    other = hook(
        "vpc-resource-mutating-webhook", name="mpod.vpc.k8s.aws", clientConfig={**url, "caBundle": bundle(*others)}
    )
    webhook = make_hook(clientConfig={**LOCAL, "caBundle": bundle(*own)})
    newer = webhook_config.find_newer_bundle(webhook, [configuration, other])
    assert (newer is not None) is is_found
    if newer is not None:
        assert newer.configuration == "vpc-resource-mutating-webhook"


def test_only_local_webhooks_are_compared() -> None:
    other = hook("vpc", name="mpod.vpc.k8s.aws", clientConfig={**LOCAL, "caBundle": bundle(OLD, NEW)})
    in_cluster = make_hook(clientConfig={**SERVICE, "caBundle": bundle(OLD)})
    assert webhook_config.find_newer_bundle(in_cluster, [other]) is None
    assert make_hook(clientConfig={"url": "https://[::1]:8443/"}).is_local
    assert make_hook(clientConfig={"url": "https://localhost/"}).is_local
    assert not make_hook(clientConfig={"url": "https://10.0.0.1/"}).is_local
    assert not make_hook(clientConfig={"url": "https://[fd00:/"}).is_local
