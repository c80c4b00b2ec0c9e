# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs playbooks with -vvvv, with and without kept remote files, a log, and results as a job controller stores them.

Searches what is left behind for secrets.

Usage: python run.py integration_config.yml [OPTION]...
"""

from __future__ import annotations

import base64
import http.server
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import typing as t
import zipfile

import find_secrets
import yaml

HERE = pathlib.Path(__file__).parent.resolve()
STATIC_TOKEN = "static-token-of-a-kubeconfig-0123456789"


class Echo(http.server.BaseHTTPRequestHandler):
    """A proxy that answers each request with the request."""

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        text = f"refused: {self.headers}{self.requestline}\n{body}"
        if self.headers.get("X-Amz-Date"):
            error = f"<Error><Code>AccessDenied</Code><Message><![CDATA[{text}]]></Message></Error>"
            text = f"<ErrorResponse>{error}</ErrorResponse>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_PATCH = do_DELETE = _handle

    def log_message(self, format: str, *args: t.Any) -> None:  # noqa: A002
        pass


def main() -> int:
    config = yaml.safe_load(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    secrets = {"secret key": config["sandbox_aws_secret_key"], "token of a kubeconfig": STATIC_TOKEN}
    if config.get("sandbox_aws_session_token"):
        secrets["session token"] = config["sandbox_aws_session_token"]
    check_finder(secrets)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    with tempfile.TemporaryDirectory(prefix="irsa-secrets-") as directory:
        kubeconfig = pathlib.Path(directory, "kubeconfig")
        kubeconfig.write_text(json.dumps(make_kubeconfig(url)), encoding="utf-8")
        variables = {
            "cluster": config["sandbox_cluster_name"],
            "admin_kubeconfig": config["sandbox_kubeconfig"],
            "echo_url": url,
            "echo_kubeconfig": str(kubeconfig),
        }
        used, leaked = pathlib.Path(directory, "use"), pathlib.Path(directory, "leak")
        run("use.yml", used / "processes", variables, config)
        run("use.yml", used / "forks", variables, config, keeps_files=False)
        assert "irsa_verify in a fork" in (used / "forks/output").read_text("utf-8", "replace")
        found = find_secrets.find(used, secrets)
        files = [path for path in used.rglob("*") if path.is_file()]
        print(f"searched {len(files)} files, {sum(path.stat().st_size for path in files)} bytes")
        print("\n".join(found) or "no secrets")
        # Else the search would prove nothing.
        kept = [path.name for path in files]
        assert sum(name.startswith("AnsiballZ_irsa_") for name in kept) >= 6, kept
        assert {"log", "output", "events.json", "a.html", "a.json", "a.md", "a.sarif", "a.xml"} <= set(kept), kept
        run("leak.yml", leaked, variables, config)
        control = find_secrets.find(leaked, secrets)
        print("control:", *control, sep="\n")
        assert any("AnsiballZ_k8s_info" in line and "EKS token" in line for line in control)
    return bool(found)


def make_kubeconfig(url: str) -> dict[str, t.Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "echo", "cluster": {"server": url}}],
        "users": [{"name": "echo", "user": {"token": STATIC_TOKEN}}],
        "contexts": [{"name": "echo", "context": {"cluster": "echo", "user": "echo"}}],
        "current-context": "echo",
    }


def check_finder(secrets: t.Mapping[str, str]) -> None:
    """Fail unless each secret is found: as text, in base64, and in a zip file in base64."""
    token = base64.urlsafe_b64encode(b'{"alg":"RS256","typ":"JWT"}').decode().rstrip("=")
    planted = {
        **secrets,
        "EKS token": f"k8s-aws-v1.{'aHR0cHM6' * 5}",
        "JSON Web Token": f"{token}.{token}.{token}",
        "signature": f"X-Amz-Signature={'0a' * 32}",
    }
    for name, secret in planted.items():
        text = f"{'x' * 60} {secret} {'y' * 60}".encode()
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("module.py", text)
        for data in (text, base64.b64encode(text), b"ZIPDATA = '" + base64.b64encode(archive.getvalue()) + b"'"):
            with tempfile.TemporaryDirectory() as directory:
                pathlib.Path(directory, "file").write_bytes(data)
                assert find_secrets.find(pathlib.Path(directory), secrets) == [f"file: {name}"]


def run(
    playbook: str,
    left: pathlib.Path,
    variables: t.Mapping[str, str],
    config: t.Mapping[str, t.Any],
    *,
    keeps_files: bool = True,
) -> None:
    """Run a playbook.

    :param left: the directory for everything that it leaves behind.
    :param keeps_files: whether Ansible keeps the files of modules. Without that, modules run in a fork.
    """
    for name in ("home", "local", "remote", "tmp"):
        (left / name).mkdir(parents=True)
    environment = {
        **os.environ,
        "ANSIBLE_CALLBACKS_ENABLED": "events",
        "ANSIBLE_DISPLAY_TRACEBACK": "always",
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
        "ANSIBLE_KEEP_REMOTE_FILES": str(int(keeps_files)),
        "ANSIBLE_LOCAL_TEMP": str(left / "local"),
        "ANSIBLE_LOG_PATH": str(left / "log"),
        "ANSIBLE_PIPELINING": "0",
        "ANSIBLE_REMOTE_TEMP": str(left / "remote"),
        "AWS_ACCESS_KEY_ID": config["sandbox_aws_access_key"],
        "AWS_ENDPOINT_URL": config.get("sandbox_aws_endpoint_url") or "",
        "AWS_REGION": config["sandbox_region"],
        "AWS_SECRET_ACCESS_KEY": config["sandbox_aws_secret_key"],
        "AWS_SESSION_TOKEN": config.get("sandbox_aws_session_token") or "",
        "EVENTS_PATH": str(left / "events.json"),
        "TMPDIR": str(left / "tmp"),
    }
    command = ["ansible-playbook", "-vvvv", "--diff", str(HERE / playbook)]
    for name, value in {**variables, "left": str(left)}.items():
        command += ["-e", json.dumps({name: value})]
    with (left / "output").open("wb") as output:
        status = subprocess.run(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
        ).returncode
    if status:
        print((left / "output").read_text("utf-8", "replace")[-6000:])
        raise SystemExit(f"{playbook} failed")


if __name__ == "__main__":
    sys.exit(main())
