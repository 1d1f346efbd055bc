"""The queue of downloads. It goes on where it was after a restart, a crash or a lost connection."""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import filelock

from model_store.downloads.background_hash import Turn
from model_store.downloads.file_download import Stopped
from model_store.downloads.job_folder import DOWNLOADS, JobFolder, JobRecord
from model_store.downloads.job_run import JobRun, files_of, free_space
from model_store.errors import StoreError
from model_store.hub.client import Hub
from model_store.jobs import DownloadJob, DownloadRequest, FileState, JobState, WantedFile
from model_store.manifest import Manifest

Listener = Callable[[DownloadJob], None]

_LOCK = "in-use.lock"
_UNFINISHED = {JobState.QUEUED, JobState.RUNNING, JobState.WAITING}
_STOPPED = {JobState.PAUSED, JobState.FAILED}  # until one asks for them again
_CLOSING = 10.0  # seconds
_numbers = itertools.count(1)  # of the snapshots


class _Job:
    """What the queue knows of a job."""

    def __init__(self, folder: JobFolder, record: JobRecord) -> None:
        self.folder = folder
        self.record = record
        self.run: JobRun | None = None
        self.files = files_of(folder, record)

    def snapshot(self) -> DownloadJob:
        record, run = self.record, self.run
        job = DownloadJob(record.id, record.request, record.state, self.files, error=record.error)
        if run is not None:
            self.files = run.files()
            waiting = run.waiting
            if waiting is not None and record.state is JobState.RUNNING:
                job = replace(job, state=JobState.WAITING, error=waiting[0], retry_in=waiting[1])
            job = replace(job, speed=run.speed, seconds_left=run.seconds_left, files=self.files)
        return replace(job, notes=tuple(record.notes), is_repair=record.is_repair, number=next(_numbers))


