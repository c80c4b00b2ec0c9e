# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CA bundles: what is read off them, against the cryptography package, and whether a webhook's is to be trusted."""

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


def signed(
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
    "given",
    [
        pytest.param(signed(KEY, datetime.datetime(1999, 12, 31, tzinfo=UTC), NOW), id="elliptic-last-century"),
        pytest.param(
            signed(rsa.generate_private_key(65537, 2048), NOW, datetime.datetime(2049, 12, 31, tzinfo=UTC)), id="rsa"
        ),
        # From 2050 on times are written otherwise.
        pytest.param(signed(KEY, NOW, datetime.datetime(2050, 1, 1, 1, 2, 3, tzinfo=UTC)), id="next-half-century"),
        pytest.param(CA, id="self-signed"),
    ],
)
def test_subject_key_and_validity(given: x509.Certificate) -> None:
    (found,) = webhook_config.parse_bundle(pem(given))

    def content(der: bytes) -> bytes:
        """Without tag and length."""
        return der[2 + (der[1] & 0x7F if der[1] & 0x80 else 0) :]

    assert found.subject == content(given.subject.public_bytes())
    assert found.issuer == content(given.issuer.public_bytes())
    key = given.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert found.key == content(key)
    assert found.not_before == given.not_valid_before_utc.timestamp()
    assert found.not_after == given.not_valid_after_utc.timestamp()
    assert found.is_valid_at(found.not_after)
    assert not found.is_valid_at(found.not_after + 1)
    assert not found.is_valid_at(found.not_before - 1)


def test_text_between_certificates_is_skipped() -> None:
    other = authority("other")
    text = f"# old\n{pem(CA)}\r\n# new\n{pem(other)}trailing"
    assert [each.subject for each in webhook_config.parse_bundle(text)] == [
        webhook_config.parse_bundle(pem(each))[0].subject for each in (CA, other)
    ]


def test_invalid_bundles_are_rejected() -> None:
    der = CA.public_bytes(Encoding.DER)

    def armoured(data: bytes) -> str:
        return f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(data).decode()}\n-----END CERTIFICATE-----\n"

    assert len(webhook_config.parse_bundle(armoured(der))) == 1
    broken = [
        "",
        "sandbox",
        pem(CA).replace("CERTIFICATE", "PUBLIC KEY"),
        pem(CA).replace("M", "!"),
        armoured(b""),
        armoured(b"sandbox"),
        armoured(der[:-1]),
        armoured(der + b"\x30"),
        armoured(der[:60]),
        pem(CA) + armoured(der[1:]),
    ]
    for text in broken:
        with pytest.raises(ValueError, match="certificate"):
            webhook_config.parse_bundle(text)


def test_a_truncated_certificate_is_rejected() -> None:
    der = CA.public_bytes(Encoding.DER)
    for length in range(len(der)):
        text = f"-----BEGIN CERTIFICATE-----{base64.b64encode(der[:length]).decode()}-----END CERTIFICATE-----"
        with pytest.raises(ValueError, match="certificate"):
            webhook_config.parse_bundle(text)


# -- a webhook's


def subject(**fields: t.Any) -> webhook_config.Hook:
    (made,) = webhook_config.hooks_of([hook(**fields)])
    return made


SERVICE = {"service": {"namespace": "kube-system", "name": "pod-identity-webhook"}}
LOCAL = {"url": "https://127.0.0.1:23443/mutate"}
PUBLIC = {"url": "https://webhook.example.com/mutate"}
RENEWED = authority(key=KEY)
EXPIRED = authority(days=(-400, -1))
FUTURE = authority(days=(1, 400))


def leaf(issuer: str) -> x509.Certificate:
    """A serving certificate that a CA of that name signed."""
    names = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (issuer, "pod-identity-webhook"))
    builder = x509.CertificateBuilder(
        *names, KEY.public_key(), x509.random_serial_number(), NOW, FUTURE.not_valid_after_utc
    )
    return builder.sign(KEY, hashes.SHA256())


