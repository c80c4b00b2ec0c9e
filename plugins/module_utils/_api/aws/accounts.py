# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions for several AWS accounts in one process, each with its own profile or role."""

from __future__ import annotations

import threading
import typing as t

from ..._core.arn import Arn
from ..._core.errors import AccessDenied
from . import ec2, sts
from .call import translate
from .credentials import load_credentials
from .session import add_security_token, client_config, limit_session

try:
    import botocore.exceptions as botocore_errors
    import botocore.loaders
    import botocore.session
except ImportError:
    pass  # AWSInventoryBase reports a missing boto3

if t.TYPE_CHECKING:
    from ..._core.clusters.hosts import AwsAccount

_SESSION_NAME = "eksops-irsa-inventory"
# Enabled in every account of the partition "aws".
_FIRST_REGION = "us-east-1"


class OpenAccount:
    """An account whose credentials AWS has accepted. Threads may share it.

    :param guessed: whether ``regions`` come from botocore because the caller may not list the account's regions.
    """

    def __init__(
        self,
        account: AwsAccount,
        account_id: str,
        make_client: t.Callable[[str, str], t.Any],
        regions: t.Sequence[str],
        *,
        guessed: bool = False,
    ) -> None:
        self.account = account
        self.account_id = account_id
        self.regions = tuple(regions)
        self.guessed = guessed
        self._make_client = make_client

    @property
    def title(self) -> str:
        """The account in messages."""
        return self.account.title_with_id(self.account_id)

    def client(self, service: str, region: str) -> t.Any:
        """A new botocore client.

        :raises BadConnection: the options are not valid for a client.
        """
        return self._make_client(service, region)


class AwsAccounts:
    """Opens AWS accounts, starting with the credentials that amazon.aws finds. Threads may share it.

    :param region: the region for calls that do not depend on a region, in accounts of its partition.
    :param connection: the third item of the result of amazon.aws's ``get_aws_connection_info``; ``region`` and
        ``endpoint`` are the other items.
    :param assume_role_arn: a role to assume first, for accounts without a profile.
    :param regions: the regions of accounts that do not name any; empty for all enabled regions.
    :param connections: the maximum number of parallel requests of a client.
    """

    def __init__(
        self,
        *,
        region: str | None,
        endpoint: str | None,
        connection: t.Mapping[str, t.Any],
        assume_role_arn: str | None,
        regions: t.Sequence[str],
        connections: int,
    ) -> None:
        options = dict(connection)
        self._region = region
        self._endpoint = endpoint
        self._verify = options.pop("verify", None)
        self._config = client_config(connections, options.pop("aws_config", None))
        add_security_token(options)
        self._options = options
        self._assume_role_arn = assume_role_arn
        self._regions = tuple(regions)
        # All sessions share the loader, which caches parsed data.
        self._loader = botocore.loaders.create_loader()
        self._lock = threading.Lock()
        self._own: t.Any = None

    def open(self, account: AwsAccount) -> OpenAccount:
        """Open an account, and check its credentials with a call.

        :raises AccessDenied: the caller may not assume its role.
        :raises BadCredentials: AWS does not accept its credentials.
        """
        regions = account.regions or self._regions
        with self._lock:
            first = self._first_region(regions)
            if account.profile:
                session = self._session(region=first, profile=account.profile)
                load_credentials(session)
            else:
                session = self._own_session(first)
        if account.assume_role_arn:
            session = self._assume(session, first, account.assume_role_arn, account.external_id)
        lock = threading.Lock()

        def make_client(service: str, region: str) -> t.Any:
            # A session cannot create clients in parallel. Threads may share a client.
            with lock:
                return self._client(session, service, region)

        identity = sts.get_caller_identity(make_client("sts", first))
        guessed = False
        if not regions:
            try:
                regions = tuple(ec2.describe_regions(make_client("ec2", first)))
            except AccessDenied:
                partition = Arn.parse(identity["Arn"]).partition
                regions = tuple(sorted(session.get_available_regions("eks", partition_name=partition)))
                guessed = True
        return OpenAccount(account, identity["Account"], make_client, regions, guessed=guessed)

    def _first_region(self, regions: t.Sequence[str]) -> str:
        """The region for calls that do not depend on a region, in the partition of ``regions``."""
        first = self._region or _FIRST_REGION
        session = self._session()
        try:
            if regions and session.get_partition_for_region(first) != session.get_partition_for_region(regions[0]):
                return regions[0]
        except botocore_errors.UnknownRegionError:
            pass  # the first call there reports the error
        return first

    def _own_session(self, region: str) -> t.Any:
        """The session of the accounts without a profile."""
        if self._own is None:
            session = self._session(
                region=region,
                profile=self._options.get("profile_name"),
                access_key=self._options.get("aws_access_key_id"),
                secret_key=self._options.get("aws_secret_access_key"),
                token=self._options.get("aws_session_token"),
            )
            load_credentials(session)
            if self._assume_role_arn:
                session = self._assume(session, region, self._assume_role_arn, None)
            self._own = session
        return self._own

    def _assume(self, session: t.Any, region: str, role_arn: str, external_id: str | None) -> t.Any:
        client = self._client(session, "sts", region)
        answer = sts.assume_role(client, role_arn=role_arn, session_name=_SESSION_NAME, external_id=external_id)
        return self._session(
            access_key=answer["AccessKeyId"], secret_key=answer["SecretAccessKey"], token=answer["SessionToken"]
        )

    def _session(
        self,
        *,
        region: str | None = None,
        profile: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        token: str | None = None,
    ) -> t.Any:
        session = botocore.session.Session(profile=profile)
        limit_session(session)
        session.register_component("data_loader", self._loader)
        # Opt-in regions do not accept tokens of the global endpoint:
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_region-endpoints.html
        session.set_config_variable("sts_regional_endpoints", "regional")
        if region:
            # For the requests of credentials: a profile that assumes a role calls STS.
            session.set_config_variable("region", region)
        if access_key or secret_key:
            session.set_credentials(access_key, secret_key, token)
        return session

    def _client(self, session: t.Any, service: str, region: str) -> t.Any:
        try:
            return session.create_client(
                service, region_name=region, endpoint_url=self._endpoint, verify=self._verify, config=self._config
            )
        except (botocore_errors.BotoCoreError, ValueError) as error:
            raise translate(error, "", f"create a client for AWS service {service}") from error
