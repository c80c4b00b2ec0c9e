# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The writes that bring a service account to its spec, by server-side apply.

The API server records the owners of fields in ``metadata.managedFields``. An applied configuration is complete: if a
manager no longer sends a field that it owns, it loses the ownership, and the API server removes the field if nobody
else owns it. So each configuration contains all fields that this collection owns, except those to remove:
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import dataclasses
import typing as t

from .. import errors
from ..arn import ROLE_ARN_ANNOTATION, is_role_arn
from ..plan import Action, Plan
from . import annotations as rules
from .annotations import BEFORE_FIRST_APPLY, FIELD_MANAGER, Field, FieldOwner
from .spec import (
    CREATED_MARK,
    IRSA,
    ServiceAccount,
    ServiceAccountSpec,
    ServiceAccountState,
    describe,
    mapping_of,
    shape,
)

Json = dict[str, t.Any]

CREATE_NAMESPACE = "create_namespace"
_UNRECORDED = FieldOwner(BEFORE_FIRST_APPLY, "Update")
_FIX_UNRECORDED = (
    "set force: true, which replaces the value and makes this collection its owner, or set the new value manually; "
    "before, check that no tool or script sets the old value again"
)


def plan(spec: ServiceAccountSpec, observed: ServiceAccountState) -> Plan:
    """Plan the writes that bring the service account to its spec.

    :raises NotFound: the namespace or the service account is missing and must not be created.
    :raises Conflict: another owner set a field to another value, and ``force`` is not set; or the namespace or the
        service account is being deleted.
    """
    if spec.state == "absent":
        return _plan_absent(spec, observed.account)
    if observed.account is None:
        return _plan_create(spec, observed.namespace)
    _require_lasting(spec, observed.account)
    return _plan_present(spec, observed.account)


def require_creatable(spec: ServiceAccountSpec, observed: ServiceAccountState) -> None:
    """Require that the service account exists or can be created.

    :raises NotFound: the namespace or the service account is missing and must not be created.
    :raises Conflict: the namespace or the service account is being deleted.
    """
    if observed.account is None:
        _plan_create(spec, observed.namespace)
    else:
        _require_lasting(spec, observed.account)


def _require_lasting(spec: ServiceAccountSpec, account: ServiceAccount) -> None:
    """Require that the service account is not being deleted: what is written to it would be lost."""
    if account.is_being_deleted:
        raise errors.make_being_deleted_error(f"service account {spec.title}", account.finalizers)


def creates_namespace(plan: Plan) -> bool:
    """Whether the plan creates the namespace of the service account."""
    return any(action.operation == CREATE_NAMESPACE for action in plan.actions)


def with_server_state(spec: ServiceAccountSpec, plan: Plan, answers: t.Sequence[Json | None]) -> Plan:
    """The plan with the state that the last write returned in place of the predicted state.

    :param answers: what each write returned, in order; empty if nothing was written.
    """
    if not answers or answers[-1] is None:
        return plan
    account = ServiceAccount.from_kubernetes(answers[-1])
    return dataclasses.replace(plan, after=describe(spec.namespace, spec.name, account))


def build_returns(plan: Plan) -> Json:
    """The return values of `sa_annotate` for a plan."""
    annotations = plan.after.get("annotations", {})
    return {
        "service_account": dict(plan.after),
        "role_arn": annotations.get(ROLE_ARN_ANNOTATION),
        "previous_role_arn": plan.before.get("annotations", {}).get(ROLE_ARN_ANNOTATION),
        "near_misses": [
            {"key": key, "intended": intended} for key, intended in rules.find_near_misses(annotations).items()
        ],
    }


def _plan_create(spec: ServiceAccountSpec, namespace: str | None) -> Plan:
    if not spec.create:
        raise errors.NotFound(
            f"service account {spec.title} does not exist",
            cause="create is false" + (f", and namespace {spec.namespace} does not exist" if namespace == "" else ""),
            fix="correct namespace and name, create the service account, or set create: true",
            namespace=spec.namespace,
            name=spec.name,
        )
    actions = []
    if namespace == "":
        if not spec.create_namespace:
            raise missing_namespace(spec.namespace)
        actions.append(
            Action(
                CREATE_NAMESPACE,
                {"name": spec.namespace, "manager": FIELD_MANAGER},
                f"create namespace {spec.namespace}",
            )
        )
    elif namespace == "Terminating":
        raise errors.Conflict(
            f"could not create service account {spec.title}",
            cause=f"namespace {spec.namespace} is being deleted",
            fix="wait until the namespace is deleted",
        )
    # Only the create request sets the mark, so a service account that another client has just created never gets it.
    # The fields of the spec are applied afterwards, so that the collection owns them and can remove them.
    mark = {"annotations": {CREATED_MARK.key: "true"}}
    body = _service_account({"namespace": spec.namespace, "name": spec.name, **mark})
    actions.append(
        Action(
            "create_service_account",
            {"body": body, "manager": FIELD_MANAGER},
            f"create service account {spec.title}",
        )
    )
    if spec.sets:
        actions.append(_apply(spec, None, spec.sets, f"service account {spec.title}: {_list_values('set', spec.sets)}"))
    fields = {CREATED_MARK: "true", **spec.sets}
    after = shape(spec.namespace, spec.name, None, fields, spec.sets, created=True)
    return Plan({}, after, tuple(actions), tuple(_annotation_warnings(spec, fields)))


