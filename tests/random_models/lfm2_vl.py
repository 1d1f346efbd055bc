"""Random models of LFM2-VL: the decoder `lfm2`, and eyes for pictures of any shape that merge 2 x 2 patches."""

from __future__ import annotations

from pathlib import Path

from gguf_writing import Tower, new_gguf

from tests.random_models.lfm2 import write_lfm2
from tests.random_models.siglip import SiglipWeights, add_eyes

TOWER = Tower(width=64, layers=3, heads=2, feed_forward=96, side=256, patch=16)
OUTPUT = 128  # values per image token, and the width of the decoder
MERGED, MIDDLE = 2, 96


def write_pair(folder: Path) -> tuple[Path, Path]:
    """Write a decoder and eyes."""
    return write_lfm2(folder / "model.gguf"), write_eyes(folder / "mmproj.gguf")


def write_normed(folder: Path) -> tuple[Path, Path]:
    """Write the same with eyes that norm what they merge."""
    return write_lfm2(folder / "model.gguf"), write_eyes(folder / "mmproj.gguf", normed=True)


def write_eyes(path: Path, *, normed: bool = False) -> Path:
    """Write random eyes; `normed`: what is merged is normed first."""
    with new_gguf(path, "clip") as writer:
        add_eyes(writer, "lfm2", TOWER, OUTPUT, merged=MERGED)
        weights = SiglipWeights(writer, seed=6)
        weights.tower(TOWER, places=(TOWER.side // TOWER.patch) ** 2)
        if normed:
            weights.centred_norm("mm.input_norm", MERGED**2 * TOWER.width)
        weights.linear("mm.1", MIDDLE, MERGED**2 * TOWER.width)
        weights.linear("mm.2", OUTPUT, MIDDLE)
    return path
