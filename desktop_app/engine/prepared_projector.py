"""A copy of a projector that says what llama.cpp has to be told.

LLaVA takes what CLIP's last layer but one gives. The converter left the last layer out of the
file for that, and llama.cpp, when a projector does not say otherwise, leaves out one more: every
picture is seen by 22 layers instead of 23 (ggml-org/llama.cpp#25817). With the key
`clip.vision.feature_layer` all of them run.

LLaVA-1.0's projector is one matrix, and llama.cpp ends the process when the second is missing. The
copy has one that changes nothing; between them stands a GELU, which leaves large numbers alone, so
the first bias lifts everything far up and the second takes it back.

The person's file stays as it is; the copy lies in the cache folder, is written once, and notes
which file it was made of, so that one that does not belong to it any more is noticed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote_to_bytes

import numpy as np

from desktop_app.engine.model_files import FEATURE_LAYER, LastLayer, ModelFiles, Projector
from desktop_app.files import finish, new_file, not_saved, sync_folder
from model_store.gguf_header import (
    ARRAY_OF,
    I32,
    STRING,
    DamagedGGUFError,
    GGUFHeader,
    NotGGUFError,
    TensorInfo,
    read_header,
)

_log = logging.getLogger(__name__)

_FOLDER = "projectors"
_COPY_OF = "eyebright.copy_of"
_ARRAY = 9  # the number of that type of value
_F32 = 0  # the number of that type of tensor
_COUNTS = struct.Struct("<8sQQ")  # magic and version; how many tensors; how many keys
_CHUNK = 1 << 20  # bytes
_ALIGNMENT = 32  # bytes, where a file does not say
_LIFT = 1024.0  # far more than any value that a projector gives, and float32 keeps four digits after it


def with_all_layers(files: ModelFiles, cache: Callable[[], Path]) -> ModelFiles:
    """Return the files with a projector of which all layers run: the same one, or its copy in the cache folder.

    Where no copy can be written (the disk is full, say) the projector stays as it is, and its
    `last_layer` tells. Only a linear one cannot do without: then `UserError` (disk-full, not-saved).
    """
    projector = files.projector
    if projector is None or not (projector.linear or projector.last_layer is LastLayer.MISSING):
        return files
    try:
        path = _copy_of(projector, cache() / _FOLDER)
    except OSError as error:
        if projector.linear:
            raise not_saved(error, projector.chosen.name) from error
        _log.warning("the projector runs one layer too few, as no copy of it can be written: %s", error.strerror)
        return files
    whole = LastLayer.COMPLETE if projector.last_layer is LastLayer.COMPLETE else LastLayer.CORRECTED
    return replace(files, projector=replace(projector, path=path, linear=False, last_layer=whole))


def _copy_of(projector: Projector, folder: Path) -> Path:
    original = projector.path.absolute()
    header = read_header(original)
    status = original.stat()
    # Quoted, since the name of a file need not be UTF-8 and text in a GGUF must be.
    keys: dict[str, str | tuple[int, ...]] = {
        _COPY_OF: f"{status.st_size} {status.st_mtime_ns} {quote(os.fsencode(original))}"
    }
    if projector.last_layer is LastLayer.MISSING:
        keys[FEATURE_LAYER] = (header.integer("clip.vision.block_count") or 0,)
    copy = _Copy(header, keys, projector.width if projector.linear else 0)
    path = folder / f"{hashlib.sha256(os.fsencode(original)).hexdigest()[:32]}.gguf"
    if not copy.is_at(path):
        folder.mkdir(parents=True, exist_ok=True)
        _remove_orphans(folder)
        with original.open("rb") as source, new_file(folder) as (file, incoming):
            copy.write(source, file)
            finish(file)
            incoming.replace(path)
        sync_folder(folder)
    return path


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


class _Copy:
    """What is to be written: all that the original holds, more keys, and for a linear projector a second matrix."""

    def __init__(self, original: GGUFHeader, keys: dict[str, str | tuple[int, ...]], width: int) -> None:
        """`width` is that of a linear projector's output, 0 for others."""
        self._original = original
        self._keys = keys
        self._width = width
        self._alignment = original.integer("general.alignment") or _ALIGNMENT
        weights_end = max(tensor.offset + tensor.size for tensor in original.tensors.values())
        self._data_size = weights_end - self._aligned(original.end)
        self._added: list[TensorInfo] = []
        if width:
            place = self._aligned(self._data_size)
            self._added.append(TensorInfo("mm.2.weight", (width, width), "F32", place, width * width * 4))
            place = self._aligned(place + width * width * 4)
            self._added.append(TensorInfo("mm.2.bias", (width,), "F32", place, width * 4))

    def is_at(self, path: Path) -> bool:
        """Return whether the file is whole and says exactly what it should, type by type."""
        try:
            header = read_header(path)
        except (FileNotFoundError, NotGGUFError, DamagedGGUFError):
            return False
        kinds = {key: STRING if isinstance(value, str) else ARRAY_OF + I32 for key, value in self._keys.items()}
        tensors = [*self._original.tensors.values(), *self._added]
        return (
            header.metadata == {**self._original.metadata, **self._keys}
            and header.kinds == {**self._original.kinds, **kinds}
            and list(map(_described, header.tensors.values())) == list(map(_described, tensors))
        )

    def write(self, source: BinaryIO, file: BinaryIO) -> None:
        """Write it. Tensors are placed relative to the end of the header, so the old ones only move."""
        header = self._original
        start, n_tensors, n_keys = _COUNTS.unpack(source.read(_COUNTS.size))
        file.write(_COUNTS.pack(start, n_tensors + len(self._added), n_keys + len(self._keys)))
        _pass_on(source, file, header.metadata_end - _COUNTS.size)
        file.writelines(_key(name, value) for name, value in self._keys.items())
        _pass_on(source, file, header.end - header.metadata_end)
        for info in self._added:
            layout = f"<I{len(info.shape)}QIQ"
            file.write(_text(info.name) + struct.pack(layout, len(info.shape), *info.shape, _F32, info.offset))
        data = self._pad(file)
        source.seek(self._aligned(header.end))
        _pass_on(source, file, self._data_size)
        if self._width:
            self._pad(file)
            np.eye(self._width, dtype="<f4").tofile(file)
            self._pad(file)
            np.full(self._width, -_LIFT, "<f4").tofile(file)
            bias = header.tensors["mm.0.bias"]
            source.seek(bias.offset)
            lifted = np.frombuffer(source.read(bias.size), "<f4") + np.float32(_LIFT)
            file.seek(data + bias.offset - self._aligned(header.end))
            file.write(lifted.tobytes())

    def _aligned(self, place: int) -> int:
        return place + -place % self._alignment

    def _pad(self, file: BinaryIO) -> int:
        file.write(bytes(-file.tell() % self._alignment))
        return file.tell()


def _described(tensor: TensorInfo) -> tuple[str, tuple[int, ...], str]:
    return tensor.name, tensor.shape, tensor.kind


def _pass_on(source: BinaryIO, file: BinaryIO, count: int) -> None:
    while count > 0:
        chunk = source.read(min(count, _CHUNK))
        if not chunk:  # somebody writes to the original just now
            raise OSError(0, "cut short")
        file.write(chunk)
        count -= len(chunk)


def _key(name: str, value: str | tuple[int, ...]) -> bytes:
    """Return an entry of the metadata as it stands in a GGUF file."""
    if isinstance(value, str):
        return _text(name) + struct.pack("<I", STRING) + _text(value)
    return _text(name) + struct.pack(f"<IIQ{len(value)}i", _ARRAY, I32, len(value), *value)


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw
