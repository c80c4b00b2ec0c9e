# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections with real modules, clients and sockets: precedence, credentials and errors."""

from __future__ import annotations

import base64
import json
import os
import ssl
import typing as t
import urllib.parse

import botocore
import botocore.config
import botocore.utils
import kubernetes.client
import pytest
import trustme
from ansible.module_utils.testing import patch_module_args
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws import iam, session
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import connection
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import EksCluster
from unit.scripted import Answer, Scripted

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterator

    Module = Callable[..., AnsibleAWSModule]

SECRET, SESSION = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "FQoGZXIvYXdzEXAMPLESESSION"
CREDENTIALS = {"access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": SECRET, "session_token": SESSION}
ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/ONE"
PROVIDER_ARN = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ONE"
DISCOVERY = "/.well-known/openid-configuration"
PATH = "/version"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Iterator[None]:
    """Remove connections, proxies and credentials of the environment."""
    for name in [*os.environ]:
        if name.startswith(("AWS_", "K8S_AUTH_", "KUBE")) or name.upper().endswith(
            ("_PROXY", "_CA_BUNDLE", "CERT_FILE")
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield
    # load_kube_config sets the defaults of later configurations.
    kubernetes.client.Configuration.set_default(None)


@pytest.mark.parametrize(
    ("environment", "connection", "token"),
    [
        pytest.param(
            {"AWS_ACCESS_KEY_ID": "A", "AWS_SECURITY_TOKEN": "old"}, {"aws_access_key_id": "A"}, "old", id="older name"
        ),
        pytest.param(
            {"AWS_ACCESS_KEY_ID": "A", "AWS_SECURITY_TOKEN": "old"},
            {"aws_access_key_id": "A", "aws_session_token": "new"},
            "new",
            id="both names",
        ),
        pytest.param(
            {"AWS_ACCESS_KEY_ID": "A", "AWS_SECURITY_TOKEN": "old"},
            {"aws_access_key_id": "B"},
            None,
            id="another key",
        ),
        pytest.param({"AWS_SECURITY_TOKEN": "old"}, {"profile_name": "shop"}, None, id="no key"),
        pytest.param({"AWS_ACCESS_KEY_ID": "A"}, {"aws_access_key_id": "A"}, None, id="no token"),
    ],
)
def test_session_token_from_older_variable(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], connection: dict[str, t.Any], token: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    session.add_security_token(connection)
    assert connection.get("aws_session_token") == token


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-26T10:11:12Z",
        "2026-11-26T10:11:12.345000+00:00",
        "2026-11-26T10:11:12+01:00",
        "Thu, 26 Nov 2026 10:11:12 GMT",
        "2026-11-26T10:11:12",
        1795687872,
        1795687872.5,
    ],
)
def test_times_are_parsed_like_botocore(text: str | float) -> None:
    assert session._parse_time(text) == botocore.utils.parse_timestamp(text)


@pytest.fixture
def module(request: pytest.FixtureRequest) -> Module:
    """Return a function that makes a module with some options."""

    def make(**options: t.Any) -> AnsibleAWSModule:
        with patch_module_args(options):
            return AnsibleAWSModule(argument_spec=connection.OPTIONS, check_boto3=False, supports_check_mode=True)

    return make


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def api(authority: trustme.CA, tmp_path: pathlib.Path) -> Iterator[Scripted]:
    """A Kubernetes API server with TLS."""
    server = Scripted()
    certificate = tmp_path / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server.use_tls(str(certificate), str(certificate))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def eks(api: Scripted, authority: trustme.CA, scripted: Scripted) -> t.Any:
    """AWS, which describes the API server as an EKS cluster."""

    class Eks:
        options: t.ClassVar = {**CREDENTIALS, "region": "eu-west-1", "endpoint_url": scripted.url}

        def describe(self, **changes: t.Any) -> None:
            cluster = {
                "name": "production",
                "arn": "arn:aws:eks:eu-west-1:123456789012:cluster/production",
                "status": "ACTIVE",
                "endpoint": api.url,
                "certificateAuthority": {"data": base64.b64encode(authority.cert_pem.bytes()).decode()},
                "identity": {"oidc": {"issuer": ISSUER}},
                **changes,
            }
            scripted.answer(Answer(200, {"cluster": cluster}, {"Content-Type": "application/json"}))

        def list(self, names: t.Sequence[str]) -> None:
            scripted.answer(Answer(200, {"clusters": names}, {"Content-Type": "application/json"}))

        def reject(self, status: int, code: str, message: str) -> None:
            scripted.answer(Answer(status, {"message": message}, {"x-amzn-ErrorType": code}))

    return Eks()


def kubeconfig(server: Scripted, path: pathlib.Path, **user: t.Any) -> str:
    """A kubeconfig whose current context is ``one``; ``two`` has another token."""
    cluster = {
        "server": server.url,
        "certificate-authority-data": base64.b64encode((path.parent / "ca.pem").read_bytes()).decode(),
    }
    users = [{"name": "one", "user": user or {"token": "of-one"}}, {"name": "two", "user": {"token": "of-two"}}]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": users,
        "contexts": [{"name": user["name"], "context": {"cluster": "c", "user": user["name"]}} for user in users],
        "current-context": "one",
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def assert_no_secrets(error: errors.IrsaError) -> None:
    text = str(error) + json.dumps(error.as_dict())
    assert not [secret for secret in (SECRET, SESSION, "k8s-aws-v1", "of-one", "of-two") if secret in text]


# Connections with cluster_name


