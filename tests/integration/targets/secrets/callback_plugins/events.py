# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes each result to the file in $EVENTS_PATH as a line of JSON, as job controllers store it."""

from __future__ import annotations

import json
import os
import typing as t

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: events
type: notification
short_description: Writes results to a file
description: [Writes each result to a file.]
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "events"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, result: t.Any, **_options: t.Any) -> None:
        with open(os.environ["EVENTS_PATH"], "a", encoding="utf-8") as file:
            file.write(json.dumps({"task": result.task_name, "res": result.result}, default=str) + "\n")

    v2_runner_on_ok = v2_runner_on_failed = v2_runner_item_on_ok = v2_runner_item_on_failed = v2_on_file_diff = _write
