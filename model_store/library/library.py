"""The models on this computer: one folder, in it one folder for each model with its manifest.

    <library>/<id>/eyebright-model.json     what it is (manifest.py)
    <library>/<id>/eyebright-seen.json      what was noticed about it here (usage_notes.py)
    <library>/<id>/<language model>.gguf    or its several files; unless it is used where it lies
    <library>/<id>/<projector>.gguf

There is no index besides, so that a library can be carried about, and what somebody else does to it shows.
Every method may be called from any thread, and several programs may use a library at once. Verifying takes as
long as reading the files: not from a thread that draws.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from model_store.atomic_files import sync_folder
from model_store.errors import StoreError
from model_store.foreign_files import exists, is_file, is_folder, matching
from model_store.gguf_header import DamagedGGUFError, NotGGUFError, read_header
from model_store.jobs import Role
from model_store.library.copying import Meter, Report, UnreadableError, sha256_of, silent
from model_store.library.gguf_kind import GGUF_FILES
from model_store.library.installed import InstalledModel, State, StoredFile
from model_store.library.usage_notes import UsageNotes, VerifiedFile, read_notes, write_notes
from model_store.manifest import MANIFEST, InstalledFile, Manifest
from model_store.names import identifier, is_plain_name, reachable

_REMOVED = ".removed-"  # how the names of folders begin that are being deleted
_ARRIVING = ".arriving-"  # and of folders into which files are being copied
_FORGOTTEN = 7 * 24 * 3600  # seconds
_COARSE = 2_000_000_000  # nanoseconds: the grain of times on FAT


class Library:
    """The installed models of one folder, which need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = reachable(folder.absolute())
        self._lock = threading.RLock()  # what stands beside the files is read, changed and written

    def models(self) -> list[InstalledModel]:
        """Return all models, the last used first. What is wrong with one shows in its state; nothing is raised."""
        found = [model for folder in self._folders() if (model := self._look(folder)) is not None]
        return sorted(found, key=lambda model: (-model.last_used, model.title.casefold(), model.id))

    def get(self, model_id: str) -> InstalledModel:
        """Return a model; in its id capitals do not count. Raises StoreError "not-installed"."""
        hidden = model_id.startswith(".") or not is_plain_name(model_id)
        model = None if hidden else self._look(self.folder / model_id)
        if model is None or model.id != model_id:
            model = next((one for one in self.models() if one.id.casefold() == model_id.casefold()), None)
        if model is None:
            raise StoreError("not-installed", name=model_id)
        return model

    def named(self, name: str) -> InstalledModel:
        """Return the model with this id or, if no other has it, this title; capitals do not count.

        Raises StoreError "not-installed" or "title-ambiguous".
        """
        try:
            return self.get(name)
        except StoreError:
            called = [model for model in self.models() if model.title.casefold() == name.strip().casefold()]
            if len(called) > 1:
                ids = ", ".join(sorted(model.id for model in called))
                raise StoreError("title-ambiguous", name=name, ids=ids) from None
            if not called:
                raise
            return called[0]

    def find(self, sha256s: Sequence[str]) -> InstalledModel | None:
        """Return a model in order that consists of exactly these files, None when there is none."""
        wanted = sorted(sha256s)
        return next(
            (
                model
                for model in self.models()
                if not model.wrong_files and wanted == sorted(file.sha256 for file in model.files)
            ),
            None,
        )

    def staging(self, key: str) -> Path:
        """Return the hidden folder in which files arrive under `key`, made if need be; `install` makes it a model.

        What an earlier try left is still in it. Raises StoreError "model-folder-unusable".
        """
        folder = self.folder / f"{_ARRIVING}{key}"
        with self._writing():
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def install(self, staging: Path, name: str, manifest: Manifest) -> InstalledModel:
        """Make a model of a staging folder and return it.

        Everything was read, and lies in its place there, or elsewhere under an absolute name. `name` is made into
        the model's id; another one is found where it is taken. Raises StoreError "model-folder-unusable".
        """
        with self._writing():
            manifest.write(staging)
            notes = UsageNotes(added=time.time())
            for file in manifest.files:
                notes = notes.with_file(file.name, VerifiedFile((staging / file.name).stat().st_mtime_ns, right=True))
            write_notes(staging, notes)
            folder = self._free_folder(identifier(name))
            staging.rename(folder)
            sync_folder(self.folder)
        return self.get(folder.name)

    def add_file(self, model_id: str, file: InstalledFile) -> InstalledModel:
        """Make a file that was read, and lies in its place, a part of a model; return the model.

        It takes the place of another in the same role. Raises StoreError: not-installed, model-folder-unusable.
        """
        model = self.get(model_id)
        kept = tuple(one for one in model.manifest.files if one.role is not file.role)
        with self._writing():
            seen = VerifiedFile((model.folder / file.name).stat().st_mtime_ns, right=True)
            write_notes(model.folder, read_notes(model.folder).with_file(file.name, seen))
            replace(model.manifest, files=(*kept, file)).write(model.folder)
        return self.get(model_id)

    def verify(self, model_id: str, report: Report = silent) -> InstalledModel:
        """Read all files of a model, compare them with what they must be, and return what was found.

        Where nobody knows a hash the header must hold together, and the hash is kept from then on.
        Raises StoreError "not-installed"; what is wrong with files is no error but their state.
        """
        model = self.get(model_id)
        meter = Meter(sum(file.size for file in model.files), report)
        for file in model.files:
            self._verify(model.folder, file, meter)
        return self.get(model_id)

    def remove(self, model_id: str) -> int:
        """Delete a model and return how many bytes that freed; what is used in place stays where it is.

        Raises StoreError "not-installed" or "not-removed" (on Windows, while it is loaded).
        """
        model = self.get(model_id)
        freed = model.frees
        aside = model.folder.with_name(f"{_REMOVED}{os.getpid()}-{time.time_ns()}")
        try:
            model.folder.rename(aside)  # so that it is gone at once, and wholly
        except OSError as error:
            raise StoreError("not-removed", name=model.title) from error
        shutil.rmtree(aside, ignore_errors=True)
        return freed

    def mark_used(self, model_id: str) -> None:
        """Note that a model is used now; a library that cannot be written is no reason to complain."""
        with self._lock:
            folder = self.folder / model_id
            try:
                if is_file(folder / MANIFEST):
                    write_notes(folder, replace(read_notes(folder), last_used=time.time()))
            except OSError:
                pass

    def tidy(self) -> None:
        """Delete what a removal that was cut short has left, and copies that nobody went on with for a week."""
        for folder in self._subfolders():
            try:
                old = folder.name.startswith(_ARRIVING) and time.time() - folder.stat().st_mtime > _FORGOTTEN
            except OSError:
                continue
            if old or folder.name.startswith(_REMOVED):
                shutil.rmtree(folder, ignore_errors=True)

    def _free_folder(self, stem: str) -> Path:
        number = 1
        while True:
            folder = self.folder / (stem if number == 1 else f"{stem}-{number}")
            if not exists(folder):
                return folder
            number += 1

    def _verify(self, folder: Path, file: StoredFile, meter: Meter) -> None:
        try:
            about = file.path.stat()
            found = sha256_of(file.path, meter) if about.st_size == file.size else ""
            right = bool(found) and (found == file.sha256 if file.sha256 else _is_whole(file.path))
        except UnreadableError:  # the disk has lost a part of it
            found, right = "", False
        except OSError:
            return  # its state says that it is missing; or it may not be read, and nobody knows
        with self._writing():
            manifest = _manifest(folder)
            if manifest is None:  # removed meanwhile
                return
            for one in manifest.files:
                if reachable(folder / one.name) == file.path:
                    if right and not one.sha256:
                        learned = tuple(
                            replace(one, sha256=found, verified=False) if other is one else other
                            for other in manifest.files
                        )
                        manifest = replace(manifest, files=learned)
                        manifest.write(folder)
                    write_notes(folder, read_notes(folder).with_file(one.name, VerifiedFile(about.st_mtime_ns, right)))

    def _look(self, folder: Path) -> InstalledModel | None:
        """Return the model of a folder as it is now, None where no model was installed."""
        manifest = _manifest(folder)
        if manifest is None:
            return None
        notes = read_notes(folder)
        try:
            written = (folder / MANIFEST).stat().st_mtime_ns
        except OSError:
            return None
        files = sorted(manifest.files, key=lambda file: file.role is not Role.MODEL)
        return InstalledModel(
            folder.name,
            folder,
            manifest,
            tuple(_stored(folder, file, notes.files.get(file.name), written) for file in files),
            notes.added or written / 1e9,
            notes.last_used,
        )

    def _folders(self) -> Iterator[Path]:
        return (folder for folder in self._subfolders() if not folder.name.startswith("."))

    def _subfolders(self) -> list[Path]:
        try:
            return [Path(entry.path) for entry in os.scandir(self.folder) if is_folder(entry.path)]
        except OSError:
            return []  # it does not exist yet, or its disk is not there

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except OSError as error:
                raise StoreError("model-folder-unusable", name=str(self.folder)) from error


