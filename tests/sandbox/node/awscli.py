# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command of the aws CLI that the documented test pod runs: aws sts get-caller-identity.

The call is made by botocore with its credential chain. The output is that of the aws CLI.

Needed by: targets irsa_verify, role_irsa (test pod).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import typing as t

import botocore.config
import botocore.exceptions
import botocore.session
import jmespath

# https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-returncodes.html
USAGE, CONFIGURATION, SERVICE, GENERAL = 252, 253, 254, 255

OUTPUTS = ("json", "text")


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return the exit status."""
    parser = argparse.ArgumentParser(prog="aws", exit_on_error=False, add_help=False, allow_abbrev=False)
    parser.add_argument("service", choices=["sts"])
    parser.add_argument("operation", choices=["get-caller-identity"])
    parser.add_argument("--output", choices=OUTPUTS, default=os.environ.get("AWS_DEFAULT_OUTPUT") or "json")
    parser.add_argument("--query")
    parser.add_argument("--region", default=os.environ.get("AWS_REGION"))
    parser.add_argument("--no-cli-pager", action="store_true")
    try:
        options, unknown = parser.parse_known_args(arguments)
        query = jmespath.compile(options.query) if options.query else None
    except (argparse.ArgumentError, jmespath.exceptions.JMESPathError) as error:
        return _fail(USAGE, f"aws: [ERROR]: {error}")
    if unknown:
        return _fail(USAGE, f"aws: [ERROR]: Unknown options: {', '.join(unknown)}")
    try:
        identity = _get_caller_identity(options.region)
    except botocore.exceptions.NoCredentialsError:
        return _fail(
            CONFIGURATION, 'Unable to locate credentials. You can configure credentials by running "aws configure".'
        )
    except botocore.exceptions.NoRegionError:
        return _fail(
            CONFIGURATION, 'You must specify a region. You can also configure your region by running "aws configure".'
        )
    except botocore.exceptions.PartialCredentialsError as error:
        return _fail(CONFIGURATION, str(error))
    except botocore.exceptions.ClientError as error:
        return _fail(SERVICE, str(error))
    except (botocore.exceptions.BotoCoreError, OSError) as error:
        return _fail(GENERAL, str(error))
    result = query.search(identity) if query else identity
    print(json.dumps(result, indent=4) if options.output == "json" else _text(result))
    return 0


def _get_caller_identity(region: str | None) -> dict[str, str]:
    session = botocore.session.Session()
    config = botocore.config.Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard"})
    client: t.Any = session.create_client("sts", region_name=region, config=config)
    response = client.get_caller_identity()
    return {name: response[name] for name in ("UserId", "Account", "Arn")}


def _text(result: t.Any) -> str:
    if isinstance(result, dict):
        # The CLI sorts the values by key.
        return "\t".join(str(result[name]) for name in sorted(result))
    if isinstance(result, list):
        return "\t".join(str(value) for value in result)
    return "None" if result is None else str(result)


def _fail(code: int, message: str) -> int:
    print(f"\n{message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
