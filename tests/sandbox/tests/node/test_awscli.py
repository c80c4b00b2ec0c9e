# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
from sandbox import settings
from sandbox.tests.support.aws_server import Aws

PACKAGE_PARENT = pathlib.Path(settings.__file__).resolve().parent.parent
CALL = ("sts", "get-caller-identity")
ARN = f"arn:aws:iam::{settings.ACCOUNT_ID}:user/moto"
USER_ID = "AIDACKCEVSQ6C2EXAMPLE"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with only the given credentials."""
    base = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PACKAGE_PARENT),
        "HOME": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return subprocess.run(
        [sys.executable, "-m", "sandbox.node.awscli", *arguments],
        capture_output=True,
        text=True,
        env={**base, **environment},
        timeout=60,
        check=False,
    )


@pytest.fixture
def environment(aws: Aws) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": settings.ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": settings.SECRET_ACCESS_KEY,
    }


def test_json(environment: dict[str, str]) -> None:
    result = run(*CALL, **environment)
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["Arn"] == ARN
    assert result.stdout.startswith('{\n    "UserId": ')


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--output", "text"], f"123456789012\t{ARN}\t{USER_ID}\n"),
        (["--query", "Arn", "--output", "text"], f"{ARN}\n"),
        (["--query", "Arn"], f'"{ARN}"\n'),
        (["--query", "[Account,Arn]", "--output", "text"], f"123456789012\t{ARN}\n"),
        (["--query", "Nothing", "--output", "text"], "None\n"),
        (["--query", "Arn", "--no-cli-pager", "--region", "us-east-1"], f'"{ARN}"\n'),
    ],
)
def test_output(arguments: list[str], expected: str, environment: dict[str, str]) -> None:
    result = run(*CALL, *arguments, **environment)
    assert (result.returncode, result.stdout) == (0, expected)


@pytest.mark.parametrize(
    ("arguments", "change", "code", "message"),
    [
        (CALL, {"AWS_ACCESS_KEY_ID": ""}, 253, "Unable to locate credentials"),
        (CALL, {"AWS_SECRET_ACCESS_KEY": ""}, 253, "Partial credentials found in env"),
        (CALL, {"AWS_REGION": ""}, 253, "You must specify a region"),
        (CALL, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, 255, "Could not connect to the endpoint URL"),
        (
            CALL,
            {
                "AWS_ACCESS_KEY_ID": "",
                "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/a",
                "AWS_WEB_IDENTITY_TOKEN_FILE": "/no",
            },
            255,
            "No such file or directory: '/no'",
        ),
        (("s3", "ls"), {}, 252, "invalid choice: 's3'"),
        ((*CALL, "--query", "a["), {}, 252, "aws: [ERROR]"),
        ((*CALL, "--colour"), {}, 252, "Unknown options: --colour"),
        ((*CALL, "--output", "table"), {}, 252, "invalid choice: 'table'"),
    ],
)
def test_errors(
    arguments: tuple[str, ...], change: dict[str, str], code: int, message: str, environment: dict[str, str]
) -> None:
    environment = {name: value for name, value in {**environment, **change}.items() if value}
    result = run(*arguments, **environment)
    assert (result.returncode, result.stdout) == (code, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
