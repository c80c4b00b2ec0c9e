# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import pathlib
import socket
import ssl
import stat
import threading

import pytest
from cryptography.hazmat.primitives import serialization
from sandbox import pki, settings


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    directory = tmp_path_factory.mktemp("pki")
    pki.ensure(directory)
    return directory


def test_keys_are_private(directory: pathlib.Path) -> None:
    keys = sorted(directory.glob("*.key"))
    assert {key.stem for key in keys} == {"ca", "server", "sa", *pki.CLIENTS}
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def test_second_call_keeps_files(directory: pathlib.Path) -> None:
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    pki.ensure(directory)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("client", sorted(pki.CLIENTS))
def test_strict_verification_of_server_and_client(directory: pathlib.Path, host: str, client: str) -> None:
    server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(directory / "ca.crt"))
    server_context.load_cert_chain(directory / "server.crt", directory / "server.key")
    server_context.verify_mode = ssl.CERT_REQUIRED
    client_context = ssl.create_default_context(cafile=str(directory / "ca.crt"))
    client_context.load_cert_chain(directory / f"{client}.crt", directory / f"{client}.key")
    for context in (server_context, client_context):
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    left, right = socket.socketpair()
    subjects = []

    def serve() -> None:
        with server_context.wrap_socket(left, server_side=True) as connection:
            subjects.append({k: v for part in connection.getpeercert()["subject"] for k, v in part})
            connection.sendall(b"x")

    thread = threading.Thread(target=serve)
    thread.start()
    with client_context.wrap_socket(right, server_hostname=host) as connection:
        assert connection.recv(1) == b"x"
    thread.join(5)
    common_name, organisation = pki.CLIENTS[client]
    assert subjects[0]["commonName"] == common_name
    assert subjects[0].get("organizationName") == organisation


def test_key_set_has_signing_key(directory: pathlib.Path) -> None:
    [key] = pki.jwks(directory / "sa.pub")["keys"]
    private = serialization.load_pem_private_key((directory / "sa.key").read_bytes(), None)
    padded = key["n"] + "=" * (-len(key["n"]) % 4)
    assert int.from_bytes(base64.urlsafe_b64decode(padded), "big") == private.public_key().public_numbers().n
    assert (key["e"], key["alg"], key["kty"]) == ("AQAB", "RS256", "RSA")
    assert key["kid"] == pki.key_id(directory / "sa.pub")


def test_other_keys_than_rsa_are_rejected(directory: pathlib.Path, tmp_path: pathlib.Path) -> None:
    ca_key = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), None)
    other = tmp_path / "ec.pub"
    other.write_bytes(
        ca_key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(TypeError, match="RSA"):
        pki.jwks(other)


def test_issuers_are_stable_and_unique() -> None:
    names = [settings.CLUSTER_NAME, settings.OTHER_CLUSTER, settings.NO_ISSUER_CLUSTER]
    issuers = {settings.issuer(name) for name in names}
    assert len(issuers) == len(names)
    assert settings.issuer(settings.CLUSTER_NAME) in issuers
    for issuer in issuers:
        identifier = issuer.removeprefix("https://oidc.eks.eu-west-1.amazonaws.com/id/")
        assert len(identifier) == 32
        assert identifier == identifier.upper()
        int(identifier, 16)
