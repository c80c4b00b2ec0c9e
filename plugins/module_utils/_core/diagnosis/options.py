# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a verification is asked for, and the pods that it makes for it."""

from __future__ import annotations

import base64
import dataclasses
import difflib
import json
import re
import typing as t

from .. import validation
from ..arn import STS_AUDIENCE, EksCluster
from ..service_account.annotations import IRSA_OPTIONS, check_role_arn
from ..validation import Problems
from .causes import CAUSES
from .facts import Chain

Json = dict[str, t.Any]

PROBES = ("static", "token", "admission", "pods")
FAIL_ON = ("error", "warning", "never")
TEST_IMAGE = "public.ecr.aws/aws-cli/aws-cli:2.25.4"
TEST_COMMAND = ("aws", "sts", "get-caller-identity")
# The container of both pods.
CONTAINER = "aws-cli"

_REGION_OF_ISSUER = re.compile(r"https://oidc\.eks(?:-fips)?\.([a-z0-9-]+)\.[a-z0-9.-]+/")
_SECRETS = (
    # Tokens of service accounts, and any other signed JSON.
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(\.[\w-]*)?"), "(token)"),
    # What the CLI, SDKs and environments print of credentials: the value after its name.
    (
        re.compile(
            r"((?:secret_?access_?key|session_?token|security_?token|secretkey|web_?identity_?token)"
            r"[\"']?\s*[:=>]+\s*[\"']?)[^\s\"'<,]+",
            re.IGNORECASE,
        ),
        r"\1(secret)",
    ),
    (re.compile(r"\b(?:ASIA|AKIA)[A-Z0-9]{16}\b"), "(access key)"),
)


@dataclasses.dataclass(frozen=True)
class PodWanted:
    """The test pod's options.

    :param timeout: seconds.
    """

    image: str
    command: tuple[str, ...]
    timeout: int
    node_selector: t.Mapping[str, str]
    tolerations: tuple[Json, ...]


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The module's options.

    :param issuer: with its scheme; None where the cluster's name is given.
    :param test_pod: None where none is wanted.
    :param propagation_timeout: seconds.
    """

    namespace: str
    service_account: str
    role_arn: str | None
    issuer: str | None
    region: str | None
    probes: frozenset[str]
    label_selectors: tuple[str, ...]
    test_pod: PodWanted | None
    propagation_timeout: int
    fail_on: str
    ignore: frozenset[str]

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> Wanted:
        """:raises InvalidInput: an option that can't be right."""
        problems = Problems()
        validation.check_service_account(
            problems, params["namespace"], params["service_account"], allow_wildcards=False
        )
        issuer = params.get("issuer") or None
        if issuer:
            validation.check_issuer(problems, issuer)
            issuer = issuer if issuer.startswith("https://") else f"https://{issuer}"
        if params.get("role_arn"):
            check_role_arn(problems, params["role_arn"])
        pod = params.get("test_pod") or {}
        if params["propagation_timeout"] < 0:
            problems.add(f"propagation_timeout is {params['propagation_timeout']}", "give 0 seconds or more")
        if pod.get("enabled") and pod["timeout"] < 1:
            problems.add(f"test_pod.timeout is {pod['timeout']}", "give 1 second or more")
        for name in params.get("ignore") or ():
            check_finding_id(problems, name, [each.id for each in CAUSES if not each.audit])
        problems.stop()
        return cls(
            namespace=params["namespace"],
            service_account=params["service_account"],
            role_arn=params.get("role_arn") or None,
            issuer=issuer,
            region=params.get("region") or None,
            probes=frozenset(params["probes"]),
            label_selectors=tuple(params.get("label_selectors") or ()),
            test_pod=_pod_wanted(pod) if pod.get("enabled") else None,
            propagation_timeout=params["propagation_timeout"],
            fail_on=params["fail_on"],
            ignore=frozenset(params.get("ignore") or ()),
        )


