# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections to Kubernetes API servers, with the settings of kubernetes.core or only the name of an EKS cluster."""

from __future__ import annotations

import base64
import contextlib
import os
import ssl
import sys
import typing as t
import urllib.request

from ansible.module_utils.common.warnings import warn  # AnsibleAWSModule.warn warns twice
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ..._core import errors
from ..._core.arn import EksCluster, provider_of
from ..._core.wording import excerpt
from ..aws import sts
from ..aws.session import Aws, register_secrets
from .client import ApiServer, RenewedToken

try:
    import urllib3
    import urllib3.exceptions
except ImportError:
    pass  # boto3 and the kubernetes client depend on it

if t.TYPE_CHECKING:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

# The argument spec: kubernetes.core's authentication options and the cluster's name. amazon.aws has validate_certs too;
# that of kubernetes.core has no default, so that K8S_AUTH_VERIFY_SSL and a kubeconfig can set it.
OPTIONS: dict[str, t.Any] = {
    **AUTH_ARG_SPEC,
    "cluster_name": {"type": "str"},
    "verify_cluster": {"type": "bool", "default": True},
}
_DISCOVERY = "/.well-known/openid-configuration"
_EXPLICIT = ("kubeconfig", "context", "host")
# The name of all entries of a kubeconfig. kubernetes.core treats every value in it as a secret, so with a name such as
# "cluster" Ansible would redact that word in all messages: "********roles is forbidden".
_ENTRY = "eksops.irsa"
_SECRET_KEYS = frozenset({"token", "password", "client-key-data"})
# As Ansible masks secrets in a result.
_MASK = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def open_api_server(module: AnsibleAWSModule, aws: Aws | None = None, *, connections: int = 1) -> ApiServer:
    """The Kubernetes API server that the module's options name.

    Precedence: the options kubeconfig, context and host; then ``cluster_name``; then the other sources of
    kubernetes.core: K8S_AUTH_* variables, the in-cluster configuration, the default kubeconfig.

    :param aws: the AWS clients of the run, if they exist; they count the requests of both.
    :param connections: the maximum number of open connections.
    :raises WrongCluster: the options name an EKS cluster or an issuer, and a connection to another cluster, or to one
        that cannot be compared.
    :raises BadConnection: options, files or libraries of the connection are missing or invalid.
    """
    name, issuer = module.params.get("cluster_name"), module.params.get("issuer")
    if name and not any(module.params.get(option) for option in _EXPLICIT):
        return _connect_eks(aws or Aws(module), module, name, connections)
    server, authority = _connect_configured(module, aws, connections)
    if name:
        cluster = (aws or Aws(module)).describe(name)
        _require_same_cluster(module, server, cluster.require_issuer(), cluster, authority)
    elif issuer:
        _require_same_cluster(module, server, issuer, None, authority)
    return server


def kubeconfig(module: AnsibleAWSModule, *, include_credentials: bool) -> dict[str, t.Any]:
    """A kubeconfig for the same connection as ``open_api_server``, with certificates and a token.

    :param include_credentials: False masks the token, the password and the private key. True keeps Ansible from
        redacting them in the module's result.
    :raises IrsaError: as ``open_api_server``.
    """
    name = module.params.get("cluster_name")
    if name and not any(module.params.get(option) for option in _EXPLICIT):
        aws = Aws(module)
        cluster, endpoint, authority = _describe_connectable(aws, name)
        entry: dict[str, t.Any] = {"server": endpoint, "certificate-authority-data": authority}
        user: dict[str, t.Any] = {"token": aws.eks_token(cluster)}
        if not _verifies(module):
            entry = {"server": endpoint, "insecure-skip-tls-verify": True}
        if _setting(module, "proxy"):
            entry["proxy-url"] = _setting(module, "proxy")
    else:
        open_api_server(module)  # rejects the wrong cluster
        configuration, _pool = _configure(_kubernetes_core(), module)
        entry, user = _entries(configuration)
    secrets = {key: value for key, value in user.items() if key in _SECRET_KEYS}
    if include_credentials:
        module.no_log_values.difference_update(secrets.values())
    else:
        user.update(dict.fromkeys(secrets, _MASK))
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": _ENTRY, "cluster": entry}],
        "users": [{"name": _ENTRY, "user": user}],
        "contexts": [{"name": _ENTRY, "context": {"cluster": _ENTRY, "user": _ENTRY}}],
        "current-context": _ENTRY,
    }


