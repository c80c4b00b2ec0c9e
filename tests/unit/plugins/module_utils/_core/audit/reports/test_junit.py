# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JUnit XML report: failed and skipped cases, counts, and hostile text."""

from __future__ import annotations

import typing as t
import xml.etree.ElementTree as ET

import junitparser
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports.junit import render
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.module_utils._core.wording import visible
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.plugins.module_utils._core.audit.audit_documents import (
    ORPHANED_PROVIDER,
    PROVIDER_ARN,
    STALE,
    STALE_WORKER,
    SUB_MISMATCH,
    UNUSED,
    account,
    document,
    finding,
    role,
)

settings.register_profile("irsa", deadline=None, max_examples=100)
settings.load_profile("irsa")

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def render_and_parse(audit: t.Mapping[str, t.Any], fail_on: str = "error") -> ET.Element:
    return ET.fromstring(render(audit, fail_on).encode())  # noqa: S314 - the XML is our own


def case_of(root: ET.Element, name: str, suite: str = "service accounts") -> ET.Element:
    (found,) = root.findall(f"testsuite[@name='{suite}']/testcase[@name='{name}']")
    return found


def outcomes(root: ET.Element) -> dict[str, list[str]]:
    """Return the names of each case's child elements, by suite; ``ok`` for none."""
    return {
        suite.get("name", ""): [" ".join(child.tag for child in case) or "ok" for case in suite.iter("testcase")]
        for suite in root
    }


def test_each_object_is_a_case() -> None:
    root = render_and_parse(document())
    cases = {
        suite.get("name"): [(case.get("classname"), case.get("name")) for case in suite.iter("testcase")]
        for suite in root
    }
    assert cases == {
        "service accounts": [
            ("production.shop", "cart"),
            ("production.shop", "mail"),
            ("production.shop", "orders"),
            ("production.shop", "refunds"),
            ("production.web", "front"),
        ],
        "roles": [
            ("production.iam.111122223333", "shop-cart"),
            ("production.iam.111122223333", "idle"),
            ("production.iam.444455556666", "mail"),
            ("production.iam.111122223333", "orders"),
        ],
        "provider": [("production.iam.provider", PROVIDER_ARN)],
        "cluster": [("production.cluster", f"provider-orphaned: {ORPHANED_PROVIDER}")],
    }
    assert root.get("name") == "IRSA of production"
    assert {suite.get("timestamp") for suite in root} == {"2026-11-26T10:00:00"}


@pytest.mark.parametrize(
    ("fail_on", "expected"),
    [
        (
            "error",
            {
                "service accounts": ["failure", "skipped", "system-out", "system-out", "ok"],
                "roles": ["failure", "system-out", "skipped", "system-out"],
                "provider": ["ok"],
                "cluster": ["system-out"],
            },
        ),
        (
            "warning",
            {
                "service accounts": ["failure", "skipped", "system-out", "system-out", "ok"],
                "roles": ["failure", "failure", "skipped", "system-out"],
                "provider": ["ok"],
                "cluster": ["failure"],
            },
        ),
        (
            "never",
            {
                "service accounts": ["system-out", "skipped", "system-out", "system-out", "ok"],
                "roles": ["system-out", "system-out", "skipped", "system-out"],
                "provider": ["ok"],
                "cluster": ["system-out"],
            },
        ),
    ],
)
def test_fail_on_decides_which_cases_fail(fail_on: str, expected: dict[str, list[str]]) -> None:
    assert outcomes(render_and_parse(document(), fail_on)) == expected


@pytest.mark.parametrize("fail_on", ["error", "warning", "never"])
def test_counts_match_the_elements(fail_on: str) -> None:
    root = render_and_parse(document(), fail_on)
    for element in [root, *root]:
        assert element.get("tests") == str(len(list(element.iter("testcase"))))
        assert element.get("failures") == str(len(list(element.iter("failure"))))
        assert element.get("skipped") == str(len(list(element.iter("skipped"))))
        assert element.get("errors") == "0"
    assert root.get("tests") == "11"


def test_counts_match_those_of_junitparser() -> None:
    report = junitparser.JUnitXml.fromstring(render(document(), "warning").encode())
    before = [(suite.name, suite.tests, suite.failures, suite.skipped, suite.errors) for suite in report]
    report.update_statistics()
    after = [(suite.name, suite.tests, suite.failures, suite.skipped, suite.errors) for suite in report]
    assert before == after
    assert before == [
        ("service accounts", 5, 1, 1, 0),
        ("roles", 4, 2, 1, 0),
        ("provider", 1, 0, 0, 0),
        ("cluster", 1, 1, 0, 0),
    ]
    (failure,) = next(iter(next(iter(report)))).result
    assert failure.type == "pod-predates-annotation"


