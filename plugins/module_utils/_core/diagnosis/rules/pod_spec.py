# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules for pod specs: variables, annotations, users and operating systems.

Replacing the pods does not fix these findings: the pod template must be changed.
"""

from __future__ import annotations

import re
import typing as t

from ...pods import injection
from ...pods.injection import FILE_VARIABLE, ROLE_VARIABLE, SKIP_CONTAINERS_ANNOTATION, Container
from ...rollout.staleness import PodStatus
from ..causes import Finding
from ..facts import Chain, KubernetesFacts
from . import occurrences
from .account import misplaced_skip_containers
from .occurrences import Occurrence

Json = t.Mapping[str, t.Any]

# Variables of credentials that SDKs use before the token:
# https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
STATIC_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_PROFILE", "AWS_DEFAULT_PROFILE")
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")

# The webhook checks only the node selector, for either label.
_OS_LABELS = ("kubernetes.io/os", "beta.kubernetes.io/os")
# The first minor version in which the user of the pod's containers can read a projected token:
# https://github.com/aws/amazon-eks-pod-identity-webhook#usage-with-non-root-container-user
_TOKENS_FOR_NON_ROOT = 19


def findings(chain: Chain, facts: KubernetesFacts, role_arn: str | None, pods: t.Sequence[PodStatus]) -> list[Finding]:
    """The findings about pod specs.

    :param role_arn: the expected role; None if it is unknown.
    :param pods: pods that are live and not static.
    """
    return [
        *_skip_containers(chain, pods),
        *_preset(chain, role_arn, pods),
        *_static_credentials(chain, facts, pods),
        *_unreadable(chain, facts, pods),
        *_windows(chain, pods),
        *_region(chain, facts, pods),
    ]


def _injectable(pod: PodStatus) -> list[Container]:
    """The containers that the annotation skip-containers does not exclude."""
    return [container for container in pod.containers if container.state != "skipped"]


# The annotation skip-containers


def misplaced_annotations(facts: KubernetesFacts) -> t.Iterator[Finding]:
    """The findings about the annotation on workloads, where it has no effect."""
    for owner, workload in sorted(facts.workloads.items(), key=lambda item: str(item[0])):
        if workload is not None:
            yield from misplaced_skip_containers(str(owner), workload)


def _skip_containers(chain: Chain, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    """The findings about values with an unintended effect. Excluding some of the containers is intended."""
    path = f"metadata.annotations[{SKIP_CONTAINERS_ANNOTATION}]"
    reasons = {pod: reason for pod in pods if (reason := _explain_skip_problem(pod))}
    affected = [Occurrence(pod, path, pod.annotations[SKIP_CONTAINERS_ANNOTATION]) for pod in reasons]
    for reason, group in occurrences.group_by(affected, lambda occurrence: reasons[occurrence.pod]).items():
        yield Finding(
            "skip-containers",
            f"annotation {SKIP_CONTAINERS_ANNOTATION} of {occurrences.describe_objects(chain.namespace, group)} "
            f"{reason}",
            "list container names separated by commas without spaces in the annotation, or remove it, in "
            f"{occurrences.describe_templates(group)}",
            occurrences.describe_place(group),
            found=occurrences.list_values(group),
        )


def _explain_skip_problem(pod: PodStatus) -> str | None:
    value = pod.annotations.get(SKIP_CONTAINERS_ANNOTATION) or ""
    if not value.strip():
        return None
    skipped = injection.parse_skipped_containers(pod.annotations)
    if not skipped:
        return "is not valid CSV, so it excludes no container"
    names = {container.name for container in pod.containers}
    for unknown_name in sorted(skipped - names):
        meant = re.sub("[^a-z0-9-]", "", unknown_name.lower())
        if meant in names - skipped:
            return f"names container {unknown_name!r}, which does not exist; the container is {meant}"
    regular = {body["name"] for body in pod.spec["containers"]}
    return "excludes all containers, so none of them has the role" if regular <= skipped else None


# Variables


def _preset(chain: Chain, role_arn: str | None, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    """The findings about variables that prevent injection and are incomplete or wrong.

    A container may set the complete environment itself, with a volume for the token.
    """
    reasons: dict[Occurrence, str] = {}
    for pod in pods:
        for container in _injectable(pod):
            if container.state in ("correct", "preset", "foreign") and not container.is_injected:
                environment = injection.get_environment(container.body)
                reason = _explain_preset_problem(chain, role_arn, pod, container.body)
                if reason:
                    names = [name for name in (ROLE_VARIABLE, FILE_VARIABLE) if name in environment]
                    reasons[Occurrence.of(pod, container, f"env[{names[0]}]", ", ".join(names))] = reason
    for reason, group in occurrences.group_by(reasons, lambda occurrence: reasons[occurrence]).items():
        variables = occurrences.list_values(group)
        yield Finding(
            "env-preset",
            f"{occurrences.with_verb(chain.namespace, group, 'sets', 'set')} {variables}, so the webhook sets neither "
            f"{ROLE_VARIABLE} nor {FILE_VARIABLE}; {reason}",
            f"remove {variables} from env in {occurrences.describe_templates(group)}",
            occurrences.describe_place(group),
            expected=role_arn,
            found=variables,
        )


def _explain_preset_problem(chain: Chain, role_arn: str | None, pod: PodStatus, container: Json) -> str | None:
    """Why the variables that a container sets itself do not work; None if they work, or may work."""
    environment = injection.get_environment(container)
    has_role, has_file = (name in environment for name in (ROLE_VARIABLE, FILE_VARIABLE))
    if not has_role and not has_file:
        return None
    if not has_role or not has_file:
        return f"{FILE_VARIABLE if has_role else ROLE_VARIABLE} is missing"
    role, file = (environment[name].get("value") for name in (ROLE_VARIABLE, FILE_VARIABLE))
    if role and role_arn and role != role_arn:
        return f"the role is {role}"
    # A reference, or $(NAME), can have any value.
    if not file or "$(" in file:
        return None
    mounts = [mount for mount in container.get("volumeMounts") or [] if _is_under(file, mount["mountPath"])]
    if not mounts:
        return f"no volume is mounted for {file}"
    return _explain_other_audience(chain, pod, max(mounts, key=lambda mount: len(mount["mountPath"])))


def _is_under(file: str, directory: str) -> bool:
    def as_posix(path: str) -> str:
        return re.sub("^[A-Za-z]:", "", path).replace("\\", "/")

    return as_posix(file).startswith(as_posix(directory).rstrip("/") + "/") or as_posix(file) == as_posix(directory)


def _explain_other_audience(chain: Chain, pod: PodStatus, mount: Json) -> str | None:
    """Explain the difference if no projected token of the mounted volume has the expected audience; None otherwise."""
    for volume in pod.spec.get("volumes") or []:
        if volume["name"] == mount["name"]:
            sources = (volume.get("projected") or {}).get("sources") or []
            tokens = [source["serviceAccountToken"] for source in sources if source.get("serviceAccountToken")]
            audiences = [token.get("audience") or "that of the API server" for token in tokens]
            if audiences and chain.audience not in audiences:
                return f"the audience of the token is {audiences[0]} instead of {chain.audience}"
    return None


def _static_credentials(chain: Chain, facts: KubernetesFacts, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    affected = [
        Occurrence.of(pod, container, path, name)
        for pod in pods
        for container in _injectable(pod)
        for name, path in _variables(container.body, facts).items()
        if name in STATIC_CREDENTIALS
    ]
    if affected:
        variables = occurrences.list_values(affected)
        yield Finding(
            "static-credentials",
            f"{occurrences.with_verb(chain.namespace, affected, 'has', 'have')} {variables}, which AWS SDKs use "
            "instead of the role",
            f"remove {variables} from {occurrences.describe_templates(affected)}, or from the ConfigMap or Secret that "
            "sets it",
            occurrences.describe_place(affected),
            expected="none of " + ", ".join(STATIC_CREDENTIALS),
            found=variables,
        )


def _region(chain: Chain, facts: KubernetesFacts, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    """The finding about containers in a China region that have the role but no region.

    Without a region, SDKs may use the global endpoint, which is in another partition:
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-sts-regionalized-endpoints.html
    """
    if chain.partition != "aws-cn" and not (chain.role_arn or "").startswith("arn:aws-cn:"):
        return
    affected = [
        Occurrence.of(pod, container, "env")
        for pod in pods
        for container in _injectable(pod)
        if ROLE_VARIABLE in injection.get_environment(container.body)
        and _has_known_variables(container.body, facts)
        and not any(name in REGIONS for name in _variables(container.body, facts))
    ]
    if affected:
        yield Finding(
            "region-unset",
            f"{occurrences.with_verb(chain.namespace, affected, 'has', 'have')} neither {' nor '.join(REGIONS)}, so "
            "SDKs may call an STS endpoint outside the China regions, which does not know the AWS account",
            f"set AWS_DEFAULT_REGION: {chain.region or 'REGION'} in {occurrences.describe_templates(affected)}",
            occurrences.describe_place(affected),
            expected=chain.region,
        )


def _variables(container: Json, facts: KubernetesFacts) -> dict[str, str]:
    """The known variables of a container that are not empty, each with the field that sets it."""
    fields: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        for kind, name in _references(source):
            for key in facts.env_sources.get((kind, name), ()):
                fields[f"{source.get('prefix') or ''}{key}"] = f"envFrom[{kind} {name}].{key}"
    for name, variable in injection.get_environment(container).items():
        # env overrides envFrom. SDKs ignore an empty variable.
        fields.pop(name, None)
        if variable.get("value") or variable.get("valueFrom"):
            fields[name] = f"env[{name}]"
    return fields


def _has_known_variables(container: Json, facts: KubernetesFacts) -> bool:
    """Whether all variables of a container are known."""
    return all(
        reference in facts.env_sources for source in container.get("envFrom") or [] for reference in _references(source)
    )


def _references(source: Json) -> t.Iterator[tuple[str, str]]:
    for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
        if source.get(field):
            yield kind, str(source[field].get("name"))


# The token's file


def _unreadable(chain: Chain, facts: KubernetesFacts, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    if facts.minor_version is None or facts.minor_version >= _TOKENS_FOR_NON_ROOT:
        return
    affected = [
        Occurrence.of(pod, container, "securityContext", user)
        for pod in pods
        if (pod.spec.get("securityContext") or {}).get("fsGroup") is None and not _is_windows(pod.spec)
        for container in _injectable(pod)
        if (user := _non_root(pod.spec, container.body))
    ]
    if affected:
        yield Finding(
            "token-unreadable",
            f"{occurrences.describe_objects(chain.namespace, affected)} cannot read the token: it belongs to root on "
            f"Kubernetes 1.{facts.minor_version}, and the pod runs as another user without fsGroup",
            f"set securityContext.fsGroup, for example to 65534, in {occurrences.describe_templates(affected)}",
            occurrences.describe_place(affected),
            expected="spec.securityContext.fsGroup",
            found=occurrences.list_values(affected),
        )


def _non_root(spec: Json, container: Json) -> str | None:
    """The field by which a container does not run as root; None if it may run as root."""
    merged = {**(spec.get("securityContext") or {}), **(container.get("securityContext") or {})}
    if merged.get("runAsUser"):
        return f"runAsUser: {merged['runAsUser']}"
    return "runAsNonRoot: true" if merged.get("runAsNonRoot") else None


def _windows(chain: Chain, pods: t.Sequence[PodStatus]) -> t.Iterator[Finding]:
    affected = [
        Occurrence(pod, "spec.nodeSelector", str(pod.spec.get("nodeSelector") or "none"))
        for pod in pods
        if _injectable(pod) and _is_windows(pod.spec) and not _selects_windows(pod.spec)
    ]
    if affected:
        yield Finding(
            "windows-path",
            f"{occurrences.with_verb(chain.namespace, affected, 'runs', 'run')} on Windows without nodeSelector "
            "kubernetes.io/os: windows, so the webhook sets the Linux path of the token",
            f"set nodeSelector kubernetes.io/os: windows in {occurrences.describe_templates(affected)}",
            occurrences.describe_place(affected),
            expected="kubernetes.io/os: windows",
            found=occurrences.list_values(affected),
        )


def _selects_windows(spec: Json) -> bool:
    return "windows" in ((spec.get("nodeSelector") or {}).get(label) for label in _OS_LABELS)


def _is_windows(spec: Json) -> bool:
    """Whether the pod spec is for Windows nodes.

    https://kubernetes.io/docs/concepts/windows/user-guide/
    """
    bodies = [spec, *(container for _field, container in injection.list_containers(spec))]
    if (spec.get("os") or {}).get("name") == "windows" or _selects_windows(spec):
        return True
    if any((body.get("securityContext") or {}).get("windowsOptions") for body in bodies):
        return True
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or []
    return bool(terms) and all(
        any(
            expression["key"] in _OS_LABELS
            and expression["operator"] == "In"
            and expression.get("values") == ["windows"]
            for expression in term.get("matchExpressions") or []
        )
        for term in terms
    )