def _entries(configuration: t.Any) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """The cluster and the user of a kubeconfig, from a configuration of the kubernetes client."""

    def encode_file(path: str | None) -> str:
        try:
            with open(path or "", "rb") as file:
                return base64.b64encode(file.read()).decode()
        except (OSError, ValueError) as error:
            text = f"cannot read the certificate or key file {path or '(not set)'}"
            fix = "check ca_cert, client_cert and client_key"
            raise errors.BadConnection(text, cause=excerpt(str(error)), fix=fix) from error

    cluster: dict[str, t.Any] = {"server": configuration.host}
    if not configuration.verify_ssl:
        cluster["insecure-skip-tls-verify"] = True
    elif configuration.ssl_ca_cert:
        cluster["certificate-authority-data"] = encode_file(configuration.ssl_ca_cert)
    if getattr(configuration, "tls_server_name", None):
        cluster["tls-server-name"] = configuration.tls_server_name
    if configuration.proxy:
        cluster["proxy-url"] = configuration.proxy
    user: dict[str, t.Any] = {}
    scheme, _blank, credentials = (_authorization(configuration) or "").partition(" ")
    if scheme == "Bearer":
        user["token"] = credentials
    elif scheme == "Basic":
        user["username"], _colon, user["password"] = base64.b64decode(credentials).decode().partition(":")
    if configuration.cert_file:
        user["client-certificate-data"] = encode_file(configuration.cert_file)
        user["client-key-data"] = encode_file(configuration.key_file)
    return cluster, user


def _require_same_cluster(
    module: AnsibleAWSModule, server: ApiServer, expected: str, cluster: EksCluster | None, authority: str | None
) -> None:
    """Compare the API server's issuer with the expected one; if the caller may not read it, URL and certificates.

    :param cluster: None if the user gave the issuer.
    :param authority: the certificates that verify the API server, in PEM.
    :raises WrongCluster: they differ, or cannot be compared and ``verify_cluster`` is true.
    """
    name = f"the EKS cluster {cluster.name}" if cluster else f"the cluster with issuer {expected}"
    details = {"host": server.host, **({"cluster": cluster.name} if cluster else {})}
    try:
        issuer = server.request("GET", _DISCOVERY).get("issuer")
    except (errors.AccessDenied, errors.NotFound) as error:
        is_served = cluster.is_served_by(server.host, authority) if cluster else None
        if is_served:
            return
        problem = f"could not check that {server.host} is {name}"
        cause = f"the caller may not read its issuer ({error.cause})"
        if is_served is False:
            cause += "; its certificate authority is not that of the cluster"
        if not module.params.get("verify_cluster"):
            warn(f"{problem[0].upper()}{problem[1:]}, because {cause}.")
            return
        raise errors.WrongCluster(
            problem,
            cause=cause,
            fix="bind the caller to the ClusterRole system:service-account-issuer-discovery; or, if you know that it "
            "is this cluster, set verify_cluster to false",
            **details,
        ) from error
    if not isinstance(issuer, str) or provider_of(issuer) != provider_of(expected):
        raise errors.WrongCluster(
            f"the Kubernetes API server {server.host} is not {name}",
            cause=f"its issuer is {excerpt(str(issuer), 300)}" + (f", the cluster's is {expected}" if cluster else ""),
            fix="remove kubeconfig, context and host, or point them to the cluster that cluster_name names"
            if cluster
            else "point kubeconfig, context or host to the cluster with this issuer, or correct issuer",
            options=("cluster_name",) if cluster else (),
            **details,
        )


def _describe_connectable(aws: Aws, name: str) -> tuple[EksCluster, str, str]:
    """The cluster, its endpoint and its certificate authority (PEM in base64)."""
    cluster = aws.describe(name)
    endpoint = aws.require_endpoint(cluster)
    return cluster, endpoint, t.cast(str, cluster.certificate_authority)


