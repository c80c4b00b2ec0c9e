# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds out what the pod identity webhook did to each container of a pod.

The rules are those of https://github.com/aws/amazon-eks-pod-identity-webhook. The webhook changes a pod only when the
pod is created. A pod that did not get the role must be replaced.
"""

from __future__ import annotations

import csv
import dataclasses
import re
import typing as t

from ..arn import (
    AUDIENCE_ANNOTATION,
    EXPIRATION_ANNOTATION,
    MIN_EXPIRATION,
    REGIONAL_ANNOTATION,
    ROLE_ARN_ANNOTATION,
)

Json = t.Mapping[str, t.Any]

ROLE_VARIABLE = "AWS_ROLE_ARN"
FILE_VARIABLE = "AWS_WEB_IDENTITY_TOKEN_FILE"
REGIONAL_VARIABLE = "AWS_STS_REGIONAL_ENDPOINTS"
SKIP_LABEL = "eks.amazonaws.com/skip-pod-identity-webhook"
SKIP_CONTAINERS_ANNOTATION = "eks.amazonaws.com/skip-containers"
MIRROR_ANNOTATION = "kubernetes.io/config.mirror"

# What a container gets instead if its service account has an EKS Pod Identity association.
POD_IDENTITY_VARIABLE = "AWS_CONTAINER_CREDENTIALS_FULL_URI"

_VOLUME = "aws-iam-token"
_REGION_VARIABLES = ("AWS_DEFAULT_REGION", "AWS_REGION")
# The values that strconv.ParseBool of Go accepts. Any other value is ignored.
_GO_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}
# A CSV record that Go's encoding/csv accepts. Unlike Python's csv module, it rejects a quote in an unquoted field.
_FIELD = r'(?:"(?:[^"]|"")*"|[^",\r\n]*)'
_RECORD = re.compile(rf"{_FIELD}(?:,{_FIELD})*")


@dataclasses.dataclass(frozen=True)
class ExpectedInjection:
    """What the webhook injects into a new pod of a service account.

    Without an annotation, the audience, expiration and endpoints are set by flags of the webhook, which are not known.

    :param role_arn: the ARN of the role; empty if pods must not have a role.
    :param audience: the audience of the token, if the service account has an annotation for it.
    :param pod_identity: whether an EKS Pod Identity association takes precedence over the role, or may do so.
    :param token_expiration: the lifetime of the token in seconds, if the service account has an annotation for it.
    :param sts_regional: whether the pod must use the regional endpoint of STS, if the service account has an annotation
        for it.
    """

    role_arn: str
    audience: str | None = None
    pod_identity: bool = False
    token_expiration: int | None = None
    sts_regional: bool | None = None

    @classmethod
    def from_account(cls, account: Json) -> ExpectedInjection | None:
        """The injection for a ServiceAccount; None if its role annotation is missing or empty."""
        annotations = account["metadata"].get("annotations") or {}
        role_arn = annotations.get(ROLE_ARN_ANNOTATION)
        if not role_arn:
            return None
        return cls(
            role_arn,
            annotations.get(AUDIENCE_ANNOTATION),
            token_expiration=_parse_expiration(annotations),
            sts_regional=_GO_BOOLEANS.get(annotations.get(REGIONAL_ANNOTATION) or ""),
        )


InjectionState = t.Literal[
    "correct", "skipped", "preset", "foreign", "other-role", "added-later", "pod-identity", "not-injected"
]


@dataclasses.dataclass(frozen=True)
class Container:
    """What the webhook did to one container.

    :param body: the container in the pod spec.
    :param field: ``containers`` or ``initContainers``.
    :param state:
        - ``correct``: as expected.
        - ``skipped``: an annotation of the pod excludes it.
        - ``preset``: its author sets one of the variables.
        - ``foreign``: something other than its author and the webhook sets a variable.
        - ``other-role``: injected with another role.
        - ``added-later``: added to the pod after the webhook ran.
        - ``pod-identity``: it has the credentials of an EKS Pod Identity association.
        - ``not-injected``: it has neither variable.
    :param variables: which of the two variables it has. For ``preset``, those that its author sets.
    :param is_injected: whether the webhook set its role.
    """

    body: Json
    field: str
    state: InjectionState
    variables: tuple[str, ...]
    is_injected: bool

    @property
    def name(self) -> str:
        return str(self.body["name"])

    @property
    def role(self) -> str | None:
        """The ARN of its role; None if the variable is missing or its value comes from elsewhere."""
        return (get_environment(self.body).get(ROLE_VARIABLE) or {}).get("value")

    @property
    def path(self) -> str:
        """Its path in the pod, for evidence."""
        return f"spec.{self.field}[{self.name}]"


class StaleSetting(t.NamedTuple):
    """A value that the webhook set in a pod, and that it would set differently in a new pod.

    :param name: ``audience`` or ``expiration`` of the token, or the name of a variable.
    :param container: the container of the variable; None for the token.
    """

    name: str
    found: str
    expected: str
    container: Container | None = None

    def __str__(self) -> str:
        if self.container is None:
            return f"the token's {self.name} is {self.found} instead of {self.expected}"
        return f"container {self.container.name} has {self.found} instead of {self.expected}"


def get_name(pod: Json) -> str:
    return str(pod["metadata"]["name"])


def get_uid(pod: Json) -> str:
    return str(pod["metadata"]["uid"])


def is_terminating(pod: Json) -> bool:
    """Whether the pod is being deleted."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_finished(pod: Json) -> bool:
    """Whether the pod has ended: completed, failed or evicted."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def is_live(pod: Json) -> bool:
    """Whether the pod is neither finished nor being deleted."""
    return not is_terminating(pod) and not is_finished(pod)


def ends_by_itself(pod: Json) -> bool:
    """Whether the pod ends when its work is done, whatever owns it: its containers are not always restarted."""
    return pod["spec"].get("restartPolicy") in ("Never", "OnFailure")


def inspect_containers(pod: Json, role_arn: str, template: Json | None = None) -> list[Container]:
    """Compare the containers of a pod with what the webhook injects for ``role_arn``. Init containers come first.

    :param role_arn: the expected role; empty if the webhook injects none.
    :param template: the pod spec that the pod was created from, if known. It shows which variables the author set.
        Without it, variables count as the webhook's only if they use the volume of the webhook.
    """
    originals = None if template is None else {body["name"]: body for _field, body in list_containers(template)}
    skipped = parse_skipped_containers(pod["metadata"].get("annotations") or {})
    containers = [
        _inspect_container(field, body, role_arn, originals, skip=body["name"] in skipped)
        for field, body in list_containers(pod["spec"])
    ]
    if any(container.is_injected for container in containers) or _was_processed(pod["spec"], template, containers):
        # The webhook injects the role into all containers in one step. Another webhook added those without the role.
        containers = [
            dataclasses.replace(container, state="added-later") if container.state == "not-injected" else container
            for container in containers
        ]
    return containers


def find_stale_settings(
    pod: Json, expected: ExpectedInjection, containers: t.Sequence[Container], template: Json | None
) -> list[StaleSetting]:
    """The values, other than the role, that the webhook set in the pod and would set differently in a new pod."""
    settings: list[StaleSetting] = []
    if any(container.is_injected for container in containers):
        settings += _compare_token(pod, expected, template)
    originals = {} if template is None else {body["name"]: body for _field, body in list_containers(template)}
    for container in containers:
        # The webhook sets this variable in containers that set the role themselves, too.
        if container.state not in ("correct", "preset") or expected.sts_regional is None:
            continue
        value = (get_environment(container.body).get(REGIONAL_VARIABLE) or {}).get("value")
        if expected.sts_regional and REGIONAL_VARIABLE not in get_environment(container.body):
            settings.append(
                StaleSetting(REGIONAL_VARIABLE, f"no {REGIONAL_VARIABLE}", f"{REGIONAL_VARIABLE}=regional", container)
            )
        elif not expected.sts_regional and value == "regional" and _webhook_set_regional(container, originals):
            settings.append(
                StaleSetting(REGIONAL_VARIABLE, f"{REGIONAL_VARIABLE}=regional", f"no {REGIONAL_VARIABLE}", container)
            )
    return settings


def _compare_token(pod: Json, expected: ExpectedInjection, template: Json | None) -> t.Iterator[StaleSetting]:
    """The stale settings of the webhook's token. A volume of that name in the template belongs to the author."""
    source = _find_token_source(pod["spec"])
    if source is None or (template is not None and _find_token_source(template) is not None):
        return
    if expected.audience and source.get("audience") != expected.audience:
        yield StaleSetting("audience", str(source.get("audience")), expected.audience)
    if expected.token_expiration:
        # The annotation of the pod has priority.
        seconds = _parse_expiration(pod["metadata"].get("annotations") or {}) or expected.token_expiration
        found = source.get("expirationSeconds")
        if found != seconds:
            yield StaleSetting("expiration", f"{found} s", f"{seconds} s")