def missing_namespace(name: str, *, is_unreadable: bool = False) -> errors.NotFound:
    """The error for a missing namespace that must not be created.

    :param is_unreadable: whether the caller may not get namespaces.
    """
    return errors.NotFound(
        f"namespace {name} does not exist",
        cause=f'namespaces "{name}" not found',
        fix="check the namespace and the cluster, create it, or set create_namespace: true"
        + (", which also requires the permission to get namespaces" if is_unreadable else ""),
        namespace=name,
    )


def _plan_present(spec: ServiceAccountSpec, account: ServiceAccount) -> Plan:
    if not spec.force:
        _reject_conflicts(spec, account)
    config = {field: value for field, value in account.owned.items() if field not in spec.removes}
    # A field that another owner set to the spec's value is not applied: the write would change nothing, and two owners
    # would undo each other's next change.
    config.update({field: value for field, value in spec.sets.items() if _must_own(spec, account, field)})
    warnings = [
        f"{field} of service account {spec.title} was set by {_names(account.other_owners(field))}, which may set it "
        "again."
        for field in _conflicting_fields(spec, account)
    ]
    warnings += _kept_field_warnings(spec, account, [field for field in spec.removes if field in account.fields])
    return _plan_fields(spec, account, config, warnings)


def _must_own(spec: ServiceAccountSpec, account: ServiceAccount, field: Field) -> bool:
    return spec.force or account.fields.get(field) != spec.sets[field]


def _conflicting_fields(spec: ServiceAccountSpec, account: ServiceAccount) -> list[Field]:
    """The fields of the spec that another owner set to another value, sorted."""
    return sorted(
        field
        for field, value in spec.sets.items()
        if field in account.fields and account.fields[field] != value and account.other_owners(field)
    )


def _reject_conflicts(spec: ServiceAccountSpec, account: ServiceAccount) -> None:
    fields = _conflicting_fields(spec, account)
    if not fields:
        return
    conflicts = [
        {
            "field": str(field),
            "value": account.fields[field],
            "requested": spec.sets[field],
            "owners": [dataclasses.asdict(owner) for owner in account.other_owners(field)],
        }
        for field in fields
    ]
    recorded = [field for field in fields if any(owner.is_recorded for owner in account.other_owners(field))]
    fixes = [
        *(["change the value at its source, or take it over with force: true"] if recorded else []),
        *([_FIX_UNRECORDED] if len(recorded) < len(fields) else []),
    ]
    raise errors.Conflict(
        "; ".join(
            f"{field} of service account {spec.title} "
            + (
                f"is owned by {_names(owner for owner in account.other_owners(field) if owner.is_recorded)}"
                if field in recorded
                else "has another value, and the API server has no record of who set it"
            )
            for field in fields
        ),
        cause="; ".join(f"{field} is {account.fields[field]!r}, not {spec.sets[field]!r}" for field in fields),
        fix="; ".join(fixes),
        options=("force",),
        conflicts=conflicts,
    )


def _plan_absent(spec: ServiceAccountSpec, account: ServiceAccount | None) -> Plan:
    if account is None:
        return Plan()
    if spec.delete and account.created and account.is_being_deleted:
        return Plan(warnings=(_make_finalizer_warning(spec, account),))
    before = describe(spec.namespace, spec.name, account)
    if spec.delete and account.created:
        others = sorted(
            {str(owner) for field in account.fields if field != CREATED_MARK for owner in account.other_owners(field)}
        )
        warnings = [
            f"Service account {spec.title} is deleted together with annotations or labels of {', '.join(others)}."
        ]
        action = Action(
            "delete_service_account",
            {
                "namespace": spec.namespace,
                "name": spec.name,
                "uid": account.uid,
                "resource_version": account.resource_version,
            },
            f"delete service account {spec.title}",
        )
        warnings = warnings if others else []
        if account.finalizers:
            warnings.append(_make_finalizer_warning(spec, account))
        return Plan(before, {}, (action,), tuple(warnings))
    warnings = []
    if spec.delete:
        warnings.append(
            f"Service account {spec.title} was not created by this collection and is not deleted. Only the "
            "annotations and labels that the collection set are removed."
        )
    irsa = [field for field in IRSA if field in account.fields]
    return _plan_fields(spec, account, {}, [*warnings, *_kept_field_warnings(spec, account, irsa)], foreign=irsa)


def _make_finalizer_warning(spec: ServiceAccountSpec, account: ServiceAccount) -> str:
    return errors.make_being_deleted_warning(f"Service account {spec.title}", account.finalizers)


