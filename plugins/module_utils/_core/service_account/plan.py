# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Kubernetes service account and the annotations that give it an IAM role.

What is planned here is a server-side apply. The API server keeps, in ``metadata.managedFields``, who set which field;
an applied configuration is the whole of what its manager wants, so a field that the manager owns and doesn't send
again is removed. Hence every configuration made here carries on what this collection owns, less what is to go:
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import dataclasses
import typing as t

from .. import errors
from ..arn import ROLE_ARN_ANNOTATION, is_role_arn
from ..plan import Action, Plan
from . import annotations as rules
from .annotations import FIELD_MANAGER, Field, FieldOwner
from .spec import IRSA, MARK, ServiceAccount, ServiceAccountSpec, ServiceAccountState, describe, mapping_of, shape

Json = dict[str, t.Any]


def plan(spec: ServiceAccountSpec, observed: ServiceAccountState) -> Plan:
    """The writes that make the account as its spec says.

    :raises NotFound: the namespace or the account is missing and must not be created.
    :raises Conflict: others own a field with another value, and ``force`` is not set; or the namespace is going.
    """
    if spec.state == "absent":
        return _plan_absent(spec, observed.account)
    if observed.account is None:
        return _plan_create(spec, observed.namespace)
    return _plan_present(spec, observed.account)


def require_place(spec: ServiceAccountSpec, observed: ServiceAccountState) -> None:
    """Stops where the account can't be whatever is to be written into it.

    :raises NotFound: the namespace or the account is missing and must not be created.
    :raises Conflict: the namespace is going.
    """
    if observed.account is None:
        _plan_create(spec, observed.namespace)


def confirmed(spec: ServiceAccountSpec, plan: Plan, answers: t.Sequence[Json | None]) -> Plan:
    """The plan with what its last write left behind, as the API server has it, instead of what was foreseen.

    :param answers: of the writes, in order; none where nothing was written.
    """
    if not answers or answers[-1] is None:
        return plan
    account = ServiceAccount.from_kubernetes(answers[-1])
    return dataclasses.replace(plan, after=describe(spec.namespace, spec.name, account))


def returns(plan: Plan) -> Json:
    """What `sa_annotate` returns of a plan."""
    annotations = plan.after.get("annotations", {})
    return {
        "service_account": dict(plan.after),
        "role_arn": annotations.get(ROLE_ARN_ANNOTATION),
        "previous_role_arn": plan.before.get("annotations", {}).get(ROLE_ARN_ANNOTATION),
        "near_misses": [{"key": key, "intended": meant} for key, meant in rules.near_misses(annotations).items()],
    }


def _plan_create(spec: ServiceAccountSpec, namespace: str | None) -> Plan:
    if not spec.create:
        raise errors.NotFound(
            f"there is no service account {spec.title}",
            cause="it doesn't exist, and create is false"
            + (f"; there is no namespace {spec.namespace} either" if namespace == "" else ""),
            fix="correct namespace and name, create the account, or set create: true",
            namespace=spec.namespace,
            name=spec.name,
        )
    actions = []
    if namespace == "":
        if not spec.create_namespace:
            raise missing_namespace(spec.namespace)
        actions.append(
            Action(
                "create_namespace",
                {"name": spec.namespace, "manager": FIELD_MANAGER},
                f"create namespace {spec.namespace}",
            )
        )
    elif namespace == "Terminating":
        raise errors.Conflict(
            f"could not create the service account {spec.title}",
            cause=f"namespace {spec.namespace} is being deleted",
            fix="wait until the namespace is gone",
        )
    # The mark comes with the creation itself, so that an account that others created a moment before never gets it.
    # What the collection may remove again is applied afterwards.
    mark = {"annotations": {MARK.key: "true"}}
    body = _service_account({"namespace": spec.namespace, "name": spec.name, **mark})
    actions.append(
        Action(
            "create_service_account",
            {"body": body, "manager": FIELD_MANAGER},
            f"create service account {spec.title}",
        )
    )
    if spec.sets:
        actions.append(_apply(spec, None, spec.sets, f"service account {spec.title}: {_listing('set', spec.sets)}"))
    fields = {MARK: "true", **spec.sets}
    after = shape(spec.namespace, spec.name, None, fields, spec.sets, created=True)
    return Plan({}, after, tuple(actions), tuple(_remarks(spec, fields)))


