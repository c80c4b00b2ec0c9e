# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each way in which AWS credentials can fail, with botocore's own providers."""

from __future__ import annotations

import getpass
import json
import os
import sys
import time
import typing as t

import botocore.config
import botocore.exceptions as aws
import botocore.session
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api import limits
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws import call, credentials
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws import session as aws_session
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from unit.raw_server import RawServer, http

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    Load = Callable[..., errors.IrsaError]

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
ROLE = "arn:aws:iam::123456789012:role/deploy"
ASSUME = f"role_arn = {ROLE}\nsource_profile = base\n"
KEYS = f"aws_access_key_id = AKIABASE\naws_secret_access_key = {SECRET}\n"
SSO = (
    "sso_session = company\nsso_account_id = 123456789012\nsso_role_name = deploy\n[sso-session company]\n"
    "sso_start_url = https://example.awsapps.com/start\nsso_region = eu-west-1\n"
)


@pytest.fixture
def session(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., t.Any]:
    """Return a function that makes a session with a configuration file, in an empty home directory."""
    for name in [*os.environ]:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    def make(text: str, profile: str | None = "shop") -> t.Any:
        (tmp_path / "config").write_text(f"[profile shop]\nregion = eu-west-1\n{text}")
        return botocore.session.Session(profile=profile)

    return make


@pytest.fixture
def load(session: Callable[..., t.Any]) -> Load:
    """Return a function that loads the credentials of a configuration file, and returns the error."""

    def run(text: str) -> errors.IrsaError:
        with pytest.raises(errors.BadCredentials) as caught:
            credentials.load_credentials(session(text))
        assert str(caught.value).startswith("could not get AWS credentials with profile shop. Cause: ")
        assert caught.value.fix
        assert SECRET not in str(caught.value)
        assert caught.value.__cause__ is None or SECRET not in str(caught.value.__cause__)
        return caught.value

    return run


def printing(text: str, code: int = 0) -> str:
    """The setting of a credential process that prints a text and ends with an exit code."""
    program = f"import sys; print(bytes.fromhex('{text.encode().hex()}').decode()); sys.exit({code})"
    return f'credential_process = {sys.executable} -c "{program}"\n'


def test_valid_credentials(session: Callable[..., t.Any]) -> None:
    credentials.load_credentials(session(KEYS))
    answer = json.dumps({"Version": 1, "AccessKeyId": "A", "SecretAccessKey": SECRET})
    credentials.load_credentials(session(printing(answer)))


@pytest.mark.parametrize(
    ("keys", "cause"),
    [
        (("", SECRET, None), "the access key is empty"),
        (("AKIABASE", "", None), "the secret key is empty"),
        (("AKIABASE\n", SECRET, None), "the access key has a space, a line break or a character"),
        (("AKIABASE", f"{SECRET}\ud800", None), "the secret key has a space, a line break or a character"),
        (("AKIABASE", SECRET, "to ken"), "the session token has a space, a line break or a character"),
    ],
)
def test_keys_that_cannot_sign(session: Callable[..., t.Any], keys: tuple[str, str, str | None], cause: str) -> None:
    core = session("")
    core.set_credentials(*keys)
    with pytest.raises(errors.BadCredentials, match=cause) as caught:
        credentials.load_credentials(core)
    assert SECRET not in str(caught.value)


def test_session_without_credentials_is_not_an_error(session: Callable[..., t.Any]) -> None:
    # The first call reports them, with its purpose. Some runs make no signed call.
    credentials.load_credentials(session("", profile=None))


