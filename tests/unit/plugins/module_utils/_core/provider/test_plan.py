# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for an IAM OIDC provider: return values and writes."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.provider import plan as provider_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.provider.plan import (
    ObservedProvider,
    ProviderSpec,
    plan,
)
from hypothesis import given
from hypothesis import strategies as st

HOST = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
URL, ARN = f"https://{HOST}", f"arn:aws:iam::123456789012:oidc-provider/{HOST}"
STS = "sts.amazonaws.com"
ONE, TWO = "a" * 40, "b" * 40


def make_spec(**options: t.Any) -> ProviderSpec:
    defaults = {
        "state": "present",
        "cluster_name": None,
        "url": URL,
        "client_ids": [STS],
        "purge_client_ids": False,
        "thumbprints": None,
        "tags": None,
        "purge_tags": True,
        "force": False,
    }
    return ProviderSpec.from_params({**defaults, **options})


def observed(**found: t.Any) -> ObservedProvider:
    """An existing provider, with other values as IAM returns them."""
    return ObservedProvider(
        URL, ARN, {"Url": HOST, "ClientIDList": [STS], "ThumbprintList": [ONE], "Tags": {}, **found}
    )


MISSING = ObservedProvider(URL, ARN, None)


def writes(result: t.Any) -> list[tuple[str, dict[str, t.Any]]]:
    return [
        (action.operation, {key: value for key, value in action.arguments.items() if key != "arn"})
        for action in result.actions
    ]


def test_created_provider_has_default_thumbprints() -> None:
    result = plan(make_spec(tags={"team": "a"}), MISSING)
    assert writes(result) == [
        ("create_oidc_provider", {"url": URL, "client_ids": [STS], "thumbprints": None, "tags": {"team": "a"}})
    ]
    assert result.before == {}
    assert result.after == {"arn": ARN, "url": URL, "client_ids": [STS], "thumbprints": None, "tags": {"team": "a"}}


def test_create_with_all_options() -> None:
    result = plan(make_spec(client_ids=["b", "a", "b"], thumbprints=[TWO.upper(), ONE]), MISSING)
    ((_operation, arguments),) = writes(result)
    assert arguments["client_ids"] == ["b", "a"]
    assert arguments["thumbprints"] == [TWO, ONE]
    assert result.after["client_ids"] == ["a", "b"]
    assert result.after["thumbprints"] == [ONE, TWO]


# Observed values, options, expected writes.
CHANGES: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], list[tuple[str, dict[str, t.Any]]]]] = {
    "unchanged": ({}, {}, []),
    "other audiences are kept": ({"ClientIDList": ["x", STS]}, {}, []),
    "missing audience": ({"ClientIDList": ["x"]}, {}, [("add_client_id", {"client_id": STS})]),
    "purge": (
        {"ClientIDList": ["x", "y"]},
        {"purge_client_ids": True},
        [
            ("add_client_id", {"client_id": STS}),
            ("remove_client_id", {"client_id": "x"}),
            ("remove_client_id", {"client_id": "y"}),
        ],
    ),
    "empty list without purge": ({}, {"client_ids": []}, []),
    "empty list with purge": (
        {},
        {"client_ids": [], "purge_client_ids": True},
        [("remove_client_id", {"client_id": STS})],
    ),
    "thumbprints not set": ({"ThumbprintList": [TWO]}, {}, []),
    "order and case of thumbprints": (
        {"ThumbprintList": [TWO, ONE.upper()]},
        {"thumbprints": [ONE, TWO.upper()]},
        [],
    ),
    "thumbprints": ({}, {"thumbprints": [TWO]}, [("set_thumbprints", {"thumbprints": [TWO]})]),
    "tags not set": ({"Tags": {"a": "1"}}, {}, []),
    "tags": (
        {"Tags": {"a": "1", "b": "2", "aws:x": "3"}},
        {"tags": {"b": "3", "c": 4}},
        [("untag_oidc_provider", {"keys": ["a"]}), ("tag_oidc_provider", {"tags": {"b": "3", "c": "4"}})],
    ),
    "tags without purge": (
        {"Tags": {"a": "1"}},
        {"tags": {"b": "2"}, "purge_tags": False},
        [("tag_oidc_provider", {"tags": {"b": "2"}})],
    ),
    "empty tags": ({"Tags": {"a": "1"}}, {"tags": {}}, [("untag_oidc_provider", {"keys": ["a"]})]),
    "case of tag key": (
        {"Tags": {"Team": "a"}},
        {"tags": {"team": "a"}},
        [("tag_oidc_provider", {"tags": {"team": "a"}})],
    ),
}


@pytest.mark.parametrize(("found", "options", "expected"), CHANGES.values(), ids=CHANGES.keys())
def test_changes(found: dict[str, t.Any], options: dict[str, t.Any], expected: list[t.Any]) -> None:
    result = plan(make_spec(**options), observed(**found))
    assert writes(result) == expected
    assert (result.before == result.after) is not bool(expected)
    assert all(action.arguments["arn"] == ARN for action in result.actions)


NAMES = st.sampled_from(["a", "B", "b", "c"])
TAGS = st.dictionaries(NAMES, st.sampled_from(["1", "2"])).filter(
    lambda tags: len(tags) == len({*map(str.lower, tags)})
)
THUMBPRINTS = st.lists(st.sampled_from([ONE, TWO, "C" * 40]), min_size=1, unique=True)


