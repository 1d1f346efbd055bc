"""Gives an installed model that only writes the projector through which it sees."""

from __future__ import annotations

from pathlib import Path

from model_store.errors import StoreError
from model_store.jobs import Role
from model_store.library.copying import Meter, Report, copy_file, sha256_of, silent
from model_store.library.disk_space import refused_by_disk, require_room
from model_store.library.gguf_kind import GGUFKind, look_at
from model_store.library.installed import InstalledModel
from model_store.library.library import Library
from model_store.library.pairing import why_not
from model_store.manifest import InstalledFile
from model_store.names import safe_name


def add_projector(library: Library, model_id: str, path: Path, report: Report = silent) -> InstalledModel:
    """Add the projector `path` to an installed model and return the model.

    It is copied into the model's folder, or used where it lies if the model is. Raises StoreError: not-installed,
    those of `look_at` and `why_not`, no-projector-file, no-room-to-copy, disk-takes-no-large-files,
    model-folder-unusable, file-unreadable; and what `report` raises. Then the model is as it was.
    """
    model = library.get(model_id)
    projector = look_at(path)
    if projector.role is not Role.PROJECTOR:
        raise StoreError("no-projector-file", name=path.name)
    reason = why_not(look_at(model.model), projector)
    if reason is not None:
        raise reason
    meter = Meter(projector.size, report)
    if model.in_place:
        name, sha256 = str(path.absolute()), _hashed(path, meter)
    else:
        name = _free_name(model, projector)
        with refused_by_disk(library.folder, model.title, projector.size):
            require_room(library.folder, model.title, projector.size)
            sha256 = copy_file(path, model.folder / name, meter)
    entry = InstalledFile(Role.PROJECTOR, name, projector.size, sha256, verified=False)
    return library.add_file(model.id, entry)


def _free_name(model: InstalledModel, projector: GGUFKind) -> str:
    name = safe_name(projector.name)
    return name if name.casefold() != model.model.name.casefold() else f"mmproj-{name}"


def _hashed(path: Path, meter: Meter) -> str:
    try:
        return sha256_of(path, meter)
    except OSError as error:
        raise StoreError("file-unreadable", name=path.name) from error
