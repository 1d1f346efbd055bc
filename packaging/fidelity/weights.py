"""Random weights from a seed, under the names that transformers gives them.

Nothing but numpy, and of that a generator whose numbers never change: so a test makes the same model
that was recorded. Weights of equal size would make every picture look alike and attention look everywhere
at once; these differ from row to row and from channel to channel, as trained ones do.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from fidelity.shapes import Shape, Text, Vision

Array = npt.NDArray[np.float32]
State = dict[str, Array]

TOWER = "model.vision_tower."
PROJECTOR = "model.multi_modal_projector."
LANGUAGE = "model.language_model."
_ATTENTIVE = 1.3  # how much larger queries and keys are, so that attention chooses
_STANDING_OUT = 6.0  # how much larger a few channels of the tower are, all the way through
_RARE = 0.25  # how large tokens are that are no words: then no answer is made of them


class _Numbers:
    def __init__(self, seed: int) -> None:
        self.state: State = {}
        self._seed = seed

    def normal(self, name: str, *shape: int) -> Array:
        chance = np.random.RandomState(zlib.crc32(f"{self._seed} {name}".encode()))
        return chance.standard_normal(shape).astype(np.float32)

    def matrix(self, name: str, rows: int, columns: int, gain: float = 1.0) -> None:
        rows_differ = np.exp(0.3 * self.normal(f"{name} rows", rows, 1))
        self.half(name, self.normal(name, rows, columns) * rows_differ * np.float32(gain / np.sqrt(columns)))

    def layer(self, name: str, rows: int, columns: int, gain: float = 1.0) -> None:
        self.matrix(f"{name}.weight", rows, columns, gain)
        self.state[f"{name}.bias"] = self.normal(f"{name}.bias", rows) * np.float32(0.2)

    def norm(self, name: str, width: int, bias: bool = False, loud: float = 1.0) -> None:
        weight = np.exp(0.3 * self.normal(f"{name}.weight", width))
        weight[:: max(width // 3, 1)] *= np.float32(loud)
        self.state[f"{name}.weight"] = weight
        if bias:
            self.state[f"{name}.bias"] = self.normal(f"{name}.bias", width) * np.float32(0.2)

    def half(self, name: str, values: Array) -> None:
        """Keep what a file in half precision holds: so both sides start from the same numbers."""
        self.state[name] = values.astype(np.float16).astype(np.float32)


def weights(shape: Shape, rare: npt.NDArray[np.bool_]) -> State:
    """Return the weights of the whole model, in float32 but with matrices that fit in float16.

    `rare`: for every token of the vocabulary, whether it is none that answers are made of.
    """
    numbers = _Numbers(shape.seed)
    _vision(numbers, shape.vision, shape.text.width)
    _text(numbers, shape.text, rare)
    return numbers.state


def _vision(numbers: _Numbers, vision: Vision, projected: int) -> None:
    width, inner = vision.width, vision.feed_forward
    embeddings = f"{TOWER}embeddings."
    numbers.state[f"{embeddings}class_embedding"] = numbers.normal("class", width)
    pixels = 3 * vision.patch**2
    patches = numbers.normal("patches", width, 3, vision.patch, vision.patch) * np.float32(1.5 / np.sqrt(pixels))
    numbers.half(f"{embeddings}patch_embedding.weight", patches)
    numbers.half(f"{embeddings}position_embedding.weight", numbers.normal("positions", vision.tokens + 1, width))
    numbers.norm(f"{TOWER}pre_layrnorm", width, bias=True, loud=_STANDING_OUT)
    numbers.norm(f"{TOWER}post_layernorm", width, bias=True)
    for index in range(vision.layers + 1):
        layer = f"{TOWER}encoder.layers.{index}."
        for name, gain in {"q_proj": _ATTENTIVE, "k_proj": _ATTENTIVE, "v_proj": 1.0, "out_proj": 1.0}.items():
            numbers.layer(f"{layer}self_attn.{name}", width, width, gain)
        numbers.layer(f"{layer}mlp.fc1", inner, width)
        numbers.layer(f"{layer}mlp.fc2", width, inner)
        for name in ("layer_norm1", "layer_norm2"):
            numbers.norm(layer + name, width, bias=True, loud=vision.loud / _STANDING_OUT)
    numbers.layer(f"{PROJECTOR}linear_1", projected, width)
    if not vision.linear:
        numbers.layer(f"{PROJECTOR}linear_2", projected, projected)


def _text(numbers: _Numbers, text: Text, rare: npt.NDArray[np.bool_]) -> None:
    width, inner, size = text.width, text.feed_forward, text.head_size
    weight = np.where(rare, np.float32(_RARE), np.float32(1))[:, None]
    tokens = numbers.normal("tokens", len(rare), width)
    numbers.half(f"{LANGUAGE}embed_tokens.weight", tokens * weight / np.float32(np.sqrt(width)))
    if not text.tied:
        output = numbers.normal("output", len(rare), width)
        numbers.half("lm_head.weight", output * weight / np.float32(np.sqrt(width)))
    numbers.norm(f"{LANGUAGE}norm", width)
    for index in range(text.layers):
        layer = f"{LANGUAGE}layers.{index}."
        numbers.norm(f"{layer}input_layernorm", width)
        numbers.norm(f"{layer}post_attention_layernorm", width)
        queries, keys = text.heads * size, text.kv_heads * size
        if text.original == "phi3":
            numbers.matrix(f"{layer}self_attn.qkv_proj.weight", queries + 2 * keys, width, _ATTENTIVE)
            numbers.matrix(f"{layer}mlp.gate_up_proj.weight", 2 * inner, width)
        else:
            numbers.matrix(f"{layer}self_attn.q_proj.weight", queries, width, _ATTENTIVE)
            numbers.matrix(f"{layer}self_attn.k_proj.weight", keys, width, _ATTENTIVE)
            numbers.matrix(f"{layer}self_attn.v_proj.weight", keys, width)
            numbers.matrix(f"{layer}mlp.gate_proj.weight", inner, width)
            numbers.matrix(f"{layer}mlp.up_proj.weight", inner, width)
        numbers.matrix(f"{layer}self_attn.o_proj.weight", width, queries)
        numbers.matrix(f"{layer}mlp.down_proj.weight", width, inner)
