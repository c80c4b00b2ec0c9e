# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pod identity webhook did to each of a pod's containers.

The rules are those of https://github.com/aws/amazon-eks-pod-identity-webhook. It sees a pod once, when it is created:
a pod that lacks the role then lacks it for good and has to be replaced.
"""

from __future__ import annotations

import csv
import dataclasses
import re
import typing as t

from ..arn import AUDIENCE_ANNOTATION, ROLE_ARN_ANNOTATION

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
    :param pod_identity: an EKS Pod Identity association takes precedence over the role, or may do so.
    """

    role_arn: str
    audience: str | None = None
    pod_identity: bool = False

    @classmethod
    def from_account(cls, account: Json) -> Expected | None:
        """What a ServiceAccount's annotations say; None where they name no role (an empty one counts as none)."""
        annotations = account["metadata"].get("annotations") or {}
        role_arn = annotations.get(ROLE_ARN_ANNOTATION)
        return cls(role_arn, annotations.get(AUDIENCE_ANNOTATION)) if role_arn else None


State = t.Literal["right", "skipped", "preset", "foreign", "other-role", "late", "pod-identity", "not-injected"]


@dataclasses.dataclass(frozen=True)
class Container:
    """What the webhook did to one container.

    :param body: as the pod's spec has it.
    :param field: ``containers`` or ``initContainers``.
    :param state: ``right``: as expected; ``skipped``: the pod's annotation excludes it; ``preset``: its author sets
        either variable; ``foreign``: something other than its author and the webhook sets it; ``other-role``: injected,
        with another role; ``late``: added after the webhook; ``pod-identity``: with the credentials of an EKS Pod
        Identity association; ``not-injected``: without both variables.
    :param variables: which of the two variables it has; of a preset one, those that its author sets.
    :param is_injected: whether the webhook gave it the role that it has.
    """

    body: Json
    field: str
    state: State
    variables: tuple[str, ...]
    is_injected: bool

    @property
    def name(self) -> str:
        return str(self.body["name"])

    @property
    def role(self) -> str | None:
        """The role that it has, where that is written out."""
        return (environment_of(self.body).get(ROLE_VARIABLE) or {}).get("value")

    @property
    def path(self) -> str:
        """Where it is in the pod."""
        return f"spec.{self.field}[{self.name}]"


def is_terminating(pod: Json) -> bool:
    """Whether the pod's deletion was requested."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_finished(pod: Json) -> bool:
    """Whether the pod will never run again: completed, failed or evicted."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def is_live(pod: Json) -> bool:
    """Whether the pod is running or may yet run, and isn't being deleted."""
    return not is_terminating(pod) and not is_finished(pod)


def examine(pod: Json, role_arn: str, template: Json | None = None) -> list[Container]:
    """The pod's containers, init containers first, as a webhook that gives ``role_arn`` left them.

    :param role_arn: empty where it gives none.
    :param template: the pod spec that the pod was made from. With it, what a container's author wrote is certain;
        without it, only the webhook's volume tells the webhook's variables from the author's.
    """
    written = None if template is None else {body["name"]: body for _field, body in containers_of(template)}
    skipped = skipped_containers(pod["metadata"].get("annotations") or {})
    found = [
        _examine(field, body, role_arn, written, skip=body["name"] in skipped)
        for field, body in containers_of(pod["spec"])
    ]
    if any(container.is_injected for container in found):
        # The webhook gives the role to all containers at once, so one without it came later, by another webhook.
        found = [
            dataclasses.replace(container, state="late") if container.state == "not-injected" else container
            for container in found
        ]
    return found


def stale_audience(
    spec: Json, expected: Expected, containers: t.Iterable[Container], template: Json | None
) -> str | None:
    """The audience of the webhook's token, if it is not the expected one and a container uses the token.

    A volume of that name in the template is its author's.
    """
    if not expected.audience or not any(container.is_injected for container in containers):
        return None
    own = template is not None and _token_source(template) is not None
    source = _token_source(spec)
    if own or source is None or source.get("audience") == expected.audience:
        return None
    return str(source.get("audience"))


def account_of(pod: Json) -> str:
    """The name of the pod's service account."""
    return str(pod["spec"].get("serviceAccountName") or "default")


def skipped_containers(annotations: t.Mapping[str, str]) -> frozenset[str]:
    """The containers that a pod's annotation excludes: one CSV record; one that cannot be parsed excludes none."""
    lines = (annotations.get(SKIP_CONTAINERS) or "").lstrip("\r\n").splitlines()
    if not lines or not _RECORD.fullmatch(lines[0]):
        return frozenset()
    return frozenset(next(csv.reader(lines[:1])))


def containers_of(spec: Json) -> list[tuple[str, Json]]:
    """The containers that the webhook knows, each with the field of the pod's spec in which it is."""
    # Ephemeral containers come later than the webhook.
    return [(field, body) for field in ("initContainers", "containers") for body in spec.get(field) or []]


def _examine(field: str, body: Json, role_arn: str, written: t.Mapping[str, Json] | None, *, skip: bool) -> Container:
    environment = environment_of(body)
    has = _variables_in(environment)
    original = None if written is None else written.get(body["name"])
    injected = is_injected(body)
    if original is not None:
        own = _variables_in(environment_of(original))
    else:
        own = () if injected else has
    injected = injected and not own
    state = _state(environment, role_arn, own=own, injected=injected, late=written is not None and original is None)
    if skip:
        state = "skipped"
    return Container(body, field, state, own if state == "preset" else has, injected)


def _state(environment: t.Mapping[str, Json], role_arn: str, *, own: t.Sized, injected: bool, late: bool) -> State:
    """:param late: the container is known to be missing in the template."""
    has = _variables_in(environment)
    if role_arn and len(has) == 2 and environment[ROLE_VARIABLE].get("value") == role_arn:
        return "right"
    if own:
        return "preset"
    if has:
        return "other-role" if injected else "foreign"
    if not role_arn:
        return "right"
    if late:
        return "late"
    return "pod-identity" if POD_IDENTITY_VARIABLE in environment else "not-injected"


def _variables_in(environment: t.Container[str]) -> tuple[str, ...]:
    return tuple(key for key in (ROLE_VARIABLE, FILE_VARIABLE) if key in environment)


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
    """Whether both variables are there and point into the webhook's own volume."""
    environment = environment_of(container)
    if not (environment.get(ROLE_VARIABLE) or {}).get("value"):
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
