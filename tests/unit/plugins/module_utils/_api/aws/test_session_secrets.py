# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No credential in the output of a module, even if a server or a proxy sends the request back."""

from __future__ import annotations

import http.server
import json
import threading
import time
import typing as t
import urllib.parse

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws import iam, session
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import client, connection
from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import EksCluster

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterator

SECRET, SESSION = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjE+/EXAMPLE/SESSION=="
STATIC = "static-token-of-a-kubeconfig-0123456789"


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers each request with the request: its line, headers and body, in the form that ``form`` makes of it."""

    status = 400
    form: t.ClassVar[Callable[[str], str]]
    echoed: t.ClassVar[list[str]]

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        text = f"{self.requestline}\n{self.headers}{body}"
        self.echoed.append(text)
        payload = type(self).form(text).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PATCH = do_DELETE = _handle

    def log_message(self, format: str, *args: t.Any) -> None:  # noqa: A002
        pass


FORMS: dict[str, Callable[[str], str]] = {
    "text": lambda text: text,
    "page": lambda text: f"<html>\x1b[31m{text}",
    "quoted": lambda text: json.dumps({"request": text}),
    # The limit of an excerpt is in the middle of a credential.
    **{f"cut at {length}": lambda text, length=length: "x" * length + text for length in (80, 120, 160)},
    "message": lambda text: json.dumps({"kind": "Status", "message": text, "reason": text}),
    "causes": lambda text: json.dumps({"kind": "Status", "message": "m", "details": {"causes": [{"message": text}]}}),
    "xml": lambda text: (
        f"<ErrorResponse><Error><Code>Odd</Code><Message><![CDATA[{text}]]></Message></Error></ErrorResponse>"
    ),
    "xml code": lambda text: f"<ErrorResponse><Error><Code><![CDATA[{text}]]></Code></Error></ErrorResponse>",
}


@pytest.fixture(params=FORMS.values(), ids=FORMS.keys())
def echo(request: pytest.FixtureRequest) -> Iterator[tuple[str, list[str]]]:
    """The URL of an echoing server, and what it has sent."""
    handler = type("Handler", (Echo,), {"form": staticmethod(request.param), "echoed": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", t.cast(t.Any, handler).echoed
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "K8S_AUTH_KUBECONFIG", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    # From the environment: amazon.aws registers the options as secrets itself.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # Answers that are not XML are retried.
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    # How newer releases of ansible-core write a result; a task sets it.
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)


def make_module(**options: t.Any) -> AnsibleAWSModule:
    with patch_module_args(
        {"region": "eu-west-1", **options, "_ansible_verbosity": 4, "_ansible_tracebacks_for": ["error"]}
    ):
        return AnsibleAWSModule(argument_spec=connection.OPTIONS, check_boto3=False)


def output(module: AnsibleAWSModule, body: Callable[[], t.Any], capsys: pytest.CaptureFixture[str]) -> str:
    """What the module writes to standard output, with -vvvv: Ansible makes its results, logs and job events of it."""
    with pytest.raises(SystemExit):
        _runner.run(module, body)
    text = "".join(capsys.readouterr())
    assert json.loads(text)["failed"]
    return text


def find_parts(secret: str, text: str) -> list[str]:
    """The parts of a secret, of 24 characters, that a text contains."""
    return [secret[start : start + 24] for start in range(len(secret) - 23) if secret[start : start + 24] in text]


def test_echoed_eks_token(
    echo: tuple[str, list[str]], connect: Callable[..., t.Any], capsys: pytest.CaptureFixture[str]
) -> None:
    url, echoed = echo
    module = make_module()
    aws = session.Aws(module)
    arn = "arn:aws:eks:eu-west-1:123456789012:cluster/production"
    cluster = EksCluster.from_aws({"name": "production", "arn": arn, "status": "ACTIVE"})
    token = client.RenewedToken(lambda: aws.eks_token(cluster), 60)
    server = connect(t.cast(t.Any, type("Server", (), {"url": url})), token.authorization)
    text = output(module, lambda: server.request("GET", "/version"), capsys)
    (secret,) = (secret for secret in module.no_log_values if secret.startswith("k8s-aws-v1."))
    assert find_parts(secret, echoed[0])
    assert not find_parts(secret, text)
    assert json.loads(text)["msg"].isprintable()


@pytest.mark.parametrize("user", [{"token": STATIC}, {"username": "me", "password": STATIC}], ids=["token", "basic"])
def test_echoed_credentials_of_a_kubeconfig(
    echo: tuple[str, list[str]], user: dict[str, str], tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, echoed = echo
    path = tmp_path / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    module = make_module(kubeconfig=str(path))
    text = output(module, lambda: connection.open_api_server(module).request("GET", "/version"), capsys)
    (sent,) = (line.rpartition(" ")[2] for line in echoed[0].splitlines() if line.startswith("Authorization: "))
    assert not find_parts(sent, text)
    assert not find_parts(STATIC, text)


def test_echoed_aws_credentials(echo: tuple[str, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    url, echoed = echo
    module = make_module(endpoint_url=url)
    aws = session.Aws(module)
    text = output(module, lambda: iam.find_role(aws.client("iam"), name="app"), capsys)
    signature = echoed[0].partition("Signature=")[2][:64]
    assert find_parts(SESSION, echoed[0])
    for secret in (SECRET, SESSION, urllib.parse.quote(SESSION, safe=""), signature):
        assert not find_parts(secret, text)


def test_short_text_is_not_a_secret() -> None:
    module = make_module()
    before = set(module.no_log_values)
    session.register_secrets(module, None, "", "admin", STATIC)
    assert module.no_log_values - before == {STATIC}
