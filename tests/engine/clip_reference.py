"""CLIP and LLaVA's projector in a few lines of numpy, to compare llama.cpp with.

Written after transformers' CLIPVisionModel and LlavaForConditionalGeneration: the class token
comes first, and the output of the last block in the file is used, without the class token.
"""

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def image_features(projector: Path, rgb: bytes) -> Array:
    """Return the image tokens (n x width) of a square picture."""
    reader = gguf.GGUFReader(str(projector))
    weights = {tensor.name: np.asarray(tensor.data, np.float64) for tensor in reader.tensors}

    def number(key: str) -> Any:
        return reader.fields[f"clip.vision.{key}"].contents()

    side, patch, heads = number("image_size"), number("patch_size"), number("attention.head_count")
    pixels = np.frombuffer(rgb, np.uint8).reshape(side, side, 3) / 255
    pixels = (pixels - np.array(number("image_mean"))) / np.array(number("image_std"))
    across = side // patch
    patches = pixels.reshape(across, patch, across, patch, 3).transpose(0, 2, 4, 1, 3).reshape(across * across, -1)
    x = patches @ weights["v.patch_embd.weight"].reshape(-1, patches.shape[1]).T
    has_class = "v.class_embd" in weights
    if has_class:
        x = np.vstack([weights["v.class_embd"], x])
    x = _norm(x + weights["v.position_embd.weight"], weights, "v.pre_ln")
    for index in range(number("block_count")):
        block = f"v.blk.{index}."
        x = x + _attention(_norm(x, weights, block + "ln1"), weights, block, heads)
        inner = _layer(_norm(x, weights, block + "ln2"), weights, block + "ffn_up")
        x = x + _layer(inner / (1 + np.exp(-1.702 * inner)), weights, block + "ffn_down")
    x = x[1:] if has_class else x
    hidden = _layer(x, weights, "mm.0")
    if "mm.2.weight" not in weights:  # LLaVA-1.0
        return hidden
    hidden = 0.5 * hidden * (1 + np.tanh(np.sqrt(2 / np.pi) * (hidden + 0.044715 * hidden**3)))
    return _layer(hidden, weights, "mm.2")


def mean_cosine(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> float:
    """Return the mean cosine between the rows of two matrices."""
    products = (first * second).sum(1)
    return float(np.mean(products / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)))


def _layer(x: Array, weights: dict[str, Array], name: str) -> Array:
    result: Array = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return result


def _norm(x: Array, weights: dict[str, Array], name: str) -> Array:
    centred = x - x.mean(1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
    result: Array = scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
    return result


def _attention(x: Array, weights: dict[str, Array], block: str, heads: int) -> Array:
    def split(name: str) -> Array:
        return _layer(x, weights, block + name).reshape(len(x), heads, -1).transpose(1, 0, 2)

    query, key, value = split("attn_q"), split("attn_k"), split("attn_v")
    scores = query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[2])
    scores = np.exp(scores - scores.max(2, keepdims=True))
    mixed = (scores / scores.sum(2, keepdims=True)) @ value
    return _layer(mixed.transpose(1, 0, 2).reshape(len(x), -1), weights, block + "attn_out")
