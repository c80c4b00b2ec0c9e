# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's webhook makes the pods: what it injects is right, and what it never saw is stale."""

from __future__ import annotations

import copy
import typing as t

import hypothesis
import hypothesis.strategies as st
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.injection import ExpectedInjection
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.workload_kinds import Owner
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout import staleness
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.staleness import PodStatus
from sandbox import webhook
from unit import kubernetes_objects as k8s

Json = dict[str, t.Any]

ROLE = "arn:aws:iam::123456789012:role/app"
OTHER = "arn:aws:iam::123456789012:role/other"
BARE = "has no AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE"


def account(role: str | None = ROLE, **annotations: str) -> Json:
    found = {f"eks.amazonaws.com/{key.replace('_', '-')}": value for key, value in annotations.items()}
    if role is not None:
        found["eks.amazonaws.com/role-arn"] = role
    return {"metadata": {"name": "app", "namespace": "shop", "annotations": found}}


def pod(*containers: Json, init: t.Sequence[Json] = (), status: Json | None = None, **metadata: t.Any) -> Json:
    return {
        "metadata": {"name": "p", "namespace": "shop", "uid": "1", **metadata},
        "spec": {
            "serviceAccountName": "app",
            "containers": list(containers) or [container("app")],
            "initContainers": list(init),
        },
        "status": status or {"phase": "Running"},
    }


def container(name: str, **env: str) -> Json:
    return {"name": name, "env": [{"name": key, "value": value} for key, value in env.items()]}


def injected(original: Json, role: str = ROLE, **options: t.Any) -> Json:
    return webhook.inject(original, account(role), **options)


REPLICA_SET = Owner("apps/v1", "ReplicaSet", "web-6d")


def evaluate(given: Json, expected: ExpectedInjection | None, template: Json | None = None, **options: t.Any) -> PodStatus:
    """The status of a pod that was made from ``template``, where that is known."""
    if template is None:
        return staleness.evaluate_pod(given, expected, {}, **options)
    reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-6d", "controller": True}
    owned = {**given, "metadata": {**given["metadata"], "ownerReferences": [reference]}}
    replica_set = {"metadata": {}, "spec": {"template": {"spec": template}}}
    return staleness.evaluate_pod(owned, expected, {REPLICA_SET: replica_set}, **options)


def summary(status: PodStatus) -> tuple[bool, tuple[str, ...], tuple[str, ...]]:
    return status.stale, status.reasons, status.correct_containers


def test_an_injected_pod_is_right() -> None:
    status = evaluate(injected(pod(container("app"), init=[container("prepare")])), ExpectedInjection(ROLE))
    assert summary(status) == (False, (), ("prepare", "app"))


