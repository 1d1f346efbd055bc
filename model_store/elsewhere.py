"""Weights that other programs have fetched, to be used where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model_store.copying import Report, silent
from model_store.installed import InstalledModel
from model_store.library import Library


@dataclass(frozen=True)
class Found:
    """A model of another program. Its headers were read and belong together."""

    program: str  # "Hugging Face", "Ollama", "LM Studio", "Jan", "GPT4All", "llamafile"
    title: str
    model: Path  # the GGUF; of a llamafile the file itself
    projector: Path | None
    size: int  # bytes of model and projector
    sees: bool  # whether pictures can be shown to it
    model_sha256: str = ""  # as the other program says
    projector_sha256: str = ""
    repository: str = ""
    quantisation: str = ""
    licence: str = ""
    extract: bool = False  # a llamafile: the GGUFs must be copied out of it (`size` bytes) before they can be used


def find_elsewhere(
    home: Path | None = None, environment: Mapping[str, str] | None = None, folders: Sequence[Path] = ()
) -> list[Found]:
    """Look where other programs keep weights, for those who asked for it; `folders` are searched for llamafiles.

    Reads headers only and writes nothing. What cannot be read or does not belong together is left out.
    """
    raise NotImplementedError


def use_found(library: Library, found: Found, report: Report = silent) -> InstalledModel:
    """Install what was found: read to the end, compared with the hash that the other program knows, used in place.

    A llamafile's GGUFs are copied out of it.
    Raises StoreError: found-damaged, no-room, model-folder-unusable; and what `report` raises.
    """
    raise NotImplementedError