def _webhook_set_regional(container: Container, originals: t.Mapping[str, Json]) -> bool:
    """Whether the webhook set the variable for the regional endpoint, which the container has.

    :param originals: the containers of the template by name; empty if the template is not known.
    """
    original = originals.get(container.name)
    if not container.is_injected:
        return original is not None and REGIONAL_VARIABLE not in get_environment(original)
    if original is not None and REGIONAL_VARIABLE in get_environment(original):
        return False
    # The webhook appends its variables in this order.
    names = [name for name in get_environment(container.body) if name not in _REGION_VARIABLES]
    return names[names.index(REGIONAL_VARIABLE) + 1 :][:1] == [ROLE_VARIABLE]


def _parse_expiration(annotations: t.Mapping[str, str]) -> int | None:
    """The lifetime of the token in seconds, as the webhook reads it; None without a valid annotation."""
    text = annotations.get(EXPIRATION_ANNOTATION) or ""
    return max(int(text), MIN_EXPIRATION) if re.fullmatch(r"[+-]?[0-9]+", text) else None


def _was_processed(spec: Json, template: Json | None, containers: t.Iterable[Container]) -> bool:
    """Whether the webhook changed a pod, even if it set no role in a container.

    It adds its volume to a pod whose containers are skipped or set the role themselves, too.
    """
    has_volume = _find_token_source(spec) is not None and (template is None or _find_token_source(template) is None)
    return has_volume or any(container.state == "pod-identity" for container in containers)


