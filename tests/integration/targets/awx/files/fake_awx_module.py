"""Replace a module of awx.awx, because the test has no controller.

The file is installed once per module, under the module's name. The plugin validates the task's options against
awx_options.json and appends them as a line of JSON to the file in the environment variable FAKE_AWX_OPTIONS_FILE.
"""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

from ansible.plugins.action import ActionBase

OPTIONS = pathlib.Path(__file__).with_name("awx_options.json")


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        module_name = self._task.action.rpartition(".")[2]
        argument_spec = json.loads(OPTIONS.read_text(encoding="utf-8"))["modules"][module_name]
        _validation_result, options = self.validate_argument_spec(argument_spec=argument_spec)
        with open(os.environ["FAKE_AWX_OPTIONS_FILE"], "a", encoding="utf-8") as file:
            file.write(json.dumps({name: value for name, value in options.items() if value is not None}) + "\n")
        return super().run(tmp, task_vars)