def _connect_eks(aws: Aws, module: AnsibleAWSModule, name: str, connections: int) -> ApiServer:
    """Connect to an EKS cluster, without the kubernetes client: its import takes longer than the calls."""
    cluster, endpoint, authority = _describe_connectable(aws, name)
    token = RenewedToken(lambda: aws.eks_token(cluster), sts.EKS_TOKEN_SECONDS)
    context = _tls(cluster, authority, module.params.get("ca_cert")) if _verifies(module) else None
    if _is_proxied(module):
        core = _kubernetes_core()
        auth = core._create_auth_spec(module)
        settings = {key: auth[key] for key in ("verify_ssl", "proxy", "no_proxy", "proxy_headers") if key in auth}
        # With api_key, kubernetes.core does not search for a kubeconfig. Each request sets its own header.
        configuration = core._create_configuration({**settings, "host": endpoint, "api_key": "unused"})
        pool = core.kubernetes.client.rest.RESTClientObject(configuration).pool_manager
        if context:
            pool.connection_pool_kw["ssl_context"] = context
            pool.connection_pool_kw.pop("ca_certs", None)
    elif context:
        pool = urllib3.PoolManager(ssl_context=context, maxsize=connections)
    else:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # the user disabled it
        pool = urllib3.PoolManager(cert_reqs="CERT_NONE", maxsize=connections)
    return ApiServer(
        pool,
        endpoint,
        authorization=token.authorization,
        renew=token.expire,
        headers=_impersonation(module),
        calls=aws.calls,
    )


def _setting(module: AnsibleAWSModule, option: str, alias: str | None = None) -> t.Any:
    """An option of kubernetes.core, or else its environment variable, which is a string."""
    value = module.params.get(option)
    names = [f"K8S_AUTH_{name.upper()}" for name in (option, alias) if name]
    return value if value is not None else next((os.environ[name] for name in names if os.environ.get(name)), None)


def _verifies(module: AnsibleAWSModule) -> bool:
    value = _setting(module, "validate_certs", "verify_ssl")
    return str(value).lower() not in ("0", "false", "no")


def _is_proxied(module: AnsibleAWSModule) -> bool:
    return bool(_setting(module, "proxy")) or any(
        kind in urllib.request.getproxies() for kind in ("https", "http", "all")
    )


def _impersonation(module: AnsibleAWSModule) -> list[tuple[str, str]]:
    """The headers that impersonate a user and groups."""
    groups = _setting(module, "impersonate_groups") or []
    if isinstance(groups, str):
        groups = [group for group in groups.split(",") if group]
    user = _setting(module, "impersonate_user")
    return [*([("Impersonate-User", user)] if user else []), *(("Impersonate-Group", group) for group in groups)]


def _tls(cluster: EksCluster, authority: str, ca_file: str | None) -> ssl.SSLContext:
    """TLS that trusts the cluster's certificate authority, or the one in ``ca_file``."""
    try:
        if ca_file:
            context = ssl.create_default_context(cafile=ca_file)
        else:
            context = ssl.create_default_context(cadata=base64.b64decode(authority, validate=True).decode("ascii"))
    except (OSError, ValueError) as error:
        source = f"ca_cert {ca_file}" if ca_file else f"the certificate authority of EKS cluster {cluster.name}"
        raise errors.BadConnection(
            f"{source} is not a PEM file of certificates",
            cause=f"{type(error).__name__}: {error}",
            fix="set ca_cert to a certificate authority, or use a kubeconfig that has it",
        ) from error
    # Since Python 3.13 the default requires an Authority Key Identifier, which CA certificates of EKS lack.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _connect_configured(module: AnsibleAWSModule, aws: Aws | None, connections: int) -> tuple[ApiServer, str | None]:
    """Connect as kubernetes.core does.

    :returns: the API server, and the certificates that verify it, in PEM; None if these are those of the system.
    """
    core = _kubernetes_core()
    configuration, pool = _configure(core, module)
    pool.connection_pool_kw["maxsize"] = max(connections, pool.connection_pool_kw.get("maxsize", 1))

    def authorization() -> str | None:
        value = _authorization(configuration)
        register_secrets(module, (value or "").partition(" ")[2], configuration.password)
        return value

    server = ApiServer(
        pool,
        configuration.host,
        authorization=authorization,
        headers=_impersonation(module),
        calls=aws.calls if aws else None,
    )
    authority = None
    if configuration.verify_ssl and configuration.ssl_ca_cert:
        with contextlib.suppress(OSError, ValueError), open(configuration.ssl_ca_cert, encoding="ascii") as file:
            authority = file.read()
    return server, authority


