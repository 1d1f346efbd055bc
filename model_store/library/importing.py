"""Adds files of this computer to the library: copied, or used where they are."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import filelock

from model_store.errors import StoreError
from model_store.foreign_files import exists
from model_store.library.copying import PART, Meter, Report, copy_stream, sha256_of, sha256_of_stream, silent
from model_store.library.disk_space import refused_by_disk, require_room
from model_store.library.import_plan import ImportFile, ImportPlan, plan_import
from model_store.library.installed import InstalledModel
from model_store.library.library import Library
from model_store.library.llamafile import open_member
from model_store.manifest import InstalledFile


def import_files(
    library: Library, paths: Sequence[Path], in_place: bool = False, report: Report = silent
) -> list[InstalledModel]:
    """Install all that the files and folders hold.

    Raises the first reason why something cannot be installed before anything is copied; then as `import_model`.
    """
    found = plan_import(paths)
    if found.refused:
        raise found.refused[0]
    return [import_model(library, plan, in_place, report) for plan in found.plans]


def import_model(library: Library, plan: ImportPlan, in_place: bool = False, report: Report = silent) -> InstalledModel:
    """Install what was planned: copied into the library, or used where it lies. All is read, and hashes compared.

    What lies in a llamafile is always copied.
    What is installed already is returned as it is, and nothing is copied. What ends with an exception leaves
    nothing behind; after kill -9 the same import goes on where it was. Raises StoreError: no-room-to-copy,
    disk-takes-no-large-files, copy-differs, import-in-use, model-folder-unusable, file-unreadable; and what
    `report` raises.
    """
    twins = [model for model in library.models() if sorted(_sizes(plan)) == sorted(file.size for file in model.files)]
    meter = Meter(plan.size * (1 + bool(twins)), report)
    if twins:
        hashes = [_hash(file, meter) for file in plan.files]
        same = library.find(hashes)
        if same is not None and (in_place or not same.in_place):
            return same
    if in_place and not plan.packed:
        return _install_in_place(library, plan, meter)
    return _install_copy(library, plan, meter)


def _install_in_place(library: Library, plan: ImportPlan, meter: Meter) -> InstalledModel:
    hashes = [_hash(file, meter) for file in plan.files]
    for file, sha256 in zip(plan.files, hashes, strict=True):
        if file.sha256 not in ("", sha256):
            raise StoreError("weights-damaged", name=file.path.name)
    staging = library.staging(staging_key(plan, "in place"))
    entries = [_entry(file, sha256, str(file.path.absolute())) for file, sha256 in zip(plan.files, hashes, strict=True)]
    return library.install(staging, plan.title, replace(plan.about, files=tuple(entries)))


def _install_copy(library: Library, plan: ImportPlan, meter: Meter) -> InstalledModel:
    staging = library.staging(staging_key(plan, "copy"))
    with refused_by_disk(library.folder, plan.title), _alone(staging, plan.title):
        try:
            require_room(library.folder, plan.title, plan.size - _arrived(staging))
            entries = [_copied(file, staging, meter) for file in plan.files]
            return library.install(staging, plan.title, replace(plan.about, files=tuple(entries)))
        except BaseException:  # Ctrl-C too: what is half is of no use to anybody
            shutil.rmtree(staging, ignore_errors=True)
            raise


@contextmanager
def _alone(staging: Path, title: str) -> Iterator[None]:
    lock = filelock.FileLock(staging.with_suffix(".lock"), timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise StoreError("import-in-use", title=title) from error
    try:
        yield
    finally:
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


def _copied(file: ImportFile, staging: Path, meter: Meter) -> InstalledFile:
    target = staging / file.name
    with refused_by_disk(staging.parent, file.name, file.size):
        if exists(target):  # killed between two files: what has its name is whole
            sha256 = sha256_of(target, meter)
        else:
            sha256 = copy_stream(partial(_open, file), file.name, target, meter)
    if file.sha256 not in ("", sha256):
        raise StoreError("copy-differs", name=file.name)
    return _entry(file, sha256, file.name)


def _open(file: ImportFile) -> BinaryIO:
    return open_member(file.path, file.member) if file.member else file.path.open("rb")


def _entry(file: ImportFile, sha256: str, name: str) -> InstalledFile:
    return InstalledFile(file.role, name, file.size, sha256, verified=bool(file.sha256), path=file.remote)


def _hash(file: ImportFile, meter: Meter) -> str:
    try:
        with _open(file) as stream:
            return sha256_of_stream(stream, file.name, meter)
    except OSError as error:
        raise StoreError("file-unreadable", name=file.path.name) from error


def _arrived(staging: Path) -> int:
    return sum(path.stat().st_size for path in staging.iterdir() if path.suffix in (PART, ".gguf"))


def staging_key(plan: ImportPlan, way: str) -> str:
    """Return what tells one import from another: the same files, taken the same way, go on where they were.

    `way` is "copy" or "in place"; `Library.staging` makes a folder of it.
    """
    said = [way, *(f"{file.path.absolute()}\n{file.member}\n{file.size}" for file in plan.files)]
    return hashlib.sha256("\n".join(said).encode(errors="surrogateescape")).hexdigest()[:16]


def _sizes(plan: ImportPlan) -> Iterator[int]:
    return (file.size for file in plan.files)
