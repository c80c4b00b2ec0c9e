# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of the documentation's examples and links."""

from __future__ import annotations

import pathlib

import pytest
from ansible.plugins import loader

from tools.docs.examples import __main__ as examples
from tools.docs.examples import blocks, links

# Language of a block, its text, and part of the expected problem; None if it is valid.
CASES: list[tuple[str, str, str | None]] = [
    ("yaml", "- eksops.irsa.irsa_role: {name: cart, cluster_name: production}", None),
    ("yaml", "- eksops.irsa.irsa_role: {name: cart, clustername: production}", "unsupported parameters: clustername"),
    ("yaml", "- eksops.irsa.irsa_role: {cluster_name: production}", "missing required arguments: name"),
    ("yaml", "- eksops.irsa.irsa_role: {name: cart, state: gone}", "value of state must be one of"),
    ("yaml", "- eksops.irsa.irsa_role: {name: cart, service_accounts: [{name: cart}]}", "namespace"),
    ("yaml", "- eksops.irsa.iam_oidc_provider: {cluster_name: a, url: https://b}", "mutually exclusive"),
    ("yaml", "- eksops.irsa.irsa_roles: {name: cart}", "module eksops.irsa.irsa_roles does not exist"),
    ("yaml", "- eksops.irsa.irsa_role: {name: '{{ role }}', state: '{{ state }}'}", None),
    (
        "yaml",
        "- ansible.builtin.debug: {msg: '{{ found | eksops.irsa.finding_table }}'}",
        "filter eksops.irsa.finding_table does not exist",
    ),
    ("yaml", "- ansible.builtin.debug: {msg: '{{ found | eksops.irsa.findings_report }}'}", None),
    ("yaml", "- ansible.builtin.assert: {that: a is eksops.irsa.arn}", "test eksops.irsa.arn does not exist"),
    ("yaml", "- ansible.builtin.debug: {msg: '{{ found | }}'}", "template"),
    ("yaml", "irsa_bindings: [{namespace: shop, service_account: cart, role: cart}]", "role"),
    ("yaml", "irsa_bindigns: []", "has no variable irsa_bindigns"),
    ("yaml", "- hosts: all\n  roles: [{role: eksops.irsa.irsa, vars: {irsa_bindings: []}}]", "irsa_cluster_name"),
    ("yaml", "- ansible.builtin.import_playbook: eksops.irsa.asociate", "playbook eksops.irsa.asociate does not exist"),
    ("yaml", "plugin: eksops.irsa.eks_clusters\nclusters: [a]", "unsupported parameters: clusters"),
    ("yaml", "a: [", "invalid YAML"),
    ("yaml", "- 1", "unknown kind"),
    ("json", '{"Statement": [{"Effects": "Allow"}]}', "invalid keys of a policy statement: Effects"),
    ("console", "$ ansible-playbook eksops.irsa.associate -e irsa_cluster_name=a -e @bindings.yml", None),
    ("console", "$ ansible-playbook eksops.irsa.associate -e irsa_unused_days=1", "has no variable irsa_unused_days"),
    ("console", "$ ansible-playbook eksops.irsa.audit -e '{\"irsa_ignor\": []}'", "has no variable irsa_ignor"),
    ("console", "$ ansible-playbook eksops.irsa.bind", "playbook eksops.irsa.bind does not exist"),
    ("console", "$ ansible-playbook mine.yml", "no block for file mine.yml"),
    ("console", "$ ansible-doc eksops.irsa.irsa_rolle", "plugin or role eksops.irsa.irsa_rolle does not exist"),
    ("console", "$ make sandbix", "no target sandbix"),
    ("console", "$ echo (", "syntax error"),
    ("console", "$ frobnicate", "unknown program frobnicate"),
    ("toml", "a = 1", "unknown language 'toml'"),
]


@pytest.fixture(scope="module")
def problems_by_case() -> dict[int, list[str]]:
    """The problems of each case, by its number. One check finds all, since ansible-doc takes a second to start."""
    loader.init_plugin_loader()
    # Each case is a document, so that no case has the files of another.
    cases = [blocks.Block(f"docs/{number}.rst", 1, case[0], case[1]) for number, case in enumerate(CASES)]
    problems_by_case: dict[int, list[str]] = {number: [] for number in range(len(CASES))}
    for problem in examples.Checker(examples.ROOT, cases).find_problems():
        number, _separator, text = problem.removeprefix("docs/").partition(".rst:1: ")
        problems_by_case[int(number)].append(text)
    return problems_by_case


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{case[0]}: {case[1]}" for case in CASES])
def test_example(number: int, problems_by_case: dict[int, list[str]]) -> None:
    problems, expected = problems_by_case[number], CASES[number][2]
    assert problems == [] if expected is None else any(expected in problem for problem in problems)


