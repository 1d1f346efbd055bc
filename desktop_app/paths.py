"""The folders and files of Eyebright on this computer. None is created before it is needed.

What asks for a folder that cannot be made raises UserError: folder-unusable.

`EYEBRIGHT_HOME` puts everything below one folder, and so does a folder `eyebright-data` beside a program
that was unpacked somewhere: it may lie on a stick, with all that belongs to it.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import platformdirs

from desktop_app.errors import UserError

_APP = "eyebright"
_PRIVATE = 0o700
_PORTABLE = "eyebright-data"


def _home() -> Path | None:
    """Return the one folder for everything, None if each kind goes where the system wants it."""
    home = os.environ.get("EYEBRIGHT_HOME")
    if home:
        return Path(home).expanduser().absolute()
    beside = Path(sys.executable).with_name(_PORTABLE)
    return beside if getattr(sys, "frozen", False) and beside.is_dir() else None


def _base(kind: str) -> Path:
    home = _home()
    if home is not None:
        return home / kind
    folder = {
        "config": platformdirs.user_config_path,
        "data": platformdirs.user_data_path,
        "cache": platformdirs.user_cache_path,
        "log": platformdirs.user_log_path,
    }[kind]
    return folder(_APP, appauthor=False)


def _made(path: Path) -> Path:
    """Make a folder that nobody but the person can look into; one of an earlier version becomes that."""
    try:
        path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        is_open = path.stat().st_mode & 0o077
    except OSError as error:
        raise UserError("folder-unusable", name=str(path)) from error
    if is_open:
        with suppress(OSError):  # a file system without permissions, say on a stick
            path.chmod(_PRIVATE)
    return path


def make_folders() -> None:
    """Make all folders that the window will want."""
    for kind in ("config", "data", "cache", "log"):
        _made(_base(kind))


def settings_file() -> Path:
    """Return the preferences file (TOML); it need not exist."""
    return _made(_base("config")) / "settings.toml"


def window_file() -> Path:
    """Return the file of the window's size and place (INI)."""
    path = settings_file().with_name("window.ini")
    with suppress(OSError):  # then nothing is remembered
        path.touch(mode=0o600)
        path.chmod(0o600)
    return path


def history_file() -> Path:
    """Return the database of conversations (SQLite); it need not exist."""
    return _made(_base("data")) / "conversations.sqlite"


def window_key_file() -> Path:
    """Return the key by which a second start finds the window that is open."""
    return _made(_base("data")) / "window.key"


def attachments_folder() -> Path:
    """Return the folder of original pictures, named by SHA-256."""
    return _made(_made(_base("data")) / "pictures")


def cache_folder() -> Path:
    """Return a folder whose content may be deleted at any time."""
    return _made(_base("cache"))


def log_folder() -> Path:
    """Return the folder of log files. Logs never hold what a person wrote or showed."""
    return _made(_base("log"))


def resources_folder() -> Path:
    """Return the program's own data files, also in a frozen program."""
    frozen = getattr(sys, "_MEIPASS", None)
    if frozen:
        return Path(frozen) / "resources"
    return _resources_beside_us()


def catalogue_file() -> Path:
    """Return the list of the models that are offered."""
    return resources_folder() / "catalogue.toml"


@cache
def _resources_beside_us() -> Path:
    package = Path(__file__).resolve().parent
    installed = package / "resources"  # in a wheel; in a clone they lie beside the package
    return installed if installed.is_dir() else package.parent / "resources"


def models_folder(chosen: str = "") -> Path:
    """Return the folder of installed models, which need not exist: the one the person chose, or our own."""
    return Path(chosen) if chosen else _base("data") / "models"


def demo_model() -> tuple[Path, Path]:
    """Return the built-in model: (language model GGUF, projector GGUF)."""
    folder = resources_folder() / "demo_model"
    return folder / "eyebright-tiny.gguf", folder / "eyebright-tiny-mmproj.gguf"
