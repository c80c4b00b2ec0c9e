# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of options: strategies from an argument spec, and hostile text."""

from __future__ import annotations

import re
import typing as t

from hypothesis import strategies as st

Spec = t.Mapping[str, t.Mapping[str, t.Any]]

ROLE = "arn:aws:iam::123456789012:role/app"
ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
POLICY: dict[str, t.Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}],
}
HOSTILE = [
    "",
    " ",
    "\0",
    "a\0b",
    "\n",
    "app\n",
    "a\nb: c",
    "\r\nX-Header: y",
    "\x1b[2J\x1b]0;title\x07",
    "\u202eelor\u2066",
    "\u200b\ufeff",
    "\ud800",
    "app\udfff",
    "\u0663",
    "\uff11\uff12\uff13",
    "\u00df\u0130",
    "\U0001f600",
    "e\u0301",
    "a" * 65,
    "a" * 100_000,
    "*" * 5_000,
    "*a" * 500 + "b",
    "?*" * 300,
    "{{ 1 + 1 }}",
    "{% raw %}",
    "{#",
    "${aws:username}",
    "${",
    "$${*}",
    "%s%(x)s{0}",
    "*",
    "review-*",
    "-",
    "--help",
    "../../etc",
    ".",
    "/",
    "'\"`;$(x)",
    "<script>alert(1)</script>",
    "| a |",
    "{",
    "[1, 2",
    "[" * 5_000,
    '{"a":' * 2_000,
    "null",
    "true",
    "NaN",
    "-Infinity",
    "1e999",
    "0x10",
    "9" * 5_000,
    '{"Version": "2012-10-17", "Version": "2008-10-17"}',
    "a: &a [*a]",
    "a: &a [b, b]\nc: &c [*a, *a]\nd: [*c, *c]",
    "!!python/object/apply:os.getcwd []",
    "!!binary aGk=",
    "? [a]\n: b",
    "a: 1\na: 2",
    "arn:aws:iam::123456789012:role/",
    "arn:aws:iam::123456789012:role/a/b/",
    "arn:aws:iam:::role/app",
    "arn:aws:iam::123456789012:user/app",
    "arn:aws:sts::123456789012:assumed-role/app/session",
    "arn::::::",
    "arn:" + ":" * 1_000,
    "arn:aws:iam::\u0661\u0662\u0663456789012:role/app",
    "ARN:AWS:IAM::123456789012:ROLE/APP",
    "system:serviceaccount:shop:app",
    "system:masters",
    "https://",
    "https://user:password@example.com/id",
    "https://[::1",
    "http://example.com",
    "https://example.com/id?x=1#y",
    "https://EXAMPLE.com:443/id/",
    "file:///etc/passwd",
    "a=b,c in (d,e),!f",
    "a in (",
    "=",
]
# Valid values by the name of the option; the first pattern that matches counts.
_VALID: list[tuple[re.Pattern[str], list[t.Any]]] = [
    (re.compile("role_arn|assume_role"), [ROLE, "arn:aws-cn:iam::123456789012:role/team/app"]),
    (re.compile("boundary"), ["arn:aws:iam::123456789012:policy/limit", "arn:aws:iam::aws:policy/ReadOnlyAccess"]),
    (re.compile("managed_policies"), ["ReadOnlyAccess", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]),
    (re.compile("issuer|^url$"), [ISSUER, ISSUER.removeprefix("https://")]),
    (re.compile("client_id|audience"), ["sts.amazonaws.com", "vault"]),
    (re.compile("thumbprint"), ["990f4193972f2becf12ddeda5237f9c952f20d9e"]),
    (re.compile("namespace"), ["shop", "kube-system", "review-*"]),
    (re.compile("label_selector"), ["app=web", "app in (a, b)", "!canary"]),
    (re.compile("^path$"), ["/", "/team/"]),
    (re.compile("host$"), ["https://127.0.0.1:1"]),
    (re.compile("endpoint_url"), ["http://127.0.0.1:1"]),
    (re.compile("^region"), ["eu-west-1", "us-gov-west-1", "cn-north-1"]),
    (re.compile("well_known"), ["external_dns", {"name": "external_dns", "zones": ["Z0123456789ABCDEFGHIJ"]}]),
    (re.compile("inline_policies"), [{"read": POLICY}, {}]),
    (re.compile("tags"), [{"team": "shop"}, {}]),
    (re.compile("labels"), [{"app.kubernetes.io/name": "app"}]),
    (re.compile("annotations"), [{"example.com/owner": "shop"}]),
    (re.compile("rbac"), [{"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}]),
    (re.compile("role_accounts"), ["123456789012"]),
    (re.compile("ignore"), ["pod-predates-annotation", "role-unused"]),
    (re.compile("expiration"), [600, 86400]),
    (re.compile("duration"), [3600, 43200]),
    (re.compile("timeout|retries|limit|workers|findings|days"), [1, 16, 300]),
]
KUBECONFIG: dict[str, t.Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {"token": "secret-token"}}],
    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    "current-context": "x",
}

# Not sampled_from, because Hypothesis would print the whole list.
_listed = st.integers(0, len(HOSTILE) - 1).map(lambda index: HOSTILE[index])
hostile_texts = st.one_of(
    _listed, st.text(st.characters(exclude_categories=()), max_size=30), st.tuples(_listed, _listed).map("".join)
)
hostile_numbers = st.one_of(
    st.integers(-2, 2), st.sampled_from([-(10**30), 2**31, 2**63, 10**400]), st.floats(allow_nan=True)
)
hostile = st.recursive(
    st.one_of(hostile_texts, hostile_numbers, st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(hostile_texts, inner, max_size=3)),
    max_leaves=6,
)


def hostile_policies() -> st.SearchStrategy[t.Any]:
    """Policy documents with hostile parts."""
    parts = st.one_of(hostile_texts, st.lists(hostile_texts, max_size=2), hostile)
    names = ["Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "Condition", "Sid"]
    statement = st.dictionaries(st.sampled_from(names), parts)
    return st.one_of(
        st.fixed_dictionaries({"Version": parts, "Statement": st.one_of(statement, st.lists(statement, max_size=3))}),
        hostile,
    )


def valid(name: str, option: t.Mapping[str, t.Any]) -> st.SearchStrategy[t.Any]:
    """Values of an option that its module would usually accept."""
    if option.get("choices") and option.get("type") != "list":
        return st.sampled_from(list(option["choices"]))
    kind = option.get("type", "str")
    if kind == "list":
        item = {"type": option.get("elements", "str"), **{k: option[k] for k in ("options", "choices") if k in option}}
        return st.lists(valid(name, item), max_size=3)
    if option.get("options"):
        return arguments(option["options"])
    if name == "kubeconfig":
        return st.just(KUBECONFIG)
    for pattern, values in _VALID:
        if pattern.search(name):
            return st.sampled_from(values)
    if kind == "bool":
        return st.sampled_from([True, False, "yes", "no"])
    if kind in ("int", "float"):
        return st.integers(0, 1000)
    if kind == "dict":
        return st.just({})
    return st.sampled_from(["app", "cart", "production"])


def broken(name: str, option: t.Mapping[str, t.Any]) -> st.SearchStrategy[t.Any]:
    """Values of an option that its module may reject."""
    kind = option.get("type", "str")
    if kind == "path":
        # Inside the working directory.
        return hostile_texts.map(lambda text: text.replace("/", "_"))
    if name == "inline_policies":
        return st.one_of(st.dictionaries(hostile_texts, hostile_policies(), max_size=2), hostile)
    if kind == "list":
        item = {"type": option.get("elements", "str"), **{k: option[k] for k in ("options",) if k in option}}
        return st.one_of(st.lists(st.one_of(broken(name, item), valid(name, item)), max_size=3), hostile)
    if option.get("options"):
        return st.one_of(arguments(option["options"], mistakes=3), hostile)
    if kind == "dict":
        return st.one_of(st.dictionaries(hostile_texts, hostile, max_size=3), hostile)
    return st.one_of(hostile_texts, hostile_numbers, hostile)


@st.composite
def arguments(
    draw: st.DrawFn,
    spec: Spec,
    *,
    mistakes: int = 0,
    mutually_exclusive: t.Iterable[t.Sequence[str]] = (),
    required_one_of: t.Iterable[t.Sequence[str]] = (),
    required_by: t.Mapping[str, t.Sequence[str]] | None = None,
) -> dict[str, t.Any]:
    """Arguments of a module: nearly always what its argument spec requires, and a few hostile values.

    :param mistakes: the most options with a hostile value.
    """
    names = {name for name, option in spec.items() if option.get("required")}
    names |= set(draw(st.lists(st.sampled_from(sorted(spec)), max_size=5)))
    if draw(st.integers(0, 19)):  # one in twenty ignores these rules
        for group in required_one_of:
            if not names & set(group):
                names.add(draw(st.sampled_from(list(group))))
        for group in mutually_exclusive:
            names -= set(sorted(names & set(group))[1:])
        for name, others in (required_by or {}).items():
            names |= set(others) if name in names else set()
    given = {name: draw(valid(name, spec[name])) for name in sorted(names)}
    for _number in range(draw(st.integers(0, mistakes))):
        name = draw(st.sampled_from(sorted(names or spec)))
        given[name] = draw(broken(name, spec[name]))
    return given
