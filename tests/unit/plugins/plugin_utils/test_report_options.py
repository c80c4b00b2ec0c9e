# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the report filters share."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible_collections.eksops.irsa.plugins.filter import audit_report, findings_report, fleet_report
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.plugin_utils import _report_options

VALID: dict[str, t.Any] = {"report_format": "table", "width": 100, "title": "IRSA", "findings": 20}


@pytest.mark.parametrize("report_format", _report_options.FORMATS)
def test_valid_options_are_accepted(report_format: str) -> None:
    _report_options.check(**{**VALID, "report_format": report_format})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("report_format", "html", "format 'html' is not valid"),
        ("report_format", None, "format None is not valid"),
        ("width", "80", "width '80' is not an integer"),
        ("width", True, "width True is not an integer"),
        ("findings", 1.5, "findings 1.5 is not an integer"),
        ("title", 1, "title 1 is not a string"),
    ],
)
def test_invalid_option_is_rejected(name: str, value: t.Any, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _report_options.check(**{**VALID, name: value})
    assert caught.value.message == message
    assert str(caught.value.fix).startswith(("use ", "set "))


@pytest.mark.parametrize("plugin", [audit_report, findings_report, fleet_report])
def test_documentation_lists_the_formats(plugin: t.Any) -> None:
    option = yaml.safe_load(plugin.DOCUMENTATION)["options"]["format"]
    assert tuple(option["choices"]) == _report_options.FORMATS
    assert option["default"] == "table"