def _kept_field_warnings(spec: ServiceAccountSpec, account: ServiceAccount, fields: t.Iterable[Field]) -> list[str]:
    """Warnings about fields that should be removed but are kept because they have other owners."""
    if spec.force:
        return []
    return [
        f"{field} of service account {spec.title} is kept because it was set by "
        f"{_names(account.other_owners(field)) or _UNRECORDED}; remove it there, or set force: true."
        for field in sorted(fields)
        if account.other_owners(field) or field not in account.owned
    ]


def _plan_fields(
    spec: ServiceAccountSpec,
    account: ServiceAccount,
    config: t.Mapping[Field, str],
    warnings: t.Sequence[str],
    foreign: t.Sequence[Field] = (),
) -> Plan:
    """The plan whose applied configuration is ``config``.

    :param foreign: fields that ``force`` removes even if they have other owners, in addition to ``spec.removes``.
    """
    actions = []
    owned = account.owned
    fields = {
        field: value for field, value in account.fields.items() if field not in owned or account.other_owners(field)
    }
    fields.update(config)
    removed = [field for field in owned if field not in fields]
    # An apply does not remove these, because another manager owns their map.
    not_applied = [field for field in removed if field.kind in account.foreign_maps]
    if config != owned:
        new = {field: value for field, value in config.items() if account.fields.get(field) != value}
        acquired = {field: value for field, value in config.items() if field not in owned and field not in new}
        released = [field for field in owned if field not in config and (field in fields or field in not_applied)]
        parts = [
            _list_values("set", new),
            _list_values("take ownership of", acquired),
            _list_fields("remove", [field for field in removed if field not in not_applied]),
            _list_fields("release ownership of", released),
        ]
        summary = f"service account {spec.title}: {'; '.join(filter(None, parts))}"
        actions.append(_apply(spec, account, config, summary))
    if not_applied:
        actions.append(_remove(spec, account, not_applied))
    if spec.force:
        forced = [field for field in {*foreign, *spec.removes} if field in fields and field not in config]
        if forced:
            actions.append(_remove(spec, account, forced))
            fields = {field: value for field, value in fields.items() if field not in forced}
    before = after = describe(spec.namespace, spec.name, account)
    if actions:
        after = shape(spec.namespace, spec.name, account.uid, fields, config, created=account.created)
    return Plan(before, after, tuple(actions), (*warnings, *_annotation_warnings(spec, fields)))


def _annotation_warnings(spec: ServiceAccountSpec, fields: t.Mapping[Field, str]) -> t.Iterator[str]:
    """Warnings about annotations that have no effect."""
    annotations = mapping_of("annotations", fields)
    for key, intended in rules.find_near_misses(annotations).items():
        yield f"Annotation {key} of service account {spec.title} has no effect; it looks like {intended}."
    arn = annotations.get(ROLE_ARN_ANNOTATION)
    if arn is not None and not is_role_arn(arn):
        yield f"Annotation {ROLE_ARN_ANNOTATION} of service account {spec.title} is not a valid role ARN: {arn!r}."


def _apply(
    spec: ServiceAccountSpec, account: ServiceAccount | None, config: t.Mapping[Field, str], summary: str
) -> Action:
    """The server-side apply of ``config``.

    It is bound to the observed version of the object: the API server answers 409 if the object was changed or replaced
    since then, and the caller plans again.
    """
    # Conflicts about single fields are already rejected. Without force, the API server would still report a conflict
    # for every field of a map that another manager owns as a whole.
    force = spec.force or bool(account and account.foreign_maps)
    metadata: Json = {"namespace": spec.namespace, "name": spec.name}
    if account is not None:
        metadata.update(uid=account.uid, resourceVersion=account.resource_version)
    for kind in rules.KINDS:
        mapping = mapping_of(kind, config)
        if mapping:
            metadata[kind] = mapping
    arguments = {"body": _service_account(metadata), "manager": FIELD_MANAGER, "force": force}
    return Action("apply_service_account", arguments, summary)


def _remove(spec: ServiceAccountSpec, account: ServiceAccount, fields: t.Collection[Field]) -> Action:
    """The removal of fields regardless of their owners."""
    arguments = {
        "namespace": spec.namespace,
        "name": spec.name,
        "uid": account.uid,
        "manager": FIELD_MANAGER,
        **{kind: sorted(field.key for field in fields if field.kind == kind) for kind in rules.KINDS},
    }
    return Action("remove_fields", arguments, f"service account {spec.title}: {_list_fields('remove', fields)}")


def _service_account(metadata: Json) -> Json:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def _names(owners: t.Iterable[FieldOwner]) -> str:
    return ", ".join(str(owner) for owner in owners)


def _list_values(verb: str, fields: t.Mapping[Field, str]) -> str:
    return f"{verb} {', '.join(f'{field}={value}' for field, value in sorted(fields.items()))}" if fields else ""


def _list_fields(verb: str, fields: t.Collection[Field]) -> str:
    return f"{verb} {', '.join(str(field) for field in sorted(fields))}" if fields else ""
