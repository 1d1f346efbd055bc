"""Strong random weights of a SigLIP tower, which LFM2-VL and MiniCPM-V 4.6 have."""

from __future__ import annotations

from typing import Any

from gguf_writing import Tower, add_vision_shape

from tests.random_models.strong_weights import StrongWeights


class SiglipWeights(StrongWeights):
    """Adds tensors of eyes to a GGUF, with biases everywhere."""

    def linear(self, name: str, rows: int, columns: int) -> None:
        """Add a matrix that makes `rows` values of `columns`, and its bias."""
        self.matrix(f"{name}.weight", rows, columns)
        self.vector(f"{name}.bias", rows)

    def centred_norm(self, name: str, length: int) -> None:
        """Add the weight and the bias of a norm."""
        self.norm(name, length)
        self.vector(f"{name}.bias", length)

    def tower(self, tower: Tower, places: int) -> None:
        """Add an image tower whose patches have so many positions."""
        width = tower.width
        self.matrix("v.patch_embd.weight", width, 3, tower.patch, tower.patch)
        self.vector("v.patch_embd.bias", width)
        self.matrix("v.position_embd.weight", places, width)
        for index in range(tower.layers):
            block = f"v.blk.{index}."
            for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
                self.linear(block + name, width, width)
            for name in ("ln1", "ln2"):
                self.centred_norm(block + name, width)
            self.linear(block + "ffn_up", tower.feed_forward, width)
            self.linear(block + "ffn_down", width, tower.feed_forward)
        self.centred_norm("v.post_ln", width)


def add_eyes(writer: Any, kind: str, tower: Tower, output: int, *, merged: int) -> None:
    """Add what the header says of eyes whose tokens are made of `merged` x `merged` patches."""
    writer.add_name("random eyes")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", kind)
    writer.add_bool("clip.use_gelu", True)
    writer.add_uint32("clip.vision.projector.scale_factor", merged)
    half = (0.5, 0.5, 0.5)
    add_vision_shape(writer, tower, projection=output, eps=1e-6, mean=half, std=half)
