"""Restore the trust policy of a role for half a minute, each time that it changes: restore.py ROLE

As a tool does that manages the whole document.
"""

from __future__ import annotations

import json
import sys
import time

import boto3


def main() -> None:
    role = sys.argv[1]
    iam = boto3.client("iam")
    document = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"] != document:
            iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(document))
        time.sleep(0.1)


if __name__ == "__main__":
    main()