def presigned(server: Scripted) -> tuple[str, urllib.parse.SplitResult, dict[str, str]]:
    """The bearer token of the last request, the URL in it, and the query of that URL."""
    bearer = server.requests[-1].headers["Authorization"].removeprefix("Bearer ")
    prefix, encoded = bearer.split(".", 1)
    assert prefix == "k8s-aws-v1"
    assert "=" not in encoded
    url = urllib.parse.urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
    return bearer, url, dict(urllib.parse.parse_qsl(url.query, strict_parsing=True))


IRELAND = ("aws", "eu-west-1", "sts.eu-west-1.amazonaws.com")
TOKENS: dict[str, tuple[tuple[str, str, str], dict[str, str]]] = {
    "plain": (IRELAND, {}),
    "us-east-1": (("aws", "us-east-1", "sts.us-east-1.amazonaws.com"), {}),
    "aws-cn": (("aws-cn", "cn-north-1", "sts.cn-north-1.amazonaws.com.cn"), {}),
    "aws-us-gov": (("aws-us-gov", "us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"), {}),
    "aws-iso": (("aws-iso", "us-iso-east-1", "sts.us-iso-east-1.c2s.ic.gov"), {}),
    "aws-iso-b": (("aws-iso-b", "us-isob-east-1", "sts.us-isob-east-1.sc2s.sgov.gov"), {}),
    "endpoint overrides": (
        IRELAND,
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9"},
    ),
    "fips": (IRELAND, {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"}),
    "global endpoint": (IRELAND, {"AWS_STS_REGIONAL_ENDPOINTS": "legacy"}),
}


@pytest.mark.parametrize(("scope", "environment"), TOKENS.values(), ids=TOKENS.keys())
def test_token_is_a_presigned_url(
    module: Module,
    api: Scripted,
    eks: t.Any,
    monkeypatch: pytest.MonkeyPatch,
    scope: tuple[str, str, str],
    environment: dict[str, str],
) -> None:
    partition, region, host = scope
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    eks.describe(arn=f"arn:{partition}:eks:{region}:123456789012:cluster/production")
    api.answer({"kind": "x"})
    server = connection.open_api_server(module(cluster_name="production", **{**eks.options, "region": region}))
    assert server.request("GET", PATH) == {"kind": "x"}
    bearer, url, query = presigned(api)
    assert (url.scheme, url.netloc, url.path) == ("https", host, "/")
    assert query.keys() == {
        "Action",
        "Version",
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
    }
    assert query["Action"] == "GetCallerIdentity"
    assert query["X-Amz-Expires"] == "60"
    assert query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"
    assert query["X-Amz-Credential"].split("/")[2:] == [region, "sts", "aws4_request"]
    assert query["X-Amz-Security-Token"] == SESSION
    assert SECRET not in urllib.parse.unquote(url.geturl())
    assert len(bearer) <= 4096


def test_token_is_reused_and_not_written_to_disk(
    module: Module, api: Scripted, eks: t.Any, tmp_path: pathlib.Path
) -> None:
    before = {*tmp_path.rglob("*")}
    eks.describe()
    api.answer({}, {})
    server = connection.open_api_server(module(cluster_name="production", **eks.options))
    server.request("GET", PATH)
    server.request("GET", PATH)
    first, second = (request.headers["Authorization"] for request in api.requests)
    assert first == second
    assert {*tmp_path.rglob("*")} == before


def test_long_session_token_is_rejected(module: Module, api: Scripted, eks: t.Any) -> None:
    eks.describe()
    server = connection.open_api_server(
        module(cluster_name="production", **{**eks.options, "session_token": "x" * 3000})
    )
    with pytest.raises(errors.BadCredentials, match="EKS accepts 4096") as caught:
        server.request("GET", PATH)
    assert "xxxx" not in str(caught.value)
    assert api.requests == []


def test_impersonation_headers_are_sent(module: Module, api: Scripted, eks: t.Any) -> None:
    eks.describe()
    api.answer({})
    options = {**eks.options, "impersonate_user": "me", "impersonate_groups": ["a", "b"]}
    connection.open_api_server(module(cluster_name="production", **options)).request("GET", PATH)
    assert api.requests[0].headers["Impersonate-User"] == "me"
    assert ",".join(api.requests[0].headers.get_all("Impersonate-Group")).replace(" ", "") == "a,b"


def test_only_certificate_authority_of_the_cluster_is_trusted(module: Module, api: Scripted, eks: t.Any) -> None:
    eks.describe(certificateAuthority={"data": base64.b64encode(trustme.CA().cert_pem.bytes()).decode()})
    server = connection.open_api_server(module(cluster_name="production", **eks.options))
    with pytest.raises(errors.Unreachable, match="TLS failed") as caught:
        server.request("GET", PATH)
    assert_no_secrets(caught.value)
    assert api.requests == []


def test_ca_cert_overrides_the_certificate_authority_of_the_cluster(
    module: Module, api: Scripted, eks: t.Any, tmp_path: pathlib.Path
) -> None:
    eks.describe(certificateAuthority={"data": base64.b64encode(trustme.CA().cert_pem.bytes()).decode()})
    api.answer({"kind": "x"})
    options = {**eks.options, "ca_cert": str(tmp_path / "ca.pem")}
    assert connection.open_api_server(module(cluster_name="production", **options)).request("GET", PATH) == {
        "kind": "x"
    }


@pytest.mark.parametrize("how", ["option", "alias", "environment"])
def test_verification_can_be_disabled(
    module: Module, api: Scripted, eks: t.Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    eks.describe(certificateAuthority={"data": "Q0E="})
    api.answer({"kind": "x"})
    options = {**eks.options, "cluster_name": "production"}
    if how == "environment":
        monkeypatch.setenv("K8S_AUTH_VERIFY_SSL", "false")
    else:
        options["validate_certs" if how == "option" else "verify_ssl"] = False
    assert connection.open_api_server(module(**options)).request("GET", PATH) == {"kind": "x"}


def test_certificate_authority_without_key_identifier_is_accepted(authority: trustme.CA) -> None:
    """Certificate authorities of EKS have no Authority Key Identifier, which Python requires since 3.13."""
    cluster = EksCluster.from_aws(
        {"name": "x", "arn": "arn:aws:eks:eu-west-1:123456789012:cluster/x", "status": "ACTIVE"}
    )
    context = connection._tls(cluster, base64.b64encode(authority.cert_pem.bytes()).decode(), None)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


@pytest.mark.parametrize("data", ["Q0E=", "!", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="])
def test_invalid_certificate_authority_is_rejected(module: Module, eks: t.Any, data: str) -> None:
    eks.describe(certificateAuthority={"data": data})
    with pytest.raises(errors.BadConnection, match="certificate authority of EKS cluster production is not a PEM"):
        connection.open_api_server(module(cluster_name="production", **eks.options))


@pytest.mark.parametrize("changes", [{"endpoint": None}, {"certificateAuthority": {}}])
def test_cluster_without_endpoint_is_rejected(module: Module, eks: t.Any, changes: dict[str, t.Any]) -> None:
    eks.describe(status="CREATING", **changes)
    with pytest.raises(errors.BadConnection, match=r"production has no API endpoint\. Cause: its status is CREATING\."):
        connection.open_api_server(module(cluster_name="production", **eks.options))


MANY_CLUSTERS = [*(f"team-{number}" for number in range(7)), "productions"]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], "; the AWS account has no clusters in this region"),
        (["a", "productions"], "; the AWS account has productions, a in this region"),
        (MANY_CLUSTERS, "; the AWS account has productions, team-6, team-5, team-4, team-3 and 3 more in this region"),
        (None, ""),
    ],
)
def test_missing_cluster(module: Module, eks: t.Any, names: list[str] | None, text: str) -> None:
    eks.reject(404, "ResourceNotFoundException", "No cluster found for name: production.")
    if names is None:
        eks.reject(403, "AccessDeniedException", "User: me is not authorized")
    else:
        eks.list(names)
    with pytest.raises(errors.NotFound, match="EKS cluster production does not exist in region eu-west-1") as caught:
        connection.open_api_server(module(cluster_name="production", **eks.options))
    assert caught.value.cause == f"No cluster found for name: production{text}"
    assert_no_secrets(caught.value)


ERRORS_OF_AWS = [
    (403, "AccessDeniedException", "User: me is not authorized", errors.AccessDenied, "allow eks:DescribeCluster"),
    (403, "ExpiredTokenException", f"token {SESSION} expired", errors.BadCredentials, "have expired"),
    (403, "UnrecognizedClientException", f"token {SESSION}", errors.BadCredentials, "does not accept the credentials"),
    (403, "InvalidSignatureException", f"x-amz-security-token:{SESSION}", errors.BadCredentials, "does not accept"),
]


@pytest.mark.parametrize(
    ("status", "code", "text", "kind", "message"), ERRORS_OF_AWS, ids=[case[1] for case in ERRORS_OF_AWS]
)
def test_error_of_aws(
    module: Module, eks: t.Any, status: int, code: str, text: str, kind: type[errors.IrsaError], message: str
) -> None:
    eks.reject(status, code, text)
    with pytest.raises(kind, match="could not read the EKS cluster production") as caught:
        connection.open_api_server(module(cluster_name="production", **eks.options))
    assert message in str(caught.value)
    assert_no_secrets(caught.value)


def test_missing_credentials(module: Module, eks: t.Any) -> None:
    options = {key: value for key, value in eks.options.items() if key not in CREDENTIALS}
    with pytest.raises(errors.BadCredentials, match="no usable AWS credentials were found"):
        connection.open_api_server(module(cluster_name="production", **options))


def test_aws_ca_bundle_is_used_without_validate_certs(
    module: Module, api: Scripted, eks: t.Any, tmp_path: pathlib.Path
) -> None:
    # The TLS server takes the role of AWS.
    api.answer(Answer(404, {"message": "No cluster found"}, {"x-amzn-ErrorType": "ResourceNotFoundException"}))
    options = {**eks.options, "endpoint_url": api.url, "aws_ca_bundle": str(tmp_path / "ca.pem")}
    api.answer(Answer(200, {"clusters": []}, {"Content-Type": "application/json"}))
    with pytest.raises(errors.NotFound):
        session.Aws(module(**options)).describe("production")
    without_bundle = {"aws_ca_bundle": None, "aws_config": {"retries": {"total_max_attempts": 1}}}
    with pytest.raises(errors.Unreachable, match="set aws_ca_bundle"):
        session.Aws(module(**{**options, **without_bundle})).describe("production")


@pytest.mark.parametrize("config", [{"read_timeouts": 3}, {"retries": {"mode": "often"}}, {"": None}])
def test_invalid_aws_config(module: Module, eks: t.Any, config: dict[str, t.Any]) -> None:
    with pytest.raises(errors.BadConnection, match="aws_config is not valid"):
        session.Aws(module(**eks.options, aws_config=config))


def test_limits_can_be_overridden(module: Module, eks: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config: botocore.config.Config = session.Aws(module(**eks.options)).client("iam").meta.config
    assert config.retries["total_max_attempts"] == 8
    assert (config.connect_timeout, config.read_timeout) == (10, 30)
    own_limits = {"aws_config": {"retries": {"total_max_attempts": 2}, "read_timeout": 3}}
    config = session.Aws(module(**eks.options, **own_limits)).client("iam").meta.config
    assert config.retries["total_max_attempts"] == 2
    assert config.read_timeout == 3
    without_limits = {"aws_config": {"connect_timeout": None, "read_timeout": None}}
    config = session.Aws(module(**eks.options, **without_limits)).client("iam").meta.config
    assert (config.connect_timeout, config.read_timeout) == (10, 30)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "4")
    config = session.Aws(module(**eks.options)).client("iam").meta.config
    assert config.retries["total_max_attempts"] == 4


WRITES: dict[str, tuple[Callable[..., t.Any], dict[str, t.Any]]] = {
    "trust policy": (iam.set_trust_policy, {"name": "app", "trust_policy": {}}),
    "settings": (iam.update_role, {"name": "app", "description": "", "max_session_duration": 3600}),
    "inline policy": (iam.put_inline_policy, {"name": "app", "policy_name": "p", "document": {}}),
    "deletion of a role": (iam.delete_role, {"name": "app"}),
    "thumbprints": (iam.set_thumbprints, {"arn": PROVIDER_ARN, "thumbprints": ["a" * 40]}),
    "deletion of a provider": (iam.delete_oidc_provider, {"arn": PROVIDER_ARN}),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_write_that_depends_on_a_read_is_sent_once(
    module: Module, eks: t.Any, scripted: Scripted, monkeypatch: pytest.MonkeyPatch, write: t.Any
) -> None:
    """Neither the user's settings nor a throttled client may repeat or delay it."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "4")
    monkeypatch.setenv("AWS_RETRY_MODE", "adaptive")
    aws = session.Aws(module(**eks.options), connections=16)
    aws.client("iam")
    client = aws.unretried("iam")
    assert client is aws.unretried("iam")
    assert client.meta.config.connect_timeout + client.meta.config.read_timeout == session.LONGEST_TRY
    function, arguments = write
    for code, status in (("Throttling", 400), ("ServiceUnavailable", 503)):
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>later</Message></Error></ErrorResponse>"
        scripted.answer(Answer(status, body.encode(), {"Content-Type": "text/xml"}))
        with pytest.raises(errors.IrsaError) as caught:
            function(client, **arguments)
        assert caught.value.can_plan_again
    assert len(scripted.requests) == 2


def test_client_is_created_once(module: Module, eks: t.Any) -> None:
    aws = session.Aws(module(**eks.options))
    assert aws.client("iam") is aws.client("iam")


# Connections with kubeconfig, context, host or environment


def authorization_of(server: Scripted) -> str:
    """The authorization of the only request for a service account."""
    (request,) = [request for request in server.requests if request.path == PATH]
    return str(request.headers["Authorization"])


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize("form", ["path", "dictionary", "environment", "default", "context"])
def test_kubeconfig(
    module: Module, api: Scripted, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "ca.pem").write_bytes((tmp_path / "ca.pem").read_bytes())
    file = tmp_path / ".kube" / "config" if form in ("default", "context") else tmp_path / "kubeconfig"
    path = kubeconfig(api, file)
    options: dict[str, t.Any] = {}
    if form == "environment":
        monkeypatch.setenv("K8S_AUTH_KUBECONFIG", path)
    elif form == "path":
        options["kubeconfig"] = path
    elif form == "dictionary":
        options["kubeconfig"] = json.loads(file.read_text(encoding="utf-8"))
    elif form == "context":
        options["context"] = "two"
    api.answer({"kind": "x"})
    assert connection.open_api_server(module(**options)).request("GET", PATH) == {"kind": "x"}
    assert authorization_of(api) == ("Bearer of-two" if form == "context" else "Bearer of-one")


def test_kubeconfig_with_password(module: Module, api: Scripted, tmp_path: pathlib.Path) -> None:
    api.answer({})
    path = kubeconfig(api, tmp_path / "kubeconfig", username="me", password="secret")
    connection.open_api_server(module(kubeconfig=path)).request("GET", PATH)
    assert authorization_of(api) == basic("me:secret")


@pytest.mark.parametrize(
    ("options", "authorization"),
    [
        ({"api_key": "secret"}, "Bearer secret"),
        ({"username": "me", "password": "secret"}, basic("me:secret")),
    ],
)
def test_host(
    module: Module, api: Scripted, tmp_path: pathlib.Path, options: dict[str, str], authorization: str
) -> None:
    api.answer({"kind": "x"})
    server_options = {"host": f"{api.url}/", "ca_cert": str(tmp_path / "ca.pem")}
    assert connection.open_api_server(module(**server_options, **options)).request("GET", PATH) == {"kind": "x"}
    assert authorization_of(api) == authorization


def test_environment_only(
    module: Module, api: Scripted, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K8S_AUTH_HOST", api.url)
    monkeypatch.setenv("K8S_AUTH_API_KEY", "secret")
    monkeypatch.setenv("K8S_AUTH_SSL_CA_CERT", str(tmp_path / "ca.pem"))
    api.answer({"kind": "x"})
    connection.open_api_server(module()).request("GET", PATH)
    assert authorization_of(api) == "Bearer secret"


def test_client_certificate(module: Module, api: Scripted, tmp_path: pathlib.Path) -> None:
    client = tmp_path / "client.pem"
    trustme.CA().issue_cert("client").private_key_and_cert_chain_pem.write_to_path(str(client))
    path = kubeconfig(api, tmp_path / "kubeconfig", **{"client-certificate": str(client), "client-key": str(client)})
    api.answer({"kind": "x"})
    connection.open_api_server(module(kubeconfig=path)).request("GET", PATH)
    assert authorization_of(api) == "None"


@pytest.mark.parametrize("path", ["missing.pem", ""])
def test_unreadable_ca_cert_of_a_kubeconfig(module: Module, api: Scripted, tmp_path: pathlib.Path, path: str) -> None:
    path = str(tmp_path / path)
    # With a client certificate or a token, the connection is made later, so the file is first read here.
    options = {"host": api.url, "api_key": "token", "ca_cert": path, "validate_certs": True}
    with pytest.raises(errors.BadConnection, match="cannot read the certificate or key file") as caught:
        connection.kubeconfig(module(**options), include_credentials=True)
    assert "check ca_cert" in str(caught.value)


def test_token_of_exec_plugin_is_renewed(module: Module, api: Scripted, tmp_path: pathlib.Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text(
        "#!/bin/sh\n"
        f"echo x >> {tmp_path}/calls\n"
        'echo \'{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "\''
        f"$(wc -l < {tmp_path}/calls | tr -d ' ')"
        '\'", "expirationTimestamp": "2020-01-01T00:00:00Z"}}\'\n',
        encoding="utf-8",
    )
    plugin.chmod(0o700)
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(plugin),
            "interactiveMode": "Never",
        }
    }
    server = connection.open_api_server(module(kubeconfig=kubeconfig(api, tmp_path / "kubeconfig", **user)))
    api.answer({}, {})
    server.request("GET", PATH)
    server.request("GET", PATH)
    first, second = (int(request.headers["Authorization"].removeprefix("Bearer ")) for request in api.requests)
    assert second > first


def test_cluster_name_takes_precedence_over_the_environment(
    module: Module,
    api: Scripted,
    eks: t.Any,
    scripted: Scripted,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("K8S_AUTH_KUBECONFIG", kubeconfig(api, tmp_path / "kubeconfig"))
    monkeypatch.setenv("K8S_AUTH_HOST", "https://127.0.0.1:9")
    monkeypatch.setenv("K8S_AUTH_API_KEY", "other")
    eks.describe()
    api.answer({})
    connection.open_api_server(module(cluster_name="production", **eks.options)).request("GET", PATH)
    assert authorization_of(api).startswith("Bearer k8s-aws-v1.")


@pytest.mark.parametrize("how", ["kubeconfig", "context", "host"])
def test_connection_option_takes_precedence_over_cluster_name(
    module: Module, api: Scripted, eks: t.Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = kubeconfig(api, tmp_path / "kubeconfig")
    options: dict[str, t.Any] = {
        "kubeconfig": {"kubeconfig": path},
        "context": {"context": "one"},
        "host": {"host": api.url, "api_key": "of-one", "ca_cert": str(tmp_path / "ca.pem")},
    }[how]
    if how == "context":
        monkeypatch.setenv("K8S_AUTH_KUBECONFIG", path)
    eks.describe()
    api.answer({"issuer": ISSUER}, {"kind": "x"})
    server = connection.open_api_server(module(cluster_name="production", **options, **eks.options))
    assert server.request("GET", PATH) == {"kind": "x"}
    assert authorization_of(api) == "Bearer of-one"
    assert [request.path for request in api.requests] == [DISCOVERY, PATH]


# Check of the cluster


def test_wrong_cluster_is_rejected(module: Module, api: Scripted, eks: t.Any, tmp_path: pathlib.Path) -> None:
    eks.describe()
    api.answer({"issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/TWO"})
    path = kubeconfig(api, tmp_path / "kubeconfig")
    with pytest.raises(errors.WrongCluster) as caught:
        connection.open_api_server(module(cluster_name="production", kubeconfig=path, **eks.options))
    assert f"{api.url} is not the EKS cluster production" in str(caught.value)
    assert f"id/TWO, the cluster's is {ISSUER}" in str(caught.value)
    assert [(request.method, request.path) for request in api.requests] == [("GET", DISCOVERY)]
    assert_no_secrets(caught.value)


UNREADABLE = Answer(403, {"kind": "Status", "message": "not allowed", "reason": "Forbidden"})
EKS_ENDPOINT = "https://0123456789ABCDEF0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com"


def other_authority() -> str:
    return base64.b64encode(trustme.CA().cert_pem.bytes()).decode()


@pytest.mark.parametrize("code", [403, 404])
def test_unreadable_issuer_is_an_error(
    module: Module, api: Scripted, eks: t.Any, tmp_path: pathlib.Path, code: int
) -> None:
    eks.describe(endpoint=EKS_ENDPOINT, certificateAuthority={})
    api.answer(Answer(code, {"kind": "Status", "message": "not allowed", "reason": "Forbidden"}))
    options = {"kubeconfig": kubeconfig(api, tmp_path / "kubeconfig"), **eks.options}
    with pytest.raises(errors.WrongCluster) as caught:
        connection.open_api_server(module(cluster_name="production", **options))
    text = str(caught.value)
    assert f"could not check that {api.url} is the EKS cluster production. Cause: the caller may not read its" in text
    assert "Fix: bind the caller to the ClusterRole system:service-account-issuer-discovery; or" in text
    assert text.endswith("set verify_cluster to false.")
    assert [(request.method, request.path) for request in api.requests] == [("GET", DISCOVERY)]
    assert_no_secrets(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"certificateAuthority": {"data": other_authority()}}, id="same URL"),
        pytest.param({"endpoint": EKS_ENDPOINT}, id="same certificate authority"),
    ],
)
def test_url_or_certificates_show_the_cluster(
    module: Module, api: Scripted, eks: t.Any, tmp_path: pathlib.Path, changes: dict[str, t.Any]
) -> None:
    eks.describe(**changes)
    api.answer(UNREADABLE, {"kind": "x"})
    options = {"kubeconfig": kubeconfig(api, tmp_path / "kubeconfig"), **eks.options}
    server = connection.open_api_server(module(cluster_name="production", **options))
    assert server.request("GET", PATH) == {"kind": "x"}


def test_other_certificate_authority_is_the_wrong_cluster(
    module: Module, api: Scripted, eks: t.Any, tmp_path: pathlib.Path
) -> None:
    eks.describe(endpoint=EKS_ENDPOINT, certificateAuthority={"data": other_authority()})
    api.answer(UNREADABLE)
    options = {"kubeconfig": kubeconfig(api, tmp_path / "kubeconfig"), **eks.options}
    with pytest.raises(errors.WrongCluster, match="its certificate authority is not that of the cluster"):
        connection.open_api_server(module(cluster_name="production", **options))


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_unverified_certificates_show_nothing(
    module: Module, api: Scripted, eks: t.Any, tmp_path: pathlib.Path
) -> None:
    eks.describe(endpoint=EKS_ENDPOINT)
    api.answer(UNREADABLE)
    options = {"kubeconfig": kubeconfig(api, tmp_path / "kubeconfig"), "validate_certs": False, **eks.options}
    with pytest.raises(errors.WrongCluster, match="could not check that"):
        connection.open_api_server(module(cluster_name="production", **options))


def test_consent_to_an_unreadable_issuer(
    module: Module, api: Scripted, eks: t.Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eks.describe(endpoint=EKS_ENDPOINT, certificateAuthority={"data": other_authority()})
    api.answer(UNREADABLE, {"kind": "x"})
    options = {"kubeconfig": kubeconfig(api, tmp_path / "kubeconfig"), "verify_cluster": False, **eks.options}
    monkeypatch.setattr(connection, "warn", (warnings := []).append)
    server = connection.open_api_server(module(cluster_name="production", **options))
    assert server.request("GET", PATH) == {"kind": "x"}
    (warning,) = warnings
    assert warning == (
        f"Could not check that {api.url} is the EKS cluster production, because the caller may not read its issuer "
        "(not allowed); its certificate authority is not that of the cluster."
    )


def test_consent_does_not_allow_another_issuer(
    module: Module, api: Scripted, eks: t.Any, tmp_path: pathlib.Path
) -> None:
    eks.describe()
    api.answer({"issuer": f"{ISSUER}2"})
    options = {"kubeconfig": kubeconfig(api, tmp_path / "kubeconfig"), "verify_cluster": False, **eks.options}
    with pytest.raises(errors.WrongCluster, match="is not the EKS cluster production"):
        connection.open_api_server(module(cluster_name="production", **options))


@pytest.mark.parametrize("issuer", [None, 5, ["https://x"], {"url": ISSUER}, ""])
def test_malformed_discovery_document_is_the_wrong_cluster(
    module: Module, api: Scripted, eks: t.Any, tmp_path: pathlib.Path, issuer: t.Any
) -> None:
    eks.describe()
    api.answer({"issuer": issuer})
    options = {"kubeconfig": kubeconfig(api, tmp_path / "kubeconfig"), **eks.options}
    with pytest.raises(errors.WrongCluster, match="is not the EKS cluster production"):
        connection.open_api_server(module(cluster_name="production", **options))


# Check of the cluster by its issuer

ISSUER_OPTION = {**connection.OPTIONS, "issuer": {"type": "str"}}


@pytest.fixture
def issuer_module(monkeypatch: pytest.MonkeyPatch, module: Module) -> Module:
    """As ``module``, with the option ``issuer``."""
    monkeypatch.setattr(connection, "OPTIONS", ISSUER_OPTION)
    return module


@pytest.mark.parametrize("issuer", [ISSUER, ISSUER.removeprefix("https://")])
@pytest.mark.parametrize("as_option", [True, False], ids=["kubeconfig", "environment"])
def test_issuer_is_compared(
    issuer_module: Module,
    api: Scripted,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    issuer: str,
    as_option: bool,
) -> None:
    path = kubeconfig(api, tmp_path / "kubeconfig")
    if not as_option:
        monkeypatch.setenv("K8S_AUTH_KUBECONFIG", path)
    options = {"issuer": issuer, **({"kubeconfig": path} if as_option else {})}
    api.answer({"issuer": ISSUER}, {"issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/TWO"})
    connection.open_api_server(issuer_module(**options))
    with pytest.raises(errors.WrongCluster) as caught:
        connection.open_api_server(issuer_module(**options))
    assert f"{api.url} is not the cluster with issuer {issuer}. Cause: its issuer is https://oidc" in str(caught.value)
    assert "id/TWO. Fix: point kubeconfig, context or host to the cluster with this issuer" in str(caught.value)


def test_issuer_that_cannot_be_compared_is_an_error(
    issuer_module: Module, api: Scripted, tmp_path: pathlib.Path
) -> None:
    api.answer(UNREADABLE)
    with pytest.raises(errors.WrongCluster, match=r"could not check that .* is the cluster with issuer"):
        connection.open_api_server(issuer_module(issuer=ISSUER, kubeconfig=kubeconfig(api, tmp_path / "kubeconfig")))


# Endpoint of the cluster


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://attacker.example.com",
        "http://0123456789ABCDEF0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com",
        "https://me@0123456789ABCDEF0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com",
    ],
)
@pytest.mark.parametrize("use", [connection.open_api_server, connection.kubeconfig])
def test_endpoint_that_eks_does_not_use_is_rejected(
    module: Module, api: Scripted, eks: t.Any, monkeypatch: pytest.MonkeyPatch, endpoint: str, use: t.Any
) -> None:
    eks.describe(endpoint=endpoint)
    monkeypatch.setattr(session.Aws, "eks_token", None)
    arguments = {"include_credentials": True} if use is connection.kubeconfig else {}
    with pytest.raises(errors.BadConnection, match="is not an endpoint of EKS") as caught:
        use(module(cluster_name="production", **eks.options), **arguments)
    assert "no token was created for it" in str(caught.value)
    assert api.requests == []


def test_answer_for_another_cluster_is_rejected(module: Module, eks: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    for _try in range(6):
        eks.describe(name="other")
    with pytest.raises(errors.Unreachable, match="it describes the cluster other"):
        connection.open_api_server(module(cluster_name="production", **eks.options))


@pytest.mark.parametrize("answer", [Answer(401, {"kind": "Status", "message": "Unauthorized"}), Answer(200, b"<html>")])
def test_other_error_of_the_issuer_is_fatal(
    module: Module, api: Scripted, eks: t.Any, tmp_path: pathlib.Path, answer: Answer
) -> None:
    eks.describe()
    api.answer(*[answer] * 8)
    with pytest.raises((errors.BadCredentials, errors.MalformedAnswer)):
        connection.open_api_server(
            module(cluster_name="production", kubeconfig=kubeconfig(api, tmp_path / "kubeconfig"), **eks.options)
        )


def test_cluster_without_issuer_is_rejected(module: Module, api: Scripted, eks: t.Any, tmp_path: pathlib.Path) -> None:
    eks.describe(identity={})
    with pytest.raises(errors.InvalidInput, match="production has no OIDC issuer"):
        connection.open_api_server(
            module(cluster_name="production", kubeconfig=kubeconfig(api, tmp_path / "kubeconfig"), **eks.options)
        )
    assert api.requests == []


# Invalid kubeconfigs


def test_missing_kubeconfig(module: Module, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.BadConnection, match=f"kubeconfig none in {tmp_path} does not exist") as caught:
        connection.open_api_server(module(kubeconfig=str(tmp_path / "none")))
    assert "Fix: set the path of a kubeconfig" in str(caught.value)


@pytest.mark.parametrize("paths", ["{0}:", ":{0}", "::{0}:", "/nowhere/one:{0}", "{0}:~/nowhere"])
@pytest.mark.parametrize("as_option", [True, False], ids=["option", "environment"])
def test_empty_and_missing_parts_of_kubeconfig_are_skipped(
    module: Module, api: Scripted, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, paths: str, as_option: bool
) -> None:
    paths = paths.format(kubeconfig(api, tmp_path / "kubeconfig", token="of-one"))
    if not as_option:
        monkeypatch.setenv("K8S_AUTH_KUBECONFIG", paths)
    server = connection.open_api_server(module(**({"kubeconfig": paths} if as_option else {})))
    assert server.host == api.url


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (":", "kubeconfig does not name a file"),
        ("/nowhere/one::/nowhere/two", "kubeconfig one in /nowhere and two in /nowhere does not exist"),
    ],
)
def test_kubeconfig_without_any_file(module: Module, monkeypatch: pytest.MonkeyPatch, paths: str, message: str) -> None:
    monkeypatch.setenv("K8S_AUTH_KUBECONFIG", paths)
    with pytest.raises(errors.BadConnection, match=message):
        connection.open_api_server(module())


def test_no_connection_settings(module: Module) -> None:
    with pytest.raises(errors.BadConnection, match="the default kubeconfig or the in-cluster configuration"):
        connection.open_api_server(module())


INVALID = {
    "not YAML": 'users: [{name: me, user: {token: "of-one"}\nclusters: {',
    "list": "[of-one]",
    "text": "of-one",
    "empty": "",
    "no context": "apiVersion: v1\nkind: Config\nclusters: []\nusers: []\ncontexts: []\n",
    "invalid certificate": json.dumps(
        {
            "clusters": [
                {"name": "c", "cluster": {"server": "https://127.0.0.1:9", "certificate-authority-data": "Q"}}
            ],
            "users": [{"name": "u", "user": {"token": "of-one"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    ),
}


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID.keys())
def test_invalid_kubeconfig(module: Module, tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(errors.BadConnection) as caught:
        connection.open_api_server(module(kubeconfig=str(path)))
    assert f"kubeconfig kubeconfig in {tmp_path}" in str(caught.value)
    assert "Fix: correct the" in str(caught.value)
    assert_no_secrets(caught.value)


def test_missing_context(module: Module, api: Scripted, tmp_path: pathlib.Path) -> None:
    path = kubeconfig(api, tmp_path / "kubeconfig")
    with pytest.raises(errors.BadConnection) as caught:
        connection.open_api_server(module(kubeconfig=path, context="three"))
    assert f"kubeconfig kubeconfig in {tmp_path}, context three" in str(caught.value)
    assert "Expected object with name three" in str(caught.value)


def test_untrusted_certificate_authority(module: Module, api: Scripted, tmp_path: pathlib.Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = connection.open_api_server(module(kubeconfig=kubeconfig(api, tmp_path / "kubeconfig")))
    with pytest.raises(errors.Unreachable, match="TLS failed"):
        server.request("GET", PATH)


# Kubeconfigs of eks_kubeconfig_info


def connect_with(module: Module, content: dict[str, t.Any], server: Scripted) -> str:
    """Connect with a kubeconfig, and return the authorization."""
    server.answer({"kind": "x"})
    connection.open_api_server(module(kubeconfig=content)).request("GET", PATH)
    return authorization_of(server)


def test_kubeconfig_of_cluster_name(module: Module, api: Scripted, eks: t.Any) -> None:
    eks.describe()
    content = connection.kubeconfig(module(cluster_name="production", **eks.options), include_credentials=True)
    assert connect_with(module, content, api).startswith("Bearer k8s-aws-v1.")
    # The name must not be a word of messages, because Ansible redacts every value of the kubeconfig.
    assert {entry["name"] for kind in ("clusters", "users", "contexts") for entry in content[kind]} == {"eksops.irsa"}


@pytest.mark.parametrize(
    ("user", "authorization"),
    [({"token": "of-one"}, "Bearer of-one"), ({"username": "me", "password": "secret"}, basic("me:secret"))],
)
def test_kubeconfig_of_kubeconfig(
    module: Module, api: Scripted, tmp_path: pathlib.Path, user: dict[str, str], authorization: str
) -> None:
    config = module(kubeconfig=kubeconfig(api, tmp_path / "kubeconfig", **user))
    content = connection.kubeconfig(config, include_credentials=True)
    assert connect_with(module, content, api) == authorization


def test_kubeconfig_of_wrong_cluster_is_rejected(
    module: Module, api: Scripted, eks: t.Any, tmp_path: pathlib.Path
) -> None:
    eks.describe()
    api.answer({"issuer": "https://other.example.com"})
    with pytest.raises(errors.WrongCluster):
        connection.kubeconfig(
            module(cluster_name="production", kubeconfig=kubeconfig(api, tmp_path / "kubeconfig"), **eks.options),
            include_credentials=True,
        )


def test_credentials_of_a_kubeconfig_are_masked_unless_included(module: Module, api: Scripted, eks: t.Any) -> None:
    eks.describe()
    eks.describe()
    irsa_module = module(cluster_name="production", **eks.options)
    content = connection.kubeconfig(irsa_module, include_credentials=False)
    assert content["users"] == [{"name": "eksops.irsa", "user": {"token": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}}]
    assert any(secret.startswith("k8s-aws-v1.") for secret in irsa_module.no_log_values)
    irsa_module = module(cluster_name="production", **eks.options)
    content = connection.kubeconfig(irsa_module, include_credentials=True)
    assert content["users"][0]["user"]["token"].startswith("k8s-aws-v1.")
    assert not any(secret.startswith("k8s-aws-v1.") for secret in irsa_module.no_log_values)


def test_short_password_of_a_kubeconfig_is_masked(module: Module, api: Scripted, tmp_path: pathlib.Path) -> None:
    irsa_module = module(kubeconfig=kubeconfig(api, tmp_path / "kubeconfig", username="me", password="short"))
    (user,) = connection.kubeconfig(irsa_module, include_credentials=False)["users"]
    assert user["user"] == {"username": "me", "password": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}


def test_unsigned_client_uses_regional_endpoint_without_credentials(module: Module) -> None:
    aws = session.Aws(module(region="us-east-1"))
    client = aws.unsigned("sts", "eu-west-1")
    # By default, older releases of botocore use the global endpoint of STS.
    assert client.meta.endpoint_url == "https://sts.eu-west-1.amazonaws.com"
    assert client.meta.config.signature_version is botocore.UNSIGNED


@pytest.mark.parametrize("with_services", [False, True], ids=["endpoint_url", "services"])
def test_unsigned_client_uses_the_settings_of_the_profile(
    module: Module, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, with_services: bool
) -> None:
    settings = "ca_bundle = /ca.pem\nsts_regional_endpoints = legacy\n"
    endpoint = "endpoint_url = https://aws.example.com\n"
    services = f"services = local\n[services local]\nsts =\n  {endpoint}" if with_services else endpoint
    (tmp_path / "config").write_text(f"[profile shop]\n{settings}{services}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "missing")  # the option takes precedence
    aws = session.Aws(module(profile="shop", region="us-east-1"))
    client = aws.unsigned("sts", "eu-west-1")
    assert client.meta.endpoint_url == "https://aws.example.com"
    assert client._endpoint.http_session._verify == "/ca.pem"
    assert client.meta.config.signature_version is botocore.UNSIGNED


def test_unsigned_client_uses_the_fips_endpoint_of_the_profile(
    module: Module, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[profile shop]\nuse_fips_endpoint = true\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    client = session.Aws(module(profile="shop", region="us-east-1")).unsigned("sts", "us-west-2")
    assert client.meta.endpoint_url == "https://sts-fips.us-west-2.amazonaws.com"


def test_setting_of_the_unsigned_client_does_not_change_other_clients(
    module: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    aws = session.Aws(module(**CREDENTIALS, region="us-east-1"))
    assert aws.unsigned("sts", "eu-west-1").meta.endpoint_url == "https://sts.eu-west-1.amazonaws.com"
    assert aws.client("sts", "eu-west-1").meta.endpoint_url == "https://sts.amazonaws.com"


def test_unusable_credentials_are_reported_before_the_first_call(
    module: Module, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[profile shop]\ncredential_process = /nowhere/broker\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    aws = session.Aws(module(profile="shop", region="eu-west-1"))
    assert aws.unsigned("sts", "eu-west-1")  # needs no credentials
    with pytest.raises(errors.BadCredentials, match="could not get AWS credentials with profile shop"):
        aws.client("iam")


class RequestSent(Exception):
    """Raised instead of sending a request."""


def test_unsigned_request_is_counted_and_has_no_signature(module: Module) -> None:
    aws = session.Aws(module(**CREDENTIALS, region="eu-west-1"))

    def intercept(request: t.Any, **_event: t.Any) -> None:
        raise RequestSent(request.url, sorted(request.headers))

    client = aws.unsigned("sts", "eu-west-1")
    client.meta.events.register_first("before-send", intercept)
    with pytest.raises(RequestSent) as caught:
        client.assume_role_with_web_identity(
            RoleArn="arn:aws:iam::123456789012:role/app", RoleSessionName="me", WebIdentityToken="a-token"
        )
    url, headers = caught.value.args
    assert url == "https://sts.eu-west-1.amazonaws.com/"
    assert headers
    assert "Authorization" not in headers
    assert aws.calls.as_dict() == {"sts": {"AssumeRoleWithWebIdentity": 1}}
