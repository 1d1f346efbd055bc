"""How large the recurrent state of a model is, and how many copies of it are kept as checkpoints.

Some layers of a decoder (those of Qwen3.5 with a gated delta net, LFM2's convolutions) keep a state of the same size
for a conversation of any length, as 32-bit floats whatever the type of the KV cache. See `engine/llama/checkpoints.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from model_store.gguf_header import GGUFHeader

_FLOAT = 4  # bytes
_MIB = 1 << 20
_ROOM = 160 * _MIB  # for checkpoints: eight of Qwen3.5-2B's
_LEAST = 4  # checkpoints, whatever their size: after a picture, before a question, before its answer, before a batch
_MOST = 64
_CONVOLUTIONS = (".ssm_conv1d.weight", ".shortconv.conv.weight")  # names of tensors that only recurrent layers have

#: Of models whose KV cache is saved to disk as a whole: the largest that is, and how much of checkpoints beside it.
MOST_SAVED, SAVED_CHECKPOINTS = 128 * _MIB, 64 * _MIB


@dataclass(frozen=True)
class RecurrentState:
    """The recurrent state of one conversation."""

    layers: frozenset[int]  # that have one; empty: the model is not recurrent
    size: int  # bytes, in all these layers

    @classmethod
    def of(cls, header: GGUFHeader) -> RecurrentState:
        """Return what a language model keeps: the last inputs of its convolutions, and a matrix for each head."""
        names = [name for name in header.tensors if name.startswith("blk.") and name.endswith(_CONVOLUTIONS)]
        shapes = [header.tensors[name].shape for name in names]  # inputs, channels
        values = sum((shape[0] - 1) * prod(shape[1:]) for shape in shapes if shape)
        state, inner = (header.integer(f"{header.architecture}.ssm.{key}") or 0 for key in ("state_size", "inner_size"))
        layers = frozenset(int(name.split(".")[1]) for name in names if name.split(".")[1].isdecimal())
        return cls(layers, _FLOAT * (values + len(layers) * state * inner))

    @property
    def memory(self) -> int:
        """Return the bytes of the state and of all its checkpoints."""
        return self.size * (2 + most_checkpoints(self.size)) if self.layers else 0


def most_checkpoints(state_bytes: int) -> int:
    """Return how many checkpoints of so many bytes are kept, besides the one before the batch that is evaluated."""
    return max(_LEAST, min(_MOST, _ROOM // max(1, state_bytes))) - 1
