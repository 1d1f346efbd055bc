"""What llama.cpp computes with, as it lies in memory: `struct ggml_tensor` of ggml.h. Only ctypes here."""

from __future__ import annotations

import ctypes
from typing import Any

LONGEST = 1 << 20  # entries of a list of numbers; CLIP has 577
_TYPE_I32 = 26
_TYPES = 64  # no tensor type has a number this high


class Tensor(ctypes.Structure):
    """`struct ggml_tensor`."""


Tensor._fields_ = [
    ("type", ctypes.c_int),
    ("buffer", ctypes.c_void_p),
    ("ne", ctypes.c_int64 * 4),
    ("nb", ctypes.c_size_t * 4),
    ("op", ctypes.c_int),
    ("op_params", ctypes.c_int32 * 16),
    ("flags", ctypes.c_int32),
    ("src", ctypes.POINTER(Tensor) * 10),
    ("view_src", ctypes.c_void_p),
    ("view_offs", ctypes.c_size_t),
    ("data", ctypes.c_void_p),
    ("name", ctypes.c_char * 64),
    ("extra", ctypes.c_void_p),
    ("padding", ctypes.c_char * 8),
]


def is_sane(node: Any) -> bool:
    """Return whether the memory reads as a tensor: a guard against another layout."""
    return (
        0 <= node.type < _TYPES
        and all(1 <= extent < 1 << 40 for extent in node.ne)
        and node.nb[0] > 0
        and all(32 <= letter < 127 for letter in node.name)
    )


def integers(tensor: Any) -> Any:
    """Return a view of a one-dimensional tensor of 32-bit integers in memory, None if it is not one."""
    count = tensor.ne[0]
    if (
        not is_sane(tensor)
        or tensor.type != _TYPE_I32
        or not tensor.data
        or not 1 <= count <= LONGEST
        or tensor.ne[1] != 1
        or tensor.nb[0] != ctypes.sizeof(ctypes.c_int32)
    ):
        return None
    return (ctypes.c_int32 * count).from_address(tensor.data)
