# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the specification of pods says against their role: variables, annotations, users, operating systems.

All of this stays as it is when the pods are merely replaced; somebody has to change what they are made from.
"""

from __future__ import annotations

import re
import typing as t

from ...pods import injection
from ...pods.injection import FILE_VARIABLE, ROLE_VARIABLE, SKIP_CONTAINERS, Container
from ...rollout.staleness import PodStatus
from ..causes import Finding
from ..facts import Chain, KubernetesFacts
from . import occurrences
from .account import misplaced_skip_containers
from .occurrences import Occurrence

Json = t.Mapping[str, t.Any]

# Variables that take the SDKs to other credentials before they come to the token:
# https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
STATIC_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_PROFILE", "AWS_DEFAULT_PROFILE")
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")

# The webhook asks the node selector alone, by either label.
_OS_LABELS = ("kubernetes.io/os", "beta.kubernetes.io/os")
# Since this version the kubelet makes a projected token readable for the user that the pod's containers run as:
# https://github.com/aws/amazon-eks-pod-identity-webhook#usage-with-non-root-container-user
_TOKENS_FOR_NON_ROOT = 19


def findings(chain: Chain, facts: KubernetesFacts, role_arn: str | None, pods: t.Sequence[PodStatus]) -> list[Finding]:
    """What is wrong with the specifications of pods, static ones apart.

    :param role_arn: what containers that name a role themselves should name; None where that isn't known.
    """
    return [
        *_skipped(chain, pods),
        *_preset(chain, role_arn, pods),
        *_static_credentials(chain, facts, pods),
        *_unreadable(chain, facts, pods),
        *_windows(chain, pods),
        *_region(chain, facts, pods),
    ]


def _to_inject(pod: PodStatus) -> list[Container]:
    """The containers that the pod's annotation does not exclude."""
    return [container for container in pod.containers if container.state != "skipped"]


# -- the annotation that takes containers out


def without_effect(chain: Chain, facts: KubernetesFacts) -> t.Iterator[Finding]:
    """The annotation of pods on workloads, where nothing reads it."""
    for owner, workload in sorted(facts.workloads.items(), key=lambda each: str(each[0])):
        if workload is not None:
            yield from misplaced_skip_containers(str(owner), workload)