@given(
    before=st.fixed_dictionaries(
        {"ClientIDList": st.lists(NAMES, unique=True), "ThumbprintList": THUMBPRINTS, "Tags": TAGS}
    ),
    options=st.fixed_dictionaries(
        {"client_ids": st.lists(NAMES), "purge_client_ids": st.booleans(), "purge_tags": st.booleans()},
        optional={"thumbprints": THUMBPRINTS, "tags": TAGS},
    ),
)
def test_writes_lead_to_predicted_state(before: dict[str, t.Any], options: dict[str, t.Any]) -> None:
    """A minimal model of IAM applies the writes; the next plan is empty."""
    result = plan(make_spec(**options), observed(**before))
    found = {"ClientIDList": set(before["ClientIDList"]), "ThumbprintList": before["ThumbprintList"]}
    tags = dict(before["Tags"])
    for operation, arguments in writes(result):
        if operation == "add_client_id":
            found["ClientIDList"].add(arguments["client_id"])
        elif operation == "remove_client_id":
            found["ClientIDList"].remove(arguments["client_id"])
        elif operation == "set_thumbprints":
            found["ThumbprintList"] = arguments["thumbprints"]
        elif operation == "untag_oidc_provider":
            tags = {key: value for key, value in tags.items() if key not in arguments["keys"]}
        else:
            new = {key.lower() for key in arguments["tags"]}
            tags = {key: value for key, value in tags.items() if key.lower() not in new} | arguments["tags"]
    after = observed(**{**found, "Tags": tags})
    assert provider_plan.shape(after) == result.after
    assert not plan(make_spec(**options), after)


def role(name: str, *statements: t.Any) -> dict[str, t.Any]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return {"RoleName": name, "AssumeRolePolicyDocument": document}


def trusts(federated: t.Any, effect: str = "Allow") -> dict[str, t.Any]:
    return {"Effect": effect, "Principal": {"Federated": federated}, "Action": "sts:AssumeRoleWithWebIdentity"}


def test_delete_of_trusted_provider_is_rejected() -> None:
    unrelated = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    in_use = ObservedProvider(
        URL,
        ARN,
        observed().found,
        roles=(
            role("z", unrelated, trusts(ARN), trusts(ARN)),
            role("unrelated", trusts(f"{ARN}/"), unrelated),
            role("denied", trusts(ARN, "Deny")),
            role("a", trusts(["arn:aws:iam::123456789012:oidc-provider/x", ARN])),
            {"RoleName": "one", "AssumeRolePolicyDocument": {"Statement": trusts(ARN)}},
        ),
    )
    with pytest.raises(errors.Conflict) as caught:
        plan(make_spec(state="absent"), in_use)
    assert caught.value.details["roles"] == ["a", "one", "z"]
    assert "trusted by 3 roles: a, one, z. Fix:" in str(caught.value)
    assert "force: true" in str(caught.value)
    assert writes(plan(make_spec(state="absent", force=True), in_use)) == [
        ("delete_oidc_provider", {"if_unused": False})
    ]


def test_delete() -> None:
    result = plan(make_spec(state="absent"), observed())
    assert writes(result) == [("delete_oidc_provider", {"if_unused": True})]
    assert result.before["arn"] == ARN
    assert result.after == {}
    assert not plan(make_spec(state="absent"), MISSING)


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize(
    ("other", "has_warning"),
    [
        (f"{ARN}/", True),
        (ARN.lower(), True),
        (ARN.replace("eu-west-1", "eu-west-2"), True),
        (ARN.replace("oidc.eks.eu-west-1.amazonaws.com", "oidc-eks.eu-west-1.api.aws"), True),
        (f"{ARN}0", False),
        (ARN, False),
        (f"{ARN}/".replace("123456789012", "210987654321"), False),
    ],
)
def test_similar_provider_is_warned_about(state: str, other: str, has_warning: bool) -> None:
    result = plan(
        make_spec(state=state),
        ObservedProvider(URL, ARN, None, others=("arn:aws:iam::123456789012:oidc-provider/x", other)),
    )
    assert bool(result.warnings) is has_warning
    assert all(other in warning for warning in result.warnings)


def test_dual_stack_host_is_warned_about() -> None:
    url = URL.replace("oidc.eks.eu-west-1.amazonaws.com", "oidc-eks.eu-west-1.api.aws")
    arn = ARN.replace(HOST, url.removeprefix("https://"))
    new = ObservedProvider(url, arn, None, others=(ARN,))
    warning = (
        f"OIDC provider {arn} has the dual-stack host of an EKS cluster, but the tokens of the cluster have the issuer "
        f"{URL}. Service accounts need a provider with that url."
    )
    assert plan(make_spec(url=url), new).warnings[0] == warning
    existing = ObservedProvider(url, arn, observed().found)
    assert plan(make_spec(url=url), existing).warnings == (warning,)
    assert plan(make_spec(url=url, state="absent"), existing).warnings == ()
    assert plan(make_spec(), observed()).warnings == ()


@pytest.mark.parametrize("found", [MISSING, observed(ClientIDList=["x"])], ids=["new", "more"])
def test_too_many_audiences_are_rejected(found: ObservedProvider) -> None:
    ids = [f"audience-{number}" for number in range(101 if found is MISSING else 100)]
    with pytest.raises(errors.InvalidInput, match="would have 101 audiences"):
        plan(make_spec(client_ids=ids), found)
    assert plan(make_spec(client_ids=ids[:100], purge_client_ids=True), found)


def test_too_many_tags_are_rejected() -> None:
    with pytest.raises(errors.InvalidInput, match="would have 51 tags"):
        plan(
            make_spec(tags={"x": "y"}, purge_tags=False),
            observed(Tags={str(number): "" for number in range(50)}),
        )