def test_unchecked_block_requires_a_reason() -> None:
    marked = [blocks.Block("docs/a.rst", 1, "toml", "", mark) for mark in ("unchecked:", "unchecked: Terraform's own")]
    assert list(examples.Checker(examples.ROOT, marked).find_problems()) == ["docs/a.rst:1: unchecked without a reason"]


def test_syntax_error_names_its_block() -> None:
    playbooks = [
        blocks.Block("docs/a.rst", number, "yaml", f"- hosts: all\n  {key}: []")
        for number, key in [(1, "tasks"), (5, "taks")]
    ]
    problems = list(examples.Checker(examples.ROOT, playbooks).find_problems())
    assert len(problems) == 1
    assert problems[0].startswith("docs/a.rst:5: ")
    assert "'taks' is not a valid attribute for a Play" in problems[0]


@pytest.mark.parametrize(
    "text",
    [".. tab-set::\n\n   .. code-block:: yaml\n\n      a: [\n", ".. code-block:: yaml\n   :captoin: x\n\n   a: 1\n"],
)
def test_block_that_docutils_does_not_read_is_an_error(tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "a.rst"
    path.write_text(text)
    with pytest.raises(SystemExit, match=r"a\.rst: docutils reads 0 of 1 code blocks"):
        blocks.read_blocks(tmp_path, path)


def test_mark_belongs_to_the_next_block(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.rst"
    path.write_text(".. run: x\n\n.. code-block:: text\n\n   :a: b\n\n.. code-block:: text\n\n   c\n")
    assert [block.mark for block in blocks.read_blocks(tmp_path, path)] == ["run: x", ""]


def test_read_blocks(tmp_path: pathlib.Path) -> None:
    rst = tmp_path / "a.rst"
    rst.write_text(
        "Text\n\n.. run: here\n\n.. code-block:: yaml\n    :caption: A\n\n    # a.yml, mine\n    a: 1\n\nText\n"
    )
    markdown = tmp_path / "a.md"
    markdown.write_text("<!-- unchecked: why -->\n\n```json\n{}\n```\n\n```\nout\n```\n")
    plugin = tmp_path / "a.py"
    plugin.write_text('EXAMPLES = r"""\n- name: A\n"""\n')
    assert blocks.read_blocks(tmp_path, rst) == [blocks.Block("a.rst", 8, "yaml", "# a.yml, mine\na: 1\n", "run: here")]
    assert blocks.read_blocks(tmp_path, rst)[0].file_name == "a.yml"
    assert blocks.read_blocks(tmp_path, markdown) == [
        blocks.Block("a.md", 4, "json", "{}\n", "unchecked: why"),
        blocks.Block("a.md", 8, "", "out\n"),
    ]
    assert blocks.read_blocks(tmp_path, plugin) == [blocks.Block("a.py", 2, "yaml", "- name: A\n")]


def test_unmentioned_plugins_are_found() -> None:
    readme = (examples.ROOT / "README.md").read_text(encoding="utf-8")
    assert examples.find_unmentioned(examples.ROOT, readme.replace("`fleet`", "").replace("`role_arn`", "")) == [
        "fleet",
        "role_arn",
    ]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.md", "# A b\n[a](#a-b) [b](b.md) [c](https://example.com/x)\n", []),
        ("a.md", "[a](#c)", ["a.md:1: a.md has no heading #c"]),
        ("a.md", "\n[a](c.md)", ["a.md:2: c.md does not exist"]),
        ("a.md", "[a](b.md#none)", ["a.md:1: b.md has no heading #none"]),
        ("a.md", "[a](http://example.com)", ["a.md:1: http://example.com is not an https link to a public site"]),
        ("a.rst", "A_b c\n=====\n\n`a <#a-b-c>`__ `b <#c>`__\n", ["a.rst:4: a.rst has no heading #c"]),
        ("a.rst", ".. image:: c.png\n", ["a.rst:1: c.png does not exist"]),
        ("a.rst", "`a <https://localhost/>`__", ["a.rst:1: https://localhost/ is not an https link to a public site"]),
    ],
)
def test_links(tmp_path: pathlib.Path, name: str, text: str, expected: list[str]) -> None:
    (tmp_path / "b.md").write_text("# B\n")
    (tmp_path / name).write_text(text)
    assert list(links.find_problems(tmp_path, tmp_path / name)) == expected
