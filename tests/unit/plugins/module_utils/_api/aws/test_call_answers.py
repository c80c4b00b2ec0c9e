# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that AWS would not give: cut, malformed, endless or slow."""

from __future__ import annotations

import itertools
import time
import typing as t

import botocore.config
import botocore.session
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api import limits
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws import call, ec2, eks, iam, sts
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from unit.raw_server import RawServer, http

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Serve = Callable[..., RawServer]

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
JSON = "application/json"
ARN = "arn:aws:eks:eu-west-1:123456789012:cluster/production"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that starts a server."""
    servers = []

    def start(answer: Callable[[int], t.Any]) -> RawServer:
        servers.append(RawServer(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)


def make_client(server: RawServer, service: str, endpoint: str | None = None, **config: t.Any) -> t.Any:
    core = botocore.session.Session()
    core.set_credentials("AKIAIOSFODNN7EXAMPLE", SECRET)
    call.limit_clients(core)
    limits = botocore.config.Config(**{"retries": {"mode": "standard", "total_max_attempts": 3}, **config})
    return core.create_client(service, region_name="eu-west-1", endpoint_url=endpoint or server.url, config=limits)


def role(fields: str) -> str:
    return f"<GetRoleResponse><GetRoleResult><Role>{fields}</Role></GetRoleResult></GetRoleResponse>"


def cluster(**values: str) -> str:
    given = {"name": '"production"', "arn": f'"{ARN}"', "status": '"ACTIVE"', **values}
    return f'{{"cluster": {{{", ".join(f"{chr(34)}{key}{chr(34)}: {value}" for key, value in given.items())}}}}}'


def proof(fields: str) -> str:
    result = "AssumeRoleWithWebIdentityResult"
    return f"<AssumeRoleWithWebIdentityResponse><{result}>{fields}</{result}></AssumeRoleWithWebIdentityResponse>"


def read_proof(client: t.Any) -> object:
    role_arn = "arn:aws:iam::123456789012:role/app"
    return sts.prove_web_identity(
        client, role_arn=role_arn, token="a-token", session_name="me", register_secret=lambda _secret: None
    )


KEYS = (
    "<AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
)
OF_ANOTHER_ROLE = "<AssumedRoleUser><Arn>arn:aws:sts::666666666666:assumed-role/app/me</Arn></AssumedRoleUser>"
FIELDS = "<Arn>a</Arn><Path>/</Path><RoleId>i</RoleId><RoleName>app</RoleName>"
READS: dict[str, tuple[str, Callable[[t.Any], object]]] = {
    "role": ("iam", lambda client: iam.get_role(client, name="app")),
    "cluster": ("eks", lambda client: eks.describe_cluster(client, name="production")),
    "clusters": ("eks", eks.list_clusters),
    "caller": ("sts", sts.get_caller_identity),
    "regions": ("ec2", ec2.describe_regions),
    "proof": ("sts", read_proof),
}
# The read, the answer, and the cause in the message.
ANSWERS: dict[str, tuple[str, bytes, str]] = {
    "empty": ("role", http(""), "is cut or not valid"),
    "page of a proxy": ("role", http("<html><p>Log in<br></html>"), "is cut or not valid"),
    "cut": (
        "role",
        http(role(FIELDS)[:60], length=400),
        "stream: the answer was cut at least 340 bytes before its end",
    ),
    "cut without length": ("role", b"HTTP/1.1 200 OK\r\n\r\n" + role(FIELDS)[:60].encode(), "is cut or not valid"),
    "size is not a number": (
        "role",
        b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n" + role(FIELDS).encode(),
        "reading from response stream: its size is not valid",
    ),
    "size of a chunk is negative": (
        "role",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        "reading from response stream: its size is not valid",
    ),
    "not HTTP": ("role", b"SSH-2.0-OpenSSH_9.6\r\n", "Connection was closed"),
    "another answer": ("role", http("<x/>"), "does not have the field GetRoleResult"),
    "role without fields": ("role", http(role("")), "does not have the field Arn"),
    "role without policy": ("role", http(role(FIELDS)), "does not have the field AssumeRolePolicyDocument"),
    "policy is not JSON": (
        "role",
        http(role(f"{FIELDS}<AssumeRolePolicyDocument>%7B</AssumeRolePolicyDocument>")),
        "a policy document is not a JSON object",
    ),
    "policy is a list": (
        "role",
        http(role(f"{FIELDS}<AssumeRolePolicyDocument>%5B%5D</AssumeRolePolicyDocument>")),
        "a policy document is not a JSON object",
    ),
    "error is a text": (
        "role",
        http("<ErrorResponse><Error>no</Error></ErrorResponse>", status="400 Bad Request"),
        "is cut or not valid",
    ),
    "cut JSON": ("cluster", http('{"cluster": {"name": ', kind=JSON), "does not have the field cluster"),
    "JSON list": ("cluster", http("[]", kind=JSON), "is cut or not valid"),
    "nested JSON": ("cluster", http('{"a":' * 100_000, kind=JSON), "is cut or not valid"),
    "error is a list": ("cluster", http("[1]", kind=JSON, status="400 Bad Request"), "is cut or not valid"),
    "invalid UTF-8": ("cluster", http(b'{"cluster": "\xff"}', kind=JSON), "is cut or not valid"),
    "cluster without ARN": ("cluster", http('{"cluster": {"name": "x"}}', kind=JSON), "does not have the field arn"),
    "invalid ARN": ("cluster", http(cluster(arn='"x"'), kind=JSON), "'x' is not a valid ARN"),
    "endpoint is a list": (
        "cluster",
        http(cluster(endpoint="[]"), kind=JSON),
        "endpoint of an EKS cluster is not text",
    ),
    "identity is a text": ("cluster", http(cluster(identity='"x"'), kind=JSON), "is cut or not valid"),
    "list without items": ("clusters", http("{}", kind=JSON), "does not have the field clusters"),
    "caller without ARN": ("caller", http("<x/>"), "does not have the field GetCallerIdentityResult"),
    "proof without credentials": ("proof", http(proof("")), "does not have the field Credentials"),
    "proof with an invalid time": (
        "proof",
        http(proof(f"<Credentials>{KEYS}<Expiration>tomorrow</Expiration></Credentials>")),
        "is cut or not valid",
    ),
    "proof of another role": (
        "proof",
        http(proof(f"<Credentials>{KEYS}<Expiration>2040-01-01T00:00:00Z</Expiration></Credentials>{OF_ANOTHER_ROLE}")),
        "which is not a session of the role",
    ),
    "regions without items": ("regions", http("<x/>"), "does not have the field Regions"),
}


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize(("read", "answer", "cause"), ANSWERS.values(), ids=ANSWERS)
def test_malformed_answer_is_transient(serve: Serve, read: str, answer: bytes, cause: str) -> None:
    server = serve(lambda _number: [answer])
    service, function = READS[read]
    with pytest.raises(errors.Unreachable) as caught:
        function(make_client(server, service))
    assert cause in str(caught.value)
    assert "Fix: " in str(caught.value)
    assert caught.value.__cause__ is None or caught.value.__suppress_context__
    assert server.connections > 1


def test_redirect_is_not_followed(serve: Serve) -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    server = serve(lambda _number: [answer])
    with pytest.raises(errors.ApiError, match=r"Cause: 302: .*Fix: .*check endpoint_url and the proxy"):
        eks.describe_cluster(make_client(server, "eks"), name="production")
    assert server.connections == 1


@pytest.mark.usefixtures("_no_pauses")
def test_next_answer_is_used(serve: Serve) -> None:
    answers = {1: http('{"cluster": {', kind=JSON), 2: http("", kind=JSON), 3: http(cluster(), kind=JSON)}
    server = serve(lambda number: [answers[number]])
    assert eks.describe_cluster(make_client(server, "eks"), name="production")["arn"] == ARN


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize(
    "answer",
    [
        http(f"<A><SecretAccessKey>{SECRET}</A>"),
        http(f"<A>{SECRET}", length=500),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + SECRET.encode() + b"\n",
        SECRET.encode() + b"\r\n",
    ],
    ids=["malformed", "cut", "no size of a chunk", "no status"],
)
def test_credentials_in_a_cut_answer_are_not_shown(serve: Serve, answer: bytes) -> None:
    client = make_client(serve(lambda _number: [answer]), "sts")
    with pytest.raises(errors.Unreachable) as caught:
        sts.assume_role(client, role_arn="arn:aws:iam::123456789012:role/x", session_name="xx", external_id=None)
    assert SECRET not in f"{caught.value}{caught.value.as_dict()}{caught.value.__cause__}"


HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
SLOW: dict[str, Callable[[int], t.Any]] = {
    "silence": lambda _number: [30.0],
    "slow headers": lambda _number: [HEADERS, *[b"a", 0.05] * 600],
    "slow body": lambda _number: [HEADERS + b"Content-Length: 600\r\n\r\n", *[b" ", 0.05] * 600],
    "slow chunks": lambda _number: [
        HEADERS + b"Transfer-Encoding: chunked\r\n\r\n",
        *[b"1\r\n \r\n", 0.05] * 600,
    ],
}


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW)
def test_slow_answer_ends(serve: Serve, monkeypatch: pytest.MonkeyPatch, answer: Callable[[int], t.Any]) -> None:
    monkeypatch.setattr(limits, "AWS_CALL_SECONDS", 1.0)
    server = serve(answer)
    retries = {"mode": "standard", "total_max_attempts": 50}
    client = make_client(server, "iam", connect_timeout=0.2, read_timeout=0.3, retries=retries)
    started = time.monotonic()
    with pytest.raises(errors.Unreachable, match="there was no answer within 1 seconds"):
        iam.get_role(client, name="app")
    assert time.monotonic() - started < 20
    assert server.connections > 1


@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW)
def test_request_takes_the_time_to_read(serve: Serve, answer: Callable[[int], t.Any]) -> None:
    server = serve(answer)
    client = make_client(server, "iam", read_timeout=0.5, retries={"mode": "standard", "total_max_attempts": 1})
    started = time.monotonic()
    with pytest.raises(errors.Unreachable, match="Cause: Read timeout on endpoint URL") as caught:
        iam.set_trust_policy(client, name="app", trust_policy={})
    assert 0.4 < time.monotonic() - started < 20
    assert server.connections == 1
    assert caught.value.may_be_done_later


@pytest.mark.parametrize("endpoint", ["http://iam.invalid", "https://iam.invalid"])
def test_slow_proxy_is_limited(serve: Serve, endpoint: str) -> None:
    server = serve(SLOW["slow headers"])
    client = make_client(
        server,
        "iam",
        endpoint,
        connect_timeout=0.5,
        read_timeout=0.5,
        proxies=dict.fromkeys(("http", "https"), server.url),
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    started = time.monotonic()
    with pytest.raises(errors.Unreachable):
        iam.set_trust_policy(client, name="app", trust_policy={})
    assert 0.4 < time.monotonic() - started < 20
    assert server.connections == 1


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW)
def test_request_without_a_read_timeout_ends(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, answer: Callable[[int], t.Any]
) -> None:
    monkeypatch.setattr(limits, "AWS_CALL_SECONDS", 0.5)
    client = make_client(serve(answer), "iam", read_timeout=None)
    started = time.monotonic()
    with pytest.raises(errors.Unreachable, match="there was no answer within 0 seconds"):
        iam.get_role(client, name="app")
    assert time.monotonic() - started < 20


def test_each_answer_of_a_connection_has_its_own_time(serve: Serve) -> None:
    answer = http(cluster(), kind=JSON).replace(b"Connection: close\r\n", b"")
    server = serve(lambda _number: [0.5, answer, 0.5, answer])
    client = make_client(server, "eks", read_timeout=0.8)
    assert [eks.describe_cluster(client, name="production")["arn"] for _call in range(2)] == [ARN, ARN]
    assert server.connections == 1


def test_endless_answer_ends(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "AWS_MAX_BYTES", 1024 * 1024)
    server = serve(lambda _number: [HEADERS + b"\r\n", *[b" " * 65536] * 1000])
    with pytest.raises(errors.Unreachable, match="the answer has more than 1 MiB"):
        iam.get_role(make_client(server, "iam"), name="app")
    assert server.connections == 1


PAGES: dict[str, tuple[Callable[[int], int], str]] = {
    "the same marker": (lambda _number: 1, "the same page marker twice"),
    "two markers in turn": (lambda number: number % 2, "the same page marker twice"),
    "new markers": (lambda number: number, "the list has more than 29 pages"),
}


@pytest.mark.parametrize(("marker", "cause"), PAGES.values(), ids=PAGES)
def test_endless_list_ends(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, marker: Callable[[int], int], cause: str
) -> None:
    monkeypatch.setattr(limits, "AWS_MAX_PAGES", 29)
    server = serve(lambda number: [http(f'{{"clusters": [], "nextToken": "{marker(number)}"}}', kind=JSON)])
    with pytest.raises(errors.Unreachable, match=cause):
        eks.list_clusters(make_client(server, "eks"))
    assert server.connections <= 31


def test_pages_are_read_to_their_end(serve: Serve) -> None:
    bodies = ['{"clusters": ["a"], "nextToken": "1"}', '{"clusters": ["b"], "nextToken": "2"}', '{"clusters": ["c"]}']
    server = serve(lambda number: [http(bodies[number - 1], kind=JSON)])
    assert eks.list_clusters(make_client(server, "eks")) == ["a", "b", "c"]


def test_renewal_of_credentials_that_fails() -> None:
    @call.aws_call("iam:GetRole", "read the role {name}")
    def read(_client: t.Any, *, name: str) -> bytes:
        with open(f"/does/not/exist/{name}", "rb") as file:
            return file.read()

    with pytest.raises(errors.BadCredentials, match=r"read the role app.*could not read /does/not/exist/app: No such"):
        read(None, name="app")


def test_answers_of_parallel_calls_are_not_mixed(serve: Serve) -> None:
    import concurrent.futures

    server = serve(lambda number: [0.01 * (number % 5), http(cluster(version=f'"{number}"'), kind=JSON)])
    client = make_client(server, "eks", max_pool_connections=8)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _number: eks.describe_cluster(client, name="production")["version"], range(24)))
    assert sorted(map(int, found)) == [*itertools.islice(itertools.count(1), 24)]
