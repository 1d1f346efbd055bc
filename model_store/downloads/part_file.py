"""A file that is not complete yet, and what is known about each piece of it.

Beside the data lies a journal: a mark for every block that is here, and the SHA-256 of everything
before each multiple of `STEP`. Both are written after the data, so that what a killed program leaves
can be gone on with; the hashes find what the disk has lost since, and say where.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Sequence
from pathlib import Path

BLOCK = 128 << 10  # bytes: what is not whole has to be fetched again after a kill
STEP = 4 << 20  # bytes between two hashes: the least that is fetched again when something is damaged
_BLOCKS_IN_STEP = STEP // BLOCK
_MAGIC = b"EYEPART1"
_HEAD = struct.Struct("<8sQ32s40s")  # magic, size, SHA-256 (zeros: unknown), boot id
_DIGEST = 32
_NO_DIGEST = bytes(_DIGEST)
_HERE, _ABSENT = 1, 0


def boot_id() -> bytes:
    """Return what changes with every start of the computer; b"" where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()[:40]
    except OSError:
        return b""


class PartFile:
    """Data and journal of one file. May be used from several threads.

    Methods that touch the disk raise OSError.
    """

    def __init__(self, path: Path, size: int, sha256: str, *, journal: Path | None = None) -> None:
        """Open what is left of a file of `size` bytes, or begin it.

        What belongs to another file (another size or hash) is thrown away: see `started_anew`.
        """
        self.path = path
        self.size = size
        self._journal_path = journal or path.with_suffix(".journal")
        self._n_blocks = -(-size // BLOCK)
        self._n_steps = -(-size // STEP)
        self._changed = threading.Condition()
        self._marks = bytearray(self._n_blocks)
        self._claimed = bytearray(self._n_blocks)
        self._digests = [b""] * self._n_steps
        self._stopped = False
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        known = path.exists() and self._journal_path.exists()
        self._data = os.open(path, flags, 0o644)
        try:
            self._journal = os.open(self._journal_path, flags, 0o644)
        except OSError:
            os.close(self._data)
            raise
        self._handles: tuple[int, ...] = (self._data, self._journal)
        digest = bytes.fromhex(sha256) if sha256 else _NO_DIGEST
        self.started_anew = not self._read_journal(digest) and known
        if not any(self._marks) and not any(self._digests):
            self._begin(digest)
        self._keep_only_what_may_be_here()

    # What is here

    @property
    def done(self) -> int:
        """Return the bytes that are here."""
        with self._changed:
            full = sum(self._marks) * BLOCK
            if self._n_blocks and self._marks[-1]:
                full -= self._n_blocks * BLOCK - self.size
            return full

    @property
    def complete(self) -> bool:
        """Return whether every block is here."""
        with self._changed:
            return all(self._marks)

    def digests(self) -> tuple[str, ...]:
        """Return the SHA-256 of everything before each multiple of `STEP` and before the end, as hex digits."""
        with self._changed:
            return tuple(one.hex() for one in self._digests)

    # Fetching

    def claim(self, most: int) -> tuple[int, int] | None:
        """Return the next absent range that nobody fetches, at most `most` bytes of it; None if there is none.

        Bytes, the end exclusive. It is the caller's until `release`.
        """
        with self._changed:
            first = next((i for i in range(self._n_blocks) if not self._marks[i] and not self._claimed[i]), None)
            if first is None or self._stopped:
                return None
            last = first
            limit = first + max(1, -(-most // BLOCK))
            while last < min(self._n_blocks, limit) and not self._marks[last] and not self._claimed[last]:
                self._claimed[last] = 1
                last += 1
            return first * BLOCK, min(last * BLOCK, self.size)

    def release(self, start: int, end: int) -> None:
        """Give a claimed range back, fetched or not."""
        with self._changed:
            for block in range(start // BLOCK, -(-end // BLOCK)):
                self._claimed[block] = 0
            self._changed.notify_all()

    def write(self, data: bytes, offset: int) -> None:
        """Write data at `offset`; a block counts once its last byte is there, so write each from its start."""
        end = offset + len(data)
        view = memoryview(data)
        at = offset
        while at < end:
            at += _pwrite(self._data, view[at - offset :], at)
        first, last = offset // BLOCK, end // BLOCK
        if end == self.size:
            last = self._n_blocks
        if last > first:
            self._mark(first, last, _HERE)

    def damage(self, start: int, end: int) -> None:
        """Say that what is between `start` and `end` is wrong, so that it is fetched again."""
        self._mark(start // BLOCK, -(-end // BLOCK), _ABSENT)

    def _mark(self, first: int, last: int, mark: int) -> None:
        with self._changed:
            self._marks[first:last] = bytes([mark]) * (last - first)
            _pwrite(self._journal, self._marks[first:last], _HEAD.size + first)
            start = first // _BLOCKS_IN_STEP * _BLOCKS_IN_STEP
            for step in range(start, last, _BLOCKS_IN_STEP):  # nobody waits for less
                if _ABSENT not in self._marks[step : step + _BLOCKS_IN_STEP]:
                    self._changed.notify_all()
                    break

    # Checking

    def wait_for(self, start: int, end: int, timeout: float) -> bool:
        """Return whether all from `start` to `end` is here, waiting for it up to `timeout` seconds."""
        first, last = start // BLOCK, -(-end // BLOCK)
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or _ABSENT not in self._marks[first:last], timeout)
            return not self._stopped and _ABSENT not in self._marks[first:last]

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Read as much as fits into `buffer`; return how much it was."""
        return _pread(self._data, buffer, offset)

    def digest(self, step: int) -> bytes:
        """Return the hash of everything before the end of step `step`, b"" if it is not known."""
        with self._changed:
            return self._digests[step]

    def set_digest(self, step: int, digest: bytes) -> None:
        """Keep a hash; b"" forgets it."""
        with self._changed:
            self._digests[step] = digest
            _pwrite(self._journal, digest or _NO_DIGEST, self._digest_offset(step))

    def forget_digests(self, first: int) -> None:
        """Forget the hashes from step `first` on."""
        for step in range(first, self._n_steps):
            if self._digests[step]:
                self.set_digest(step, b"")

    def sync(self) -> None:
        """Wait until the data is on the disk."""
        os.fsync(self._data)

    def stop(self) -> None:
        """Wake everybody who waits; nothing is claimed any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def resume(self) -> None:
        """Undo `stop`."""
        with self._changed:
            self._stopped = False

    def close(self) -> None:
        """Close both files; twice does no harm."""
        self.stop()
        handles, self._handles = self._handles, ()
        for handle in handles:
            os.close(handle)

    def remove(self) -> None:
        """Delete both files, which must be closed."""
        self.path.unlink(missing_ok=True)
        self._journal_path.unlink(missing_ok=True)

    # The journal

    def _digest_offset(self, step: int) -> int:
        return _HEAD.size + self._n_blocks + step * _DIGEST

    def _read_journal(self, digest: bytes) -> bool:
        """Take over what the journal says; return whether it belongs to this file."""
        raw = Path(self._journal_path).read_bytes()
        if len(raw) < self._digest_offset(0):
            return False
        magic, size, sha256, boot = _HEAD.unpack_from(raw)
        if magic != _MAGIC or size != self.size or sha256 != digest:
            return False
        marks = raw[_HEAD.size : _HEAD.size + self._n_blocks]
        self._marks[:] = bytes(_HERE if mark == _HERE else _ABSENT for mark in marks)
        for step in range(self._n_steps):
            kept = raw[self._digest_offset(step) : self._digest_offset(step + 1)]
            if len(kept) == _DIGEST and kept != _NO_DIGEST:
                self._digests[step] = kept
        if boot.rstrip(b"\0") != boot_id():
            self._trust_only_hashed()
        return True

    def _trust_only_hashed(self) -> None:
        """After a loss of power marks may be there whose data is not: only hashes can tell."""
        for step in range(self._n_steps):
            if not self._digests[step]:
                first = step * _BLOCKS_IN_STEP
                last = min(first + _BLOCKS_IN_STEP, self._n_blocks)
                self._marks[first:last] = bytes(last - first)

    def _keep_only_what_may_be_here(self) -> None:
        """Nothing beyond the end of the data is here, whatever the journal says."""
        length = os.fstat(self._data).st_size
        if length > self.size:
            os.ftruncate(self._data, self.size)
        whole = self._n_blocks if length >= self.size else length // BLOCK
        self._marks[whole:] = bytes(self._n_blocks - whole)
        _pwrite(self._journal, self._marks, _HEAD.size)
        _pwrite(self._journal, boot_id().ljust(40, b"\0"), _HEAD.size - 40)

    def _begin(self, digest: bytes) -> None:
        os.ftruncate(self._data, 0)
        os.ftruncate(self._journal, 0)
        _pwrite(self._journal, _HEAD.pack(_MAGIC, self.size, digest, boot_id()), 0)


def bytes_here(path: Path) -> int:
    """Return how much of a part file is here, without opening it for writing; 0 for none."""
    try:
        raw = path.with_suffix(".journal").read_bytes()
        length = path.stat().st_size
    except OSError:
        return 0
    if len(raw) < _HEAD.size or not raw.startswith(_MAGIC):
        return 0
    size = int(_HEAD.unpack_from(raw)[1])
    here = raw[_HEAD.size : _HEAD.size + -(-size // BLOCK)].count(_HERE) * BLOCK
    return min(here, size, length)


def adopt(path: Path, size: int, sha256: str, digests: Sequence[str]) -> None:
    """Write a journal for a file that was installed before, so that only what is damaged is fetched again.

    `digests` as from `PartFile.digests`. Raises OSError.
    """
    n_blocks, n_steps = -(-size // BLOCK), -(-size // STEP)
    known = [bytes.fromhex(one) for one in digests] if len(digests) == n_steps else [_NO_DIGEST] * n_steps
    head = _HEAD.pack(_MAGIC, size, bytes.fromhex(sha256), boot_id())
    path.with_suffix(".journal").write_bytes(
        head + bytes([_HERE]) * n_blocks + b"".join(one or _NO_DIGEST for one in known)
    )


if hasattr(os, "pwrite"):

    def _pwrite(handle: int, data: bytes | bytearray | memoryview, offset: int) -> int:
        return os.pwrite(handle, data, offset)

    def _pread(handle: int, buffer: memoryview, offset: int) -> int:
        return os.preadv(handle, [buffer], offset) if hasattr(os, "preadv") else _copied(handle, buffer, offset)

    def _copied(handle: int, buffer: memoryview, offset: int) -> int:
        data = os.pread(handle, len(buffer), offset)
        buffer[: len(data)] = data
        return len(data)

else:  # Windows: one position for all, so one at a time
    _POSITION = threading.Lock()

    def _pwrite(handle: int, data: bytes | bytearray | memoryview, offset: int) -> int:
        with _POSITION:
            os.lseek(handle, offset, os.SEEK_SET)
            return os.write(handle, data)

    def _pread(handle: int, buffer: memoryview, offset: int) -> int:
        with _POSITION:
            os.lseek(handle, offset, os.SEEK_SET)
            data = os.read(handle, len(buffer))
        buffer[: len(data)] = data
        return len(data)
