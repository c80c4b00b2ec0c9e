# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The spec of a service account, and its observed state: annotations, labels, and their field owners."""

from __future__ import annotations

import dataclasses
import typing as t

from ..validation import Problems, check_audience, check_role_arn, check_service_account
from . import annotations as rules
from .annotations import BEFORE_FIRST_APPLY, FIELD_MANAGER, ROLE_ARN_FIELD, THIS_COLLECTION, Field, FieldOwner

Json = dict[str, t.Any]

IRSA = tuple(Field("annotations", key) for key in rules.IRSA_OPTIONS.values())
# Marks a service account that this collection created. It counts only if the collection owns the annotation, so a copy
# of the manifest does not count.
CREATED_MARK = Field("annotations", "eksops.irsa/created")


@dataclasses.dataclass(frozen=True)
class ServiceAccountSpec:
    """The spec of a service account.

    :param state: ``present`` or ``absent``.
    :param sets: annotations and labels to set; all others are kept.
    :param removes: annotations and labels to remove.
    :param create: whether to create a missing service account.
    :param create_namespace: whether to create a missing namespace for it.
    :param force: whether to take over or remove fields of other owners.
    :param delete: with ``absent``, whether to delete a service account that this collection created.
    """

    namespace: str
    name: str
    state: str = "present"
    sets: t.Mapping[Field, str] = dataclasses.field(default_factory=dict)
    removes: frozenset[Field] = frozenset()
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
        """Check the options of `sa_annotate`.

        :raises InvalidInput: invalid options; the error lists all of them.
        """
        problems = Problems()
        namespace, name = params["namespace"], params["name"]
        if set("*?") & set(namespace + name):
            problems.add(f"service account {namespace}/{name} has a wildcard", "name one service account")
        else:
            check_service_account(problems, namespace, name, allow_wildcards=False)
        sets: dict[Field, str] = {}
        removes: set[Field] = set()
        if params["state"] == "present":
            sets, removes = _read_fields(problems, params)
        problems.raise_if_any()
        flags = {key: bool(params[key]) for key in ("create", "create_namespace", "force", "delete")}
        return cls(namespace, name, params["state"], sets, frozenset(removes), **flags)

    def with_role_arn(self, role_arn: str) -> ServiceAccountSpec:
        """The spec with another role ARN."""
        return dataclasses.replace(
            self, sets={**self.sets, ROLE_ARN_FIELD: role_arn}, removes=self.removes - {ROLE_ARN_FIELD}
        )


def _read_fields(problems: Problems, params: t.Mapping[str, t.Any]) -> tuple[dict[Field, str], set[Field]]:
    sets: dict[Field, str] = {}
    removes: set[Field] = set()
    for kind in rules.KINDS:
        for key, value in (params[kind] or {}).items():
            field = Field(kind, str(key))
            _check_field(problems, field, value)
            if value is None:
                removes.add(field)
            else:
                sets[field] = rules.format_value(problems, field, value)
                if kind == "labels":
                    rules.check_label_value(problems, field, sets[field])
    if params["role_arn"] is not None:
        check_role_arn(problems, "role_arn", params["role_arn"])
    if params["audience"] is not None:
        check_audience(problems, params["audience"])
    if params["token_expiration"] is not None:
        rules.check_expiration(problems, params["token_expiration"])
    for option, key in rules.IRSA_OPTIONS.items():
        field = Field("annotations", key)
        if params[option] is not None:
            sets[field] = rules.format_value(problems, field, params[option])
            removes.discard(field)
    rules.check_size(problems, {field.key: value for field, value in sets.items() if field.kind == "annotations"})
    return sets, removes


def _check_field(problems: Problems, field: Field, value: t.Any) -> None:
    rules.check_key(problems, field)
    if field in IRSA and value is not None:
        option = next(option for option, key in rules.IRSA_OPTIONS.items() if key == field.key)
        problems.add(f"{field} is set in annotations", f"use the option {option}")
    elif field == CREATED_MARK:
        problems.add(f"{field} is reserved for this collection", "leave it out")
    elif field == Field("labels", rules.MANAGED_BY_LABEL):
        problems.add(f"{field} cannot be set: it names the tool that manages the service account", "leave it out")


# State


