"""MiniCPM-V 2.6 as its authors published it, for `divided.py`: transformers does not have it.

Written from the arithmetic in https://huggingface.co/openbmb/MiniCPM-V-2_6 (image_processing_minicpmv.py,
modeling_navit_siglip.py, resampler.py), with PyTorch and Pillow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import conv2d, gelu, layer_norm, linear, scaled_dot_product_attention

Weights = dict[str, torch.Tensor]
MOST_SLICES = 9
EPSILON = 1e-6


def divisible(length: float, step: int) -> int:
    """Return the closest multiple of `step`, halves to even, but never 0."""
    return max(round(length / step) * step, step)


def resized_to(width: float, height: float, side: int, patch: int, *, upscale: bool) -> tuple[int, int]:
    """Return a size of about side x side pixels; what is smaller stays, unless it is to be enlarged."""
    if upscale or width * height > side * side:
        ratio = width / height
        height = int(side / math.sqrt(ratio))
        width = int(height * ratio)
    return divisible(width, patch), divisible(height, patch)


def sliced_grid(width: int, height: int, side: int) -> tuple[int, int] | None:
    """Return columns and rows of the slices, None where there are none."""
    multiple = min(math.ceil(width * height / (side * side)), MOST_SLICES)
    if multiple <= 1:
        return None
    best, least = (1, 1), math.inf
    for count in (multiple - 1, multiple, multiple + 1):
        if count == 1 or count > MOST_SLICES:
            continue
        for columns in range(1, count + 1):
            if count % columns == 0:
                error = abs(math.log(width / height) - math.log(columns / (count // columns)))
                if error < least:
                    best, least = (columns, count // columns), error
    return best


def sizes_of_parts(width: int, height: int, side: int, patch: int) -> list[tuple[int, int]]:
    """Return the sizes of the overview, and of a slice if there are any."""
    grid = sliced_grid(width, height, side)
    overview = resized_to(width, height, side, patch, upscale=grid is None)
    if grid is None:
        return [overview]
    across, down = (divisible(edge, count) / count for edge, count in zip((width, height), grid, strict=True))
    return [overview, resized_to(across, down, side, patch, upscale=True)]


def parts_of(image: Image.Image, side: int, patch: int) -> Iterator[Image.Image]:
    """Yield the overview and the slices."""
    overview, *slices = sizes_of_parts(*image.size, side, patch)
    yield image.resize(overview, Image.Resampling.BICUBIC)
    if not slices:
        return
    columns, rows = sliced_grid(*image.size, side) or (0, 0)
    width, height = slices[0]
    refined = image.resize((width * columns, height * rows), Image.Resampling.BICUBIC)
    for top in range(0, refined.height, height):
        for left in range(0, refined.width, width):
            yield refined.crop((left, top, left + width, top + height))


def placeholder(width: int, height: int, side: int, tokens: int) -> str:
    """Return what stands in the prompt for the first picture, with "{tokens}" for the tokens of a part."""
    grid = sliced_grid(width, height, side)
    columns, rows = grid or (0, 0)
    lines = [f"<slice>{{{tokens}}}</slice>" * columns] * rows
    return f"<image_id>0</image_id><image>{{{tokens}}}</image>" + "\n".join(lines)


def places(count: int) -> torch.Tensor:
    """Return which of 70 positions the patches along an edge have. The original divides by a tensor, in 32 bits."""
    fractions = torch.arange(0, 1 - 1e-6, 1 / torch.tensor(count, dtype=torch.int32))
    return torch.bucketize(fractions, torch.arange(1 / 70, 1.0, 1 / 70), right=True)


class Eyes:
    """Tower and resampler."""

    def __init__(self, weights: Weights, layers: int, heads: int, patch: int) -> None:
        self._weights = weights
        self._layers, self._heads, self._patch = layers, heads, patch

    def rows(self, image: Image.Image) -> torch.Tensor:
        """Return the tokens of a part."""
        pixels = torch.tensor(np.asarray(image, np.float32)).permute(2, 0, 1) / 255
        patches = conv2d(
            (pixels[None] - 0.5) / 0.5, self._weight("v.patch_embd"), self._bias("v.patch_embd"), self._patch
        )
        _, _, down, across = patches.shape
        values = patches.flatten(2)[0].T + self._weight("v.position_embd")[self._places(down, across)]
        for index in range(self._layers):
            values = self._layer(values, f"v.blk.{index}.")
        return self._resampled(self._normal(values, "v.post_ln"), down, across)

    @staticmethod
    def _places(down: int, across: int) -> torch.Tensor:
        """Return which of 70 x 70 positions the patches have: as if all pictures were of the same size."""
        rows, columns = (places(count) for count in (down, across))
        return (rows[:, None] * 70 + columns).flatten()

    def _layer(self, values: torch.Tensor, block: str) -> torch.Tensor:
        normal = self._normal(values, f"{block}ln1")
        query, key, value = (self._linear(normal, f"{block}attn_{name}") for name in "qkv")
        values = values + self._linear(self._attention(query, key, value, self._heads), f"{block}attn_out")
        inner = gelu(self._linear(self._normal(values, f"{block}ln2"), f"{block}ffn_up"), approximate="tanh")
        return values + self._linear(inner, f"{block}ffn_down")

    def _resampled(self, values: torch.Tensor, down: int, across: int) -> torch.Tensor:
        query = self._normal(self._weights["resampler.query"], "resampler.ln_q")
        value = self._normal(linear(values, self._weight("resampler.kv")), "resampler.ln_kv")
        key = value + self._waves(down, across, value.shape[1])
        query, key, value = (
            self._linear(one, f"resampler.attn.{name}") for name, one in zip("qkv", (query, key, value), strict=True)
        )
        seen = self._linear(self._attention(query, key, value, value.shape[1] // 128), "resampler.attn.out")
        # The original multiplies from the other side: the file holds the matrix turned.
        return linear(self._normal(seen, "resampler.ln_post"), self._weight("resampler.proj"))

    @staticmethod
    def _waves(down: int, across: int, width: int) -> torch.Tensor:
        """Return sines and cosines of column and row: the first half of the values is the column's."""
        frequencies = 10000 ** -(torch.arange(width // 4, dtype=torch.float64) / (width / 4))
        columns, rows = torch.meshgrid(torch.arange(across), torch.arange(down), indexing="xy")
        found = []
        for places in (columns, rows):
            angles = places.reshape(-1, 1) * frequencies
            found += [angles.sin(), angles.cos()]
        return torch.cat(found, 1).float()

    @staticmethod
    def _attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int) -> torch.Tensor:
        apart = (one.reshape(len(one), heads, -1).transpose(0, 1) for one in (query, key, value))
        return scaled_dot_product_attention(*apart).transpose(0, 1).flatten(1)

    def _normal(self, values: torch.Tensor, name: str) -> torch.Tensor:
        return layer_norm(values, values.shape[-1:], self._weight(name), self._bias(name), EPSILON)

    def _linear(self, values: torch.Tensor, name: str) -> torch.Tensor:
        return linear(values, self._weight(name), self._bias(name))

    def _weight(self, name: str) -> torch.Tensor:
        return self._weights[f"{name}.weight"]

    def _bias(self, name: str) -> Any:
        return self._weights[f"{name}.bias"]
