# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS clients with the credentials, region and endpoint that amazon.aws finds, and tokens for EKS."""

from __future__ import annotations

import datetime
import difflib
import os
import sys
import threading
import typing as t
import urllib.parse

from ansible_collections.amazon.aws.plugins.module_utils.botocore import HAS_BOTO3, get_aws_connection_info

from ..._core import errors
from ..._core.arn import Arn, EksCluster
from ..._core.plan import Calls
from ..._core.wording import excerpt
from .. import limits
from . import eks, sts
from .call import limit_clients, translate
from .credentials import load_credentials, translate_credentials_failure

try:
    import boto3.session
    import botocore
    import botocore.config
    import botocore.exceptions as botocore_errors
    import botocore.loaders
    import botocore.session
    import botocore.utils
except ImportError:
    pass  # `Aws` reports a missing boto3

if t.TYPE_CHECKING:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule


# The highest number of names of clusters in a message.
_MAX_CLUSTERS = 5
_SECRET_LENGTH = 16
# So many seconds after its failure, a write that was sent once has been done, or never will be.
LONGEST_TRY = limits.AWS_WRITE_CONNECT_SECONDS + limits.AWS_WRITE_ANSWER_SECONDS


def add_security_token(connection: dict[str, t.Any]) -> None:
    """Add the session token from the older variable ``AWS_SECURITY_TOKEN``, if its access key is in use.

    botocore and job controllers use both ``AWS_SECURITY_TOKEN`` and ``AWS_SESSION_TOKEN``; amazon.aws reads only the
    latter.

    :param connection: the third item of the result of ``get_aws_connection_info``.
    """
    key = connection.get("aws_access_key_id")
    if key and key == os.environ.get("AWS_ACCESS_KEY_ID") and not connection.get("aws_session_token"):
        connection["aws_session_token"] = os.environ.get("AWS_SECURITY_TOKEN")


def register_secrets(module: AnsibleAWSModule, *secrets: str | None) -> None:
    """Make Ansible redact secrets in results, warnings and logs of the module, also where they are part of a text.

    Shorter ones than those of AWS and Kubernetes are ignored, because their text may be a part of names.
    """
    module.no_log_values.update(secret for secret in secrets if secret and len(secret) >= _SECRET_LENGTH)


