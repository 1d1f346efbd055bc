"""What a download keeps on the disk: its folder with the state of the job and the part files.

`ROOT/.downloads/JOB/` holds job.json and, for each file, NUMBER.part with its journal. Finished files
are collected in `ready` together with their manifest; renaming that folder installs all of them at once.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model_store.atomic_files import sync_file, sync_folder, write_whole
from model_store.downloads.part_file import adopt
from model_store.errors import SENTENCES, StoreError
from model_store.hub.client import RemoteFile
from model_store.jobs import DownloadRequest, JobState, Role, WantedFile
from model_store.manifest import MANIFEST, InstalledFile, Manifest
from model_store.names import safe_name

DOWNLOADS = ".downloads"
_STATE = "job.json"
_READY = "ready"
_VERSION = 1


@dataclass
class JobRecord:
    """What is kept of a job."""

    id: str
    request: DownloadRequest
    state: JobState
    error: StoreError | None
    notes: list[str]
    remotes: list[RemoteFile | None]  # as the Hub described the files, once it was asked
    is_repair: bool  # of an installed model
    order: int  # in the queue


class JobFolder:
    """The folder of one job. Everything raises OSError."""

    def __init__(self, root: Path, job_id: str) -> None:
        self.root = root
        self.path = root / DOWNLOADS / job_id

    def save(self, record: JobRecord) -> None:
        """Keep the state."""
        self.path.mkdir(parents=True, exist_ok=True)
        error = record.error
        raw = {
            "version": _VERSION,
            "id": record.id,
            "request": asdict(record.request),
            "state": record.state.value,
            "error": None if error is None else {"code": error.code, "parameters": error.parameters},
            "notes": record.notes,
            "remotes": [None if one is None else asdict(one) for one in record.remotes],
            "is_repair": record.is_repair,
            "order": record.order,
        }
        write_whole(self.path / _STATE, json.dumps(raw, ensure_ascii=False, indent=1).encode())

    def load(self) -> JobRecord:
        """Read the state. Raises OSError or ValueError."""
        raw = json.loads((self.path / _STATE).read_text("utf-8"))
        try:
            return _record(raw)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("incomplete state of a download") from error

    def remove(self) -> None:
        """Delete everything of the job."""
        shutil.rmtree(self.path, ignore_errors=True)

    # The files

    def target(self, request: DownloadRequest) -> Path:
        """Return the folder in which the model will be."""
        return self.root / safe_name(request.folder)

    def part(self, number: int) -> Path:
        """Return where file `number` is until it is whole."""
        return self.path / f"{number}.part"

    def names(self, request: DownloadRequest) -> list[str]:
        """Return what the files will be called. The network's names only suggest it."""
        names: list[str] = []
        for wanted in request.files:
            name = safe_name((wanted.name or wanted.path).replace("\\", "/").rpartition("/")[2])
            if not name.lower().endswith(".gguf"):
                name += ".gguf"
            if name.casefold() in {one.casefold() for one in names}:
                name = f"{wanted.role.value}-{name}"
            names.append(name)
        return names

    def undo_unfinished_install(self, record: JobRecord) -> None:
        """Undo what was begun when the program ended while it put the files into their place.

        Of a repair also what was not begun: the program may have ended before all files were taken in.
        """
        request = record.request
        if record.is_repair:
            try:
                manifest = Manifest.read(self.target(request))
            except (FileNotFoundError, ValueError):
                return  # nobody knows what is left of it: what the parts do not hold is fetched
            self.take_installed(record, manifest)
            return
        for number, name in enumerate(self.names(request)):
            begun = self.path / _READY / name
            if begun.exists() and not self.part(number).exists():
                begun.rename(self.part(number))

    def is_installed(self, request: DownloadRequest) -> bool:
        """Return whether the model is in its place already."""
        target = self.target(request)
        return (target / MANIFEST).exists() and all((target / name).exists() for name in self.names(request))

    def install(self, record: JobRecord, digests: list[tuple[str, ...]]) -> Manifest:
        """Put the files, which are whole and checked, into their place all at once, with a manifest."""
        manifest = self._manifest(record, digests)
        for number in range(len(manifest.files)):
            sync_file(self.part(number))
        target = self.target(record.request)
        if record.is_repair:
            for number, file in enumerate(manifest.files):
                self.part(number).replace(target / file.name)
            manifest.write(target)
            sync_folder(target)
        else:
            ready = self.path / _READY
            ready.mkdir(exist_ok=True)
            for number, file in enumerate(manifest.files):
                self.part(number).replace(ready / file.name)
            manifest.write(ready)
            sync_folder(ready)
            ready.rename(target)
        sync_folder(self.root)
        return manifest

    def _manifest(self, record: JobRecord, digests: list[tuple[str, ...]]) -> Manifest:
        request = record.request
        files = []
        for wanted, remote, name, known in zip(
            request.files, record.remotes, self.names(request), digests, strict=True
        ):
            assert remote is not None
            files.append(
                InstalledFile(
                    role=wanted.role,
                    name=name,
                    size=remote.size,
                    sha256=known[-1],
                    verified=bool(remote.sha256),
                    prefixes=known,
                    path=wanted.path,
                )
            )
        first = record.remotes[0]
        assert first is not None
        return Manifest(
            model_id=request.model_id,
            title=request.title,
            files=tuple(files),
            repository=request.repository,
            revision=first.revision,
            quantisation=request.quantisation,
            licence=request.licence,
            family=request.family,
        )

    # Repair

    def take_installed(self, record: JobRecord, manifest: Manifest) -> None:
        """Take the files of an installed model, damaged or not, so that only what is wrong is fetched."""
        target = self.target(record.request)
        self.path.mkdir(parents=True, exist_ok=True)
        for number, file in enumerate(manifest.files):
            installed = target / file.name
            if installed.exists() and not self.part(number).exists():
                # First the journal: a part without one would count as nothing.
                adopt(self.part(number), file.size, file.sha256 if file.verified else "", file.prefixes)
                installed.rename(self.part(number))

    def return_installed(self, request: DownloadRequest) -> None:
        """Put back what `take_installed` has taken."""
        for number, name in enumerate(self.names(request)):
            with contextlib.suppress(OSError):
                if self.part(number).exists() and not (self.target(request) / name).exists():
                    self.part(number).rename(self.target(request) / name)


def _record(raw: Mapping[str, Any]) -> JobRecord:
    if raw["version"] != _VERSION:
        raise ValueError("state of a download of another version")
    request = dict(raw["request"])
    request["files"] = tuple(WantedFile(**{**one, "role": Role(one["role"])}) for one in request["files"])
    error = raw["error"]
    known = error is not None and error["code"] in SENTENCES
    return JobRecord(
        id=str(raw["id"]),
        request=DownloadRequest(**request),
        state=JobState(raw["state"]),
        error=StoreError(error["code"], **error["parameters"]) if known else None,
        notes=[str(one) for one in raw["notes"]],
        remotes=[None if one is None else RemoteFile(**one) for one in raw["remotes"]],
        is_repair=bool(raw["is_repair"]),
        order=int(raw["order"]),
    )
