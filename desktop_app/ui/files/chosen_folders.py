"""Where a file dialog begins: where one was last, for each kind of file, also after a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from PySide6.QtCore import QDir, QSettings, QStandardPaths

from desktop_app import paths
from model_store.foreign_files import is_folder

Kind = Literal["pictures", "models", "conversations"]
_Place = QStandardPaths.StandardLocation
_FIRST: dict[Kind, QStandardPaths.StandardLocation] = {
    "pictures": _Place.PicturesLocation,
    "models": _Place.DownloadLocation,
    "conversations": _Place.DocumentsLocation,
}


def folder_for(kind: Kind) -> str:
    """Return the folder where a dialog begins: the last one, else the person's own for that kind, else the home."""
    last = str(_memory().value(_key(kind), ""))
    for folder in (last, QStandardPaths.writableLocation(_FIRST[kind])):
        if folder and is_folder(folder):
            return folder
    return QDir.homePath()


def remember(kind: Kind, chosen: str) -> None:
    """Begin there the next time: `chosen` is a file, or the folder itself."""
    path = Path(chosen)
    _memory().setValue(_key(kind), str(path if is_folder(path) else path.parent))


def _memory() -> QSettings:
    return QSettings(str(paths.window_file()), QSettings.Format.IniFormat)


def _key(kind: Kind) -> str:
    return f"folders/{kind}"
