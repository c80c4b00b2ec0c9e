# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The attributes of modules, and what all of them require where they run."""

    DOCUMENTATION = r"""
options: {}
requirements:
  - python >= 3.10
  - boto3 >= 1.35.0
  - botocore >= 1.35.0
attributes:
  action:
    description: Has an action plugin of the same name, which runs on the controller.
    support: full
    details:
      - On Linux, a module that runs on the controller runs in a fork of Ansible's process, which starts faster than a
        process of its own. Ansible starts a process for a task with C(become), C(async) or C(delegate_to), with another
        Python than Ansible's in C(ansible_python_interpreter), or with variables in C(environment) other than C(AWS_*),
        C(K8S_AUTH_*) and those of a proxy.
  check_mode:
    description: Can run in C(check_mode) and report the changes that a normal run would make, without making them.
    support: full
  diff_mode:
    description: Returns details on what has changed, or would change in check mode, when in diff mode.
    support: full
  idempotent:
    description: When run twice in a row with the same options, the second run makes no changes.
    support: full
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode). The module only reads, so the result is the same.
    support: full
  diff_mode:
    description: Returns details on what has changed, or would change in check mode, when in diff mode.
    support: N/A
    details:
      - The module makes no changes.
  idempotent:
    description: When run twice in a row with the same options, the second run makes no changes.
    support: full
"""