@pytest.mark.parametrize(
    ("given", "reasons"),
    [
        pytest.param(pod(), [f"container app {BARE}"], id="bare"),
        pytest.param(pod(container("a"), container("b")), [f"container a {BARE}", f"container b {BARE}"], id="two"),
        pytest.param(injected(pod(), OTHER), [f"container app has role {OTHER} instead of {ROLE}"], id="another-role"),
        pytest.param(
            injected(pod(annotations={"eks.amazonaws.com/skip-containers": "a,b"}), OTHER),
            [f"container app has role {OTHER} instead of {ROLE}"],
            id="others-are-skipped",
        ),
        pytest.param(
            pod(annotations={"eks.amazonaws.com/skip-containers": 'app"'}), [f"container app {BARE}"], id="csv-error"
        ),
        pytest.param(pod(status={"phase": "Pending"}), [f"container app {BARE}"], id="pending"),
        pytest.param(
            injected(pod(), pod_identity=True),
            ["container app has the credentials of an EKS Pod Identity association instead of the role"],
            id="pod-identity",
        ),
    ],
)
def test_stale(given: Json, reasons: list[str]) -> None:
    status = evaluate(given, ExpectedInjection(ROLE))
    assert (status.stale, list(status.reasons)) == (True, reasons)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param(pod(annotations={"kubernetes.io/config.mirror": "x"}), "a static pod", id="static"),
        pytest.param(pod(deletionTimestamp="2026-11-22T10:00:00Z"), "being deleted", id="terminating"),
        pytest.param(pod(status={"phase": "Succeeded"}), "it has ended (succeeded)", id="completed"),
        pytest.param(pod(status={"phase": "Failed", "reason": "Evicted"}), "it has ended (evicted)", id="evicted"),
        pytest.param(
            pod(labels={"eks.amazonaws.com/skip-pod-identity-webhook": "1"}), "keeps the webhook away", id="label"
        ),
        pytest.param(
            pod(annotations={"eks.amazonaws.com/skip-containers": "app"}), "container app is skipped", id="skipped"
        ),
        pytest.param(pod(container("app", AWS_ROLE_ARN=OTHER)), "sets AWS_ROLE_ARN itself", id="preset-role"),
        pytest.param(
            pod(container("app", AWS_WEB_IDENTITY_TOKEN_FILE="/t")),
            "sets AWS_WEB_IDENTITY_TOKEN_FILE itself",
            id="preset-file",
        ),
        pytest.param(
            injected(pod(container("app", AWS_ROLE_ARN=OTHER, AWS_WEB_IDENTITY_TOKEN_FILE="/t"))),
            "sets AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE itself",
            id="preset-both-with-the-webhooks-volume",
        ),
        pytest.param(
            pod({"name": "app", "env": [{"name": "AWS_ROLE_ARN", "valueFrom": {"secretKeyRef": {}}}]}),
            "sets AWS_ROLE_ARN itself",
            id="preset-by-reference",
        ),
    ],
)
def test_not_the_webhooks(given: Json, reason: str) -> None:
    status = evaluate(given, ExpectedInjection(ROLE))
    assert not status.stale
    assert status.correct_containers == ()
    assert len(status.reasons) == 1
    assert reason in status.reasons[0]


def test_ephemeral_containers_are_not_looked_at() -> None:
    given = injected(pod())
    given["spec"]["ephemeralContainers"] = [container("debug")]
    assert summary(evaluate(given, ExpectedInjection(ROLE))) == (False, (), ("app",))


def test_an_account_without_a_role_promises_nothing() -> None:
    assert ExpectedInjection.from_account(account(None)) is None
    assert ExpectedInjection.from_account(account("")) is None
    assert ExpectedInjection.from_account({"metadata": {"annotations": None}}) is None
    status = evaluate(pod(), None)
    assert status.stale is False
    assert status.reasons == ("its service account app has no annotation eks.amazonaws.com/role-arn",)


def test_on_windows_the_path_is_another() -> None:
    given = pod()
    given["spec"]["nodeSelector"] = {"kubernetes.io/os": "windows"}
    right = injected(given)
    path = next(each["value"] for each in right["spec"]["containers"][0]["env"] if each["name"].endswith("_FILE"))
    assert path.startswith("C:\\var\\run")
    assert evaluate(right, ExpectedInjection(ROLE)).correct_containers == ("app",)
    assert evaluate(right, ExpectedInjection(OTHER)).stale


@pytest.mark.parametrize(("audience", "stale"), [(None, False), ("sts.amazonaws.com", False), ("vault", True)], ids=str)
def test_audience_of_the_annotation(audience: str | None, stale: bool) -> None:
    given = injected(pod())
    status = evaluate(given, ExpectedInjection(ROLE, audience))
    assert status.stale is stale
    if stale:
        assert status.reasons == ("the token's audience is sts.amazonaws.com instead of vault",)
        own = {"containers": given["spec"]["containers"], "volumes": given["spec"]["volumes"]}
        # A volume of that name in the template is kept by the webhook.
        assert not evaluate(given, ExpectedInjection(ROLE, audience), own).stale


