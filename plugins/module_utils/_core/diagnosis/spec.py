# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user asks a verification for, and the chain that it means."""

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

_REGION_OF_ISSUER = re.compile(r"https://oidc\.eks(?:-fips)?\.([a-z0-9-]+)\.[a-z0-9.-]+/")


@dataclasses.dataclass(frozen=True)
class TestPodSpec:
    """The test pod that a user asks for.

    :param timeout: seconds.
    """

    __test__ = False  # pytest takes a class of this name for tests

    image: str
    command: tuple[str, ...]
    timeout: int
    node_selector: t.Mapping[str, str]
    tolerations: tuple[Json, ...]


@dataclasses.dataclass(frozen=True)
class VerificationSpec:
    """What a user asks a verification for.

    :param issuer: with its scheme; None where the cluster's name is given.
    :param test_pod: None where no test pod is asked for.
    :param propagation_timeout: seconds.
    """

    namespace: str
    service_account: str
    role_arn: str | None
    issuer: str | None
    region: str | None
    probes: frozenset[str]
    label_selectors: tuple[str, ...]
    test_pod: TestPodSpec | None
    propagation_timeout: int
    fail_on: str
    ignore: frozenset[str]

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> VerificationSpec:
        """From the module's options.

        :raises InvalidInput: an option is not valid.
        """
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
        for id_ in params.get("ignore") or ():
            check_finding_id(problems, id_, [cause.id for cause in CAUSES if not cause.audit])
        problems.stop()
        return cls(
            namespace=params["namespace"],
            service_account=params["service_account"],
            role_arn=params.get("role_arn") or None,
            issuer=issuer,
            region=params.get("region") or None,
            probes=frozenset(params["probes"]),
            label_selectors=tuple(params.get("label_selectors") or ()),
            test_pod=_test_pod_spec(pod) if pod.get("enabled") else None,
            propagation_timeout=params["propagation_timeout"],
            fail_on=params["fail_on"],
            ignore=frozenset(params.get("ignore") or ()),
        )


def check_finding_id(problems: Problems, id_: str, known: t.Sequence[str]) -> None:
    """Adds a problem if an id in the option ``ignore`` is not one of the known ids."""
    if id_ not in known:
        close = difflib.get_close_matches(id_, known, n=1)
        fix = f"did you mean {close[0]}?" if close else "give ids as findings have them"
        problems.add(f"ignore names {id_!r}, which is not the id of a finding", fix)


def _test_pod_spec(pod: t.Mapping[str, t.Any]) -> TestPodSpec:
    return TestPodSpec(
        image=pod.get("image") or TEST_IMAGE,
        command=tuple(pod.get("command") or TEST_COMMAND),
        timeout=pod["timeout"],
        node_selector={key: str(value) for key, value in (pod.get("node_selector") or {}).items()},
        tolerations=tuple(pod.get("tolerations") or ()),
    )


def build_chain(spec: VerificationSpec, cluster: EksCluster | None, account: t.Mapping[str, t.Any] | None) -> Chain:
    """The chain to verify.

    :param account: the ServiceAccount; None if it does not exist or cannot be read.
    :raises InvalidInput: the cluster has no issuer, or none is given.
    """
    annotations = (account or {"metadata": {}})["metadata"].get("annotations") or {}
    issuer = cluster.require_issuer() if cluster else t.cast(str, spec.issuer)
    region = _REGION_OF_ISSUER.match(issuer)
    return Chain(
        namespace=spec.namespace,
        service_account=spec.service_account,
        issuer=issuer,
        role_arn=spec.role_arn or annotations.get(IRSA_OPTIONS["role_arn"]) or None,
        audience=annotations.get(IRSA_OPTIONS["audience"]) or STS_AUDIENCE,
        account_id=cluster.account_id if cluster else None,
        partition=cluster.partition if cluster else None,
        region=cluster.region if cluster else spec.region or (region[1] if region else None),
        cluster=cluster.name if cluster else None,
        cross_account=spec.role_arn is not None,
    )


def session_name(spec: VerificationSpec) -> str:
    """The name under which CloudTrail shows the session: ``irsa-verify.NAMESPACE.ACCOUNT``, cut to STS's 64."""
    return f"irsa-verify.{spec.namespace}.{spec.service_account}"[:64]


def read_claims(token: str) -> Json:
    """The claims ``iss``, ``aud`` and ``sub`` of a token; STS verifies its signature.

    :raises ValueError: it is not a JSON Web Token.
    """
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return {key: claims.get(key) for key in ("iss", "aud", "sub")}


# Many bindings at once

# How long to wait for a change of IAM to reach STS: the default of `irsa_verify`.
PROPAGATION_SECONDS = 120


def build_bulk_spec(
    namespace: str, name: str, *, role_arn: str | None, issuer: str, region: str | None, ask: bool
) -> VerificationSpec:
    """The verification of one binding.

    :param issuer: empty where the cluster is known.
    :param ask: whether STS is asked, too.
    """
    return VerificationSpec(
        namespace=namespace,
        service_account=name,
        role_arn=role_arn,
        issuer=issuer or None,
        region=region,
        probes=frozenset({"static", "token"} if ask else {"static"}),
        label_selectors=(),
        test_pod=None,
        propagation_timeout=PROPAGATION_SECONDS,
        fail_on="error",
        ignore=frozenset(),
    )
