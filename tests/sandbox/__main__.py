# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's command line: python -m sandbox up | down | env | status.

Needed by: every target; demo; benchmarks; make sandbox.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shlex
import sys

from sandbox import settings
from sandbox.launch import control_plane, supervisor
from sandbox.settings import StateDirectory


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status."""
    options = _parser().parse_args(arguments)
    state = StateDirectory((options.dir or settings.default_directory()).expanduser().resolve())
    try:
        return int(options.run(state, options))
    except (control_plane.MissingPrograms, supervisor.StartError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    except FileNotFoundError as error:
        message = f"sandbox: {error.filename} does not exist. Start the sandbox with 'python -m sandbox up'."
        print(message, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="A simulated AWS and EKS cluster on loopback."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--dir",
        type=pathlib.Path,
        help=f"the state directory (default: $IRSA_SANDBOX_DIR or {_default_directory_text()})",
    )
    up = commands.add_parser("up", parents=[common], help="start the sandbox and print the environment to export")
    up.add_argument("--real", action="store_true", help="use the real kube-apiserver from $KUBEBUILDER_ASSETS")
    up.add_argument(
        "--cluster",
        action="append",
        default=[],
        type=_parse_further_cluster,
        metavar="NAME[@ACCOUNT]",
        help="add a further cluster with a simulated API server; can be repeated",
    )
    up.set_defaults(run=_up)
    for name, run, text in (
        ("down", _down, "stop the sandbox"),
        ("env", _env, "print the environment to export"),
        ("status", _status, "list the processes; exit status 3 if one does not run"),
    ):
        commands.add_parser(name, parents=[common], help=text).set_defaults(run=run)
    return parser


def _parse_further_cluster(text: str) -> supervisor.FurtherCluster:
    try:
        return supervisor.FurtherCluster.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _default_directory_text() -> str:
    # argparse expands percent signs in help texts.
    return str(settings.default_directory()).replace("%", "%%")


def _up(state: StateDirectory, options: argparse.Namespace) -> int:
    started = supervisor.up(state, real=options.real, further=options.cluster)
    _print_environment(state)
    _print_hint(state, real=options.real, started=started, further=[cluster.name for cluster in options.cluster])
    return 0


def _down(state: StateDirectory, _options: argparse.Namespace) -> int:
    stopped = supervisor.down(state)
    print(f"sandbox: stopped {', '.join(stopped)}" if stopped else "sandbox: nothing was running", file=sys.stderr)
    return 0


def _env(state: StateDirectory, _options: argparse.Namespace) -> int:
    _print_environment(state)
    return 0


def _status(state: StateDirectory, _options: argparse.Namespace) -> int:
    is_running = supervisor.status(state)
    for name, running in is_running.items():
        print(f"{name:24} {'running' if running else f'stopped, see {supervisor.log_path(state, name)}'}")
    if not is_running:
        print(f"no sandbox was started in {state.directory}")
    return 0 if is_running and all(is_running.values()) else 3


def _print_environment(state: StateDirectory) -> None:
    environment = supervisor.environment(state)
    print(f"unset {' '.join(supervisor.FOREIGN_VARIABLES)}")
    for name, value in environment.items():
        print(f"export {name}={shlex.quote(value)}")
    sys.stdout.flush()


def _stop_command(state: StateDirectory) -> str:
    tests = pathlib.Path(__file__).resolve().parents[1]
    directory = shlex.quote(str(state.directory))
    return f"PYTHONPATH={shlex.quote(str(tests))} {shlex.quote(sys.executable)} -m sandbox down --dir {directory}"


def _print_hint(state: StateDirectory, *, real: bool, started: bool, further: list[str]) -> None:
    kind = "real" if real else "simulated"
    others = f"sandbox: further clusters {', '.join(further)} in {state.directory / 'clusters'}\n" if further else ""
    print(
        f"sandbox: {'ready' if started else 'already running'}, cluster {settings.CLUSTER_NAME} with a {kind} API"
        f" server, logs in {state.logs}\n{others}"
        f"sandbox: {'export the lines above, then ' if sys.stdout.isatty() else ''}try: ansible-playbook "
        f"eksops.irsa.audit -e irsa_cluster_name={settings.CLUSTER_NAME}\n"
        f"sandbox: to stop it, run: {os.environ.get('SANDBOX_STOP_COMMAND') or _stop_command(state)}",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
