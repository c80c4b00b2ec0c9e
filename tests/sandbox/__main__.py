# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's command line: python -m sandbox up | down | env | status.

Needed by: every target; demo; benchmarks; make sandbox.
"""

from __future__ import annotations

import argparse
import pathlib
import shlex
import sys

from sandbox import settings
from sandbox.launch import control_plane, supervisor
from sandbox.settings import State


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status."""
    options = _parser().parse_args(arguments)
    state = State((options.dir or settings.default_directory()).expanduser().resolve())
    try:
        return int(options.run(state, options))
    except (control_plane.MissingPrograms, supervisor.StartError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    except FileNotFoundError as error:
        print(f"sandbox: {error.filename} is missing: start it with 'python -m sandbox up'", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="A simulated AWS and EKS cluster on loopback."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--dir", type=pathlib.Path, help=f"the state directory (default: $IRSA_SANDBOX_DIR or {_default()})"
    )
    up = commands.add_parser("up", parents=[common], help="start, print the environment to export")
    up.add_argument("--real", action="store_true", help="use the real kube-apiserver that KUBEBUILDER_ASSETS holds")
    up.add_argument(
        "--cluster",
        action="append",
        default=[],
        type=_further,
        metavar="NAME[@ACCOUNT]",
        help="a further cluster, always with a simulated API server; can be repeated",
    )
    up.set_defaults(run=_up)
    for name, run, text in (
        ("down", _down, "stop"),
        ("env", _env, "print the environment to export"),
        ("status", _status, "say what runs; exit status 3 when something doesn't"),
    ):
        commands.add_parser(name, parents=[common], help=text).set_defaults(run=run)
    return parser


def _further(text: str) -> supervisor.Further:
    try:
        return supervisor.Further.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _default() -> str:
    # argparse expands percent signs.
    return str(settings.default_directory()).replace("%", "%%")


def _up(state: State, options: argparse.Namespace) -> int:
    fresh = supervisor.up(state, real=options.real, further=options.cluster)
    _print_environment(state)
    _hint(state, real=options.real, fresh=fresh, further=[cluster.name for cluster in options.cluster])
    return 0


def _down(state: State, _options: argparse.Namespace) -> int:
    stopped = supervisor.down(state)
    print(f"sandbox: stopped {', '.join(stopped)}" if stopped else "sandbox: nothing was running", file=sys.stderr)
    return 0


def _env(state: State, _options: argparse.Namespace) -> int:
    _print_environment(state)
    return 0


def _status(state: State, _options: argparse.Namespace) -> int:
    found = supervisor.status(state)
    for name, runs in found.items():
        print(f"{name:24} {'running' if runs else f'ended, see {supervisor.log_of(state, name)}'}")
    if not found:
        print(f"nothing was started in {state.directory}")
    return 0 if found and all(found.values()) else 3


def _print_environment(state: State) -> None:
    exported = supervisor.environment(state)
    print(f"unset {' '.join(supervisor.FOREIGN_VARIABLES)}")
    for name, value in exported.items():
        print(f"export {name}={shlex.quote(value)}")
    sys.stdout.flush()


def _hint(state: State, *, real: bool, fresh: bool, further: list[str]) -> None:
    kind = "real" if real else "simulated"
    besides = f"sandbox: besides {', '.join(further)}, in {state.directory / 'clusters'}\n" if further else ""
    print(
        f"sandbox: {'ready' if fresh else 'was running already'}, cluster {settings.CLUSTER_NAME} with a {kind} API"
        f" server, logs in {state.logs}\n{besides}"
        "sandbox: with the lines above in your shell, try: kubectl get nodes; aws eks list-clusters\n"
        f"sandbox: stop it with: python -m sandbox down --dir {shlex.quote(str(state.directory))}",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
