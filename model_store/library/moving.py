"""Moves the whole library to another folder or disk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_store.atomic_files import INCOMING, write_whole
from model_store.errors import StoreError
from model_store.foreign_files import exists, is_file, is_folder
from model_store.library.copying import Meter, Report, link_or_copy, silent
from model_store.library.disk_space import refused_by_disk, require_room
from model_store.library.installed import InstalledModel, State
from model_store.library.library import Library
from model_store.library.usage_notes import VerifiedFile, read_notes, write_notes
from model_store.manifest import MANIFEST
from model_store.names import reachable

_LEAVING = ".moving-to.json"  # in the old folder, while files are copied
_ARRIVED = ".moved-from.json"  # in the new folder, while the old one is cleared
_DOWNLOADS = ".downloads"  # what is being fetched comes along


@dataclass(frozen=True)
class UnfinishedMove:
    """A move that was cut short. `move_library(Library(old), new, ...)` goes on with it."""

    old: Path
    new: Path


def unfinished_move(library: Library) -> UnfinishedMove | None:
    """Return the move from or to this library that was cut short, None when there is none."""
    arrived = _read(library.folder / _ARRIVED)
    if arrived is not None:
        return UnfinishedMove(Path(arrived["from"]), library.folder)
    leaving = _read(library.folder / _LEAVING)
    return None if leaving is None else UnfinishedMove(library.folder, Path(leaving["to"]))


def move_library(library: Library, folder: Path, switched: Callable[[Path], None], report: Report = silent) -> Library:
    """Move all models to `folder`, which need not exist, and return the library there.

    Everything is copied and read back (on the same disk it gets a second name instead); then `switched(folder)`
    is called, which must save the setting; only then what was moved is removed from the old place. Cut short at
    any moment, the library that the setting names is whole; calling again goes on where it was. Downloads
    must be closed meanwhile. An exception while copying leaves the old library as it was, and nothing half in the
    new place; after kill -9 `abandon_move` does that. Raises StoreError: move-into-itself, move-collides,
    no-room-to-copy, disk-takes-no-large-files, copy-differs, model-folder-unusable; and what `report` raises.
    """
    old, new = library.folder, reachable(folder.absolute())
    if new.resolve().is_relative_to(old.resolve()):
        raise StoreError("move-into-itself", folder=str(new))
    target = Library(new)
    with refused_by_disk(new, new.name):
        done = _read(new / _ARRIVED)
        if done is None or done["from"] != str(old):
            try:
                moved = _copy(library, target, report)
            except BaseException:
                abandon_move(library)
                raise
            write_whole(new / _ARRIVED, _json({"from": str(old), "moved": moved}))
        else:
            moved = [str(name) for name in done["moved"]]
    switched(new)
    _clear(library, [name for name in moved if is_folder(new / name)])
    with refused_by_disk(new, new.name):
        (new / _ARRIVED).unlink(missing_ok=True)
    return target


def abandon_move(library: Library) -> None:
    """Give up a move from this library that was cut short while copying: what it copied is deleted."""
    leaving = _read(library.folder / _LEAVING)
    if leaving is None:
        return
    new = Path(leaving["to"])
    (new / _ARRIVED).unlink(missing_ok=True)  # first: with it, the old place may be cleared
    for model in library.models():
        if model.id not in leaving["there_before"]:
            shutil.rmtree(new / model.id, ignore_errors=True)
    shutil.rmtree(new / _DOWNLOADS, ignore_errors=True)
    try:
        (library.folder / _LEAVING).unlink()
        new.rmdir()  # unless there is something else in it
    except OSError:
        pass


def _copy(library: Library, target: Library, report: Report) -> list[str]:
    """Bring everything to the new folder and return the names of what may be removed from the old one."""
    old, new = library.folder, target.folder
    models = library.models()
    for model in models:
        _refuse_collision(model, new)
    new.mkdir(parents=True, exist_ok=True)
    leaving = _read(old / _LEAVING)
    if leaving is not None and leaving["to"] != str(new):  # another move, to which nobody came back
        abandon_move(library)
        leaving = None
    if leaving is None and is_folder(old):
        before = [model.id for model in models if exists(new / model.id)]
        write_whole(old / _LEAVING, _json({"to": str(new), "there_before": before}))
    names = [model.id for model in models] + [_DOWNLOADS] * is_folder(old / _DOWNLOADS)
    files = [file for name in names for file in _files(old / name)]
    sizes = {file: file.stat().st_size for file in files}
    if exists(old) and old.stat().st_dev != new.stat().st_dev:
        arrived = sum(path.stat().st_size for name in names for path in _files(new / name))
        require_room(new, old.name, sum(sizes.values()) - arrived)
    meter = Meter(2 * sum(sizes.values()), report)
    for file in files:
        there = new / file.relative_to(old)
        there.parent.mkdir(parents=True, exist_ok=True)
        if exists(there) and there.stat().st_size == sizes[file]:
            continue  # what has its name was read back by an earlier try
        there.unlink(missing_ok=True)
        with refused_by_disk(new, file.name, sizes[file]):
            link_or_copy(file, there, meter)
    for model in models:
        _renew_notes(model, new / model.id)
    return names


def _refuse_collision(model: InstalledModel, new: Path) -> None:
    there = new / model.id / MANIFEST
    if is_file(there) and there.read_bytes() != (model.folder / MANIFEST).read_bytes():
        raise StoreError("move-collides", folder=str(new), name=model.id)


def _renew_notes(model: InstalledModel, folder: Path) -> None:
    """Note the files that are in order with their times on the new disk, which may keep them less exactly."""
    notes = read_notes(folder)
    for file in model.files:
        if file.state is State.OK and not model.in_place:
            notes = notes.with_file(
                file.path.name, VerifiedFile((folder / file.path.name).stat().st_mtime_ns, right=True)
            )
    write_notes(folder, notes)


def _files(folder: Path) -> Iterator[Path]:
    """Return all files of a model's folder; the manifest last, so that a folder with one is whole."""
    found = [path for path in sorted(folder.rglob("*")) if is_file(path)]
    return iter(sorted(found, key=lambda path: path.name == MANIFEST))


def _clear(library: Library, moved: list[str]) -> None:
    """Remove from the old place what is in the new one; what cannot be removed (in use, on Windows) stays."""
    for name in moved:
        shutil.rmtree(library.folder / name, ignore_errors=True)
    library.tidy()
    for half in library.folder.glob(f"{INCOMING}*"):  # what a kill left of a note
        half.unlink(missing_ok=True)
    try:
        (library.folder / _LEAVING).unlink(missing_ok=True)
        library.folder.rmdir()  # unless the person keeps something else in it
    except OSError:
        pass


def _read(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _json(data: dict[str, Any]) -> bytes:
    return json.dumps(data).encode()