@pytest.mark.parametrize(
    ("config", "cause"),
    [
        pytest.param(
            "credential_process = /nowhere/broker --account 1\n",
            "could not run /nowhere/broker, the program in credential_process of profile shop: No such file",
            id="missing program",
        ),
        pytest.param(
            "credential_process = /etc/passwd\n",
            "could not run /etc/passwd, the program in credential_process of profile shop: Permission denied",
            id="not executable",
        ),
        pytest.param(printing(f"token: {SECRET}"), "its output is not JSON with valid credentials", id="not JSON"),
        pytest.param(printing(""), "its output is not JSON", id="no output"),
        pytest.param(printing("[1]"), "its output is not JSON", id="list"),
        pytest.param(
            printing(json.dumps({"Version": 1, "AccessKeyId": "A", "SecretAccessKey": SECRET, "Expiration": "soon"})),
            "its output is not JSON with valid credentials",
            id="invalid time",
        ),
        pytest.param(
            printing(
                json.dumps(
                    {"Version": 1, "AccessKeyId": "A", "SecretAccessKey": SECRET, "Expiration": "2020-01-01T00:00:00Z"}
                )
            ),
            "credential_process of profile shop did not return credentials: ",
            id="expired",
        ),
        pytest.param('credential_process = "broker\n', "its output is not JSON", id="open quote"),
        pytest.param("credential_process =\n", "its output is not JSON", id="empty"),
        pytest.param(printing(json.dumps({"Version": 2})), "Unsupported version '2'", id="other version"),
        pytest.param(
            printing(json.dumps({"Version": 1})), "Missing required key in response: 'AccessKeyId'", id="no key"
        ),
        pytest.param(printing(SECRET, 3), "did not return credentials: its program failed", id="exit code"),
    ],
)
def test_credential_process(load: Load, config: str, cause: str) -> None:
    error = load(config)
    assert cause in str(error.cause)
    assert "credential_process of profile shop" in str(error.cause)


def test_credential_process_of_source_profile(load: Load) -> None:
    error = load(f"{ASSUME}[profile base]\ncredential_process = ~/bin/broker\n")
    assert error.cause == (
        "could not run ~/bin/broker, the program in credential_process of profile base: No such file or directory"
    )
    assert error.fix == "install it on the host of the task, or correct its path: ~ and variables are not expanded"


@pytest.mark.parametrize(
    ("config", "cause", "fix"),
    [
        pytest.param(
            f"role_arn = {ROLE}\nsource_profile = base\n[profile base]\nrole_arn = {ROLE}\nsource_profile = shop\n",
            "Infinite loop in credential configuration",
            "correct source_profile",
            id="loop",
        ),
        pytest.param(
            ASSUME,
            'source_profile "base" referenced in the profile "shop" does not exist',
            "correct the profile",
            id="no source",
        ),
        pytest.param(f"{ASSUME}[profile base]\nregion = eu-west-1\n", "base", "correct the profile", id="empty source"),
        pytest.param(f"role_arn = {ROLE}\n", "source_profile or credential_source", "correct the profile", id="no way"),
        pytest.param("aws_access_key_id = A\n", "aws_secret_access_key", "correct the profile", id="half a key"),
        pytest.param(SSO, "IAM Identity Center (SSO) has expired", "run aws sso login --profile shop", id="no login"),
        pytest.param(
            "sso_session = x\nsso_role_name = y\n", 'sso-session does not exist: "x"', "correct the", id="sso"
        ),
        pytest.param(
            f"role_arn = {ROLE}\nweb_identity_token_file = /nowhere/token\n",
            "could not read /nowhere/token: No such file or directory",
            "correct web_identity_token_file",
            id="token file",
        ),
    ],
)
def test_configuration(load: Load, config: str, cause: str, fix: str) -> None:
    error = load(config)
    assert cause in str(error.cause)
    assert fix in str(error.fix)


def test_missing_profile(session: Callable[..., t.Any]) -> None:
    with pytest.raises(errors.BadCredentials, match=r"with profile nobody.*\(nobody\) could not be found"):
        credentials.load_credentials(session("", profile="nobody"))


def test_unreadable_configuration_file(session: Callable[..., t.Any]) -> None:
    with pytest.raises(errors.BadCredentials, match="Unable to parse config file"):
        credentials.load_credentials(session("this is not a setting\n[\n"))


@pytest.mark.parametrize("raised", [EOFError(), getpass.GetPassWarning("Can not control echo on the terminal.")])
def test_mfa_without_terminal(load: Load, monkeypatch: pytest.MonkeyPatch, raised: Exception) -> None:
    def ask(_prompt: str) -> str:
        raise raised

    original = botocore.session.Session.get_component

    def get_component(self: t.Any, name: str) -> t.Any:
        component = original(self, name)
        if name == "credential_provider":
            component.get_provider("assume-role")._prompter = ask
        return component

    monkeypatch.setattr(botocore.session.Session, "get_component", get_component)
    error = load(f"{ASSUME}mfa_serial = arn:aws:iam::123456789012:mfa/me\n[profile base]\n{KEYS}")
    assert error.cause == "an MFA code is required (mfa_serial), and the task has no terminal to ask for it"
    assert "aws sts get-session-token" in str(error.fix)


