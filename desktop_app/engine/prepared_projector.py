"""A copy of a projector that says what llama.cpp has to be told (ggml-org/llama.cpp#25817).

LLaVA takes what CLIP's last layer but one gives. The converter left the last layer out of the
file for that, and llama.cpp, when a projector does not say otherwise, leaves out one more: every
picture is seen by 22 layers instead of 23. With `clip.vision.feature_layer` in its metadata all
of them run. The person's file stays as it is; the copy lies in the cache folder, is written once,
and notes which file it was made of, so that one that does not belong to it any more is noticed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote_to_bytes

from desktop_app.engine.model_files import FEATURE_LAYER, LastLayer, ModelFiles
from desktop_app.files import finish, new_file, sync_folder
from model_store.gguf_header import (
    ARRAY_OF,
    I32,
    STRING,
    DamagedGGUFError,
    GGUFHeader,
    NotGGUFError,
    read_header,
)

_log = logging.getLogger(__name__)

_FOLDER = "projectors"
_COPY_OF = "eyebright.copy_of"
_ARRAY = 9  # the number of that type of value
_COUNTS = struct.Struct("<8sQQ")  # magic and version; how many tensors; how many keys
_CHUNK = 1 << 20  # bytes
_ALIGNMENT = 32  # bytes, where a file does not say


def with_all_layers(files: ModelFiles, cache: Callable[[], Path]) -> ModelFiles:
    """Return the files with a projector of which all layers run: the same one, or its copy in the cache folder.

    Where no copy can be written (the disk is full, say) the projector stays as it is, and its
    `last_layer` tells.
    """
    projector = files.projector
    if projector is None or projector.last_layer is not LastLayer.MISSING:
        return files
    try:
        path = _copy_of(projector.path, cache() / _FOLDER)
    except OSError as error:
        _log.warning("the projector runs one layer too few, as no copy of it can be written: %s", error.strerror)
        return files
    return replace(files, projector=replace(projector, path=path, last_layer=LastLayer.CORRECTED))


def _copy_of(original: Path, folder: Path) -> Path:
    original = original.absolute()
    header = read_header(original)
    status = original.stat()
    layers = (header.integer("clip.vision.block_count") or 0,)
    # Quoted, since the name of a file need not be UTF-8 and text in a GGUF must be.
    copy_of = f"{status.st_size} {status.st_mtime_ns} {quote(os.fsencode(original))}"
    wanted = replace(
        header,
        metadata={**header.metadata, FEATURE_LAYER: layers, _COPY_OF: copy_of},
        kinds={**header.kinds, FEATURE_LAYER: ARRAY_OF + I32, _COPY_OF: STRING},
    )
    path = folder / f"{hashlib.sha256(os.fsencode(original)).hexdigest()[:32]}.gguf"
    if not _is(path, wanted):
        folder.mkdir(parents=True, exist_ok=True)
        _remove_orphans(folder)
        _write(original, header, _numbers_key(FEATURE_LAYER, layers) + _text_key(_COPY_OF, copy_of), path)
    return path


def _is(path: Path, wanted: GGUFHeader) -> bool:
    """Return whether the file is whole and says exactly what it should, type by type."""
    try:
        header = read_header(path)
    except (FileNotFoundError, NotGGUFError, DamagedGGUFError):
        return False
    return (header.metadata, header.kinds, _shapes(header)) == (wanted.metadata, wanted.kinds, _shapes(wanted))


def _shapes(header: GGUFHeader) -> list[tuple[str, tuple[int, ...], str]]:
    return [(tensor.name, tensor.shape, tensor.kind) for tensor in header.tensors.values()]


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


def _write(original: Path, header: GGUFHeader, keys: bytes, path: Path) -> None:
    """Write a copy with two more keys. Tensors are placed relative to the end of the header, so they only move."""
    alignment = header.integer("general.alignment") or _ALIGNMENT
    with original.open("rb") as source, new_file(path.parent) as (file, incoming):
        start, n_tensors, n_keys = _COUNTS.unpack(source.read(_COUNTS.size))
        file.write(_COUNTS.pack(start, n_tensors, n_keys + 2))
        _pass_on(source, file, header.metadata_end - _COUNTS.size)
        file.write(keys)
        _pass_on(source, file, header.end - header.metadata_end)
        file.write(bytes(-file.tell() % alignment))
        source.seek(-header.end % alignment, 1)
        shutil.copyfileobj(source, file, _CHUNK)
        finish(file)
        incoming.replace(path)
    sync_folder(path.parent)


def _pass_on(source: BinaryIO, file: BinaryIO, count: int) -> None:
    while count > 0:
        chunk = source.read(min(count, _CHUNK))
        if not chunk:  # somebody writes to the original just now
            raise OSError(0, "cut short")
        file.write(chunk)
        count -= len(chunk)


def _numbers_key(name: str, numbers: tuple[int, ...]) -> bytes:
    return _text(name) + struct.pack(f"<IIQ{len(numbers)}i", _ARRAY, I32, len(numbers), *numbers)


def _text_key(name: str, text: str) -> bytes:
    return _text(name) + struct.pack("<I", STRING) + _text(text)


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw
