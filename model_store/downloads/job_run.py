"""Runs one download: asks the Hub, fetches its files, checks and installs them."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from model_store.atomic_files import means_no_room
from model_store.downloads.background_hash import Turn
from model_store.downloads.file_download import FileDownload, Stopped
from model_store.downloads.job_folder import JobFolder, JobRecord
from model_store.downloads.part_file import PartFile, bytes_here
from model_store.downloads.transfer_speed import TransferSpeed
from model_store.errors import StoreError, size_text
from model_store.gguf_header import DamagedGGUFError, NotGGUFError, read_header
from model_store.hub.client import Hub, RemoteFile
from model_store.hub.retries import Retries
from model_store.jobs import FileProgress, FileState

MARGIN = 64 << 20  # bytes that stay free: a full disk hurts everybody
_TOLD = 0.2  # seconds between two reports
_LOOKED = 2.0  # seconds between two looks at the free space
_ROUNDED = 0.05  # sizes on model cards are rounded


def free_space(folder: Path) -> int:
    """Return the bytes that are free on a folder's disk. Raises OSError."""
    return shutil.disk_usage(folder).free


class JobRun:
    """Runs a job in the thread that calls `run`; everything else may be called from any thread."""

    def __init__(
        self,
        folder: JobFolder,
        record: JobRecord,
        hub: Hub,
        *,
        connections: int = 1,
        told: Callable[[], None] = lambda: None,
        free: Callable[[Path], int] = free_space,
        turn: Turn = nullcontext,
    ) -> None:
        """`told` is called when there is something new to show; hashing takes turns."""
        self._folder = folder
        self._record = record
        self._hub = hub
        self._connections = connections
        self._told = told
        self._free = free
        self._turn = turn
        self._stop = threading.Event()
        self._hurry = threading.Event()
        self._parts: list[PartFile] = []
        self._finished: set[int] = set()
        self._current = -1
        self._download: FileDownload | None = None
        self._speed = TransferSpeed()
        self._told_at = self._looked_at = 0.0
        self._waiting: tuple[StoreError, float] | None = None
        self.installed = False  # the model is in its place

    # Seen from outside

    def stop(self) -> None:
        """End soon; `run` raises `Stopped`."""
        self._stop.set()
        self._hub.close()

    def hurry(self) -> None:
        """Do not wait for the next try."""
        self._hurry.set()
        download = self._download
        if download is not None:
            download.hurry()

    @property
    def speed(self) -> float:
        """Return the bytes per second just now."""
        return 0.0 if self.waiting is not None else self._speed.speed

    @property
    def seconds_left(self) -> float | None:
        """Return how long the rest of the job will take."""
        files = self.files()
        return self._speed.seconds_left(sum(one.total - one.done for one in files))

    @property
    def waiting(self) -> tuple[StoreError, float] | None:
        """Return what is waited for and the seconds until the next try."""
        found = self._waiting
        download = self._download
        if download is not None and download.waiting_for is not None:
            found = (download.waiting_for, download.retry_at)
        if found is None:
            return None
        error, at = found
        if error.code == "no-connection" and any(file.done for file in self.files()):
            error = StoreError("download-interrupted", **error.parameters)
        return error, max(0.0, at - time.monotonic())

    def files(self) -> tuple[FileProgress, ...]:
        """Return how far the files are."""
        return files_of(self._folder, self._record, [self._progress(i) for i in range(len(self._record.request.files))])

    def _progress(self, number: int) -> tuple[FileState, int | None, float | None]:
        parts = self._parts
        if number >= len(parts):
            return FileState.WAITING, None, None
        part = parts[number]
        if number in self._finished:
            return FileState.DONE, part.size, 0.0
        if number != self._current:
            return FileState.WAITING, part.done, None
        done = part.done
        state = FileState.CHECKING if done == part.size else FileState.DOWNLOADING
        return state, done, self._speed.seconds_left(part.size - done)

    # The work

    def run(self) -> None:
        """Fetch, check and install. Raises `StoreError` or `Stopped`; what is here then stays here."""
        try:
            self._run()
        except StoreError:
            if self._stop.is_set():  # cut connections look like a lost network
                raise Stopped from None
            raise
        except OSError as error:
            raise self._disk_error(error) from error
        finally:
            for part in self._parts:
                part.close()

    def _run(self) -> None:
        request = self._record.request
        self._folder.undo_unfinished_install(self._record)
        for number in range(len(request.files)):
            self._describe(number)
        self._parts = [self._open(number) for number in range(len(request.files))]
        self._check_room()
        self._speed.restart(sum(part.done for part in self._parts))
        for number in range(len(self._parts)):
            self._fetch(number)
        for part in self._parts:
            part.close()  # Windows renames no open files
        self._folder.install(self._record, [part.digests() for part in self._parts])
        self.installed = True

    def _describe(self, number: int) -> RemoteFile:
        """Ask the Hub about a file, once: its commit, size and hash are kept with the job."""
        known = self._record.remotes[number]
        if known is not None:
            return known
        request = self._record.request
        retries = Retries(self._hub.timeouts)
        while True:
            self._tick()
            try:
                remote = self._hub.file_metadata(request.repository, request.revision, request.files[number].path)
                break
            except StoreError as error:
                if self._stop.is_set():
                    raise
                self._wait(error, retries.wait_after(error, 0))
        remote = self._compared(number, remote)
        self._record.remotes[number] = remote
        self._folder.save(self._record)
        return remote

    def _compared(self, number: int, remote: RemoteFile) -> RemoteFile:
        wanted = self._record.request.files[number]
        if wanted.sha256 and remote.sha256 and wanted.sha256 != remote.sha256:
            raise StoreError("checksum-unexpected", name=remote.name, host=self._hub.host)
        if not remote.sha256:
            remote = replace(remote, sha256=wanted.sha256)
            if not wanted.sha256:
                self._note("unverified")
        if wanted.size and abs(remote.size - wanted.size) > _ROUNDED * wanted.size:
            self._note("size-changed")
        return remote

    def _wait(self, error: StoreError, seconds: float) -> None:
        self._hurry.clear()
        self._waiting = error, time.monotonic() + seconds
        try:
            while time.monotonic() < self._waiting[1] and not self._hurry.is_set():
                self._tick()
                self._stop.wait(0.05)
        finally:
            self._waiting = None

    def _open(self, number: int) -> PartFile:
        remote = self._describe(number)
        part = PartFile(self._folder.part(number), remote.size, remote.sha256)
        if part.started_anew:
            self._note("started-anew")
        return part

    def _fetch(self, number: int) -> None:
        self._current = number
        try:
            self._fetch_once(number)
        except StoreError as error:
            if error.code != "remote-file-missing":
                raise
            # The commit is gone: see whether the branch still has the file.
            self._record.remotes[number] = None
            self._parts[number].close()
            self._parts[number] = self._open(number)
            self._fetch_once(number)
        self._finished.add(number)

    def _fetch_once(self, number: int) -> None:
        remote, part = self._describe(number), self._parts[number]
        for _ in range(2):
            self._download = FileDownload(
                self._hub,
                remote,
                part,
                connections=self._connections,
                tick=lambda _: self._tick(),
                turn=self._turn,
            )
            try:
                sha256 = self._download.run()
                if self._download.background_hash.mended:
                    self._note("repaired" if self._record.is_repair else "fetched-again")
            finally:
                self._download = None
            if not remote.sha256 or sha256 == remote.sha256:
                self._check_header(number)
                return
            # The disk agrees with what has come, so the wrong bytes came from outside, and nobody knows which.
            self._note("fetched-again")
            part.forget_digests(0)
            part.damage(0, part.size)
        self._throw_away(number)
        raise StoreError("checksum-differs", name=remote.name)

    def _check_header(self, number: int) -> None:
        try:
            read_header(self._folder.part(number))
        except (NotGGUFError, DamagedGGUFError) as error:
            name = self._describe(number).name
            self._throw_away(number)
            raise StoreError("not-a-model", name=name) from error

    def _throw_away(self, number: int) -> None:
        """Delete one file; the others stay. What the Hub has said is asked again next time."""
        self._parts[number].close()
        self._parts[number].remove()
        self._parts = self._parts[:number] + self._parts[number + 1 :]
        self._record.remotes = [None] * len(self._record.remotes)
        self._folder.save(self._record)

    def _tick(self) -> None:
        if self._stop.is_set():
            raise Stopped
        now = time.monotonic()
        if now - self._told_at >= _TOLD:
            self._told_at = now
            if self._parts:
                self._speed.update(sum(part.done for part in self._parts))
            self._told()
        if self._parts and now - self._looked_at >= _LOOKED:
            self._check_room()

    def _check_room(self) -> None:
        self._looked_at = time.monotonic()
        needed = sum(part.size - part.done for part in self._parts)
        free = self._free(self._folder.root)
        if needed and free < needed + MARGIN:
            raise self._no_room(needed + MARGIN, free)

    def _no_room(self, needed: int, free: int) -> StoreError:
        title = self._record.request.title
        code = "no-room-for-the-rest" if any(part.done for part in self._parts) else "no-room"
        return StoreError(code, title=title, needed=size_text(needed), free=size_text(free))

    def _disk_error(self, error: OSError) -> StoreError:
        if means_no_room(error):
            needed = sum(part.size - part.done for part in self._parts)
            try:
                return self._no_room(needed + MARGIN, self._free(self._folder.root))
            except OSError:
                pass
        return StoreError("model-folder-unusable", name=str(self._folder.root))

    def _note(self, code: str) -> None:
        if code not in self._record.notes:
            self._record.notes.append(code)


def files_of(
    folder: JobFolder, record: JobRecord, progress: list[tuple[FileState, int | None, float | None]] | None = None
) -> tuple[FileProgress, ...]:
    """Return how far the files of a job are, as its folder tells where `progress` does not."""
    files = []
    names = folder.names(record.request)
    for number, (wanted, remote, name) in enumerate(zip(record.request.files, record.remotes, names, strict=True)):
        state, done, left = progress[number] if progress is not None else (FileState.WAITING, None, None)
        total = remote.size if remote is not None else wanted.size
        here = bytes_here(folder.part(number)) if done is None else done
        files.append(FileProgress(wanted.role, name, state, here, total, left))
    return tuple(files)