def missing_namespace(name: str, *, unseen: bool = False) -> errors.NotFound:
    """The error for a namespace that isn't there and must not be created.

    :param unseen: whether that showed only when something was to be put into it.
    """
    return errors.NotFound(
        f"there is no namespace {name}",
        cause=f'namespaces "{name}" not found',
        fix="check the namespace and the cluster, create it, or set create_namespace: true"
        + (", which takes the permission to get namespaces as well" if unseen else ""),
        namespace=name,
    )


def _plan_present(spec: ServiceAccountSpec, account: ServiceAccount) -> Plan:
    if not spec.force:
        _refuse_conflicts(spec, account)
    config = {field: value for field, value in account.ours.items() if field not in spec.drops}
    # What others set to the spec's value stays theirs alone. To own it too would be a write that changes nothing, and
    # of two sources of a value each undoes the other's next change.
    config.update({field: value for field, value in spec.sets.items() if _is_to_own(spec, account, field)})
    forced = _foreign(spec, account)
    warnings = [
        f"{field} of service account {spec.title} was set by {_names(account.others(field))}, which may set it back."
        for field in forced
    ]
    warnings += _kept(spec, account, [field for field in spec.drops if field in account.fields])
    return _plan_fields(spec, account, config, warnings)


def _is_to_own(spec: ServiceAccountSpec, account: ServiceAccount, field: Field) -> bool:
    return spec.force or account.fields.get(field) != spec.sets[field]


def _foreign(spec: ServiceAccountSpec, account: ServiceAccount) -> list[Field]:
    """The fields of the spec that others own with another value, in order."""
    return sorted(
        field
        for field, value in spec.sets.items()
        if field in account.fields and account.fields[field] != value and account.others(field)
    )


def _refuse_conflicts(spec: ServiceAccountSpec, account: ServiceAccount) -> None:
    foreign = _foreign(spec, account)
    if not foreign:
        return
    found = [
        {
            "field": str(field),
            "value": account.fields[field],
            "wanted": spec.sets[field],
            "owners": [dataclasses.asdict(owner) for owner in account.others(field)],
        }
        for field in foreign
    ]
    raise errors.Conflict(
        "; ".join(
            f"{field} of service account {spec.title} is owned by {_names(account.others(field))}" for field in foreign
        ),
        cause="; ".join(f"{each['field']} is {each['value']!r}, wanted is {each['wanted']!r}" for each in found),
        fix="change the value where its owner has it from, or take it over with force: true",
        conflicts=found,
    )


