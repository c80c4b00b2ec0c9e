# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the API server calls the pod identity webhook for a pod, and trusts its certificate.

How the API server chooses: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
What upstream deploys: https://github.com/aws/amazon-eks-pod-identity-webhook/tree/master/deploy
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

# The name of the configuration on EKS and upstream; charts add their release's name.
_CONFIGURATION = "pod-identity-webhook"
NAMES = frozenset({"iam-for-pods.amazonaws.com", "pod-identity-webhook.amazonaws.com"})
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _INTEGER, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x02, 0x17, 0x18, 0xA0


@dataclasses.dataclass(frozen=True)
class Hook:
    """One webhook of a MutatingWebhookConfiguration.

    :param configuration: the configuration's name.
    :param index: its place in the list ``webhooks``.
    :param annotations: of the configuration.
    """

    configuration: str
    index: int
    body: Json
    annotations: Json

    def __str__(self) -> str:
        return f"webhook {self.body.get('name')} of MutatingWebhookConfiguration {self.configuration}"

    @property
    def path(self) -> str:
        """Where it is in the configuration."""
        return f"webhooks[{self.body.get('name')}]"

    @property
    def client(self) -> Json:
        """Where it is called."""
        return t.cast(Json, self.body.get("clientConfig") or {})

    @property
    def is_local(self) -> bool:
        """Whether it runs on the API server's own machine, as EKS's own webhooks do."""
        host = urllib.parse.urlsplit(self.client.get("url") or "").hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    @property
    def address(self) -> str:
        """Where it is called, for messages."""
        service = self.client.get("service")
        if service:
            return f"service {service.get('namespace')}/{service.get('name')}"
        return str(self.client.get("url"))


def hooks_of(configurations: t.Iterable[Json]) -> list[Hook]:
    """All mutating webhooks of the cluster."""
    return [
        Hook(configuration["metadata"]["name"], index, body, configuration["metadata"].get("annotations") or {})
        for configuration in configurations
        for index, body in enumerate(configuration.get("webhooks") or [])
    ]


def pod_identity_hooks(configurations: t.Iterable[Json]) -> list[Hook]:
    """Those of the pod identity webhook."""
    return [hook for hook in hooks_of(configurations) if _is_pod_identity(hook)]


def is_pod_identity_name(name: str, configurations: t.Iterable[Json]) -> bool:
    """Whether a webhook of this name is the pod identity webhook."""
    return name in NAMES or any(hook.body.get("name") == name for hook in pod_identity_hooks(configurations))


def _is_pod_identity(hook: Hook) -> bool:
    service = (hook.client.get("service") or {}).get("name") or ""
    return hook.body.get("name") in NAMES or _CONFIGURATION in hook.configuration or _CONFIGURATION in service


def sees_new_pods(hook: Hook) -> bool:
    """Whether its rules match the creation of pods."""
    return any(_covers(rule) for rule in hook.body.get("rules") or [])


def _covers(rule: Json) -> bool:
    def has(field: str, wanted: str) -> bool:
        return bool({"*", wanted} & set(rule.get(field) or []))

    pods = {"*", "*/*", "pods", "pods/*"} & set(rule.get("resources") or [])
    return bool(
        pods
        and has("operations", "CREATE")
        and has("apiGroups", "")
        and has("apiVersions", "v1")
        and rule.get("scope", "*") != "Cluster"
    )


