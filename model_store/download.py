"""Fetching models: a queue of jobs that goes on where it was, whatever came between."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from model_store.hub import Hub
from model_store.jobs import DownloadJob, DownloadRequest

Listener = Callable[[DownloadJob], None]


class Downloads:
    """The downloads into one model folder, in the order in which they were added.

    Runs in threads of its own; `listener` is called from those, with every change of a state and
    some five times a second while bytes arrive. A finished model lies in `root / folder` with its
    manifest; until then everything is in `root / ".downloads"`, from where it goes on after a
    restart. One program at a time: raises `StoreError` (downloads-in-use, model-folder-unusable).
    """

    def __init__(
        self, root: Path, hub: Callable[[], Hub], listener: Listener | None = None, *, connections: int = 1
    ) -> None:
        """Find the jobs that were left; nothing is fetched before `start`.

        `hub` gives the Hub of the present settings, for each job anew.
        """
        self.root = root

    def start(self) -> None:
        """Go on with what is queued; what was paused stays paused."""
        raise NotImplementedError

    def jobs(self) -> tuple[DownloadJob, ...]:
        """Return all jobs as they are now."""
        raise NotImplementedError

    def job(self, job_id: str) -> DownloadJob:
        """Return a job as it is now. Raises `StoreError` (download-unknown)."""
        raise NotImplementedError

    def add(self, request: DownloadRequest) -> DownloadJob:
        """Queue a pair; the same pair twice is the same job.

        Raises `StoreError` (folder-taken, model-folder-unusable).
        """
        raise NotImplementedError

    def repair(self, folder: str) -> DownloadJob:
        """Queue an installed model whose files are damaged: what is right of them is kept.

        Raises `StoreError` (model-unknown) when there is no manifest that tells where it came from.
        """
        raise NotImplementedError

    def pause(self, job_id: str) -> None:
        """Stop for now; what is here stays."""
        raise NotImplementedError

    def resume(self, job_id: str) -> None:
        """Queue a paused or failed job again."""
        raise NotImplementedError

    def retry(self, job_id: str) -> None:
        """Try a waiting or failed job again at once."""
        raise NotImplementedError

    def cancel(self, job_id: str) -> None:
        """Give up a job and delete what is here of it."""
        raise NotImplementedError

    def forget(self, job_id: str) -> None:
        """Take a job that is done out of the list."""
        raise NotImplementedError

    def wait(self, job_id: str, timeout: float | None = None) -> DownloadJob:
        """Return the job once it neither runs, waits nor is queued, or after `timeout` seconds."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop all threads within seconds; everything goes on from there with the next start."""
        raise NotImplementedError
