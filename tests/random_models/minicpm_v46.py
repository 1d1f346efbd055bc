"""Random models of MiniCPM-V 4.6: the decoder `qwen35`, and eyes that merge 2 x 2 patches twice."""

from __future__ import annotations

from pathlib import Path

from gguf_writing import Tower, new_gguf

from tests.random_models import qwen35
from tests.random_models.qwen35 import write_qwen35
from tests.random_models.siglip import SiglipWeights, add_eyes

TOWER = Tower(width=32, layers=4, heads=2, feed_forward=48, side=112, patch=14)  # a part has about this side squared
OUTPUT = 128  # values per image token, and the width of the decoder
PLACES = 70  # positions along an edge, whatever the size of a part
TWICE, ONCE = 4, 2  # patches along an edge that become one token; the second in files that look closer
MERGED_BEHIND = 1  # layer
SPECIALS = (
    *qwen35.SPECIALS,
    *("<image>", "</image>", "<slice>", "</slice>", "<image_id>", "</image_id>"),
)


def write_pair(folder: Path, *, merged: int = TWICE) -> tuple[Path, Path]:
    """Write a decoder and eyes."""
    model = write_qwen35(folder / "model.gguf", specials=SPECIALS)
    return model, write_eyes(folder / "mmproj.gguf", merged=merged)


def write_closer(folder: Path) -> tuple[Path, Path]:
    """Write the same with eyes that look closer."""
    return write_pair(folder, merged=ONCE)


def write_eyes(path: Path, *, merged: int = TWICE) -> Path:
    """Write random eyes."""
    width, inner = TOWER.width, TOWER.feed_forward
    with new_gguf(path, "clip") as writer:
        add_eyes(writer, "minicpmv4_6", TOWER, OUTPUT, merged=merged)
        writer.add_array("clip.vision.wa_layer_indexes", [MERGED_BEHIND])
        weights = SiglipWeights(writer, seed=7)
        weights.tower(TOWER, places=PLACES**2)
        if merged == TWICE:
            weights.centred_norm("v.vit_merger.ln1", width)
            weights.centred_norm("v.vit_merger.ds_ln", 4 * width)
            for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
                weights.linear(f"v.vit_merger.{name}", width, width)
            weights.linear("v.vit_merger.ds_ffn_up", 4 * inner, 4 * width)
            weights.linear("v.vit_merger.ds_ffn_down", width, 4 * inner)
        weights.centred_norm("mm.input_norm", 4 * width)
        weights.linear("mm.up", 4 * width, 4 * width)
        weights.linear("mm.down", OUTPUT, 4 * width)
    return path
