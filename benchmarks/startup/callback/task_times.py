"""A callback plugin that writes the time of each task's start and end to a file."""

from __future__ import annotations

import json
import os
import time
import typing as t

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: task_times
type: aggregate
short_description: Writes the time of each task's start and end to $TASK_TIMES
description:
  - Each line is the time, the event and the name of the task, as a JSON list.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_times"

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        self._write("start", task.get_name())

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._write("end", "")

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._write("end", "")

    def _write(self, event: str, name: str) -> None:
        with open(os.environ["TASK_TIMES"], "a") as file:
            print(json.dumps([time.time(), event, name]), file=file)
