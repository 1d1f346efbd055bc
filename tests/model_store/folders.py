"""Model files for tests of the library: small ones with random weights, and the built-in model."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from desktop_app import paths
from model_store.library.copying import Cancelled, Progress
from model_store.library.library import Library
from tests.random_models.llava import Sizes, write_language_model, write_projector

TINY = Sizes(width=32, layers=1, feed_forward=32, vision_layers=1)


def write_pair(folder: Path, name: str = "llava-tiny", sizes: Sizes = TINY) -> tuple[Path, Path]:
    """Write a language model and its projector into a new folder; each name gets weights of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = replace(sizes, seed=zlib.crc32(name.encode()))
    model = write_language_model(folder / f"{name}-F16.gguf", sizes)
    return model, write_projector(folder / f"{name}-mmproj-f16.gguf", sizes)


def copy_built_in(folder: Path) -> tuple[Path, Path]:
    """Copy the built-in model into a new folder."""
    folder.mkdir(parents=True, exist_ok=True)
    model, projector = paths.demo_model()
    return Path(shutil.copy(model, folder)), Path(shutil.copy(projector, folder))


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cancel_after(share: float) -> Callable[[Progress], None]:
    """A report that gives up once this share of the work is done."""

    def report(progress: Progress) -> None:
        if progress.done >= share * progress.total:
            raise Cancelled

    return report


def ids(library: Library) -> list[str]:
    return sorted(model.id for model in library.models())
