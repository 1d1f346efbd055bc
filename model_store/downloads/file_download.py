"""Fetches one file from the Hub into its part file, and tries again after failures that pass."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import nullcontext

from model_store.downloads.background_hash import BackgroundHash, Turn
from model_store.downloads.part_file import BLOCK, PartFile
from model_store.errors import StoreError
from model_store.hub.cancellable_connection import CancellableConnection
from model_store.hub.client import Hub, RemoteFile
from model_store.hub.retries import Retries

_TICK = 0.1  # seconds
_RANGE = 16 << 20  # bytes that one of several connections takes at a time
_LOST = 1 << 20  # bytes that a kill may cost: a block of each connection that is not whole, and a piece on its way
MOST_CONNECTIONS = 4
_MAGIC = b"GGUF"
_JOINING = 3.0  # seconds for a thread to end: it may be looking up a name


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """The person stopped the download, or the program ends."""


class FileDownload:
    """Fetches what is absent of a part file and checks it. `run` belongs to one thread."""

    def __init__(
        self,
        hub: Hub,
        file: RemoteFile,
        part: PartFile,
        *,
        connections: int,
        tick: Callable[[FileDownload], None],
        turn: Turn = nullcontext,
    ) -> None:
        """`tick` is called several times a second; what it raises ends the download. Hashing takes turns."""
        self._hub = hub
        self._file = file
        self._part = part
        self._connections = min(max(1, connections), MOST_CONNECTIONS)
        self._tick = tick
        self._retries = Retries(hub.timeouts)
        self._hurry = threading.Event()
        self.waiting_for: StoreError | None = None
        self.retry_at = 0.0  # time.monotonic
        self.background_hash = BackgroundHash(part, turn)

    def hurry(self) -> None:
        """Do not wait for the next try. From any thread."""
        self._hurry.set()

    def run(self) -> str:
        """Return the SHA-256 of the whole file once it is here. Raises `StoreError`, OSError or what `tick` raises."""
        self.background_hash.start()
        try:
            while self.background_hash.running:
                if self._part.complete:
                    self._tick(self)
                    time.sleep(_TICK / 5)
                    continue
                try:
                    self._fetch()
                except StoreError as error:
                    self._wait(error, self._retries.wait_after(error, self._part.done))
            if self.background_hash.error is not None:
                raise self.background_hash.error
            return self.background_hash.sha256
        finally:
            self._part.stop()
            self.background_hash.stop()
            self._part.resume()

    def _wait(self, error: StoreError, seconds: float) -> None:
        self._hurry.clear()
        self.waiting_for, self.retry_at = error, time.monotonic() + seconds
        try:
            while time.monotonic() < self.retry_at and not self._hurry.is_set():
                self._tick(self)
                self._hurry.wait(_TICK)
        finally:
            self.waiting_for = None

    def _fetch(self) -> None:
        """Fetch until nothing is absent or something fails."""
        connections = _Connections(self._hub, self._file, self._part, self._connections)
        try:
            connections.start()
            while connections.wait(_TICK):
                self._tick(self)
        finally:
            connections.end()
        if connections.error is not None:
            raise connections.error


class _Connections:
    """Connections that fetch ranges of one file until nothing is left or one of them fails."""

    def __init__(self, hub: Hub, file: RemoteFile, part: PartFile, connections: int) -> None:
        self._hub = hub
        self._file = file
        self._part = part
        self._range_size = part.size if connections == 1 else _RANGE
        self._at_once = _LOST // connections - BLOCK
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._open: list[CancellableConnection] = []
        self._threads = [
            threading.Thread(target=self._work, name=f"download {number}", daemon=True) for number in range(connections)
        ]
        self._running = connections
        self.error: StoreError | OSError | None = None

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float) -> bool:
        """Return whether bytes are still being fetched after `seconds`."""
        return not self._ended.wait(seconds)

    def end(self) -> None:
        """Close all connections and wait for their threads to end."""
        with self._lock:
            self._ended.set()
            still_open = tuple(self._open)
        for connection in still_open:
            connection.cut()
        until = time.monotonic() + _JOINING
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))
        self._part.release(0, self._part.size)  # also what a thread that has not ended yet has claimed

    def _work(self) -> None:
        try:
            self._fetch_ranges()
        except (StoreError, OSError) as error:
            with self._lock:
                if not self._ended.is_set():
                    self.error = error
                self._ended.set()
        finally:
            with self._lock:
                self._running -= 1
                if not self._running:
                    self._ended.set()

    def _fetch_ranges(self) -> None:
        with self._hub.source(self._file, self._at_once) as (source, connection):
            with self._lock:
                self._open.append(connection)
            while not self._ended.is_set():
                claimed = self._part.claim(self._range_size)
                if claimed is None:
                    return
                start, end = claimed
                try:
                    with source.open(start, end, self._hub.timeouts) as pieces:
                        at = start
                        for piece in pieces:
                            self._keep(piece, at)
                            at += len(piece)
                finally:
                    self._part.release(start, end)
                if at < end:
                    raise StoreError("no-connection", host=self._hub.host)

    def _keep(self, piece: bytes, at: int) -> None:
        if at < len(_MAGIC) and piece[: len(_MAGIC) - at] != _MAGIC[at : at + len(piece)]:
            raise StoreError("answer-not-understood", host=self._hub.host)
        with self._lock:
            # A thread that comes late from looking up a name must not touch the file any more.
            if self._ended.is_set():
                raise StoreError("no-connection", host=self._hub.host)
        self._part.write(piece, at)
