"""Connections that can be closed from another thread, and that have a deadline for the whole answer.

A socket's own timeout starts again with every byte, so a server that sends one byte now and then holds
a program for hours. A `CancellableConnection` knows by when an answer has to be there altogether.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore2


class CancellableConnection(httpcore2.NetworkBackend):
    """Opens the connections of one client. Its own thread uses it; `cut` may come from any."""

    def __init__(self, at_once: int = 0) -> None:
        """Read up to `at_once` bytes at a time where httpcore2 asks for less: each piece costs Python the same."""
        self.at_once = at_once
        self._backend = httpcore2.SyncBackend()
        self._lock = threading.Lock()
        self._streams: set[_Stream] = set()
        self._deadline: float | None = None
        self.is_cut = False

    def within(self, seconds: float | None) -> None:
        """Let everything from now on end within `seconds`, or as late as it likes for None."""
        self._deadline = None if seconds is None else time.monotonic() + seconds

    def cut(self) -> None:
        """End all connections at once, also those that are still being made. It cannot be used again."""
        with self._lock:
            self.is_cut = True
            streams = tuple(self._streams)
        for stream in streams:
            stream.cut()

    def left(self, timeout: float | None) -> float | None:
        """Return how long to wait: `timeout`, or less. Raises httpcore2.ReadTimeout when the time is over."""
        if self.is_cut:
            raise httpcore2.ReadError("cut")
        if self._deadline is None:
            return timeout
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("too slow altogether")
        return left if timeout is None else min(timeout, left)

    def keep(self, stream: _Stream) -> _Stream:
        """Remember an open connection."""
        with self._lock:
            self._streams.add(stream)
            late = self.is_cut
        if late:
            stream.cut()
        return stream

    def drop(self, stream: _Stream) -> None:
        """Forget a connection that was closed."""
        with self._lock:
            self._streams.discard(stream)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect; as httpcore2 wants it."""
        inner = self._backend.connect_tcp(host, port, self.left(timeout), local_address, socket_options)
        return self.keep(_Stream(self, inner))

    def sleep(self, seconds: float) -> None:
        """Wait; as httpcore2 wants it."""
        time.sleep(seconds)


class _Stream(httpcore2.NetworkStream):
    def __init__(self, connection: CancellableConnection, inner: httpcore2.NetworkStream) -> None:
        self._connection = connection
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max(max_bytes, self._connection.at_once), self._connection.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._connection.left(timeout))

    def close(self) -> None:
        self._connection.drop(self)
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._connection.left(timeout))
        self._connection.drop(self)
        return self._connection.keep(_Stream(self._connection, inner))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def cut(self) -> None:
        sock = self._inner.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):  # it has ended by itself
                sock.shutdown(socket.SHUT_RDWR)
