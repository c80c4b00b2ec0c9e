# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `sa_annotate` is asked for."""

from __future__ import annotations

import dataclasses
import typing as t

from ..arn import ROLE_ARN_ANNOTATION
from ..validation import Problems, check_audience, check_service_account
from . import annotations as rules
from .annotations import Field

IRSA = tuple(Field("annotations", key) for key in rules.IRSA_OPTIONS.values())
_ROLE_ARN = Field("annotations", ROLE_ARN_ANNOTATION)
# On an account that this collection created. Believed only where the collection itself is the annotation's owner, so
# a manifest that was copied along with it changes nothing.
MARK = Field("annotations", "eksops.irsa/created")


@dataclasses.dataclass(frozen=True)
class ServiceAccountSpec:
    """What the user asked for.

    :param state: ``present`` or ``absent``.
    :param sets: annotations and labels to set. Those not named are left alone.
    :param drops: annotations and labels to take away.
    :param create: whether a missing account is created.
    :param create_namespace: whether a missing namespace is created for it.
    :param force: whether to take over or take away what others own.
    :param delete: with ``absent``, whether an account that this collection created goes as a whole.
    """

    namespace: str
    name: str
    state: str = "present"
    sets: t.Mapping[Field, str] = dataclasses.field(default_factory=dict)
    drops: frozenset[Field] = frozenset()
    create: bool = True
    create_namespace: bool = False
    force: bool = False
    delete: bool = False

    @property
    def title(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> ServiceAccountSpec:
        """From the options of `sa_annotate`.

        :raises InvalidInput: options that can't be right, all of them at once.
        """
        problems = Problems()
        namespace, name = params["namespace"], params["name"]
        if set("*?") & set(namespace + name):
            problems.add(f"service account {namespace}/{name} has a wildcard", "name one account")
        else:
            check_service_account(problems, namespace, name, allow_wildcards=False)
        sets: dict[Field, str] = {}
        drops: set[Field] = set()
        if params["state"] == "present":
            sets, drops = _fields_of(problems, params)
        problems.stop()
        flags = {key: bool(params[key]) for key in ("create", "create_namespace", "force", "delete")}
        return cls(namespace, name, params["state"], sets, frozenset(drops), **flags)

    def of_role(self, role_arn: str) -> ServiceAccountSpec:
        """The same for a role whose ARN is known only now, from AWS itself."""
        return dataclasses.replace(self, sets={**self.sets, _ROLE_ARN: role_arn}, drops=self.drops - {_ROLE_ARN})


def _fields_of(problems: Problems, params: t.Mapping[str, t.Any]) -> tuple[dict[Field, str], set[Field]]:
    sets: dict[Field, str] = {}
    drops: set[Field] = set()
    for kind in rules.KINDS:
        for key, value in (params[kind] or {}).items():
            field = Field(kind, str(key))
            _check_field(problems, field, value)
            if value is None:
                drops.add(field)
            else:
                sets[field] = rules.text_of(problems, field, value)
                if kind == "labels":
                    rules.check_label_value(problems, field, sets[field])
    if params["role_arn"] is not None:
        rules.check_role_arn(problems, params["role_arn"])
    if params["audience"] is not None:
        check_audience(problems, params["audience"])
    if params["token_expiration"] is not None:
        rules.check_expiration(problems, params["token_expiration"])
    for option, key in rules.IRSA_OPTIONS.items():
        field = Field("annotations", key)
        if params[option] is not None:
            sets[field] = rules.text_of(problems, field, params[option])
            drops.discard(field)
    rules.check_size(problems, {field.key: value for field, value in sets.items() if field.kind == "annotations"})
    return sets, drops


def _check_field(problems: Problems, field: Field, value: t.Any) -> None:
    rules.check_key(problems, field)
    if field in IRSA and value is not None:
        problems.add(f"{field} is given under annotations", "give it by the option made for it")
    elif field == MARK:
        problems.add(f"{field} is this collection's own", "leave it out")
    elif field == Field("labels", rules.MANAGED_BY_LABEL):
        problems.add(f"{field} says whose tool manages the account, and this collection doesn't", "leave it out")
