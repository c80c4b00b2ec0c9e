"""A Galaxy server on loopback: API version 3 as far as ansible-galaxy speaks it, with tarballs of a directory.

Usage: python galaxy_server.py DIRECTORY

It prints its address once it listens, tells each request on standard error, and ends with its standard input. Whoever
shows a token may publish. Lists have one entry a page, so that a client has to turn pages.
"""

from __future__ import annotations

import datetime
import email.message
import email.parser
import email.policy
import hashlib
import http.server
import json
import pathlib
import re
import sys
import tarfile
import threading
import typing as t
import urllib.parse

_API = "/api/v3"
_PAGE = 1


class Refusal(Exception):
    """A request that gets an HTTP status, Galaxy's code of the error and a sentence as answer."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


def _time(path: pathlib.Path) -> str:
    return datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.timezone.utc).isoformat()


def _info(tarball: pathlib.Path) -> dict[str, t.Any]:
    """The collection_info of a tarball's MANIFEST.json."""
    with tarfile.open(tarball) as archive:
        manifest = t.cast(t.IO[bytes], archive.extractfile("MANIFEST.json")).read()
    return t.cast(dict[str, t.Any], json.loads(manifest)["collection_info"])


class Shelf:
    """The tarballs: by namespace and name, then by version."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self._paths: dict[tuple[str, str], dict[str, pathlib.Path]] = {}
        for path in sorted(directory.glob("*.tar.gz")):
            self.add(path)

    def add(self, path: pathlib.Path) -> None:
        info = _info(path)
        self._paths.setdefault((info["namespace"], info["name"]), {})[info["version"]] = path

    def versions(self, namespace: str, name: str) -> dict[str, pathlib.Path]:
        if (namespace, name) not in self._paths:
            raise Refusal(404, "not_found", f"no collection {namespace}.{name}")
        return self._paths[namespace, name]

    def publish(self, name: str, content: bytes, sha256: str) -> None:
        """Take a tarball in, as ``ansible-galaxy collection publish`` sends it."""
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Refusal(400, "invalid", "the checksum is another file's")
        path = self.directory / pathlib.PurePath(name).name
        if path.exists():
            raise Refusal(400, "conflict.collection_exists", f"{path.name} was published before")
        path.write_bytes(content)
        self.add(path)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers from ``shelf``, which the server's maker sets."""

    shelf: t.ClassVar[Shelf]

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._publish)

    def _answer(self, act: t.Callable[[str, dict[str, list[str]]], tuple[int, t.Any]]) -> None:
        url = urllib.parse.urlsplit(self.path)
        try:
            # ansible-galaxy asks for /api without the slash that it has everywhere else.
            status, body = act(url.path.rstrip("/"), urllib.parse.parse_qs(url.query))
        except Refusal as refusal:
            status = refusal.status
            body = {"errors": [{"status": str(status), "code": refusal.code, "detail": refusal.detail}]}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/gzip" if raw is body else "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _get(self, path: str, query: dict[str, list[str]]) -> tuple[int, t.Any]:
        if path == "/api":
            return 200, {"available_versions": {"v3": "v3/"}}
        if match := re.fullmatch(r"/download/([^/]+)", path):
            return 200, self._artifact(match[1])
        if re.fullmatch(rf"{_API}/imports/collections/[^/]+", path):
            return 200, {"state": "completed", "finished_at": _time(self.shelf.directory), "messages": []}
        if match := re.fullmatch(rf"{_API}/collections/([^/]+)/([^/]+)(?:/(versions)(?:/([^/]+))?)?", path):
            namespace, name, listing, version = match.groups()
            if version:
                return 200, self._version(namespace, name, version)
            if listing:
                return 200, self._page(namespace, name, int(query.get("offset", ["0"])[0]))
            return 200, self._collection(namespace, name)
        raise Refusal(404, "not_found", path)

    def _artifact(self, name: str) -> bytes:
        path = self.shelf.directory / name
        if not path.is_file():
            raise Refusal(404, "not_found", name)
        return path.read_bytes()

    def _collection(self, namespace: str, name: str) -> dict[str, t.Any]:
        times = [_time(path) for path in self.shelf.versions(namespace, name).values()]
        href = f"{_API}/collections/{namespace}/{name}/"
        return {
            "href": href,
            "namespace": namespace,
            "name": name,
            "created_at": min(times),
            # While this stays the same, ansible-galaxy believes the versions that it knows.
            "updated_at": max(times),
            "versions_url": f"{href}versions/",
        }

    def _page(self, namespace: str, name: str, offset: int) -> dict[str, t.Any]:
        versions = list(self.shelf.versions(namespace, name))
        href = f"{_API}/collections/{namespace}/{name}/versions/"
        following = offset + _PAGE
        return {
            "meta": {"count": len(versions)},
            "links": {"next": f"{href}?limit={_PAGE}&offset={following}" if following < len(versions) else None},
            "data": [{"version": version, "href": f"{href}{version}/"} for version in versions[offset:following]],
        }

    def _version(self, namespace: str, name: str, version: str) -> dict[str, t.Any]:
        path = self.shelf.versions(namespace, name).get(version)
        if path is None:
            raise Refusal(404, "not_found", f"no version {version} of {namespace}.{name}")
        info, content = _info(path), path.read_bytes()
        return {
            "href": f"{_API}/collections/{namespace}/{name}/versions/{version}/",
            "namespace": {"name": namespace},
            "collection": {"name": name},
            "version": version,
            "download_url": f"http://{self.headers['Host']}/download/{path.name}",
            "artifact": {
                "filename": path.name,
                "sha256": hashlib.sha256(content).hexdigest(),
                "size": len(content),
            },
            "metadata": {"dependencies": info["dependencies"]},
            "signatures": [],
        }

    def _publish(self, path: str, query: dict[str, list[str]]) -> tuple[int, t.Any]:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if path != f"{_API}/artifacts/collections":
            raise Refusal(404, "not_found", path)
        if not self.headers.get("Authorization"):
            raise Refusal(401, "not_authenticated", "publishing takes a token")
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        form = email.parser.BytesParser(email.message.EmailMessage, policy=email.policy.HTTP).parsebytes(head + body)
        parts = {part.get_param("name", header="Content-Disposition"): part for part in form.iter_parts()}
        content = t.cast(bytes, parts["file"].get_payload(decode=True))
        checksum = t.cast(bytes, parts["sha256"].get_payload(decode=True)).decode().strip()
        self.shelf.publish(parts["file"].get_filename() or "", content, checksum)
        return 202, {"task": f"{_API}/imports/collections/1/"}


def main(directory: str) -> None:
    Handler.shelf = Shelf(pathlib.Path(directory))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