@dataclasses.dataclass(frozen=True)
class ServiceAccount:
    """The observed state of a service account.

    :param fields: its annotations and labels.
    :param owners: the owners of the fields, this collection included. A field may have several owners, or none.
    :param foreign_maps: the kinds, annotations or labels, whose map another manager owns without owning a field in it.
        This happens to the manager that set the first field and later lost it. The API server treats an owner of the
        map as an owner of all its fields: it reports conflicts for all of them, and keeps those that an apply removes.
        No field that exists comes from such a manager, so this collection does not treat it as an owner.
    :param finalizers: its finalizers. It exists until their controllers remove them.
    :param is_being_deleted: whether its deletion has begun.
    """

    uid: str
    resource_version: str
    fields: t.Mapping[Field, str]
    owners: t.Mapping[Field, tuple[FieldOwner, ...]]
    foreign_maps: frozenset[str] = frozenset()
    finalizers: tuple[str, ...] = ()
    is_being_deleted: bool = False

    @classmethod
    def from_kubernetes(cls, body: t.Mapping[str, t.Any]) -> ServiceAccount:
        """Build it from the object that the API server returns."""
        metadata = body["metadata"]
        fields = {Field(kind, key): value for kind in rules.KINDS for key, value in (metadata.get(kind) or {}).items()}
        managed = metadata.get("managedFields") or []
        owners: dict[Field, tuple[FieldOwner, ...]] = {}
        foreign_maps: set[str] = set()
        for entry in managed:
            owner = FieldOwner(entry.get("manager") or "", entry["operation"])
            for field in _owned_fields(entry):
                owners[field] = (*owners.get(field, ()), owner)
            if owner != THIS_COLLECTION:
                foreign_maps.update(_maps_without_fields(entry))
        if not managed:
            owners = dict.fromkeys(fields, (FieldOwner(BEFORE_FIRST_APPLY, "Update"),))
        return cls(
            metadata["uid"],
            metadata["resourceVersion"],
            fields,
            owners,
            frozenset(foreign_maps),
            tuple(metadata.get("finalizers") or ()),
            bool(metadata.get("deletionTimestamp")),
        )

    @property
    def owned(self) -> dict[Field, str]:
        """The fields that this collection owns, alone or with others, and their values."""
        return {field: value for field, value in self.fields.items() if THIS_COLLECTION in self.owners.get(field, ())}

    @property
    def created(self) -> bool:
        """Whether this collection created the account."""
        is_marked = any(owner.manager == FIELD_MANAGER for owner in self.owners.get(CREATED_MARK, ()))
        return is_marked and self.fields.get(CREATED_MARK) == "true"

    def other_owners(self, field: Field) -> tuple[FieldOwner, ...]:
        """The owners of the field other than this collection."""
        return tuple(owner for owner in self.owners.get(field, ()) if owner != THIS_COLLECTION)


def _maps_without_fields(entry: t.Mapping[str, t.Any]) -> t.Iterator[str]:
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
    """The observed state of a service account and its namespace.

    :param account: the service account; None if it does not exist.
    :param namespace: the namespace's phase, ``Active`` or ``Terminating``; empty if it does not exist; None if it was
        not read (the service account exists) or the caller may not read it.
    """

    account: ServiceAccount | None
    namespace: str | None = None

    @classmethod
    def from_kubernetes(cls, body: t.Mapping[str, t.Any] | None, namespace: str | None = None) -> ServiceAccountState:
        """Build it from the object that the API server returns, if it exists, and the namespace's phase."""
        return cls(ServiceAccount.from_kubernetes(body) if body else None, namespace)


def describe(namespace: str, name: str, account: ServiceAccount | None) -> Json:
    """The service account in the form in which modules return it; empty if it does not exist."""
    if account is None:
        return {}
    return shape(namespace, name, account.uid, account.fields, account.owned, created=account.created)


def shape(
    namespace: str,
    name: str,
    uid: str | None,
    fields: t.Mapping[Field, str],
    owned: t.Mapping[Field, str],
    *,
    created: bool,
) -> Json:
    """The form in which modules return a service account.

    :param owned: the fields that this collection owns.
    """
    return {
        "namespace": namespace,
        "name": name,
        "uid": uid,
        "annotations": mapping_of("annotations", fields),
        "labels": mapping_of("labels", fields),
        "managed_annotations": sorted(mapping_of("annotations", owned)),
        "managed_labels": sorted(mapping_of("labels", owned)),
        "created": created,
    }


def mapping_of(kind: str, fields: t.Mapping[Field, str]) -> dict[str, str]:
    """The annotations, or the labels, by key."""
    return {field.key: value for field, value in sorted(fields.items()) if field.kind == kind}
