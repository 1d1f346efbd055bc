"""Read what a GGUF file says about itself, and refuse a file that does not hold together.

llama.cpp trusts the files it is given: a wrong number in a projector's header ends the whole
process. So every file is read here first, with bounds on everything that is counted in it.
Source of the layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from model_store.foreign_files import open_file
from model_store.names import one_line

Scalar = str | int | float | bool


@dataclass(frozen=True)
class LongArray:
    """An array too long to be of interest here (a vocabulary): its length is kept, and its <tags>.

    Those are what special tokens look like; `"<|im_end|>" in array` says whether there is one.
    `repeats`: whether a string that is not empty is in it twice.
    """

    length: int
    tags: frozenset[str] = frozenset()
    repeats: bool = False

    def __contains__(self, text: object) -> bool:
        return text in self.tags


Value = Scalar | tuple[Scalar, ...] | LongArray

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MAX_KEYS = 65_536
_MAX_TENSORS = 65_536
_MAX_NAME = 65_535  # bytes of a key or a tensor's name
_MAX_STRING = 1 << 24  # bytes; chat templates are long
_MAX_ARRAY = 1 << 24  # elements; the largest vocabularies have some 300,000 merges
_KEPT_ARRAY = 1024  # elements; longer ones become LongArray
_LONGEST_TAG = 64  # bytes
_MAX_TAGS = 1 << 16
_MAX_DIMENSIONS = 4
U32, I32, F32, BOOL, STRING, ARRAY_OF = 4, 5, 6, 7, 8, 100
_STRING, _ARRAY, _BOOL = STRING, 9, BOOL
_SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<B",
    10: "<Q",
    11: "<q",
    12: "<d",
}

# Tensor type: (name, elements in a block, bytes of a block). As in ggml.h and ggml-common.h.
TENSOR_TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
    42: ("Q2_0", 64, 18),
}


class NotGGUFError(ValueError):
    """The file is something else: it does not begin with the magic of GGUF."""


class DamagedGGUFError(ValueError):
    """The file begins as GGUF but is cut short or contradicts itself."""


@dataclass(frozen=True)
class TensorInfo:
    """A tensor as the header describes it."""

    name: str
    shape: tuple[int, ...]  # as in the file: the fastest dimension first
    kind: str  # name of the type, "F16" for instance
    offset: int  # bytes from the start of the file
    size: int  # bytes


@dataclass(frozen=True)
class GGUFHeader:
    """Everything before the weights."""

    version: int
    metadata: dict[str, Value]
    kinds: dict[str, int]  # number of each value's type as in the file; of arrays: 100 + its elements'
    tensors: dict[str, TensorInfo]
    file_size: int  # bytes
    metadata_end: int  # where the descriptions of the tensors begin, in bytes from the start of the file
    end: int  # where those end; the weights follow, aligned
    places: dict[str, tuple[int, int]]  # where each key begins and its value ends, in bytes from the start of the file

    @property
    def architecture(self) -> str:
        """Return `general.architecture`, "" when there is none."""
        return self.text("general.architecture")

    def text(self, key: str) -> str:
        """Return a name in the metadata as one short line, "" when it is absent or something else.

        It is shown to people and compared; a file from anywhere may put a megabyte of anything there.
        """
        value = self.metadata.get(key)
        return one_line(value) if isinstance(value, str) else ""

    def integer(self, key: str) -> int | None:
        """Return a whole number of the metadata, None when it is absent or something else."""
        value = self.metadata.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def numbers(self, key: str) -> tuple[float, ...]:
        """Return an array of numbers of the metadata, () when it is absent or something else."""
        value = self.metadata.get(key)
        if not isinstance(value, tuple):
            return ()
        return tuple(float(item) for item in value if isinstance(item, (int, float)))


def read_header(path: Path) -> GGUFHeader:
    """Read and check the header of a GGUF file; the weights themselves are not looked at.

    Raises OSError, `NotGGUFError` or `DamagedGGUFError`. A file whose tensors do not all lie
    inside it is damaged: that is how a download that was cut short shows.
    """
    with open_file(path) as file:
        return _Reader(file, os.fstat(file.fileno()).st_size).header()


def read_header_from(file: BinaryIO, size: int) -> GGUFHeader:
    """Read the header of a GGUF file of `size` bytes of which `file` need hold only the beginning.

    Raises as `read_header`; also when the beginning ends before the header does.
    """
    return _Reader(file, size).header()


class _Reader:
    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._left = size

    def header(self) -> GGUFHeader:
        if self._size < len(_MAGIC) or self._bytes(4) != _MAGIC:
            raise NotGGUFError("no GGUF magic")
        version = self._number("<I")
        if version not in _VERSIONS:
            raise DamagedGGUFError(f"GGUF version {version}")
        n_tensors = self._count(_MAX_TENSORS, "tensors")
        n_keys = self._count(_MAX_KEYS, "keys")
        metadata: dict[str, Value] = {}
        kinds: dict[str, int] = {}
        places: dict[str, tuple[int, int]] = {}
        for _ in range(n_keys):
            start = self._size - self._left
            key = self._string(_MAX_NAME)
            if key in metadata:
                raise DamagedGGUFError(f"key {key!r} twice")
            metadata[key], kinds[key] = self._value(int(self._number("<I")))
            places[key] = start, self._size - self._left
        metadata_end = self._size - self._left
        infos = [self._tensor_info() for _ in range(n_tensors)]
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment < 1 or alignment & (alignment - 1):
            raise DamagedGGUFError(f"alignment {alignment!r}")
        position = self._size - self._left
        start = (position + alignment - 1) // alignment * alignment
        tensors: dict[str, TensorInfo] = {}
        for name, shape, type_id, offset in infos:
            if name in tensors:
                raise DamagedGGUFError(f"tensor {name!r} twice")
            tensors[name] = self._placed(name, shape, type_id, offset, start, alignment)
        return GGUFHeader(int(version), metadata, kinds, tensors, self._size, metadata_end, position, places)

    def _placed(
        self, name: str, shape: tuple[int, ...], type_id: int, offset: int, start: int, align: int
    ) -> TensorInfo:
        if type_id not in TENSOR_TYPES:
            raise DamagedGGUFError(f"tensor {name!r} has the unknown type {type_id}")
        kind, block, block_bytes = TENSOR_TYPES[type_id]
        if shape[0] % block:
            raise DamagedGGUFError(f"rows of {name!r} are no multiple of {block}")
        size = math.prod(shape) // block * block_bytes
        if offset % align:
            raise DamagedGGUFError(f"tensor {name!r} is not aligned")
        if start + offset + size > self._size:
            raise DamagedGGUFError(f"tensor {name!r} lies beyond the end of the file")
        return TensorInfo(name, shape, kind, start + offset, size)

    def _tensor_info(self) -> tuple[str, tuple[int, ...], int, int]:
        name = self._string(_MAX_NAME)
        n_dimensions = int(self._number("<I"))
        if not 1 <= n_dimensions <= _MAX_DIMENSIONS:
            raise DamagedGGUFError(f"tensor {name!r} has {n_dimensions} dimensions")
        shape = tuple(int(self._number("<Q")) for _ in range(n_dimensions))
        if min(shape) < 1 or max(shape) > self._size * 32:
            raise DamagedGGUFError(f"tensor {name!r} has the shape {shape}")
        return name, shape, int(self._number("<I")), int(self._number("<Q"))

    def _value(self, kind: int) -> tuple[Value, int]:
        if kind == _STRING:
            return self._string(_MAX_STRING), kind
        if kind == _ARRAY:
            elements = int(self._number("<I"))
            return self._array(elements), ARRAY_OF + elements
        return self._scalar(kind), kind

    def _array(self, kind: int) -> Value:
        length = self._count(_MAX_ARRAY, "elements")
        if kind == _STRING:
            if length <= _KEPT_ARRAY:
                return tuple(self._string(_MAX_STRING) for _ in range(length))
            return self._long_array(length)
        if kind not in _SCALARS:  # arrays of arrays exist on paper only
            raise DamagedGGUFError(f"array of type {kind}")
        if length <= _KEPT_ARRAY:
            return tuple(self._scalar(kind) for _ in range(length))
        self._skip(length * struct.calcsize(_SCALARS[kind]))
        return LongArray(length)

    def _long_array(self, length: int) -> LongArray:
        """Read strings; keep those of the form <...>."""
        tags: set[str] = set()
        seen: set[int] = set()  # hashes, which take a fifth of the strings' memory
        empty = 0
        for _ in range(length):
            raw = self._bytes(self._count(_MAX_STRING, "bytes"))
            empty += not raw
            seen.add(hash(raw))
            if raw[:1] == b"<" and raw[-1:] == b">" and 3 <= len(raw) <= _LONGEST_TAG and len(tags) < _MAX_TAGS:
                tags.add(raw.decode(errors="replace"))
        return LongArray(length, frozenset(tags), len(seen) + max(0, empty - 1) < length)

    def _scalar(self, kind: int) -> Scalar:
        if kind not in _SCALARS:
            raise DamagedGGUFError(f"value of type {kind}")
        number = self._number(_SCALARS[kind])
        if kind != _BOOL:
            return number
        if number not in (0, 1):
            raise DamagedGGUFError(f"truth value {number}")
        return bool(number)

    def _string(self, longest: int) -> str:
        raw = self._bytes(self._count(longest, "bytes"))
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise DamagedGGUFError("text that is not UTF-8") from error

    def _count(self, most: int, what: str) -> int:
        count = int(self._number("<Q"))
        if count > most or count > self._left:
            raise DamagedGGUFError(f"{count} {what}")
        return count

    def _number(self, layout: str) -> int | float:
        (number,) = struct.unpack(layout, self._bytes(struct.calcsize(layout)))
        return number  # type: ignore[no-any-return]

    def _bytes(self, count: int) -> bytes:
        raw = self._file.read(count) if count <= self._left else b""
        if len(raw) != count:
            raise DamagedGGUFError("cut short")
        self._left -= count
        return raw

    def _skip(self, count: int) -> None:
        if count > self._left:
            raise DamagedGGUFError("cut short")
        self._file.seek(count, 1)
        self._left -= count
