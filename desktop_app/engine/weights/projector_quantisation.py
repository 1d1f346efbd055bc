"""Chooses which matrices of a projector a small copy has in q8_0: half the memory, nearly the same embeddings."""

from __future__ import annotations

from math import prod

from desktop_app.engine.weights.projector_header import parts_that_hear
from model_store.gguf_header import GGUFHeader, TensorInfo

_BLOCK, _BYTES = 32, 34  # of q8_0: values per block, and bytes per block
_LARGE_TYPES = frozenset({"F32", "F16", "BF16"})
_ATTENTION = ("attn_q", "attn_k", "attn_v", "attn_qkv", "attn_out")
_MATRICES = tuple(f"{name}.weight" for name in (*_ATTENTION, "ffn_gate", "ffn_up", "ffn_down", "mm.0", "mm.2"))


def matrices_to_quantise(projector: GGUFHeader) -> frozenset[str]:
    """Return the names of the matrices that become q8_0: those used only for multiplication, in rows of whole blocks.

    There are none if that saves little, for example if the projector is already quantised.
    """
    loaded = _loaded(projector)
    matrices = [tensor for tensor in loaded if _fits(tensor)]
    saved = sum(tensor.size - _size(tensor) for tensor in matrices)
    whole = sum(tensor.size for tensor in loaded)
    return frozenset(tensor.name for tensor in matrices) if saved > whole // 8 else frozenset()


def loaded_size(projector: GGUFHeader, *, small: bool) -> int:
    """Return the bytes of all loaded tensors, of the file or of its `small` copy."""
    names = matrices_to_quantise(projector) if small else frozenset()
    size = sum(_size(tensor) if tensor.name in names else tensor.size for tensor in _loaded(projector))
    first = projector.tensors.get("mm.0.weight")
    if first is None or "mm.2.weight" in projector.tensors:
        return size
    width = first.shape[-1]
    return size + (width + 1) * width * 4  # the second matrix that a linear projector gets, and its bias: F32


def _loaded(projector: GGUFHeader) -> list[TensorInfo]:
    """Return the tensors that are loaded: not those that encode sounds."""
    heard = parts_that_hear(projector)
    return [tensor for tensor in projector.tensors.values() if tensor.name not in heard]


def _fits(tensor: TensorInfo) -> bool:
    matrix = tensor.name.endswith(_MATRICES) and len(tensor.shape) == 2
    return matrix and tensor.kind in _LARGE_TYPES and tensor.shape[0] % _BLOCK == 0


def _size(tensor: TensorInfo) -> int:
    return prod(tensor.shape) // _BLOCK * _BYTES