def get_account_name(pod: Json) -> str:
    """The name of the service account of a pod."""
    return str(pod["spec"].get("serviceAccountName") or "default")


def parse_skipped_containers(annotations: t.Mapping[str, str]) -> frozenset[str]:
    """The names of the containers that an annotation of the pod excludes.

    The annotation is one CSV record. If it cannot be parsed, it has no effect.
    """
    lines = (annotations.get(SKIP_CONTAINERS_ANNOTATION) or "").lstrip("\r\n").splitlines()
    if not lines or not _RECORD.fullmatch(lines[0]):
        return frozenset()
    return frozenset(next(csv.reader(lines[:1])))


def list_containers(spec: Json) -> list[tuple[str, Json]]:
    """The containers into which the webhook injects the role, each with its field in the pod spec."""
    # Ephemeral containers are added after the webhook ran.
    return [(field, body) for field in ("initContainers", "containers") for body in spec.get(field) or []]


def _inspect_container(
    field: str, body: Json, role_arn: str, originals: t.Mapping[str, Json] | None, *, skip: bool
) -> Container:
    environment = get_environment(body)
    variables = _find_role_variables(environment)
    original = None if originals is None else originals.get(body["name"])
    injected = is_injected(body)
    if original is not None:
        preset = _find_role_variables(get_environment(original))
    else:
        preset = () if injected else variables
    injected = injected and not preset
    state = _classify_container(
        environment, role_arn, preset=preset, injected=injected, added=originals is not None and original is None
    )
    if skip:
        state = "skipped"
    return Container(body, field, state, preset if state == "preset" else variables, injected)


def _classify_container(
    environment: t.Mapping[str, Json], role_arn: str, *, preset: t.Sized, injected: bool, added: bool
) -> InjectionState:
    """:param added: whether the template is known and does not have the container."""
    variables = _find_role_variables(environment)
    if role_arn and len(variables) == 2 and environment[ROLE_VARIABLE].get("value") == role_arn:
        return "correct"
    if preset:
        return "preset"
    if variables:
        return "other-role" if injected else "foreign"
    if not role_arn:
        return "correct"
    if added:
        return "added-later"
    return "pod-identity" if POD_IDENTITY_VARIABLE in environment else "not-injected"


def _find_role_variables(environment: t.Container[str]) -> tuple[str, ...]:
    return tuple(key for key in (ROLE_VARIABLE, FILE_VARIABLE) if key in environment)


def get_environment(container: Json) -> dict[str, Json]:
    """The variables in ``env`` of a container, by name. Variables from ``envFrom`` are not included."""
    return {variable["name"]: variable for variable in container.get("env") or []}


def list_env_sources(pod: Json) -> t.Iterator[tuple[str, str]]:
    """The kind and name of each ConfigMap and Secret in ``envFrom`` of the containers."""
    for _field, container in list_containers(pod["spec"]):
        for source in container.get("envFrom") or []:
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if source.get(field):
                    yield kind, source[field]["name"]


def is_injected(container: Json) -> bool:
    """Whether a container has both variables and the token file is in the volume of the webhook."""
    environment = get_environment(container)
    if not (environment.get(ROLE_VARIABLE) or {}).get("value"):
        return False
    path = (environment.get(FILE_VARIABLE) or {}).get("value") or ""
    if path.startswith("C:"):  # Windows nodes
        path = path[2:].replace("\\", "/")
    return any(
        mount["name"] == _VOLUME and path.startswith(mount["mountPath"].rstrip("/") + "/")
        for mount in container.get("volumeMounts") or []
    )


def _find_token_source(spec: Json) -> Json | None:
    """The projected token in the volume of the webhook; None if it does not exist."""
    for volume in spec.get("volumes") or []:
        if volume["name"] == _VOLUME:
            for source in (volume.get("projected") or {}).get("sources") or []:
                if source.get("serviceAccountToken"):
                    return t.cast(Json, source["serviceAccountToken"])
    return None