def _skipped(chain: Chain, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    """The annotation where it does otherwise than its author can have meant.

    To take out one container of several is what it is for; nothing is said of that.
    """
    path = f"metadata.annotations[{SKIP_CONTAINERS}]"
    reasons = {pod: (reason, pod.annotations[SKIP_CONTAINERS]) for pod in pods if (reason := _why_skipped_wrongly(pod))}
    seen = [Occurrence(pod, path, value) for pod, (_reason, value) in reasons.items()]
    for reason, some in occurrences.grouped(seen, lambda each: reasons[each.pod][0]).items():
        yield Finding(
            "skip-containers",
            f"annotation {SKIP_CONTAINERS} of {occurrences.names(chain.namespace, some)} {reason}",
            f"write names of containers there, with commas and without blanks between, or remove it, in "
            f"{occurrences.workloads(some)}",
            occurrences.path(some),
            found=occurrences.values(some),
        )


def _why_skipped_wrongly(pod: PodStatus) -> str | None:
    value = pod.annotations.get(SKIP_CONTAINERS) or ""
    if not value.strip():
        return None
    skipped = injection.skipped_containers(pod.annotations)
    if not skipped:
        return "is no line of CSV, so it takes out no container"
    names = {container.name for container in pod.containers}
    for each in sorted(skipped - names):
        meant = re.sub("[^a-z0-9-]", "", each.lower())
        if meant in names - skipped:
            return f"names {each!r}, which is no container; {meant} is"
    regular = {body["name"] for body in pod.spec["containers"]}
    return "takes out all containers, so that none has the role" if regular <= skipped else None


# -- variables


def _preset(chain: Chain, role_arn: str | None, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    """Variables that keep the webhook from a container and don't work in its place.

    Some write the whole environment themselves, a volume with the token included. That is no fault.
    """
    reasons: dict[Occurrence, str] = {}
    for pod in pods:
        for container in _to_inject(pod):
            if container.state in ("right", "preset", "foreign") and not container.is_injected:
                environment = injection.environment_of(container.body)
                reason = _why_no_use(chain, role_arn, pod, container.body)
                if reason:
                    names = [name for name in (ROLE_VARIABLE, FILE_VARIABLE) if name in environment]
                    reasons[Occurrence.of(pod, container, f"env[{names[0]}]", ", ".join(names))] = reason
    for reason, some in occurrences.grouped(reasons, lambda each: reasons[each]).items():
        yield Finding(
            "env-preset",
            f"{occurrences.names(chain.namespace, some)}: {occurrences.values(some)} set there, which keeps the "
            f"webhook from setting {ROLE_VARIABLE} and {FILE_VARIABLE}, and {reason}",
            f"remove {occurrences.values(some)} from env in {occurrences.workloads(some)}",
            occurrences.path(some),
            expected=role_arn,
            found=occurrences.values(some),
        )


def _why_no_use(chain: Chain, role_arn: str | None, pod: PodStatus, written: Json) -> str | None:
    """Why variables that a container has by itself are no use; None where they are, or may be."""
    environment = injection.environment_of(written)
    has_role, has_file = (name in environment for name in (ROLE_VARIABLE, FILE_VARIABLE))
    if not has_role and not has_file:
        return None
    if not has_role or not has_file:
        return f"there is no {FILE_VARIABLE if has_role else ROLE_VARIABLE}"
    role, file = (environment[name].get("value") for name in (ROLE_VARIABLE, FILE_VARIABLE))
    if role and role_arn and role != role_arn:
        return f"the role is {role}"
    # By reference, or by Kubernetes' own $(NAME), it may be anything.
    if not file or "$(" in file:
        return None
    mounts = [mount for mount in written.get("volumeMounts") or [] if _is_under(file, mount["mountPath"])]
    if not mounts:
        return f"no volume is mounted where {file} is"
    return _why_other_token(chain, pod, max(mounts, key=lambda each: len(each["mountPath"])))


def _is_under(file: str, directory: str) -> bool:
    def plain(text: str) -> str:
        return re.sub("^[A-Za-z]:", "", text).replace("\\", "/")

    return plain(file).startswith(plain(directory).rstrip("/") + "/") or plain(file) == plain(directory)


def _why_other_token(chain: Chain, pod: PodStatus, mount: Json) -> str | None:
    """Whether the projected tokens of a mounted volume have all another audience; of other volumes nothing is known."""
    for volume in pod.spec.get("volumes") or []:
        if volume["name"] == mount["name"]:
            sources = (volume.get("projected") or {}).get("sources") or []
            tokens = [source["serviceAccountToken"] for source in sources if source.get("serviceAccountToken")]
            audiences = [token.get("audience") or "the API server's" for token in tokens]
            if audiences and chain.audience not in audiences:
                return f"the token's audience is {audiences[0]} instead of {chain.audience}"
    return None


def _static_credentials(chain: Chain, facts: KubernetesFacts, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    seen = [
        Occurrence.of(pod, container, path, name)
        for pod in pods
        for container in _to_inject(pod)
        for name, path in _variables(container.body, facts).items()
        if name in STATIC_CREDENTIALS
    ]
    if seen:
        variables = occurrences.values(seen)
        yield Finding(
            "static-credentials",
            f"{occurrences.names(chain.namespace, seen)}: {variables} set there, which the AWS SDKs prefer to the role",
            f"remove {variables} from {occurrences.workloads(seen)}, or from the ConfigMap or Secret that it comes "
            "from",
            occurrences.path(seen),
            expected="none of " + ", ".join(STATIC_CREDENTIALS),
            found=variables,
        )


def _region(chain: Chain, facts: KubernetesFacts, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    """Containers that have the role and don't know their region, in China: the global endpoint isn't China's.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-sts-regionalized-endpoints.html
    """
    if chain.partition != "aws-cn" and not (chain.role_arn or "").startswith("arn:aws-cn:"):
        return
    seen = [
        Occurrence.of(pod, container, "env")
        for pod in pods
        for container in _to_inject(pod)
        if ROLE_VARIABLE in injection.environment_of(container.body)
        and _is_known(container.body, facts)
        and not any(name in REGIONS for name in _variables(container.body, facts))
    ]
    if seen:
        yield Finding(
            "region-unset",
            f"{occurrences.names(chain.namespace, seen)}: neither {' nor '.join(REGIONS)} is set, so SDKs may ask an "
            "STS outside of China, which doesn't know the account",
            f"set AWS_DEFAULT_REGION: {chain.region or 'REGION'} in {occurrences.workloads(seen)}",
            occurrences.path(seen),
            expected=chain.region,
        )


def _variables(written: Json, facts: KubernetesFacts) -> dict[str, str]:
    """The variables that a container is known to have and that aren't empty, each with the field that sets it."""
    found: dict[str, str] = {}
    for source in written.get("envFrom") or []:
        for kind, name in _references(source):
            for key in facts.env_sources.get((kind, name), ()):
                found[f"{source.get('prefix') or ''}{key}"] = f"envFrom[{kind} {name}].{key}"
    for name, variable in injection.environment_of(written).items():
        # The list beats the sources. To SDKs an empty variable is none.
        found.pop(name, None)
        if variable.get("value") or variable.get("valueFrom"):
            found[name] = f"env[{name}]"
    return found


def _is_known(written: Json, facts: KubernetesFacts) -> bool:
    """Whether all variables of a container are known."""
    return all(
        reference in facts.env_sources for each in written.get("envFrom") or [] for reference in _references(each)
    )


def _references(source: Json) -> t.Iterator[tuple[str, str]]:
    for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
        if source.get(field):
            yield kind, str(source[field].get("name"))


# -- who reads the token, and where


def _unreadable(chain: Chain, facts: KubernetesFacts, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    if facts.minor_version is None or facts.minor_version >= _TOKENS_FOR_NON_ROOT:
        return
    seen = [
        Occurrence.of(pod, container, "securityContext", user)
        for pod in pods
        if (pod.spec.get("securityContext") or {}).get("fsGroup") is None and not _is_windows(pod.spec)
        for container in _to_inject(pod)
        if (user := _non_root(pod.spec, container.body))
    ]
    if seen:
        yield Finding(
            "token-unreadable",
            f"{occurrences.names(chain.namespace, seen)}: not root and without fsGroup, so the token, which is root's "
            f"on Kubernetes 1.{facts.minor_version}, can't be read",
            f"set securityContext.fsGroup (65534, say) in {occurrences.workloads(seen)}",
            occurrences.path(seen),
            expected="spec.securityContext.fsGroup",
            found=occurrences.values(seen),
        )


def _non_root(spec: Json, written: Json) -> str | None:
    """As whom a container runs, if that isn't root for sure."""
    merged = {**(spec.get("securityContext") or {}), **(written.get("securityContext") or {})}
    if merged.get("runAsUser"):
        return f"runAsUser: {merged['runAsUser']}"
    return "runAsNonRoot: true" if merged.get("runAsNonRoot") else None


def _windows(chain: Chain, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    seen = [
        Occurrence(pod, "spec.nodeSelector", str(pod.spec.get("nodeSelector") or "none"))
        for pod in pods
        if _to_inject(pod) and _is_windows(pod.spec) and not _selects_windows(pod.spec)
    ]
    if seen:
        yield Finding(
            "windows-path",
            f"{occurrences.names(chain.namespace, seen)}: Windows without nodeSelector kubernetes.io/os: windows, by "
            "which alone the webhook knows to write a Windows path for the token",
            f"set nodeSelector kubernetes.io/os: windows in {occurrences.workloads(seen)}",
            occurrences.path(seen),
            expected="kubernetes.io/os: windows",
            found=occurrences.values(seen),
        )


def _selects_windows(spec: Json) -> bool:
    return "windows" in ((spec.get("nodeSelector") or {}).get(label) for label in _OS_LABELS)


def _is_windows(spec: Json) -> bool:
    """Whether the pod says itself that it is for Windows nodes.

    https://kubernetes.io/docs/concepts/windows/user-guide/
    """
    contexts = [spec, *(written for _field, written in injection.containers_of(spec))]
    if (spec.get("os") or {}).get("name") == "windows" or _selects_windows(spec):
        return True
    if any((context.get("securityContext") or {}).get("windowsOptions") for context in contexts):
        return True
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or []
    return bool(terms) and all(
        any(
            each["key"] in _OS_LABELS and each["operator"] == "In" and each.get("values") == ["windows"]
            for each in term.get("matchExpressions") or []
        )
        for term in terms
    )