def _plan_absent(spec: ServiceAccountSpec, account: ServiceAccount | None) -> Plan:
    if account is None:
        return Plan()
    before = describe(spec.namespace, spec.name, account)
    if spec.delete and account.created:
        others = sorted({str(owner) for field in account.fields if field != MARK for owner in account.others(field)})
        warnings = [
            f"Service account {spec.title} carries annotations or labels of {', '.join(others)}, which go with it."
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
        return Plan(before, {}, (action,), tuple(warnings if others else ()))
    warnings = []
    if spec.delete:
        warnings.append(
            f"Service account {spec.title} was not created by this collection and is not deleted; what the "
            "collection set on it is taken away."
        )
    irsa = [field for field in IRSA if field in account.fields]
    return _plan_fields(spec, account, {}, [*warnings, *_kept(spec, account, irsa)], foreign=irsa)


def _kept(spec: ServiceAccountSpec, account: ServiceAccount, going: t.Sequence[Field]) -> list[str]:
    """Warnings of what is to go and stays because others own it."""
    if spec.force:
        return []
    return [
        f"{field} of service account {spec.title} stays, since {_names(account.others(field)) or 'somebody else'} "
        "set it; remove it there, or set force: true."
        for field in sorted(going)
        if account.others(field) or field not in account.ours
    ]


def _plan_fields(
    spec: ServiceAccountSpec,
    account: ServiceAccount,
    config: t.Mapping[Field, str],
    warnings: t.Sequence[str],
    foreign: t.Sequence[Field] = (),
) -> Plan:
    """The plan whose applied configuration is ``config``.

    :param foreign: fields that go with ``force`` though others own them; besides, those that ``spec`` drops.
    """
    actions = []
    ours = account.ours
    fields = {field: value for field, value in account.fields.items() if field not in ours or account.others(field)}
    fields.update(config)
    gone = [field for field in ours if field not in fields]
    stuck = [field for field in gone if field.kind in account.claimed]
    if config != ours:
        new = {field: value for field, value in config.items() if account.fields.get(field) != value}
        claimed = {field: value for field, value in config.items() if field not in ours and field not in new}
        left = [field for field in ours if field not in config and (field in fields or field in stuck)]
        parts = [
            _listing("set", new),
            _listing("own", claimed),
            _naming("remove", [field for field in gone if field not in stuck]),
            _naming("no longer own", left),
        ]
        words = f"service account {spec.title}: {'; '.join(filter(None, parts))}"
        actions.append(_apply(spec, account, config, words))
    if stuck:
        actions.append(_remove(spec, account, stuck))
    if spec.force:
        stolen = [field for field in {*foreign, *spec.drops} if field in fields and field not in config]
        if stolen:
            actions.append(_remove(spec, account, stolen))
            fields = {field: value for field, value in fields.items() if field not in stolen}
    before = after = describe(spec.namespace, spec.name, account)
    if actions:
        after = shape(spec.namespace, spec.name, account.uid, fields, config, created=account.created)
    return Plan(before, after, tuple(actions), (*warnings, *_remarks(spec, fields)))


def _remarks(spec: ServiceAccountSpec, fields: t.Mapping[Field, str]) -> t.Iterator[str]:
    """Warnings of annotations that look right and have no effect."""
    annotations = mapping_of("annotations", fields)
    for key, meant in rules.near_misses(annotations).items():
        yield f"Annotation {key} of service account {spec.title} has no effect; it looks like {meant}."
    arn = annotations.get(ROLE_ARN_ANNOTATION)
    if arn is not None and not is_role_arn(arn):
        yield f"Annotation {ROLE_ARN_ANNOTATION} of service account {spec.title} is no role's ARN: {arn!r}."


def _apply(
    spec: ServiceAccountSpec, account: ServiceAccount | None, config: t.Mapping[Field, str], words: str
) -> Action:
    """The server-side apply of ``config``.

    It holds for the very object that was observed: the API server refuses it with 409 if that has changed since, or
    was replaced, and the caller decides again.
    """
    # By then it is settled who owns what, so force takes nothing but what is claimed with the map.
    force = spec.force or bool(account and account.claimed)
    metadata: Json = {"namespace": spec.namespace, "name": spec.name}
    if account is not None:
        metadata.update(uid=account.uid, resourceVersion=account.resource_version)
    for kind in rules.KINDS:
        mapping = mapping_of(kind, config)
        if mapping:
            metadata[kind] = mapping
    arguments = {"body": _service_account(metadata), "manager": FIELD_MANAGER, "force": force}
    return Action("apply_service_account", arguments, words)


def _remove(spec: ServiceAccountSpec, account: ServiceAccount, fields: t.Collection[Field]) -> Action:
    """The removal of fields whoever owns them."""
    arguments = {
        "namespace": spec.namespace,
        "name": spec.name,
        "uid": account.uid,
        "manager": FIELD_MANAGER,
        **{kind: sorted(field.key for field in fields if field.kind == kind) for kind in rules.KINDS},
    }
    return Action("remove_fields", arguments, f"service account {spec.title}: {_naming('remove', fields)}")


def _service_account(metadata: Json) -> Json:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def _names(owners: t.Iterable[FieldOwner]) -> str:
    return ", ".join(str(owner) for owner in owners)


def _listing(verb: str, fields: t.Mapping[Field, str]) -> str:
    return f"{verb} {', '.join(f'{field}={value}' for field, value in sorted(fields.items()))}" if fields else ""


def _naming(verb: str, fields: t.Collection[Field]) -> str:
    return f"{verb} {', '.join(str(field) for field in sorted(fields))}" if fields else ""
