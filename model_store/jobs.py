"""Describes downloads as plain data: the files, the progress, and why a download waits or has failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from model_store.catalogue import ModelEntry, Variant
from model_store.errors import QT_TRANSLATE_NOOP, StoreError


class Role(str, Enum):
    """What a file is for."""

    MODEL = "model"
    PROJECTOR = "projector"


class JobState(str, Enum):
    """The state of a download. It changes between `RUNNING` and `WAITING` by itself."""

    QUEUED = "queued"  # another one is running
    RUNNING = "running"
    WAITING = "waiting"  # for the network or a busy server; retries by itself
    PAUSED = "paused"  # by the user
    FAILED = "failed"  # the user must act: see `DownloadJob.error`
    DONE = "done"  # all files are checked and in their folder
    CANCELLED = "cancelled"  # reported once; then the job no longer exists


@dataclass(frozen=True)
class WantedFile:
    """A file to download."""

    role: Role
    path: str  # in the repository
    size: int = 0  # bytes, perhaps rounded; 0: unknown
    sha256: str = ""  # 64 hexadecimal digits; "": use the one that the Hub states
    name: str = ""  # file name on this computer; "": as in the repository


@dataclass(frozen=True)
class DownloadRequest:
    """A model and its projector to download. All files are one job: there is never one without the others."""

    model_id: str  # id in the catalogue, or the repository
    title: str
    repository: str
    revision: str
    files: tuple[WantedFile, ...]  # those of a split model in order
    folder: str  # its name inside the model folder; not yet safe as a file name
    quantisation: str = ""
    licence: str = ""
    family: str = ""

    @classmethod
    def of(cls, entry: ModelEntry, variant: Variant) -> DownloadRequest:
        """Return the request for a variant of a model of the catalogue."""
        return cls(
            model_id=entry.id,
            title=f"{entry.title} {variant.quantisation}",
            repository=entry.repository,
            revision=entry.revision,
            files=tuple(
                WantedFile(role, file.path, file.size, file.sha256)
                for role, files in ((Role.MODEL, variant.model_files), (Role.PROJECTOR, (variant.projector,)))
                for file in files
            ),
            folder=f"{entry.id}-{variant.quantisation}",
            quantisation=variant.quantisation,
            licence=entry.licence,
            family=entry.family,
        )


class FileState(str, Enum):
    """What is being done with a file."""

    WAITING = "waiting"
    DOWNLOADING = "downloading"
    CHECKING = "checking"  # the file is complete or partly there, and its hash is computed
    DONE = "done"


@dataclass(frozen=True)
class FileProgress:
    """The progress of one file."""

    role: Role
    name: str
    state: FileState
    done: int  # bytes downloaded
    total: int  # bytes; 0: unknown yet; until the Hub answers, the size in the catalogue
    seconds_left: float | None = None


@dataclass(frozen=True)
class DownloadJob:
    """A snapshot of a download, which never changes."""

    id: str
    request: DownloadRequest
    state: JobState
    files: tuple[FileProgress, ...]
    speed: float = 0.0  # bytes per second, smoothed
    seconds_left: float | None = None
    error: StoreError | None = None  # why it failed, or why it waits
    retry_in: float = 0.0  # seconds until the next try while it waits
    notes: tuple[str, ...] = ()  # see NOTES
    is_repair: bool = False  # of an installed model, whose good files remain if it is cancelled
    number: int = field(default=0, compare=False)  # higher in a later snapshot: threads may tell them in another order

    @property
    def done(self) -> int:
        """Return how many bytes are downloaded."""
        return sum(one.done for one in self.files)

    @property
    def total(self) -> int:
        """Return the bytes of all files, 0 if the size of one is unknown."""
        return sum(one.total for one in self.files) if all(one.total for one in self.files) else 0


#: Notes about a download that do not stop it.
NOTES = {
    "unverified": QT_TRANSLATE_NOOP(
        "notes", "The server does not say what every byte should be, so only the size and structure could be checked."
    ),
    "size-changed": QT_TRANSLATE_NOOP(
        "notes", "The size of the file differs from the catalogue, so it was checked with what the server says of it."
    ),
    "started-anew": QT_TRANSLATE_NOOP(
        "notes", "The file was replaced on the server, so its download started again from the beginning."
    ),
    "fetched-again": QT_TRANSLATE_NOOP("notes", "Damaged data was received and downloaded again."),
    "repaired": QT_TRANSLATE_NOOP("notes", "Parts that were damaged on this disk were downloaded again."),
}
