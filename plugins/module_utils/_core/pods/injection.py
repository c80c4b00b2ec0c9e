# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of a pod's containers the pod identity webhook should have touched, and whether it did.

The rules are those of https://github.com/aws/amazon-eks-pod-identity-webhook. It sees a pod once, when it is created:
a pod that lacks the role then lacks it for good and has to be replaced.
"""

from __future__ import annotations

import csv
import dataclasses
import re
import typing as t

from ..arn import ROLE_ARN_ANNOTATION
from ..service_account.annotations import IRSA_OPTIONS

Json = t.Mapping[str, t.Any]

ROLE_VARIABLE = "AWS_ROLE_ARN"
FILE_VARIABLE = "AWS_WEB_IDENTITY_TOKEN_FILE"
SKIP_LABEL = "eks.amazonaws.com/skip-pod-identity-webhook"
SKIP_CONTAINERS = "eks.amazonaws.com/skip-containers"
MIRROR = "kubernetes.io/config.mirror"

# What a container gets instead where the account has an EKS Pod Identity association.
POD_IDENTITY_VARIABLE = "AWS_CONTAINER_CREDENTIALS_FULL_URI"

_VOLUME = "aws-iam-token"
# A record as Go's encoding/csv takes it: unlike Python's csv module it refuses a quote inside an unquoted field.
_FIELD = r'(?:"(?:[^"]|"")*"|[^",\r\n]*)'
_RECORD = re.compile(rf"{_FIELD}(?:,{_FIELD})*")


@dataclasses.dataclass(frozen=True)
class Expected:
    """What the webhook gives to a new pod of one service account.

    :param role_arn: the role; empty where pods are to carry none.
    :param audience: the token's audience, where the account's annotation names one.
    """

    role_arn: str
    audience: str | None = None

    @classmethod
    def from_account(cls, account: Json) -> Expected | None:
        """What a ServiceAccount's annotations say; None where they name no role (an empty one counts as none)."""
        annotations = account["metadata"].get("annotations") or {}
        role_arn = annotations.get(ROLE_ARN_ANNOTATION)
        return cls(role_arn, annotations.get(IRSA_OPTIONS["audience"])) if role_arn else None


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What was found in one pod.

    :param stale: a new pod in its place would come up otherwise.
    :param reasons: why, in words; for a pod that isn't stale, what else a reader should know.
    :param containers: the containers whose environment is as expected, and is the webhook's to set.
    """

    stale: bool
    reasons: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()


State = t.Literal["right", "skipped", "preset", "foreign", "other-role", "late", "pod-identity", "bare"]


@dataclasses.dataclass(frozen=True)
class Container:
    """What the webhook did, or would have done, to one container.

    :param field: ``containers`` or ``initContainers``.
    :param state: ``right``: as expected; ``skipped``: the pod's annotation takes it out; ``preset``: its author sets
        either variable; ``foreign``: something else than its author and the webhook does; ``other-role``: injected,
        with another role; ``late``: added after the webhook; ``pod-identity``: with the credentials of an EKS Pod
        Identity association; ``bare``: without both variables.
    :param variables: which of the two variables it has; of a preset one, those that its author sets.
    :param role: the role that it has, where that is written out.
    """

    name: str
    field: str
    state: State
    variables: tuple[str, ...] = ()
    role: str | None = None

    @property
    def path(self) -> str:
        """Where it is in the pod."""
        return f"spec.{self.field}[{self.name}]"

    @property
    def is_stale(self) -> bool:
        """Whether the webhook would treat it otherwise in a new pod."""
        return self.state in ("other-role", "pod-identity", "bare")


def is_terminating(pod: Json) -> bool:
    """Whether somebody has asked for the pod's deletion."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_finished(pod: Json) -> bool:
    """Whether the pod will never run again: completed, failed or evicted."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def judge(pod: Json, expected: Expected | None, template: Json | None = None) -> Verdict:
    """Whether a pod carries what its service account promises.

    :param expected: None where the account promises nothing, so that nothing can be missing.
    :param template: the pod spec from which the pod's owner makes its pods. With it, what a container's author wrote
        is told for certain from what the webhook wrote; without it, only the webhook's volume tells.
    """
    metadata, spec = pod["metadata"], pod["spec"]
    annotations = metadata.get("annotations") or {}
    if MIRROR in annotations:
        return Verdict(False, ("a static pod, which no webhook sees",))
    if is_terminating(pod):
        return Verdict(False, ("it is being deleted",))
    if is_finished(pod):
        why = (pod["status"].get("reason") or pod["status"]["phase"]).lower()
        return Verdict(False, (f"it has ended ({why})",))
    if SKIP_LABEL in (metadata.get("labels") or {}):
        return Verdict(False, (f"its label {SKIP_LABEL} keeps the webhook away",))
    if expected is None:
        return Verdict(False, (f"its service account {account_of(pod)} has no annotation {ROLE_ARN_ANNOTATION}",))

    stale: list[str] = []
    notes: list[str] = []
    right: list[str] = []
    for container in examine(pod, expected.role_arn, template):
        if container.state == "right":
            right.append(container.name)
        else:
            words = f"container {container.name} {_in_words(container, expected.role_arn)}"
            (stale if container.is_stale else notes).append(words)
    audience = stale_audience(spec, expected, template) if right else None
    if audience:
        stale.append(f"the token's audience is {audience} instead of {expected.audience}")
    return Verdict(bool(stale), tuple(stale + notes), tuple(right))


def examine(pod: Json, role_arn: str, template: Json | None = None) -> list[Container]:
    """The pod's containers, those that run first before the others, as a webhook that gives ``role_arn`` left them.

    :param role_arn: empty where it gives none.
    :param template: as for `judge`.
    """
    spec = pod["spec"]
    written = None if template is None else {each["name"]: each for _field, each in containers_of(template)}
    skipped = skipped_containers(pod["metadata"].get("annotations") or {})
    return [
        _examine(field, container, role_arn, written, skip=container["name"] in skipped)
        for field, container in containers_of(spec)
    ]


def stale_audience(spec: Json, expected: Expected, template: Json | None = None) -> str | None:
    """The audience of the webhook's token, if it is another than expected and not the pod's author's doing."""
    own = template is not None and _token_source(template) is not None
    source = _token_source(spec)
    if not expected.audience or own or source is None or source.get("audience") == expected.audience:
        return None
    return str(source.get("audience"))