@pytest.mark.parametrize(
    ("client", "ca_bundle", "serving", "why"),
    [
        pytest.param(SERVICE, bundle(CA), None, None, id="nothing-to-compare"),
        pytest.param(SERVICE, bundle(CA), pem(CA), None, id="the-same"),
        pytest.param(SERVICE, bundle(EXPIRED, CA), pem(CA), None, id="one-of-two"),
        pytest.param(SERVICE, bundle(authority(key=KEY)), pem(RENEWED), None, id="renewed-with-its-key"),
        pytest.param(SERVICE, bundle(CA), pem(leaf("kubernetes")), None, id="only-the-serving-certificate"),
        pytest.param(SERVICE, bundle(CA), "garbage", None, id="serving-unreadable"),
        pytest.param(PUBLIC, "", None, None, id="public-roots"),
        pytest.param(SERVICE, bundle(CA), pem(RENEWED), "has none of the CAs", id="same-name-other-key"),
        pytest.param(SERVICE, bundle(CA), pem(leaf("another")), "has none of the CAs", id="signed-by-another"),
        pytest.param(SERVICE, "", None, "is empty", id="empty-for-a-service"),
        pytest.param(LOCAL, "", None, "is empty", id="empty-on-the-control-plane"),
        pytest.param(LOCAL, bundle(EXPIRED), None, "is valid now", id="expired"),
        pytest.param(LOCAL, bundle(EXPIRED, FUTURE), None, "is valid now", id="expired-and-not-yet"),
        pytest.param(LOCAL, "bm90aGluZw==", None, "can't be read: there is no PEM", id="no-pem"),
        pytest.param(LOCAL, "%%%", None, "can't be read: it isn't PEM in base64", id="no-base64"),
        pytest.param(LOCAL, "/////w==", None, "can't be read: it isn't PEM in base64", id="binary"),
    ],
)
def test_certificate_problems(client: dict[str, t.Any], ca_bundle: str, serving: str | None, why: str | None) -> None:
    given = subject(clientConfig={**client, "caBundle": ca_bundle})
    found = webhook_config.find_certificate_problem(given, serving, NOW.timestamp())
    assert (found is None) is (why is None)
    if found is not None and why is not None:
        assert why in found.why


def test_without_a_time_nothing_is_expired() -> None:
    given = subject(clientConfig={**LOCAL, "caBundle": bundle(EXPIRED, FUTURE)})
    assert webhook_config.find_certificate_problem(given, None, None) is None
    found = webhook_config.find_certificate_problem(given, None, NOW.timestamp())
    assert found is not None
    assert found.found == "1 expired, 1 not valid yet"


OLD, NEW, STRANGE = authority(), authority(), authority("strange")


@pytest.mark.parametrize(
    ("own", "others", "url", "is_outdated"),
    [
        pytest.param([OLD], [OLD, NEW], LOCAL, True, id="after-a-rotation"),
        pytest.param([OLD], [NEW], LOCAL, True, id="when-the-old-one-is-gone"),
        pytest.param([OLD], [OLD, STRANGE], LOCAL, True, id="more-is-more-whatever-the-name"),
        pytest.param([OLD], [OLD], LOCAL, False, id="the-same"),
        pytest.param([OLD, NEW], [OLD], LOCAL, False, id="ahead-of-others"),
        pytest.param([OLD], [STRANGE], LOCAL, False, id="of-another-authority"),
        pytest.param([OLD], [OLD, NEW], PUBLIC, False, id="others-run-elsewhere"),
        pytest.param([], [OLD, NEW], LOCAL, False, id="empty"),
    ],
)
def test_outdated(own: list[t.Any], others: list[t.Any], url: dict[str, str], is_outdated: bool) -> None:
    given = hook(clientConfig={**LOCAL, "caBundle": bundle(*own)})
    other = hook(
        "vpc-resource-mutating-webhook", name="mpod.vpc.k8s.aws", clientConfig={**url, "caBundle": bundle(*others)}
    )
    found = webhook_config.outdated(subject(clientConfig={**LOCAL, "caBundle": bundle(*own)}), [given, other])
    assert (found is not None) is is_outdated
    if found is not None:
        assert found.configuration == "vpc-resource-mutating-webhook"


def test_only_the_control_planes_webhooks_are_compared() -> None:
    other = hook("vpc", name="mpod.vpc.k8s.aws", clientConfig={**LOCAL, "caBundle": bundle(OLD, NEW)})
    in_cluster = subject(clientConfig={**SERVICE, "caBundle": bundle(OLD)})
    assert webhook_config.outdated(in_cluster, [other]) is None
    assert subject(clientConfig={"url": "https://[::1]:8443/"}).is_local
    assert subject(clientConfig={"url": "https://localhost/"}).is_local
    assert not subject(clientConfig={"url": "https://10.0.0.1/"}).is_local
