"""Writes corrected copies of projectors that llama.cpp would run wrongly, or that are too large for memory.

LLaVA uses the output of CLIP's last layer but one, so the converter left the last layer out of the file. Unless a
projector says otherwise, llama.cpp skips one more layer: every picture is encoded with 22 layers instead of 23
(ggml-org/llama.cpp#25817). With the key `clip.vision.feature_layer` all of them run.

The projector of LLaVA-1.0 is one matrix, and llama.cpp ends the process if the second is missing. The copy has a second
matrix that changes nothing. Between the two is a GELU, which does not change large numbers, so the first bias adds a
large number and the second subtracts it.

Gemma 4 has GELU in its layers. Converted files do not say so, and llama.cpp takes CLIP's quick GELU, which is another
function. The copy says it.

Where a projector can encode sounds too, the copy is without that: it would be loaded and take memory for nothing.

If memory is short, the copy has its large matrices in q8_0: see `projector_quantisation.py`.

The original file is not changed. The copy is written once, to the cache folder. It says which file it was made from, so
that an outdated copy is noticed.
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
from desktop_app.engine.weights.gguf_copy import GGUFCopy, Key, NewTensor, Values
from desktop_app.engine.weights.model_files import ModelFiles
from desktop_app.engine.weights.projector_header import (
    FEATURE_LAYER,
    HEARING,
    USE_GELU,
    Activation,
    LastLayer,
    Projector,
    parts_that_hear,
)
from desktop_app.engine.weights.projector_quantisation import matrices_to_quantise
from model_store.foreign_files import exists
from model_store.gguf_header import read_header

_log = logging.getLogger(__name__)

_FOLDER = "projectors"
_COPY_OF = "eyebright.copy_of"
_OFFSET = 1024.0  # far larger than any output of a projector; float32 keeps four more digits


def prepare_projector(files: ModelFiles, cache: Callable[[], Path], *, small: bool = False) -> ModelFiles:
    """Return the files with a projector that llama.cpp runs correctly: the same one, or a copy in the cache folder.

    `small`: use a copy with the large matrices in q8_0. If no copy can be written (the disk is full, for example), the
    projector stays as it is, which its `last_layer`, `activation` and `small` show. Only one that is linear, or that
    hears, cannot be used without a copy: then `UserError` (disk-full, not-saved).
    """
    projector = files.projector
    small = small and projector is not None and bool(matrices_to_quantise(projector.header))
    if projector is None or not (small or _needs_copy(projector)):
        return files
    try:
        path = _copy_of(projector, cache() / _FOLDER, small)
    except OSError as error:
        if projector.linear or projector.hears:
            raise not_saved(error, projector.chosen.name) from error
        _log.warning("the projector is used as it is, since no copy can be written: %s", error.strerror)
        return files
    corrected = replace(projector, path=path, linear=False, hears=False, small=small)
    if projector.last_layer is LastLayer.MISSING:
        corrected = replace(corrected, last_layer=LastLayer.CORRECTED)
    if projector.activation is Activation.UNSTATED:
        corrected = replace(corrected, activation=Activation.CORRECTED)
    return replace(files, projector=corrected)


def _needs_copy(projector: Projector) -> bool:
    is_wrong = projector.last_layer is LastLayer.MISSING or projector.activation is Activation.UNSTATED
    return is_wrong or projector.linear or projector.hears


def _copy_of(projector: Projector, folder: Path, small: bool) -> Path:
    original = projector.path.absolute()
    header = read_header(original)
    status = original.stat()
    # Quoted, since the name of a file need not be UTF-8 and text in a GGUF must be.
    keys: dict[str, Key] = {_COPY_OF: f"{status.st_size} {status.st_mtime_ns} {quote(os.fsencode(original))}"}
    if projector.last_layer is LastLayer.MISSING:
        keys[FEATURE_LAYER] = (header.integer("clip.vision.block_count") or 0,)
    if projector.activation is Activation.UNSTATED:
        keys[USE_GELU] = True
    if projector.hears:
        keys |= {key: False for key in HEARING if key in header.metadata}
    new = _second_matrix(projector.width) if projector.linear else {}
    without = parts_that_hear(header) if projector.hears else frozenset()
    copy = GGUFCopy(header, keys, matrices_to_quantise(header) if small else frozenset(), new, without)
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
    """Return the tensors that turn a linear projector into one with two matrices."""

    def with_offset(bias: Values | None) -> Values:
        return (bias if bias is not None else np.zeros(width, np.float32)) + np.float32(_OFFSET)

    return {
        "mm.0.bias": NewTensor((width,), with_offset),
        "mm.2.weight": NewTensor((width, width), lambda _: np.eye(width, dtype=np.float32)),
        "mm.2.bias": NewTensor((width,), lambda _: np.full(width, -_OFFSET, np.float32)),
    }


def _remove_orphans(folder: Path) -> None:
    """Delete copies of files that no longer exist: each is as large as a projector."""
    for path in folder.glob("*.gguf"):
        try:
            _, _, original = read_header(path).text(_COPY_OF).split(" ", 2)
        except ValueError:  # damaged, or not a copy
            path.unlink()
            continue
        if not exists(os.fsdecode(unquote_to_bytes(original))):
            path.unlink()