def account_of(pod: Json) -> str:
    """The name of the pod's service account."""
    return str(pod["spec"].get("serviceAccountName") or "default")


def skipped_containers(annotations: t.Mapping[str, str]) -> frozenset[str]:
    """The containers that a pod's annotation takes out: one CSV record; what doesn't parse takes out none."""
    lines = (annotations.get(SKIP_CONTAINERS) or "").lstrip("\r\n").splitlines()
    if not lines or not _RECORD.fullmatch(lines[0]):
        return frozenset()
    return frozenset(next(csv.reader(lines[:1])))


def containers_of(spec: Json) -> list[tuple[str, Json]]:
    """The containers that the webhook knows, each with the field of the pod's spec in which it is."""
    # Ephemeral containers come later than the webhook.
    return [(field, each) for field in ("initContainers", "containers") for each in spec.get(field) or []]


def _examine(
    field: str, container: Json, role_arn: str, written: t.Mapping[str, Json] | None, *, skip: bool
) -> Container:
    name = container["name"]
    environment = environment_of(container)
    has = tuple(key for key in (ROLE_VARIABLE, FILE_VARIABLE) if key in environment)
    role = (environment.get(ROLE_VARIABLE) or {}).get("value")

    def found(state: State, variables: tuple[str, ...] = has) -> Container:
        return Container(name, field, state, variables, role)

    if skip:
        return found("skipped")
    if role_arn and len(has) == 2 and role == role_arn:
        return found("right")
    original = None if written is None else written.get(name)
    if original is not None:
        own = tuple(key for key in (ROLE_VARIABLE, FILE_VARIABLE) if key in environment_of(original))
    else:
        own = () if _is_injected(container, environment) else has
    if own:
        return found("preset", own)
    if not role_arn:
        return found("other-role" if has else "right")
    if has:
        return found("other-role" if _is_injected(container, environment) else "foreign")
    if written is not None and original is None:
        return found("late")
    return found("pod-identity" if POD_IDENTITY_VARIABLE in environment else "bare")


def _in_words(container: Container, role_arn: str) -> str:
    """Why a container isn't right."""
    variables = " and ".join(container.variables)
    if container.state == "other-role":
        return f"has role {container.role} instead of {role_arn}" if role_arn else f"still has role {container.role}"
    return {
        "skipped": f"is skipped by the annotation {SKIP_CONTAINERS}",
        # The webhook sets both or, where it finds either, none.
        "preset": f"sets {variables} itself, so the webhook leaves it alone",
        "foreign": f"was given {variables} by something else than the webhook",
        "late": "was added after the webhook had seen the pod, so it has no role",
        "pod-identity": "has the credentials of an EKS Pod Identity association instead of the role",
        "bare": f"has no {ROLE_VARIABLE} and {FILE_VARIABLE}",
    }[container.state]


def environment_of(container: Json) -> dict[str, Json]:
    """The variables that a container lists itself, by name; those of whole ConfigMaps and Secrets aren't among them."""
    return {variable["name"]: variable for variable in container.get("env") or []}


def env_sources_of(pod: Json) -> t.Iterator[tuple[str, str]]:
    """The ConfigMaps and Secrets that containers take as a whole, each by kind and name."""
    for _field, container in containers_of(pod["spec"]):
        for source in container.get("envFrom") or []:
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if source.get(field):
                    yield kind, source[field]["name"]


def is_injected(container: Json) -> bool:
    """Whether a container carries a role as only the webhook gives one."""
    return _is_injected(container, environment_of(container))


def _is_injected(container: Json, environment: t.Mapping[str, Json]) -> bool:
    """Whether both variables are there and point into the webhook's own volume."""
    if ROLE_VARIABLE not in environment or not environment[ROLE_VARIABLE].get("value"):
        return False
    path = (environment.get(FILE_VARIABLE) or {}).get("value") or ""
    if path.startswith("C:"):  # Windows nodes
        path = path[2:].replace("\\", "/")
    return any(
        mount["name"] == _VOLUME and path.startswith(mount["mountPath"].rstrip("/") + "/")
        for mount in container.get("volumeMounts") or []
    )


def _token_source(spec: Json) -> Json | None:
    """The projected token in the webhook's volume."""
    for volume in spec.get("volumes") or []:
        if volume["name"] == _VOLUME:
            for source in (volume.get("projected") or {}).get("sources") or []:
                if source.get("serviceAccountToken"):
                    return t.cast(Json, source["serviceAccountToken"])
    return None
