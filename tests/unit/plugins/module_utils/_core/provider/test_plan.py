# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for an IAM OIDC provider: what is returned of it, and the writes that bring it to its spec."""

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


def wanted(**options: t.Any) -> ProviderSpec:
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
    """A provider as IAM returns it."""
    return ObservedProvider(
        URL, ARN, {"Url": HOST, "ClientIDList": [STS], "ThumbprintList": [ONE], "Tags": {}, **found}
    )


MISSING = ObservedProvider(URL, ARN, None)


def writes(made: t.Any) -> list[tuple[str, dict[str, t.Any]]]:
    return [
        (action.operation, {key: value for key, value in action.arguments.items() if key != "arn"})
        for action in made.actions
    ]


def test_creation_leaves_the_thumbprints_to_aws() -> None:
    made = plan(wanted(tags={"team": "a"}), MISSING)
    assert writes(made) == [
        ("create_oidc_provider", {"url": URL, "client_ids": [STS], "thumbprints": None, "tags": {"team": "a"}})
    ]
    assert made.before == {}
    assert made.after == {"arn": ARN, "url": URL, "client_ids": [STS], "thumbprints": None, "tags": {"team": "a"}}


def test_creation_with_everything() -> None:
    made = plan(wanted(client_ids=["b", "a", "b"], thumbprints=[TWO.upper(), ONE]), MISSING)
    ((_operation, arguments),) = writes(made)
    assert arguments["client_ids"] == ["b", "a"]
    assert arguments["thumbprints"] == [TWO, ONE]
    assert made.after["client_ids"] == ["a", "b"]
    assert made.after["thumbprints"] == [ONE, TWO]


# What is there, what is asked for, what is written.
CHANGES: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], list[tuple[str, dict[str, t.Any]]]]] = {
    "nothing to do": ({}, {}, []),
    "others' audiences stay": ({"ClientIDList": ["x", STS]}, {}, []),
    "a missing audience": ({"ClientIDList": ["x"]}, {}, [("add_client_id", {"client_id": STS})]),
    "purge": (
        {"ClientIDList": ["x", "y"]},
        {"purge_client_ids": True},
        [
            ("add_client_id", {"client_id": STS}),
            ("remove_client_id", {"client_id": "x"}),
            ("remove_client_id", {"client_id": "y"}),
        ],
    ),
    "an empty list without purge is nothing": ({}, {"client_ids": []}, []),
    "an empty list with purge is none": (
        {},
        {"client_ids": [], "purge_client_ids": True},
        [("remove_client_id", {"client_id": STS})],
    ),
    "thumbprints left out are left alone": ({"ThumbprintList": [TWO]}, {}, []),
    "thumbprints in another order and case": (
        {"ThumbprintList": [TWO, ONE.upper()]},
        {"thumbprints": [ONE, TWO.upper()]},
        [],
    ),
    "thumbprints": ({}, {"thumbprints": [TWO]}, [("set_thumbprints", {"thumbprints": [TWO]})]),
    "tags left out are left alone": ({"Tags": {"a": "1"}}, {}, []),
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
    "no tags": ({"Tags": {"a": "1"}}, {"tags": {}}, [("untag_oidc_provider", {"keys": ["a"]})]),
    "the same tag in another case": (
        {"Tags": {"Team": "a"}},
        {"tags": {"team": "a"}},
        [("tag_oidc_provider", {"tags": {"team": "a"}})],
    ),
}


@pytest.mark.parametrize(("found", "options", "expected"), CHANGES.values(), ids=CHANGES.keys())
def test_changes(found: dict[str, t.Any], options: dict[str, t.Any], expected: list[t.Any]) -> None:
    made = plan(wanted(**options), observed(**found))
    assert writes(made) == expected
    assert (made.before == made.after) is not bool(expected)
    assert all(action.arguments["arn"] == ARN for action in made.actions)


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
def test_the_writes_lead_to_what_was_foreseen_and_no_further(
    before: dict[str, t.Any], options: dict[str, t.Any]
) -> None:
    """IAM, in ten lines, does the writes; then nothing is left to do."""
    made = plan(wanted(**options), observed(**before))
    found = {"ClientIDList": set(before["ClientIDList"]), "ThumbprintList": before["ThumbprintList"]}
    tags = dict(before["Tags"])
    for operation, arguments in writes(made):
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
    in_the_end = observed(**{**found, "Tags": tags})
    assert provider_plan.shape(in_the_end) == made.after
    assert not plan(wanted(**options), in_the_end)


def role(name: str, *statements: t.Any) -> dict[str, t.Any]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return {"RoleName": name, "AssumeRolePolicyDocument": document}


def trusts(federated: t.Any, effect: str = "Allow") -> dict[str, t.Any]:
    return {"Effect": effect, "Principal": {"Federated": federated}, "Action": "sts:AssumeRoleWithWebIdentity"}


def test_removal_is_refused_while_roles_trust_it() -> None:
    others = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    in_use = ObservedProvider(
        URL,
        ARN,
        observed().found,
        roles=(
            role("z", others, trusts(ARN), trusts(ARN)),
            role("unrelated", trusts(f"{ARN}/"), others),
            role("denied", trusts(ARN, "Deny")),
            role("a", trusts(["arn:aws:iam::123456789012:oidc-provider/x", ARN])),
            {"RoleName": "one", "AssumeRolePolicyDocument": {"Statement": trusts(ARN)}},
        ),
    )
    with pytest.raises(errors.Conflict) as caught:
        plan(wanted(state="absent"), in_use)
    assert caught.value.details["roles"] == ["a", "one", "z"]
    assert "trusted by 3 roles: a, one, z. Fix:" in str(caught.value)
    assert "force: true" in str(caught.value)
    assert writes(plan(wanted(state="absent", force=True), in_use)) == [("delete_oidc_provider", {})]


def test_removal() -> None:
    made = plan(wanted(state="absent"), observed())
    assert writes(made) == [("delete_oidc_provider", {})]
    assert made.before["arn"] == ARN
    assert made.after == {}
    assert not plan(wanted(state="absent"), MISSING)


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize(
    ("other", "warned"),
    [
        (f"{ARN}/", True),
        (ARN.lower(), True),
        (ARN.replace("eu-west-1", "eu-west-2"), True),
        (f"{ARN}0", False),
        (ARN, False),
        (f"{ARN}/".replace("123456789012", "210987654321"), False),
    ],
)
def test_provider_that_looks_like_the_missing_one_is_warned_of(state: str, other: str, warned: bool) -> None:
    made = plan(
        wanted(state=state),
        ObservedProvider(URL, ARN, None, others=("arn:aws:iam::123456789012:oidc-provider/x", other)),
    )
    assert bool(made.warnings) is warned
    assert all(other in warning for warning in made.warnings)


@pytest.mark.parametrize("found", [MISSING, observed(ClientIDList=["x"])], ids=["new", "more"])
def test_too_many_audiences(found: ObservedProvider) -> None:
    ids = [f"audience-{number}" for number in range(101 if found is MISSING else 100)]
    with pytest.raises(errors.InvalidInput, match="would have 101 audiences"):
        plan(wanted(client_ids=ids), found)
    assert plan(wanted(client_ids=ids[:100], purge_client_ids=True), found)


def test_too_many_tags() -> None:
    with pytest.raises(errors.InvalidInput, match="would have 51 tags"):
        plan(
            wanted(tags={"x": "y"}, purge_tags=False),
            observed(Tags={str(number): "" for number in range(50)}),
        )