def _manifest(folder: Path) -> Manifest | None:
    """Return what a folder's manifest says; of a damaged one, what the files themselves say."""
    try:
        return Manifest.read(folder)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return _rebuilt(folder)


def _rebuilt(folder: Path) -> Manifest | None:
    files = []
    try:
        for path in matching(folder, GGUF_FILES):
            role = Role.PROJECTOR if read_header(path).architecture == "clip" else Role.MODEL
            files.append(InstalledFile(role, path.name, path.stat().st_size, sha256="", verified=False))
    except (OSError, NotGGUFError, DamagedGGUFError):
        pass
    manifest = Manifest(folder.name, folder.name, tuple(files))
    return manifest if manifest.file(Role.MODEL) is not None else None


def _stored(folder: Path, file: InstalledFile, seen: VerifiedFile | None, written: int) -> StoredFile:
    path = reachable(folder / file.name)  # an absolute name leads to where it says
    return StoredFile(file.role, path, file.size, file.sha256, _state(path, file, seen, written), file.path)


def _state(path: Path, file: InstalledFile, seen: VerifiedFile | None, written: int) -> State:
    try:
        about = path.stat()
    except OSError:
        return State.MISSING
    if about.st_size != file.size:
        return State.CHANGED
    if seen is not None and seen.changed_ns == about.st_mtime_ns and not seen.right:
        return State.CHANGED
    # Downloads write the manifest when all is verified: what is older is what was verified.
    untouched = about.st_mtime_ns <= written + _COARSE if seen is None else seen.changed_ns == about.st_mtime_ns
    return State.OK if untouched and file.sha256 else State.UNVERIFIED


def _is_whole(path: Path) -> bool:
    try:
        read_header(path)
    except (NotGGUFError, DamagedGGUFError):
        return False
    return True