def test_without_a_role_wanted_what_is_injected_is_stale() -> None:
    status = evaluate(injected(pod()), ExpectedInjection(""))
    assert (status.stale, status.reasons) == (True, (f"container app still has role {ROLE}",))
    assert summary(evaluate(pod(), ExpectedInjection(""))) == (False, (), ("app",))
    preset = pod(container("app", AWS_ROLE_ARN=ROLE, AWS_WEB_IDENTITY_TOKEN_FILE="/t"))
    assert not evaluate(preset, ExpectedInjection("")).stale


def test_the_template_tells_what_the_author_wrote() -> None:
    # By hand, but at the very place where the webhook writes: only the template tells.
    given = injected(pod(), OTHER)
    by_hand = given["spec"]
    assert evaluate(given, ExpectedInjection(ROLE)).stale
    assert evaluate(given, ExpectedInjection(ROLE), pod()["spec"]).stale
    assert not evaluate(given, ExpectedInjection(ROLE), by_hand).stale


def test_a_container_that_is_not_in_the_template_came_after_the_webhook() -> None:
    given = injected(pod())
    given["spec"]["containers"].append(container("sidecar"))
    status = evaluate(given, ExpectedInjection(ROLE), pod()["spec"])
    assert status.reasons == ("container sidecar was added after the webhook had seen the pod, so it has no role",)
    assert (status.stale, status.correct_containers) == (False, ("app",))


NAMES = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=4, unique=True)
VARIABLES = st.sets(st.sampled_from(["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION", "PATH"]))


@st.composite
def pods(draw: st.DrawFn) -> Json:
    names = draw(NAMES)
    made = [container(name, **dict.fromkeys(sorted(draw(VARIABLES)), "mine")) for name in names]
    cut = draw(st.integers(0, len(names) - 1))
    given = pod(*made[cut:], init=made[:cut])
    if draw(st.booleans()):
        skipped = ",".join(draw(NAMES))
        given["metadata"]["annotations"] = {"eks.amazonaws.com/skip-containers": skipped}
    if draw(st.booleans()):
        given["spec"]["nodeSelector"] = {"kubernetes.io/os": draw(st.sampled_from(["linux", "windows"]))}
    return given


@hypothesis.given(pods(), st.booleans())
def test_what_the_webhook_has_seen_is_never_stale(given: Json, with_template: bool) -> None:
    before = copy.deepcopy(given)
    template = before["spec"] if with_template else None
    after = injected(given)
    status = evaluate(after, ExpectedInjection(ROLE), template)
    assert not status.stale
    # Seen before the annotation was there: stale exactly if the webhook would have given the role to any container.
    gained = evaluate(after, ExpectedInjection(ROLE), template).correct_containers
    assert evaluate(before, ExpectedInjection(ROLE), template).stale is bool(gained)
    # And it is stale once the account names another role.
    assert evaluate(after, ExpectedInjection(OTHER), template).stale is bool(gained)
    assert evaluate(after, ExpectedInjection(""), template).stale is bool(gained)


# -- where several answers were given once


def with_sidecar(given: Json) -> Json:
    given["spec"]["containers"].append(container("sidecar"))
    return given


@pytest.mark.parametrize("template", [None, pod()["spec"]], ids=["template-unknown", "template-known"])
def test_a_sidecar_that_came_after_the_webhook_does_not_make_a_pod_stale(template: Json | None) -> None:
    """A new pod would get its sidecar in the same way: a restart changes nothing."""
    status = evaluate(with_sidecar(injected(pod())), ExpectedInjection(ROLE), template)
    assert summary(status) == (
        False,
        ("container sidecar was added after the webhook had seen the pod, so it has no role",),
        ("app",),
    )
    assert evaluate(with_sidecar(injected(pod())), ExpectedInjection(OTHER), template).stale