class Aws:
    """The AWS clients of a module run, each created on first use.

    Threads may share a client, and call `unretried`. Only one thread may call `client` and `describe` with new
    arguments; others may repeat its calls.

    :param connections: the maximum number of parallel requests of a client. With more than one, a throttled client
        slows down and retries longer.
    :ivar calls: counts the requests of all clients.
    :raises BadConnection: boto3 is not installed, or ``aws_config`` is not valid.
    """

    def __init__(self, module: AnsibleAWSModule, *, connections: int = 1) -> None:
        if not HAS_BOTO3:
            raise errors.BadConnection(
                "the Python library boto3 is missing",
                cause=f"{sys.executable} cannot import it",
                fix="pip install boto3",
            )
        self._module = module
        try:
            region, self._endpoint, connection = get_aws_connection_info(module)
        except (botocore_errors.BotoCoreError, TypeError, ValueError) as error:
            # amazon.aws makes a botocore configuration of it.
            raise errors.BadConnection(
                "aws_config is not valid", cause=excerpt(str(error)), fix="use the arguments of botocore.config.Config"
            ) from error
        self._verify = connection.pop("verify")
        if module.params.get("aws_ca_bundle") and module.params.get("validate_certs") is None:
            # amazon.aws ignores the bundle if validate_certs has no default, as in the options of kubernetes.core.
            self._verify = module.params["aws_ca_bundle"]
        self._config = client_config(connections, connection.pop("aws_config", None))
        add_security_token(connection)
        # One session for all clients: it reads botocore's data files. amazon.aws creates one for each client.
        self._core = _botocore_session()
        self._has_loaded_credentials = False
        try:
            self._session: t.Any = boto3.session.Session(region_name=region, botocore_session=self._core, **connection)
        except (botocore_errors.BotoCoreError, ValueError) as error:
            raise translate_credentials_failure(error, "could not create an AWS session") from error
        self._clients: dict[tuple[str, str | None], t.Any] = {}
        self._clusters: dict[str, EksCluster] = {}
        self._unretried: dict[str, t.Any] = {}
        self._unretried_lock = threading.Lock()
        self._registered: t.Any = None
        self._caller: Arn | None = None
        self._caller_lock = threading.Lock()
        self.calls = Calls()

    def client(self, service: str, region: str | None = None) -> t.Any:
        """A botocore client with the module's credentials, region, endpoint and certificates.

        :param region: overrides the module's region.
        :raises BadConnection: no region is set, or the options are not valid for a client.
        :raises BadCredentials: the credentials of the options, variables or files cannot be used.
        """
        if (service, region) not in self._clients:
            if not self._has_loaded_credentials:
                load_credentials(self._core)
                self._has_loaded_credentials = True
            self._clients[service, region] = self._create_client(service, region, self._config)
        return self._clients[service, region]

    def unretried(self, service: str) -> t.Any:
        """A client for writes that must not be repeated without another read, or be sent later than the caller meant.

        It sends each request once, without a delay. Threads may call it, after `client` has been called with the
        service.

        :raises BadConnection: the options are not valid for a client.
        """
        with self._unretried_lock:
            if service not in self._unretried:
                once = botocore.config.Config(
                    connect_timeout=limits.AWS_WRITE_CONNECT_SECONDS,
                    read_timeout=limits.AWS_WRITE_ANSWER_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": 1},
                )
                self._unretried[service] = self._create_client(service, None, self._config.merge(once))
            return self._unretried[service]

    def _create_client(self, service: str, region: str | None, config: t.Any) -> t.Any:
        try:
            client = self._session.client(
                service, region, endpoint_url=self._endpoint, verify=self._verify, config=config
            )
        except (botocore_errors.BotoCoreError, ValueError) as error:
            raise translate(error, "", f"create a client for AWS service {service}") from error
        client.meta.events.register("before-call", self._count)
        client.meta.events.register("before-sign", self._register_credentials)
        return client

    def unsigned(self, service: str, region: str) -> t.Any:
        """A botocore client that does not sign requests and needs no credentials.

        It has the endpoint, certificates and other settings of the profile, as the other clients. It calls the regional
        endpoint, like a pod with the webhook's regional setting. Only one thread may call it.

        :raises BadConnection: the options are not valid for a client.
        """
        config = self._config.merge(botocore.config.Config(signature_version=botocore.UNSIGNED))
        # For this client only: others follow the user's settings.
        self._core.set_config_variable("sts_regional_endpoints", "regional")
        try:
            client = self._core.create_client(
                service, region_name=region, endpoint_url=self._endpoint, verify=self._verify, config=config
            )
        except (botocore_errors.BotoCoreError, ValueError) as error:
            raise translate(error, "", f"create a client for AWS service {service}") from error
        finally:
            self._core.set_config_variable("sts_regional_endpoints", None)
        client.meta.events.register("before-call", self._count)
        return client

    def _count(self, model: t.Any, **_event: t.Any) -> None:
        self.calls.add(str(model.service_model.service_name), str(model.name))

    def _register_credentials(self, **_event: t.Any) -> None:
        """Register what signs a request, and the form that the session token has in a URL."""
        credentials = self._session.get_credentials()
        if credentials is not None:
            frozen = credentials.get_frozen_credentials()
            if frozen != self._registered:
                token = frozen.token or ""
                register_secrets(self._module, frozen.secret_key, token, urllib.parse.quote(token, safe=""))
                self._registered = frozen

    def caller(self) -> Arn:
        """The caller's identity, read once. Threads may call it."""
        client = self.client("sts")
        with self._caller_lock:
            if self._caller is None:
                self._caller = Arn.parse(sts.get_caller_identity(client)["Arn"])
            return self._caller

    def describe(self, name: str) -> EksCluster:
        """The EKS cluster, read once.

        :raises NotFound: the cluster does not exist in the region; the message names the region.
        """
        if name not in self._clusters:
            self._clusters[name] = self._describe(name)
        return self._clusters[name]

    def _describe(self, name: str) -> EksCluster:
        client = self.client("eks")
        try:
            return EksCluster.from_aws(eks.describe_cluster(client, name=name))
        except errors.NotFound as error:
            region = client.meta.region_name
            raise errors.NotFound(
                f"EKS cluster {name} does not exist in region {region}",
                cause=f"{(error.cause or '').rstrip('.')}{_describe_clusters(client, name)}",
                fix="check cluster_name, region, and that the credentials belong to the cluster's account",
                options=("cluster_name", "region"),
                cluster=name,
                region=region,
            ) from error

    def require_endpoint(self, cluster: EksCluster) -> str:
        """The URL of the cluster's API server.

        :raises BadConnection: as `EksCluster.require_endpoint`.
        """
        eks_host = urllib.parse.urlsplit(self.client("eks").meta.endpoint_url).hostname
        return cluster.require_endpoint(*_dns_suffixes(cluster.partition), eks_host)

    def eks_token(self, cluster: EksCluster) -> str:
        """A bearer token for the cluster's API server, valid for 15 minutes. It is registered as a secret.

        It is signed for AWS's STS host of the region and ignores endpoint overrides, because EKS accepts no other host.
        """
        host = f"sts.{cluster.region}.{_dns_suffixes(cluster.partition)[0]}"
        token = sts.eks_token(self._session.get_credentials(), cluster=cluster.name, region=cluster.region, host=host)
        self._register_credentials()
        register_secrets(self._module, token)
        return token


