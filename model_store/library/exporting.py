"""Exports an installed model as a folder that can be carried to another computer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from model_store.atomic_files import write_whole
from model_store.errors import StoreError
from model_store.foreign_files import exists, is_folder
from model_store.jobs import Role
from model_store.library.copying import Meter, Report, copy_file, sha256_of, silent
from model_store.library.disk_space import refused_by_disk, require_room
from model_store.library.installed import InstalledModel, StoredFile
from model_store.library.library import Library
from model_store.manifest import MANIFEST, InstalledFile, Manifest
from model_store.names import reachable, safe_name

LICENCE = "LICENCE.txt"
SUMS = "SHA256SUMS"  # as `sha256sum --check` reads it


def export(library: Library, model_id: str, folder: Path, report: Report = silent) -> Path:
    """Copy a model with manifest, hashes and licence into `folder`/<id>, and return that folder.

    Each file is compared with its hash while it is read, and what was copied is read back from the disk.
    `import_files` takes the folder on the other computer. An export that was cut short goes on where it was.
    Raises StoreError: not-installed, files-wrong, export-taken, no-room-to-copy, disk-takes-no-large-files,
    copy-differs, model-folder-unusable; and what `report` raises.
    """
    model = library.get(model_id)
    if model.wrong_files:
        raise StoreError("files-wrong", title=model.title)
    target = folder.absolute() / model.id
    names = {file: _name(model, file) for file in model.files}
    with refused_by_disk(target.parent, model.title):
        _require_ours(target, {*names.values(), LICENCE, SUMS})
        require_room(target, model.title, model.size - _arrived(target))
        target.mkdir(parents=True, exist_ok=True)
    meter = Meter(2 * model.size, report)
    exported = []
    for file, name in names.items():
        with refused_by_disk(target.parent, name, file.size):
            exported.append(_exported(model, file, target / name, meter))
    manifest = replace(model.manifest, files=tuple(exported), program="")
    with refused_by_disk(target.parent, model.title):
        sums = "".join(f"{file.sha256}  {file.name}\n" for file in exported)
        write_whole(target / SUMS, sums.encode(), private=False)
        write_whole(target / LICENCE, _licence(manifest).encode(), private=False)
        manifest.write(target)
    return target


def _exported(model: InstalledModel, file: StoredFile, target: Path, meter: Meter) -> InstalledFile:
    if exists(target):  # from an earlier try, whole
        sha256 = sha256_of(target, meter)
        if file.sha256 and sha256 != file.sha256:
            target.unlink()
    if not exists(target):
        sha256 = copy_file(file.path, target, meter, read_back=True)
    if file.sha256 and sha256 != file.sha256:
        target.unlink()
        raise StoreError("files-wrong", title=model.title)
    known = next(one for one in model.manifest.files if reachable(model.folder / one.name) == file.path)
    return replace(known, name=target.name, sha256=sha256, verified=known.verified and bool(known.sha256))


def _name(model: InstalledModel, file: StoredFile) -> str:
    """Return a name for other computers; an Ollama blob for instance has none that says anything."""
    if file.path.suffix.lower() == ".gguf":
        return safe_name(file.path.name)
    return f"{model.id}.gguf" if file.role is Role.MODEL else f"{model.id}-mmproj.gguf"


def _require_ours(target: Path, names: set[str]) -> None:
    """Raise StoreError "export-taken" if the folder holds anything but what an export writes."""
    if not exists(target):
        return
    ours = {*names, *(f"{name}.part" for name in names), MANIFEST}
    if not is_folder(target) or any(entry.name not in ours for entry in target.iterdir()):
        raise StoreError("export-taken", folder=str(target))


def _arrived(target: Path) -> int:
    return sum(entry.stat().st_size for entry in target.iterdir()) if is_folder(target) else 0


def _licence(manifest: Manifest) -> str:
    """Return the terms that go with the files: their text, or what is known of them."""
    lines = [manifest.title, f"Licence: {manifest.licence or 'unknown'}", manifest.licence_url]
    if manifest.repository:
        lines.append(f"Published as {manifest.repository}")
    return "\n".join([*filter(None, lines), "", manifest.licence_text]).rstrip() + "\n"
