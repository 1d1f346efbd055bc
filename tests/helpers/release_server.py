"""A fake page of releases on 127.0.0.1, which redirects where a test says and records its requests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ReleaseServer:
    """Answers every address by `leads`, others with 404; use as a context manager."""

    def __init__(self, latest: str = "") -> None:
        """`latest`: where /releases/latest leads."""
        self.leads = {"/releases/latest": latest} if latest else {}
        self.status = 302
        self.answer: bytes | None = None  # sent as it is instead of all else
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []  # method, address, headers
        self._holding = False
        self._dripping = False
        self._end = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Answer)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="release server")

    @property
    def home(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def hold(self) -> None:
        """Leave everything unanswered until the end."""
        self._holding = True

    def drip(self) -> None:
        """Answer with a byte now and then, so that every single one comes in good time."""
        self._dripping = True

    def misbehave(self, write: Callable[[bytes], object]) -> bool:
        """Do so until the end, if that is wanted."""
        if self._holding:
            self._end.wait()
        elif self._dripping:
            write(b"HTTP/1.1 200 OK\r\nX-Filler: ")
            while not self._end.wait(0.02):
                write(b"x")
        return self._holding or self._dripping

    def __enter__(self) -> ReleaseServer:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    owner: ReleaseServer

    def handle_error(self, *_arguments: object) -> None:
        pass  # clients that go away are what some tests are about


class _Answer(BaseHTTPRequestHandler):
    timeout = 30
    server: _Server

    def log_message(self, *_arguments: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        owner = self.server.owner
        owner.asked.append((self.command, self.path, dict(self.headers)))
        if owner.misbehave(self.wfile.write):
            return
        if owner.answer is not None:
            self.wfile.write(owner.answer)
            return
        target = owner.leads.get(self.path)
        self.send_response(404 if target is None else owner.status)
        if target is not None:
            self.send_header("Location", target)
        self.send_header("Set-Cookie", "visitor=1; Path=/")
        self.send_header("Content-Length", "0")
        self.end_headers()


def closed_port() -> str:
    """An address on this computer at which nobody answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
        return f"http://127.0.0.1:{server.server_port}"
