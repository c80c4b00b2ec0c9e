"""Takes the place of a module of awx.awx that is named as this file: it takes what that module takes, adds it as a
line of JSON to the file that AWX_DESCRIBED names, and does nothing, since there is no controller."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

from ansible.plugins.action import ActionBase

OPTIONS = pathlib.Path(__file__).with_name("awx_options.json")


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        known = json.loads(OPTIONS.read_text(encoding="utf-8"))["modules"][self._task.action.rpartition(".")[2]]
        _validated, given = self.validate_argument_spec(argument_spec=known)
        with open(os.environ["AWX_DESCRIBED"], "a", encoding="utf-8") as file:
            file.write(json.dumps({name: value for name, value in given.items() if value is not None}) + "\n")
        return super().run(tmp, task_vars)