def _configure(core: t.Any, module: AnsibleAWSModule) -> tuple[t.Any, t.Any]:
    """kubernetes.core's configuration for the module's options, and urllib3's pool for it."""
    auth = core._create_auth_spec(module)
    source = _source(auth)
    kubeconfig = auth.get("kubeconfig")
    if isinstance(kubeconfig, str):
        # Like kubectl, the client skips empty paths, and missing files if it finds another one.
        paths = _split_paths(kubeconfig)
        if not any(os.path.exists(os.path.expanduser(path)) for path in paths):
            raise errors.BadConnection(
                f"kubeconfig {_display_paths(paths)} does not exist" if paths else "kubeconfig does not name a file",
                fix="set the path of a kubeconfig, or connect with cluster_name",
            )
    try:
        configuration = core._create_configuration(auth)
        return configuration, core.kubernetes.client.rest.RESTClientObject(configuration).pool_manager
    except (core.kubernetes.config.ConfigException, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise errors.BadConnection(
            f"could not connect to Kubernetes with {source}",
            cause=f"{type(error).__name__}: {error}",
            fix="correct the kubeconfig, context or K8S_AUTH_* variables, or connect with cluster_name",
        ) from error
    except core.kubernetes.config.kube_config.yaml.YAMLError as error:
        # Only the position: PyYAML's message quotes the file, which may contain a token.
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise errors.BadConnection(f"{source} is not valid YAML{where}", fix="correct the file") from None


def _authorization(configuration: t.Any) -> str | None:
    # All releases have this key; release 35 changed the keys of api_key. The call also renews a token from an exec
    # plugin or a file.
    bearer = configuration.auth_settings().get("BearerToken")
    if bearer:
        return t.cast("str | None", bearer["value"])
    return t.cast("str", configuration.get_basic_auth_token()) if configuration.username else None


def _source(auth: t.Mapping[str, t.Any]) -> str:
    """The source of the connection's settings, for messages."""
    kubeconfig = auth.get("kubeconfig")
    if isinstance(kubeconfig, str):
        text = f"kubeconfig {_display_paths(_split_paths(kubeconfig))}"
    elif kubeconfig:
        text = "the kubeconfig dictionary"
    elif auth.get("host"):
        return f"host {auth['host']}"
    else:
        text = "the default kubeconfig or the in-cluster configuration"
    return f"{text}, context {auth['context']}" if auth.get("context") else text


def _split_paths(kubeconfig: str) -> list[str]:
    return [path for path in kubeconfig.split(os.pathsep) if path]


def _display_paths(paths: t.Iterable[str]) -> str:
    # In two parts: the option is a secret in kubernetes.core, because it may be a whole kubeconfig, so Ansible would
    # redact the path.
    parts = [os.path.split(path) for path in paths]
    return " and ".join(f"{name} in {directory}" if directory else name for directory, name in parts)


def _kubernetes_core() -> t.Any:
    """The client module of kubernetes.core, which reads its options, variables and files.

    The import takes a quarter of a second, which AWS modules do not need. Only its private helpers make a configuration
    without a discovery request.
    """
    from ansible_collections.kubernetes.core.plugins.module_utils.k8s import client

    if not hasattr(client, "kubernetes"):
        raise errors.BadConnection(
            "the Python library kubernetes is missing",
            cause=f"{sys.executable} cannot import it",
            fix="pip install kubernetes",
        )
    return client
