"""One file from the Hub into its part file, through all that can come between."""

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
_LEAVING = 3.0  # seconds for a thread to end that is looking up a name


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """The person, or the end of the program, came between."""


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
        self.digester = BackgroundHash(part, turn)

    def hurry(self) -> None:
        """Do not wait for the next try. From any thread."""
        self._hurry.set()

    def run(self) -> str:
        """Return the SHA-256 of the whole file once it is here. Raises `StoreError`, OSError or what `tick` raises."""
        self.digester.start()
        try:
            while self.digester.running:
                if self._part.complete:
                    self._tick(self)
                    time.sleep(_TICK / 5)
                    continue
                try:
                    self._fetch()
                except StoreError as error:
                    self._wait(error, self._retries.wait_after(error, self._part.done))
            if self.digester.error is not None:
                raise self.digester.error
            return self.digester.sha256
        finally:
            self._part.stop()
            self.digester.stop()
            self._part.go_on()

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
        party = _Connections(self._hub, self._file, self._part, self._connections)
        try:
            party.start()
            while party.wait(_TICK):
                self._tick(self)
        finally:
            party.end()
        if party.error is not None:
            raise party.error


class _Connections:
    """Some connections that fetch ranges of one file until nothing is left or one of them fails."""

    def __init__(self, hub: Hub, file: RemoteFile, part: PartFile, connections: int) -> None:
        self._hub = hub
        self._file = file
        self._part = part
        self._most = part.size if connections == 1 else _RANGE
        self._at_once = _LOST // connections - BLOCK
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._lines: list[CancellableConnection] = []
        self._threads = [
            threading.Thread(target=self._work, name=f"download {number}", daemon=True) for number in range(connections)
        ]
        self._left = connections
        self.error: StoreError | OSError | None = None

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float) -> bool:
        """Return whether somebody is still at work after `seconds`."""
        return not self._over.wait(seconds)

    def end(self) -> None:
        """Send everybody home."""
        with self._lock:
            self._over.set()
            lines = tuple(self._lines)
        for line in lines:
            line.cut()
        until = time.monotonic() + _LEAVING
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))
        self._part.release(0, self._part.size)  # also what a thread that is still away has claimed

    def _work(self) -> None:
        try:
            self._fetch_ranges()
        except (StoreError, OSError) as error:
            with self._lock:
                if not self._over.is_set():
                    self.error = error
                self._over.set()
        finally:
            with self._lock:
                self._left -= 1
                if not self._left:
                    self._over.set()

    def _fetch_ranges(self) -> None:
        with self._hub.source(self._file, self._at_once) as (source, line):
            with self._lock:
                self._lines.append(line)
            while not self._over.is_set():
                claimed = self._part.claim(self._most)
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
            if self._over.is_set():
                raise StoreError("no-connection", host=self._hub.host)
        self._part.write(piece, at)
