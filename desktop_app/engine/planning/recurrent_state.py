"""How large the recurrent state of a model is, and how many copies of it are kept as checkpoints.

A recurrent layer keeps a state of the same size for a conversation of any length, as 32-bit floats whatever the type of
the KV cache. See `engine/llama/checkpoints.py`.
"""

from __future__ import annotations

_FLOAT = 4  # bytes
_MIB = 1 << 20
_ROOM = 160 * _MIB  # for checkpoints: eight of Qwen3.5-2B's
_LEAST = 4  # checkpoints, whatever their size: after a picture, before a question, before its answer, before a batch
_MOST = 64

#: Of models whose KV cache is saved to disk as a whole: the largest that is, and how much of checkpoints beside it.
MOST_SAVED, SAVED_CHECKPOINTS = 128 * _MIB, 64 * _MIB


def most_checkpoints(state_bytes: int) -> int:
    """Return how many checkpoints of so many bytes are kept, besides the one before the batch that is evaluated."""
    return max(_LEAST, min(_MOST, _ROOM // max(1, state_bytes))) - 1
