"""Taking files that are already here into the library: copied, or used where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model_store.copying import Report, silent
from model_store.errors import StoreError
from model_store.installed import InstalledModel
from model_store.library import Library


@dataclass(frozen=True)
class ImportPlan:
    """What would be installed: one language model with, maybe, its projector. Nothing was read but headers."""

    title: str
    model: Path
    projector: Path | None
    size: int  # bytes
    sees: bool  # whether pictures can be shown to it
    installed: bool  # whether it came with a manifest of ours, hashes included
    quantisation: str = ""
    licence: str = ""


@dataclass(frozen=True)
class ImportPlans:
    """What files and folders hold: what can be installed, and why the rest cannot."""

    plans: tuple[ImportPlan, ...]
    refused: tuple[StoreError, ...]  # one for each file that is left over; its parameter `name` says which


def plan_import(paths: Sequence[Path]) -> ImportPlans:
    """Look at GGUF files, folders of them, and folders that `export` made, and pair models with projectors.

    Reads headers only. Folders are looked into 3 levels deep. Raises nothing: what cannot be read is refused.
    """
    raise NotImplementedError


def import_model(library: Library, plan: ImportPlan, in_place: bool = False, report: Report = silent) -> InstalledModel:
    """Install what was planned: copied into the library, or used where it lies. Hashes are computed meanwhile.

    What is installed already is returned as it is, and nothing is copied. A copy that was cut short (also by
    kill -9) goes on where it was when the same files are imported again.
    Raises StoreError: no-room, copy-differs, model-folder-unusable, file-unreadable; and what `report` raises.
    """
    raise NotImplementedError


def import_files(
    library: Library, paths: Sequence[Path], in_place: bool = False, report: Report = silent
) -> list[InstalledModel]:
    """Install all that the files and folders hold. Raises the first reason why something cannot be installed,
    before anything is copied.
    """
    raise NotImplementedError
