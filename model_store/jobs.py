"""A download as plain data: what is wanted, how far it is, and why it waits or failed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from model_store.catalogue import ModelEntry, Variant
from model_store.errors import QT_TRANSLATE_NOOP, StoreError


class Role(str, Enum):
    """What a file is for."""

    MODEL = "model"
    PROJECTOR = "projector"


class JobState(str, Enum):
    """Where a job stands. Running ones pass from `RUNNING` to `WAITING` and back by themselves."""

    QUEUED = "queued"  # another one comes first
    RUNNING = "running"
    WAITING = "waiting"  # for the network or a busy server; tries again by itself
    PAUSED = "paused"  # by the person
    FAILED = "failed"  # needs the person: see `DownloadJob.error`
    DONE = "done"  # both files are in their folder, checked
    CANCELLED = "cancelled"  # told once; then the job is gone


@dataclass(frozen=True)
class WantedFile:
    """A file to fetch."""

    role: Role
    path: str  # in the repository
    size: int = 0  # bytes, maybe rounded; 0: unknown
    sha256: str = ""  # 64 hex digits, "": take the Hub's
    name: str = ""  # to be called by; "": as in the repository


@dataclass(frozen=True)
class DownloadRequest:
    """A pair to fetch. It is one job: there is never one file without the other."""

    model_id: str  # id in the catalogue, or the repository
    title: str
    repository: str
    revision: str
    files: tuple[WantedFile, ...]
    folder: str  # name of the folder below the model folder; made safe by whoever uses it
    quantisation: str = ""
    licence: str = ""
    family: str = ""

    @classmethod
    def of(cls, entry: ModelEntry, variant: Variant) -> DownloadRequest:
        """Return what to fetch for an entry of the catalogue."""
        return cls(
            model_id=entry.id,
            title=f"{entry.title} {variant.quantisation}",
            repository=entry.repository,
            revision=entry.revision,
            files=tuple(
                WantedFile(role, file.path, file.size, file.sha256)
                for role, file in ((Role.MODEL, variant.model), (Role.PROJECTOR, variant.projector))
            ),
            folder=f"{entry.id}-{variant.quantisation}",
            quantisation=variant.quantisation,
            licence=entry.licence,
            family=entry.family,
        )


class FileState(str, Enum):
    """What is done with a file just now."""

    WAITING = "waiting"
    FETCHING = "fetching"
    CHECKING = "checking"  # everything is here, the hash is not done; or what is here is read again
    DONE = "done"


@dataclass(frozen=True)
class FileProgress:
    """How far a file is."""

    role: Role
    name: str
    state: FileState
    done: int  # bytes that are here
    total: int  # bytes; 0: not known yet; before the Hub was asked, as the catalogue says
    seconds_left: float | None = None


@dataclass(frozen=True)
class DownloadJob:
    """A download as it is at this moment: a snapshot that never changes."""

    id: str
    request: DownloadRequest
    state: JobState
    files: tuple[FileProgress, ...]
    speed: float = 0.0  # bytes per second, smoothed
    seconds_left: float | None = None
    error: StoreError | None = None  # why it failed, or what it is waiting for
    retry_in: float = 0.0  # seconds until the next try while it waits
    notes: tuple[str, ...] = ()  # see NOTES
    is_repair: bool = False  # of an installed model: cancelling gives back what is right of it

    @property
    def done(self) -> int:
        """Return the bytes that are here."""
        return sum(one.done for one in self.files)

    @property
    def total(self) -> int:
        """Return the bytes of all files, 0 as long as one is unknown."""
        return sum(one.total for one in self.files) if all(one.total for one in self.files) else 0


#: What is worth saying about a download although it goes on.
NOTES = {
    "unverified": QT_TRANSLATE_NOOP(
        "notes", "The server tells no checksum, so only size and structure could be checked."
    ),
    "size-changed": QT_TRANSLATE_NOOP(
        "notes", "The file has another size than the catalogue says; its checksum comes from the server."
    ),
    "started-anew": QT_TRANSLATE_NOOP(
        "notes", "The file was replaced on the server, so it is fetched from the beginning."
    ),
    "fetched-again": QT_TRANSLATE_NOOP("notes", "Something wrong had arrived and was fetched again."),
    "repaired": QT_TRANSLATE_NOOP("notes", "Parts that were damaged on this disk were fetched again."),
}
