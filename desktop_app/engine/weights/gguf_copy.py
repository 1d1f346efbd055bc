"""Writes a modified copy of a GGUF file: with other keys, and some tensors quantised, replaced, added or left out."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from model_store.gguf_header import (
    ARRAY_OF,
    BOOL,
    I32,
    STRING,
    TENSOR_TYPES,
    DamagedGGUFError,
    GGUFHeader,
    NotGGUFError,
    TensorInfo,
    read_header,
)

Values = npt.NDArray[np.float32]
Key = bool | str | tuple[int, ...]  # the last is an array of i32

Q8_0_BLOCK = 32  # values that share a scale
_Q8_0 = np.dtype([("factor", "<f2"), ("values", "i1", Q8_0_BLOCK)])
_ARRAY = 9  # the type number of arrays in GGUF
_COUNTS = struct.Struct("<8sQQ")  # magic and version; how many tensors; how many keys
_CHUNK = 1 << 20  # bytes to copy, or values to convert, at a time
_ALIGNMENT = 32  # bytes, if the file does not say
_KINDS = {name: (number, block, size) for number, (name, block, size) in TENSOR_TYPES.items()}


@dataclass(frozen=True)
class NewTensor:
    """A float32 tensor for the copy, in place of one with the same name if there is one."""

    shape: tuple[int, ...]  # the fastest dimension first
    values: Callable[[Values | None], Values]  # the values of the replaced tensor, or None -> new values


class GGUFCopy:
    """A modified copy of a GGUF file, to be written."""

    def __init__(
        self,
        original: GGUFHeader,
        keys: Mapping[str, Key],
        quantised: frozenset[str] = frozenset(),
        new: Mapping[str, NewTensor] | None = None,
        without: frozenset[str] = frozenset(),
    ) -> None:
        """`keys`: in addition to the original's, or in place of them; `without`: names of tensors that are left out.

        `quantised`: names of F32, F16 or BF16 tensors, in rows of whole blocks, that become Q8_0; `new`: by name.
        """
        self._original = original
        self._keys = dict(keys)
        self._new = dict(new or {})
        self._without = without
        self._alignment = original.integer("general.alignment") or _ALIGNMENT
        self._tensors = list(self._with_offsets(quantised))

    def _with_offsets(self, quantised: frozenset[str]) -> Iterator[TensorInfo]:
        """Yield the tensors of the copy, with offsets from the beginning of the data."""
        wanted = [
            replace(tensor, kind="Q8_0") if tensor.name in quantised else tensor
            for tensor in self._original.tensors.values()
            if tensor.name not in self._new and tensor.name not in self._without
        ]
        wanted += [TensorInfo(name, tensor.shape, "F32", 0, 0) for name, tensor in self._new.items()]
        offset = 0
        for tensor in wanted:
            _, block, size = _KINDS[tensor.kind]
            info = replace(tensor, offset=offset, size=math.prod(tensor.shape) // block * size)
            offset = self._aligned(offset + info.size)
            yield info

    def is_at(self, path: Path) -> bool:
        """Return whether the file at `path` is complete and has exactly the keys and tensors of this copy."""
        try:
            header = read_header(path)
        except (FileNotFoundError, NotGGUFError, DamagedGGUFError):
            return False
        kinds = {key: _kind(value) for key, value in self._keys.items()}
        return (
            header.metadata == {**self._original.metadata, **self._keys}
            and header.kinds == {**self._original.kinds, **kinds}
            and list(map(_described, header.tensors.values())) == list(map(_described, self._tensors))
        )

    def write(self, source: BinaryIO, file: BinaryIO) -> None:
        """Write the copy to the empty `file`; `source` is the original. Raises OSError, also if that is cut short."""
        header = self._original
        start, _, n_keys = _COUNTS.unpack(source.read(_COUNTS.size))
        replaced = sorted(header.places[name] for name in self._keys if name in header.places)
        file.write(_COUNTS.pack(start, len(self._tensors), n_keys + len(self._keys) - len(replaced)))
        for first, last in pairwise([_COUNTS.size, *chain(*replaced), header.metadata_end]):
            source.seek(first)
            if (first, last) not in replaced:
                _copy_bytes(source, file, last - first)
        file.writelines(_key(name, value) for name, value in self._keys.items())
        for info in self._tensors:
            layout = f"<I{len(info.shape)}QIQ"
            described = struct.pack(layout, len(info.shape), *info.shape, _KINDS[info.kind][0], info.offset)
            file.write(_text(info.name) + described)
        for info in self._tensors:
            file.write(bytes(-file.tell() % self._alignment))
            self._write_tensor(source, file, info)

    def _write_tensor(self, source: BinaryIO, file: BinaryIO, info: TensorInfo) -> None:
        old = self._original.tensors.get(info.name)
        if info.name in self._new:
            whole = np.concatenate(list(_values(source, old))) if old is not None else None
            file.write(self._new[info.name].values(whole).astype("<f4").tobytes())
        elif old is not None and old.kind != info.kind:
            file.writelines(q8_0(part) for part in _values(source, old))
        elif old is not None:
            source.seek(old.offset)
            _copy_bytes(source, file, old.size)

    def _aligned(self, offset: int) -> int:
        return offset + -offset % self._alignment


def q8_0(values: Values) -> bytes:
    """Return values quantised to Q8_0, rounded as in ggml: blocks of 32 integers from -127 to 127 and an f16 scale."""
    rows = values.reshape(-1, Q8_0_BLOCK)
    factors = np.abs(rows).max(1, keepdims=True) / np.float32(127)
    with np.errstate(divide="ignore"):
        inverse = np.where(factors > 0, 1 / factors, 0).astype(np.float32)
    blocks = np.empty(len(rows), _Q8_0)
    blocks["factor"] = factors[:, 0]
    blocks["values"] = np.rint(rows * inverse)
    return blocks.tobytes()


def _values(source: BinaryIO, tensor: TensorInfo) -> Iterator[Values]:
    """Yield the values of an F32, F16 or BF16 tensor in chunks."""
    _, _, size = _KINDS[tensor.kind]
    for start in range(0, tensor.size, _CHUNK * size):
        source.seek(tensor.offset + start)
        raw = _read(source, min(_CHUNK * size, tensor.size - start))
        if tensor.kind == "BF16":  # the upper half of an F32
            yield (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            yield np.frombuffer(raw, f"<f{size}").astype(np.float32)


def _described(tensor: TensorInfo) -> tuple[str, tuple[int, ...], str]:
    return tensor.name, tensor.shape, tensor.kind


def _copy_bytes(source: BinaryIO, file: BinaryIO, count: int) -> None:
    while count > 0:
        file.write(_read(source, min(count, _CHUNK)))
        count -= _CHUNK


def _read(source: BinaryIO, count: int) -> bytes:
    raw = source.read(count)
    if len(raw) < count:  # the original was changed meanwhile
        raise OSError(0, "cut short")
    return raw


def _key(name: str, value: Key) -> bytes:
    """Return the bytes of a metadata entry in a GGUF file."""
    if isinstance(value, bool):
        return _text(name) + struct.pack("<I?", BOOL, value)
    if isinstance(value, str):
        return _text(name) + struct.pack("<I", STRING) + _text(value)
    return _text(name) + struct.pack(f"<IIQ{len(value)}i", _ARRAY, I32, len(value), *value)


def _kind(value: Key) -> int:
    """Return the number of a value's type in GGUF, as `GGUFHeader.kinds` has it."""
    if isinstance(value, tuple):
        return ARRAY_OF + I32
    return BOOL if isinstance(value, bool) else STRING


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw
