# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The spec of a service account, and its state as the API server has it: annotations, labels, and who owns them."""

from __future__ import annotations

import dataclasses
import typing as t

from ..arn import ROLE_ARN_ANNOTATION
from ..validation import Problems, check_audience, check_service_account
from . import annotations as rules
from .annotations import BEFORE_FIRST_APPLY, FIELD_MANAGER, Field, FieldOwner

Json = dict[str, t.Any]

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


# The state


_OURSELVES = FieldOwner(FIELD_MANAGER, "Apply")


@dataclasses.dataclass(frozen=True)
class ServiceAccount:
    """A service account as the API server has it.

    :param fields: its annotations and labels.
    :param owners: who owns which of them, this collection included. A field may have several owners, or none.
    :param claimed: the kinds, annotations or labels, of which somebody else owns the map and no field. That is what
        is left of whoever set the first field and lost it since. The API server takes the map for all its fields
        (it can't tell that from a map that was atomic once), sees conflicts in all of them and keeps what is applied
        away. Such an owner set nothing that is there, so here it is none.
    """

    uid: str
    resource_version: str
    fields: t.Mapping[Field, str]
    owners: t.Mapping[Field, tuple[FieldOwner, ...]]
    claimed: frozenset[str] = frozenset()

    @classmethod
    def from_kubernetes(cls, found: t.Mapping[str, t.Any]) -> ServiceAccount:
        """From the object that the API server returns."""
        metadata = found["metadata"]
        fields = {Field(kind, key): value for kind in rules.KINDS for key, value in (metadata.get(kind) or {}).items()}
        managed = metadata.get("managedFields") or []
        owners: dict[Field, tuple[FieldOwner, ...]] = {}
        claimed: set[str] = set()
        for entry in managed:
            owner = FieldOwner(entry.get("manager", ""), entry["operation"])
            for field in _owned_fields(entry):
                owners[field] = (*owners.get(field, ()), owner)
            if owner != _OURSELVES:
                claimed.update(_bare_maps(entry))
        if not managed:
            owners = dict.fromkeys(fields, (FieldOwner(BEFORE_FIRST_APPLY, "Update"),))
        return cls(metadata["uid"], metadata["resourceVersion"], fields, owners, frozenset(claimed))

    @property
    def ours(self) -> dict[Field, str]:
        """What this collection owns, alone or together with others, and the values."""
        return {field: value for field, value in self.fields.items() if _OURSELVES in self.owners.get(field, ())}

    @property
    def created(self) -> bool:
        """Whether this collection created the account."""
        by_us = any(owner.manager == FIELD_MANAGER for owner in self.owners.get(MARK, ()))
        return by_us and self.fields.get(MARK) == "true"

    def others(self, field: Field) -> tuple[FieldOwner, ...]:
        """Who else owns the field."""
        return tuple(owner for owner in self.owners.get(field, ()) if owner != _OURSELVES)


def _bare_maps(entry: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    metadata = (entry.get("fieldsV1") or {}).get("f:metadata") or {}
    for kind in rules.KINDS:
        owned = metadata.get(f"f:{kind}")
        if owned is not None and not any(name.startswith("f:") for name in owned):
            yield kind


def _owned_fields(entry: t.Mapping[str, t.Any]) -> t.Iterator[Field]:
    metadata = (entry.get("fieldsV1") or {}).get("f:metadata") or {}
    for kind in rules.KINDS:
        for name in metadata.get(f"f:{kind}") or {}:
            if name.startswith("f:"):
                yield Field(kind, name.removeprefix("f:"))


@dataclasses.dataclass(frozen=True)
class ServiceAccountState:
    """What was read of a service account.

    :param account: the service account; None if it does not exist.
    :param namespace: the namespace's phase, ``Active`` or ``Terminating``; empty if it does not exist; None
        where it was not read (it has the account) or may not be read.
    """

    account: ServiceAccount | None
    namespace: str | None = None

    @classmethod
    def from_kubernetes(cls, found: t.Mapping[str, t.Any] | None, namespace: str | None = None) -> ServiceAccountState:
        """From the object that the API server returned, if any, and the namespace's phase."""
        return cls(ServiceAccount.from_kubernetes(found) if found else None, namespace)


def describe(namespace: str, name: str, account: ServiceAccount | None) -> Json:
    """The service account in the shape in which modules return it; empty if there is none."""
    if account is None:
        return {}
    return shape(namespace, name, account.uid, account.fields, account.ours, created=account.created)


def shape(
    namespace: str,
    name: str,
    uid: str | None,
    fields: t.Mapping[Field, str],
    ours: t.Mapping[Field, str],
    *,
    created: bool,
) -> Json:
    """The shape in which modules return a service account.

    :param ours: the fields that this collection owns.
    """
    return {
        "namespace": namespace,
        "name": name,
        "uid": uid,
        "annotations": mapping_of("annotations", fields),
        "labels": mapping_of("labels", fields),
        "managed_annotations": sorted(mapping_of("annotations", ours)),
        "managed_labels": sorted(mapping_of("labels", ours)),
        "created": created,
    }


def mapping_of(kind: str, fields: t.Mapping[Field, str]) -> dict[str, str]:
    return {field.key: value for field, value in sorted(fields.items()) if field.kind == kind}
