# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ControllerRevisions: the current and earlier pod templates of a StatefulSet or DaemonSet.

Needed by: target pod_rollout; benchmarks.
"""

from __future__ import annotations

from sandbox.cluster.controllers.base import CONTROLLER, Controller, owner_reference, template_hash
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import CONTROLLER_REVISIONS
from sandbox.cluster.store import clone

HASH_LABEL = "controller-revision-hash"


def ensure_revision(controller: Controller, owner: Object) -> Object:
    """Return the revision of the owner's current template. It is created, or becomes the latest one, if necessary."""
    template = owner["spec"]["template"]
    existing = controller.owned_objects(owner, CONTROLLER_REVISIONS)
    latest = max((revision["revision"] for revision in existing), default=0)
    kind = controller.kind(CONTROLLER_REVISIONS)
    for revision in existing:
        if revision["data"]["spec"]["template"] == template:
            if revision["revision"] == latest:
                return revision
            return controller.api.modify(kind, revision, lambda obj: obj.update(revision=latest + 1), CONTROLLER)
    digest = template_hash(template)
    metadata = owner["metadata"]
    labels = dict((template.get("metadata") or {}).get("labels") or {})
    body = {
        "metadata": {
            "name": f"{metadata['name']}-{digest}",
            "labels": {**labels, HASH_LABEL: digest},
            "ownerReferences": [owner_reference(owner)],
        },
        "data": {"spec": {"template": clone(template)}},
        "revision": latest + 1,
    }
    return controller.api.create(kind, metadata["namespace"], body, CONTROLLER)
