"""A fake Hugging Face Hub with a CDN on 127.0.0.1, which answers like the real one and fails on demand."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_PIECE = 64 << 10


@dataclass
class HubFile:
    """A published file."""

    path: str
    data: bytes
    sha256: str = ""
    told_sha256: str | None = None  # what the Hub says; None: the truth; "": nothing

    def __post_init__(self) -> None:
        self.sha256 = self.sha256 or hashlib.sha256(self.data).hexdigest()

    @property
    def told(self) -> str:
        return self.sha256 if self.told_sha256 is None else self.told_sha256


@dataclass
class Request:
    """What a client asked."""

    server: str  # "hub" or "cdn"
    method: str
    path: str
    range: str
    authorization: str
    sent: int = 0  # bytes of the body
    status: int = 0
    wasted: bool = False  # what was sent was of no use, and meant to be


class Fault:
    """Misbehaviour, `times` times. A hook returns True when it has answered by itself."""

    times = 1

    def __init__(self, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(self, name, value)
        self._lock = threading.Lock()
        self.left = self.times

    def due(self) -> bool:
        """Use up one time; True if there was one left."""
        with self._lock:
            self.left -= 1
            return self.left >= 0

    def metadata(self, _answer: Answer) -> bool:
        return False

    def api(self, _answer: Answer) -> bool:
        return False

    def resolve(self, _answer: Answer) -> bool:
        return False

    def body(self, _answer: Answer, _file: HubFile, _start: int, _end: int) -> bool:
        return False


@dataclass
class Repository:
    files: dict[str, HubFile]
    commit: str
    gated: bool = False
    licence: str = "apache-2.0"


@dataclass
class Shared:
    """What both servers know."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    fault: Fault = field(default_factory=Fault)
    pace: float = 0.0  # seconds to wait after each piece
    token: str = ""  # that opens gated repositories
    redirects: bool = True
    origins: list[str] = field(default_factory=list)  # of the CDN, taken in turn
    stopping: threading.Event = field(default_factory=threading.Event)


class FakeHub:
    """Starts the servers; use as a context manager."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.shared = Shared()
        self._servers = [_Server("hub", self.shared, certificate), _Server("cdn", self.shared, certificate)]
        scheme = "https" if certificate else "http"
        self.endpoint, self.cdn = (f"{scheme}://127.0.0.1:{server.server_port}" for server in self._servers)
        self.shared.origins = [self.cdn]

    def __enter__(self) -> FakeHub:
        for server in self._servers:
            server.begin()
        return self

    def __exit__(self, *_error: object) -> None:
        self.shared.stopping.set()
        for server in self._servers:
            server.end()

    def publish(self, name: str, files: dict[str, bytes], **more: Any) -> Repository:
        """Put files under a repository's name."""
        commit = hashlib.sha1(repr(sorted((p, len(d), d[:64]) for p, d in files.items())).encode()).hexdigest()
        repository = Repository({path: HubFile(path, data) for path, data in files.items()}, commit, **more)
        self.shared.repositories[name] = repository
        return repository

    @property
    def requests(self) -> list[Request]:
        return self.shared.requests

    @property
    def sent(self) -> int:
        """Bytes of files that were sent so far."""
        return sum(request.sent for request in self.requests)

    def misbehave(self, fault: Fault) -> None:
        self.shared.fault = fault


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 64

    def __init__(self, role: str, shared: Shared, certificate: Path | None) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.role = role
        self.shared = shared
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name=f"fake {role}")
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self.shutdown()
        self._thread.join()
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_arguments: Any) -> None:
        pass  # clients that go away are what this is about


