"""Reads the tensors of llama.cpp in memory (`struct ggml_tensor` of ggml.h). Only ctypes here.

The fields are read at their offsets, which a later llama.cpp may change without notice. So no `Tensor` may be read
before `struct_matches` has compared it with the results of llama.cpp's own functions.
"""

from __future__ import annotations

import ctypes
from typing import Any

_OBJECT = 32  # bytes of `struct ggml_object`, which precedes each tensor of a context
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


class _ContextParameters(ctypes.Structure):
    """`struct ggml_init_params`."""

    _fields_ = (("mem_size", ctypes.c_size_t), ("mem_buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool))


def struct_matches(ggml: Any) -> bool:
    """Return whether the tensors of the loaded llama.cpp have the layout of `Tensor`.

    `ggml` is the library with the functions of ggml (a `ctypes.CDLL`). The size is compared before anything is read.
    Then the fields used here are compared with the results of functions, for tensors made for this purpose.
    """
    try:
        if _function(ggml, "ggml_tensor_overhead", ctypes.c_size_t)() != ctypes.sizeof(Tensor) + _OBJECT:
            return False
        return _fields_match(ggml)
    except AttributeError:  # a function does not exist any more
        return False


def _fields_match(ggml: Any) -> bool:
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    make_context = _function(ggml, "ggml_init", pointer, _ContextParameters)
    free_context = _function(ggml, "ggml_free", None, pointer)
    make_tensor = _function(ggml, "ggml_new_tensor_3d", pointer, pointer, ctypes.c_int, *[ctypes.c_int64] * 3)
    add = _function(ggml, "ggml_add", pointer, pointer, pointer, pointer)
    set_name = _function(ggml, "ggml_set_name", pointer, pointer, ctypes.c_char_p)
    name_of = _function(ggml, "ggml_get_name", pointer, pointer)
    data_of = _function(ggml, "ggml_get_data", pointer, pointer)
    bytes_of = _function(ggml, "ggml_nbytes", size, pointer)
    element_size = _function(ggml, "ggml_element_size", size, pointer)
    buffer_kind = _function(ggml, "ggml_backend_cpu_buffer_type", pointer)
    allocate = _function(ggml, "ggml_backend_alloc_ctx_tensors_from_buft", pointer, pointer, pointer)
    free_buffer = _function(ggml, "ggml_backend_buffer_free", None, pointer)

    context = make_context(_ContextParameters(8 * (ctypes.sizeof(Tensor) + _OBJECT), None, True))
    if not context:
        return False
    buffer = None
    try:
        one, other = (make_tensor(context, _TYPE_I32, 3, 5, 7) for _ in range(2))
        both = add(context, one, other)
        set_name(one, b"probe")
        buffer = allocate(context, buffer_kind())
        tensor, total = Tensor.from_address(one), Tensor.from_address(both)
        return (
            tensor.type == _TYPE_I32
            and list(tensor.ne) == [3, 5, 7, 1]
            and list(tensor.nb) == [4, 12, 60, 420]
            and (tensor.nb[0], tensor.nb[3]) == (element_size(one), bytes_of(one))
            and tensor.name == b"probe"
            and name_of(one) == one + Tensor.name.offset
            and bool(buffer)
            and tensor.buffer == buffer
            and bool(tensor.data)
            and tensor.data == data_of(one)
            and [ctypes.cast(source, pointer).value for source in total.src] == [one, other, *[None] * 8]
        )
    finally:
        if buffer:
            free_buffer(buffer)
        free_context(context)


def _function(ggml: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Return a function of the library. Indexing makes a new object, so setting its types affects nothing else."""
    function = ggml[name]
    function.restype, function.argtypes = result, arguments
    return function


def is_sane(node: Any) -> bool:
    """Return whether the memory at `node` looks like a tensor: a guard against another layout."""
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