def refusal(operation: str, code: str, text: str = "no") -> aws.ClientError:
    return aws.ClientError({"Error": {"Code": code, "Message": text}, "ResponseMetadata": {}}, operation)


def test_refused_credentials_are_not_a_missing_permission_of_the_call() -> None:
    text = f"User: arn:aws:iam::1:user/me is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    error = call.translate(refusal("AssumeRole", "AccessDenied", text), "iam:GetRole", "read the role app")
    assert isinstance(error, errors.BadCredentials)
    assert text in str(error)
    assert "iam:GetRole" not in str(error)
    assert "the trust policy of the role must allow the caller" in str(error)
    own = call.translate(refusal("AssumeRole", "AccessDenied", text), "sts:AssumeRole", f"assume the role {ROLE}")
    assert isinstance(own, errors.AccessDenied)
    expired = call.translate(refusal("AssumeRole", "ExpiredToken", SECRET), "iam:GetRole", "read the role app")
    assert SECRET not in str(expired)


@pytest.mark.parametrize(
    ("raised", "text"),
    [
        (aws.UnauthorizedSSOTokenError(), "run aws sso login"),
        (
            aws.TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed"),
            "run aws sso login",
        ),
        (aws.RefreshWithMFAUnsupportedError(), "an MFA code is required"),
        (aws.MetadataRetrievalError(error_msg=SECRET), "no usable AWS credentials were found"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_failed_renewal_during_a_call(raised: Exception, text: str) -> None:
    error = call.translate(raised, "iam:GetRole", "read the role app")
    assert isinstance(error, errors.BadCredentials)
    assert str(error).startswith("could not read the role app. Cause: ")
    assert text in str(error)
    assert SECRET not in str(error)


@pytest.mark.skipif(not hasattr(aws, "LoginRefreshRequired"), reason="this botocore does not have aws login")
def test_expired_login() -> None:
    error = call.translate(aws.LoginRefreshRequired(), "iam:GetRole", "read the role app")
    assert "run aws login" in str(error)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("<html><p>Log in", "the answer of AWS is cut or not valid"),
        ("<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>", "the answer of AWS is cut or not valid"),
        (" " * 2000, "the answer has more than"),
    ],
    ids=["page of a proxy", "no credentials", "endless"],
)
def test_malformed_answer_of_the_service(
    session: Callable[..., t.Any], monkeypatch: pytest.MonkeyPatch, body: str, cause: str
) -> None:
    monkeypatch.setattr(limits, "AWS_MAX_BYTES", 1000)
    server = RawServer(lambda _number: [http(body)])
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
    core = session(f"{ASSUME}[profile base]\n{KEYS}")
    call.limit_clients(core)
    with pytest.raises(errors.MalformedAnswer, match=f"with profile shop. Cause: {cause}"):
        credentials.load_credentials(core)
    server.stop()


def test_slow_answer_of_the_service(session: Callable[..., t.Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits are those of all other calls."""
    config = botocore.config.Config(read_timeout=0.2, retries={"mode": "standard", "total_max_attempts": 1})
    monkeypatch.setattr(aws_session, "client_config", lambda _connections: config)
    server = RawServer(lambda _number: [b"HTTP/1.1 200 OK\r\n", *[b"a", 0.05] * 600])
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
    core = session(f"{ASSUME}[profile base]\n{KEYS}")
    aws_session.limit_session(core)
    started = time.monotonic()
    with pytest.raises(errors.Unreachable, match=r"with profile shop\. Cause: Read timeout"):
        credentials.load_credentials(core)
    assert time.monotonic() - started < 20
    server.stop()


def test_program_that_does_not_end(session: Callable[..., t.Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "AWS_CREDENTIALS_SECONDS", 0.5)
    program = f"credential_process = {sys.executable} -c 'import time; time.sleep(30)'\n"
    started = time.monotonic()
    with pytest.raises(errors.Unreachable, match=r"with profile shop\. Cause: they were not available within"):
        credentials.load_credentials(session(program))
    assert time.monotonic() - started < 20