def check_finding_id(problems: Problems, name: str, known: t.Sequence[str]) -> None:
    """An id in the option ``ignore``."""
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        fix = f"did you mean {close[0]}?" if close else "give ids as findings have them"
        problems.add(f"ignore names {name!r}, which is no id of a finding", fix)


def _pod_wanted(pod: t.Mapping[str, t.Any]) -> PodWanted:
    return PodWanted(
        image=pod.get("image") or TEST_IMAGE,
        command=tuple(pod.get("command") or TEST_COMMAND),
        timeout=pod["timeout"],
        node_selector={key: str(value) for key, value in (pod.get("node_selector") or {}).items()},
        tolerations=tuple(pod.get("tolerations") or ()),
    )


def chain_of(wanted: Wanted, cluster: EksCluster | None, account: t.Mapping[str, t.Any] | None) -> Chain:
    """The chain to look at.

    :param account: the ServiceAccount; None if there is none, or it can't be read.
    :raises InvalidInput: the cluster has no issuer, or none is given.
    """
    notes = (account or {"metadata": {}})["metadata"].get("annotations") or {}
    issuer = cluster.require_issuer() if cluster else t.cast(str, wanted.issuer)
    region = _REGION_OF_ISSUER.match(issuer)
    return Chain(
        namespace=wanted.namespace,
        service_account=wanted.service_account,
        issuer=issuer,
        role_arn=wanted.role_arn or notes.get(IRSA_OPTIONS["role_arn"]) or None,
        audience=notes.get(IRSA_OPTIONS["audience"]) or STS_AUDIENCE,
        account_id=cluster.account_id if cluster else None,
        partition=cluster.partition if cluster else None,
        region=cluster.region if cluster else wanted.region or (region[1] if region else None),
        cluster=cluster.name if cluster else None,
        cross_account=wanted.role_arn is not None,
    )


def session_name(wanted: Wanted) -> str:
    """The name under which CloudTrail shows the session: ``irsa-verify.NAMESPACE.ACCOUNT``, cut to STS's 64."""
    return f"irsa-verify.{wanted.namespace}.{wanted.service_account}"[:64]


def claims_of(token: str) -> Json:
    """What a token claims; its signature is STS's to verify.

    :raises ValueError: it is no JSON Web Token.
    """
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return {key: claims.get(key) for key in ("iss", "aud", "sub")}


def rehearsal(wanted: Wanted) -> Json:
    """The pod for the dry run: one that strict admission policies and quotas let through."""
    container = _container(TEST_IMAGE, list(TEST_COMMAND))
    return _pod(wanted, {"generateName": "irsa-verify-"}, {"containers": [container]})


def test_pod(wanted: Wanted, options: PodWanted, name: str) -> Json:
    """The pod that asks AWS who it is."""
    spec: Json = {
        # Ends by itself where nothing is left to delete it.
        "activeDeadlineSeconds": options.timeout + 60,
        "terminationGracePeriodSeconds": 0,
        "containers": [_container(options.image, list(options.command))],
        "nodeSelector": dict(options.node_selector),
        "tolerations": list(options.tolerations),
    }
    return _pod(wanted, {"name": name}, spec)


def test_pod_name(wanted: Wanted, suffix: str) -> str:
    """A name of its own for each run.

    :param suffix: of letters and digits.
    """
    stem = wanted.service_account[:40].rstrip("-.")
    return f"irsa-verify-{stem}-{suffix}"


def _pod(wanted: Wanted, metadata: Json, spec: Json) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": wanted.namespace, **metadata},
        "spec": {"serviceAccountName": wanted.service_account, "restartPolicy": "Never", **spec},
    }


def _container(image: str, command: list[str]) -> Json:
    return {
        "name": CONTAINER,
        "image": image,
        "command": command,
        # The CLI keeps a cache in its home.
        "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def clean(log: str) -> str:
    """A pod's log without what looks like a token, a key or a secret."""
    for pattern, instead in _SECRETS:
        log = pattern.sub(instead, log)
    return log
