# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ControllerRevisions: the pod templates that a StatefulSet or DaemonSet has had.

Needed by: target pod_rollout; benchmarks.
"""

from __future__ import annotations

from sandbox.cluster.controllers.base import CONTROLLER, Controller, hash_of, reference_to
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import CONTROLLER_REVISIONS
from sandbox.cluster.store import clone

HASH_LABEL = "controller-revision-hash"


def ensure(controller: Controller, owner: Object) -> Object:
    """The revision of the owner's present template, made or moved to the top when it is not the latest."""
    template = owner["spec"]["template"]
    known = controller.owned(owner, CONTROLLER_REVISIONS)
    latest = max((revision["revision"] for revision in known), default=0)
    kind = controller.kind(CONTROLLER_REVISIONS)
    for revision in known:
        if revision["data"]["spec"]["template"] == template:
            if revision["revision"] == latest:
                return revision
            return controller.api.modify(kind, revision, lambda obj: obj.update(revision=latest + 1), CONTROLLER)
    digest = hash_of(template)
    metadata = owner["metadata"]
    labels = dict((template.get("metadata") or {}).get("labels") or {})
    body = {
        "metadata": {
            "name": f"{metadata['name']}-{digest}",
            "labels": {**labels, HASH_LABEL: digest},
            "ownerReferences": [reference_to(owner)],
        },
        "data": {"spec": {"template": clone(template)}},
        "revision": latest + 1,
    }
    return controller.api.create(kind, metadata["namespace"], body, CONTROLLER)
