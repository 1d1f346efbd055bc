"""Makes GGUF files of Qwen3-VL's and Qwen3.5's shapes and random numbers, as `real_shapes.py` does of LLaVA's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt
from gguf_writing import Tower, add_decoder_shape, add_sentencepiece, add_vision_shape, new_gguf, takes_q6_k

from bench.random_blocks import Q4_K, Q6_K, Matrix, write_weights
from bench.vocabulary import vocabulary
from desktop_app.engine.weights.random_blocks import SPREAD

_SPECIALS = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"),
    *("<think>", "</think>"),
)
_EVERY = 4  # of Qwen3.5's layers has attention, the others keep a recurrent state
_INPUTS = 4  # that these convolve
_MERGED = 2  # patches along an edge that become one token
_HALF = (0.5, 0.5, 0.5)

Vector = tuple[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Qwen:
    """The shapes of a pair."""

    name: str
    width: int
    layers: int
    heads: int
    kv_heads: int
    head: int
    sections: tuple[int, int, int]  # of M-RoPE
    feed_forward: int
    vocabulary: int
    tower: Tower
    context: int = 4096
    taps: tuple[int, ...] = ()  # layers of the tower that are tapped: Qwen3-VL
    state_heads: int = 0  # of the recurrent layers: Qwen3.5
    state: int = 128  # side of the state of such a head

    def matrices(self) -> Iterator[Matrix]:
        """Yield the quantised matrices, as the recipe Q4_K_M chooses their types; the head is the embeddings."""
        yield Matrix("token_embd.weight", self.vocabulary, self.width, Q6_K)
        inner, queries = self.state_heads * self.state, self.heads * self.head
        for index in range(self.layers):
            block = f"blk.{index}."
            finer = Q6_K if takes_q6_k(index, self.layers) else Q4_K
            if self._keeps_state(index):
                yield Matrix(f"{block}attn_qkv.weight", 3 * inner, self.width, Q4_K)
                yield Matrix(f"{block}attn_gate.weight", inner, self.width, Q4_K)
                yield Matrix(f"{block}ssm_alpha.weight", self.state_heads, self.width, Q4_K)
                yield Matrix(f"{block}ssm_beta.weight", self.state_heads, self.width, Q4_K)
                yield Matrix(f"{block}ssm_out.weight", self.width, inner, Q4_K)
            else:
                gated = 2 if self.state_heads else 1
                yield Matrix(f"{block}attn_q.weight", gated * queries, self.width, Q4_K)
                yield Matrix(f"{block}attn_k.weight", self.kv_heads * self.head, self.width, Q4_K)
                yield Matrix(f"{block}attn_v.weight", self.kv_heads * self.head, self.width, finer)
                yield Matrix(f"{block}attn_output.weight", self.width, queries, Q4_K)
            yield Matrix(f"{block}ffn_gate.weight", self.feed_forward, self.width, Q4_K)
            yield Matrix(f"{block}ffn_up.weight", self.feed_forward, self.width, Q4_K)
            yield Matrix(f"{block}ffn_down.weight", self.width, self.feed_forward, finer)

    def vectors(self) -> Iterator[Vector]:
        """Yield what is not quantised."""
        random = np.random.default_rng(3)
        yield "output_norm.weight", np.ones(self.width, np.float32)
        for index in range(self.layers):
            block = f"blk.{index}."
            second = "post_attention_norm" if self.state_heads else "ffn_norm"
            for name in ("attn_norm", second):
                yield f"{block}{name}.weight", np.ones(self.width, np.float32)
            if self._keeps_state(index):
                channels = 3 * self.state_heads * self.state
                yield f"{block}ssm_a", -np.exp(random.uniform(-4, 1, self.state_heads)).astype(np.float32)
                yield f"{block}ssm_dt.bias", np.zeros(self.state_heads, np.float32)
                yield f"{block}ssm_conv1d.weight", random.standard_normal((channels, _INPUTS), np.float32)
                yield f"{block}ssm_norm.weight", np.ones(self.state, np.float32)
            else:
                for name in ("attn_q_norm", "attn_k_norm"):
                    yield f"{block}{name}.weight", np.ones(self.head, np.float32)

    def write_language_model(self, path: Path) -> None:
        """Write a decoder of random blocks."""
        with closing(gguf.GGUFWriter(str(path), "qwen35" if self.state_heads else "qwen3vl")) as writer:
            self._add_keys(writer)
            write_weights(writer, list(self.matrices()), list(self.vectors()), head="token_embd.weight")

    def _add_keys(self, writer: Any) -> None:
        writer.add_name(f"Random numbers, {self.name}")
        add_decoder_shape(
            writer,
            context=self.context,
            width=self.width,
            layers=self.layers,
            feed_forward=self.feed_forward,
            heads=self.heads,
            kv_heads=self.kv_heads,
            eps=1e-6,
        )
        writer.add_key_length(self.head)
        writer.add_value_length(self.head)
        writer.add_rope_dimension_sections([*self.sections, 0])
        writer.add_rope_freq_base(1e7)
        if self.state_heads:
            writer.add_rope_dimension_count(2 * sum(self.sections))
            writer.add_ssm_conv_kernel(_INPUTS)
            writer.add_ssm_state_size(self.state)
            writer.add_ssm_group_count(self.state_heads)
            writer.add_ssm_time_step_rank(self.state_heads)
            writer.add_ssm_inner_size(self.state_heads * self.state)
            writer.add_array("qwen35.attention.recurrent_layers", list(map(self._keeps_state, range(self.layers))))
            writer.add_uint32("qwen35.full_attention_interval", _EVERY)
        else:
            writer.add_num_deepstack_layers(len(self.taps))
        writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_K_M)
        writer.add_quantization_version(2)
        pieces, scores, kinds = vocabulary(self.vocabulary)
        pieces[-len(_SPECIALS) :] = [special.encode() for special in _SPECIALS]
        kinds[-len(_SPECIALS) :] = [int(gguf.TokenType.CONTROL)] * len(_SPECIALS)
        add_sentencepiece(writer, (pieces, scores, kinds), add_bos=False, eos=pieces.index(b"<|im_end|>"))

    def write_projector(self, path: Path) -> None:
        """Write eyes, f16."""
        random = np.random.default_rng(4)
        tower = self.tower
        width, merged = tower.width, _MERGED**2 * tower.width
        with new_gguf(path, "clip") as writer:
            writer.add_name(f"Random numbers, {self.name}")
            writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
            writer.add_bool("clip.has_vision_encoder", True)
            writer.add_string("clip.projector_type", "qwen3vl_merger")
            writer.add_bool("clip.use_gelu", True)
            writer.add_uint32("clip.vision.spatial_merge_size", _MERGED)
            writer.add_array("clip.vision.is_deepstack_layers", [layer in self.taps for layer in range(tower.layers)])
            add_vision_shape(writer, tower, projection=self.width, eps=1e-6, mean=_HALF, std=_HALF)

            def matrix(name: str, *shape: int, kind: type[np.floating[Any]] = np.float16) -> None:
                writer.add_tensor(name, (random.standard_normal(shape, np.float32) * SPREAD).astype(kind))

            def linear(name: str, rows: int, columns: int) -> None:
                matrix(f"{name}.weight", rows, columns)
                writer.add_tensor(f"{name}.bias", np.zeros(rows, np.float32))

            def norm(name: str, length: int) -> None:
                writer.add_tensor(f"{name}.weight", np.ones(length, np.float32))
                writer.add_tensor(f"{name}.bias", np.zeros(length, np.float32))

            for frame in ("weight", "weight.1"):
                matrix(f"v.patch_embd.{frame}", width, 3, tower.patch, tower.patch)
            writer.add_tensor("v.patch_embd.bias", np.zeros(width, np.float32))
            matrix("v.position_embd.weight", (tower.side // tower.patch) ** 2, width, kind=np.float32)
            for index in range(tower.layers):
                block = f"v.blk.{index}."
                norm(f"{block}ln1", width)
                norm(f"{block}ln2", width)
                linear(f"{block}attn_qkv", 3 * width, width)
                linear(f"{block}attn_out", width, width)
                linear(f"{block}ffn_up", tower.feed_forward, width)
                linear(f"{block}ffn_down", width, tower.feed_forward)
                if index in self.taps:
                    norm(f"v.deepstack.{index}.norm", merged)
                    linear(f"v.deepstack.{index}.fc1", merged, merged)
                    linear(f"v.deepstack.{index}.fc2", self.width, merged)
            norm("v.post_ln", width)
            linear("mm.0", merged, merged)
            linear("mm.2", self.width, merged)

    def _keeps_state(self, layer: int) -> bool:
        return bool(self.state_heads) and layer % _EVERY != _EVERY - 1


_REAL_TOWER = Tower(width=1024, layers=24, heads=16, feed_forward=4096, side=768, patch=16)
_SMALL_TOWER = Tower(width=512, layers=8, heads=8, feed_forward=2048, side=768, patch=16)
_TINY_TOWER = Tower(width=64, layers=2, heads=2, feed_forward=128, side=96, patch=16)

#: Model -> scale -> shapes.
QWENS = {
    "qwen3-vl-2b": {
        "real": Qwen("qwen3-vl-2b", 2048, 28, 16, 8, 128, (24, 20, 20), 6144, 151936, _REAL_TOWER, taps=(5, 11, 17)),
        "small": Qwen("qwen3-vl-small", 1024, 8, 8, 4, 128, (24, 20, 20), 3072, 32000, _SMALL_TOWER, taps=(1, 3, 5)),
        "tiny": Qwen("qwen3-vl-tiny", 256, 2, 4, 2, 64, (12, 10, 10), 512, 20480, _TINY_TOWER, 1024, taps=(0,)),
    },
    "qwen3.5-2b": {
        "real": Qwen("qwen3.5-2b", 2048, 24, 8, 2, 256, (11, 11, 10), 6144, 248320, _REAL_TOWER, state_heads=16),
        "small": Qwen("qwen3.5-small", 1024, 8, 4, 1, 256, (11, 11, 10), 3072, 32000, _SMALL_TOWER, state_heads=8),
        "tiny": Qwen(
            *("qwen3.5-tiny", 256, 4, 4, 2, 64, (3, 3, 2), 512, 20480, _TINY_TOWER, 1024), state_heads=2, state=128
        ),
    },
}
