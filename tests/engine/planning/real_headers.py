"""Headers of the small vision models of 2026 with their real shapes, written by the makers of the random models.

The weights are holes in the files: laid out as Q4_K_M in decoders, f16 in projectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gguf
import numpy as np
import numpy.typing as npt
from gguf_writing import Tower, takes_q6_k

from tests.random_models import gemma4, lfm2, lfm2_vl, minicpm_v46, qwen3_vl, qwen35
from tests.random_models.strong_weights import StrongWeights

_TYPES = gguf.GGMLQuantizationType
_BLOCKS = {_TYPES.Q4_K: 144, _TYPES.Q6_K: 210}  # bytes
_BLOCK = 256  # values
_ALIGNMENT = 32


@dataclass(frozen=True)
class Real:
    """A model: how its decoder is written, with so many tokens, and its projector."""

    vocabulary: int
    decoder: Callable[[Path, Sequence[str]], Path]
    projector: Callable[[Path], Path]
    specials: tuple[str, ...]

    def write(self, folder: Path, vocabulary: int | None = None) -> tuple[Path, Path]:
        """Write both headers; `vocabulary`: another number of tokens, at least those of a random model."""
        with _holes():
            few = len(self.specials) + _OTHER_TOKENS
            more = tuple(f"<more {number}>" for number in range((vocabulary or self.vocabulary) - few))
            model = self.decoder(folder / "model.gguf", (*self.specials, *more))
            return model, self.projector(folder / "mmproj.gguf")


_OTHER_TOKENS = 256 + 4  # bytes and merges
FEWEST = 1024  # tokens that any of them can have


class _Hollow(gguf.GGUFWriter):
    """Writes headers; instead of weights there is a hole."""

    def add_tensor(self, name: str, tensor: npt.NDArray[Any], *_others: object) -> None:
        shape, kind = tensor.shape, self._kind(name, tensor.shape)
        numbers: np.dtype[Any] = np.dtype(np.float16 if kind is _TYPES.F16 else np.float32)
        raw = None
        if kind in _BLOCKS:
            shape, numbers, raw = (*shape[:-1], shape[-1] // _BLOCK * _BLOCKS[kind]), np.dtype(np.uint8), kind
        self.add_tensor_info(name, shape, numbers, prod(shape) * numbers.itemsize, raw_dtype=raw)

    def _kind(self, name: str, shape: tuple[int, ...]) -> gguf.GGMLQuantizationType:
        if self.arch == "clip":
            return _TYPES.F16 if len(shape) > 1 and "position_embd" not in name else _TYPES.F32
        if len(shape) < 2 or shape[-1] % _BLOCK:
            return _TYPES.F32
        block, _, matrix = name.removeprefix("blk.").partition(".")
        finer = matrix.startswith(("attn_v.", "ffn_down.")) and takes_q6_k(int(block), _LAYERS)
        return _TYPES.Q6_K if finer or name == "token_embd.weight" else _TYPES.Q4_K

    def write_tensors_to_file(self, *, progress: bool = False) -> None:
        self.write_ti_data_to_file()
        sizes = [-(-one.nbytes // _ALIGNMENT) * _ALIGNMENT for tensors in self.tensors for one in tensors.values()]
        self.close()
        path = Path(str(self.path))
        start = -(-path.stat().st_size // _ALIGNMENT) * _ALIGNMENT
        with path.open("r+b") as file:
            file.truncate(start + sum(sizes))


_LAYERS = 28  # of a usual one of these decoders


@contextmanager
def _holes() -> Iterator[None]:
    def values(_weights: object, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        return np.broadcast_to(np.float32(0), shape)  # which takes no memory

    with patch.object(gguf, "GGUFWriter", _Hollow), patch.object(StrongWeights, "values", values):
        yield


def _with(module: Any, write: Callable[[Path], Path], **constants: object) -> Callable[[Path], Path]:
    """Return a writer of a projector with other constants in its module."""

    def write_with(path: Path) -> Path:
        with ExitStack() as stack:
            for name, value in constants.items():
                stack.enter_context(patch.object(module, name, value))
            return write(path)

    return write_with


_QWEN_TOWER = Tower(width=1024, layers=24, heads=16, feed_forward=4096, side=768, patch=16)
_SO400M = Tower(width=1152, layers=27, heads=16, feed_forward=4304, side=256, patch=16)
_QWEN3_VL_2B = qwen3_vl.Sizes(2048, 28, 16, 8, 128, (24, 20, 20), 6144, 3, 262144)
_QWEN35_2B = qwen35.Sizes(2048, 24, 8, 2, 256, (11, 11, 10), 6144, 128, 16, 16, 4, 262144)
_LFM2_1B = lfm2.Sizes(2048, 32, (0, 0, 8, 0, 0, 8, 0, 0, 8, 0, 8, 0, 8, 0, 8, 0), 8192, context=128000)
_GEMMA4_E2B = gemma4.Sizes(
    width=1536,
    windows=(True, True, True, True, False) * 7,
    shared=20,
    heads=8,
    kv_heads=1,
    head=256,
    wide_head=512,
    feed_forward=6144,
    layer_embedding=256,
    window=512,
    context=131072,
)
_GEMMA4_TOWER = Tower(width=768, layers=16, heads=12, feed_forward=3072, side=224, patch=16)

REAL = {
    "qwen3-vl-2b": Real(
        151936,
        lambda path, words: qwen3_vl.write_qwen3_vl(path, _QWEN3_VL_2B, words),
        lambda path: qwen3_vl.write_eyes(path, qwen3_vl.Eyes(_QWEN_TOWER, (5, 11, 17), 2048)),
        qwen35.SPECIALS,
    ),
    "qwen3.5-2b": Real(
        248320,
        lambda path, words: qwen35.write_qwen35(path, _QWEN35_2B, words),
        lambda path: qwen3_vl.write_eyes(path, qwen3_vl.Eyes(_QWEN_TOWER, (), 2048)),
        qwen35.SPECIALS,
    ),
    "lfm2.5-vl-1.6b": Real(
        65536,
        lambda path, words: lfm2.write_lfm2(path, _LFM2_1B, words),
        _with(lfm2_vl, lfm2_vl.write_eyes, TOWER=_SO400M, OUTPUT=2048, MIDDLE=2560),
        lfm2.SPECIALS,
    ),
    "gemma-4-e2b": Real(
        262144,
        lambda path, words: gemma4.write_gemma4(path, _GEMMA4_E2B, words),
        lambda path: gemma4.write_eyes(path, gemma4.Eyes(_GEMMA4_TOWER, 1536, clipped=True)),
        gemma4.SPECIALS,
    ),
    "minicpm-v-4.6": Real(
        248320,
        lambda path, words: qwen35.write_qwen35(path, replace(_QWEN35_2B, width=1024, feed_forward=3584), words),
        _with(minicpm_v46, minicpm_v46.write_eyes, TOWER=replace(_SO400M, side=448, patch=14), OUTPUT=1024),
        minicpm_v46.SPECIALS,
    ),
}
