"""The whole library to another folder or disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model_store.copying import Report, silent
from model_store.library import Library


@dataclass(frozen=True)
class UnfinishedMove:
    """A move that was cut short."""

    old: Path
    new: Path


def unfinished_move(library: Library) -> UnfinishedMove | None:
    """Return the move of this library (from it, or to it) that was cut short; None when there is none."""
    raise NotImplementedError


def move_library(library: Library, folder: Path, switched: Callable[[Path], None], report: Report = silent) -> Library:
    """Move all models to `folder`, which need not exist, and return the library there.

    Everything is copied (on the same disk: linked) and read back; then `switched(folder)` is called, which must
    save the setting; only then the old place is cleared of what was moved. Cut short at any moment, the
    library that the setting names is whole; calling again goes on where it was.
    Raises StoreError: no-room, move-into-itself, copy-differs, model-folder-unusable; and what `report` raises.
    """
    raise NotImplementedError
