"""Finds the model files that `--model` names: an installed model by its id or title, or GGUF files by their paths."""

from __future__ import annotations

from pathlib import Path

from desktop_app import paths
from desktop_app.file_addresses import named_file
from desktop_app.settings import Settings
from model_store.catalogue import load_catalogue
from model_store.errors import StoreError
from model_store.foreign_files import exists
from model_store.gguf_header import read_header
from model_store.library.library import Library


def chosen_files(model: str, projector: str) -> tuple[Path, Path | None]:
    """Return the language model and the projector; the built-in ones if `model` is empty.

    A file of that name goes before an id, an id before a title. What looks like a file and is none of them is returned
    as one, which will be missing. Raises StoreError "not-installed", "not-downloaded" or "title-ambiguous".
    """
    if not model:
        return paths.demo_model()
    mmproj = Path(named_file(projector)) if projector else None
    path = Path(named_file(model))
    if exists(path):
        return path, mmproj
    library = Library(paths.models_folder(Settings.peek(paths.settings_file()).value("models_folder")))
    try:
        installed = library.named(model)
    except StoreError as error:
        if error.code == "title-ambiguous":
            raise
        if model.strip().casefold() == _built_in_title().casefold():
            return paths.demo_model()
        offered = load_catalogue(paths.catalogue_file()).get(model.strip())
        if offered is not None:
            raise StoreError("not-downloaded", title=offered.title, id=offered.id) from error
        if path.name == model and path.suffix.lower() != ".gguf":
            raise  # no file was meant
        return path, mmproj
    library.mark_used(installed.id)
    return installed.model, mmproj or installed.projector


def _built_in_title() -> str:
    return read_header(paths.demo_model()[0]).text("general.name")
