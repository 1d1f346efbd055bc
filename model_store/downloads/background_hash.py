"""Computes the SHA-256 of a file while it arrives, read back from the disk."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from model_store.downloads.part_file import STEP, PartFile

_PIECE = 1 << 20  # bytes hashed at a time
_SYNCED = 256 << 20  # bytes after which the disk is given time, so that the end does not take minutes
_WAKE = 0.5  # seconds

#: Gives a turn of work, and waits before it where something else should go first.
Turn = Callable[[], AbstractContextManager[object]]


class BackgroundHash:
    """Hashes a `PartFile` while it grows, in a thread of its own.

    What was hashed in an earlier run is hashed again. Where that gives something else than then, the
    disk has lost it: it is marked absent, and hashed once it was fetched again.
    """

    def __init__(self, part: PartFile, turn: Turn = nullcontext) -> None:
        self._part = part
        self._turn = turn
        self._thread = threading.Thread(target=self._run, name="download hash", daemon=True)
        self._stopped = threading.Event()
        self._mended: set[int] = set()
        self.position = 0  # bytes that are hashed
        self.error: OSError | None = None
        self.sha256 = ""  # hex digits, at the end

    @property
    def running(self) -> bool:
        """Return whether there is more to come."""
        return self._thread.is_alive()

    @property
    def mended(self) -> bool:
        """Return whether something had to be fetched again."""
        return bool(self._mended)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End soon, and wait for that."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._digest()
        except OSError as error:
            self.error = error

    def _digest(self) -> None:
        sha256 = hashlib.sha256()
        buffer = memoryview(bytearray(_PIECE))
        step = synced = 0
        while step * STEP < self._part.size:
            start, end = step * STEP, min((step + 1) * STEP, self._part.size)
            while not self._part.wait_for(start, end, _WAKE):
                if self._stopped.is_set():
                    return
            longer = sha256.copy()
            if not self._add(longer, buffer, start, end):
                if self._stopped.is_set():
                    return
                self._fetch_again(step, start, end)
                continue
            if not self._agrees(step, longer.digest()):
                self._fetch_again(step, start, end)
                continue
            sha256, self.position, step = longer, end, step + 1
            if end - synced >= _SYNCED:
                self._part.sync()
                synced = end
        self.sha256 = sha256.hexdigest()

    def _add(self, sha256: hashlib._Hash, buffer: memoryview, start: int, end: int) -> bool:
        """Hash a range; return False when it is not all there."""
        while start < end:
            if self._stopped.is_set():
                return False
            with self._turn():
                got = self._part.read_into(buffer[: min(_PIECE, end - start)], start)
                sha256.update(buffer[:got])
            if not got:
                return False
            start += got
        return True

    def _agrees(self, step: int, digest: bytes) -> bool:
        known = self._part.digest(step)
        if known and known != digest:
            if step not in self._mended:
                return False
            self._part.forget_digests(step)  # fetched again and still different: the journal was wrong
        if known != digest:
            self._part.set_digest(step, digest)
        return True

    def _fetch_again(self, step: int, start: int, end: int) -> None:
        self._mended.add(step)
        self._part.damage(start, end)
