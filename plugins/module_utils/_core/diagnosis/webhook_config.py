# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the API server calls the pod identity webhook for a pod, and whether it trusts the webhook's certificate.

How the API server selects webhooks: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
The upstream manifests: https://github.com/aws/amazon-eks-pod-identity-webhook/tree/master/deploy
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import functools
import ipaddress
import re
import typing as t
import urllib.parse

from ..wording import quantity

Json = t.Mapping[str, t.Any]

# The name of the configuration on EKS and upstream. Helm charts add the name of the release.
_CONFIGURATION = "pod-identity-webhook"
NAMES = frozenset({"iam-for-pods.amazonaws.com", "pod-identity-webhook.amazonaws.com"})
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _INTEGER, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x02, 0x17, 0x18, 0xA0


@dataclasses.dataclass(frozen=True)
class Hook:
    """One webhook of a MutatingWebhookConfiguration.

    :param configuration: the name of the configuration.
    :param body: the item of the list ``webhooks``.
    :param annotations: the annotations of the configuration.
    """

    configuration: str
    body: Json
    annotations: Json

    def __str__(self) -> str:
        return f"webhook {self.body.get('name')} of MutatingWebhookConfiguration {self.configuration}"

    @property
    def path(self) -> str:
        """Its path in the configuration."""
        return f"webhooks[{self.body.get('name')}]"

    @property
    def client(self) -> Json:
        """Its ``clientConfig``."""
        return t.cast(Json, self.body.get("clientConfig") or {})

    @property
    def is_local(self) -> bool:
        """Whether it runs on the host of the API server, as the webhooks of EKS do."""
        host = None  # of an invalid URL
        try:
            host = urllib.parse.urlsplit(self.client.get("url") or "").hostname or ""
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    @property
    def address(self) -> str:
        """Its service or URL, for messages."""
        service = self.client.get("service")
        if service:
            return f"service {service.get('namespace')}/{service.get('name')}"
        return str(self.client.get("url"))


def hooks_of(configurations: t.Iterable[Json]) -> list[Hook]:
    """All webhooks of the configurations."""
    return [
        Hook(configuration["metadata"]["name"], body, configuration["metadata"].get("annotations") or {})
        for configuration in configurations
        for body in configuration.get("webhooks") or []
    ]


def pod_identity_hooks(configurations: t.Iterable[Json]) -> list[Hook]:
    """The webhooks that are the pod identity webhook."""
    return [hook for hook in hooks_of(configurations) if _is_pod_identity(hook)]


def find_injecting_hooks(configurations: t.Iterable[Json]) -> list[Hook]:
    """The pod identity webhooks that are called for new pods, unless a selector excludes them."""
    return [hook for hook in pod_identity_hooks(configurations) if matches_new_pods(hook)]


def is_pod_identity_name(name: str, configurations: t.Iterable[Json]) -> bool:
    """Whether a webhook with this name is the pod identity webhook."""
    return name in NAMES or any(hook.body.get("name") == name for hook in pod_identity_hooks(configurations))


def _is_pod_identity(hook: Hook) -> bool:
    service = (hook.client.get("service") or {}).get("name") or ""
    return hook.body.get("name") in NAMES or _CONFIGURATION in hook.configuration or _CONFIGURATION in service


def matches_new_pods(hook: Hook) -> bool:
    """Whether its rules match the creation of pods."""
    return any(_matches_pod_creation(rule) for rule in hook.body.get("rules") or [])


def _matches_pod_creation(rule: Json) -> bool:
    def has(field: str, value: str) -> bool:
        return bool({"*", value} & set(rule.get(field) or []))

    pods = {"*", "*/*", "pods", "pods/*"} & set(rule.get("resources") or [])
    return bool(
        pods
        and has("operations", "CREATE")
        and has("apiGroups", "")
        and has("apiVersions", "v1")
        and rule.get("scope", "*") != "Cluster"
    )