def test_failure_has_all_findings_and_the_worst_in_its_message() -> None:
    failure = case_of(render_and_parse(document()), "cart").find("failure")
    assert failure is not None
    assert failure.get("type") == STALE["id"]
    assert failure.get("message") == f"{STALE['message']}. And 2 more."
    assert failure.text == "\n\n".join(
        "\n".join(
            [
                f"{row['severity']}: {row['id']} ({row['link']})",
                row["message"],
                *(f"{key}: {row[key]}" for key in ("evidence", "expected", "found", "fix")),
            ]
        )
        for row in (STALE, STALE_WORKER, SUB_MISMATCH)
    )


def test_findings_below_fail_on_are_output() -> None:
    output = case_of(render_and_parse(document()), "idle", "roles").findtext("system-out")
    assert output == (f"warning: role-unused (role)\n{UNUSED['message']}\nevidence: RoleLastUsed\nfix: {UNUSED['fix']}")


def test_failed_and_skipped_cases_also_have_output() -> None:
    unknown = account("shop", "mail", "unknown", [1])
    broken = account("shop", "cart", "error", [0, 1])
    audit = document(findings=[STALE, UNUSED], service_accounts=[broken, unknown], roles=[])
    assert outcomes(render_and_parse(audit))["service accounts"] == ["failure system-out", "skipped system-out"]
    assert outcomes(render_and_parse(audit, "warning"))["service accounts"] == ["failure", "failure"]


def test_skipped_case_has_a_reason() -> None:
    root = render_and_parse(document())
    skipped = case_of(root, "mail").find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "The role of shop/mail: it is in another account."
    assert root[0].findtext("system-err") == (
        "skipped check: The role of shop/mail: it is in another account.\n"
        "skipped check: The permission eks:ListAddons is missing."
    )
    assert root.find("testsuite[@name='provider']/system-err") is None


@pytest.mark.parametrize(
    ("skipped_checks", "reason"),
    [
        (["pods of shop/mail-2", "pods of shop/mail, shop/cart"], "pods of shop/mail, shop/cart"),
        (["pods of shop/mailing", "role x"], "pods of shop/mailing role x"),
        (
            [f"role {number}" for number in range(4)],
            "Some checks were skipped; see the end of the suite.",
        ),
        ([f"{number} of shop/mail" for number in range(5)], "0 of shop/mail 1 of shop/mail 2 of shop/mail"),
        ([], "Some checks were skipped; see the end of the suite."),
    ],
)
def test_reason_is_the_skipped_check_that_names_the_object(skipped_checks: list[str], reason: str) -> None:
    skipped = case_of(render_and_parse(document(skipped_checks=skipped_checks)), "mail").find("skipped")
    assert skipped is not None
    assert skipped.get("message") == reason


def test_finding_about_thousands_is_in_each_case_with_few_names() -> None:
    names = [f"app-{number}" for number in range(2000)]
    missing = finding(
        "webhook-missing",
        "error",
        "webhook",
        "the webhook does not exist",
        service_accounts=[f"shop/{name}" for name in names],
    )
    accounts = [account("shop", name, "error", [0]) for name in names]
    audit = document(findings=[missing], service_accounts=accounts, roles=[])
    text = render(audit)
    assert render_and_parse(audit)[0].get("failures") == "2000"
    assert text.count("and 1990 more") == 2000
    assert len(text) < 2_000_000


def test_empty_document_has_no_suites() -> None:
    root = render_and_parse(document(findings=[], service_accounts=[], roles=[], provider=None))
    assert len(root) == 0
    assert root.get("tests") == "0"


def test_invalid_fail_on_is_rejected() -> None:
    with pytest.raises(InvalidInput, match="use one of error, warning, never"):
        render(document(), "note")


@given(name=any_text, namespace=any_text, message=any_text, fix=any_text, skipped_check=any_text)
def test_any_text_is_kept(name: str, namespace: str, message: str, fix: str, skipped_check: str) -> None:
    row = finding("sub-mismatch", "error", "role", message, fix=fix, evidence=message, service_accounts=[name])
    audit = document(
        findings=[row, {**row, "severity": "note"}],
        service_accounts=[account(namespace, name, "error", [0, 1]), account(namespace, name, "unknown")],
        roles=[role(f"arn:aws:iam::111122223333:role/{name}", "error", [0])],
        skipped_checks=[skipped_check],
    )
    root = render_and_parse(audit)
    case = root[0][0]
    assert case.get("name") == (visible(name) or ("" if name else "-"))
    assert case.get("classname") == visible(f"production.{namespace}")
    assert visible(message) in (case.findtext("failure") or "")
    assert visible(fix) in (case.findtext("system-out") or "")
    assert visible(skipped_check) in (root[0].findtext("system-err") or "")
