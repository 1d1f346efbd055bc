"""A SOCKS5 proxy on 127.0.0.1, which records requests and refuses them on demand."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator


class FakeSocks(socketserver.ThreadingTCPServer):
    """Connects to whatever it is asked for; with `user`, only for those who name it and its password."""

    daemon_threads = False
    block_on_close = True
    allow_reuse_address = True

    def __init__(self, user: tuple[str, str] | None = None, refusal: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.user = user
        self.refusal = refusal  # what it answers instead of connecting
        self.asked: list[tuple[str, int]] = []
        self.stopping = threading.Event()

    @property
    def place(self) -> str:
        """Return its name and port."""
        return f"127.0.0.1:{self.server_address[1]}"


class _Talk(socketserver.BaseRequestHandler):
    server: FakeSocks

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            self._handle()

    def _handle(self) -> None:
        methods = self._take(self._take(2)[1])
        method = 2 if self.server.user else 0
        if method not in methods:
            self.request.sendall(b"\x05\xff")
            return
        self.request.sendall(bytes([5, method]))
        if self.server.user is not None:
            self._take(1)
            told = tuple(self._take(self._take(1)[0]).decode() for _ in range(2))
            self.request.sendall(bytes([1, told != self.server.user]))
            if told != self.server.user:
                return
        kind = self._take(4)[3]
        host = self._take(self._take(1)[0]).decode() if kind == 3 else socket.inet_ntoa(self._take(4))
        (port,) = struct.unpack(">H", self._take(2))
        self.server.asked.append((host, port))
        # The address that it speaks from may be told as a name; nobody needs it.
        self.request.sendall(bytes([5, self.server.refusal, 0, 3, 4]) + b"name" + bytes(2))
        if not self.server.refusal:
            with socket.create_connection((host, port), 5) as other:
                self._relay(other)

    def _take(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            more = self.request.recv(count - len(taken))
            if not more:
                raise ConnectionError("the client has gone")
            taken += more
        return taken

    def _relay(self, other: socket.socket) -> None:
        pair = {self.request: other, other: self.request}
        while not self.server.stopping.is_set():
            for ready in select.select(list(pair), [], [], 0.05)[0]:
                data = ready.recv(1 << 16)
                if not data:
                    return
                pair[ready].sendall(data)


@contextlib.contextmanager
def fake_socks(user: tuple[str, str] | None = None, refusal: int = 0) -> Iterator[FakeSocks]:
    """Run one."""
    with FakeSocks(user, refusal) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.02,), name="fake socks")
        thread.start()
        try:
            yield proxy
        finally:
            proxy.stopping.set()
            proxy.shutdown()
            thread.join()