def explain_mismatch(selector: Json | None, labels: t.Mapping[str, str]) -> str | None:
    """Why a label selector does not match these labels; None if it matches.

    An empty selector matches everything. NotIn and DoesNotExist match a missing label:
    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#resources-that-support-set-based-requirements
    """
    for key, value in ((selector or {}).get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return f"label {key} must be {value!r} but {_describe_label(labels, key)}"
    for requirement in (selector or {}).get("matchExpressions") or []:
        key, operator = requirement["key"], requirement["operator"]
        values = requirement.get("values") or []
        alternatives = " or ".join(map(repr, values))
        if operator == "In" and labels.get(key) not in values:
            return f"label {key} must be {alternatives} but {_describe_label(labels, key)}"
        if operator == "NotIn" and labels.get(key) in values:
            return f"label {key} must not be {alternatives}"
        if operator == "Exists" and key not in labels:
            return f"label {key} must exist"
        if operator == "DoesNotExist" and key in labels:
            return f"label {key} must not exist"
    return None


def _describe_label(labels: t.Mapping[str, str], key: str) -> str:
    return f"is {labels[key]!r}" if key in labels else "is missing"


@dataclasses.dataclass(frozen=True)
class CertificateProblem:
    """Why the API server does not trust the certificate of a webhook.

    :param why: the reason, as the end of a sentence.
    :param expected: what the bundle should contain.
    :param found: what it contains.
    """

    why: str
    expected: str
    found: str


def bundle_of(hook: Hook) -> t.Sequence[Certificate]:
    """The CAs that the API server trusts for this webhook; empty for an empty caBundle.

    :raises ValueError: the caBundle cannot be parsed.
    """
    text = hook.client.get("caBundle") or ""
    if not text:
        return ()
    try:
        pem = base64.b64decode(text, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("it is not base64-encoded PEM") from error
    return parse_bundle(pem)


def find_certificate_problem(
    hook: Hook, serving_ca: str | None, observed_at: float | None
) -> CertificateProblem | None:
    """Why the API server does not trust a webhook; None if the certificates show no problem.

    Without a caBundle, the API server trusts the CAs of its system, which never sign certificates for a service or a
    loopback address.

    :param serving_ca: PEM of the CAs that may have signed the serving certificate; None if they are unknown.
    :param observed_at: Unix time; None if expiry is not checked.
    """
    try:
        trusted = bundle_of(hook)
    except ValueError as error:
        return CertificateProblem(
            f"its caBundle is not valid: {error}", "base64-encoded PEM certificates", "other data"
        )
    if not trusted:
        if hook.client.get("service") or hook.is_local:
            return CertificateProblem("its caBundle is empty", "the CA of its serving certificate", "no certificate")
        return None
    if observed_at is not None and not any(certificate.is_valid_at(observed_at) for certificate in trusted):
        return CertificateProblem(
            "no certificate in its caBundle is currently valid", "a valid CA", _describe_validity(trusted, observed_at)
        )
    try:
        serving = parse_bundle(serving_ca) if serving_ca else ()
    except ValueError:
        return None
    if not serving or _in_common(trusted, serving):
        return None
    return CertificateProblem(
        "its caBundle does not contain the CA of the serving certificate",
        f"the CA that signed the certificate of {hook.address}",
        quantity(len(trusted), "other certificate"),
    )


def _describe_validity(trusted: t.Sequence[Certificate], observed_at: float) -> str:
    ended = sum(certificate.not_after < observed_at for certificate in trusted)
    return f"{ended} expired, {len(trusted) - ended} not valid yet"


def _in_common(trusted: t.Sequence[Certificate], serving: t.Sequence[Certificate]) -> bool:
    """Whether a served certificate is a trusted CA, or has the name of a trusted CA as its issuer."""
    identities = {certificate.identity for certificate in trusted}
    subjects = {certificate.subject for certificate in trusted}
    return any(
        certificate.identity in identities
        or (certificate.issuer in subjects and certificate.issuer != certificate.subject)
        for certificate in serving
    )


def find_newer_bundle(hook: Hook, configurations: t.Iterable[Json]) -> Hook | None:
    """Another webhook on the host of the API server whose caBundle has a newer CA of the cluster; else None.

    EKS runs these webhooks with certificates of the cluster's CA. If the CA was rotated and this caBundle was not
    updated, the others have the new CA, either in addition or as a replacement with the same name:
    https://github.com/aws/containers-roadmap/issues/2874
    """
    known = _identities(hook)
    if not hook.is_local or not known:
        return None
    subjects = {subject for subject, _key in known}
    for other in hooks_of(configurations):
        if other.is_local and not _is_pod_identity(other):
            added = _identities(other) - known
            if added and (known < _identities(other) or any(subject in subjects for subject, _key in added)):
                return other
    return None


def _identities(hook: Hook) -> set[tuple[bytes, bytes]]:
    try:
        return {certificate.identity for certificate in bundle_of(hook)}
    except ValueError:
        return set()


# A parser for X.509 in DER. Signatures are not verified: certificates of the same CA have the same subject and key.
# https://www.rfc-editor.org/rfc/rfc5280#section-4.1 (certificates), https://www.rfc-editor.org/rfc/rfc7468 (PEM)


@dataclasses.dataclass(frozen=True)
class Certificate:
    """The parts of a certificate that are compared.

    :param subject: the encoded name, like ``issuer``.
    :param key: the encoded public key with its algorithm.
    :param not_before: Unix time, like ``not_after``.
    """

    subject: bytes
    issuer: bytes
    key: bytes
    not_before: float
    not_after: float

    @property
    def identity(self) -> tuple[bytes, bytes]:
        """The same for all certificates of a CA."""
        return self.subject, self.key

    def is_valid_at(self, moment: float) -> bool:
        """Whether it is valid at a Unix time."""
        return self.not_before <= moment <= self.not_after


@functools.lru_cache(maxsize=16)  # an audit parses the same bundle for each service account
def parse_bundle(pem: str) -> tuple[Certificate, ...]:
    """The certificates of a PEM bundle. Other text is ignored, as in Kubernetes.

    :raises ValueError: a certificate is not valid X.509, or the bundle does not contain one.
    """
    certificates = []
    for block in _PEM.findall(pem):
        try:
            der = base64.b64decode("".join(block.split()), validate=True)
        except binascii.Error as error:
            raise ValueError("a certificate is not valid base64") from error
        certificates.append(_parse_certificate(der))
    if not certificates:
        raise ValueError("it contains no PEM certificate")
    return tuple(certificates)


def _parse_certificate(der: bytes) -> Certificate:
    try:
        (certificate,) = _elements(der)
        outer = _elements(_content(certificate, _SEQUENCE))
        fields = _elements(_content(outer[0], _SEQUENCE))
        if fields[0][0] == _VERSION:
            fields = fields[1:]
        serial, _algorithm, issuer, validity, subject, key = fields[:6]
        _content(serial, _INTEGER)
        begin, end = _elements(_content(validity, _SEQUENCE))
        return Certificate(
            _content(subject, _SEQUENCE),
            _content(issuer, _SEQUENCE),
            _content(key, _SEQUENCE),
            _time(begin),
            _time(end),
        )
    except (IndexError, ValueError) as error:
        raise ValueError("a certificate is not valid X.509") from error


_Element = t.Tuple[int, bytes]


def _elements(data: bytes) -> list[_Element]:
    """The elements of a DER encoding: tag and content."""
    elements = []
    offset = 0
    while offset < len(data):
        tag, length = data[offset], data[offset + 1]
        offset += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[offset : offset + size], "big")
            offset += size
        if offset + length > len(data):
            raise ValueError("truncated")
        elements.append((tag, data[offset : offset + length]))
        offset += length
    return elements


def _content(element: _Element, tag: int) -> bytes:
    if element[0] != tag:
        raise ValueError(f"tag {element[0]:#x} instead of {tag:#x}")
    return element[1]


def _time(element: _Element) -> float:
    tag, content = element
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        # Years with two digits are 1950 to 2049.
        text = ("19" if text >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("not a time")
    return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()
