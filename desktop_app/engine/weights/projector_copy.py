"""A copy of a projector that says what llama.cpp has to be told.

LLaVA takes what CLIP's last layer but one gives. The converter left the last layer out of the
file for that, and llama.cpp, when a projector does not say otherwise, leaves out one more: every
picture is seen by 22 layers instead of 23 (ggml-org/llama.cpp#25817). With the key
`clip.vision.feature_layer` all of them run.

LLaVA-1.0's projector is one matrix, and llama.cpp ends the process when the second is missing. The
copy has one that changes nothing; between them stands a GELU, which leaves large numbers alone, so
the first bias lifts everything far up and the second takes it back.

Where memory is short the copy holds the large matrices in q8_0: see `projector_quantisation.py`.

The person's file stays as it is; the copy lies in the cache folder, is written once, and notes
which file it was made of, so that one that does not belong to it any more is noticed.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

import numpy as np

from desktop_app.atomic_files import finish, new_file, not_saved, sync_folder
from desktop_app.engine.weights.gguf_writer import GGUFCopy, Key, NewTensor, Values
from desktop_app.engine.weights.model_files import ModelFiles
from desktop_app.engine.weights.projector_header import FEATURE_LAYER, LastLayer, Projector
from desktop_app.engine.weights.projector_quantisation import quantised
from model_store.gguf_header import read_header

_log = logging.getLogger(__name__)

_FOLDER = "projectors"
_COPY_OF = "eyebright.copy_of"
_LIFT = 1024.0  # far more than any value that a projector gives, and float32 keeps four digits after it


def prepared(files: ModelFiles, cache: Callable[[], Path], *, small: bool = False) -> ModelFiles:
    """Return the files with a projector that sees as it was trained: the same one, or its copy in the cache folder.

    `small`: a copy with the large matrices in q8_0 is wished. Where no copy can be written (the disk
    is full, say) the projector stays as it is, and its `last_layer` and `small` tell. Only a linear
    one cannot do without: then `UserError` (disk-full, not-saved).
    """
    projector = files.projector
    small = small and projector is not None and bool(quantised(projector.header))
    if projector is None or not (small or projector.linear or projector.last_layer is LastLayer.MISSING):
        return files
    try:
        path = _copy_of(projector, cache() / _FOLDER, small)
    except OSError as error:
        if projector.linear:
            raise not_saved(error, projector.chosen.name) from error
        _log.warning("the projector is used as it is, since no copy can be written: %s", error.strerror)
        return files
    whole = LastLayer.COMPLETE if projector.last_layer is LastLayer.COMPLETE else LastLayer.CORRECTED
    return replace(files, projector=replace(projector, path=path, linear=False, last_layer=whole, small=small))


def _copy_of(projector: Projector, folder: Path, small: bool) -> Path:
    original = projector.path.absolute()
    header = read_header(original)
    status = original.stat()
    # Quoted, since the name of a file need not be UTF-8 and text in a GGUF must be.
    keys: dict[str, Key] = {_COPY_OF: f"{status.st_size} {status.st_mtime_ns} {quote(os.fsencode(original))}"}
    if projector.last_layer is LastLayer.MISSING:
        keys[FEATURE_LAYER] = (header.integer("clip.vision.block_count") or 0,)
    new = _second_matrix(projector.width) if projector.linear else {}
    copy = GGUFCopy(header, keys, quantised(header) if small else frozenset(), new)
    path = folder / f"{hashlib.sha256(os.fsencode(original)).hexdigest()[:32]}{'-q8_0' * small}.gguf"
    if not copy.is_at(path):
        folder.mkdir(parents=True, exist_ok=True)
        _remove_orphans(folder)
        with original.open("rb") as source, new_file(folder) as (file, incoming):
            copy.write(source, file)
            finish(file)
            incoming.replace(path)
        sync_folder(folder)
    return path


def _second_matrix(width: int) -> dict[str, NewTensor]:
    """Return what makes a linear projector one of two matrices."""

    def lifted(bias: Values | None) -> Values:
        return (bias if bias is not None else np.zeros(width, np.float32)) + np.float32(_LIFT)

    return {
        "mm.0.bias": NewTensor((width,), lifted),
        "mm.2.weight": NewTensor((width, width), lambda _: np.eye(width, dtype=np.float32)),
        "mm.2.bias": NewTensor((width,), lambda _: np.full(width, -_LIFT, np.float32)),
    }


def _remove_orphans(folder: Path) -> None:
    """Remove copies of files that are gone: each is as large as a projector."""
    for path in folder.glob("*.gguf"):
        try:
            _, _, original = read_header(path).text(_COPY_OF).split(" ", 2)
        except ValueError:  # damaged, or none of ours
            path.unlink()
            continue
        if not Path(os.fsdecode(unquote_to_bytes(original))).exists():
            path.unlink()