def _describe_clusters(client: t.Any, name: str) -> str:
    """What exists in place of a missing cluster, the most similar names first; empty if they cannot be listed."""
    try:
        names = eks.list_clusters(client)
    except errors.IrsaError:
        return ""
    if not names:
        return "; the AWS account has no clusters in this region"
    similar = difflib.get_close_matches(name, names, n=len(names), cutoff=0)
    more = f" and {len(names) - _MAX_CLUSTERS} more" if len(names) > _MAX_CLUSTERS else ""
    return f"; the AWS account has {', '.join(similar[:_MAX_CLUSTERS])}{more} in this region"


def _dns_suffixes(partition: str) -> tuple[str, str]:
    """The suffixes of AWS's host names in a partition, and of its dual-stack hosts."""
    for known in botocore.loaders.create_loader().load_data("partitions")["partitions"]:
        if known["id"] == partition:
            return str(known["outputs"]["dnsSuffix"]), str(known["outputs"]["dualStackDnsSuffix"])
    raise errors.BadConnection(
        f"the Python library botocore does not know the AWS partition {partition}", fix="install a newer botocore"
    )


def _botocore_session() -> t.Any:
    session = botocore.session.get_session()
    limit_session(session)
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_parse_time)
    return session


def _parse_time(text: t.Any) -> datetime.datetime:
    """Parse a time in an answer of AWS.

    Nearly all are ISO 8601. botocore's parser accepts any format and takes a hundred times as long, which matters for a
    list of thousands of roles.
    """
    try:
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (AttributeError, ValueError):
        return _parse_any_time(text)
    return moment if moment.tzinfo else _parse_any_time(text)


def _parse_any_time(text: t.Any) -> datetime.datetime:
    moment: datetime.datetime = botocore.utils.parse_timestamp(text)
    return moment


def limit_session(core: t.Any) -> None:
    """Limit the calls of a session of botocore, also those that it makes to get credentials."""
    limit_clients(core)
    core.set_default_client_config(client_config(1))


def client_config(connections: int, given: t.Any = None) -> t.Any:
    """The limits on time and retries of every call; AWS_* variables take precedence.

    :param given: the user's configuration of botocore, which takes precedence, but cannot omit the limits on time.
    """
    own: dict[str, t.Any] = {
        "connect_timeout": limits.AWS_CONNECT_SECONDS,
        "read_timeout": limits.AWS_ANSWER_SECONDS,
        "max_pool_connections": max(10, connections),
        "user_agent_extra": "eksops.irsa",
    }
    if not os.environ.get("AWS_MAX_ATTEMPTS") and not os.environ.get("AWS_RETRY_MODE"):
        # https://docs.aws.amazon.com/boto3/latest/guide/retries.html
        if connections > 1:
            own["retries"] = {"mode": "adaptive", "total_max_attempts": limits.AWS_PARALLEL_TRIES}
        else:
            own["retries"] = {"mode": "standard", "total_max_attempts": limits.AWS_TRIES}
    config = botocore.config.Config(**own).merge(given or botocore.config.Config())
    omitted = [name for name in ("connect_timeout", "read_timeout") if getattr(config, name) is None]
    return config.merge(botocore.config.Config(**{name: own[name] for name in omitted}))