class Downloads:
    """The downloads into one model folder, in the order in which they were added.

    Runs in a thread of its own; `listener` is called from there, and from whoever changes something,
    with every change of a state and some five times a second while bytes arrive. A finished model lies
    in `root / folder` with its manifest; until then everything is in `root / ".downloads"`, from where
    it goes on after a restart. One program at a time: raises `StoreError` (downloads-in-use,
    model-folder-unusable).
    """

    def __init__(
        self,
        root: Path,
        hub: Callable[[], Hub],
        listener: Listener | None = None,
        *,
        connections: int = 1,
        free: Callable[[Path], int] = free_space,
        turn: Turn = nullcontext,
        go_on: bool = True,
    ) -> None:
        """Find the jobs that were left; nothing is fetched before `start`.

        Without `go_on` those that were under way are paused: `left` names them, and `resume` goes on with one.

        `hub` gives a new Hub of the present settings for each run of a job, which closes it. Hashing, which
        would keep a processor busy, takes each piece in a `turn`.
        """
        self.root = root
        self._new_hub = hub
        self._listener = listener
        self._connections = connections
        self._free = free
        self._turn = turn
        self._go_on = go_on
        self.left: tuple[str, ...] = ()  # ids of the jobs that an earlier run has left under way
        self._changed = threading.Condition()
        self._jobs: dict[str, _Job] = {}
        self._closing = False
        self._thread: threading.Thread | None = None
        try:
            (root / DOWNLOADS).mkdir(parents=True, exist_ok=True)
            self._in_use = filelock.FileLock(root / DOWNLOADS / _LOCK, timeout=0, thread_local=False)
            self._in_use.acquire()
            self._find()
        except filelock.Timeout as error:
            raise StoreError("downloads-in-use", name=str(root)) from error
        except OSError as error:
            raise self._unusable() from error

    def start(self) -> None:
        """Go on with what is queued; what was paused stays paused."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="downloads", daemon=True)
            self._thread.start()

    def jobs(self) -> tuple[DownloadJob, ...]:
        """Return all jobs as they are now."""
        with self._changed:
            return tuple(job.snapshot() for job in self._jobs.values())

    def job(self, job_id: str) -> DownloadJob:
        """Return a job as it is now. Raises `StoreError` (download-unknown)."""
        with self._changed:
            return self._known(job_id).snapshot()

    def add(self, request: DownloadRequest) -> DownloadJob:
        """Queue a model; the same files twice are the same job, which goes on if it was paused or has failed.

        Raises `StoreError` (folder-taken, model-folder-unusable).
        """
        return self._add(request, None)

    def repair(self, folder: str) -> DownloadJob:
        """Queue an installed model whose files are damaged: what is right of them is kept.

        Raises `StoreError` (model-unknown) when there is no manifest that tells where it came from.
        """
        try:
            manifest = Manifest.read(self.root / folder)
        except (OSError, ValueError) as error:
            raise StoreError("model-unknown", name=folder) from error
        if not manifest.repository or not all(file.path for file in manifest.files):
            raise StoreError("model-unknown", name=manifest.title)
        request = DownloadRequest(
            model_id=manifest.model_id,
            title=manifest.title,
            repository=manifest.repository,
            revision=manifest.revision,
            files=tuple(
                WantedFile(file.role, file.path, file.size, file.sha256 if file.verified else "", file.name)
                for file in manifest.files
            ),
            folder=folder,
            quantisation=manifest.quantisation,
            licence=manifest.licence,
            family=manifest.family,
        )
        return self._add(request, manifest)

    def _add(self, request: DownloadRequest, installed: Manifest | None) -> DownloadJob:
        job_id = _id(request)
        with self._changed:
            found = self._jobs.get(job_id)
            if found is not None and found.record.state is not JobState.DONE:
                if found.record.state not in _STOPPED:
                    return found.snapshot()
                snapshot = self._set(found, JobState.QUEUED)
            else:
                snapshot = self._new(job_id, request, installed)
        self._tell(snapshot)
        return snapshot

    def _make_way(self, target: Path) -> None:
        waiting = (job for job in self._jobs.values() if job.record.state is not JobState.DONE)
        if any(job.folder.target(job.record.request) == target for job in waiting):
            raise StoreError("folder-taken", name=target.name)
        if target.is_dir() and not any(target.iterdir()):
            target.rmdir()
        if target.exists():
            raise StoreError("folder-taken", name=target.name)

    def pause(self, job_id: str) -> None:
        """Stop for now; what is here stays."""
        with self._changed:
            job = self._known(job_id)
            if job.record.state not in _UNFINISHED:
                return
            snapshot = self._set(job, JobState.PAUSED)
        self._tell(snapshot)

    def resume(self, job_id: str) -> None:
        """Queue a paused or failed job again."""
        with self._changed:
            job = self._known(job_id)
            if job.record.state not in _STOPPED:
                return
            snapshot = self._set(job, JobState.QUEUED)
        self._tell(snapshot)

    def retry(self, job_id: str) -> None:
        """Try a waiting or failed job again at once."""
        with self._changed:
            job = self._known(job_id)
            if job.run is not None:
                job.run.hurry()
        self.resume(job_id)

    def cancel(self, job_id: str) -> None:
        """Give up a job and delete what is here of it. A repair gives back what it has taken."""
        with self._changed:
            job = self._known(job_id)
            if job.record.state is JobState.DONE:
                return
            snapshot = self._set(job, JobState.CANCELLED)
            if job.run is None:
                self._drop(job)
        self._tell(snapshot)

    def forget(self, job_id: str) -> None:
        """Take a job that is done out of the list."""
        with self._changed:
            if self._known(job_id).record.state is JobState.DONE:
                del self._jobs[job_id]

    def wait(self, job_id: str, timeout: float | None = None) -> DownloadJob:
        """Return the job once it neither runs, waits nor is queued, or after `timeout` seconds."""
        with self._changed:
            job = self._known(job_id)
            self._changed.wait_for(lambda: job.record.state not in _UNFINISHED and job.run is None, timeout)
            return job.snapshot()

    def close(self) -> None:
        """Stop all threads within seconds; everything goes on from there with the next start."""
        with self._changed:
            self._closing = True
            for job in self._jobs.values():
                if job.run is not None:
                    job.run.stop()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(_CLOSING)
        self._in_use.release()

    # Inside; those that touch jobs want `_changed` to be held

    def _find(self) -> None:
        found = []
        for path in sorted((self.root / DOWNLOADS).iterdir()):
            folder = JobFolder(self.root, path.name)
            try:
                record = folder.load()
                if record.id != path.name:
                    continue
            except (OSError, ValueError):
                continue  # no job; adding the same files again finds what is here of them
            if not record.is_repair and folder.is_installed(record.request):
                folder.remove()  # the program ended just after the last rename
                continue
            if record.state in _UNFINISHED:
                record.state = JobState.QUEUED if self._go_on else JobState.PAUSED
                self.left = (*self.left, record.id)
            if record.state is JobState.CANCELLED:
                self._clear(folder, record)
                continue
            found.append(_Job(folder, record))
        found.sort(key=lambda job: job.record.order)
        self._jobs = {job.record.id: job for job in found}

    def _new(self, job_id: str, request: DownloadRequest, installed: Manifest | None) -> DownloadJob:
        folder = JobFolder(self.root, job_id)
        try:
            if installed is None:
                self._make_way(folder.target(request))
            order = 1 + max((job.record.order for job in self._jobs.values()), default=0)
            remotes: list[None] = [None] * len(request.files)
            record = JobRecord(job_id, request, JobState.QUEUED, None, [], [*remotes], installed is not None, order)
            folder.save(record)
            if installed is not None:
                folder.take_installed(record, installed)
        except OSError as error:
            raise self._unusable() from error
        self._jobs[job_id] = job = _Job(folder, record)
        self._changed.notify_all()
        return job.snapshot()

    def _known(self, job_id: str) -> _Job:
        job = self._jobs.get(job_id)
        if job is None:
            raise StoreError("download-unknown")
        return job

    def _set(self, job: _Job, state: JobState, error: StoreError | None = None) -> DownloadJob:
        job.record.state, job.record.error = state, error
        try:
            job.folder.save(job.record)
        except OSError:
            pass  # the disk is full or gone: then the state of before is found at the next start
        if job.run is not None and state in {JobState.PAUSED, JobState.CANCELLED}:
            job.run.stop()
        self._changed.notify_all()
        return job.snapshot()

    def _drop(self, job: _Job) -> None:
        self._clear(job.folder, job.record)
        self._jobs.pop(job.record.id, None)
        self._changed.notify_all()

    def _clear(self, folder: JobFolder, record: JobRecord) -> None:
        if record.is_repair:
            folder.return_installed(record.request)
        folder.remove()

    def _tell(self, snapshot: DownloadJob) -> None:
        if self._listener is not None:
            self._listener(snapshot)

    def _unusable(self) -> StoreError:
        return StoreError("model-folder-unusable", name=str(self.root))

    # The thread

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._next() is not None)
                job = self._next()
                if self._closing or job is None:
                    return
                snapshot = self._set(job, JobState.RUNNING)
            self._tell(snapshot)
            self._run(job)

    def _next(self) -> _Job | None:
        return next((job for job in self._jobs.values() if job.record.state is JobState.QUEUED), None)

    def _run(self, job: _Job) -> None:
        error: StoreError | None = None
        hub: Hub | None = None
        try:
            hub = self._new_hub()
            run = JobRun(
                job.folder,
                job.record,
                hub,
                connections=self._connections,
                told=lambda: self._tell(self._snapshot(job)),
                free=self._free,
                turn=self._turn,
            )
            with self._changed:
                job.run = run
                if self._closing or job.record.state is not JobState.RUNNING:
                    run.stop()
            run.run()
        except Stopped:
            pass
        except StoreError as caught:
            error = caught
        finally:
            if hub is not None:
                hub.close()
            with self._changed:
                snapshot = self._ended(job, error)
        self._tell(snapshot)

    def _snapshot(self, job: _Job) -> DownloadJob:
        with self._changed:
            return job.snapshot()

    def _ended(self, job: _Job, error: StoreError | None) -> DownloadJob:
        run, job.run = job.run, None
        state = job.record.state
        installed = error is None and run is not None and run.installed
        if installed:
            files = files_of(job.folder, job.record)
            job.files = tuple(replace(one, state=FileState.DONE, done=one.total, seconds_left=0.0) for one in files)
            job.record.state, job.record.error = JobState.DONE, None
            job.folder.remove()
            self._changed.notify_all()
            return job.snapshot()
        job.files = files_of(job.folder, job.record)
        if state is JobState.CANCELLED:
            self._drop(job)
            return job.snapshot()
        if state is JobState.RUNNING:
            return self._set(job, JobState.FAILED if error is not None else JobState.QUEUED, error)
        self._changed.notify_all()
        return job.snapshot()


def _id(request: DownloadRequest) -> str:
    told = [request.repository, request.revision, request.folder, *(file.path for file in request.files)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