class Answer(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    server: _Server

    def log_message(self, *_arguments: Any) -> None:
        pass

    @property
    def shared(self) -> Shared:
        return self.server.shared

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PIECE)

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_CONNECT(self) -> None:
        """As a proxy that wants to know who it is."""
        self._note_request()
        self.plain(407, Proxy_Authenticate="Basic")

    def _note_request(self) -> None:
        self.request_seen = Request(
            self.server.role,
            self.command,
            self.path,
            self.headers.get("Range", ""),
            self.headers.get("Authorization", ""),
        )
        self.shared.requests.append(self.request_seen)

    def _answer(self) -> None:
        self._note_request()
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        if path.startswith("/cdn/"):
            self._send_file(self._by_sha256(path.split("/")[2]))
        elif path.startswith("/api/models"):
            if not self.shared.fault.api(self):
                self._api(path.removeprefix("/api/models").strip("/"), parse_qs(parts.query))
        elif found := _RESOLVE.fullmatch(path):
            self._resolve(found[1], found[2], found[3])
        else:
            self.plain(404)

    def _by_sha256(self, sha256: str) -> HubFile | None:
        files = (file for one in self.shared.repositories.values() for file in one.files.values())
        return next((file for file in files if file.sha256 == sha256), None)

    def plain(self, status: int, body: bytes = b"", **headers: str) -> None:
        """A short answer; underscores in names of headers become hyphens."""
        self.request_seen.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refused(self, repository: Repository | None) -> bool:
        if repository is None:
            self.plain(401, X_Error_Code="RepoNotFound")
        elif repository.gated and self.request_seen.authorization != f"Bearer {self.shared.token}":
            self.plain(403, X_Error_Code="GatedRepo")
        else:
            return False
        return True

    def _api(self, name: str, query: dict[str, list[str]]) -> None:
        if not name:
            wanted = query.get("search", [""])[0].lower()
            found = [
                {"id": one, "modelId": one, "downloads": 5, "gated": repository.gated}
                for one, repository in self.shared.repositories.items()
                if wanted in one.lower()
            ]
            self._json(found)
            return
        name = name.partition("/revision/")[0]
        repository = self.shared.repositories.get(name)
        if repository is None:
            self.plain(404, X_Error_Code="RepoNotFound")
            return
        siblings = [
            {
                "rfilename": one.path,
                "size": len(one.data),
                "lfs": {"sha256": one.told, "size": len(one.data), "pointerSize": 134},
            }
            for one in repository.files.values()
        ]
        said = {"id": name, "sha": repository.commit, "gated": repository.gated, "siblings": siblings}
        self._json({**said, "cardData": {"license": repository.licence}})

    def _json(self, value: object) -> None:
        self.plain(200, json.dumps(value).encode(), Content_Type="application/json")

    def _resolve(self, name: str, revision: str, path: str) -> None:
        repository = self.shared.repositories.get(name)
        fault = self.shared.fault
        if self.command == "HEAD" and fault.metadata(self):
            return
        if self.command == "GET" and fault.resolve(self):
            return
        if self._refused(repository):
            return
        assert repository is not None
        file = repository.files.get(path)
        if file is None or revision not in {"main", repository.commit}:
            self.plain(404, X_Error_Code="EntryNotFound", X_Repo_Commit=repository.commit)
            return
        headers = {"X-Repo-Commit": repository.commit, "X-Linked-Size": str(len(file.data)), "Accept-Ranges": "bytes"}
        if file.told:
            headers["X-Linked-Etag"] = f'"{file.told}"'
        if not self.shared.redirects:
            self._send_file(file, headers)
            return
        origins = self.shared.origins
        origin = origins[len(self.shared.requests) % len(origins)]
        location = f"{origin}/cdn/{file.sha256}/{path.rpartition('/')[2]}?signature=abc"
        self.plain(302, b"", Location=location, **{name.replace("-", "_"): value for name, value in headers.items()})

    def _send_file(self, file: HubFile | None, headers: dict[str, str] | None = None) -> None:
        if file is None:
            self.plain(404)
            return
        found = _RANGE.fullmatch(self.request_seen.range)
        start = int(found[1]) if found else 0
        end = int(found[2]) + 1 if found and found[2] else len(file.data)
        if self.command == "GET" and self.shared.fault.body(self, file, start, end):
            return
        if start >= len(file.data) or end > len(file.data):
            self.plain(416, Content_Range=f"bytes */{len(file.data)}")
            return
        self.head(file, start, end, ranged=bool(found), headers=headers or {})
        if self.command == "GET":
            self.send(file.data[start:end])

    def head(
        self,
        file: HubFile,
        start: int,
        end: int,
        *,
        ranged: bool = True,
        headers: dict[str, str] | None = None,
        leave_out: tuple[str, ...] = (),
    ) -> None:
        """The beginning of a right answer, changed by `headers`."""
        said = {
            "ETag": '"an-etag-of-the-cdn"',
            "Content-Type": "application/octet-stream",
            "Accept-Ranges": "bytes",
            "Content-Length": str(end - start),
        }
        if ranged:
            said["Content-Range"] = f"bytes {start}-{end - 1}/{len(file.data)}"
        said |= headers or {}
        self.request_seen.status = 206 if ranged else 200
        self.send_response(self.request_seen.status)
        for name, value in said.items():
            if name not in leave_out:
                self.send_header(name, value)
        self.end_headers()

    def send(self, data: bytes) -> None:
        """Send bytes at the pace of this server."""
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            self.wfile.write(piece)
            self.request_seen.sent += len(piece)
            if self.shared.pace:
                time.sleep(self.shared.pace)

    def end(self, *, reset: bool = False) -> None:
        """End the connection in the middle of something."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            if reset:
                linger = (1).to_bytes(4, "little") + bytes(4)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
            else:
                self.connection.shutdown(socket.SHUT_RDWR)

    def wait(self, seconds: float) -> None:
        """Do nothing for a while, or until the server ends."""
        self.shared.stopping.wait(seconds)


@contextlib.contextmanager
def fake_hub(certificate: Path | None = None) -> Iterator[FakeHub]:
    with FakeHub(certificate) as hub:
        yield hub
