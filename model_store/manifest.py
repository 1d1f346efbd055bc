"""The manifest of an installed model: a JSON file beside its files that says what they are.

A folder below the model folder is an installed model when `MANIFEST` is in it. The file is written
last, so a folder without it is none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model_store.atomic_files import write_whole
from model_store.foreign_files import open_file
from model_store.jobs import Role
from model_store.names import is_plain_name, one_line

MANIFEST = "eyebright-model.json"
VERSION = 1
_SHOWN = ("title", "repository", "quantisation", "licence", "program")  # to people; the others are compared, or opened
_LONGEST = 64 << 20  # bytes: room for the hashes of a large model's beginnings


@dataclass(frozen=True)
class InstalledFile:
    """A file of an installed model."""

    role: Role
    name: str  # in the folder of the manifest; an absolute path when it is used in place
    size: int  # bytes
    sha256: str  # what it must be; 64 hex digits, "" while nobody has computed it
    verified: bool = True  # the hash is the publisher's too, not only our own of what arrived
    # SHA-256 of everything up to each multiple of `STEP` (downloads/part_file.py), so that damage can be mended
    prefixes: tuple[str, ...] = ()
    path: str = ""  # in the repository, where it came from one


@dataclass(frozen=True)
class Manifest:
    """An installed model."""

    model_id: str
    title: str
    files: tuple[InstalledFile, ...]  # those of a split model in order
    repository: str = ""
    revision: str = ""  # the commit that was fetched
    quantisation: str = ""
    licence: str = ""
    family: str = ""
    licence_url: str = ""
    licence_text: str = ""  # the terms themselves, where they came with the files
    program: str = ""  # the one with which the files were found: "Ollama"

    @property
    def in_place(self) -> bool:
        """Whether the files lie elsewhere: there they stay when the model is removed."""
        return any(Path(one.name).is_absolute() for one in self.files)

    def file(self, role: Role) -> InstalledFile | None:
        """Return the model, of a split one the first file, or the projector."""
        return next((one for one in self.files if one.role == role), None)

    def write(self, folder: Path) -> None:
        """Write it into `folder`, whole or not at all. Raises OSError."""
        text = json.dumps({"version": VERSION, **asdict(self)}, indent=1)
        write_whole(folder / MANIFEST, text.encode(), private=False)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read it from `folder`. Raises OSError, or ValueError when it does not hold together."""
        with open_file(folder / MANIFEST) as file:
            text = file.read(_LONGEST + 1)
        try:
            raw = json.loads(text) if len(text) <= _LONGEST else None
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        if not isinstance(raw, dict) or raw.get("version") != VERSION:
            raise ValueError("not a manifest of this version")
        try:
            files = tuple(_installed_file(one) for one in raw["files"])
            texts = {name: _text(raw, name) for name in cls.__annotations__ if name != "files" and name in raw}
            shown = {name: one_line(text) for name, text in texts.items() if name in _SHOWN}
            manifest = cls(files=files, **{**texts, **shown})
        except (KeyError, TypeError) as error:
            raise ValueError("incomplete manifest") from error
        if manifest.file(Role.MODEL) is None:
            raise ValueError("no language model")
        return manifest


def _installed_file(raw: Mapping[str, Any]) -> InstalledFile:
    name = _text(raw, "name")
    # A manifest may come from a USB stick: a name is one in its folder, or plainly a place of this computer.
    if not is_plain_name(name) and (not Path(name).is_absolute() or "\0" in name):
        raise ValueError(f"{name!r} is no file name")
    return InstalledFile(
        role=Role(raw["role"]),
        name=name,
        size=int(raw["size"]),
        sha256=_text(raw, "sha256"),
        verified=bool(raw["verified"]),
        prefixes=tuple(str(one) for one in raw["prefixes"]),
        path=_text(raw, "path"),
    )


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw[name]
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value