def unmet(selector: Json | None, labels: t.Mapping[str, str]) -> str | None:
    """Why a label selector doesn't match an object with these labels; None where it does.

    An empty selector matches everything, NotIn and DoesNotExist match a missing label:
    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#resources-that-support-set-based-requirements
    """
    for key, value in ((selector or {}).get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return f"label {key} must be {value!r}" + _actual(labels, key)
    for requirement in (selector or {}).get("matchExpressions") or []:
        key, operator = requirement["key"], requirement["operator"]
        listed = requirement.get("values") or []
        among = " or ".join(map(repr, listed))
        if operator == "In" and labels.get(key) not in listed:
            return f"label {key} must be {among}" + _actual(labels, key)
        if operator == "NotIn" and labels.get(key) in listed:
            return f"label {key} must not be {among}"
        if operator == "Exists" and key not in labels:
            return f"there must be a label {key}"
        if operator == "DoesNotExist" and key in labels:
            return f"there must be no label {key}"
    return None


def _actual(labels: t.Mapping[str, str], key: str) -> str:
    return f" and is {labels[key]!r}" if key in labels else " and is missing"


@dataclasses.dataclass(frozen=True)
class CertificateProblem:
    """Why the API server doesn't trust a webhook's certificate.

    :param why: the end of a sentence.
    :param expected: what the bundle should contain.
    """

    why: str
    expected: str
    found: str


def bundle_of(hook: Hook) -> t.Sequence[Certificate]:
    """The CAs that the API server trusts for this webhook; none for an empty bundle.

    :raises ValueError: the bundle can't be read.
    """
    text = hook.client.get("caBundle") or ""
    if not text:
        return ()
    try:
        pem = base64.b64decode(text, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("it isn't PEM in base64") from error
    return parse_bundle(pem)


def find_certificate_problem(
    hook: Hook, serving_ca: str | None, observed_at: float | None
) -> CertificateProblem | None:
    """Why the API server doesn't trust a webhook, by its certificates alone; None if they show no problem.

    Without a bundle the API server trusts its system's roots, which never signed the certificate of an in-cluster
    service or a loopback address.

    :param serving_ca: PEM of what can have signed the webhook's serving certificate, if that is known.
    :param observed_at: Unix time; without it nothing counts as expired.
    """
    try:
        trusted = bundle_of(hook)
    except ValueError as error:
        return CertificateProblem(f"its caBundle can't be read: {error}", "a PEM bundle in base64", "something else")
    if not trusted:
        if hook.client.get("service") or hook.is_local:
            return CertificateProblem("its caBundle is empty", "the CA of its serving certificate", "no certificate")
        return None
    if observed_at is not None and not any(certificate.is_valid_at(observed_at) for certificate in trusted):
        return CertificateProblem(
            "no certificate of its caBundle is valid now", "a valid CA", _validity(trusted, observed_at)
        )
    try:
        serving = parse_bundle(serving_ca) if serving_ca else ()
    except ValueError:
        return None
    if not serving or _in_common(trusted, serving):
        return None
    return CertificateProblem(
        "its caBundle has none of the CAs that can have signed the serving certificate",
        f"the CA that signed the certificate of {hook.address}",
        quantity(len(trusted), "other certificate"),
    )


def _validity(trusted: t.Sequence[Certificate], observed_at: float) -> str:
    # A bundle of which some have expired and the others are not valid yet is as good as expired.
    ended = sum(certificate.not_after < observed_at for certificate in trusted)
    return f"{ended} expired, {len(trusted) - ended} not valid yet"


def _in_common(trusted: t.Sequence[Certificate], serving: t.Sequence[Certificate]) -> bool:
    """Whether one of the trusted CAs is, or by its name may have signed, what is served."""
    identities = {certificate.identity for certificate in trusted}
    subjects = {certificate.subject for certificate in trusted}
    return any(
        certificate.identity in identities
        or (certificate.issuer in subjects and certificate.issuer != certificate.subject)
        for certificate in serving
    )


def outdated(hook: Hook, configurations: t.Iterable[Json]) -> Hook | None:
    """Another webhook on the API server's own machine whose bundle has a CA that this one lacks; None if there is none.

    EKS runs those with certificates of the cluster's CA. Where that was rotated, and this bundle left behind, the
    others have the new CA besides the old one, or a CA of the same name in its place:
    https://github.com/aws/containers-roadmap/issues/2874
    """
    known = _identities(hook)
    if not hook.is_local or not known:
        return None
    subjects = {subject for subject, _key in known}
    for other in hooks_of(configurations):
        if other.is_local and not _is_pod_identity(other):
            news = _identities(other) - known
            if news and (known < _identities(other) or any(subject in subjects for subject, _key in news)):
                return other
    return None


def _identities(hook: Hook) -> set[tuple[bytes, bytes]]:
    try:
        return {certificate.identity for certificate in bundle_of(hook)}
    except ValueError:
        return set()


# Certificates: names, keys and validity, parsed from X.509's DER. No signature is verified. Two certificates with the
# same subject and key are the same CA, whenever either was issued, which is enough to compare two bundles.
# https://www.rfc-editor.org/rfc/rfc5280#section-4.1 (certificates), https://www.rfc-editor.org/rfc/rfc7468 (PEM)


@dataclasses.dataclass(frozen=True)
class Certificate:
    """The parts of a certificate that are compared.

    :param subject: the encoded name; names are only compared.
    :param key: the encoded public key, algorithm included.
    :param not_before: Unix time, as is ``not_after``.
    """

    subject: bytes
    issuer: bytes
    key: bytes
    not_before: float
    not_after: float

    @property
    def identity(self) -> tuple[bytes, bytes]:
        """What certificates of the same CA have in common."""
        return self.subject, self.key

    def is_valid_at(self, moment: float) -> bool:
        """Whether it holds at a Unix time."""
        return self.not_before <= moment <= self.not_after


@functools.lru_cache(maxsize=16)  # one webhook's bundle is parsed for each service account
def parse_bundle(pem: str) -> tuple[Certificate, ...]:
    """The certificates of a PEM bundle; what lies between them is skipped, as Kubernetes does.

    :raises ValueError: a certificate is not valid X.509, or there is none.
    """
    found = []
    for block in _PEM.findall(pem):
        try:
            der = base64.b64decode("".join(block.split()), validate=True)
        except binascii.Error as error:
            raise ValueError("a certificate isn't base64") from error
        found.append(_parse_certificate(der))
    if not found:
        raise ValueError("there is no PEM certificate in it")
    return tuple(found)


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
        raise ValueError("a certificate isn't X.509") from error


_Element = t.Tuple[int, bytes]


def _elements(data: bytes) -> list[_Element]:
    """The elements of an encoding, each its tag and its content."""
    found = []
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise ValueError("cut off")
        found.append((tag, data[at : at + length]))
        at += length
    return found


def _content(element: _Element, tag: int) -> bytes:
    if element[0] != tag:
        raise ValueError(f"tag {element[0]:#x} instead of {tag:#x}")
    return element[1]


def _time(element: _Element) -> float:
    tag, content = element
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        # Two digits stand for 1950 to 2049.
        text = ("19" if text >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("no time")
    return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()