@pytest.mark.parametrize("role", [OTHER, ""], ids=["another-role", "no-role"])
def test_a_label_that_an_injected_pod_got_later_does_not_hide_that_it_is_stale(role: str) -> None:
    given = injected(pod())
    given["metadata"]["labels"] = {"eks.amazonaws.com/skip-pod-identity-webhook": "1"}
    assert evaluate(given, ExpectedInjection(role)).stale
    assert evaluate(given, ExpectedInjection(ROLE)).correct_containers == ("app",)


def test_selectors_of_the_webhooks_exclude_like_the_label() -> None:
    status = evaluate(pod(), ExpectedInjection(ROLE), exclusion=lambda labels: None if labels else "there must be a label irsa")
    assert summary(status) == (False, ("its labels keep the webhook away: there must be a label irsa",), ())
    assert status.excluded == "there must be a label irsa"
    assert evaluate(pod(labels={"irsa": "yes"}), ExpectedInjection(ROLE), exclusion=lambda _labels: None).stale


def test_what_the_deployment_says_today_is_not_what_the_pod_was_made_from() -> None:
    """The Deployment's template sets the role itself by now; the pod's ReplicaSet did not."""
    reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-6d", "controller": True}
    given = injected(pod(ownerReferences=[reference]), OTHER)
    mine = container("app", AWS_ROLE_ARN=ROLE, AWS_WEB_IDENTITY_TOKEN_FILE="/t")
    owned = {"ownerReferences": [{**reference, "kind": "Deployment", "name": "web"}]}
    workloads = {
        REPLICA_SET: {"metadata": owned, "spec": {"template": {"spec": pod()["spec"]}}},
        Owner("apps/v1", "Deployment", "web"): {"metadata": {}, "spec": {"template": {"spec": pod(mine)["spec"]}}},
    }
    status = staleness.evaluate_pod(given, ExpectedInjection(ROLE), workloads)
    assert status.owner == Owner("apps/v1", "Deployment", "web")
    assert status.reasons == (f"container app has role {OTHER} instead of {ROLE}",)


def test_an_association_that_takes_precedence_is_no_reason_to_restart() -> None:
    status = evaluate(injected(pod(), pod_identity=True), ExpectedInjection(ROLE, pod_identity=True))
    assert not status.stale
    assert "which takes precedence over the role" in status.reasons[0]


def test_variables_by_something_else_than_the_webhook_stay_though_the_role_is_taken_away() -> None:
    given = pod(container("app", AWS_ROLE_ARN=OTHER, AWS_WEB_IDENTITY_TOKEN_FILE="/t"))
    assert not evaluate(given, ExpectedInjection(""), pod()["spec"]).stale


def test_the_audience_matters_only_where_a_container_has_the_webhooks_token() -> None:
    """All by hand, beside the webhook's volume, which nobody uses."""
    given = injected(pod(container("app", AWS_ROLE_ARN=ROLE, AWS_WEB_IDENTITY_TOKEN_FILE="/t")))
    assert not evaluate(given, ExpectedInjection(ROLE, "vault")).stale
    assert evaluate(injected(pod(), OTHER), ExpectedInjection(ROLE, "vault")).stale_audience == "sts.amazonaws.com"


def test_a_pod_was_made_from_the_template_of_its_own_replica_set() -> None:
    """That of the Deployment may have changed since."""
    pod_of_web = k8s.deployment_pod("web", "6d", "a")
    deployment, made_by = Owner("apps/v1", "Deployment", "web"), Owner("apps/v1", "ReplicaSet", "web-6d")
    changed = k8s.workload("web")
    changed["spec"]["template"]["spec"]["containers"].append({"name": "newer"})
    replica_set = k8s.workload("web-6d", owner=k8s.owner_reference("Deployment", "web"))
    known = {deployment: changed, made_by: replica_set}
    assert staleness.find_template(deployment, pod_of_web, known) == replica_set["spec"]["template"]["spec"]
    del known[made_by]
    assert staleness.find_template(deployment, pod_of_web, known) == changed["spec"]["template"]["spec"]
    assert staleness.find_template(deployment, pod_of_web, {}) is None
